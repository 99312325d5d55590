from collections.abc import Iterable
from typing import Any

from django.contrib import admin
from django.db.models import Count, QuerySet
from django.http import HttpRequest
from django.utils import timezone

from chargepoints.admin import limit_actions, limit_words, remote_start, rendering
from chargepoints.admin.columns import linked, utc
from chargepoints.admin.large_lists import LocationFilter
from chargepoints.admin.pages import RecordAdmin
from chargepoints.admin.places import EvseForm, LocationForm, PlaceAdmin, RemovedFirst
from chargepoints.admin.timeline import Problem
from chargepoints.models import Connector, Evse, Location, ServerProcess
from chargepoints.theme import LabelledInline


@admin.register(Location)
class LocationAdmin(PlaceAdmin):
    form = LocationForm
    list_display = ["name", "address", "city", "country", "charge_point_count", utc("created_at")]
    list_filter = ["country"]
    search_fields = ["name", "address", "city", "postal_code", "uid"]
    fieldsets = [
        (
            None,
            {"fields": ["uid", "name", "address", "postal_code", "city", "country", "latitude", "longitude",
                        "time_zone", "created", "updated"]},
        ),
        ("Run for", {"fields": ["country_code", "party_id", "operator", "suboperator", "owner"]}),
        (
            "For drivers",
            {"fields": ["publish", "opening_times", "charging_when_closed", "parking_type", "facilities", "directions",
                        "images"]},
        ),
    ]  # fmt: skip
    readonly_fields = ["uid", "created", "updated"]
    created, updated = staticmethod(utc("created_at")), staticmethod(utc("updated_at"))

    def get_queryset(self, request: HttpRequest) -> QuerySet[Location]:
        return super().get_queryset(request).annotate(charge_point_count=Count("charge_points"))

    @admin.display(description="charge points", ordering="charge_point_count")
    def charge_point_count(self, location: Any) -> int:
        return location.charge_point_count

    def problems(self, obj: Location) -> Iterable[Problem]:
        yield from untold(obj)


def untold(location: Location) -> Iterable[Problem]:
    if location.missing:
        words = f"It lacks what OCPI requires: {', '.join(location.missing)}."
        yield Problem(f"Partners are not told of {location}", words, tone="warn", url=rendering.admin_url(location))


class ConnectorInline(LabelledInline):
    model = Connector
    extra = 0
    fields = ["ocpp_connector_id", "standard", "format", "status"]
    readonly_fields = ["status"]


@admin.register(Evse)
class EvseAdmin(RemovedFirst, PlaceAdmin):
    form = EvseForm
    list_display = [
        "__str__", linked("charge_point"), "evse_id", "status", "error_code", "status_info", utc("status_at"),
        "current_type", "max_current_a", "phases",
    ]  # fmt: skip
    list_filter = ["status", "stage", "current_type", LocationFilter]
    list_select_related = ["charge_point"]
    search_fields = ["uid", "evse_id", "charge_point__identity"]
    fields = [
        "uid", *EvseForm.Meta.fields, "status", "error_code", "status_info", "reported",
    ]  # fmt: skip
    readonly_fields = ["uid", "status", "error_code", "status_info", "reported"]
    autocomplete_fields = ["charge_point"]
    reported = staticmethod(utc("status_at", "status since"))
    inlines = [ConnectorInline]
    actions = [remote_start.remote_start, limit_actions.set_limit, limit_actions.remove_limit]

    def summary(self, obj: Evse) -> Iterable[tuple[str, object]]:
        return [("Limits by operators", limit_words.wanted_on_evse(obj, now=timezone.now()))]

    def problems(self, obj: Evse) -> Iterable[Problem]:
        if not obj.connectors.exists():
            yield Problem("Partners are not told of it", "It has no connector, and OCPI requires one.", tone="warn")
        yield from untold(obj.charge_point.location)


@admin.register(Connector)
class ConnectorAdmin(PlaceAdmin):
    list_display = ["__str__", linked("evse"), "standard", "format", "status"]
    list_filter = ["standard", "format"]
    list_select_related = ["evse__charge_point"]
    search_fields = ["evse__uid", "evse__evse_id", "evse__charge_point__identity"]
    fields = ["evse", "ocpp_connector_id", "standard", "format", "status", "reported"]
    readonly_fields = ["status", "reported"]
    reported = staticmethod(utc("status_at", "status since"))
    autocomplete_fields = ["evse"]


@admin.register(ServerProcess)
class ServerProcessAdmin(RecordAdmin):
    list_display = ["channel_name", utc("started_at"), utc("alive_at", "last sign of life")]
    shown = ["channel_name", utc("started_at"), utc("alive_at", "last sign of life")]
