"""Mistakes in the settings, by the number an operator sees."""

import pytest

from cpo_backoffice.checks import settings_fit_together

pytestmark = pytest.mark.pure


def found() -> list[str | None]:
    return [message.id for message in settings_fit_together()]


@pytest.fixture(autouse=True)
def production(settings, monkeypatch) -> None:
    monkeypatch.setenv("SECRET_KEY", "given")
    settings.REDIS_URL = "redis://redis:6379/0"
    settings.PUBLIC_URL = "https://cpo.example.com"
    settings.DEBUG = False


def test_settings_that_fit_say_nothing() -> None:
    assert found() == []


def test_several_processes_need_one_secret_key(monkeypatch) -> None:
    monkeypatch.delenv("SECRET_KEY")
    assert found() == ["cpo.W001"]


def test_one_process_may_make_its_own_secret_key(settings, monkeypatch) -> None:
    settings.REDIS_URL = ""
    monkeypatch.delenv("SECRET_KEY")
    assert found() == []


def test_the_charge_point_needs_a_part_of_the_promised_time(settings) -> None:
    settings.OCPI_CALLBACK_RESERVE_S = settings.OCPI_PROFILE_TIMEOUT_S
    assert found() == ["cpo.E001"]


@pytest.mark.parametrize(("country_code", "party_id"), [("NLD", "CPO"), ("NL", "CP"), ("", "CPO")])
def test_ids_of_a_wrong_length_are_no_party(settings, country_code: str, party_id: str) -> None:
    settings.OCPI_COUNTRY_CODE, settings.OCPI_PARTY_ID = country_code, party_id
    assert found() == ["cpo.E002"]


def test_a_process_is_not_dead_between_two_of_its_beats(settings) -> None:
    settings.OCPP_PROCESS_DEAD_S = settings.OCPP_PROCESS_BEAT_S
    assert found() == ["cpo.E003"]


def test_partners_are_not_told_a_plain_http_address(settings) -> None:
    settings.PUBLIC_URL = "http://cpo.example.com"
    assert found() == ["cpo.W002"]


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::1]"])
def test_plain_http_is_fine_on_this_machine(settings, host: str) -> None:
    settings.PUBLIC_URL = f"http://{host}:8000"
    assert found() == []
