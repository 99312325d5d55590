"""Paged lists (OCPI 2.2.1 transport_and_format, Pagination)."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from django.conf import settings
from django.db.models import QuerySet

from ocpi.protocol.datetimes import parse_datetime
from ocpi.protocol.errors import InvalidField

_INT = re.compile(r"[0-9]{1,18}")  # what both databases take as an OFFSET


# As the OpenAPI description shows them.
PAGE: dict[str, dict[str, Any]] = {
    "date_from": {"type": "string", "description": "last_updated, inclusive"},
    "date_to": {"type": "string", "description": "last_updated, exclusive"},
    "offset": {"type": "integer", "minimum": 0, "default": 0},
    "limit": {"type": "integer", "minimum": 1},
}


@dataclass(frozen=True, slots=True)
class PageQuery:
    """`date_from` inclusive, `date_to` exclusive, both on `last_updated`; `limit` never above the server's."""

    offset: int
    limit: int
    date_from: datetime | None = None
    date_to: datetime | None = None


@dataclass(frozen=True, slots=True)
class Page:
    items: tuple[Any, ...]
    headers: dict[str, str]


def parse_page_query(params: Mapping[str, str], *, max_limit: int) -> PageQuery:
    """Raises InvalidField. A limit above ours is cut to ours; 0 would never reach a last page."""
    return PageQuery(
        offset=_whole(params, "offset", default=0, least=0),
        limit=min(_whole(params, "limit", default=max_limit, least=1), max_limit),
        date_from=_moment(params, "date_from"),
        date_to=_moment(params, "date_to"),
    )


def page_headers(
    query: PageQuery, *, total: int, max_limit: int, url: str, params: Iterable[tuple[str, str]]
) -> dict[str, str]:
    """`total` counts every match this caller may see; X-Limit is the server's maximum, not the page's length."""
    headers = {"X-Total-Count": str(total), "X-Limit": str(max_limit)}
    if query.offset + query.limit < total:
        filters = [(name, value) for name, value in params if name not in {"offset", "limit"}]
        position = [("offset", str(query.offset + query.limit)), ("limit", str(query.limit))]
        headers["Link"] = f'<{url}?{urlencode(position + filters, safe=":")}>; rel="next"'
    return headers


def paginate(queryset: QuerySet[Any], request: Any) -> Page:
    """One page of objects with `last_updated` and `id`, oldest first. Filter for the caller before calling this.

    Oldest by creation, not by `last_updated` (OCPI 2.2.1 transport_and_format, Paginated Response): an object that
    changes while a client crawls would move to the end, and another would slip onto a page that the client has had.
    """
    max_limit: int = settings.OCPI_PAGE_LIMIT
    query = parse_page_query(request.GET, max_limit=max_limit)
    matches = _matching(queryset, query)
    params = [(name, value) for name, values in request.GET.lists() for value in values]
    url = settings.PUBLIC_URL + request.path
    headers = page_headers(query, total=matches.count(), max_limit=max_limit, url=url, params=params)
    ordered = matches.order_by("id")
    return Page(tuple(ordered[query.offset : query.offset + query.limit]), headers)


def _matching(queryset: QuerySet[Any], query: PageQuery) -> QuerySet[Any]:
    if query.date_from is not None:
        queryset = queryset.filter(last_updated__gte=query.date_from)
    if query.date_to is not None:
        queryset = queryset.filter(last_updated__lt=query.date_to)
    return queryset


def _whole(params: Mapping[str, str], name: str, *, default: int, least: int) -> int:
    text = params.get(name)
    if text is None:
        return default
    if not _INT.fullmatch(text) or int(text) < least:
        raise InvalidField(name, f"must be a whole number, at least {least}")
    return int(text)


def _moment(params: Mapping[str, str], name: str) -> datetime | None:
    text = params.get(name)
    if text is None:
        return None
    try:
        return parse_datetime(text)
    except ValueError as error:
        raise InvalidField(name, str(error)) from None
