"""The operators' site as a whole: its name, its first page, its menu."""

from collections.abc import Mapping
from typing import Any

from django.http import HttpRequest, HttpResponse

from chargepoints.theme import AdminSite


class OperatorsSite(AdminSite):
    site_title = site_header = "CPO back-office"
    index_title = "Dashboard"
    site_url = None

    def index(self, request: HttpRequest, extra_context: Mapping[str, Any] | None = None) -> HttpResponse:
        from chargepoints.admin import dashboard, live

        shown = {"dashboard": dashboard.sections(request)}
        if live.is_live(request):
            return live.live_part(request, "admin/dashboard.html", shown)
        return super().index(request, {**shown, **(extra_context or {})})

    def get_urls(self) -> list[Any]:
        from chargepoints.admin import site_pages

        return [*site_pages.urls(self), *super().get_urls()]
