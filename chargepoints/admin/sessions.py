from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.utils import timezone

from chargepoints.admin import self_tests, session_actions, session_page, timeline, tones
from chargepoints.admin.columns import linked, listed, measured, pretty, session_link, toned, utc
from chargepoints.admin.pages import OperatedAdmin, RecordAdmin
from chargepoints.admin.rendering import presence
from chargepoints.models import ChargingSession, DriverToken, MeterValue


@admin.register(ChargingSession)
class ChargingSessionAdmin(RecordAdmin):
    list_display = [
        "uid", toned("state", tones.SESSION), linked("charge_point"), "online", measured("kwh", "kWh", "energy"),
        measured("power_w", "W", "power"), utc("started_at"), utc("ended_at"),
    ]  # fmt: skip
    list_filter = ["state", "charge_point__location"]
    list_select_related = ["charge_point"]
    search_fields = ["uid", "charge_point__identity", "ocpp_transaction_id", "id_token", "contract_id"]
    search_help_text = "Session, charge point, transaction, driver's token or contract"
    date_hierarchy = "started_at"
    actions = [
        session_actions.push_profile_again,
        session_actions.clear_profile,
        session_actions.fetch_active_profile,
        session_actions.remote_stop,
        self_tests.self_test,
    ]
    shown = [
        "uid", "state", linked("charge_point"), linked("evse"), "connector", "ocpp_transaction_id", "id_token",
        "contract_id", "token_type", "token_country_code", "token_party_id", "auth_method",
        utc("started_at", "started"), utc("reported_start_at", "started, as reported"), utc("ended_at"), "stop_reason",
        measured("meter_start_wh", "Wh"), measured("meter_stop_wh", "Wh"),
        measured("kwh", "kWh", "energy"), measured("power_w", "W", "power"), measured("current_a", "A", "current"),
        measured("soc_percent", "%", "state of charge"), "detected_phases", "charging_state", utc("measured_at"),
        pretty("charging_preferences"), listed("notes"), utc("created_at"), utc("last_updated"),
    ]  # fmt: skip

    @admin.display(description="charge point is")
    def online(self, session: ChargingSession) -> str:
        return presence(session.charge_point.is_online)

    def get_queryset(self, request: HttpRequest) -> Any:
        """The page of one session reads these too."""
        return (
            super()
            .get_queryset(request)
            .select_related("charge_point", "evse__charge_point")
            .prefetch_related("profiles")
        )

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        return {**super().get_actions(request), **timeline.session_actions(self, request.user)}

    def summary(self, obj: ChargingSession) -> list[tuple[str, object]]:
        return session_page.summary(obj, now=timezone.now())

    def problems(self, obj: ChargingSession) -> list[timeline.Problem]:
        return timeline.problems_of(obj)

    def panels(self, obj: ChargingSession) -> list[tuple[str, object]]:
        return [("Charging profiles", session_page.profiles(obj, now=timezone.now()))]

    def timeline(self, obj: ChargingSession) -> list[timeline.TimelineEntry]:
        return timeline.entries_of(obj)


@admin.register(MeterValue)
class MeterValueAdmin(RecordAdmin):
    """The largest table: read by its key, never counted or sorted otherwise."""

    list_display = [
        utc("measured_at"), linked("charge_point"), session_link(), measured("energy_wh", "Wh", "energy"),
        measured("power_w", "W", "power"), measured("current_a", "A", "current"),
        measured("offered_a", "A", "offered"), measured("soc_percent", "%", "state of charge"),
    ]  # fmt: skip
    list_select_related = ["charge_point", "session"]
    sortable_by = ()
    ordering = ["-id"]
    search_fields = ["=session__uid", "=charge_point__identity"]
    search_help_text = "Exact session or charge point"
    list_per_page = 100
    shown = [
        linked("charge_point"), linked("session"), "evse", "ocpp_transaction_id", utc("measured_at"),
        utc("received_at"), measured("energy_wh", "Wh"), measured("power_w", "W"), measured("current_a", "A"),
        measured("offered_a", "A"), measured("offered_w", "W"), measured("soc_percent", "%"), pretty("samples"),
    ]  # fmt: skip


@admin.register(DriverToken)
class DriverTokenAdmin(OperatedAdmin):
    list_display = ["uid", toned("status", tones.TOKEN), "contract_id", utc("created_at")]
    list_filter = ["status"]
    search_fields = ["uid", "contract_id"]
    fields = ["uid", "status", "contract_id", "type", "country_code", "party_id"]
