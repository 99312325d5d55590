"""The objects we read and write as JSON Schemas, for the OpenAPI description; bounds and enums are those of the code.

Tests hold real answers and the parsers against them. OCPI ignores unknown fields: none is forbidden.
"""

from collections.abc import Iterable
from typing import Any

from chargepoints import place_details
from chargepoints.models import ChargingSession
from ocpi.models import ProfileRequest
from ocpi.preferences import MAX_ENERGY_KWH, PreferencesResponse, ProfileType
from ocpi.v2_2_1.location_objects import STATUS
from ocpi.v2_2_1.translation import MAX_LIMIT, MAX_SECONDS, MAX_URL_CHARS, ResultType

Schema = dict[str, Any]


def ref(name: str) -> Schema:
    return {"$ref": f"#/components/schemas/{name}"}


def record(required: dict[str, Schema], optional: dict[str, Schema] | None = None) -> Schema:
    return {"type": "object", "required": list(required), "properties": {**required, **(optional or {})}}


def text(max_length: int, **more: Any) -> Schema:
    return {"type": "string", "maxLength": max_length, **more}


def one_of(values: Iterable[str]) -> Schema:
    return {"type": "string", "enum": [str(value) for value in values]}


def list_of(items: Schema, **more: Any) -> Schema:
    return {"type": "array", "items": items, **more}


COUNTRY_CODE = text(2, minLength=2, pattern="^[A-Za-z]{2}$")
PARTY_ID = text(3, minLength=3, pattern="^[A-Za-z0-9]{3}$")
NUMBER = {"type": "number"}
URL = text(MAX_URL_CHARS, pattern="^https?://[!-~]+$")
SECONDS = {"type": "integer", "minimum": 0, "maximum": MAX_SECONDS}
DURATION = {"type": "integer", "minimum": 1, "maximum": MAX_SECONDS}
RATE = {"type": "number", "minimum": 0, "maximum": int(MAX_LIMIT), "multipleOf": 0.1}
DATE_TIME = text(
    30, description="UTC, `Z` or no designator",
    pattern="^(19[7-9]|20[0-9]|21[0-9])[0-9]-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])"
    "T([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](\\.[0-9]{1,9})?Z?$",
)  # fmt: skip
CLOCK = text(5, pattern="^([01][0-9]|2[0-3]):[0-5][0-9]$")
WHOLE = {"type": "integer", "minimum": 0}
IMAGE = record({"url": URL, "category": text(20), "type": text(4)}, {"thumbnail": URL, "width": WHOLE, "height": WHOLE})
BUSINESS_DETAILS = record({"name": text(100)}, {"website": URL, "logo": IMAGE})
EXCEPTIONAL = list_of(record({"period_begin": DATE_TIME, "period_end": DATE_TIME}))
LEARNED = ("CHARGING_PREFERENCES_CAPABLE", "CHARGING_PROFILE_CAPABLE", "REMOTE_START_STOP_CAPABLE", "RFID_READER")
POWER_TYPES = ("AC_1_PHASE", "AC_2_PHASE", "AC_3_PHASE", "DC")

# CdrDimensionType (mod_cdrs): the ones marked for Sessions only are there as well.
DIMENSIONS = ("CURRENT", "ENERGY", "ENERGY_EXPORT", "ENERGY_IMPORT", "MAX_CURRENT", "MIN_CURRENT", "MAX_POWER",
              "MIN_POWER", "PARKING_TIME", "POWER", "RESERVATION_TIME", "STATE_OF_CHARGE", "TIME")  # fmt: skip

SCHEMAS: dict[str, Schema] = {
    "Version": record({"version": text(10), "url": URL}),
    "VersionDetails": record({"version": text(10), "endpoints": list_of(ref("Endpoint"), minItems=1)}),
    "Endpoint": record({"identifier": text(64), "role": one_of(("SENDER", "RECEIVER")), "url": URL}),
    "Credentials": record(
        {"token": text(64, pattern="^[!-~]{1,64}$"), "url": URL, "roles": list_of(ref("CredentialsRole"), minItems=1)}
    ),
    "CredentialsRole": record(
        {"role": text(20), "country_code": COUNTRY_CODE, "party_id": PARTY_ID, "business_details": BUSINESS_DETAILS}
    ),
    "Location": record(
        {
            "country_code": COUNTRY_CODE,
            "party_id": PARTY_ID,
            "id": text(36),
            "publish": {"type": "boolean"},
            "address": text(45),
            "city": text(45),
            "country": text(3, minLength=3),
            "coordinates": record(
                {
                    "latitude": text(10, pattern="^-?[0-9]{1,2}\\.[0-9]{5,7}$"),
                    "longitude": text(11, pattern="^-?[0-9]{1,3}\\.[0-9]{5,7}$"),
                }
            ),
            "time_zone": text(255),
            "last_updated": DATE_TIME,
        },
        {
            "name": text(255),
            "postal_code": text(10),
            "parking_type": one_of(place_details.PARKING_TYPES),
            "evses": list_of(ref("EVSE")),
            "directions": list_of(record({"language": text(2, minLength=2), "text": text(512)})),
            "operator": BUSINESS_DETAILS,
            "suboperator": BUSINESS_DETAILS,
            "owner": BUSINESS_DETAILS,
            "facilities": list_of(one_of(place_details.FACILITIES)),
            "opening_times": ref("Hours"),
            "charging_when_closed": {"type": "boolean"},
            "images": list_of(IMAGE),
        },
    ),
    "Hours": record(
        {"twentyfourseven": {"type": "boolean"}},
        {
            "regular_hours": list_of(
                record({"weekday": {**WHOLE, "maximum": 7}, "period_begin": CLOCK, "period_end": CLOCK})
            ),
            "exceptional_openings": EXCEPTIONAL,
            "exceptional_closings": EXCEPTIONAL,
        },
    ),
    "EVSE": record(
        {
            "uid": text(36),
            "status": one_of(sorted(STATUS.values())),
            "connectors": list_of(ref("Connector"), minItems=1),
            "last_updated": DATE_TIME,
        },
        {
            "evse_id": text(48),
            "capabilities": list_of(one_of(sorted({*LEARNED, *place_details.DECLARABLE}))),
            "floor_level": text(4),
            "physical_reference": text(16),
            "parking_restrictions": list_of(one_of(place_details.PARKING_RESTRICTIONS)),
        },
    ),
    "Connector": record(
        {
            "id": text(36),
            "standard": one_of(place_details.CONNECTOR_STANDARDS),
            "format": one_of(("CABLE", "SOCKET")),
            "power_type": one_of(POWER_TYPES),
            "max_voltage": WHOLE,
            "max_amperage": WHOLE,
            "last_updated": DATE_TIME,
        },
        {"max_electric_power": WHOLE},
    ),
    "CdrToken": record(
        {
            "country_code": COUNTRY_CODE,
            "party_id": PARTY_ID,
            "uid": text(36),
            "type": one_of(("AD_HOC_USER", "APP_USER", "OTHER", "RFID")),
            "contract_id": text(36),
        }
    ),
    "Session": record(
        {
            "country_code": COUNTRY_CODE,
            "party_id": PARTY_ID,
            "id": text(36),
            "start_date_time": DATE_TIME,
            "kwh": NUMBER,
            "cdr_token": ref("CdrToken"),
            "auth_method": one_of(("AUTH_REQUEST", "COMMAND", "WHITELIST")),
            "location_id": text(36),
            "evse_uid": text(36),
            "connector_id": text(36),
            "currency": text(3, minLength=3),
            "status": one_of(ChargingSession.State.values),
            "last_updated": DATE_TIME,
        },
        {
            "end_date_time": DATE_TIME,
            "authorization_reference": text(36),
            "meter_id": text(255),
            "charging_periods": list_of(ref("ChargingPeriod")),
            "total_cost": record({"excl_vat": NUMBER}, {"incl_vat": NUMBER}),
        },
    ),
    "ChargingPeriod": record(
        {"start_date_time": DATE_TIME, "dimensions": list_of(ref("CdrDimension"), minItems=1)}, {"tariff_id": text(36)}
    ),
    "CdrDimension": record({"type": one_of(DIMENSIONS), "volume": NUMBER}),
    "ChargingPreferences": record(
        {"profile_type": one_of(ProfileType)},
        {
            "departure_time": DATE_TIME,
            "energy_need": {"type": "number", "minimum": 0, "exclusiveMaximum": MAX_ENERGY_KWH},
            "discharge_allowed": {"type": "boolean"},
        },
    ),
    "ChargingPreferencesResponse": one_of(PreferencesResponse),
    "SetChargingProfile": record({"charging_profile": ref("ChargingProfile"), "response_url": URL}),
    "ChargingProfile": record(
        {
            "charging_rate_unit": one_of(("A", "W")),
            "charging_profile_period": list_of(
                ref("ChargingProfilePeriod"),
                minItems=1,
                description="The first starts at 0, each later than the one before",
            ),
        },
        {"start_date_time": DATE_TIME, "duration": DURATION, "min_charging_rate": RATE},
    ),
    "ChargingProfilePeriod": record({"start_period": SECONDS, "limit": RATE}),
    "ChargingProfileResponse": record(
        {"result": one_of(ProfileRequest.Response.values), "timeout": {"type": "integer", "minimum": 0}}
    ),
    "ChargingProfileResult": record({"result": one_of(ResultType)}),
    "ActiveChargingProfileResult": record({"result": one_of(ResultType)}, {"profile": ref("ActiveChargingProfile")}),
    "ActiveChargingProfile": record({"start_date_time": DATE_TIME, "charging_profile": ref("ChargingProfile")}),
}
