"""Canonical rows of people in batches of bounded size, with what has no home counted on the way."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from aura_migration.canonical.losses import EXAMPLES, count_losses
from aura_migration.canonical.model import Batch, Loss
from aura_migration.pos.square.people.fields import DEFAULTS, KNOWN, NOTES

SIZE = 2_000


class Packs:
    """Rows in the making. ``full`` gives what is ready to go on, ``rest`` the last rows with all losses."""

    def __init__(self) -> None:
        self._batch = Batch()
        self._losses: dict[tuple[str, str], Loss] = {}

    def add(self, entity: str, key: str, raw: Mapping[str, Any] | None, record: str, **values: Any) -> None:
        """One row."""
        self._batch.add(entity, key, raw, record, **values)

    def reject(self, entity: str, key: str, reason: str, record: str, **values: Any) -> None:
        """One record to quarantine; the reason names fields and ids, never what somebody is called."""
        self._batch.reject(entity, key, reason, record, **values)

    def unreadable(self, entity: str, source: str, raw: Mapping[str, Any], why: str, number: int = 0) -> None:
        """A record of another shape than Square documents."""
        ident = raw.get("id")
        key = ident if isinstance(ident, str) and ident and "/" not in ident else f"record-{number}"
        reason = f"Square sent this record in a form that cannot be read: {why}."
        self.reject(entity, key, reason, f"{source}#{key}")

    def note(self, kind: str, reason: str, ident: str) -> None:
        """A record loses something for that reason (one of ``NOTES``)."""
        field, note = NOTES[(kind, reason)]
        self._count(Loss(kind, field, 1, note, (ident,)), f"{field} {reason}")

    def fields(self, kind: str, records: Iterable[Mapping[str, Any]], ident: str = "id") -> None:
        """Count the fields without a home of raw records of one kind."""
        named = count_losses(
            records, kind, KNOWN[kind], lambda record: str(record.get(ident, "")), defaults=DEFAULTS.get(kind)
        )
        for loss in named:
            self._count(loss, loss.field)

    def loss(self, loss: Loss) -> None:
        """A loss of its own."""
        self._count(loss, f"{loss.field} {loss.examples}")

    def full(self) -> Iterator[Batch]:
        """The batch, once it is large enough."""
        if len(self._batch.rows) + len(self._batch.rejected) >= SIZE:
            batch, self._batch = self._batch, Batch()
            yield batch

    def rest(self) -> Batch:
        """Everything left, and the losses in a fixed order."""
        batch, self._batch = self._batch, Batch()
        batch.losses.extend(self._losses[key] for key in sorted(self._losses))
        return batch

    def _count(self, loss: Loss, reason: str) -> None:
        held = self._losses.get((loss.source_entity, reason))
        if held is not None:
            examples = (*held.examples, *loss.examples)[:EXAMPLES]
            loss = Loss(loss.source_entity, loss.field, held.records + loss.records, loss.note, examples)
        self._losses[loss.source_entity, reason] = loss
