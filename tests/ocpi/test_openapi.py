"""The OpenAPI description: public, complete, true. `tests.support.ocpi_factories.Api` holds every answer against it."""

import json
import re
from typing import Any

import jsonschema_rs
import pytest
import yaml
from django.test import Client
from django.utils import timezone
from drf_spectacular.validation import validate_schema

from chargepoints.models import ChargingSession
from ocpi import outbox, pushes
from ocpi.models import OutboxMessage
from ocpi.openapi import description
from tests.ocpi.views.test_walk import ocpi_paths, path_of
from tests.support import ocpi_factories as make
from tests.support import openapi
from tests.support.ocpi_factories import Api, Partner

pytestmark = [pytest.mark.django_db, pytest.mark.once, pytest.mark.usefixtures("enqueued", "public_names")]

METHODS = ("get", "post", "put", "patch", "delete")


@pytest.mark.parametrize("path", ["/ocpi/schema", "/ocpi/schema/"])
def test_everybody_gets_it_in_yaml_or_json(path):
    client = Client()
    as_yaml, as_json = client.get(path), client.get(f"{path}?format=json")
    assert (as_yaml["Content-Type"], as_json["Content-Type"]) == ("application/yaml", "application/json")
    assert yaml.safe_load(as_yaml.content) == as_json.json() == json.loads(json.dumps(description()))
    assert client.get(path, headers={"Accept": "application/json"})["Content-Type"] == "application/json"
    assert client.post(path).status_code == 405


def test_it_is_valid_openapi():
    validate_schema(description())


def test_it_says_where_we_are_and_no_secret(settings):
    make.party()
    settings.PUBLIC_URL = "https://cpo.example"
    text = Client().get("/ocpi/schema/").content.decode()
    assert "https://cpo.example" in text
    assert [word for word in (settings.SECRET_KEY, "inbound-JED", "jed.example", "CP1") if word in text] == []


def test_every_method_of_every_endpoint_is_described_and_nothing_else():
    """What is there is told by the Allow header."""
    found = {}
    for route in ocpi_paths():
        path = path_of(re.sub(r"\(\?P<(\w+)>.*?\)", r"{\1}", route), None)
        if path in {"/ocpi/schema", "/ocpi/nothing"}:
            continue
        allowed = Client().options(re.sub(r"{\w+}", "x", path))["Allow"].lower().split(", ")
        found[path] = [method for method in METHODS if method in allowed]
    described = {path: [m for m in METHODS if m in operations] for path, operations in description()["paths"].items()}
    assert described == found


def test_operations_have_names_of_their_own():
    names = [operation["operationId"] for path in description()["paths"].values() for operation in path.values()]
    assert len(names) == len(set(names)) > 10


# --- true -----------------------------------------------------------------------------------------------------------


def test_an_answer_with_what_is_not_described_is_noticed(monkeypatch):
    make.party()
    make.session()
    monkeypatch.setattr("ocpi.v2_2_1.session_objects.cdr_token", lambda _session: {"uid": "CARD1", "secret": 1})
    with pytest.raises(AssertionError):
        Api()("get", "/ocpi/2.2.1/sessions")


@pytest.mark.parametrize("version", ["2.2.1", "2.2"])
def test_what_every_endpoint_answers_is_as_described(version, partner: Partner):
    """Each operation once with success, so that `data` is seen; Api compares."""
    make.party()
    api, session = Api(), make.session()
    root, url = f"/ocpi/{version}", "https://jed.example/r"
    profile = {"charging_rate_unit": "W", "charging_profile_period": [{"start_period": 0, "limit": 11000}]}
    calls: list[tuple[Any, ...]] = [
        ("get", "/ocpi/versions"), ("get", root), ("get", f"{root}/credentials"), ("get", f"{root}/sessions"),
        ("get", f"{root}/sessions/{session.uid}"),
        ("put", f"{root}/sessions/{session.uid}/charging_preferences", {"profile_type": "FAST"}),
        ("put", f"{root}/chargingprofiles/{session.uid}", {"charging_profile": profile, "response_url": url}),
        ("get", f"{root}/chargingprofiles/{session.uid}?duration=60&response_url={url}"),
        ("delete", f"{root}/chargingprofiles/{session.uid}?response_url={url}"),
        ("delete", f"{root}/credentials"),
    ]  # fmt: skip
    assert [api(*call).json()["status_code"] for call in calls] == [1000] * len(calls)
    make.unregistered()
    endpoint = {"identifier": "sessions", "role": "RECEIVER", "url": "https://new.example/s"}
    body = {"token": "b", "url": "https://new.example/v", "roles": [
        {"role": "SCSP", "country_code": "NL", "party_id": "NEW", "business_details": {"name": "New"}}]}  # fmt: skip
    partner.answers = [make.answered(data=[{"version": "2.2.1", "url": "https://new.example/2"}]),
                       make.answered(data={"endpoints": [endpoint]})]  # fmt: skip
    assert Api("first-NEW")("post", f"{root}/credentials", body).json()["status_code"] == 1000


@pytest.mark.parametrize(("version", "name"), [("2.2.1", "Session"), ("2.2", "Session-2.2")])
def test_what_we_push_is_as_described(partner: Partner, version, name):
    partner.version = version
    make.party(version=version)
    pushes.session_changed(make.session(state="COMPLETED", ended_at=make.later(60)), now=timezone.now())
    pushes.push_again(ChargingSession.objects.get(), now=timezone.now())
    outbox.deliver(OutboxMessage.objects.get().pk, now=timezone.now())
    components = openapi.document()["components"]
    jsonschema_rs.validate(openapi.closed({**components["schemas"][name], "components": components}), partner.bodies[0])
