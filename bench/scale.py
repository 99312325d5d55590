"""A database as large as one wants, of rows that look like those of some 400 days, made by the database itself.

A table is filled by one INSERT ... SELECT over the numbers 1 to its size. What is not named has its field's default, so
that columns which are added later need nothing here. Foreign keys are computed, hence not checked while filling.
"""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.apps import apps
from django.core.management.color import no_style
from django.db import connection, models
from django.utils import timezone

DAYS = 400
PARTIES = 10
PART = 1_000_000
"""Rows of one statement: SQLite and PostgreSQL keep what one has written until it ends."""


@dataclass(frozen=True, slots=True)
class Size:
    """All follows from the number of sessions: ten meter values, two commands, one request of a partner to each."""

    sessions: int

    @property
    def charge_points(self) -> int:
        return max(10, min(5000, self.sessions // 100))

    @property
    def open_sessions(self) -> int:
        return self.charge_points // 3

    def rows(self) -> Iterator[tuple[str, int, Mapping[str, str]]]:
        """Model, number of rows, and an SQL expression of `n` for each column that is not as its default."""
        points, sessions = self.charge_points, self.sessions
        yield "chargepoints.Location", max(3, points // 10), {"name": "'Depot ' || n", "uid": _uid("l")}
        yield "chargepoints.ChargePoint", points, _charge_point(points)
        yield "chargepoints.Evse", 2 * points, _evse(points)
        yield "chargepoints.Connector", 2 * points, {"evse": "n"}
        yield "chargepoints.DriverToken", max(10, sessions // 20), {"uid": "'CARD' || n"}
        yield "chargepoints.ChargingSession", sessions, self._session()
        yield "chargepoints.MeterValue", 10 * sessions, self._meter_value()
        yield "chargepoints.ChargingProfile", sessions, self._profile()
        yield "chargepoints.ChargePointCommand", 2 * sessions, self._command()
        yield "chargepoints.OcppMessage", 2 * sessions, self._ocpp_message()
        yield "chargepoints.AuditEntry", max(10, sessions // 10), self._audit_entry()
        yield "ocpi.Party", PARTIES, _party()
        yield "ocpi.Credentials", PARTIES, {"party": "n"}
        yield "ocpi.PartnerEndpoint", PARTIES, {"party": "n", "identifier": "'sessions'", "role": "'RECEIVER'"}
        yield "ocpi.ProfileRequest", sessions, self._request()
        yield "ocpi.OutboxMessage", 3 * sessions, self._message()
        yield "ocpi.DeliveryAttempt", 3 * sessions, self._attempt()
        yield "ocpi.ChargingPeriod", 3 * sessions, self._period()
        yield "ocpi.InboundRequest", 2 * sessions, self._inbound()

    def _at(self, count: int, *, days: float = DAYS) -> str:
        """Of the row `n` of `count`, the last of them now."""
        return at(f"{int(timezone.now().timestamp())} - ({count} - n) * {days * 86_400:.0f} / {count}")

    def _session(self) -> dict[str, str]:
        began, is_open = self._at(self.sessions), f"n > {self.sessions - self.open_sessions}"
        states = "WHEN n % 997 = 0 THEN 'INVALID' ELSE 'COMPLETED'"
        return {
            "uid": _uid("s"), "evse": _evse_of(self), "charge_point": f"({_evse_of(self)} + 1) / 2",
            "connector": _evse_of(self), "ocpp_transaction_id": "CAST(n AS TEXT)",
            "state": f"CASE WHEN {is_open} AND n % 20 = 0 THEN 'PENDING' WHEN {is_open} THEN 'ACTIVE' {states} END",
            "id_token": f"'CARD' || (1 + n % {max(10, self.sessions // 20)})",
            "contract_id": "'NL-ABC-C' || (n % 50000)",
            "started_at": began, "last_updated": began, "created_at": began, "kwh": "n % 400 * 0.1",
            "ended_at": f"CASE WHEN {is_open} THEN NULL ELSE {began} END",
            "power_w": f"CASE WHEN {is_open} THEN 7400 END",
        }  # fmt: skip

    def _meter_value(self) -> dict[str, str]:
        """Ten of each session, written as sessions come; every hundredth outside of one."""
        session, moment = "((n + 9) / 10)", self._at(10 * self.sessions)
        evse = _evse_of(self, session)
        return {
            "session": f"CASE WHEN n % 100 = 0 THEN NULL ELSE {session} END", "evse": evse,
            "charge_point": f"({evse} + 1) / 2", "ocpp_transaction_id": f"CAST({session} AS TEXT)",
            "measured_at": moment, "received_at": moment, "energy_wh": "n % 100000", "power_w": "7400.0",
            "current_a": "32.0", "samples": quoted([{"value": "1234.5", "measurand": "Energy.Active.Import.Register"}]),
        }  # fmt: skip

    def _profile(self) -> dict[str, str]:
        last = self.sessions - self.open_sessions
        return {
            "session": "n", "owner": _owner("n"), "desired_at": self._at(self.sessions),
            "applied_at": self._at(self.sessions), "desired": quoted(SCHEDULE), "applied": quoted(SCHEDULE),
            "state": f"CASE WHEN n % 50 = 7 THEN 'DRIFTED' WHEN n % 50 = 9 THEN 'UNCERTAIN' WHEN n > {last} THEN "
            "'INSTALLED' ELSE 'CLEARED' END",
        }  # fmt: skip

    def _command(self) -> dict[str, str]:
        session, moment = "((n + 1) / 2)", self._at(2 * self.sessions)
        return {
            "session": session, "charge_point": f"({_evse_of(self, session)} + 1) / 2", "profile": session,
            "kind": "CASE WHEN n % 40 = 0 THEN 'CALL' WHEN n % 2 = 0 THEN 'SET_PROFILE' ELSE 'GET_COMPOSITE' END",
            "action": "CASE WHEN n % 40 = 0 THEN 'Reset' WHEN n % 2 = 0 THEN 'SetChargingProfile' ELSE "
            "'GetCompositeSchedule' END",
            "status": "CASE WHEN n % 503 = 0 THEN 'REJECTED' WHEN n % 2003 = 0 THEN 'FAILED' WHEN n % 5003 = 0 THEN "
            f"'EXPIRED' WHEN n > {2 * self.sessions - 5} THEN 'QUEUED' ELSE 'ACCEPTED' END",
            "requested_by": _owner(session), "correlation_id": "'co-' || n",
            "payload": quoted({"schedule": SCHEDULE, "wish": SCHEDULE}),
            "created_at": moment, "sent_at": moment, "finished_at": moment, "expires_at": moment,
        }  # fmt: skip

    def _ocpp_message(self) -> dict[str, str]:
        return {
            "charge_point": f"1 + n % {self.charge_points}", "at": self._at(2 * self.sessions, days=30),
            "direction": "CASE WHEN n % 10 = 0 THEN 'OUT' ELSE 'IN' END", "message_id": "'message-' || n",
            "action": "CASE WHEN n % 10 = 0 THEN 'SetChargingProfile' ELSE 'MeterValues' END", "duration_ms": "n % 50",
            "payload": quoted(json.dumps({"connectorId": 1})), "answer": "'{}'", "answer_type": "'CALLRESULT'",
            "result": "'answered'",
        }  # fmt: skip

    def _audit_entry(self) -> dict[str, str]:
        return {
            "at": self._at(max(10, self.sessions // 10)), "username": "'operator-' || (n % 20)", "outcome": "'DONE'",
            "action": "CASE WHEN n % 3 = 0 THEN 'Signed in' ELSE 'Push profile again' END", "target": "'CP-' || n",
            "batch": "CAST('00000000-0000-4000-8000-' || CAST(100000000000 + n AS TEXT) AS uuid)"
            if connection.vendor == "postgresql" else "'00000000000040008000' || CAST(100000000000 + n AS TEXT)",
        }  # fmt: skip

    def _request(self) -> dict[str, str]:
        moment = self._at(self.sessions)
        return {
            "party": _party_of("n"), "session": "n", "session_uid": _uid("s"), "request_id": "'rq-' || n",
            "kind": "CASE WHEN n % 200 = 0 THEN 'CLEAR' WHEN n % 1009 = 0 THEN 'GET' ELSE 'SET' END",
            "correlation_id": "'co-' || n", "response_url": "'https://p.example/r?id=' || n",
            "fingerprint": "CAST(n AS TEXT)", "body": quoted(SCHEDULE), "received_at": moment, "deadline_at": moment,
            "response": "CASE WHEN n % 1009 = 1 THEN 'TOO_OFTEN' WHEN n % 2003 = 1 THEN 'REJECTED' ELSE 'ACCEPTED' END",
            "reason": "CASE WHEN n % 1009 = 1 THEN 'too_often' WHEN n % 2003 = 1 THEN 'charger_offline' ELSE '' END",
            "result": "CASE WHEN n % 1009 = 1 OR n % 2003 = 1 THEN '' WHEN n % 503 = 0 THEN 'REJECTED' "
            "ELSE 'ACCEPTED' END",
            "command": "2 * n", "result_at": moment, "timeout_s": "30",
        }  # fmt: skip

    def _message(self) -> dict[str, str]:
        """For each session its own, its active profile and a result."""
        session, moment = "((n + 2) / 3)", self._at(3 * self.sessions)
        return {
            "party": _party_of(session), "session": session, "correlation_id": f"'co-' || {session}",
            "kind": "CASE n % 3 WHEN 0 THEN 'SESSION' WHEN 1 THEN 'ACTIVE_PROFILE' ELSE 'RESULT' END",
            "profile_request": f"CASE WHEN n % 3 = 2 THEN {session} END",
            "url": "CASE WHEN n % 3 = 2 THEN 'https://p.example/r?id=' || n ELSE '' END",
            "status": "CASE WHEN n % 1511 = 0 THEN 'FAILED' WHEN n % 2003 = 0 THEN 'EXPIRED' WHEN n % 100003 = 0 THEN "
            f"'IN_DOUBT' WHEN n > {3 * self.sessions - 60} THEN 'PENDING' ELSE 'DELIVERED' END",
            "failures": f"CASE WHEN n > {3 * self.sessions - 60} THEN 3 ELSE 0 END",
            "last_error": "CASE WHEN n % 1511 = 0 THEN 'HTTP 500' ELSE '' END",
            "due_at": moment, "created_at": moment, "delivered_at": moment,
        }  # fmt: skip

    def _attempt(self) -> dict[str, str]:
        moment = self._at(3 * self.sessions)
        wrong = "WHEN n % 1511 = 0 THEN"
        return {
            "message": "n", "party": _party_of("((n + 2) / 3)"), "number": "1", "method": "'POST'",
            "url": "'https://p.example/sessions/' || n", "correlation_id": "'co-' || ((n + 2) / 3)",
            "started_at": moment,
            "sent_at": moment, "finished_at": f"CASE WHEN n % 100003 = 0 THEN NULL ELSE {moment} END",
            "http_status": f"CASE {wrong} 500 ELSE 200 END", "error": f"CASE {wrong} 'HTTP 500' ELSE '' END",
            "ocpi_status": f"CASE {wrong} NULL ELSE 1000 END", "duration_ms": "n % 300",
        }  # fmt: skip

    def _period(self) -> dict[str, str]:
        moment = self._at(3 * self.sessions)
        return {"session": "((n + 2) / 3)", "started_at": moment, "ended_at": moment, "kwh": "1", "charging_s": "300"}

    def _inbound(self) -> dict[str, str]:
        return {
            "party": f"CASE WHEN n % 1009 = 0 THEN NULL ELSE {_party_of('n')} END", "method": "'PUT'",
            "at": self._at(2 * self.sessions, days=30), "module": "'chargingprofiles'", "address": "'192.0.2.1'",
            "path": "'/ocpi/2.2.1/chargingprofiles/' || n", "request_id": "'rq-' || n", "correlation_id": "'co-' || n",
            "http_status": "CASE WHEN n % 1009 = 0 THEN 401 ELSE 200 END", "duration_ms": "n % 90",
            "ocpi_status": "CASE WHEN n % 1511 = 0 THEN 2001 ELSE 1000 END",
        }  # fmt: skip


SCHEDULE = {
    "unit": "W", "start_at": None, "duration_s": None, "min_rate": None,
    "periods": [{"start_s": 0, "limit": "11000", "phases": None}],
}  # fmt: skip


def _charge_point(count: int) -> dict[str, str]:
    return {
        "identity": "'CP-' || (1000000 + n)", "location": f"1 + n % {max(3, count // 10)}", "ocpp_version": "'1.6'",
        "connection_id": "CASE WHEN n % 50 = 0 THEN '' ELSE 'socket-' || n END", "smart_charging": "TRUE",
        "rate_units": "'AW'", "vendor": "'Vendor'", "model": "'Model ' || (n % 7)",
    }  # fmt: skip


def _evse(points: int) -> dict[str, str]:
    status = f"CASE WHEN n % {max(7, points // 5)} = 0 THEN 'Faulted' ELSE 'Available' END"
    return {"charge_point": "(n + 1) / 2", "ocpp_evse_id": "1 + (n + 1) % 2", "uid": _uid("e"), "status": status}


def _party() -> dict[str, str]:
    return {"country_code": "'NL'", "party_id": "'P' || (10 + n)", "name": "'Partner ' || n"}


def _party_of(n: str) -> str:
    """The first has half of everything, the last very little."""
    return f"CASE WHEN {n} % 2 = 0 THEN 1 WHEN {n} % 5003 = 0 THEN {PARTIES} ELSE 2 + {n} / 2 % {PARTIES - 2} END"


def _owner(n: str) -> str:
    return f"'NL*P' || (10 + {_party_of(n)})"


def _evse_of(size: Size, session: str = "n") -> str:
    return f"(1 + {session} * 7919 % {2 * size.charge_points})"


def _uid(letter: str) -> str:
    """36 characters whose first eight are in no order."""
    return (
        f"CAST(10000000 + n * 48271 % 89999999 AS TEXT) || '-{letter}000-4000-8000-' || CAST(100000000000 + n AS TEXT)"
    )


# --- SQL ------------------------------------------------------------------------------------------------------------


def at(seconds: str) -> str:
    """A moment from seconds since 1970."""
    return f"to_timestamp({seconds})" if connection.vendor == "postgresql" else f"datetime({seconds}, 'unixepoch')"


def quoted(value: Any) -> str:
    if value is None or isinstance(value, bool):
        return {None: "NULL", True: "TRUE", False: "FALSE"}[value]
    if isinstance(value, int | float | Decimal):
        return str(value)
    text = value if isinstance(value, str) else json.dumps(value)
    return "'" + text.replace("'", "''") + "'"


def _numbers(first: int, last: int) -> str:
    if connection.vendor == "postgresql":
        return f"generate_series({first}::bigint, {last}::bigint) AS numbers(n)"
    return (
        f"(WITH RECURSIVE numbers(n) AS (SELECT {first} UNION ALL SELECT n + 1 FROM numbers WHERE n < {last}) "
        "SELECT n FROM numbers)"
    )


def insertion(model: type[models.Model], known: Mapping[str, str], first: int, last: int) -> str:
    """Keys count from 1."""
    fields: list[Any] = list(model._meta.concrete_fields)
    values = [known.get(field.name) or ("n" if field.primary_key else _default(field)) for field in fields]
    columns = ", ".join(f'"{field.column}"' for field in fields)
    return (
        f'INSERT INTO "{model._meta.db_table}" ({columns}) '  # no input of anybody
        f"SELECT {', '.join(values)} FROM {_numbers(first, last)}"
    )


def _default(field: Any) -> str:
    if isinstance(field, models.DateTimeField) and not field.null:
        return at(str(int(timezone.now().timestamp())))
    return quoted(field.get_default())


def fill(size: Size) -> dict[str, int]:
    """The database is migrated and empty. Returns the number of rows of each model."""
    filled = {}
    with unchecked(), connection.cursor() as cursor:
        for label, count, known in size.rows():
            model = apps.get_model(label)
            for first in range(1, count + 1, PART):
                cursor.execute(insertion(model, known, first, min(count, first + PART - 1)))
            for statement in connection.ops.sequence_reset_sql(no_style(), [model]):
                cursor.execute(statement)
            filled[label] = count
    return filled


def analyse() -> None:
    """As autovacuum does on PostgreSQL sooner or later; on SQLite nobody does."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("VACUUM ANALYZE")


@contextmanager
def unchecked() -> Iterator[None]:
    """Foreign keys."""
    postgres = connection.vendor == "postgresql"
    off, on = (
        ("SET session_replication_role = replica", "SET session_replication_role = origin")
        if postgres
        else ("PRAGMA foreign_keys = OFF", "PRAGMA foreign_keys = ON")
    )
    with connection.cursor() as cursor:
        cursor.execute(off)
    yield
    with connection.cursor() as cursor:
        cursor.execute(on)
