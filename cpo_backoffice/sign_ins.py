"""Who came in, who went, and who tried: in the audit log."""

from typing import Any
from uuid import uuid4

from django.conf import settings
from django.contrib.auth import signals
from django.http import HttpRequest
from django.utils import timezone

from chargepoints import audit
from chargepoints.audit import Outcome
from ocpi.networks import caller_address


def address_of(request: HttpRequest | None) -> str:
    found = caller_address(request.META, trust_proxy=settings.TRUST_PROXY) if request else None
    return str(found) if found else "an unknown address"


def _write(user: Any, action: str, request: HttpRequest | None, **fields: Any) -> None:
    result = f"from {address_of(request)}"
    audit.write(user=user, action=action, result=result, batch=uuid4(), now=timezone.now(), **fields)


def signed_in(request: HttpRequest, user: Any, **_: object) -> None:
    _write(user, "Signed in", request)


def signed_out(request: HttpRequest, user: Any, **_: object) -> None:
    if user is not None:
        _write(user, "Signed out", request)


def failed(credentials: dict[str, Any], request: HttpRequest | None = None, **_: object) -> None:
    """The name is what was typed, which may be anything; the password is never in `credentials` in the clear."""
    name = str(credentials.get("username") or "nobody")
    _write(None, "Sign-in failed", request, username=name, outcome=Outcome.REJECTED)


def connect() -> None:
    signals.user_logged_in.connect(signed_in, dispatch_uid="audit")
    signals.user_logged_out.connect(signed_out, dispatch_uid="audit")
    signals.user_login_failed.connect(failed, dispatch_uid="audit")
