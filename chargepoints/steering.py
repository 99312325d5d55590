"""What a charge point measures that bears on charging profiles: other phases, another offer."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from chargepoints import observation, phase_changes
from chargepoints.models import ChargingProfile, ChargingSession

OFFER_CHANGED_A = Decimal("0.5")
OFFER_CHANGED_W = Decimal(100)


@dataclass(frozen=True, slots=True)
class Measured:
    phases: int | None
    offered_a: Decimal | None
    offered_w: Decimal | None

    @classmethod
    def of(cls, session: ChargingSession) -> "Measured":
        return cls(session.detected_phases, session.offered_a, session.offered_w)

    def offers_otherwise(self, other: "Measured") -> bool:
        """Another limit may hold now (in OCPP 1.6 there is no other sign of it)."""
        pairs = ((self.offered_a, other.offered_a, OFFER_CHANGED_A), (self.offered_w, other.offered_w, OFFER_CHANGED_W))
        return any(a is not None and b is not None and abs(a - b) > least for a, b, least in pairs)


def changed(sessions: list[ChargingSession], before: dict[int, Measured], *, now: datetime) -> None:
    """Acts on what differs from `before`, by primary key of the session. The sessions are saved already."""
    after = {session.pk: Measured.of(session) for session in sessions}
    rephased = [pk for pk, measured in after.items() if before[pk].phases != measured.phases]
    offered = [pk for pk, measured in after.items() if before[pk].offers_otherwise(measured)]
    if rephased:
        steered = ChargingSession.objects.for_steering().filter(profiles__state=ChargingProfile.State.INSTALLED)
        for session in steered.filter(pk__in=rephased).distinct().order_by("pk"):
            phase_changes.send_again(session, now=now)
    if offered:
        observation.look_at(ChargingSession.objects.filter(pk__in=offered), now=now)
