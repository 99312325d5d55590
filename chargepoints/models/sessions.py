"""Charging sessions and everything measured in them."""

from decimal import Decimal

from django.db import models

from chargepoints.models.sites import ChargePoint, Connector, Evse, new_uid


class DriverToken(models.Model):
    """A driver's token: the card or app that starts a session."""

    class Status(models.TextChoices):
        ACCEPTED = "accepted"
        BLOCKED = "blocked"
        EXPIRED = "expired"

    class Type(models.TextChoices):
        """OCPI 2.2.1 mod_tokens, TokenType."""

        AD_HOC_USER = "AD_HOC_USER"
        APP_USER = "APP_USER"
        OTHER = "OTHER"
        RFID = "RFID"

    uid = models.CharField(max_length=36, unique=True)
    status = models.CharField(max_length=8, choices=Status, default=Status.ACCEPTED)
    contract_id = models.CharField(max_length=36, blank=True)
    type = models.CharField(max_length=11, choices=Type, default=Type.RFID)
    country_code = models.CharField(
        max_length=2, blank=True, help_text="Of the party that issued it, ISO 3166-1 alpha-2; empty: ours"
    )
    party_id = models.CharField(max_length=3, blank=True, help_text="Of the party that issued it; empty: ours")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["uid"]

    def __str__(self) -> str:
        return self.uid


class ChargingSessionQuerySet(models.QuerySet["ChargingSession"]):
    def for_steering(self) -> "ChargingSessionQuerySet":
        """With what charging profiles need of it, its EVSE and its charge point, and no other columns."""
        return self.select_related("evse", "charge_point").only(
            *ChargingSession.STEERING,
            *(f"evse__{name}" for name in Evse.STEERING),
            *(f"charge_point__{name}" for name in ChargePoint.STEERING),
        )


class ChargingSession(models.Model):
    """One stay of one car (OCPI Session). Nothing changes after COMPLETED but the notes."""

    class State(models.TextChoices):
        PENDING = "PENDING"
        ACTIVE = "ACTIVE"
        COMPLETED = "COMPLETED"
        INVALID = "INVALID"

    uid = models.CharField(max_length=36, unique=True, default=new_uid, editable=False)
    charge_point = models.ForeignKey(ChargePoint, on_delete=models.PROTECT, related_name="sessions")
    evse = models.ForeignKey(Evse, on_delete=models.PROTECT, related_name="sessions")
    connector = models.ForeignKey(Connector, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    ocpp_transaction_id = models.CharField(max_length=36, blank=True)
    state = models.CharField(max_length=9, choices=State, default=State.PENDING)
    id_token = models.CharField(max_length=36, blank=True)
    contract_id = models.CharField(max_length=36, blank=True)
    token_type = models.CharField(max_length=11, choices=DriverToken.Type, default=DriverToken.Type.RFID)
    token_country_code = models.CharField(max_length=2, blank=True, help_text="Of its issuer; empty: ours")
    token_party_id = models.CharField(max_length=3, blank=True, help_text="Of its issuer; empty: ours")
    auth_method = models.CharField(max_length=12, default="WHITELIST")

    started_at = models.DateTimeField(help_text="While PENDING: when it was created")
    reported_start_at = models.DateTimeField(null=True, blank=True, help_text="As the charge point said it")
    ended_at = models.DateTimeField(null=True, blank=True)
    stop_reason = models.CharField(max_length=64, blank=True)
    meter_start_wh = models.DecimalField(
        max_digits=14, decimal_places=3, null=True, blank=True, default=Decimal(0), help_text="Empty: not known yet"
    )
    meter_stop_wh = models.DecimalField(max_digits=14, decimal_places=3, null=True, blank=True)
    kwh = models.DecimalField(max_digits=12, decimal_places=4, default=Decimal(0))
    power_w = models.DecimalField(max_digits=12, decimal_places=1, null=True, blank=True)
    current_a = models.DecimalField(max_digits=8, decimal_places=2, null=True, blank=True)
    soc_percent = models.DecimalField(max_digits=5, decimal_places=1, null=True, blank=True)
    detected_phases = models.PositiveSmallIntegerField(null=True, blank=True)
    offered_a = models.DecimalField(max_digits=8, decimal_places=2, null=True, blank=True)
    offered_w = models.DecimalField(max_digits=12, decimal_places=1, null=True, blank=True)
    measured_at = models.DateTimeField(null=True, blank=True)
    charging_state = models.CharField(max_length=24, blank=True, help_text="OCPP 2.0.1: as its last event said")
    seq_no = models.PositiveIntegerField(null=True, blank=True, help_text="Of the newest TransactionEvent")
    event_at = models.DateTimeField(null=True, blank=True, help_text="When the newest TransactionEvent happened")
    charging_preferences = models.JSONField(null=True, blank=True)
    notes = models.JSONField(default=list, blank=True, help_text="What was odd, in words")
    created_at = models.DateTimeField(auto_now_add=True)
    last_updated = models.DateTimeField()

    objects = ChargingSessionQuerySet.as_manager()

    STEERING = (  # the columns that charging profiles need
        "uid", "charge_point", "evse", "ocpp_transaction_id", "state", "started_at", "reported_start_at",
        "detected_phases",
    )  # fmt: skip

    class Meta:
        ordering = ["-started_at", "-id"]
        permissions = [("steer_session", "Can push, clear and fetch charging profiles again")]
        constraints = [
            models.UniqueConstraint(
                fields=["charge_point", "ocpp_transaction_id"],
                condition=~models.Q(ocpp_transaction_id=""),
                name="transaction_once_per_charge_point",
            )
        ]
        indexes = [
            models.Index(fields=["last_updated", "id"], name="session_updated"),  # OCPI GET sessions?date_from=
            models.Index(fields=["-started_at", "-id"], name="session_started"),  # the admin's list
            models.Index(  # the open session of an EVSE; PENDING ones to time out
                fields=["evse", "state"], condition=models.Q(state__in=["PENDING", "ACTIVE"]), name="session_open"
            ),
            models.Index(  # the dashboard; the admin's filter. Not IN: SQLite does not see what that implies
                fields=["state", "-started_at", "-id"],
                condition=models.Q(state="PENDING") | models.Q(state="ACTIVE") | models.Q(state="INVALID"),
                name="session_rare_state",
            ),
            models.Index(  # the admin's search, like the next two
                fields=["ocpp_transaction_id"], condition=~models.Q(ocpp_transaction_id=""), name="session_transaction"
            ),
            models.Index(fields=["id_token"], condition=~models.Q(id_token=""), name="session_token"),
            models.Index(fields=["contract_id"], condition=~models.Q(contract_id=""), name="session_contract"),
        ]

    def __str__(self) -> str:
        return self.uid

    def show_token(self, id_token: str, known: DriverToken | None) -> None:
        """The driver's token as it is now: what is changed about it later does not change this session."""
        self.id_token, known = id_token, known or DriverToken()
        self.contract_id, self.token_type = known.contract_id, known.type
        self.token_country_code, self.token_party_id = known.country_code, known.party_id

    @property
    def is_open(self) -> bool:
        return self.state in {self.State.PENDING, self.State.ACTIVE}


class MeterValue(models.Model):
    """Everything measured at one moment: `samples` exactly as sent, the usual figures beside them for charts."""

    charge_point = models.ForeignKey(ChargePoint, on_delete=models.CASCADE, related_name="+", db_index=False)
    evse = models.ForeignKey(Evse, on_delete=models.CASCADE, null=True, related_name="+", db_index=False)
    session = models.ForeignKey(
        ChargingSession, on_delete=models.CASCADE, null=True, related_name="meter_values", db_index=False
    )
    ocpp_transaction_id = models.CharField(max_length=36, blank=True)
    measured_at = models.DateTimeField()
    received_at = models.DateTimeField()
    energy_wh = models.DecimalField(max_digits=14, decimal_places=3, null=True)
    power_w = models.DecimalField(max_digits=12, decimal_places=1, null=True)
    current_a = models.DecimalField(max_digits=8, decimal_places=2, null=True)
    offered_a = models.DecimalField(max_digits=8, decimal_places=2, null=True)
    offered_w = models.DecimalField(max_digits=12, decimal_places=1, null=True)
    soc_percent = models.DecimalField(max_digits=5, decimal_places=1, null=True)
    samples = models.JSONField(default=list)

    class Meta:
        ordering = ["-id"]
        indexes = [
            models.Index(fields=["session", "measured_at"], name="meter_value_of_session"),  # the session's page
            models.Index(  # the admin's search: those of a charge point that no session has
                fields=["charge_point", "id"], condition=models.Q(session=None), name="meter_value_outside"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.measured_at:%Y-%m-%d %H:%M:%S}"
