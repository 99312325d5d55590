"""OCPI 2.2.1 mod_sessions, Receiver Interface: what a push does, and what makes it wrong."""

import pytest

from ocpi.simulator.objects import SESSION
from ocpi.simulator.session_rules import SessionKey, SessionRefused, patch_session, put_session
from tests.ocpi.simulator.fake_cpo import SESSION_ID, session

pytestmark = pytest.mark.pure
KEY = SessionKey("NL", "CPO", SESSION_ID)
LATER = "2024-05-01T10:05:00Z"


def test_put_replaces_the_whole_session_with_its_charging_periods():
    stored = session(charging_periods=[{"start_date_time": "a"}], meter_id="M")
    replaced = put_session(stored, session(last_updated=LATER, kwh=1.5), KEY)
    assert replaced == session(last_updated=LATER, kwh=1.5)


def test_patch_changes_only_what_it_names_and_appends_charging_periods():
    stored = session(charging_periods=[{"n": 1}])
    patched = patch_session(stored, {"kwh": 2.5, "last_updated": LATER, "charging_periods": [{"n": 2}]}, KEY)
    assert patched == session(kwh=2.5, last_updated=LATER, charging_periods=[{"n": 1}, {"n": 2}])
    assert stored["charging_periods"] == [{"n": 1}]


@pytest.mark.parametrize("periods", [{}, {"charging_periods": []}])
def test_patch_without_charging_periods_keeps_them(periods):
    patched = patch_session(session(charging_periods=[{"n": 1}]), {"last_updated": LATER, **periods}, KEY)
    assert patched["charging_periods"] == [{"n": 1}]


@pytest.mark.parametrize(
    ("stored", "patch", "reason"),
    [
        (None, {"last_updated": LATER}, "PATCH before PUT"),
        (session(), {"kwh": 1}, "missing last_updated"),
        (session(), {"last_updated": "2024-05-01T09:59:59Z"}, "last_updated going backwards"),
        (session(kwh=2), {"kwh": 1.9, "last_updated": LATER}, "kwh decreasing"),
        (session(), {"kwh": "1.0", "last_updated": LATER}, "kwh is not a number"),
        (session(), {"last_updated": "2024-05-01T10:05:00+00:00"}, "last_updated is not an OCPI DateTime"),
        (session(), {"status": "FINISHED", "last_updated": LATER}, "unknown status 'FINISHED'"),
        (session(status="COMPLETED"), {"last_updated": LATER}, "change after COMPLETED"),
        (session(), [], "body is not an object"),
    ],
)
def test_a_patch_against_the_rules_is_refused(stored, patch, reason):
    with pytest.raises(SessionRefused) as refused:
        patch_session(stored, patch, KEY)
    assert str(refused.value) == reason


@pytest.mark.parametrize("name", sorted(SESSION.required))
def test_a_put_without_a_required_field_is_refused(name):
    body = session()
    del body[name]
    with pytest.raises(SessionRefused, match=f"^missing {name}$"):
        put_session(None, body, KEY)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"last_updated": "2024-05-01T09:00:00Z", "kwh": 3}, "last_updated going backwards"),
        ({"last_updated": LATER, "kwh": 2.9}, "kwh decreasing"),
        ({"id": "another"}, "id differs from the URL"),
        ({"party_id": "ABC"}, "party_id differs from the URL"),
    ],
)
def test_a_put_against_the_rules_is_refused(changes, reason):
    with pytest.raises(SessionRefused, match=f"^{reason}$"):
        put_session(session(kwh=3), session(**{"kwh": 3, **changes}), KEY)


def test_the_final_state_may_be_repeated_but_not_changed():
    final = session(status="COMPLETED", kwh=3)
    assert put_session(final, {**final, "charging_periods": []}, KEY) == {**final, "charging_periods": []}
    with pytest.raises(SessionRefused, match="change after COMPLETED"):
        put_session(final, {**final, "kwh": 4, "last_updated": LATER}, KEY)


def test_ids_are_case_insensitive():
    assert put_session(None, session(id=SESSION_ID.lower()), KEY)["id"] == SESSION_ID.lower()
    assert KEY.folded() == SessionKey("nl", "cpo", SESSION_ID.lower()).folded()
