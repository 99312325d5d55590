"""TOO_OFTEN: token buckets (OCPI 2.2.1 mod_charging_profiles, Flow)."""

import threading
from datetime import datetime

import pytest
from django.db import connection, transaction
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from ocpi import request_buckets
from ocpi.models import Party, RequestBucket
from ocpi.request_buckets import Rate, refilled
from tests.support import ocpi_factories as make
from tests.support.ocpi_factories import START, later

rates = st.builds(Rate, burst=st.integers(1, 1000), per_minute=st.integers(0, 6000))
seconds = st.floats(0, 1e7)


@pytest.mark.pure
@hypothesis_settings(max_examples=100, deadline=None)
@given(st.floats(0, 1000), st.lists(seconds, min_size=1, max_size=5), rates)
def test_a_bucket_never_holds_more_than_its_burst_and_never_less_than_before(tokens, rests, rate):
    tokens = min(tokens, rate.burst)
    for rest in rests:
        filled = refilled(tokens, idle_s=rest, rate=rate)
        assert tokens <= filled <= rate.burst
        tokens = filled


@pytest.mark.pure
@hypothesis_settings(max_examples=100, deadline=None)
@given(st.floats(0, 100), st.floats(0, 1e5), st.floats(0, 1e5), rates)
def test_two_rests_fill_as_much_as_one_of_the_same_length(tokens, first, second, rate):
    tokens = min(tokens, rate.burst)
    twice = refilled(refilled(tokens, idle_s=first, rate=rate), idle_s=second, rate=rate)
    assert twice == pytest.approx(refilled(tokens, idle_s=first + second, rate=rate))


@pytest.mark.pure
def test_a_clock_that_steps_back_takes_no_tokens():
    assert refilled(3.0, idle_s=-60, rate=Rate(burst=10, per_minute=60)) == 3.0


@pytest.fixture
def small(settings) -> None:
    settings.OCPI_SESSION_BURST, settings.OCPI_SESSION_PER_MINUTE = 2, 6
    settings.OCPI_PARTY_BURST, settings.OCPI_PARTY_PER_MINUTE = 3, 60


@transaction.atomic
def take(party: Party, session, *, now: datetime = START) -> bool:
    return request_buckets.take(party, session, now=now)


@pytest.mark.django_db
@pytest.mark.usefixtures("small")
def test_a_session_has_its_burst_and_then_its_rate():
    party, session = make.party(), make.session()
    assert [take(party, session) for _ in range(3)] == [True, True, False]
    assert take(party, session, now=later(9)) is False
    assert take(party, session, now=later(10)) is True
    assert take(party, session, now=later(11)) is False


@pytest.mark.django_db
@pytest.mark.usefixtures("small")
def test_a_party_has_one_bucket_over_all_its_sessions():
    party = make.party()
    sessions = [make.session(f"CP{n}", ocpp_transaction_id=str(n)) for n in range(4)]
    assert [take(party, session) for session in sessions] == [True, True, True, False]


@pytest.mark.django_db
@pytest.mark.usefixtures("small")
def test_one_party_never_empties_the_bucket_of_another():
    session = make.session()
    first, second = make.party(), make.party("OTH")
    assert [take(first, session) for _ in range(3)] == [True, True, False]
    assert take(second, session) is True


@pytest.mark.django_db
@pytest.mark.usefixtures("small")
def test_a_refusal_by_one_bucket_takes_nothing_from_the_other():
    party, session = make.party(), make.session()
    for _ in range(5):
        take(party, session)
    assert RequestBucket.objects.get(key=f"party:{party.pk}").tokens == 1


@pytest.mark.django_db(transaction=True)
def test_requests_at_the_same_moment_share_the_tokens(settings):
    """The rows are held to the end of the transaction: eight at once never get more than the burst."""
    settings.OCPI_SESSION_BURST, settings.OCPI_SESSION_PER_MINUTE = 3, 0
    party, session = make.party(), make.session()
    taken: list[bool] = []
    together = threading.Barrier(8)

    def one() -> None:
        together.wait(timeout=10)
        try:
            taken.append(take(party, session))
        finally:
            connection.close()

    threads = [threading.Thread(target=one) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=30)
    assert sorted(taken) == [False] * 5 + [True] * 3
