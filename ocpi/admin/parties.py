import re
from collections.abc import Iterable
from typing import Any

from django import forms
from django.contrib import admin
from django.db import models
from django.db.models import Count, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import Coalesce
from django.http import HttpRequest
from django.utils import timezone
from django.utils.html import format_html

from chargepoints.admin import rendering
from chargepoints.admin.columns import linked, toned, utc
from chargepoints.admin.pages import OperatedAdmin
from chargepoints.admin.saving import ChangesForm
from chargepoints.admin.timeline import Problem
from ocpi import parties
from ocpi.addresses import AddressPolicy, UrlRefused, split_url
from ocpi.admin.credentials import CredentialsForm, issue_new_token
from ocpi.admin.outbox import message_problems
from ocpi.models import Credentials, OutboxMessage, PartnerEndpoint, Party
from ocpi.protocol.errors import InvalidField

HTTPS_ASSUMED: Any = {models.URLField: {"assume_scheme": "https"}}
SHOWN_PROBLEMS = 10


class HostsField(forms.CharField):
    """One host a line, with a port if need be."""

    widget = forms.Textarea(attrs={"rows": 3})

    def prepare_value(self, value: Any) -> Any:
        return "\n".join(value) if isinstance(value, list) else value

    def to_python(self, value: Any) -> Any:
        hosts = [line.strip().lower() for line in (value or "").splitlines() if line.strip()]
        for host in hosts:
            if not _is_host(host):
                raise forms.ValidationError(f"{host!r} is no host: a name or address, with a port if need be.")
        return list(dict.fromkeys(hosts))

    def has_changed(self, initial: Any, data: Any) -> bool:
        return (initial or []) != (data or "").lower().split()


def _is_host(text: str) -> bool:
    try:
        return split_url(f"https://{text}", AddressPolicy()).netloc == text
    except UrlRefused:
        return False


class RolesField(forms.CharField):
    """One role a line: role, country code, party id."""

    widget = forms.Textarea(attrs={"rows": 3})

    def prepare_value(self, value: Any) -> Any:
        if not isinstance(value, list):
            return value
        return "\n".join(f"{role['role']} {role['country_code']} {role['party_id']}" for role in value)

    def to_python(self, value: Any) -> Any:
        lines = [line.split() for line in (value or "").splitlines() if line.strip()]
        if wrong := [line for line in lines if len(line) != 3]:
            raise forms.ValidationError(
                f"{' '.join(wrong[0])!r}: a role, a country code and a party id, e.g. EMSP NL ABC"
            )
        try:
            return parties.roles_of([dict(zip(parties.ROLE_FIELDS, line, strict=True)) for line in lines])
        except InvalidField as error:
            raise forms.ValidationError(f"{error.path}: {error.problem}") from None

    def has_changed(self, initial: Any, data: Any) -> bool:
        return self.prepare_value(initial or []).split() != (data or "").split()


class PartyForm(ChangesForm):
    allowed_hosts = HostsField(
        required=False, help_text="Hosts a response_url may name, beside those of its endpoints; one a line"
    )
    roles = RolesField(
        required=False,
        help_text="All roles on its platform, one a line, e.g. EMSP NL ABC: it may call in their names. A registration "
        "replaces them; its own need not be listed",
    )

    class Meta:
        model = Party
        fields = [
            "country_code", "party_id", "role", "name", "enabled", "version", "roles", "allowed_hosts",
            "allow_insecure_urls", "shares_all_evses", "shared_evses", "fail_safe_ttl_s",
        ]  # fmt: skip

    def clean_country_code(self) -> str:
        return _matching(self.cleaned_data["country_code"], r"[A-Z]{2}", "Two letters (ISO 3166-1 alpha-2).")

    def clean_party_id(self) -> str:
        return _matching(self.cleaned_data["party_id"], r"[A-Z0-9]{3}", "Three letters or digits (ISO 15118).")


def _matching(text: str, pattern: str, words: str) -> str:
    if not re.fullmatch(pattern, text.upper()):
        raise forms.ValidationError(words)
    return text.upper()


class EndpointInline(admin.TabularInline):
    model = PartnerEndpoint
    extra = 0
    formfield_overrides = HTTPS_ASSUMED


@admin.register(Party)
class PartyAdmin(OperatedAdmin):
    form = PartyForm
    inlines = [EndpointInline]
    list_display = ["__str__", "name", "role", "enabled", "registered", "undelivered", "shares_all_evses"]
    list_filter = ["role", "enabled"]
    list_select_related = ["credentials"]
    search_fields = ["country_code", "party_id", "name"]
    autocomplete_fields = ["shared_evses"]
    fields = [*PartyForm.Meta.fields]

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> list[str]:  # noqa: ARG002
        """Charging profiles and commands name their owner by these."""
        return ["country_code", "party_id"] if obj else []

    def get_queryset(self, request: HttpRequest) -> QuerySet[Party]:
        mine = OutboxMessage.objects.filter(failing(), party=OuterRef("pk")).order_by().values("party")
        counted = Subquery(mine.annotate(count=Count("pk")).values("count"))
        return super().get_queryset(request).annotate(undelivered_count=Coalesce(counted, 0))

    @admin.display(description="registered")
    def registered(self, party: Party) -> str:
        credentials = getattr(party, "credentials", None)
        return rendering.badge(*_registration(credentials))

    @admin.display(description="undelivered", ordering="undelivered_count")
    def undelivered(self, party: Any) -> str:
        count = party.undelivered_count
        return rendering.badge(count, rendering.BAD) if count else "0"

    def summary(self, obj: Party) -> list[tuple[str, object]]:
        credentials = Credentials.objects.filter(party=obj).first()
        messages = rendering.list_url(OutboxMessage, party=obj.pk)
        return [
            ("Registration", rendering.badge(*_registration(credentials))),
            ("Credentials", rendering.link(credentials)),
            ("Messages", format_html('<a href="{}">list</a>', messages)),
        ]

    def problems(self, obj: Party) -> Iterable[Problem]:
        if not obj.enabled:
            yield Problem("It is switched off here", "Its requests get 401 and nothing is sent to it.", tone="warn")
        credentials = Credentials.objects.filter(party=obj).first()
        if credentials is None or not credentials.outbound_encrypted:
            url = rendering.admin_url(credentials) if credentials else ""
            yield Problem("We cannot call it", "There is no outbound token: nothing can be sent to it.", url=url)
        now = timezone.now()
        for message in obj.outbox.filter(failing()).select_related("party")[:SHOWN_PROBLEMS]:
            yield from message_problems(message, now=now)


def failing() -> Q:
    """Tried, failed, and tried again later; the index of what is due finds these."""
    return Q(status=OutboxMessage.Status.PENDING, failures__gt=0)


def _registration(credentials: Credentials | None) -> tuple[str, str]:
    if credentials is None or not credentials.inbound_hash:
        return "no token", rendering.BAD
    if credentials.inbound_kind == Credentials.Inbound.TOKEN_A:
        return "waits for its registration", rendering.WARN
    return "registered", rendering.OK


@admin.register(PartnerEndpoint)
class PartnerEndpointAdmin(OperatedAdmin):
    list_display = ["__str__", linked("party"), "url"]
    list_filter = ["identifier", "role", "party"]
    list_select_related = ["party"]
    search_fields = ["url", "identifier", "party__party_id"]
    formfield_overrides = HTTPS_ASSUMED


@admin.register(Credentials)
class CredentialsAdmin(OperatedAdmin):
    """The inbound hash and the outbound token are nowhere on its pages."""

    form = CredentialsForm
    formfield_overrides = HTTPS_ASSUMED
    list_display = [
        linked("party"), toned("inbound_kind", {"A": "warn", "C": "ok"}), "inbound", "outbound", "outbound_encoding",
        "versions_url", utc("registered_at"),
    ]  # fmt: skip
    list_display_links = ["inbound"]
    list_filter = ["inbound_kind"]
    list_select_related = ["party"]
    search_fields = ["party__party_id", "party__name", "versions_url"]
    actions = [issue_new_token]
    registered, updated = staticmethod(utc("registered_at")), staticmethod(utc("updated_at"))
    fields = [
        "party", "inbound", "inbound_kind", "outbound", "new_outbound_token", "outbound_encoding", "versions_url",
        "registered", "updated",
    ]  # fmt: skip

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> list[str]:  # noqa: ARG002
        always = ["inbound", "inbound_kind", "outbound", "registered", "updated"]
        return [*always, "party"] if obj else always

    @admin.display(description="token it calls us with")
    def inbound(self, credentials: Credentials) -> str:
        return "set" if credentials.inbound_hash else "none: it cannot call us"

    @admin.display(description="token we call it with")
    def outbound(self, credentials: Credentials) -> str:
        return "set" if credentials.outbound_encrypted else "none: we cannot call it"
