"""What travels from a mapping to staging: one POS object with all its rows, or the reason why it has none.

Also the port of a mapping of history. What a POS's object means is the mapping's business.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

from aura_migration.archive.snapshot import StoredBody
from aura_migration.canonical.history.rows import HistoryRow


@dataclass(slots=True)
class Document:
    """One POS object. ``rows`` begins with the row of the root; rows of one table stand in the order of the POS.

    ``version`` orders what was read of the same object at different times, as text: the greatest counts, of equal ones
    the one read last. ``fault`` (then there are no rows) sends the object to quarantine: why it cannot become rows.
    ``gone``: the POS answered that the object is deleted; what was loaded of it is marked, never deleted.
    """

    kind: str
    key: str
    version: str
    rows: list[HistoryRow]
    fault: str = ""
    gone: bool = False


class HistoryMapper(Protocol):
    """A POS's history as documents, body by body. Pure: the same body gives the same documents, in the same order.

    Made once per process by :meth:`Connector.history_mapper`, which may read small lists (names of tenders, order types)
    out of the snapshot. Bodies are independent of each other: they are mapped in any order, in several processes.
    """

    entities: tuple[str, ...]
    """The source entities that are mapped; the others of the history are there for proof or as backup."""

    def documents(self, body: StoredBody) -> Iterable[Document]:
        """The documents of one recorded body."""
        ...
