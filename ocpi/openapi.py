"""The OpenAPI description of every OCPI endpoint, for everybody: no token opens it, and it holds no secret."""

from functools import cache
from typing import Any

import yaml
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.views import View
from drf_spectacular.generators import SchemaGenerator

from ocpi.protocol import documents, openapi
from ocpi.v2_2 import schemas as schemas_2_2
from ocpi.v2_2_1 import schemas as schemas_2_2_1

TOKEN = {
    "type": "apiKey",
    "in": "header",
    "name": "Authorization",
    "description": "`Token` and the credentials token in base64 (as it is, too)",
}


def description() -> dict[str, Any]:
    document: dict[str, Any] = SchemaGenerator().get_schema(request=None, public=True)  # type: ignore[no-untyped-call]
    schemas = {**openapi.COMPONENTS["schemas"], **schemas_2_2_1.SCHEMAS, **schemas_2_2.SCHEMAS}
    return {
        **document,
        "servers": [{"url": settings.PUBLIC_URL}],
        "paths": {path.rstrip("/"): operations for path, operations in document["paths"].items()},
        "components": {**openapi.COMPONENTS, "schemas": schemas, "securitySchemes": {"credentialsToken": TOKEN}},
    }


class SchemaView(View):
    """YAML, or JSON for `?format=json` and for who accepts it and no YAML."""

    http_method_names = ["get", "head"]

    def get(self, request: HttpRequest) -> HttpResponse:
        accepted = request.headers.get("Accept", "")
        wanted = request.GET.get("format", "json" if "json" in accepted and "yaml" not in accepted else "yaml")
        kind = "json" if wanted == "json" else "yaml"
        return HttpResponse(_written(kind, settings.PUBLIC_URL), content_type=f"application/{kind}")


@cache
def _written(kind: str, _public_url: str) -> bytes:
    """Once for each process: nobody has to prove anything to ask for it."""
    if kind == "json":
        return documents.dump(description())
    return yaml.dump(description(), Dumper=_Plain, sort_keys=False, allow_unicode=True).encode()


class _Plain(yaml.SafeDumper):
    """Without anchors: what is written in several places is written out."""

    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002
        return True
