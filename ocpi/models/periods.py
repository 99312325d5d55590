"""What a session did piece by piece. The cutting is in `ocpi.charging_periods`."""

from django.db import models

from chargepoints.models import ChargingSession


class ChargingPeriod(models.Model):
    """A piece that is over, from one reading of the charge point to another (OCPI 2.2.1 mod_cdrs, ChargingPeriod)."""

    session = models.ForeignKey(
        ChargingSession, on_delete=models.CASCADE, related_name="charging_periods", db_index=False
    )
    started_at = models.DateTimeField()
    ended_at = models.DateTimeField()
    kwh = models.DecimalField(max_digits=12, decimal_places=4, help_text="Taken in this piece")
    charging_s = models.DecimalField(max_digits=12, decimal_places=3, help_text="Of its length, the time energy flowed")
    power_w = models.DecimalField(max_digits=12, decimal_places=1, null=True, help_text="Average; empty: not measured")
    current_a = models.DecimalField(
        max_digits=8, decimal_places=2, null=True, help_text="Average, all phases together; empty: not measured"
    )
    soc_percent = models.DecimalField(max_digits=5, decimal_places=1, null=True, help_text="At its end")

    class Meta:
        ordering = ["session", "started_at"]
        constraints = [models.UniqueConstraint(fields=["session", "started_at"], name="period_once")]

    def __str__(self) -> str:
        return f"{self.started_at:%Y-%m-%d %H:%M:%S}"
