"""How operators set a limit on a charge point or an EVSE, and remove it.

A limit is asked for in two steps: the first answer to the form says what these values will do, the second one does it.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from chargepoints import capping, limits
from chargepoints.admin import limit_words, rendering
from chargepoints.admin.confirmation import (
    Effect,
    confirmation_page,
    go_back,
    is_confirmed,
    operator,
    too_many,
)
from chargepoints.admin.rendering import schedule_words
from chargepoints.admin.results import Outcome, Result, for_each, nothing, of_command
from chargepoints.models import ChargePoint, ChargePointCommand, ChargingSession, Evse, OperatorLimit
from chargepoints.values import RateUnit, ScheduleRefused

Place = ChargePoint | Evse
SOONEST_END = timedelta(minutes=1)
LATEST_END = timedelta(days=366)


class LimitForm(forms.Form):
    """`checked` holds the values whose effects were shown: others are not acted on."""

    rate = forms.DecimalField(label="Limit", min_value=0, max_digits=9, decimal_places=1)
    unit = forms.ChoiceField(choices=[(unit.value, words) for unit, words in rendering.UNIT_WORDS.items()])
    ends_at = forms.DateTimeField(
        label="Ends at",
        required=False,
        widget=forms.DateTimeInput(attrs={"type": "datetime-local"}),
        help_text="In UTC; empty: until it is removed",
    )
    reason = forms.CharField(max_length=200, help_text="For colleagues, e.g. grid works")
    checked = forms.CharField(required=False, widget=forms.HiddenInput)

    def clean_ends_at(self) -> datetime | None:
        ends_at, now = self.cleaned_data["ends_at"], timezone.now()
        if ends_at and not now + SOONEST_END <= ends_at <= now + LATEST_END:
            raise forms.ValidationError("It must be at least a minute and at most a year ahead.")
        return ends_at

    @property
    def values(self) -> str:
        return " ".join(str(self.cleaned_data[name]) for name in ("rate", "unit", "ends_at"))

    def shown_again(self) -> "LimitForm":
        """With what it says now as checked."""
        form = LimitForm(self.data.dict() | {"checked": self.values})  # type: ignore[attr-defined]
        form.full_clean()
        return form

    def draft(self, place: Place, *, requested_by: str, now: datetime) -> OperatorLimit:
        charge_point, evse = _parts(place)
        return limits.draft(
            charge_point, evse, rate=self.cleaned_data["rate"], unit=RateUnit(self.cleaned_data["unit"]),
            ends_at=self.cleaned_data["ends_at"], reason=self.cleaned_data["reason"], requested_by=requested_by,
            now=now,
        )  # fmt: skip


def _parts(place: Place) -> tuple[ChargePoint, Evse | None]:
    return (place.charge_point, place) if isinstance(place, Evse) else (place, None)


def _places(queryset: QuerySet) -> list[Any]:
    return list(queryset.select_related("charge_point") if queryset.model is Evse else queryset)


# --- set ------------------------------------------------------------------------------------------------------------


@admin.action(permissions=["operate"], description="Set limit")
def set_limit(model_admin: admin.ModelAdmin, request: HttpRequest, queryset: QuerySet) -> HttpResponse | None:
    if too_many(model_admin, request, queryset):
        return go_back(request)
    places, now, by = _places(queryset), timezone.now(), operator(request)
    form = LimitForm(request.POST if "confirm" in request.POST else None)
    if is_confirmed(request, form) and form.cleaned_data["checked"] == form.values:
        return for_each(
            model_admin, request, places,
            lambda place: _set(place, form.draft(place, requested_by=by, now=now), now=now),
        )  # fmt: skip
    shown = form.shown_again() if form.is_bound and form.is_valid() else form
    effects = [Effect(place, _set_words(place, shown, requested_by=by, now=now)) for place in places]
    valid = shown.is_bound and shown.is_valid()
    return confirmation_page(
        model_admin, request, title="Set a limit?" if valid else "Set a limit", effects=effects, form=shown,
        button="Yes, set this limit" if valid else "Go on: show what it does", asks_why=False,
    )  # fmt: skip


def _set_words(place: Place, form: LimitForm, *, requested_by: str, now: datetime) -> tuple[str, ...]:
    charge_point, evse = _parts(place)
    before = limits.wanted_on(charge_point.pk, evse.pk if evse else None, now=now)
    now_words = f"Now: {limit_words.limited_words(before)} ({before.state})." if before else "Now: no limit."
    if not (form.is_bound and form.is_valid()):
        return (now_words, *_touched_words(place))
    wish = form.draft(place, requested_by=requested_by, now=now)
    try:
        return (now_words, *_call_words(wish, before, now=now))
    except ScheduleRefused as refused:
        return (now_words, f"Nothing: the limit does not fit ({refused.code}): {refused.detail}")


def _call_words(wish: OperatorLimit, before: OperatorLimit | None, *, now: datetime) -> tuple[str, ...]:
    """Raises ScheduleRefused."""
    prepared = limits.prepared(wish, now=now)
    if before and before.state == OperatorLimit.State.INSTALLED and limits.is_same(before, wish):
        return ("Nothing: exactly this limit is in force already.",)
    notes = "".join(f" Note: {note}." for note in prepared.notes)
    until = limit_words.until_words(wish)
    call = (
        f"SetChargingProfile ({limit_words.profile_words(wish)}): {schedule_words(prepared.schedule)}, {until}.{notes}"
    )
    offline = () if wish.charge_point.is_online else ("It is offline: the limit is kept and sent when it connects.",)
    return (call, *offline, *_touched_words(wish.evse or wish.charge_point))


def _touched_words(place: Place) -> tuple[str, ...]:
    sessions = place.sessions.filter(state=ChargingSession.State.ACTIVE).select_related("evse")
    if isinstance(place, ChargePoint):
        words = tuple(f"Touches session {session} on EVSE {session.evse.ocpp_evse_id}." for session in sessions)
    else:
        owners = ", ".join(f"{profile.owner}" for profile in capping.profiles_on(place.pk))
        anew = f" The profile of {owners} is prepared anew and sent." if owners else " It has no profile of its own."
        words = tuple(f"Touches session {session}.{anew}" for session in sessions)
    return words or ("Touches no running session.",)


def _set(place: Place, wish: OperatorLimit, *, now: datetime) -> Iterable[Result]:
    try:
        limit = limits.set_limit(wish, now=now)
    except ScheduleRefused as refused:
        text = f"{place}: nothing was sent. The limit does not fit ({refused.code}): {refused.detail}"
        return [nothing(text, level=messages.ERROR)]
    if limit is not wish:
        text = f"{place}: nothing was sent, exactly this limit is in force already."
        return [nothing(text, level=messages.INFO)]
    said = Result(f"{place}: {limit_words.limited_words(limit)}.")
    return [said, _carried(place, limit, limit.commands.first(), "it is kept and sent")]


def _carried(place: Place, limit: OperatorLimit, command: ChargePointCommand | None, what: str) -> Result:
    """By a command, or by a later one when the charge point connects."""
    if command:
        return of_command(command)
    charge_point, _ = _parts(place)
    text = f"{charge_point} is offline: {what} when it connects."
    return Result(text, Outcome.OPEN, limit, messages.WARNING)


# --- remove ---------------------------------------------------------------------------------------------------------


@admin.action(permissions=["operate"], description="Remove limit")
def remove_limit(model_admin: admin.ModelAdmin, request: HttpRequest, queryset: QuerySet) -> HttpResponse | None:
    if too_many(model_admin, request, queryset):
        return go_back(request)
    places, now = _places(queryset), timezone.now()
    if not is_confirmed(request):
        effects = [Effect(place, _remove_words(place, now=now)) for place in places]
        return confirmation_page(
            model_admin, request, title="Remove the limit?", button="Yes, remove it", effects=effects,
            warning="Sessions then charge as fast as their profiles and the charge point allow.",
        )  # fmt: skip
    by = operator(request)
    return for_each(model_admin, request, places, lambda place: _remove(place, by=by, now=now))


def _remove_words(place: Place, *, now: datetime) -> tuple[str, ...]:
    limit = limits.removable_on(*_keys(place), now=now)
    if limit is None:
        return ("Nothing: there is no limit.",)
    words = f"ClearChargingProfile ({limit_words.profile_words(limit)}): {limit_words.limited_words(limit)}"
    return (f"{words} ({limit.state}).", *_touched_words(place))


def _keys(place: Place) -> tuple[int, int | None]:
    charge_point, evse = _parts(place)
    return charge_point.pk, evse.pk if evse else None


def _remove(place: Place, *, by: str, now: datetime) -> Iterable[Result]:
    limit = limits.removable_on(*_keys(place), now=now)
    if limit is None:
        return [nothing(f"{place}: nothing was sent, there is no limit.")]
    command = limits.remove_limit(limit, requested_by=by, now=now)
    said = Result(f"{place}: the limit of {limit_words.rate_words(limit)} is not wanted any more.")
    if command or limits.is_left_on(*_keys(place)):
        return [said, _carried(place, limit, command, "it is cleared")]
    return [said, Result(f"{place}: nothing was sent, the charge point does not have it.", level=messages.INFO)]
