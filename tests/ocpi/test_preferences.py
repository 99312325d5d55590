"""Charging preferences are kept, and answered truthfully (OCPI 2.2.1 mod_sessions, Charging Preferences)."""

from decimal import Decimal
from typing import Any

import pytest

from chargepoints.models import ChargePoint, ChargingSession
from ocpi import preferences
from ocpi.preferences import PreferencesResponse, ProfileType
from ocpi.protocol.errors import OcpiError
from tests.support import ocpi_factories as make
from tests.support.ocpi_factories import START


def receive(session: ChargingSession, **body: Any) -> PreferencesResponse:
    return preferences.receive(session, {"profile_type": "CHEAP", **body}, now=START)


@pytest.mark.pure
@pytest.mark.parametrize("profile_type", list(ProfileType))
def test_every_profile_type_is_known(profile_type):
    assert preferences.parse({"profile_type": profile_type.value}) == {"profile_type": profile_type}


@pytest.mark.pure
def test_what_is_absent_or_null_or_unknown_is_left_out():
    body = {"profile_type": "FAST", "departure_time": None, "energy_need": None, "discharge_allowed": None, "x": 1}
    assert preferences.parse(body) == {"profile_type": "FAST"}


@pytest.mark.pure
@pytest.mark.parametrize(("energy", "kept"), [(0, "0"), (40, "40"), (Decimal("12.50"), "12.50")])
def test_energy_is_never_a_float(energy, kept):
    assert preferences.parse({"profile_type": "FAST", "energy_need": energy})["energy_need"] == kept


@pytest.mark.django_db
@pytest.mark.parametrize("state", ["ACTIVE", "PENDING"])
def test_preferences_of_an_open_session_are_accepted_and_replaced_whole(state):
    session = make.session(state=state)
    assert receive(session, energy_need=10) == "ACCEPTED"
    assert receive(session, departure_time="2026-01-05T18:00:00Z") == "ACCEPTED"
    session.refresh_from_db()
    assert session.charging_preferences == {"profile_type": "CHEAP", "departure_time": "2026-01-05T18:00:00Z"}


@pytest.mark.django_db
@pytest.mark.parametrize("departure", ["2026-01-05T12:00:00Z", "2020-01-01T00:00:00"])
def test_a_departure_that_has_passed_is_not_possible(departure):
    session = make.session()
    assert receive(session, departure_time=departure) == "NOT_POSSIBLE"
    session.refresh_from_db()
    assert session.charging_preferences is None


@pytest.mark.django_db
@pytest.mark.parametrize("known", [False, None])
def test_an_evse_that_cannot_or_has_not_said_that_it_can_is_404_and_2001(known):
    session = make.session()
    ChargePoint.objects.update(smart_charging=known)
    session.charge_point.refresh_from_db()
    with pytest.raises(OcpiError) as caught:
        receive(session)
    assert (caught.value.status_code, caught.value.http_status) == (2001, 404)


@pytest.mark.django_db
def test_nothing_is_written_on_a_session_that_ended_a_moment_ago():
    """Nothing changes after COMPLETED: the row decides, not what was read before."""
    session = make.session()
    ChargingSession.objects.update(state="COMPLETED")
    assert receive(session) == "NOT_POSSIBLE"
    session.refresh_from_db()
    assert session.charging_preferences is None
