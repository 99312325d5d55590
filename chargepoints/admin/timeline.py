"""What happened to a session, told by everyone who knows. Other apps add their part; this one knows none of them."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime

from django.contrib import admin
from django.db.models import Model

from chargepoints.admin import rendering
from chargepoints.chart.story import Refusal
from chargepoints.models import ChargePoint, ChargingSession

NEWEST = 200
"""Rows a source reads at most for one page."""

NOTABLE_SKEW_S = 60


@dataclass(frozen=True, slots=True)
class TimelineEntry:
    """`tone`: ok, warn, bad or info. Everything is text; the page escapes it.

    `order` decides between entries of the same moment: a cause has a lower one than its effects. `thread`: the
    correlation id, or else a name of its own, of what belongs together; `headline` says what one that begins with this
    is about. `routine`: folded away while nothing is wrong with it. `raw`: the key of the bodies that can be opened
    (`chargepoints.admin.raw`); `stamp` changes when they do.
    """

    at: datetime
    title: str
    status: str = ""
    tone: str = rendering.INFO
    detail: str = ""
    url: str = ""
    order: int = 0
    thread: str = ""
    routine: bool = False
    raw: str = ""
    stamp: str = ""
    remedy: "Remedy | None" = None
    headline: str = ""


@dataclass(frozen=True, slots=True)
class Remedy:
    """An admin action, by name, on `target`: the button that mends it."""

    target: Model
    action: str


@dataclass(frozen=True, slots=True)
class Problem:
    what: str
    why: str = ""
    remedy: Remedy | None = None
    tone: str = rendering.BAD
    url: str = ""


def clock_problems(charge_point: ChargePoint) -> Iterable[Problem]:
    if abs(charge_point.clock_skew_s or 0) >= NOTABLE_SKEW_S:
        what = f"The clock of {charge_point} is {charge_point.clock_skew_s:+d} s off"
        why = "Profiles with a start time begin that much too early or too late."
        yield Problem(what, why, tone=rendering.WARN, url=rendering.admin_url(charge_point))


@dataclass(frozen=True, slots=True)
class SessionAction:
    """An action on sessions that another app brings, with the permission it needs (`app.codename`)."""

    permission: str
    function: Callable[..., object]


Source = Callable[[ChargingSession], Iterable[TimelineEntry]]
ProblemFinder = Callable[[ChargingSession], Iterable[Problem]]

RefusalFinder = Callable[[ChargingSession], Refusal | None]

_sources: list[Source] = []
_refusal_finders: list[RefusalFinder] = []
_problem_finders: list[ProblemFinder] = []
_session_actions: list[SessionAction] = []


def register_source(source: Source) -> Source:
    _sources.append(source)
    return source


def register_refusals(finder: RefusalFinder) -> RefusalFinder:
    """Of the newest request that was refused at once, if nothing was accepted since."""
    _refusal_finders.append(finder)
    return finder


def register_problems(finder: ProblemFinder) -> ProblemFinder:
    _problem_finders.append(finder)
    return finder


def register_session_action(*, permission: str) -> Callable[[Callable[..., object]], Callable[..., object]]:
    def register(function: Callable[..., object]) -> Callable[..., object]:
        _session_actions.append(SessionAction(permission, function))
        return function

    return register


def entries_of(session: ChargingSession) -> list[TimelineEntry]:
    """From cause to effect: oldest first."""
    entries = [entry for source in _sources for entry in source(session)]
    return sorted(entries, key=lambda entry: (entry.at, entry.order))


def refusal_of(session: ChargingSession) -> Refusal | None:
    return next((refusal for finder in _refusal_finders if (refusal := finder(session))), None)


def problems_of(session: ChargingSession) -> list[Problem]:
    return [problem for finder in _problem_finders for problem in finder(session)]


def session_actions(model_admin: admin.ModelAdmin, user: object) -> dict[str, tuple]:
    """As `ModelAdmin.get_actions` names them, for what this user may do."""
    allowed = [action for action in _session_actions if user.has_perm(action.permission)]  # type: ignore[attr-defined]
    found = (model_admin.get_action(action.function) for action in allowed)
    return {action[1]: action for action in found if action}
