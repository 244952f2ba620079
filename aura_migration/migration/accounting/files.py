"""The accountant's files: what the other modules find, as CSV with amounts in units of the currency."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import date
from pathlib import Path
from typing import Any

import psycopg

from aura_migration.core.errors import BadInput, EnvironmentFault
from aura_migration.core.money import show
from aura_migration.migration.accounting.accounts import load_accounts
from aura_migration.migration.accounting.adjustments import Adjustment, adjustments
from aura_migration.migration.accounting.crosswalk import Pair, crosswalk
from aura_migration.migration.accounting.journal import make_journal
from aura_migration.migration.accounting.tax_sheet import TaxRow, make_tax_sheet
from aura_migration.migration.records import Migration, get_migration
from aura_migration.migration.reports.csvs import write_csv
from aura_migration.migration.reports.sales.place import Place, require_place
from aura_migration.migration.reports.sales.working import Days
from aura_migration.migration.workshop import Workshop

JOURNAL = ("journal", "date", "account", "account name", "debit", "credit", "currency", "description", "location")
DIFFERENCES = ("date", "document", "POS id", "AuraConnect id", "number", "difference", "currency", "flags")
TAX = (
    "period", "kind", "name", "rate %", "tax inside price", "remitted by", "sales", "tax", "tax refunded", "tax due", "currency",
)  # fmt: skip
ADJUSTMENTS = (
    "loaded at", "cause", "document", "POS id", "AuraConnect id", "date before", "date now", "amount before", "amount now",
    "change", "currency",
)  # fmt: skip


def write_journal(
    workshop: Workshop,
    migration_id: int,
    folder: Path,
    accounts: Path | None,
    first: date | None,
    last: date | None,
    own: bool = False,
) -> dict[str, Any]:
    """``journal.csv`` and ``journal-differences.csv``; ``own``: only of what AuraConnect took itself.

    Returns ``{"migration_id", "folder", "currency", "days", "from", "to", "debits", "credits", "differences":
    {"documents", "amount"}, "files"}``; amounts in units of the currency, as text.
    """
    chosen = load_accounts(accounts)

    def work(connection: psycopg.Connection[Any], migration: Migration, place: Place) -> dict[str, Any]:
        journal = make_journal(connection, _days(place, first, last, own), chosen)
        money = _money(place)
        lines = (
            (
                f"{migration.location_key} {entry.day}", entry.day, entry.account, entry.name, money(entry.debit) if entry.debit else "",
                money(entry.credit) if entry.credit else "", place.currency,
                ": ".join(part for part in (entry.line.replace("_", " "), entry.detail) if part) + f" ({entry.memo})", place.name,
            )
            for entry in journal.entries
        )  # fmt: skip
        differences = (
            (d.day, d.document, d.source_id, d.aura_id, d.number, money(d.cents), place.currency, d.flags)
            for d in journal.differences
        )
        days = journal.days
        return {
            "days": len(days),
            "from": days[0].isoformat() if days else None,
            "to": days[-1].isoformat() if days else None,
            "debits": money(journal.total),
            "credits": money(sum(entry.credit for entry in journal.entries)),
            "differences": {
                "documents": len(journal.differences),
                "amount": money(sum(d.cents for d in journal.differences)),
            },
            "files": [
                _file(folder, "journal", JOURNAL, lines),
                _file(folder, "journal-differences", DIFFERENCES, differences),
            ],
        }

    return _written(workshop, migration_id, folder, work)


def write_tax_sheet(
    workshop: Workshop, migration_id: int, folder: Path, first: date | None, last: date | None
) -> dict[str, Any]:
    """``sales-tax-days.csv`` and ``sales-tax-months.csv``.

    Returns ``{"migration_id", "folder", "currency", "tax", "tax_refunded", "marketplace_tax", "files"}``.
    """

    def work(connection: psycopg.Connection[Any], _: Migration, place: Place) -> dict[str, Any]:
        sheet = make_tax_sheet(connection, _days(place, first, last))
        money = _money(place)
        own = [row for row in sheet.by_month if row.kind == "rate" and row.remitted_by == "restaurant"]
        others = [row for row in sheet.by_month if row.kind == "rate" and row.remitted_by != "restaurant"]
        return {
            "tax": money(sum(row.tax for row in own)),
            "tax_refunded": money(sum(row.refunded_tax for row in own)),
            "marketplace_tax": money(sum(row.due for row in others)),
            "files": [
                _file(folder, "sales-tax-days", TAX, _tax_rows(sheet.by_day, place)),
                _file(folder, "sales-tax-months", TAX, _tax_rows(sheet.by_month, place)),
            ],
        }

    return _written(workshop, migration_id, folder, work)


def write_adjustments(workshop: Workshop, migration_id: int, folder: Path, closed: date) -> dict[str, Any]:
    """``adjustments.csv``: what came to business dates up to ``closed`` after the first load.

    Returns ``{"migration_id", "folder", "currency", "closed", "change", "files"}``.
    """

    def work(connection: psycopg.Connection[Any], migration: Migration, place: Place) -> dict[str, Any]:
        money = _money(place)
        change = 0

        def rows(found: Iterable[Adjustment]) -> Iterator[Sequence[Any]]:
            nonlocal change
            for one in found:
                change += one.cents - one.cents_before
                yield (
                    one.loaded_at.isoformat(), one.cause, one.document, one.source_id, one.aura_id, one.day_before, one.day,
                    money(one.cents_before), money(one.cents), money(one.cents - one.cents_before), place.currency,
                )  # fmt: skip

        found = adjustments(connection, migration.location_key, place.location_id, closed)
        written = _file(folder, "adjustments", ADJUSTMENTS, rows(found))
        return {"closed": closed.isoformat(), "change": money(change), "files": [written]}

    return _written(workshop, migration_id, folder, work)


def write_crosswalk(workshop: Workshop, migration_id: int, folder: Path) -> dict[str, Any]:
    """``crosswalk.csv``: every record of the POS with its row of AuraConnect, streamed.

    Returns ``{"migration_id", "folder", "currency", "files"}``.
    """

    def work(connection: psycopg.Connection[Any], migration: Migration, place: Place) -> dict[str, Any]:
        pairs = crosswalk(connection, migration.integration_id, place.location_id)
        return {"files": [_file(folder, "crosswalk", [name.replace("_", " ") for name in Pair._fields], pairs)]}

    return _written(workshop, migration_id, folder, work)


def _written(
    workshop: Workshop,
    migration_id: int,
    folder: Path,
    work: Callable[[psycopg.Connection[Any], Migration, Place], dict[str, Any]],
) -> dict[str, Any]:
    with workshop.connect() as connection:
        migration = get_migration(connection, migration_id)
        place = require_place(connection, migration)
        try:
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            found = work(connection, migration, place)
        except OSError as error:
            raise EnvironmentFault(
                f"The files cannot be written to {folder}: {error.strerror or error}.",
                "Name another folder with --output.",
            ) from error
    return {"migration_id": migration_id, "folder": str(folder), "currency": place.currency, **found}


def _file(folder: Path, kind: str, headings: Sequence[str], rows: Iterable[Sequence[Any]]) -> dict[str, Any]:
    path = folder / f"{kind}.csv"
    _, total = write_csv(path, headings, rows)
    return {"kind": kind, "file": str(path), "rows": total}


def _days(place: Place, first: date | None, last: date | None, own: bool = False) -> Days:
    if first and last and first > last:
        raise BadInput(f"{first} is after {last}.", "Give the earlier date with --from.")
    return Days(place.restaurant_id, place.location_id, first, last, own)


def _money(place: Place) -> Callable[[int], str]:
    return lambda cents: show(cents, place.currency)


def _tax_rows(rows: Iterable[TaxRow], place: Place) -> Iterator[Sequence[Any]]:
    money = _money(place)
    for row in rows:
        rate = "" if row.rate_percent is None else f"{row.rate_percent.normalize():f}"
        inside = "" if row.in_price is None else "yes" if row.in_price else "no"
        amounts = (money(row.tax), money(row.refunded_tax), money(row.due)) if row.kind == "rate" else ("", "", "")
        yield (
            row.period,
            row.kind,
            row.name,
            rate,
            inside,
            row.remitted_by,
            money(row.sales),
            *amounts,
            place.currency,
        )
