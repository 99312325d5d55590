"""Starting a session for a driver who stands there and whose card or app does not do it."""

import secrets
from collections.abc import Iterable
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse

from chargepoints.admin.charge_point_actions import asked
from chargepoints.admin.confirmation import Effect, confirmation_page, go_back, is_confirmed, operator
from chargepoints.admin.results import Result, for_each, nothing, of_command
from chargepoints.models import ChargePoint, ChargingSession, DriverToken, Evse
from chargepoints.ocpp import registry
from chargepoints.ocpp.operator_calls import CallRefused
from chargepoints.values import Stage

Place = ChargePoint | Evse


class StartForm(forms.Form):
    evse = forms.ModelChoiceField(Evse.objects.none(), label="EVSE")
    token = forms.CharField(
        label="Driver's token",
        max_length=36,
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
        help_text="Its uid, as among the driver tokens: the session is this driver's",
    )

    def __init__(self, place: Place, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        evses = evses_of(place)
        self.fields["evse"].queryset = evses  # type: ignore[attr-defined]
        self.fields["evse"].initial = evses.first()

    def clean_token(self) -> DriverToken:
        uid = self.cleaned_data["token"]
        token = DriverToken.objects.filter(uid=uid).first()
        if token is None:
            raise forms.ValidationError("There is no driver's token with this uid.")
        if token.status != DriverToken.Status.ACCEPTED:
            raise forms.ValidationError(f"This token is {token.status}: the charge point would refuse it.")
        return token


def evses_of(place: Place) -> QuerySet[Evse]:
    own = Evse.objects.filter(pk=place.pk) if isinstance(place, Evse) else place.evses.all()
    return own.filter(ocpp_evse_id__gt=0).exclude(stage=Stage.REMOVED).select_related("charge_point")


@admin.action(permissions=["operate"], description="Remote start")
def remote_start(model_admin: admin.ModelAdmin, request: HttpRequest, queryset: QuerySet) -> HttpResponse | None:
    chosen = list(queryset[:2])
    if len(chosen) != 1:
        model_admin.message_user(request, "Start sessions one by one: select one.", messages.ERROR)
        return go_back(request)
    form, by = StartForm(chosen[0], request.POST if "confirm" in request.POST else None), operator(request)
    if is_confirmed(request, form):
        given = form.cleaned_data
        return for_each(model_admin, request, chosen, lambda _: [_start(given["evse"], given["token"], by=by)])
    return confirmation_page(
        model_admin, request, title="Start charging?", button="Yes, start", form=form,
        effects=[Effect(chosen[0], tuple(_words(chosen[0])))],
        warning="Make sure that the cable is in this EVSE and the driver agrees: the session is on this token.",
    )  # fmt: skip


def _words(place: Place) -> Iterable[str]:
    evses = list(evses_of(place))
    for evse in evses:
        session = _running(evse)
        now = f"session {session} runs there" if session else f"free to start, last status {evse.status or 'not told'}"
        yield f"EVSE {evse.ocpp_evse_id}: {now}"
    if not evses:
        yield "It has no EVSE that could start."


def _running(evse: Evse) -> ChargingSession | None:
    return evse.sessions.filter(state=ChargingSession.State.ACTIVE).first()


def _start(evse: Evse, token: DriverToken, *, by: str) -> Result:
    """The charge point has the last word; what cannot work is not asked for."""
    charge_point = evse.charge_point
    if session := _running(evse):
        return nothing(f"{evse}: nothing was sent, session {session} runs there.")
    if not charge_point.is_online:
        return nothing(f"{evse}: nothing was sent, {charge_point} is offline: nobody waits there for a later start.")
    try:
        call = registry.operator_calls(charge_point.ocpp_version).remote_start(
            token.uid, token.type, evse_id=evse.ocpp_evse_id, request_id=secrets.randbelow(2**31 - 1) + 1
        )
    except CallRefused as refused:
        return nothing(f"{evse}: nothing was sent, {refused}.")
    return of_command(asked(charge_point, call, by=by))
