"""Pages of what partners see: whatever an operator changes there reaches them."""

from collections.abc import Iterable
from typing import Any

from django import forms
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone

from chargepoints import place_details, sites
from chargepoints.admin.pages import OperatedAdmin
from chargepoints.admin.saving import ChangesForm
from chargepoints.models import ChargePoint, Connector, Evse, Location
from chargepoints.theme import ModelAdmin
from chargepoints.values import Stage

Changed = ChargePoint | Connector | Evse | Location


class SeveralField(forms.MultipleChoiceField):
    """A list of words that JSON keeps."""

    widget = forms.CheckboxSelectMultiple

    def __init__(self, words: Iterable[str], *, help_text: str = "") -> None:
        super().__init__(required=False, choices=[(word, word) for word in words], help_text=help_text)


class LocationForm(ChangesForm):
    facilities = SeveralField(place_details.FACILITIES)

    class Meta:
        model = Location
        fields = [
            "name", "address", "postal_code", "city", "country", "latitude", "longitude", "time_zone", "country_code",
            "party_id", "publish", "parking_type", "facilities", "directions", "opening_times", "charging_when_closed",
            "images", "operator", "suboperator", "owner",
        ]  # fmt: skip


class EvseForm(ChangesForm):
    parking_restrictions = SeveralField(place_details.PARKING_RESTRICTIONS)
    declared_capabilities = SeveralField(
        place_details.DECLARABLE, help_text="What no charge point tells: readers and payment terminals"
    )

    class Meta:
        model = Evse
        fields = [
            "charge_point", "ocpp_evse_id", "evse_id", "current_type", "voltage_v", "max_current_a", "max_power_w",
            "phases", "stage", "floor_level", "physical_reference", "parking_restrictions", "declared_capabilities",
        ]  # fmt: skip


def locations_of(obj: Changed) -> set[int]:
    if isinstance(obj, Location):
        return {obj.pk}
    if isinstance(obj, ChargePoint):
        return {obj.location_id}
    return locations_of(obj.charge_point if isinstance(obj, Evse) else obj.evse)


def evses_of(obj: Changed) -> list[Evse]:
    """Those that look different when this has changed."""
    if isinstance(obj, Location):
        return []
    if isinstance(obj, ChargePoint):
        return list(obj.evses.all())
    return [obj if isinstance(obj, Evse) else obj.evse]


class PlaceAdmin(OperatedAdmin):
    """`seen_outside`: fields of its form that partners see something of; None: all of them."""

    seen_outside: frozenset[str] | None = None

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        super().save_related(request, form, formsets, change)
        changed = set(form.changed_data) if self.seen_outside is None else set(form.changed_data) & self.seen_outside
        if not change or changed or any(formset.has_changed() for formset in formsets):
            places = locations_of(form.instance) | left_behind(form)
            sites.described_anew(places, evses=evses_of(form.instance), now=timezone.now())

    def delete_model(self, request: HttpRequest, obj: Any) -> None:
        places = locations_of(obj)
        super().delete_model(request, obj)
        sites.described_anew(places, now=timezone.now())

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet) -> None:
        places = set().union(*(locations_of(obj) for obj in queryset))
        super().delete_queryset(request, queryset)
        sites.described_anew(places, now=timezone.now())


def left_behind(form: Any) -> set[int]:
    """Where it stood before."""
    before = form.initial
    if "location" in form.changed_data and before.get("location"):
        return {before["location"]}
    if "charge_point" in form.changed_data and before.get("charge_point"):
        return locations_of(ChargePoint.objects.get(pk=before["charge_point"]))
    return set()


class RemovedFirst(ModelAdmin):  # type: ignore[misc]
    """Partners keep an EVSE until they are told that it is REMOVED (OCPI 2.2.1 mod_locations, Flow and Lifecycle)."""

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return super().has_delete_permission(request, obj) and (obj is None or obj.stage == Stage.REMOVED)
