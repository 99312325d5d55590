"""Rows that several parts of one session's page read: each is read once."""

from collections.abc import Callable, Iterable
from functools import wraps
from typing import Any, TypeVar

from django.db.models import Avg, Func, IntegerField, Max, Q

from chargepoints.admin.timeline import NEWEST
from chargepoints.chart.readings import Bucket, step_s
from chargepoints.chart.window import Window
from chargepoints.models import ChargePointCommand, ChargingSession, OperatorLimit

Rows = TypeVar("Rows")


def read_once(read: Callable[[ChargingSession], Iterable[Rows]]) -> Callable[[ChargingSession], list[Rows]]:
    """Kept with the session object, which lives for one page."""
    key = f"_page_{read.__module__}_{read.__name__}"

    @wraps(read)
    def kept(session: ChargingSession) -> list[Rows]:
        if key not in session.__dict__:
            session.__dict__[key] = list(read(session))
        return session.__dict__[key]

    return kept


@read_once
def commands(session: ChargingSession) -> Iterable[ChargePointCommand]:
    """The newest, oldest of them first."""
    return reversed(session.commands.order_by("-id")[:NEWEST])


@read_once
def limits(session: ChargingSession) -> Iterable[OperatorLimit]:
    """Of operators, on its EVSE or the charge point as a whole, that were wanted while it ran; oldest first."""
    touching = OperatorLimit.objects.touching(session.evse).select_related("evse", "charge_point")
    overlapping = touching.filter(Q(ended_at=None) | Q(ended_at__gte=session.started_at))
    if session.ended_at:
        overlapping = overlapping.filter(created_at__lte=session.ended_at)
    return reversed(overlapping.order_by("-id")[:NEWEST])


class _Epoch(Func):
    """Whole seconds since 1970: Django's own truncation calls Python for each row on SQLite."""

    output_field = IntegerField()

    def as_sqlite(self, compiler: Any, connection: Any, **context: Any) -> Any:
        return self.as_sql(
            compiler, connection, template="CAST(strftime('%%%%s', %(expressions)s) AS INTEGER)", **context
        )

    def as_postgresql(self, compiler: Any, connection: Any, **context: Any) -> Any:
        return self.as_sql(
            compiler, connection, template="CAST(FLOOR(EXTRACT(EPOCH FROM %(expressions)s)) AS BIGINT)", **context
        )


def measured(session: ChargingSession, shown: Window) -> list[Bucket]:
    """Averages over equal steps, so that a long session has no more of them than a short one. One query."""
    inside = session.meter_values.filter(measured_at__gte=shown.begins_at, measured_at__lte=shown.ends_at)
    steps = inside.annotate(step=_Epoch("measured_at") / step_s(shown.span_s)).values("step").order_by("step")
    figures = steps.annotate(at=Max("measured_at"), w=Avg("power_w"), a=Avg("current_a"), wh=Max("energy_wh"))
    return [Bucket(*row) for row in figures.values_list("at", "w", "a", "wh")]
