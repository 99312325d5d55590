"""Actions of operators: a page that says what will happen, then a message that says what did."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.utils.html import format_html
from django.utils.http import url_has_allowed_host_and_scheme

from chargepoints.admin import rendering
from chargepoints.models import ChargePoint, ChargePointCommand

AT_ONCE = 100
"""Objects one action takes at most, so that a slip of the hand does not reach every charge point."""


@dataclass(frozen=True, slots=True)
class Effect:
    """What an action will do to `target`, in words."""

    target: Model
    words: tuple[str, ...]


def too_many(model_admin: admin.ModelAdmin, request: HttpRequest, queryset: QuerySet) -> bool:
    if queryset[: AT_ONCE + 1].count() <= AT_ONCE:
        return False
    text = f"More than {AT_ONCE} were selected. Nothing was done: select at most {AT_ONCE} at once."
    model_admin.message_user(request, text, messages.ERROR)
    return True


def is_confirmed(request: HttpRequest, form: forms.Form | None = None) -> bool:
    return "confirm" in request.POST and (form is None or form.is_valid())


def confirmation_page(
    model_admin: admin.ModelAdmin,
    request: HttpRequest,
    *,
    title: str,
    button: str,
    effects: Iterable[Effect],
    form: forms.Form | None = None,
    warning: str = "",
) -> HttpResponse:
    """Asks before anything is done; the answer comes back to the same action with `confirm`."""
    effects = list(effects)
    context: dict[str, Any] = {
        **model_admin.admin_site.each_context(request),
        "opts": model_admin.opts,
        "title": title,
        "button": button,
        "effects": effects,
        "form": form,
        "warning": warning,
        "action": request.POST["action"],
        "checkbox_name": ACTION_CHECKBOX_NAME,
        "next": safe_next(request),
        "media": model_admin.media,
    }
    return TemplateResponse(request, "admin/confirm_action.html", context)


def safe_next(request: HttpRequest) -> str:
    """The page the button stood on, if it is one of ours."""
    url = request.POST.get("next", "")
    return url if url_has_allowed_host_and_scheme(url, {request.get_host()}, request.is_secure()) else ""


def go_back(request: HttpRequest) -> HttpResponse | None:
    """To the page the button stood on; None sends the admin to the list."""
    url = safe_next(request)
    return HttpResponseRedirect(url) if url else None


def operator(request: HttpRequest) -> str:
    """How commands name who asked."""
    return f"operator {request.user.get_username()}"[:64]


def tell(model_admin: admin.ModelAdmin, request: HttpRequest, target: Model, text: str, *, level: int) -> None:
    """Says it to the operator, and writes who did what to whom into the history."""
    model_admin.log_change(request, target, text)
    model_admin.message_user(request, text, level)


def tell_command(
    model_admin: admin.ModelAdmin, request: HttpRequest, target: Model, command: ChargePointCommand
) -> None:
    """What became of the command so far: queued, waiting for an offline charge point, or over already."""
    before, after, level = _command_words(command.charge_point, command)
    what, name = f"{command.charge_point}: {command.action} {before}", f"command {command.pk}"
    model_admin.log_change(request, target, f"{what} {name}{after}")
    text = format_html("{} {}{}", what, rendering.link(command, name), after)
    model_admin.message_user(request, text, level)


def _command_words(charge_point: ChargePoint, command: ChargePointCommand) -> tuple[str, str, int]:
    """Before and after the command's name, and the level of the message."""
    if not command.is_open:
        level = messages.INFO if command.status == command.Status.ACCEPTED else messages.WARNING
        return "not sent:", f" is {command.status} at once, {command.detail}", level
    if charge_point.is_online:
        return "queued as", "", messages.SUCCESS
    deadline = rendering.when(command.expires_at)
    after = f", but the charge point is offline: it expires at {deadline} unless the charge point connects before"
    return "queued as", after, messages.WARNING
