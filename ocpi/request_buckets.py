"""TOO_OFTEN: a token bucket for each party and for each of its sessions (OCPI 2.2.1 mod_charging_profiles, Flow)."""

from dataclasses import dataclass
from datetime import datetime

from django.conf import settings

from chargepoints.models import ChargingSession
from chargepoints.models.rows import update_each
from ocpi.models import Party, RequestBucket


@dataclass(frozen=True, slots=True)
class Rate:
    burst: int
    per_minute: int


def refilled(tokens: float, *, idle_s: float, rate: Rate) -> float:
    """Tokens after `idle_s` seconds of rest, at most the burst."""
    return min(float(rate.burst), tokens + max(idle_s, 0.0) * rate.per_minute / 60)


def take(party: Party, session: ChargingSession, *, now: datetime) -> bool:
    """One token from each bucket, or none from either. The caller's transaction holds the rows."""
    rates = _rates(party, session)
    locked = RequestBucket.objects.select_for_update()
    known = {bucket.key: bucket for bucket in locked.filter(key__in=rates).order_by("key")}
    buckets = [_filled(known.get(key) or _new(key, rate, now=now), rate, now=now) for key, rate in rates.items()]
    if any(bucket.tokens < 1 for bucket in buckets):
        return False
    for bucket in buckets:
        bucket.tokens -= 1
    update_each(RequestBucket, buckets, ["tokens", "filled_at"])
    return True


def would_give(party: Party, session: ChargingSession, *, now: datetime) -> bool:
    """Whether `take` would succeed. Writes nothing; a bucket that is not there yet is full."""
    rates = _rates(party, session)
    known = RequestBucket.objects.filter(key__in=rates)
    return all(_filled(bucket, rates[bucket.key], now=now).tokens >= 1 for bucket in known)


def _rates(party: Party, session: ChargingSession) -> dict[str, Rate]:
    return {
        f"party:{party.pk}": Rate(settings.OCPI_PARTY_BURST, settings.OCPI_PARTY_PER_MINUTE),
        f"party:{party.pk}/session:{session.pk}": Rate(settings.OCPI_SESSION_BURST, settings.OCPI_SESSION_PER_MINUTE),
    }


def _new(key: str, rate: Rate, *, now: datetime) -> RequestBucket:
    defaults = {"tokens": float(rate.burst), "filled_at": now}
    return RequestBucket.objects.select_for_update().get_or_create(key=key, defaults=defaults)[0]


def _filled(bucket: RequestBucket, rate: Rate, *, now: datetime) -> RequestBucket:
    bucket.tokens = refilled(bucket.tokens, idle_s=(now - bucket.filled_at).total_seconds(), rate=rate)
    bucket.filled_at = now
    return bucket
