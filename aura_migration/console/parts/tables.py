"""Tables that are read rather than worked on, facts as pairs, and how numbers and money are written in them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from html import escape
from typing import Any

from nicegui import ui

from aura_migration.console.session import PREFIX
from aura_migration.core.money import show


@dataclass(frozen=True)
class Cell:
    """A cell: text (escaped when drawn), or HTML of our own making."""

    text: str = ""
    html: str | None = None
    is_number: bool = False

    @property
    def drawn(self) -> str:
        """As HTML."""
        return self.html if self.html is not None else escape(self.text)


def raw(html: str) -> Cell:
    """A cell of our own HTML: chips and links."""
    return Cell(html=html)


def link(text: str, path: str) -> Cell:
    """A cell that leads to a page of the console."""
    return raw(link_html(text, path))


def link_html(text: str, path: str) -> str:
    """A link to a page of the console as HTML."""
    return f'<a href="{escape(PREFIX + path)}">{escape(text)}</a>'


def outside_html(text: str, address: str) -> str:
    """A link to another program (Dagster), in a tab of its own."""
    return f'<a href="{escape(address)}" target="_blank" rel="noopener noreferrer">{escape(text)} ↗</a>'


def number(value: float | int | None) -> str:
    """1,234; a dash where nothing was counted."""
    return "–" if value is None else f"{value:,}"


def money(minor: int | None, currency: str) -> str:
    """``1,234.50 USD`` from minor units; a dash where there is none."""
    return "–" if minor is None else f"{Decimal(show(minor, currency)):,} {currency}"


def money_cell(minor: int | None, currency: str) -> Cell:
    """Money as a cell, to the right."""
    return Cell(money(minor, currency), is_number=True)


def cell(value: Any) -> Cell:
    """A value as it stands in a table."""
    if isinstance(value, Cell):
        return value
    if isinstance(value, bool):
        return Cell("yes" if value else "no")
    if isinstance(value, int | float):
        return Cell(number(value), is_number=True)
    if value is None:
        return Cell("–")
    if isinstance(value, list | tuple):
        return Cell(", ".join(str(v) for v in value))
    return Cell(str(value))


def table(headings: Sequence[str], rows: Iterable[Sequence[Any]], *, caption: str = "", fit: bool = False) -> ui.html:
    """A table; numbers stand to the right under headings that do. Scrolls by itself where the page is narrow.

    ``fit``: for few columns, which read better close to each other.
    """
    drawn = [[cell(value) for value in row] for row in rows]
    numeric = [bool(drawn) and all(r[i].is_number or r[i].text == "–" for r in drawn) for i in range(len(headings))]
    head = "".join(
        f'<th scope="col"{" class=n" if n else ""}>{escape(h)}</th>' for h, n in zip(headings, numeric, strict=True)
    )
    body = "".join("<tr>" + "".join(_td(c, n) for c, n in zip(row, numeric, strict=True)) + "</tr>" for row in drawn)
    title = f"<caption>{escape(caption)}</caption>" if caption else ""
    html = f'<table class="plain">{title}<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>'
    return (
        ui.html(html, sanitize=False)
        .classes("scroll fit" if fit else "scroll")
        .props('tabindex=0 role=region aria-label="Table"')
    )


def _td(value: Cell, is_number: bool) -> str:
    kind = " class='n zero'" if is_number and value.text in ("0", "–") else " class='n'" if is_number else ""
    return f"<td{kind}>{value.drawn}</td>"


def facts(pairs: Iterable[tuple[str, Any]]) -> ui.html:
    """Pairs of name and value."""
    html = "".join(f"<dt>{escape(name)}</dt><dd>{cell(value).drawn}</dd>" for name, value in pairs)
    return ui.html(html, sanitize=False, tag="dl").classes("facts")
