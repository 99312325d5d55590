"""What a browser may do with our pages, and that our own templates need no exception."""

import re
from pathlib import Path

import pytest
from django.conf import settings
from django.test import AsyncClient, Client
from django.urls import reverse

from chargepoints.models import ChargePoint
from cpo_backoffice.browser_policy import policy_of
from tests.support.operators import act, client_of_all, list_of, make_charge_point, make_session, page

ROOT = Path(settings.BASE_DIR)
TEMPLATES = sorted((ROOT / "templates").rglob("*.html"))
SCRIPTS = sorted(path for app in ("chargepoints", "ocpi", "cpo_backoffice") for path in (ROOT / app).rglob("*.js"))
INLINE = re.compile(r"<script(?![^>]*\ssrc=)|<style|\sstyle\s*=|\son[a-z]+\s*=|javascript:", re.IGNORECASE)
OURS = re.compile(r'<[^>]*class="[^"]*\bcpo-[^>]*>')


@pytest.fixture(autouse=True)
def static_root(settings, tmp_path):
    settings.STATIC_ROOT = tmp_path


@pytest.mark.pure
@pytest.mark.parametrize("template", TEMPLATES, ids=lambda path: path.relative_to(ROOT / "templates").as_posix())
def test_no_template_of_ours_has_inline_scripts_handlers_or_styles(template):
    assert not INLINE.search(template.read_text())


@pytest.mark.pure
@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.name)
def test_no_script_of_ours_makes_code_of_text(script):
    assert not re.search(
        r"\beval\(|new Function|innerHTML|outerHTML\s*=[^=]|document\.write|insertAdjacentHTML", script.read_text()
    )


@pytest.mark.pure
def test_without_a_theme_nothing_inline_is_allowed():
    policy = policy_of("django")
    assert "unsafe" not in policy
    assert policy.startswith("default-src 'none'; script-src 'self'; style-src 'self';")
    assert policy.endswith("form-action 'self'; base-uri 'none'; frame-ancestors 'none'")


@pytest.mark.pure
def test_unfold_forces_eval_and_inline_styles_and_no_more():
    allowed = policy_of("unfold").replace("script-src 'self' 'unsafe-eval'", "script-src 'self'")
    assert allowed.replace("style-src 'self' 'unsafe-inline'", "style-src 'self'") == policy_of("django")


@pytest.mark.django_db
@pytest.mark.once
def test_every_page_has_its_policy():
    headers = Client().get("/admin/login/").headers
    assert headers["Content-Security-Policy"] == policy_of(settings.ADMIN_THEME)
    assert headers["X-Frame-Options"] == "DENY"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == headers["Cross-Origin-Opener-Policy"] == "same-origin"
    assert "camera=()" in headers["Permissions-Policy"]


@pytest.mark.once
def test_what_is_no_page_may_do_nothing():
    policy = "default-src 'none'; frame-ancestors 'none'"
    assert Client().get("/healthz").headers["Content-Security-Policy"] == policy


@pytest.mark.once
@pytest.mark.asyncio
async def test_a_server_sends_it_too():
    response = await AsyncClient().get("/healthz")
    assert response.headers["Content-Security-Policy"] == "default-src 'none'; frame-ancestors 'none'"


@pytest.mark.django_db
@pytest.mark.once
def test_cookies_are_out_of_reach_of_scripts_and_other_sites():
    client = client_of_all()
    client.get("/admin/login/")
    client.get(list_of(ChargePoint))
    assert {settings.SESSION_COOKIE_HTTPONLY, settings.CSRF_COOKIE_HTTPONLY} == {True}
    response = Client().get("/admin/login/")
    assert all((cookie["samesite"], cookie["httponly"]) == ("Lax", True) for cookie in response.cookies.values())


@pytest.mark.django_db
@pytest.mark.once
def test_no_part_of_ours_on_a_page_has_inline_handlers_or_styles(monkeypatch):
    monkeypatch.setattr("chargepoints.commands.mailbox.ring", lambda *_: None)
    client, session = client_of_all(), make_session()
    point = make_charge_point("OTHER")
    pages = [
        client.get(reverse("admin:index")), client.get(page(session)), client.get(page(point)),
        act(client, "soft_reset", point), act(client, "soft_reset", point, session.charge_point, confirmed=True),
    ]  # fmt: skip
    for response in pages:
        found = OURS.findall(response.content.decode())
        assert found
        assert [tag for tag in found if INLINE.search(tag)] == []
