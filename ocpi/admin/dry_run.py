"""Dry run: what a charging profile would do, by the code of the real path. Nothing is sent and nothing is written."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from io import BytesIO
from typing import Any
from urllib.parse import urlencode

from django import forms
from django.conf import settings
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone

from chargepoints import rehearsal
from chargepoints.admin import rendering
from chargepoints.admin.site_pages import page_context, register_page
from chargepoints.admin.timeline import register_session_action
from chargepoints.models import ChargePoint, ChargingSession, Evse
from chargepoints.rehearsal import Rehearsal
from chargepoints.values import ChargingSchedule, ScheduleRefused
from ocpi import profile_requests, request_buckets, sharing
from ocpi.models import Party
from ocpi.profile_requests import Kind, Refused, Response
from ocpi.protocol import documents
from ocpi.protocol.envelope import OcpiParser, envelope
from ocpi.protocol.errors import OcpiError
from ocpi.v2_2_1 import translation
from ocpi.v2_2_1.views.chargingprofiles import check_response_url

SUGGESTED = 200
NOBODY = "a partner"
BARE = frozenset({"charging_rate_unit", "charging_profile_period"})
NEEDED = ("chargepoints.view_chargingsession", "chargepoints.view_chargepoint")
SAMPLE = """{
  "charging_rate_unit": "W",
  "charging_profile_period": [
    {"start_period": 0, "limit": 11000},
    {"start_period": 1800, "limit": 0}
  ]
}"""


@dataclass(frozen=True, slots=True)
class Outcome:
    """`http_status` and `answer`: what the partner would get at once. `rehearsal` None: nothing could be prepared."""

    http_status: int
    answer: dict[str, Any]
    verdict: str
    tone: str
    asked: ChargingSchedule | None = None
    rehearsal: Rehearsal | None = None
    remarks: tuple[str, ...] = ()


class DryRunForm(forms.Form):
    target = forms.CharField(
        label="Session or charge point", max_length=120,
        widget=forms.TextInput(attrs={"list": "dry-run-targets", "autocomplete": "off"}),
        help_text="A session's id, a charge point's identity, or one of its EVSEs as IDENTITY/NUMBER",
    )  # fmt: skip
    party = forms.ModelChoiceField(
        Party.objects.all(), required=False, empty_label="whoever it is shared with",
        help_text="Who asks: it decides the profile's id and stack level, and whether it is too often",
    )  # fmt: skip
    profile = forms.CharField(
        label="Charging profile (JSON)",
        strip=False,
        widget=forms.Textarea(attrs={"rows": 10, "spellcheck": "false", "class": "cpo-code"}),
        help_text="The body of a SetChargingProfile, or a ChargingProfile alone",
    )

    def clean_target(self) -> ChargingSession:
        session = session_named(self.cleaned_data["target"].strip())
        if session is None:
            raise forms.ValidationError("There is no such session, charge point or EVSE.")
        return session


@register_page("dry-run/", "dry_run", menu="Dry run", symbol="science", permission=NEEDED[0])
def dry_run(request: HttpRequest) -> HttpResponse:
    if not request.user.has_perms(NEEDED):  # type: ignore[union-attr]
        raise PermissionDenied
    posted = request.method == "POST"
    given = {"target": request.GET.get("target", ""), "party": request.GET.get("party") or None, "profile": SAMPLE}
    form = DryRunForm(request.POST if posted else None, initial=given)
    outcome = _outcome(form.cleaned_data, now=timezone.now()) if posted and form.is_valid() else None
    shown = page_context(request, "Dry run", form=form, targets=_suggestions(), **_shown(outcome))
    return render(request, "admin/ocpi/dry_run.html", shown)


def session_named(text: str) -> ChargingSession | None:
    """By its id; or one that is not there, on the charge point or EVSE of that name. EVSE 0 is none."""
    sessions = ChargingSession.objects.select_related("evse__charge_point", "charge_point")
    if session := sessions.filter(uid=text.lower()).first():
        return session
    identity, _, number = text.rpartition("/")
    evses = Evse.objects.select_related("charge_point").filter(ocpp_evse_id__gt=0).order_by("ocpp_evse_id")
    evse = evses.filter(charge_point__identity=text).first()
    if evse is None and number.isdecimal() and len(number) < 10:
        evse = evses.filter(charge_point__identity=identity, ocpp_evse_id=int(number)).first()
    return rehearsal.stand_in(evse, now=timezone.now()) if evse else None


def _suggestions() -> list[tuple[str, str]]:
    """Value and label: sessions that charge, then charge points."""
    active = ChargingSession.objects.filter(state=ChargingSession.State.ACTIVE).select_related("evse__charge_point")
    sessions = [(session.uid, f"session on {session.evse}") for session in active[:SUGGESTED]]
    identities = ChargePoint.objects.filter(enabled=True).values_list("identity", flat=True)[:SUGGESTED]
    return sessions + [(identity, "charge point") for identity in identities]


# --- what it comes to -----------------------------------------------------------------------------------------------


def _outcome(wanted: Mapping[str, Any], *, now: datetime) -> Outcome:
    """The steps of a partner's PUT, in their order."""
    session, party = wanted["target"], wanted["party"] or _asker_on(wanted["target"])
    try:
        document, is_bare = _document(wanted["profile"])
        schedule = translation.parse_charging_profile(document)
        if not is_bare:
            _check_response_url(document, party)
    except OcpiError as error:
        return _unreadable(error, now=now)
    remarks = ("No response_url: a partner must send one, else it gets 2001.",) if is_bare else ()
    return _rehearsed(session, party, schedule, remarks=remarks, now=now)


def _asker_on(session: ChargingSession) -> Party | None:
    """Who has a profile on it, or else the first that it is shared with."""
    sharing_it = list(sharing.parties_seeing(session.evse))
    owners = set(session.profiles.values_list("owner", flat=True)) if session.pk else set()
    return next((party for party in sharing_it if party.owner in owners), next(iter(sharing_it), None))


def _document(text: str) -> tuple[dict[str, Any], bool]:
    """As the endpoint reads a body; and whether it was a ChargingProfile alone. Raises OcpiError."""
    document = OcpiParser().parse(BytesIO(text.encode(errors="surrogatepass")))
    is_bare = "charging_profile" not in document and not BARE.isdisjoint(document)
    return ({"charging_profile": document} if is_bare else document), is_bare


def _check_response_url(document: dict[str, Any], party: Party | None) -> None:
    _, url = translation.parse_set_charging_profile(document)
    if party:
        check_response_url(party, url)


def _unreadable(error: OcpiError, *, now: datetime) -> Outcome:
    answer = envelope(status_code=error.status_code, status_message=error.message, now=now)
    verdict = "The partner would get this error. Nothing would be sent, and no request kept."
    return Outcome(error.http_status, answer, verdict, rendering.BAD)


def _rehearsed(
    session: ChargingSession, party: Party | None, schedule: ChargingSchedule, *, remarks: tuple[str, ...],
    now: datetime,
) -> Outcome:  # fmt: skip
    refused, rehearsed = _refusal(session, party, now=now), None
    try:
        owner = party.owner if party else NOBODY
        rehearsed = rehearsal.rehearse(session, owner, schedule, now=now)
    except ScheduleRefused as error:
        refused = refused or profile_requests.as_refusal(error)
    response = refused.response if refused else Response.ACCEPTED
    reason = f"{refused.reason}: {refused.detail}" if refused else ""
    data = translation.profile_response(response, settings.OCPI_PROFILE_TIMEOUT_S)
    return Outcome(
        200, envelope(data, status_message=reason, now=now), _verdict(refused, rehearsed),
        rendering.BAD if refused else rendering.OK, schedule, rehearsed, (*_asker_words(party), *remarks),
    )  # fmt: skip


def _refusal(session: ChargingSession, party: Party | None, *, now: datetime) -> Refused | None:
    try:
        if party is None:
            profile_requests.refuse_impossible(session, Kind.SET)
        else:
            profile_requests.steerable(party, session, Kind.SET, now=now)
    except Refused as refused:
        return refused
    gives = party is None or request_buckets.would_give(party, session, now=now)
    return None if gives else profile_requests.too_often()


def _verdict(refused: Refused | None, rehearsed: Rehearsal | None) -> str:
    if refused is None:
        return rehearsed.fate if rehearsed else ""
    if rehearsed:
        return "It would be refused, and nothing sent. Without that, this would be sent:"
    return "It would be refused, and nothing sent."


def _asker_words(party: Party | None) -> tuple[str, ...]:
    if party is None:
        return ("It is shared with no partner: nobody could ask this.",)
    return (f"As asked by {party}.", *(() if party.enabled else (f"{party} is switched off: its requests get 401.",)))


# --- how it is shown ------------------------------------------------------------------------------------------------


def _shown(outcome: Outcome | None) -> dict[str, Any]:
    if outcome is None:
        return {"outcome": None}
    rehearsed = outcome.rehearsal
    parts = rehearsed.parts if rehearsed else ()
    return {
        "outcome": outcome,
        "answer": json.dumps(json.loads(documents.dump(outcome.answer)), indent=2),
        "asked": rendering.schedule_table(outcome.asked),
        "remarks": [*outcome.remarks, *(rehearsed.warnings if rehearsed else ())],
        "parts": [(part, rendering.schedule_table(part.schedule), rendering.when(part.at)) for part in parts],
    }


@register_session_action(permission=NEEDED[0])
@admin.action(description="Dry run of a profile")
def dry_run_of(model_admin: admin.ModelAdmin, request: HttpRequest, queryset: QuerySet) -> HttpResponse:  # noqa: ARG001
    """Leads to the page, for the first that was ticked."""
    session = queryset.order_by("pk").first()
    query = urlencode({"target": session.uid}) if session else ""
    return HttpResponseRedirect(f"{reverse('admin:dry_run')}?{query}")
