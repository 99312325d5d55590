"""The other parties: who they are, how each side proves itself, and where they listen."""

import hashlib
from collections.abc import Iterator
from typing import Any

from django.core.exceptions import ValidationError
from django.core.validators import RegexValidator, URLValidator
from django.db import models

from chargepoints.models import Evse
from ocpi.addresses import AddressPolicy, UrlRefused, split_url
from ocpi.authorizers import valid_header_name
from ocpi.encryption import decrypt, encrypt

is_url = URLValidator(schemes=["https", "http"])
is_oauth_text = RegexValidator(r"^[ -~]*\Z", "Printable ASCII only (RFC 6749 appendix A).")


def token_hash(token: str) -> str:
    """SHA-256: our tokens carry 256 random bits, so a slow hash would protect nothing more."""
    return hashlib.sha256(token.encode()).hexdigest()


class Party(models.Model):
    class Role(models.TextChoices):
        SCSP = "SCSP", "SCSP: smart charging service provider"
        EMSP = "EMSP", "EMSP: e-mobility service provider"
        CPO = "CPO", "CPO: charge point operator"
        HUB = "HUB", "Hub"
        NSP = "NSP", "NSP: navigation service provider"
        OTHER = "OTHER", "Other"

    class Version(models.TextChoices):
        V2_2_1 = "2.2.1", "OCPI 2.2.1"
        V2_2 = "2.2", "OCPI 2.2"

    country_code = models.CharField(max_length=2)
    party_id = models.CharField("party ID", max_length=3)
    role = models.CharField(max_length=5, choices=Role, default=Role.SCSP)
    name = models.CharField(max_length=100, blank=True)
    enabled = models.BooleanField(default=True, help_text="Off: its requests get 401 and nothing is sent to it")
    version = models.CharField(
        max_length=5, choices=Version, default=Version.V2_2_1,
        help_text="Of OCPI. Its endpoints are those of this version: refresh them after a change",
    )  # fmt: skip
    allowed_hosts = models.JSONField(
        default=list, blank=True, help_text="Hosts a response_url may name, beside those of its endpoints"
    )
    inbound_networks = models.JSONField(
        default=list, blank=True, help_text="Addresses it calls us from, as networks (CIDR); none: from anywhere"
    )
    allow_insecure_urls = models.BooleanField(
        "allow insecure URLs", default=False, help_text="Loopback and plain http; has an effect only while DEBUG is on"
    )
    shares_all_evses = models.BooleanField("shares all EVSEs", default=True, help_text="Sees and steers every EVSE")
    shared_evses = models.ManyToManyField(Evse, verbose_name="shared EVSEs", blank=True, related_name="shared_with")
    fail_safe_ttl_s = models.PositiveIntegerField(
        null=True, blank=True, verbose_name="fail-safe after (s)",
        help_text="Limits without an end are cleared when it has been silent this long; empty: never",
    )  # fmt: skip
    guarded_at = models.DateTimeField(null=True, blank=True, editable=False, help_text="The fail-safe counts from here")
    heard_at = models.DateTimeField(null=True, blank=True, editable=False, help_text="Its last request, to 30 s")
    reached_at = models.DateTimeField(
        null=True, blank=True, editable=False, help_text="Its last good answer to us, to 30 s"
    )
    figures_until = models.DateTimeField(
        null=True, blank=True, editable=False, help_text="Its service levels are counted for good until here"
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
        OAUTH2 = "oauth2", "OAuth 2.0 client credentials"

    class ClientStyle(models.TextChoices):
        BODY = "body", "client id and secret in the form"
        BASIC = "basic", "client id and secret in an Authorization header (HTTP Basic)"

    party = models.OneToOneField(Party, on_delete=models.CASCADE, related_name="credentials")
    inbound_hash = models.CharField(max_length=64, unique=True, null=True, editable=False)
    inbound_kind = models.CharField(max_length=1, choices=Inbound, default=Inbound.TOKEN_A)
    outbound_encrypted = models.TextField(blank=True, editable=False)
    outbound_encoding = models.CharField(
        "how we prove ourselves", max_length=6, choices=Outbound, default=Outbound.BASE64
    )
    oauth_token_url = models.CharField("token URL", max_length=255, blank=True, validators=[is_url])
    oauth_client_id = models.CharField("client ID", max_length=255, blank=True, validators=[is_oauth_text])
    oauth_secret_encrypted = models.TextField(blank=True, editable=False)
    oauth_client_style = models.CharField(
        "client authentication", max_length=5, choices=ClientStyle, default=ClientStyle.BODY
    )
    oauth_audience = models.CharField("audience", max_length=255, blank=True, validators=[is_oauth_text])
    oauth_scope = models.CharField("scope", max_length=255, blank=True, validators=[is_oauth_text])
    api_key_header = models.CharField(
        "API key header", max_length=64, blank=True,
        help_text="A fixed key in a header of this name goes with every request; empty: none, and the key is forgotten",
    )  # fmt: skip
    api_key_encrypted = models.TextField(blank=True, editable=False)
    versions_url = models.CharField("versions URL", max_length=255, blank=True, validators=[is_url])
    registered_at = models.DateTimeField(null=True, blank=True, help_text="By the credentials handshake")
    roles = models.JSONField(
        default=list,
        blank=True,
        help_text="All roles on its platform: as its Credentials object names them, or by hand",
    )
    pending_hash = models.CharField(
        max_length=64, unique=True, null=True, editable=False,
        help_text="Of the token in a POST or PUT of ours that is not answered yet: good beside the other one",
    )  # fmt: skip
    pending_until = models.DateTimeField(
        null=True, editable=False, help_text="Until then it is under way; later, or null: nobody knows what came of it"
    )
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        verbose_name_plural = "credentials"
        permissions = [("manage_credentials", "Can connect parties and manage their tokens")]

    def __str__(self) -> str:
        return f"credentials of {self.party}"

    def clean(self) -> None:
        """How we prove ourselves is complete: secrets included, so they are set before this is called."""
        if problems := list(self._outbound_problems()):
            raise ValidationError(problems)

    def _outbound_problems(self) -> Iterator[str]:
        if self.outbound_encoding == self.Outbound.OAUTH2:
            needed = {"a token URL": self.oauth_token_url, "a client id": self.oauth_client_id,
                      "a client secret": self.oauth_secret_encrypted}  # fmt: skip
            yield from (f"OAuth 2.0 client credentials need {what}." for what, value in needed.items() if not value)
        if self.oauth_token_url and (reason := _refused(self.oauth_token_url)):
            yield f"The token URL {reason}."
        if self.api_key_header and not valid_header_name(self.api_key_header):
            yield f"{self.api_key_header!r} is no name for an API key's header, or one that every request has already."
        if bool(self.api_key_header) != bool(self.api_key_encrypted):
            yield "An API key and the name of its header go together."

    @property
    def can_prove_us(self) -> bool:
        """There is something to call it with."""
        oauth2 = self.outbound_encoding == self.Outbound.OAUTH2
        return bool(self.oauth_secret_encrypted if oauth2 else self.outbound_encrypted)

    def set_inbound(self, token: str | None, kind: str) -> None:
        """From now on this token and no other, nor that of a handshake under way."""
        self.pending_hash = self.pending_until = None
        self.inbound_hash = token_hash(token) if token else None
        self.inbound_kind = kind

    @property
    def outbound_token(self) -> str:
        return decrypt(self.outbound_encrypted) if self.outbound_encrypted else ""

    @outbound_token.setter
    def outbound_token(self, token: str) -> None:
        self.outbound_encrypted = encrypt(token) if token else ""

    @property
    def oauth_secret(self) -> str:
        return decrypt(self.oauth_secret_encrypted) if self.oauth_secret_encrypted else ""

    @oauth_secret.setter
    def oauth_secret(self, secret: str) -> None:
        self.oauth_secret_encrypted = encrypt(secret) if secret else ""

    @property
    def api_key(self) -> str:
        return decrypt(self.api_key_encrypted) if self.api_key_encrypted else ""

    @api_key.setter
    def api_key(self, key: str) -> None:
        self.api_key_encrypted = encrypt(key) if key else ""


def _refused(url: str) -> str:
    """Why no party could be called there, whatever its marks."""
    try:
        split_url(url, AddressPolicy(allow_insecure=True))
    except UrlRefused as refused:
        return refused.reason
    return ""


class PartnerEndpoint(models.Model):
    party = models.ForeignKey(Party, on_delete=models.CASCADE, related_name="endpoints")
    identifier = models.CharField("module", max_length=64, help_text="OCPI module, e.g. sessions")
    role = models.CharField(max_length=8, choices=[("SENDER", "SENDER"), ("RECEIVER", "RECEIVER")])
    url = models.CharField("URL", max_length=255, validators=[is_url])
    failing_since = models.DateTimeField(
        null=True, blank=True, editable=False, help_text="What is pushed there gets no answer; empty: it does"
    )

    class Meta:
        ordering = ["identifier", "role"]
        constraints = [models.UniqueConstraint(fields=["party", "identifier", "role"], name="endpoint_once")]

    def __str__(self) -> str:
        return f"{self.identifier} {self.role}"

    def url_for(self, *segments: Any) -> str:
        """The endpoint with path segments, exactly one slash between them whatever the partner registered."""
        return "/".join([self.url.rstrip("/"), *map(str, segments)])
