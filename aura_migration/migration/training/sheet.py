"""The sheet "what moved where": one page for whoever stands at the till, readable in five minutes, without anybody's name on it."""

from __future__ import annotations

import hashlib
from collections import Counter
from dataclasses import asdict, dataclass, replace
from html import escape
from pathlib import Path
from typing import Any

from aura_migration.core.errors import Refused
from aura_migration.core.ids import canonical_json
from aura_migration.core.money import show
from aura_migration.database.connections import Connection
from aura_migration.migration.records import get_migration, loaded_plan
from aura_migration.migration.training.differences import KINDS, Difference, best_sellers, differences
from aura_migration.migration.workshop import Workshop

SINCE_DAYS = 90
"""Sales of so many days decide what sells best."""
BEST_SELLERS = 12
SIZES_SHOWN = 4
READING_WORDS_A_MINUTE = 180
"""Of a sheet full of names; running text reads faster."""
MINUTES = 5.0
HEADINGS = {
    "missing": "Not there any more",
    "renamed": "Has another name",
    "moved": "Stands in another category",
    "regrouped": "Asks other questions",
    "repriced": "Has another price",
    "unavailable": "Is there, but cannot be sold now",
}


@dataclass(frozen=True)
class Sheet:
    """What staff reads. ``changes`` has the lines that fit into five minutes, ``totals`` how many there are of each kind."""

    migration_id: int
    restaurant: str
    location: str
    pos: str
    currency: str
    words: tuple[tuple[str, str], ...]
    """What the POS calls a thing, and what AuraConnect calls it."""
    best_sellers: tuple[dict[str, Any], ...]
    changes: tuple[Difference, ...]
    totals: dict[str, int]
    by_hand: tuple[str, ...]
    """Discounts that are given by hand."""
    tenders: tuple[str, ...]
    order_types: tuple[str, ...]

    @property
    def hash(self) -> str:
        """Names this content: a training is of one sheet."""
        return hashlib.sha256(canonical_json(asdict(self))).hexdigest()[:16]

    @property
    def minutes(self) -> float:
        """How long it takes to read."""
        return len(" ".join(_lines(self)).split()) / READING_WORDS_A_MINUTE

    def as_dict(self) -> dict[str, Any]:
        """Ready for JSON."""
        return {
            **asdict(self),
            "hash": self.hash,
            "minutes_to_read": round(self.minutes, 1),
            "text": list(_lines(self)),
        }


def make_sheet(workshop: Workshop, connection: Connection, migration_id: int) -> Sheet:
    """The sheet of what is loaded. ``Refused`` while nothing is."""
    migration = get_migration(connection, migration_id)
    plan = loaded_plan(connection, migration_id)
    if plan is None:
        raise Refused(
            f"Migration {migration_id} is {migration.state}; nothing of it is loaded that staff could learn.",
            f"`aura-migration status {migration_id}` shows what can be done next.",
        )
    row = connection.execute(
        "SELECT r.name, l.name, r.currency FROM aura.restaurants r, migration.locations l WHERE r.id = %s AND l.key = %s",
        [migration.restaurant_id, migration.location_key],
    ).fetchone()
    assert row is not None
    found = list(differences(connection, migration_id, plan["id"], SINCE_DAYS))
    connector = workshop.connector(migration.subject.pos)
    sheet = Sheet(
        migration_id,
        restaurant=row[0],
        location=row[1],
        pos=connector.title,
        currency=row[2],
        words=tuple(getattr(connector, "words", {}).items()),
        best_sellers=tuple(
            {name: one[name] for name in ("name", "category", "price_cents", "sizes")}
            for one in best_sellers(connection, migration_id, SINCE_DAYS, BEST_SELLERS)
        ),
        changes=(),
        totals=dict(Counter(one.kind for one in found)),
        by_hand=_names(connection, migration_id, "pricing_rules", "NOT is_automatic"),
        tenders=_names(connection, migration_id, "tender_types", "is_active"),
        order_types=_names(connection, migration_id, "order_types", "is_active"),
    )
    return _that_fits(sheet, found)


def _that_fits(sheet: Sheet, found: list[Difference]) -> Sheet:
    """As many of each kind as fit into the time, taken in turn, best sellers first."""
    by_kind = {kind: [one for one in found if one.kind == kind] for kind in KINDS}
    chosen: list[Difference] = []
    for position in range(max((len(each) for each in by_kind.values()), default=0)):
        for kind in KINDS:
            if position < len(by_kind[kind]):
                longer = _with(sheet, [*chosen, by_kind[kind][position]])
                if longer.minutes > MINUTES:
                    return _with(sheet, chosen)
                chosen.append(by_kind[kind][position])
    return _with(sheet, chosen)


def _with(sheet: Sheet, chosen: list[Difference]) -> Sheet:
    order = {kind: position for position, kind in enumerate(KINDS)}
    ranked = sorted(chosen, key=lambda one: (order[one.kind], -one.sold, one.what))
    return replace(sheet, changes=tuple(ranked))


def _names(connection: Connection, migration_id: int, table: str, condition: str) -> tuple[str, ...]:
    rows = connection.execute(
        f"SELECT DISTINCT t.name FROM aura.{table} t JOIN migration.claims c ON c.aura_table = '{table}' AND c.aura_id = t.id "
        f"WHERE c.migration_id = %s AND t.deleted_at IS NULL AND {condition} ORDER BY 1 LIMIT 20",
        [migration_id],
    ).fetchall()
    return tuple(name for (name,) in rows)


def price(cents: int | None, currency: str) -> str:
    """A price as it stands on the sheet; an open one is entered."""
    return "entered at the till" if cents is None else f"{show(cents, currency)} {currency}"


def prices(item: dict[str, Any], currency: str) -> str:
    """The price of an item, or of each of its sizes."""
    sizes = item["sizes"] or []
    if not sizes:
        return price(item["price_cents"], currency)
    shown = [f"{name} {'entered' if cents is None else show(cents, currency)}" for name, cents in sizes[:SIZES_SHOWN]]
    return f"{', '.join(shown)}{', …' if len(sizes) > SIZES_SHOWN else ''} {currency}"


def told(one: Difference, currency: str) -> str:
    """A difference as a line to read."""
    if one.kind == "repriced":
        was, now = (None if cents == "None" else int(cents) for cents in (one.was, one.now))
        return f"{one.what}: {price(was, currency)} → {price(now, currency)}"
    if one.kind == "missing":
        return f"{one.what} ({one.was}): {one.now}"
    if one.kind == "unavailable":
        return f"{one.what}: {one.now}"
    return f"{one.what}: {one.was} → {one.now}"


def _lines(sheet: Sheet) -> list[str]:
    """The sheet as lines of plain text."""
    lines = [f"What moved where: {sheet.restaurant}, {sheet.location}. From {sheet.pos} to AuraConnect."]
    lines += [f"{was} is called {now}." for was, now in sheet.words]
    if not sheet.totals:
        lines.append("Every item has the name, the category, the questions and the price it had.")
    for kind in KINDS:
        of_kind = [one for one in sheet.changes if one.kind == kind]
        if of_kind:
            lines.append(f"{HEADINGS[kind]} ({sheet.totals[kind]})")
            lines += [told(one, sheet.currency) for one in of_kind]
    lines.append("What sells best")
    lines += [
        f"{one['name']}: {one['category'] or 'no category'}, {prices(one, sheet.currency)}"
        for one in sheet.best_sellers
    ]
    for heading, names in (
        ("Discounts given by hand", sheet.by_hand),
        ("Ways to pay", sheet.tenders),
        ("Kinds of order", sheet.order_types),
    ):
        if names:
            lines.append(f"{heading}: {', '.join(names)}")
    return lines


_STYLE = """
body { font: 15px/1.45 system-ui, sans-serif; margin: 1.5rem auto; max-width: 46rem; padding: 0 1rem; color: #1c2530; background: #fff; }
h1 { font-size: 1.35rem; margin-bottom: .2rem; } h2 { font-size: 1.05rem; margin: 1.3rem 0 .3rem; } .note { color: #55606e; }
table { border-collapse: collapse; width: 100%; } td, th { text-align: left; padding: .2rem .5rem; border-bottom: 1px solid #d9dee5; }
@media print { body { font-size: 11px; margin: 0; } h2 { break-after: avoid; } }
"""


def page(sheet: Sheet) -> str:
    """The sheet as an HTML page that asks nobody for anything and prints on paper."""
    parts = []
    if sheet.words:
        rows = "".join(f"<tr><td>{escape(was)}</td><td>{escape(now)}</td></tr>" for was, now in sheet.words)
        parts.append(
            f"<h2>Other words</h2><table><tr><th>{escape(sheet.pos)}</th><th>AuraConnect</th></tr>{rows}</table>"
        )
    if not sheet.totals:
        parts.append("<p>Every item has the name, the category, the questions and the price it had.</p>")
    for kind in KINDS:
        of_kind = [one for one in sheet.changes if one.kind == kind]
        if of_kind:
            more = sheet.totals[kind] - len(of_kind)
            lines = "".join(f"<li>{escape(told(one, sheet.currency))}</li>" for one in of_kind)
            rest = f'<p class="note">… and {more} more that sell less.</p>' if more else ""
            parts.append(f"<h2>{HEADINGS[kind]} ({sheet.totals[kind]})</h2><ul>{lines}</ul>{rest}")
    rows = "".join(
        f"<tr><td>{escape(one['name'])}</td><td>{escape(one['category'] or '–')}</td>"
        f"<td>{escape(prices(one, sheet.currency))}</td></tr>"
        for one in sheet.best_sellers
    )
    parts.append(
        f"<h2>What sells best, and where it stands</h2><table><tr><th>Item</th><th>Category</th><th>Price</th></tr>{rows}</table>"
    )
    for heading, names in (
        ("Discounts given by hand", sheet.by_hand),
        ("Ways to pay", sheet.tenders),
        ("Kinds of order", sheet.order_types),
    ):
        if names:
            parts.append(f"<h2>{heading}</h2><p>{escape(', '.join(names))}</p>")
    title = f"What moved where: {sheet.restaurant}, {sheet.location}"
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)}</title><style>{_STYLE}</style></head><body><h1>{escape(title)}</h1>"
        f'<p class="note">From {escape(sheet.pos)} to AuraConnect · {max(1, round(sheet.minutes))} minutes to read · sheet {sheet.hash}</p>'
        f"{''.join(parts)}</body></html>\n"
    )


def write_sheet(workshop: Workshop, migration_id: int, folder: Path | None = None) -> tuple[Sheet, Path]:
    """Write the page into a folder (the migration's reports unless named); the sheet and where its page lies."""
    from aura_migration.migration.reports.csvs import new_file
    from aura_migration.migration.reports.files import FOLDER

    with workshop.connect() as connection:
        sheet = make_sheet(workshop, connection, migration_id)
    into = folder or workshop.settings.data_dir / FOLDER / f"migration-{migration_id}"
    into.mkdir(parents=True, exist_ok=True, mode=0o700)
    path = into / "what-moved-where.html"
    with new_file(path) as file:
        file.write(page(sheet))
    return sheet, path
