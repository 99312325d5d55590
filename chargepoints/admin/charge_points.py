from collections.abc import Iterable
from functools import partial
from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import path
from django.utils import timezone
from django.utils.html import format_html, format_html_join

from chargepoints import availability, provisioning
from chargepoints.admin import (
    charge_point_actions,
    charge_point_page,
    console,
    limit_actions,
    limit_words,
    messages,
    remote_start,
    rendering,
    self_tests,
    tones,
)
from chargepoints.admin.columns import linked, pretty, utc
from chargepoints.admin.places import PlaceAdmin
from chargepoints.admin.saving import ChangesForm
from chargepoints.admin.timeline import Problem, Remedy, clock_problems
from chargepoints.authentication import hash_password
from chargepoints.models import ChargePoint, ChargePointCommand, ChargingSession, Evse
from chargepoints.theme import LabelledInline

SHOWN_COMMANDS = 15


class ChargePointForm(ChangesForm):
    columns = {"new_password": "password_hash"}
    new_password = forms.CharField(
        required=False,
        strip=False,
        max_length=64,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
        help_text="Sets its HTTP Basic password; empty: stays as it is. It is kept as a hash and never shown.",
    )

    class Meta:
        model = ChargePoint
        fields = ["identity", "location", "enabled", "low_current_policy"]

    def clean_identity(self) -> str:
        provisioning.refuse_bad_identity(self.cleaned_data["identity"])
        return self.cleaned_data["identity"]

    def clean(self) -> dict[str, Any] | None:
        """HTTP Basic ends the identity at its first colon (RFC 7617 section 2)."""
        password = self.cleaned_data.get("new_password") or ""
        if not password.isprintable():
            self.add_error("new_password", "It has control characters.")
        if password and ":" in self.cleaned_data.get("identity", ""):
            self.add_error("new_password", "With a colon in its identity it cannot have a password.")
        return super().clean()

    def save(self, commit: bool = True) -> Any:
        password = self.cleaned_data.get("new_password")
        if password:
            self.instance.password_hash = hash_password(password)
        return super().save(commit)


class OnlineFilter(admin.SimpleListFilter):
    title = "connection"
    parameter_name = "connection"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:  # noqa: ARG002
        return [("online", "Online"), ("offline", "Offline")]

    def queryset(self, request: HttpRequest, queryset: QuerySet) -> QuerySet:  # noqa: ARG002
        match self.value():
            case "online":
                return queryset.exclude(connection_id="")
            case "offline":
                return queryset.filter(connection_id="")
        return queryset


class EvseInline(LabelledInline):
    model = Evse
    form = ChangesForm
    extra = 0
    fields = ["ocpp_evse_id", "evse_id", "status", "error_code", "current_type", "voltage_v", "max_current_a", "phases"]
    readonly_fields = ["status", "error_code"]
    show_change_link = True
    can_delete = False


@admin.register(ChargePoint)
class ChargePointAdmin(PlaceAdmin):
    form = ChargePointForm
    seen_outside = frozenset({"location", "enabled"})
    inlines = [EvseInline]
    list_display = [
        "identity", "online", "capability", linked("location"), utc("last_seen_at", "last seen"), "hardware",
        "ocpp_version", "enabled",
    ]  # fmt: skip
    list_filter = [OnlineFilter, "smart_charging", "enabled", "ocpp_version", "location"]
    list_select_related = ["location"]
    search_fields = ["identity", "vendor", "model", "serial_number", "location__name"]
    search_help_text = "Identity, vendor, model, serial number or location"
    autocomplete_fields = ["location"]
    actions = [
        remote_start.remote_start,
        charge_point_actions.trigger_message,
        charge_point_actions.refresh_capabilities,
        charge_point_actions.soft_reset,
        charge_point_actions.open_console,
        self_tests.self_test,
        limit_actions.set_limit,
        limit_actions.remove_limit,
    ]
    seen, booted = staticmethod(utc("last_seen_at", "last seen")), staticmethod(utc("booted_at"))
    connected, disconnected = staticmethod(utc("connected_at")), staticmethod(utc("disconnected_at"))
    learned, keys = staticmethod(utc("capabilities_at", "learned")), staticmethod(pretty("configuration"))
    readonly_fields = [
        "password_is", "ocpp_version", "vendor", "model", "serial_number", "meter_serial_number", "firmware_version",
        "firmware_status", "diagnostics_status", "as_a_whole", "booted", "clock_skew_s", "connected", "disconnected",
        "seen", "smart_charging", "units", "max_periods", "max_stack_level", "max_profiles", "learned", "keys",
    ]  # fmt: skip
    fieldsets = [
        (None, {"fields": ["identity", "location", "enabled", "low_current_policy", "password_is", "new_password"]}),
        (
            "What it says of itself",
            {"fields": ["ocpp_version", "vendor", "model", "serial_number", "meter_serial_number", "firmware_version",
                        "firmware_status", "diagnostics_status", "as_a_whole", "booted", "clock_skew_s"]},
        ),
        ("Connection", {"fields": ["connected", "disconnected", "seen"]}),
        (
            "Smart charging",
            {"fields": ["smart_charging", "units", "max_periods", "max_stack_level", "max_profiles", "learned",
                        "keys"]},
        ),
    ]  # fmt: skip

    def get_urls(self) -> list[Any]:
        view = self.admin_site.admin_view(partial(console.console, self))
        return [path("<path:object_id>/console/", view, name=console.URL_NAME), *super().get_urls()]

    @admin.display(description="connection", ordering="connection_id")
    def online(self, charge_point: ChargePoint) -> str:
        return rendering.presence(charge_point.is_online)

    @admin.display(description="vendor and model", ordering="vendor")
    def hardware(self, charge_point: ChargePoint) -> str:
        return f"{charge_point.vendor} {charge_point.model}".strip() or rendering.NOTHING

    @admin.display(description="smart charging", ordering="smart_charging")
    def capability(self, charge_point: ChargePoint) -> str:
        if charge_point.smart_charging is None:
            return rendering.badge("not said", rendering.WARN)
        if not charge_point.smart_charging:
            return rendering.badge("no", rendering.BAD)
        return format_html("{} {}", rendering.badge("yes", rendering.OK), ", ".join(charge_point.rate_units))

    @admin.display(description="units", ordering="rate_units")
    def units(self, charge_point: ChargePoint) -> str:
        said = " and ".join(charge_point.rate_units) or "not said"
        refused = charge_point.refused_units
        return f"{said}; it refused {refused} and took the other, so {refused} is not sent" if refused else said

    @admin.display(description="status as a whole")
    def as_a_whole(self, charge_point: ChargePoint) -> str:
        if not charge_point.status:
            return "not said"
        return f"{charge_point.status} since {rendering.when(charge_point.status_at)}"

    @admin.display(description="password")
    def password_is(self, charge_point: ChargePoint) -> str:
        return "set" if charge_point.password_hash else "none: it connects without"

    def summary(self, obj: ChargePoint) -> list[tuple[str, object]]:
        now = timezone.now()
        open_sessions = obj.sessions.filter(state__in=["PENDING", "ACTIVE"])[:10]
        seen = (
            f"{rendering.when(obj.last_seen_at)} ({rendering.age(obj.last_seen_at, now=now)})"
            if obj.last_seen_at
            else "never"
        )
        return [
            ("Connection", rendering.presence(obj.is_online)),
            ("Last seen", seen),
            ("Location", rendering.link(obj.location)),
            ("Smart charging", {True: "yes", False: "no", None: "not said"}[obj.smart_charging]),
            ("Limits by operators", limit_words.wanted_on_charge_point(obj, now=now)),
            ("Open sessions", _session_links(open_sessions)),
            (
                "All sessions",
                format_html('<a href="{}">list</a>', rendering.list_url(ChargingSession, charge_point=obj.pk)),
            ),
        ]

    def problems(self, obj: ChargePoint) -> Iterable[Problem]:
        yield from charge_point_problems(obj)
        yield from limit_words.problems_of_charge_point(obj, now=timezone.now())

    def panels(self, obj: ChargePoint) -> list[tuple[str, object]]:
        return [
            *charge_point_page.panels(obj, now=timezone.now()),
            ("Newest commands", _commands_table(obj)),
            ("Newest messages", messages.newest_of(obj)),
        ]


def charge_point_problems(charge_point: ChargePoint) -> Iterable[Problem]:
    if not charge_point.enabled:
        yield Problem("It is switched off here", "It may not connect while “enabled” is off.", tone=rendering.WARN)
    if not charge_point.is_online:
        since = (
            f"Since {rendering.when(charge_point.disconnected_at)}."
            if charge_point.disconnected_at
            else "It never was online."
        )
        yield Problem("It is offline", f"{since} Commands wait for it until they expire.")
    elif charge_point.smart_charging is None:
        why = "It has not told its capabilities yet."
        yield Problem("Smart charging is not known", why, Remedy(charge_point, "refresh_capabilities"), rendering.WARN)
    yield from clock_problems(charge_point)
    yield from _problems_of_the_whole(charge_point)
    for evse in charge_point.evses.all():
        if evse.error_code not in {"", "NoError"} or evse.status == "Faulted":
            why = f"{evse.status} since {rendering.when(evse.status_at)}. {evse.status_info}"
            what = f"EVSE {evse.ocpp_evse_id} reports {evse.error_code or evse.status}"
            yield Problem(what, why, url=rendering.admin_url(evse))


def _problems_of_the_whole(charge_point: ChargePoint) -> Iterable[Problem]:
    """Whatever its EVSEs say."""
    out_of_order = charge_point.status in availability.OUT_OF_ORDER
    if not out_of_order and charge_point.error_code in {"", "NoError"}:
        return
    code = charge_point.error_code if charge_point.error_code not in {"", "NoError"} else charge_point.status
    meaning = " Partners are told that its free EVSEs are out of order." if out_of_order else ""
    info = f" {charge_point.status_info}." if charge_point.status_info else ""
    why = f"{charge_point.status} since {rendering.when(charge_point.status_at)}.{info}{meaning}"
    tone = rendering.WARN if charge_point.status == "Unavailable" else rendering.BAD
    yield Problem(f"The charge point as a whole reports {code}", why, tone=tone)


def _session_links(sessions: Iterable[ChargingSession]) -> str:
    links = ((rendering.admin_url(session), session.uid, session.state) for session in sessions)
    return format_html_join(", ", '<a href="{}">{}</a> {}', links) or "none"


def _commands_table(charge_point: ChargePoint) -> str:
    rows = ((_command_row(command),) for command in charge_point.commands.all()[:SHOWN_COMMANDS])
    body = format_html_join("", "{}", rows)
    if not body:
        return "No command was ever sent."
    everything = rendering.list_url(ChargePointCommand, charge_point=charge_point.pk)
    return format_html(
        '<table class="cpo-timeline"><tbody>{}</tbody></table><p><a href="{}">All commands</a></p>', body, everything
    )


def _command_row(command: ChargePointCommand) -> str:
    return format_html(
        '<tr><td class="cpo-at">{}</td><td>{} by {}</td><td>{}</td><td>{}</td></tr>',
        rendering.when(command.created_at), rendering.link(command), command.requested_by,
        rendering.badge(command.status, tones.COMMAND.get(command.status, rendering.INFO)), command.detail,
    )  # fmt: skip
