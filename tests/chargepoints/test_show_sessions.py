import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from django.core.management import CommandError, call_command

from chargepoints.models import ChargePoint, ChargingSession
from chargepoints.provisioning import add_charge_point

pytestmark = pytest.mark.django_db

STARTED = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.fixture
def run(capsys):
    """Runs a command with --json and returns what is on stdout, which must be one JSON value and nothing else."""

    def _run(*arguments: str):
        call_command(*arguments, "--json")
        return json.loads(capsys.readouterr().out)

    return _run


def session(charge_point: ChargePoint, *, started_at: datetime = STARTED, **fields) -> ChargingSession:
    return ChargingSession.objects.create(
        charge_point=charge_point,
        evse=charge_point.evses.get(),
        started_at=started_at,
        last_updated=started_at,
        **fields,
    )


def test_show_sessions_prints_the_newest_first(run):
    charge_point = add_charge_point(identity="CP1")
    older = session(charge_point, state="COMPLETED", kwh=Decimal("7.5"), ocpp_transaction_id="7")
    newer = session(charge_point, started_at=STARTED + timedelta(hours=1), state="ACTIVE")
    newer.profiles.create(owner="NL*JED", state="INSTALLED")
    printed = run("show_sessions")
    assert [s["uid"] for s in printed] == [newer.uid, older.uid]
    assert printed[0]["profiles"] == [{"id": newer.profiles.get().pk, "owner": "NL*JED", "state": "INSTALLED"}]
    assert printed[1] == {
        "uid": older.uid, "charge_point": "CP1", "evse_uid": older.evse.uid, "ocpp_evse_id": 1,
        "ocpp_transaction_id": "7", "state": "COMPLETED", "id_token": "", "started_at": "2026-03-01T12:00:00Z",
        "ended_at": None, "stop_reason": "", "kwh": 7.5, "power_w": None, "current_a": None, "soc_percent": None,
        "last_updated": "2026-03-01T12:00:00Z", "profiles": [],
    }  # fmt: skip


def test_show_sessions_of_one_charge_point_only(run):
    mine, other = add_charge_point(identity="CP1"), add_charge_point(identity="CP2")
    uid = session(mine).uid
    session(other)
    assert [s["uid"] for s in run("show_sessions", "--charge-point", "CP1")] == [uid]
    with pytest.raises(CommandError, match="no charge point CP3"):
        call_command("show_sessions", "--charge-point", "CP3")


def test_show_sessions_stops_at_its_limit(run):
    charge_point = add_charge_point(identity="CP1")
    for _ in range(3):
        session(charge_point)
    assert len(run("show_sessions", "--limit", "2")) == 2
    with pytest.raises(CommandError, match="at least 1"):
        call_command("show_sessions", "--limit", "0")


def test_show_sessions_costs_the_same_queries_however_many(run, django_assert_num_queries):
    charge_point = add_charge_point(identity="CP1")
    for _ in range(4):
        session(charge_point)
    with django_assert_num_queries(2):
        assert len(run("show_sessions")) == 4


def test_show_sessions_without_any(run, capsys):
    assert run("show_sessions") == []
    call_command("show_sessions")
    assert capsys.readouterr().out == "no sessions\n"


def test_show_sessions_reads_for_people_too(capsys):
    one = session(add_charge_point(identity="CP1"), state="ACTIVE", kwh=Decimal("1.5"))
    one.profiles.create(owner="NL*JED", state="INSTALLED")
    call_command("show_sessions")
    assert capsys.readouterr().out == (
        f"{one.uid}  2026-03-01 12:00:00Z  CP1/1  ACTIVE  1.5000 kWh, profile of NL*JED INSTALLED\n"
    )
