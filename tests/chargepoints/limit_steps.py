"""The steps of a limit's life, short, with the arguments that most tests do not care about."""

from datetime import datetime
from decimal import Decimal

from chargepoints import commands, limits
from chargepoints.models import ChargePoint, ChargePointCommand, Evse, OperatorLimit
from chargepoints.values import CommandOutcome, RateUnit
from tests.chargepoints.command_steps import ACCEPTED
from tests.support.factories import NOW

OPERATOR = "operator noor"


def wish(
    place: ChargePoint | Evse, rate: str | int = 10, *, unit: RateUnit = RateUnit.AMPERE,
    ends_at: datetime | None = None, now: datetime = NOW,
) -> OperatorLimit:  # fmt: skip
    """Read anew, as a request would."""
    evse = Evse.objects.select_related("charge_point").get(pk=place.pk) if isinstance(place, Evse) else None
    charge_point = evse.charge_point if evse else ChargePoint.objects.get(pk=place.pk)
    return limits.draft(
        charge_point, evse, rate=Decimal(rate), unit=unit, ends_at=ends_at, reason="grid works",
        requested_by=OPERATOR, now=now,
    )  # fmt: skip


def want(place: ChargePoint | Evse, rate: str | int = 10, *, now: datetime = NOW, **fields) -> OperatorLimit:
    return limits.set_limit(wish(place, rate, now=now, **fields), now=now)


def remove(limit: OperatorLimit, *, now: datetime = NOW) -> None:
    limits.remove_limit(fresh(limit), requested_by=OPERATOR, now=now)


def fresh(limit: OperatorLimit) -> OperatorLimit:
    return OperatorLimit.objects.select_related("charge_point", "evse__charge_point").get(pk=limit.pk)


def call_of(limit: OperatorLimit) -> ChargePointCommand:
    """The newest command of this limit."""
    return limit.commands.latest("pk")


def answered(limit: OperatorLimit, outcome: CommandOutcome = ACCEPTED, *, now: datetime = NOW) -> OperatorLimit:
    """Its newest command was sent, and `outcome` came of it."""
    command = call_of(limit)
    ChargePointCommand.objects.filter(pk=command.pk, status="QUEUED").update(status="SENT", sent_at=now)
    assert commands.record_outcome(command.pk, outcome, now=now)
    return fresh(limit)


def installed_limit(place: ChargePoint | Evse, rate: str | int = 10, **fields) -> OperatorLimit:
    return answered(want(place, rate, **fields))


def set_online(charge_point: ChargePoint, *, online: bool) -> None:
    ChargePoint.objects.filter(pk=charge_point.pk).update(connection_id="socket-1" if online else "")
