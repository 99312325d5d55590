"""Limits that operators set on a charge point or an EVSE, and take away again.

What a limit is on the charge point: of the whole charge point a ChargePointMaxProfile, which caps whatever else is
installed; of an EVSE a TxDefaultProfile, which counts for sessions without a profile of their own. A TxProfile
overrules that (OCPP 1.6 section 3.13.1), so every profile of a partner on the EVSE is capped where it is prepared, and
what runs already is prepared and sent anew (`capping`).

The row is the wish. It waits for a charge point that is offline, and is sent again by beat, MAX_TRIES times at most.
"""

import logging
from datetime import datetime, timedelta
from decimal import Decimal

from django.db import transaction
from django.db.models import F, Q, QuerySet
from django.db.models.functions import Coalesce

from chargepoints import capping, commands, observation
from chargepoints.models import ChargePoint, ChargePointCommand, Evse, Location, OperatorLimit
from chargepoints.models.limits import LARGEST_EVSE_ID, profile_id
from chargepoints.profiles import prepare
from chargepoints.profiles.limit_state import MAX_TRIES, MAY_BE_THERE, together
from chargepoints.profiles.timeline import whole_second
from chargepoints.values import (
    ChargingSchedule,
    EvseLimits,
    PreparedSchedule,
    RateUnit,
    SchedulePeriod,
    ScheduleRefused,
)

logger = logging.getLogger(__name__)
State = OperatorLimit.State
Kind = ChargePointCommand.Kind
LEAD = timedelta(days=1)
"""So much before it was asked for a limit's schedule starts: a charge point whose clock is late follows it at once."""


def draft(
    charge_point: ChargePoint, evse: Evse | None, *, rate: Decimal, unit: RateUnit, ends_at: datetime | None,
    reason: str = "", requested_by: str = "", now: datetime,
) -> OperatorLimit:  # fmt: skip
    """A limit that is not wanted yet, to look at."""
    return OperatorLimit(
        charge_point=charge_point, evse=evse, rate=rate, unit=unit.value, ends_at=ends_at and whole_second(ends_at),
        reason=reason, created_by=requested_by, created_at=now,
    )  # fmt: skip


def prepared(limit: OperatorLimit, *, now: datetime) -> PreparedSchedule:
    """What the charge point is told. Raises ScheduleRefused.

    Absolute: a ChargingStationMaxProfile must not be Relative (OCPP 2.0.1 K01.FR.38).
    """
    start_at = whole_second(limit.created_at) - LEAD
    duration_s = int((limit.ends_at - start_at).total_seconds()) if limit.ends_at else None
    wish = ChargingSchedule(
        RateUnit(limit.unit), (SchedulePeriod(0, limit.rate),), start_at=start_at, duration_s=duration_s
    )
    return prepare(wish, limits=_hardware(limit), capabilities=limit.charge_point.capabilities, now=now)


def _hardware(limit: OperatorLimit) -> EvseLimits:
    if limit.ocpp_evse_id > LARGEST_EVSE_ID:
        raise ScheduleRefused("evse_id_too_large", f"no charging profile id is left for EVSE {limit.ocpp_evse_id}")
    if limit.evse:
        return limit.evse.limits()
    evses = [evse.limits() for evse in limit.charge_point.evses.all()]
    if not evses:
        raise ScheduleRefused("no_evses", "the charge point has no EVSE yet, so its voltage is not known")
    return together(evses)


def wanted_on(charge_point_id: int, evse_id: int | None, *, now: datetime) -> OperatorLimit | None:
    place = OperatorLimit.objects.wanted(now=now).filter(charge_point=charge_point_id, evse=evse_id)
    return place.select_related("charge_point", "evse__charge_point").first()


def removable_on(charge_point_id: int, evse_id: int | None, *, now: datetime) -> OperatorLimit | None:
    """The wanted one; without one what the charge point may still have of this place."""
    left = _left_on(charge_point_id, evse_id).select_related("charge_point", "evse__charge_point")
    return wanted_on(charge_point_id, evse_id, now=now) or left.first()


def is_left_on(charge_point_id: int, evse_id: int | None) -> bool:
    """Has the charge point, or may it have, a limit of this place?"""
    return _left_on(charge_point_id, evse_id).exists()


def _left_on(charge_point_id: int, evse_id: int | None) -> QuerySet[OperatorLimit]:
    return OperatorLimit.objects.filter(charge_point=charge_point_id, evse=evse_id, state__in=MAY_BE_THERE)


def is_same(limit: OperatorLimit, other: OperatorLimit) -> bool:
    return (limit.rate, limit.unit, limit.ends_at) == (other.rate, other.unit, other.ends_at)


# --- set and remove -------------------------------------------------------------------------------------------------


@transaction.atomic
def set_limit(wish: OperatorLimit, *, now: datetime) -> OperatorLimit:
    """Makes a `draft` wanted, in place of the one before. Raises ScheduleRefused with nothing written.

    One that would install exactly what is installed is not sent again: the one that is there is returned.
    """
    _lock(wish.charge_point)
    prepared(wish, now=now)
    for over in _over(now=now).filter(charge_point=wish.charge_point_id, evse=wish.evse_id):
        _end_over(over, now=now)  # beat has not come yet
    before = wanted_on(wish.charge_point_id, wish.evse_id, now=now)
    if before and before.state == State.INSTALLED and is_same(before, wish):
        return before
    wish.stack_level = _stack_level(wish)
    wish.profiles_in_step = wish.evse_id is None
    if before:
        _end(before, by=wish.created_by, now=now)
    wish.save()
    logger.info("limit %s of %s wanted by %s until %s", wish.pk, wish.charge_point, wish.created_by, wish.ends_at)
    _carry_on(wish, requested_by=wish.created_by, now=now)
    capping.bring_in_step(wish, now=now)
    return wish


@transaction.atomic
def remove_limit(limit: OperatorLimit, *, requested_by: str, now: datetime) -> ChargePointCommand | None:
    """Nobody wants it any more. It is cleared where the charge point has it, or may have it; once it is online."""
    _lock(limit.charge_point)
    place = OperatorLimit.objects.of_place(limit)
    _end(limit, by=requested_by, profiles_in_step=limit.evse_id is None, now=now)
    commands.supersede_limit(limit, now=now)
    place.exclude(state=State.REMOVED).update(tries=0)
    under_way = ChargePointCommand.objects.open().filter(limit__in=place).exists()
    if under_way:
        place.filter(pk=limit.pk, state=State.REQUESTED).update(state=State.UNCERTAIN)
    else:
        place.filter(state=State.REQUESTED).update(state=State.REMOVED)
    limit.refresh_from_db()
    command = _carry_on(limit, requested_by=requested_by, now=now)
    capping.bring_in_step(limit, now=now)
    return command


def _lock(charge_point: ChargePoint) -> None:
    """One operator at a time, and not at the same time as beat. The charge point's own row is its writer's, which
    also writes commands: holding both would be a deadlock.
    """
    Location.objects.select_for_update(no_key=True).only("pk").get(pk=charge_point.location_id)


def _end(limit: OperatorLimit, *, by: str, now: datetime, profiles_in_step: bool = True) -> None:
    OperatorLimit.objects.filter(pk=limit.pk, ended_at=None).update(
        ended_at=now, ended_by=by, profiles_in_step=profiles_in_step
    )


def _stack_level(wish: OperatorLimit) -> int:
    """That of the profile which may be there, to replace it; else the highest one that counts before all others."""
    there = OperatorLimit.objects.of_place(wish).exclude(state__in=[State.REMOVED, State.REJECTED]).first()
    return there.stack_level if there else wish.charge_point.max_stack_level or 0


# --- telling the charge point ---------------------------------------------------------------------------------------


def _carry_on(limit: OperatorLimit, *, requested_by: str, now: datetime) -> ChargePointCommand | None:
    """Sends what the charge point must still be told of this place. None: nothing, or it must wait."""
    if not limit.charge_point.is_online:
        return None
    wanted = wanted_on(limit.charge_point_id, limit.evse_id, now=now)
    if wanted:
        due = wanted.state in {State.REQUESTED, State.UNCERTAIN} and wanted.tries < MAX_TRIES
        return _send(wanted, requested_by=requested_by, now=now) if due else None
    left = _left_on(limit.charge_point_id, limit.evse_id).filter(tries__lt=MAX_TRIES).first()
    return _clear(left, requested_by=requested_by, now=now) if left else None


def _send(limit: OperatorLimit, *, requested_by: str, now: datetime) -> ChargePointCommand | None:
    try:
        fitted = prepared(limit, now=now)
    except ScheduleRefused as refused:
        logger.warning("limit %s cannot be sent any more: %s", limit.pk, refused.detail)
        OperatorLimit.objects.filter(pk=limit.pk).update(state=State.REJECTED, notes=[refused.detail])
        return None
    OperatorLimit.objects.filter(pk=limit.pk).update(notes=list(fitted.notes))
    payload = _place(limit) | {
        "stack_level": limit.stack_level,
        "transaction_id": "",
        "purpose": limit.purpose.value,
        "valid_to": limit.ends_at.isoformat() if limit.ends_at else None,
        "schedule": fitted.schedule.to_json(),
    }
    return commands.request_limit(
        limit=limit, kind=Kind.SET_PROFILE, payload=payload, notes=list(fitted.notes), requested_by=requested_by,
        now=now,
    )  # fmt: skip


def _clear(limit: OperatorLimit, *, requested_by: str, now: datetime) -> ChargePointCommand:
    return commands.request_limit(
        limit=limit, kind=Kind.CLEAR_PROFILE, payload=_place(limit), notes=[], requested_by=requested_by, now=now
    )


def _place(limit: OperatorLimit) -> dict[str, object]:
    return {"profile_id": profile_id(limit.ocpp_evse_id), "evse_id": limit.ocpp_evse_id}


# --- beat -----------------------------------------------------------------------------------------------------------


def watch(*, now: datetime) -> None:
    """Called by beat: ends what is over, tells charge points what they do not know yet, keeps profiles in step."""
    end_over(now=now)
    send_due(now=now)
    for limit in OperatorLimit.objects.filter(profiles_in_step=False).select_related("charge_point", "evse"):
        with transaction.atomic():
            _lock(limit.charge_point)
            capping.bring_in_step(limit, now=now)


def end_over(*, now: datetime) -> int:
    """The charge point drops a limit at its end by itself, and profiles say what follows: only the row must end.

    Returns how many ended.
    """
    ended = 0
    for limit in _over(now=now):
        with transaction.atomic():
            ended += _end_over(limit, now=now)
    return ended


def _over(*, now: datetime) -> QuerySet[OperatorLimit]:
    """Those whose end has passed, and whose rows do not say so yet."""
    not_ended = Q(ended_at=None) | Q(state__in=[State.REQUESTED, *MAY_BE_THERE])
    return OperatorLimit.objects.filter(not_ended, ends_at__lte=now).select_related("charge_point", "evse")


def _end_over(limit: OperatorLimit, *, now: datetime) -> int:
    mine = OperatorLimit.objects.filter(pk=limit.pk, state=limit.state, ended_at=limit.ended_at)
    refused = limit.state == State.REJECTED
    changed = mine.update(
        ended_at=Coalesce(F("ended_at"), F("ends_at")), state=State.REJECTED if refused else State.REMOVED,
        profiles_in_step=True,
    )  # fmt: skip
    if changed and limit.ended_at is None:
        commands.supersede_limit(limit, now=now)
    if changed and limit.state in MAY_BE_THERE:
        observation.look_again(limit.charge_point_id, ocpp_evse_id=limit.ocpp_evse_id, now=now)
    return changed


def send_due(*, now: datetime) -> int:
    """What is wanted and not there, and what is there and not wanted. Returns how many calls it asked for."""
    unsettled = Q(state__in=[State.REQUESTED, State.UNCERTAIN]) | Q(state=State.INSTALLED, ended_at__isnull=False)
    online = OperatorLimit.objects.filter(unsettled, tries__lt=MAX_TRIES).exclude(charge_point__connection_id="")
    sent = 0
    for limit in online.select_related("charge_point", "evse").order_by("pk"):
        with transaction.atomic():
            _lock(limit.charge_point)
            of_place = ChargePointCommand.objects.filter(limit__in=OperatorLimit.objects.of_place(limit))
            if not of_place.open().exists():  # type: ignore[attr-defined]
                sent += _carry_on(limit, requested_by=commands.SYSTEM, now=now) is not None
    return sent
