"""What must reach a partner, and every attempt to bring it there. The life of a message is in `ocpi.outbox`."""

from django.db import models

from chargepoints.models import ChargingSession, Evse, Location
from ocpi.models.parties import Party
from ocpi.models.requests import ProfileRequest


class OutboxMessage(models.Model):
    """RESULT: one body, sent once. All others stand: one row per party and session, Location or EVSE. Changes raise
    `revision`, and what is sent is always the newest state (OCPI 2.2.1 transport_and_format: no replay of stale ones).
    """

    class Kind(models.TextChoices):
        RESULT = "RESULT", "result of a profile request"
        SESSION = "SESSION", "session"
        ACTIVE_PROFILE = "ACTIVE_PROFILE", "active charging profile"
        LOCATION = "LOCATION", "location"
        EVSE = "EVSE", "EVSE"

    class Status(models.TextChoices):
        PENDING = "PENDING"
        SENDING = "SENDING"
        DELIVERED = "DELIVERED"
        FAILED = "FAILED", "given up"
        EXPIRED = "EXPIRED", "the promised time was over"
        IN_DOUBT = "IN_DOUBT", "the process ended while it was being sent"
        COVERED = "COVERED", "it goes with its Location"

    kind = models.CharField(max_length=14, choices=Kind)
    party = models.ForeignKey(Party, on_delete=models.CASCADE, related_name="outbox")
    session = models.ForeignKey(ChargingSession, on_delete=models.CASCADE, null=True, related_name="outbox")
    location = models.ForeignKey(
        Location, on_delete=models.CASCADE, null=True, related_name="outbox", help_text="EVSE: where the party has it"
    )
    evse = models.ForeignKey(Evse, verbose_name="EVSE", on_delete=models.CASCADE, null=True, related_name="outbox")
    profile_request = models.OneToOneField(ProfileRequest, on_delete=models.CASCADE, null=True, related_name="message")
    url = models.CharField("URL", max_length=255, blank=True, help_text="RESULT: the response_url")
    body = models.JSONField(null=True, help_text="That of a state is made when it is sent")
    status = models.CharField(max_length=9, choices=Status, default=Status.PENDING)
    due_at = models.DateTimeField()
    expires_at = models.DateTimeField(null=True)
    lease_until = models.DateTimeField(null=True, help_text="SENDING: after this its sender is taken for dead")
    revision = models.PositiveIntegerField(default=1)
    delivered_revision = models.PositiveIntegerField(default=0)
    delivered_body = models.JSONField(null=True, help_text="What the partner is known to have; null: in doubt")
    failures = models.PositiveIntegerField(default=0, help_text="In a row")
    attempt_count = models.PositiveIntegerField(default=0)
    last_error = models.CharField(max_length=500, blank=True)
    correlation_id = models.CharField("correlation ID", max_length=128, blank=True)
    created_at = models.DateTimeField()
    delivered_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["party", "session", "kind"],
                condition=models.Q(kind__in=["SESSION", "ACTIVE_PROFILE"]),
                name="standing_message_once",
            ),
            models.UniqueConstraint(
                fields=["party", "location"], condition=models.Q(kind="LOCATION"), name="standing_location_once"
            ),
            models.UniqueConstraint(fields=["party", "evse"], name="standing_evse_once"),
        ]
        indexes = [
            models.Index(fields=["due_at"], condition=models.Q(status="PENDING"), name="message_due"),  # beat
            models.Index(fields=["created_at"], name="message_created"),  # metrics; the admin's dates
            models.Index(fields=["lease_until"], condition=models.Q(status="SENDING"), name="message_leased"),  # beat
            models.Index(  # the admin's filters, like the next
                fields=["status", "-id"],
                condition=models.Q(status="FAILED")
                | models.Q(status="EXPIRED")
                | models.Q(status="IN_DOUBT")
                | models.Q(status="COVERED"),
                name="message_not_delivered",
            ),
            models.Index(
                fields=["kind", "-id"],
                condition=models.Q(kind="LOCATION") | models.Q(kind="EVSE"),
                name="message_of_place",
            ),
            models.Index(  # the admin's search
                fields=["correlation_id"], condition=~models.Q(correlation_id=""), name="message_correlation"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.pk}"


FAILED = ~models.Q(error="")


class DeliveryAttempt(models.Model):
    """Written before the attempt; `sent_at` is committed just before the first byte leaves: a crash leaves a trace."""

    message = models.ForeignKey(OutboxMessage, on_delete=models.CASCADE, related_name="attempts")
    party = models.ForeignKey(
        Party, on_delete=models.CASCADE, null=True, related_name="attempts", db_index=False,
        help_text="That of the message",
    )  # fmt: skip
    number = models.PositiveIntegerField()
    correlation_id = models.CharField(max_length=128, blank=True, help_text="As sent")
    method = models.CharField(max_length=6)
    url = models.CharField("URL", max_length=300)
    body = models.JSONField(null=True)
    started_at = models.DateTimeField()
    sent_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)
    http_status = models.PositiveSmallIntegerField("HTTP status", null=True)
    ocpi_status = models.PositiveSmallIntegerField("OCPI status", null=True)
    response_body = models.TextField(blank=True)
    error = models.CharField(max_length=500, blank=True)
    duration_ms = models.PositiveIntegerField(null=True)

    class Meta:
        ordering = ["-id"]
        indexes = [
            models.Index(fields=["started_at"], name="attempt_started"),  # the admin's dates; what is too old
            models.Index(fields=["party", "started_at"], name="attempt_of_party"),  # service levels; a party's page
            models.Index(  # the admin's filter
                fields=["-id"], condition=FAILED | models.Q(finished_at=None), name="attempt_without_success"
            ),
            models.Index(  # the admin's search
                fields=["correlation_id"], condition=~models.Q(correlation_id=""), name="attempt_correlation"
            ),
        ]

    def __str__(self) -> str:
        return f"attempt {self.number} of {self.message_id}"
