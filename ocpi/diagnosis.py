"""Why a call to a party did not do, in words for people. They hold no header, no token and no query string."""

from urllib.parse import urlsplit

from ocpi.client import DeliveryFailed, FailureKind, OutboundResponse

MAX_CHARS = 200
_KINDS = {
    FailureKind.DNS: "DNS",
    FailureKind.REFUSED: "connection refused",
    FailureKind.CONNECT: "connection",
    FailureKind.TLS: "TLS",
    FailureKind.TIMEOUT: "timeout",
    FailureKind.REDIRECT: "redirect",
    FailureKind.TOO_LARGE: "size",
    FailureKind.URL: "address",
    FailureKind.ADDRESS_REFUSED: "address",
    FailureKind.AUTHORISATION: "authorisation",
}
_HTTP = {
    401: "the authorisation is not accepted; a token may also be written otherwise there, base64 or as it is",
    403: "authorised, but not for this",
    404: "nothing is at this address",
    405: "this method is not allowed",
}


def failure_words(failure: DeliveryFailed) -> str:
    return f"{_KINDS[failure.kind]}: {printable(failure.detail)}"


def answer_problem(response: OutboundResponse) -> str:
    """What keeps an answer from being a good one in the OCPI envelope; empty: nothing."""
    if not 200 <= response.http_status < 300:
        return _joined(f"HTTP {response.http_status}", _HTTP.get(response.http_status, ""), status_message(response))
    if response.body is None:
        return f"HTTP {response.http_status}, but the answer is no JSON"
    if response.ocpi_status_code is None:
        return "JSON, but not OCPI: there is no status_code"
    if not response.ok:
        return _joined(f"OCPI status {response.ocpi_status_code}", status_message(response))
    return ""


def status_message(response: OutboundResponse) -> str:
    """As they wrote it, printable; empty when there is none."""
    said = response.body.get("status_message") if isinstance(response.body, dict) else None
    return printable(said) if isinstance(said, str) else ""


def place(url: str) -> str:
    """Where a URL leads, without its query."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return "this address"
    return printable(f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}")


def printable(text: str, limit: int = MAX_CHARS) -> str:
    return "".join(char if char.isprintable() else " " for char in text[:limit]).strip()


def _joined(*texts: str) -> str:
    return ": ".join(text for text in texts if text)
