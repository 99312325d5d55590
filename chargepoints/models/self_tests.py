"""A smart-charging self-test: what was tried on a running session, step by step, and what came of it."""

from decimal import Decimal

from django.db import models
from django.db.models import Q

from chargepoints.models.commands import ChargePointCommand
from chargepoints.models.sessions import ChargingSession


class SmartChargingTest(models.Model):
    """Its life is in `chargepoints.self_tests`. `command`: whose answer the present step waits for."""

    class Step(models.TextChoices):
        SETTING = "SETTING", "setting a low limit"
        PLAN = "PLAN", "reading the plan"
        MEASURING = "MEASURING", "waiting for the current to follow"
        CLEARING = "CLEARING", "taking the limit away"
        AFTERWARDS = "AFTERWARDS", "reading the plan afterwards"
        DONE = "DONE", "finished"

    class Verdict(models.TextChoices):
        PASSED = "PASSED"
        DOUBTFUL = "DOUBTFUL"
        FAILED = "FAILED"

    session = models.ForeignKey(ChargingSession, on_delete=models.CASCADE, related_name="self_tests")
    requested_by = models.CharField(max_length=64)
    created_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)
    step = models.CharField(max_length=10, choices=Step, default=Step.SETTING)
    step_began_at = models.DateTimeField()
    command = models.ForeignKey(ChargePointCommand, on_delete=models.SET_NULL, null=True, related_name="+")
    limit_a = models.DecimalField(max_digits=6, decimal_places=1, default=Decimal(0), help_text="Per phase, as sent")
    before_a = models.DecimalField(
        max_digits=6, decimal_places=1, default=Decimal(0), help_text="Per phase, what is in force without the test"
    )
    findings = models.JSONField(default=list, help_text="Of each step: when, which, good or not, in words")
    verdict = models.CharField(max_length=8, choices=Verdict, blank=True)

    class Meta:
        ordering = ["-id"]
        verbose_name = "smart-charging self-test"
        constraints = [
            models.UniqueConstraint(fields=["session"], condition=Q(ended_at=None), name="self_test_once_per_session")
        ]

    def __str__(self) -> str:
        return f"self-test {self.pk}"
