"""Tokens: shown once when they are made, never again."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse

from chargepoints.admin.confirmation import Effect, confirmation_page, go_back, is_confirmed
from chargepoints.admin.results import Result, record
from chargepoints.admin.saving import ChangesForm
from ocpi import parties
from ocpi.admin.connecting import checked_url
from ocpi.authorizers import valid_api_key
from ocpi.models import Credentials
from ocpi.models.parties import is_oauth_text
from ocpi.protocol.errors import InvalidField
from ocpi.protocol.tokens import new_token, valid_token

Inbound = Credentials.Inbound


class SecretField(forms.CharField):
    """Written, never shown."""

    def __init__(self, help_text: str, **options: Any) -> None:
        super().__init__(
            required=False,
            widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
            help_text=f"{help_text}; empty: stays as it is. Kept encrypted, never shown.",
            **options,
        )


class RolesField(forms.CharField):
    """One role a line: role, country code, party id."""

    widget = forms.Textarea(attrs={"rows": 3})

    def prepare_value(self, value: Any) -> Any:
        if not isinstance(value, list):
            return value
        return "\n".join(f"{role['role']} {role['country_code']} {role['party_id']}" for role in value)

    def to_python(self, value: Any) -> Any:
        lines = [line.split() for line in (value or "").splitlines() if line.strip()]
        if wrong := [" ".join(line) for line in lines if len(line) != 3]:
            raise forms.ValidationError(f"{wrong[0]!r}: a role, a country code and a party id, e.g. EMSP NL ABC")
        try:
            return parties.roles_of(lines)
        except InvalidField as error:
            raise forms.ValidationError(f"{error.path}: {error.problem}") from None

    def has_changed(self, initial: Any, data: Any) -> bool:
        return self.prepare_value(initial or []).split() != (data or "").split()


class CredentialsForm(ChangesForm):
    columns = {
        "new_outbound_token": "outbound_encrypted",
        "new_oauth_secret": "oauth_secret_encrypted",
        "new_api_key": "api_key_encrypted",
        "api_key_header": ("api_key_header", "api_key_encrypted"),
    }
    roles = RolesField(
        required=False,
        help_text="All roles of its platform, one a line, e.g. EMSP NL ABC: it may call in their names. A registration "
        "replaces them; its own need not be listed",
    )
    new_outbound_token = SecretField("The partner's token, with which we call it", max_length=64)
    new_oauth_secret = SecretField(
        "What its token endpoint knows us by", label="New client secret", max_length=1024, validators=[is_oauth_text],
        strip=False,
    )  # fmt: skip
    new_api_key = SecretField("Goes with every request, in the header named", label="New API key", max_length=512)

    class Meta:
        model = Credentials
        fields = [
            "party", "outbound_encoding", "versions_url", "roles", "oauth_token_url", "oauth_client_id",
            "oauth_client_style", "oauth_audience", "oauth_scope", "api_key_header",
        ]  # fmt: skip

    def clean_versions_url(self) -> str:
        url: str = self.cleaned_data["versions_url"]
        party = self.cleaned_data.get("party") or (self.instance.party if self.instance.pk else None)
        return checked_url(party, url) if party and url and "versions_url" in self.changed_data else url

    def clean_new_outbound_token(self) -> str:
        token = self.cleaned_data["new_outbound_token"]
        if token and not valid_token(token):
            raise forms.ValidationError("A credentials token has 1 to 64 characters U+0021 to U+007E.")
        return token

    def clean_new_api_key(self) -> str:
        key = self.cleaned_data["new_api_key"]
        if key and not valid_api_key(key):
            raise forms.ValidationError("An API key has 1 to 512 characters U+0021 to U+007E.")
        return key

    def clean(self) -> dict[str, Any] | None:
        """The model judges the whole, so the secrets are put there before."""
        given = super().clean() or self.cleaned_data
        if token := given.get("new_outbound_token"):
            self.instance.outbound_token = token
        if secret := given.get("new_oauth_secret"):
            self.instance.oauth_secret = secret
        elif "oauth_token_url" in self.changed_data and self.instance.oauth_secret_encrypted:
            self.add_error("new_oauth_secret", "Another token URL is told the secret only by somebody who knows it.")
        if key := given.get("new_api_key"):
            self.instance.api_key = key
        elif not given.get("api_key_header"):
            self.instance.api_key = ""
        return given

    def touches_authorisation(self) -> bool:
        return any(name not in {"party", "versions_url", "roles"} for name in self.changed_data)


class IssueTokenForm(forms.Form):
    kind = forms.ChoiceField(
        label="What for",
        choices=[
            (Inbound.TOKEN_A, "Registration: the partner registers (again) with it, then gets its own token"),
            (Inbound.TOKEN_C, "Use at once: the partner was set up by hand, without registration"),
        ],
        widget=forms.RadioSelect,
        initial=Inbound.TOKEN_A,
    )


@admin.action(permissions=["credentials"], description="Issue new token")
def issue_new_token(model_admin: admin.ModelAdmin, request: HttpRequest, queryset: QuerySet) -> HttpResponse | None:
    chosen = list(queryset.select_related("party")[:2])
    if len(chosen) != 1:
        model_admin.message_user(request, "Issue tokens one by one: select one party.", messages.ERROR)
        return go_back(request)
    form = IssueTokenForm(request.POST if "confirm" in request.POST else None)
    if not is_confirmed(request, form):
        return confirmation_page(
            model_admin, request, title="Issue a new token?", button="Yes, issue it", form=form,
            effects=[Effect(chosen[0], ("A new token with which the partner calls us.",))],
            warning="The token it uses now stops working at once: its requests get 401 until it has the new one.",
        )  # fmt: skip
    token = _issue(model_admin, request, chosen[0], kind=form.cleaned_data["kind"])
    return _show_once(model_admin, request, chosen[0], token)


@transaction.atomic
def _issue(model_admin: admin.ModelAdmin, request: HttpRequest, credentials: Credentials, *, kind: str) -> str:
    token = new_token()
    credentials.set_inbound(token, kind)
    if kind == Inbound.TOKEN_A:
        credentials.registered_at = None
    credentials.save(
        update_fields=["inbound_hash", "inbound_kind", "pending_hash", "pending_until", "registered_at", "updated_at"]
    )
    record(model_admin, request, credentials, [Result(f"Issued a new token ({Inbound(kind).label}).")])
    return token


def _show_once(
    model_admin: admin.ModelAdmin, request: HttpRequest, credentials: Credentials, token: str
) -> HttpResponse:
    """In the answer itself (no-store, as all of the admin), not as a message: those wait in a cookie to be read."""
    context = {
        **model_admin.admin_site.each_context(request),
        "opts": model_admin.opts,
        "title": f"New token of {credentials.party}",
        "token": token,
        "credentials": credentials,
    }
    return TemplateResponse(request, "admin/ocpi/credentials/token_issued.html", context)
