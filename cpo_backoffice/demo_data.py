"""Something to look at in a fresh database: an administrator, charge points in Utrecht, a driver and an SCSP."""

import os
import secrets
from dataclasses import dataclass, field
from decimal import Decimal

from django.contrib.auth import get_user_model
from django.db import transaction

from chargepoints.models import ChargePoint, DriverToken, Location
from chargepoints.provisioning import add_charge_point, add_token
from ocpi.models import Party
from ocpi.provisioning import PartyUrls, add_party

ADMIN = "admin"
CHARGE_POINTS = {"DEMO-16": "1.6", "DEMO-201": "2.0.1"}
"""Identities, and the version of OCPP that each speaks."""
DRIVER_CARD = "DEMO-CARD"
SCSP = ("NL", "JED")
LOCATION = "Demo Utrecht"


@dataclass(frozen=True, slots=True)
class DemoChargePoint:
    row: ChargePoint
    password: str | None = field(repr=False)


@dataclass(frozen=True, slots=True)
class DemoData:
    """Secrets are None where they were left as they are: stored as hashes, they cannot be shown again."""

    charge_points: tuple[DemoChargePoint, ...]
    driver_token: DriverToken
    party: Party
    admin_password: str | None = field(repr=False)
    cpo_token: str | None = field(repr=False)
    scsp_token: str | None = field(repr=False)


@transaction.atomic
def seed(
    *,
    scsp_base_url: str,
    scsp_token: str | None = None,
    cpo_token: str | None = None,
    charge_point_password: str | None = None,
) -> DemoData:
    """Adds what is missing and sets what is given; a secret that is not given is generated once.

    `scsp_token` is what we send to the SCSP, `cpo_token` what it sends to us. Raises ValidationError on bad input.
    """
    _location()
    provisioned = add_party(
        country_code=SCSP[0], party_id=SCSP[1], role=Party.Role.SCSP, name="Simulated SCSP", token=cpo_token,
        urls=_urls(scsp_base_url), outbound_token=scsp_token, allow_insecure=True, update=True,
    )  # fmt: skip
    return DemoData(
        charge_points=tuple(_charge_point(identity, charge_point_password) for identity in CHARGE_POINTS),
        driver_token=add_token(uid=DRIVER_CARD, status=DriverToken.Status.ACCEPTED),
        party=provisioned.party,
        admin_password=ensure_admin(),
        cpo_token=provisioned.token,
        scsp_token=provisioned.outbound_token,
    )


def ensure_admin() -> str | None:
    """The password of the administrator if it was set now or is DEMO_ADMIN_PASSWORD; None: it is as it was."""
    wanted = os.environ.get("DEMO_ADMIN_PASSWORD") or None
    users = get_user_model().objects
    admin = users.filter(username=ADMIN).first()
    if admin is None:
        password = wanted or secrets.token_urlsafe(12)
        users.create_superuser(ADMIN, email="", password=password)
        return password
    if wanted and not admin.check_password(wanted):
        admin.set_password(wanted)
        admin.save(update_fields=["password"])
    return wanted


def _location() -> None:
    Location.objects.get_or_create(
        name=LOCATION,
        defaults={
            "address": "Jaarbeursplein 6",
            "postal_code": "3521 AL",
            "city": "Utrecht",
            "country": "NLD",
            "latitude": Decimal("52.0865000"),
            "longitude": Decimal("5.1064000"),
        },
    )


def _charge_point(identity: str, password: str | None) -> DemoChargePoint:
    password = password or _first_password(identity)
    row = add_charge_point(identity=identity, password=password, location=LOCATION, update=True)
    return DemoChargePoint(row, password)


def _first_password(identity: str) -> str | None:
    """16 bytes as 32 digits: within the 40 that a 1.6 charge point stores (OCPP 1.6 security, AuthorizationKey)."""
    known = ChargePoint.objects.filter(identity=identity).exclude(password_hash="").exists()
    return None if known else secrets.token_hex(16)


def _urls(base_url: str) -> PartyUrls:
    """The paths of `ocpi.simulator`."""
    ocpi = f"{base_url.rstrip('/')}/ocpi"
    return PartyUrls(
        versions=f"{ocpi}/versions",
        sessions=f"{ocpi}/2.2.1/sessions",
        chargingprofiles=f"{ocpi}/2.2.1/chargingprofiles",
    )
