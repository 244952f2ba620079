"""The files of the way back, below the data folder in ``reverse/<migration>/``: what somebody enters, imports or posts by hand.

    entries   what happened in AuraConnect, a row each, a file per kind and span of entries; the same entries make the same file
    import    the menu as AuraConnect has it, in the columns of the POS's own spreadsheet, where the POS takes one
    journal   what AuraConnect took, as balanced postings by day, where it does not get into the POS itself

``index.json`` says which there are and what is done with each. Amounts are units of the currency, instants ISO 8601. What has to
stand in the POS is noted in ``cutover/reverse_entries``; which way it goes is decided in ``way_back.py``.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from aura_migration.core.errors import BadInput, EnvironmentFault
from aura_migration.core.money import show
from aura_migration.cutover.reverse_entries import Entry
from aura_migration.database.connections import Connection
from aura_migration.migration.accounting.accounts import load_accounts
from aura_migration.migration.accounting.files import write_journal
from aura_migration.migration.accounting.journal import Journal, make_journal
from aura_migration.migration.integrations import get_location
from aura_migration.migration.records import Migration
from aura_migration.migration.reports.csvs import harmless, new_file
from aura_migration.migration.reports.sales.place import require_place
from aura_migration.migration.reports.sales.working import Days
from aura_migration.migration.window.import_files import import_files
from aura_migration.migration.workshop import Workshop
from aura_migration.pos.import_files import files_of

FOLDER = "reverse"
INDEX = "index.json"
ON_MENU: Final = ("menu", "stock")
"""Kinds of entries that an import file holds, as the menu it is made of does."""
OF_SALES: Final = ("order", "void", "refund")
"""Kinds of entries that a journal holds."""
HOW: Final[Mapping[str, str]] = {
    "order": "Orders taken in AuraConnect: enter those the POS must know (open tabs, pick-ups); the journal has them for accounting.",
    "void": "Orders cancelled in AuraConnect: cancel those that stand in the POS.",
    "refund": "Money given back in AuraConnect: enter what concerns a payment of the POS there.",
    "menu": "Changes of the menu: import the POS's file where there is one, else enter them by hand.",
    "stock": "Stock as AuraConnect counts it: import the POS's file where there is one, else set it by hand.",
    "customer": "Guests added or changed (which columns; no names): look each up in AuraConnect and enter it.",
    "liability": "Gift cards, points and accounts that moved: adjust each by the amount before the POS redeems again.",
    "journal": "For the accountant: what AuraConnect took, debits equal to credits by day. The POS's own reports do not have it.",
    "journal-differences": "Documents whose own figures do not add up, with what was posted to clearing for them.",
}
AMOUNTS = ("total_cents", "final_cents", "tax_cents", "tip_cents", "amount_cents", "balance_cents")
FACTS = (
    "number", "channel", "opened_at", "closed_at", "business_date", "order_key", "key", "label", "item_key", "quantity", "status",
)  # fmt: skip


def folder_of(workshop: Workshop, migration_id: int) -> Path:
    """Where they lie."""
    return Path(workshop.settings.data_dir) / FOLDER / str(migration_id)


def write_entries(workshop: Workshop, migration: Migration, entries: Sequence[Entry]) -> str:
    """Put entries of one kind into their file; answers its name below the data folder."""
    name = name_of(entries)
    with workshop.connect() as connection:
        currency = get_location(connection, migration.location_key).source.currency
    _write(workshop, migration.id, {name: as_csv(currency, entries)})
    return str(Path(FOLDER) / str(migration.id) / name)


def renew(workshop: Workshop, connection: Connection, migration: Migration, level: str) -> None:
    """Make what follows from the entries in this migration's files, whichever window noted them: import files, journal, index. Nothing
    is done while the index names all of those files, so that a process that died before it is made up for by the next."""
    rows = connection.execute(
        "SELECT file_name, kind FROM migration.reverse_entries WHERE starts_with(file_name, %s) "
        "GROUP BY file_name, kind ORDER BY min(id)",
        [f"{FOLDER}/{migration.id}/"],
    ).fetchall()
    if {Path(name).name for name, _ in rows} <= {one["name"] for one in _index(workshop, migration.id)}:
        return
    kinds = {kind for _, kind in rows}
    index = [{"name": Path(name).name, "kind": "entries", "how": HOW[kind]} for name, kind in rows]
    texts: dict[str, str] = {}
    if not kinds.isdisjoint(ON_MENU) and files_of(workshop.connector(migration.subject.pos)) is not None:
        for file in import_files(connection, migration.id):
            texts[file.name] = file.text
            index.append({"name": file.name, "kind": "import", "how": file.how})
    if level != "A" and not kinds.isdisjoint(OF_SALES):
        made = write_journal(workshop, migration.id, folder_of(workshop, migration.id), None, None, None, own=True)
        for one in made["files"]:
            index.append({"name": Path(one["file"]).name, "kind": "journal", "how": HOW[one["kind"]]})
    _write(workshop, migration.id, {**texts, INDEX: json.dumps(index, ensure_ascii=False, indent=1)})


def listed(workshop: Workshop, migration_id: int) -> list[dict[str, Any]]:
    """The files there are, JSON-ready: ``{"name", "kind", "how", "bytes", "written_at"}``, kinds as this module says."""
    folder = folder_of(workshop, migration_id)
    found = []
    for one in _index(workshop, migration_id):
        try:
            known = (folder / one["name"]).stat()
        except FileNotFoundError:
            continue  # taken away by hand; it is made again with what is filed next
        at = datetime.fromtimestamp(known.st_mtime, UTC).isoformat(timespec="seconds")
        found.append({**one, "bytes": known.st_size, "written_at": at})
    return found


def _index(workshop: Workshop, migration_id: int) -> list[dict[str, str]]:
    """What the index has; nothing before the first entry was filed."""
    try:
        text = (folder_of(workshop, migration_id) / INDEX).read_text(encoding="utf-8")
    except FileNotFoundError:
        return []
    found: list[dict[str, str]] = json.loads(text)
    return found


def read(workshop: Workshop, migration_id: int, name: str) -> bytes:
    """A file by its name; ``BadInput`` for one that the index does not have."""
    if all(one["name"] != name for one in _index(workshop, migration_id)):
        raise BadInput(
            f"The way back of migration {migration_id} has no file {name}.",
            f"`aura-migration cutover files {migration_id}` lists those there are.",
        )
    return (folder_of(workshop, migration_id) / name).read_bytes()


# -- entries as rows ------------------------------------------------------------------------------------------------------


def name_of(entries: Sequence[Entry]) -> str:
    """The name of the file of these entries, which are of one kind."""
    return f"{entries[0].kind}-{entries[0].id:08d}-{entries[-1].id:08d}.csv"


def as_csv(currency: str, entries: Sequence[Entry]) -> str:
    """Entries as rows: what people look at in columns, the whole content as JSON in the last one."""
    out = io.StringIO()
    writer = csv.writer(out)
    names = (amount.removesuffix("_cents") for amount in AMOUNTS)
    writer.writerow(["entry", "kind", "AuraConnect id", "POS id", *FACTS, *names, "currency", "content"])
    for entry in entries:
        told = entry.content
        writer.writerow(
            [
                entry.key,
                entry.kind,
                entry.aura_id,
                entry.pos_key or "",
                *("" if told.get(name) is None else harmless(str(told[name])) for name in FACTS),
                *(show(told[name], currency) if isinstance(told.get(name), int) else "" for name in AMOUNTS),
                currency,
                json.dumps(told, ensure_ascii=False, sort_keys=True),
            ]
        )
    return out.getvalue()


def readable(entries: Sequence[Entry]) -> set[str]:
    """The keys of the entries that can be read back from the file they would be in, value by value."""
    if not entries:
        return set()
    rows = list(csv.DictReader(io.StringIO(as_csv("USD", entries))))
    return {
        entry.key
        for entry, row in zip(entries, rows, strict=True)
        if row["entry"] == entry.key and json.loads(row["content"]) == entry.content
    }


def _write(workshop: Workshop, migration_id: int, texts: Mapping[str, str]) -> None:
    folder = folder_of(workshop, migration_id)
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        for name, text in texts.items():
            with new_file(folder / name) as file:
                file.write(text)
    except OSError as error:
        raise EnvironmentFault(
            f"{folder} cannot be written: {error.strerror}.", "Make room, or give the folder to whoever runs this."
        ) from error


# -- the rehearsal --------------------------------------------------------------------------------------------------------

Problems = list[str]


def try_import_files(connection: Connection, migration: Migration, entries: Sequence[Entry]) -> Problems:
    """Make the POS's files of the menu as it stands within this transaction; answers which changed prices are not in them."""
    rows = [row for file in import_files(connection, migration.id) for row in csv.reader(io.StringIO(file.text))]
    currency = get_location(connection, migration.location_key).source.currency
    problems = []
    for entry in entries:
        key, price = entry.content.get("key"), entry.content.get("changed", {}).get("price_cents")
        if entry.aura_table not in ("menu_items", "menu_item_variations") or not key or not isinstance(price, int):
            continue
        wanted = show(price, currency)
        cells = {str(key), str(key).rsplit("/", 1)[-1]}
        if not any(wanted in row and not cells.isdisjoint(row) for row in rows):
            problems.append(f"{entry.content.get('label') or key} at {wanted} is not in the import files")
    return problems


def try_journal(connection: Connection, migration: Migration) -> Callable[[Sequence[Entry]], Problems]:
    """Post the days within this transaction before and after a rehearsal; what is returned answers what the journal lacks of its
    entries. Raises ``VerdictFailed`` where a day does not balance."""
    place = require_place(connection, migration)
    days = Days(place.restaurant_id, place.location_id, own=True)
    accounts = load_accounts(None)
    before = make_journal(connection, days, accounts)

    def lacking(entries: Sequence[Entry]) -> Problems:
        after = make_journal(connection, days, accounts)
        sold = sum(
            e.content["total_cents"] for e in entries if e.kind == "order" and e.content["status"] == "completed"
        )
        given = sum(
            e.content["amount_cents"] for e in entries if e.kind == "refund" and e.content["status"] == "completed"
        )
        posted = after.balance("open_checks", memo="checks") - before.balance("open_checks", memo="checks")
        returned = _refunded(after) - _refunded(before)
        problems = []
        if posted != sold:
            problems.append(f"the journal has checks of {posted} minor units, the entries {sold}")
        if returned < given:
            problems.append(f"the journal has refunds of {returned} minor units, the entries {given}")
        return problems

    return lacking


def _refunded(journal: Journal) -> int:
    return sum(entry.credit for entry in journal.entries if entry.memo == "refunds")
