"""The audit log, and the page that says what came of an action on many rows."""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any
from uuid import UUID

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import NoReverseMatch
from django.utils import timezone
from django.utils.html import format_html

from chargepoints import audit
from chargepoints.admin import live, rendering, tones
from chargepoints.admin.columns import toned, utc
from chargepoints.admin.pages import RecordAdmin
from chargepoints.admin.site_pages import page_context, register_page
from chargepoints.admin.timeline import NEWEST, TimelineEntry, register_source
from chargepoints.models import AuditEntry, ChargePointCommand, ChargingSession

Outcome = AuditEntry.Outcome
GOOD = (Outcome.DONE, Outcome.ACCEPTED, Outcome.DELIVERED)


@admin.register(AuditEntry)
class AuditEntryAdmin(RecordAdmin):
    list_display = [
        utc("at", "when"), "username", "action", "on_what", toned("outcome", tones.AUDIT), "result", "comment",
    ]  # fmt: skip
    list_display_links = ["action"]
    list_filter = [
        "outcome", "action", ("user", admin.RelatedOnlyFieldListFilter),
        ("target_type", admin.RelatedOnlyFieldListFilter),
    ]  # fmt: skip
    list_select_related = ["target_type"]
    search_fields = ["username", "action", "target", "result", "comment"]
    search_help_text = "Who, what, on what, why, or what came of it"
    date_hierarchy = "at"
    shown = [
        utc("at", "when"), "username", "action", "on_what", "comment", toned("outcome", tones.AUDIT), "result",
        utc("finished_at", "outcome known"), "at_once",
    ]  # fmt: skip

    @admin.display(description="on what", ordering="target")
    def on_what(self, entry: AuditEntry) -> str:
        return target_link(entry)

    @admin.display(description="done at once")
    def at_once(self, entry: AuditEntry) -> str:
        others = AuditEntry.objects.filter(batch=entry.batch).count()
        return format_html('<a href="{}">{} rows</a>', results_url(entry.batch), others) if others > 1 else "this alone"

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        audit.settle(now=timezone.now())
        return super().changelist_view(request, extra_context)


def target_link(entry: AuditEntry) -> str:
    """Its row may be gone: then the page it leads to says so."""
    model = entry.target_type.model_class() if entry.target_type else None
    if model is None:
        return entry.target or rendering.NOTHING
    try:
        return rendering.link(model(pk=entry.target_id), entry.target)
    except NoReverseMatch:
        return entry.target


def results_url(batch: UUID) -> str:
    from django.urls import reverse

    return reverse("admin:action_results", args=[batch])


@register_page("results/<uuid:batch>/", "action_results", permission="chargepoints.view_auditentry")
def action_results(request: HttpRequest, batch: UUID) -> HttpResponse:
    """Live until each row has its outcome, and after."""
    if not request.user.has_perm("chargepoints.view_auditentry"):  # type: ignore[union-attr]
        raise PermissionDenied
    audit.settle(now=timezone.now())
    entries = list(AuditEntry.objects.filter(batch=batch).select_related("target_type").order_by("id"))
    if not entries:
        raise Http404
    shown = {"groups": _groups(entries), "counts": _counts(entries), "first": entries[0]}
    if live.is_live(request):
        return live.live_part(request, "admin/action_results.html", shown)
    title = f"{entries[0].action}: what came of it"
    return TemplateResponse(request, "admin/action_results_page.html", page_context(request, title, **shown))


def _counts(entries: Iterable[AuditEntry]) -> list[str]:
    counted = Counter(Outcome(entry.outcome) for entry in entries)
    return [
        rendering.badge(f"{count} {outcome.label}", tones.AUDIT.get(outcome, "info"))
        for outcome, count in counted.most_common()
    ]


def _groups(entries: Sequence[AuditEntry]) -> list[tuple[str, list[tuple[str, str, str]]]]:
    """What needs a look comes first; rows without any are no group."""
    wrong = [entry for entry in entries if entry.outcome not in {*GOOD, Outcome.OPEN}]
    waiting = [entry for entry in entries if entry.outcome == Outcome.OPEN]
    good = [entry for entry in entries if entry.outcome in GOOD]
    titled = [("Not done, refused or failed", wrong), ("Under way", waiting), ("Done", good)]
    return [(title, [_row(entry) for entry in found]) for title, found in titled if found]


def _row(entry: AuditEntry) -> tuple[str, str, str]:
    badge = rendering.badge(Outcome(entry.outcome).label, tones.AUDIT.get(entry.outcome, "info"))
    return target_link(entry), badge, entry.result


@register_source
def audit_entries(session: ChargingSession) -> Iterable[TimelineEntry]:
    found = AuditEntry.objects.filter(target_type__model="chargingsession", target_id=str(session.pk))
    entries = list(found.filter(target_type__app_label="chargepoints")[:NEWEST])
    threads = _threads(entries)
    for entry in entries:
        tone = tones.AUDIT.get(entry.outcome, rendering.INFO)
        why = f"Why: {entry.comment}" if entry.comment else ""
        label = Outcome(entry.outcome).label
        url, thread = rendering.admin_url(entry), threads.get(entry.awaits, "")
        yield TimelineEntry(entry.at, str(entry), label, tone, why, url, order=-2, thread=thread)


def _threads(entries: Iterable[AuditEntry]) -> dict[str, str]:
    """What an operator did is the beginning of what came of it: the thread of the command that it asked for."""
    kind = audit.key_of(ChargePointCommand(pk=0)).removesuffix("0")
    keys = [entry.awaits.removeprefix(kind) for entry in entries if entry.awaits.startswith(kind)]
    found = ChargePointCommand.objects.filter(pk__in=keys).values_list("pk", "correlation_id")
    return {f"{kind}{pk}": correlation_id for pk, correlation_id in found if correlation_id}
