import json
from datetime import timedelta
from unittest.mock import patch

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from chargepoints import commands
from chargepoints.management.commands import send_command
from chargepoints.models import ChargePoint, ChargePointCommand
from chargepoints.provisioning import add_charge_point
from chargepoints.values import CommandOutcome, OutcomeStatus

pytestmark = pytest.mark.django_db(transaction=True)  # charge points are rung after the commit


@pytest.fixture
def run(capsys):
    """Runs a command with --json and returns what is on stdout, which must be one JSON value and nothing else."""

    def _run(*arguments: str):
        call_command(*arguments, "--json")
        return json.loads(capsys.readouterr().out)

    return _run


@pytest.fixture
def answering():
    """A charge point CP1, online, that ends every command at once with the given outcome."""
    charge_point = add_charge_point(identity="CP1")
    ChargePoint.objects.filter(pk=charge_point.pk).update(connection_id="socket-1")

    def _answering(outcome: CommandOutcome):
        def ring(command_id: int, _connection_id: str) -> None:
            assert commands.claim_next(charge_point.pk, "socket-1", now=timezone.now()).command_id == command_id
            commands.record_outcome(command_id, outcome, now=timezone.now())

        return patch("chargepoints.commands.mailbox.ring", side_effect=ring)

    return _answering


@pytest.fixture
def offline(monkeypatch):
    monkeypatch.setattr(send_command, "POLL_S", 0.01)
    monkeypatch.setattr(send_command, "SERVER_GRACE_S", 0.02)
    with patch("chargepoints.commands.mailbox.ring"):
        yield add_charge_point(identity="CP1")


def test_send_command_prints_the_answer(run, answering):
    answer = {"configurationKey": [{"key": "HeartbeatInterval", "readonly": False, "value": "300"}]}
    with answering(CommandOutcome(OutcomeStatus.ACCEPTED, answer=answer)):
        printed = run("send_command", "CP1", "GetConfiguration", '{"key": ["HeartbeatInterval"]}', "--timeout", "5")
    command = ChargePointCommand.objects.get()
    assert (command.kind, command.action, command.payload) == (
        "CALL",
        "GetConfiguration",
        {"key": ["HeartbeatInterval"]},
    )
    assert command.expires_at - command.created_at == timedelta(seconds=5)
    assert command.requested_by == "operator manage.py"
    assert printed.pop("sent_at").endswith("Z")
    assert printed.pop("finished_at").endswith("Z")
    assert printed == {
        "command_id": command.pk, "identity": "CP1", "action": "GetConfiguration", "status": "ACCEPTED", "detail": "",
        "answer": answer,
    }  # fmt: skip


def test_send_command_without_a_payload_sends_an_empty_one(answering, capsys):
    with answering(CommandOutcome(OutcomeStatus.ACCEPTED, answer={"status": "Accepted"})):
        call_command("send_command", "CP1", "ClearCache")
    assert ChargePointCommand.objects.get().payload == {}
    assert capsys.readouterr().out == 'ACCEPTED {"status": "Accepted"}\n'


def test_send_command_waits_as_long_as_the_settings_say(answering, settings):
    settings.OCPP_COMMAND_TIMEOUT_S = 7
    with answering(CommandOutcome(OutcomeStatus.ACCEPTED)):
        call_command("send_command", "CP1", "ClearCache")
    command = ChargePointCommand.objects.get()
    assert command.expires_at - command.created_at == timedelta(seconds=7)


@pytest.mark.parametrize(
    "outcome",
    [
        CommandOutcome(OutcomeStatus.REJECTED, "Rejected", {"status": "Rejected"}),
        CommandOutcome(OutcomeStatus.FAILED, "the connection closed before the charge point answered"),
        CommandOutcome(OutcomeStatus.UNKNOWN, "Unknown", {"status": "Unknown"}),
        CommandOutcome(OutcomeStatus.EXPIRED, "no answer in time"),
    ],
    ids=lambda outcome: outcome.status.value,
)
def test_send_command_fails_unless_accepted_and_prints_the_answer_all_the_same(answering, outcome, capsys):
    with answering(outcome), pytest.raises(CommandError, match=f"Reset {outcome.status}: {outcome.detail}") as failed:
        call_command("send_command", "CP1", "Reset", '{"type": "Soft"}', "--json")
    assert failed.value.returncode != 0
    printed = json.loads(capsys.readouterr().out)
    assert (printed["status"], printed["detail"], printed["answer"]) == (
        outcome.status,
        outcome.detail,
        outcome.answer or None,
    )


def test_send_command_waits_for_an_offline_charge_point_and_ends_the_command_itself(offline, capsys):
    with pytest.raises(CommandError, match="EXPIRED: charger_offline"):
        call_command("send_command", "CP1", "Reset", '{"type": "Soft"}', "--timeout", "0.05", "--json")
    command = ChargePointCommand.objects.get()
    assert command.status == "EXPIRED"
    assert command.finished_at >= command.expires_at
    assert json.loads(capsys.readouterr().out)["status"] == "EXPIRED"


def test_send_command_is_answered_when_the_charge_point_connects_in_time(offline, run):
    polls = []

    def connects_at_the_third_poll(_seconds: float) -> None:
        polls.append(1)
        if len(polls) == 3:
            ChargePoint.objects.filter(pk=offline.pk).update(connection_id="s")
            claimed = commands.claim_next(offline.pk, "s", now=timezone.now())
            commands.record_outcome(claimed.command_id, CommandOutcome(OutcomeStatus.ACCEPTED), now=timezone.now())

    with patch("time.sleep", side_effect=connects_at_the_third_poll):
        assert run("send_command", "CP1", "ClearCache", "{}")["status"] == "ACCEPTED"
    assert len(polls) == 3


def test_send_command_leaves_cleanly_on_ctrl_c_and_says_what_becomes_of_the_command(offline, capsys):
    interrupted = pytest.raises(CommandError, match=r"interrupted; command \d+ may still be carried out")
    with patch("time.sleep", side_effect=KeyboardInterrupt), interrupted as error:
        call_command("send_command", "CP1", "ClearCache", "--json")
    assert error.value.returncode == 130
    assert ChargePointCommand.objects.get().status == "QUEUED"
    assert capsys.readouterr().out == ""


@pytest.mark.once
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("CP9", "Reset"), "no charge point CP9"),
        (("CP1", "Reset", "{nope"), "not valid JSON"),
        (("CP1", "Reset", "[]"), "must be a JSON object"),
        (("CP1", "Reset", '{"a": NaN}'), "NaN is not JSON"),
        (("CP1", "No such/action"), "is no OCPP action"),
        (("CP1", "Reset", "--timeout", "soon"), "not a number of seconds"),
        (("CP1", "Reset", "--timeout", "0"), "above 0"),
        (("CP1", "Reset", "--timeout", "nan"), "above 0"),
        (("CP1", "Reset", "--timeout", "inf"), "above 0"),
    ],
)
def test_send_command_with_bad_input_asks_nothing(offline, arguments, message, capsys):
    with pytest.raises(CommandError, match=message):
        call_command("send_command", *arguments, "--json")
    assert not ChargePointCommand.objects.exists()
    assert capsys.readouterr().out == ""
