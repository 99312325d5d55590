"""What is known of limits: what EVSEs give together, which limit caps an EVSE, and that a place has one at most."""

from decimal import Decimal as D

import pytest
from django.db import IntegrityError, transaction

from chargepoints.models import OperatorLimit
from chargepoints.profiles.caps import Cap
from chargepoints.profiles.limit_state import cap_on, together
from chargepoints.values import CurrentType, EvseLimits, ProfilePurpose, RateUnit
from tests.support import factories
from tests.support.factories import NOW, at

AC = EvseLimits(CurrentType.AC, voltage_v=D(230), max_current_a=D(16), max_power_w=D(3680), phases=1)
DC = EvseLimits(CurrentType.DC, voltage_v=D(400), max_current_a=D(125))


@pytest.mark.pure
def test_one_evse_is_what_it_is():
    assert together([AC]) == AC


@pytest.mark.pure
def test_several_give_the_sum_over_three_phases():
    assert together([AC, AC]) == EvseLimits(CurrentType.AC, D(230), D(32), D(7360), 3)


@pytest.mark.pure
def test_with_one_on_dc_nothing_can_be_converted_and_an_unknown_power_makes_the_sum_unknown():
    assert together([AC, DC]) == EvseLimits(CurrentType.DC, D(400), D(141), None, 3)


def limit(of, **fields):
    """Of the EVSE, unless `evse` says otherwise."""
    defaults = {"rate": D(10), "unit": "A", "reason": "grid works", "created_by": "operator noor", "created_at": NOW}
    return OperatorLimit.objects.create(charge_point=of.charge_point, **({"evse": of} | defaults | fields))


@pytest.mark.django_db
@pytest.mark.parametrize("state", OperatorLimit.State.values)
def test_what_is_wanted_caps_until_its_end_whatever_the_charge_point_has(state):
    evse = factories.evse()
    wanted = limit(evse, ends_at=at(60), state=state)
    assert cap_on(evse.pk, now=at(59)) == Cap(wanted.pk, D(10), RateUnit.AMPERE, at(60))
    assert cap_on(evse.pk, now=at(60)) is None


@pytest.mark.django_db
def test_what_was_removed_or_is_of_another_place_does_not_cap():
    evse = factories.evse()
    limit(evse, ended_at=NOW, state="INSTALLED")
    limit(evse, evse=None)
    limit(factories.evse(evse.charge_point, number=2))
    assert cap_on(evse.pk, now=NOW) is None


@pytest.mark.django_db
def test_a_place_has_one_wanted_limit_at_most():
    evse = factories.evse()
    for place in (evse, None):
        limit(evse, evse=place)
        limit(evse, evse=place, ended_at=NOW)
        with pytest.raises(IntegrityError), transaction.atomic():
            limit(evse, evse=place)


@pytest.mark.django_db
def test_the_purpose_follows_from_the_place():
    evse = factories.evse(number=3)
    places = [limit(evse), limit(evse, evse=None)]
    assert [(place.purpose, place.ocpp_evse_id) for place in places] == [
        (ProfilePurpose.TX_DEFAULT, 3), (ProfilePurpose.CHARGE_POINT_MAX, 0),
    ]  # fmt: skip
