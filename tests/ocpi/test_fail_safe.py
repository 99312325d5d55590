"""A limit without an end is taken away when its partner has been silent for the time agreed; no other is."""

import pytest

from chargepoints import commands
from chargepoints.models import ChargePoint, ChargePointCommand, ChargingProfile, ChargingSession
from chargepoints.values import OutcomeStatus
from ocpi import fail_safe
from ocpi.models import Party
from tests.support import ocpi_factories as make
from tests.support.ocpi_factories import START, later

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("enqueued")]


@pytest.fixture
def guarded(db):
    """A party with a fail-safe of an hour, heard at START, and its profile without an end."""
    party = make.party(fail_safe_ttl_s=3600, guarded_at=START, heard_at=START)
    make.installed(party, make.session())
    return party


def cleared() -> list[tuple[str, str]]:
    return list(ChargePointCommand.objects.filter(kind="CLEAR_PROFILE").values_list("requested_by", "status"))


def test_a_silent_partners_limit_without_end_is_cleared_once(guarded):
    assert fail_safe.watch(now=later(3599)) == 0
    assert fail_safe.watch(now=later(3600)) == 1
    assert fail_safe.watch(now=later(3601)) == 0
    assert cleared() == [("system", "QUEUED")]
    assert ChargePointCommand.objects.get().notes == [
        f"{guarded} was silent for 3600 s: its limit without end is taken away"
    ]


def _with_end(party):
    profile = ChargingProfile.objects.get()
    ChargingProfile.objects.update(applied=profile.applied | {"duration_s": 600})


def _unguarded(party):
    Party.objects.update(fail_safe_ttl_s=None)


def _heard(party):
    Party.objects.update(heard_at=later(100))


def _offline(party):
    ChargePoint.objects.update(connection_id="")


def _over(party):
    ChargingSession.objects.update(state="COMPLETED")


def _gone(party):
    ChargingProfile.objects.update(state="CLEARED")


def _of_another(party):
    ChargingProfile.objects.update(owner="operator")


@pytest.mark.parametrize("spare", [_with_end, _unguarded, _heard, _offline, _over, _gone, _of_another])
def test_what_needs_no_fail_safe_is_left_alone(guarded, spare):
    spare(guarded)
    assert fail_safe.watch(now=later(3600)) == 0
    assert cleared() == []


def clear_at(seconds: float, outcome: OutcomeStatus) -> None:
    assert fail_safe.watch(now=later(seconds)) == 1
    make.finish(ChargePointCommand.objects.get(kind="CLEAR_PROFILE", status="QUEUED"), outcome, now=later(seconds))
    ChargePointCommand.objects.open().delete()


@pytest.mark.parametrize("outcome", [OutcomeStatus.REJECTED, OutcomeStatus.EXPIRED])
def test_a_charge_point_that_does_not_clear_it_is_asked_again_after_that_time_only(guarded, outcome):
    clear_at(3600, outcome)
    assert [fail_safe.watch(now=later(seconds)) for seconds in (3602, 5400, 7199)] == [0, 0, 0]
    clear_at(7200, outcome)
    assert cleared() == [("system", outcome.value)] * 2


def test_a_clear_that_never_left_is_asked_for_again(guarded):
    fail_safe.watch(now=later(3600))
    assert commands.expire_overdue(now=later(3700)) == 1
    assert fail_safe.watch(now=later(3702)) == 1


def test_a_partner_that_comes_back_while_its_profiles_are_cleared_keeps_the_others(guarded, monkeypatch):
    make.installed(guarded, make.session("CP2"))
    clear = commands.request_clear_profile

    def clear_and_hear(**asking):
        Party.objects.update(heard_at=later(3601))
        return clear(**asking)

    monkeypatch.setattr(commands, "request_clear_profile", clear_and_hear)
    assert fail_safe.watch(now=later(3601)) == 1
    assert cleared() == [("system", "QUEUED")]


def test_the_time_runs_from_when_a_party_is_guarded(guarded):
    Party.objects.update(fail_safe_ttl_s=None)
    assert fail_safe.watch(now=later(10)) == 0
    Party.objects.update(fail_safe_ttl_s=3600)
    assert [fail_safe.watch(now=later(seconds)) for seconds in (9000, 12599, 12600)] == [0, 0, 1]


def test_what_a_party_asked_before_it_was_guarded_does_not_count(guarded):
    Party.objects.update(heard_at=START, guarded_at=later(500))
    assert [fail_safe.watch(now=later(seconds)) for seconds in (3600, 4099, 4100)] == [0, 0, 1]
