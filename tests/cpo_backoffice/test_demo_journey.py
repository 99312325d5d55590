"""What the demo tells: the steps of each charge point, named, once."""

import re

import pytest

from cpo_backoffice.demo import Journey

pytestmark = pytest.mark.pure


def told(*steps) -> list[str]:
    """What is written, without the times; each step names a method of Journey and what it gets."""
    lines: list[str] = []
    journey = Journey(lines.append)
    for method, *arguments in steps:
        getattr(journey, method)(*arguments)
    return [re.sub(r"^  \+ *\d+ ms  ", "", line) for line in lines]


def begun(session: str, identity: str) -> tuple[str, str]:
    return "server", f"session started session={session} identity={identity} evse=1 authorization=Accepted"


def test_steps_are_named_by_the_charge_point_whose_session_it_is():
    assert told(
        begun("a", "DEMO-16"),
        begun("b", "DEMO-201"),
        ("partner", "session_received", {"session_id": "b"}),
        ("partner", "session_received", {"session_id": "a"}),
        ("server", "profile request id=1 kind=SET party=NL*JED session=b response=ACCEPTED reason= command=2"),
        ("charge_point", "DEMO-16", "call_received", {"action": "SetChargingProfile"}),
        ("charge_point", "DEMO-201", "call_received", {"action": "SetChargingProfile"}),
        ("server", "command finished id=2 identity=DEMO-201 action=SetChargingProfile outcome=ACCEPTED late=False"),
        ("partner", "result_received", {"session_id": "b", "result": "ACCEPTED"}),
    ) == [
        "DEMO-201  partner <- session pushed (OCPI 2.2.1)",
        "DEMO-16   partner <- session pushed (OCPI 2.2.1)",
        "DEMO-201  server: PUT chargingprofile received, committed as a command",
        "DEMO-16   charge point <- SetChargingProfile (OCPP 1.6)",
        "DEMO-201  charge point <- SetChargingProfile (OCPP 2.0.1)",
        "DEMO-201  server: outcome committed, result waits in the outbox",
        "DEMO-201  partner <- callback posted: ACCEPTED",
    ]


def test_a_step_is_told_once():
    step = ("charge_point", "DEMO-16", "transaction_started", {})
    assert told(step, step) == ["DEMO-16   charge point: car plugged in, transaction started"]


def test_what_belongs_to_others_or_is_no_step_is_not_told():
    assert told(
        begun("c", "CP-7"),
        ("partner", "session_received", {"session_id": "c"}),
        ("partner", "session_received", {"session_id": "unknown"}),
        ("server", "command finished id=2 identity=CP-7 action=SetChargingProfile outcome=ACCEPTED"),
        ("server", "command finished id=3 identity=DEMO-16 action=GetConfiguration outcome=ACCEPTED"),
        ("charge_point", "DEMO-16", "call_received", {"action": "Reset"}),
    ) == []  # fmt: skip
