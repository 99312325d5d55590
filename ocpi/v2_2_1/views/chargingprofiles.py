"""ChargingProfiles, Receiver interface (OCPI 2.2.1 mod_charging_profiles)."""

from typing import Any

from django.utils import timezone
from rest_framework.request import Request
from rest_framework.response import Response

from ocpi import parties, profile_requests
from ocpi.client import UrlRefused, check_url
from ocpi.models import Party, ProfileRequest
from ocpi.profile_requests import Kind, Wish
from ocpi.protocol import documents
from ocpi.protocol.authentication import RegisteredCredentials, party_of
from ocpi.protocol.envelope import ocpi_response
from ocpi.protocol.errors import InvalidField
from ocpi.protocol.openapi import describes
from ocpi.protocol.views import OcpiView, document_of
from ocpi.v2_2_1 import queries, schemas, translation

LONGEST_PLAN_S = 86_400
RESPONSE_URL = {"response_url": schemas.URL}
TO_URL_OF_QUERY = "{$request.query.response_url}"


class ChargingProfilesView(OcpiView):
    """Each answer is the immediate one; what the charge point says goes to `response_url` later."""

    authentication_classes = [RegisteredCredentials]

    @describes(
        "Set a charging profile", body="SetChargingProfile", answer="ChargingProfileResponse",
        result="ChargingProfileResult", result_at="{$request.body#/response_url}",
    )  # fmt: skip
    def put(self, request: Request, session_id: str) -> Response:
        document = document_of(request)
        schedule, response_url = translation.parse_set_charging_profile(document)
        return self._answer(request, Kind.SET, session_id, response_url, schedule=schedule, body=kept(document))

    @describes(
        "Ask for the active charging profile", answer="ChargingProfileResponse", required=("duration", "response_url"),
        query={"duration": schemas.DURATION, **RESPONSE_URL},
        result="ActiveChargingProfileResult", result_at=TO_URL_OF_QUERY,
    )  # fmt: skip
    def get(self, request: Request, session_id: str) -> Response:
        query = queries.parse_get_query(request.META.get("QUERY_STRING", ""))
        return self._answer(request, Kind.GET, session_id, query.response_url, duration_s=bounded(query.duration_s))

    @describes(
        "Clear the charging profile", answer="ChargingProfileResponse", required=("response_url",), query=RESPONSE_URL,
        result="ChargingProfileResult", result_at=TO_URL_OF_QUERY,
    )  # fmt: skip
    def delete(self, request: Request, session_id: str) -> Response:
        query = queries.parse_delete_query(request.META.get("QUERY_STRING", ""))
        return self._answer(request, Kind.CLEAR, session_id, query.response_url)

    def _answer(self, request: Request, kind: Kind, session_id: str, response_url: str, **asked: Any) -> Response:
        check_response_url(party_of(request), response_url)
        wish = Wish(
            kind=kind, session_uid=session_id, response_url=response_url,
            request_id=self.message_ids.request_id,
            correlation_id=self.message_ids.correlation_id, routing=self.routing, **asked,
        )  # fmt: skip
        return told(profile_requests.receive(party_of(request), wish, now=timezone.now()))


def kept(document: dict[str, Any]) -> Any:
    """Raises InvalidField for a number that no JSON column takes, in whatever field."""
    try:
        return documents.storable(document)
    except ValueError:
        raise InvalidField("body", "a number is out of range") from None


def bounded(duration_s: int | None) -> int:
    """A charge point is not asked for more than a day."""
    return min(duration_s or LONGEST_PLAN_S, LONGEST_PLAN_S)


def told(request: ProfileRequest) -> Response:
    """ChargingProfileResponse; a refusal carries its machine-readable reason in status_message."""
    data = translation.profile_response(request.response, request.timeout_s)
    reason = f"{request.reason}: {request.detail}" if request.reason else ""
    return ocpi_response(data, status_message=reason)


def check_response_url(party: Party, url: str) -> None:
    """Raises InvalidField: nothing has been sent to the charge point yet."""
    try:
        check_url(url, allowed_hosts=parties.allowed_hosts(party), policy=parties.address_policy(party))
    except UrlRefused as refused:
        raise InvalidField("response_url", refused.reason) from None
