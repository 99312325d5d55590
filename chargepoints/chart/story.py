"""The ten-second story of a session: what was asked, what was sent, what is planned, what the car draws, why these
differ, and what to do. Pure: everything is in the Situation.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum

from chargepoints.chart import differences
from chargepoints.chart.series import Rate
from chargepoints.profiles.rates import rate_text
from chargepoints.values import RateUnit

OK, WARN, BAD, INFO = "ok", "warn", "bad", "info"
STALE_S = 900
"""Meter values usually come every minute to every 15 minutes."""


class Standing(StrEnum):
    """What is known of the profile that counts."""

    NONE = "NONE"
    INSTALLED = "INSTALLED"
    REFUSED = "REFUSED"
    UNCERTAIN = "UNCERTAIN"
    DRIFTED = "DRIFTED"
    LINGERS = "LINGERS"  # cleared, and planned all the same


class Car(StrEnum):
    """What the charge point says of the EVSE."""

    UNKNOWN = "UNKNOWN"
    CHARGING = "CHARGING"
    SUSPENDED_BY_CAR = "SUSPENDED_BY_CAR"
    SUSPENDED_BY_EVSE = "SUSPENDED_BY_EVSE"
    FINISHED = "FINISHED"
    FAULTED = "FAULTED"


@dataclass(frozen=True, slots=True)
class Refusal:
    """A request that we refused at once. `code` is what the partner was told."""

    who: str
    code: str
    detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Situation:
    """`sent` is what the charge point accepted last and follows now; `waiting`: something newer is on its way to it.

    `ended`: how it ended, in words. `cap` is what operators allow, `cap_words` who and why. `refusal` only when nothing
    of that partner was accepted since. `settled`: what is drawn was measured under the limits of now, and the car had
    time to follow.
    """

    charge_point: str
    ended: str = ""
    pending: bool = False
    offline_since: str = ""
    smart_charging: bool = True
    asked_by: str = ""
    asked: Rate | None = None
    asked_unit: RateUnit = RateUnit.WATT
    refusal: Refusal | None = None
    waiting: bool = False
    standing: Standing = Standing.NONE
    sent: Rate | None = None
    sent_unit: RateUnit = RateUnit.AMPERE
    answer: str = ""
    finding: str = ""
    cap: Rate | None = None
    cap_words: str = ""
    planned: Rate | None = None
    drawn: Rate | None = None
    measured_age_s: float | None = None
    settled: bool = True
    car: Car = Car.UNKNOWN
    fault: str = ""


@dataclass(frozen=True, slots=True)
class Story:
    """`advice`: what to do; empty when there is nothing to do."""

    text: str
    advice: str
    tone: str


@dataclass(frozen=True, slots=True)
class Verdict:
    words: str
    advice: str = ""
    tone: str = BAD


def tell(now: Situation) -> Story:
    if now.ended:
        return Story(f"The session is over: {now.ended}.", "", INFO)
    if now.pending:
        return Story(
            "The session has not begun: the driver is not authorised yet, or no car is connected.",
            "Ask the driver to plug in and to show the card once more.", WARN,
        )  # fmt: skip
    verdict = next(found for judge in _JUDGES if (found := judge(now)))
    clauses = ", ".join(filter(None, [_asked(now), _sent(now), _planned(now)])) + "; " + _drawn(now)
    return Story(f"{clauses}: {verdict.words}.", verdict.advice, verdict.tone)


# --- the facts ------------------------------------------------------------------------------------------------------


def _text(rate: Rate, unit: RateUnit) -> str:
    return rate_text(rate.in_unit(unit), unit) + (" per phase" if unit is RateUnit.AMPERE else "")


def _asked(now: Situation) -> str:
    if now.asked is None:
        return f"{now.asked_by} asks for no limit now" if now.asked_by else "Nobody asked for a charging profile"
    return f"{now.asked_by} asked {_text(now.asked, now.asked_unit)}"


def _sent(now: Situation) -> str:
    if now.sent is None:
        return "nothing of it is in force" if now.asked and not now.waiting else ""
    doubt = ", nobody knows whether it counts still" if now.standing is Standing.UNCERTAIN else ""
    return f"{_text(now.sent, now.sent_unit)} was sent and accepted{doubt}"


def _planned(now: Situation) -> str:
    if now.planned is None:
        return "the charge point has not told its plan" if now.sent else ""
    return f"the charge point plans {_text(now.planned, now.sent_unit)}"


def _drawn(now: Situation) -> str:
    if now.drawn is None or now.measured_age_s is None:
        return "nothing was measured yet"
    if now.measured_age_s > STALE_S:
        return f"nothing was measured for {int(now.measured_age_s // 60)} min"
    return f"the car draws {_text(now.drawn, RateUnit.WATT)} ({_text(now.drawn, RateUnit.AMPERE)})"


# --- the verdict: the first that applies ----------------------------------------------------------------------------

PUSH = "Press “Push profile again”."


def _offline(now: Situation) -> Verdict | None:
    if not now.offline_since:
        return None
    words = f"{now.charge_point} is offline since {now.offline_since}, so this may be old"
    return Verdict(words, "Check its power and its network; nothing reaches it until it connects again.")


def _fault(now: Situation) -> Verdict | None:
    if now.car is not Car.FAULTED:
        return None
    fault = f": {now.fault}" if now.fault else ""
    return Verdict(f"the EVSE reports a fault{fault}", "Reset the charge point; if the fault stays, send somebody.")


def _refused_at_once(now: Situation) -> Verdict | None:
    if now.refusal is None:
        return None
    detail = f": {now.refusal.detail}" if now.refusal.detail else ""
    words = f"the newest request of {now.refusal.who} was refused ({now.refusal.code}{detail})"
    own_doing = now.refusal.code in {"too_often", "overloaded"}
    advice = "nothing: it may ask again." if own_doing else "Mend the reason; then the partner has to ask again."
    return Verdict(words, advice, WARN if own_doing else BAD)


def _without_smart_charging(now: Situation) -> Verdict | None:
    if now.smart_charging:
        return None
    return Verdict(
        f"{now.charge_point} has no smart charging, so nobody can steer it",
        "Refresh its capabilities if that has changed.", WARN,
    )  # fmt: skip


def _on_its_way(now: Situation) -> Verdict | None:
    if not now.waiting:
        return None
    return Verdict("a change is on its way to the charge point", "Wait some seconds: the answer comes by itself.", INFO)


def _profile_trouble(now: Situation) -> Verdict | None:
    answer = f": {now.answer}" if now.answer else ""
    match now.standing:
        case Standing.REFUSED:
            words = f"the charge point did not take the newest profile{answer}"
            return Verdict(words, f"{PUSH} If it fails again, see why below.")
        case Standing.UNCERTAIN:
            words = "the charge point did not answer, or restarted, and is asked again by itself"
            return Verdict(words, "Press “Fetch active profile” to see what counts, or “Push profile again”.", WARN)
        case Standing.DRIFTED:
            finding = f": {now.finding}" if now.finding else ""
            return Verdict(f"the charge point does not do as it was told{finding}", f"{PUSH} If that fails, reset it.")
        case Standing.LINGERS:
            return Verdict("the profile was cleared, and is followed all the same", "Press “Clear profile”.")
    return None


def _too_much(now: Situation) -> Verdict | None:
    allowed = _allowed(now)
    if (
        now.drawn is None
        or _is_stale(now)
        or not now.settled
        or differences.of_drawing(now.drawn, allowed) != differences.MORE
    ):
        return None
    advice = "Press “Fetch active profile”; if the plan is right, the charge point is at fault."
    return Verdict("that is more than allowed", advice)


def _nothing_measured(now: Situation) -> Verdict | None:
    if now.drawn is not None and not _is_stale(now):
        return None
    advice = "Wait a minute. If nothing comes, the charge point does not send meter values: check its configuration."
    return Verdict("so what the car takes is not known", advice, WARN)


def _paused(now: Situation) -> Verdict | None:
    allowed = _allowed(now)
    if allowed is None or allowed.amperes > 0:
        return None
    who = now.asked_by if now.asked and now.asked.amperes == 0 else "an operator" if _is_capped(now) else ""
    words = f"charging is paused at the wish of {who}" if who else "the charge point has paused charging"
    clear = "To let the car charge now, press “Clear profile”; the partner may pause it again."
    other = "See the operator's limit, or press “Fetch active profile”."
    return Verdict(words, clear if who and who == now.asked_by else other, WARN)


def _capped(now: Situation) -> Verdict | None:
    if not _is_capped(now) or now.cap is None:
        return None
    return Verdict(
        f"an operator's limit of {_text(now.cap, RateUnit.AMPERE)} holds it down ({now.cap_words})",
        "This is intended. Remove the limit on the charge point's page when it is not needed any more.", WARN,
    )  # fmt: skip


def _just_changed(now: Situation) -> Verdict | None:
    return None if now.settled else Verdict("the limit has just changed", "wait for the next meter value.", INFO)


def _car_stopped(now: Situation) -> Verdict | None:
    if now.car is Car.FINISHED:
        return Verdict("charging has finished", "nothing: the car can be unplugged.", OK)
    takes_nothing = now.drawn is not None and now.drawn.amperes < differences.TOLERATED_A
    if now.car is Car.SUSPENDED_BY_CAR or (takes_nothing and now.car is not Car.SUSPENDED_BY_EVSE):
        words = "the car itself has paused: it is full, waits for its own timer, or is not ready"
        return Verdict(words, "Ask the driver to look at the car: its charge level, its timer, its cable.", WARN)
    if now.car is Car.SUSPENDED_BY_EVSE:
        words = "the charge point itself has paused, though a limit above 0 counts"
        return Verdict(words, f"{PUSH} If it stays so, ask for a remote stop and a new start.", WARN)
    return None


def _plans_less(now: Situation) -> Verdict | None:
    if now.sent is None or now.planned is None or not differences.above(now.sent, now.planned):
        return None
    words = "the charge point plans less than it was told, because of a limit of its own or of the site"
    return Verdict(words, "Look for a limit that was set at the charge point itself.", WARN)


def _as_it_should(now: Situation) -> Verdict | None:
    if now.drawn and differences.of_drawing(now.drawn, _allowed(now)) == differences.LESS:
        return Verdict("less than allowed, that is the car's choice", "nothing.", OK)
    if _allowed(now) is None:
        return Verdict("nothing limits it but the charge point and the car", "nothing.", OK)
    return Verdict("as it should be", "nothing.", OK)


_JUDGES: tuple[Callable[[Situation], Verdict | None], ...] = (
    _offline, _fault, _without_smart_charging, _on_its_way, _refused_at_once, _profile_trouble, _too_much, _paused,
    _nothing_measured, _capped, _just_changed, _car_stopped, _plans_less, _as_it_should,
)  # fmt: skip


def _is_stale(now: Situation) -> bool:
    return now.measured_age_s is not None and now.measured_age_s > STALE_S


def _is_capped(now: Situation) -> bool:
    """The operators' limit is what counts: at most what else was asked."""
    if now.cap is None:
        return False
    return now.asked is None or now.asked.watts > now.cap.watts or now.asked.amperes > now.cap.amperes


def _allowed(now: Situation) -> Rate | None:
    return now.planned or min(_limits(now), key=lambda rate: rate.watts, default=None)


def _limits(now: Situation) -> Iterator[Rate]:
    yield from filter(None, (now.sent, now.cap))
