"""The audit log: written with what it tells of, in the same transaction; outcomes follow when they are known.

An entry may await another row: a command, a limit, a message to a partner. Whoever owns such rows says how they ended
(`register_endings`). Entries are settled when somebody looks at them, and by beat.
"""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from django.contrib.contenttypes.models import ContentType
from django.db.models import Model

from chargepoints import signals
from chargepoints.models import AuditEntry, ChargePointCommand, OperatorLimit
from chargepoints.values import CommandOutcome

Outcome = AuditEntry.Outcome
Ending = tuple[str, str]
"""Outcome and words."""
Endings = Callable[[Collection[int]], Mapping[int, Ending]]
AT_ONCE = 1000

_endings: dict[str, tuple[type[Model], Endings]] = {}


def register_endings(model: type[Model]) -> Callable[[Endings], Endings]:
    """The function gets keys of `model` and names those whose end is known."""

    def register(endings: Endings) -> Endings:
        _endings[model._meta.label_lower] = (model, endings)
        return endings

    return register


def key_of(row: Model) -> str:
    return f"{row._meta.label_lower}:{row.pk}"


def write(
    *, user: Any, action: str, now: datetime, batch: UUID, target: Model | None = None, result: str = "",
    outcome: str = Outcome.DONE, awaits: Model | None = None, comment: str = "", username: str = "",
) -> AuditEntry:  # fmt: skip
    """`username`: of somebody who is no user here. Texts are cut to what the columns hold."""
    kind = ContentType.objects.get_for_model(target) if target else None
    return AuditEntry.objects.create(
        at=now, user=user, username=(username or user.get_username())[:150], action=action[:100], batch=batch,
        comment=comment[:500], target_type=kind, target_id=str(target.pk) if target else "",
        target=str(target)[:200] if target else "", outcome=outcome, result=result[:1000],
        awaits=key_of(awaits) if awaits else "", finished_at=None if outcome == Outcome.OPEN else now,
    )  # fmt: skip


def settle(*, now: datetime) -> None:
    """Writes the outcomes that are known by now."""
    waiting: dict[str, dict[int, list[int]]] = defaultdict(lambda: defaultdict(list))
    open_ones = AuditEntry.objects.filter(outcome=Outcome.OPEN).exclude(awaits="").order_by("id")
    for entry_id, awaits in open_ones.values_list("pk", "awaits")[:AT_ONCE]:
        label, _, key = awaits.partition(":")
        waiting[label][int(key)].append(entry_id)
    for label, entries in waiting.items():
        for pk, ending in _known(label, entries.keys()).items():
            _finish(entries[pk], ending, now=now)


def _known(label: str, keys: Collection[int]) -> dict[int, Ending]:
    model, endings = _endings[label]
    left = set(model._default_manager.filter(pk__in=keys).values_list("pk", flat=True))
    gone: Ending = (Outcome.UNKNOWN, f"the {model._meta.verbose_name} was deleted")
    return {**endings(left), **dict.fromkeys(set(keys) - left, gone)}


def _finish(entry_ids: Iterable[int], ending: Ending, *, now: datetime) -> None:
    outcome, words = ending
    for entry in AuditEntry.objects.filter(pk__in=entry_ids, outcome=Outcome.OPEN):
        result = f"{entry.result} Then: {words}" if words else entry.result
        mine = AuditEntry.objects.filter(pk=entry.pk, outcome=Outcome.OPEN)
        mine.update(outcome=outcome, result=result[:1000], finished_at=now)


@register_endings(ChargePointCommand)
def command_endings(keys: Collection[int]) -> dict[int, Ending]:
    ended = ChargePointCommand.objects.filter(pk__in=keys).exclude(status__in=ChargePointCommand.OPEN).order_by()
    return {
        command.pk: (command.late_status or command.status, command.detail)
        for command in ended.only("status", "late_status", "detail")
    }


@register_endings(OperatorLimit)
def limit_endings(keys: Collection[int]) -> dict[int, Ending]:
    """Of one that no command could carry yet, because its charge point was offline."""
    state = OperatorLimit.State
    outcomes = {
        state.INSTALLED: Outcome.ACCEPTED, state.REJECTED: Outcome.REJECTED, state.REMOVED: Outcome.DONE,
    }  # fmt: skip
    found = OperatorLimit.objects.filter(pk__in=keys, state__in=outcomes).only("state").order_by()
    return {limit.pk: (outcomes[state(limit.state)], limit.get_state_display()) for limit in found}


def late_answer(
    *, command: ChargePointCommand, outcome: CommandOutcome, late: bool, now: datetime, **_: object
) -> None:
    """An answer after the end corrects what the log says of it."""
    if late:
        entries = AuditEntry.objects.filter(awaits=key_of(command))
        entries.update(outcome=outcome.status.value, finished_at=now)


def connect() -> None:
    signals.command_finished.connect(late_answer, dispatch_uid="audit")
