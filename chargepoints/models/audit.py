"""What people did here: who, when, what, to what, why, and what came of it in the end."""

import uuid

from django.conf import settings
from django.contrib.contenttypes.models import ContentType
from django.db import models


class AuditEntry(models.Model):
    """Written once; only its outcome is filled in later, by `chargepoints.audit`. Names stay when their rows go."""

    class Outcome(models.TextChoices):
        OPEN = "OPEN", "under way"
        DONE = "DONE", "done"
        NOT_DONE = "NOT_DONE", "not done"
        ACCEPTED = "ACCEPTED", "accepted"
        REJECTED = "REJECTED", "rejected"
        UNKNOWN = "UNKNOWN", "unknown"
        EXPIRED = "EXPIRED", "expired"
        FAILED = "FAILED", "failed"
        DELIVERED = "DELIVERED", "delivered"
        IN_DOUBT = "IN_DOUBT", "in doubt"

    at = models.DateTimeField()
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+")
    username = models.CharField("who", max_length=150)
    action = models.CharField(max_length=100)
    comment = models.CharField("why", max_length=500, blank=True)
    target_type = models.ForeignKey(ContentType, on_delete=models.SET_NULL, null=True, related_name="+")
    target_id = models.CharField(max_length=64, blank=True)
    target = models.CharField("on what", max_length=200, blank=True, help_text="As it was called then")
    outcome = models.CharField(max_length=9, choices=Outcome)
    result = models.CharField("what came of it", max_length=1000, blank=True)
    awaits = models.CharField(max_length=64, blank=True, help_text="The row whose end is the outcome: app.model:key")
    finished_at = models.DateTimeField(null=True)
    batch = models.UUIDField(default=uuid.uuid4, help_text="What was done at once")

    class Meta:
        ordering = ["-id"]
        verbose_name = "audit log entry"
        verbose_name_plural = "audit log"
        indexes = [
            models.Index(fields=["at"], name="audit_at"),  # the dates of its list
            models.Index(fields=["batch"], name="audit_batch"),  # the page of results
            models.Index(fields=["target_type", "target_id"], name="audit_target"),  # the timeline of a session
            models.Index(fields=["awaits"], condition=models.Q(outcome="OPEN"), name="audit_open"),
        ]

    def __str__(self) -> str:
        return f"{self.action} by {self.username}"
