"""Which commands make the history of a profile."""

from collections import defaultdict
from collections.abc import Collection
from datetime import datetime, timedelta

from django.db.models import OuterRef, Q, Subquery

from chargepoints.models import ChargePointCommand, ChargingProfile
from chargepoints.profiles.history import Told, told

Kind = ChargePointCommand.Kind
CHANGING = Q(kind__in=[Kind.SET_PROFILE, Kind.CLEAR_PROFILE])
CHANGED = Q(status__in=["ACCEPTED", "UNKNOWN"]) | Q(late_status__in=["ACCEPTED", "UNKNOWN"])
LONGEST_COMMAND = timedelta(minutes=15)
"""One that was asked longer before a time than this has changed something before that time, or never will."""


def histories(profile_ids: Collection[int], *, since: datetime, until: datetime) -> dict[int, list[Told]]:
    """By profile, in order: what it took between the two, and the one before that. Two queries."""
    before = ChargePointCommand.objects.filter(CHANGING, CHANGED, profile=OuterRef("pk"))
    last_before = before.filter(created_at__lt=since - LONGEST_COMMAND).order_by("-pk").values("pk")[:1]
    firsts = ChargingProfile.objects.filter(pk__in=profile_ids).order_by().values_list(Subquery(last_before), flat=True)
    asked = Q(created_at__gte=since - LONGEST_COMMAND, created_at__lt=until, profile__in=profile_ids)
    rows = ChargePointCommand.objects.filter(CHANGING, CHANGED)
    rows = rows.filter(asked | Q(pk__in=[pk for pk in firsts if pk is not None]))
    found: dict[int, list[Told]] = defaultdict(list)
    names = ("profile_id", "kind", "payload", "status", "finished_at", "late_status", "late_at")
    for profile_id, kind, payload, status, finished_at, late_status, late_at in rows.order_by().values_list(*names):
        entry = told(
            setting=kind == Kind.SET_PROFILE, payload=payload, status=status, finished_at=finished_at,
            late_status=late_status, late_at=late_at,
        )  # fmt: skip
        if entry and profile_id is not None:
            found[profile_id].append(entry)
    return {profile_id: sorted(entries, key=lambda entry: entry.at) for profile_id, entries in found.items()}
