"""What odd peers send over HTTP, and what it must not break."""

from typing import Any

import pytest
from django.utils import timezone

from chargepoints.models import ChargingSession
from ocpi import handshake
from ocpi.models import PartnerEndpoint
from ocpi.protocol.envelope import OcpiError
from ocpi.protocol.pagination import paginate, parse_page_query
from tests.support import ocpi_factories as make
from tests.support.ocpi_factories import Partner, answered

VERSIONS = "https://new.example/ocpi/versions"
SESSIONS = {"identifier": "sessions", "role": "RECEIVER", "url": "https://new.example/ocpi/2.2.1/sessions"}


# --- lists ----------------------------------------------------------------------------------------------------------


@pytest.mark.pure
@pytest.mark.parametrize("limit", ["2147483647", "4294967295", "9" * 18])
def test_a_limit_that_means_everything_is_cut_to_ours(limit: str):
    assert parse_page_query({"limit": limit}, max_limit=100).limit == 100


@pytest.mark.django_db
def test_the_largest_offset_is_an_empty_page_in_the_database_too(rf):
    assert paginate(ChargingSession.objects.all(), rf.get("/", {"offset": "9" * 18})).items == ()


# --- version details ------------------------------------------------------------------------------------------------


def register(partner: Partner, *endpoints: Any) -> list[str]:
    party = make.unregistered()
    version = {"version": "2.2.1", "url": "https://new.example/ocpi/2.2.1"}
    partner.answers = [answered(data=[version]), answered(data={"version": "2.2.1", "endpoints": list(endpoints)})]
    role = {"role": "SCSP", "country_code": "NL", "party_id": "NEW", "business_details": {"name": "New B.V."}}
    body = {"token": "token-b", "url": VERSIONS, "roles": [role]}
    handshake.exchange(party, body, correlation_id="co-1", now=timezone.now())
    return [endpoint.identifier for endpoint in party.endpoints.all()]


@pytest.mark.django_db
@pytest.mark.usefixtures("enqueued", "public_names")
@pytest.mark.parametrize(
    "odd",
    [
        {"identifier": "credentials", "role": "SENDER", "url": "https://new.example/x#y"},
        {"identifier": "nlnew-things", "role": "BOTH", "url": "https://new.example/things"},
        {"identifier": "tariffs", "role": "SENDER", "url": "https://10.0.0.1/tariffs#x"},
        {"identifier": "x" * 65, "role": "SENDER", "url": "https://new.example/x"},
        {"identifier": "cdrs", "role": "RECEIVER", "url": None},
    ],
    ids=lambda odd: odd["identifier"][:12],
)
def test_an_unusable_endpoint_of_a_module_we_never_call_does_not_stop_a_registration(partner: Partner, odd):
    assert register(partner, odd, SESSIONS) == ["sessions"]


@pytest.mark.django_db
@pytest.mark.usefixtures("enqueued", "public_names")
@pytest.mark.parametrize("role", [{}, {"role": "RECEIVER"}, {"role": "BOTH"}])
def test_the_role_of_a_credentials_endpoint_is_disregarded(partner: Partner, role):
    """OCPI 2.2.1 version_information_endpoint, Endpoint class."""
    odd = {"identifier": "credentials", "url": "https://new.example/ocpi/2.2.1/credentials", **role}
    assert register(partner, odd, SESSIONS) == ["credentials", "sessions"]
    assert PartnerEndpoint.objects.get(identifier="credentials").role == "SENDER"


@pytest.mark.django_db
@pytest.mark.usefixtures("enqueued", "public_names")
@pytest.mark.parametrize("wrong", ["sessions", {"role": "SENDER", "url": "https://new.example/x"}, {"identifier": 5}])
def test_an_endpoint_that_may_be_one_we_call_must_be_usable(partner: Partner, wrong):
    with pytest.raises(OcpiError) as error:
        register(partner, SESSIONS, wrong)
    assert error.value.status_code == 3001
    assert not PartnerEndpoint.objects.exists()
