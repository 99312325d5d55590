"""Which link speaks which subprotocol."""

import pytest

from chargepoints.ocpp import registry
from chargepoints.ocpp.v16.link import V16Link
from chargepoints.ocpp.v201.link import V201Link

pytestmark = pytest.mark.pure


def test_ocpp16_is_spoken_by_its_link():
    version = registry.negotiate(["ocpp1.6"])
    assert version is not None
    assert (version.subprotocol, version.number, version.link) == ("ocpp1.6", "1.6", V16Link)


def test_ocpp201_is_spoken_by_its_link_and_preferred():
    version = registry.negotiate(["ocpp1.6", "ocpp2.0.1"])
    assert version is not None
    assert (version.subprotocol, version.number, version.link) == ("ocpp2.0.1", "2.0.1", V201Link)


def test_the_best_common_version_is_chosen_whatever_the_order_of_the_offer():
    offer = ["ocpp1.5", *reversed([version.subprotocol for version in registry.VERSIONS]), "soap"]
    assert registry.negotiate(offer) is registry.VERSIONS[0]


@pytest.mark.parametrize("version", registry.VERSIONS, ids=lambda version: version.number)
def test_every_version_can_be_had_alone(version):
    assert registry.negotiate([version.subprotocol]) is version


@pytest.mark.parametrize("offer", [[], ["ocpp1.5"], ["OCPP1.6"], ["ocpp1.6 "]])
def test_there_is_no_version_without_a_common_subprotocol(offer):
    assert registry.negotiate(offer) is None
