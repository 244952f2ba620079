"""A paper of a window as PDF, A4 upright: the same blocks as on the page, drawn with fpdf2.

Only ``papers.pdf`` imports this, when something is drawn: the library takes longer to load than a command to answer.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from fpdf import FPDF
from fpdf.enums import XPos, YPos

from aura_migration.migration.window.papers import COLOURS, Bars, Block, Facts, Lines, Paper, Table, short

Colour = tuple[int, int, int]
INK: Colour = (28, 37, 48)
SOFT: Colour = (85, 96, 110)
RULE: Colour = (217, 222, 229)
SHADE: Colour = (242, 244, 247)
LINE = 4.3
"""Height of a line of small text, millimetres."""
_PLAIN = str.maketrans(
    {
        "–": "-",
        "—": "-",
        "−": "-",
        "‑": "-",
        "…": "...",
        "’": "'",
        "‘": "'",
        "“": '"',
        "”": '"',
        "→": "->",
        "≤": "<=",
        "≥": ">=",
    }
)


def draw(paper: Paper, made_at: datetime) -> bytes:
    """The bytes of the PDF; equal for equal papers of one instant."""
    is_latin = _is_latin(repr(paper))
    sheet = _Sheet(paper, is_latin=is_latin)
    sheet.set_creation_date(made_at)
    sheet.add_page()
    sheet.text_block(paper.title, 16, bold=True)
    sheet.text_block(paper.subtitle, 9, SOFT)
    sheet.answer(paper)
    for block in paper.blocks:
        sheet.block(block)
    if paper.footer:
        sheet.ln(3)
        sheet.text_block(paper.footer, 8, SOFT)
    return bytes(sheet.output())


def _is_latin(text: str) -> bool:
    try:
        text.translate(_PLAIN).encode("latin-1")
    except UnicodeEncodeError:
        return False
    return True


def _rgb(colour: str) -> Colour:
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)


class _Sheet(FPDF):
    """The pages, and how each block is drawn on them."""

    def __init__(self, paper: Paper, *, is_latin: bool) -> None:
        super().__init__(format="A4")
        self.paper = paper
        self.is_latin = is_latin
        self.family = "Helvetica"
        self.widths: dict[tuple[str, float], dict[str, float]] = {}
        if not is_latin:
            # Texts beyond Latin-1 are set in the font that comes with the charts' library.
            import matplotlib

            fonts = Path(matplotlib.get_data_path()) / "fonts" / "ttf"
            self.family = "DejaVu"
            self.add_font("DejaVu", "", fonts / "DejaVuSans.ttf")
            self.add_font("DejaVu", "B", fonts / "DejaVuSans-Bold.ttf")
        self.set_title(self.told(paper.title))
        self.set_lang("en")
        self.set_margins(14, 14)
        self.set_auto_page_break(auto=True, margin=16)

    def footer(self) -> None:
        """Which paper and which page it is, below every page."""
        self.set_y(-11)
        self.font(8, SOFT)
        self.cell(0, 5, self.told(f"{self.paper.title}, page {self.page_no()} of {{nb}}"), align="R")

    def told(self, text: str) -> str:
        """The text as the font can set it."""
        return text.translate(_PLAIN) if self.is_latin else text

    def font(self, size: float, colour: Colour = INK, *, bold: bool = False) -> None:
        """What is written next looks like this."""
        self.set_font(self.family, "B" if bold else "", size)
        self.set_text_color(*colour)

    def wide(self, text: str) -> float:
        """Width of a text in the present font, millimetres; a table asks this thousands of times."""
        known = self.widths.setdefault((self.font_style, self.font_size_pt), {})
        for sign in text:
            if sign not in known:
                known[sign] = self.get_string_width(sign)
        return sum(map(known.__getitem__, text))

    def text_block(self, text: str, size: float, colour: Colour = INK, *, bold: bool = False) -> None:
        """A paragraph over the whole width."""
        self.font(size, colour, bold=bold)
        self.multi_cell(0, size * 0.48, self.told(text), align="L", new_x=XPos.LMARGIN, new_y=YPos.NEXT)

    def answer(self, paper: Paper) -> None:
        """What the paper comes to, with a bar of its tone beside it."""
        self.ln(2)
        top = self.get_y()
        self.set_x(self.l_margin + 4)
        self.font(12, _rgb(COLOURS[paper.tone]), bold=True)
        self.multi_cell(0, 6, self.told(paper.answer), align="L", new_x=XPos.LMARGIN, new_y=YPos.NEXT)
        self.set_fill_color(*_rgb(COLOURS[paper.tone]))
        self.rect(self.l_margin, top, 1.4, self.get_y() - top, style="F")

    def block(self, block: Block) -> None:
        """A block with its heading; the heading never stands alone at the foot of a page."""
        self.ln(3)
        if self.will_page_break(58 if isinstance(block, Bars) else 18):
            self.add_page()
        self.text_block(block.title, 11.5, bold=True)
        self.ln(0.8)
        if isinstance(block, Facts):
            self.facts(block)
        elif isinstance(block, Lines):
            for sentence in block.sentences:
                self._row([f"- {sentence}"], [self.epw], [INK], numbers=frozenset())
        elif isinstance(block, Bars):
            self.bars(block)
        else:
            self.table_block(block)

    def facts(self, block: Facts) -> None:
        """Names and values in two columns."""
        for name, value in block.pairs:
            self._row([name, value], [46, self.epw - 46], [SOFT, INK], numbers=frozenset())

    def table_block(self, block: Table) -> None:
        """A table; its headings are repeated on every page."""
        if block.note:
            self.text_block(block.note, 8.5, SOFT)
        if not block.rows:
            self.text_block("None.", 9)
            return
        shares = block.widths or [1] * len(block.headings)
        widths = [self.epw * share / sum(shares) for share in shares]
        self._headings(block, widths)
        for number, row in enumerate(block.rows):
            colours = [INK] * len(row)
            if block.tones:
                colours[0] = _rgb(COLOURS[block.tones[number]])
            wrapped = self._wrapped(row, widths)
            if self.will_page_break(LINE * max(map(len, wrapped)) + 1.2):
                self.add_page()
                self._headings(block, widths)
            self._row(row, widths, colours, numbers=block.numbers, ruled=True)

    def _headings(self, block: Table, widths: Sequence[float]) -> None:
        self.set_fill_color(*SHADE)
        self.font(8.5, bold=True)
        high = LINE * max(map(len, self._wrapped(block.headings, widths))) + 1.2
        self.rect(self.l_margin, self.get_y(), self.epw, high, style="F")
        self._row(block.headings, widths, [INK] * len(widths), numbers=block.numbers, bold=True)

    def _row(
        self,
        cells: Sequence[str],
        widths: Sequence[float],
        colours: Sequence[Colour],
        *,
        numbers: frozenset[int],
        ruled: bool = False,
        bold: bool = False,
    ) -> None:
        self.font(8.5, bold=bold)
        wrapped = self._wrapped(cells, widths)
        high = LINE * max(map(len, wrapped)) + 1.2
        if self.will_page_break(high):
            self.add_page()
        top, x = self.get_y(), self.l_margin
        for n, (lines, wide) in enumerate(zip(wrapped, widths, strict=True)):
            self.font(8.5, colours[n], bold=bold or (n == 0 and colours[0] not in (INK, SOFT)))
            for at, line in enumerate(lines):
                if line:
                    left = wide - 1.2 - self.wide(line) if n in numbers else 1.2
                    self.text(x + left, top + 3.6 + at * LINE, line)
            x += wide
        if ruled:
            self.set_draw_color(*RULE)
            self.line(self.l_margin, top + high, self.l_margin + self.epw, top + high)
        self.set_xy(self.l_margin, top + high)

    def _wrapped(self, cells: Sequence[str], widths: Sequence[float]) -> list[list[str]]:
        return [self._lines(self.told(cell), wide - 2.4) for cell, wide in zip(cells, widths, strict=True)]

    def _lines(self, text: str, wide: float) -> list[str]:
        """The text broken between words; a word that is too long, within it."""
        if self.wide(text) <= wide:
            return [text]
        lines, line = [], ""
        for word in text.split():
            longer = f"{line} {word}" if line else word
            if self.wide(longer) <= wide:
                line = longer
                continue
            if line:
                lines.append(line)
            while self.wide(word) > wide and len(word) > 1:
                fits = next(n for n in range(len(word) - 1, 0, -1) if n == 1 or self.wide(word[:n]) <= wide)
                lines.append(word[:fits])
                word = word[fits:]
            line = word
        return [*lines, line]

    def bars(self, block: Bars) -> None:
        """The bars of the page, in millimetres."""
        if block.note:
            self.text_block(block.note, 8.5, SOFT)
        left, high = self.l_margin + 12, 34.0
        base = self.get_y() + high + 3
        step = (self.epw - 12) / max(len(block.bars), 1)
        for n, bar in enumerate(block.bars):
            self.set_fill_color(*_rgb(COLOURS[bar.tone]))
            if bar.value:
                tall = bar.value / block.top * high
                self.rect(left + n * step + step * 0.12, base - tall, step * 0.76, tall, style="F")
            self.rect(left + n * step + step * 0.12, base + 0.6, step * 0.76, 1.1, style="F")
        self.set_draw_color(*SOFT)
        self.line(left, base, left + self.epw - 12, base)
        self._mark(block, block.top, base - high)
        if block.limit is not None:
            y = base - block.limit / block.top * high
            self.set_dash_pattern(dash=1.2, gap=1)
            self.line(left, y, left + self.epw - 12, y)
            self.set_dash_pattern()
            self._mark(block, block.limit, y)
        self.font(7, SOFT)
        for n, label in block.named():
            self.text(left + (n + 0.5) * step - self.wide(self.told(label)) / 2, base + 4.8, self.told(label))
        self.set_xy(self.l_margin, base + 7)

    def _mark(self, block: Bars, value: float, y: float) -> None:
        self.font(7, SOFT)
        told = self.told(f"{short(value)}{block.unit}")
        self.text(self.l_margin + 11 - self.wide(told), y + 0.9, told)
