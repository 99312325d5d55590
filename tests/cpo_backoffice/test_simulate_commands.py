"""The simulators as programs: they say what happens, and end cleanly when told to."""

import re
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import requests
from django.core.management import CommandError, call_command

from cpo_backoffice.management.commands import simulate_charge_point
from tests.support.processes import Program, environment, free_port, until

pytestmark = pytest.mark.once
Start = Callable[..., Program]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    programs: list[Program] = []

    def begin(*arguments: str) -> Program:
        command = [sys.executable, "manage.py", *arguments]
        env = environment(DATA_DIR=str(tmp_path), SECRET_KEY="of a test")
        programs.append(Program(command, log=tmp_path / f"log-{len(programs)}", env=env))
        return programs[-1]

    yield begin
    for program in programs:
        program.stop(signal.SIGKILL)


def said(program: Program, pattern: str) -> str:
    def search() -> re.Match[str] | None:
        return re.search(pattern, program.log.read_text())

    return str(until(search, timeout_s=20, what=pattern)[0])


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_simulated_scsp_answers_with_its_token_and_ends_with_a_summary(start: Start, number: signal.Signals) -> None:
    scsp = start("simulate_scsp", "--port", "0", "--token", "a-token")
    url = said(scsp, r"http://[^\s\"]+")
    assert requests.get(url, headers={"Authorization": "Token a-token"}, timeout=5).status_code == 200
    assert requests.get(url, headers={"Authorization": "Token another"}, timeout=5).status_code == 401
    assert scsp.stop(number) == 0
    text = scsp.log.read_text()
    assert f'NL*JED listening {{"versions_url": "{url}"}}' in text
    assert "\nSummary of " in text
    assert ": answered 401 (OCPI 2.2.1 transport_and_format, Authorization header)" in text
    assert "a-token" not in text


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_simulated_charge_point_without_a_server_tries_again_and_ends_cleanly(
    start: Start, number: signal.Signals
) -> None:
    url = f"ws://127.0.0.1:{free_port()}/ocpp"
    charge_point = start("simulate_charge_point", "CP-1", "--url", url, "--password", "a-secret-password", "--charge")
    said(charge_point, "CP-1 connect_failed")
    assert charge_point.stop(number) == 0
    text = charge_point.log.read_text()
    assert text.endswith("Stopped.\n")
    assert "Traceback" not in text
    assert "a-secret-password" not in text


def test_a_port_that_is_taken_is_an_error_in_words(start: Start) -> None:
    scsp = start("simulate_scsp", "--port", "0", "--token", "a-token")
    port = said(scsp, r"(?<=:)\d+(?=/ocpi)")
    with pytest.raises(CommandError, match=f"cannot listen on 127.0.0.1:{port}"):
        call_command("simulate_scsp", "--port", port, "--token", "b")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--cpo-token", "b"], "--cpo-token and --cpo-url go together"),
        (["--versions-url", "http://127.0.0.1/versions"], "--versions-url and --token-a go together"),
        (
            ["--versions-url", "http://h/v", "--token-a", "a", "--cpo-url", "http://h", "--cpo-token", "t"],
            "either a handshake",
        ),
        (["--fault", "500:nowhere"], "--fault: "),
        (["--fault", "on-fire"], "--fault: "),
        (["--strategy", "cheapest", "--limit-a", "16"], "its limit is --limit-w"),
        (["--strategy", "cheapest", "--departure", "noon"], "--departure is HH:MM, not noon"),
        (["--strategy", "cheapest", "--prices", "no-such-file.json"], "--prices: "),
        (["--strategy", "cheapest", "--limit-w", "0"], "cheapest needs one above 0"),
        (["--strategy", "pulse", "--pulse-s", "0"], "--pulse-s is above 0"),
        (["--limit-w", "-1"], "not negative"),
        (["--for", "0"], "--for is above 0"),
    ],
)
def test_half_of_an_answer_is_refused(arguments: list[str], message: str) -> None:
    with pytest.raises(CommandError, match=message):
        call_command("simulate_scsp", *arguments)


@pytest.mark.parametrize("option", ["--evses", "--meter-interval", "--time-scale"])
def test_a_charge_point_of_nothing_is_refused(option: str) -> None:
    with pytest.raises(CommandError, match="are above 0"):
        call_command("simulate_charge_point", "CP-1", option, "0")


class Seen(Exception):
    pass


@pytest.mark.parametrize(("arguments", "version"), [([], "1.6"), (["--ocpp", "2.0.1"], "2.0.1")])
def test_a_charge_point_speaks_the_version_asked_for(
    monkeypatch: pytest.MonkeyPatch, arguments: list[str], version: str
) -> None:
    def see(*_: object, version: str, **__: object) -> None:
        raise Seen(version)

    monkeypatch.setattr(simulate_charge_point, "SimulatedChargePoint", see)
    with pytest.raises(Seen) as seen:
        call_command("simulate_charge_point", "CP-1", *arguments)
    assert seen.value.args == (version,)


def test_a_version_that_is_not_simulated_is_refused() -> None:
    with pytest.raises(CommandError, match=r"invalid choice: '1\.5'"):
        call_command("simulate_charge_point", "CP-1", "--ocpp", "1.5")
