"""The command console: any call a charge point of this version takes, its form from the schema, its answer shown.

A call is a command like all others: a row that is sent when its turn comes, and nobody waits for the answer here.
"""

import json
from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone

from chargepoints import commands
from chargepoints.admin import rendering, schema_form, tones
from chargepoints.admin.confirmation import operator
from chargepoints.admin.live import is_live, live_part
from chargepoints.admin.results import of_command, record, say
from chargepoints.admin.schema_form import Filled, Schema
from chargepoints.models import ChargePoint, ChargePointCommand
from chargepoints.ocpp import registry
from chargepoints.ocpp.operator_calls import CallRefused
from chargepoints.ocpp.redaction import redact
from chargepoints.ocpp.schemas import Schemas
from chargepoints.ocpp.wire import storable

URL_NAME = "chargepoints_chargepoint_console"
MOST_CHARS = 65_536
SHOWN_CALLS = 20
ONLY_ASKS = ("Get", "TriggerMessage", "ExtendedTriggerMessage")
"""How the names of calls begin that change nothing."""
PAST_THE_BOOKS = frozenset({"SetChargingProfile", "ClearChargingProfile"})


def console(model_admin: admin.ModelAdmin, request: HttpRequest, object_id: str) -> HttpResponse:
    charge_point = model_admin.get_object(request, object_id)
    if charge_point is None:
        raise Http404
    if not request.user.has_perm("chargepoints.operate_chargepoint"):  # type: ignore[union-attr]
        raise PermissionDenied
    if is_live(request):
        return live_part(request, "admin/console_calls.html", calls_shown(charge_point, request.GET.get("sent", "")))
    try:
        version = registry.version_of(charge_point.ocpp_version)
    except CallRefused as refused:
        return _page(model_admin, request, charge_point, refused=str(refused))
    chosen = request.POST.get("ocpp_action") or request.GET.get("ocpp_action", "")
    if chosen not in version.calls:
        return _page(model_admin, request, charge_point, actions=version.calls)
    schemas = Schemas.for_version(version.number)
    shown: dict[str, Any] = {"actions": version.calls, "chosen": chosen, "schema": schemas.request_schema(chosen)}
    if request.method != "POST":
        return _page(model_admin, request, charge_point, **shown)
    return _posted(model_admin, request, charge_point, schemas, shown)


def url_of(charge_point: ChargePoint) -> str:
    return reverse(f"admin:{URL_NAME}", args=[charge_point.pk])


# --- what was posted ------------------------------------------------------------------------------------------------


def _posted(
    model_admin: admin.ModelAdmin, request: HttpRequest, charge_point: ChargePoint, schemas: Schemas,
    shown: dict[str, Any],
) -> HttpResponse:  # fmt: skip
    given = {name: value for name, value in request.POST.items() if isinstance(value, str)}
    shown["given"] = given
    if "add" in given:
        _one_more(given, given["add"], shown["schema"])
        return _page(model_admin, request, charge_point, **shown)
    filled = read_payload(shown["schema"], given)
    for place, message in () if filled.errors else schemas.request_errors(shown["chosen"], filled.payload):
        filled.errors.setdefault(_field_of(place, filled), message)
    if filled.errors:
        return _page(model_admin, request, charge_point, errors=filled.errors, **shown)
    if "confirm" in given or shown["chosen"].startswith(ONLY_ASKS):
        return _send(model_admin, request, charge_point, shown["chosen"], filled.payload)
    return _page(model_admin, request, charge_point, to_confirm=json.dumps(filled.payload, indent=2), **shown)


def _one_more(given: dict[str, str], path: str, schema: Schema) -> None:
    """The form as it is, with one more item in that list."""
    nodes = list(schema_form.fields(schema, given))
    while nodes:
        node = nodes.pop()
        if node.path == path and node.kind == "array":
            given[f"count:{path}"] = str(min(len(node.children) + 1, schema_form.MOST_ITEMS))
        nodes.extend(node.children)


def read_payload(schema: Schema, given: dict[str, str]) -> Filled:
    """The JSON where there is any, else the form. Errors of the JSON are at the field `raw`."""
    text = given.get("raw", "").strip()
    if not text:
        filled = schema_form.read(schema, given)
        if storable(filled.payload) != filled.payload:
            filled.errors[""] = "A text holds a character that cannot be sent."
        return filled
    try:
        payload = json.loads(text[: MOST_CHARS + 1], parse_constant=_no_constant)
        if len(text) > MOST_CHARS or not isinstance(payload, dict) or storable(payload) != payload:
            raise ValueError("it must be a JSON object of plain texts and numbers")
    except (ValueError, RecursionError) as error:
        return Filled({}, {"raw": f"This cannot be sent: {error}"}, {})
    return Filled(payload, {}, {})


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


def _field_of(place: tuple[str | int, ...], filled: Filled) -> str:
    """The nearest field of the form; what was written as JSON has one only."""
    if not filled.places:
        return "raw"
    while place and place not in filled.places:
        place = place[:-1]
    return filled.places[place]


def _send(
    model_admin: admin.ModelAdmin, request: HttpRequest, charge_point: ChargePoint, action: str, payload: dict[str, Any]
) -> HttpResponse:
    with transaction.atomic():
        command = commands.request_call(
            charge_point=charge_point, action=action, payload=payload, requested_by=operator(request),
            now=timezone.now(),
        )  # fmt: skip
        result = of_command(command)
        record(model_admin, request, charge_point, [result], action=f"Console: {action}")
        say(model_admin, request, [result])
    return HttpResponseRedirect(f"{url_of(charge_point)}?ocpp_action={action}&sent={command.pk}")


# --- how it is shown ------------------------------------------------------------------------------------------------


def _page(
    model_admin: admin.ModelAdmin, request: HttpRequest, charge_point: ChargePoint, *, chosen: str = "",
    schema: Schema | None = None, given: dict[str, str] | None = None, errors: dict[str, str] | None = None,
    **shown: Any,
) -> HttpResponse:  # fmt: skip
    given, errors, sent = given or {}, errors or {}, request.GET.get("sent", "")
    context = {
        **model_admin.admin_site.each_context(request), "opts": model_admin.opts, "original": charge_point,
        "title": f"Console of {charge_point}", "charge_point": charge_point, "chosen": chosen,
        "nodes": schema_form.fields(schema, given, errors) if schema else [], "raw": given.get("raw", ""),
        "raw_error": errors.get("raw", ""), "form_error": errors.get("", ""), "has_errors": bool(errors),
        "past_the_books": chosen in PAST_THE_BOOKS, "sent": sent, **calls_shown(charge_point, sent), **shown,
    }  # fmt: skip
    return TemplateResponse(request, "admin/console.html", context)


def calls_shown(charge_point: ChargePoint, sent: str) -> dict[str, Any]:
    """The newest calls by people, the one just sent first and open."""
    calls = charge_point.commands.filter(kind=ChargePointCommand.Kind.CALL).exclude(requested_by=commands.SYSTEM)
    return {
        "sent": sent,
        "calls": [_call(command, is_new=str(command.pk) == sent) for command in calls.order_by("-pk")[:SHOWN_CALLS]],
    }


def _call(command: ChargePointCommand, *, is_new: bool) -> dict[str, Any]:
    status = command.late_status or command.status
    return {
        "pk": command.pk, "is_new": is_new, "action": command.action, "by": command.requested_by,
        "at": rendering.when(command.created_at), "url": rendering.admin_url(command),
        "badge": rendering.badge(status, tones.COMMAND.get(status, rendering.WARN)), "detail": command.detail,
        "payload": _pretty(command.payload), "answer": _pretty(command.answer),
    }  # fmt: skip


def _pretty(payload: Any) -> str:
    """Without secrets: an answer to GetConfiguration holds keys."""
    text = redact(payload, limit=MOST_CHARS) if payload is not None else ""
    try:
        return json.dumps(json.loads(text), indent=2, ensure_ascii=False) if text else ""
    except ValueError:
        return text
