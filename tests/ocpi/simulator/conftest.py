import threading

import pytest

from ocpi.simulator.scsp import SimulatedScsp
from tests.ocpi.simulator.fake_cpo import TOKEN_FOR_CPO, TOKEN_FOR_SCSP, FakeCpo


@pytest.fixture(autouse=True)
def no_thread_is_left():
    before = set(threading.enumerate())
    yield
    assert set(threading.enumerate()) - before == set()


@pytest.fixture
def cpo(no_thread_is_left):
    with FakeCpo() as cpo:
        yield cpo


@pytest.fixture
def events():
    return []


@pytest.fixture
def scsp(cpo, events):
    with SimulatedScsp(
        token=TOKEN_FOR_CPO,
        cpo_token=TOKEN_FOR_SCSP,
        cpo_url=cpo.root,
        on_event=lambda name, fields: events.append((name, fields)),
    ) as scsp:
        yield scsp
