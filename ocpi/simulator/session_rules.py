"""What a Session push does to the stored Session, and which pushes a partner may refuse. Pure."""

from dataclasses import dataclass
from typing import Any

from ocpi.simulator.objects import SESSION, SESSION_2_2, STATUSES
from ocpi.simulator.tables import findings, missing
from ocpi.simulator.violations import Violation, all_of
from ocpi.simulator.wire import parse_datetime

Session = dict[str, Any]


class SessionRefused(Exception):
    """A push that breaks a rule of OCPI 2.2.1 mod_sessions; the text says which."""


@dataclass(frozen=True, slots=True)
class SessionKey:
    """Where a Session lives: `{country_code}/{party_id}/{id}` of the URL."""

    country_code: str
    party_id: str
    session_id: str

    def __str__(self) -> str:
        return f"{self.country_code}/{self.party_id}/{self.session_id}"

    def folded(self) -> "SessionKey":
        """Ids are case-insensitive (OCPI 2.2.1 types, CiString)."""
        return SessionKey(self.country_code.upper(), self.party_id.upper(), self.session_id.lower())


def put_session(stored: Session | None, body: Any, key: SessionKey) -> Session:
    """The Session after a PUT: the new object replaces the old one, `charging_periods` included.

    Raises SessionRefused. Repeating a final Session unchanged is no change (OCPI 2.2.1 mod_sessions, PUT).
    """
    session = _object(body)
    if names := missing(SESSION, session):
        raise SessionRefused(f"missing {', '.join(names)}")
    _check_fields(session, key)
    if stored is not None:
        _check_change(stored, session)
    return dict(session)


def patch_session(stored: Session | None, body: Any, key: SessionKey) -> Session:
    """The Session after a PATCH: named fields replace, `charging_periods` are appended.

    OCPI 2.2.1 mod_sessions, PATCH. Raises SessionRefused.
    """
    changes = _object(body)
    if stored is None:
        raise SessionRefused("PATCH before PUT")
    if changes.get("last_updated") is None:
        raise SessionRefused("missing last_updated")
    _check_fields(changes, key)
    periods = [*(stored.get("charging_periods") or ()), *(changes.get("charging_periods") or ())]
    session = {**stored, **changes, "charging_periods": periods}
    _check_change(stored, session)
    return session


def tolerated(where: str, method: str, stored: Session | None, body: Session, *, version: str) -> list[Violation]:
    """What is wrong with a push that a partner can live with. `stored`: the Session before, if it is exactly known."""
    table = SESSION_2_2 if version == "2.2" else SESSION
    found = all_of(where, findings(table, body, partial=method == "PATCH"), table.passage)
    if method == "PATCH" and stored is not None:
        found += all_of(where, _repeated_periods(stored, body), "mod_sessions, PATCH Method: they are added")
    return found + all_of(where, _unsound_charge(body), "mod_cdrs, CdrDimensionType")


def _repeated_periods(stored: Session, body: Session) -> list[str]:
    known = {_start(period) for period in stored.get("charging_periods") or ()}
    repeated = [start for period in body.get("charging_periods") or () if (start := _start(period)) in known and start]
    return [f"charging_periods has the one of {start} a second time" for start in repeated]


def _start(period: Any) -> Any:
    return period.get("start_date_time") if isinstance(period, dict) else None


def _unsound_charge(body: Session) -> list[str]:
    """STATE_OF_CHARGE is 0 to 100; shapes are judged by the table."""
    dimensions = [part for period in _objects(body, "charging_periods") for part in _objects(period, "dimensions")]
    volumes = [dimension.get("volume") for dimension in dimensions if dimension.get("type") == "STATE_OF_CHARGE"]
    return [f"STATE_OF_CHARGE of {v}" for v in volumes if isinstance(v, int | float) and not 0 <= v <= 100]


def _objects(parent: dict[str, Any], name: str) -> list[dict[str, Any]]:
    children = parent.get(name)
    return [child for child in children if isinstance(child, dict)] if isinstance(children, list) else []


def _object(body: Any) -> Session:
    if not isinstance(body, dict):
        raise SessionRefused("body is not an object")
    return body


def _check_fields(fields: Session, key: SessionKey) -> None:
    _check_owner(fields, key)
    if "kwh" in fields and (isinstance(fields["kwh"], bool) or not isinstance(fields["kwh"], int | float)):
        raise SessionRefused("kwh is not a number")
    if "status" in fields and fields["status"] not in STATUSES:
        raise SessionRefused(f"unknown status {fields['status']!r}")
    if not isinstance(fields.get("charging_periods") or [], list):
        raise SessionRefused("charging_periods is not a list")
    for name in ("last_updated", "start_date_time", "end_date_time"):
        if fields.get(name) is not None:
            _check_datetime(name, fields[name])


def _check_owner(fields: Session, key: SessionKey) -> None:
    """OCPI 2.2.1 transport_and_format, Errors: the ids of the URL and of the object are the same."""
    in_url = {"country_code": key.country_code, "party_id": key.party_id, "id": key.session_id}
    for name, expected in in_url.items():
        if name in fields and str(fields[name]).lower() != expected.lower():
            raise SessionRefused(f"{name} differs from the URL")


def _check_datetime(name: str, text: Any) -> None:
    try:
        parse_datetime(text)
    except ValueError:
        raise SessionRefused(f"{name} is not an OCPI DateTime") from None


def _check_change(stored: Session, session: Session) -> None:
    if stored["status"] == "COMPLETED" and _content(session) != _content(stored):
        raise SessionRefused("change after COMPLETED")
    if parse_datetime(session["last_updated"]) < parse_datetime(stored["last_updated"]):
        raise SessionRefused("last_updated going backwards")
    if session["kwh"] < stored["kwh"]:
        raise SessionRefused("kwh decreasing")


def _content(session: Session) -> Session:
    """Without what says nothing: an absent, null or empty field are the same."""
    return {name: value for name, value in session.items() if value not in (None, [])}
