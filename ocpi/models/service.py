"""How well a party is served, added up as it happens. The counting is in `ocpi.service_slots`."""

from django.db import models

from ocpi.models.parties import Party


class ServiceSlot(models.Model):
    """What happened to one party in five minutes, as `ocpi.service_levels.Figures`: a page adds up a few thousand of
    these at most, however much there was.
    """

    party = models.ForeignKey(Party, on_delete=models.CASCADE, related_name="service_slots", db_index=False)
    start = models.DateTimeField()
    counts = models.JSONField(default=dict, help_text="How many, by what")
    times = models.JSONField(default=dict, help_text="How long it took, as histograms by what")

    class Meta:
        ordering = ["party", "start"]
        constraints = [models.UniqueConstraint(fields=["party", "start"], name="slot_once")]  # the page of a party
        indexes = [models.Index(fields=["start"], name="slot_start")]  # what is too old

    def __str__(self) -> str:
        return f"{self.start:%Y-%m-%d %H:%M}"
