"""An open page asks for its own part again (`static/chargepoints/live.js`): a short request, nothing is held."""

import hashlib
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string
from django.utils.cache import get_conditional_response
from django.utils.http import quote_etag


def is_live(request: HttpRequest) -> bool:
    return request.method == "GET" and "live" in request.GET


def live_part(request: HttpRequest, template: str, context: dict[str, Any]) -> HttpResponse:
    """The part alone, or 304 when it is as the page has it. Its forms have no CSRF token, which would differ each time:
    the page puts in the one it has."""
    html = render_to_string(template, {**context, "request": request})
    etag = quote_etag(hashlib.sha256(html.encode()).hexdigest())
    response = get_conditional_response(request, etag=etag) or HttpResponse(html)
    response["ETag"] = etag
    return response
