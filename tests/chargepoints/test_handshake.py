"""Who may speak for a charge point: 401 for whoever is not known or proven, 409 beside a socket that lives."""

import asyncio

import pytest

from chargepoints import authentication, doorbell, handshake
from chargepoints.doorbell import Ring
from chargepoints.handshake import Admission, Refusal
from chargepoints.models import ChargePoint
from chargepoints.ocpp import registry
from tests.chargepoints.asgi_socket import basic, in_db
from tests.support import factories

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("published")]
PASSWORD = "correct horse"


@pytest.fixture
def point(transactional_db):
    return factories.charge_point(identity="CP-1", online=False, password_hash=authentication.hash_password(PASSWORD))


async def admit(identity="CP-1", *, header=None, subprotocols=("ocpp1.6",)):
    return await handshake.admit(
        {
            "url_route": {"kwargs": {"identity": identity}},
            "headers": [header] if header else [],
            "subprotocols": list(subprotocols),
        }
    )


async def test_a_known_charge_point_with_its_password_is_admitted(point):
    assert await admit(header=basic("CP-1", PASSWORD)) == Admission("CP-1", point.pk, registry.negotiate(["ocpp1.6"]))


@pytest.mark.parametrize(
    "header",
    [
        None, basic("CP-1", "wrong"), basic("CP-1", ""), basic("CP-2", PASSWORD), basic("", PASSWORD),
        (b"authorization", b"Bearer abc"), (b"authorization", b"Basic !!"),
    ],
    ids=["none", "wrong", "empty", "other identity", "no identity", "bearer", "no base64"],
)  # fmt: skip
async def test_whoever_cannot_prove_it_gets_401(point, header):
    assert await admit(header=header) == Refusal("CP-1", 401, "unknown charge point or wrong password")


@pytest.mark.parametrize("identity", ["CP-9", "cp-1", "CP-1%00", "%00", "a%0Ab", "x" * 300])
async def test_an_unknown_identity_gets_the_same_401_and_no_row(point, identity):
    refusal = await admit(identity, header=basic("CP-1", PASSWORD))
    assert (refusal.status, refusal.reason) == (401, "unknown charge point or wrong password")
    assert len(refusal.identity) <= 48
    assert await in_db(ChargePoint.objects.count) == 1


@pytest.mark.parametrize(("header", "times"), [(basic("CP-9", "guess"), 1), (None, 0)], ids=["password", "none"])
async def test_a_password_for_an_unknown_identity_costs_as_much_as_a_wrong_one(point, monkeypatch, header, times):
    hashed = []
    monkeypatch.setattr(authentication, "hash_password", hashed.append)
    await admit("CP-9", header=header)
    assert len(hashed) == times


async def test_a_disabled_charge_point_gets_401_even_with_its_password(point):
    await in_db(ChargePoint.objects.update, enabled=False)
    assert (await admit(header=basic("CP-1", PASSWORD))).status == 401


async def test_the_identity_in_the_url_is_percent_encoded(transactional_db):
    point = await in_db(factories.charge_point, identity="DE*ABC", online=False)
    assert (await admit("DE%2AABC")).charge_point_id == point.pk


@pytest.mark.parametrize("offer", [[], ["ocpp2.0.1-unheard"], ["soap"]])
async def test_without_a_common_subprotocol_it_is_400_and_says_what_is_spoken(point, offer):
    refusal = await admit(header=basic("CP-1", PASSWORD), subprotocols=offer)
    assert (refusal.status, "ocpp1.6" in refusal.reason) == (400, True)


async def test_an_unknown_charge_point_is_entered_where_the_settings_let_it_in(transactional_db, settings):
    settings.OCPP_ACCEPT_UNKNOWN_CHARGE_POINTS = True
    first, second = await asyncio.gather(admit("NEW-1"), admit("NEW-1"))
    assert first.charge_point_id == second.charge_point_id
    assert await in_db(ChargePoint.objects.get) == ChargePoint(pk=first.charge_point_id)


async def test_an_identity_that_cannot_be_one_is_not_entered(transactional_db, settings):
    settings.OCPP_ACCEPT_UNKNOWN_CHARGE_POINTS = True
    assert (await admit("no%20good")).status == 401
    assert await in_db(ChargePoint.objects.count) == 0


# --- a second socket without a password -----------------------------------------------------------------------------


@pytest.fixture
def rings(monkeypatch):
    heard: list[tuple[str, str, Ring]] = []
    monkeypatch.setattr(doorbell, "ring", lambda *args: heard.append(args))
    return heard


async def test_with_a_password_the_new_socket_need_not_wait_for_the_old_one(point, rings):
    await in_db(ChargePoint.objects.update, connection_id="old", channel_name="process-1")
    assert isinstance(await admit(header=basic("CP-1", PASSWORD)), Admission)
    assert rings == []


async def test_without_a_password_an_old_socket_that_lives_keeps_its_place(transactional_db, rings, monkeypatch):
    monkeypatch.setattr(handshake, "MAKE_ROOM_S", 0.3)
    await in_db(factories.charge_point, identity="CP-1", connection_id="old", channel_name="process-1")
    assert await admit() == Refusal("CP-1", 409, "another socket of this charge point is alive")
    assert rings == [("process-1", "old", Ring.PROBE)]


async def test_without_a_password_an_old_socket_that_is_gone_makes_room(transactional_db, monkeypatch):
    point = await in_db(factories.charge_point, identity="CP-1", connection_id="old", channel_name="process-1")
    rung = asyncio.Event()
    monkeypatch.setattr(doorbell, "ring", lambda *_: rung.set())
    admitting = asyncio.create_task(admit())
    await rung.wait()
    await in_db(ChargePoint.objects.update, connection_id="")
    assert (await admitting).charge_point_id == point.pk
