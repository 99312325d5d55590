"""What is drawn is held against what profiles and operators' limits allow, each session once."""

from datetime import timedelta
from decimal import Decimal

import pytest

from chargepoints.admin.dashboard_power import Balance, Draw, balance, power
from chargepoints.models import ChargingProfile, ChargingSession, OperatorLimit
from tests.support import factories
from tests.support.factories import NOW

ACTIVE = ChargingSession.State.ACTIVE


def draw(drawn, allowed=None, *, point=1):
    return Draw(point, Decimal(drawn), None if allowed is None else Decimal(allowed))


def told(*draws, **caps):
    found = balance(draws, {int(point.removeprefix("cp")): Decimal(watts) for point, watts in caps.items()})
    return (int(found.drawn_w), int(found.allowed_w)) if found else None


@pytest.mark.pure
def test_what_nothing_limits_is_in_no_balance():
    assert told(draw(7000)) is None
    assert told(draw(7000), draw(9000, 11000)) == (9000, 11000)


@pytest.mark.pure
def test_a_limit_of_a_charge_point_concerns_all_its_sessions():
    assert told(draw(7000), draw(4000, 5000), draw(3000, point=2), cp1=20000) == (11000, 20000)


@pytest.mark.pure
def test_a_charge_point_allows_the_lower_of_its_limit_and_its_sessions():
    assert told(draw(7000, 8000), draw(4000, 5000), cp1=20000) == (11000, 13000)
    assert told(draw(7000, 8000), draw(4000, 5000), cp1=10000) == (11000, 10000)


@pytest.mark.pure
@pytest.mark.parametrize(("drawn", "is_over"), [(0, False), (11550, False), (12050, False), (12051, True)])
def test_five_per_cent_and_500_w_above_are_not_over(drawn, is_over):
    assert Balance(Decimal(drawn), Decimal(11000)).is_over is is_over


# --- from the rows --------------------------------------------------------------------------------------------------


def running(number=1, *, power_w=9000, **fields):
    point = factories.charge_point(identity=f"CP{number}")
    evse = factories.evse(point)
    return factories.session(evse, state=ACTIVE, power_w=power_w, detected_phases=3, **fields)


def applied(session, limit, *, owner="NL*JED", stack_level=0, **fields):
    """A per phase: 10 A are 6.9 kW."""
    schedule = factories.schedule(limit, start_at=NOW - timedelta(minutes=5), **fields)
    return ChargingProfile.objects.create(
        session=session, owner=owner, stack_level=stack_level, state="INSTALLED", applied=schedule.to_json(),
        applied_at=NOW,
    )  # fmt: skip


def limit(session, rate, *, unit="A", whole=False, state="INSTALLED", **fields):
    return OperatorLimit.objects.create(
        charge_point=session.charge_point, evse=None if whole else session.evse, rate=rate, unit=unit, state=state,
        created_at=NOW, **fields,
    )  # fmt: skip


def shown():
    (_, *limited) = power(NOW)
    return [(tile.value, tile.detail.split(" that")[0], tile.tone) for tile in limited]


@pytest.mark.django_db
def test_a_session_with_two_profiles_counts_once_by_the_higher():
    session = running()
    applied(session, 16)
    applied(session, 20, owner="self-test", stack_level=1)
    assert shown() == [("9.0 kW", "of 13.8 kW", "ok")]


@pytest.mark.django_db
def test_the_limit_of_an_evse_counts_where_no_profile_says_anything_now():
    session = running()
    applied(session, 32, duration_s=60)
    limit(session, 10)
    assert shown() == [("9.0 kW", "of 6.9 kW", "bad")]


@pytest.mark.django_db
def test_a_profile_counts_before_the_limit_of_its_evse():
    session = running()
    applied(session, 16)
    limit(session, 10)
    assert shown() == [("9.0 kW", "of 11.0 kW", "ok")]


@pytest.mark.django_db
def test_the_limit_of_a_charge_point_counts_for_what_no_profile_limits():
    session = running()
    limit(session, 8000, unit="W", whole=True)
    assert shown() == [("9.0 kW", "of 8.0 kW", "bad")]


@pytest.mark.django_db
@pytest.mark.parametrize(
    "fields", [{"state": "REQUESTED"}, {"state": "REJECTED"}, {"ended_at": NOW}, {"ends_at": NOW}], ids=str
)
def test_a_limit_that_is_not_there_allows_and_forbids_nothing(fields):
    session = running()
    limit(session, 6, **fields)
    limit(session, 6, whole=True, **fields)
    assert shown() == []


@pytest.mark.django_db
def test_the_power_of_many_sessions_takes_as_few_queries_as_that_of_one(django_assert_num_queries):
    for number in range(4):
        session = running(number)
        applied(session, 16)
        limit(session, 10)
        limit(session, 20, whole=True)
    with django_assert_num_queries(6):
        assert shown() == [("36.0 kW", "of 44.2 kW", "ok")]
