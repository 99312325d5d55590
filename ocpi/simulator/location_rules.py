"""What a push of a Location, EVSE or Connector does to the stored Location, and which one may be refused. Pure."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from ocpi.simulator.objects import CONNECTOR, EVSE, LOCATION, PROFILE_CAPABLE
from ocpi.simulator.tables import Table, findings
from ocpi.simulator.violations import Violation, all_of
from ocpi.simulator.wire import parse_datetime

Location = dict[str, Any]
NEVER = datetime.min.replace(tzinfo=UTC)
_TABLES = (LOCATION, EVSE, CONNECTOR)
_IDS = ("id", "uid", "id")
_CHILDREN = ("evses", "connectors")
_PARENTS = "mod_locations, GET List: Request Parameters: the parent's last_updated moves too"


class LocationRefused(Exception):
    """A push that breaks a rule of OCPI 2.2.1 mod_locations; the text says which."""


@dataclass(frozen=True, slots=True)
class Target:
    """`{country_code}/{party_id}/{location_id}[/{evse_uid}][/{connector_id}]` of the URL; `ids` are one to three."""

    country_code: str
    party_id: str
    ids: tuple[str, ...]

    def __str__(self) -> str:
        return "/".join((self.country_code, self.party_id, *self.ids))

    @property
    def table(self) -> Table:
        return _TABLES[len(self.ids) - 1]

    def folded(self) -> tuple[str, str, str]:
        """Of the Location; ids are case-insensitive (OCPI 2.2.1 types, CiString)."""
        return self.country_code.upper(), self.party_id.upper(), self.ids[0].lower()


def pushed(method: str, stored: Location | None, body: Any, target: Target) -> Location:
    """The Location after a GET, PUT or PATCH of it or of a part (OCPI 2.2.1 mod_locations). Raises LocationRefused."""
    if not isinstance(body, dict):
        raise LocationRefused("body is not an object")
    known, partial = found(stored, target), method == "PATCH"
    if lacking := [what for what in findings(target.table, body, partial=partial) if what.endswith("is missing")]:
        raise LocationRefused(", ".join(lacking))
    changed = _patched(known, body) if partial else dict(body)
    _check_ids(changed, target)
    _check_time(changed, known)
    return _placed(stored, changed, target)


def found(location: Location | None, target: Target) -> dict[str, Any] | None:
    """The part of the Location that the URL names."""
    part: dict[str, Any] | None = location
    for depth, wanted in enumerate(target.ids[1:]):
        part = _child(part, depth, wanted) if part is not None else None
    return part


def tolerated(where: str, body: Any, table: Table, *, partial: bool = False) -> list[Violation]:
    """What is wrong with an object that a partner can live with."""
    of_table = all_of(where, findings(table, body, partial=partial), table.passage)
    return of_table + (all_of(where, _older_parents(body), _PARENTS) if table is LOCATION and not of_table else [])


def capable(evse: dict[str, Any]) -> bool:
    """Whether the EVSE takes charging profiles (OCPI 2.2.1 mod_locations, Capability)."""
    return PROFILE_CAPABLE in (evse.get("capabilities") or ())


def _patched(known: dict[str, Any] | None, body: dict[str, Any]) -> dict[str, Any]:
    if known is None:
        raise LocationRefused("PATCH of something that was never PUT")
    if body.get("last_updated") is None:
        raise LocationRefused("last_updated is missing")
    return {**known, **body}


def _check_ids(changed: dict[str, Any], target: Target) -> None:
    """OCPI 2.2.1 transport_and_format, Errors: the ids of the URL and of the object are the same."""
    in_url = {_IDS[len(target.ids) - 1]: target.ids[-1]}
    if len(target.ids) == 1:
        in_url |= {"country_code": target.country_code, "party_id": target.party_id}
    for name, expected in in_url.items():
        if str(changed.get(name)).lower() != expected.lower():
            raise LocationRefused(f"{name} differs from the URL")


def _check_time(changed: dict[str, Any], known: dict[str, Any] | None) -> None:
    if _time(changed) == NEVER:
        raise LocationRefused("last_updated is not an OCPI DateTime")
    if known is not None and _time(changed) < _time(known):
        raise LocationRefused("last_updated going backwards")


def _placed(stored: Location | None, changed: dict[str, Any], target: Target) -> Location:
    """The Location with the part in its place; a part's time moves its parents' on (mod_locations, PUT Method)."""
    if len(target.ids) == 1:
        return changed
    return _with_part(stored, changed, target.ids[1:], depth=0)


def _with_part(
    parent: dict[str, Any] | None, changed: dict[str, Any], ids: tuple[str, ...], *, depth: int
) -> dict[str, Any]:
    if parent is None:
        raise LocationRefused(f"{('EVSE', 'Connector')[depth]} of something that was never PUT")
    part = changed if len(ids) == 1 else _with_part(_child(parent, depth, ids[0]), changed, ids[1:], depth=depth + 1)
    name, children = _CHILDREN[depth], _children(parent, depth)
    at = next((n for n, child in enumerate(children) if _is(child, depth, ids[0])), len(children))
    newest = max(parent, part, key=_time)["last_updated"]
    return {**parent, name: [*children[:at], part, *children[at + 1 :]], "last_updated": newest}


def _child(parent: dict[str, Any], depth: int, wanted: str) -> dict[str, Any] | None:
    return next((child for child in _children(parent, depth) if _is(child, depth, wanted)), None)


def _children(parent: dict[str, Any], depth: int) -> list[dict[str, Any]]:
    children = parent.get(_CHILDREN[depth])
    return [child for child in children if isinstance(child, dict)] if isinstance(children, list) else []


def _is(child: dict[str, Any], depth: int, wanted: str) -> bool:
    return str(child.get(_IDS[depth + 1])).lower() == wanted.lower()


def _older_parents(location: Location) -> list[str]:
    parts = [(f"EVSE {evse['uid']}", location, evse) for evse in location.get("evses") or ()]
    parts += [
        (f"Connector {connector['id']} of EVSE {evse['uid']}", evse, connector)
        for evse in location.get("evses") or () for connector in evse["connectors"]
    ]  # fmt: skip
    return [f"last_updated is before that of {name}" for name, parent, part in parts if _time(parent) < _time(part)]


def _time(part: dict[str, Any]) -> datetime:
    """NEVER where a Location with it was tolerated though it is no DateTime."""
    try:
        return parse_datetime(part["last_updated"])
    except ValueError:
        return NEVER
