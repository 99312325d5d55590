"""Expected errors of the OCPI layer; `envelope.exception_handler` turns them into answers."""

from ocpi.protocol.status_codes import StatusCode


class OcpiError(Exception):
    """Answered with this OCPI status; HTTP stays 200 unless the transport itself failed (OCPI 2.2.1 status_codes)."""

    def __init__(self, status_code: int, message: str, *, http_status: int = 200) -> None:
        super().__init__(message)
        self.status_code = status_code
        self.message = message
        self.http_status = http_status


class InvalidField(OcpiError):
    """A field that is missing or wrong. `path` names it as the sender wrote it, e.g. `a.b[1].c`."""

    def __init__(self, path: str, problem: str) -> None:
        super().__init__(StatusCode.INVALID_PARAMETERS, f"{path}: {problem}")
        self.path = path
        self.problem = problem


class Overloaded(OcpiError):
    """Too much is asked at the moment: the same request can be sent again (RFC 9110 section 15.6.4)."""

    def __init__(self) -> None:
        super().__init__(StatusCode.SERVER_ERROR, "overloaded, send it again later", http_status=503)
