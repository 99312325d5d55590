"""What one CALL came to: for whoever keeps a log of messages. No Django here: the framing knows no rows."""

import time
from collections.abc import Callable
from typing import Any, NamedTuple

IN, OUT = "IN", "OUT"
RESULT, ERROR, NONE = "CALLRESULT", "CALLERROR", ""


class Exchange(NamedTuple):
    """`at`: Unix time of the CALL. `answer`: a payload, or a whole frame of ours as text. `result` empty: to be read in
    the answer.
    """

    at: float
    direction: str
    action: str
    message_id: str
    payload: Any = None
    answer_type: str = NONE
    answer: Any = None
    result: str = ""
    duration_ms: int | None = None


Record = Callable[[Exchange], None]


def since_ms(began: float) -> int:
    return max(0, round((time.time() - began) * 1000))
