"""The modules of one version. With and without a trailing slash: a redirect would lose a PUT."""

from django.urls import URLPattern, re_path

from ocpi.v2_2_1.views.chargingprofiles import ChargingProfilesView
from ocpi.v2_2_1.views.credentials import CredentialsView
from ocpi.v2_2_1.views.sessions import ChargingPreferencesView, SessionsView, SessionView
from ocpi.v2_2_1.views.versions import VersionDetailsView

SESSION = r"(?P<session_id>[ -.0-~]+)"  # CiString(36): printable ASCII; a longer one is a session we do not know


def modules(version: str) -> list[URLPattern]:
    return [
        re_path(r"^/?$", VersionDetailsView.as_view(version=version)),
        re_path(r"^/credentials/?$", CredentialsView.as_view(version=version)),
        re_path(r"^/sessions/?$", SessionsView.as_view(version=version)),
        re_path(rf"^/sessions/{SESSION}/?$", SessionView.as_view(version=version)),
        re_path(rf"^/sessions/{SESSION}/charging_preferences/?$", ChargingPreferencesView.as_view(version=version)),
        re_path(rf"^/chargingprofiles/{SESSION}/?$", ChargingProfilesView.as_view(version=version)),
    ]
