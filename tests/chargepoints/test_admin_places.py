"""The operators' site: places, what is told of them, and that partners hear of what changes."""

import json
from typing import Any

import pytest

from chargepoints import signals
from chargepoints.models import ChargePoint, Connector, Evse, Location
from tests.support import factories
from tests.support.operators import client_of_all, list_of, make_charge_point, make_session, page

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def static_root(settings, tmp_path):
    settings.STATIC_ROOT = tmp_path


@pytest.fixture
def admin_of_all():
    return client_of_all()


@pytest.fixture
def heard():
    """Ids of the Locations that others are told of, one set for each telling."""
    found: list[set[int]] = []

    def hear(*, location_ids: Any, **_: Any) -> None:
        found.append(set(location_ids))

    signals.locations_changed.connect(hear, weak=False, dispatch_uid="heard")
    yield found
    signals.locations_changed.disconnect(dispatch_uid="heard")


def location_form(location: Location, **changes: Any) -> dict[str, Any]:
    shown = {
        "name": location.name, "address": location.address, "city": location.city, "postal_code": "3511 CE",
        "country": "NLD", "latitude": location.latitude, "longitude": location.longitude,
        "time_zone": "Europe/Amsterdam", "country_code": "", "party_id": "", "publish": "on", "parking_type": "",
        "charging_when_closed": "unknown",
    }  # fmt: skip
    return (
        shown
        | dict.fromkeys(("directions", "opening_times", "images", "operator", "suboperator", "owner"), "")
        | changes
    )


def save(client: Any, location: Location, **changes: Any) -> Any:
    return client.post(page(location), location_form(location, **changes))


def errors(response: Any) -> dict[str, list[str]]:
    assert response.status_code == 200
    return response.context["adminform"].form.errors


def test_what_an_operator_enters_is_kept_as_partners_get_it(admin_of_all, heard):
    location = factories.location()
    hours = {
        "twentyfourseven": False,
        "regular_hours": [{"weekday": 1, "period_begin": "08:00", "period_end": "18:00"}],
    }
    response = save(
        admin_of_all, location, opening_times=json.dumps(hours), operator='{"name": "BeCharged"}',
        facilities=["WIFI", "HOTEL"], parking_type="ON_STREET", charging_when_closed="false", latitude="-33.8688",
        longitude="151.2093",
    )  # fmt: skip
    assert response.status_code == 302
    kept = Location.objects.get()
    assert (kept.opening_times, kept.operator, kept.facilities) == (hours, {"name": "BeCharged"}, ["WIFI", "HOTEL"])
    assert (kept.parking_type, kept.charging_when_closed, kept.images) == ("ON_STREET", False, None)
    assert kept.updated_at > factories.NOW
    assert heard == [{location.pk}]


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("opening_times", '{"twentyfourseven": false}', "regular_hours: must name at least one period"),
        ("opening_times", "always", "Enter a valid JSON"),
        ("operator", '{"website": "https://x.example"}', "name: is required"),
        ("images", '[{"url": "ftp://x/a.png"}]', "[0].category: is required"),
        ("facilities", ["POOL"], "Select a valid choice"),
        ("latitude", "90.1", "less than or equal to 90"),
        ("longitude", "-180.5", "greater than or equal to -180"),
        ("country", "NL", "ISO 3166-1 alpha-3"),
        ("time_zone", "Europe/Utrecht", "IANA"),
        ("latitude", "", "both a latitude and a longitude"),
    ],
)
def test_what_partners_could_not_read_is_refused(admin_of_all, heard, field, value, words):
    location = factories.location()
    found = errors(save(admin_of_all, location, **{field: value}))
    assert any(words in message for messages in found.values() for message in messages)
    assert Location.objects.get().updated_at == factories.NOW
    assert heard == []


def test_saving_without_a_change_tells_nobody(admin_of_all, heard):
    location = factories.location(postal_code="3511 CE")
    assert save(admin_of_all, location).status_code == 302
    assert heard == []


def test_a_place_that_lacks_what_partners_must_be_told_is_a_problem(admin_of_all):
    location = factories.location(address="", latitude=None, longitude=None)
    evse = factories.evse(factories.charge_point(location=location))
    for row in (location, evse):
        (problem, _), *_ = admin_of_all.get(page(row)).context["problems"]
        assert (problem.what, problem.why) == (
            "Partners are not told of Depot", "It lacks what OCPI requires: address, coordinates.",
        )  # fmt: skip


def test_an_evse_without_a_connector_is_a_problem(admin_of_all):
    evse = factories.evse()
    Connector.objects.all().delete()
    [(problem, _)] = admin_of_all.get(page(evse)).context["problems"]
    assert problem.why == "It has no connector, and OCPI requires one."


# --- EVSEs ----------------------------------------------------------------------------------------------------------


def evse_form(evse: Evse, **changes: Any) -> dict[str, Any]:
    shown = {
        "charge_point": evse.charge_point_id, "ocpp_evse_id": 1, "evse_id": "NL*CPO*E1", "current_type": "AC",
        "voltage_v": "230", "max_current_a": "32", "max_power_w": "", "phases": 3, "stage": "IN_SERVICE",
        "floor_level": "", "physical_reference": "", "connectors-TOTAL_FORMS": 0, "connectors-INITIAL_FORMS": 0,
    }  # fmt: skip
    return shown | changes


def test_a_change_of_an_evse_is_one_of_its_connectors_and_its_place(admin_of_all, heard):
    evse = factories.evse(evse_id="NL*CPO*E1", last_updated=factories.NOW)
    Connector.objects.update(last_updated=factories.NOW)
    changes = {"max_current_a": "16", "declared_capabilities": ["RFID_READER"], "parking_restrictions": ["EV_ONLY"]}
    assert admin_of_all.post(page(evse), evse_form(evse, **changes)).status_code == 302
    evse.refresh_from_db()
    assert (evse.declared_capabilities, evse.parking_restrictions) == (["RFID_READER"], ["EV_ONLY"])
    assert evse.last_updated == Connector.objects.get().last_updated > factories.NOW
    assert heard == [{evse.charge_point.location_id}]


@pytest.mark.parametrize("evse_id", ["E1", "NL*CPO*1", "NL*CPO*E", "NLD*CPO*E1", "NL*CPO*E1\n2"])
def test_an_evse_id_is_one_of_emi3(admin_of_all, evse_id):
    evse = factories.evse()
    assert "evse_id" in errors(admin_of_all.post(page(evse), evse_form(evse, evse_id=evse_id)))


def test_only_an_evse_that_is_removed_may_be_deleted(admin_of_all, heard):
    """OCPI 2.2.1 mod_locations, Flow and Lifecycle: others keep it until its status is REMOVED."""
    evse = factories.evse()
    delete = page(evse).replace("change", "delete")
    assert admin_of_all.post(delete, {"post": "yes"}).status_code == 403
    point = page(evse.charge_point).replace("change", "delete")
    assert admin_of_all.post(point, {"post": "yes"}).status_code == 403
    Evse.objects.update(stage="REMOVED")
    assert admin_of_all.post(delete, {"post": "yes"}).status_code == 302
    assert not Evse.objects.exists()
    assert heard == [{Location.objects.get().pk}]


def test_deleting_many_at_once_keeps_those_that_are_not_removed(admin_of_all):
    evse = factories.evse()
    data = {"action": "delete_selected", "_selected_action": [evse.pk], "post": "yes"}
    admin_of_all.post(list_of(Evse), data)
    assert Evse.objects.exists()


def test_a_connector_is_of_a_standard_that_ocpi_knows(admin_of_all, heard):
    connector = factories.evse().connectors.get()
    form = {"evse": connector.evse_id, "ocpp_connector_id": 1, "standard": "TYPE2", "format": "CABLE"}
    assert "standard" in errors(admin_of_all.post(page(connector), form))
    assert admin_of_all.post(page(connector), form | {"standard": "IEC_62196_T2_COMBO"}).status_code == 302
    assert heard == [{Location.objects.get().pk}]


# --- charge points --------------------------------------------------------------------------------------------------


def charge_point_form(charge_point: ChargePoint, **changes: Any) -> dict[str, Any]:
    return {
        "identity": charge_point.identity, "location": charge_point.location_id, "enabled": "on",
        "low_current_policy": "as_is", "evses-TOTAL_FORMS": 0, "evses-INITIAL_FORMS": 0, **changes,
    }  # fmt: skip


def test_a_charge_point_that_moves_changes_both_places(admin_of_all, heard):
    charge_point = make_charge_point()
    old, new = charge_point.location_id, factories.location(name="New").pk
    admin_of_all.post(page(charge_point), charge_point_form(charge_point, location=new))
    assert heard == [{old, new}]


@pytest.mark.parametrize(("change", "told"), [({"enabled": ""}, 1), ({"low_current_policy": "floor"}, 0)])
def test_only_what_can_be_seen_from_outside_is_told(admin_of_all, heard, change, told):
    charge_point = make_charge_point()
    admin_of_all.post(page(charge_point), charge_point_form(charge_point, **change))
    assert len(heard) == told


def test_an_evse_with_sessions_keeps_them_when_it_is_removed(admin_of_all):
    session = make_session()
    Evse.objects.update(stage="REMOVED")
    response = admin_of_all.post(page(session.evse).replace("change", "delete"), {"post": "yes"})
    assert (response.status_code, Evse.objects.exists()) == (200, True)
