"""What a browser may do with our answers: headers on each of them, as strict as the look of the site allows.

Content Security Policy Level 3; `Cross-Origin-Opener-Policy`, `X-Content-Type-Options` and `Referrer-Policy` are
Django's `SecurityMiddleware`, `X-Frame-Options` its clickjacking one.
"""

from asyncio import iscoroutinefunction
from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponseBase
from django.utils.decorators import sync_and_async_middleware

OURS: dict[str, tuple[str, ...]] = {
    "default-src": ("'none'",),
    "script-src": ("'self'",),
    "style-src": ("'self'",),
    "img-src": ("'self'", "data:"),
    "font-src": ("'self'",),
    "connect-src": ("'self'",),
    "form-action": ("'self'",),
    "base-uri": ("'none'",),
    "frame-ancestors": ("'none'",),
}
FORCED: dict[str, dict[str, tuple[str, ...]]] = {
    # Alpine.js makes functions of the expressions in unfold's markup; its colours are a <style> in every page.
    "unfold": {"script-src": ("'unsafe-eval'",), "style-src": ("'unsafe-inline'",)},
    "django": {},
}
NO_PAGE = "default-src 'none'; frame-ancestors 'none'"
"""For what is no page: JSON, files."""
FEATURES = ("camera", "display-capture", "geolocation", "microphone", "midi", "payment", "serial", "usb")
PERMISSIONS = ", ".join(f"{feature}=()" for feature in FEATURES)


def policy_of(theme: str) -> str:
    forced = FORCED[theme]
    return "; ".join(" ".join((name, *allowed, *forced.get(name, ()))) for name, allowed in OURS.items())


@sync_and_async_middleware
def browser_policy(get_response: Callable[[HttpRequest], Any]) -> Callable[[HttpRequest], Any]:
    of_pages = policy_of(settings.ADMIN_THEME)
    if iscoroutinefunction(get_response):

        async def later(request: HttpRequest) -> HttpResponseBase:
            return _with_headers(await get_response(request), of_pages)

        return later
    return lambda request: _with_headers(get_response(request), of_pages)


def _with_headers(response: HttpResponseBase, of_pages: str) -> HttpResponseBase:
    is_page = response.get("Content-Type", "").startswith("text/html")
    response.setdefault("Content-Security-Policy", of_pages if is_page else NO_PAGE)
    response.setdefault("Permissions-Policy", PERMISSIONS)
    return response
