"""OCPP 2.0.1 without a socket: composites, which profiles exclude each other, what cannot be set up."""

import contextlib
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import combinations
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chargepoints.simulator import Composite, SimulatedChargePoint
from chargepoints.simulator.composite import composite_schedule
from chargepoints.simulator.hardware import Hardware, Limit
from chargepoints.simulator.profiles import (
    DEFAULT,
    TX,
    CompositePeriod,
    Profile,
    ProfileRefused,
    ProfileStack,
    StackLimits,
)  # fmt: skip
from chargepoints.simulator.v201.profiles import check_conflicts
from chargepoints.simulator.v201.smart_charging import composite_answer

pytestmark = pytest.mark.pure
NOON = datetime(2024, 5, 1, 12, 0, 0, tzinfo=UTC)
LIMITS = StackLimits(max_stack_level=3, max_periods=3, max_profiles=20)
hours = st.none() | st.integers(0, 4).map(lambda hour: NOON + timedelta(hours=hour))
profiles = st.builds(
    Profile, profile_id=st.integers(1, 5), connector=st.integers(1, 2), stack_level=st.integers(0, 1),
    purpose=st.sampled_from([DEFAULT, TX]), periods=st.just(((0, Limit("A", Decimal(6))),)), valid_from=hours,
    valid_to=hours,
)  # fmt: skip


def valid_at(profile: Profile, moment: datetime) -> bool:
    return profile.limit_at(moment, NOON) is not None


@given(st.lists(profiles, max_size=12))
def test_never_two_profiles_of_one_purpose_level_and_evse_at_one_moment(asked: list[Profile]) -> None:
    """K01.FR.06, K01.FR.39; an id is there once (K01.FR.05)."""
    stack = ProfileStack()
    for profile in asked:
        with contextlib.suppress(ProfileRefused):
            check_conflicts(profile, stack.profiles)
            stack = stack.add(profile, LIMITS)
    moments = [NOON + timedelta(minutes=30 * n) for n in range(10)]
    for one, other in combinations(stack.profiles, 2):
        assert one.profile_id != other.profile_id
        assert one.slot != other.slot or not any(valid_at(one, m) and valid_at(other, m) for m in moments)


def test_another_version_is_refused() -> None:
    with pytest.raises(ValueError, match=r"OCPP 1.5 is not simulated; 1.6 and 2.0.1 are"):
        SimulatedChargePoint("ws://127.0.0.1:9", "CP-1", version="1.5")


@pytest.mark.parametrize(
    ("label", "message"),
    [("TxCtrlr.Nope", "there is no TxCtrlr.Nope"), ("TxCtrlr.TxStartPoint", "follows from the simulation")],
)
def test_a_setting_that_does_not_exist_is_refused(label: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        SimulatedChargePoint("ws://127.0.0.1:9", "CP-1", version="2.0.1", configuration={label: "1"})


def answer_with(variant: Composite, unit: str = "A") -> dict[str, Any]:
    """6.1 A by a profile, then what the hardware can."""
    hardware = Hardware(3, Decimal(32), ("A", "W"))
    periods = [
        CompositePeriod(0, Limit("A", Decimal("6.1")), limited=True),
        CompositePeriod(60, hardware.maximum, limited=False),
    ]
    schedule = composite_schedule(periods, begin=NOON, duration_s=600, unit=unit, hardware=hardware, variant=variant)
    return composite_answer(schedule, evse=1, without_schedule=variant is Composite.NO_SCHEDULE)


def test_the_honest_composite_answer() -> None:
    assert answer_with(Composite.HONEST) == {
        "status": "Accepted",
        "schedule": {
            "evseId": 1,
            "duration": 600,
            "scheduleStart": "2024-05-01T12:00:00.000Z",
            "chargingRateUnit": "A",
            "chargingSchedulePeriod": [
                {"startPeriod": 0, "limit": 6.1, "numberPhases": 3},
                {"startPeriod": 60, "limit": 32.0, "numberPhases": 3},
            ],
        },
    }


@pytest.mark.parametrize(
    ("variant", "unit", "limits"),
    [
        (Composite.OTHER_UNIT, "W", [4209.0, 22080.0]),
        (Composite.FILLER_48A, "A", [6.1, 48.0]),
        (Composite.MINUS_ONE, "A", [6.1, -1.0]),
        (Composite.FLOAT_NOISE, "A", [6.1000000000000005, 32.00000000000001]),
        (Composite.EMPTY_PERIODS, "A", []),
    ],
)
def test_limits_of_the_composite_variants(variant: Composite, unit: str, limits: list[float]) -> None:
    schedule = answer_with(variant)["schedule"]
    assert (schedule["chargingRateUnit"], [p["limit"] for p in schedule["chargingSchedulePeriod"]]) == (unit, limits)


def test_the_other_composite_variants() -> None:
    assert answer_with(Composite.NO_SCHEDULE) == {"status": "Accepted"}
    assert answer_with(Composite.ONE_SECOND_EARLY)["schedule"]["scheduleStart"] == "2024-05-01T11:59:59.000Z"
    periods = answer_with(Composite.FLOAT_START)["schedule"]["chargingSchedulePeriod"]
    assert [repr(period["startPeriod"]) for period in periods] == ["0.0", "60.0"]
