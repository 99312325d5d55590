"""What a Session push does to the stored Session, and which pushes a partner may refuse. Pure."""

from dataclasses import dataclass
from typing import Any

from ocpi.simulator.wire import parse_datetime

Session = dict[str, Any]

REQUIRED_FIELDS = (
    "country_code", "party_id", "id", "start_date_time", "kwh", "cdr_token", "auth_method", "location_id",
    "evse_uid", "connector_id", "currency", "status", "last_updated",
)  # fmt: skip
STATUSES = frozenset({"ACTIVE", "COMPLETED", "INVALID", "PENDING", "RESERVATION"})


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
    missing = [name for name in REQUIRED_FIELDS if session.get(name) is None]
    if missing:
        raise SessionRefused(f"missing {', '.join(missing)}")
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
