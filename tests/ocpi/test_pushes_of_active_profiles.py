"""The active charging profile is pushed after an accepted PUT, on every difference, while the session is active.

OCPI 2.2.1 mod_charging_profiles, Sender interface PUT.
"""

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.utils import timezone

from chargepoints import commands
from chargepoints.models import ChargePointCommand, ChargingProfile, ChargingSession
from chargepoints.values import ChargingSchedule, CommandOutcome, OutcomeStatus, RateUnit
from ocpi import outbox, pushes
from ocpi.models import OutboxMessage, PartnerEndpoint, Party, ProfileRequest
from tests.support import ocpi_factories as make
from tests.support.ocpi_factories import Partner, answered

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("enqueued")]

ACTIVE_PROFILE = OutboxMessage.Kind.ACTIVE_PROFILE


@pytest.fixture
def now() -> datetime:
    return timezone.now().replace(microsecond=0)


@pytest.fixture
def party() -> Party:
    return make.party()


@pytest.fixture
def session() -> ChargingSession:
    return make.session()


@pytest.fixture
def profile(party: Party, session: ChargingSession) -> ChargingProfile:
    return make.installed(party, session)


def observed(profile: ChargingProfile, plan: ChargingSchedule | None, *, now: datetime) -> None:
    pushes.active_profile_changed(profile, plan, now=now)


def deliver(message: OutboxMessage, *, now: datetime) -> OutboxMessage:
    outbox.deliver(message.pk, now=now)
    message.refresh_from_db()
    return message


def pushed(profile: ChargingProfile, *, now: datetime, limit: float = 11000) -> OutboxMessage:
    observed(profile, make.plan(limit, now=now), now=now)
    return deliver(OutboxMessage.objects.get(kind=ACTIVE_PROFILE), now=now)


def limits(body: dict[str, Any]) -> list[Any]:
    return [period["limit"] for period in body["charging_profile"]["charging_profile_period"]]


# --- when -----------------------------------------------------------------------------------------------------------


def test_a_plan_is_put_to_the_sender_endpoint_of_the_owner(partner: Partner, profile, session, now, enqueued):
    message = pushed(profile, now=now)
    assert (message.status, enqueued[:1]) == ("DELIVERED", [message.pk])
    assert partner.calls == [("PUT", f"https://jed.example/ocpi/profiles/{session.uid}")]
    (body,) = partner.bodies
    start = now.strftime("%Y-%m-%dT%H:%M:%SZ")
    assert body == {
        "start_date_time": start,
        "charging_profile": {
            "start_date_time": start, "duration": 3600, "charging_rate_unit": "W",
            "charging_profile_period": [{"start_period": 0, "limit": 11000}],
        },
    }  # fmt: skip


def test_never_before_a_profile_of_this_party_was_accepted(profile, now):
    """The Receiver SHALL NOT call this interface before a successful PUT."""
    profile.ever_accepted = False
    observed(profile, make.plan(now=now), now=now)
    assert OutboxMessage.objects.count() == 0


def test_a_put_that_was_refused_by_the_charge_point_opens_no_pushes(party, session, now):
    request = make.accepted(party, session, now=now)
    make.finish(request.command, OutcomeStatus.REJECTED, now=now)
    assert not ChargePointCommand.objects.filter(kind="GET_COMPOSITE").exists()
    other = commands.request_composite(
        session=session, duration_s=60, unit=None, requested_by="operator ann", now=now,
        expires_at=now + timedelta(seconds=20),
    )  # fmt: skip
    make.finish(other, plan=make.plan(now=now), now=now)
    assert not OutboxMessage.objects.filter(kind=ACTIVE_PROFILE).exists()


def test_an_accepted_put_is_followed_by_the_plan_of_the_charge_point(party, session, now):
    request = make.accepted(party, session, now=now)
    make.finish(request.command, now=now)
    question = ChargePointCommand.objects.get(kind="GET_COMPOSITE")
    make.finish(question, plan=make.plan(7000, now=now), now=now)
    assert limits(make.message(party, ACTIVE_PROFILE).body) == [7000]


def test_a_late_acceptance_corrects_the_partner_by_a_push(party, session, now):
    """The result said REJECTED because no answer came in time; then the charge point took it after all."""
    request = make.accepted(party, session, now=now)
    make.finish(request.command, OutcomeStatus.EXPIRED, now=now)
    commands.record_outcome(request.command_id, CommandOutcome(OutcomeStatus.ACCEPTED), now=now)
    make.finish(ChargePointCommand.objects.get(kind="GET_COMPOSITE"), plan=make.plan(7000, now=now), now=now)
    assert limits(make.message(party, ACTIVE_PROFILE).body) == [7000]


def test_only_the_owner_is_told(profile, now):
    make.party("OTH")
    observed(profile, make.plan(now=now), now=now)
    assert [m.party.party_id for m in OutboxMessage.objects.all()] == ["JED"]


@pytest.mark.parametrize("owner", ["operator ann", "system"])
def test_a_profile_of_an_operator_is_pushed_to_nobody(party, session, now, owner):
    profile = make.installed(party, session)
    profile.owner = owner
    observed(profile, make.plan(now=now), now=now)
    assert OutboxMessage.objects.count() == 0


@pytest.mark.parametrize(
    "spoil",
    [
        lambda party: Party.objects.update(enabled=False),
        lambda party: Party.objects.update(shares_all_evses=False),
        lambda party: PartnerEndpoint.objects.filter(identifier="chargingprofiles").delete(),
        lambda party: PartnerEndpoint.objects.filter(identifier="chargingprofiles").update(role="RECEIVER"),
    ],
    ids=["disabled", "not shared", "no endpoint", "no sender endpoint"],
)
def test_nothing_is_pushed_to_a_party_that_may_not_or_cannot_hear_it(party, profile, now, spoil):
    spoil(party)
    observed(profile, make.plan(now=now), now=now)
    assert OutboxMessage.objects.count() == 0


@pytest.mark.parametrize("state", ["COMPLETED", "INVALID", "PENDING"])
def test_nothing_is_pushed_of_a_session_that_is_not_active(profile, session, now, state):
    session.state = state
    profile.session = session
    observed(profile, make.plan(now=now), now=now)
    assert OutboxMessage.objects.count() == 0


@pytest.mark.parametrize("state", ["COMPLETED", "INVALID"])
def test_a_push_that_waited_is_not_sent_when_the_session_has_ended_meanwhile(partner: Partner, profile, now, state):
    observed(profile, make.plan(now=now), now=now)
    ChargingSession.objects.update(state=state)
    message = deliver(OutboxMessage.objects.get(), now=now)
    assert (partner.requests, message.status) == ([], "FAILED")
    assert message.last_error == "the session is over or no longer shared with this party"


def test_a_push_that_waited_is_not_sent_when_the_evse_is_no_longer_shared(partner: Partner, profile, now):
    observed(profile, make.plan(now=now), now=now)
    Party.objects.update(shares_all_evses=False)
    assert (deliver(OutboxMessage.objects.get(), now=now).status, partner.requests) == ("FAILED", [])


def test_a_plan_waits_until_the_result_of_its_request_has_left(partner: Partner, party, session, now):
    """A partner hears the result of its request before the plan that came of it, which then needs no ring."""
    request = make.accepted(party, session, now=now)
    make.finish(request.command, now=now)
    make.finish(ChargePointCommand.objects.get(kind="GET_COMPOSITE"), plan=make.plan(now=now), now=now)
    plan, result = make.message(party, ACTIVE_PROFILE), make.message(party, OutboxMessage.Kind.RESULT)
    assert (deliver(plan, now=now).status, partner.requests) == ("PENDING", [])
    deliver(result, now=now)
    plan.refresh_from_db()
    assert plan.status == "DELIVERED"
    assert [request.method for request in partner.requests] == ["POST", "PUT"]


# --- only differences -----------------------------------------------------------------------------------------------


def test_the_same_plan_is_not_pushed_twice(partner: Partner, profile, now, enqueued):
    message = pushed(profile, now=now)
    del enqueued[:]
    for seconds in (1, 60, 600):
        at = now + timedelta(seconds=seconds)
        observed(profile, make.plan(11000, now=at), now=at)
    message.refresh_from_db()
    assert (message.status, message.revision, enqueued) == ("DELIVERED", 1, [])


def test_a_plan_that_is_still_to_be_sent_is_not_raised_by_the_same_one(profile, now):
    observed(profile, make.plan(11000, now=now), now=now)
    observed(profile, make.plan(11000, now=now + timedelta(seconds=1)), now=now + timedelta(seconds=1))
    assert OutboxMessage.objects.get().revision == 1


def test_a_difference_is_pushed(partner: Partner, profile, now, enqueued):
    message = pushed(profile, now=now)
    at = now + timedelta(seconds=60)
    observed(profile, make.plan(7000, now=at), now=at)
    assert enqueued[-1] == message.pk
    assert deliver(message, now=at).status == "DELIVERED"
    assert [limits(body) for body in partner.bodies] == [[11000], [7000]]


def test_back_to_what_was_delivered_before_something_else_was_sent_is_pushed_as_well(partner, profile, now):
    """What counts is what the partner will have, not what it had."""
    message = pushed(profile, now=now)
    for seconds, limit in ((60, 7000), (61, 11000)):
        at = now + timedelta(seconds=seconds)
        observed(profile, make.plan(limit, now=at), now=at)
    deliver(message, now=now + timedelta(seconds=61))
    assert limits(partner.bodies[-1]) == [11000]


@pytest.mark.parametrize("kind", ["SET", "CLEAR"])
def test_the_same_plan_is_pushed_once_more_after_a_result_that_it_belies(partner, party, profile, now, kind):
    message = pushed(profile, now=now)
    done(party, profile.session, kind, "ACCEPTED", now=timezone.now())
    profile.finding = "it plans 11000 W instead of 7000 W"
    for seconds in (2, 3, 4):
        at = now + timedelta(seconds=seconds)
        observed(profile, make.plan(11000, now=at), now=at)
    deliver(message, now=now + timedelta(seconds=4))
    at = now + timedelta(seconds=5)  # deliveries go by the clock, all else by what is given
    observed(profile, make.plan(11000, now=at), now=at)
    message.refresh_from_db()
    assert (message.status, message.revision) == ("DELIVERED", 2)
    assert [limits(body) for body in partner.bodies] == [[11000], [11000]]


@pytest.mark.parametrize(
    ("kind", "result", "finding"), [("SET", "ACCEPTED", ""), ("SET", "REJECTED", "x"), ("GET", "ACCEPTED", "x")]
)
def test_the_same_plan_is_not_pushed_after_a_result_that_it_does_not_belie(
    partner, party, profile, now, kind, result, finding
):
    message = pushed(profile, now=now)
    done(party, profile.session, kind, result, now=timezone.now())
    profile.finding = finding
    observed(profile, make.plan(11000, now=now), now=now + timedelta(seconds=2))
    message.refresh_from_db()
    assert (message.status, message.revision) == ("DELIVERED", 1)


def done(party: Party, session: ChargingSession, kind: str, result: str, *, now: datetime) -> None:
    """A request of the partner that has got its result."""
    ProfileRequest.objects.create(
        party=party, session=session, session_uid=session.uid, kind=kind, request_id="r", correlation_id="c",
        response_url="https://jed.example/result", fingerprint="f", received_at=now, response="ACCEPTED",
        timeout_s=30, deadline_at=now, result=result, result_at=now,
    )  # fmt: skip


def test_after_the_told_plan_has_run_out_the_same_limit_is_told_anew(partner: Partner, profile, now):
    pushed(profile, now=now)
    at = now + timedelta(seconds=3600)
    observed(profile, make.plan(11000, now=at), now=at)
    assert OutboxMessage.objects.get().status == "PENDING"


def test_another_unit_is_a_difference(partner: Partner, profile, now):
    message = pushed(profile, now=now)
    profile.desired = make.schedule(16, unit=RateUnit.AMPERE).to_json()
    observed(profile, make.plan(11040, now=now), now=now)
    deliver(message, now=now)
    assert partner.bodies[-1]["charging_profile"]["charging_rate_unit"] == "A"
    assert limits(partner.bodies[-1]) == [16]


def test_many_changes_before_it_leaves_are_one_push_of_the_newest(partner: Partner, profile, now):
    for limit in (11000, 9000, 7000):
        observed(profile, make.plan(limit, now=now), now=now)
    message = OutboxMessage.objects.get()
    assert deliver(message, now=now).status == "DELIVERED"
    assert [limits(body) for body in partner.bodies] == [[7000]]


def test_a_change_while_it_is_on_its_way_leads_to_another_push(partner: Partner, profile, now):
    observed(profile, make.plan(11000, now=now), now=now)
    message = OutboxMessage.objects.get()
    partner.on_the_way = lambda: observed(profile, make.plan(7000, now=now), now=now)
    deliver(message, now=now)
    assert (message.status, message.revision, message.delivered_revision) == ("DELIVERED", 2, 2)
    assert [limits(body) for body in partner.bodies] == [[11000], [7000]]


@pytest.mark.parametrize("failure", [answered(500, ocpi=None), answered(200, ocpi=2001)])
def test_after_a_failure_the_newest_plan_is_sent(partner: Partner, profile, now, failure):
    partner.answers = [failure]
    message = pushed(profile, now=now)
    assert message.status == "PENDING"
    observed(profile, make.plan(7000, now=now), now=now)
    deliver(message, now=message.due_at)
    assert (message.status, [limits(body) for body in partner.bodies]) == ("DELIVERED", [[11000], [7000]])


# --- what -----------------------------------------------------------------------------------------------------------


def test_when_nothing_limits_any_more_the_maximum_of_the_evse_is_shown(partner: Partner, profile, now):
    pushed(profile, now=now)
    observed(profile, None, now=now)
    assert limits(deliver(OutboxMessage.objects.get(), now=now).delivered_body) == [22080]


def test_between_five_and_sixty_minutes_are_pushed(profile, now, settings):
    long = make.plan(11000, now=now)
    observed(profile, ChargingSchedule(long.unit, long.periods, start_at=now, duration_s=86400), now=now)
    duration = OutboxMessage.objects.get().body["charging_profile"]["duration"]
    assert 300 <= duration == settings.OCPI_ACTIVE_PROFILE_DURATION_S <= 3600


def test_a_plan_in_the_other_unit_is_told_in_the_unit_of_the_last_put(profile, now):
    observed(profile, make.plan(10, unit=RateUnit.AMPERE, now=now), now=now)
    body = OutboxMessage.objects.get().body
    assert (body["charging_profile"]["charging_rate_unit"], limits(body)) == ("W", [6900])


def test_phases_in_use_are_counted(profile, session, now):
    """A single-phase car: 10 A are 2300 W."""
    ChargingSession.objects.update(detected_phases=1)
    profile.session.refresh_from_db()
    observed(profile, make.plan(10, unit=RateUnit.AMPERE, now=now), now=now)
    assert limits(OutboxMessage.objects.get().body) == [Decimal(2300)]
