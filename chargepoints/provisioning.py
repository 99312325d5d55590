"""Setting up charge points and drivers' tokens: one way for commands, demo data and tests.

Bad input raises ValidationError and writes nothing. Only the columns that change are written, so that all of this works
beside a running server.
"""

import re
from dataclasses import asdict, dataclass
from decimal import Decimal
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone

from chargepoints import sites
from chargepoints.authentication import hash_password
from chargepoints.models import ChargePoint, Connector, DriverToken, Evse, Location

DEFAULT_LOCATION = "Default"
DEFAULT_PHASES = 3
DEFAULT_MAX_AMPS = Decimal(32)
RATE_UNITS = ("A", "W", "AW")
MAX_EVSES = 100
_IDENTITY = re.compile(r"[A-Za-z0-9*\-_=:+|@.]{1,48}")
_TOKEN_UID = re.compile(r"[!-~]{1,36}")
_PARTY = re.compile(r"[A-Z]{2}\*[A-Z0-9]{3}")


@dataclass(frozen=True, slots=True)
class Place:
    """What partners must be told of a Location; None: as it is."""

    address: str | None = None
    city: str | None = None
    postal_code: str | None = None
    country: str | None = None
    latitude: Decimal | None = None
    longitude: Decimal | None = None


@transaction.atomic
def add_charge_point(
    *,
    identity: str,
    password: str | None = None,
    evses: int | None = None,
    phases: int | None = None,
    max_amps: Decimal | None = None,
    unit: str | None = None,
    location: str | None = None,
    place: Place | None = None,
    update: bool = False,
) -> ChargePoint:
    """A charge point with its EVSEs, one connector each; if not said: 1 EVSE, 3 phases, 32 A per phase.

    `unit` (A, W or AW) is what the operator knows beforehand; what the charge point says at boot replaces it.
    `update` changes an existing one: only what is given, and EVSEs are added, never removed.
    """
    refuse_bad_identity(identity)
    _refuse_bad_password(identity, password)
    _refuse_bad_hardware(evses=evses, phases=phases, max_amps=max_amps, unit=unit)
    if_new: dict[str, Any] = {"location": lambda: _location(location)}
    charge_point, created = ChargePoint.objects.get_or_create(identity=identity, defaults=if_new)
    if not created and not update:
        raise ValidationError(f"charge point {identity} exists already; --update changes it")
    before = charge_point.location_id
    _change(charge_point, password=password, unit=unit, location=location)
    _equip(charge_point, evses=evses, phases=phases, max_amps=max_amps)
    described = _describe(charge_point.location, place or Place())
    if described or phases or max_amps or before != charge_point.location_id:
        places = {before, charge_point.location_id}
        sites.described_anew(places, evses=charge_point.evses.all(), now=timezone.now())
    return charge_point


def _describe(location: Location, place: Place) -> bool:
    """Whether anything is different now."""
    given = {name: value for name, value in asdict(place).items() if value is not None}
    changed = [name for name, value in given.items() if getattr(location, name) != value]
    for name in changed:
        setattr(location, name, given[name])
    if changed:
        location.clean_fields(exclude={field.name for field in Location._meta.fields} - set(changed))
        location.clean()
        location.save(update_fields=changed)
    return bool(changed)


def refuse_bad_identity(identity: str) -> None:
    """The characters of OCPP 2.0.1 identifierString, at most 48 of them; `.` and `..` would vanish from a URL."""
    if not _IDENTITY.fullmatch(identity) or identity in {".", ".."}:
        raise ValidationError(f"{identity!r} is no identity: 1 to 48 of A-Z a-z 0-9 * - _ = : + | @ . are allowed")


def _refuse_bad_password(identity: str, password: str | None) -> None:
    if password is None:
        return
    if not password or not password.isprintable():
        raise ValidationError("the password is empty or has control characters")
    if ":" in identity:
        raise ValidationError(
            f"{identity} cannot have a password: HTTP Basic ends the identity at its first colon (RFC 7617)"
        )


def _refuse_bad_hardware(*, evses: int | None, phases: int | None, max_amps: Decimal | None, unit: str | None) -> None:
    if evses is not None and not 1 <= evses <= MAX_EVSES:
        raise ValidationError(f"a charge point has 1 to {MAX_EVSES} EVSEs, not {evses}")
    if phases is not None and not 1 <= phases <= 3:
        raise ValidationError(f"an EVSE has 1 to 3 phases, not {phases}")
    if max_amps is not None and not _is_current(max_amps):
        raise ValidationError(f"a maximum current is above 0 A with at most one decimal, not {max_amps}")
    if unit is not None and unit not in RATE_UNITS:
        raise ValidationError(f"a rate unit is one of {', '.join(RATE_UNITS)}, not {unit!r}")


def _is_current(amps: Decimal) -> bool:
    return amps.is_finite() and 0 < amps < 100_000 and amps == round(amps, 1)


def _location(name: str | None) -> Location:
    name = DEFAULT_LOCATION if name is None else name.strip()
    if not 1 <= len(name) <= 255:
        raise ValidationError("the name of a location has 1 to 255 characters")
    return Location.objects.filter(name=name).order_by("pk").first() or Location.objects.create(name=name)


def _change(charge_point: ChargePoint, *, password: str | None, unit: str | None, location: str | None) -> None:
    changes: dict[str, Any] = {}
    if password is not None:
        changes["password_hash"] = hash_password(password)
    if unit is not None:
        changes |= {"rate_units": unit, "smart_charging": True}
    if location is not None:
        changes["location"] = _location(location)
    for name, value in changes.items():
        setattr(charge_point, name, value)
    charge_point.save(update_fields=list(changes))


def _equip(charge_point: ChargePoint, *, evses: int | None, phases: int | None, max_amps: Decimal | None) -> None:
    existing = list(charge_point.evses.all())
    wanted = evses or (0 if existing else 1)
    if evses and any(evse.ocpp_evse_id > evses for evse in existing):
        raise ValidationError(f"{charge_point} has more than {evses} EVSEs, and none are removed here")
    for evse in existing:
        _rate(evse, phases=phases, max_amps=max_amps)
    for number in sorted(set(range(1, wanted + 1)) - {evse.ocpp_evse_id for evse in existing}):
        evse = Evse.objects.create(
            charge_point=charge_point,
            ocpp_evse_id=number,
            phases=phases or DEFAULT_PHASES,
            max_current_a=max_amps or DEFAULT_MAX_AMPS,
        )
        Connector.objects.create(evse=evse)


def _rate(evse: Evse, *, phases: int | None, max_amps: Decimal | None) -> None:
    if phases is None and max_amps is None:
        return
    evse.phases = phases or evse.phases
    evse.max_current_a = max_amps or evse.max_current_a
    evse.save(update_fields=["phases", "max_current_a", "updated_at"])


@transaction.atomic
def add_token(
    *,
    uid: str,
    status: str | None = None,
    contract_id: str | None = None,
    type: str | None = None,
    issuer: tuple[str, str] | None = None,
) -> DriverToken:
    """A driver's token, or the existing one changed where something is given: nobody is unblocked by omission.

    `issuer`: country code and party id; two empty ones are ourselves. Token ids ignore case (OCPP 1.6 section 7.28,
    IdToken is a CiString20Type).
    """
    _refuse_bad_token(uid=uid, status=status, contract_id=contract_id)
    _refuse_bad_kind(type=type, issuer=issuer)
    token = DriverToken.objects.filter(uid__iexact=uid).order_by("pk").first() or DriverToken(uid=uid)
    country_code, party_id = issuer or (None, None)
    given = {
        "status": status, "contract_id": contract_id, "type": type, "country_code": country_code, "party_id": party_id,
    }  # fmt: skip
    for name, value in given.items():
        if value is not None:
            setattr(token, name, value)
    token.save()
    return token


def _refuse_bad_kind(*, type: str | None, issuer: tuple[str, str] | None) -> None:
    if type is not None and type not in DriverToken.Type.values:
        raise ValidationError(f"a token is of type {', '.join(DriverToken.Type.values)}, not {type!r}")
    if issuer and any(issuer) and not _PARTY.fullmatch("*".join(issuer)):
        raise ValidationError(f"{'*'.join(issuer)!r} is no party: its country and id, such as NL*ABC")


def _refuse_bad_token(*, uid: str, status: str | None, contract_id: str | None) -> None:
    if not _TOKEN_UID.fullmatch(uid):
        raise ValidationError(f"{uid!r} is no token: 1 to 36 printable ASCII characters without blanks")
    if status is not None and status not in DriverToken.Status.values:
        raise ValidationError(f"a token is {', '.join(DriverToken.Status.values)}, not {status!r}")
    if contract_id and not _TOKEN_UID.fullmatch(contract_id):
        raise ValidationError(
            f"{contract_id!r} is no contract id: at most 36 printable ASCII characters without blanks"
        )
