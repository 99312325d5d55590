"""The simulated SCSP as a program against a CPO that the test plays."""

import json
import re
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.ocpi.simulator.fake_cpo import TOKEN_C, FakeCpo, location, send, session
from tests.support.processes import Program, environment, until

pytestmark = pytest.mark.once
PATIENCE_S = 20
NO_DATABASE = "postgres://nobody:nothing@127.0.0.1:9/none"
Run = Callable[..., "Sandbox"]


class Sandbox(Program):
    """The program with `--json`, and what it said."""

    def __init__(self, cpo: FakeCpo, data_dir: Path, *arguments: str) -> None:
        command = [sys.executable, "manage.py", "simulate_scsp", "--versions-url", cpo.versions_url, "--token-a", "a",
                   "--port", "0", "--json", *arguments]  # fmt: skip
        env = environment(DATA_DIR=str(data_dir), SECRET_KEY="of a test", DATABASE_URL=NO_DATABASE)
        super().__init__(command, log=data_dir / "log", env=env)
        self.cpo = cpo

    @property
    def events(self) -> list[dict[str, Any]]:
        lines = self.log.read_text().splitlines()
        return [json.loads(line) for line in lines if line.startswith("{")]

    def said(self, name: str) -> dict[str, Any]:
        def search() -> dict[str, Any] | None:
            return next((event for event in self.events if event["event"] == name), None)

        return until(search, timeout_s=PATIENCE_S, what=f"{name} in {self.log.read_text()}")

    def request(self, method: str, path: str, body: Any, **options: Any) -> requests.Response:
        posted = next(asked for asked in self.cpo.asked if asked["method"] == "POST")
        url = posted["body"]["url"].replace("/versions", f"/2.2.1/{path}")
        return send(method, url, body=body, token=posted["body"]["token"], **options)

    def push(self, **changes: Any) -> requests.Response:
        return self.request("PUT", "sessions/NL/CPO/S-1", session(**changes), timeout=5)


@pytest.fixture
def cpo() -> Iterator[FakeCpo]:
    with FakeCpo() as cpo:
        cpo.modules += [("sessions", "SENDER"), ("locations", "SENDER")]
        cpo.lists = {"locations": [location()], "sessions": []}
        yield cpo


@pytest.fixture
def run(cpo: FakeCpo, tmp_path: Path) -> Iterator[Run]:
    sandboxes: list[Sandbox] = []

    def begin(*arguments: str) -> Sandbox:
        sandboxes.append(Sandbox(cpo, tmp_path, *arguments))
        sandboxes[-1].said("pulled")
        return sandboxes[-1]

    yield begin
    for sandbox in sandboxes:
        sandbox.stop(signal.SIGKILL)


def asked_for_profile(cpo: FakeCpo) -> dict[str, Any]:
    def search() -> dict[str, Any] | None:
        return next((asked for asked in cpo.asked if "/chargingprofiles/" in asked["path"]), None)

    return until(search, timeout_s=PATIENCE_S, what="a profile")


def test_it_registers_steers_and_unregisters_without_a_database(run: Run, cpo: FakeCpo) -> None:
    sandbox = run("--strategy", "flat", "--limit-a", "16", "--strict", "--unregister")
    assert sandbox.push().status_code == 201
    put = asked_for_profile(cpo)
    assert put["token"] == TOKEN_C
    profile = put["body"]["charging_profile"]
    assert (profile["charging_rate_unit"], profile["charging_profile_period"]) == (
        "A",
        [{"start_period": 0, "limit": 16.0}],
    )
    request_id = sandbox.said("profile_sent")["request_id"]
    assert put["headers"]["X-Request-ID"] == request_id
    assert sandbox.request("POST", f"chargingprofiles/response/{request_id}", {"result": "ACCEPTED"}).status_code == 200
    assert sandbox.said("result_received")["request_id"] == request_id
    assert sandbox.stop(signal.SIGINT) == 0
    assert [event["event"] for event in sandbox.events] == [
        "listening", "connected", "location_pulled", "pulled", "session_received", "profile_sent", "result_received",
        "unregistered", "summary",
    ]  # fmt: skip
    summary = sandbox.events[-1]
    assert (summary["sessions"], summary["profiles"], summary["violations"]) == ({"ACTIVE": 1}, {"ACCEPTED": 1}, [])
    assert summary["results"]["in_time"] == 1
    assert (cpo.asked[-1]["method"], cpo.asked[-1]["path"]) == ("DELETE", "/ocpi/2.2.1/credentials")
    assert TOKEN_C not in sandbox.log.read_text()


def test_it_asks_for_the_plan_and_clears_its_profile_at_the_end(run: Run, cpo: FakeCpo) -> None:
    sandbox = run("--strategy", "flat", "--ask", "--clear", "--strict")
    plan = {"charging_rate_unit": "W", "charging_profile_period": [{"start_period": 0, "limit": 11000}]}
    active = {"start_date_time": "2026-01-05T10:00:00Z", "charging_profile": plan}
    bodies: dict[str, Any] = {
        "profile_sent": {"result": "ACCEPTED"},
        "plan_asked": {"result": "ACCEPTED", "profile": active},
        "profile_cleared": {"result": "UNKNOWN"},
    }
    sandbox.push()
    for name, body in bodies.items():
        if name == "profile_cleared":
            sandbox.send(signal.SIGINT)
        request_id = sandbox.said(name)["request_id"]
        assert sandbox.request("POST", f"chargingprofiles/response/{request_id}", body).status_code == 200
    assert sandbox.wait() == 0
    assert [asked["method"] for asked in cpo.asked if "/chargingprofiles/" in asked["path"]] == ["PUT", "GET", "DELETE"]
    results = [event for event in sandbox.events if event["event"] == "result_received"]
    assert [(event["result"], event.get("profile")) for event in results] == [
        ("ACCEPTED", None),
        ("ACCEPTED", active),
        ("UNKNOWN", None),
    ]
    assert sandbox.events[-1]["results"]["in_time"] == 3


def test_strict_ends_non_zero_after_a_violation_that_names_its_passage(run: Run) -> None:
    sandbox = run("--strict")
    assert sandbox.push(kwh="1").json()["status_code"] == 2001
    said = sandbox.said("violation")
    assert (said["where"], said["what"]) == ("PUT session NL/CPO/S-1", "kwh is not a number")
    assert said["passage"] == "mod_sessions, Receiver Interface"
    assert sandbox.stop(signal.SIGTERM) == 1
    assert "--strict: 1 violations, 0 missing results" in sandbox.log.read_text()


def test_it_ends_by_itself_and_a_missing_result_counts(run: Run, cpo: FakeCpo) -> None:
    cpo.response = {"result": "ACCEPTED", "timeout": 0}
    sandbox = run("--strategy", "pulse", "--for", "2.5", "--strict")
    sandbox.push()
    assert sandbox.wait() == 1
    assert sandbox.said("result_missing")["request_id"] == asked_for_profile(cpo)["headers"]["X-Request-ID"]
    assert sandbox.events[-1]["results"]["missing"] == 1
    assert "--strict: 0 violations, 1 missing results" in sandbox.log.read_text()


def test_what_it_calls_itself_is_what_the_cpo_can_reach(run: Run, cpo: FakeCpo) -> None:
    run("--public-url", "https://sandbox.example/tunnel/")
    posted = next(asked for asked in cpo.asked if asked["method"] == "POST")
    assert posted["body"]["url"] == "https://sandbox.example/tunnel/ocpi/versions"


def test_each_fault_is_met_in_its_turn(run: Run) -> None:
    modes = ("500", "401", "ocpi_2000", "bad_json", "drop", "hang", "slow=0.3")
    sandbox = run(*(argument for mode in modes for argument in ("--fault", f"{mode}:sessions:1")))
    answers = [sandbox.push() for _ in range(4)]
    assert [answer.status_code for answer in answers] == [500, 401, 200, 201]
    assert answers[2].json()["status_code"] == 2000
    with pytest.raises(ValueError):
        answers[3].json()
    with pytest.raises(requests.ConnectionError):
        sandbox.push()
    with pytest.raises(requests.Timeout):
        sandbox.request("PUT", "sessions/NL/CPO/S-1", session(), timeout=0.3)
    slow, right = sandbox.push(), sandbox.push()
    assert (slow.elapsed.total_seconds() >= 0.3, right.status_code) == (True, 200)
    met = [event for event in sandbox.events if event["event"] == "fault"]
    assert [event["mode"] for event in met] == [mode.partition("=")[0] for mode in modes]
    assert {event["request"] for event in met} == {"PUT /ocpi/2.2.1/sessions/NL/CPO/S-1"}
    assert sandbox.stop(signal.SIGINT) == 0


def test_a_handshake_that_fails_is_an_error_in_words(cpo: FakeCpo, tmp_path: Path) -> None:
    cpo.versions = ["2.1.1"]
    command = [sys.executable, "manage.py", "simulate_scsp", "--versions-url", cpo.versions_url, "--token-a", "a",
               "--port", "0"]  # fmt: skip
    program = Program(command, log=tmp_path / "log", env=environment(DATA_DIR=str(tmp_path), SECRET_KEY="of a test"))
    assert program.wait() == 1
    assert re.search(r"the handshake failed: no version 2\.2\.1 at http", program.log.read_text())
    assert "Traceback" not in program.log.read_text()
