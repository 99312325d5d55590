"""The beginning of a session: whose token, which transaction id, the same message twice, the session never ended."""

from decimal import Decimal

import pytest

from chargepoints import metering, sessions
from chargepoints.models import ChargePointCommand, ChargingSession, DriverToken, Evse
from chargepoints.values import AuthorizationStatus, MeterFacts
from tests.support import factories
from tests.support.factories import NOW, at, driver, reading, start_facts

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("published")]


@pytest.fixture
def point(db):
    driver("CARD", contract_id="NL-ABC-C1")
    return factories.evse().charge_point


def start(point, *, now=NOW, **fields):
    return sessions.start(point.pk, start_facts(**fields), now=now)


def the_session(**fields) -> ChargingSession:
    return ChargingSession.objects.get(**fields)


# --- tokens ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "answer"),
    [
        ("accepted", AuthorizationStatus.ACCEPTED),
        ("blocked", AuthorizationStatus.BLOCKED),
        ("expired", AuthorizationStatus.EXPIRED),
    ],
)
def test_a_token_has_its_true_state(db, status, answer):
    driver("CARD", status=status)
    assert sessions.authorize("CARD") == answer


def test_token_ids_ignore_case(db):
    driver("aBc1")
    assert sessions.authorize("AbC1") == AuthorizationStatus.ACCEPTED


@pytest.mark.parametrize("uid", ["NOBODY", ""])
def test_an_unknown_token_is_invalid_unless_the_settings_accept_it(db, settings, uid):
    assert sessions.authorize(uid) == AuthorizationStatus.INVALID
    settings.OCPP_ACCEPT_UNKNOWN_TOKENS = True
    assert sessions.authorize(uid) == AuthorizationStatus.ACCEPTED


def test_a_blocked_token_stays_blocked_where_unknown_ones_are_accepted(db, settings):
    driver("CARD", status="blocked")
    settings.OCPP_ACCEPT_UNKNOWN_TOKENS = True
    assert sessions.authorize("CARD") == AuthorizationStatus.BLOCKED


# --- whose token, and who asked -------------------------------------------------------------------------------------


def test_a_session_keeps_the_token_as_it_was_when_it_began(point):
    DriverToken.objects.update(type="APP_USER", country_code="DE", party_id="ABC")
    start(point)
    DriverToken.objects.update(type="RFID", country_code="", party_id="")
    session = the_session()
    assert (session.token_type, session.token_country_code, session.token_party_id) == ("APP_USER", "DE", "ABC")


def test_a_token_that_nobody_knows_is_an_rfid_of_ours(point, settings):
    settings.OCPP_ACCEPT_UNKNOWN_TOKENS = True
    start(point, id_token="NOBODY")
    assert (the_session().token_type, the_session().token_party_id, the_session().contract_id) == ("RFID", "", "")


REMOTE_START = {
    "action": "RemoteStartTransaction", "kind": "CALL", "status": "ACCEPTED", "payload": {"idTag": "CARD"},
    "created_at": at(-60), "expires_at": NOW, "requested_by": "operator",
}  # fmt: skip


@pytest.mark.parametrize(
    ("change", "method"),
    [
        ({}, "COMMAND"),
        ({"status": "REJECTED"}, "WHITELIST"),
        ({"payload": {"idTag": "OTHER"}}, "WHITELIST"),
        ({"action": "UnlockConnector"}, "WHITELIST"),
        ({"created_at": at(-301)}, "WHITELIST"),
    ],
)
def test_a_start_that_was_asked_for_a_moment_ago_is_told_as_a_command(point, change, method):
    """OCPI 2.2.1 mod_cdrs, AuthMethod."""
    ChargePointCommand.objects.create(charge_point=point, **{**REMOTE_START, **change})
    start(point)
    assert the_session().auth_method == method


def test_another_charge_points_remote_start_is_none_of_this_one(point):
    other = factories.charge_point(identity="CP2")
    ChargePointCommand.objects.create(charge_point=other, **REMOTE_START)
    start(point)
    assert the_session().auth_method == "WHITELIST"


# --- start ----------------------------------------------------------------------------------------------------------


def test_a_start_makes_an_active_session_and_tells_it(point, heard):
    answer = start(point, now=at(2))
    session = the_session()
    assert answer.authorization == AuthorizationStatus.ACCEPTED
    assert answer.transaction_id == session.ocpp_transaction_id
    assert (session.charge_point, session.evse.ocpp_evse_id, session.state) == (point, 1, "ACTIVE")
    assert (session.connector, session.id_token, session.contract_id) == (
        session.evse.connectors.get(), "CARD", "NL-ABC-C1",
    )  # fmt: skip
    assert (session.started_at, session.reported_start_at, session.last_updated) == (NOW, NOW, at(2))
    assert (session.meter_start_wh, session.kwh, session.notes) == (1000, 0, [])
    assert heard.sessions == [(session.uid, "ACTIVE", True)]


def test_a_refused_token_makes_an_invalid_session(point, heard):
    answer = start(point, id_token="NOBODY")
    assert answer.authorization == AuthorizationStatus.INVALID
    session = the_session()
    assert (session.state, session.ocpp_transaction_id) == ("INVALID", answer.transaction_id)
    assert heard.sessions == [(session.uid, "INVALID", True)]


def test_a_transaction_id_is_a_positive_31_bit_integer_never_0(point, monkeypatch):
    for drawn in (0, 2**31 - 2):
        monkeypatch.setattr("secrets.randbelow", lambda limit, drawn=drawn: min(drawn, limit - 1))
        assert start(point, meter_start_wh=Decimal(drawn)).transaction_id == str(drawn + 1)


def test_a_transaction_id_is_drawn_from_a_secure_source_and_again_when_it_is_taken(point, monkeypatch):
    draws = iter([41, 41, 41, 42])
    monkeypatch.setattr("secrets.randbelow", lambda limit: next(draws))
    first, second = start(point), start(point, started_at=at(60))
    assert (first.transaction_id, second.transaction_id) == ("42", "43")


def test_two_charge_points_may_have_the_same_transaction_id(point, monkeypatch):
    monkeypatch.setattr("secrets.randbelow", lambda limit: 41)
    other = factories.evse().charge_point
    assert start(point).transaction_id == start(other).transaction_id == "42"


def test_an_evse_that_nobody_entered_is_added_so_that_the_session_is_not_lost(point):
    start(point, evse_id=7)
    assert the_session().evse == Evse.objects.get(charge_point=point, ocpp_evse_id=7)


def test_a_start_on_connector_0_is_one_of_the_only_evse(point):
    evse = factories.evse(point, ocpp_evse_id=1) if not point.evses.exists() else point.evses.get()
    answer = start(point, evse_id=0)
    assert answer.authorization == AuthorizationStatus.ACCEPTED
    assert (the_session().evse, point.evses.count()) == (evse, 1)


def test_a_start_on_connector_0_of_several_is_kept_as_invalid(point):
    for number in (1, 2):
        Evse.objects.get_or_create(charge_point=point, ocpp_evse_id=number)
    answer = start(point, evse_id=0)
    assert answer.authorization == AuthorizationStatus.INVALID
    assert (the_session().state, the_session().evse.ocpp_evse_id) == ("INVALID", 0)


def test_a_start_without_a_believable_time_starts_now_and_says_so(point):
    start(point, started_at=None, now=at(5))
    session = the_session()
    assert (session.started_at, session.reported_start_at) == (at(5), None)
    assert session.notes == ["started_at is ours: the charge point's clock was implausible"]


def test_a_register_beyond_all_meters_does_not_lose_the_session(point):
    start(point, meter_start_wh=Decimal(10) ** 12)
    assert (the_session().meter_start_wh, the_session().state) == (0, "ACTIVE")
    assert the_session().notes == ["meter_start_wh is 0: what the charge point sent is beyond all meters"]


# --- the same message again -----------------------------------------------------------------------------------------


def test_the_same_start_again_gets_the_same_transaction_id_and_makes_no_session(point, heard):
    first = start(point)
    assert start(point, now=at(40)) == first
    assert the_session().state == "ACTIVE"
    assert len(heard.sessions) == 1


def test_the_same_start_again_gets_the_same_id_even_after_the_session_ended(point):
    first = start(point)
    sessions.stop(point.pk, factories.stop_facts(first.transaction_id), now=at(600))
    assert start(point, now=at(700)).transaction_id == first.transaction_id
    assert the_session().state == "COMPLETED"


def test_the_same_start_again_hears_the_tokens_state_of_now(point):
    first = start(point)
    sessions.DriverToken.objects.update(status="blocked")
    again = start(point, now=at(40))
    assert (again.transaction_id, again.authorization) == (first.transaction_id, AuthorizationStatus.BLOCKED)


def test_the_same_start_again_without_a_believable_time_is_the_open_session(point):
    first = start(point, started_at=None)
    assert start(point, started_at=None, now=at(40)).transaction_id == first.transaction_id
    assert the_session().state == "ACTIVE"


def test_a_start_without_a_believable_time_after_energy_flowed_is_another_session(point):
    first = start(point, started_at=None)
    metering.meter(point.pk, MeterFacts(1, first.transaction_id, (reading(60, energy_wh=1500),)), now=at(60))
    assert start(point, started_at=None, now=at(400)).transaction_id != first.transaction_id


@pytest.mark.parametrize(
    "different", [{"started_at": at(1)}, {"meter_start_wh": Decimal(1001)}, {"id_token": "CARD2"}, {"evse_id": 2}]
)
def test_a_start_that_differs_in_anything_is_another_session(point, different):
    driver("CARD2")
    first = start(point)
    assert start(point, **different).transaction_id != first.transaction_id
    assert ChargingSession.objects.count() == 2


def test_the_same_start_on_another_charge_point_is_another_session(point):
    start(point)
    start(factories.evse().charge_point)
    assert ChargingSession.objects.count() == 2


# --- the session that was never ended -------------------------------------------------------------------------------


def test_a_session_never_ended_is_ended_by_the_next_one_on_its_evse(point, heard):
    forgotten = start(point)
    metering.meter(point.pk, MeterFacts(1, forgotten.transaction_id, (reading(300, energy_wh=3000),)), now=at(300))
    start(point, started_at=at(900), now=at(900))
    session = the_session(ocpp_transaction_id=forgotten.transaction_id)
    assert (session.state, session.ended_at, session.stop_reason) == ("COMPLETED", at(300), "Other")
    assert (session.kwh, session.meter_stop_wh) == (Decimal("2.0000"), None)
    assert session.notes == ["ended by the next transaction here: the charge point never sent its end"]
    assert (session.uid, "COMPLETED", True) in heard.sessions


def test_a_session_never_ended_nor_measured_ends_now(point):
    forgotten = start(point)
    start(point, started_at=at(900), now=at(901))
    assert the_session(ocpp_transaction_id=forgotten.transaction_id).ended_at == at(901)


def test_the_session_of_another_evse_or_charge_point_goes_on(point):
    start(point, evse_id=2)
    elsewhere = factories.session()
    start(point, evse_id=1)
    assert set(ChargingSession.objects.values_list("state", flat=True)) == {"ACTIVE"}
    assert elsewhere.state == "ACTIVE"


# --- sessions that never begin --------------------------------------------------------------------------------------


def test_a_pending_session_that_never_starts_becomes_invalid(db, heard, settings):
    settings.OCPI_PENDING_SESSION_TIMEOUT_S = 100
    late = factories.session(state="PENDING", started_at=at(-101), ocpp_transaction_id="")
    in_time = factories.session(state="PENDING", started_at=at(-99), ocpp_transaction_id="")
    active = factories.session(started_at=at(-9999))
    assert sessions.invalidate_pending(now=NOW) == 1
    for session in (late, in_time, active):
        session.refresh_from_db()
    assert (late.state, late.ended_at, late.last_updated) == ("INVALID", NOW, NOW)
    assert (in_time.state, active.state) == ("PENDING", "ACTIVE")
    assert heard.sessions == [(late.uid, "INVALID", True)]
    assert sessions.invalidate_pending(now=NOW) == 0
