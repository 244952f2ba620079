"""Fields of orders and money that a connector does not read: found by walking the keys of a bounded sample of the documents.

What a connector reads is declared by its wire structs; everything else that carries a value is a loss, told with counts and,
where it is money, with its sum. A POS's own words for its fields are in that POS's ``orders/unread.py``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec
from msgspec import inspect

from aura_migration.archive.snapshot import BodyRef, SnapshotReader, SnapshotStore
from aura_migration.canonical.losses import EACH_ELEMENT, KNOWN_HOME, MAPPED, count_losses
from aura_migration.canonical.model import Loss
from aura_migration.core.money import show

SAMPLE = 1_000
"""Documents of a kind that are looked at, in bodies spread over the whole history: a second or less, however long it is."""
DEEPEST = 4
"""So often a struct may stand inside itself (a modifier of a modifier …); what is deeper is taken for read."""


Money = Callable[[str, Any, str], int | None]
"""Minor units of a value at a path, in a currency; None where it is no amount of money."""


@dataclass(frozen=True)
class Documents:
    """Where the documents of one kind stand in the bodies of a source entity, and which of their fields have a home.

    ``records`` gives the raw documents of a decoded body; ``shape`` is the struct that reads them. ``notes`` say of a field (by
    its path, or by its name wherever it stands) what ``canonical.losses`` has: TECHNICAL, MAPPED, or why it is not carried over.
    """

    name: str
    entity: str
    records: Callable[[Any], Iterable[Any]]
    shape: type[Any]
    notes: Mapping[str, str] = field(default_factory=dict)
    ident: str = "id"

    def note(self, loss: Loss) -> str:
        """What is said of an undeclared field."""
        name = loss.field.rpartition(".")[2].removesuffix(EACH_ELEMENT)
        return self.notes.get(loss.field) or self.notes.get(name) or loss.note


@dataclass(frozen=True)
class HistoryFields:
    """What a connector declares: its kinds of documents, and what of them is money."""

    documents: tuple[Documents, ...]
    money: Money


@dataclass(frozen=True)
class Unread:
    """One field of documents without a home. ``records`` of the ``looked_at`` carry it; ``is_all``: there are no more."""

    source_entity: str
    field: str
    records: int
    looked_at: int
    is_all: bool
    note: str
    cents: int | None = None
    examples: tuple[str, ...] = ()

    def as_loss(self, currency: str) -> dict[str, Any]:
        """As a line of the loss report: with the ``sample`` it was found in, and ``money`` where it is money."""
        money = {} if self.cents is None else {"money": f"{show(self.cents, currency)} {currency}"}
        return {
            "source_entity": self.source_entity,
            "field": self.field,
            "records": self.records,
            "note": self.note,
            "examples": list(self.examples),
            "sample": {"looked_at": self.looked_at, "is_all": self.is_all},
            **money,
        }


def declared(shape: type[Any]) -> dict[str, str]:
    """Dotted paths of everything a struct reads, as carried over."""
    found: dict[str, str] = {}
    _declare(inspect.type_info(shape), "", {}, found)
    return found


def unread(reader: SnapshotReader, fields: HistoryFields, currency: str, sample: int = SAMPLE) -> list[Unread]:
    """All fields without a home, in the order of kinds and fields. The same exports give the same answer."""
    found: list[Unread] = []
    for kind in fields.documents:
        records = list(_records(kind, _bodies(reader, kind.entity), sample))
        found += unread_of(kind, records, fields.money, currency, is_all=len(records) < sample)
    return found


def unread_of(
    kind: Documents, records: Iterable[Mapping[str, Any]], money: Money, currency: str, *, is_all: bool = True
) -> list[Unread]:
    """The fields of these documents of a kind without a home; of amounts only those that are not nothing."""
    found: list[Unread] = []
    different = {str(one.get(kind.ident)): one for one in records}
    for loss in count_losses(different.values(), kind.name, declared(kind.shape), lambda one: str(one.get(kind.ident))):
        note = kind.note(loss)
        if note in KNOWN_HOME:
            continue
        number, total = loss.records, None
        told = [[money(loss.field, v, currency) for v in _values(one, loss.field)] for one in different.values()]
        amounts = [[cents for cents in of_one if cents is not None] for of_one in told]
        if any(amounts):
            number, total = sum(any(of_one) for of_one in amounts), sum(map(sum, amounts))
        if number:
            found.append(Unread(kind.name, loss.field, number, len(different), is_all, note, total, loss.examples))
    return found


def _bodies(reader: SnapshotReader, entity: str) -> list[list[tuple[str, BodyRef]]]:
    """The bodies of an entity that hold anything, by export. What a later export read again does not move the sample."""
    seen: set[str] = set()
    found: list[list[tuple[str, BodyRef]]] = []
    for snapshot, manifest in zip(reader.snapshots, reader.manifests, strict=True):
        fresh = [ref for ref in manifest.bodies.get(entity, ()) if ref.rows and ref.sha256 not in seen]
        seen.update(ref.sha256 for ref in fresh)
        found.append([(snapshot.url, ref) for ref in fresh])
    return found


def _records(kind: Documents, snapshots: list[list[tuple[str, BodyRef]]], sample: int) -> Iterator[Mapping[str, Any]]:
    """Documents out of bodies that are spread evenly over the first export, then over the later ones."""
    stores: dict[str, SnapshotStore] = {}
    taken = 0
    for bodies in snapshots:
        for place in _spread(len(bodies)):
            if taken >= sample:
                return
            url, ref = bodies[place]
            store = stores.get(url) or stores.setdefault(url, SnapshotStore(url))
            try:
                body = msgspec.json.decode(store.get(ref.sha256))
            except msgspec.DecodeError:
                continue  # what cannot be read at all is told by quarantine
            for record in kind.records(body):
                if isinstance(record, Mapping) and taken < sample:
                    taken += 1
                    yield record


def _spread(number: int) -> Iterator[int]:
    """All places, those far from each other first: the ends, the middle, the quarters, …"""
    seen: set[int] = set()
    step = max(number - 1, 1)
    while number and len(seen) < number:
        for place in (*range(0, number, step), number - 1):
            if place not in seen:
                seen.add(place)
                yield place
        step = max(step // 2, 1)


def _values(value: Any, path: str) -> Iterator[Any]:
    """The values at a dotted path of one record."""
    head, _, rest = path.partition(".")
    is_list = head.endswith(EACH_ELEMENT)
    inner = value.get(head.removesuffix(EACH_ELEMENT)) if isinstance(value, Mapping) else None
    for one in (inner or ()) if is_list and isinstance(inner, list) else () if is_list else (inner,):
        if rest:
            yield from _values(one, rest)
        elif one is not None:
            yield one


def _declare(info: Any, path: str, depths: dict[type[Any], int], found: dict[str, str]) -> None:
    if isinstance(info, inspect.StructType):
        depth = depths.get(info.cls, 0)
        if depth >= DEEPEST:
            found[path] = MAPPED
            return
        for one in info.fields:
            _declare(
                one.type,
                f"{path}.{one.encode_name}" if path else one.encode_name,
                {**depths, info.cls: depth + 1},
                found,
            )
    elif isinstance(info, inspect.ListType):
        _declare(info.item_type, path + EACH_ELEMENT, depths, found)
    elif isinstance(info, inspect.UnionType):
        for possible in info.types:
            if not isinstance(possible, inspect.NoneType):
                _declare(possible, path, depths, found)
    else:
        found[path] = MAPPED
