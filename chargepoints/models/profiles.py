"""The charging profile an owner wants on a session: what was asked, what the charge point took, what it plans."""

from django.db import models

from chargepoints.models.sessions import ChargingSession
from chargepoints.values import ChargingSchedule


class ChargingProfile(models.Model):
    """One per (session, owner), reused on every change, so that its id and stack level stay the same.

    Desired, applied and observed are separate facts. Its primary key is the chargingProfileId on the charge point.
    """

    class State(models.TextChoices):
        REQUESTED = "REQUESTED", "asked for, not yet answered"
        INSTALLED = "INSTALLED", "the charge point accepted it"
        REJECTED = "REJECTED", "the charge point refused it"
        UNCERTAIN = "UNCERTAIN", "nobody knows whether the charge point has it"
        DRIFTED = "DRIFTED", "the charge point does otherwise, and sending it again did not help"
        CLEARED = "CLEARED", "removed"

    session = models.ForeignKey(ChargingSession, on_delete=models.CASCADE, related_name="profiles")
    owner = models.CharField(max_length=64, help_text="Who wants it: a party (NL*JED) or operator")
    stack_level = models.PositiveIntegerField(default=0)
    state = models.CharField(max_length=10, choices=State, default=State.REQUESTED)

    desired = models.JSONField(null=True, help_text="The schedule as asked for")
    desired_at = models.DateTimeField(null=True)
    applied = models.JSONField(null=True, help_text="The schedule the charge point accepted, in its words")
    applied_at = models.DateTimeField(null=True)
    observed = models.JSONField(null=True, help_text="The composite schedule it reported last")
    observed_at = models.DateTimeField(null=True)
    notes = models.JSONField(default=list, blank=True, help_text="Why what was sent differs from what was asked")
    follow_up_at = models.DateTimeField(null=True, help_text="When the periods that did not fit must be sent")
    corrections = models.PositiveSmallIntegerField(default=0, help_text="Sent again because the plan contradicted it")
    finding = models.CharField(max_length=255, blank=True, help_text="What the plan shows that it should not")
    ever_accepted = models.BooleanField(default=False, help_text="The charge point accepted it at least once")

    STEERING = (  # the columns that an outcome may change, or needs
        "session", "owner", "stack_level", "state", "desired", "applied", "applied_at", "follow_up_at", "ever_accepted",
        "corrections", "finding",
    )  # fmt: skip

    class Meta:
        ordering = ["-id"]
        constraints = [models.UniqueConstraint(fields=["session", "owner"], name="profile_once_per_owner")]
        indexes = [
            models.Index(  # beat: profiles whose next part is due
                fields=["follow_up_at"], condition=models.Q(follow_up_at__isnull=False), name="profile_follow_up"
            ),
            models.Index(  # the dashboard; the admin's filter
                fields=["state", "-id"],
                condition=models.Q(state="REQUESTED")
                | models.Q(state="REJECTED")
                | models.Q(state="UNCERTAIN")
                | models.Q(state="DRIFTED"),
                name="profile_rare_state",
            ),
            models.Index(fields=["owner", "id"], name="profile_of_owner"),  # the admin's search
        ]

    def __str__(self) -> str:
        return f"profile {self.pk} of {self.owner}"

    @property
    def desired_schedule(self) -> ChargingSchedule | None:
        return ChargingSchedule.from_json(self.desired) if self.desired else None

    @property
    def applied_schedule(self) -> ChargingSchedule | None:
        return ChargingSchedule.from_json(self.applied) if self.applied else None

    @property
    def observed_schedule(self) -> ChargingSchedule | None:
        return ChargingSchedule.from_json(self.observed) if self.observed else None
