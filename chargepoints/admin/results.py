"""What came of an action, row by row: said to the operator, and written into the audit log with who, when and why."""

import logging
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

from django.contrib import admin, messages
from django.db import transaction
from django.db.models import Model
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html

from chargepoints import audit
from chargepoints.admin import rendering
from chargepoints.admin.confirmation import comment_of, go_back
from chargepoints.models import AuditEntry, ChargePoint, ChargePointCommand

logger = logging.getLogger(__name__)
Outcome = AuditEntry.Outcome


@dataclass(frozen=True, slots=True)
class Result:
    """`awaits`: the row whose end will be the outcome; `html`: the text with its links."""

    text: str
    outcome: str = Outcome.DONE
    awaits: Model | None = None
    level: int = messages.SUCCESS
    html: str = ""


def nothing(text: str, *, level: int = messages.WARNING) -> Result:
    return Result(text, Outcome.NOT_DONE, level=level)


def of_command(command: ChargePointCommand) -> Result:
    """Queued, waiting for an offline charge point, or over already."""
    before, after, level = _command_words(command.charge_point, command)
    what, name = f"{command.charge_point}: {command.action} {before}", f"command {command.pk}"
    html = format_html("{} {}{}", what, rendering.link(command, name), after)
    outcome = Outcome.OPEN if command.is_open else command.status
    return Result(f"{what} {name}{after}", outcome, command, level, html)


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


def for_each(
    model_admin: admin.ModelAdmin, request: HttpRequest, targets: Sequence[Any],
    act: Callable[[Any], Iterable[Result]],
) -> HttpResponse | None:  # fmt: skip
    """Each target in a transaction of its own: all that is done to it, or nothing; none stops the others.

    What came of one is said where the button stood; of several, on a page of results.
    """
    batch = uuid4()
    found = [_one(model_admin, request, target, act, batch=batch) for target in targets]
    if len(found) > 1:
        return HttpResponseRedirect(reverse("admin:action_results", args=[batch]))
    say(model_admin, request, [result for results in found for result in results])
    return go_back(request)


def _one(
    model_admin: admin.ModelAdmin, request: HttpRequest, target: Any, act: Callable[[Any], Iterable[Result]], *,
    batch: UUID,
) -> list[Result]:  # fmt: skip
    try:
        with transaction.atomic():
            results = list(act(target))
            record(model_admin, request, target, results, batch=batch)
    except Exception:
        logger.exception("action %s failed on %s", request.POST.get("action"), audit.key_of(target))
        text = f"{target}: nothing was done, because of a mistake in this product. Its log says more."
        results = [Result(text, Outcome.FAILED, level=messages.ERROR)]
        record(model_admin, request, target, results, batch=batch)
    return results


def record(
    model_admin: admin.ModelAdmin, request: HttpRequest, target: Model, results: Iterable[Result], *,
    batch: UUID | None = None, action: str = "",
) -> None:  # fmt: skip
    """Into the audit log; what was done also into the history of its object."""
    batch, comment, now = batch or uuid4(), comment_of(request), timezone.now()
    for result in results:
        audit.write(
            user=request.user, action=action or _label(model_admin, request), target=target, comment=comment,
            result=result.text, outcome=result.outcome, awaits=result.awaits, batch=batch, now=now,
        )  # fmt: skip
        if result.outcome != Outcome.NOT_DONE:
            why = f" Why: {comment}" if "why" in request.POST and comment else ""
            admin.ModelAdmin.log_change(model_admin, request, target, f"{result.text}{why}")


def say(model_admin: admin.ModelAdmin, request: HttpRequest, results: Iterable[Result]) -> None:
    for result in results:
        model_admin.message_user(request, result.html or result.text, result.level)


def _label(model_admin: admin.ModelAdmin, request: HttpRequest) -> str:
    """What the button says."""
    name = request.POST.get("action", "")
    known = model_admin.get_actions(request).get(name)
    return str(known[2]) if known else name
