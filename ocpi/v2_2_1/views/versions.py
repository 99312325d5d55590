"""OCPI 2.2.1 version_information_endpoint."""

from django.conf import settings
from rest_framework.request import Request
from rest_framework.response import Response

from ocpi.protocol.authentication import AnyCredentials
from ocpi.protocol.envelope import ocpi_response
from ocpi.protocol.openapi import describes
from ocpi.protocol.views import OcpiView
from ocpi.versions import WRITERS

# Module and our role in it; credentials is listed once, as SENDER (version_information_endpoint, InterfaceRole).
MODULES = (
    ("credentials", "SENDER"), ("sessions", "SENDER"), ("locations", "SENDER"), ("chargingprofiles", "RECEIVER"),
)  # fmt: skip


class VersionsView(OcpiView):
    authentication_classes = [AnyCredentials]
    routed = False

    @describes("Versions", answer="Version", many=True)
    def get(self, request: Request) -> Response:  # noqa: ARG002
        return ocpi_response([{"version": version, "url": root(version)} for version in WRITERS])


class VersionDetailsView(OcpiView):
    authentication_classes = [AnyCredentials]
    routed = False

    @describes("Endpoints of this version", answer="VersionDetails")
    def get(self, request: Request) -> Response:  # noqa: ARG002
        url = root(self.version)
        endpoints = [{"identifier": name, "role": role, "url": f"{url}/{name}"} for name, role in MODULES]
        return ocpi_response({"version": self.version, "endpoints": endpoints})


def root(version: str) -> str:
    return f"{settings.PUBLIC_URL}/ocpi/{version}"
