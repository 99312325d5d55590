"""Rows and people for the tests of the operators' site."""

from datetime import UTC, datetime, timedelta
from typing import Any

from django.contrib.auth.models import Group, Permission, User
from django.test import Client
from django.urls import reverse

from chargepoints import commands
from chargepoints.models import ChargePoint, ChargePointCommand, ChargingProfile, ChargingSession
from chargepoints.values import ChargingSchedule, CommandOutcome, OutcomeStatus, RateUnit
from ocpi.models import OutboxMessage, Party, ProfileRequest
from tests.support import factories

OWNER = "NL*JED"
STARTED_AT = datetime(2025, 3, 1, 8, 0, tzinfo=UTC)
HOSTILE = "<script>'x'</script>"


def client_of_all() -> Client:
    """Signed in as a superuser, the same each time."""
    client = Client()
    client.force_login(User.objects.filter(is_superuser=True).first() or User.objects.create_superuser("noor"))
    return client


def client_of(*permissions: str, name: str = "noor") -> Client:
    """Signed in as staff with these permissions (`app.codename`); `view`: may see everything of both apps."""
    user = User.objects.create_user(name, password="a long password", is_staff=True)
    for permission in permissions:
        user.user_permissions.add(*_permissions(permission))
    client = Client()
    client.force_login(user)
    return client


def _permissions(text: str) -> list[Permission]:
    if text == "view":
        found = Permission.objects.filter(
            content_type__app_label__in=["chargepoints", "ocpi"], codename__startswith="view_"
        )
        return list(found)
    app_label, codename = text.split(".")
    return [Permission.objects.get(content_type__app_label=app_label, codename=codename)]


def make_charge_point(identity: str = "DEMO-16", **fields: Any) -> ChargePoint:
    """With one EVSE; online unless told otherwise."""
    charge_point = factories.charge_point(identity=identity, **({"ocpp_version": "ocpp1.6"} | fields))
    factories.evse(charge_point)
    return charge_point


def make_session(charge_point: ChargePoint | None = None, **fields: Any) -> ChargingSession:
    charge_point = charge_point or make_charge_point()
    defaults = {"ocpp_transaction_id": "4711", "started_at": STARTED_AT, "last_updated": STARTED_AT}
    return factories.session(charge_point.evses.get(), **(defaults | fields))


def schedule(*limits_w: int) -> ChargingSchedule:
    """Each limit for an hour from STARTED_AT, the last one without end."""
    return factories.schedule(*limits_w, unit=RateUnit.WATT, step_s=3600, start_at=STARTED_AT)


def ask_profile(session: ChargingSession, *limits_w: int, at: datetime, owner: str = OWNER) -> ChargePointCommand:
    return commands.request_set_profile(
        session=session, owner=owner, schedule=schedule(*limits_w), requested_by=owner, now=at,
        expires_at=at + timedelta(seconds=30),
    )  # fmt: skip


def answer(command: ChargePointCommand, status: OutcomeStatus, detail: str = "", *, at: datetime) -> None:
    ChargePointCommand.objects.filter(pk=command.pk).update(status="SENT", sent_at=at)
    assert commands.record_outcome(command.pk, CommandOutcome(status, detail), now=at)


def install_profile(session: ChargingSession, *limits_w: int, at: datetime, owner: str = OWNER) -> ChargingProfile:
    command = ask_profile(session, *limits_w, at=at, owner=owner)
    answer(command, OutcomeStatus.ACCEPTED, at=at)
    ChargePointCommand.objects.filter(kind="GET_COMPOSITE").delete()
    return ChargingProfile.objects.get(session=session, owner=owner)


def make_request(party: Party, session: ChargingSession, *, at: datetime, **fields: Any) -> ProfileRequest:
    fields = {"kind": "SET", "response": "ACCEPTED", **fields}
    return ProfileRequest.objects.create(
        party=party, session=session, session_uid=session.uid, request_id="request-1", correlation_id="correlation-1",
        response_url="https://partner.example/result", fingerprint="0" * 64, received_at=at, timeout_s=30,
        deadline_at=at + timedelta(seconds=30), **fields,
    )  # fmt: skip


def make_message(party: Party, session: ChargingSession, *, at: datetime, **fields: Any) -> OutboxMessage:
    fields = {"kind": "SESSION", "due_at": at, **fields}
    return OutboxMessage.objects.create(party=party, session=session, created_at=at, **fields)


def page(obj: Any) -> str:
    return reverse(f"admin:{obj._meta.app_label}_{obj._meta.model_name}_change", args=[obj.pk])


def list_of(model: Any) -> str:
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")


def act(client: Client, action: str, *objects: Any, confirmed: bool = False, **data: Any) -> Any:
    """Ticks the objects in their list and runs the action, as the buttons of their pages do."""
    data = {"action": action, "_selected_action": [obj.pk for obj in objects], "index": 0, "select_across": 0, **data}
    if confirmed:
        data["confirm"] = "yes"
    return client.post(list_of(type(objects[0])), data, follow=True)


def messages_of(response: Any) -> list[str]:
    return [str(message) for message in response.context["messages"]]


def client_in(role: str) -> Client:
    """Signed in as staff in this role alone."""
    user = User.objects.create_user(role.replace(" ", "-").lower(), is_staff=True)
    user.groups.add(Group.objects.get(name=role))
    client = Client()
    client.force_login(user)
    return client
