"""Settings of django-unfold (`UNFOLD`). What a page shows does not depend on them."""

from typing import Any

from django.templatetags.static import static

# Text and buttons of the primary colour keep a contrast of 4.5 on both backgrounds (WCAG 2.2, 1.4.3).
PRIMARY = {
    "50": "#eff6ff", "100": "#dbeafe", "200": "#bfdbfe", "300": "#93c5fd", "400": "#60a5fa", "500": "#60a5fa",
    "600": "#1d4ed8", "700": "#1e40af", "800": "#1e3a8a", "900": "#172e6e", "950": "#172554",
}  # fmt: skip

UNFOLD: dict[str, Any] = {
    "SITE_TITLE": "CPO back-office",
    "SITE_HEADER": "CPO back-office",
    "SITE_SYMBOL": "ev_station",
    "SITE_URL": "/admin/",
    "SHOW_VIEW_ON_SITE": False,
    "SITE_FAVICONS": [{"rel": "icon", "type": "image/svg+xml", "href": lambda _: static("admin/img/icon-yes.svg")}],
    "COLORS": {"primary": PRIMARY},
    "SIDEBAR": {"navigation": "cpo_backoffice.operators_menu.menu"},
}
