"""The first page: how it stands now, told by everyone who knows. Other apps add their part, as with the timeline.

A section is made at most once in its `fresh_s` seconds for all who look: twenty open pages cost as much as one.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.core.cache import cache
from django.http import HttpRequest
from django.template.loader import render_to_string
from django.utils import timezone
from django.utils.safestring import SafeString, mark_safe

from chargepoints.admin import rendering
from chargepoints.admin.timeline import Problem

FRESH_S = 2
SLOWEST_S = 30
"""Making a section takes no longer than that."""

SHOWN = 5
"""Of each kind that needs somebody, the worst."""


@dataclass(frozen=True, slots=True)
class Tile:
    """One figure; `url` leads to the list of just what was counted."""

    label: str
    value: object
    url: str = ""
    tone: str = rendering.INFO
    detail: str = ""


Part = Tile | Problem | SafeString
"""A figure, what needs somebody, or a picture."""


@dataclass(frozen=True, slots=True)
class Section:
    title: str
    order: int
    permission: str
    parts: Callable[[datetime], Iterable[Part]]
    fresh_s: int = FRESH_S

    def html(self) -> SafeString:
        """While one request makes it anew, others show what there was."""
        key = f"dashboard.{self.parts.__module__}.{self.parts.__name__}"
        is_due, html = cache.add(f"{key}.fresh", True, self.fresh_s), cache.get(key)
        if is_due or html is None:
            html = render_to_string("admin/dashboard_section.html", _sorted(self, list(self.parts(timezone.now()))))
            cache.set(key, html, self.fresh_s + SLOWEST_S)
        return mark_safe(html)  # noqa: S308 - made by our own template, which escapes


_sections: list[Section] = []


def register_section(
    title: str, *, order: int, permission: str, fresh_s: int = FRESH_S
) -> Callable[[Callable], Callable]:
    """Shown from the lowest `order` to the highest, to users with `permission` (`app.codename`).

    The function gets the time and yields parts, which are the same for everybody.
    """

    def register(parts: Callable[[datetime], Iterable[Part]]) -> Callable[[datetime], Iterable[Part]]:
        _sections.append(Section(title, order, permission, parts, fresh_s))
        return parts

    return register


def sections(request: HttpRequest) -> list[tuple[str, SafeString]]:
    """Title and content."""
    user = request.user
    allowed = [section for section in _sections if user.has_perm(section.permission)]  # type: ignore[union-attr]
    return [(section.title, section.html()) for section in sorted(allowed, key=lambda section: section.order)]


def _sorted(section: Section, parts: Sequence[Part]) -> dict[str, object]:
    return {
        "title": section.title,
        "tiles": [part for part in parts if isinstance(part, Tile)],
        "problems": [part for part in parts if isinstance(part, Problem)],
        "pictures": [part for part in parts if isinstance(part, SafeString)],
    }


def alarming(count: int, tone: str = rendering.BAD) -> str:
    """Nothing wrong is no alarm."""
    return tone if count else rendering.OK
