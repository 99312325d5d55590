import uuid

import pytest

from ocpi.protocol.headers import Address, MessageIds, Routing

pytestmark = pytest.mark.pure


def test_message_ids_are_taken_from_the_request() -> None:
    ids = MessageIds.of({"X-Request-ID": "r-1", "X-Correlation-ID": "c-1"})
    assert ids == MessageIds("r-1", "c-1")
    assert ids.headers() == {"X-Request-ID": "r-1", "X-Correlation-ID": "c-1"}


@pytest.mark.parametrize("value", [None, "", "a" * 129, "two words", "line\r\nX-Injected: 1", "tab\t", "é", "a\n"])
def test_an_unusable_id_is_replaced_by_a_fresh_uuid(value: str | None) -> None:
    given = {} if value is None else {"X-Request-ID": value, "X-Correlation-ID": value}
    ids = MessageIds.of(given)
    assert uuid.UUID(ids.request_id) != uuid.UUID(ids.correlation_id)


def test_an_id_of_128_characters_is_kept() -> None:
    assert MessageIds.of({"X-Request-ID": "a" * 128}).request_id == "a" * 128


def test_the_answer_swaps_sender_and_receiver() -> None:
    routing = Routing.of(
        {
            "OCPI-from-country-code": "NL",
            "OCPI-from-party-id": "JED",
            "OCPI-to-country-code": "DE",
            "OCPI-to-party-id": "CPO",
        }
    )
    assert routing == Routing(sender=Address("NL", "JED"), receiver=Address("DE", "CPO"))
    assert routing.swapped().headers() == {
        "OCPI-to-country-code": "NL",
        "OCPI-to-party-id": "JED",
        "OCPI-from-country-code": "DE",
        "OCPI-from-party-id": "CPO",
    }


def test_missing_routing_is_tolerated_and_nothing_is_made_up() -> None:
    routing = Routing.of({"OCPI-from-country-code": "NL", "OCPI-from-party-id": "JED"})
    assert routing.swapped().headers() == {"OCPI-to-country-code": "NL", "OCPI-to-party-id": "JED"}
    assert Routing.of({}).swapped().headers() == {}


@pytest.mark.parametrize(
    ("country", "party"), [("NLD", "JED"), ("NL", "JEDL"), ("N\n", "JED"), ("NL", "J D"), ("NL", "")]
)
def test_routing_that_is_no_party_is_not_echoed(country: str, party: str) -> None:
    assert Routing.of({"OCPI-from-country-code": country, "OCPI-from-party-id": party}) == Routing()
