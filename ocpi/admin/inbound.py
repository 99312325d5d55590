"""What partners sent us, and what they got for it: the list, and one request with both bodies."""

from collections.abc import Iterable
from ipaddress import ip_address

from django.contrib import admin
from django.db.models import Max, Q, QuerySet
from django.http import HttpRequest

from chargepoints.admin import rendering
from chargepoints.admin.columns import linked, measured, utc
from chargepoints.admin.large_lists import SearchedByIndex
from chargepoints.admin.pages import RecordAdmin
from chargepoints.admin.timeline import Problem
from ocpi.admin.bodies import pretty_body
from ocpi.admin.filters import FixedFilter, lately
from ocpi.inbound_log import MODULES
from ocpi.models import InboundRequest
from ocpi.models.exchanges import WENT_WRONG

NEWEST = 100_000


class AnswerFilter(FixedFilter):
    """What went wrong is in an index of its own."""

    title, parameter_name = "answer", "answer"
    choices_known = (
        ("wrong", "went wrong", WENT_WRONG),
        ("good", "went well", ~WENT_WRONG),
        ("401", "HTTP 401: token", WENT_WRONG & Q(http_status=401)),
        ("4xx", "HTTP 4xx", WENT_WRONG & Q(http_status__gte=400, http_status__lt=500)),
        ("5xx", "HTTP 5xx", WENT_WRONG & Q(http_status__gte=500)),
        ("2xxx", "OCPI 2xxx: the partner's mistake", WENT_WRONG & Q(ocpi_status__gte=2000, ocpi_status__lt=3000)),
        ("3xxx", "OCPI 3xxx: our mistake", WENT_WRONG & Q(ocpi_status__gte=3000)),
    )


class NewestFilter(FixedFilter):
    """No index leads to these, and of a rare one few would be found in millions."""

    def queryset(self, request: HttpRequest, queryset: QuerySet) -> QuerySet:
        if not self.value():
            return queryset
        newest = InboundRequest.objects.aggregate(Max("pk"))["pk__max"] or 0
        return super().queryset(request, queryset).filter(pk__gt=newest - NEWEST)


class ModuleFilter(NewestFilter):
    title, parameter_name = f"module, of the newest {NEWEST:,}", "module"
    choices_known = tuple((module, module, Q(module=module)) for module in sorted(MODULES))


class MethodFilter(NewestFilter):
    title, parameter_name = f"method, of the newest {NEWEST:,}", "method"
    choices_known = tuple((method, method, Q(method=method)) for method in ("GET", "POST", "PUT", "PATCH", "DELETE"))


class KnownFilter(FixedFilter):
    title, parameter_name = "caller", "caller"
    choices_known = (("known", "known", Q(party__isnull=False)), ("unknown", "nobody knows it", Q(party=None)))


@admin.register(InboundRequest)
class InboundRequestAdmin(SearchedByIndex, RecordAdmin):
    list_display = [
        utc("at", "came"), "caller", "method", "module", "path", "answer", measured("duration_ms", "ms", "took"),
    ]  # fmt: skip
    list_filter = [lately("at"), AnswerFilter, "party", KnownFilter, MethodFilter, ModuleFilter]
    list_select_related = ["party"]
    search_fields = ["request_id", "correlation_id"]
    sorted_by = frozenset({"at"})
    search_help_text = "Request ID, correlation ID or address, whole"
    shown = [
        utc("at", "came"), linked("party"), "refusal", "method", "path", "query", "answer",
        measured("duration_ms", "ms", "took"), "sent", "got", "address", "request_id", "correlation_id", "count",
    ]  # fmt: skip

    def search_own(self, term: str) -> Q:
        try:
            return super().search_own(term) | Q(address=str(ip_address(term)))
        except ValueError:
            return super().search_own(term)

    @admin.display(description="caller", ordering="party")
    def caller(self, inbound: InboundRequest) -> str:
        if inbound.party:
            return rendering.link(inbound.party)
        times = f", {inbound.count} times" if inbound.count > 1 else ""
        why = f": {inbound.refusal}" if inbound.refusal else ""
        return f"unknown, {inbound.address or 'no address'}{times}{why}"

    @admin.display(description="answer", ordering="http_status")
    def answer(self, inbound: InboundRequest) -> str:
        return rendering.badge(*answer_words(inbound))

    @admin.display(description="what they sent")
    def sent(self, inbound: InboundRequest) -> str:
        return pretty_body(inbound.request_body)

    @admin.display(description="what they got")
    def got(self, inbound: InboundRequest) -> str:
        return pretty_body(inbound.response_body)

    def problems(self, obj: InboundRequest) -> Iterable[Problem]:
        if obj.refusal:
            what = f"{obj.party} was not let in" if obj.party else "A caller that nobody knows was not let in"
            url = rendering.admin_url(obj.party) if obj.party else ""
            why = f"{obj.refusal[0].upper()}{obj.refusal[1:]}. The caller itself was only told HTTP 401."
            yield Problem(what, why, url=url)


def answer_words(inbound: InboundRequest) -> tuple[str, str]:
    """What they got, and its tone."""
    ocpi = "" if inbound.ocpi_status is None else f", OCPI {inbound.ocpi_status}"
    wrong = inbound.http_status >= 400 or (inbound.ocpi_status or 0) >= 2000
    return f"HTTP {inbound.http_status}{ocpi}", rendering.BAD if wrong else rendering.OK
