"""The OpenAPI description of one operation: what its view says of it, in the envelope and with the headers of all."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from drf_spectacular.openapi import AutoSchema

Schema = dict[str, Any]
F = TypeVar("F", bound=Callable[..., Any])

REQUEST_HEADERS = ("X-Request-ID", "X-Correlation-ID")
ROUTING_HEADERS = tuple(f"OCPI-{end}-{part}" for end in ("from", "to") for part in ("country-code", "party-id"))
PAGE_HEADERS = {
    "X-Total-Count": "How many objects there are for this caller",
    "X-Limit": "The most that one page holds",
    "Link": 'The next page: `<...>; rel="next"`; not on the last one',
}
FAILURES = {
    400: "The body is no JSON",
    401: "No token or an unknown one",
    404: "Not found",
    405: "Not in this state of the registration",
    413: "The body is too large",
    503: "Overloaded: the same request again after `Retry-After` seconds",
}


@dataclass(frozen=True, slots=True)
class Operation:
    """`answer`: the name of the schema of `data`, or of its items with `many`; None: no data."""

    summary: str
    answer: str | None = None
    many: bool = False
    body: str | None = None
    query: Mapping[str, Schema] = field(default_factory=dict)
    required: tuple[str, ...] = ()
    failures: tuple[int, ...] = ()
    result: str | None = None
    result_at: str = ""


def describes(summary: str, **more: Any) -> Callable[[F], F]:
    """Keeps the description with the method of a view that it is of."""

    def keep(method: F) -> F:
        method.operation = Operation(summary, **more)  # type: ignore[attr-defined]
        return method

    return keep


class OcpiSchema(AutoSchema):
    """Of a view with `version` and `routed`, each of whose methods is described."""

    def get_operation(
        self,
        path: str,
        path_regex: str,  # noqa: ARG002
        path_prefix: str,  # noqa: ARG002
        method: str,
        registry: Any,  # noqa: ARG002
    ) -> Schema:
        from ocpi.versions import WRITERS

        view: Any = self.view
        operation: Operation = getattr(view, method.lower()).operation
        writer = WRITERS.get(view.version)
        names = writer.schemas if writer else {}
        words = [word for word in path.replace("?", "").strip("/").replace("{", "").replace("}", "").split("/") if word]
        described: Schema = {
            "operationId": "_".join([method.lower(), *words[1:]]).replace(".", "_"),
            "summary": operation.summary,
            "tags": [view.version or "versions"],
            "security": [{"credentialsToken": []}],
            "parameters": _parameters(operation, path, routed=view.routed),
            "responses": _responses(operation, names, path, routed=view.routed),
        }
        if operation.body:
            described["requestBody"] = {"required": True, "content": _json(_ref(operation.body))}
        if operation.result:
            described["callbacks"] = {"result": {operation.result_at: _result(operation.result)}}
        return described


def _parameters(operation: Operation, path: str, *, routed: bool) -> list[Schema]:
    found = [{"$ref": f"#/components/parameters/{name}"} for name in _request_headers(routed=routed)]
    found += [_parameter(name, "path", _ID, required=True) for name in re.findall(r"{(\w+)}", path)]
    for name, schema in operation.query.items():
        found.append(_parameter(name, "query", schema, required=name in operation.required))
    return found


def _responses(operation: Operation, names: Mapping[str, str], path: str, *, routed: bool) -> Schema:
    """HTTP 200 also of a request that was understood and refused: `status_code` tells (OCPI 2.2.1 status_codes)."""
    data = _ref(names.get(operation.answer, operation.answer)) if operation.answer else None
    paged = bool(operation.many and operation.query)
    if data and operation.many:
        data = {"type": "array", "items": data}
    success = _envelope(least=1000, most=1999, data=data)
    statuses = {401, 503, *operation.failures, *([400, 413] if operation.body else []), *([404] if "{" in path else [])}
    return {
        "200": {
            "description": "Done, or refused by `status_code`",
            "headers": _headers(*_request_headers(routed=routed), *(PAGE_HEADERS if paged else ())),
            "content": _json({"oneOf": [success, _ref("Failure")]}),
        },
        **{str(status): {"$ref": f"#/components/responses/{status}"} for status in sorted(statuses)},
    }


def _envelope(*, least: int, most: int, data: Schema | None) -> Schema:
    """OCPI 2.2.1 transport_and_format, Response format."""
    properties: Schema = {
        "status_code": {"type": "integer", "minimum": least, "maximum": most},
        "status_message": {"type": "string"},
        "timestamp": {"type": "string"},
    }
    required = ["status_code", "timestamp"]
    if data is not None:
        properties, required = {"data": data, **properties}, ["data", *required]
    return {"type": "object", "required": required, "properties": properties}


def _request_headers(*, routed: bool) -> tuple[str, ...]:
    return REQUEST_HEADERS + (ROUTING_HEADERS if routed else ())


def _headers(*names: str) -> Schema:
    return {name: {"$ref": f"#/components/headers/{name}"} for name in names}


def _result(name: str) -> Schema:
    """What we POST later, not in an envelope."""
    answer = {"200": {"description": "Taken"}}
    return {"post": {"requestBody": {"required": True, "content": _json(_ref(name))}, "responses": answer}}


def _parameter(name: str, where: str, schema: Schema, *, required: bool = False) -> Schema:
    return {"name": name, "in": where, "required": required, "schema": schema}


def _json(schema: Schema) -> Schema:
    return {"application/json": {"schema": schema}}


def _ref(name: str) -> Schema:
    return {"$ref": f"#/components/schemas/{name}"}


_TEXT = {"type": "string"}
_ID = {"type": "string", "minLength": 1, "maxLength": 36, "pattern": "^[ -.0-~]+$"}
_SENT_HEADERS = {
    **dict.fromkeys(REQUEST_HEADERS, "As in the request; a new one if it had none"),
    **dict.fromkeys(ROUTING_HEADERS, "From and to of the request, swapped"),
    **PAGE_HEADERS,
}
COMPONENTS: dict[str, Schema] = {
    "parameters": {name: _parameter(name, "header", _TEXT) for name in _request_headers(routed=True)},
    "headers": {name: {"description": description, "schema": _TEXT} for name, description in _SENT_HEADERS.items()},
    "responses": {
        str(status): {
            "description": description,
            "headers": _headers(*REQUEST_HEADERS),
            "content": _json(_ref("Failure")),
        }
        for status, description in FAILURES.items()
    },
    "schemas": {"Failure": _envelope(least=2000, most=4999, data=None)},
}
