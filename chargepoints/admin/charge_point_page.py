"""The page of one charge point: its connection, what it can do and what was learned of it, what goes on there."""

from collections.abc import Iterable
from datetime import datetime

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from chargepoints.admin import rendering, session_page, tones
from chargepoints.admin.rendering import BAD, INFO, OK, WARN
from chargepoints.admin.timeline import NOTABLE_SKEW_S
from chargepoints.models import ChargePoint, ChargingProfile, ChargingSession, Connector, Evse
from chargepoints.values import LowCurrentPolicy

LOOKED_AT = 50
SHOWN_SESSIONS = 20
WORST_SKEW_S = 300
"""Beyond it no plan with a start can be compared with what was told (`profiles.comparison`)."""

Fact = tuple[str, object]
POLICIES = {
    LowCurrentPolicy.AS_IS: "limits below 6 A are sent as they are; most cars stop",
    LowCurrentPolicy.FLOOR: "limits below 6 A are sent as 0",
}


def panels(charge_point: ChargePoint, *, now: datetime) -> list[tuple[str, object]]:
    evses = list(charge_point.evses.prefetch_related("connectors").order_by("ocpp_evse_id"))
    sessions = _running(charge_point)
    return [
        ("Connection", _facts(_connection(charge_point))),
        ("What it can do", _facts(_capabilities(charge_point, evses, sessions))),
        ("EVSEs and connectors", _evse_table(evses, sessions)),
        ("Running sessions", _session_table(sessions, now=now)),
    ]


def _facts(facts: Iterable[Fact]) -> SafeString:
    rows = format_html_join("", "<div><dt>{}</dt><dd>{}</dd></div>", facts)
    return format_html('<dl class="cpo-summary cpo-facts">{}</dl>', rows)


def _said(words: str, tone: str, why: str = "") -> SafeString:
    return format_html("{} {}", rendering.badge(words, tone), why)


# --- connection -----------------------------------------------------------------------------------------------------


def _connection(charge_point: ChargePoint) -> Iterable[Fact]:
    if charge_point.is_online:
        yield "Online since", rendering.when(charge_point.connected_at)
        yield "Held by process", charge_point.channel_name or rendering.NOTHING
    else:
        yield "Offline since", rendering.when(charge_point.disconnected_at)
        yield "Was online from", rendering.when(charge_point.connected_at)
    yield "Last heard", rendering.when(charge_point.last_seen_at)
    yield "Last boot", rendering.when(charge_point.booted_at)
    yield "OCPP", charge_point.ocpp_version or "never connected"
    yield "Password", "set" if charge_point.password_hash else _said("none", WARN, "anybody can claim to be it")


# --- capabilities ---------------------------------------------------------------------------------------------------


def _capabilities(charge_point: ChargePoint, evses: list[Evse], sessions: list[ChargingSession]) -> Iterable[Fact]:
    yield "Smart charging", _smart_charging(charge_point)
    yield "Units", _units(charge_point)
    yield "Periods in a schedule", _at_most(charge_point.max_periods)
    yield "Highest stack level", _at_most(charge_point.max_stack_level)
    yield "Profiles at a time", _at_most(charge_point.max_profiles)
    yield "Phases", _phases(evses, sessions)
    yield "Clock", _clock(charge_point.clock_skew_s)
    yield "Tells its plan", _tells_plans(charge_point)
    yield "Keeps its profiles", _keeps_profiles(charge_point)
    yield "Low currents", POLICIES[LowCurrentPolicy(charge_point.low_current_policy)]
    yield "Learned", rendering.when(charge_point.capabilities_at)


def _smart_charging(charge_point: ChargePoint) -> SafeString:
    known = {True: ("yes", OK, ""), False: ("no", BAD, "partners get NOT_SUPPORTED"), None: ("not said", WARN, "")}
    return _said(*known[charge_point.smart_charging])


def _units(charge_point: ChargePoint) -> object:
    said = " and ".join(charge_point.rate_units)
    if charge_point.refused_units:
        why = f"it said {said or 'nothing'}, refused {charge_point.refused_units} and took the other"
        return _said(f"no {charge_point.refused_units}", WARN, why)
    return said or _said("not said", WARN, "A is tried first on AC")


def _at_most(count: int | None) -> object:
    return rendering.badge("not said", INFO) if count is None else count


def _phases(evses: list[Evse], sessions: list[ChargingSession]) -> str:
    """As installed; and as measured, where a car charges."""
    measured = {session.evse_id: session.detected_phases for session in sessions if session.detected_phases}
    words = (
        f"EVSE {evse.ocpp_evse_id}: {evse.phases or 'not known'}"
        + (f", the car uses {measured[evse.pk]}" if evse.pk in measured else "")
        for evse in evses
    )
    return "; ".join(words) or rendering.NOTHING


def _clock(skew_s: int | None) -> object:
    if skew_s is None:
        return "not measured yet"
    if abs(skew_s) >= WORST_SKEW_S:
        return _said(f"{skew_s:+d} s", BAD, "its plans cannot be checked; start times are missed by that much")
    if abs(skew_s) >= NOTABLE_SKEW_S:
        return _said(f"{skew_s:+d} s", WARN, "start times are missed by that much")
    return _said(f"{skew_s:+d} s", OK)


def _tells_plans(charge_point: ChargePoint) -> SafeString:
    if charge_point.tells_plans:
        return _said("yes", OK)
    return _said("not yet", WARN, "without composite schedules nobody can check that it does as told")


def _keeps_profiles(charge_point: ChargePoint) -> object:
    """By what became of its newest profiles."""
    newest = ChargingProfile.objects.filter(session__charge_point=charge_point, ever_accepted=True).order_by("-pk")
    known = list(newest.values_list("state", "corrections")[:LOOKED_AT])
    if not known:
        return "nothing known: it has had none"
    drifted = sum(state == ChargingProfile.State.DRIFTED for state, _ in known)
    again = sum(corrections > 0 for _, corrections in known)
    if drifted:
        return _said("no", BAD, f"{drifted} of the newest {len(known)} drifted though sent again")
    if again:
        return _said("not always", WARN, f"{again} of the newest {len(known)} had to be sent again")
    return _said("yes", OK, f"none of the newest {len(known)} had to be sent again")


# --- EVSEs ----------------------------------------------------------------------------------------------------------


def _evse_table(evses: list[Evse], sessions: list[ChargingSession]) -> object:
    if not evses:
        return "It has no EVSE yet: each is added when the charge point names it."
    by_evse = {session.evse_id: session for session in sessions}
    rows = ((_evse_row(evse, by_evse.get(evse.pk)),) for evse in evses)
    head = _head("EVSE", "Status", "Since", "Connectors", "At most", "Session")
    return _table(head, format_html_join("", "{}", rows))


def _evse_row(evse: Evse, session: ChargingSession | None) -> SafeString:
    error = f" {evse.error_code} {evse.status_info}" if evse.error_code not in {"", "NoError"} else ""
    return format_html(
        "<tr><td>{}</td><td>{}{}</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td></tr>",
        rendering.link(evse, f"{evse.ocpp_evse_id} {evse.evse_id}".strip()), _status(evse.status), error,
        rendering.moment(evse.status_at), rendering.words_list(map(_connector, evse.connectors.all())),
        f"{rendering.number(evse.max_current_a, 'A')}, {evse.current_type}", _session_link(session),
    )  # fmt: skip


def _status(status: str) -> object:
    return rendering.badge(status, tones.EVSE.get(status, INFO)) if status else "not said"


def _connector(connector: Connector) -> str:
    status = f", {connector.status}" if connector.status else ""
    return f"{connector.ocpp_connector_id}: {connector.standard}{status}"


def _session_link(session: ChargingSession | None) -> str:
    return rendering.link(session, session.uid[:8]) if session else rendering.NOTHING


# --- sessions -------------------------------------------------------------------------------------------------------


def _running(charge_point: ChargePoint) -> list[ChargingSession]:
    states = [ChargingSession.State.PENDING, ChargingSession.State.ACTIVE]
    open_ones = charge_point.sessions.filter(state__in=states).select_related("evse", "charge_point")
    return list(open_ones.prefetch_related("profiles")[:SHOWN_SESSIONS])


def _session_table(sessions: list[ChargingSession], *, now: datetime) -> object:
    rows = ((_session_row(session, now=now),) for session in sessions)
    body = format_html_join("", "{}", rows)
    head = _head("Session", "EVSE", "Energy", "Takes", "Limit now", "Measured")
    return _table(head, body) if body else "No car charges here now."


def _session_row(session: ChargingSession, *, now: datetime) -> SafeString:
    figures = ((session.power_w, "W"), (session.current_a, "A"))
    takes = ", ".join(rendering.number(value, unit) for value, unit in figures if value is not None)
    return format_html(
        "<tr><td>{} {}</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td></tr>",
        _session_link(session), rendering.badge(session.state, tones.SESSION.get(session.state, INFO)),
        session.evse.ocpp_evse_id, rendering.number(session.kwh, "kWh"), takes or rendering.NOTHING,
        session_page.limit_now(session, now=now), rendering.moment(session.measured_at),
    )  # fmt: skip


def _head(*titles: str) -> SafeString:
    return format_html("<tr>{}</tr>", format_html_join("", '<th scope="col">{}</th>', ((title,) for title in titles)))


def _table(head: SafeString, body: SafeString) -> SafeString:
    return format_html('<table class="cpo-wide"><thead>{}</thead><tbody>{}</tbody></table>', head, body)
