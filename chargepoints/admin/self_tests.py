"""Self-tests as operators start, watch and stop them."""

from collections.abc import Collection, Iterable
from datetime import datetime
from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils import timezone
from django.utils.html import format_html, format_html_join

from chargepoints import self_tests
from chargepoints.admin import rendering
from chargepoints.admin.columns import linked, session_link, toned, utc
from chargepoints.admin.confirmation import (
    Effect,
    confirmation_page,
    go_back,
    is_confirmed,
    operator,
    too_many,
)
from chargepoints.admin.pages import RecordAdmin
from chargepoints.admin.rendering import BAD, INFO, OK, WARN
from chargepoints.admin.results import Outcome, Result, for_each, nothing
from chargepoints.admin.timeline import NEWEST, TimelineEntry, register_source
from chargepoints.audit import register_endings
from chargepoints.models import ChargePoint, ChargingSession, SmartChargingTest
from chargepoints.self_tests import CannotTest
from chargepoints.values import ScheduleRefused

Step = SmartChargingTest.Step
VERDICTS = {"PASSED": OK, "DOUBTFUL": WARN, "FAILED": BAD}
WORDS = {OK: "good", WARN: "doubtful", BAD: "bad"}


# --- start ----------------------------------------------------------------------------------------------------------


@admin.action(permissions=["operate"], description="Smart-charging self-test")
def self_test(model_admin: admin.ModelAdmin, request: HttpRequest, queryset: QuerySet) -> HttpResponse | None:
    """Of sessions, or of those that run on charge points."""
    if too_many(model_admin, request, queryset):
        return go_back(request)
    sessions = _sessions(queryset)
    if not sessions:
        text = "Nothing was tested: no session runs there. A self-test needs a car that charges."
        model_admin.message_user(request, text, messages.WARNING)
        return go_back(request)
    if is_confirmed(request):
        started: list[SmartChargingTest] = []
        by = operator(request)
        answer = for_each(model_admin, request, sessions, lambda session: [_start(session, started, by=by)])
        alone = len(sessions) == len(started) == 1
        return HttpResponseRedirect(rendering.admin_url(started[0])) if alone else answer
    return confirmation_page(
        model_admin, request, title="Test smart charging?", button="Yes, test it", effects=_effects(queryset, sessions),
        warning="For a minute or two the car gets 6 A per phase at most. Partners' profiles stay as they are and count "
        "again afterwards; partners are told what is planned meanwhile.",
    )  # fmt: skip


def _sessions(queryset: QuerySet) -> list[ChargingSession]:
    sessions = ChargingSession.objects.select_related("charge_point", "evse__charge_point").order_by("pk")
    if queryset.model is ChargePoint:
        return list(sessions.filter(charge_point__in=queryset, state=ChargingSession.State.ACTIVE))
    return list(sessions.filter(pk__in=queryset.values("pk")))


def _effects(queryset: QuerySet, sessions: list[ChargingSession]) -> list[Effect]:
    """On what was ticked: the confirmation comes back to the same list."""
    now = timezone.now()
    if queryset.model is not ChargePoint:
        return [Effect(session, _words(session, now=now)) for session in sessions]
    return [
        Effect(place, tuple(f"Session {s} on EVSE {s.evse.ocpp_evse_id}: {words}" for s in sessions
                            if s.charge_point_id == place.pk for words in _words(s, now=now)))
        for place in queryset
    ]  # fmt: skip


def _words(session: ChargingSession, *, now: datetime) -> tuple[str, ...]:
    try:
        schedule = self_tests.wish(session, now=now)
    except CannotTest as refused:
        return (f"Nothing: {refused}.",)
    highest = max(period.limit for period in schedule.periods)
    return (
        f"SetChargingProfile, {rendering.plain(highest)} A per phase above all others, for 5 minutes at most.",
        "Its plan and its current are read, the profile is cleared, the plan is read again.",
    )


def _start(session: ChargingSession, started: list[SmartChargingTest], *, by: str) -> Result:
    try:
        test = self_tests.start(session, requested_by=by, now=timezone.now())
    except (CannotTest, ScheduleRefused) as refused:
        return nothing(f"{session.charge_point}, session {session}: nothing was sent, {refused}.")
    started.append(test)
    return Result(f"{session.charge_point}, session {session}: {test} has begun.", Outcome.OPEN, test)


@register_endings(SmartChargingTest)
def test_endings(keys: Collection[int]) -> dict[int, tuple[str, str]]:
    outcomes = {"PASSED": Outcome.DONE, "DOUBTFUL": Outcome.IN_DOUBT, "FAILED": Outcome.FAILED}
    over = SmartChargingTest.objects.filter(pk__in=keys, step=Step.DONE, verdict__in=outcomes).only("verdict")
    return {test.pk: (outcomes[test.verdict], f"the test has {test.verdict}.") for test in over.order_by()}


# --- watch and stop -------------------------------------------------------------------------------------------------


@admin.action(permissions=["operate"], description="Stop the test")
def stop_test(model_admin: admin.ModelAdmin, request: HttpRequest, queryset: QuerySet) -> HttpResponse | None:
    tests = list(queryset.select_related("session__evse__charge_point", "session__charge_point"))
    by = operator(request)
    return for_each(model_admin, request, tests, lambda test: [_stop(test, by=by)])


def _stop(test: SmartChargingTest, *, by: str) -> Result:
    if self_tests.stop(test, by=by, now=timezone.now()):
        return Result(f"{test}: its limit is taken away now.")
    return nothing(f"{test}: it is over, or about to be.", level=messages.INFO)


@admin.register(SmartChargingTest)
class SmartChargingTestAdmin(RecordAdmin):
    list_display = [
        "__str__", linked("session__charge_point", "charge point"), session_link(), "step", toned("verdict", VERDICTS),
        utc("created_at"), utc("ended_at"), "requested_by",
    ]  # fmt: skip
    list_filter = ["verdict", "step"]
    list_select_related = ["session__charge_point"]
    search_fields = ["session__uid", "session__charge_point__identity", "requested_by"]
    search_help_text = "Session, charge point or who asked"
    actions = [stop_test]
    shown = [linked("session"), "requested_by", utc("created_at"), utc("ended_at"), "limit_a", "before_a"]

    def summary(self, obj: SmartChargingTest) -> list[tuple[str, object]]:
        return [
            ("Charge point", rendering.link(obj.session.charge_point)),
            ("Session", rendering.link(obj.session)),
            ("Now", obj.get_step_display()),
            ("Verdict", rendering.badge(obj.verdict, VERDICTS[obj.verdict]) if obj.verdict else "not yet"),
        ]

    def panels(self, obj: SmartChargingTest) -> list[tuple[str, object]]:
        return [("Step by step", steps_table(obj))]


def steps_table(test: SmartChargingTest) -> str:
    """What was found, and what is still to come."""
    done = [
        (_step_words(found["step"]), rendering.badge(WORDS.get(found["tone"], ""), found["tone"]), found["words"],
         rendering.when(datetime.fromisoformat(found["at"])))
        for found in test.findings
    ]  # fmt: skip
    order: list[Step] = [step for step in Step if step != Step.DONE]
    coming = [] if test.step == Step.DONE else order[order.index(Step(test.step)) :]
    waits = [(_step_words(s), rendering.badge("now" if s == test.step else "waits", INFO), "", "") for s in coming]
    rows = format_html_join("", '<tr><td>{}</td><td>{}</td><td>{}</td><td class="cpo-at">{}</td></tr>', [*done, *waits])
    return format_html('<table class="cpo-timeline"><tbody>{}</tbody></table>', rows)


def _step_words(step: str) -> str:
    return str(Step(step).label).capitalize()


@register_source
def test_entries(session: ChargingSession) -> Iterable[TimelineEntry]:
    for test in session.self_tests.all()[:NEWEST]:
        url, title = rendering.admin_url(test), f"Smart-charging {test} by {test.requested_by}"
        yield TimelineEntry(test.created_at, title, url=url, order=-1, thread=str(test))
        if test.ended_at:
            worst: Any = next((f["words"] for f in test.findings if f["tone"] == BAD), "")
            tone = VERDICTS[test.verdict]
            yield TimelineEntry(
                test.ended_at, f"{test} ended", test.verdict, tone, worst, url, order=1, thread=str(test)
            )
