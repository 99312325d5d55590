"""Query strings of the ChargingProfiles receiver (OCPI 2.2.1 mod_charging_profiles, GET and DELETE Method)."""

import re
from dataclasses import dataclass
from urllib.parse import parse_qsl, unquote

from ocpi.protocol.errors import InvalidField
from ocpi.v2_2_1.translation import MAX_SECONDS, response_url

_RESPONSE_URL = re.compile(r"(?:^|&)response_url=")
_OUR_DURATION = re.compile(r"&duration=([0-9]+)$")
_RAW_URL = re.compile(r"https?://", re.IGNORECASE)
_SECONDS = re.compile(r"[0-9]{1,10}")


@dataclass(frozen=True, slots=True)
class ProfileQuery:
    response_url: str
    duration_s: int | None = None


def parse_get_query(query_string: str) -> ProfileQuery:
    """Of GET ActiveChargingProfile: `duration` and `response_url` are required. Raises InvalidField."""
    params = raw_response_url(query_string, duration=True)
    duration = params.get("duration")
    if duration is None:
        raise InvalidField("duration", "is required")
    if not _SECONDS.fullmatch(duration) or not 1 <= int(duration) <= MAX_SECONDS:
        raise InvalidField("duration", f"must be a whole number between 1 and {MAX_SECONDS}")
    return ProfileQuery(_url(params), int(duration))


def parse_delete_query(query_string: str) -> ProfileQuery:
    """Of DELETE ChargingProfile: `response_url` is required. Raises InvalidField."""
    return ProfileQuery(_url(raw_response_url(query_string, duration=False)))


def raw_response_url(query_string: str, *, duration: bool) -> dict[str, str]:
    """The parameters of a query whose `response_url` may be unencoded, as in the specification's own samples.

    Percent-encoded: an ordinary parameter. Unencoded and with a `?` of its own: it takes the rest of the query, `&`
    included, except one trailing `&duration=<digits>` when the method knows `duration` and none came before.
    Unencoded without `?`: the next `&` ends it.
    """
    found = _RESPONSE_URL.search(query_string)
    if found is None or not _RAW_URL.match(query_string, found.end()):
        return _params(query_string)
    before, url = query_string[: found.start()], query_string[found.end() :]
    if "?" not in url.partition("&")[0]:
        return _params(query_string) | _without_query(url)
    params = _params(before)
    ours = _OUR_DURATION.search(url) if duration and "duration" not in params else None
    if ours:
        url, params["duration"] = url[: ours.start()], ours[1]
    return params | {"response_url": url}


def _without_query(url: str) -> dict[str, str]:
    """Only `?` and `&` were encoded (https://host/path%3Fid%3D1): that is decoded; any other is taken as it is."""
    value = url.partition("&")[0]
    return {"response_url": unquote(value) if "%3f" in value.lower() else value}


def _params(query_string: str) -> dict[str, str]:
    """The first of each name counts."""
    return dict(reversed(parse_qsl(query_string, keep_blank_values=True)))


def _url(params: dict[str, str]) -> str:
    if "response_url" not in params:
        raise InvalidField("response_url", "is required")
    return response_url(params["response_url"])
