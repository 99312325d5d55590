"""The operators' site: charge points and their passwords."""

import pytest
from django.contrib.admin.models import LogEntry

from chargepoints.admin.charge_points import ChargePointForm
from chargepoints.authentication import check
from chargepoints.models import ChargePoint, Evse
from tests.support.operators import client_of_all, list_of, make_charge_point, page

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def static_root(settings, tmp_path):
    settings.STATIC_ROOT = tmp_path


@pytest.fixture
def admin_of_all():
    return client_of_all()


@pytest.mark.parametrize(("chosen", "shown"), [("online", "ON-1"), ("offline", "OFF-1")])
def test_charge_points_are_filtered_by_their_connection(chosen, shown, admin_of_all):
    make_charge_point("ON-1")
    make_charge_point("OFF-1", online=False)
    found = admin_of_all.get(list_of(ChargePoint), {"connection": chosen}).context["cl"].result_list
    assert [charge_point.identity for charge_point in found] == [shown]


def charge_point_form(charge_point, **changes):
    return {
        "identity": charge_point.identity, "location": charge_point.location_id, "enabled": "on",
        "low_current_policy": "as_is", "evses-TOTAL_FORMS": 0, "evses-INITIAL_FORMS": 0, **changes,
    }  # fmt: skip


def test_a_new_password_is_kept_as_a_hash_and_shown_nowhere(admin_of_all):
    charge_point = make_charge_point()
    admin_of_all.post(page(charge_point), charge_point_form(charge_point, new_password="a secret of its own"))
    charge_point.refresh_from_db()
    assert check(charge_point, "a secret of its own")
    html = admin_of_all.get(page(charge_point)).content.decode()
    assert charge_point.password_hash not in html
    assert "a secret" not in html + LogEntry.objects.get().change_message


def test_without_a_new_password_the_old_one_stays(admin_of_all):
    charge_point = make_charge_point(password_hash="kept")
    admin_of_all.post(page(charge_point), charge_point_form(charge_point, low_current_policy="floor"))
    charge_point.refresh_from_db()
    assert (charge_point.password_hash, charge_point.low_current_policy) == ("kept", "floor")


def test_saving_leaves_what_the_charge_point_does_meanwhile(admin_of_all, monkeypatch):
    charge_point = make_charge_point(online=False)
    evse = charge_point.evses.get()
    clean = ChargePointForm.clean

    def connects_meanwhile(form):
        ChargePoint.objects.update(connection_id="new socket")
        Evse.objects.update(status="Charging")
        return clean(form)

    monkeypatch.setattr(ChargePointForm, "clean", connects_meanwhile)
    inline = {
        "evses-TOTAL_FORMS": 1, "evses-INITIAL_FORMS": 1, "evses-0-id": evse.pk, "evses-0-ocpp_evse_id": 1,
        "evses-0-charge_point": charge_point.pk, "evses-0-evse_id": "NL*CPO*E1", "evses-0-current_type": "AC",
        "evses-0-voltage_v": "230", "evses-0-max_current_a": "16", "evses-0-phases": "3",
    }  # fmt: skip
    form = charge_point_form(charge_point, low_current_policy="floor", **inline)
    assert admin_of_all.post(page(charge_point), form).status_code == 302
    charge_point.refresh_from_db()
    evse.refresh_from_db()
    assert (charge_point.low_current_policy, charge_point.connection_id) == ("floor", "new socket")
    assert (evse.evse_id, evse.max_current_a, evse.status) == ("NL*CPO*E1", 16, "Charging")


@pytest.mark.once
@pytest.mark.parametrize("changes", [{"identity": "no spaces"}, {"identity": "A:B", "new_password": "secret"}])
def test_an_identity_that_cannot_connect_is_refused(changes, admin_of_all):
    charge_point = make_charge_point()
    response = admin_of_all.post(page(charge_point), charge_point_form(charge_point, **changes))
    assert "errorlist" in response.content.decode()
    charge_point.refresh_from_db()
    assert charge_point.identity == "DEMO-16"


def test_a_clock_that_is_off_is_named(admin_of_all):
    [(problem, _)] = admin_of_all.get(page(make_charge_point(clock_skew_s=-90))).context["problems"]
    assert problem.what == "The clock of DEMO-16 is -90 s off"
