"""Adds up what a party got, five minutes at a time, so that its page reads sums.

Constraints:
- a slot is counted for good once nothing of it can change any more; those after it are counted anew each time;
- one run takes at most SLOTS_AT_ONCE slots of a party for good: a long pause is made up for little by little;
- two workers at once come to the same: whoever moves `figures_until` has counted the slot before it.
"""

import logging
from collections import defaultdict
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from django.conf import settings
from django.db import transaction

from chargepoints.models import ChargePointCommand, ChargingProfile, MeterValue
from chargepoints.profiles.history_state import histories
from ocpi import compliance
from ocpi.compliance import SETTLE, Verdicts
from ocpi.models import DeliveryAttempt, OutboxMessage, Party, ProfileRequest, ServiceSlot
from ocpi.service_levels import Figures, RequestFacts, of_deliveries, of_requests, total

logger = logging.getLogger(__name__)
SLOT = timedelta(minutes=5)
SETTLED = timedelta(minutes=5)
"""So long after its promised time the result of a request stays as it is."""
KEPT = timedelta(days=8)
SLOTS_AT_ONCE = 12
SESSIONS_AT_ONCE = 200


def slot_of(moment: datetime) -> datetime:
    """Its begin."""
    midnight = moment.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    return midnight + (moment - midnight) // SLOT * SLOT


def watch(*, now: datetime) -> None:
    """Called by beat."""
    for party in Party.objects.order_by("pk").only("pk", "country_code", "party_id", "created_at", "figures_until"):
        try:
            _count(party, now=now)
        except Exception:  # what is wrong with one must not stop the others; the next beat tries it again
            logger.exception("the service levels of party %s could not be counted", party)
    ServiceSlot.objects.filter(start__lt=now - KEPT).delete()


def _count(party: Party, *, now: datetime) -> None:
    start = _first_open(party, now=now)
    final = slot_of(now - timedelta(seconds=settings.OCPI_PROFILE_TIMEOUT_S) - SETTLED)
    for _ in range(SLOTS_AT_ONCE):
        if start >= final:
            break
        if not _count_for_good(party, start, now=now):
            return
        start += SLOT
    if start >= final:
        _count_open(party, start, now=now)


def _first_open(party: Party, *, now: datetime) -> datetime:
    """Nothing older than what is kept is counted."""
    return max(party.figures_until or slot_of(party.created_at), slot_of(now - KEPT + timedelta(days=1)))


@transaction.atomic
def _count_for_good(party: Party, start: datetime, *, now: datetime) -> bool:
    """False if another had it."""
    mine = Party.objects.filter(pk=party.pk, figures_until=party.figures_until)
    if not mine.update(figures_until=start + SLOT):
        return False
    party.figures_until = start + SLOT
    _keep(party, start, figures_of(party, start, now=now))
    return True


def _count_open(party: Party, start: datetime, *, now: datetime) -> None:
    while start <= now:
        _keep(party, start, figures_of(party, start, now=now, for_good=False))
        start += SLOT


def _keep(party: Party, start: datetime, figures: Figures) -> None:
    if figures:
        slot = ServiceSlot(party=party, start=start, counts=dict(figures.counts), times=dict(figures.times))
        ServiceSlot.objects.bulk_create(
            [slot], update_conflicts=True, unique_fields=["party", "start"], update_fields=["counts", "times"]
        )


# --- one slot -------------------------------------------------------------------------------------------------------


def figures_of(party: Party, start: datetime, *, now: datetime, for_good: bool = True) -> Figures:
    """Where many charge, their readings are only looked at once."""
    end = start + SLOT
    found = _compliance(party, start, end, most=None if for_good else SESSIONS_AT_ONCE)
    judged = Figures({"judged": found.judged, "within": found.within}) if found.judged else Figures()
    return total([_requests(party, start, end, now=now), _deliveries(party, start, end), judged])


def _requests(party: Party, start: datetime, end: datetime, *, now: datetime) -> Figures:
    rows = ProfileRequest.objects.filter(party=party, received_at__gte=start, received_at__lt=end).order_by()
    figures = rows.values_list(
        "kind", "response", "result", "received_at", "deadline_at", "command__status", "command__sent_at",
        "command__finished_at", "message__status", "message__delivered_at",
    )  # fmt: skip
    return of_requests((_facts(*row) for row in figures.iterator()), now=now)


def _facts(  # noqa: PLR0917
    kind: str, response: str, result: str, received_at: datetime, deadline_at: datetime, command_status: str | None,
    sent_at: datetime | None, finished_at: datetime | None, message_status: str | None, delivered_at: datetime | None,
) -> RequestFacts:  # fmt: skip
    applied = sent_at and kind == ProfileRequest.Kind.SET and command_status == ChargePointCommand.Status.ACCEPTED
    return RequestFacts(
        kind, response, result, received_at, deadline_at,
        applied_at=finished_at if applied else None,
        delivered_at=delivered_at if message_status == OutboxMessage.Status.DELIVERED else None,
    )  # fmt: skip


def _deliveries(party: Party, start: datetime, end: datetime) -> Figures:
    """What is still under way is counted when it has ended."""
    attempts = DeliveryAttempt.objects.filter(party=party, started_at__gte=start, started_at__lt=end)
    rows = attempts.filter(finished_at__isnull=False).order_by().values_list("error", "duration_ms")
    return of_deliveries(
        (not error, None if took is None else timedelta(milliseconds=took)) for error, took in rows.iterator()
    )


def _compliance(party: Party, start: datetime, end: datetime, *, most: int | None) -> Verdicts:
    """Of the readings in this time; of none if that is more than `most` sessions. What a charge point sends hours later
    is not heeded.
    """
    judged = within = 0
    for profiles in _profiles(party, start, end, most=most):
        found = _verdicts(profiles, start, end)
        judged, within = judged + found.judged, within + found.within
    return Verdicts(judged, within)


def _profiles(party: Party, start: datetime, end: datetime, *, most: int | None) -> Iterator[list[ChargingProfile]]:
    """Those that a charge point took at some time, of sessions that went on then, so many at a time."""
    taken = ChargingProfile.objects.filter(owner=party.owner, ever_accepted=True, session__last_updated__gte=start)
    ids = list(taken.filter(session__started_at__lt=end).order_by().values_list("pk", flat=True))
    wanted = ids if most is None or len(ids) <= most else []
    for first in range(0, len(wanted), SESSIONS_AT_ONCE):
        chunk = ChargingProfile.objects.filter(pk__in=wanted[first : first + SESSIONS_AT_ONCE])
        yield list(chunk.select_related("session__evse").order_by())


def _verdicts(profiles: list[ChargingProfile], start: datetime, end: datetime) -> Verdicts:
    told = histories([profile.pk for profile in profiles], since=start - SETTLE, until=end)
    readings = _readings([profile.session_id for profile in profiles if profile.pk in told], start, end)
    found = [
        compliance.verdicts(
            readings[profile.session_id], told[profile.pk],
            limits=profile.session.evse.limits(detected_phases=profile.session.detected_phases),
            started_at=profile.session.started_at,
        )
        for profile in profiles if profile.session_id in readings
    ]  # fmt: skip
    return Verdicts(sum(one.judged for one in found), sum(one.within for one in found))


def _readings(session_ids: list[int], start: datetime, end: datetime) -> dict[int, list[compliance.Reading]]:
    rows = MeterValue.objects.filter(session__in=session_ids, measured_at__gte=start, measured_at__lt=end).order_by()
    found: dict[int, list[compliance.Reading]] = defaultdict(list)
    for session_id, at, power_w, current_a in rows.values_list("session_id", "measured_at", "power_w", "current_a"):
        if session_id is not None and (power_w is not None or current_a is not None):
            found[session_id].append(compliance.Reading(at, power_w, current_a))
    return dict(found)


# --- reading --------------------------------------------------------------------------------------------------------


def slots(party: Party, *, since: datetime) -> list[tuple[datetime, Figures]]:
    rows = ServiceSlot.objects.filter(party=party, start__gte=slot_of(since)).order_by("start")
    return [(start, Figures(counts, times)) for start, counts, times in rows.values_list("start", "counts", "times")]
