"""OCPI 2.2.1 mod_locations, Receiver Interface: pushes of Locations and their parts, and reading the CPO's lists."""

import pytest

from ocpi.simulator import location_rules
from ocpi.simulator.client import CpoUnreachable
from ocpi.simulator.location_rules import LocationRefused, Target, pushed
from ocpi.simulator.pulling import PullFailed
from ocpi.simulator.scsp import SimulatedScsp
from ocpi.simulator.strategies import FlatStrategy
from tests.ocpi.simulator.fake_cpo import (
    SESSION_ID,
    TOKEN_FOR_CPO,
    TOKEN_FOR_SCSP,
    evse,
    found,
    location,
    send,
    session,
    session_url,
)  # fmt: skip

LATER = "2024-05-01T09:05:00Z"
WHOLE, PART, CONNECTOR = (Target("NL", "CPO", ids) for ids in (("L",), ("L", "E"), ("L", "E", "1")))
NOT_CAPABLE = evse(capabilities=[])


def moved(patched, *path):
    for name in path:
        patched = patched[name]
    return patched["last_updated"]


# --- rules ------------------------------------------------------------------------------------------------------------


@pytest.mark.pure
def test_a_put_replaces_the_location():
    assert pushed("PUT", location(name="old"), location(last_updated=LATER), WHOLE) == location(last_updated=LATER)


@pytest.mark.pure
def test_a_patch_of_an_evse_changes_it_alone_and_moves_the_time_of_the_location():
    two = location(evses=[evse(uid="F"), evse()])
    patched = pushed("PATCH", two, {"status": "CHARGING", "last_updated": LATER}, PART)
    assert patched["evses"] == [evse(uid="F"), evse(status="CHARGING", last_updated=LATER)]
    assert patched["last_updated"] == LATER
    assert two == location(evses=[evse(uid="F"), evse()])


@pytest.mark.pure
def test_a_patch_of_a_connector_moves_the_times_of_both_parents():
    patched = pushed("PATCH", location(), {"max_amperage": 16, "last_updated": LATER}, CONNECTOR)
    assert patched["evses"][0]["connectors"][0]["max_amperage"] == 16
    assert [moved(patched), moved(patched, "evses", 0), moved(patched, "evses", 0, "connectors", 0)] == [LATER] * 3


@pytest.mark.pure
def test_an_older_part_does_not_turn_back_the_time_of_its_location():
    patched = pushed("PATCH", location(last_updated="2024-05-01T12:00:00Z"), {"last_updated": LATER}, PART)
    assert moved(patched) == "2024-05-01T12:00:00Z"


@pytest.mark.pure
def test_a_new_evse_is_added():
    added = pushed("PUT", location(), evse(uid="F"), Target("NL", "CPO", ("L", "F")))
    assert [one["uid"] for one in added["evses"]] == ["E", "F"]


@pytest.mark.pure
@pytest.mark.parametrize(
    ("method", "stored", "body", "target", "reason"),
    [
        ("PUT", None, [], WHOLE, "body is not an object"),
        ("PUT", None, location(city=None), WHOLE, "city is missing"),
        ("PUT", None, location(evses=[evse(uid=None)]), WHOLE, "evses.0.uid is missing"),
        ("PUT", None, location(id="M"), WHOLE, "id differs from the URL"),
        ("PUT", None, location(party_id="ABC"), WHOLE, "party_id differs from the URL"),
        ("PUT", location(), evse(uid="F"), PART, "uid differs from the URL"),
        ("PUT", None, evse(), PART, "EVSE of something that was never PUT"),
        ("PATCH", None, {"last_updated": LATER}, WHOLE, "PATCH of something that was never PUT"),
        ("PATCH", location(), {"status": "CHARGING"}, PART, "last_updated is missing"),
        ("PATCH", location(), {"last_updated": "yesterday"}, PART, "last_updated is not an OCPI DateTime"),
        ("PATCH", location(), {"last_updated": "2024-05-01T08:59:59Z"}, PART, "last_updated going backwards"),
    ],
)
def test_a_push_against_the_rules_is_refused(method, stored, body, target, reason):
    with pytest.raises(LocationRefused) as refused:
        pushed(method, stored, body, target)
    assert str(refused.value) == reason


@pytest.mark.pure
def test_a_location_is_no_older_than_its_parts():
    older = location(evses=[evse(last_updated=LATER)])
    assert [v.what for v in location_rules.tolerated("w", older, WHOLE.table)] == [
        "last_updated is before that of EVSE E"
    ]
    assert location_rules.tolerated("w", location(), WHOLE.table) == []


# --- pushes -----------------------------------------------------------------------------------------------------------


@pytest.mark.once
def test_a_location_is_stored_patched_and_given_back(scsp, events):
    url = f"{scsp.locations_url}/NL/CPO/L"
    assert send("PUT", url, body=location()).json()["status_code"] == 1000
    assert send("PATCH", f"{url}/E", body={"status": "CHARGING", "last_updated": LATER}).status_code == 200
    assert send("GET", f"{url}/E").json()["data"]["status"] == "CHARGING"
    assert send("GET", f"{url}/E/1").json()["data"]["id"] == "1"
    assert send("GET", f"{scsp.locations_url}/NL/CPO/unknown").status_code == 404
    assert [(name, fields["method"], fields.get("status"), fields["capable"]) for name, fields in events] == [
        ("location_received", "PUT", None, 1),
        ("location_received", "PATCH", "CHARGING", True),
    ]
    assert scsp.violations == []


@pytest.mark.once
def test_a_refused_location_is_a_violation_answered_2001(scsp):
    answer = send("PATCH", f"{scsp.locations_url}/NL/CPO/L/E", body={"last_updated": LATER})
    assert (answer.status_code, answer.json()["status_code"]) == (200, 2001)
    assert found(scsp) == ["PATCH location NL/CPO/L/E: PATCH of something that was never PUT"]
    assert scsp.locations == []


# --- the CPO's lists --------------------------------------------------------------------------------------------------


@pytest.mark.once
def test_both_lists_are_read_to_the_last_page(scsp, cpo, events):
    cpo.lists = {
        "locations": [location(), location(id="M")],
        "sessions": [session(), session(id="S-2"), session(id="S-3")],
    }
    assert scsp.pull() == {"locations": 2, "sessions": 3}
    assert sorted(scsp.sessions) == ["S-1", "S-2", "S-3"]
    assert [asked["query"] for asked in cpo.asked[:2]] == [{}, {"offset": "1"}]
    assert cpo.asked[2]["query"]["date_from"].endswith("Z")  # required (mod_sessions, GET Method)
    assert {asked["token"] for asked in cpo.asked} == {TOKEN_FOR_SCSP}
    assert [name for name, _ in events] == ["location_pulled"] * 2 + ["session_pulled"] * 3
    assert scsp.violations == []


@pytest.mark.once
def test_what_was_pushed_goes_before_what_is_listed(scsp, cpo):
    send("PUT", session_url(scsp), body=session(kwh=5, last_updated="2024-05-01T11:00:00Z"))
    cpo.lists = {"locations": [], "sessions": [session()]}
    scsp.pull()
    assert scsp.sessions[SESSION_ID]["kwh"] == 5


@pytest.mark.once
def test_a_listed_object_against_the_rules_is_a_violation_and_not_kept(scsp, cpo):
    cpo.lists = {"locations": [location(city=None)], "sessions": [session(kwh="5")]}
    scsp.pull()
    assert found(scsp) == ["GET location NL/CPO/L: city is missing", "GET session S-1: kwh is '5', no number"]
    assert (scsp.locations, scsp.sessions) == ([], {})


@pytest.mark.once
@pytest.mark.parametrize("next_url", ["http://another.example/list", "{root}/ocpi/2.2.1/locations"])
def test_a_link_elsewhere_or_in_a_circle_is_not_followed(scsp, cpo, next_url):
    """The next page is read with our token."""
    cpo.lists, cpo.headers = {"locations": [location()]}, {"Link": f'<{next_url.format(root=cpo.root)}>; rel="next"'}
    cpo.before_answering = lambda asked: setattr(cpo, "http_status", 500 if "sessions" in asked["path"] else 200)
    with pytest.raises(PullFailed):  # there are no sessions at this one
        scsp.pull()
    assert [asked["path"] for asked in cpo.asked] == ["/ocpi/2.2.1/locations", "/ocpi/2.2.1/sessions"]
    assert any(violation.what.startswith("the next page is ") for violation in scsp.violations)


@pytest.mark.once
def test_a_cpo_that_is_gone_is_said_to_be(cpo):
    with SimulatedScsp(token="t", cpo_token="t", cpo_url="http://127.0.0.1:9") as scsp, pytest.raises(CpoUnreachable):
        scsp.pull()


# --- steering ---------------------------------------------------------------------------------------------------------


@pytest.mark.once
def test_an_evse_without_the_capability_is_steered_once_it_has_it(cpo):
    with SimulatedScsp(
        token=TOKEN_FOR_CPO, cpo_token=TOKEN_FOR_SCSP, cpo_url=cpo.root, strategy=FlatStrategy(11000)
    ) as scsp:
        url = f"{scsp.locations_url}/NL/CPO/L"
        send("PUT", url, body=location(evses=[NOT_CAPABLE]))
        send("PUT", session_url(scsp), body=session())
        assert scsp.wait_for(lambda: scsp.notes)
        assert scsp.notes == ["session S-1: not steered while its EVSE has no CHARGING_PROFILE_CAPABLE"]
        assert cpo.asked == []
        send("PATCH", f"{url}/E", body={"capabilities": ["CHARGING_PROFILE_CAPABLE"], "last_updated": LATER})
        assert scsp.wait_for(lambda: scsp.tally.answers == {"ACCEPTED": 1})
    assert [asked["path"] for asked in cpo.asked] == ["/ocpi/2.2.1/chargingprofiles/S-1"]
