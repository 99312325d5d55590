"""What an operator allows a charge point, or one of its EVSEs, at most."""

from datetime import datetime

from django.db import models
from django.db.models import Q

from chargepoints.models.sites import ChargePoint, Evse
from chargepoints.values import ProfilePurpose, RateUnit

FIRST_PROFILE_ID = 2_000_000_000
LARGEST_EVSE_ID = 2**31 - 1 - FIRST_PROFILE_ID


class OperatorLimitQuerySet(models.QuerySet["OperatorLimit"]):
    def wanted(self, *, now: datetime) -> "OperatorLimitQuerySet":
        return self.filter(Q(ends_at=None) | Q(ends_at__gt=now), ended_at=None)

    def of_place(self, limit: "OperatorLimit") -> "OperatorLimitQuerySet":
        """All that was ever wanted on the same charge point or EVSE."""
        return self.filter(charge_point=limit.charge_point_id, evse=limit.evse_id)

    def touching(self, evse: Evse) -> "OperatorLimitQuerySet":
        """Of the EVSE itself and of its charge point as a whole."""
        return self.filter(Q(evse=evse) | Q(evse=None), charge_point=evse.charge_point_id)


class OperatorLimit(models.Model):
    """A limit of the whole charge point (`evse` empty) is a ChargePointMaxProfile, one of an EVSE a TxDefaultProfile.

    Two separate facts: whether somebody wants it (`ended_at`, `ends_at`), and what the charge point has (`state`).
    On the charge point each place has one profile: its id and stack level stay when a limit replaces another.
    """

    class State(models.TextChoices):
        REQUESTED = "REQUESTED", "not at the charge point yet"
        INSTALLED = "INSTALLED", "the charge point accepted it"
        REJECTED = "REJECTED", "the charge point refused it"
        UNCERTAIN = "UNCERTAIN", "sent without an answer, or the charge point restarted"
        REMOVED = "REMOVED", "not at the charge point any more"

    charge_point = models.ForeignKey(ChargePoint, on_delete=models.CASCADE, related_name="operator_limits")
    evse = models.ForeignKey(
        Evse, on_delete=models.CASCADE, null=True, blank=True, related_name="operator_limits",
        help_text="Empty: the charge point as a whole",
    )  # fmt: skip
    rate = models.DecimalField("limit", max_digits=9, decimal_places=1, help_text="A per phase, or W in total")
    unit = models.CharField(max_length=1, choices=[(unit.value, unit.value) for unit in RateUnit])
    ends_at = models.DateTimeField(null=True, blank=True, help_text="Empty: until it is removed")
    reason = models.CharField(max_length=200)
    created_by = models.CharField(max_length=64)
    created_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True, help_text="Removed, replaced, or over")
    ended_by = models.CharField(max_length=64, blank=True)

    state = models.CharField(max_length=9, choices=State, default=State.REQUESTED)
    stack_level = models.PositiveIntegerField(default=0)
    installed_at = models.DateTimeField(null=True)
    tries = models.PositiveSmallIntegerField(default=0, help_text="Calls without an answer")
    notes = models.JSONField(default=list, blank=True, help_text="Why what was sent differs from what was asked")
    profiles_in_step = models.BooleanField(default=True, help_text="Running profiles were prepared with this change")

    objects = OperatorLimitQuerySet.as_manager()

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["charge_point"], condition=Q(ended_at=None, evse=None), name="limit_once_per_charge_point"
            ),
            models.UniqueConstraint(fields=["evse"], condition=Q(ended_at=None), name="limit_once_per_evse"),
        ]

    def __str__(self) -> str:
        return f"limit {self.pk} of {self.evse or self.charge_point}"

    @property
    def purpose(self) -> ProfilePurpose:
        return ProfilePurpose.TX_DEFAULT if self.evse_id else ProfilePurpose.CHARGE_POINT_MAX

    @property
    def ocpp_evse_id(self) -> int:
        return self.evse.ocpp_evse_id if self.evse else 0

    def is_wanted(self, *, now: datetime) -> bool:
        return self.ended_at is None and (self.ends_at is None or self.ends_at > now)


def profile_id(ocpp_evse_id: int) -> int:
    """The chargingProfileId of the one limit of this place; 0 is the charge point as a whole.

    From FIRST_PROFILE_ID on. Keys of ChargingProfile, which are the ids of all other profiles, count from 1. ValueError
    above LARGEST_EVSE_ID: the id is a 31-bit integer.
    """
    if not 0 <= ocpp_evse_id <= LARGEST_EVSE_ID:
        raise ValueError(f"EVSE {ocpp_evse_id} has no profile id for a limit")
    return FIRST_PROFILE_ID + ocpp_evse_id
