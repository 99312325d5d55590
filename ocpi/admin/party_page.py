"""What the page of a party says of its endpoints, and of what did not go well lately."""

from collections.abc import Iterable
from datetime import datetime, timedelta

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from chargepoints.admin import rendering
from chargepoints.admin.rendering import BAD, INFO, OK, WARN
from chargepoints.admin.timeline import Problem, Remedy
from ocpi import outages, service_slots
from ocpi.masking import masked_text
from ocpi.models import InboundRequest, OutboxMessage, PartnerEndpoint, Party
from ocpi.service_levels import total

LATELY = timedelta(hours=1)
PUSHED_TO = set(outages.PLACES.values())


def endpoints(party: Party, *, now: datetime) -> SafeString | str:
    rows = format_html_join(
        "",
        "<tr><th>{}</th><td>{}</td><td>{}</td><td>{}</td></tr>",
        (
            (each.identifier, each.role.lower(), format_html('<span class="cpo-url">{}</span>', masked_text(each.url)),
             rendering.badge(*_state(each, now=now)))
            for each in party.endpoints.all()
        ),
    )  # fmt: skip
    if not rows:
        return "None is known: Connect, or Refresh endpoints."
    return format_html(
        '<table class="cpo-endpoints"><thead><tr><th>Module</th><th>Its role</th><th>URL</th><th>State</th></tr>'
        "</thead><tbody>{}</tbody></table>", rows,
    )  # fmt: skip


def _state(endpoint: PartnerEndpoint, *, now: datetime) -> tuple[str, str]:
    if endpoint.failing_since:
        return f"no answer for {_since(endpoint.failing_since, now=now)}", BAD
    pushed = (endpoint.identifier, endpoint.role) in PUSHED_TO
    return ("no trouble", OK) if pushed else ("nothing is pushed there", INFO)


def _since(at: datetime, *, now: datetime) -> str:
    return rendering.age(at, now=now).removesuffix(" ago")


def outage_problems(party: Party, *, now: datetime) -> Iterable[Problem]:
    for endpoint in party.endpoints.filter(failing_since__isnull=False):
        since = endpoint.failing_since or now
        why = (
            f"Since {rendering.when(since)}, {_since(since, now=now)}. Pushes wait, one is tried every minute, and "
            "all go by themselves when it answers."
        )
        yield Problem(f"Its {endpoint.identifier} endpoint does not answer", why, Remedy(party, "test_connection"))


def lost_problems(party: Party, *, now: datetime) -> Iterable[Problem]:
    lost = total(figures for _, figures in service_slots.slots(party, since=now - LATELY)).count("lost")
    if lost:
        url = rendering.list_url(
            OutboxMessage, party__id__exact=party.pk, kind__exact="RESULT", status__exact="EXPIRED"
        )
        what = f"{lost} result{'s' if lost > 1 else ''} of the last hour did not reach it in the promised time"
        yield Problem(what, "It does not know what came of those requests, and they are not sent any more.", url=url)


def refused_problems(party: Party, *, now: datetime) -> Iterable[Problem]:
    """Its token was right, and it was not let in all the same."""
    refused = InboundRequest.objects.filter(party=party, at__gte=now - LATELY, http_status=401).order_by("-at").first()
    if refused:
        why = f"At {rendering.when(refused.at)} from {refused.address or 'an unknown address'}: {refused.refusal}."
        yield Problem("Its requests get 401", why, tone=WARN, url=rendering.admin_url(refused))
