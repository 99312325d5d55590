"""Transaction events as facts: the same transaction, on EVSE 1, unless said otherwise."""

from decimal import Decimal
from typing import Any

from chargepoints.values import Reading, Sample, TransactionFacts, TransactionStep
from tests.support.factories import at

EVENT = TransactionStep


def event(step: TransactionStep, seq_no: int, *, seconds: float = 0, **fields: Any) -> TransactionFacts:
    """`seconds` after NOW."""
    defaults = {"transaction_id": "TX-1", "evse_id": 1, "happened_at": at(seconds)}
    return TransactionFacts(step=step, seq_no=seq_no, **(defaults | fields))


def started(seq_no: int = 0, **fields: Any) -> TransactionFacts:
    return event(EVENT.STARTED, seq_no, **fields)


def updated(seq_no: int, **fields: Any) -> TransactionFacts:
    return event(EVENT.UPDATED, seq_no, **({"evse_id": 0} | fields))


def ended(seq_no: int, **fields: Any) -> TransactionFacts:
    return event(EVENT.ENDED, seq_no, **({"evse_id": 0} | fields))


def energy(register_wh: int | str, seconds: float = 0, context: str = "Sample.Periodic", **fields: Any) -> Reading:
    sample = Sample("Energy.Active.Import.Register", Decimal(register_wh), str(register_wh), "Wh", context=context)
    return Reading(at(seconds), (sample,), energy_wh=Decimal(register_wh), **fields)
