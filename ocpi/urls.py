import re

from django.urls import include, re_path

from ocpi.openapi import SchemaView
from ocpi.protocol.views import NoSuchEndpoint
from ocpi.v2_2_1.urls import modules
from ocpi.v2_2_1.views.versions import VersionsView
from ocpi.versions import WRITERS

urlpatterns = [
    re_path(r"^/versions/?$", VersionsView.as_view()),
    re_path(r"^/schema/?$", SchemaView.as_view()),
    *(re_path(rf"^/{re.escape(version)}", include(modules(version))) for version in WRITERS),
    re_path(r"^(?:/[\s\S]*)?$", NoSuchEndpoint.as_view()),
]
