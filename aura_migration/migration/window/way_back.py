"""Where entries of the way back go: the POS's API, files for somebody to import, the accountant's journal.

What has to go there is noted in ``cutover/reverse_entries``. Files lie below the data folder, ``reverse/<migration>/``, a file per
kind and span of entries; the same entries make the same file. Amounts in them are units of the currency, instants ISO 8601.
"""

from __future__ import annotations

import asyncio
import csv
import io
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from aura_migration.core.errors import EnvironmentFault, Refused
from aura_migration.core.money import show
from aura_migration.cutover.reverse_entries import Entry, Settled, Written, file_entries, settle_entries
from aura_migration.cutover.reversing import Trial
from aura_migration.database.connections import Connection
from aura_migration.migration.integrations import get_integration, get_location
from aura_migration.migration.records import Migration, get_migration, latest_report
from aura_migration.migration.window.writing_back import WRITTEN, write_back
from aura_migration.migration.workshop import Workshop
from aura_migration.pos.http.errors import PermissionMissing

FOLDER = "reverse"
SHOWN = 20
KINDS = ("order", "void", "refund", "menu", "stock", "customer", "liability")


def level_of(workshop: Workshop, connection: Connection, migration_id: int) -> str:
    """How far back the POS lets this location go: A, B or C, as it was proven when the account was connected and tried."""
    migration = get_migration(connection, migration_id)
    report = latest_report(connection, migration.integration_id, migration.location_key, "preflight")
    if report is None:
        raise Refused(
            f"Which way back {migration.location_key} has was never asked.",
            f"`aura-migration preflight {migration.integration_id}` asks the POS.",
        )
    return str(report["reverse_level"]["level"])


def settle(workshop: Workshop, connection: Connection, migration_id: int) -> Settled:
    """Put everything that waits where the location's level puts it; answers what came of it."""
    migration = get_migration(connection, migration_id)
    level = level_of(workshop, connection, migration_id)
    done = Settled()
    if level == "A":
        written = settle_entries(connection, migration_id, lambda entry: _written(workshop, migration, entry))
        done.counts.update(written.counts)
        done.problems += written.problems
        done.waiting = written.waiting
        return done
    for kind in KINDS:
        filed = file_entries(connection, migration_id, lambda entries: _filed(workshop, migration, entries), (kind,))
        done.counts.update(filed.counts)
        done.problems += filed.problems
        done.waiting = filed.waiting
    return done


def try_out(workshop: Workshop, migration: Migration, level: str, entries: Sequence[Entry]) -> Trial:
    """Put entries where the level puts them and take them away again; says which of them got there."""
    if level == "A":
        proven: set[str] = set()
        filed: list[str] = []
        for entry in entries:
            if entry.kind not in WRITTEN:
                proven |= _readable(migration, [entry])
                continue
            try:
                asyncio.run(write_back(workshop, migration, entry, takes_back=True))
                proven.add(entry.key)
            except (Refused, PermissionMissing) as refused:  # such an entry would be filed: then that is what is tried
                filed.append(f"{entry.kind}: {refused.what}")
                proven |= _readable(migration, [entry])
        return Trial(frozenset(proven), (), {"level": level, "filed": filed[:SHOWN], "filed_entries": len(filed)})
    proven = set()
    for kind in KINDS:
        proven |= _readable(migration, [entry for entry in entries if entry.kind == kind])
    return Trial(frozenset(proven), (), {"level": level, "files": sorted({_name([e]) for e in entries})})


def _written(workshop: Workshop, migration: Migration, entry: Entry) -> Written:
    """By the API where that can take it; what no API takes is filed."""
    if entry.kind in WRITTEN:
        try:
            return Written(pos_key=asyncio.run(write_back(workshop, migration, entry)))
        except (Refused, PermissionMissing) as refused:
            return Written(file_name=_filed(workshop, migration, [entry]), why=str(refused))
    return Written(file_name=_filed(workshop, migration, [entry]))


def _filed(workshop: Workshop, migration: Migration, entries: Sequence[Entry]) -> str:
    folder = Path(workshop.settings.data_dir) / FOLDER / str(migration.id)
    name = _name(entries)
    text = _csv(_currency(workshop, migration), entries)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / name
        fresh = path.with_suffix(".new")
        fresh.write_text(text, encoding="utf-8")
        fresh.replace(path)
    except OSError as error:
        raise EnvironmentFault(
            f"{folder} cannot be written: {error.strerror}.", "Make room, or give the folder to whoever runs this."
        ) from error
    return str(Path(FOLDER) / str(migration.id) / name)


def _readable(migration: Migration, entries: Sequence[Entry]) -> set[str]:
    """The keys of the entries that can be read back from the file they would be in, value by value."""
    if not entries:
        return set()
    rows = list(csv.DictReader(io.StringIO(_csv("USD", entries))))
    return {
        entry.key
        for entry, row in zip(entries, rows, strict=True)
        if row["entry"] == entry.key and json.loads(row["content"]) == entry.content
    }


def _name(entries: Sequence[Entry]) -> str:
    return f"{entries[0].kind}-{entries[0].id:08d}-{entries[-1].id:08d}.csv"


AMOUNTS = ("total_cents", "final_cents", "tax_cents", "tip_cents", "amount_cents", "balance_cents")
FACTS = (
    "number",
    "channel",
    "opened_at",
    "closed_at",
    "business_date",
    "order_key",
    "key",
    "label",
    "item_key",
    "quantity",
    "status",
)


def _csv(currency: str, entries: Sequence[Entry]) -> str:
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(
        [
            "entry",
            "kind",
            "AuraConnect id",
            "POS id",
            *FACTS,
            *(a.removesuffix("_cents") for a in AMOUNTS),
            "currency",
            "content",
        ]
    )
    for entry in entries:
        told = entry.content
        writer.writerow(
            [
                entry.key,
                entry.kind,
                entry.aura_id,
                entry.pos_key or "",
                *(_cell(told.get(name)) for name in FACTS),
                *(show(told[name], currency) if isinstance(told.get(name), int) else "" for name in AMOUNTS),
                currency,
                json.dumps(told, ensure_ascii=False, sort_keys=True),
            ]
        )
    return out.getvalue()


def _cell(value: Any) -> str:
    text = "" if value is None else str(value)
    # A spreadsheet takes what begins so for a formula.
    return (
        f"'{text}"
        if text[:1] in ("=", "+", "-", "@", "\t", "\r") and not text.lstrip("-").replace(".", "").isdigit()
        else text
    )


def _currency(workshop: Workshop, migration: Migration) -> str:
    with workshop.connect() as connection:
        get_integration(connection, migration.integration_id)
        return get_location(connection, migration.location_key).source.currency
