"""Whether a token endpoint takes what was entered for it: asked at once, not at the first delivery."""

from functools import partial

from django.contrib import admin, messages
from django.core.exceptions import ImproperlyConfigured
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse

from chargepoints.admin.confirmation import go_back
from chargepoints.admin.results import Outcome, Result, record
from ocpi import parties
from ocpi.client import DeliveryFailed
from ocpi.models import Credentials

CHECK_S = 5.0


@admin.action(permissions=["credentials"], description="Check authorisation")
def check_authorisation(model_admin: admin.ModelAdmin, request: HttpRequest, queryset: QuerySet) -> HttpResponse | None:
    for credentials in queryset.select_related("party")[:5]:
        words, good = tell(request, credentials)
        outcome = Outcome.DONE if good else Outcome.FAILED
        record(model_admin, request, credentials, [Result(f"{credentials.party}: {words}", outcome)])
    return go_back(request)


def check_once_saved(request: HttpRequest, credentials: Credentials) -> None:
    """Nobody waits for a token endpoint in a transaction."""
    if credentials.outbound_encoding == Credentials.Outbound.OAUTH2:
        transaction.on_commit(partial(tell, request, credentials))


def tell(request: HttpRequest, credentials: Credentials) -> tuple[str, bool]:
    """Returns what was said, and whether it is good."""
    words, good = _words(credentials)
    messages.add_message(request, messages.SUCCESS if good else messages.WARNING, f"{credentials.party}: {words}")
    return words, good


def _words(credentials: Credentials) -> tuple[str, bool]:
    if credentials.outbound_encoding != Credentials.Outbound.OAUTH2:
        return "only the partner itself can say whether it takes our OCPI token.", False
    if not credentials.can_prove_us:
        return "there is no client secret.", False
    try:
        lifetime_s = parties.access_tokens(credentials.party).check(timeout_s=CHECK_S)
    except (DeliveryFailed, ImproperlyConfigured) as error:
        return f"no access token: {error}", False
    return f"the token endpoint gave an access token for {lifetime_s:.0f} s.", True
