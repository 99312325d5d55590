"""What operators can do about messages to partners. `ocpi.outbox` and `ocpi.pushes` do the work."""

from datetime import datetime

from django.contrib import admin, messages
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from chargepoints.admin.confirmation import Effect, confirmation_page, go_back, is_confirmed, tell, too_many
from chargepoints.admin.rendering import when
from chargepoints.admin.timeline import register_session_action
from ocpi import outbox, pushes
from ocpi.models import OutboxMessage

SEND_PERMISSION = "ocpi.send_to_party"
Status = OutboxMessage.Status


@admin.action(permissions=["send"], description="Retry delivery now")
def retry_delivery_now(model_admin: admin.ModelAdmin, request: HttpRequest, queryset: QuerySet) -> HttpResponse | None:
    """Asks first where the partner may get the same result twice."""
    if too_many(model_admin, request, queryset):
        return go_back(request)
    chosen = list(queryset.select_related("party"))
    if any(_may_come_twice(message) for message in chosen) and not is_confirmed(request):
        return confirmation_page(
            model_admin, request, title="Retry delivery now?", button="Yes, send it",
            effects=[Effect(message, (_retry_words(message),)) for message in chosen],
            warning="A result that is in doubt may have arrived: sent again, the partner may get it twice.",
        )  # fmt: skip
    for message in chosen:
        _retry(model_admin, request, message)
    return go_back(request)


def _may_come_twice(message: OutboxMessage) -> bool:
    return message.status == Status.IN_DOUBT and message.kind == OutboxMessage.Kind.RESULT


def _retry_words(message: OutboxMessage) -> str:
    twice = " The partner may get it twice." if _may_come_twice(message) else ""
    return f"is sent to {message.party} now.{twice}"


def _retry(model_admin: admin.ModelAdmin, request: HttpRequest, message: OutboxMessage) -> None:
    now = timezone.now()
    with transaction.atomic():
        if outbox.retry_now(message, now=now):
            return tell(
                model_admin, request, message, f"{message} goes to {message.party} now.", level=messages.SUCCESS
            )
    message.refresh_from_db()
    text = f"{message} to {message.party} was not sent: {why_not(message, now=now)}."
    return model_admin.message_user(request, text, messages.WARNING)


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
    for session in queryset.select_related("evse__charge_point", "charge_point"):
        with transaction.atomic():
            count = pushes.push_again(session, now=timezone.now())
            if count:
                text = f"Session {session} goes to {count} partner{'s' if count > 1 else ''} again, whole."
                tell(model_admin, request, session, text, level=messages.SUCCESS)
        if not count:
            text = f"Session {session} was sent to nobody: no partner that sees its EVSE has a sessions endpoint."
            model_admin.message_user(request, text, messages.WARNING)
    return go_back(request)
