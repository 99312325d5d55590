"""What is known of an operator's limit: whether it is wanted, and whether the charge point has it."""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal

from django.db.models import F, Q, QuerySet

from chargepoints.models import ChargePointCommand, OperatorLimit
from chargepoints.models.rows import only_row
from chargepoints.profiles.caps import Cap
from chargepoints.values import CommandOutcome, CurrentType, EvseLimits, OutcomeStatus, RateUnit

State = OperatorLimit.State
Kind = ChargePointCommand.Kind
MAY_BE_THERE = (State.INSTALLED, State.UNCERTAIN)
MAX_TRIES = 3


def cap_on(evse_id: int, *, now: datetime) -> Cap | None:
    """What every profile of a transaction on this EVSE must respect, whatever the charge point made of the limit.

    One of the whole charge point needs no help: the charge point itself takes the lower of the two.
    """
    wanted = OperatorLimit.objects.wanted(now=now).filter(evse=evse_id).only("rate", "unit", "ends_at")
    limit = only_row(wanted)
    return Cap(limit.pk, limit.rate, RateUnit(limit.unit), limit.ends_at) if limit else None


def together(parts: Sequence[EvseLimits]) -> EvseLimits:
    """What the charge point gives at most, over all its EVSEs (at least one).

    Sessions on one phase each may use different phases, so with several EVSEs W are spread over three. With one on DC
    nothing can be converted.
    """
    powers = [part.max_power_w for part in parts]
    return EvseLimits(
        current_type=CurrentType.DC if any(p.current_type is CurrentType.DC for p in parts) else CurrentType.AC,
        voltage_v=max(part.voltage_v for part in parts),
        max_current_a=sum((part.max_current_a for part in parts), start=Decimal(0)),
        max_power_w=sum(filter(None, powers), start=Decimal(0)) if all(powers) else None,
        phases=parts[0].phases if len(parts) == 1 else 3,
    )


def apply_outcome(command: ChargePointCommand, outcome: CommandOutcome, *, late: bool, now: datetime) -> None:
    """Writes what an outcome taught. A call that never left taught nothing: the limit is still wanted."""
    limit, setting = command.limit, command.kind == Kind.SET_PROFILE
    if command.sent_at is None or limit is None or (late and _is_overtaken(command, limit)):
        return
    match outcome.status:
        case OutcomeStatus.ACCEPTED if setting:
            _installed(limit, now=now)
        case OutcomeStatus.ACCEPTED | OutcomeStatus.UNKNOWN if not setting:
            OperatorLimit.objects.of_place(limit).filter(ended_at__isnull=False).update(state=State.REMOVED)
        case OutcomeStatus.EXPIRED | OutcomeStatus.FAILED:
            _not_removed(limit).update(state=State.UNCERTAIN, tries=F("tries") + 1)
        case _ if setting:
            _not_removed(limit).update(state=State.REJECTED)
        case _:
            _not_removed(limit).update(tries=F("tries") + 1)


def _installed(limit: OperatorLimit, *, now: datetime) -> None:
    """The charge point has one profile for the place: those before are gone. One that is over by now stays so."""
    if limit.ends_at is None or limit.ends_at > now:
        OperatorLimit.objects.filter(pk=limit.pk).update(state=State.INSTALLED, installed_at=now)
    OperatorLimit.objects.of_place(limit).filter(pk__lt=limit.pk).update(state=State.REMOVED)


def _not_removed(limit: OperatorLimit) -> QuerySet[OperatorLimit]:
    return OperatorLimit.objects.filter(pk=limit.pk).exclude(state=State.REMOVED)


def _is_overtaken(command: ChargePointCommand, limit: OperatorLimit) -> bool:
    """A later call about the same place has, or may have, changed it: a late answer to this one is of the past."""
    place = OperatorLimit.objects.of_place(limit)
    later = ChargePointCommand.objects.filter(limit__in=place, pk__gt=command.pk, sent_at__isnull=False)
    changed = Q(status__in=["ACCEPTED", "UNKNOWN"]) | Q(status__in=["EXPIRED", "FAILED"]) & ~Q(late_status="REJECTED")
    return later.filter(changed).exists()


def doubt_all(charge_point_id: int) -> None:
    """After a boot nobody knows whether the charge point still has them: each is sent, or taken away, once more."""
    OperatorLimit.objects.filter(charge_point=charge_point_id, state__in=MAY_BE_THERE).update(
        state=State.UNCERTAIN, tries=MAX_TRIES - 1
    )
