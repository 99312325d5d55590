"""Why what was asked, sent, planned and drawn are not the same, in the words that were recorded. Pure."""

from decimal import Decimal

from chargepoints.chart.series import CAPPED, PLANNED, REQUESTED, SENT, Rate, Stretch
from chargepoints.profiles.rates import rate_text
from chargepoints.values import RateUnit

TOLERATED_A = Decimal("0.5")
"""Some charge points count in whole amperes; the same as where plans are judged (profiles.comparison)."""

SHORTFALL = Decimal("0.9")
"""A car that draws less than this share of what it may draw takes less by its own choice."""

SETTLING_S = 15
"""A car has 5 s to follow a new limit (IEC 61851-1, control pilot), and meter values are averages of some seconds."""

AS_ALLOWED = "the car draws what it may"
LESS = "the car draws less than it may: that is the car's choice (battery, temperature, its own timer)"
NOTHING_DRAWN = "the car draws nothing although it may: it is full, paused by its own timer, or not ready"
JUST_CHANGED = "the limit has just changed, the car has not followed yet"
PAUSED = "charging is paused: the limit is 0"
MORE = "the car draws more than allowed"
FREE = "nothing limits it that we know of"


def above(a: Rate, b: Rate) -> bool:
    """Beyond what rounding explains. Per phase: where that is not more, neither is the power."""
    return a.amperes - b.amperes > TOLERATED_A


def of_drawing(drawn: Rate, allowed: Rate | None) -> str:
    if allowed is None:
        return FREE
    if above(drawn, allowed) and drawn.watts > allowed.watts:
        return MORE
    if allowed.amperes == 0:
        return PAUSED
    if drawn.amperes < TOLERATED_A:
        return NOTHING_DRAWN
    return LESS if drawn.watts < allowed.watts * SHORTFALL else AS_ALLOWED


def of_limits(said: dict[str, Stretch]) -> tuple[str, ...]:
    """Of what speaks at one moment, by key of its series."""
    asked, sent, planned, cap = (said.get(key) for key in (REQUESTED, SENT, PLANNED, CAPPED))
    words = [*_not_sent(asked, sent), *_sent_otherwise(asked, sent), *_planned_otherwise(sent, planned, cap)]
    return tuple(dict.fromkeys(words))


def _not_sent(asked: Stretch | None, sent: Stretch | None) -> list[str]:
    if asked is None or sent is not None:
        return list(asked.notes) if asked else []
    return [*asked.notes, "nothing of it was accepted by the charge point"]


def _sent_otherwise(asked: Stretch | None, sent: Stretch | None) -> list[str]:
    if asked is None or sent is None or asked.rate == sent.rate:
        return []
    relevant = [note for note in sent.notes if _speaks_of(note, asked.rate, sent.rate)]
    return relevant or list(sent.notes)


def _speaks_of(note: str, *rates: Rate) -> bool:
    """A note begins with the figure it is about, or ends its arrow with it."""
    texts = [rate_text(rate.in_unit(unit), unit) for rate in rates for unit in RateUnit]
    return any(note.startswith(f"{text} ") or f"-> {text}:" in note for text in texts)


def _planned_otherwise(sent: Stretch | None, planned: Stretch | None, cap: Stretch | None) -> list[str]:
    if sent is None or planned is None:
        return []
    if above(planned.rate, sent.rate):
        return ["the charge point plans more than it was told", *planned.notes]
    if not above(sent.rate, planned.rate):
        return []
    if cap and not above(cap.rate, planned.rate):
        return ["the charge point plans less: an operator's limit counts", *cap.notes]
    return ["the charge point plans less than it was told: another limit counts there (its own, or the site's)"]


def allowed_by(said: dict[str, Stretch]) -> Rate | None:
    """The most the car may draw: the plan where it is known, else the lowest of what was set."""
    if PLANNED in said:
        return said[PLANNED].rate
    limits = [said[key].rate for key in (SENT, CAPPED) if key in said]
    return min(limits, key=lambda rate: rate.watts, default=None)
