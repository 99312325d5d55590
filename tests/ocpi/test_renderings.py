"""What a standing message says at the moment it is sent."""

import pytest
from django.utils import timezone

from chargepoints.models import ChargingSession
from ocpi import renderings
from ocpi.models import OutboxMessage, PartnerEndpoint, Party
from ocpi.v2_2_1.session_objects import session_object
from tests.support import ocpi_factories as make

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("enqueued")]


def standing(kind: str = "SESSION", **fields) -> OutboxMessage:
    now = timezone.now()
    return OutboxMessage.objects.create(
        kind=kind, party=make.party(), session=make.session(), due_at=now, created_at=now, **fields
    )


def shown(message: OutboxMessage) -> ChargingSession:
    return ChargingSession.objects.select_related("evse__charge_point__location", "connector").get(
        pk=message.session_id
    )


@pytest.mark.parametrize("ending", ["", "/", "//"])
def test_one_slash_between_the_endpoint_and_the_ids_whatever_was_registered(ending):
    """OCPI 2.2.1 transport_and_format, Client Owned Object Push."""
    message = standing()
    PartnerEndpoint.objects.filter(identifier="sessions").update(url=f"https://jed.example/s{ending}")
    _, url, _ = renderings.session_request(message)
    assert url == f"https://jed.example/s/NL/CPO/{message.session.uid}"


@pytest.mark.parametrize("ending", ["", "/"])
def test_one_slash_before_the_session_id_of_an_active_profile(ending):
    message = standing("ACTIVE_PROFILE", body={"x": 1})
    PartnerEndpoint.objects.filter(identifier="chargingprofiles").update(url=f"https://jed.example/p{ending}")
    assert renderings.active_profile_request(message) == (
        "PUT", f"https://jed.example/p/{message.session.uid}", {"x": 1},
    )  # fmt: skip


def test_the_whole_session_by_put_when_nothing_is_known_to_have_arrived():
    message = standing()
    method, _, body = renderings.session_request(message)
    assert (method, body) == ("PUT", session_object(shown(message)))


def test_a_patch_names_only_what_differs_and_last_updated():
    """OCPI 2.2.1 mod_sessions, PATCH Method: SHALL contain last_updated."""
    message = standing()
    known = session_object(shown(message))
    message.delivered_body = {**known, "kwh": 99, "status": "PENDING"}
    method, _, body = renderings.session_request(message)
    assert (method, body) == (
        "PATCH", {"kwh": 0, "status": "ACTIVE", "last_updated": known["last_updated"]},
    )  # fmt: skip


def test_a_patch_names_what_the_partner_has_never_had():
    message = standing()
    ChargingSession.objects.update(ended_at=make.later(60))
    known = session_object(shown(message))
    message.delivered_body = {name: value for name, value in known.items() if name != "end_date_time"}
    _, _, body = renderings.session_request(message)
    assert sorted(body) == ["end_date_time", "last_updated"]


@pytest.mark.parametrize("render", [renderings.session_request, renderings.active_profile_request])
def test_nothing_is_rendered_for_a_party_that_may_not_see_the_session(render):
    message = standing(body={})
    Party.objects.update(shares_all_evses=False)
    message.party.refresh_from_db()
    with pytest.raises(ChargingSession.DoesNotExist):
        render(message)


@pytest.mark.parametrize("render", [renderings.session_request, renderings.active_profile_request])
def test_nothing_is_rendered_for_a_party_without_the_endpoint(render):
    message = standing(body={})
    PartnerEndpoint.objects.all().delete()
    with pytest.raises(PartnerEndpoint.DoesNotExist):
        render(message)


def test_an_ended_session_is_rendered_its_active_profile_not():
    message = standing(body={})
    ChargingSession.objects.update(state="COMPLETED")
    assert renderings.session_request(message)[2]["status"] == "COMPLETED"
    with pytest.raises(ChargingSession.DoesNotExist):
        renderings.active_profile_request(message)
