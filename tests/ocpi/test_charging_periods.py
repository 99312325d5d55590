"""A session cut into charging periods (OCPI 2.2.1 mod_cdrs, ChargingPeriod and CdrDimensionType)."""

from datetime import datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chargepoints.models import ChargingSession, MeterValue
from ocpi import charging_periods
from ocpi.charging_periods import Measured, Piece, cut
from ocpi.models import ChargingPeriod
from ocpi.v2_2_1.session_objects import charging_period
from tests.support import ocpi_factories as make
from tests.support.ocpi_factories import START, later

MINUTE = timedelta(minutes=1)
FIVE = 5 * MINUTE


def at(minutes: float, kwh: Any = None, **figures: Any) -> Measured:
    known = {name: Decimal(str(value)) for name, value in figures.items()}
    return Measured(START + minutes * MINUTE, None if kwh is None else Decimal(str(kwh)), **known)


def cut_whole(readings: list[Measured], end: Measured | None = None) -> list[Piece]:
    return cut(readings, session_start=START, since=START, kwh_before=Decimal(0), at_least=FIVE, end=end)


def minutes(piece: Piece) -> tuple[float, float]:
    return (piece.started_at - START) / MINUTE, (piece.ended_at - START) / MINUTE


# --- where it is cut ------------------------------------------------------------------------------------------------


@pytest.mark.pure
def test_a_period_ends_at_the_first_reading_that_makes_it_long_enough_and_the_next_begins_there():
    pieces = cut_whole([at(1, 0), at(4, 1), at(6, 2), at(7, 3), at(11.5, 4), at(12, 5)])
    assert [minutes(piece) for piece in pieces] == [(0, 6), (6, 11.5)]
    assert [piece.kwh for piece in pieces] == [2, 2]


@pytest.mark.pure
def test_what_runs_is_not_told_and_the_end_of_the_session_closes_it():
    readings = [at(6, 2), at(8, 3)]
    assert [minutes(piece) for piece in cut_whole(readings)] == [(0, 6)]
    whole = cut_whole(readings, end=at(9, 3.5))
    assert [(minutes(piece), piece.kwh) for piece in whole] == [((0, 6), 2), ((6, 9), Decimal("1.5"))]


@pytest.mark.pure
def test_a_reading_at_the_very_end_leaves_the_end_its_energy():
    """The final register comes with the same time as the last reading."""
    assert [piece.kwh for piece in cut_whole([at(6, 2)], end=at(6, 3))] == [3]


@pytest.mark.pure
def test_a_session_without_length_has_no_period():
    assert cut_whole([], end=at(0, 1)) == []


@pytest.mark.pure
def test_periods_grow_with_the_session_so_that_there_are_few_of_them():
    week = [at(minute, minute / 100) for minute in range(1, 7 * 24 * 60)]
    pieces = cut_whole(week)
    assert len(pieces) < 120
    assert minutes(pieces[0]) == (0, 5)
    assert pieces[-1].ended_at - pieces[-1].started_at > timedelta(hours=5)


# --- what it says ---------------------------------------------------------------------------------------------------


@pytest.mark.pure
def test_power_and_current_are_averages_over_time_each_value_holding_until_the_next():
    readings = [at(0, 0, power_w=10000, current_a=15), at(4, 0.6, power_w=5000, current_a=7), at(5, 0.7, power_w=0)]
    (piece,) = cut_whole(readings)
    assert (piece.power_w, piece.current_a) == (9000, Decimal("13.40"))


@pytest.mark.pure
def test_before_the_first_value_the_first_one_holds():
    (piece,) = cut_whole([at(1), at(3, power_w=8000), at(5, power_w=1)])
    assert piece.power_w == (4 * 8000 + 1 * 8000) / 5


@pytest.mark.pure
def test_what_was_not_measured_is_not_known():
    (piece,) = cut_whole([at(5, 1)])
    assert (piece.power_w, piece.current_a, piece.soc_percent) == (None, None, None)


@pytest.mark.pure
@pytest.mark.parametrize(
    ("readings", "charging_minutes"),
    [
        ([at(0, 0, power_w=7000), at(3, 1, power_w=0), at(5, 1, power_w=0)], 3),
        ([at(0, 0, current_a=16), at(2, 1, current_a=0), at(5, 1, current_a=16)], 2),
        ([at(0, 0), at(2, 1), at(5, 1)], 2),
        ([at(0, 0), at(1), at(2, 1), at(3), at(5, 1)], 2),
        ([at(0, 0), at(5, 0)], 0),
        ([at(5, 4)], 5),
    ],
    ids=["by power", "by current", "by the register", "with others between", "nothing taken", "one reading"],
)
def test_the_time_charging_is_the_time_in_which_energy_flowed(readings, charging_minutes):
    """TIME: time charging during this period; PARKING_TIME: not charging."""
    (piece,) = cut_whole(readings)
    assert piece.charging_s == charging_minutes * 60


@pytest.mark.pure
@pytest.mark.parametrize(("said", "told"), [([20, 41.5], Decimal("41.5")), ([250], None), ([-1], None)])
def test_the_state_of_charge_is_the_last_one_and_within_0_to_100(said, told):
    (piece,) = cut_whole([*(at(n, soc_percent=value) for n, value in enumerate(said)), at(5, 1)])
    assert piece.soc_percent == told


@pytest.mark.pure
def test_a_register_that_falls_takes_nothing_back():
    assert [piece.kwh for piece in cut_whole([at(5, 3), at(7, 1), at(10, 2), at(15, 4)])] == [3, 0, 1]


def exact(value: int | None) -> Decimal | None:
    return None if value is None else Decimal(value)


def in_order(raw: list[tuple[int, int | None, int | None, int | None]]) -> list[Measured]:
    figures = ((minute, exact(kwh), exact(power), exact(current)) for minute, kwh, power, current in raw)
    return [Measured(START + minute * MINUTE, *others) for minute, *others in sorted(figures, key=lambda f: f[0])]


READINGS = st.lists(
    st.tuples(
        st.integers(0, 3000),
        st.none() | st.integers(0, 50),
        st.none() | st.integers(0, 22000),
        st.none() | st.integers(0, 32),
    ),
    max_size=40,
)


@pytest.mark.pure
@given(READINGS, st.integers(3001, 4000))
def test_the_pieces_join_and_add_up_to_the_session(raw, end_minute):
    readings = in_order(raw)
    total = max([Decimal(0), *(r.kwh for r in readings if r.kwh is not None)])
    pieces = cut_whole(readings, end=Measured(START + end_minute * MINUTE, total))
    assert (pieces[0].started_at, pieces[-1].ended_at) == (START, START + end_minute * MINUTE)
    assert all(one.ended_at == other.started_at for one, other in pairwise(pieces))
    assert sum(piece.kwh for piece in pieces) == total
    for piece in pieces:
        length = Decimal((piece.ended_at - piece.started_at).total_seconds())
        assert 0 <= piece.charging_s <= length
        assert length > 0


@pytest.mark.pure
@given(READINGS, st.integers(0, 40))
def test_cutting_on_from_the_last_piece_is_cutting_the_whole(raw, split):
    """What was told once stays so."""
    readings = in_order(raw)
    first = cut_whole(readings[:split])
    since, taken = (first[-1].ended_at, sum(piece.kwh for piece in first)) if first else (START, Decimal(0))
    rest = cut(
        [reading for reading in readings if reading.at >= since],
        session_start=START, since=since, kwh_before=taken, at_least=FIVE,
    )  # fmt: skip
    assert first + rest == cut_whole(readings)


# --- on the wire ----------------------------------------------------------------------------------------------------


def row(**fields: Any) -> ChargingPeriod:
    defaults = {"kwh": Decimal("0.7500"), "charging_s": Decimal("180.000")}
    return ChargingPeriod(**{"started_at": START, "ended_at": START + FIVE, **defaults, **fields})


def volumes(period: ChargingPeriod) -> dict[str, Any]:
    return {dimension["type"]: dimension["volume"] for dimension in charging_period(period)["dimensions"]}


@pytest.mark.pure
def test_the_units_are_those_of_the_table():
    """mod_cdrs, CdrDimensionType: kWh, A, kW, hours, percent (its examples show Wh)."""
    period = row(power_w=Decimal("9000.0"), current_a=Decimal("13.40"), soc_percent=Decimal("41.5"))
    assert charging_period(period)["start_date_time"] == "2026-01-05T12:00:00Z"
    assert volumes(period) == {
        "ENERGY": 0.75, "CURRENT": 13.4, "POWER": 9, "TIME": 0.05, "PARKING_TIME": 0.0333, "STATE_OF_CHARGE": 41.5,
    }  # fmt: skip


@pytest.mark.pure
@pytest.mark.parametrize(("charging_s", "names"), [("300.000", ["ENERGY", "TIME"]), ("0", ["ENERGY", "PARKING_TIME"])])
def test_what_did_not_happen_or_was_not_measured_is_left_out(charging_s, names):
    assert list(volumes(row(charging_s=Decimal(charging_s)))) == names


# --- kept -----------------------------------------------------------------------------------------------------------


def measure(session: ChargingSession, minute: float, wh: int, **figures: Any) -> None:
    moment = START + minute * MINUTE
    MeterValue.objects.create(
        charge_point=session.charge_point,
        session=session,
        measured_at=moment,
        received_at=moment,
        energy_wh=wh,
        **figures,
    )
    session.measured_at, session.kwh = moment, max(session.kwh, Decimal(wh) / 1000)
    session.save()


def told(session: ChargingSession) -> list[tuple[float, float, Decimal]]:
    found = charging_periods.of([session])[session.pk]
    return [((p.started_at - START) / MINUTE, (p.ended_at - START) / MINUTE, p.kwh) for p in found]


def ended(session: ChargingSession, minute: float, kwh: float) -> ChargingSession:
    session.state, session.ended_at, session.kwh = "COMPLETED", START + minute * MINUTE, Decimal(str(kwh))
    session.save()
    return session


@pytest.fixture
def session() -> ChargingSession:
    return make.session()


@pytest.mark.django_db
def test_periods_appear_when_they_are_over_and_stay(session):
    measure(session, 3, 500)
    assert told(session) == []
    measure(session, 5, 900)
    assert told(session) == [(0, 5, Decimal("0.9"))]
    kept = list(ChargingPeriod.objects.values())
    measure(session, 11, 2000)
    assert told(session) == [(0, 5, Decimal("0.9")), (5, 11, Decimal("1.1"))]
    assert list(ChargingPeriod.objects.values())[:1] == kept


@pytest.mark.django_db
def test_the_end_brings_the_last_one_and_the_energy_adds_up(session):
    measure(session, 5, 900)
    told(session)
    assert told(ended(session, 7, 1.25)) == [(0, 5, Decimal("0.9")), (5, 7, Decimal("0.35"))]


@pytest.mark.django_db
def test_without_any_reading_the_whole_session_is_one_period(session):
    assert told(ended(session, 90, 11)) == [(0, 90, 11)]


@pytest.mark.django_db
def test_readings_that_come_late_are_heeded_when_the_session_is_over(session):
    measure(session, 5, 900)
    told(session)
    late = START + 2 * MINUTE
    MeterValue.objects.create(
        charge_point=session.charge_point, session=session, measured_at=late, received_at=later(900), power_w=3000
    )
    assert charging_periods.of([session])[session.pk][0].power_w is None
    assert charging_periods.of([ended(session, 7, 1)])[session.pk][0].power_w == 3000


@pytest.mark.django_db
def test_a_session_that_began_at_another_time_than_was_thought_is_cut_anew(session):
    measure(session, 5, 900)
    told(session)
    session.started_at = START - 2 * MINUTE
    measure(session, 9, 1500)
    assert told(session) == [(-2, 5, Decimal("0.9"))]


@pytest.mark.django_db
def test_a_register_beyond_what_the_session_counts_is_not_believed(session):
    measure(session, 3, 500)
    MeterValue.objects.create(
        charge_point=session.charge_point, session=session, measured_at=START + 4 * MINUTE, received_at=START,
        energy_wh=9_999_999,
    )  # fmt: skip
    measure(session, 5, 900)
    assert told(session) == [(0, 5, Decimal("0.9"))]


@pytest.mark.django_db
def test_what_was_measured_after_the_session_was_read_waits(session):
    """Its energy says which registers count."""
    measure(session, 3, 500)
    read = ChargingSession.objects.get()
    measure(session, 8, 2000)
    assert told(read) == []


@pytest.mark.django_db
@pytest.mark.parametrize("state", ["PENDING", "INVALID"])
def test_a_session_that_is_none_has_no_periods(state):
    session = make.session(state=state)
    measure(session, 30, 500)
    assert told(session) == []


@pytest.mark.django_db
def test_what_is_known_costs_one_query_however_many_sessions(session, django_assert_num_queries):
    measure(session, 5, 900)
    told(session)
    others = [make.session(evse=session.evse, ocpp_transaction_id=f"n{n}", state="COMPLETED") for n in range(4)]
    with django_assert_num_queries(1):
        assert len(charging_periods.of([session, *others])) == 5


@pytest.mark.django_db
def test_a_long_session_reads_only_what_is_new(session, django_assert_max_num_queries):
    for minute in range(5, 65, 5):
        measure(session, minute, minute * 100)
    told(session)
    measure(session, 70, 7000)
    with django_assert_max_num_queries(6):
        assert len(told(session)) == 13


def moments(periods: list[ChargingPeriod]) -> list[datetime]:
    return [period.started_at for period in periods]


@pytest.mark.django_db
def test_two_that_cut_at_once_come_to_the_same(session, monkeypatch):
    """The other one's rows were written between our look and our writing."""
    measure(session, 5, 900)
    kept = charging_periods._bring_up_to_date(session, [])
    assert moments(charging_periods._bring_up_to_date(session, [])) == moments(kept)
    assert ChargingPeriod.objects.count() == 1
