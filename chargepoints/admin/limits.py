from typing import Any

from django.contrib import admin
from django.http import HttpRequest

from chargepoints.admin import limit_words, rendering, tones
from chargepoints.admin.columns import linked, listed, toned, utc
from chargepoints.admin.large_lists import LocationFilter
from chargepoints.admin.pages import RecordAdmin
from chargepoints.models import OperatorLimit


class WantedFilter(admin.SimpleListFilter):
    title = "wanted"
    parameter_name = "wanted"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:  # noqa: ARG002
        return [("yes", "Wanted"), ("no", "Ended")]

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:  # noqa: ARG002
        return queryset.filter(ended_at__isnull=self.value() == "yes") if self.value() else queryset


@admin.register(OperatorLimit)
class OperatorLimitAdmin(RecordAdmin):
    """Set and removed on the pages of charge points and EVSEs."""

    list_display = [
        "id", linked("charge_point"), linked("evse"), "rate_and_unit", toned("state", tones.LIMIT), utc("created_at"),
        utc("ends_at"), utc("ended_at"), "created_by", "reason",
    ]  # fmt: skip
    list_filter = [WantedFilter, "state", "unit", LocationFilter]
    list_select_related = ["charge_point", "evse__charge_point"]
    search_fields = ["charge_point__identity", "created_by", "ended_by", "reason"]
    search_help_text = "Charge point, who asked, or reason"
    date_hierarchy = "created_at"
    shown = [
        "id", linked("charge_point"), linked("evse"), "rate_and_unit", "reason", "created_by", utc("created_at"),
        utc("ends_at"), utc("ended_at"), "ended_by", toned("state", tones.LIMIT), "in_words", "at_the_charge_point",
        "stack_level", utc("installed_at"), "tries", listed("notes"), "calls",
    ]  # fmt: skip

    @admin.display(description="limit", ordering="rate")
    def rate_and_unit(self, limit: OperatorLimit) -> str:
        return limit_words.rate_words(limit)

    @admin.display(description="state means")
    def in_words(self, limit: OperatorLimit) -> str:
        return limit.get_state_display()

    @admin.display(description="at the charge point")
    def at_the_charge_point(self, limit: OperatorLimit) -> str:
        return limit_words.profile_words(limit)

    @admin.display(description="commands")
    def calls(self, limit: OperatorLimit) -> str:
        words = (f"{c.action} {c.pk}: {c.late_status or c.status}" for c in limit.commands.all()[:20])
        return rendering.words_list(words)
