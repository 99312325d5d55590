"""The profile stack, the car and the composite without a socket (OCPP 1.6 section 3.13)."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from chargepoints.simulator.car import Car
from chargepoints.simulator.composite import composite_schedule
from chargepoints.simulator.hardware import Hardware, Limit
from chargepoints.simulator.knobs import Composite
from chargepoints.simulator.profiles import ProfileRefused, ProfileStack, StackLimits
from chargepoints.simulator.v16.answers import composite_answer
from chargepoints.simulator.v16.profiles import parse_profile

from .talk import TALKS

pytestmark = pytest.mark.pure
set_profile = TALKS["1.6"].set_profile

NOON = datetime(2024, 5, 1, 12, 0, 0, tzinfo=UTC)
HARDWARE = Hardware(phases=3, max_amps=Decimal(32), units=("A", "W"))
LIMITS = StackLimits(max_stack_level=3, max_periods=3, max_profiles=3)
MAX, DEFAULT, TX = "ChargePointMaxProfile", "TxDefaultProfile", "TxProfile"


def parse(*periods: tuple[int, float], **options: Any) -> Any:
    extra = {key: options.pop(key) for key in ("validFrom", "validTo", "recurrencyKind") if key in options}
    message = set_profile(*periods, **options)
    profile = message["csChargingProfiles"] | extra
    if "recurrencyKind" in extra:
        profile["chargingProfileKind"] = "Recurring"
    return parse_profile(message["connectorId"], profile)


def stack(*profiles: Any) -> ProfileStack:
    result = ProfileStack()
    for profile in profiles:
        result = result.install(profile, LIMITS)
    return result


def composite_of(
    profiles: ProfileStack, *, duration_s: int = 3600, connector: int = 1, now: datetime = NOON,
    charging_since: datetime | None = None,
) -> list[tuple[int, str, Decimal]]:  # fmt: skip
    periods = profiles.composite(
        connector, now=now, duration_s=duration_s, charging_since=charging_since, hardware=HARDWARE
    )
    return [(period.start_s, period.limit.unit, period.limit.value) for period in periods]


def test_without_profiles_the_hardware_is_the_limit() -> None:
    assert composite_of(ProfileStack()) == [(0, "A", Decimal(32))]


def test_a_schedule_is_cut_to_the_window_and_shifted_to_its_start() -> None:
    profiles = stack(parse((0, 16), (600, 0), (1200, 10), start="2024-05-01T11:55:00Z"))
    assert composite_of(profiles, duration_s=900) == [(0, "A", Decimal(16)), (300, "A", Decimal(0))]
    assert composite_of(profiles, duration_s=901)[-1] == (900, "A", Decimal(10))


def test_the_highest_level_leads_and_gives_way_when_its_schedule_ends() -> None:
    profiles = stack(
        parse((0, 6), (100, 8), (200, 10), purpose=DEFAULT, level=0, profile_id=1, duration=400),
        parse((0, 20), purpose=DEFAULT, level=1, profile_id=2, duration=150),
    )
    assert composite_of(profiles) == [
        (0, "A", Decimal(20)), (150, "A", Decimal(8)), (200, "A", Decimal(10)), (400, "A", Decimal(32)),
    ]  # fmt: skip


def test_a_tx_profile_overrules_the_default_also_with_a_higher_limit() -> None:
    profiles = stack(parse((0, 10), purpose=DEFAULT, level=3, profile_id=1), parse((0, 16), purpose=TX))
    assert composite_of(profiles) == [(0, "A", Decimal(16))]


def test_a_tx_profile_of_the_future_leaves_the_default_in_force_until_then() -> None:
    later = parse((0, 16), purpose=TX, start="2024-05-01T12:10:00Z")
    profiles = stack(parse((0, 10), purpose=DEFAULT, profile_id=1), later)
    assert composite_of(profiles) == [(0, "A", Decimal(10)), (600, "A", Decimal(16))]


def test_the_charge_point_maximum_caps_whatever_else_says_more() -> None:
    ceiling = parse((0, 13), (600, 32), purpose=MAX, connector=0, profile_id=1)
    profiles = stack(ceiling, parse((0, 16), (900, 8), purpose=TX))
    assert composite_of(profiles) == [(0, "A", Decimal(13)), (600, "A", Decimal(16)), (900, "A", Decimal(8))]


def test_a_limit_above_the_hardware_is_the_hardware() -> None:
    assert composite_of(stack(parse((0, 63)))) == [(0, "A", Decimal(32))]


def test_watts_and_amps_are_compared_as_amps_per_phase() -> None:
    ceiling = parse((0, 11040), purpose=MAX, connector=0, unit="W", profile_id=1)
    profiles = stack(ceiling, parse((0, 20), (600, 10), purpose=TX))
    assert composite_of(profiles) == [(0, "W", Decimal(11040)), (600, "A", Decimal(10))]


def test_the_grid_connection_knows_only_the_charge_point_maximum() -> None:
    profiles = stack(
        parse((0, 25), purpose=MAX, connector=0, profile_id=1), parse((0, 6), purpose=DEFAULT, connector=0)
    )
    assert composite_of(profiles, connector=0) == [(0, "A", Decimal(25))]


def test_a_default_of_connector_0_holds_for_each_and_yields_to_the_connectors_own() -> None:
    profiles = stack(
        parse((0, 10), purpose=DEFAULT, connector=0, profile_id=1),
        parse((0, 20), purpose=DEFAULT, connector=2, profile_id=2),
    )
    assert composite_of(profiles, connector=1) == [(0, "A", Decimal(10))]
    assert composite_of(profiles, connector=2) == [(0, "A", Decimal(20))]


def test_a_relative_schedule_counts_from_the_start_of_charging() -> None:
    profiles = stack(parse((0, 16), (600, 6), start=None))
    assert composite_of(profiles, charging_since=NOON - timedelta(seconds=500)) == [
        (0, "A", Decimal(16)), (100, "A", Decimal(6)),
    ]  # fmt: skip


def test_validity_bounds_a_profile() -> None:
    profiles = stack(parse((0, 6), validFrom="2024-05-01T12:05:00Z", validTo="2024-05-01T12:10:00Z"))
    assert composite_of(profiles) == [(0, "A", Decimal(32)), (300, "A", Decimal(6)), (600, "A", Decimal(32))]


def test_a_daily_schedule_returns() -> None:
    nightly = parse((0, 6), start="2024-04-01T11:00:00Z", duration=7200, purpose=DEFAULT, recurrencyKind="Daily")
    assert composite_of(stack(nightly), duration_s=86_400) == [
        (0, "A", Decimal(6)), (3600, "A", Decimal(32)), (82_800, "A", Decimal(6)),
    ]  # fmt: skip


def test_within_a_second_the_limit_in_force_now_counts() -> None:
    profiles = stack(parse((0, 6), start="2024-05-01T12:00:00.400Z"))
    assert composite_of(profiles, now=NOON.replace(microsecond=500_000)) == [(0, "A", Decimal(6))]


def test_the_same_id_or_the_same_slot_replaces() -> None:
    first = parse((0, 6), profile_id=1, level=0, purpose=DEFAULT)
    same_id = parse((0, 7), profile_id=1, level=2, purpose=DEFAULT)
    same_slot = parse((0, 8), profile_id=2, level=2, purpose=DEFAULT)
    assert stack(first, same_id).profiles == (same_id,)
    assert stack(first, same_id, same_slot).profiles == (same_slot,)
    other_connector = parse((0, 8), profile_id=3, level=2, purpose=DEFAULT, connector=2)
    assert stack(same_slot, other_connector).profiles == (same_slot, other_connector)


@pytest.mark.parametrize(
    ("profile", "reason"),
    [
        (lambda: parse((0, 6), level=4), "stackLevel must be 0 to 3"),
        (lambda: parse((0, 6), (1, 7), (2, 8), (3, 9)), "at most 3 periods"),
        (lambda: parse((0, 6), purpose=MAX, connector=1), "ChargePointMaxProfile belongs to connector 0"),
        (lambda: parse((0, 6), purpose=TX, connector=0), "TxProfile belongs to a connector above 0"),
        (lambda: parse((5, 6)), "the first startPeriod must be 0"),
        (parse, "the first startPeriod must be 0"),
        (lambda: parse((0, 6), (60, 7), (60, 8)), "startPeriod must ascend"),
        (lambda: parse((0, -1)), "a limit must not be negative"),
        (lambda: parse((0, 6), start="yesterday"), "Invalid isoformat string: 'yesterday'"),
    ],
)
def test_what_is_refused(profile: Any, reason: str) -> None:
    with pytest.raises(ProfileRefused) as refusal:
        ProfileStack().install(profile(), LIMITS)
    assert str(refusal.value) == reason


def test_a_full_stack_takes_a_replacement_but_no_newcomer() -> None:
    full = stack(*(parse((0, 6), profile_id=n, level=n, purpose=DEFAULT) for n in (1, 2, 3)))
    with pytest.raises(ProfileRefused, match="3 profiles are installed"):
        full.install(parse((0, 6), profile_id=9, level=0, purpose=DEFAULT), LIMITS)
    assert len(full.install(parse((0, 9), profile_id=3, level=3, purpose=DEFAULT), LIMITS).profiles) == 3


@pytest.mark.parametrize(
    ("criteria", "left"),
    [
        ({}, []),
        ({"profile_id": 2}, [1, 3]),
        ({"connector": 1}, [1, 3]),
        ({"connector": 0}, [2]),
        ({"purpose": DEFAULT}, [1]),
        ({"stack_level": 1}, [1, 2]),
        ({"purpose": DEFAULT, "connector": 0}, [1, 2]),
        ({"profile_id": 2, "connector": 0}, [1, 2, 3]),
        ({"profile_id": 99}, [1, 2, 3]),
    ],
)
def test_clear_removes_what_meets_all_criteria(criteria: dict[str, Any], left: list[int]) -> None:
    profiles = stack(
        parse((0, 6), profile_id=1, purpose=MAX, connector=0, level=0),
        parse((0, 6), profile_id=2, purpose=DEFAULT, connector=1, level=0),
        parse((0, 6), profile_id=3, purpose=DEFAULT, connector=0, level=1),
    )
    assert [p.profile_id for p in profiles.clear(**criteria).profiles] == left


def answer_with(variant: Composite, profiles: ProfileStack, unit: str = "A") -> dict[str, Any]:
    periods = profiles.composite(1, now=NOON, duration_s=600, charging_since=None, hardware=HARDWARE)
    schedule = composite_schedule(periods, begin=NOON, duration_s=600, unit=unit, hardware=HARDWARE, variant=variant)
    return composite_answer(schedule, connector=1, without_schedule=variant is Composite.NO_SCHEDULE)


def test_the_honest_composite_answer() -> None:
    assert answer_with(Composite.HONEST, stack(parse((0, 16.5), (60, 0)))) == {
        "status": "Accepted",
        "connectorId": 1,
        "scheduleStart": "2024-05-01T12:00:00.000Z",
        "chargingSchedule": {
            "duration": 600,
            "chargingRateUnit": "A",
            "chargingSchedulePeriod": [
                {"startPeriod": 0, "limit": 16.5, "numberPhases": 3},
                {"startPeriod": 60, "limit": 0.0, "numberPhases": 3},
            ],
        },
    }


@pytest.mark.parametrize(
    ("variant", "unit", "limits"),
    [
        (Composite.HONEST, "A", [6.1, 32.0]),
        (Composite.HONEST, "W", [4209.0, 22080.0]),
        (Composite.OTHER_UNIT, "A", [4209.0, 22080.0]),
        (Composite.FILLER_48A, "A", [6.1, 48.0]),
        (Composite.MINUS_ONE, "A", [6.1, -1.0]),
        (Composite.MINUS_ONE, "W", [4209.0, -1.0]),
        (Composite.FLOAT_NOISE, "A", [6.1000000000000005, 32.00000000000001]),
        (Composite.EMPTY_PERIODS, "A", []),
    ],
)
def test_limits_of_the_composite_variants(variant: Composite, unit: str, limits: list[float]) -> None:
    schedule = answer_with(variant, stack(parse((0, 6.1), duration=60)), unit)["chargingSchedule"]
    assert [period["limit"] for period in schedule["chargingSchedulePeriod"]] == limits


def test_the_other_composite_variants() -> None:
    profiles = stack(parse((0, 6), (60, 0)))
    assert "chargingSchedule" not in answer_with(Composite.NO_SCHEDULE, profiles)
    assert answer_with(Composite.ONE_SECOND_EARLY, profiles)["scheduleStart"] == "2024-05-01T11:59:59.000Z"
    periods = answer_with(Composite.FLOAT_START, profiles)["chargingSchedule"]["chargingSchedulePeriod"]
    assert [repr(period["startPeriod"]) for period in periods] == ["0.0", "60.0"]
    assert answer_with(Composite.OTHER_UNIT, profiles)["chargingSchedule"]["chargingRateUnit"] == "W"


@pytest.mark.parametrize(
    ("limit", "amps"),
    [
        (Limit("A", Decimal(10)), Decimal(10)),
        (Limit("W", Decimal(6900)), Decimal(10)),
        (Limit("W", Decimal(2300), 1), Decimal(10)),
    ],
)
def test_a_limit_in_amps_per_phase(limit: Limit, amps: Decimal) -> None:
    assert limit.amps(HARDWARE) == amps


def test_a_conversion_rounds_down_to_one_decimal() -> None:
    assert Limit("W", Decimal(22000)).in_unit("A", HARDWARE) == Decimal("31.8")


@pytest.mark.parametrize(
    ("offered", "drawn"), [("0", "0"), ("5.9", "0"), ("6", "6"), ("10.5", "10.5"), ("16", "16"), ("32", "16")]
)
def test_a_car_draws_what_it_may_and_can(offered: str, drawn: str) -> None:
    assert Car(max_amps=Decimal(16)).draws(Decimal(offered)) == Decimal(drawn)


def test_a_full_car_draws_nothing() -> None:
    car = Car(capacity_wh=Decimal(1000), charge_wh=Decimal(900)).charged(Decimal(500))
    assert (car.charge_wh, car.soc_percent, car.draws(Decimal(16))) == (Decimal(1000), 100, Decimal(0))
