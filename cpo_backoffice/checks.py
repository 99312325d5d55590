"""Settings mistakes, numbered, found before the first request."""

import os
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Warning, register


@register()
def settings_fit_together(**_: Any) -> list[CheckMessage]:
    found: list[CheckMessage] = []
    if settings.REDIS_URL and not os.environ.get("SECRET_KEY"):
        found.append(
            Warning(
                "SECRET_KEY is not set while REDIS_URL is: each machine makes its own key.",
                hint="Give all processes the same SECRET_KEY; partner tokens are encrypted with it.",
                id="cpo.W001",
            )
        )
    if settings.OCPI_CALLBACK_RESERVE_S >= settings.OCPI_PROFILE_TIMEOUT_S:
        found.append(
            Error(
                "OCPI_CALLBACK_RESERVE_S leaves a charge point no time to answer.",
                hint="It is the part of OCPI_PROFILE_TIMEOUT_S kept for posting the result: make it smaller.",
                id="cpo.E001",
            )
        )
    if settings.OCPP_PROCESS_BEAT_S >= settings.OCPP_PROCESS_DEAD_S:
        found.append(
            Error(
                "OCPP_PROCESS_DEAD_S must be longer than OCPP_PROCESS_BEAT_S.",
                hint="A process is taken for dead after it missed several beats, e.g. 5 and 20.",
                id="cpo.E003",
            )
        )
    if len(settings.OCPI_COUNTRY_CODE) != 2 or len(settings.OCPI_PARTY_ID) != 3:
        found.append(
            Error("OCPI_COUNTRY_CODE has 2 characters, OCPI_PARTY_ID 3 (OCPI 2.2.1 credentials).", id="cpo.E002")
        )
    if not settings.DEBUG and settings.PUBLIC_URL.startswith("http://") and not _is_local(settings.PUBLIC_URL):
        found.append(
            Warning(
                "PUBLIC_URL is plain http: partners are told to send their tokens unencrypted.",
                hint="Put a proxy that ends TLS in front, set TRUST_PROXY=1 and PUBLIC_URL=https://...",
                id="cpo.W002",
            )
        )
    return found


def _is_local(url: str) -> bool:
    return url.startswith(("http://127.0.0.1", "http://localhost", "http://[::1]"))
