"""The operators' site: what is wrong, why, and the button that mends it."""

from django.contrib import admin

from chargepoints.admin import charge_points, commands, limits, sessions, sites

__all__ = ["charge_points", "commands", "limits", "sessions", "sites"]

admin.site.site_header = admin.site.site_title = "CPO back-office"
admin.site.index_title = "Operations"
admin.site.site_url = None
