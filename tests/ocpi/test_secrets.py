"""Tokens are nowhere to be read: not in any column, not in any log line."""

import logging
from typing import Any

import pytest
from django.apps import apps
from django.utils import timezone

from ocpi import handshake, inbound_log, outbox
from ocpi.client import DeliveryFailed, FailureKind
from ocpi.models import OutboxMessage
from ocpi.protocol.tokens import encode_base64
from tests.support import ocpi_factories as make
from tests.support.ocpi_factories import Api, Partner, answered

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("enqueued", "public_names")]

TOKEN_B = "planted-token-b"
SESSIONS = {"identifier": "sessions", "role": "RECEIVER", "url": "https://new.example/sessions"}


def willing(partner: Partner) -> None:
    partner.answers += [
        answered(data=[{"version": "2.2.1", "url": "https://new.example/2.2.1"}]),
        answered(data={"version": "2.2.1", "endpoints": [SESSIONS]}),
    ]


def credentials_body() -> dict[str, Any]:
    roles = [{"role": "SCSP", "country_code": "NL", "party_id": "NEW"}]
    return {"token": TOKEN_B, "url": "https://new.example/versions", "roles": roles}


def a_whole_life(partner: Partner) -> list[str]:
    """A registration that fails and one that succeeds, a request, a result that fails and one that arrives, an update,
    an end. Returns every token that was in play.
    """
    inbound_log.buffer.take()
    party, session = make.unregistered(), make.session()
    first = Api("first-NEW")
    first("get", "/ocpi/versions")
    partner.answers = [DeliveryFailed(FailureKind.CONNECT, "no connection")]
    first("post", "/ocpi/2.2.1/credentials", credentials_body())
    willing(partner)
    token_c = first("post", "/ocpi/2.2.1/credentials", credentials_body()).json()["data"]["token"]
    api = Api(token_c)
    api("get", "/ocpi/2.2.1/credentials")
    body = {
        "charging_profile": {
            "charging_rate_unit": "W",
            "charging_profile_period": [{"start_period": 0, "limit": 9000}],
        },
        "response_url": "https://new.example/result?secret=planted-in-url",
    }
    api("put", f"/ocpi/2.2.1/chargingprofiles/{session.uid}", body)
    make.finish(party.profile_requests.get().command)
    message = OutboxMessage.objects.get(kind="RESULT")
    partner.answers = [answered(500, ocpi=None)]
    outbox.deliver(message.pk, now=timezone.now())
    message.refresh_from_db()
    outbox.deliver(message.pk, now=message.due_at)
    Api("planted-unknown")("get", "/ocpi/2.2.1/sessions")
    willing(partner)
    token_d = api("put", "/ocpi/2.2.1/credentials", credentials_body()).json()["data"]["token"]
    assert inbound_log.flush() > 0
    tokens = ["first-NEW", TOKEN_B, token_c, token_d, "planted-unknown"]
    return tokens + [encode_base64(token) for token in tokens]


def test_no_token_is_in_any_column(partner: Partner):
    """Hashed where we only compare, encrypted where we must send."""
    planted = a_whole_life(partner)
    stored = {
        f"{model._meta.label}.{name}": str(value)
        for model in apps.get_models()
        for row in model._default_manager.values()
        for name, value in row.items()
        for token in planted
        if token in str(value)
    }
    assert stored == {}


def test_no_token_is_ever_logged(partner: Partner, caplog):
    caplog.set_level(logging.DEBUG)
    planted = [*a_whole_life(partner), "planted-in-url"]
    assert [token for token in planted if token in caplog.text] == []
    assert "profile request id=" in caplog.text
    assert "party registered party=NL*NEW" in caplog.text


def test_no_token_is_in_what_is_shown_of_an_object(partner: Partner):
    a_whole_life(partner)
    theirs = handshake.parse(make.Party.objects.get(), credentials_body())
    assert TOKEN_B not in repr(theirs)
