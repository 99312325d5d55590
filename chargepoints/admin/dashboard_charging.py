"""The first page: charge points, sessions, and the slowest to answer."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta

from django.db.models import F, QuerySet

from chargepoints.admin import rendering
from chargepoints.admin.dashboard import SHOWN, Part, Tile, alarming, register_section
from chargepoints.admin.rendering import BAD, INFO, OK, WARN, list_url
from chargepoints.admin.timeline import Problem
from chargepoints.models import ChargePoint, ChargePointCommand, ChargingProfile, ChargingSession, Evse

LOOKED_AT = 5000
"""Answers that are read at most: of more, the newest."""

SLOW_MS = 2000
VIEW_POINTS, VIEW_SESSIONS = "chargepoints.view_chargepoint", "chargepoints.view_chargingsession"


def active() -> QuerySet[ChargingSession]:
    return ChargingSession.objects.filter(state=ChargingSession.State.ACTIVE)


def running_profiles() -> QuerySet[ChargingProfile]:
    return ChargingProfile.objects.filter(session__state=ChargingSession.State.ACTIVE)


def _newest_astray() -> QuerySet[ChargingProfile]:
    """Sorted here: asked for the newest, PostgreSQL goes back through all profiles there ever were."""
    astray = running_profiles().filter(state=ChargingProfile.State.DRIFTED).order_by()
    newest = sorted(astray.values_list("pk", flat=True)[:LOOKED_AT], reverse=True)[:SHOWN]
    return ChargingProfile.objects.filter(pk__in=newest).order_by("-pk")


@register_section("Sessions that need somebody", order=0, permission=VIEW_SESSIONS)
def needing_somebody(now: datetime) -> Iterable[Part]:
    silent = active().filter(charge_point__connection_id="").select_related("charge_point")
    for session in silent.order_by("charge_point__disconnected_at")[:SHOWN]:
        since = session.charge_point.disconnected_at
        why = f"Since {rendering.age(since, now=now)}" if since else "It never connected"
        url = rendering.admin_url(session)
        yield Problem(f"{session.charge_point} is offline with a running session", f"{why}.", url=url)
    for profile in _newest_astray().select_related("session__charge_point"):
        what = f"{profile.session.charge_point} does not follow the profile of {profile.owner}"
        yield Problem(what, profile.finding, url=rendering.admin_url(profile.session))


@register_section("Charge points", order=10, permission=VIEW_POINTS)
def charge_points(_: datetime) -> Iterable[Part]:
    enabled = ChargePoint.objects.filter(enabled=True)
    offline = enabled.filter(connection_id="").count()
    faulted = Evse.objects.filter(status="Faulted").count()
    yield Tile("online", enabled.online().count(), list_url(ChargePoint, connection="online", enabled__exact=1), OK)
    yield Tile("offline", offline, list_url(ChargePoint, connection="offline", enabled__exact=1), alarming(offline))
    yield Tile("EVSEs faulted", faulted, list_url(Evse, status__exact="Faulted"), alarming(faulted))


@register_section("Sessions now", order=20, permission=VIEW_SESSIONS)
def sessions(_: datetime) -> Iterable[Part]:
    State = ChargingSession.State
    silent = active().filter(charge_point__connection_id="").count()
    pending = ChargingSession.objects.filter(state=State.PENDING).count()
    yield Tile("active", active().count(), list_url(ChargingSession, state__exact="ACTIVE"))
    yield Tile("waiting to begin", pending, list_url(ChargingSession, state__exact="PENDING"))
    url = list_url(ChargingSession, state__exact="ACTIVE", connection="offline")
    yield Tile("active, charge point offline", silent, url, alarming(silent))
    yield from _profiles()


def _profiles() -> Iterator[Tile]:
    running = running_profiles()
    for state, label, tone in (("DRIFTED", "profiles not followed", BAD), ("UNCERTAIN", "profiles in doubt", WARN)):
        count = running.filter(state=state).count()
        url = list_url(ChargingProfile, state__exact=state, session__state__exact="ACTIVE")
        yield Tile(label, count, url, alarming(count, tone))


@register_section("Slowest to answer, last hour", order=60, permission="chargepoints.view_chargepointcommand")
def slowest(now: datetime) -> Iterable[Part]:
    """By the time within which 95 of 100 of its answers came."""
    since = (now - timedelta(hours=1)).replace(second=0, microsecond=0)
    took = _times(since)
    worst = sorted(((_p95(times), identity) for identity, times in took.items()), reverse=True)[:SHOWN]
    for ms, (pk, identity) in worst:
        url = list_url(ChargePointCommand, charge_point__id__exact=pk, created_at__gte=f"{since:%Y-%m-%dT%H:%MZ}")
        words = f"{ms} ms" if ms < 10_000 else f"{ms // 1000} s"
        yield Tile(identity, words, url, WARN if ms > SLOW_MS else INFO, f"{len(took[pk, identity])} answers")


def _times(since: datetime) -> dict[tuple[int, str], list[int]]:
    """Milliseconds from the CALL to the end, by charge point."""
    ended = ChargePointCommand.objects.filter(created_at__gte=since, sent_at__isnull=False, finished_at__isnull=False)
    newest = ended.order_by("-created_at").annotate(took=F("finished_at") - F("sent_at"))
    times = defaultdict(list)
    for pk, identity, took in newest.values_list("charge_point", "charge_point__identity", "took")[:LOOKED_AT]:
        times[pk, identity].append(max(0, round(took / timedelta(milliseconds=1))))
    return times


def _p95(values: list[int]) -> int:
    """The nearest rank."""
    return sorted(values)[-(-len(values) * 95 // 100) - 1]
