"""The buttons of a party that speak with it at once. `ocpi.registration` and `ocpi.probe` do the work."""

from collections.abc import Callable
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse

from chargepoints.admin import rendering
from chargepoints.admin.confirmation import Effect, confirmation_page, go_back, is_confirmed, safe_next
from chargepoints.admin.results import Outcome, Result, record, say
from ocpi import registration
from ocpi.discovery import check_outbound_url
from ocpi.models import Credentials, Party
from ocpi.probe import Verdict, probe
from ocpi.protocol.errors import InvalidField
from ocpi.protocol.tokens import valid_token
from ocpi.registration import Registered, RegistrationFailed

TONES = {Verdict.OK: rendering.OK, Verdict.NOTE: rendering.WARN, Verdict.FAILED: rendering.BAD}
CONNECT = "Their versions are fetched, our credentials are sent, their token and endpoints are stored: all or nothing."
WAIT = "The page waits for them, up to half a minute."


class ConnectForm(forms.Form):
    token = forms.CharField(
        label="Token A", max_length=64, widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
        help_text="The token they gave you to register with. It is used now and not kept.",
    )  # fmt: skip
    versions_url = forms.CharField(label="Versions URL", max_length=255)
    renew = forms.BooleanField(
        label="Renew (PUT)", required=False,
        help_text="They hold a registration of ours already; the token is that of this registration, not a token A.",
    )  # fmt: skip

    def __init__(self, party: Party, *args: Any, **kwargs: Any) -> None:
        self.party = party
        super().__init__(*args, **kwargs)

    def clean_token(self) -> str:
        token: str = self.cleaned_data["token"]
        if not valid_token(token):
            raise forms.ValidationError("A credentials token has 1 to 64 characters U+0021 to U+007E.")
        return token

    def clean_versions_url(self) -> str:
        return checked_url(self.party, self.cleaned_data["versions_url"])


def checked_url(party: Party, url: str) -> str:
    """Raises ValidationError for an address that we would not call for this party."""
    try:
        check_outbound_url(party, "url", url)
    except InvalidField as wrong:
        raise forms.ValidationError(f"We would not call this address: {wrong.problem}.") from None
    return url


@admin.action(permissions=["credentials"], description="Connect")
def connect(model_admin: admin.ModelAdmin, request: HttpRequest, queryset: QuerySet) -> HttpResponse | None:
    party = _only(model_admin, request, queryset)
    if party is None:
        return go_back(request)
    form, warning = _connect_form(request, party), ""
    if is_confirmed(request, form):
        given = form.cleaned_data
        failed = _try(model_admin, request, party, "connected", lambda: registration.register(party, **given))
        if failed is None:
            return go_back(request)
        again = {"versions_url": given["versions_url"], "renew": failed.other_method == "PUT"}
        form, warning = ConnectForm(party, initial=again), f"Not connected. {failed}."
    return confirmation_page(
        model_admin, request, title=f"Connect {party}?", button="Connect", form=form, warning=warning,
        effects=[Effect(party, (CONNECT, WAIT))],
    )  # fmt: skip


def _connect_form(request: HttpRequest, party: Party) -> ConnectForm:
    credentials = Credentials.objects.filter(party=party).first()
    known = {"versions_url": credentials.versions_url if credentials else ""}
    return ConnectForm(party, request.POST if "confirm" in request.POST else None, initial=known)


@admin.action(permissions=["credentials"], description="Refresh endpoints")
def refresh_endpoints(model_admin: admin.ModelAdmin, request: HttpRequest, queryset: QuerySet) -> HttpResponse | None:
    return _asked_first(
        model_admin, request, queryset, "refreshed", registration.refresh, title="Refresh endpoints?",
        words=("All endpoints are replaced by those in its version details; tokens stay as they are.", WAIT),
    )  # fmt: skip


@admin.action(permissions=["credentials"], description="Rotate tokens")
def rotate_tokens(model_admin: admin.ModelAdmin, request: HttpRequest, queryset: QuerySet) -> HttpResponse | None:
    return _asked_first(
        model_admin, request, queryset, "renewed", registration.rotate, title="Rotate tokens?",
        words=("Both sides get new tokens (PUT), and its endpoints are fetched again.", WAIT),
    )  # fmt: skip


@admin.action(permissions=["credentials"], description="Disconnect")
def disconnect(model_admin: admin.ModelAdmin, request: HttpRequest, queryset: QuerySet) -> HttpResponse | None:
    party = _only(model_admin, request, queryset)
    if party is not None and not is_confirmed(request):
        return confirmation_page(
            model_admin, request, title=f"Disconnect {party}?", button="Yes, disconnect",
            effects=[Effect(party, ("It is told (DELETE); then both tokens and all endpoints are forgotten here.",))],
            warning="Nothing is sent to it any more and its requests get 401, also if it cannot be told. "
                    "To connect again, new tokens are needed.",
        )  # fmt: skip
    if party is not None:
        ended = registration.disconnect(party)
        side = "on both sides" if ended.told else "here only, they were not told"
        level = messages.SUCCESS if ended.told else messages.WARNING
        _tell(model_admin, request, party, Result(f"{party}: disconnected {side}. {ended.words}.", level=level))
    return go_back(request)


@admin.action(permissions=["credentials"], description="Test connection")
def test_connection(model_admin: admin.ModelAdmin, request: HttpRequest, queryset: QuerySet) -> HttpResponse | None:
    party = _only(model_admin, request, queryset)
    if party is None:
        return go_back(request)
    report = probe(party)
    outcome = Outcome.DONE if report.ok else Outcome.FAILED
    words = "; ".join(f"{step.what}: {step.words}" for step in report.steps if step.verdict != Verdict.OK)
    record(model_admin, request, party, [Result(words or "everything works", outcome)])
    context = {
        **model_admin.admin_site.each_context(request),
        "opts": model_admin.opts,
        "title": f"Connection to {party}: {'it works' if report.ok else 'it does not work'}",
        "steps": [(step, rendering.badge(step.verdict, TONES[step.verdict])) for step in report.steps],
        "party": party,
        "next": safe_next(request),
    }
    return TemplateResponse(request, "admin/ocpi/party/connection_test.html", context)


ACTIONS = [connect, test_connection, refresh_endpoints, rotate_tokens, disconnect]


def _only(model_admin: admin.ModelAdmin, request: HttpRequest, queryset: QuerySet) -> Party | None:
    chosen = list(queryset[:2])
    if len(chosen) != 1:
        model_admin.message_user(request, "Speak with parties one by one: select one.", messages.ERROR)
        return None
    return chosen[0]


def _asked_first(
    model_admin: admin.ModelAdmin, request: HttpRequest, queryset: QuerySet, done: str,
    run: Callable[[Party], Registered], *, title: str, words: tuple[str, ...],
) -> HttpResponse | None:  # fmt: skip
    party = _only(model_admin, request, queryset)
    if party is not None and not is_confirmed(request):
        return confirmation_page(model_admin, request, title=title, button="Yes", effects=[Effect(party, words)])
    if party is not None:
        failed = _try(model_admin, request, party, done, lambda: run(party))
        if failed is not None:
            model_admin.message_user(request, f"{party} was not {done}: {failed}.", messages.ERROR)
    return go_back(request)


def _try(
    model_admin: admin.ModelAdmin, request: HttpRequest, party: Party, done: str, run: Callable[[], Registered]
) -> RegistrationFailed | None:
    """Written into the history either way; what worked is also said, what failed is returned."""
    try:
        registered = run()
    except RegistrationFailed as failed:
        record(model_admin, request, party, [Result(f"Not {done}: {failed}.", Outcome.FAILED)])
        return failed
    offer = registered.offer
    text = f"{party} is {done}: OCPI {offer.version}, {len(offer.endpoints)} endpoints."
    notes = "".join(f" Note: {note}." for note in registered.notes)
    level = messages.WARNING if notes else messages.SUCCESS
    _tell(model_admin, request, party, Result(text + notes, level=level))
    return None


def _tell(model_admin: admin.ModelAdmin, request: HttpRequest, party: Party, result: Result) -> None:
    record(model_admin, request, party, [result])
    say(model_admin, request, [result])
