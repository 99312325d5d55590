"""What every request of a CPO must carry, and what every answer must be."""

import pytest
from requests.structures import CaseInsensitiveDict

from ocpi.simulator import answer_rules, request_rules
from ocpi.simulator.answer_rules import Exchange
from ocpi.simulator.objects import PROFILE_RESPONSE
from ocpi.simulator.profile_rules import above_asked, active_profile
from ocpi.simulator.request_rules import Parties
from ocpi.simulator.violations import Violation

pytestmark = pytest.mark.pure
IDS = {"X-Request-ID": "r", "X-Correlation-ID": "c"}
ROUTED = {
    "OCPI-from-country-code": "NL", "OCPI-from-party-id": "JED",
    "OCPI-to-country-code": "NL", "OCPI-to-party-id": "CPO",
}  # fmt: skip
SWAPPED = {
    "OCPI-to-country-code": "nl", "OCPI-to-party-id": "JED",
    "OCPI-from-country-code": "NL", "OCPI-from-party-id": "CPO",
}  # fmt: skip
ONE, TWO = (
    Parties(("NL", "JED"), frozenset({("NL", "CPO")})),
    Parties(("NL", "JED"), frozenset({("NL", "CPO"), ("DE", "CPO")})),
)
FROM_CPO = {"OCPI-from-country-code": "NL", "OCPI-from-party-id": "CPO"}
OK = {"status_code": 1000, "timestamp": "2024-05-01T10:00:00Z"}


def said(violations):
    return [violation.what for violation in violations]


def test_a_violation_says_where_what_and_by_which_passage():
    text = str(Violation("PUT session NL/CPO/1", "kwh decreasing", "mod_sessions, Receiver Interface"))
    assert text == "PUT session NL/CPO/1: kwh decreasing (OCPI 2.2.1 mod_sessions, Receiver Interface)"


# --- requests -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("headers", "wrong"),
    [
        ({**IDS, "Content-Type": "application/json; charset=utf-8"}, []),
        ({"X-Request-ID": "r", "Content-Type": "application/json"}, ["no header X-Correlation-ID"]),
        ({**IDS, "Content-Type": "text/plain"}, ["Content-Type is 'text/plain', not application/json"]),
        (IDS, ["Content-Type is '', not application/json"]),
    ],
)
def test_a_body_is_json_and_a_request_has_its_ids(headers, wrong):
    assert said(request_rules.headers("w", headers, has_body=True)) == wrong


def test_a_request_without_a_body_needs_no_content_type():
    assert request_rules.headers("w", IDS, has_body=False) == []


@pytest.mark.parametrize(
    ("headers", "parties", "wrong"),
    [
        ({}, ONE, []),
        ({**FROM_CPO, "OCPI-to-country-code": "nl", "OCPI-to-party-id": "jed"}, ONE, []),
        ({}, TWO, ["no OCPI-from headers, though your platform has more than one role"]),
        ({"OCPI-to-party-id": "JED"}, ONE, ["OCPI-to-country-code and OCPI-to-party-id go together"]),
        (
            {"OCPI-to-country-code": "NL", "OCPI-to-party-id": "XXX"}, ONE,
            ["OCPI-to-country-code, OCPI-to-party-id are 'NL', 'XXX', not us"],
        ),
        (
            {"OCPI-from-country-code": "BE", "OCPI-from-party-id": "CPO"}, ONE,
            ["OCPI-from-country-code, OCPI-from-party-id are 'BE', 'CPO', not a role of your credentials"],
        ),
        ({"OCPI-from-country-code": "BE", "OCPI-from-party-id": "CPO"}, Parties(("NL", "JED")), []),
    ],
)  # fmt: skip
def test_a_functional_module_is_routed_to_us_from_a_role_of_the_cpo(headers, parties, wrong):
    assert said(request_rules.routing("w", headers, parties, functional=True)) == wrong


def test_a_configuration_module_is_not_routed():
    wrong = ["OCPI-from-country-code on a configuration module", "OCPI-from-party-id on a configuration module"]
    assert said(request_rules.routing("w", FROM_CPO, ONE, functional=False)) == wrong


def test_what_is_pushed_belongs_to_a_role_of_the_cpo():
    assert request_rules.owner("w", ("nl", "cpo"), ONE) == []
    assert said(request_rules.owner("w", ("NL", "ABC"), ONE)) == ["NL*ABC in the URL is no role of your credentials"]


# --- answers --------------------------------------------------------------------------------------------------------


def exchange(*, http_status=200, headers=None, body=OK, malformed=False, sent=None):
    received = CaseInsensitiveDict({"Content-Type": "application/json", **IDS, **(headers or {})})
    return Exchange("PUT", "http://cpo/x?y", {**IDS, **(sent or {})}, http_status, received, body, malformed)


def test_an_answer_by_the_book():
    assert answer_rules.answered(exchange(sent=ROUTED, headers=SWAPPED)) == []
    assert answer_rules.answered(exchange(sent=ROUTED)) == []  # a platform of one role


@pytest.mark.parametrize(
    ("changes", "wrong"),
    [
        ({"body": {"status_code": 1000}}, ["timestamp is missing"]),
        ({"body": {**OK, "timestamp": "2024-05-01T10:00:00+00:00"}},
         ["timestamp is '2024-05-01T10:00:00+00:00', no OCPI DateTime"]),
        ({"body": {**OK, "status_code": "1000"}}, ["status_code is '1000', no int"]),
        ({"body": {**OK, "status_code": 200}}, ["status_code 200 is in no range"]),
        ({"body": []}, ["is not an object"]),
        ({"malformed": True, "body": None}, ["HTTP 200 without a JSON body"]),
        ({"malformed": True, "body": None, "http_status": 503}, []),
        ({"headers": {"Content-Type": "text/html"}}, ["Content-Type is 'text/html', not application/json"]),
        ({"headers": {"X-Request-ID": "another"}}, ["X-Request-ID of the request is not in the response"]),
        ({"http_status": 400}, ["HTTP 400 for a request of valid JSON to an address of yours"]),
        ({"http_status": 500}, ["HTTP 500 for a request of valid JSON to an address of yours"]),
        ({"http_status": 404}, []),
        ({"sent": ROUTED, "headers": ROUTED},
         ["OCPI-to-country-code, OCPI-to-party-id are ['NL', 'CPO'], not ['NL', 'JED']",
          "OCPI-from-country-code, OCPI-from-party-id are ['NL', 'JED'], not ['NL', 'CPO']"]),
    ],
)  # fmt: skip
def test_an_answer_that_is_not(changes, wrong):
    assert said(answer_rules.answered(exchange(**changes))) == wrong


@pytest.mark.parametrize(
    ("data", "wrong"),
    [
        ({"result": "ACCEPTED", "timeout": 30}, []),
        ({"result": "REJECTED"}, ["data: timeout is missing"]),
        ({"result": "MAYBE", "timeout": 30}, ["data: result is 'MAYBE', which the enum does not have"]),
        (None, ["data: is not an object"]),
    ],
)
def test_a_successful_answer_has_its_object(data, wrong):
    assert said(answer_rules.data(exchange(body={**OK, "data": data}), PROFILE_RESPONSE)) == wrong


def test_a_refusal_has_none():
    assert answer_rules.data(exchange(body={**OK, "status_code": 2001}), PROFILE_RESPONSE) == []


@pytest.mark.parametrize(
    ("headers", "data", "wrong"),
    [
        ({"X-Total-Count": "3", "X-Limit": "2"}, [1, 2], []),
        ({"X-Limit": "2"}, [], ["X-Total-Count is None, no int"]),
        ({"X-Total-Count": "3", "X-Limit": "1"}, [1, 2], ["2 objects, though X-Limit is 1"]),
        ({"X-Total-Count": "3", "X-Limit": "1"}, {}, ["data is no list"]),
    ],
)
def test_a_page_is_a_list_with_its_headers(headers, data, wrong):
    assert said(answer_rules.page(exchange(headers=headers, body={**OK, "data": data}))) == wrong


@pytest.mark.parametrize(("brought", "total", "wrong"), [(3, "3", 0), (2, "3", 1), (3, None, 0)])
def test_the_pages_hold_all_there_is(brought, total, wrong):
    assert len(answer_rules.pages("w", brought=brought, total=total)) == wrong


# --- active charging profiles -----------------------------------------------------------------------------------------


def plan(*periods, unit="W", start="2024-05-01T10:00:00Z", **changes):
    listed = [{"start_period": at, "limit": limit} for at, limit in periods]
    profile = {"charging_rate_unit": unit, "charging_profile_period": listed, **changes}
    return {"start_date_time": start, "charging_profile": profile}


def asked(*periods, **changes):
    return {"start_date_time": "2024-05-01T10:00:00Z", **plan(*periods)["charging_profile"], **changes}


@pytest.mark.parametrize(
    ("body", "wrong"),
    [
        (plan((0, 11000), (60, 0)), []),
        (plan(), []),
        (plan((0, 11000.55)),
         ["charging_profile.charging_profile_period.0.limit is 11000.55, with more than one decimal"]),
        (plan((60, 1), (0, 2)), ["start_period does not rise: [60, 0]; each one ends the period before"]),
        (plan((0, 1), unit="kW"), ["charging_profile.charging_rate_unit is 'kW', which the enum does not have"]),
        ({"charging_profile": {}}, ["start_date_time is missing", "charging_profile.charging_rate_unit is missing",
                                    "charging_profile.charging_profile_period is missing"]),
        ([], ["is not an object"]),
    ],
)  # fmt: skip
def test_an_active_charging_profile_has_its_shape(body, wrong):
    assert said(active_profile("w", body)) == wrong


@pytest.mark.parametrize(
    ("ours", "theirs", "where"),
    [
        (asked((0, 11000)), plan((0, 10971.0)), ""),
        (asked((0, 11000)), plan((0, 11000.0), (60, 12000)),
         "plans 12000 W at 2024-05-01T10:01:00Z, where 11000 W were asked"),
        (asked((0, 11000), (60, 0)), plan((0, 11000)), "plans 11000 W at 2024-05-01T10:01:01Z, where 0 W were asked"),
        (asked((0, 11000), (60, 0)), plan((0, 11000), (61, 0)), ""),
        (asked((0, 0), (60, 11000)), plan((0, 0), (59, 11000)), ""),
        (asked((0, 0), (60, 11000)), plan((0, 0), (55, 11000)),
         "plans 11000 W at 2024-05-01T10:00:55Z, where 0 W were asked"),
        (asked((0, 11000), duration=60), plan((0, 11000), (60, 22080)), ""),
        (asked((0, 11000)), plan((0, 16), unit="A"), ""),
        (asked((0, 11000)), plan((0, 22080), start="2024-05-01T09:00:00Z", duration=3600), ""),
        ({**plan((0, 1))["charging_profile"]}, plan((0, 22080)), ""),
    ],
)  # fmt: skip
def test_a_plan_above_what_was_asked_is_seen(ours, theirs, where):
    assert above_asked(ours, theirs) == where
