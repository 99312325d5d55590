"""The objects that OCPI 2.2 writes otherwise, as JSON Schemas."""

from ocpi.v2_2.session_objects import ADDED_TO_CDR_TOKEN
from ocpi.v2_2_1 import schemas
from ocpi.v2_2_1.schemas import Schema, record, ref

_TOKEN = schemas.SCHEMAS["CdrToken"]["properties"]
_SESSION = schemas.SCHEMAS["Session"]

SCHEMAS: dict[str, Schema] = {
    "CdrToken-2.2": record({name: schema for name, schema in _TOKEN.items() if name not in ADDED_TO_CDR_TOKEN}),
    "Session-2.2": {**_SESSION, "properties": {**_SESSION["properties"], "cdr_token": ref("CdrToken-2.2")}},
}
