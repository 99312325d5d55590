from collections.abc import Iterable
from typing import Any

from django.contrib import admin
from django.db.models import Count, QuerySet
from django.http import HttpRequest
from django.utils import timezone

from chargepoints.admin import limit_actions, limit_words
from chargepoints.admin.columns import linked, utc
from chargepoints.admin.pages import OperatedAdmin, RecordAdmin
from chargepoints.models import Connector, Evse, Location, ServerProcess


@admin.register(Location)
class LocationAdmin(OperatedAdmin):
    list_display = ["name", "address", "city", "country", "charge_point_count", utc("created_at")]
    list_filter = ["country"]
    search_fields = ["name", "address", "city", "postal_code", "uid"]
    fields = [
        "uid", "name", "address", "postal_code", "city", "country", "latitude", "longitude", "time_zone",
        "country_code", "party_id", "created", "updated",
    ]  # fmt: skip
    readonly_fields = ["uid", "created", "updated"]
    created, updated = staticmethod(utc("created_at")), staticmethod(utc("updated_at"))

    def get_queryset(self, request: HttpRequest) -> QuerySet[Location]:
        return super().get_queryset(request).annotate(charge_point_count=Count("charge_points"))

    @admin.display(description="charge points", ordering="charge_point_count")
    def charge_point_count(self, location: Any) -> int:
        return location.charge_point_count


class ConnectorInline(admin.TabularInline):
    model = Connector
    extra = 0
    fields = ["ocpp_connector_id", "standard", "format", "status"]
    readonly_fields = ["status"]


@admin.register(Evse)
class EvseAdmin(OperatedAdmin):
    list_display = [
        "__str__", linked("charge_point"), "evse_id", "status", "error_code", "status_info", utc("status_at"),
        "current_type", "max_current_a", "phases",
    ]  # fmt: skip
    list_filter = ["status", "current_type", "charge_point__location"]
    list_select_related = ["charge_point"]
    search_fields = ["uid", "evse_id", "charge_point__identity"]
    fields = [
        "uid", "charge_point", "ocpp_evse_id", "evse_id", "current_type", "voltage_v", "max_current_a", "max_power_w",
        "phases", "status", "error_code", "status_info", "reported",
    ]  # fmt: skip
    readonly_fields = ["uid", "status", "error_code", "status_info", "reported"]
    autocomplete_fields = ["charge_point"]
    reported = staticmethod(utc("status_at", "status since"))
    inlines = [ConnectorInline]
    actions = [limit_actions.set_limit, limit_actions.remove_limit]

    def summary(self, obj: Evse) -> Iterable[tuple[str, object]]:
        return [("Limits by operators", limit_words.wanted_on_evse(obj, now=timezone.now()))]


@admin.register(Connector)
class ConnectorAdmin(OperatedAdmin):
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
