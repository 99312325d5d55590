"""What was said on the sockets of charge points."""

from django.db import models

from chargepoints.models.sites import ChargePoint


class OcppMessage(models.Model):
    """A CALL and what was answered to it, written together once that is known; payloads redacted and cut.

    Beside those: a late answer (no `payload`), and a frame that could not be read (no `action`).
    """

    class Direction(models.TextChoices):
        IN = "IN", "from the charge point"
        OUT = "OUT", "to the charge point"

    class Answer(models.TextChoices):
        RESULT = "CALLRESULT"
        ERROR = "CALLERROR"

    charge_point = models.ForeignKey(ChargePoint, on_delete=models.CASCADE, related_name="+", db_index=False)
    at = models.DateTimeField(help_text="When the CALL came or left")
    direction = models.CharField(max_length=3, choices=Direction, help_text="Of the CALL")
    action = models.CharField(max_length=64, blank=True)
    message_id = models.CharField("unique id", max_length=64)
    payload = models.TextField(blank=True)
    answer_type = models.CharField(max_length=10, choices=Answer, blank=True, help_text="Empty: none came")
    answer = models.TextField(blank=True)
    result = models.CharField(max_length=64, help_text="The status in the answer, the error code, or why there is none")
    duration_ms = models.PositiveIntegerField(null=True, help_text="From the CALL to its answer")

    class Meta:
        ordering = ["-id"]
        verbose_name = "OCPP message"
        indexes = [
            models.Index(fields=["charge_point", "id"], name="ocpp_message_of_point"),  # the list of a charge point
            models.Index(fields=["at"], name="ocpp_message_at"),  # what is too old to be kept; the list of a day
        ]

    def __str__(self) -> str:
        return f"{self.action or 'unreadable message'} {self.message_id[:8]}"
