"""A 401 that the authorisation can do something about: once more, in the same time, or not at all."""

import threading
from collections.abc import Mapping

import pytest

from ocpi.client import DeliveryFailed, FailureKind, send
from tests.ocpi.client.server import LAX, Handler, Server, post

pytestmark = pytest.mark.once


class Renewable:
    """Another token after each renewal."""

    def __init__(self, *, hopeless: bool = False) -> None:
        self.number = 1
        self.hopeless = hopeless
        self.times: list[float] = []
        self.refused: list[Mapping[str, str]] = []

    def headers(self, *, timeout_s: float = 1.0) -> dict[str, str]:
        self.times.append(timeout_s)
        return {"Authorization": f"Bearer {self.number}"}

    def renew(self, refused: Mapping[str, str]) -> bool:
        self.refused.append(refused)
        self.number += 1
        return not self.hopeless


def refusing(*numbers: int):
    def answer(handler: Handler) -> None:
        refused = handler.headers["Authorization"] in {f"Bearer {number}" for number in numbers}
        handler.reply(401 if refused else 200, b"{}")

    return answer


def seen(server: Server) -> list[str | None]:
    return [request.headers["Authorization"] for request in server.seen]


def test_the_request_goes_once_more_with_other_headers_and_an_id_of_its_own(server: Server) -> None:
    server.answer = refusing(1)
    marks: list[int] = []
    authorizer = Renewable()
    response = send(post(server), authorization=authorizer, policy=LAX, before_send=lambda: marks.append(1))
    assert (response.http_status, seen(server)) == (200, ["Bearer 1", "Bearer 2"])
    assert authorizer.refused == [{"Authorization": "Bearer 1"}]
    assert len(marks) == 2
    assert [request.body for request in server.seen] == [b'{"result":"ACCEPTED"}'] * 2
    assert len({request.headers["X-Request-ID"] for request in server.seen}) == 2


def test_a_second_401_is_the_answer(server: Server) -> None:
    server.answer = refusing(1, 2, 3)
    authorizer = Renewable()
    assert send(post(server), authorization=authorizer, policy=LAX).http_status == 401
    assert (seen(server), len(authorizer.refused)) == (["Bearer 1", "Bearer 2"], 1)


def test_without_hope_the_first_401_is_the_answer(server: Server) -> None:
    server.answer = refusing(1)
    assert send(post(server), authorization=Renewable(hopeless=True), policy=LAX).http_status == 401
    assert seen(server) == ["Bearer 1"]


@pytest.mark.parametrize("status", [200, 400, 403, 404, 500])
def test_no_other_answer_is_a_reason(server: Server, status: int) -> None:
    server.answer = lambda handler: handler.reply(status, b"{}")
    authorizer = Renewable()
    assert send(post(server), authorization=authorizer, policy=LAX).http_status == status
    assert (len(server.seen), authorizer.refused) == (1, [])


def test_both_share_one_deadline(server: Server) -> None:
    """The second hangs: what is left of the whole time ends it."""
    over = threading.Event()

    def answer(handler: Handler) -> None:
        if handler.headers["Authorization"] == "Bearer 1":
            over.wait(0.3)
            return handler.reply(401, b"{}")
        over.wait(10)
        return None

    server.answer = answer
    authorizer = Renewable()
    with pytest.raises(DeliveryFailed) as caught:
        send(post(server, timeout_s=0.6), authorization=authorizer, policy=LAX)
    over.set()
    assert (caught.value.kind, caught.value.maybe_sent, caught.value.http_status) == (FailureKind.TIMEOUT, True, None)
    first, second = authorizer.times
    assert (0.5 < first <= 0.6, second < 0.3) == (True, True)


def test_a_hook_that_refuses_the_second_time_lets_nothing_more_leave(server: Server) -> None:
    server.answer = refusing(1)
    calls: list[int] = []

    def hook() -> None:
        calls.append(1)
        if len(calls) == 2:
            raise LookupError("too late")

    with pytest.raises(LookupError, match="too late"):
        send(post(server), authorization=Renewable(), policy=LAX, before_send=hook)
    assert seen(server) == ["Bearer 1"]


def test_a_url_that_is_not_called_costs_no_authorisation(server: Server) -> None:
    authorizer = Renewable()
    with pytest.raises(DeliveryFailed) as caught:
        send(post(server, url="ftp://x.example/"), authorization=authorizer, policy=LAX)
    assert (caught.value.kind, authorizer.times) == (FailureKind.URL, [])


def test_authorisation_that_cannot_be_had_ends_the_attempt_before_it_connects(server: Server) -> None:
    class Without(Renewable):
        def headers(self, *, timeout_s: float = 1.0) -> dict[str, str]:
            raise DeliveryFailed(FailureKind.AUTHORISATION, "no token", retryable=True)

    with pytest.raises(DeliveryFailed, match="authorisation: no token"):
        send(post(server), authorization=Without(), policy=LAX)
    assert server.connections == 0


def test_a_form_is_sent_form_encoded_and_never_shown(server: Server) -> None:
    request = post(server, body=None, form={"client_secret": "planted &=é"})
    send(request, authorization=Renewable(), policy=LAX)
    (only,) = server.seen
    assert only.body == b"client_secret=planted+%26%3D%C3%A9"
    assert only.headers["Content-Type"] == "application/x-www-form-urlencoded"
    assert "planted" not in repr(request)
