"""Our Locations in the shapes of OCPI 2.2.1 mod_locations, Object description."""

import re
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chargepoints.models import ChargePoint, Connector, Evse, Location
from chargepoints.profiles import maximum
from chargepoints.values import Availability, CurrentType, EvseLimits, RateUnit
from ocpi.v2_2_1 import location_objects
from ocpi.v2_2_1.location_objects import coordinate, location_object
from tests.support.factories import NOW, at

pytestmark = pytest.mark.pure


def point(**fields: Any) -> ChargePoint:
    known = {"identity": "CP1", "connection_id": "socket", "ocpp_version": "ocpp1.6", "smart_charging": True}
    return ChargePoint(**(known | fields))


def evse(of: ChargePoint | None = None, **fields: Any) -> Evse:
    """With one connector, as if read with its parts."""
    known = {"uid": "e1", "ocpp_evse_id": 1, "phases": 3, "status": "Available", "last_updated": NOW}
    made = Evse(charge_point=of or point(), **(known | fields))
    made._prefetched_objects_cache = {"connectors": _Listed([Connector(evse=made, last_updated=NOW)])}  # type: ignore
    return made


class _Listed(list[Connector]):
    def all(self) -> list[Connector]:
        return self


@pytest.fixture(autouse=True)
def parts_at_hand(monkeypatch: pytest.MonkeyPatch) -> None:
    """No database: what was prefetched is what there is."""
    monkeypatch.setattr(Evse, "connectors", property(lambda self: self._prefetched_objects_cache["connectors"]))


def place(**fields: Any) -> Location:
    known = {
        "uid": "l1", "name": "Gent Zuid", "address": "F.Rooseveltlaan 3A", "city": "Gent", "postal_code": "9000",
        "country": "BEL", "latitude": Decimal("51.047599"), "longitude": Decimal("3.729944"),
        "time_zone": "Europe/Brussels", "country_code": "BE", "party_id": "BEC", "updated_at": NOW,
    }  # fmt: skip
    return Location(**(known | fields))


def test_a_location_has_the_shape_of_the_specifications_example():
    """OCPI 2.2.1 examples/location_example.json, less its tariffs."""
    made = evse(evse_id="BE*BEC*E041503001", floor_level="-1", physical_reference="1", max_current_a=Decimal(16))
    assert location_object(place(parking_type="ON_STREET", operator={"name": "BeCharged"}), [made]) == {
        "country_code": "BE", "party_id": "BEC", "id": "l1", "publish": True, "name": "Gent Zuid",
        "address": "F.Rooseveltlaan 3A", "city": "Gent", "postal_code": "9000", "country": "BEL",
        "coordinates": {"latitude": "51.047599", "longitude": "3.729944"}, "parking_type": "ON_STREET",
        "evses": [{
            "uid": "e1", "evse_id": "BE*BEC*E041503001", "status": "AVAILABLE",
            "capabilities": ["CHARGING_PREFERENCES_CAPABLE", "CHARGING_PROFILE_CAPABLE", "REMOTE_START_STOP_CAPABLE"],
            "connectors": [{
                "id": "1", "standard": "IEC_62196_T2", "format": "SOCKET", "power_type": "AC_3_PHASE",
                "max_voltage": 230, "max_amperage": 16, "max_electric_power": 11040,
                "last_updated": "2024-05-01T12:00:00Z",
            }],
            "physical_reference": "1", "floor_level": "-1", "last_updated": "2024-05-01T12:00:00Z",
        }],
        "operator": {"name": "BeCharged"}, "time_zone": "Europe/Brussels", "last_updated": "2024-05-01T12:00:00Z",
    }  # fmt: skip


def test_what_nobody_entered_is_left_out():
    body = location_object(place(postal_code=""), [evse()])
    assert sorted(body) == [
        "address", "city", "coordinates", "country", "country_code", "evses", "id", "last_updated", "name", "party_id",
        "publish", "time_zone",
    ]  # fmt: skip
    assert sorted(body["evses"][0]) == ["capabilities", "connectors", "last_updated", "status", "uid"]


def test_what_an_operator_entered_is_told_as_it_is():
    told = {
        "directions": [{"language": "nl", "text": "Achter het station"}], "suboperator": {"name": "Sub"},
        "owner": {"name": "Owner", "website": "https://owner.example"}, "facilities": ["WIFI"],
        "opening_times": {"twentyfourseven": True}, "charging_when_closed": False,
        "images": [{"url": "https://cpo.example/a.png", "category": "LOCATION", "type": "png"}],
    }  # fmt: skip
    body = location_object(place(publish=False, **told), [evse(parking_restrictions=["EV_ONLY"])])
    assert {name: body[name] for name in told} == told
    assert (body["publish"], body["evses"][0]["parking_restrictions"]) == (False, ["EV_ONLY"])


def test_a_location_is_as_new_as_its_newest_part():
    assert location_object(place(), [evse(), evse(last_updated=at(5))])["last_updated"] == "2024-05-01T12:00:05Z"
    assert location_object(place(updated_at=at(9)), [evse()])["last_updated"] == "2024-05-01T12:00:09Z"


# --- status ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("Available", "AVAILABLE"), ("Preparing", "CHARGING"), ("Charging", "CHARGING"), ("SuspendedEV", "CHARGING"),
        ("SuspendedEVSE", "CHARGING"), ("Occupied", "CHARGING"), ("Finishing", "BLOCKED"), ("Reserved", "RESERVED"),
        ("Unavailable", "INOPERATIVE"), ("Faulted", "OUTOFORDER"), ("", "UNKNOWN"), ("Other", "UNKNOWN"),
    ],
)  # fmt: skip
def test_the_status_of_both_versions_of_ocpp(said, told):
    assert location_objects.evse_object(evse(status=said))["status"] == told


@pytest.mark.parametrize(
    ("fields", "where", "told"),
    [
        ({}, {"connection_id": ""}, "UNKNOWN"),
        ({}, {"enabled": False}, "INOPERATIVE"),
        ({"stage": "PLANNED"}, {"connection_id": ""}, "PLANNED"),
        ({"stage": "REMOVED"}, {}, "REMOVED"),
        ({"stage": "REMOVED"}, {"enabled": False, "connection_id": ""}, "REMOVED"),
    ],
)
def test_what_an_operator_decided_comes_before_what_was_told(fields, where, told):
    assert location_objects.evse_object(evse(point(**where), **fields))["status"] == told


def test_every_availability_has_its_word():
    assert set(location_objects.STATUS) == set(Availability)


# --- capabilities ---------------------------------------------------------------------------------------------------

REMOTE = "REMOTE_START_STOP_CAPABLE"


@pytest.mark.parametrize(
    ("known", "told"),
    [
        ({"smart_charging": None, "ocpp_version": ""}, []),
        ({"smart_charging": None}, [REMOTE]),
        ({"smart_charging": False}, [REMOTE]),
        ({}, ["CHARGING_PREFERENCES_CAPABLE", "CHARGING_PROFILE_CAPABLE", REMOTE]),
        (
            {"smart_charging": False, "configuration": {"TokenReader#1.Enabled": "true"}},
            [REMOTE, "RFID_READER"],
        ),
        ({"smart_charging": False, "configuration": {"TokenReader#1.Enabled": "False"}}, [REMOTE]),
    ],
)
def test_capabilities_are_what_the_charge_point_has_told(known, told):
    assert location_objects.capabilities(point(**known), ()) == told


def test_readers_and_terminals_are_what_an_operator_states():
    told = location_objects.capabilities(point(smart_charging=False), ["RFID_READER", "CREDIT_CARD_PAYABLE"])
    assert told == ["CREDIT_CARD_PAYABLE", REMOTE, "RFID_READER"]


# --- figures --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({}, ("AC_3_PHASE", 230, 32, 22080)),
        ({"phases": 1}, ("AC_1_PHASE", 230, 32, 7360)),
        ({"phases": 2}, ("AC_2_PHASE", 230, 32, 14720)),
        ({"phases": None}, ("AC_3_PHASE", 230, 32, 22080)),
        ({"max_power_w": Decimal(11000)}, ("AC_3_PHASE", 230, 32, 11000)),
        ({"voltage_v": Decimal("239.9"), "max_current_a": Decimal("15.9")}, ("AC_3_PHASE", 239, 15, 11443)),
        (
            {"current_type": "DC", "phases": None, "voltage_v": Decimal(920), "max_current_a": Decimal(400),
             "max_power_w": Decimal(150_000)},
            ("DC", 920, 400, 150_000),
        ),
    ],
)  # fmt: skip
def test_figures_are_those_of_charging_profiles_and_never_more_than_there_is(fields, told):
    """OCPI 2.2.1 mod_locations, Connector Object: line to neutral, per phase, in total."""
    (connector,) = location_objects.evse_object(evse(**fields))["connectors"]
    names = ("power_type", "max_voltage", "max_amperage", "max_electric_power")
    assert tuple(connector[name] for name in names) == told


@given(
    st.sampled_from(list(CurrentType)), st.decimals("1", "9999", places=1), st.decimals("1", "9999", places=1),
    st.none() | st.decimals("1", "99999", places=1), st.none() | st.integers(1, 3),
)  # fmt: skip
def test_a_connector_never_promises_more_than_a_profile_could_ask_for(current_type, voltage, current, power, phases):
    limits = EvseLimits(current_type, voltage, current, power, phases)
    told = location_objects.connector_object(Connector(last_updated=NOW), limits)
    assert told["max_electric_power"] <= maximum(limits, RateUnit.WATT) < told["max_electric_power"] + 1
    assert told["max_amperage"] <= current


# --- coordinates ----------------------------------------------------------------------------------------------------


@given(st.decimals(-90, 90, places=7), st.decimals(-180, 180, places=7))
def test_coordinates_fit_the_patterns_and_lengths(latitude, longitude):
    """OCPI 2.2.1 mod_locations, GeoLocation."""
    assert re.fullmatch(r"-?[0-9]{1,2}\.[0-9]{5,7}", coordinate(latitude))
    assert re.fullmatch(r"-?[0-9]{1,3}\.[0-9]{5,7}", coordinate(longitude))
    assert (len(coordinate(latitude)) <= 10, len(coordinate(longitude)) <= 11) == (True, True)
    assert abs(Decimal(coordinate(latitude)) - latitude) <= Decimal("0.0000005")


def test_a_coordinate_just_below_zero_has_no_minus():
    assert coordinate(Decimal("-0.0000001")) == "0.000000"
