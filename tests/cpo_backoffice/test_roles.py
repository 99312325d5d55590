"""Who may do what: every role on every page, for every action. A page or action that is not in the tables fails."""

from uuid import uuid4

import pytest
from django.apps import apps
from django.contrib import admin
from django.contrib.auth.models import Group, Permission, User
from django.template.response import SimpleTemplateResponse
from django.test import Client, RequestFactory
from django.urls import reverse

from chargepoints.admin import site_pages
from chargepoints.models import ChargePoint
from cpo_backoffice import roles
from tests.support.operators import act, client_in, list_of, make_charge_point

pytestmark = [pytest.mark.django_db, pytest.mark.once]

VIEWER, SUPPORT, OPERATOR, PARTNERS, ADMIN = "Viewer", "Support", "Operator", "Partner manager", "Administrator"
ROLES = (VIEWER, SUPPORT, OPERATOR, PARTNERS, ADMIN)
ALL = frozenset(ROLES)
NOBODY: frozenset[str] = frozenset()
STEERING, OPERATING = frozenset({SUPPORT, OPERATOR, ADMIN}), frozenset({OPERATOR, ADMIN})
SENDING, MANAGING, ADMINISTERING = STEERING | {PARTNERS}, frozenset({PARTNERS, ADMIN}), frozenset({ADMIN})

# Who sees, who adds, who changes, who deletes.
RECORD = (ALL, NOBODY, NOBODY, NOBODY)
PLACE = (ALL, ADMINISTERING, ADMINISTERING, ADMINISTERING)
PARTNER = (ALL, MANAGING, MANAGING, ADMINISTERING)
PERSON = (ADMINISTERING, ADMINISTERING, ADMINISTERING, ADMINISTERING)
PAGES = {
    "auth.group": PERSON,
    "auth.user": PERSON,
    "chargepoints.auditentry": RECORD,
    "chargepoints.chargepoint": PLACE,
    "chargepoints.chargepointcommand": RECORD,
    "chargepoints.chargingprofile": RECORD,
    "chargepoints.chargingsession": RECORD,
    "chargepoints.connector": PLACE,
    "chargepoints.drivertoken": PLACE,
    "chargepoints.evse": PLACE,
    "chargepoints.location": PLACE,
    "chargepoints.metervalue": RECORD,
    "chargepoints.ocppmessage": RECORD,
    "chargepoints.operatorlimit": RECORD,
    "chargepoints.serverprocess": RECORD,
    "chargepoints.smartchargingtest": RECORD,
    "ocpi.credentials": PARTNER,
    "ocpi.deliveryattempt": RECORD,
    "ocpi.inboundrequest": RECORD,
    "ocpi.outboxmessage": RECORD,
    "ocpi.partnerendpoint": (ALL, MANAGING, MANAGING, MANAGING),
    "ocpi.party": PARTNER,
    "ocpi.profilerequest": RECORD,
    "ocpi.requestbucket": RECORD,
}
ACTIONS = {
    "chargepoints.chargepoint": {
        "remote_start": OPERATING, "trigger_message": OPERATING, "refresh_capabilities": OPERATING,
        "soft_reset": OPERATING, "open_console": OPERATING, "self_test": OPERATING,
        "set_limit": OPERATING, "remove_limit": OPERATING,
    },
    "chargepoints.chargingsession": {
        "push_profile_again": STEERING, "clear_profile": STEERING, "fetch_active_profile": STEERING,
        "remote_stop": OPERATING, "self_test": OPERATING, "dry_run_of": ALL, "send_session_again": SENDING,
    },
    "chargepoints.smartchargingtest": {"stop_test": OPERATING},
    "chargepoints.evse": {"remote_start": OPERATING, "set_limit": OPERATING, "remove_limit": OPERATING},
    "ocpi.credentials": {"issue_new_token": MANAGING, "check_authorisation": MANAGING},
    "ocpi.outboxmessage": {"retry_delivery_now": SENDING},
    "ocpi.party": {
        "connect": MANAGING, "test_connection": MANAGING, "refresh_endpoints": MANAGING, "rotate_tokens": MANAGING,
        "disconnect": MANAGING,
    },
}  # fmt: skip
# Names of pages that are no model's: who may open them, and what their address needs.
SITE_PAGES: dict[str, tuple[frozenset[str], tuple[object, ...]]] = {
    "action_results": (ALL, (uuid4(),)),
    "dry_run": (ALL, ()),
}


@pytest.fixture(autouse=True)
def static_root(settings, tmp_path):
    settings.STATIC_ROOT = tmp_path


@pytest.fixture
def blank(monkeypatch):
    """Pages are answered without being drawn: only who may open them matters."""

    def render(response):
        response.content = b""
        return response

    monkeypatch.setattr(SimpleTemplateResponse, "render", render)


@pytest.fixture(params=ROLES)
def role(request):
    return request.param


def status(client: Client, model: str, page: str, *args: object, method: str = "get") -> int:
    app, name = model.split(".")
    return getattr(client, method)(reverse(f"admin:{app}_{name}_{page}", args=args)).status_code


def test_the_tables_name_every_page_and_every_action():
    assert set(PAGES) == {model._meta.label_lower for model in admin.site._registry}
    assert set(SITE_PAGES) == {page.name for page in site_pages._pages}
    everyone = RequestFactory().get("/")
    everyone.user = User(is_superuser=True, is_staff=True, is_active=True)
    found = {
        model._meta.label_lower: set(owner.get_actions(everyone)) - {"delete_selected"}
        for model, owner in admin.site._registry.items()
    }
    assert {model: names for model, names in found.items() if names} == {m: set(a) for m, a in ACTIONS.items()}


def test_each_role_opens_just_its_lists_pages_and_forms(role, blank):
    """Without an object: who may open its page is sent away (302), who may not is refused (403)."""
    client = client_in(role)
    found = {
        model: (
            status(client, model, "changelist") == 200, status(client, model, "add") == 200,
            status(client, model, "change", 0) == 302, status(client, model, "change", 0, method="post") == 302,
            status(client, model, "delete", 0) == 302,
        )
        for model in PAGES
    }  # fmt: skip
    assert found == {
        model: (role in see, role in add, role in see, role in change, role in delete)
        for model, (see, add, change, delete) in PAGES.items()
    }


def test_each_role_has_just_its_actions(role):
    client_in(role)
    request = RequestFactory().get("/")
    request.user = User.objects.get()
    for model, owner in admin.site._registry.items():
        label = model._meta.label_lower
        allowed = {name for name, who in ACTIONS.get(label, {}).items() if role in who}
        deleting = {"delete_selected"} if role in PAGES[label][3] else set()
        assert set(owner.get_actions(request)) == allowed | deleting, label


def test_each_role_opens_just_its_site_pages(role):
    """What there is none of is not found (404); who may not look is refused before that."""
    client = client_in(role)
    found = {
        name: client.get(reverse(f"admin:{name}", args=args)).status_code in {200, 404}
        for name, (_, args) in SITE_PAGES.items()
    }
    assert found == {name: role in who for name, (who, _) in SITE_PAGES.items()}
    assert client.get(reverse("admin:index")).status_code == 200


def test_a_role_lets_nobody_in_who_is_no_staff():
    user = User.objects.create_user("noor")
    user.groups.add(Group.objects.get(name=ADMIN))
    client = Client()
    client.force_login(user)
    assert client.get(reverse("admin:index")).status_code == 302
    assert client.get(list_of(ChargePoint)).status_code == 302


def test_an_action_of_another_role_does_nothing_by_a_made_up_post(monkeypatch):
    monkeypatch.setattr("chargepoints.commands.request_call", lambda **_: pytest.fail("it was asked for"))
    act(client_in(SUPPORT), "soft_reset", make_charge_point(), confirmed=True)


def test_every_permission_that_we_define_belongs_to_the_administrator():
    given = set(Group.objects.get(name=ADMIN).permissions.values_list("codename", flat=True))
    ours = {code for app in ("chargepoints", "ocpi") for model in apps.get_app_config(app).get_models()
            for code, _ in model._meta.permissions}  # fmt: skip
    assert ours >= {"operate_chargepoint", "steer_session", "send_to_party", "manage_credentials"}
    assert ours - given == set()


# --- the migration --------------------------------------------------------------------------------------------------


def test_what_an_administrator_changed_in_a_group_stays():
    Group.objects.get(name=VIEWER).permissions.clear()
    roles.create(apps, {VIEWER: ["chargepoints.view_location"]})
    assert not Group.objects.get(name=VIEWER).permissions.exists()


def test_a_database_without_permissions_gets_them_with_the_roles():
    """As a fresh one, where they are otherwise made after all migrations."""
    Group.objects.all().delete()
    Permission.objects.all().delete()
    roles.create(apps, {SUPPORT: ["chargepoints.steer_session", "ocpi.view_party"]})
    found = Group.objects.get().permissions.values_list("codename", "name")
    assert set(found) == {
        ("steer_session", "Can push, clear and fetch charging profiles again"), ("view_party", "Can view party"),
    }  # fmt: skip


def test_a_later_permission_is_added_to_the_groups_that_are_still_there():
    Group.objects.filter(name=OPERATOR).delete()
    before = Group.objects.get(name=VIEWER).permissions.count()
    roles.extend(apps, {VIEWER: ["auth.view_user"], OPERATOR: ["auth.view_user"]})
    assert Group.objects.get(name=VIEWER).permissions.count() == before + 1
    assert not Group.objects.filter(name=OPERATOR).exists()
