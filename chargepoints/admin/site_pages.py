"""Pages of the site that are no model's: other apps add theirs."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, path

View = Callable[..., HttpResponse]


@dataclass(frozen=True, slots=True)
class SitePage:
    """`menu` empty: not in the menu. `symbol` is one of Material Symbols; `allowed` decides about the menu only."""

    route: str
    name: str
    view: View
    menu: str
    symbol: str
    allowed: Callable[[HttpRequest], bool]


_pages: list[SitePage] = []


def register_page(
    route: str, name: str, *, menu: str = "", symbol: str = "", permission: str = ""
) -> Callable[[View], View]:
    """At `/admin/<route>`, reversed as `admin:<name>`, for staff only; the view checks its own permissions."""

    def allowed(request: HttpRequest) -> bool:
        return not permission or request.user.has_perm(permission)  # type: ignore[union-attr]

    def register(view: View) -> View:
        _pages.append(SitePage(route, name, view, menu, symbol, allowed))
        return view

    return register


def urls(site: Any) -> list[URLPattern]:
    return [path(page.route, site.admin_view(page.view), name=page.name) for page in _pages]


def in_menu() -> Iterable[SitePage]:
    return [page for page in _pages if page.menu]


def page_context(request: HttpRequest, title: str, **fields: Any) -> dict[str, Any]:
    """What every template of the site needs."""
    from django.contrib import admin

    return {**admin.site.each_context(request), "title": title, **fields}
