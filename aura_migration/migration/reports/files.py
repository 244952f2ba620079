"""A report as files: one CSV per section, and a page that holds them all and asks nobody for anything."""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Sequence
from datetime import UTC, datetime
from html import escape
from pathlib import Path
from typing import Any

from aura_migration.core.errors import BadInput, EnvironmentFault
from aura_migration.migration.integrations import get_integration
from aura_migration.migration.records import get_migration
from aura_migration.migration.reports.base import Section
from aura_migration.migration.reports.csvs import new_file, write_csv
from aura_migration.migration.reports.sections import KINDS, sections
from aura_migration.migration.workshop import Workshop

FOLDER = "reports"
PAGE = "index.html"
PAGE_ROWS = 200
"""Rows of a section on the page; its CSV has all."""
_NUMBER = re.compile(r"[-+]?[0-9][0-9.]*")
_STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 70rem; padding: 0 1rem; color: #1c2530; }
h1 { font-size: 1.5rem; } h2 { font-size: 1.15rem; margin-top: 2.2rem; }
table { border-collapse: collapse; width: 100%; font-size: .9rem; } .wide { overflow-x: auto; }
th, td { text-align: left; padding: .3rem .6rem; border-bottom: 1px solid #d9dee5; vertical-align: top; }
th { background: #f2f4f7; } td.number { text-align: right; font-variant-numeric: tabular-nums; }
img { max-width: 100%; height: auto; border-radius: 6px; } .note { color: #55606e; } nav a { margin-right: .9rem; }
@media (prefers-color-scheme: dark) {
  body { background: #14181d; color: #dde3ea; } th { background: #20262e; } th, td { border-color: #323a44; }
  .note { color: #9aa6b4; } a { color: #8ab4f8; } }
"""


def written(workshop: Workshop, migration_id: int) -> list[dict[str, Any]]:
    """The files of a migration's report that are there, the page first: ``{"kind", "file", "bytes", "written_at"}``."""
    folder = folder_of(workshop, migration_id)
    found = []
    for kind, name in (("page", PAGE), *((kind, f"{kind}.csv") for kind in KINDS)):
        try:
            known = (folder / name).stat()
        except OSError:
            continue  # not written, or of a release that had no such kind
        at = datetime.fromtimestamp(known.st_mtime, UTC)
        found.append({"kind": kind, "file": name, "bytes": known.st_size, "written_at": at})
    return found


def folder_of(workshop: Workshop, migration_id: int) -> Path:
    """Where a migration's report is written unless another folder is named."""
    return workshop.settings.data_dir / FOLDER / f"migration-{migration_id}"


def write_report(
    workshop: Workshop, migration_id: int, out: Path | None = None, kinds: Sequence[str] = ()
) -> dict[str, Any]:
    """Write the report of a migration into a folder (its own in the data folder unless named), replacing an earlier one.

    Returns ``{"migration_id", "folder", "page", "files": [{"kind", "file", "rows"}]}``. Files are readable by their owner only.
    """
    unknown = sorted(set(kinds) - set(KINDS))
    if unknown:
        raise BadInput(f"A report has no kind {', '.join(unknown)}.", f"Choose among {', '.join(KINDS)}.")
    folder = out or folder_of(workshop, migration_id)
    with workshop.connect() as connection:
        migration = get_migration(connection, migration_id)
        integration = get_integration(connection, migration.integration_id)
        row = connection.execute("SELECT name FROM migration.locations WHERE key = %s", [migration.location_key])
        (name,) = row.fetchone() or (migration.location_key,)
        title = f"Migration {migration.id}: {integration.merchant_name}, {name}"
        facts = f"{migration.location_key} · {migration.state} · {workshop.now():%Y-%m-%d %H:%M} UTC"
        parts: list[str] = []
        files: list[dict[str, Any]] = []
        try:
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            for section in sections(connection, migration, kinds):
                path = folder / f"{section.kind}.csv"
                shown, total = write_csv(path, section.headings, section.rows, PAGE_ROWS)
                files.append({"kind": section.kind, "file": str(path), "rows": total})
                parts.append(_part(section, shown, total))
            page = folder / PAGE
            with new_file(page) as file:
                file.write(_page(title, facts, files, parts))
        except OSError as error:
            raise EnvironmentFault(
                f"The report cannot be written to {folder}: {error.strerror or error}.",
                "Name another folder with --out.",
            ) from error
    return {"migration_id": migration_id, "folder": str(folder), "page": str(page), "files": files}


def _page(title: str, facts: str, files: Sequence[dict[str, Any]], parts: Sequence[str]) -> str:
    links = " ".join(f'<a href="#{one["kind"]}">{escape(one["kind"])}</a>' for one in files)
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)}</title><style>{_STYLE}</style></head><body>"
        f'<h1>{escape(title)}</h1><p class="note">{escape(facts)}</p><nav>{links}</nav>{"".join(parts)}</body></html>\n'
    )


def _part(section: Section, shown: Sequence[Sequence[str]], total: int) -> str:
    note = f'<p class="note">{escape(section.note)}</p>' if section.note else ""
    if section.pages is not None:
        link = section.pages.absolute().as_uri()
        note += f'<p class="note">Its pages: <a href="{escape(link)}">{escape(str(section.pages))}</a></p>'
    headings = section.headings
    if section.page is not None:
        headings, rows = section.page
        total, shown = len(rows), [["" if cell is None else str(cell) for cell in row] for row in rows[:PAGE_ROWS]]
    head = "".join(f"<th>{escape(heading)}</th>" for heading in headings)
    images = "".join(
        f'<p><img alt="{escape(text)}" src="data:image/png;base64,{b64encode(image).decode()}"></p>'
        for text, image in section.images.items()
    )
    body = "".join(f"<tr>{''.join(map(_cell, row))}</tr>" for row in shown)
    table = f'<div class="wide"><table><tr>{head}</tr>{body}</table></div>' if shown else "<p>None.</p>"
    more = f'<p class="note">The first {len(shown)} of {total}.</p>' if total > len(shown) else ""
    csv_link = f'<p class="note"><a href="{section.kind}.csv">{section.kind}.csv</a></p>'
    return f'<h2 id="{section.kind}">{escape(section.title)}</h2>{note}{images}{table}{more}{csv_link}'


def _cell(text: str) -> str:
    return f'<td class="number">{escape(text)}</td>' if _NUMBER.fullmatch(text) else f"<td>{escape(text)}</td>"
