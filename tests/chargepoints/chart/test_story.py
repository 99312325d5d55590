"""The ten-second story, situation by situation."""

from dataclasses import replace

import pytest

from chargepoints.chart.story import Car, Refusal, Situation, Standing, tell
from tests.chargepoints.chart.lines import amperes, watts

pytestmark = pytest.mark.pure
FREE = Situation(charge_point="DEMO-16", drawn=watts(7200), measured_age_s=5)
WELL = replace(
    FREE, asked_by="NL*JED", asked=watts(11000), standing=Standing.INSTALLED, sent=amperes("15.9"),
    planned=amperes("15.9"), drawn=watts(10900),
)  # fmt: skip
FACTS = "NL*JED asked 11000 W, 15.9 A per phase was sent and accepted, the charge point plans 15.9 A per phase; "
CASES = {
    "nobody asked": (FREE, "ok", "Nobody asked for a charging profile; the car draws 7200 W (10.4 A per phase): "
                     "nothing limits it but the charge point and the car."),
    "as it should be": (WELL, "ok", FACTS + "the car draws 10900 W (15.7 A per phase): as it should be."),
    "the car takes less": (
        replace(WELL, drawn=watts(7200)), "ok",
        FACTS + "the car draws 7200 W (10.4 A per phase): less than allowed, that is the car's choice.",
    ),
    "refused at once": (
        replace(FREE, refusal=Refusal("NL*JED", "charger_offline", "the charge point is not connected")), "bad",
        "the newest request of NL*JED was refused (charger_offline: the charge point is not connected).",
    ),
    "too often": (
        replace(WELL, refusal=Refusal("NL*JED", "too_often")), "warn",
        "the newest request of NL*JED was refused (too_often).",
    ),
    "refused by the charge point": (
        replace(WELL, sent=None, planned=None, standing=Standing.REFUSED, answer="charge point answered Rejected"),
        "bad",
        "NL*JED asked 11000 W, nothing of it is in force; the car draws 10900 W (15.7 A per phase): the charge point "
        "did not take the newest profile: charge point answered Rejected.",
    ),
    "on its way": (replace(WELL, waiting=True), "info", "a change is on its way to the charge point."),
    "uncertain": (
        replace(WELL, standing=Standing.UNCERTAIN), "warn",
        "15.9 A per phase was sent and accepted, nobody knows whether it counts still",
    ),
    "drifted": (
        replace(WELL, standing=Standing.DRIFTED, finding="it plans 32 A instead of 15.9 A"), "bad",
        "the charge point does not do as it was told: it plans 32 A instead of 15.9 A.",
    ),
    "cleared and followed": (
        replace(WELL, asked=None, standing=Standing.LINGERS), "bad",
        "the profile was cleared, and is followed all the same.",
    ),
    "offline": (
        replace(WELL, offline_since="08:00"), "bad", "DEMO-16 is offline since 08:00, so this may be old.",
    ),
    "no smart charging": (replace(FREE, smart_charging=False), "warn", "DEMO-16 has no smart charging"),
    "a fault": (
        replace(WELL, car=Car.FAULTED, fault="GroundFailure"), "bad", "the EVSE reports a fault: GroundFailure.",
    ),
    "capped by an operator": (
        replace(WELL, sent=amperes(10), planned=amperes(10), drawn=watts(6800), cap=amperes(10),
                cap_words="by operator noor: grid works"), "warn",
        "an operator's limit of 10 A per phase holds it down (by operator noor: grid works).",
    ),
    "a limit that lowers nothing": (replace(WELL, cap=amperes(32), cap_words="x"), "ok", ": as it should be."),
    "paused by the partner": (
        replace(WELL, asked=watts(0), sent=amperes(0), planned=amperes(0), drawn=watts(0)), "warn",
        "NL*JED asked 0 W, 0 A per phase was sent and accepted, the charge point plans 0 A per phase; the car draws "
        "0 W (0 A per phase): charging is paused at the wish of NL*JED.",
    ),
    "paused by an operator": (
        replace(WELL, sent=amperes(0), planned=amperes(0), drawn=watts(0), cap=amperes(0), cap_words="x"), "warn",
        "charging is paused at the wish of an operator.",
    ),
    "paused by itself": (
        replace(WELL, planned=amperes(0), drawn=watts(0)), "warn", "the charge point has paused charging.",
    ),
    "suspended by the car": (
        replace(WELL, car=Car.SUSPENDED_BY_CAR, drawn=watts(0)), "warn",
        "the car itself has paused: it is full, waits for its own timer, or is not ready.",
    ),
    "draws nothing, nobody says why": (replace(WELL, drawn=watts(0)), "warn", "the car itself has paused"),
    "suspended by the charge point": (
        replace(WELL, car=Car.SUSPENDED_BY_EVSE, drawn=watts(0)), "warn",
        "the charge point itself has paused, though a limit above 0 counts.",
    ),
    "finished": (replace(WELL, car=Car.FINISHED, drawn=watts(0)), "ok", "charging has finished."),
    "draws too much": (replace(WELL, drawn=watts(22000)), "bad", "that is more than allowed."),
    "too much for a moment": (
        replace(WELL, drawn=watts(22000), settled=False), "info", "the limit has just changed.",
    ),
    "nothing for a moment": (replace(WELL, drawn=watts(0), settled=False), "info", "the limit has just changed."),
    "a limit of the charge point's own": (
        replace(WELL, planned=amperes(8), drawn=watts(5500)), "warn",
        "the charge point plans less than it was told, because of a limit of its own or of the site.",
    ),
    "nothing measured": (
        replace(WELL, drawn=None, measured_age_s=None), "warn",
        FACTS + "nothing was measured yet: so what the car takes is not known.",
    ),
    "nothing measured for long": (
        replace(WELL, measured_age_s=3600), "warn",
        FACTS + "nothing was measured for 60 min: so what the car takes is not known.",
    ),
    "no plan told": (replace(WELL, planned=None), "ok", "the charge point has not told its plan; "),
    "pending": (replace(FREE, pending=True), "warn", "The session has not begun"),
    "ended": (
        replace(WELL, ended="completed, 12.5 kWh, reason Local", offline_since="08:00"), "info",
        "The session is over: completed, 12.5 kWh, reason Local.",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_the_story_of(name):
    situation, tone, words = CASES[name]
    story = tell(situation)
    assert words in story.text
    assert story.tone == tone


@pytest.mark.parametrize("name", CASES)
def test_whoever_reads_it_knows_what_to_do(name):
    story = tell(CASES[name][0])
    assert bool(story.advice) is (name != "ended")
    assert (story.advice.startswith("nothing")) is (story.tone == "ok" or name == "too often")


def test_the_facts_come_before_the_verdict():
    offline = tell(replace(WELL, offline_since="08:00"))
    assert offline.text.startswith(FACTS)
    assert offline.advice == "Check its power and its network; nothing reaches it until it connects again."
