"""Which party may see and steer which EVSE."""

import pytest

from ocpi import sharing
from ocpi.models import Party
from tests.support import ocpi_factories as make

pytestmark = pytest.mark.django_db


def test_all_or_only_what_is_listed():
    mine, other = make.session("CP1"), make.session("CP2", ocpp_transaction_id="2")
    everything, listed, nothing = make.party("AAA"), make.party("BBB"), make.party("CCC")
    make.share_only(of=listed, evses=[mine.evse])
    make.share_only(of=nothing, evses=[])
    seen = {party.party_id: [sharing.shares(party, s.evse) for s in (mine, other)] for party in Party.objects.all()}
    assert seen == {"AAA": [True, True], "BBB": [True, False], "CCC": [False, False]}
    assert list(sharing.parties_seeing(mine.evse)) == [everything, listed]
    assert list(sharing.parties_seeing(other.evse)) == [everything]
    visible = {p.party_id: sorted(s.pk for s in sharing.sessions_visible_to(p)) for p in Party.objects.all()}
    assert visible == {"AAA": [mine.pk, other.pk], "BBB": [mine.pk], "CCC": []}


def test_a_party_that_is_switched_off_sees_nothing_but_still_has_its_share():
    session, party = make.session(), make.party(enabled=False)
    assert list(sharing.parties_seeing(session.evse)) == []
    assert list(sharing.parties_sharing(session.evse)) == [party]


def test_a_list_of_evses_has_no_effect_on_a_party_that_sees_all_and_nobody_is_named_twice():
    session, other = make.session(), make.session("CP2", ocpp_transaction_id="2")
    party = make.party()
    party.shared_evses.set([session.evse, other.evse])
    assert list(sharing.parties_seeing(session.evse)) == [party]
    assert sharing.sessions_visible_to(party).count() == 2
