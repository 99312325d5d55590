"""Message ids and routing headers (OCPI 2.2.1 transport_and_format, Unique message IDs and Message Routing Headers).

Whatever a peer sends is echoed only inside narrow bounds.
"""

import re
import uuid
from collections.abc import Mapping
from dataclasses import dataclass

_MESSAGE_ID = re.compile(r"[!-~]{1,128}")
_COUNTRY_CODE = re.compile(r"[A-Za-z]{2}")
_PARTY_ID = re.compile(r"[A-Za-z0-9]{3}")


@dataclass(frozen=True, slots=True)
class MessageIds:
    request_id: str
    correlation_id: str

    @classmethod
    def of(cls, headers: Mapping[str, str]) -> "MessageIds":
        """As the request carries them; a missing or unusable one is replaced by a fresh UUID."""
        return cls(_message_id(headers.get("X-Request-ID")), _message_id(headers.get("X-Correlation-ID")))

    def headers(self) -> dict[str, str]:
        return {"X-Request-ID": self.request_id, "X-Correlation-ID": self.correlation_id}


@dataclass(frozen=True, slots=True)
class Address:
    """One end of a message. CiStrings: compare without regard to case, for which `str` is the same."""

    country_code: str
    party_id: str

    def __str__(self) -> str:
        return f"{self.country_code}*{self.party_id}".upper()

    @classmethod
    def parse(cls, text: str) -> "Address | None":
        """What `str` wrote; None for any other text."""
        country_code, _, party_id = text.partition("*")
        return cls(country_code, party_id) if is_address(country_code, party_id) else None


@dataclass(frozen=True, slots=True)
class Routing:
    """Who sends to whom. None: not said, as a peer with one role may (PARTY to PARTY, directly connected)."""

    sender: Address | None = None
    receiver: Address | None = None

    @classmethod
    def of(cls, headers: Mapping[str, str]) -> "Routing":
        return cls(sender=_address(headers, "from"), receiver=_address(headers, "to"))

    def swapped(self) -> "Routing":
        """The routing of the answer."""
        return Routing(sender=self.receiver, receiver=self.sender)

    def headers(self) -> dict[str, str]:
        return _address_headers("to", self.receiver) | _address_headers("from", self.sender)


NOT_SAID = Routing()


def is_address(country_code: str, party_id: str) -> bool:
    return bool(_COUNTRY_CODE.fullmatch(country_code) and _PARTY_ID.fullmatch(party_id))


def unreadable(headers: Mapping[str, str], end: str) -> bool:
    """Whether the headers name the `from` or `to` end, but not so that it could be a party."""
    said = any(headers.get(name) for name in header_names(end))
    return said and _address(headers, end) is None


def header_names(end: str) -> tuple[str, str]:
    return f"OCPI-{end}-country-code", f"OCPI-{end}-party-id"


def _message_id(value: str | None) -> str:
    return value if value and _MESSAGE_ID.fullmatch(value) else str(uuid.uuid4())


def _address(headers: Mapping[str, str], end: str) -> Address | None:
    country_code, party_id = (headers.get(name) or "" for name in header_names(end))
    return Address(country_code, party_id) if is_address(country_code, party_id) else None


def _address_headers(end: str, address: Address | None) -> dict[str, str]:
    if address is None:
        return {}
    return dict(zip(header_names(end), (address.country_code, address.party_id), strict=True))
