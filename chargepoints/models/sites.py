"""Where charge points stand, what they can do, and whether they are connected."""

import uuid
from decimal import Decimal

from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator, RegexValidator
from django.db import models
from django.utils import timezone

from chargepoints import availability, geography, place_details
from chargepoints.values import (
    Availability,
    CurrentType,
    EvseLimits,
    LowCurrentPolicy,
    RateUnit,
    SmartChargingCapabilities,
    Stage,
)

# eMI3 standard 1.0 part 2, EVSE ID: country, operator, "E" and the outlet, with or without separators.
_EVSE_ID = RegexValidator(r"^[A-Za-z]{2}\*?[A-Za-z0-9]{3}\*?[Ee][A-Za-z0-9*]{1,30}\Z", "An id such as NL*CPO*E1.")


def new_uid() -> str:
    """A random, immutable id, so that nobody outside learns an OCPP identity from it."""
    return str(uuid.uuid4())


def _choices(values: tuple[str, ...]) -> list[tuple[str, str]]:
    return [(value, value) for value in values]


class LocationQuerySet(models.QuerySet["Location"]):
    def complete(self) -> "LocationQuerySet":
        """Those that others can be told of."""
        return self.exclude(address="").exclude(city="").exclude(latitude=None).exclude(longitude=None)


class Location(models.Model):
    uid = models.CharField(max_length=36, unique=True, default=new_uid, editable=False)
    name = models.CharField(max_length=255)
    address = models.CharField(max_length=45, blank=True)
    city = models.CharField(max_length=45, blank=True)
    postal_code = models.CharField(max_length=10, blank=True)
    country = models.CharField(
        max_length=3, default="NLD", help_text="ISO 3166-1 alpha-3", validators=[geography.validate_country]
    )
    latitude = models.DecimalField(
        max_digits=10, decimal_places=7, null=True, blank=True,
        validators=[MinValueValidator(-90), MaxValueValidator(90)],
    )  # fmt: skip
    longitude = models.DecimalField(
        max_digits=10, decimal_places=7, null=True, blank=True,
        validators=[MinValueValidator(-180), MaxValueValidator(180)],
    )  # fmt: skip
    time_zone = models.CharField(max_length=255, default="Europe/Amsterdam", validators=[geography.validate_time_zone])
    country_code = models.CharField(
        max_length=2, blank=True, help_text="Of the CPO it is run for, ISO 3166-1 alpha-2; empty: ours"
    )
    party_id = models.CharField(max_length=3, blank=True, help_text="Of the CPO it is run for; empty: ours")

    # What else partners may show, in the shapes of OCPI 2.2.1 mod_locations; empty: not told.
    publish = models.BooleanField(default=True, help_text="May be shown in apps and on websites")
    parking_type = models.CharField(max_length=18, blank=True, choices=_choices(place_details.PARKING_TYPES))
    facilities = models.JSONField(null=True, blank=True, validators=[place_details.validate_facilities])
    directions = models.JSONField(
        null=True, blank=True, validators=[place_details.validate_directions],
        help_text='[{"language": "nl", "text": "..."}]',
    )  # fmt: skip
    opening_times = models.JSONField(
        null=True, blank=True, validators=[place_details.validate_opening_times],
        help_text='{"twentyfourseven": true}, or false with "regular_hours": '
        '[{"weekday": 1, "period_begin": "08:00", "period_end": "18:00"}]',
    )  # fmt: skip
    charging_when_closed = models.BooleanField(null=True, blank=True, help_text="A car that stays is charged on")
    images = models.JSONField(
        null=True, blank=True, validators=[place_details.validate_images],
        help_text='[{"url": "https://...", "category": "LOCATION", "type": "jpeg"}]',
    )  # fmt: skip
    operator = models.JSONField(
        null=True, blank=True, validators=[place_details.validate_business],
        help_text='{"name": "...", "website": "https://..."}; empty: the CPO it is run for',
    )  # fmt: skip
    suboperator = models.JSONField(null=True, blank=True, validators=[place_details.validate_business])
    owner = models.JSONField(null=True, blank=True, validators=[place_details.validate_business])
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)  # of what is told of the place itself, and which EVSEs it has

    objects = LocationQuerySet.as_manager()

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name

    def clean(self) -> None:
        if (self.latitude is None) != (self.longitude is None):
            raise ValidationError("A place has both a latitude and a longitude, or neither.")

    @property
    def missing(self) -> list[str]:
        """What must be known before partners can be told of it."""
        needed = {"address": self.address, "city": self.city}
        coordinates = self.latitude is None or self.longitude is None
        return [name for name, value in needed.items() if not value] + (["coordinates"] if coordinates else [])


class ServerProcess(models.Model):
    """A running server process that holds sockets. Its heartbeat tells a live one from one that was killed."""

    channel_name = models.CharField(max_length=255, primary_key=True)
    started_at = models.DateTimeField()
    alive_at = models.DateTimeField(db_index=True)  # read by presence.reap_dead_processes

    class Meta:
        verbose_name_plural = "server processes"

    def __str__(self) -> str:
        return self.channel_name


class ChargePointQuerySet(models.QuerySet["ChargePoint"]):
    def online(self) -> "ChargePointQuerySet":
        return self.exclude(connection_id="")


class ChargePoint(models.Model):
    identity = models.CharField(max_length=48, unique=True, help_text="Last segment of its websocket URL")
    location = models.ForeignKey(Location, on_delete=models.PROTECT, related_name="charge_points")
    enabled = models.BooleanField(default=True)
    password_hash = models.CharField(max_length=128, blank=True, help_text="HTTP Basic; empty: none is asked for")
    created_at = models.DateTimeField(auto_now_add=True)

    # What it said of itself at boot.
    ocpp_version = models.CharField(max_length=10, blank=True)
    vendor = models.CharField(max_length=255, blank=True)
    model = models.CharField(max_length=255, blank=True)
    serial_number = models.CharField(max_length=255, blank=True)
    meter_serial_number = models.CharField(max_length=255, blank=True)
    firmware_version = models.CharField(max_length=255, blank=True)
    firmware_status = models.CharField(max_length=64, blank=True)
    diagnostics_status = models.CharField(max_length=64, blank=True)
    booted_at = models.DateTimeField(null=True, blank=True)
    clock_skew_s = models.IntegerField(null=True, blank=True, help_text="Its clock minus ours, from its messages")

    # Of itself as a whole, beside its EVSEs; empty: it has not said.
    status = models.CharField(max_length=24, blank=True)
    error_code = models.CharField(max_length=64, blank=True)
    status_info = models.CharField(max_length=255, blank=True)
    status_at = models.DateTimeField(null=True, blank=True)

    # Presence: which socket, in which process. Empty connection_id: offline.
    connection_id = models.CharField(max_length=36, blank=True, db_index=True)
    channel_name = models.CharField(max_length=255, blank=True, db_index=True)  # read when a process is reaped
    connected_at = models.DateTimeField(null=True, blank=True)
    disconnected_at = models.DateTimeField(null=True, blank=True)
    last_seen_at = models.DateTimeField(null=True, blank=True)

    # Learned smart-charging capabilities; null or empty: it has not said.
    smart_charging = models.BooleanField(null=True, blank=True)
    rate_units = models.CharField(max_length=2, blank=True, help_text="A, W or AW")
    max_periods = models.PositiveIntegerField(null=True, blank=True)
    max_stack_level = models.PositiveIntegerField(null=True, blank=True)
    max_profiles = models.PositiveIntegerField(null=True, blank=True)
    refused_units = models.CharField(max_length=2, blank=True, help_text="Units it refused and took in the other")
    tells_plans = models.BooleanField(default=False, help_text="GetCompositeSchedule has brought a schedule")
    configuration = models.JSONField(default=dict, blank=True)
    capabilities_at = models.DateTimeField(null=True, blank=True)
    low_current_policy = models.CharField(
        max_length=10,
        choices=[(p.value, p.value) for p in LowCurrentPolicy],
        default=LowCurrentPolicy.AS_IS.value,
        help_text="Limits above 0 and below 6 A: send as they are, or floor to 0",
    )

    objects = ChargePointQuerySet.as_manager()

    STEERING = (  # the columns that charging profiles need
        "identity", "connection_id", "smart_charging", "rate_units", "max_periods", "max_stack_level",
        "low_current_policy", "refused_units", "tells_plans",
    )  # fmt: skip

    class Meta:
        ordering = ["identity"]
        permissions = [("operate_chargepoint", "Can start, stop, limit, reset and ask a charge point")]

    def __str__(self) -> str:
        return self.identity

    @property
    def is_online(self) -> bool:
        return bool(self.connection_id)

    @property
    def capabilities(self) -> SmartChargingCapabilities:
        return SmartChargingCapabilities(
            supported=self.smart_charging,
            units=self._units,
            max_periods=self.max_periods,
            max_stack_level=self.max_stack_level,
            low_current_policy=LowCurrentPolicy(self.low_current_policy),
        )

    @property
    def reads_tokens(self) -> bool:
        """OCPP 2.0.1 part 2 appendix 3, TokenReader. No key of OCPP 1.6 tells of a reader."""
        readers = {name: value for name, value in self.configuration.items() if name.startswith("TokenReader")}
        return bool(readers) and not any(
            name.endswith((".Enabled", ".Available")) and str(value).casefold() == "false"
            for name, value in readers.items()
        )

    @property
    def _units(self) -> frozenset[RateUnit]:
        """What it said it takes, less what it refused; experience counts more than words."""
        said = set(self.rate_units) or ({"A", "W"} if self.refused_units else set())
        return frozenset(RateUnit(unit) for unit in said - set(self.refused_units))


class Evse(models.Model):
    charge_point = models.ForeignKey(ChargePoint, on_delete=models.CASCADE, related_name="evses")
    uid = models.CharField(max_length=36, unique=True, default=new_uid, editable=False)
    evse_id = models.CharField(
        max_length=48, blank=True, help_text="eMI3 id as printed, e.g. NL*CPO*E1", validators=[_EVSE_ID]
    )
    ocpp_evse_id = models.PositiveIntegerField(help_text="connectorId in OCPP 1.6, evseId in 2.0.1")
    status = models.CharField(max_length=24, blank=True)
    error_code = models.CharField(max_length=64, blank=True)
    status_info = models.CharField(max_length=255, blank=True)
    status_at = models.DateTimeField(null=True, blank=True)
    current_type = models.CharField(max_length=2, choices=[(c.value, c.value) for c in CurrentType], default="AC")
    voltage_v = models.DecimalField(
        max_digits=6, decimal_places=1, default=Decimal(230), help_text="AC: line to neutral"
    )
    max_current_a = models.DecimalField(max_digits=6, decimal_places=1, default=Decimal(32), help_text="Per phase")
    max_power_w = models.DecimalField(max_digits=9, decimal_places=1, null=True, blank=True)
    phases = models.PositiveSmallIntegerField(null=True, blank=True, help_text="Installed; empty: not known")
    stage = models.CharField(
        max_length=10, choices=[(s.value, s.value) for s in Stage], default=Stage.IN_SERVICE.value,
        help_text="REMOVED: for good; partners are told, and it may be deleted",
    )  # fmt: skip
    floor_level = models.CharField(max_length=4, blank=True)
    physical_reference = models.CharField(max_length=16, blank=True, help_text="Printed on it, for people")
    parking_restrictions = models.JSONField(
        null=True, blank=True, validators=[place_details.validate_parking_restrictions]
    )
    declared_capabilities = models.JSONField(
        null=True, blank=True, validators=[place_details.validate_declared],
        help_text="What no charge point tells: readers and payment terminals",
    )  # fmt: skip
    updated_at = models.DateTimeField(auto_now=True)
    last_updated = models.DateTimeField(default=timezone.now, editable=False, help_text="Of what others see of it")

    STEERING = (  # the columns that charging profiles need
        "charge_point", "ocpp_evse_id", "current_type", "voltage_v", "max_current_a", "max_power_w", "phases",
    )  # fmt: skip

    class Meta:
        ordering = ["charge_point", "ocpp_evse_id"]
        verbose_name = "EVSE"
        constraints = [
            models.UniqueConstraint(fields=["charge_point", "ocpp_evse_id"], name="evse_once_per_charge_point")
        ]

    def __str__(self) -> str:
        return f"{self.charge_point.identity}/{self.ocpp_evse_id}"

    @property
    def availability(self) -> Availability:
        return availability.availability(
            stage=self.stage, enabled=self.charge_point.enabled, online=self.charge_point.is_online,
            status=self.status, of_the_whole=self.charge_point.status,
        )  # fmt: skip

    def limits(self, *, detected_phases: int | None = None) -> EvseLimits:
        return EvseLimits(
            current_type=CurrentType(self.current_type),
            voltage_v=self.voltage_v,
            max_current_a=self.max_current_a,
            max_power_w=self.max_power_w,
            phases=self.phases,
            detected_phases=detected_phases,
        )


class Connector(models.Model):
    evse = models.ForeignKey(Evse, on_delete=models.CASCADE, related_name="connectors")
    ocpp_connector_id = models.PositiveIntegerField(default=1)
    standard = models.CharField(
        max_length=32, default="IEC_62196_T2", choices=_choices(place_details.CONNECTOR_STANDARDS)
    )
    format = models.CharField(max_length=8, choices=[("SOCKET", "SOCKET"), ("CABLE", "CABLE")], default="SOCKET")
    status = models.CharField(max_length=24, blank=True, help_text="Where an EVSE's connectors report one by one")
    status_at = models.DateTimeField(null=True, blank=True)
    last_updated = models.DateTimeField(default=timezone.now, editable=False, help_text="Of what others see of it")

    class Meta:
        ordering = ["evse", "ocpp_connector_id"]
        constraints = [models.UniqueConstraint(fields=["evse", "ocpp_connector_id"], name="connector_once_per_evse")]

    def __str__(self) -> str:
        return f"{self.evse}/{self.ocpp_connector_id}"
