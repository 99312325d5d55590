"""The first page: what partners asked, what they got, and who does not answer."""

from collections import Counter
from collections.abc import Iterable
from datetime import datetime, timedelta

from django.db.models import Count, QuerySet

from chargepoints.admin import rendering
from chargepoints.admin.dashboard import SHOWN, Part, Tile, alarming, register_section
from chargepoints.admin.rendering import BAD, INFO, OK, WARN, list_url
from chargepoints.admin.timeline import Problem
from ocpi.admin.pictures import Bar, bars_picture
from ocpi.models import OutboxMessage, PartnerEndpoint, Party, ProfileRequest

Response = ProfileRequest.Response
VIEW = "ocpi.view_profilerequest"
LOST = ["EXPIRED", "FAILED", "IN_DOUBT"]
MINUTES = 60


def hour_before(now: datetime) -> datetime:
    """From a whole minute on, so that links and pictures change once a minute."""
    return (now - timedelta(minutes=MINUTES)).replace(second=0, microsecond=0)


def _at(moment: datetime) -> str:
    return f"{moment:%Y-%m-%dT%H:%MZ}"


def lost_results(since: datetime) -> QuerySet[OutboxMessage]:
    return OutboxMessage.objects.filter(kind=OutboxMessage.Kind.RESULT, status__in=LOST, created_at__gte=since)


def overdue(since: datetime, *, now: datetime) -> QuerySet[ProfileRequest]:
    """Accepted, the promised time is over, and no result was written."""
    waiting = ProfileRequest.objects.filter(response=Response.ACCEPTED, result="")
    return waiting.filter(deadline_at__gte=since, deadline_at__lt=now)


@register_section("Partners that need somebody", order=1, permission="ocpi.view_party")
def needing_somebody(now: datetime) -> Iterable[Part]:
    silent = PartnerEndpoint.objects.filter(failing_since__isnull=False, party__enabled=True).select_related("party")
    for endpoint in silent.order_by("failing_since")[:SHOWN]:
        what = f"{endpoint.party} does not answer at its {endpoint} endpoint"
        why = f"Since {rendering.when(endpoint.failing_since)}. It is tried at least once a minute."
        yield Problem(what, why, url=rendering.admin_url(endpoint.party))
    for message in lost_results(hour_before(now)).select_related("party").order_by("-pk")[:SHOWN]:
        what = f"{message.party} did not get a result, or may not have"
        yield Problem(what, message.last_error, url=rendering.admin_url(message))


@register_section("Requests for charging profiles, last hour", order=30, permission=VIEW)
def requests(now: datetime) -> Iterable[Part]:
    since = hour_before(now)
    recent = ProfileRequest.objects.filter(received_at__gte=since)
    counts = Counter(
        {(r, result): n for r, result, n in recent.order_by().values_list("response", "result").annotate(Count("pk"))}
    )
    yield bars_picture(_minutes(recent, since), "Requests of each minute; refused and rejected ones on top")
    window = {"received_at__gte": _at(since)}
    for result, tone in (("ACCEPTED", OK), ("REJECTED", BAD), ("UNKNOWN", INFO)):
        count = counts[Response.ACCEPTED, result]
        url = list_url(ProfileRequest, response__exact="ACCEPTED", result__exact=result, **window)
        yield Tile(f"result {result}", count, url, tone if count else INFO)
    url = list_url(ProfileRequest, response__exact="ACCEPTED", result__exact="", **window)
    yield Tile("result still to come", counts[Response.ACCEPTED, ""], url)
    for response in (r for r in Response if r != Response.ACCEPTED):
        count = sum(n for (answered, _), n in counts.items() if answered == response)
        if count:
            yield Tile(
                f"refused: {response}", count, list_url(ProfileRequest, response__exact=response, **window), WARN
            )


def _minutes(recent: QuerySet[ProfileRequest], since: datetime) -> list[Bar]:
    good, bad = Counter[int](), Counter[int]()
    for at, response, result in recent.order_by().values_list("received_at", "response", "result"):
        wrong = response != Response.ACCEPTED or result in {"REJECTED", "UNKNOWN"}
        (bad if wrong else good)[int((at - since) / timedelta(minutes=1))] += 1
    return [_bar(since + timedelta(minutes=m), good[m], bad[m]) for m in range(MINUTES + 1)]


def _bar(minute: datetime, good: int, bad: int) -> Bar:
    return Bar(good, bad, f"{minute:%H:%M}: {good} taken, {bad} refused or rejected")


@register_section("Results and pushes", order=40, permission="ocpi.view_outboxmessage")
def deliveries(now: datetime) -> Iterable[Part]:
    since = hour_before(now)
    lost = lost_results(since).count()
    url = list_url(OutboxMessage, kind__exact="RESULT", status__in=",".join(LOST), created_at__gte=_at(since))
    yield Tile("results lost or in doubt, last hour", lost, url, alarming(lost))
    until = now.replace(second=0, microsecond=0)
    late = overdue(since, now=until).count()
    url = list_url(ProfileRequest, response__exact="ACCEPTED", result__exact="", deadline_at__gte=_at(since),
                   deadline_at__lt=_at(until))  # fmt: skip
    yield Tile("results overdue", late, url, alarming(late))
    yield from _failing_by_partner()


def _failing_by_partner() -> Iterable[Part]:
    """From the messages that wait, which an index holds: their parties have millions of others."""
    failing = OutboxMessage.objects.filter(status=OutboxMessage.Status.PENDING, failures__gt=0)
    waiting = dict(failing.order_by().values_list("party").annotate(Count("pk")))
    for party in Party.objects.filter(pk__in=waiting):
        url = list_url(OutboxMessage, party__id__exact=party.pk, status__exact="PENDING", failures__gt=0)
        yield Tile(f"not delivered to {party} yet", waiting[party.pk], url, BAD, "tried, failed, and tried again")
