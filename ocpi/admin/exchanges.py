"""The newest exchanges with a party, both ways by time, each to be opened."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import chain
from urllib.parse import urlsplit

from django.http import HttpRequest
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from chargepoints.admin import rendering
from ocpi.admin.bodies import pretty_body, pretty_document
from ocpi.admin.inbound import answer_words
from ocpi.admin.outbox import outcome_words
from ocpi.masking import masked_text
from ocpi.models import DeliveryAttempt, InboundRequest, Party

SHOWN = 20
BODY_CHARS = 3000
"""Of each body on the page of a party, which is asked for again every few seconds; the record has more."""


@dataclass(frozen=True, slots=True)
class Exchange:
    """`key` names it while the page is open. `sent` and `got` are HTML already, escaped and masked."""

    at: datetime
    key: str
    way: str
    what: str
    outcome: tuple[str, str]
    took_ms: int | None
    sent: tuple[str, str]
    got: tuple[str, str]
    note: str
    url: str


def panel(request: HttpRequest, party: Party) -> SafeString:
    found = sorted(_visible(request, party), key=lambda exchange: exchange.at, reverse=True)[:SHOWN]
    lists = (
        (rendering.list_url(InboundRequest, party__id__exact=party.pk), "All it sent"),
        (rendering.list_url(DeliveryAttempt, party__id__exact=party.pk), "All we sent"),
    )
    return format_html(
        '<p class="cpo-quiet">{} · The newest {}, times in UTC, secrets masked.</p>{}',
        format_html_join(" · ", '<a href="{}">{}</a>', lists), SHOWN,
        format_html_join("", "{}", ((_entry(exchange),) for exchange in found)) or "Nothing was exchanged yet.",
    )  # fmt: skip


def _visible(request: HttpRequest, party: Party) -> Iterator[Exchange]:
    """Whoever may see a party may not see all that is said with it."""
    may = request.user.has_perm  # type: ignore[union-attr]
    incoming = InboundRequest.objects.filter(party=party).order_by("-at")
    outgoing = DeliveryAttempt.objects.filter(party=party).order_by("-started_at")
    return chain(
        map(_incoming, incoming[:SHOWN] if may("ocpi.view_inboundrequest") else ()),
        map(_outgoing, outgoing[:SHOWN] if may("ocpi.view_deliveryattempt") else ()),
    )


def _incoming(inbound: InboundRequest) -> Exchange:
    query = f"?{inbound.query}" if inbound.query else ""
    return Exchange(
        inbound.at, f"in-{inbound.pk}", "← from it", f"{inbound.method} {inbound.path}{query}", answer_words(inbound),
        inbound.duration_ms, ("It sent", pretty_body(inbound.request_body, limit=BODY_CHARS)),
        ("It got", pretty_body(inbound.response_body, limit=BODY_CHARS)), inbound.refusal, rendering.admin_url(inbound),
    )  # fmt: skip


def _outgoing(attempt: DeliveryAttempt) -> Exchange:
    return Exchange(
        attempt.started_at, f"out-{attempt.pk}", "→ to it", f"{attempt.method} {_path(attempt.url)}".strip(),
        outcome_words(attempt), attempt.duration_ms,
        ("We sent", pretty_document(attempt.body, limit=BODY_CHARS)),
        ("We got", pretty_body(attempt.response_body, limit=BODY_CHARS)), attempt.error, rendering.admin_url(attempt),
    )  # fmt: skip


def _path(url: str) -> str:
    """Its host is that of the endpoints."""
    parts = urlsplit(masked_text(url))
    return (f"{parts.path}?{parts.query}" if parts.query else parts.path) or url


def _entry(exchange: Exchange) -> SafeString:
    took = "" if exchange.took_ms is None else f"{exchange.took_ms} ms"
    badge = rendering.badge(*exchange.outcome)
    bodies = format_html_join("", "<div><h4>{}</h4>{}</div>", (exchange.sent, exchange.got))
    return format_html(
        '<details class="cpo-exchange" data-key="{}"><summary><span class="cpo-at">{}</span> '
        '<span class="cpo-way">{}</span> <span class="cpo-what">{}</span> {} <span class="cpo-quiet">{}</span>'
        '</summary>{}<div class="cpo-bodies">{}</div><p><a href="{}">The whole record</a></p></details>',
        exchange.key, f"{exchange.at:%Y-%m-%d %H:%M:%S}", exchange.way, exchange.what, badge, took,
        format_html("<p>{}</p>", exchange.note) if exchange.note else "", bodies, exchange.url,
    )  # fmt: skip
