"""The menu beside every page: what people look for most, in the order they need it."""

from collections.abc import Iterable
from typing import Any

from django.apps import apps
from django.http import HttpRequest
from django.urls import reverse
from django.utils.text import capfirst

# Model and symbol (Material Symbols)
GROUPS: tuple[tuple[str, tuple[tuple[str, str], ...]], ...] = (
    (
        "Charging",
        (
            ("chargepoints.ChargingSession", "bolt"),
            ("chargepoints.ChargePoint", "ev_station"),
            ("chargepoints.ChargePointCommand", "swap_horiz"),
            ("chargepoints.ChargingProfile", "show_chart"),
            ("chargepoints.OperatorLimit", "speed"),
            ("chargepoints.MeterValue", "electric_meter"),
            ("chargepoints.OcppMessage", "forum"),
            ("chargepoints.SmartChargingTest", "fact_check"),
        ),
    ),
    (
        "Partners",
        (
            ("ocpi.Party", "handshake"),
            ("ocpi.ProfileRequest", "bolt"),
            ("ocpi.OutboxMessage", "outbox"),
            ("ocpi.DeliveryAttempt", "call_made"),
            ("ocpi.InboundRequest", "call_received"),
            ("ocpi.Credentials", "key"),
            ("ocpi.PartnerEndpoint", "lan"),
        ),
    ),
    (
        "Places and drivers",
        (
            ("chargepoints.Location", "location_on"),
            ("chargepoints.Evse", "charger"),
            ("chargepoints.Connector", "power"),
            ("chargepoints.DriverToken", "badge"),
        ),
    ),
    (
        "Administration",
        (
            ("auth.User", "person"),
            ("auth.Group", "group"),
            ("chargepoints.AuditEntry", "history"),
            ("chargepoints.ServerProcess", "memory"),
        ),
    ),
)  # fmt: skip


def menu(request: HttpRequest) -> list[dict[str, Any]]:
    """What this user may see, as unfold's SIDEBAR wants its navigation."""
    from chargepoints.admin import site_pages

    pages = [
        _item(page.menu, reverse(f"admin:{page.name}"), page.symbol)
        for page in site_pages.in_menu()
        if page.allowed(request)
    ]
    first = {"items": [_item("Dashboard", reverse("admin:index"), "monitoring"), *pages]}
    return [first, *({"title": title, "items": list(_items(request, models))} for title, models in GROUPS)]


def _items(request: HttpRequest, models: Iterable[tuple[str, str]]) -> Iterable[dict[str, Any]]:
    from django.contrib import admin

    from chargepoints.admin import rendering

    for label, symbol in models:
        model = apps.get_model(label)
        if admin.site.is_registered(model) and admin.site.get_model_admin(model).has_view_permission(request):
            yield _item(capfirst(model._meta.verbose_name_plural), rendering.list_url(model), symbol)


def _item(title: str, link: str, symbol: str) -> dict[str, Any]:
    return {"title": title, "link": link, "icon": symbol}
