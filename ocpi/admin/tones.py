"""Which status is good and which needs a look."""

from chargepoints.admin.rendering import BAD, OK, WARN
from ocpi.models import OutboxMessage, ProfileRequest

MESSAGE = {
    OutboxMessage.Status.DELIVERED.value: OK,
    OutboxMessage.Status.FAILED.value: BAD,
    OutboxMessage.Status.EXPIRED.value: BAD,
    OutboxMessage.Status.IN_DOUBT.value: WARN,
}
RESPONSE = {
    ProfileRequest.Response.ACCEPTED.value: OK,
    ProfileRequest.Response.NOT_SUPPORTED.value: BAD,
    ProfileRequest.Response.REJECTED.value: BAD,
    ProfileRequest.Response.TOO_OFTEN.value: WARN,
    ProfileRequest.Response.UNKNOWN_SESSION.value: BAD,
}
RESULT = {
    ProfileRequest.Result.ACCEPTED.value: OK,
    ProfileRequest.Result.REJECTED.value: BAD,
    ProfileRequest.Result.UNKNOWN.value: WARN,
}
