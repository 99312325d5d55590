import re
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from django import forms
from django.contrib import admin, messages
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
from chargepoints.theme import LabelledInline
from ocpi.addresses import AddressPolicy, UrlRefused, split_url
from ocpi.admin import exchanges, party_page, service_page
from ocpi.admin.authorisation import check_authorisation, check_once_saved
from ocpi.admin.connecting import ACTIONS, checked_url
from ocpi.admin.credentials import CredentialsForm, issue_new_token
from ocpi.admin.outbox import message_problems
from ocpi.models import Credentials, OutboxMessage, PartnerEndpoint, Party
from ocpi.networks import parse_networks

HTTPS_ASSUMED: Any = {models.URLField: {"assume_scheme": "https"}}
SHOWN_PROBLEMS = 10


class LinesField(forms.CharField):
    """A list, one entry a line."""

    widget = forms.Textarea(attrs={"rows": 3})

    def prepare_value(self, value: Any) -> Any:
        return "\n".join(value) if isinstance(value, list) else value

    def has_changed(self, initial: Any, data: Any) -> bool:
        return (initial or []) != (data or "").lower().split()


class NetworksField(LinesField):
    def to_python(self, value: Any) -> Any:
        try:
            return parse_networks((value or "").splitlines())
        except ValueError as error:
            raise forms.ValidationError(str(error)) from None


class HostsField(LinesField):
    """With a port if need be."""

    def to_python(self, value: Any) -> Any:
        hosts = [line.strip().lower() for line in (value or "").splitlines() if line.strip()]
        for host in hosts:
            if not _is_host(host):
                raise forms.ValidationError(f"{host!r} is no host: a name or address, with a port if need be.")
        return list(dict.fromkeys(hosts))


def _is_host(text: str) -> bool:
    try:
        return split_url(f"https://{text}", AddressPolicy()).netloc == text
    except UrlRefused:
        return False


class PartyForm(ChangesForm):
    allowed_hosts = HostsField(
        required=False, help_text="Hosts a response_url may name, beside those of its endpoints; one a line"
    )
    inbound_networks = NetworksField(
        required=False,
        help_text="Networks it calls us from (CIDR), one a line; elsewhere its token is unknown. Empty: from anywhere",
    )

    class Meta:
        model = Party
        fields = [
            "country_code", "party_id", "role", "name", "enabled", "version", "inbound_networks",
            "allowed_hosts", "allow_insecure_urls", "shares_all_evses", "shared_evses", "fail_safe_ttl_s",
        ]  # fmt: skip

    def clean_country_code(self) -> str:
        return _matching(self.cleaned_data["country_code"], r"[A-Z]{2}", "Two letters (ISO 3166-1 alpha-2).")

    def clean_party_id(self) -> str:
        return _matching(self.cleaned_data["party_id"], r"[A-Z0-9]{3}", "Three letters or digits (ISO 15118).")


def _matching(text: str, pattern: str, words: str) -> str:
    if not re.fullmatch(pattern, text.upper()):
        raise forms.ValidationError(words)
    return text.upper()


class EndpointFormSet(forms.BaseInlineFormSet):
    """Checked as what the page says of the party, not as what is stored of it."""

    def clean(self) -> None:
        super().clean()
        for form in self.forms:
            if "url" in form.changed_data and "url" in getattr(form, "cleaned_data", {}):
                try:
                    checked_url(self.instance, form.cleaned_data["url"])
                except forms.ValidationError as error:
                    form.add_error("url", error)


class EndpointForm(ChangesForm):
    def clean_url(self) -> str:
        url: str = self.cleaned_data["url"]
        party = self.cleaned_data.get("party")
        return checked_url(party, url) if party and "url" in self.changed_data else url


class EndpointInline(LabelledInline):
    model = PartnerEndpoint
    formset = EndpointFormSet
    extra = 0
    formfield_overrides = HTTPS_ASSUMED


def may_manage_credentials(_: OperatedAdmin, request: HttpRequest) -> bool:
    """Beside the right to change what is stored: tokens are made, used and ended by it."""
    return request.user.has_perm("ocpi.manage_credentials")  # type: ignore[union-attr]


@admin.register(Party)
class PartyAdmin(OperatedAdmin):
    form = PartyForm
    inlines = [EndpointInline]
    list_display = ["__str__", "name", "role", "enabled", "registered", "undelivered", "shares_all_evses"]
    list_filter = ["role", "enabled"]
    list_select_related = ["credentials"]
    search_fields = ["country_code", "party_id", "name"]
    autocomplete_fields = ["shared_evses"]
    actions = ACTIONS
    has_credentials_permission = may_manage_credentials
    kept_parameters = ("window",)
    fields = [*PartyForm.Meta.fields]

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> list[str]:  # noqa: ARG002
        """Charging profiles and commands name their owner by these."""
        return ["country_code", "party_id"] if obj else []

    def save_formset(self, request: HttpRequest, form: Any, formset: Any, change: bool) -> None:
        super().save_formset(request, form, formset, change)
        if formset.has_changed():
            text = f"The endpoints of {form.instance} are saved. Whether they answer: Test connection."
            self.message_user(request, text, messages.INFO)

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

    def page(self, request: HttpRequest, obj: Party) -> dict[str, Any]:
        """`window` of the address: which time the service levels are about."""
        now, window = timezone.now(), service_page.chosen(request.GET.get("window"))
        panels = [
            ("Service levels", service_page.panel(obj, window, now=now)),
            ("Recent exchanges", exchanges.panel(request, obj)),
            ("Endpoints", party_page.endpoints(obj, now=now)),
        ]
        return super().page(request, obj) | {"panels": panels}

    def summary(self, obj: Party) -> list[tuple[str, object]]:
        credentials = Credentials.objects.filter(party=obj).first()
        messages = rendering.list_url(OutboxMessage, party=obj.pk)
        return [
            ("State", rendering.badge("on", rendering.OK) if obj.enabled else rendering.badge("off", rendering.WARN)),
            ("Registration", rendering.badge(*_registration(credentials))),
            ("OCPI version", obj.version),
            ("Roles", _roles(obj, credentials)),
            ("It called us", _last(obj.heard_at)),
            ("We reached it", _last(obj.reached_at)),
            ("Credentials", rendering.link(credentials)),
            ("Messages", format_html('<a href="{}">list</a>', messages)),
        ]

    def problems(self, obj: Party) -> Iterable[Problem]:
        if not obj.enabled:
            yield Problem("It is switched off here", "Its requests get 401 and nothing is sent to it.", tone="warn")
        credentials = Credentials.objects.filter(party=obj).first()
        if credentials is None or not credentials.can_prove_us:
            url = rendering.admin_url(credentials) if credentials else ""
            yield Problem("We cannot call it", "There is no outbound token: nothing can be sent to it.", url=url)
        if credentials is not None:
            yield from _handshake_problems(credentials)
        now = timezone.now()
        yield from party_page.outage_problems(obj, now=now)
        yield from party_page.lost_problems(obj, now=now)
        yield from party_page.refused_problems(obj, now=now)
        for message in obj.outbox.filter(failing()).select_related("party")[:SHOWN_PROBLEMS]:
            yield from message_problems(message, now=now)


def failing() -> Q:
    """Tried, failed, and tried again later; the index of what is due finds these."""
    return Q(status=OutboxMessage.Status.PENDING, failures__gt=0)


def _handshake_problems(credentials: Credentials) -> Iterable[Problem]:
    """`ocpi.registration`: nobody knows what came of it."""
    under_way = credentials.pending_until is not None and credentials.pending_until > timezone.now()
    if credentials.pending_hash and not under_way:
        yield Problem(
            "A handshake that we began is in doubt",
            "They may have taken our new token, or not: it works beside the one they had. Connect, rotate or "
            "disconnect again; or they register or renew from their side.",
            tone=rendering.WARN,
        )


def _roles(party: Party, credentials: Credentials | None) -> str:
    """As its Credentials object names them; before that, what was entered."""
    named = [
        f"{role['role']} {role['country_code']}*{role['party_id']} {role['name']}".rstrip()
        for role in (credentials.roles if credentials else [])
    ]
    return ", ".join(named) or f"{party.role} {party} {party.name}".rstrip()


def _last(at: datetime | None) -> str:
    return f"{rendering.when(at)}, {rendering.age(at, now=timezone.now())}" if at else "never"


def _registration(credentials: Credentials | None) -> tuple[str, str]:
    if credentials is None or not credentials.inbound_hash:
        return "no token", rendering.BAD
    if credentials.inbound_kind == Credentials.Inbound.TOKEN_A:
        return "waits for its registration", rendering.WARN
    return "registered", rendering.OK


@admin.register(PartnerEndpoint)
class PartnerEndpointAdmin(OperatedAdmin):
    form = EndpointForm
    list_display = ["__str__", linked("party"), "url"]
    list_filter = ["identifier", "role", "party"]
    list_select_related = ["party"]
    search_fields = ["url", "identifier", "party__party_id"]
    formfield_overrides = HTTPS_ASSUMED


@admin.register(Credentials)
class CredentialsAdmin(OperatedAdmin):
    """The inbound hash and our secrets are nowhere on its pages."""

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
    actions = [issue_new_token, check_authorisation]
    has_credentials_permission = may_manage_credentials
    registered, updated = staticmethod(utc("registered_at")), staticmethod(utc("updated_at"))
    fields = [
        "party", "inbound", "inbound_kind", "outbound", "outbound_encoding", "new_outbound_token", "versions_url",
        "roles", "oauth_token_url", "oauth_client_id", "oauth_secret", "new_oauth_secret", "oauth_client_style",
        "oauth_audience", "oauth_scope", "api_key_header", "api_key", "new_api_key", "registered", "updated",
    ]  # fmt: skip

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        super().save_model(request, obj, form, change)
        if form.touches_authorisation():
            check_once_saved(request, obj)

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> list[str]:  # noqa: ARG002
        always = ["inbound", "inbound_kind", "outbound", "oauth_secret", "api_key", "registered", "updated"]
        return [*always, "party"] if obj else always

    @admin.display(description="token it calls us with")
    def inbound(self, credentials: Credentials) -> str:
        return "set" if credentials.inbound_hash else "none: it cannot call us"

    @admin.display(description="token we call it with")
    def outbound(self, credentials: Credentials) -> str:
        if credentials.can_prove_us and credentials.outbound_encoding == Credentials.Outbound.OAUTH2:
            return "none needed: OAuth 2.0"
        return "set" if credentials.outbound_encrypted else "none: we cannot call it"

    @admin.display(description="client secret")
    def oauth_secret(self, credentials: Credentials) -> str:
        return "set" if credentials.oauth_secret_encrypted else "none"

    @admin.display(description="API key")
    def api_key(self, credentials: Credentials) -> str:
        return "set" if credentials.api_key_encrypted else "none"
