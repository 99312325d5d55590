import json

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.hashers import identify_hasher
from django.core.management import CommandError, call_command

from chargepoints import authentication
from chargepoints.models import ChargePoint, DriverToken, Location
from cpo_backoffice.demo_data import ensure_admin, seed
from ocpi.models import Credentials, PartnerEndpoint, Party, token_hash

pytestmark = pytest.mark.django_db

BASE = "http://127.0.0.1:9001"
GIVEN = {"scsp_token": "to-scsp", "cpo_token": "to-cpo", "charge_point_password": "0123456789abcdef"}


@pytest.fixture(autouse=True)
def _no_password_from_outside(monkeypatch):
    monkeypatch.delenv("DEMO_ADMIN_PASSWORD", raising=False)


@pytest.fixture
def admins():
    return get_user_model().objects


@pytest.fixture(autouse=True)
def _quick_passwords_of_people(settings):
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher", *settings.PASSWORD_HASHERS]


def passwords(demo):
    return [point.password for point in demo.charge_points]


def test_the_first_seed_makes_everything_a_demo_needs(admins):
    demo = seed(scsp_base_url=BASE, **GIVEN)
    location = Location.objects.get()
    assert (location.city, location.country) == ("Utrecht", "NLD")
    assert [point.row.identity for point in demo.charge_points] == ["DEMO-16", "DEMO-201"]
    for charge_point in ChargePoint.objects.all():
        assert (charge_point.evses.count(), charge_point.location) == (1, location)
        assert authentication.check(charge_point, GIVEN["charge_point_password"]) is True
    assert location.address
    assert DriverToken.objects.get(uid="DEMO-CARD").status == "accepted"
    assert admins.get().check_password(demo.admin_password)


def test_the_simulated_scsp_is_registered_both_ways():
    demo = seed(scsp_base_url=BASE, **GIVEN)
    party, known = Party.objects.get(), Credentials.objects.get()
    assert (str(party), party.role, party.allow_insecure_urls, party.shares_all_evses) == ("NL*JED", "SCSP", True, True)
    assert (known.inbound_hash, known.inbound_kind, known.outbound_token) == (token_hash("to-cpo"), "C", "to-scsp")
    assert dict(PartnerEndpoint.objects.values_list("identifier", "url")) == {
        "sessions": f"{BASE}/ocpi/2.2.1/sessions",
        "chargingprofiles": f"{BASE}/ocpi/2.2.1/chargingprofiles",
    }
    assert (demo.party, demo.cpo_token, demo.scsp_token) == (party, "to-cpo", "to-scsp")


def test_what_the_charge_point_takes_is_left_for_it_to_say():
    seed(scsp_base_url=BASE, **GIVEN)
    assert set(ChargePoint.objects.values_list("rate_units", "smart_charging")) == {("", None)}


def test_seeding_again_with_new_urls_and_secrets_updates_them():
    seed(scsp_base_url=BASE, **GIVEN)
    evse_uids = [point.evses.get().uid for point in ChargePoint.objects.order_by("id")]
    seed(scsp_base_url="http://127.0.0.1:9002/", scsp_token="b", cpo_token="c", charge_point_password="another")
    known = Credentials.objects.get()
    assert (known.inbound_hash, known.outbound_token) == (token_hash("c"), "b")
    assert known.versions_url == "http://127.0.0.1:9002/ocpi/versions"
    assert PartnerEndpoint.objects.get(identifier="sessions").url == "http://127.0.0.1:9002/ocpi/2.2.1/sessions"
    points = ChargePoint.objects.order_by("id")
    assert [authentication.check(point, "another") for point in points] == [True, True]
    assert [authentication.check(point, GIVEN["charge_point_password"]) for point in points] == [False, False]
    assert [point.evses.get().uid for point in points] == evse_uids


def test_seeding_again_adds_nothing_and_tells_no_secret_it_left_alone(admins):
    first = seed(scsp_base_url=BASE)
    assert None not in (first.admin_password, *passwords(first), first.cpo_token, first.scsp_token)
    assert len(set(passwords(first))) == 2
    again = seed(scsp_base_url=BASE)
    assert (again.admin_password, *passwords(again), again.cpo_token, again.scsp_token) == (None,) * 5
    for point in first.charge_points:
        assert authentication.check(ChargePoint.objects.get(pk=point.row.pk), point.password) is True
    assert Credentials.objects.get().inbound_hash == token_hash(first.cpo_token)
    assert Credentials.objects.get().outbound_token == first.scsp_token
    counts = [manager.count() for manager in (Location.objects, DriverToken.objects, Party.objects, admins)]
    assert counts == [1, 1, 1, 1]


def test_a_database_of_before_gets_the_charge_point_that_is_missing():
    seed(scsp_base_url=BASE, **GIVEN)
    ChargePoint.objects.filter(identity="DEMO-201").delete()
    old, new = seed(scsp_base_url=BASE).charge_points
    assert (old.password, new.row.identity) == (None, "DEMO-201")
    assert authentication.check(new.row, new.password) is True
    assert authentication.check(ChargePoint.objects.get(identity="DEMO-16"), GIVEN["charge_point_password"]) is True


def test_seeding_again_keeps_what_an_operator_changed_of_the_location():
    seed(scsp_base_url=BASE)
    Location.objects.update(address="Stationsplein 1")
    seed(scsp_base_url=BASE)
    assert Location.objects.get().address == "Stationsplein 1"


def test_other_data_is_left_alone(admins):
    admins.create_user("someone", password="their own")
    seed(scsp_base_url=BASE)
    assert admins.get(username="someone").check_password("their own")
    assert admins.get(username="someone").is_superuser is False


def test_secrets_stay_out_of_the_repr_of_the_result():
    demo = seed(scsp_base_url=BASE)
    for secret in (demo.admin_password, *passwords(demo), demo.cpo_token, demo.scsp_token):
        assert secret not in repr(demo)


def test_the_administrator_gets_a_random_password_once(admins):
    password = ensure_admin()
    admin = admins.get()
    assert (admin.username, admin.is_staff, admin.is_superuser) == ("admin", True, True)
    assert len(password) >= 16
    assert admin.check_password(password)
    assert ensure_admin() is None
    assert admins.get().check_password(password)


def test_a_password_from_the_environment_is_used_at_first_and_later(admins, monkeypatch):
    monkeypatch.setenv("DEMO_ADMIN_PASSWORD", "chosen-by-me")
    assert ensure_admin() == "chosen-by-me"
    stored = admins.get().password
    assert ensure_admin() == "chosen-by-me"
    assert admins.get().password == stored
    monkeypatch.setenv("DEMO_ADMIN_PASSWORD", "chosen-anew")
    assert ensure_admin() == "chosen-anew"
    assert admins.get().check_password("chosen-anew")


def test_people_and_charge_points_have_hashers_of_their_own():
    seed(scsp_base_url=BASE)
    for charge_point in ChargePoint.objects.all():
        assert identify_hasher(charge_point.password_hash).algorithm == "pbkdf2_charge_point"


def test_seed_demo_prints_names_and_secrets(capsys, admins):
    call_command(
        "seed_demo", f"--scsp-base-url={BASE}", "--scsp-token=to-scsp", "--cpo-token=to-cpo",
        "--charge-point-password=0123456789abcdef", "--json",
    )  # fmt: skip
    printed = json.loads(capsys.readouterr().out)
    assert admins.get().check_password(printed.pop("admin_password"))
    assert printed == {
        "admin": "admin", "charge_point": "DEMO-16", "charge_point_password": "0123456789abcdef",
        "charge_point_2_0_1": "DEMO-201", "charge_point_2_0_1_password": "0123456789abcdef",
        "driver_token": "DEMO-CARD", "party": "NL*JED", "cpo_token": "to-cpo", "scsp_token": "to-scsp",
    }  # fmt: skip
    call_command("seed_demo")
    assert "admin_password: unchanged" in capsys.readouterr().out.splitlines()


def test_seed_demo_with_a_bad_url_writes_nothing(admins):
    with pytest.raises(CommandError):
        call_command("seed_demo", "--scsp-base-url=nowhere")
    assert not ChargePoint.objects.exists()
    assert not Location.objects.exists()
    assert not admins.exists()
