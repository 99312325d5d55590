from datetime import timedelta
from typing import Any

from django.contrib import admin
from django.db.models import Q
from django.utils import timezone

from chargepoints.admin import rendering, tones
from chargepoints.admin.columns import linked, listed, pretty, session_link, toned, utc
from chargepoints.admin.large_lists import LocationFilter, SearchedByIndex, newest_sessions
from chargepoints.admin.pages import RecordAdmin
from chargepoints.models import ChargePoint, ChargePointCommand, ChargingProfile
from chargepoints.values import ChargingSchedule


@admin.register(ChargePointCommand)
class ChargePointCommandAdmin(SearchedByIndex, RecordAdmin):
    list_display = [
        "id", "action", linked("charge_point"), session_link(), toned("status", tones.COMMAND),
        utc("created_at"), "took", "requested_by", "detail",
    ]  # fmt: skip
    list_filter = ["status", "kind", LocationFilter]
    list_select_related = ["charge_point", "session"]
    search_fields = ["requested_by", "correlation_id"]
    search_through = {"charge_point": ["identity__icontains"], "session": ["uid__startswith"]}
    search_help_text = "Charge point (part), session (its beginning), or whole: who asked, correlation id"
    sorted_by = frozenset({"id", "created_at"})
    date_hierarchy = "created_at"
    shown = [
        "id", "kind", "action", toned("status", tones.COMMAND), "detail", linked("charge_point"), linked("session"),
        linked("profile"), linked("limit"), "requested_by", "correlation_id", utc("created_at"), utc("sent_at"),
        utc("finished_at"), "took", utc("expires_at"), toned("late_status", tones.COMMAND),
        utc("late_at", "late answer"), listed("notes"), "schedule", pretty("payload", "request"),
        pretty("answer"), "connection_id",
    ]  # fmt: skip

    @admin.display(description="took")
    def took(self, command: ChargePointCommand) -> str:
        """From being asked to its end; for an open one, how long it waits already."""
        end = command.finished_at or timezone.now()
        seconds = f"{(end - command.created_at) / timedelta(seconds=1):.1f} s"
        return seconds if command.finished_at else f"waits {seconds}"

    @admin.display(description="schedule")
    def schedule(self, command: ChargePointCommand) -> str:
        if command.kind != ChargePointCommand.Kind.SET_PROFILE:
            return rendering.NOTHING
        return rendering.schedule_table(ChargingSchedule.from_json(command.payload["schedule"]))


@admin.register(ChargingProfile)
class ChargingProfileAdmin(SearchedByIndex, RecordAdmin):
    list_display = [
        "id", session_link(), linked("session__charge_point", "charge point"), "owner",
        toned("state", tones.PROFILE), utc("desired_at"), utc("applied_at"), utc("observed_at"), utc("follow_up_at"),
    ]  # fmt: skip
    list_filter = ["state", "session__state"]
    list_select_related = ["session__charge_point"]
    search_fields = ["owner"]
    search_through = {"session": ["uid__startswith"]}
    search_help_text = "Session (its beginning), or whole: owner, charge point (its newest 200 sessions)"
    sorted_by = frozenset({"id"})
    shown = [
        "id", linked("session"), "owner", "stack_level", toned("state", tones.PROFILE), listed("notes"),
        utc("desired_at", "desired since"), "desired_plan", utc("applied_at", "applied since"), "applied_plan",
        utc("observed_at", "observed"), "observed_plan", utc("follow_up_at", "next part is sent"), "ever_accepted",
    ]  # fmt: skip

    def search_own(self, term: str) -> Q:
        points = ChargePoint.objects.filter(identity__iexact=term).values_list("pk", flat=True)
        sessions = newest_sessions(list(points))
        return super().search_own(term) | self.search_related("session", sessions)

    @admin.display(description="desired")
    def desired_plan(self, profile: ChargingProfile) -> str:
        return _plan(profile, profile.desired_schedule)

    @admin.display(description="applied")
    def applied_plan(self, profile: ChargingProfile) -> str:
        return _plan(profile, profile.applied_schedule)

    @admin.display(description="observed")
    def observed_plan(self, profile: ChargingProfile) -> str:
        return _plan(profile, profile.observed_schedule)


def _plan(profile: ChargingProfile, schedule: Any) -> str:
    return rendering.schedule_table(schedule, now=timezone.now(), started_at=profile.session.started_at)
