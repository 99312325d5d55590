"""Every refusal of a profile request has its result and reason, and leaves nothing behind (mod_charging_profiles)."""

from typing import Any

import pytest

from chargepoints.models import ChargePoint, ChargePointCommand, ChargingProfile, ChargingSession
from chargepoints.values import ScheduleRefused
from ocpi import profile_requests
from ocpi.models import OutboxMessage, ProfileRequest
from ocpi.profile_requests import Kind
from tests.support import ocpi_factories as make
from tests.support.ocpi_factories import later

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("enqueued")]

Response = ProfileRequest.Response
KINDS = [Kind.SET, Kind.CLEAR, Kind.GET]


def receive(of: Any, on: Any, kind: Kind = Kind.SET, *, at: float = 0, **fields: Any) -> ProfileRequest:
    return profile_requests.receive(of, make.wish(on, kind, **fields), now=later(at))


def refusal(request: ProfileRequest) -> tuple[str, str]:
    return request.response, request.reason


# --- refused --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
def test_unknown_session_is_said_only_of_ids_nobody_knows(kind):
    """ChargingProfileResponseType."""
    with make.no_new(ChargePointCommand, OutboxMessage, ChargingProfile):
        request = receive(make.party(), "00000000-0000-4000-8000-000000000000", kind)
    assert refusal(request) == (Response.UNKNOWN_SESSION, "unknown_session")
    assert (request.session, request.command) == (None, None)


def _completed(session: ChargingSession) -> None:
    ChargingSession.objects.update(state="COMPLETED")


def _pending(session: ChargingSession) -> None:
    ChargingSession.objects.update(state="PENDING")


def _invalid(session: ChargingSession) -> None:
    ChargingSession.objects.update(state="INVALID")


def _offline(session: ChargingSession) -> None:
    ChargePoint.objects.update(connection_id="")


def _without_smart_charging(session: ChargingSession) -> None:
    ChargePoint.objects.update(smart_charging=False)


REFUSALS = [
    (_completed, Response.REJECTED, "session_not_active"),
    (_invalid, Response.REJECTED, "session_not_active"),
    (_offline, Response.REJECTED, "charger_offline"),
    (_without_smart_charging, Response.NOT_SUPPORTED, "smart_charging_unsupported"),
]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("spoil", "response", "reason"), REFUSALS)
def test_a_refusal_has_its_reason_and_leaves_neither_command_nor_message(kind, spoil, response, reason):
    """ACCEPTED only when connected and supporting; not ACCEPTED, no callback."""
    session = make.session()
    spoil(session)
    with make.no_new(ChargePointCommand, OutboxMessage, ChargingProfile):
        request = receive(make.party(), session, kind)
    assert refusal(request) == (response, reason)
    assert request.command is None


def test_the_active_profile_of_a_session_that_has_not_begun_is_refused():
    session = make.session()
    _pending(session)
    assert refusal(receive(make.party(), session, Kind.GET)) == (Response.REJECTED, "session_not_active")


@pytest.mark.parametrize("kind", KINDS)
def test_another_partys_session_is_rejected_not_unknown(kind):
    """ChargingProfileResponseType: session of another party's customer -> REJECTED."""
    session, other = make.session(), make.session("CP2", ocpp_transaction_id="4712")
    party = make.party()
    make.share_only(of=party, evses=[other.evse])
    with make.no_new(ChargePointCommand, OutboxMessage, ChargingProfile):
        assert refusal(receive(party, session, kind)) == (Response.REJECTED, "session_not_shared")
    assert receive(party, other, kind).response == Response.ACCEPTED


def test_what_an_unshared_session_is_like_is_not_told():
    session = make.session(online=False, state="COMPLETED")
    party = make.party(shares_all_evses=False)
    assert refusal(receive(party, session)) == (Response.REJECTED, "session_not_shared")


def test_a_unit_that_cannot_be_converted_is_rejected_with_its_reason():
    """DC in another unit than the charge point takes."""
    session = make.session()
    ChargePoint.objects.update(rate_units="A")
    session.evse.current_type = "DC"
    session.evse.save()
    with make.no_new(ChargePointCommand, OutboxMessage, ChargingProfile):
        assert refusal(receive(make.party(), session)) == (Response.REJECTED, "unit_unsupported")


def test_a_charge_point_that_turns_out_not_to_support_it_is_not_supported(monkeypatch):
    def refuse(**_: Any) -> None:
        raise ScheduleRefused("smart_charging_unsupported", "it says so itself")

    monkeypatch.setattr("chargepoints.commands.request_set_profile", refuse)
    request = receive(make.party(), make.session())
    assert (*refusal(request), request.detail) == (
        Response.NOT_SUPPORTED, "smart_charging_unsupported", "it says so itself",
    )  # fmt: skip


def test_a_refused_request_sent_again_is_judged_anew():
    party, session = make.party(), make.session()
    ChargePoint.objects.update(connection_id="")
    assert receive(party, session).response == Response.REJECTED
    ChargePoint.objects.update(connection_id="again")
    assert receive(party, session, at=1).response == Response.ACCEPTED


# --- too often ------------------------------------------------------------------------------------------------------


def test_too_often_counts_put_and_get_and_never_delete(settings):
    """OCPI 2.2.1 mod_charging_profiles, Flow."""
    settings.OCPI_SESSION_BURST = 2
    party, session = make.party(), make.session()
    assert receive(party, session, limit=6900).response == Response.ACCEPTED
    assert receive(party, session, Kind.GET).response == Response.ACCEPTED
    with make.no_new(ChargePointCommand, OutboxMessage):
        assert refusal(receive(party, session, limit=8000)) == (Response.TOO_OFTEN, "too_often")
        assert refusal(receive(party, session, Kind.GET, duration_s=60)) == (Response.TOO_OFTEN, "too_often")
    for number in range(3):
        url = f"https://jed.example/clear/{number}"
        assert receive(party, session, Kind.CLEAR, response_url=url).response == Response.ACCEPTED
    assert receive(party, session, limit=8000, at=6).response == Response.ACCEPTED  # 10 a minute


@pytest.mark.parametrize("kind", [Kind.SET, Kind.GET])
def test_a_repeated_request_is_not_counted(settings, kind):
    settings.OCPI_SESSION_BURST, settings.OCPI_SESSION_PER_MINUTE = 1, 0
    party, session = make.party(), make.session()
    first = receive(party, session, kind)
    assert receive(party, session, kind, at=1) == first


def test_a_request_that_is_refused_anyway_takes_nothing_from_the_bucket(settings):
    settings.OCPI_SESSION_BURST, settings.OCPI_SESSION_PER_MINUTE = 1, 0
    party, session = make.party(), make.session()
    ChargePoint.objects.update(connection_id="")
    receive(party, session)
    ChargePoint.objects.update(connection_id="again")
    assert receive(party, session).response == Response.ACCEPTED
