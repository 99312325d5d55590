"""What simulated parties say on a terminal."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from cpo_backoffice.event_lines import line, to_lines

pytestmark = pytest.mark.pure
NOW = datetime(2026, 1, 5, 10, 0, 7, tzinfo=UTC)


def test_an_event_is_one_line_with_time_party_name_and_fields() -> None:
    assert line("CP-1", "limit_changed", {"connector": 1}, now=NOW) == '10:00:07Z CP-1 limit_changed {"connector": 1}'


def test_decimals_and_times_are_text() -> None:
    fields = {"amps": Decimal("15.9"), "at": NOW}
    assert line("CP-1", "e", fields, now=NOW) == '10:00:07Z CP-1 e {"amps": "15.9", "at": "2026-01-05 10:00:07+00:00"}'


def test_secrets_are_masked() -> None:
    payload = {"key": "AuthorizationKey", "value": "s3cret-s3cret-s3"}
    text = line("CP-1", "call_received", {"action": "ChangeConfiguration", "payload": payload}, now=NOW)
    assert "s3cret" not in text
    assert '"value": "***"' in text


def test_a_line_break_of_a_peer_makes_no_second_line() -> None:
    assert "\n" not in line("CP-1", "failed", {"reason": "a\nb"}, now=NOW)


def test_events_are_written_as_they_come() -> None:
    written: list[str] = []
    on_event = to_lines("NL*JED", written.append)
    on_event("profile_sent", {"result": "ACCEPTED"})
    on_event("result_received", {"result": "REJECTED"})
    assert [text.split(" ", 1)[1] for text in written] == [
        'NL*JED profile_sent {"result": "ACCEPTED"}',
        'NL*JED result_received {"result": "REJECTED"}',
    ]
