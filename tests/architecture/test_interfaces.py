"""What others rely on: addresses, commands and their options. README.md lists them."""

import re

import pytest
from django.core.management import get_commands, load_command_class
from django.urls import resolve

from chargepoints.consumers import ChargePointConsumer
from chargepoints.ocpp import registry
from chargepoints.routing import websocket_urlpatterns
from tests.architecture.sources import ROOT

pytestmark = pytest.mark.pure
README = (ROOT / "README.md").read_text()
MAKEFILE = (ROOT / "Makefile").read_text()
OWN = {"chargepoints", "cpo_backoffice", "ocpi"}
OPTIONS = {
    "add_charge_point": ["--password", "--evses", "--phases", "--max-amps", "--unit", "--json"],
    "add_party": ["--role", "--token-a", "--token", "--versions-url", "--sessions-url", "--chargingprofiles-url",
                  "--locations-url", "--allow-host", "--json"],
    "add_token": ["--status", "--json"],
    "connect_party": ["--token-a", "--versions-url", "--renew", "--json"],
    "disconnect_party": ["--json"],
    "refresh_party": ["--json"],
    "rotate_party": ["--json"],
    "test_party": ["--json"],
    "send_command": ["--timeout", "--json"],
    "show_sessions": ["--charge-point", "--json"],
    "run": ["--demo", "--only"],
    "seed_demo": ["--json"],
    "simulate_charge_point": ["--url", "--password", "--charge"],
    "simulate_scsp": ["--versions-url", "--token-a", "--public-url", "--strategy", "--fault",
                      "--strict", "--for", "--json"],
}  # fmt: skip
ADDRESSES = {
    "/ocpi/versions": "VersionsView",
    "/ocpi/2.2.1": "VersionDetailsView",
    "/ocpi/2.2.1/credentials": "CredentialsView",
    "/ocpi/2.2.1/sessions": "SessionsView",
    "/ocpi/2.2.1/locations": "LocationsView",
    "/ocpi/2.2.1/chargingprofiles/8f5b3bd4-6e0c-4e0a-9e5e-0d4d8d8f2f11": "ChargingProfilesView",
    "/healthz": "healthz",
    "/readyz": "readyz",
    "/metrics": "metrics",
    "/admin/": "index",
}


def test_our_commands_are_these() -> None:
    assert {name for name, app in get_commands().items() if app in OWN} == set(OPTIONS)


@pytest.mark.parametrize("name", sorted(OPTIONS))
def test_a_command_has_its_options_and_says_what_it_does(name: str) -> None:
    parser = load_command_class(get_commands()[name], name).create_parser("manage.py", name)
    known = {option for action in parser._actions for option in action.option_strings}
    assert set(OPTIONS[name]) - known == set()
    assert parser.description


def test_the_readme_lists_every_command_and_only_existing_ones() -> None:
    named = set(re.findall(r"manage\.py ([a-z_]+)", README))
    assert set(OPTIONS) <= named
    assert named <= set(get_commands())


def test_the_readme_names_only_make_targets_that_exist() -> None:
    targets = set(re.findall(r"^([a-z]+):", MAKEFILE, re.M))
    assert set(re.findall(r"\bmake ([a-z]+)", README)) <= targets
    assert {"install", "run", "test", "lint", "format", "bench", "requirements", "clean"} <= targets


@pytest.mark.parametrize("address", sorted(ADDRESSES))
def test_an_address_that_others_rely_on_is_answered(address: str) -> None:
    found = resolve(address)
    view = getattr(found.func, "cls", None) or getattr(found.func, "view_class", None) or found.func
    assert view.__name__ == ADDRESSES[address]


@pytest.mark.parametrize("slash", ["", "/"])
def test_charge_points_connect_to_ocpp_and_their_identity(slash: str) -> None:
    (pattern,) = websocket_urlpatterns
    match = pattern.resolve(f"ocpp/NL-CP-001{slash}")
    assert match is not None
    assert match.kwargs == {"identity": "NL-CP-001"}
    assert match.func.consumer_class is ChargePointConsumer


def test_the_best_common_ocpp_version_is_spoken() -> None:
    offered = [version.subprotocol for version in registry.VERSIONS]
    assert "ocpp1.6" in offered
    assert registry.negotiate(["ocpp0.9", "ocpp1.6"]) is not None
    assert registry.negotiate(["ocpp0.9"]) is None
