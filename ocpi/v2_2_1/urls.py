"""The modules of one version. With and without a trailing slash: a redirect would lose a PUT."""

from django.urls import URLPattern, re_path

from ocpi.v2_2_1.views.chargingprofiles import ChargingProfilesView
from ocpi.v2_2_1.views.credentials import CredentialsView
from ocpi.v2_2_1.views.locations import ConnectorView, EvseView, LocationsView, LocationView
from ocpi.v2_2_1.views.sessions import ChargingPreferencesView, SessionsView, SessionView
from ocpi.v2_2_1.views.versions import VersionDetailsView

_ID = "[ -.0-~]+"  # CiString(36): printable ASCII; a longer one is one we do not know
SESSION = rf"(?P<session_id>{_ID})"
LOCATION, EVSE, CONNECTOR = rf"(?P<location_id>{_ID})", rf"(?P<evse_uid>{_ID})", rf"(?P<connector_id>{_ID})"


def modules(version: str) -> list[URLPattern]:
    return [
        re_path(r"^/?$", VersionDetailsView.as_view(version=version)),
        re_path(r"^/credentials/?$", CredentialsView.as_view(version=version)),
        re_path(r"^/sessions/?$", SessionsView.as_view(version=version)),
        re_path(rf"^/sessions/{SESSION}/?$", SessionView.as_view(version=version)),
        re_path(rf"^/sessions/{SESSION}/charging_preferences/?$", ChargingPreferencesView.as_view(version=version)),
        re_path(r"^/locations/?$", LocationsView.as_view(version=version)),
        re_path(rf"^/locations/{LOCATION}/?$", LocationView.as_view(version=version)),
        re_path(rf"^/locations/{LOCATION}/{EVSE}/?$", EvseView.as_view(version=version)),
        re_path(rf"^/locations/{LOCATION}/{EVSE}/{CONNECTOR}/?$", ConnectorView.as_view(version=version)),
        re_path(rf"^/chargingprofiles/{SESSION}/?$", ChargingProfilesView.as_view(version=version)),
    ]
