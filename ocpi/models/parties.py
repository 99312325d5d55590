"""The other parties: who they are, how each side proves itself, and where they listen."""

import hashlib
from typing import Any

from django.core.validators import URLValidator
from django.db import models

from chargepoints.models import Evse
from ocpi.encryption import decrypt, encrypt

is_url = URLValidator(schemes=["https", "http"])


def token_hash(token: str) -> str:
    """SHA-256: our tokens carry 256 random bits, so a slow hash would protect nothing more."""
    return hashlib.sha256(token.encode()).hexdigest()


class Party(models.Model):
    class Role(models.TextChoices):
        SCSP = "SCSP"
        EMSP = "EMSP"
        CPO = "CPO"
        HUB = "HUB"
        NSP = "NSP"
        OTHER = "OTHER"

    class Version(models.TextChoices):
        V2_2_1 = "2.2.1"
        V2_2 = "2.2"

    country_code = models.CharField(max_length=2)
    party_id = models.CharField(max_length=3)
    role = models.CharField(max_length=5, choices=Role, default=Role.SCSP)
    name = models.CharField(max_length=100, blank=True)
    enabled = models.BooleanField(default=True, help_text="Off: its requests get 401 and nothing is sent to it")
    version = models.CharField(
        max_length=5, choices=Version, default=Version.V2_2_1,
        help_text="Of OCPI. Its endpoints are those of this version: after a change it must register anew",
    )  # fmt: skip
    roles = models.JSONField(
        default=list, blank=True,
        help_text="All roles on its platform, each with role, country_code and party_id; a registration replaces them",
    )  # fmt: skip
    allowed_hosts = models.JSONField(
        default=list, blank=True, help_text="Hosts a response_url may name, beside those of its endpoints"
    )
    allow_insecure_urls = models.BooleanField(
        default=False, help_text="Loopback and plain http; has an effect only while DEBUG is on"
    )
    shares_all_evses = models.BooleanField(default=True, help_text="Sees and steers every EVSE")
    shared_evses = models.ManyToManyField(Evse, blank=True, related_name="shared_with")
    fail_safe_ttl_s = models.PositiveIntegerField(
        null=True, blank=True, verbose_name="fail-safe after (s)",
        help_text="Limits without an end are cleared when it has been silent this long; empty: never",
    )  # fmt: skip
    heard_at = models.DateTimeField(
        null=True, blank=True, editable=False, help_text="While guarded: its last request, to 30 s"
    )
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ["country_code", "party_id"]
        verbose_name_plural = "parties"
        constraints = [models.UniqueConstraint(fields=["country_code", "party_id"], name="party_once")]
        permissions = [("send_to_party", "Can send to a party and retry deliveries")]

    def __str__(self) -> str:
        return f"{self.country_code}*{self.party_id}"

    @property
    def owner(self) -> str:
        """How charging profiles and commands name this party."""
        return str(self)


class Credentials(models.Model):
    """How the party proves itself to us (hash only) and how we prove ourselves to it (encrypted)."""

    class Inbound(models.TextChoices):
        TOKEN_A = "A", "CREDENTIALS_TOKEN_A: opens versions and credentials only"
        TOKEN_C = "C", "CREDENTIALS_TOKEN_C: registered"

    class Outbound(models.TextChoices):
        BASE64 = "base64", "OCPI token, base64"
        RAW = "raw", "OCPI token, as it is"

    party = models.OneToOneField(Party, on_delete=models.CASCADE, related_name="credentials")
    inbound_hash = models.CharField(max_length=64, unique=True, null=True, editable=False)
    inbound_kind = models.CharField(max_length=1, choices=Inbound, default=Inbound.TOKEN_A)
    outbound_encrypted = models.TextField(blank=True, editable=False)
    outbound_encoding = models.CharField(max_length=6, choices=Outbound, default=Outbound.BASE64)
    versions_url = models.CharField(max_length=255, blank=True, validators=[is_url])
    registered_at = models.DateTimeField(null=True, blank=True, help_text="By the credentials handshake")
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        verbose_name_plural = "credentials"

    def __str__(self) -> str:
        return f"credentials of {self.party}"

    def set_inbound(self, token: str | None, kind: str) -> None:
        self.inbound_hash = token_hash(token) if token else None
        self.inbound_kind = kind

    @property
    def outbound_token(self) -> str:
        return decrypt(self.outbound_encrypted) if self.outbound_encrypted else ""

    @outbound_token.setter
    def outbound_token(self, token: str) -> None:
        self.outbound_encrypted = encrypt(token) if token else ""


class PartnerEndpoint(models.Model):
    party = models.ForeignKey(Party, on_delete=models.CASCADE, related_name="endpoints")
    identifier = models.CharField(max_length=64, help_text="OCPI module, e.g. sessions")
    role = models.CharField(max_length=8, choices=[("SENDER", "SENDER"), ("RECEIVER", "RECEIVER")])
    url = models.CharField(max_length=255, validators=[is_url])

    class Meta:
        ordering = ["identifier", "role"]
        constraints = [models.UniqueConstraint(fields=["party", "identifier", "role"], name="endpoint_once")]

    def __str__(self) -> str:
        return f"{self.identifier} {self.role}"

    def url_for(self, *segments: Any) -> str:
        """The endpoint with path segments, exactly one slash between them whatever the partner registered."""
        return "/".join([self.url.rstrip("/"), *map(str, segments)])
