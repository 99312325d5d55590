"""Figures that can be added up, and what they say."""

import math
from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocpi.service_levels import GROWTH, Figures, RequestFacts, of_deliveries, of_requests, share, step_of, total

pytestmark = pytest.mark.pure
NOW = datetime(2026, 1, 5, 12, tzinfo=UTC)
TIMES = st.lists(st.integers(0, 86_400_000), min_size=1, max_size=50)
FIGURES = st.builds(
    Figures,
    st.dictionaries(st.sampled_from(["promised", "lost", "response.ACCEPTED"]), st.integers(1, 9)),
    st.dictionaries(
        st.sampled_from(["apply", "result"]),
        st.dictionaries(st.integers(0, 300).map(str), st.integers(1, 9), min_size=1),
    ),
)


def deliveries(milliseconds: list[int]) -> Figures:
    return of_deliveries((True, timedelta(milliseconds=ms)) for ms in milliseconds)


def request(**fields) -> RequestFacts:
    defaults = {
        "kind": "SET", "response": "ACCEPTED", "result": "ACCEPTED", "received_at": NOW,
        "deadline_at": NOW + timedelta(seconds=30), "applied_at": NOW + timedelta(seconds=1),
        "delivered_at": NOW + timedelta(seconds=2),
    }  # fmt: skip
    return RequestFacts(**(defaults | fields))


def counts(*requests: RequestFacts, after_s: float = 60) -> dict[str, int]:
    return dict(of_requests(requests, now=NOW + timedelta(seconds=after_s)).counts)


# --- percentiles ----------------------------------------------------------------------------------------------------


@given(TIMES, st.sampled_from([0.5, 0.95, 0.99, 1.0]))
def test_a_percentile_is_never_too_low_and_at_most_a_twentieth_too_high(milliseconds, wanted):
    exact = sorted(milliseconds)[math.ceil(wanted * len(milliseconds)) - 1]
    told = deliveries(milliseconds).percentile("delivery", wanted) / timedelta(milliseconds=1)
    assert exact - 0.001 <= told <= max(1, exact * GROWTH) + 0.001


@given(TIMES)
def test_p50_is_not_above_p95(milliseconds):
    figures = deliveries(milliseconds)
    assert figures.percentile("delivery", 0.5) <= figures.percentile("delivery", 0.95)


@given(st.lists(st.lists(st.integers(0, 100_000), min_size=1), min_size=1, max_size=6))
def test_added_slots_say_what_all_of_them_at_once_say(slots):
    at_once = deliveries([ms for slot in slots for ms in slot])
    assert total(map(deliveries, slots)) == at_once


@given(st.lists(FIGURES, max_size=5), st.randoms())
def test_the_order_of_adding_makes_no_odds(figures, random):
    shuffled = list(figures)
    random.shuffle(shuffled)
    assert total(figures) == total(shuffled) == total([total(figures[:2]), total(figures[2:])])


@given(st.integers(1, 10**9))
def test_a_longer_time_is_never_in_a_lower_class(milliseconds):
    longer = timedelta(milliseconds=milliseconds + 1)
    assert int(step_of(timedelta(milliseconds=milliseconds))) <= int(step_of(longer))


def test_without_measurements_there_is_no_percentile():
    assert Figures().percentile("apply", 0.5) is None
    assert not Figures()


# --- shares ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("part", "whole", "told"), [(0, 0, None), (0, 3, 0.0), (1, 3, 33.3), (3, 3, 100.0), (99_999, 100_000, 99.9)]
)
def test_all_of_them_is_only_said_when_it_is_all_of_them(part, whole, told):
    assert share(part, whole) == told


# --- requests -------------------------------------------------------------------------------------------------------


def test_an_answered_request_keeps_its_promise():
    assert counts(request()) == {"response.ACCEPTED": 1, "result.ACCEPTED": 1, "promised": 1}


def test_a_refused_one_promises_nothing():
    refused = request(response="REJECTED", result="", applied_at=None, delivered_at=None)
    assert counts(refused) == {"response.REJECTED": 1}


def test_a_result_that_was_not_delivered_in_time_is_lost_but_not_before_its_time_is_over():
    undelivered = request(delivered_at=None)
    assert counts(undelivered, after_s=29) == {"response.ACCEPTED": 1, "result.ACCEPTED": 1}
    assert counts(undelivered, after_s=30) == {"response.ACCEPTED": 1, "result.ACCEPTED": 1, "promised": 1, "lost": 1}


def test_a_result_delivered_after_its_time_is_late_not_lost():
    late = request(delivered_at=NOW + timedelta(seconds=31))
    assert counts(late) == {"response.ACCEPTED": 1, "result.ACCEPTED": 1, "promised": 1, "late": 1}


def test_only_what_was_applied_and_delivered_has_its_times():
    figures = of_requests([request(), request(applied_at=None), request(delivered_at=None)], now=NOW)
    assert {name: sum(histogram.values()) for name, histogram in figures.times.items()} == {"apply": 2, "result": 2}
    assert figures.percentile("apply", 1.0) < timedelta(seconds=1.06)
    assert figures.percentile("result", 1.0) > timedelta(seconds=1.99)


@given(st.lists(st.sampled_from(["ACCEPTED", "REJECTED", "TOO_OFTEN"])), st.integers(0, 100))
def test_every_request_is_counted_once(responses, after_s):
    figures = of_requests([request(response=r, result="") for r in responses], now=NOW + timedelta(seconds=after_s))
    assert figures.all_of("response") == len(responses)
    assert figures.count("response.ACCEPTED") == Counter(responses)["ACCEPTED"]
    assert figures.count("lost", "late") <= figures.count("promised") <= figures.count("response.ACCEPTED")


def test_a_delivery_that_failed_is_no_delivery():
    figures = of_deliveries([(True, timedelta(seconds=1)), (False, None)])
    assert figures.counts == {"delivered": 1, "failed": 1}
    assert sum(figures.times["delivery"].values()) == 1
