"""What operators can ask of a charge point itself."""

from collections.abc import Callable, Iterable, Sequence

from django import forms
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils import timezone

from chargepoints import commands
from chargepoints.admin import console
from chargepoints.admin.confirmation import (
    Effect,
    confirmation_page,
    go_back,
    is_confirmed,
    operator,
    too_many,
)
from chargepoints.admin.results import Result, for_each, nothing, of_command
from chargepoints.models import ChargePoint, ChargePointCommand, Connector
from chargepoints.ocpp import registry
from chargepoints.ocpp.operator_calls import TRIGGERED_MESSAGES, CallRefused, OperatorCalls
from chargepoints.values import RawCall

Calls = Callable[[ChargePoint], Sequence[RawCall]]


class TriggerMessageForm(forms.Form):
    message = forms.ChoiceField(choices=[(message, message) for message in TRIGGERED_MESSAGES])
    evse_id = forms.IntegerField(
        label="EVSE",
        required=False,
        min_value=1,
        help_text="Number of the EVSE (OCPP 1.6: connector) for StatusNotification and MeterValues; empty: all of them",
    )

    def clean_evse_id(self) -> int | None:
        """The charge point as a whole has no boot or heartbeat of one connector."""
        about_connector = self.cleaned_data.get("message") in {"StatusNotification", "MeterValues"}
        return self.cleaned_data["evse_id"] if about_connector else None


@admin.action(permissions=["operate"], description="Trigger message")
def trigger_message(model_admin: admin.ModelAdmin, request: HttpRequest, queryset: QuerySet) -> HttpResponse | None:
    if too_many(model_admin, request, queryset):
        return go_back(request)
    form = TriggerMessageForm(request.POST if "confirm" in request.POST else None)
    if is_confirmed(request, form):
        chosen = form.cleaned_data
        return _call_each(
            model_admin, request, queryset,
            lambda cp: _trigger_calls(cp, chosen["message"], chosen["evse_id"]),
        )  # fmt: skip
    effects = [Effect(charge_point, ("is asked to send this message now",)) for charge_point in queryset]
    return confirmation_page(
        model_admin, request, title="Trigger a message", button="Send request", effects=effects, form=form
    )


@admin.action(permissions=["operate"], description="Refresh capabilities")
def refresh_capabilities(
    model_admin: admin.ModelAdmin, request: HttpRequest, queryset: QuerySet
) -> HttpResponse | None:
    """Only reads the charge point's configuration, so for one nothing has to be confirmed."""
    if too_many(model_admin, request, queryset):
        return go_back(request)
    if len(queryset) > 1 and not is_confirmed(request):
        effects = [Effect(charge_point, ("is asked for its configuration",)) for charge_point in queryset]
        return confirmation_page(
            model_admin, request, title="Refresh capabilities?", button="Yes, ask them", effects=effects
        )
    return _call_each(model_admin, request, queryset, _capabilities_anew)


def _capabilities_anew(charge_point: ChargePoint) -> Sequence[RawCall]:
    """What it once refused is tried again."""
    calls = _calls_of(charge_point).get_capabilities()
    ChargePoint.objects.filter(pk=charge_point.pk).exclude(refused_units="").update(refused_units="")
    return calls


@admin.action(permissions=["operate"], description="Reset (soft)")
def soft_reset(model_admin: admin.ModelAdmin, request: HttpRequest, queryset: QuerySet) -> HttpResponse | None:
    if too_many(model_admin, request, queryset):
        return go_back(request)
    if is_confirmed(request):
        return _call_each(model_admin, request, queryset, lambda cp: [_calls_of(cp).soft_reset()])
    effects = [Effect(charge_point, ("is restarted (soft reset)",)) for charge_point in queryset]
    return confirmation_page(
        model_admin, request, title="Reset the charge point?", button="Yes, reset", effects=effects,
        warning="It ends its transactions or waits for their end, restarts, and is offline for a while. Some forget "
        "their profiles.",
    )  # fmt: skip


@admin.action(permissions=["operate"], description="Console")
def open_console(model_admin: admin.ModelAdmin, request: HttpRequest, queryset: QuerySet) -> HttpResponse | None:  # noqa: ARG001
    """Leads to the page, for the first that was ticked."""
    charge_point = queryset.order_by("pk").first()
    return HttpResponseRedirect(console.url_of(charge_point)) if charge_point else go_back(request)


def _call_each(
    model_admin: admin.ModelAdmin, request: HttpRequest, queryset: QuerySet, calls: Calls
) -> HttpResponse | None:
    by = operator(request)
    return for_each(model_admin, request, list(queryset), lambda charge_point: _call(charge_point, calls, by=by))


def _call(charge_point: ChargePoint, calls: Calls, *, by: str) -> Iterable[Result]:
    try:
        wanted = calls(charge_point)
    except CallRefused as refused:
        return [nothing(f"{charge_point}: nothing was sent, {refused}.")]
    return [of_command(asked(charge_point, call, by=by)) for call in wanted]


def asked(charge_point: ChargePoint, call: RawCall, *, by: str) -> ChargePointCommand:
    return commands.request_call(
        charge_point=charge_point, action=call.action, payload=call.payload, requested_by=by, now=timezone.now()
    )


def _calls_of(charge_point: ChargePoint) -> OperatorCalls:
    return registry.operator_calls(charge_point.ocpp_version)


def _trigger_calls(charge_point: ChargePoint, message: str, evse_id: int | None) -> Sequence[RawCall]:
    known = Connector.objects.filter(evse__charge_point=charge_point, evse__ocpp_evse_id__gt=0)
    places = known.order_by("evse__ocpp_evse_id", "ocpp_connector_id")
    if evse_id is not None:
        places = places.filter(evse__ocpp_evse_id=evse_id)
    connectors = places.values_list("evse__ocpp_evse_id", "ocpp_connector_id")
    return _calls_of(charge_point).trigger_message(message, evse_id, connectors=connectors)
