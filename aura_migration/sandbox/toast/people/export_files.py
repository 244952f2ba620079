"""The exports as CSV files, clean and dirty, with what a careful reader has to find in each of them.

A dirty file is made from a clean one's rows; its truth lists the lines that are wrong and why, and the rows that are
good. Column names are ours: no API text knows these files.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field, replace
from datetime import date
from typing import Any

from aura_migration.sandbox.toast.people.exports import (
    Exports,
    GiftCardRow,
    HouseAccountRow,
    LoyaltyRow,
    PayRow,
)

Row = dict[str, Any]
Cells = list[str]
CHUNK = 500


def dollars(cents: int, sign: str = "$") -> str:
    """``$1,234.50``; a negative amount as ``-$5.00``."""
    return f"{'-' if cents < 0 else ''}{sign}{abs(cents) // 100:,}.{abs(cents) % 100:02d}"


def european(cents: int) -> str:
    """``1.234,50``."""
    return dollars(cents, "").translate(str.maketrans(",.", ".,"))


def us_date(day: date | None) -> str:
    """``09/29/2026``; nothing for None."""
    return "" if day is None else day.strftime("%m/%d/%Y")


def hundredths(value: int) -> str:
    """Hours as ``81.25``."""
    return f"{value // 100}.{value % 100:02d}"


@dataclass(slots=True)
class ExportFile:
    """One file: its lines and what is to be known about it. ``faults`` empty: a clean one."""

    name: str
    kind: str
    note: str
    lines: Callable[[], Iterator[Cells]]
    encoding: str = "utf-8"
    delimiter: str = ","
    faults: list[str] = field(default_factory=list)
    problems: list[Row] = field(default_factory=list)
    good: list[Row] | None = None
    stated: Row | None = None

    def listing(self) -> Row:
        """What the restaurant sees of it."""
        return {"name": self.name, "kind": self.kind, "note": self.note}

    def truth(self) -> Row:
        """What a reader has to find: ``good`` null means every row of ``export_<kind>``."""
        return {
            **self.listing(),
            "encoding": self.encoding,
            "delimiter": self.delimiter,
            "clean": not self.faults,
            "faults": self.faults,
            "problems": self.problems,
            "good": self.good,
            "stated_total": self.stated,
        }

    def content(self) -> Iterator[bytes]:
        """The file, in pieces."""
        buffer = io.StringIO()
        writer = csv.writer(buffer, delimiter=self.delimiter, lineterminator="\r\n")
        for number, cells in enumerate(self.lines(), 1):
            writer.writerow(cells)
            if number % CHUNK == 0:
                yield buffer.getvalue().encode(self.encoding)
                buffer.seek(0)
                buffer.truncate()
        yield buffer.getvalue().encode(self.encoding)


GIFT = ["Card Number", "Status", "Current Balance", "Issued On", "Expires On", "Last Used"]
LOYALTY = ["Guest", "Phone", "Email", "Points Balance", "Lifetime Points"]
HOUSE = ["Account Name", "Contact Email", "Balance Due", "Credit Limit"]
CONSENT = ["Contact", "Channel", "Subscribed", "Recorded At", "Source"]
PAYROLL = [
    "Employee ID", "Employee", "Location", "Period Start", "Period End", "Regular Hours", "OT Hours", "Gross Pay",
]  # fmt: skip


def _gift(row: GiftCardRow, money: Callable[[int], str] = dollars) -> Cells:
    return [row.number, row.status, money(row.cents), us_date(row.issued), us_date(row.expires), us_date(row.last_used)]


def _loyalty(row: LoyaltyRow) -> Cells:
    return [row.name, row.phone or "", row.email or "", f"{row.points:,}", f"{row.lifetime:,}"]


def _house(row: HouseAccountRow) -> Cells:
    limit = "" if row.limit is None else dollars(row.limit, "")
    return [row.name, row.email or "", dollars(row.cents, ""), limit]


def _pay(row: PayRow) -> Cells:
    hours = [hundredths(row.regular), hundredths(row.overtime)]
    return [row.external or "", row.name, row.place, us_date(row.start), us_date(row.end), *hours, dollars(row.cents)]


class ExportShelf:
    """All files of an account and the truth about them."""

    def __init__(self, rows: Exports, *, dirty: bool) -> None:
        self._rows = rows
        self._dirty = dirty
        self.parts: dict[str, Callable[[], Iterator[Row]]] = {
            "export_gift_cards": lambda: map(gift_truth, rows.gift_cards()),
            "export_loyalty": lambda: map(loyalty_truth, rows.loyalty()),
            "export_house_accounts": lambda: map(house_truth, rows.house_accounts()),
            "export_consents": self._consents,
            "export_payroll": lambda: map(pay_truth, rows.payroll()),
        }

    def _consents(self) -> Iterator[Row]:
        for row in self._rows.consents():
            yield {
                "email": row.email,
                "phone": row.phone,
                "channel": row.channel,
                "answer": "yes" if row.yes else "no",
                "at": row.at,
                "how": row.how,
                "customer": row.customer,
            }

    def files(self) -> list[ExportFile]:
        """The files, clean ones first; none where nobody lives."""
        if not self._rows.any:
            return []
        rows, gift = self._rows, self._gift_lines
        clean = [
            ExportFile("gift-cards.csv", "gift_cards", "Gift card balances, with a total", gift),
            ExportFile("loyalty.csv", "loyalty", "Loyalty members", self._loyalty_lines),
            ExportFile("house-accounts.csv", "house_accounts", "House accounts, with a total", self._house_lines),
            ExportFile("marketing-consents.csv", "consents", "Who may be written to", self._consent_lines),
            ExportFile("payroll.csv", "payroll", "Toast Payroll register, with a total", self._pay_lines),
        ]
        clean[0].stated = {"cents": sum(row.cents for row in rows.gift_cards())}
        clean[2].stated = {"cents": sum(row.cents for row in rows.house_accounts())}
        clean[4].stated = {"cents": sum(row.cents for row in rows.payroll())}
        return clean + (self._dirty_files() if self._dirty else [])

    def totals(self) -> Row:
        """Rows and sums of each export, exactly."""
        cards, members = list(self._rows.gift_cards()), list(self._rows.loyalty())
        accounts, pay, consents = (
            list(self._rows.house_accounts()), list(self._rows.payroll()), list(self._rows.consents())
        )  # fmt: skip
        return {
            "gift_cards": {"rows": len(cards), "cents": sum(row.cents for row in cards)},
            "loyalty": {
                "rows": len(members),
                "points": sum(row.points for row in members),
                "lifetime_points": sum(row.lifetime for row in members),
            },
            "house_accounts": {"rows": len(accounts), "cents": sum(row.cents for row in accounts)},
            "consents": {"rows": len(consents), "yes": sum(row.yes for row in consents)},
            "payroll": {
                "rows": len(pay),
                "cents": sum(row.cents for row in pay),
                "hour_hundredths": sum(row.regular + row.overtime for row in pay),
            },
        }

    def secrets(self) -> Iterator[str]:
        """Gift-card numbers."""
        return (row.number for row in self._rows.gift_cards())

    def personal(self) -> Iterator[str]:
        """People whom only an export names."""
        for row in self._rows.loyalty():
            if row.customer is None and row.email:
                yield row.email
        yield from (row.email for row in self._rows.house_accounts() if row.email)

    # -- clean -----------------------------------------------------------------------------------------------------

    def _gift_lines(self) -> Iterator[Cells]:
        yield GIFT
        total = 0
        for row in self._rows.gift_cards():
            total += row.cents
            yield _gift(row)
        yield ["Total", "", dollars(total), "", "", ""]

    def _loyalty_lines(self) -> Iterator[Cells]:
        yield LOYALTY
        yield from map(_loyalty, self._rows.loyalty())

    def _house_lines(self) -> Iterator[Cells]:
        yield HOUSE
        rows = list(self._rows.house_accounts())
        yield from map(_house, rows)
        yield ["TOTAL", "", dollars(sum(row.cents for row in rows), ""), ""]

    def _consent_lines(self) -> Iterator[Cells]:
        yield CONSENT
        for row in self._rows.consents():
            yield [row.email or row.phone or "", row.channel.title(), "Yes" if row.yes else "No", row.at, row.how]

    def _pay_lines(self) -> Iterator[Cells]:
        yield PAYROLL
        rows = list(self._rows.payroll())
        yield from map(_pay, rows)
        regular, overtime = sum(row.regular for row in rows), sum(row.overtime for row in rows)
        total = dollars(sum(row.cents for row in rows))
        yield ["Grand Total", "", "", "", "", hundredths(regular), hundredths(overtime), total]

    # -- dirty -----------------------------------------------------------------------------------------------------

    def _dirty_files(self) -> list[ExportFile]:
        return [
            self._gift_semicolon(),
            self._gift_duplicates(),
            self._gift_bad_total(),
            self._gift_negative(),
            self._gift_malformed(),
            self._loyalty_latin(),
            self._loyalty_wrong_columns(),
            self._loyalty_malformed(),
            self._house_malformed(),
            self._consents_contradicting(),
            self._payroll_bad_total(),
        ]

    def _gift_semicolon(self) -> ExportFile:
        rows = list(self._rows.gift_cards())
        lines = [GIFT, *(_gift(row, european) for row in rows)]
        return ExportFile(
            "gift-cards-semicolon.csv", "gift_cards", "The same cards, exported with European settings",
            lambda: iter(lines), encoding="utf-8-sig", delimiter=";", faults=["semicolons", "decimal comma", "BOM"],
        )  # fmt: skip

    def _gift_duplicates(self) -> ExportFile:
        rows = list(self._rows.gift_cards())
        twice = [rows[1], replace(rows[2], cents=rows[2].cents + 100)]
        lines = [GIFT, *map(_gift, [*rows, *twice])]
        problems = [
            {"line": len(rows) + 2, "why": "the same card twice, with the same balance", "card": rows[1].number[-4:]},
            {"line": len(rows) + 3, "why": "the same card twice, with another balance", "card": rows[2].number[-4:]},
        ]
        good = [gift_truth(row) for row in rows if row is not rows[2]]
        return ExportFile(
            "gift-cards-duplicates.csv", "gift_cards", "Two cards are in it twice", lambda: iter(lines),
            faults=["duplicate numbers"], problems=problems, good=good,
        )  # fmt: skip

    def _gift_bad_total(self) -> ExportFile:
        rows = list(self._rows.gift_cards())
        wrong = sum(row.cents for row in rows) + 1_000
        lines = [GIFT, *map(_gift, rows), ["Total", "", dollars(wrong), "", "", ""]]
        problems = [{"line": len(lines), "why": "the total is ten dollars more than the cards", "card": None}]
        return ExportFile(
            "gift-cards-bad-total.csv", "gift_cards", "The total does not add up", lambda: iter(lines),
            faults=["total does not add up"], problems=problems, stated={"cents": wrong},
        )  # fmt: skip

    def _gift_negative(self) -> ExportFile:
        rows = list(self._rows.gift_cards())
        owing = [replace(rows[0], cents=-500), replace(rows[3], cents=-1)]
        cells = [_gift(row) for row in rows]
        cells[0], cells[3] = _gift(owing[0]), [*_gift(owing[1])[:2], "($0.01)", *_gift(owing[1])[3:]]
        problems = [
            {"line": 2, "why": "negative balance", "card": rows[0].number[-4:], "cents": -500},
            {"line": 5, "why": "negative balance", "card": rows[3].number[-4:], "cents": -1},
        ]
        good = [gift_truth(row) for number, row in enumerate(rows) if number not in (0, 3)]
        return ExportFile(
            "gift-cards-negative.csv", "gift_cards", "Two cards are below zero", lambda: iter([GIFT, *cells]),
            faults=["negative balances"], problems=problems, good=good,
        )  # fmt: skip

    def _gift_malformed(self) -> ExportFile:
        rows = list(self._rows.gift_cards())
        cells = [_gift(row) for row in rows]
        cells[1] = cells[1][:3]
        cells[2][2] = "n/a"
        cells[4][0] = ""
        cells[5][2] = "$12.345"
        cells[6][3] = "13/45/2026"
        whys = {
            1: "columns are missing", 2: "no balance", 4: "no card number", 5: "a balance of tenths of cents",
            6: "no date of issue",
        }  # fmt: skip
        problems = [{"line": number + 2, "why": why, "card": rows[number].number[-4:]} for number, why in whys.items()]
        good = [gift_truth(row) for number, row in enumerate(rows) if number not in whys]
        return ExportFile(
            "gift-cards-malformed.csv", "gift_cards", "Five lines are broken", lambda: iter([GIFT, *cells]),
            faults=["malformed lines"], problems=problems, good=good,
        )  # fmt: skip

    def _loyalty_latin(self) -> ExportFile:
        rows = [row for row in self._rows.loyalty() if _is_latin(_loyalty(row))]
        lines = [LOYALTY, *map(_loyalty, rows)]
        return ExportFile(
            "loyalty-latin1.csv", "loyalty", "Exported on an old computer", lambda: iter(lines), encoding="latin-1",
            faults=["encoding"], good=[loyalty_truth(row) for row in rows],
        )  # fmt: skip

    def _loyalty_wrong_columns(self) -> ExportFile:
        lines = [[*LOYALTY[:3], "Visits"], *([*_loyalty(row)[:3], "3"] for row in self._rows.loyalty())]
        problems = [{"line": 1, "why": "there is no column with points"}]
        return ExportFile(
            "loyalty-wrong-columns.csv", "loyalty", "Another report under the same name", lambda: iter(lines),
            faults=["wrong columns"], problems=problems, good=[],
        )  # fmt: skip

    def _loyalty_malformed(self) -> ExportFile:
        rows = list(self._rows.loyalty())
        cells = [_loyalty(row) for row in rows]
        cells[0][3] = "12.5"
        cells[1][1], cells[1][2] = "", ""
        cells[2][3] = f"-{cells[2][3]}9"
        problems = [
            {"line": 2, "why": "points are no whole number"},
            {"line": 3, "why": "neither phone nor e-mail address"},
            {"line": 4, "why": "negative points"},
        ]
        return ExportFile(
            "loyalty-malformed.csv", "loyalty", "Three lines are broken", lambda: iter([LOYALTY, *cells]),
            faults=["malformed lines"], problems=problems, good=[loyalty_truth(row) for row in rows[3:]],
        )  # fmt: skip

    def _house_malformed(self) -> ExportFile:
        rows = list(self._rows.house_accounts())
        cells = [_house(row) for row in rows]
        cells[1][2] = "twelve"
        cells[2][0] = ""
        problems = [{"line": 3, "why": "no balance"}, {"line": 4, "why": "no account name"}]
        good = [house_truth(row) for number, row in enumerate(rows) if number not in (1, 2)]
        return ExportFile(
            "house-accounts-malformed.csv", "house_accounts", "Two lines are broken", lambda: iter([HOUSE, *cells]),
            faults=["malformed lines"], problems=problems, good=good,
        )  # fmt: skip

    def _consents_contradicting(self) -> ExportFile:
        clean = list(self._consent_lines())
        contact = clean[1]
        turned = "No" if contact[2] == "Yes" else "Yes"
        lines = [
            *clean[:6],
            [contact[0], contact[1], turned, contact[3], contact[4]],
            ["someone.else@example.com", "Pigeon", "Yes", contact[3], contact[4]],
            ["unclear@example.com", "Email", "maybe", contact[3], contact[4]],
            ["", "Email", "Yes", contact[3], contact[4]],
        ]
        problems = [
            {"line": 7, "why": "the contact of line 2 with the other answer at the same time"},
            {"line": 8, "why": "no channel we know"},
            {"line": 9, "why": "neither yes nor no"},
            {"line": 10, "why": "no contact"},
        ]
        return ExportFile(
            "marketing-consents-contradicting.csv", "consents", "Collected from two lists", lambda: iter(lines),
            faults=["contradictions", "malformed lines"], problems=problems, good=list(self._consents())[1:5],
        )  # fmt: skip

    def _payroll_bad_total(self) -> ExportFile:
        lines = list(self._pay_lines())
        wrong = sum(row.cents for row in self._rows.payroll()) - 7
        lines[-1] = [*lines[-1][:-1], dollars(wrong)]
        problems = [{"line": len(lines), "why": "the total is seven cents less than the rows"}]
        return ExportFile(
            "payroll-bad-total.csv", "payroll", "The total does not add up", lambda: iter(lines),
            faults=["total does not add up"], problems=problems, stated={"cents": wrong},
        )  # fmt: skip


def _is_latin(cells: Cells) -> bool:
    try:
        "".join(cells).encode("latin-1")
    except UnicodeEncodeError:
        return False
    return True


def _days(row: Row) -> Row:
    return {name: value.isoformat() if isinstance(value, date) else value for name, value in row.items()}


def gift_truth(row: GiftCardRow) -> Row:
    """A card as the truth tells it."""
    return {**_days(asdict(row)), "last_four": row.number[-4:]}


def loyalty_truth(row: LoyaltyRow) -> Row:
    """A member as the truth tells it."""
    return asdict(row)


def house_truth(row: HouseAccountRow) -> Row:
    """A house account as the truth tells it."""
    made = asdict(row)
    made["limit_cents"] = made.pop("limit")
    return made


def pay_truth(row: PayRow) -> Row:
    """A line of the payroll as the truth tells it; hours in hundredths."""
    made = _days(asdict(row))
    for name in ("regular", "overtime"):
        made[f"{name}_hour_hundredths"] = made.pop(name)
    return made
