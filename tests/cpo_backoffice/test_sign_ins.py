"""Who came in, who went and who tried is in the audit log, with the address."""

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from chargepoints.models import AuditEntry

pytestmark = pytest.mark.django_db
LOGIN = "/admin/login/"


@pytest.fixture(autouse=True)
def static_root(settings, tmp_path):
    settings.STATIC_ROOT = tmp_path


def entries():
    found = AuditEntry.objects.order_by("id")
    return list(found.values_list("username", "action", "outcome", "result"))


def test_signing_in_and_out_is_in_the_log():
    User.objects.create_user("noor", password="a long password", is_staff=True)
    client = Client()
    client.post(LOGIN, {"username": "noor", "password": "a long password"})
    client.post(reverse("admin:logout"))
    came = ("noor", "Signed in", "DONE", "from 127.0.0.1")
    assert entries() == [came, ("noor", "Signed out", "DONE", "from 127.0.0.1")]


def test_a_failed_sign_in_is_in_the_log_with_the_name_and_without_the_password():
    Client().post(LOGIN, {"username": "<b>", "password": "guessed it"})
    assert entries() == [("<b>", "Sign-in failed", "REJECTED", "from 127.0.0.1")]
