"""The figures of a run."""

import pytest

from ocpi.simulator.client import CpoUnreachable
from ocpi.simulator.profile_calls import Tally
from ocpi.simulator.summary import Summary, by_status
from tests.ocpi.simulator.fake_cpo import SESSION_ID, send, session

TALLY = Tally(
    answers={"ACCEPTED": 4, "TOO_OFTEN": 1}, in_time=2, late=1, missing=1, waiting=0, latencies_s=(0.2, 0.4, 40.0)
)


def summary(**changes):
    fields = {"seconds": 61.2, "sessions": {"ACTIVE": 1, "COMPLETED": 2}, "locations": 1, "evses": 3, "pushes": 5,
              "tally": TALLY, "violations": ("one",), "notes": ()}  # fmt: skip
    return Summary(**{**fields, **changes})


@pytest.mark.pure
def test_a_summary_for_people():
    assert summary().lines() == [
        "Summary of 61 s",
        "  sessions         3: 1 ACTIVE, 2 COMPLETED",
        "  locations        1 with 3 EVSEs",
        "  profile requests 5: 4 ACCEPTED, 1 TOO_OFTEN",
        "  results          2 in time, 1 late, 1 missing, 0 not due yet; p50 0.40 s, max 40.00 s",
        "  active profiles  5 pushed",
        "  violations       1",
        "    - one",
        "  notes            0",
    ]


@pytest.mark.pure
def test_a_summary_for_machines():
    fields = summary().fields()
    assert fields["results"] == {"in_time": 2, "late": 1, "missing": 1, "waiting": 0, "p50_s": 0.4, "max_s": 40.0}
    assert (fields["profiles"], fields["violations"]) == ({"ACCEPTED": 4, "TOO_OFTEN": 1}, ["one"])


@pytest.mark.pure
@pytest.mark.parametrize(
    ("changes", "sound"),
    [
        ({"violations": (), "tally": Tally({}, 0, 0, 0, 3, ())}, True),
        ({"violations": ()}, False),
        ({"tally": Tally({}, 0, 0, 0, 0, ())}, False),
    ],
)
def test_a_run_is_sound_without_violations_and_missing_results(changes, sound):
    assert summary(**changes).sound is sound


@pytest.mark.pure
def test_sessions_are_counted_by_status():
    assert by_status([session(), session(), session(status="PENDING")]) == {"ACTIVE": 2, "PENDING": 1}


@pytest.mark.once
def test_the_tally_of_requests_and_their_results(scsp, cpo):
    def put(response, *, result=None):
        cpo.response = response
        call = scsp.put_profile(SESSION_ID, [(0, 1)])
        if result:
            send("POST", f"{scsp.chargingprofiles_url}/response/{call.request_id}", body=result)

    accepted = {"result": "ACCEPTED"}
    put({**accepted, "timeout": 30}, result=accepted)
    put({**accepted, "timeout": 30})
    put({**accepted, "timeout": 0})
    put({**accepted, "timeout": 0}, result=accepted)
    put({"result": "TOO_OFTEN", "timeout": 30})
    cpo.shutdown()
    cpo.server_close()
    with pytest.raises(CpoUnreachable):
        put(accepted)
    tally = scsp.tally
    assert (tally.in_time, tally.waiting, tally.missing, tally.late) == (1, 1, 1, 1)
    assert tally.answers == {"ACCEPTED": 4, "TOO_OFTEN": 1, "no answer": 1}
    assert len(tally.latencies_s) == 2
    assert all(0 < latency_s < 5 for latency_s in tally.latencies_s)
