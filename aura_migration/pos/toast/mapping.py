"""A Toast location's menu as canonical rows, from its snapshot alone: same snapshot, same rows.

The order of the parts matters: setup first (links need to know which taxes and stations exist), stock before items
(availability), items before options (options point at the items behind them). What is lost on the way is counted in
``fields.py`` and in the notes of the parts.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any
from weakref import WeakKeyDictionary

from aura_migration.archive.snapshot import SnapshotReader
from aura_migration.canonical.model import Batch
from aura_migration.pos.port import SourceLocation
from aura_migration.pos.toast import fields
from aura_migration.pos.toast.document import Document, guid_of, read
from aura_migration.pos.toast.items import Sizes, map_items, plain_size_links, plan_sizes
from aura_migration.pos.toast.job import Job
from aura_migration.pos.toast.menus import map_menus
from aura_migration.pos.toast.modifiers import map_groups, variation_groups
from aura_migration.pos.toast.paths import MENUS, TAX_WINDOW
from aura_migration.pos.toast.setup import map_restaurant, map_stations, map_stock, map_taxes, read_stock
from aura_migration.pos.toast.uses import Uses
from aura_migration.pos.toast.wire import DECODER

_counted: WeakKeyDictionary[SnapshotReader, dict[str, dict[str, int]]] = WeakKeyDictionary()
"""Counts per snapshot and location, kept while the snapshot is open: counting needs the mapping's sizes and rules."""


def map_menu(reader: SnapshotReader, location: SourceLocation) -> Batch:
    """The menu of one location. ``location.source_id`` is the restaurant's guid, its currency that of all amounts."""
    doc = read(menu_bodies(reader))
    job = Job(Batch(), location.source_id, location.currency, doc)
    for unread in doc.unread:
        job.reject(unread.entity, unread.key, unread.reason, f"menus#{unread.guid}" if unread.guid else "")
    for raw in records(reader, "restaurant"):
        map_restaurant(job, raw)
    if was_read(reader, "config"):
        job.taxes = map_taxes(job, records(reader, "config", TAX_WINDOW))
    if was_read(reader, "prep_stations"):
        job.stations = map_stations(job, records(reader, "prep_stations"))
    if was_read(reader, "stock"):
        stock = read_stock(job, records(reader, "stock"))
    else:
        stock = []
        if doc.items:
            job.notes.add("Stock", "status", "The stock was not read; everything is taken as available.", location.name)
    sizes = plan_sizes(job)
    map_menus(job)
    map_items(job, sizes)
    map_groups(job, sizes)
    map_stock(job, stock)
    for guid in doc.repeated:
        note = "The option is listed twice in one group; AuraConnect lists it once."
        job.notes.add("ModifierGroup", "modifierOptionReferences", note, guid)
    job.batch.losses.extend(job.notes.losses())
    job.batch.losses.extend(fields.losses(doc, lambda entity, window="": records(reader, entity, window)))
    stations = len({guid_of(raw) for raw in records(reader, "prep_stations")})
    _counted.setdefault(reader, {})[location.source_id] = _count(job, sizes, stations)
    return job.batch


def source_counts(reader: SnapshotReader, location: SourceLocation) -> Mapping[str, int]:
    """Records per counted entity, counted in the source's own lists; see README, "What is counted"."""
    if location.source_id not in _counted.get(reader, {}):
        map_menu(reader, location)
    return dict(_counted[reader][location.source_id])


def _count(job: Job, sizes: Mapping[str, Sizes], stations: int) -> dict[str, int]:
    """The counts: from the document where it has records of the kind, from the rows where a rule made them."""
    counts = raw_counts(job.doc)
    gone = variation_groups(job, sizes, Uses(job.doc, plain_size_links(sizes)))
    counts["modifier_groups"] -= len(gone)
    counts["modifiers"] -= sum(pair[0] in gone for pair in job.doc.pairs)
    counts["kitchen_stations"] = stations
    made = Counter(row.entity for row in job.batch.rows) + Counter(one.entity for one in job.batch.rejected)
    return counts | {entity: made[entity] for entity in ("variations", "price_rules", "stock")}


def raw_counts(doc: Document) -> dict[str, int]:
    """Distinct source keys per entity of the menus document, readable or not."""
    counts = {
        "menus": set(doc.menus),
        "categories": set(doc.categories),
        "items": set(doc.items),
        "modifier_groups": set(doc.group_refs),
        "modifiers": {"/".join(pair) for pair in doc.pairs},
        "pre_modifiers": {one.key for members in doc.pre_modifiers.values() for one, _ in members},
    }
    for unread in doc.unread:
        counts[unread.entity].add(unread.key)
    return {entity: len(keys) for entity, keys in counts.items()}


def menu_bodies(reader: SnapshotReader) -> Iterator[bytes]:
    """The menus document of the snapshot; none where nothing is published."""
    return (body.data for body in reader.bodies("menus") if body.path == MENUS)


def records(reader: SnapshotReader, entity: str, window: str = "") -> Iterator[Mapping[str, Any]]:
    """The raw records of a source entity (of one of its windows), in recorded order."""
    for body in reader.bodies(entity):
        if window and body.window != window:
            continue
        decoded = DECODER.decode(body.data)
        yield from (decoded if isinstance(decoded, list) else [decoded])


def was_read(reader: SnapshotReader, entity: str) -> bool:
    """Whether the entity was extracted; one left out or not permitted must not look like an empty list."""
    certificate = reader.certificate(entity)
    return certificate is not None and certificate.status != "not_extracted"
