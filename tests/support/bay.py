"""A charging car between a charge point and a partner: where most tests of the whole river begin."""

import itertools
import secrets
import string
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any

from chargepoints.models import ChargePoint, ChargePointCommand, ChargingProfile, ChargingSession
from chargepoints.provisioning import add_charge_point, add_token
from chargepoints.simulator import Car
from ocpi.models import OutboxMessage, Party, ProfileRequest
from ocpi.provisioning import PartyUrls, add_party
from ocpi.simulator.profile_calls import ProfileCall
from ocpi.simulator.scsp import SimulatedScsp
from tests.support.charger import PATIENCE_S, Charger, LoopThread
from tests.support.processes import until
from tests.support.server import Server

CARD = "SIM-TAG"
FULL_W = 22080
_LETTERS = string.ascii_uppercase + string.digits
_party_ids = map("".join, itertools.product(string.ascii_uppercase, _LETTERS, _LETTERS))


@dataclass(frozen=True)
class Identity:
    """A charge point that exists on the server, and the secret it proves itself with."""

    name: str
    password: str = field(repr=False)
    evse_uids: tuple[str, ...]


@dataclass(frozen=True)
class Tokens:
    """`ours` is what the server calls the partner with, `theirs` what the partner calls the server with."""

    party_id: str
    theirs: str = field(repr=False)
    ours: str = field(repr=False)


def new_identity(*, evses: int = 1, **options: Any) -> Identity:
    add_token(uid=CARD)
    name, password = f"CP-{secrets.token_hex(4)}", secrets.token_hex(8)
    charge_point = add_charge_point(identity=name, password=password, evses=evses, **options)
    return Identity(name, password, tuple(evse.uid for evse in charge_point.evses.all()))


def new_tokens() -> Tokens:
    return Tokens(next(_party_ids), secrets.token_urlsafe(24), secrets.token_urlsafe(24))


def register(tokens: Tokens, base_url: str, *, evse_uids: tuple[str, ...]) -> None:
    """A SCSP at `base_url`, with the paths of the simulated one, that sees these EVSEs only."""
    ocpi = f"{base_url}/ocpi"
    urls = PartyUrls(f"{ocpi}/versions", f"{ocpi}/2.2.1/sessions", f"{ocpi}/2.2.1/chargingprofiles")
    add_party(
        country_code="NL", party_id=tokens.party_id, role="SCSP", token=tokens.theirs, outbound_token=tokens.ours,
        urls=urls, allow_insecure=True, share_evses=evse_uids,
    )  # fmt: skip


def new_scsp(cpo_url: str, identity: Identity, **options: Any) -> tuple[SimulatedScsp, Tokens]:
    """Started and registered for the EVSEs of that charge point."""
    tokens = new_tokens()
    scsp = SimulatedScsp(
        token=tokens.ours, cpo_token=tokens.theirs, cpo_url=cpo_url, party_id=tokens.party_id, **options
    )
    scsp.start()
    register(tokens, scsp.base_url, evse_uids=identity.evse_uids)
    return scsp, tokens


class Bay(AbstractContextManager["Bay"]):
    """One charge point, one partner, who calls `cpo_url`. `plug_in()` makes a session that both know.

    `version` of OCPP, and `options` of the SimulatedChargePoint.
    """

    def __init__(
        self, server: Server, loop: LoopThread, *, cpo_url: str = "", version: str = "1.6", **options: Any
    ) -> None:
        self.server = server
        self.identity = new_identity(evses=options.get("evses", 1))
        self.scsp, self.tokens = new_scsp(cpo_url or server.url, self.identity)
        self.charger = Charger(
            loop, server.ocpp_url, self.identity.name, version=version, password=self.identity.password,
            **{"unit": "AW"} | options,
        )  # fmt: skip
        self.session_id = ""

    def __exit__(self, *_: object) -> None:
        self.charger.close()
        self.scsp.stop()

    # --- the driver ---------------------------------------------------------------------------------------------------

    def plug_in(self, connector: int = 1, *, car: Car | None = None) -> "Bay":
        """On return the car charges, the partner has the session, and the charge point has told what it can."""
        self.charger.wait_booted(PATIENCE_S)
        self.charger.plug_in(connector, id_tag=CARD, car=car)
        self.charger.start(connector)
        transaction_id = until(lambda: self.charger.transaction_id(connector), timeout_s=PATIENCE_S, what="its id")
        session = ChargingSession.objects.get(
            charge_point__identity=self.identity.name, ocpp_transaction_id=str(transaction_id)
        )
        self.session_id = session.uid
        until(lambda: self.scsp.sessions.get(session.uid), timeout_s=PATIENCE_S, what="the session at the partner")
        until(lambda: self.charge_point.capabilities_at, timeout_s=PATIENCE_S, what="what the charge point can do")
        return self

    # --- the partner --------------------------------------------------------------------------------------------------

    def put(self, *limits_w: float, **options: Any) -> ProfileCall:
        """One period of half an hour for each limit."""
        periods = [(1800 * position, limit) for position, limit in enumerate(limits_w)]
        return self.scsp.put_profile(self.session_id, periods, **options)

    def delete(self, **options: Any) -> ProfileCall:
        return self.scsp.delete_profile(self.session_id, **options)

    def get(self, duration_s: int = 3600, **options: Any) -> ProfileCall:
        return self.scsp.get_active_profile(self.session_id, duration_s, **options)

    def result(self, call: ProfileCall, *, timeout_s: float = PATIENCE_S) -> dict[str, Any]:
        """The body POSTed for that request."""
        return self.scsp.wait_result(call.request_id, timeout_s)

    def results(self, call: ProfileCall) -> list[dict[str, Any]]:
        return [r.body for r in self.scsp.results if r.request_id == call.request_id]

    # --- the rows -----------------------------------------------------------------------------------------------------

    @property
    def charge_point(self) -> ChargePoint:
        return ChargePoint.objects.get(identity=self.identity.name)

    @property
    def session(self) -> ChargingSession:
        return ChargingSession.objects.get(uid=self.session_id)

    @property
    def party(self) -> Party:
        return Party.objects.get(country_code="NL", party_id=self.tokens.party_id)

    @property
    def profile(self) -> ChargingProfile:
        return ChargingProfile.objects.get(session__uid=self.session_id)

    def request(self, call: ProfileCall) -> ProfileRequest:
        return ProfileRequest.objects.select_related("command", "message").get(request_id=call.request_id)

    def messages(self, kind: str) -> list[OutboxMessage]:
        return list(OutboxMessage.objects.filter(party=self.party, kind=kind).order_by("id"))

    def commands(self, action: str) -> list[ChargePointCommand]:
        rows = ChargePointCommand.objects.filter(charge_point__identity=self.identity.name, action=action)
        return list(rows.order_by("id"))


MakeBay = Callable[..., Bay]
