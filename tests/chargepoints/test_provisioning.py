import json
from decimal import Decimal
from unittest.mock import patch

import pytest
from django.core.exceptions import ValidationError
from django.core.management import CommandError, call_command

from chargepoints import authentication
from chargepoints.models import ChargePoint, Connector, DriverToken, Evse, Location
from chargepoints.provisioning import add_charge_point, add_token

pytestmark = pytest.mark.django_db


@pytest.fixture
def run(capsys):
    """Runs a command with --json and returns what is on stdout, which must be one JSON value and nothing else."""

    def _run(*arguments: str):
        call_command(*arguments, "--json")
        return json.loads(capsys.readouterr().out)

    return _run


# --- charge points --------------------------------------------------------------------------------------------------


def test_a_new_charge_point_has_one_three_phase_evse_of_32_a_with_a_connector_at_the_default_location():
    charge_point = add_charge_point(identity="CP1")
    evse = charge_point.evses.get()
    assert (evse.ocpp_evse_id, evse.phases, evse.max_current_a) == (1, 3, Decimal(32))
    assert evse.connectors.get().ocpp_connector_id == 1
    assert Location.objects.get().name == "Default"
    assert charge_point.location == Location.objects.get()
    assert charge_point.password_hash == ""


def test_what_the_charge_point_takes_stays_unknown_unless_the_operator_says_it():
    charge_point = add_charge_point(identity="CP1")
    assert (charge_point.rate_units, charge_point.smart_charging, charge_point.capabilities_at) == ("", None, None)


@pytest.mark.parametrize("unit", ["A", "W", "AW"])
def test_a_unit_is_prior_knowledge_of_smart_charging(unit):
    add_charge_point(identity="CP1", unit=unit)
    charge_point = ChargePoint.objects.get()
    assert (charge_point.rate_units, charge_point.smart_charging, charge_point.capabilities_at) == (unit, True, None)


def test_evses_are_numbered_and_each_has_one_connector():
    charge_point = add_charge_point(identity="CP1", evses=3, phases=1, max_amps=Decimal("16.5"))
    evses = list(charge_point.evses.all())
    assert [(e.ocpp_evse_id, e.phases, e.max_current_a) for e in evses] == [
        (number, 1, Decimal("16.5")) for number in (1, 2, 3)
    ]
    assert [e.connectors.count() for e in evses] == [1, 1, 1]
    assert not {e.uid for e in evses} & {"CP1"}


def test_the_password_is_stored_as_a_hash_that_checks():
    charge_point = add_charge_point(identity="CP1", password="long:and-random")
    assert "long" not in charge_point.password_hash
    assert authentication.check(ChargePoint.objects.get(), "long:and-random") is True


def test_charge_points_share_the_default_location_and_a_named_one_is_added_once():
    for identity, location in [("CP1", None), ("CP2", None), ("CP3", "Depot"), ("CP4", "Depot")]:
        add_charge_point(identity=identity, location=location)
    assert list(Location.objects.values_list("name", flat=True)) == ["Default", "Depot"]
    assert list(Location.objects.get(name="Depot").charge_points.values_list("identity", flat=True)) == ["CP3", "CP4"]


def test_an_existing_identity_is_refused_and_nothing_changes():
    add_charge_point(identity="CP1")
    with pytest.raises(ValidationError, match="CP1 exists already"):
        add_charge_point(identity="CP1", password="x", evses=4, unit="W", location="Depot")
    charge_point = ChargePoint.objects.get()
    assert (charge_point.password_hash, charge_point.rate_units, charge_point.evses.count()) == ("", "", 1)
    assert list(Location.objects.values_list("name", flat=True)) == ["Default"]


def test_update_changes_only_what_is_given():
    before = add_charge_point(identity="CP1", password="x", evses=2, max_amps=Decimal(16), unit="W", location="Depot")
    add_charge_point(identity="CP1", phases=1, update=True)
    after = ChargePoint.objects.get()
    assert (after.password_hash, after.rate_units, after.location) == (before.password_hash, "W", before.location)
    assert list(after.evses.values_list("phases", "max_current_a")) == [(1, Decimal(16)), (1, Decimal(16))]
    assert not Location.objects.filter(name="Default").exists()


def test_update_adds_evses_and_keeps_the_uids_of_those_it_has():
    uid = add_charge_point(identity="CP1").evses.get().uid
    charge_point = add_charge_point(identity="CP1", evses=2, update=True)
    assert [e.uid == uid for e in charge_point.evses.all()] == [True, False]
    assert Connector.objects.count() == 2


def test_update_never_removes_an_evse():
    add_charge_point(identity="CP1", evses=3)
    with pytest.raises(ValidationError, match="more than 2 EVSEs"):
        add_charge_point(identity="CP1", evses=2, unit="A", update=True)
    assert Evse.objects.count() == 3
    assert ChargePoint.objects.get().rate_units == ""


def test_update_of_an_unknown_identity_adds_it():
    assert add_charge_point(identity="CP1", update=True).evses.count() == 1


def test_update_writes_nothing_that_a_running_server_owns():
    stale = add_charge_point(identity="CP1")

    def connects(**_fields):
        ChargePoint.objects.filter(pk=stale.pk).update(connection_id="abc", vendor="V")
        return stale, False

    with patch.object(ChargePoint.objects, "get_or_create", side_effect=connects):
        add_charge_point(identity="CP1", unit="W", update=True)
    now = ChargePoint.objects.get()
    assert (now.connection_id, now.vendor, now.rate_units) == ("abc", "V", "W")


@pytest.mark.parametrize("identity", ["A", "a" * 48, "NL*CPO-1_2=3+4|5@6.7", "1.2", "..."])
def test_identities_that_fit_a_url_segment_are_taken(identity):
    assert add_charge_point(identity=identity).identity == identity


@pytest.mark.parametrize("identity", ["", "a" * 49, "a b", "a/b", "a%20", "a?b", "a#b", "é", "a\n", ".", ".."])
def test_other_identities_are_refused(identity):
    with pytest.raises(ValidationError, match="is no identity"):
        add_charge_point(identity=identity)
    assert not ChargePoint.objects.exists()


def test_an_identity_with_a_colon_is_taken_but_not_with_a_password():
    add_charge_point(identity="a:b")
    with pytest.raises(ValidationError, match="RFC 7617"):
        add_charge_point(identity="a:b", password="x", update=True)
    assert ChargePoint.objects.get().password_hash == ""


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("evses", 0), ("evses", 101), ("phases", 0), ("phases", 4), ("unit", "WA"), ("unit", ""), ("password", ""),
        ("password", "a\nb"), ("location", " "), ("location", "x" * 256), ("max_amps", Decimal(0)),
        ("max_amps", Decimal("NaN")), ("max_amps", Decimal("Infinity")), ("max_amps", Decimal("16.25")),
        ("max_amps", Decimal(-1)), ("max_amps", Decimal(100_000)),
    ],
)  # fmt: skip
def test_bad_values_are_refused_with_nothing_written(field, value):
    with pytest.raises(ValidationError):
        add_charge_point(identity="CP1", **{field: value})
    assert not ChargePoint.objects.exists()
    assert not Location.objects.exists()


def test_add_charge_point_prints_what_it_made_but_no_secret(run):
    printed = run("add_charge_point", "CP1", "--password=s3cret", "--evses=2", "--max-amps=16", "--unit=AW")
    evses = Evse.objects.order_by("ocpp_evse_id")
    assert printed == {
        "identity": "CP1", "location": "Default", "location_uid": Location.objects.get().uid, "password": True,
        "rate_units": "AW", "smart_charging": True,
        "evses": [{"uid": e.uid, "ocpp_evse_id": e.ocpp_evse_id, "phases": 3, "max_amps": 16.0} for e in evses],
    }  # fmt: skip


PLACE = ("--address=Stationsplein 1", "--city=Utrecht", "--postal-code=3511 CE", "--coordinates=52.0894,5.1101")


def test_a_location_is_described_with_its_charge_point_and_stays_so(run, capsys):
    run("add_charge_point", "CP1", *PLACE, "--country=BEL")
    run("add_charge_point", "CP1", "--update", "--city=Gent")
    place = Location.objects.get()
    assert (place.address, place.city, place.postal_code, place.country) == (
        "Stationsplein 1",
        "Gent",
        "3511 CE",
        "BEL",
    )
    assert (place.latitude, place.longitude) == (Decimal("52.0894"), Decimal("5.1101"))
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(
    "wrong", ["--coordinates=91,5", "--coordinates=52", "--coordinates=x,y", "--country=NL", "--address=" + "x" * 46]
)
def test_a_location_that_partners_could_not_read_is_refused(wrong):
    with pytest.raises(CommandError):
        call_command("add_charge_point", "CP1", wrong)
    assert not ChargePoint.objects.exists()


def test_a_location_that_partners_are_not_told_of_is_hinted_at(capsys):
    call_command("add_charge_point", "CP1", "--city=Utrecht")
    assert "partners are not told of Default: it lacks address, coordinates" in capsys.readouterr().err


def test_only_what_changes_is_told(run):
    run("add_charge_point", "CP1", *PLACE)
    before = Location.objects.get().updated_at
    run("add_charge_point", "CP1", "--update", *PLACE, "--password=new")
    assert Location.objects.get().updated_at == before
    run("add_charge_point", "CP1", "--update", "--max-amps=16")
    assert Location.objects.get().updated_at > before


def test_add_charge_point_reads_for_people_too(capsys):
    call_command("add_charge_point", "CP1", "--password", "s3cret")
    lines = capsys.readouterr().out.splitlines()
    assert lines == ["charge point CP1 at Default", f"  EVSE 1: {Evse.objects.get().uid}, 3 x 32.0 A"]


@pytest.mark.parametrize(
    "arguments",
    [
        ("CP1", "--unit=X"), ("CP1", "--max-amps=many"), ("CP1", "--evses=two"), ("a/b",), (), ("CP1", "--phases=5"),
    ],
)  # fmt: skip
def test_add_charge_point_with_bad_arguments_is_a_clear_error(arguments, capsys):
    with pytest.raises(CommandError):
        call_command("add_charge_point", *arguments, "--json")
    assert capsys.readouterr().out == ""
    assert not ChargePoint.objects.exists()


def test_add_charge_point_twice_is_an_error_that_names_the_way_out(run):
    run("add_charge_point", "CP1")
    with pytest.raises(CommandError, match="exists already; --update changes it"):
        call_command("add_charge_point", "CP1")
    assert run("add_charge_point", "CP1", "--update", "--unit", "W")["rate_units"] == "W"


# --- drivers' tokens ------------------------------------------------------------------------------------------------


def test_a_new_token_is_accepted():
    token = add_token(uid="CARD-1")
    assert (token.status, token.contract_id) == (DriverToken.Status.ACCEPTED, "")


def test_a_token_is_changed_where_something_is_given_and_not_elsewhere():
    add_token(uid="CARD-1", contract_id="NL-ABC-1")
    add_token(uid="CARD-1", status="blocked")
    add_token(uid="CARD-1")
    token = DriverToken.objects.get()
    assert (token.status, token.contract_id) == ("blocked", "NL-ABC-1")


def test_a_token_may_be_of_another_party_and_become_ours_again():
    token = add_token(uid="CARD-1", type="APP_USER", issuer=("DE", "ABC"))
    assert (token.type, token.country_code, token.party_id) == ("APP_USER", "DE", "ABC")
    add_token(uid="CARD-1", issuer=("", ""))
    token.refresh_from_db()
    assert (token.type, token.country_code, token.party_id) == ("APP_USER", "", "")


def test_token_ids_ignore_case():
    add_token(uid="Card-a")
    assert add_token(uid="CARD-A", status="expired").uid == "Card-a"
    assert DriverToken.objects.get().status == "expired"


@pytest.mark.parametrize(
    "bad",
    [{"uid": ""}, {"uid": "x" * 37}, {"uid": "a b"}, {"uid": "é"}, {"uid": "A", "status": "lost"},
     {"uid": "A", "contract_id": "x" * 37}, {"uid": "A", "type": "CARD"}, {"uid": "A", "issuer": ("NLD", "ABC")},
     {"uid": "A", "issuer": ("NL", "")}, {"uid": "A", "issuer": ("nl", "abc")}],
)  # fmt: skip
def test_bad_tokens_are_refused(bad):
    with pytest.raises(ValidationError):
        add_token(**bad)
    assert not DriverToken.objects.exists()


def test_add_token_command_takes_the_issuer(run):
    summary = run("add_token", "C1", "--type", "APP_USER", "--issuer", "DE", "ABC")
    assert (summary["type"], summary["country_code"], summary["party_id"]) == ("APP_USER", "DE", "ABC")


def test_add_token_command(run, capsys):
    assert run("add_token", "C1", "--status", "blocked", "--contract-id", "NL-1") == {
        "uid": "C1", "status": "blocked", "contract_id": "NL-1", "type": "RFID", "country_code": "", "party_id": "",
    }  # fmt: skip
    call_command("add_token", "C1", "--status", "accepted")
    assert capsys.readouterr().out == "token C1 is accepted\n"
    with pytest.raises(CommandError, match="invalid choice"):
        call_command("add_token", "C1", "--status", "lost")
    with pytest.raises(CommandError, match="is no token"):
        call_command("add_token", "a b")
