"""The page of one session: its figures, its profiles, and what is wrong."""

from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal

from django.utils.html import format_html, format_html_join

from chargepoints.admin import limit_words, rendering, session_rows, tones
from chargepoints.admin.rendering import INFO, OK
from chargepoints.admin.timeline import Problem, Remedy, clock_problems, register_problems
from chargepoints.models import ChargePointCommand, ChargingProfile, ChargingSession, MeterValue
from chargepoints.profiles import state as profile_state
from chargepoints.profiles.timeline import limit_at
from chargepoints.values import ChargingSchedule

Kind = ChargePointCommand.Kind
State = ChargingProfile.State


# --- summary --------------------------------------------------------------------------------------------------------


def summary(session: ChargingSession, *, now: datetime) -> list[tuple[str, object]]:
    charge_point = session.charge_point
    presence = rendering.presence(charge_point.is_online)
    return [
        ("State", rendering.badge(session.state, tones.SESSION.get(session.state, INFO))),
        (
            "Charge point",
            format_html("{} {}", rendering.link(charge_point), presence),
        ),
        ("EVSE", rendering.link(session.evse)),
        ("Energy", rendering.number(session.kwh, "kWh")),
        ("Power now", _power_now(session, now=now)),
        ("Limit applied now", limit_now(session, now=now)),
        *_operator_limits(session, now=now),
        ("Planned by the charge point now", _planned_now(session, now=now)),
        *([("Wished by the driver", _wishes(session))] if session.charging_preferences else []),
        ("Started", rendering.when(session.started_at)),
        ("Ended", _ended(session)),
        ("Records", _records(session)),
        *([("Noticed", rendering.words_list(session.notes))] if session.notes else []),
    ]


def _wishes(session: ChargingSession) -> str:
    """Charging preferences: shown to whoever helps a driver; the partner that sent them steers by them."""
    wishes = session.charging_preferences or {}
    energy, departure = wishes.get("energy_need"), wishes.get("departure_time")
    words = [str(wishes.get("profile_type", "")).lower()]
    words += [f"{energy} kWh"] if energy is not None else []
    words += [f"by {departure}"] if departure is not None else []
    words += ["may be discharged"] if wishes.get("discharge_allowed") else []
    return ", ".join(words)


def _power_now(session: ChargingSession, *, now: datetime) -> str:
    if not session.is_open:
        return rendering.NOTHING
    if session.measured_at is None:
        return "nothing measured yet"
    figures = [(session.power_w, "W"), (session.current_a, "A"), (session.soc_percent, "% state of charge")]
    known = ", ".join(rendering.number(value, unit) for value, unit in figures if value is not None)
    return f"{known or 'not reported'} ({rendering.age(session.measured_at, now=now)})"


def _limit_words(schedule: ChargingSchedule, limit: Decimal) -> str:
    return f"{rendering.plain(limit)} {rendering.UNIT_WORDS[schedule.unit]}"


def limit_now(session: ChargingSession, *, now: datetime) -> str:
    """Of the installed profiles that say something now the highest stack level counts (OCPP 1.6 section 3.13.2)."""
    if session.state != ChargingSession.State.ACTIVE:
        return rendering.NOTHING
    for profile in sorted(session.profiles.all(), key=lambda p: -p.stack_level):
        schedule = profile.applied_schedule if profile.state in profile_state.STANDING else None
        limit = limit_at(schedule, now, started_at=session.started_at) if schedule else None
        if schedule and limit is not None:
            doubt = "" if profile.state == State.INSTALLED else f", {profile.state.lower()}"
            return f"{_limit_words(schedule, limit)}, wanted by {profile.owner}{doubt}"
    return "none by a charging profile"


def _operator_limits(session: ChargingSession, *, now: datetime) -> list[tuple[str, object]]:
    """Of its EVSE and of the charge point as a whole, if there are any."""
    active = session.state == ChargingSession.State.ACTIVE
    limits = [limit for limit in session_rows.limits(session) if active and limit.is_wanted(now=now)]
    return [("Limit by an operator", limit_words.wanted_list(limits))] if limits else []


def _planned_now(session: ChargingSession, *, now: datetime) -> str:
    reported = [(p.observed_at, p.pk, p.observed_schedule) for p in session.profiles.all() if p.observed_at]
    if session.state != ChargingSession.State.ACTIVE or not reported:
        return rendering.NOTHING
    observed_at, _, schedule = max(reported, key=lambda report: report[:2])
    limit = limit_at(schedule, now, started_at=session.started_at) if schedule else None
    said = _limit_words(schedule, limit) if schedule and limit is not None else "no limit"
    return f"{said} (reported {rendering.age(observed_at, now=now)})"


def _ended(session: ChargingSession) -> str:
    reason = f" ({session.stop_reason})" if session.stop_reason else ""
    return f"{rendering.when(session.ended_at)}{reason}"


def _records(session: ChargingSession) -> str:
    lists = [(MeterValue, "Meter values"), (ChargePointCommand, "Commands")]
    links = ((rendering.list_url(model, session=session.pk), label) for model, label in lists)
    return format_html_join(" · ", '<a href="{}">{}</a>', links)


# --- profiles -------------------------------------------------------------------------------------------------------


def profiles(session: ChargingSession, *, now: datetime) -> str:
    cards = ((_profile_card(session, profile, now=now),) for profile in session.profiles.all())
    return format_html_join("", "{}", cards) or "No charging profile was ever asked for."


def _profile_card(session: ChargingSession, profile: ChargingProfile, *, now: datetime) -> str:
    started_at = session.started_at
    facts = [("Desired", profile.desired_schedule, profile.desired_at)]
    if profile.state not in {State.CLEARED, State.REJECTED}:  # then nothing of it is applied, nor to be observed
        facts += [
            ("Applied", profile.applied_schedule, profile.applied_at),
            ("Observed", profile.observed_schedule, profile.observed_at),
        ]
    columns = format_html_join(
        "",
        '<div><h4>{}</h4><p class="cpo-quiet">{}</p>{}</div>',
        (
            (title, rendering.when(at), rendering.schedule_table(schedule, now=now, started_at=started_at))
            for title, schedule, at in facts
        ),
    )
    words = [*profile.notes, *filter(None, [profile.finding])]
    notes = rendering.words_list(words) if words else ""
    return format_html(
        '<section class="cpo-profile"><h3>{} {} <small>{}</small></h3><div class="cpo-columns">{}</div>{}</section>',
        rendering.link(profile, f"Profile {profile.pk} of {profile.owner}"),
        rendering.badge(profile.state, tones.PROFILE.get(profile.state, INFO)),
        profile.get_state_display(), columns, notes,
    )  # fmt: skip


# --- what is wrong --------------------------------------------------------------------------------------------------


@register_problems
def charge_point_problems(session: ChargingSession) -> Iterable[Problem]:
    charge_point = session.charge_point
    if session.is_open and not charge_point.is_online:
        since = rendering.when(charge_point.disconnected_at)
        why = f"Since {since}. Nothing reaches it until it connects again; commands expire."
        yield Problem(f"{charge_point} is offline", why, url=rendering.admin_url(charge_point))
    if session.is_open:
        yield from clock_problems(charge_point)
    if session.is_open and charge_point.smart_charging is False:
        why = "It said so in its configuration. If that has changed, refresh its capabilities."
        yield Problem(
            f"{charge_point} does not support smart charging", why, Remedy(charge_point, "refresh_capabilities")
        )


@register_problems
def profile_problems(session: ChargingSession) -> Iterable[Problem]:
    if session.state != ChargingSession.State.ACTIVE:
        return
    last = _last_commands(session)
    for profile in session.profiles.all():
        command = last.get(profile.pk)
        what = _what_is_wrong(profile, command)
        if what:
            why = profile.finding or (f"{command}: {command.detail or command.status}" if command else "")
            url = rendering.admin_url(command or profile)
            remedy = "clear_profile" if _lingers(profile) else "push_profile_again"
            yield Problem(what, why, Remedy(session, remedy), url=url)


def _last_commands(session: ChargingSession) -> dict[int, ChargePointCommand]:
    """Per profile the newest command that set or cleared it."""
    changes = (c for c in session_rows.commands(session) if c.kind in {Kind.SET_PROFILE, Kind.CLEAR_PROFILE})
    return {command.profile_id: command for command in changes if command.profile_id}


def _what_is_wrong(profile: ChargingProfile, command: ChargePointCommand | None) -> str:
    if profile.state == State.REJECTED:
        return f"The charge point refused the profile of {profile.owner}"
    if profile.state == State.UNCERTAIN:
        return f"Nobody knows whether the profile of {profile.owner} is in force: it restarted, or did not answer"
    if _lingers(profile):
        return f"The charge point still follows the profile of {profile.owner}, though it was cleared"
    if profile.state == State.DRIFTED:
        return f"The charge point does not follow the profile of {profile.owner}, though it was sent again"
    if profile.state == State.INSTALLED and command and command.kind == Kind.SET_PROFILE and _ended_badly(command):
        return f"The newest profile of {profile.owner} did not reach the charge point: the one before is in force"
    return ""


def _lingers(profile: ChargingProfile) -> bool:
    return profile.state == State.DRIFTED and profile.applied is None


def _ended_badly(command: ChargePointCommand) -> bool:
    return tones.COMMAND.get(command.late_status or command.status) not in {None, OK}
