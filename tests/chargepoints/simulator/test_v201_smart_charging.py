"""Profiles in OCPP 2.0.1 (section K): which are taken, cleared and reported."""

from typing import Any

import pytest

from .conftest import Connect, charging, of_2_0_1
from .csms import CentralSystem
from .talk import TALKS

pytestmark = [pytest.mark.once, of_2_0_1]
talk = TALKS["2.0.1"]


def changed(request: dict[str, Any], *, period: Any = None, **profile: Any) -> dict[str, Any]:
    """With other fields in the profile, and in its first period."""
    request["chargingProfile"] |= profile
    request["chargingProfile"]["chargingSchedule"][0]["chargingSchedulePeriod"][0] |= period or {}
    return request


def default(*periods: Any, **options: Any) -> dict[str, Any]:
    return talk.set_profile(*(periods or [(0, 16)]), **{"purpose": "TxDefaultProfile"} | options)


async def reason(csms: CentralSystem, request: dict[str, Any]) -> str:
    """The reasonCode of a refusal; empty: taken."""
    answer = await csms.call("SetChargingProfile", request)
    return answer["statusInfo"]["reasonCode"] if answer["status"] == "Rejected" else ""


@pytest.mark.parametrize(
    ("request_", "code"),
    [
        (default(connector=7), "UnknownEvse"),
        (default(unit="W"), "UnsupportedRateUnit"),
        (default((5, 16)), "InvalidSchedule"),
        (default((0, 16), (60, 8), (60, 9)), "InvalidSchedule"),
        (default(*((n, 16) for n in range(25))), "InvalidSchedule"),
        (default((0, -1)), "InvalidSchedule"),
        (default(level=11), "InvalidStackLevel"),
        (default(purpose="ChargePointMaxProfile", connector=1), "InvalidProfile"),
        (default(purpose="ChargePointMaxProfile", connector=0, start=None), "InvalidValue"),
        (default(purpose="ChargingStationExternalConstraints", connector=0), "InvalidValue"),
        (changed(default(), chargingProfileKind="Relative"), "InvalidSchedule"),
        (changed(default(start=None), chargingProfileKind="Absolute"), "InvalidSchedule"),
        (changed(default(), period={"numberPhases": 1, "phaseToUse": 2}), "InvalidSchedule"),
        (changed(default(), recurrencyKind="Daily"), "InvalidProfile"),
    ],
)
async def test_what_is_refused(csms: CentralSystem, connect: Connect, request_: dict[str, Any], code: str) -> None:
    cp = await connect()
    assert await reason(csms, request_) == code
    assert (cp.profiles, cp.current_limit()) == ((), 32)
    assert csms.violations == []


async def test_only_one_schedule_while_the_car_has_told_no_needs(csms: CentralSystem, connect: Connect) -> None:
    await connect()
    request = default()
    request["chargingProfile"]["chargingSchedule"] *= 2
    assert await reason(csms, request) == "InvalidSchedule"


async def test_a_tx_profile_names_the_transaction_of_its_evse(csms: CentralSystem, connect: Connect) -> None:
    cp = await charging(connect, evses=2)
    running = cp.transaction_id()
    assert await reason(csms, talk.set_profile((0, 10))) == "MissingParam"
    assert await reason(csms, talk.set_profile((0, 10), transaction_id="another")) == "TxNotFound"
    assert await reason(csms, talk.set_profile((0, 10), transaction_id=running, connector=2)) == "TxNotFound"
    assert await reason(csms, talk.set_profile((0, 10), transaction_id=running, connector=0)) == "InvalidProfile"
    assert await reason(csms, talk.set_profile((0, 10), transaction_id=running)) == ""
    assert cp.current_limit() == 10


async def test_a_tx_profile_for_a_cable_without_authorization_is_taken(csms: CentralSystem, connect: Connect) -> None:
    cp = await connect()
    await cp.plug_in()
    assert await reason(csms, talk.set_profile((0, 10), transaction_id=cp.transaction_id())) == ""
    await cp.start()
    assert cp.drawn_amps() == 10


async def test_another_id_at_the_same_level_of_a_transaction_is_refused(csms: CentralSystem, connect: Connect) -> None:
    """K01.FR.39; the same id replaces (K01.FR.05)."""
    cp = await charging(connect)
    tx = {"transaction_id": cp.transaction_id()}
    assert await reason(csms, talk.set_profile((0, 10), profile_id=1, level=2, **tx)) == ""
    assert await reason(csms, talk.set_profile((0, 6), profile_id=2, level=2, **tx)) == "DuplicateProfile"
    assert cp.current_limit() == 10
    assert await reason(csms, talk.set_profile((0, 7), profile_id=1, level=2, **tx)) == ""
    assert await reason(csms, talk.set_profile((0, 8), profile_id=2, level=3, **tx)) == ""
    assert cp.current_limit() == 8
    assert [p.profile_id for p in cp.profiles] == [1, 2]


async def test_other_purposes_may_share_a_level_at_other_times(csms: CentralSystem, connect: Connect) -> None:
    """K01.FR.06."""
    cp = await connect()
    noon, later = "2024-05-01T12:00:00Z", "2024-05-01T13:00:00Z"
    assert await reason(csms, changed(default(profile_id=1), validTo=later)) == ""
    assert await reason(csms, changed(default(profile_id=2), validFrom=noon)) == "DuplicateProfile"
    assert await reason(csms, changed(default((0, 8), profile_id=2), validFrom=later)) == ""
    assert cp.current_limit() == 16
    cp.set_knobs(clock_skew_s=3600)
    assert cp.current_limit() == 8


@pytest.mark.parametrize(("first", "second"), [(0, 1), (1, 0)])
async def test_a_default_of_all_evses_excludes_one_of_a_single_evse(
    csms: CentralSystem, connect: Connect, first: int, second: int
) -> None:
    """K01.FR.52, K01.FR.53."""
    await connect(evses=2)
    assert await reason(csms, default(profile_id=1, connector=first)) == ""
    assert await reason(csms, default(profile_id=2, connector=second)) == "DuplicateProfile"
    assert await reason(csms, default(profile_id=2, connector=second, level=1)) == ""


async def test_two_evses_have_defaults_of_their_own(csms: CentralSystem, connect: Connect) -> None:
    cp = await connect(evses=2)
    assert await reason(csms, default((0, 10), profile_id=1, connector=1)) == ""
    assert await reason(csms, default((0, 20), profile_id=2, connector=2)) == ""
    assert (cp.current_limit(1), cp.current_limit(2)) == (10, 20)


async def test_a_profile_that_is_no_longer_valid_limits_nothing(csms: CentralSystem, connect: Connect) -> None:
    cp = await connect()
    assert await reason(csms, changed(default(), validTo="2024-05-01T12:00:00Z")) == ""
    assert cp.current_limit() == 32


async def test_the_station_maximum_caps_all(csms: CentralSystem, connect: Connect) -> None:
    cp = await charging(connect)
    assert await reason(csms, default((0, 13), profile_id=1, purpose="ChargePointMaxProfile", connector=0)) == ""
    assert await reason(csms, talk.set_profile((0, 16), transaction_id=cp.transaction_id())) == ""
    assert cp.current_limit() == 13
    for evse in (0, 1):
        answer = await csms.call("GetCompositeSchedule", talk.composite(600, evse))
        assert (answer["schedule"]["evseId"], talk.periods(answer)) == (evse, [(0, 13)])


@pytest.mark.parametrize(
    ("request_", "left"),
    [
        ({"chargingProfileId": 2}, {1, 3}),
        ({"chargingProfileCriteria": {"evseId": 1}}, {1, 3}),
        ({"chargingProfileCriteria": {"evseId": 0}}, {2}),
        ({"chargingProfileCriteria": {"chargingProfilePurpose": "TxDefaultProfile"}}, {1}),
        ({"chargingProfileCriteria": {"chargingProfilePurpose": "ChargingStationMaxProfile"}}, {2, 3}),
        ({"chargingProfileCriteria": {"stackLevel": 1}}, {1, 2}),
        ({"chargingProfileCriteria": {"evseId": 0, "stackLevel": 0}}, {2, 3}),
        ({}, set()),
        ({"chargingProfileId": 9}, {1, 2, 3}),
        ({"chargingProfileCriteria": {"evseId": 2}}, {1, 2, 3}),
        ({"chargingProfileCriteria": {"chargingProfilePurpose": "ChargingStationExternalConstraints"}}, {1, 2, 3}),
    ],
)
async def test_clear_removes_what_meets_all_criteria(
    csms: CentralSystem, connect: Connect, request_: dict[str, Any], left: set[int]
) -> None:
    cp = await connect(evses=2)
    await csms.call("SetChargingProfile", default(profile_id=1, purpose="ChargePointMaxProfile", connector=0))
    await csms.call("SetChargingProfile", default(profile_id=2))
    await csms.call("SetChargingProfile", default(profile_id=3, level=1, connector=0))
    answer = await csms.call("ClearChargingProfile", request_)
    assert {p.profile_id for p in cp.profiles} == left
    assert answer["status"] == ("Unknown" if len(left) == 3 else "Accepted")
    assert csms.violations == []


async def test_profiles_are_reported_by_evse_and_source(csms: CentralSystem, connect: Connect) -> None:
    cp = await connect()
    station = default((0, 25), profile_id=1, purpose="ChargePointMaxProfile", connector=0)
    await csms.call("SetChargingProfile", station)
    await csms.call("SetChargingProfile", default(profile_id=2))
    await cp.impose_external_limit(10)
    assert await csms.call("GetChargingProfiles", {"requestId": 5, "chargingProfile": {}}) == {"status": "Accepted"}
    await csms.until(lambda: len(csms.payloads("ReportChargingProfiles")) == 3)
    reports = csms.payloads("ReportChargingProfiles")
    assert [(r["evseId"], r["chargingLimitSource"], r.get("tbc", False)) for r in reports] == [
        (0, "CSO", True), (1, "CSO", True), (0, "EMS", False),
    ]  # fmt: skip
    assert reports[0]["chargingProfile"] == [station["chargingProfile"]]
    assert reports[2]["chargingProfile"][0]["chargingProfilePurpose"] == "ChargingStationExternalConstraints"
    assert {r["requestId"] for r in reports} == {5}
    assert csms.violations == []


@pytest.mark.parametrize(
    ("request_", "ids"),
    [
        ({"evseId": 1, "chargingProfile": {}}, [2]),
        ({"evseId": 0, "chargingProfile": {}}, [1]),
        ({"chargingProfile": {"chargingProfileId": [2, 9]}}, [2]),
        ({"chargingProfile": {"chargingProfilePurpose": "TxDefaultProfile"}}, [2]),
        ({"chargingProfile": {"stackLevel": 0, "chargingLimitSource": ["CSO"]}}, [1]),
        ({"chargingProfile": {"chargingLimitSource": ["EMS"]}}, []),
    ],
)
async def test_a_report_of_some(csms: CentralSystem, connect: Connect, request_: dict[str, Any], ids: Any) -> None:
    await connect()
    await csms.call("SetChargingProfile", default(profile_id=1, purpose="ChargePointMaxProfile", connector=0))
    await csms.call("SetChargingProfile", default(profile_id=2, level=1))
    answer = await csms.call("GetChargingProfiles", {"requestId": 5} | request_)
    assert answer == {"status": "Accepted" if ids else "NoProfiles"}
    if ids:
        await csms.until(lambda: len(csms.payloads("ReportChargingProfiles")) == 1)
        (report,) = csms.payloads("ReportChargingProfiles")
        assert [p["id"] for p in report["chargingProfile"]] == ids
