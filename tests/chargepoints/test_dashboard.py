"""A section of the first page is made once for all who look, and nobody waits for it twice."""

import pytest
from django.core.cache import cache

from chargepoints.admin.dashboard import Section, Tile


@pytest.fixture(autouse=True)
def nothing_remembered():
    cache.clear()


def made(parts):
    return Section("Title", 1, "", parts)


def test_it_is_made_once_while_it_is_fresh():
    times = []

    def parts(now):
        times.append(now)
        yield Tile("times", len(times))

    section = made(parts)
    assert section.html() == section.html()
    assert len(times) == 1


def test_while_it_is_made_anew_others_see_what_there_was():
    seen, section = [], None

    def parts(_):
        if seen:
            seen.append(section.html())
        yield Tile("figure", f"number {len(seen)}")

    section = made(parts)
    seen.append(section.html())
    _is_not_fresh()
    now = section.html()
    assert len(seen) == 2
    assert seen[1] == seen[0]
    assert "number 0" in seen[0]
    assert "number 2" in now


def _is_not_fresh():
    cache.delete(f"dashboard.{__name__}.parts.fresh")
