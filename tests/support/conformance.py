"""What leaves this product, against an independent model of OCPI 2.2.1 (`ocpi-types`, from PyPI).

Names, cardinalities and enums of its objects are those of the specification (v2.2.1-d2). What it leaves open is checked
here, by the tables of the specification:
- DateTime is any string there: here UTC, at most 25 characters (types, DateTime);
- no string has a length and no CiString its characters there (types, CiString; the tables of each object);
- a list of at least one may be empty there: `dimensions`, `endpoints`, `roles`;
- `limit` may have more than one decimal there (mod_charging_profiles, ChargingProfilePeriod);
- it has no partial objects: a PATCH is laid over a whole one;
- it knows no ChargingPreferencesResponse, and no response envelope.
"""

import json
import re
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlsplit

from ocpi_types import v2_2_1 as model

from ocpi.protocol import documents

DATETIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,4})?Z?")
LENGTHS = {  # 2.2.1: the tables of each object; the same wherever a name occurs in what we send
    "country_code": 2, "party_id": 3, "id": 36, "uid": 36, "contract_id": 36, "authorization_reference": 36,
    "location_id": 36, "evse_uid": 36, "connector_id": 36, "currency": 3, "tariff_id": 36, "token": 64, "url": 255,
    "meter_id": 255,
}  # fmt: skip
NOT_EMPTY = {"dimensions", "endpoints", "roles"}
PREFERENCES_RESPONSES = {
    "ACCEPTED", "DEPARTURE_REQUIRED", "ENERGY_NEED_REQUIRED", "NOT_POSSIBLE", "PROFILE_TYPE_NOT_SUPPORTED",
}  # fmt: skip
WHOLE_SESSION = {
    "country_code": "NL", "party_id": "STK", "id": "101", "start_date_time": "2020-03-09T10:17:09Z", "kwh": 0.0,
    "cdr_token": {"country_code": "NL", "party_id": "TST", "uid": "123abc", "type": "RFID", "contract_id": "C1"},
    "auth_method": "WHITELIST", "location_id": "LOC1", "evse_uid": "3256", "connector_id": "1", "currency": "EUR",
    "status": "PENDING", "last_updated": "2020-03-09T10:17:09Z",
}  # fmt: skip

WHOLE_EVSE = {
    "uid": "3256", "status": "AVAILABLE", "last_updated": "2020-03-09T10:17:09Z",
    "connectors": [
        {
            "id": "1", "standard": "IEC_62196_T2", "format": "SOCKET", "power_type": "AC_3_PHASE", "max_voltage": 230,
            "max_amperage": 32, "last_updated": "2020-03-09T10:17:09Z",
        }
    ],
}  # fmt: skip

Check = Callable[[Any], None]


class Nonconforming(AssertionError):
    """Nothing that OCPI 2.2.1 knows."""


def check_object(cls: Any, document: Any) -> None:
    """The model takes it, and gives back the same: no field is unknown to it, none is of another type."""
    try:
        same = cls.from_dict(document).to_dict() == document
    except (AssertionError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise Nonconforming(f"no {cls.__name__}: {document}") from error
    if not same:
        raise Nonconforming(f"more, or other, than a {cls.__name__}: {document}")
    check_formats(document)


def of(cls: Any) -> Check:
    return lambda document: check_object(cls, document)


def list_of(cls: Any) -> Check:
    def check(document: Any) -> None:
        if not isinstance(document, list):
            raise Nonconforming(f"no list: {document}")
        for item in document:
            check_object(cls, item)

    return check


def check_session_patch(document: Any) -> None:
    """OCPI 2.2.1 mod_sessions, PATCH Method: any part of a Session, and `last_updated`."""
    if "last_updated" not in document:
        raise Nonconforming(f"PATCH without last_updated: {document}")
    check_object(model.Session, {**WHOLE_SESSION, **document})


def check_evse_patch(document: Any) -> None:
    """OCPI 2.2.1 mod_locations, PATCH Method: any part of an EVSE, and `last_updated`."""
    if "last_updated" not in document:
        raise Nonconforming(f"PATCH without last_updated: {document}")
    check_object(model.Evse, {**WHOLE_EVSE, **document})


def check_result(document: Any) -> None:
    check_object(model.ActiveChargingProfileResult if "profile" in document else model.ChargingProfileResult, document)


def check_preferences_response(document: Any) -> None:
    if document not in PREFERENCES_RESPONSES:
        raise Nonconforming(f"no ChargingPreferencesResponse: {document}")


def check_formats(document: Any) -> None:
    for name, value in _members(document):
        wrong = (
            (name in LENGTHS and not (isinstance(value, str) and 0 < len(value) <= LENGTHS[name] and _printable(value)))
            or (_is_moment(name) and not (DATETIME.fullmatch(value) and len(value) <= 25))
            or (name in NOT_EMPTY and not value)
            or (name == "limit" and round(value, 1) != value)
        )
        if wrong:
            raise Nonconforming(f"{name} is {value!r}")


def _is_moment(name: str) -> bool:
    return name.endswith(("date_time", "last_updated", "timestamp", "_time"))


def _printable(text: str) -> bool:
    return all(" " <= character <= "~" for character in text)


def _members(document: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(document, list):
        for item in document:
            yield from _members(item)
    elif isinstance(document, dict):
        for name, value in document.items():
            yield name, value
            yield from _members(value)


# --- what we send ---------------------------------------------------------------------------------------------------

REQUESTS: list[tuple[str, str, Check]] = [
    ("PUT", r".*/sessions/[^/]+/[^/]+/[^/]+", of(model.Session)),
    ("PATCH", r".*/sessions/[^/]+/[^/]+/[^/]+", check_session_patch),
    ("PUT", r".*/locations/[^/]+/[^/]+/[^/]+", of(model.Location)),
    ("PUT", r".*/locations/[^/]+/[^/]+/[^/]+/[^/]+", of(model.Evse)),
    ("PATCH", r".*/locations/[^/]+/[^/]+/[^/]+/[^/]+", check_evse_patch),
    ("PUT", r".*/(charging)?profiles/[^/]+", of(model.ActiveChargingProfile)),
    ("POST|PUT", r".*/credentials/?", of(model.Credentials)),
    ("POST", r".*", check_result),
]
"""The first that fits by method and path; a result goes wherever its request said."""


def check_request(method: str, url: str, body: Any) -> None:
    """Of the method to that URL; a new kind of request needs a line above."""
    if body is None:
        if method not in {"GET", "DELETE"}:
            raise Nonconforming(f"{method} {url} without a body")
        return
    path = urlsplit(url).path
    for methods, pattern, check in REQUESTS:
        if re.fullmatch(methods, method) and re.fullmatch(pattern, path):
            check(as_read(body))
            return
    raise Nonconforming(f"nobody says what {method} {path} carries")


def as_read(document: Any) -> Any:
    """As the far end parses it."""
    return json.loads(documents.dump(document))


# --- what we answer -------------------------------------------------------------------------------------------------

ROOT = r"/ocpi/2\.2\.1"
ANSWERS: list[tuple[str, Check]] = [
    (r"/ocpi/versions", list_of(model.Version)),
    (ROOT, of(model.VersionDetails)),
    (rf"{ROOT}/credentials", of(model.Credentials)),
    (rf"{ROOT}/sessions", list_of(model.Session)),
    (rf"{ROOT}/sessions/[^/]+", of(model.Session)),
    (rf"{ROOT}/sessions/[^/]+/charging_preferences", check_preferences_response),
    (rf"{ROOT}/locations", list_of(model.Location)),
    (rf"{ROOT}/locations/[^/]+", of(model.Location)),
    (rf"{ROOT}/locations/[^/]+/[^/]+", of(model.Evse)),
    (rf"{ROOT}/locations/[^/]+/[^/]+/[^/]+", of(model.Connector)),
    (rf"{ROOT}/chargingprofiles/[^/]+", of(model.ChargingProfileResponse)),
]


def check_answer(path: str, response: Any) -> None:
    """OCPI 2.2.1 transport_and_format, Response format. A new endpoint needs a line above."""
    if not response.content or not re.match(r"/ocpi(/|\?|$)", path):
        return
    envelope = json.loads(response.content)
    _check_envelope(envelope)
    if "data" in envelope:
        check_data(urlsplit(path).path.rstrip("/"), envelope["data"])


def with_owners(data: Any) -> Any:
    if isinstance(data, list):
        return [with_owners(item) for item in data]
    if isinstance(data, dict) and "cdr_token" in data:
        return {**data, "cdr_token": {"country_code": "NL", "party_id": "TST", **data["cdr_token"]}}
    return data


def _check_envelope(envelope: Any) -> None:
    known = {"data", "status_code", "status_message", "timestamp"}
    if not {"status_code", "timestamp"} <= set(envelope) <= known:
        raise Nonconforming(f"no envelope: {sorted(envelope)}")
    if type(envelope["status_code"]) is not int or not isinstance(envelope.get("status_message", ""), str):
        raise Nonconforming(f"no envelope: {envelope}")
    check_formats({"timestamp": envelope["timestamp"]})


def check_data(path: str, data: Any) -> None:
    """An answer of 2.2 is one of 2.2.1 once its CdrTokens say whose they are (2.2.1 changelog)."""
    if re.match(r"/ocpi/2\.2(/|$)", path):
        path, data = path.replace("/2.2", "/2.2.1", 1), with_owners(data)
    for pattern, check in ANSWERS:
        if re.fullmatch(pattern, path):
            check(data)
            return
    raise Nonconforming(f"nobody says what {path} answers")
