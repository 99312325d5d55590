"""Actions of operators: a page that says what will happen and asks why. `results` says what did."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.utils.http import url_has_allowed_host_and_scheme

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
    asks_why: bool = True,
) -> HttpResponse:
    """Asks before anything is done, and why; the answer comes back to the same action with `confirm`."""
    effects = list(effects)
    context: dict[str, Any] = {
        **model_admin.admin_site.each_context(request),
        "opts": model_admin.opts,
        "title": title,
        "button": button,
        "effects": effects,
        "form": form,
        "warning": warning,
        "asks_why": asks_why,
        "why": comment_of(request),
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


def comment_of(request: HttpRequest) -> str:
    """Why, in the operator's words; the form of a limit asks for it itself."""
    return (request.POST.get("why") or request.POST.get("reason", "")).strip()[:500]
