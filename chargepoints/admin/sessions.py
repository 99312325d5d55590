from dataclasses import replace
from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import Q
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import path
from django.utils import timezone

from chargepoints.admin import (
    pages,
    raw,
    self_tests,
    session_actions,
    session_chart,
    session_lines,
    session_page,
    threads,
    timeline,
    tones,
)
from chargepoints.admin.columns import linked, listed, measured, pretty, session_link, toned, utc
from chargepoints.admin.large_lists import LocationFilter, SearchedByIndex, newest_sessions
from chargepoints.admin.pages import OperatedAdmin, RecordAdmin
from chargepoints.admin.rendering import admin_url, presence
from chargepoints.chart.story import tell
from chargepoints.models import ChargingSession, DriverToken, MeterValue

OLDER = "older"
"""Asks for more of the timeline."""


class ConnectionFilter(admin.SimpleListFilter):
    title = "charge point is"
    parameter_name = "connection"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:  # noqa: ARG002
        return [("online", "Online"), ("offline", "Offline")]

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:  # noqa: ARG002
        offline = Q(charge_point__connection_id="")
        return queryset.filter(offline if self.value() == "offline" else ~offline) if self.value() else queryset


@admin.register(ChargingSession)
class ChargingSessionAdmin(SearchedByIndex, RecordAdmin):
    kept_parameters = (session_chart.PARAMETER, OLDER)
    fields_folded = True
    list_display = [
        "uid", toned("state", tones.SESSION), linked("charge_point"), "online", measured("kwh", "kWh", "energy"),
        measured("power_w", "W", "power"), utc("started_at"), utc("ended_at"),
    ]  # fmt: skip
    list_filter = ["state", ConnectionFilter, LocationFilter]
    list_select_related = ["charge_point"]
    search_fields = ["uid__startswith", "ocpp_transaction_id", "id_token", "contract_id"]
    search_through = {"charge_point": ["identity__icontains"]}
    search_help_text = "Session (its beginning), charge point (part), or whole: transaction, driver's token, contract"
    sorted_by = frozenset({"started_at"})
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

    def get_sortable_by(self, request: HttpRequest) -> Any:
        """Open ones are few, and an operator looks for the one that draws most."""
        is_few = request.GET.get("state__exact") in {ChargingSession.State.ACTIVE, ChargingSession.State.PENDING}
        return self.list_display if is_few else super().get_sortable_by(request)

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

    def page(self, request: HttpRequest, obj: ChargingSession) -> dict[str, Any]:
        now = timezone.now()
        lines = session_lines.lines(obj, now=now)
        situation = session_lines.situation(obj, lines, refusal=timeline.refusal_of(obj), now=now)
        most = threads.MANY if OLDER in request.GET else threads.FEW
        zoom = session_chart.zoom_of(request.GET.get(session_chart.PARAMETER, ""))
        return {
            **super().page(request, obj),
            "story": tell(situation),
            "chart": session_chart.drawn(obj, lines, zoom=zoom, now=now),
            "timeline": self._with_buttons(request, threads.timeline_of(timeline.entries_of(obj), most=most)),
            "older_query": f"?{session_chart.PARAMETER}={zoom.value}&{OLDER}=1",
            "raw_base": f"{admin_url(obj).removesuffix('change/')}raw/",
        }

    def _with_buttons(self, request: HttpRequest, told: threads.Timeline) -> threads.Timeline:
        def button(entry: timeline.TimelineEntry) -> pages.Button | None:
            return pages.button_for(self, request, entry.remedy)

        return told.map_steps(lambda step: replace(step, button=button(step.entry)) if step.entry.remedy else step)

    # --- raw bodies of the timeline -----------------------------------------------------------------------------------

    def get_urls(self) -> list[Any]:
        view = self.admin_site.admin_view(self.raw_view)
        return [path("<path:object_id>/raw/<slug:key>/", view, name="session_raw"), *super().get_urls()]

    def raw_view(self, request: HttpRequest, object_id: str, key: str) -> HttpResponse:
        session = self.get_object(request, object_id)
        if session is None:
            raise Http404
        if not self.has_view_permission(request, session):
            raise PermissionDenied
        return raw.raw_page(request, session, key)


@admin.register(MeterValue)
class MeterValueAdmin(SearchedByIndex, RecordAdmin):
    """The largest table: read by its key, never counted or sorted otherwise."""

    list_display = [
        utc("measured_at"), linked("charge_point"), session_link(), measured("energy_wh", "Wh", "energy"),
        measured("power_w", "W", "power"), measured("current_a", "A", "current"),
        measured("offered_a", "A", "offered"), measured("soc_percent", "%", "state of charge"),
    ]  # fmt: skip
    list_select_related = ["charge_point", "session"]
    sortable_by = ()
    ordering = ["-id"]
    search_through = {"session": ["uid__startswith"], "charge_point": ["identity__iexact"]}
    search_help_text = "Session (its beginning), or a whole charge point: what its newest 200 sessions measured"
    list_per_page = 100
    shown = [
        linked("charge_point"), linked("session"), "evse", "ocpp_transaction_id", utc("measured_at"),
        utc("received_at"), measured("energy_wh", "Wh"), measured("power_w", "W"), measured("current_a", "A"),
        measured("offered_a", "A"), measured("offered_w", "W"), measured("soc_percent", "%"), pretty("samples"),
    ]  # fmt: skip

    def search_related(self, name: str, keys: Any) -> Q:
        """An index by charge point would cost every meter value; by session there is one, and one of those outside."""
        if name != "charge_point" or not keys:
            return super().search_related(name, keys)
        return Q(session__in=newest_sessions(keys)) | Q(session=None, charge_point__in=keys)


@admin.register(DriverToken)
class DriverTokenAdmin(OperatedAdmin):
    list_display = ["uid", toned("status", tones.TOKEN), "contract_id", utc("created_at")]
    list_filter = ["status"]
    search_fields = ["uid", "contract_id"]
    fields = ["uid", "status", "contract_id", "type", "country_code", "party_id"]
