"""The operators' site over partners: requests, results, deliveries, credentials."""

from datetime import timedelta

import pytest
from django.contrib.admin.models import LogEntry
from django.utils import timezone

from ocpi.models import (
    Credentials,
    DeliveryAttempt,
    OutboxMessage,
    PartnerEndpoint,
    Party,
    ProfileRequest,
    RequestBucket,
)
from tests.support import ocpi_factories
from tests.support.operators import (
    HOSTILE,
    act,
    client_of,
    client_of_all,
    list_of,
    make_message,
    make_request,
    make_session,
    messages_of,
    page,
)

pytestmark = pytest.mark.django_db
SEND = "ocpi.send_to_party"
RECORDS = [ProfileRequest, RequestBucket, OutboxMessage, DeliveryAttempt]


@pytest.fixture(autouse=True)
def nothing_leaves(settings, tmp_path, monkeypatch):
    settings.STATIC_ROOT = tmp_path
    monkeypatch.setattr("chargepoints.commands.mailbox.ring", lambda command_id: None)


@pytest.fixture(autouse=True)
def sent(enqueued):
    return enqueued


@pytest.fixture
def admin_of_all():
    return client_of_all()


@pytest.fixture
def sender():
    return client_of("view", SEND)


@pytest.fixture
def party():
    return ocpi_factories.party()


@pytest.fixture
def session():
    return make_session()


def attempt(message, *, at, number=1, **fields):
    fields = {"method": "PUT", "url": "https://partner.example/x", "finished_at": at, **fields}
    return DeliveryAttempt.objects.create(message=message, number=number, started_at=at, sent_at=at, **fields)


def result_of(request, **fields):
    return make_message(
        request.party, request.session, at=request.received_at, kind="RESULT", profile_request=request,
        expires_at=request.deadline_at, url=request.response_url, body={"result": "ACCEPTED"}, **fields,
    )  # fmt: skip


# --- every model ----------------------------------------------------------------------------------------------------


def make_one_of_each(party, session):
    request = make_request(party, session, at=timezone.now(), detail=HOSTILE, reason=HOSTILE, body={"x": HOSTILE})
    message = result_of(request, last_error=HOSTILE, failures=1)
    tried = attempt(message, at=timezone.now(), error=HOSTILE, response_body=HOSTILE)
    bucket = RequestBucket.objects.create(key="party:1", tokens=2.5, filled_at=timezone.now())
    return [party, party.credentials, party.endpoints.first(), request, message, tried, bucket]


def test_every_model_has_a_list_and_a_page_and_what_partners_say_is_escaped(admin_of_all, party, session):
    objects = make_one_of_each(party, session)
    assert {type(obj) for obj in objects} == {*RECORDS, Party, Credentials, PartnerEndpoint}
    for obj in objects:
        for url in (list_of(obj), page(obj), f"{list_of(obj)}?q=x"):
            response = admin_of_all.get(url)
            assert response.status_code == 200, url
            assert HOSTILE not in response.content.decode(), url


@pytest.mark.once
@pytest.mark.parametrize("model", RECORDS)
def test_what_the_product_writes_itself_is_read_only(model, admin_of_all, party, session):
    obj = next(obj for obj in make_one_of_each(party, session) if type(obj) is model)
    assert 'name="_save"' not in admin_of_all.get(page(obj)).content.decode()
    assert admin_of_all.get(f"{list_of(model)}add/").status_code == 403
    assert admin_of_all.post(f"{list_of(model)}{obj.pk}/delete/", {"post": "yes"}).status_code == 403


@pytest.mark.parametrize("model", [ProfileRequest, OutboxMessage, DeliveryAttempt, Party])
def test_a_list_of_many_rows_takes_as_many_queries_as_one_of_few(
    model, admin_of_all, party, session, django_assert_max_num_queries
):
    for _ in range(8):
        attempt(result_of(make_request(party, session, at=timezone.now())), at=timezone.now())
    admin_of_all.get(list_of(model))
    with django_assert_max_num_queries(10):
        admin_of_all.get(list_of(model))


# --- the page of a session ------------------------------------------------------------------------------------------


def test_a_session_that_did_not_reach_a_partner_says_why_and_has_the_button(sender, party, session):
    message = make_message(party, session, at=timezone.now(), failures=3, last_error="HTTP 503")
    [(problem, button)] = sender.get(page(session)).context["problems"]
    assert problem.what == "The session has not reached NL*JED"
    assert problem.why.startswith("HTTP 503. Failed 3 times in a row. Tried again at ")
    assert (button.action, button.pk, button.url) == ("retry_delivery_now", message.pk, list_of(OutboxMessage))


def test_a_promise_that_was_not_kept_is_a_problem(admin_of_all, party, session):
    request = make_request(party, session, at=timezone.now() - timedelta(minutes=5))
    [(problem, button)] = admin_of_all.get(page(session)).context["problems"]
    assert (problem.what, button) == (f"NL*JED was never told what came of SET {request.pk}", None)


# --- retry delivery now ---------------------------------------------------------------------------------------------


@pytest.mark.once
def test_who_may_not_send_sees_no_button_and_cannot_retry(party, session, sent):
    message = make_message(party, session, at=timezone.now(), failures=1)
    viewer = client_of("view", "chargepoints.operate_chargepoint")
    for url in (page(message), list_of(message), page(session)):
        html = viewer.get(url).content.decode()
        assert "retry_delivery_now" not in html
        assert "send_session_again" not in html
    act(viewer, "retry_delivery_now", message, confirmed=True)
    act(viewer, "send_session_again", session, confirmed=True)
    assert sent == []


def test_retry_makes_the_message_due_now_and_writes_who_asked(sender, party, session, sent):
    later = timezone.now() + timedelta(hours=1)
    message = make_message(party, session, at=timezone.now(), due_at=later, failures=5)
    response = act(sender, "retry_delivery_now", message, next=page(session), confirmed=True)
    message.refresh_from_db()
    assert messages_of(response) == [f"SESSION {message.pk} goes to NL*JED now."]
    assert response.redirect_chain == [(page(session), 302)]
    assert (message.due_at < later, message.failures, sent) == (True, 0, [message.pk])
    assert (LogEntry.objects.get().user.username, LogEntry.objects.get().object_id) == ("noor", str(message.pk))


@pytest.mark.once
@pytest.mark.parametrize(
    ("age_s", "status", "why"),
    [
        (0, "DELIVERED", "it was delivered at "),
        (0, "SENDING", "it is on its way at this moment"),
        (60, "PENDING", "and a result that comes later is not waited for"),
    ],
)
def test_a_result_that_cannot_be_sent_again_says_why(age_s, status, why, sender, party, session, sent):
    request = make_request(party, session, at=timezone.now() - timedelta(seconds=age_s))
    response = act(sender, "retry_delivery_now", result_of(request, status=status), confirmed=True)
    assert why in messages_of(response)[0]
    assert sent == []
    assert not LogEntry.objects.exists()


@pytest.mark.once
@pytest.mark.parametrize(
    ("age_s", "status", "there"),
    [
        (0, "PENDING", True), (0, "FAILED", True), (0, "IN_DOUBT", True), (0, "DELIVERED", False),
        (0, "SENDING", False), (0, "EXPIRED", False), (60, "PENDING", False),
    ],
)  # fmt: skip
def test_the_button_is_there_only_when_it_does_something(age_s, status, there, sender, party, session):
    request = make_request(party, session, at=timezone.now() - timedelta(seconds=age_s))
    buttons = sender.get(page(result_of(request, status=status))).context["buttons"]
    assert [button.action for button in buttons] == (["retry_delivery_now"] if there else [])


@pytest.mark.once
def test_a_session_that_was_delivered_can_be_sent_again(sender, party, session):
    message = make_message(party, session, at=timezone.now(), status="DELIVERED")
    assert [button.action for button in sender.get(page(message)).context["buttons"]] == ["retry_delivery_now"]


def test_a_result_in_doubt_is_sent_again_only_after_a_warning(sender, party, session, sent):
    message = result_of(make_request(party, session, at=timezone.now()), status="IN_DOUBT")
    response = act(sender, "retry_delivery_now", message)
    assert "the partner may get it twice" in response.content.decode()
    assert sent == []
    act(sender, "retry_delivery_now", message, confirmed=True)
    assert sent == [message.pk]


def test_retry_to_a_party_that_is_switched_off_says_so(sender, party, session, sent):
    Party.objects.update(enabled=False)
    response = act(sender, "retry_delivery_now", make_message(party, session, at=timezone.now()), confirmed=True)
    assert "NL*JED is switched off" in messages_of(response)[0]
    assert sent == []


# --- send session to partners again ---------------------------------------------------------------------------------


def test_a_session_is_sent_whole_to_every_partner_that_listens(sender, party, session, sent):
    response = act(sender, "send_session_again", session, confirmed=True)
    message = OutboxMessage.objects.get()
    assert messages_of(response) == [f"Session {session} goes to NL*JED again, whole."]
    assert (message.kind, message.delivered_body, sent) == ("SESSION", None, [message.pk])
    assert LogEntry.objects.get().object_id == str(session.pk)


def test_a_session_nobody_listens_to_is_sent_to_nobody_and_says_so(sender, session, sent):
    response = act(sender, "send_session_again", session, confirmed=True)
    assert "was sent to nobody" in messages_of(response)[0]
    assert (sent, LogEntry.objects.count()) == ([], 0)
