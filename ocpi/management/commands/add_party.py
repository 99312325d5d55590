import json
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError, CommandParser

from ocpi.models import Credentials, Party
from ocpi.provisioning import OutboundProof, PartyUrls, Platform, ProvisionedParty, add_party


class Command(BaseCommand):
    help = "Adds a party that may talk OCPI with us, or with --update changes what is given."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("country_code", metavar="COUNTRY")
        parser.add_argument("party_id", metavar="PARTY")
        parser.add_argument("--role", choices=Party.Role.values, help="default SCSP")
        parser.add_argument(
            "--platform-role", nargs=3, action="append", metavar=("ROLE", "COUNTRY", "PARTY"),
            help="a role of its platform, in whose name it may call; repeatable; a handshake tells them",
        )  # fmt: skip
        parser.add_argument("--ocpi-version", choices=Party.Version.values, help="default 2.2.1")
        parser.add_argument("--name", help="business name")
        parser.add_argument("--token", help="a registered token (C), opens everything; generated if neither is given")
        parser.add_argument("--token-a", help="a registration token (A), opens versions and credentials only")
        parser.add_argument("--versions-url")
        parser.add_argument("--sessions-url", help="its sessions RECEIVER")
        parser.add_argument("--chargingprofiles-url", help="its chargingprofiles SENDER")
        parser.add_argument("--locations-url", help="its locations RECEIVER")
        parser.add_argument("--allow-host", action="append", metavar="H", help="a response_url may name it; repeatable")
        parser.add_argument("--outbound-token", help="the token we send; generated if a URL is given without one")
        parser.add_argument("--outbound-encoding", choices=Credentials.Outbound.values, help="default base64")
        parser.add_argument("--oauth-token-url", help="chooses OAuth 2.0 client credentials")
        parser.add_argument("--oauth-client-id")
        parser.add_argument("--oauth-client-secret")
        parser.add_argument("--oauth-client-style", choices=Credentials.ClientStyle.values, help="default body")
        parser.add_argument("--oauth-audience")
        parser.add_argument("--oauth-scope")
        parser.add_argument("--api-key-header", metavar="NAME", help="a header that carries a fixed key, e.g. ApiKey")
        parser.add_argument("--api-key", metavar="KEY")
        parser.add_argument("--allow-network", action="append", metavar="CIDR", help="calls us from there; repeatable")
        parser.add_argument("--allow-insecure", action="store_true", help="http and loopback URLs, while DEBUG is on")
        parser.add_argument("--share-evse", action="append", metavar="UID", help="not all but this one; repeatable")
        parser.add_argument("--update", action="store_true", help="change it if it exists")
        parser.add_argument("--json", action="store_true", help="print JSON and nothing else")

    def handle(self, *_args: Any, **options: Any) -> None:
        try:
            provisioned = _add(options)
        except ValidationError as error:
            raise CommandError("; ".join(error.messages)) from None
        for hint in provisioned.hints:
            self.stderr.write(self.style.WARNING(f"hint: {hint}"))
        summary = _summary(provisioned)
        self.stdout.write(json.dumps(summary) if options["json"] else _text(summary))


def _add(options: dict[str, Any]) -> ProvisionedParty:
    as_given = ("country_code", "party_id", "role", "name", "token", "token_a", "outbound_token", "outbound_encoding",
                "update")  # fmt: skip
    return add_party(
        **{name: options[name] for name in as_given},
        platform=Platform(options["ocpi_version"], options["platform_role"]),
        urls=PartyUrls(
            versions=options["versions_url"],
            sessions=options["sessions_url"],
            chargingprofiles=options["chargingprofiles_url"],
            locations=options["locations_url"],
        ),
        proof=_proof(options),
        inbound_networks=options["allow_network"],
        allowed_hosts=options["allow_host"],
        share_evses=options["share_evse"],
        allow_insecure=options["allow_insecure"] or None,
    )


def _proof(options: dict[str, Any]) -> OutboundProof:
    return OutboundProof(
        token_url=options["oauth_token_url"], client_id=options["oauth_client_id"],
        client_secret=options["oauth_client_secret"], client_style=options["oauth_client_style"],
        audience=options["oauth_audience"], scope=options["oauth_scope"],
        api_key_header=options["api_key_header"], api_key=options["api_key"],
    )  # fmt: skip


def _summary(provisioned: ProvisionedParty) -> dict[str, Any]:
    party = provisioned.party
    return {
        "party": str(party),
        "role": str(party.role),
        "token": provisioned.token,
        "token_kind": str(party.credentials.inbound_kind),
        "outbound_token": provisioned.outbound_token,
        "outbound": str(party.credentials.outbound_encoding),
        "shares_all_evses": party.shares_all_evses,
        "endpoints": {f"{e.identifier} {e.role}": e.url for e in party.endpoints.all()},
    }


def _text(summary: dict[str, Any]) -> str:
    lines = [f"party {summary['party']} ({summary['role']})"]
    if summary["token"]:
        lines.append(f"  token {summary['token_kind']} it calls us with, shown only now: {summary['token']}")
    if summary["outbound_token"]:
        lines.append(f"  token we call it with: {summary['outbound_token']}")
    lines.append("  shares all EVSEs" if summary["shares_all_evses"] else "  shares only the EVSEs named")
    return "\n".join(lines)
