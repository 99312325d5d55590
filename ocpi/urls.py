from django.urls import include, re_path

from ocpi.protocol.views import NoSuchEndpoint
from ocpi.v2_2_1.views.versions import VersionsView

urlpatterns = [
    re_path(r"^/versions/?$", VersionsView.as_view()),
    re_path(r"^/2\.2\.1", include("ocpi.v2_2_1.urls")),
    re_path(r"^(?:/[\s\S]*)?$", NoSuchEndpoint.as_view()),
]
