"""The objects that a CPO sends to a smart charging service provider (OCPI 2.2.1-d2). Data only."""

from dataclasses import replace

from ocpi.simulator.tables import (
    Table,
    ci_string,
    credentials_token,
    flag,
    list_of,
    matching,
    moment,
    number,
    object_of,
    one_decimal,
    one_of,
    string,
    whole,
)  # fmt: skip

STATUSES = frozenset({"ACTIVE", "COMPLETED", "INVALID", "PENDING", "RESERVATION"})
DIMENSIONS = frozenset(
    {"CURRENT", "ENERGY", "ENERGY_EXPORT", "ENERGY_IMPORT", "MAX_CURRENT", "MIN_CURRENT", "MAX_POWER", "MIN_POWER",
     "PARKING_TIME", "POWER", "RESERVATION_TIME", "STATE_OF_CHARGE", "TIME"}
)  # fmt: skip
TOKEN_TYPES = frozenset({"AD_HOC_USER", "APP_USER", "OTHER", "RFID"})
AUTH_METHODS = frozenset({"AUTH_REQUEST", "COMMAND", "WHITELIST"})
EVSE_STATUSES = frozenset(
    {"AVAILABLE", "BLOCKED", "CHARGING", "INOPERATIVE", "OUTOFORDER", "PLANNED", "REMOVED", "RESERVED", "UNKNOWN"}
)
CAPABILITIES = frozenset(
    {"CHARGING_PROFILE_CAPABLE", "CHARGING_PREFERENCES_CAPABLE", "CHIP_CARD_SUPPORT", "CONTACTLESS_CARD_SUPPORT",
     "CREDIT_CARD_PAYABLE", "DEBIT_CARD_PAYABLE", "PED_TERMINAL", "REMOTE_START_STOP_CAPABLE", "RESERVABLE",
     "RFID_READER", "START_SESSION_CONNECTOR_REQUIRED", "TOKEN_GROUP_CAPABLE", "UNLOCK_CAPABLE"}
)  # fmt: skip
CONNECTOR_TYPES = frozenset(
    {"CHADEMO", "CHAOJI", *(f"DOMESTIC_{letter}" for letter in "ABCDEFGHIJKLMNO"), "GBT_AC", "GBT_DC",
     "IEC_60309_2_single_16", "IEC_60309_2_three_16", "IEC_60309_2_three_32", "IEC_60309_2_three_64",
     "IEC_62196_T1", "IEC_62196_T1_COMBO", "IEC_62196_T2", "IEC_62196_T2_COMBO", "IEC_62196_T3A", "IEC_62196_T3C",
     "NEMA_5_20", "NEMA_6_30", "NEMA_6_50", "NEMA_10_30", "NEMA_10_50", "NEMA_14_30", "NEMA_14_50",
     "PANTOGRAPH_BOTTOM_UP", "PANTOGRAPH_TOP_DOWN", "TESLA_R", "TESLA_S"}
)  # fmt: skip
POWER_TYPES = frozenset({"AC_1_PHASE", "AC_2_PHASE", "AC_2_PHASE_SPLIT", "AC_3_PHASE", "DC"})
ROLES = frozenset({"CPO", "EMSP", "HUB", "NAP", "NSP", "OTHER", "SCSP"})
PROFILE_CAPABLE = "CHARGING_PROFILE_CAPABLE"

_OWNER = {"country_code": ci_string(2), "party_id": ci_string(3)}

_TOKEN = {"uid": ci_string(36), "type": one_of(TOKEN_TYPES), "contract_id": ci_string(36)}
CDR_TOKEN = Table("mod_cdrs, CdrToken", {**_OWNER, **_TOKEN}, frozenset({*_OWNER, *_TOKEN}))
CDR_TOKEN_2_2 = Table("mod_cdrs, CdrToken", _TOKEN, frozenset(_TOKEN))
CDR_DIMENSION = Table(
    "mod_cdrs, CdrDimension", {"type": one_of(DIMENSIONS), "volume": number}, frozenset({"type", "volume"})
)
CHARGING_PERIOD = Table(
    "mod_cdrs, ChargingPeriod",
    {
        "start_date_time": moment,
        "dimensions": list_of(object_of(CDR_DIMENSION), at_least=1),
        "tariff_id": ci_string(36),
    },
    frozenset({"start_date_time", "dimensions"}),
)
PRICE = Table("types, Price", {"excl_vat": number, "incl_vat": number}, frozenset({"excl_vat"}))
SESSION = Table(
    "mod_sessions, Session",
    {
        **_OWNER,
        "id": ci_string(36), "start_date_time": moment, "end_date_time": moment, "kwh": number,
        "cdr_token": object_of(CDR_TOKEN), "auth_method": one_of(AUTH_METHODS),
        "authorization_reference": ci_string(36), "location_id": ci_string(36), "evse_uid": ci_string(36),
        "connector_id": ci_string(36), "meter_id": string(255), "currency": string(3),
        "charging_periods": list_of(object_of(CHARGING_PERIOD)), "total_cost": object_of(PRICE),
        "status": one_of(STATUSES), "last_updated": moment,
    },
    frozenset(
        {"country_code", "party_id", "id", "start_date_time", "kwh", "cdr_token", "auth_method", "location_id",
         "evse_uid", "connector_id", "currency", "status", "last_updated"}
    ),
)  # fmt: skip
SESSION_2_2 = replace(SESSION, fields={**SESSION.fields, "cdr_token": object_of(CDR_TOKEN_2_2)})

CONNECTOR = Table(
    "mod_locations, Connector",
    {
        "id": ci_string(36), "standard": one_of(CONNECTOR_TYPES), "format": one_of(frozenset({"SOCKET", "CABLE"})),
        "power_type": one_of(POWER_TYPES), "max_voltage": whole, "max_amperage": whole, "max_electric_power": whole,
        "tariff_ids": list_of(ci_string(36)), "terms_and_conditions": string(255), "last_updated": moment,
    },
    frozenset({"id", "standard", "format", "power_type", "max_voltage", "max_amperage", "last_updated"}),
)  # fmt: skip
GEO_LOCATION = Table(
    "mod_locations, GeoLocation",
    {
        "latitude": matching(r"-?[0-9]{1,2}\.[0-9]{5,7}"),
        "longitude": matching(r"-?[0-9]{1,3}\.[0-9]{5,7}"),
    },
    frozenset({"latitude", "longitude"}),
)
EVSE = Table(
    "mod_locations, EVSE",
    {
        "uid": ci_string(36), "evse_id": ci_string(48), "status": one_of(EVSE_STATUSES),
        "capabilities": list_of(one_of(CAPABILITIES)),
        "connectors": list_of(object_of(CONNECTOR), at_least=1), "floor_level": string(4),
        "coordinates": object_of(GEO_LOCATION), "physical_reference": string(16), "last_updated": moment,
    },
    frozenset({"uid", "status", "connectors", "last_updated"}),
)  # fmt: skip
LOCATION = Table(
    "mod_locations, Location",
    {
        **_OWNER,
        "id": ci_string(36), "publish": flag, "name": string(255), "address": string(45), "city": string(45),
        "postal_code": string(10), "state": string(20), "country": string(3),
        "coordinates": object_of(GEO_LOCATION), "evses": list_of(object_of(EVSE)), "time_zone": string(255),
        "charging_when_closed": flag, "last_updated": moment,
    },
    frozenset(
        {"country_code", "party_id", "id", "publish", "address", "city", "country", "coordinates", "time_zone",
         "last_updated"}
    ),
)  # fmt: skip

PROFILE_PERIOD = Table(
    "mod_charging_profiles, ChargingProfilePeriod",
    {"start_period": whole, "limit": one_decimal},
    frozenset({"start_period", "limit"}),
)
CHARGING_PROFILE = Table(
    "mod_charging_profiles, ChargingProfile",
    {
        "start_date_time": moment, "duration": whole, "charging_rate_unit": one_of(frozenset({"A", "W"})),
        "min_charging_rate": one_decimal, "charging_profile_period": list_of(object_of(PROFILE_PERIOD)),
    },
    frozenset({"charging_rate_unit", "charging_profile_period"}),
)  # fmt: skip
ACTIVE_CHARGING_PROFILE = Table(
    "mod_charging_profiles, ActiveChargingProfile",
    {"start_date_time": moment, "charging_profile": object_of(CHARGING_PROFILE)},
    frozenset({"start_date_time", "charging_profile"}),
)
PROFILE_RESPONSE = Table(
    "mod_charging_profiles, ChargingProfileResponse",
    {
        "result": one_of(frozenset({"ACCEPTED", "NOT_SUPPORTED", "REJECTED", "TOO_OFTEN", "UNKNOWN_SESSION"})),
        "timeout": whole,
    },
    frozenset({"result", "timeout"}),
)

BUSINESS_DETAILS = Table("mod_locations, BusinessDetails", {"name": string(100)}, frozenset({"name"}))
CREDENTIALS_ROLE = Table(
    "credentials, CredentialsRole",
    {**_OWNER, "role": one_of(ROLES), "business_details": object_of(BUSINESS_DETAILS)},
    frozenset({"role", "business_details", "party_id", "country_code"}),
)
CREDENTIALS = Table(
    "credentials, Credentials object",
    {
        "token": credentials_token,
        "url": string(255),
        "roles": list_of(object_of(CREDENTIALS_ROLE), at_least=1),
    },
    frozenset({"token", "url", "roles"}),
)
VERSION = Table(
    "version_information_endpoint, Version", {"version": string(10), "url": string(255)}, frozenset({"version", "url"})
)
ENDPOINT = Table(
    "version_information_endpoint, Endpoint",
    {
        "identifier": string(50),
        "role": one_of(frozenset({"SENDER", "RECEIVER"})),
        "url": string(255),
    },
    frozenset({"identifier", "role", "url"}),
)
VERSION_DETAILS = Table(
    "version_information_endpoint, Version details endpoint",
    {"version": string(10), "endpoints": list_of(object_of(ENDPOINT), at_least=1)},
    frozenset({"version", "endpoints"}),
)
