"""What transaction events measure, in whatever order and however often they come, and how a transaction ends."""

from decimal import Decimal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chargepoints import transaction_events
from chargepoints.models import ChargePointCommand, ChargingSession, MeterValue
from chargepoints.values import AuthorizationStatus
from tests.chargepoints.command_steps import installed, profile_of
from tests.chargepoints.event_steps import ended, energy, started, updated
from tests.support import factories
from tests.support.factories import NOW, at, driver, reading

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("published")]
CARD = {"id_token": "CARD", "authorizes": True}
BEGIN, END = "Transaction.Begin", "Transaction.End"


@pytest.fixture
def point(db):
    driver("CARD")
    return factories.evse().charge_point


def take(point, *events):
    for facts in events:
        transaction_events.take(point.pk, facts, now=facts.happened_at or NOW)
    return ChargingSession.objects.get()


def running(**fields):
    return started(**({"charging_state": "Charging", "readings": (energy(1000, 0, BEGIN),)} | CARD | fields))


# --- energy ---------------------------------------------------------------------------------------------------------


def test_energy_counts_from_the_register_at_the_begin(point):
    session = take(point, running(), updated(1, seconds=60, readings=(energy(2500, 60),)))
    assert (session.meter_start_wh, session.kwh, session.measured_at) == (1000, Decimal("1.5"), at(60))


def test_without_a_register_at_the_begin_energy_counts_from_the_first(point):
    events = (
        running(readings=()),
        updated(1, readings=(energy(7_000_000, 5),)),
        updated(2, readings=(energy(7_000_500, 9),)),
    )
    session = take(point, *events)
    assert (session.meter_start_wh, session.kwh, session.notes) == (7_000_000, Decimal("0.5"), [])


def test_figures_of_the_newest_reading_are_the_sessions(point):
    measured = reading(60, energy_wh=1100, power_w=Decimal(7400), current_a=Decimal(32), soc_percent=Decimal(55))
    session = take(point, running(), updated(1, seconds=60, readings=(measured,)))
    assert (session.power_w, session.current_a, session.soc_percent) == (7400, 32, 55)
    value = session.meter_values.get(measured_at=at(60))
    assert (value.evse, value.ocpp_transaction_id, value.energy_wh) == (session.evse, "TX-1", 1100)


def test_a_change_of_figures_alone_is_told_as_figures(point, heard):
    session = take(point, running(), updated(1, seconds=60, readings=(energy(1100, 60),)))
    assert heard.sessions == [(session.uid, "ACTIVE", True), (session.uid, "ACTIVE", False)]
    assert session.last_updated == at(60)


def test_a_change_of_nothing_a_partner_sees_is_not_told(point, heard):
    session = take(point, running(), updated(1, seconds=60, charging_state="SuspendedEV"))
    assert len(heard.sessions) == 1
    assert (session.charging_state, session.last_updated) == ("SuspendedEV", NOW)


def test_the_phases_it_says_it_uses_are_the_detected_ones_unless_it_measures_others(point):
    assert take(point, running(phases=3)).detected_phases == 3
    assert take(point, updated(1, phases=1)).detected_phases == 1
    measured = energy(1100, 60, phases=2)
    assert take(point, updated(2, phases=3, readings=(measured,))).detected_phases == 2


# --- again, late, never ---------------------------------------------------------------------------------------------


def rows():
    return MeterValue.objects.count()


def test_an_event_that_comes_twice_changes_nothing(point, heard):
    events = [
        running(),
        updated(1, seconds=60, readings=(energy(1500, 60),)),
        ended(2, seconds=90, readings=(energy(1600, 90, END),)),
    ]
    once = take(point, *events)
    told, kept = list(heard.sessions), rows()
    for facts in events:
        take(point, facts)
    again = ChargingSession.objects.get()
    assert (heard.sessions, rows()) == (told, kept)
    for name in ("state", "kwh", "ended_at", "stop_reason", "started_at", "last_updated", "seq_no"):
        assert getattr(again, name) == getattr(once, name), name
    assert again.notes == [
        "event 0 (started) came after the end: readings kept",
        "event 1 (updated) came after the end: readings kept",
    ]


def test_a_started_that_comes_twice_while_it_runs_is_one_session(point, heard):
    take(point, running(), running())
    assert (ChargingSession.objects.count(), rows(), len(heard.sessions)) == (1, 1, 1)


def test_an_older_state_does_not_overwrite_a_newer_one_but_its_readings_count(point):
    late = updated(1, seconds=30, charging_state="SuspendedEV", readings=(energy(1200, 30),))
    session = take(
        point, running(), updated(2, seconds=60, charging_state="Charging", readings=(energy(1500, 60),)), late
    )
    assert (session.charging_state, session.seq_no, session.event_at) == ("Charging", 2, at(60))
    assert (session.kwh, session.measured_at, rows()) == (Decimal("0.5"), at(60), 3)


@pytest.mark.parametrize("number", [0, 1], ids=["never counts", "began to count anew"])
def test_a_charge_point_that_counts_wrongly_is_believed_by_its_clock(point, number):
    session = take(
        point, running(seq_no=number + 1 if number else 0), updated(0, seconds=60, charging_state="SuspendedEV")
    )
    assert (session.charging_state, session.event_at) == ("SuspendedEV", at(60))


def test_an_update_of_an_unknown_transaction_makes_its_session(point):
    session = take(point, updated(4, seconds=60, charging_state="Charging", readings=(energy(1500, 60),)))
    assert (session.state, session.meter_start_wh, session.reported_start_at) == ("ACTIVE", 1500, None)
    assert session.notes == ["the first that came of its transaction was updated, event 4"]


def test_a_start_that_comes_after_an_update_tells_the_driver_and_the_energy_before(point):
    first = updated(4, seconds=60, charging_state="Charging", readings=(energy(1500, 60),))
    session = take(point, first, updated(5, seconds=90, readings=(energy(1700, 90),)), running())
    assert (session.id_token, session.meter_start_wh, session.kwh) == ("CARD", 1000, Decimal("0.7"))
    assert (session.reported_start_at, session.charging_state, session.seq_no) == (NOW, "Charging", 5)


def test_a_begin_below_which_no_car_could_have_charged_is_not_believed(point):
    first = updated(4, seconds=60, charging_state="Charging", readings=(energy(7_000_000, 60),))
    session = take(point, first, running(readings=(energy(0, 0, BEGIN),)))
    assert (session.meter_start_wh, session.kwh) == (7_000_000, 0)


def test_an_end_that_comes_alone_is_a_whole_session_if_it_brings_its_readings(point):
    readings = (energy(1000, -600, BEGIN), energy(5000, 0, END))
    session = take(point, ended(9, stop_reason="EVDisconnected", readings=readings))
    assert (session.state, session.kwh, session.stop_reason) == ("COMPLETED", 4, "EVDisconnected")
    assert (session.meter_start_wh, session.meter_stop_wh, session.ended_at) == (1000, 5000, NOW)


def test_a_start_after_the_end_that_came_alone_completes_it(point, heard):
    take(point, ended(9, seconds=600, readings=(energy(5000, 600, END),)))
    session = take(point, running())
    assert (session.state, session.kwh, session.id_token) == ("COMPLETED", 4, "CARD")
    assert (session.started_at, session.ended_at, session.meter_start_wh) == (NOW, at(600), 1000)
    assert [told[1] for told in heard.sessions] == ["INVALID", "COMPLETED"]


def test_a_refused_start_after_the_end_completes_nothing(point):
    take(point, ended(9, seconds=600, readings=(energy(5000, 600, END),)))
    session = take(point, running(id_token="NOBODY"))
    assert (session.state, session.kwh, rows()) == ("INVALID", 0, 2)


def test_what_comes_after_the_end_is_kept_and_changes_nothing(point, heard):
    take(point, running(), ended(2, seconds=90, readings=(energy(1600, 90, END),)))
    told = len(heard.sessions)
    session = take(point, updated(1, seconds=60, charging_state="Charging", readings=(energy(1900, 60),)))
    assert (session.state, session.kwh, rows(), len(heard.sessions)) == ("COMPLETED", Decimal("0.6"), 3, told)
    assert session.notes == ["event 1 (updated) came after the end: readings kept"]


def test_events_of_1970_are_of_now(point):
    facts = running(happened_at=None, readings=())
    session = take(point, facts)
    assert (session.started_at, session.reported_start_at) == (NOW, None)
    assert session.notes == ["started_at is ours: the charge point's clock was implausible"]
    transaction_events.take(point.pk, updated(1, happened_at=None, charging_state="SuspendedEV"), now=at(5))
    transaction_events.take(point.pk, ended(2, happened_at=None), now=at(9))
    session.refresh_from_db()
    assert (session.charging_state, session.ended_at, session.state) == ("SuspendedEV", at(9), "COMPLETED")


def test_an_offline_transaction_has_its_own_times(point):
    now = at(7200)
    for facts in (running(offline=True), ended(1, offline=True, seconds=3600, readings=(energy(9000, 3600, END),))):
        transaction_events.take(point.pk, facts, now=now)
    session = ChargingSession.objects.get()
    assert (session.started_at, session.ended_at, session.kwh) == (NOW, at(3600), 8)
    assert session.last_updated == now


EVENTS = [
    running(),
    *(updated(n, seconds=n * 60, readings=(energy(1000 + n * 100, n * 60),)) for n in range(1, 4)),
    ended(4, seconds=300, readings=(energy(1500, 300, END),)),
]


@given(st.permutations(EVENTS), st.lists(st.sampled_from(EVENTS), max_size=3))
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_order_of_arrival_and_no_repetition_loses_a_reading_or_counts_one_twice(point, order, again):
    ChargingSession.objects.all().delete()
    session = take(point, *order, *again)
    registers = sorted(MeterValue.objects.filter(session=session).values_list("energy_wh", flat=True))
    assert registers == [1000, 1100, 1200, 1300, 1500]
    assert (session.ocpp_transaction_id, session.is_open) == ("TX-1", False)
    assert 0 <= session.kwh <= Decimal("0.5")
    assert session.ended_at == at(300)
    if order[0] is EVENTS[0] and order[-1] is EVENTS[-1]:
        assert (session.state, session.kwh, session.id_token) == ("COMPLETED", Decimal("0.5"), "CARD")
    MeterValue.objects.all().delete()


# --- end ------------------------------------------------------------------------------------------------------------


def test_an_end_completes_the_session(point, heard):
    session = take(point, running(), ended(1, seconds=600, stop_reason="Remote", readings=(energy(5000, 600, END),)))
    assert (session.state, session.ended_at, session.stop_reason) == ("COMPLETED", at(600), "Remote")
    assert (session.kwh, session.meter_stop_wh, session.power_w) == (4, 5000, 0)
    assert heard.sessions[-1] == (session.uid, "COMPLETED", True)
    assert len(heard.sessions) == 2


def test_an_end_without_a_reason_is_local(point):
    assert take(point, running(), ended(1)).stop_reason == "Local"


def test_the_register_at_the_end_is_the_last_one_if_none_says_so(point):
    readings = (energy(4000, 500), energy(5000, 600))
    assert take(point, running(), ended(1, seconds=600, readings=readings)).meter_stop_wh == 5000


def test_the_end_of_what_was_only_pending_makes_it_invalid(point):
    assert take(point, started(charging_state="EVConnected"), ended(1, seconds=60)).state == "INVALID"


def test_the_end_of_what_was_only_pending_but_took_energy_completes_it(point):
    start = started(charging_state="EVConnected", readings=(energy(1000, 0, BEGIN),))
    assert take(point, start, ended(1, seconds=60, readings=(energy(1200, 60, END),))).state == "COMPLETED"


def test_an_end_rejects_what_waits_and_ends_the_profiles(point):
    session = take(point, running())
    installed(session)
    take(point, ended(1, seconds=60))
    assert profile_of(session).state == "CLEARED"


def test_an_end_is_answered_with_the_state_of_the_token_it_names(point):
    take(point, running())
    status = transaction_events.take(point.pk, ended(1, id_token="NOBODY", authorizes=True), now=at(60))
    assert status is AuthorizationStatus.INVALID
    assert ChargingSession.objects.get().state == "COMPLETED"


# --- looking again at the plan --------------------------------------------------------------------------------------


def questions(point, *events) -> int:
    session = take(point, running(charging_state="Charging"))
    installed(session)
    ChargePointCommand.objects.filter(kind="GET_COMPOSITE").delete()
    take(point, *events)
    return ChargePointCommand.objects.filter(kind="GET_COMPOSITE", status="QUEUED").count()


@pytest.mark.parametrize("state", ["SuspendedEVSE", "SuspendedEV"])
def test_a_car_that_pauses_makes_us_look_at_the_plan(point, state):
    assert questions(point, updated(1, seconds=60, charging_state=state)) == 1


def test_a_rate_that_changed_makes_us_look_at_the_plan(point):
    assert questions(point, updated(1, seconds=60, trigger="ChargingRateChanged")) == 1


def test_a_burst_of_changes_makes_one_question(point):
    states = ("SuspendedEVSE", "Charging", "SuspendedEV", "Charging")
    assert questions(point, *(updated(n + 1, seconds=n + 1, charging_state=s) for n, s in enumerate(states))) == 1


@pytest.mark.parametrize(
    "fields", [{"charging_state": "Charging"}, {"trigger": "MeterValuePeriodic"}, {"charging_state": "EVConnected"}]
)
def test_other_events_ask_nothing(point, fields):
    assert questions(point, updated(1, seconds=60, **fields)) == 0
