"""OCPI 2.2.1 version_information_endpoint."""

from django.conf import settings
from rest_framework.request import Request
from rest_framework.response import Response

from ocpi.protocol.authentication import AnyCredentials
from ocpi.protocol.envelope import ocpi_response
from ocpi.protocol.views import OcpiView

VERSION = "2.2.1"
# Module and our role in it; credentials is listed once, as SENDER (version_information_endpoint, InterfaceRole).
MODULES = (
    ("credentials", "SENDER"), ("sessions", "SENDER"), ("locations", "SENDER"), ("chargingprofiles", "RECEIVER"),
)  # fmt: skip


class VersionsView(OcpiView):
    authentication_classes = [AnyCredentials]
    routed = False

    def get(self, request: Request) -> Response:  # noqa: ARG002
        return ocpi_response([{"version": VERSION, "url": f"{settings.PUBLIC_URL}/ocpi/{VERSION}"}])


class VersionDetailsView(OcpiView):
    authentication_classes = [AnyCredentials]
    routed = False

    def get(self, request: Request) -> Response:  # noqa: ARG002
        root = f"{settings.PUBLIC_URL}/ocpi/{VERSION}"
        endpoints = [{"identifier": name, "role": role, "url": f"{root}/{name}"} for name, role in MODULES]
        return ocpi_response({"version": VERSION, "endpoints": endpoints})
