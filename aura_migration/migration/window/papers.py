"""Papers of a window: one description, drawn as a page for a browser or a printer and as PDF.

A paper is plain data: a heading, the answer in one line, and blocks of facts, tables, sentences and bars. What it says is
decided where it is made (``checkin.py``, ``go_no_go.py``); here it gets its looks. Both forms need nothing from anywhere:
no script, no font, no picture is fetched. The same paper gives the same bytes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from html import escape
from typing import Literal

Tone = Literal["good", "bad", "wait", "quiet"]
COLOURS: dict[Tone, str] = {"good": "#2e7d32", "bad": "#b3261e", "wait": "#a15c00", "quiet": "#66717f"}
"""What a tone looks like. It never says anything by itself: the words beside it do."""


@dataclass(frozen=True)
class Facts:
    """Pairs of a name and what it is."""

    title: str
    pairs: Sequence[tuple[str, str]]


@dataclass(frozen=True)
class Table:
    """Rows of texts; ``tones`` colour the row's first cell, where given. Columns that hold numbers are named in ``numbers``."""

    title: str
    headings: Sequence[str]
    rows: Sequence[Sequence[str]]
    note: str = ""
    tones: Sequence[Tone] = ()
    numbers: frozenset[int] = frozenset()
    widths: Sequence[int] = ()


@dataclass(frozen=True)
class Lines:
    """Sentences, one under the other."""

    title: str
    sentences: Sequence[str]


@dataclass(frozen=True)
class Bar:
    """One bar. ``value`` None: nothing was measured, only its mark is drawn."""

    label: str
    value: float | None
    tone: Tone
    text: str


@dataclass(frozen=True)
class Bars:
    """Bars in their order, with a line at ``limit`` where there is one. ``unit`` stands behind the numbers."""

    title: str
    bars: Sequence[Bar]
    unit: str = ""
    limit: float | None = None
    note: str = ""

    @property
    def top(self) -> float:
        """The value at the upper edge."""
        return max([bar.value or 0.0 for bar in self.bars] + [(self.limit or 0.0) * 1.5]) or 1.0

    def named(self) -> list[tuple[int, str]]:
        """The bars whose label is shown: about a dozen, the last among them."""
        every = (len(self.bars) - 1) // 12 + 1
        return [(n, bar.label) for n, bar in enumerate(self.bars) if (len(self.bars) - 1 - n) % every == 0]


Block = Facts | Table | Lines | Bars


@dataclass(frozen=True)
class Paper:
    """A whole paper. ``answer`` is what it comes to, in one line."""

    title: str
    subtitle: str
    answer: str
    tone: Tone
    blocks: Sequence[Block]
    footer: str = ""


# -- the page ---------------------------------------------------------------------------------------------------------

_STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 62rem; padding: 0 1rem; color: #1c2530; }
h1 { font-size: 1.5rem; margin-bottom: .2rem; } h2 { font-size: 1.1rem; margin: 1.8rem 0 .4rem; }
table { border-collapse: collapse; width: 100%; font-size: .9rem; } .wide { overflow-x: auto; }
th, td { text-align: left; padding: .28rem .6rem; border-bottom: 1px solid #d9dee5; vertical-align: top; }
th { background: #f2f4f7; } .number { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
.note { color: #55606e; margin: .2rem 0; } .answer { font-size: 1.15rem; font-weight: 600; border-left: .35rem solid; padding: .3rem .8rem; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .15rem 1.2rem; margin: 0; } dt { color: #55606e; } dd { margin: 0; }
svg { max-width: 100%; height: auto; } svg text { fill: currentColor; } ul { margin: .2rem 0; padding-left: 1.2rem; }
.good { color: #2e7d32; } .bad { color: #b3261e; } .wait { color: #a15c00; } .quiet { color: #66717f; }
@media (prefers-color-scheme: dark) {
  body { background: #14181d; color: #dde3ea; } th { background: #20262e; } th, td { border-color: #323a44; }
  .note, dt { color: #9aa6b4; } .good { color: #81c784; } .bad { color: #f2b8b5; } .wait { color: #ffcc80; } .quiet { color: #9aa6b4; } }
@media print {
  body { margin: 0; max-width: none; background: #fff; color: #000; font-size: 11px; } h2 { break-after: avoid; }
  table, svg, dl { break-inside: auto; } tr, li { break-inside: avoid; } th { background: #f2f4f7; } .wide { overflow: visible; }
  .good { color: #2e7d32; } .bad { color: #b3261e; } .wait { color: #a15c00; } .quiet, .note, dt { color: #55606e; } }
@page { size: A4; margin: 14mm; }
"""


def page(paper: Paper) -> bytes:
    """The paper as one HTML document, UTF-8."""
    body = "".join(_block(block) for block in paper.blocks)
    foot = f'<p class="note">{escape(paper.footer)}</p>' if paper.footer else ""
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(paper.title)}</title><style>{_STYLE}</style></head><body><main>"
        f'<h1>{escape(paper.title)}</h1><p class="note">{escape(paper.subtitle)}</p>'
        f'<p class="answer {paper.tone}">{escape(paper.answer)}</p>{body}{foot}</main></body></html>\n'
    ).encode()


def _block(block: Block) -> str:
    head = f"<h2>{escape(block.title)}</h2>"
    if isinstance(block, Facts):
        pairs = "".join(f"<dt>{escape(name)}</dt><dd>{escape(value)}</dd>" for name, value in block.pairs)
        return f"{head}<dl>{pairs}</dl>"
    if isinstance(block, Lines):
        return f"{head}<ul>{''.join(f'<li>{escape(one)}</li>' for one in block.sentences)}</ul>"
    note = f'<p class="note">{escape(block.note)}</p>' if block.note else ""
    if isinstance(block, Bars):
        return f"{head}{note}{bars_svg(block)}"
    if not block.rows:
        return f"{head}{note}<p>None.</p>"
    columns = "".join(f"<th{_of_number(block, n)}>{escape(heading)}</th>" for n, heading in enumerate(block.headings))
    rows = "".join(_row(block, number) for number in range(len(block.rows)))
    return f'{head}{note}<div class="wide"><table><thead><tr>{columns}</tr></thead><tbody>{rows}</tbody></table></div>'


def _row(table: Table, number: int) -> str:
    cells = []
    for n, cell in enumerate(table.rows[number]):
        tone = f' class="{table.tones[number]}"' if n == 0 and table.tones else _of_number(table, n)
        cells.append(f"<td{tone}>{escape(cell)}</td>")
    return f"<tr>{''.join(cells)}</tr>"


def _of_number(table: Table, column: int) -> str:
    return ' class="number"' if column in table.numbers else ""


def bars_svg(block: Bars, width: int = 760, height: int = 190) -> str:
    """The bars as inline SVG, with words for whoever does not see them."""
    left, right, bottom, top = 46, width - 14, 34, 10
    tall = height - bottom - top
    step = (right - left) / max(len(block.bars), 1)
    base = height - bottom
    parts = [f'<line x1="{left}" y1="{base}" x2="{right}" y2="{base}" stroke="#8a94a0"/>']
    for n, bar in enumerate(block.bars):
        x, wide = left + n * step + step * 0.12, step * 0.76
        high = 0.0 if bar.value is None else bar.value / block.top * tall
        title = f"<title>{escape(f'{bar.label}: {bar.text}')}</title>"
        colour = COLOURS[bar.tone]
        if high:
            parts.append(_rect(x, base - high, wide, high, colour, title))
        parts.append(_rect(x, base + 2, wide, 4, colour, title))
    if block.limit is not None:
        y = base - block.limit / block.top * tall
        parts.append(
            f'<line x1="{left}" y1="{y:.1f}" x2="{right}" y2="{y:.1f}" stroke="#66717f" stroke-dasharray="5 4"/>'
            f'<text x="{left - 4}" y="{y + 4:.1f}" font-size="11" text-anchor="end">{escape(short(block.limit))}</text>'
        )
    parts.append(
        f'<text x="{left - 4}" y="{top + 8}" font-size="11" text-anchor="end">{escape(short(block.top))}{escape(block.unit)}</text>'
    )
    for n, label in block.named():
        x = left + (n + 0.5) * step
        parts.append(f'<text x="{x:.1f}" y="{height - 12}" font-size="11" text-anchor="middle">{escape(label)}</text>')
    return (
        f'<svg viewBox="0 0 {width} {height}" width="{width}" height="{height}" role="img" '
        f'aria-label="{escape(block.title, quote=True)}">{"".join(parts)}</svg>'
    )


def _rect(x: float, y: float, wide: float, high: float, colour: str, title: str) -> str:
    return f'<rect x="{x:.1f}" y="{y:.1f}" width="{wide:.1f}" height="{high:.1f}" fill="{colour}">{title}</rect>'


def short(value: float) -> str:
    """A number without needless decimals."""
    return f"{value:.3f}".rstrip("0").rstrip(".")


# -- the PDF ----------------------------------------------------------------------------------------------------------


def pdf(paper: Paper, made_at: datetime) -> bytes:
    """The paper as PDF, A4 upright; ``made_at`` is written into it. The library is loaded when something is drawn."""
    from aura_migration.migration.window.papers_pdf import draw

    return draw(paper, made_at)
