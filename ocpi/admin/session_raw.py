"""The raw bodies of partners' requests and of our calls, and both as commands for a shell."""

from collections.abc import Mapping, Sequence
from urllib.parse import urlencode

from django.conf import settings

from chargepoints.admin.raw import RawPart, pretty, pretty_text, register_raw, without_secrets
from chargepoints.models import ChargingSession
from ocpi import curl, renderings
from ocpi.models import Credentials, DeliveryAttempt, Party, ProfileRequest

METHODS = {
    ProfileRequest.Kind.SET: "PUT",
    ProfileRequest.Kind.CLEAR: "DELETE",
    ProfileRequest.Kind.GET: "GET",
}


@register_raw("request", permission="ocpi.view_profilerequest")
def request_bodies(session: ChargingSession, pk: int, part: str) -> Sequence[RawPart] | None:
    request = ProfileRequest.objects.filter(pk=pk, session=session).select_related("party").first()
    if request is None or part:
        return None
    title = "Body, as received" if request.kind == ProfileRequest.Kind.SET else "What was asked"
    hint = "As curl; $TOKEN is the partner's token to us. Run, it asks for real."
    return [RawPart(title, pretty(request.body)), RawPart(hint, _request_command(request), command=True)]


def _request_command(request: ProfileRequest) -> str:
    kind = ProfileRequest.Kind(request.kind)
    url = f"{settings.PUBLIC_URL}/ocpi/{request.party.version}/chargingprofiles/{request.session_uid}"
    if kind != ProfileRequest.Kind.SET:
        asked = {"duration": (request.body or {}).get("duration", "")} if kind == ProfileRequest.Kind.GET else {}
        url += "?" + urlencode({**asked, "response_url": request.response_url})
    routing = {**_address("from", request.sender), **_address("to", request.receiver)}
    ids = {"X-Request-ID": request.request_id, "X-Correlation-ID": request.correlation_id}
    body = without_secrets(request.body) if kind == ProfileRequest.Kind.SET else None
    proof = {"Authorization": "Token $TOKEN"}
    return curl.command(METHODS[kind], url, proof=proof, headers={**ids, **routing}, body=body)


def _address(side: str, written: str) -> dict[str, str]:
    """`NL*JED` as message routing headers (OCPI 2.2.1 transport_and_format)."""
    country_code, _, party_id = written.partition("*")
    return {f"OCPI-{side}-country-code": country_code, f"OCPI-{side}-party-id": party_id} if party_id else {}


@register_raw("attempt", permission="ocpi.view_deliveryattempt")
def attempt_bodies(session: ChargingSession, pk: int, part: str) -> Sequence[RawPart] | None:
    attempts = DeliveryAttempt.objects.filter(pk=pk, message__session=session)
    attempt = attempts.select_related("message__party__credentials", "message__profile_request").first()
    if attempt is None or part:
        return None
    answer = "no answer" if attempt.http_status is None else f"HTTP {attempt.http_status}"
    parts = [
        RawPart("Body, as sent", pretty(attempt.body)),
        RawPart(f"Answer: {answer}", pretty_text(attempt.response_body)),
    ]
    return [*parts, *_attempt_command(attempt)]


def _attempt_command(attempt: DeliveryAttempt) -> list[RawPart]:
    if not attempt.method:  # nothing was made to be sent
        return []
    again = f"again-{attempt.pk}"
    headers = {"X-Request-ID": again, "X-Correlation-ID": attempt.correlation_id or again}
    routing, body = renderings.routing(attempt.message), without_secrets(attempt.body)
    text = curl.command(
        attempt.method, attempt.url, proof=_proof(attempt.message.party), headers={**headers, **routing}, body=body
    )
    hint = "As curl; $TOKEN is our token to the partner, as it goes over the wire. Run, it sends for real."
    return [RawPart(hint, text, command=True)]


def _proof(party: Party) -> Mapping[str, str]:
    """Only how we prove ourselves; never with what."""
    credentials = getattr(party, "credentials", None)
    oauth2 = credentials is not None and credentials.outbound_encoding == Credentials.Outbound.OAUTH2
    proof = {"Authorization": "Bearer $TOKEN" if oauth2 else "Token $TOKEN"}
    key = {credentials.api_key_header: "$API_KEY"} if credentials and credentials.api_key_header else {}
    return {**proof, **key}
