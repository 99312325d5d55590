"""What is in the shared cache is JSON: who can write to Redis must not be able to run code here, as with pickles."""

import json
from typing import Any


class JsonSerializer:
    def dumps(self, value: Any) -> str:
        return json.dumps(value)

    def loads(self, data: bytes) -> Any:
        return json.loads(data)
