"""A command is a row: the mail that waits for its charge point. Its life is in `chargepoints.commands`."""

from datetime import datetime

from django.db import models

from chargepoints.models.limits import OperatorLimit
from chargepoints.models.profiles import ChargingProfile
from chargepoints.models.sessions import ChargingSession
from chargepoints.models.sites import ChargePoint, Evse


class ChargePointCommandQuerySet(models.QuerySet["ChargePointCommand"]):
    def waiting(self, *, now: datetime) -> "ChargePointCommandQuerySet":
        ripe = models.Q(not_before=None) | models.Q(not_before__lte=now)
        return self.filter(ripe, status=ChargePointCommand.Status.QUEUED, expires_at__gt=now)

    def open(self) -> "ChargePointCommandQuerySet":
        return self.filter(status__in=ChargePointCommand.OPEN)

    def with_effects(self) -> "ChargePointCommandQuerySet":
        """With what its end may change. Named columns: on the busiest path each one costs time."""
        return self.select_related("charge_point", "session__evse", "profile").only(
            "kind", "action", "payload", "requested_by", "correlation_id", "sent_at", "expires_at", "status", "limit",
            *(f"charge_point__{name}" for name in ChargePoint.STEERING),
            *(f"session__{name}" for name in ChargingSession.STEERING),
            *(f"session__evse__{name}" for name in Evse.STEERING),
            *(f"profile__{name}" for name in ChargingProfile.STEERING),
        )  # fmt: skip


class ChargePointCommand(models.Model):
    class Kind(models.TextChoices):
        SET_PROFILE = "SET_PROFILE"
        CLEAR_PROFILE = "CLEAR_PROFILE"
        GET_COMPOSITE = "GET_COMPOSITE"
        CALL = "CALL", "any other OCPP call"

    class Status(models.TextChoices):
        QUEUED = "QUEUED"
        SENT = "SENT"
        ACCEPTED = "ACCEPTED"
        REJECTED = "REJECTED"
        UNKNOWN = "UNKNOWN"
        FAILED = "FAILED"
        EXPIRED = "EXPIRED"

    OPEN = (Status.QUEUED, Status.SENT)

    charge_point = models.ForeignKey(ChargePoint, on_delete=models.CASCADE, related_name="commands")
    session = models.ForeignKey(ChargingSession, on_delete=models.CASCADE, null=True, related_name="commands")
    profile = models.ForeignKey(
        ChargingProfile, on_delete=models.CASCADE, null=True, related_name="commands", db_index=False
    )
    limit = models.ForeignKey(
        OperatorLimit, on_delete=models.CASCADE, null=True, related_name="commands", db_index=False
    )
    kind = models.CharField(max_length=13, choices=Kind)
    action = models.CharField(max_length=64, help_text="OCPP action")
    payload = models.JSONField(help_text="Neutral request; for CALL the wire payload")
    notes = models.JSONField(default=list, blank=True)
    status = models.CharField(max_length=8, choices=Status, default=Status.QUEUED)
    detail = models.CharField(max_length=500, blank=True, help_text="Why it ended so, in words")
    answer = models.JSONField(null=True, help_text="What the charge point answered")
    late_status = models.CharField(max_length=8, blank=True, help_text="An answer that came after it had ended")
    late_at = models.DateTimeField(null=True)
    requested_by = models.CharField(max_length=64, help_text="A party, operator NAME, or system")
    correlation_id = models.CharField(max_length=128, blank=True)
    connection_id = models.CharField(max_length=36, blank=True, help_text="The socket it was sent on")
    created_at = models.DateTimeField()
    sent_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)
    expires_at = models.DateTimeField()
    not_before = models.DateTimeField(null=True, help_text="Waits until then, although the charge point is there")

    objects = ChargePointCommandQuerySet.as_manager()

    class Meta:
        ordering = ["-id"]
        indexes = [
            models.Index(  # the mail of a charge point; what beat rings again for
                fields=["charge_point", "id"], condition=models.Q(status="QUEUED"), name="command_queued"
            ),
            models.Index(fields=["created_at"], name="command_created"),  # metrics; the admin's dates
            models.Index(  # beat: what is overdue
                fields=["expires_at"], condition=models.Q(status__in=["QUEUED", "SENT"]), name="command_overdue"
            ),
            models.Index(  # what a profile was told, the newest first
                fields=["profile", "id"], condition=models.Q(profile__isnull=False), name="command_of_profile"
            ),
            models.Index(  # of an operator's limit
                fields=["limit"], condition=models.Q(limit__isnull=False), name="command_of_limit"
            ),
            models.Index(  # the admin's filters, like the next
                fields=["status", "-id"],
                condition=models.Q(status="REJECTED")
                | models.Q(status="UNKNOWN")
                | models.Q(status="FAILED")
                | models.Q(status="EXPIRED"),
                name="command_without_success",
            ),
            models.Index(
                fields=["kind", "-id"],
                condition=models.Q(kind="CALL") | models.Q(kind="CLEAR_PROFILE"),
                name="command_of_rare_kind",
            ),
            models.Index(  # the admin's search, like the next
                fields=["correlation_id"], condition=~models.Q(correlation_id=""), name="command_correlation"
            ),
            models.Index(fields=["requested_by", "id"], name="command_asked_by"),
        ]

    def __str__(self) -> str:
        return f"{self.action} {self.pk}"

    @property
    def is_open(self) -> bool:
        return self.status in self.OPEN
