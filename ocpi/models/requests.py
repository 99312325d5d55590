"""Charging profile requests of partners: what they asked, what we answered at once, what came of it."""

from django.db import models

from chargepoints.models import ChargePointCommand, ChargingSession
from ocpi.models.parties import Party

REFUSED = (
    models.Q(response="NOT_SUPPORTED")
    | models.Q(response="REJECTED")
    | models.Q(response="TOO_OFTEN")
    | models.Q(response="UNKNOWN_SESSION")
)
"""Not IN: SQLite does not see that it implies the condition of an index."""


class ProfileRequest(models.Model):
    class Kind(models.TextChoices):
        SET = "SET", "PUT: set a charging profile"
        CLEAR = "CLEAR", "DELETE: clear it"
        GET = "GET", "GET: the active charging profile"

    class Response(models.TextChoices):
        """ChargingProfileResponseType (OCPI 2.2.1 mod_charging_profiles)."""

        ACCEPTED = "ACCEPTED"
        NOT_SUPPORTED = "NOT_SUPPORTED"
        REJECTED = "REJECTED"
        TOO_OFTEN = "TOO_OFTEN"
        UNKNOWN_SESSION = "UNKNOWN_SESSION"

    class Result(models.TextChoices):
        """ChargingProfileResultType (OCPI 2.2.1 mod_charging_profiles)."""

        ACCEPTED = "ACCEPTED"
        REJECTED = "REJECTED"
        UNKNOWN = "UNKNOWN"

    party = models.ForeignKey(Party, on_delete=models.CASCADE, related_name="profile_requests", db_index=False)
    session = models.ForeignKey(ChargingSession, on_delete=models.CASCADE, null=True, related_name="profile_requests")
    session_uid = models.CharField("session UID", max_length=36, help_text="As the partner named it")
    kind = models.CharField(max_length=5, choices=Kind)
    request_id = models.CharField("request ID", max_length=128)
    correlation_id = models.CharField("correlation ID", max_length=128)
    sender = models.CharField(max_length=6, blank=True, help_text="Role that asked, as its routing headers say")
    receiver = models.CharField(max_length=6, blank=True, help_text="CPO that was asked, as its routing headers say")
    response_url = models.CharField("response URL", max_length=255)
    body = models.JSONField(null=True)
    fingerprint = models.CharField(max_length=64, help_text="SHA-256 of kind, body and response_url")
    received_at = models.DateTimeField()
    response = models.CharField(max_length=15, choices=Response)
    reason = models.CharField(max_length=64, blank=True, help_text="Machine-readable, told in status_message")
    detail = models.CharField(max_length=500, blank=True)
    timeout_s = models.PositiveIntegerField()
    deadline_at = models.DateTimeField(help_text="The promise: the result is posted before this")
    command = models.OneToOneField(
        ChargePointCommand, on_delete=models.SET_NULL, null=True, related_name="profile_request"
    )
    result = models.CharField(max_length=8, choices=Result, blank=True)
    result_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["-id"]
        indexes = [
            models.Index(fields=["session", "-received_at"], name="request_of_session"),  # repeats; the session's page
            models.Index(fields=["received_at"], name="request_received"),  # metrics; the admin's dates
            models.Index(fields=["party", "received_at"], name="request_of_party"),  # service levels; the admin
            models.Index(  # beat: accepted, no result yet
                fields=["deadline_at"], condition=models.Q(response="ACCEPTED", result=""), name="request_unanswered"
            ),
            models.Index(  # the admin's filters, like the next two
                fields=["response", "-id"],
                condition=REFUSED,
                name="request_refused",
            ),
            models.Index(
                fields=["result", "-id"],
                condition=models.Q(result="REJECTED") | models.Q(result="UNKNOWN"),
                name="request_without_success",
            ),
            models.Index(
                fields=["kind", "-id"],
                condition=models.Q(kind="CLEAR") | models.Q(kind="GET"),
                name="request_of_rare_kind",
            ),
            models.Index(  # the admin's search, like the next two
                fields=["correlation_id"], condition=~models.Q(correlation_id=""), name="request_correlation"
            ),
            models.Index(fields=["request_id"], condition=~models.Q(request_id=""), name="request_id_given"),
            models.Index(fields=["session_uid"], condition=models.Q(session=None), name="request_of_nothing"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.pk}"


class RequestBucket(models.Model):
    """A token bucket: how many profile requests may still come, for a party in all or for one of its sessions."""

    key = models.CharField(max_length=64, unique=True)
    tokens = models.FloatField()
    filled_at = models.DateTimeField()

    class Meta:
        ordering = ["key"]

    def __str__(self) -> str:
        return self.key
