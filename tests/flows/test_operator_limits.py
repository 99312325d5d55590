"""An operator's limit, from the wish to the charge point and to the partner's picture of the active profile."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.utils import timezone

from chargepoints import limits
from chargepoints.models import ChargePoint, Evse, OperatorLimit
from chargepoints.values import RateUnit
from tests.support.bay import Bay, MakeBay
from tests.support.charger import PATIENCE_S
from tests.support.processes import until

OPERATOR = "operator noor"


def want(charge_point: ChargePoint, evse: Evse | None) -> OperatorLimit:
    """6900 W for twenty minutes."""
    now = timezone.now()
    draft = limits.draft(
        charge_point, evse, rate=Decimal(6900), unit=RateUnit.WATT, ends_at=now + timedelta(minutes=20),
        reason="grid works", requested_by=OPERATOR, now=now,
    )  # fmt: skip
    return limits.set_limit(draft, now=now)


def told(b: Bay) -> list[float]:
    """The limits of the newest push."""
    periods = b.scsp.pushes[-1].body["charging_profile"]["charging_profile_period"] if b.scsp.pushes else []
    return [period["limit"] for period in periods]


def until_told(b: Bay, *expected: float) -> None:
    until(lambda: told(b) == list(expected), timeout_s=PATIENCE_S, what=f"a push of {expected}")


@pytest.mark.parametrize(
    ("of_evse", "purposes"),
    [
        (False, ["TxProfile", "ChargePointMaxProfile"]),
        (True, ["TxProfile", "TxDefaultProfile", "TxProfile", "TxProfile"]),
    ],
)
def test_a_limit_and_its_removal_reach_the_charge_point_and_the_partner(bay: MakeBay, of_evse, purposes):
    b = bay().plug_in()
    assert b.result(b.put(11000)) == {"result": "ACCEPTED"}
    until_told(b, 11000)
    limit = want(b.charge_point, b.charge_point.evses.get() if of_evse else None)
    until_told(b, 6900, 11000)
    until(lambda: OperatorLimit.objects.get(pk=limit.pk).state == "INSTALLED", what="its acceptance")
    limits.remove_limit(limit, requested_by=OPERATOR, now=timezone.now())
    until_told(b, 11000)
    until(lambda: OperatorLimit.objects.get(pk=limit.pk).state == "REMOVED", what="its removal")
    sent = [call["csChargingProfiles"] for call in b.charger.calls("SetChargingProfile")]
    assert [profile["chargingProfilePurpose"] for profile in sent] == purposes
    assert [call["id"] for call in b.charger.calls("ClearChargingProfile")] == [sent[1]["chargingProfileId"]]
    assert sent[1]["chargingProfileId"] == 2_000_000_000 + of_evse
