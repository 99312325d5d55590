"""The CPOs we speak for: a Location run for another CPO, and every Session on it, carry that CPO's ids."""

import pytest

from chargepoints.models import Location
from ocpi import our_parties, renderings
from ocpi.models import OutboxMessage
from ocpi.protocol.headers import Address
from ocpi.v2_2_1.session_objects import session_object
from tests.support import ocpi_factories as make
from tests.support.ocpi_factories import START

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("enqueued")]
OURS, WHITE = Address("NL", "CPO"), Address("DE", "WHT")


@pytest.fixture
def session(db):
    return make.session()


def run_for_another() -> None:
    Location.objects.update(country_code=WHITE.country_code, party_id=WHITE.party_id)


def test_a_location_is_ours_unless_it_names_another(session):
    assert our_parties.of(Location.objects.get()) == OURS
    assert our_parties.all_of_them() == [OURS]
    run_for_another()
    assert our_parties.of(Location.objects.get()) == WHITE
    assert our_parties.all_of_them() == [OURS, WHITE]


def test_a_session_carries_the_ids_of_its_locations_cpo_in_object_and_url(session):
    party = make.party()
    run_for_another()
    message = OutboxMessage.objects.create(kind="SESSION", party=party, session=session, due_at=START, created_at=START)
    method, url, body = renderings.session_request(message)
    assert (method, url) == ("PUT", f"https://jed.example/ocpi/sessions/DE/WHT/{session.uid}")
    assert (body["country_code"], body["party_id"]) == ("DE", "WHT")
    assert body["cdr_token"]["party_id"] == "WHT"
    assert session_object(message.session)["party_id"] == "WHT"
