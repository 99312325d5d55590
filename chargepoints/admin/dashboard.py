"""The first page: how it stands now, told by everyone who knows. Other apps add their part, as with the timeline."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from django.http import HttpRequest

from chargepoints.admin import rendering
from chargepoints.models import ChargePoint, ChargingSession


@dataclass(frozen=True, slots=True)
class Tile:
    """One figure; `url` leads to the list of just what was counted."""

    label: str
    value: object
    url: str = ""
    tone: str = rendering.INFO
    detail: str = ""


Section = Callable[[HttpRequest], Iterable[Tile]]
_sections: list[tuple[int, str, Section]] = []


def register_section(title: str, *, order: int) -> Callable[[Section], Section]:
    """Shown from the lowest `order` to the highest."""

    def register(section: Section) -> Section:
        _sections.append((order, title, section))
        return section

    return register


def sections(request: HttpRequest) -> list[tuple[str, list[Tile]]]:
    """Title and tiles, without sections that have nothing to say to this user."""
    ordered = sorted(_sections, key=lambda entry: entry[0])
    found = [(title, list(section(request))) for _, title, section in ordered]
    return [(title, tiles) for title, tiles in found if tiles]


def alarming(count: int, tone: str = rendering.BAD) -> str:
    """Nothing wrong is no alarm."""
    return tone if count else rendering.OK


@register_section("Charge points", order=10)
def charge_point_tiles(request: HttpRequest) -> Iterable[Tile]:
    if not request.user.has_perm("chargepoints.view_chargepoint"):  # type: ignore[union-attr]
        return
    enabled = ChargePoint.objects.filter(enabled=True)
    offline = enabled.filter(connection_id="").count()
    online_url, offline_url = (
        rendering.list_url(ChargePoint, connection=state, enabled__exact=1) for state in ("online", "offline")
    )
    yield Tile("Online", enabled.exclude(connection_id="").count(), online_url, rendering.OK)
    yield Tile("Offline", offline, offline_url, alarming(offline))


@register_section("Sessions", order=20)
def session_tiles(request: HttpRequest) -> Iterable[Tile]:
    if not request.user.has_perm("chargepoints.view_chargingsession"):  # type: ignore[union-attr]
        return
    active = ChargingSession.objects.filter(state=ChargingSession.State.ACTIVE)
    yield Tile("Active now", active.count(), rendering.list_url(ChargingSession, state__exact="ACTIVE"))
