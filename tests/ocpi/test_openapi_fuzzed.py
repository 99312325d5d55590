"""What the OpenAPI description allows, and what it does not, sent to every endpoint: no fault, all as described.

A registered party calls, about a session of its own as often as about none. Each example is undone.
"""

from collections.abc import Iterator
from functools import partial
from typing import Any

import pytest
import schemathesis
from django.core.signals import request_finished, request_started
from django.core.wsgi import get_wsgi_application
from django.db import close_old_connections, transaction
from hypothesis import HealthCheck, Phase, assume, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from chargepoints.models import Location
from ocpi import preferences
from ocpi.openapi import description
from ocpi.protocol import documents
from ocpi.protocol.datetimes import parse_datetime
from ocpi.protocol.openapi import ROUTING_HEADERS
from ocpi.v2_2_1 import translation
from ocpi.v2_2_1.schemas import SCHEMAS
from tests.support import ocpi_factories as make
from tests.support.ocpi_factories import answered

pytestmark = [pytest.mark.django_db, pytest.mark.once, pytest.mark.usefixtures("enqueued", "public_names")]

EXAMPLES = 12  # for each operation and mode: about 12 s in all
CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_headers_conformance,
          response_schema_conformance]  # fmt: skip
DESCRIBED = [(path, method) for path, methods in sorted(description()["paths"].items()) for method in methods]
# Those of 2.2 are the same views, so a few examples do.
OF_2_2 = [(path, method) for path, method in DESCRIBED if path.startswith("/ocpi/2.2/")]
OPERATIONS = [operation for operation in DESCRIBED if operation not in OF_2_2]
ENDPOINT = {"identifier": "sessions", "role": "RECEIVER", "url": "https://jed.example/sessions"}
PARTIES = [{"country_code": "NL", "party_id": party_id} for party_id in ("JED", "NEW")]
URL = "https://jed.example/result"
KNOWN = {name for schema in SCHEMAS.values() for name in schema.get("properties", ())}
Case = Any


@pytest.fixture(scope="module")
def described() -> Iterator[Any]:
    """Without what closes the connection of the test after each request."""
    for signal in (request_started, request_finished):
        signal.disconnect(close_old_connections)
    yield schemathesis.openapi.from_wsgi("/ocpi/schema/?format=json", get_wsgi_application())
    for signal in (request_started, request_finished):
        signal.connect(close_old_connections)


@pytest.fixture(autouse=True)
def far_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever registers offers all that is asked of it."""
    versions = [{"version": version, "url": "https://jed.example/details"} for version in ("2.2.1", "2.2")]

    def answer(request: Any, **_: Any) -> Any:
        return answered(data={"endpoints": [ENDPOINT]} if request.url.endswith("/details") else versions)

    monkeypatch.setattr("ocpi.client.send", answer)


def example(function: Any, examples: int = EXAMPLES) -> Any:
    bounded = hypothesis_settings(
        max_examples=examples,
        deadline=None,
        database=None,
        phases=[Phase.generate],  # shrinking takes minutes
        suppress_health_check=list(HealthCheck),
    )

    def one(data: st.DataObject) -> None:
        function(data)

    return bounded(given(st.data())(one))


def possible(body: dict[str, Any]) -> dict[str, Any]:
    """What no JSON Schema can say: days that a month has, periods that follow each other from 0, text that is text in
    fields that nobody knows, a URL with a host, credentials of who calls.
    """
    found = {
        name: possible(value) if isinstance(value, dict) else value for name, value in body.items() if name in KNOWN
    }
    assume(all(is_moment(found[name]) for name in ("start_date_time", "departure_time") if name in found))
    if periods := found.get("charging_profile_period"):
        found["charging_profile_period"] = [{**possible(p), "start_period": n} for n, p in enumerate(periods)]
    if "response_url" in found:
        found["response_url"] = URL
    if "roles" in found:
        found |= {"url": URL, "roles": [{**role, **party} for role in found["roles"] for party in PARTIES]}
    return found


def is_moment(text: str) -> bool:
    try:
        parse_datetime(text)
    except ValueError:
        return False
    return True


def aim(case: Case, *, token: str, ids: dict[str, str], routed: bool, known_url: bool) -> None:
    """Past the first refusal: what is random everywhere gets no further than the door."""
    for name in [name for name in case.headers if name.lower() == "authorization"]:
        del case.headers[name]
    case.headers["Authorization"] = f"Token {token}"
    case.path_parameters.update({name: uid for name, uid in ids.items() if name in case.path_parameters})
    if not routed:
        for name in ROUTING_HEADERS:
            case.headers.pop(name, None)
    if known_url:
        for place in (case.body, case.query):
            if isinstance(place, dict) and "response_url" in place:
                place["response_url"] = URL


@pytest.fixture
def ids() -> dict[str, str]:
    """Of what the registered party may see; another one is not registered yet."""
    make.party()
    make.unregistered()
    session = make.session()
    place = session.evse.charge_point.location
    Location.objects.update(address="Street 1", city="Town", latitude="52.1", longitude="5.1")
    return {
        "session_id": session.uid, "location_id": place.uid, "evse_uid": session.evse.uid, "connector_id": "1",
    }  # fmt: skip


def send(data: st.DataObject, *, operation: Any, ids: dict[str, str], mode: Any) -> None:
    case = data.draw(operation.as_strategy(mode))
    own, routed, known_url, sensible = (data.draw(st.booleans()) for _ in range(4))
    token = "first-NEW" if case.method == "POST" else "inbound-JED"
    aim(case, token=token, ids=ids if own else {}, routed=routed, known_url=known_url)
    if sensible and mode == GenerationMode.POSITIVE and isinstance(case.body, dict):
        case.body = possible(case.body)
    with transaction.atomic():
        response = case.call()
        transaction.set_rollback(True)
    case.validate_response(response, checks=CHECKS)


@pytest.mark.parametrize("mode", list(GenerationMode), ids=lambda mode: mode.value)
@pytest.mark.parametrize(("path", "method"), OPERATIONS)
def test_no_request_makes_a_fault_and_every_answer_is_as_described(
    described: Any, ids: dict[str, str], path: str, method: str, mode: Any
):
    example(partial(send, operation=described[path][method.upper()], ids=ids, mode=mode))()


@pytest.mark.parametrize("mode", list(GenerationMode), ids=lambda mode: mode.value)
def test_the_same_holds_of_2_2(described: Any, ids: dict[str, str], mode: Any):
    assert {path.replace("/2.2/", "/2.2.1/") for path, _ in OF_2_2} < {path for path, _ in OPERATIONS}
    for path, method in OF_2_2:
        example(partial(send, operation=described[path][method.upper()], ids=ids, mode=mode), examples=2)()


@pytest.mark.parametrize(
    ("path", "parse"),
    [
        ("/ocpi/2.2.1/chargingprofiles/{session_id}", translation.parse_set_charging_profile),
        ("/ocpi/2.2.1/sessions/{session_id}/charging_preferences", preferences.parse),
    ],
)
def test_a_body_that_the_description_allows_is_read(described: Any, path: str, parse: Any):
    @example
    def check(data: st.DataObject) -> None:
        body = data.draw(described[path]["PUT"].as_strategy(GenerationMode.POSITIVE)).body
        parse(documents.load(documents.dump(possible(body))))

    check()
