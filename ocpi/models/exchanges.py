"""What partners sent us and what they got for it, as support needs it. Written beside the work, never by it."""

from django.db import models

from ocpi.models.parties import Party

WENT_WRONG = models.Q(http_status__gte=400) | models.Q(ocpi_status__gte=2000)
"""Refused by HTTP, or by OCPI with HTTP 200 (OCPI 2.2.1 status_codes)."""


class InboundRequest(models.Model):
    """One OCPI request, its secrets masked. Of callers that nobody knows only how many there were from where: one row
    for each address, method, module and answer in a minute.
    """

    party = models.ForeignKey(
        Party, on_delete=models.CASCADE, null=True, related_name="inbound_requests", db_index=False,
        help_text="Empty: nobody knows who called",
    )  # fmt: skip
    at = models.DateTimeField(help_text="When it came; of several the first")
    method = models.CharField(max_length=10)
    module = models.CharField(max_length=20, blank=True, help_text="Of OCPI")
    path = models.CharField(max_length=255)
    query = models.CharField(max_length=500, blank=True)
    address = models.GenericIPAddressField(null=True, help_text="Where it came from")
    request_id = models.CharField("request ID", max_length=128, blank=True)
    correlation_id = models.CharField("correlation ID", max_length=128, blank=True)
    http_status = models.PositiveSmallIntegerField("HTTP status")
    ocpi_status = models.PositiveSmallIntegerField("OCPI status", null=True)
    refusal = models.CharField(max_length=100, blank=True, help_text="Why its token opened nothing; not told to it")
    duration_ms = models.PositiveIntegerField()
    request_body = models.TextField(blank=True)
    response_body = models.TextField(blank=True)
    count = models.PositiveIntegerField(default=1, help_text="Above 1 only of callers that nobody knows")

    class Meta:
        ordering = ["-at", "-id"]
        indexes = [
            models.Index(fields=["at"], name="inbound_at"),  # the admin's list and dates; what is too old
            models.Index(fields=["party", "at"], name="inbound_of_party"),  # the page of a party; the admin's filter
            models.Index(fields=["at"], condition=WENT_WRONG, name="inbound_wrong"),  # the admin's filter
            models.Index(  # callers that nobody knows: one row a minute for each kind; the admin's search
                fields=["address", "at"], name="inbound_from"
            ),
            models.Index(  # the admin's search, like the next
                fields=["correlation_id"], condition=~models.Q(correlation_id=""), name="inbound_correlation"
            ),
            models.Index(fields=["request_id"], condition=~models.Q(request_id=""), name="inbound_request_id"),
        ]

    def __str__(self) -> str:
        return f"{self.method} {self.path}"
