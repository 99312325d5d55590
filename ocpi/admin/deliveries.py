"""What operators can do about messages to partners. `ocpi.outbox` and `ocpi.pushes` do the work."""

from collections.abc import Collection, Iterable
from datetime import datetime

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from chargepoints.admin.confirmation import Effect, confirmation_page, go_back, is_confirmed, too_many
from chargepoints.admin.rendering import when
from chargepoints.admin.results import Outcome, Result, for_each, nothing
from chargepoints.admin.timeline import register_session_action
from chargepoints.audit import register_endings
from chargepoints.models import ChargingSession
from ocpi import outbox, pushes
from ocpi.models import OutboxMessage

SEND_PERMISSION = "ocpi.send_to_party"
Status = OutboxMessage.Status
TWICE = "A result that is in doubt may have arrived: sent again, the partner may get it twice."


@admin.action(permissions=["send"], description="Retry delivery now")
def retry_delivery_now(model_admin: admin.ModelAdmin, request: HttpRequest, queryset: QuerySet) -> HttpResponse | None:
    if too_many(model_admin, request, queryset):
        return go_back(request)
    chosen = list(queryset.select_related("party"))
    if not is_confirmed(request):
        return confirmation_page(
            model_admin, request, title="Retry delivery now?", button="Yes, send it",
            effects=[Effect(message, (_retry_words(message),)) for message in chosen],
            warning=TWICE if any(_may_come_twice(message) for message in chosen) else "",
        )  # fmt: skip
    return for_each(model_admin, request, chosen, lambda message: [_retry(message, now=timezone.now())])


def _may_come_twice(message: OutboxMessage) -> bool:
    return message.status == Status.IN_DOUBT and message.kind == OutboxMessage.Kind.RESULT


def _retry_words(message: OutboxMessage) -> str:
    twice = " The partner may get it twice." if _may_come_twice(message) else ""
    return f"is sent to {message.party} now.{twice}"


def _retry(message: OutboxMessage, *, now: datetime) -> Result:
    if outbox.retry_now(message, now=now):
        return Result(f"{message} goes to {message.party} now.", Outcome.OPEN, message)
    message.refresh_from_db()
    return nothing(f"{message} to {message.party} was not sent: {why_not(message, now=now)}.")


@register_endings(OutboxMessage)
def message_endings(keys: Collection[int]) -> dict[int, tuple[str, str]]:
    ends = {
        Status.DELIVERED: Outcome.DELIVERED, Status.FAILED: Outcome.FAILED, Status.EXPIRED: Outcome.EXPIRED,
        Status.IN_DOUBT: Outcome.IN_DOUBT,
    }  # fmt: skip
    found = OutboxMessage.objects.filter(pk__in=keys, status__in=ends).only("status", "last_error").order_by()
    return {message.pk: (ends[Status(message.status)], message.last_error) for message in found}


def why_not(message: OutboxMessage, *, now: datetime) -> str:
    """Why an operator cannot have it sent again."""
    if message.status == Status.SENDING:
        return "it is on its way at this moment"
    if message.status == Status.DELIVERED:
        return f"it was delivered at {when(message.delivered_at)}"
    if message.expires_at and message.expires_at <= now:
        return f"it was promised before {when(message.expires_at)}, and a result that comes later is not waited for"
    if not message.party.enabled:
        return f"{message.party} is switched off"
    return f"it is {message.status}"


@register_session_action(permission=SEND_PERMISSION)
@admin.action(description="Send session to partners again")
def send_session_again(model_admin: admin.ModelAdmin, request: HttpRequest, queryset: QuerySet) -> HttpResponse | None:
    if too_many(model_admin, request, queryset):
        return go_back(request)
    sessions = list(queryset.select_related("evse__charge_point", "charge_point"))
    if not is_confirmed(request):
        words = ("goes to every partner that sees its EVSE again, whole.",)
        return confirmation_page(
            model_admin, request, title="Send the session to partners again?", button="Yes, send it",
            effects=[Effect(session, words) for session in sessions],
        )  # fmt: skip
    return for_each(model_admin, request, sessions, lambda session: _send(session, now=timezone.now()))


def _send(session: ChargingSession, *, now: datetime) -> Iterable[Result]:
    sent = pushes.push_again(session, now=now)
    if not sent:
        why = "no partner that sees its EVSE has a sessions endpoint"
        return [nothing(f"Session {session} was sent to nobody: {why}.")]
    return [
        Result(f"Session {session} goes to {message.party} again, whole.", Outcome.OPEN, message) for message in sent
    ]
