"""Answers held against the OpenAPI description: what it does not name may not be in them."""

import json
import re
from functools import cache
from typing import Any

import jsonschema_rs
from django.http import HttpResponseBase

from ocpi.openapi import description


@cache
def document() -> dict[str, Any]:
    return description()


def resolved(part: dict[str, Any]) -> dict[str, Any]:
    if "$ref" not in part:
        return part
    found: Any = document()
    for name in part["$ref"].removeprefix("#/").split("/"):
        found = found[name]
    return found


def operation_of(method: str, path: str) -> dict[str, Any] | None:
    """None where nothing is described: no such endpoint, or not this method."""
    path = path.partition("?")[0].rstrip("/")
    for template, operations in document()["paths"].items():
        if re.fullmatch(re.sub(r"{\w+}", "[^/]+", template).replace(".", r"\."), path):
            return operations.get(method.lower())
    return None


def problems(method: str, path: str, response: Any) -> list[str]:
    """What of an answer the description does not say."""
    operation = operation_of(method, path)
    if operation is None or response.status_code == 500:  # a fault is never described
        return []
    described = operation["responses"].get(str(response.status_code))
    if described is None:
        return [f"{method} {path}: HTTP {response.status_code} is not described"]
    described = resolved(described)
    validator = _validator(json.dumps(described["content"]["application/json"]["schema"]))
    found = [f"{method} {path}: {error.message}" for error in validator.iter_errors(json.loads(response.content))]
    return found + _of_headers(method, path, described, response)


def _of_headers(method: str, path: str, described: dict[str, Any], response: HttpResponseBase) -> list[str]:
    always = {"X-Request-ID", "X-Correlation-ID"}
    named = {"X-Total-Count", "X-Limit", "Link", *always} & {*response.headers}
    expected = set(described["headers"]) - {"Link"}
    unsaid = named - set(described["headers"])
    missing = (
        {name for name in expected if not name.startswith("OCPI-")} - named if response.status_code == 200 else set()
    )
    if json.loads(response.content)["status_code"] >= 2000:
        missing &= always
    return [f"{method} {path}: header {name}" for name in sorted(unsaid | missing)]


@cache
def _validator(schema: str) -> jsonschema_rs.Draft202012Validator:
    whole = {**json.loads(schema), "components": document()["components"]}
    return jsonschema_rs.Draft202012Validator(closed(whole))


def closed(schema: Any) -> Any:
    """Of objects with properties, no others."""
    if isinstance(schema, list):
        return [closed(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    found = {name: closed(part) for name, part in schema.items()}
    return {**found, "additionalProperties": False} if isinstance(schema.get("properties"), dict) else found
