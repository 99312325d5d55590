"""The objects we read and write as JSON Schemas, for the OpenAPI description; bounds and enums are those of the code.

Tests hold real answers and the parsers against them. OCPI ignores unknown fields: none is forbidden.
"""

from collections.abc import Iterable
from typing import Any

from chargepoints.models import ChargingSession
from ocpi.models import ProfileRequest
from ocpi.preferences import MAX_ENERGY_KWH, PreferencesResponse, ProfileType
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
BUSINESS_DETAILS = record({"name": text(100)}, {"website": URL})

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
