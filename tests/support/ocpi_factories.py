"""Parties, sessions and a partner's far end for the tests of `ocpi`."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from django.test import Client
from django.utils import timezone

from chargepoints import commands
from chargepoints.models import ChargePointCommand, ChargingProfile, ChargingSession, Evse
from chargepoints.values import ChargingSchedule, CommandOutcome, OutcomeStatus, RateUnit, SchedulePeriod
from ocpi import profile_requests
from ocpi.client import OutboundRequest, OutboundResponse
from ocpi.models import Credentials, OutboxMessage, PartnerEndpoint, Party, ProfileRequest
from ocpi.profile_requests import Kind, Wish
from ocpi.provisioning import add_party
from tests.support import conformance, openapi
from tests.support import factories as rows

START = datetime(2026, 1, 5, 12, 0, tzinfo=UTC)
CONNECTION = "connection-1"


# --- rows -----------------------------------------------------------------------------------------------------------


def party(party_id: str = "JED", *, endpoints: bool = True, **changes: Any) -> Party:
    """A registered SCSP at https://<party_id>.example; `token_of` is what it calls us with."""
    host = f"https://{party_id.lower()}.example/ocpi"
    added = Party.objects.create(**({"country_code": "NL", "party_id": party_id, "role": "SCSP"} | changes))
    credentials = Credentials(party=added, versions_url=f"{host}/versions", outbound_token=f"outbound-{party_id}")
    credentials.set_inbound(f"inbound-{party_id}", Credentials.Inbound.TOKEN_C)
    credentials.save()
    if endpoints:
        urls = [("sessions", "RECEIVER", f"{host}/sessions"), ("chargingprofiles", "SENDER", f"{host}/profiles")]
        PartnerEndpoint.objects.bulk_create(
            PartnerEndpoint(party=added, identifier=identifier, role=role, url=url) for identifier, role, url in urls
        )
    return Party.objects.get(pk=added.pk)  # as it is read, with nothing at hand


def unregistered(party_id: str = "NEW", *, role: str = "SCSP", **changes: Any) -> Party:
    """A party that holds CREDENTIALS_TOKEN_A and has not called yet."""
    added = add_party(country_code="NL", party_id=party_id, role=role, token_a=f"first-{party_id}").party
    Party.objects.filter(pk=added.pk).update(**changes)
    added.refresh_from_db()
    return added


def session(identity: str = "CP1", *, online: bool = True, evse: Evse | None = None, **fields: Any) -> ChargingSession:
    """An ACTIVE session on a three-phase 32 A charge point that takes W and A."""
    if evse is None:
        presence = {"connection_id": CONNECTION, "channel_name": "process-1"} if online else {}
        evse = rows.evse(rows.charge_point(identity=identity, online=False, **presence))
    defaults: dict[str, Any] = {
        "state": ChargingSession.State.ACTIVE, "ocpp_transaction_id": "4711", "id_token": "CARD1",
        "contract_id": "NL-ABC-C1", "started_at": START, "last_updated": START, "connector": evse.connectors.get(),
    }  # fmt: skip
    created = ChargingSession.objects.create(charge_point=evse.charge_point, evse=evse, **{**defaults, **fields})
    return ChargingSession.objects.select_related("evse", "charge_point").get(pk=created.pk)


def share_only(*, of: Party, evses: list[Evse]) -> None:
    Party.objects.filter(pk=of.pk).update(shares_all_evses=False)
    of.refresh_from_db()
    of.shared_evses.set(evses)


def schedule(limit: float | Decimal = 11000, *, unit: RateUnit = RateUnit.WATT) -> ChargingSchedule:
    return ChargingSchedule(unit=unit, periods=(SchedulePeriod(0, Decimal(str(limit))),))


def wish(of: ChargingSession | str, kind: Kind = Kind.SET, *, limit: float = 11000, **fields: Any) -> Wish:
    """A request as the view hands it over; another `response_url` makes it another request."""
    what = {Kind.SET: {"schedule": schedule(limit), "body": {"limit": limit}}, Kind.GET: {"duration_s": 900}}
    defaults: dict[str, Any] = {
        "kind": kind, "session_uid": of if isinstance(of, str) else of.uid, "request_id": "request-1",
        "correlation_id": "correlation-1", "response_url": "https://jed.example/result?id=1", **what.get(kind, {}),
    }  # fmt: skip
    return Wish(**{**defaults, **fields})


def accepted(
    of: Party, on: ChargingSession, kind: Kind = Kind.SET, *, now: datetime | None = None, **fields: Any
) -> ProfileRequest:
    request = profile_requests.receive(of, wish(on, kind, **fields), now=now or timezone.now())
    assert request.response == ProfileRequest.Response.ACCEPTED
    return request


def finish(
    command: ChargePointCommand | None,
    status: OutcomeStatus = OutcomeStatus.ACCEPTED,
    *,
    plan: ChargingSchedule | None = None,
    now: datetime | None = None,
) -> None:
    """The charge point takes the command and answers; a refusal also in the other unit."""
    assert command is not None
    now = now or timezone.now()
    _answer(command, CommandOutcome(status, schedule=plan), now=now)
    if ChargePointCommand.objects.get(pk=command.pk).status == "QUEUED":
        _answer(command, CommandOutcome(status, schedule=plan), now=now)


def _answer(command: ChargePointCommand, outcome: CommandOutcome, *, now: datetime) -> None:
    ChargePointCommand.objects.filter(pk=command.pk, status="QUEUED").update(
        status="SENT", sent_at=now, connection_id=CONNECTION
    )
    assert commands.record_outcome(command.pk, outcome, now=now)


def installed(of: Party, on: ChargingSession, *, limit: float = 11000) -> ChargingProfile:
    """A profile of this party that the charge point has accepted."""
    return ChargingProfile.objects.create(
        session=on, owner=of.owner, state=ChargingProfile.State.INSTALLED, desired=schedule(limit).to_json(),
        applied=schedule(limit).to_json(), ever_accepted=True,
    )  # fmt: skip


def plan(limit: float | Decimal = 11000, *, now: datetime, unit: RateUnit = RateUnit.WATT) -> ChargingSchedule:
    """A composite schedule as a charge point reports it."""
    period = SchedulePeriod(0, Decimal(str(limit)))
    return ChargingSchedule(unit=unit, periods=(period,), start_at=now, duration_s=3600)


def message(of: Party, kind: OutboxMessage.Kind, on: ChargingSession | None = None) -> OutboxMessage:
    """The only message of this kind."""
    found = OutboxMessage.objects.filter(party=of, kind=kind)
    return found.get() if on is None else found.get(session=on)


# --- their side -----------------------------------------------------------------------------------------------------


def answered(http_status: int = 200, *, ocpi: int | None = 1000, data: Any = None, text: str = "") -> OutboundResponse:
    body = None if ocpi is None else {"data": data, "status_code": ocpi, "timestamp": "2026-01-05T12:00:00Z"}
    return OutboundResponse(http_status=http_status, ocpi_status_code=ocpi, body=body, text=text, duration_s=0.01)


class Partner:
    """Stands where `ocpi.client.send` is: keeps what would have left, and answers as told, success when not told.
    What leaves must be what an independent model of OCPI takes for it.

    An answer may be an exception, or a function of the request. `on_the_way` runs after `before_send`.
    """

    def __init__(self) -> None:
        self.version = "2.2.1"
        self.requests: list[OutboundRequest] = []
        self.authorizations: list[str] = []
        self.insecure: list[bool] = []
        self.answers: list[Any] = []
        self.before_connecting: Callable[[], object] = lambda: None
        self.on_the_way: Callable[[], object] = lambda: None

    def __call__(self, request: OutboundRequest, *, authorization: Any, policy: Any, before_send: Any = None) -> Any:
        self.before_connecting()
        if before_send:
            before_send()
        body = conformance.with_owners(request.body) if self.version == "2.2" else request.body
        conformance.check_request(request.method, request.url, body)
        self.requests.append(request)
        self.authorizations.append(authorization.headers()["Authorization"])
        self.insecure.append(policy.allow_insecure)
        self.on_the_way()
        answer = self.answers.pop(0) if self.answers else answered()
        if isinstance(answer, BaseException):
            raise answer
        return answer(request) if callable(answer) else answer

    @property
    def calls(self) -> list[tuple[str, str]]:
        return [(request.method, request.url) for request in self.requests]

    @property
    def bodies(self) -> list[Any]:
        return [request.body for request in self.requests]


class Api:
    """A partner that calls us over HTTP. Every answer must be what an independent model of OCPI takes for one,
    and as our OpenAPI description says.
    """

    def __init__(self, token: str = "inbound-JED") -> None:
        self.token = token

    def __call__(self, method: str, path: str, body: Any = None, **headers: str) -> Any:
        extra = {"Authorization": f"Token {self.token}", "X-Request-ID": "rq-1", "X-Correlation-ID": "co-1", **headers}
        kept = {name: value for name, value in extra.items() if value}
        arguments: dict[str, Any] = {} if body is None else {"data": body, "content_type": "application/json"}
        response = getattr(Client(raise_request_exception=False), method.lower())(path, headers=kept, **arguments)
        conformance.check_answer(path, response)
        undescribed = openapi.problems(method, path, response)
        assert undescribed == [], undescribed
        return response


@contextmanager
def no_new(*models: Any) -> Iterator[None]:
    """Nothing of these may be written inside."""
    before = [set(model.objects.values_list("pk", flat=True)) for model in models]
    yield
    assert [set(model.objects.values_list("pk", flat=True)) for model in models] == before


def snapshot(*models: Any) -> list[list[dict[str, Any]]]:
    """Everything but when a party was heard last: every request of it moves that."""
    rows = [list(model.objects.order_by("pk").values()) for model in models]
    return [[{name: value for name, value in row.items() if name != "heard_at"} for row in found] for found in rows]


def credentials(of: Party) -> Credentials:
    return Credentials.objects.get(party=of)


def later(seconds: float, *, than: datetime = START) -> datetime:
    return than + timedelta(seconds=seconds)


def replace_text(response: OutboundResponse, text: str) -> OutboundResponse:
    return replace(response, text=text)
