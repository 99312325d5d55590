"""Operators set and remove limits: permission, what the page says before, what it says after, where it shows."""

from datetime import timedelta

import pytest
from django.contrib.admin.models import LogEntry
from django.utils import timezone

from chargepoints import limits
from chargepoints.admin import session_page
from chargepoints.models import ChargePointCommand, ChargingSession, Evse, OperatorLimit
from chargepoints.values import CommandOutcome, OutcomeStatus
from tests.chargepoints.command_steps import EXPIRED, REJECTED
from tests.chargepoints.limit_steps import answered, set_online, want
from tests.support.operators import (
    act,
    client_of,
    client_of_all,
    install_profile,
    list_of,
    make_charge_point,
    make_session,
    messages_of,
    page,
)

pytestmark = pytest.mark.django_db
OPERATE = "chargepoints.operate_chargepoint"
ACTIONS = ["set_limit", "remove_limit"]


@pytest.fixture(autouse=True)
def nothing_rings(settings, tmp_path, monkeypatch):
    settings.STATIC_ROOT = tmp_path
    monkeypatch.setattr("chargepoints.commands._ring", lambda *_: None)


@pytest.fixture
def operator():
    return client_of("view", OPERATE)


@pytest.fixture
def charge_point():
    return make_charge_point()


@pytest.fixture
def evse(charge_point):
    return charge_point.evses.get()


def soon(**delta) -> str:
    return f"{timezone.now() + timedelta(**delta):%Y-%m-%dT%H:%M}"


def form(**changes):
    return {"rate": "10", "unit": "A", "ends_at": "", "reason": "grid works", **changes}


def set_it(client, place, **changes):
    """Both steps, as a browser makes them: the hidden field comes back as it was shown."""
    shown = act(client, "set_limit", place, confirmed=True, **form(**changes))
    if "form" not in (shown.context or {}):
        return shown
    checked = shown.context["form"]["checked"].value()
    return act(client, "set_limit", place, confirmed=True, checked=checked, **form(**changes))


def text_of(response) -> str:
    return " ".join(response.content.decode().split())


# --- permission -----------------------------------------------------------------------------------------------------


@pytest.mark.once
def test_who_may_only_view_sees_no_action(evse):
    viewer = client_of("view")
    for obj in (evse, evse.charge_point):
        for url in (list_of(obj), page(obj)):
            html = viewer.get(url).content.decode()
            assert not [action for action in ACTIONS if f'value="{action}"' in html]


@pytest.mark.once
@pytest.mark.parametrize("action", ACTIONS)
def test_who_may_only_view_cannot_act_by_a_made_up_post(action, evse):
    answered(want(evse, now=timezone.now()))
    before = ChargePointCommand.objects.count()
    for place in (evse, evse.charge_point):
        act(
            client_of("view", name=f"viewer {type(place)}"),
            action,
            place,
            confirmed=True,
            checked="10 A None",
            **form(),
        )
    assert ChargePointCommand.objects.count() == before
    assert OperatorLimit.objects.get().ended_at is None
    assert not LogEntry.objects.exists()


@pytest.mark.once
def test_an_operator_has_both_as_buttons(operator, evse):
    for obj in (evse, evse.charge_point):
        html = operator.get(page(obj)).content.decode()
        assert all(f'value="{action}"' in html for action in ACTIONS)


# --- set ------------------------------------------------------------------------------------------------------------


def test_the_first_page_says_which_sessions_are_touched_and_writes_nothing(operator, charge_point):
    session = make_session(charge_point)
    html = text_of(act(operator, "set_limit", charge_point))
    assert "Now: no limit." in html
    assert f"Touches session {session} on EVSE 1." in html
    assert "Go on: show what it does" in html
    assert not OperatorLimit.objects.exists()


def test_the_second_page_says_what_will_be_sent_and_writes_nothing(operator, charge_point):
    type(charge_point).objects.update(rate_units="A")
    ends_at = soon(hours=2)
    shown = act(operator, "set_limit", charge_point, confirmed=True, **form(rate="11000", unit="W", ends_at=ends_at))
    html = text_of(shown)
    assert "SetChargingProfile (profile 2000000000, maximum of the charge point): 15.9 A per phase from" in html
    assert f"until {ends_at.replace('T', ' ')}:00 UTC" in html
    assert "Note: 11000 W -&gt; 15.9 A: 3 phases, 230 V, rounded down." in html
    assert "Touches no running session." in html
    assert "Yes, set this limit" in html
    assert not OperatorLimit.objects.exists()


def test_the_profile_that_is_prepared_anew_is_named(operator, evse):
    session = make_session(evse.charge_point)
    install_profile(session, 11000, at=timezone.now())
    html = text_of(act(operator, "set_limit", evse, confirmed=True, **form()))
    assert f"Touches session {session}. The profile of NL*JED is prepared anew and sent." in html
    assert "profile 2000000001, default of its sessions" in html


def test_values_that_were_not_shown_are_shown_and_not_acted_on(operator, charge_point):
    response = act(operator, "set_limit", charge_point, confirmed=True, checked="16.0 A None", **form())
    assert "10 A per phase" in text_of(response)
    assert not OperatorLimit.objects.exists()


def test_a_confirmed_limit_is_wanted_sent_and_told(operator, charge_point):
    ends_at = soon(hours=2)
    response = set_it(operator, charge_point, ends_at=ends_at)
    limit, command = OperatorLimit.objects.get(), ChargePointCommand.objects.get()
    assert (limit.rate, limit.unit, limit.reason, limit.created_by) == (10, "A", "grid works", "operator noor")
    assert (limit.evse, f"{limit.ends_at:%Y-%m-%dT%H:%M}", limit.state) == (None, ends_at, "REQUESTED")
    assert (command.limit, command.requested_by, command.status) == (limit, "operator noor", "QUEUED")
    words = f"limited to 10 A per phase by operator noor until {ends_at.replace('T', ' ')}:00 UTC: grid works"
    assert messages_of(response) == [
        f"DEMO-16: {words}.",
        f'DEMO-16: SetChargingProfile queued as <a href="{page(command)}">command {command.pk}</a>',
    ]
    history = [entry.change_message for entry in LogEntry.objects.order_by("pk")]
    assert history == [f"DEMO-16: {words}.", f"DEMO-16: SetChargingProfile queued as command {command.pk}"]


def test_a_limit_on_an_evse_is_that_evses(operator, evse):
    set_it(operator, evse)
    assert OperatorLimit.objects.get().evse == evse


def test_several_places_at_once(operator, evse):
    other = Evse.objects.create(charge_point=evse.charge_point, ocpp_evse_id=2)
    act(operator, "set_limit", evse, other, confirmed=True, checked="10 A None", **form())
    assert set(OperatorLimit.objects.values_list("evse", flat=True)) == {evse.pk, other.pk}


def test_an_offline_charge_point_is_named(operator):
    charge_point = make_charge_point(online=False)
    assert "It is offline: the limit is kept" in text_of(
        act(operator, "set_limit", charge_point, confirmed=True, **form())
    )
    response = set_it(operator, charge_point)
    assert messages_of(response)[1] == "DEMO-16 is offline: it is kept and sent when it connects."
    assert not ChargePointCommand.objects.exists()


def test_what_does_not_fit_says_why_before_and_after(operator, charge_point):
    type(charge_point).objects.update(smart_charging=False)
    why = "does not fit (smart_charging_unsupported): the charge point has no smart charging"
    assert why in text_of(act(operator, "set_limit", charge_point, confirmed=True, **form()))
    assert messages_of(set_it(operator, charge_point)) == [f"DEMO-16: nothing was sent. The limit {why}"]
    assert not OperatorLimit.objects.exists()


def test_exactly_what_is_in_force_is_not_sent_again(operator, charge_point):
    answered(want(charge_point, 10, now=timezone.now()))
    assert "exactly this limit is in force already" in text_of(
        act(operator, "set_limit", charge_point, confirmed=True, **form())
    )
    response = set_it(operator, charge_point)
    assert messages_of(response) == ["DEMO-16: nothing was sent, exactly this limit is in force already."]
    assert OperatorLimit.objects.count() == 1


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"rate": "-1"}, "rate"),
        ({"rate": "10.25"}, "rate"),
        ({"rate": "NaN"}, "rate"),
        ({"unit": "kW"}, "unit"),
        ({"reason": ""}, "reason"),
        ({"ends_at": "2020-01-01T00:00"}, "ends_at"),
        ({"ends_at": "2999-01-01T00:00"}, "ends_at"),
        ({"ends_at": "soon"}, "ends_at"),
    ],
)
def test_a_value_that_makes_no_limit_is_named_at_its_field(changes, field, operator, charge_point):
    response = act(operator, "set_limit", charge_point, confirmed=True, **form(**changes))
    assert list(response.context["form"].errors) == [field]
    assert not OperatorLimit.objects.exists()


# --- remove ---------------------------------------------------------------------------------------------------------


def test_remove_says_what_it_clears_then_clears_it(operator, charge_point):
    limit = answered(want(charge_point, now=timezone.now()))
    html = text_of(act(operator, "remove_limit", charge_point))
    assert "ClearChargingProfile (profile 2000000000, maximum of the charge point): limited to 10 A per phase" in html
    assert OperatorLimit.objects.get().ended_at is None
    response = act(operator, "remove_limit", charge_point, confirmed=True)
    command = limit.commands.latest("pk")
    assert (command.action, command.requested_by) == ("ClearChargingProfile", "operator noor")
    assert messages_of(response)[0] == "DEMO-16: the limit of 10 A per phase is not wanted any more."
    assert "ClearChargingProfile queued as" in messages_of(response)[1]
    assert OperatorLimit.objects.get().ended_by == "operator noor"


def test_without_a_limit_there_is_nothing_to_remove(operator, evse):
    assert "Nothing: there is no limit." in text_of(act(operator, "remove_limit", evse))
    response = act(operator, "remove_limit", evse, confirmed=True)
    assert messages_of(response) == ["DEMO-16/1: nothing was sent, there is no limit."]


def test_what_the_charge_point_never_got_is_removed_without_a_call(operator, charge_point):
    want(charge_point, now=timezone.now())
    response = act(operator, "remove_limit", charge_point, confirmed=True)
    assert messages_of(response)[1] == "DEMO-16: nothing was sent, the charge point does not have it."


def test_at_an_offline_charge_point_it_is_cleared_later(operator, charge_point):
    answered(want(charge_point, now=timezone.now()))
    set_online(charge_point, online=False)
    response = act(operator, "remove_limit", charge_point, confirmed=True)
    assert messages_of(response)[1] == "DEMO-16 is offline: it is cleared when it connects."


def test_what_could_not_be_cleared_can_be_removed_again(operator, charge_point):
    now = timezone.now()
    limit = answered(want(charge_point, now=now))
    limits.remove_limit(limit, requested_by="operator noor", now=now)
    for _ in range(3):
        answered(limit, EXPIRED)
        limits.send_due(now=now)
    assert [p.what for p, _ in problems(operator, charge_point)] == [
        "The limit of the charge point as a whole may still be in force"
    ]
    act(operator, "remove_limit", charge_point, confirmed=True)
    assert limit.commands.latest("pk").status == "QUEUED"


# --- where it shows -------------------------------------------------------------------------------------------------


def problems(client, obj):
    return client.get(page(obj)).context["problems"]


def test_a_limit_shows_on_the_pages_of_its_charge_point_evse_and_session(operator, evse):
    limit = answered(want(evse, now=timezone.now()))
    session = make_session(evse.charge_point)
    words = "limited to 10 A per phase by operator noor until it is removed: grid works"
    for obj in (evse, evse.charge_point, session):
        html = text_of(operator.get(page(obj)))
        assert f'EVSE 1, <a href="{page(limit)}">{words}</a> <span class="cpo-badge cpo-ok">INSTALLED</span>' in html


def test_a_sessions_page_shows_the_limit_of_the_whole_charge_point_and_none_that_is_over(evse):
    session, now = make_session(evse.charge_point), timezone.now()
    assert "Limit by an operator" not in dict(session_page.summary(session, now=now))
    limit = want(evse.charge_point, ends_at=now + timedelta(hours=1), now=now)
    session = ChargingSession.objects.get()  # a page has its own
    assert "the charge point as a whole" in str(dict(session_page.summary(session, now=now))["Limit by an operator"])
    assert "Limit by an operator" not in dict(session_page.summary(session, now=limit.ends_at))


def test_a_session_tells_of_limits_that_were_wanted_while_it_ran(operator, evse):
    session, now = make_session(evse.charge_point), timezone.now()
    limits.remove_limit(want(evse, now=now), requested_by="operator kim", now=now)
    newest = operator.get(page(session)).context["timeline"].threads[0]
    titles = [step.entry.title for step in newest.steps]
    assert titles == ["Limit of EVSE 1: 10 A per phase wanted", "Limit of EVSE 1: 10 A per phase ended"]


def test_a_refused_limit_is_named_with_the_reason_and_the_button_that_removes_it(operator, evse):
    answered(want(evse, now=timezone.now()), REJECTED)
    [(problem, button)] = problems(operator, evse.charge_point)
    assert problem.what == "The limit of EVSE 1 was refused: 10 A per phase"
    assert "charge point answered Rejected" in problem.why
    assert "capped all the same" in problem.why
    assert (button.action, button.pk) == ("remove_limit", evse.pk)


def test_a_limit_that_nobody_answered_is_named_with_the_button_that_sends_it_again(operator, charge_point):
    now = timezone.now()
    limit = want(charge_point, now=now)
    for _ in range(3):
        assert problems(operator, charge_point) == []
        answered(limit, EXPIRED)
        limits.send_due(now=now)
    [(problem, button)] = problems(operator, charge_point)
    assert problem.what == "The limit of the charge point as a whole may not be in force"
    assert button.action == "set_limit"


def test_what_a_charge_point_says_of_a_limit_is_escaped(operator, charge_point):
    hostile = CommandOutcome(OutcomeStatus.REJECTED, "<script>")
    limit = answered(want(charge_point, now=timezone.now()), hostile)
    for obj in (charge_point, limit):
        assert "<script>" not in operator.get(page(obj)).content.decode().partition("cpo-page")[2].partition("</dl>")[0]


# --- list -----------------------------------------------------------------------------------------------------------


def found(client, **query):
    return list(client.get(list_of(OperatorLimit), query).context["cl"].result_list)


def test_limits_are_searched_filtered_and_by_date(charge_point):
    client, now = client_of_all(), timezone.now()
    ended = want(charge_point, 10, now=now)
    limit = want(charge_point, 8, now=now)
    OperatorLimit.objects.filter(pk=ended.pk).update(reason="a fair")
    assert found(client, wanted="yes") == [limit]
    assert found(client, wanted="no") == found(client, q="fair") == [ended]
    assert found(client, q="DEMO-16", state="REQUESTED") == [limit, ended]
    assert found(client, created_at__year=now.year - 1) == []


def test_the_list_takes_as_many_queries_for_many_limits(charge_point, django_assert_max_num_queries):
    client = client_of_all()
    for _ in range(8):
        want(charge_point.evses.get(), now=timezone.now())
    client.get(list_of(OperatorLimit))
    with django_assert_max_num_queries(9):
        client.get(list_of(OperatorLimit))
