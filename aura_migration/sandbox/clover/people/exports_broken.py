"""The export files of the diner that have something wrong with them, each with one thing."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from aura_migration.sandbox.clover.people.exports import (
    FIRST_DAY,
    GiftCard,
    Ledgers,
    card_line,
    fixed,
    house_line,
    member_line,
)
from aura_migration.sandbox.clover.people.sheets import Line, comma_money, dollars, dotted_day, total_line, us_day


def broken_files(book: Ledgers) -> None:
    """Files with something wrong, each with one thing."""
    cards = book.cards(24)[2:]
    exports = book.world.exports
    cards_sheet, loyalty = exports["gift-cards.csv"], exports["loyalty.csv"]
    house, consents = exports["house-accounts.csv"], exports["marketing-consents.csv"]

    def cards_file(name: str, note: str, lines: Iterable[Line], **fields: object) -> None:
        sheet = replace(cards_sheet, name=name, note=note, lines=fixed(lines), sound=False)
        book.add(replace(sheet, **fields))  # type: ignore[arg-type]

    def plain(some: Iterable[GiftCard]) -> Iterator[Line]:
        return (card_line(card, dollars, us_day) for card in some)

    cards_file(
        "gift-cards-semicolon-latin1.csv",
        "Written by a spreadsheet of another country: Latin-1, semicolons, decimal commas, days first",
        (card_line(card, comma_money, dotted_day) for card in cards),
        columns=("Número", "Saldo", "Estado", "Emisión", "Expiración", "Último uso"),
        total=total_line("Total número de tarjetas", 1, comma_money),
        encoding="latin-1",
        delimiter=";",
    )
    cards_file(
        "gift-cards-wrong-columns.csv",
        "Not the export that was asked for: it has no balances",
        (
            replace_cells(
                card_line(card, dollars, us_day, problem="no_balance_column"),
                [card.number, card.status],
                unreadable=True,
            )
            for card in cards
        ),
        columns=("Card", "State"),
        total=None,
    )
    cards_file(
        "gift-cards-wrong-total.csv",
        "The totals line is 10.00 more than the lines above it",
        plain(cards),
        stated=lambda total: total + 1000,
    )
    cards_file(
        "gift-cards-duplicates.csv",
        "Two card numbers are in it twice, one of them with two balances",
        [
            *plain(cards),
            card_line(cards[0], dollars, us_day, problem="duplicate_number"),
            card_line(replace(cards[2], cents=cards[2].cents + 500), dollars, us_day, problem="duplicate_number"),
        ],
    )
    cards_file(
        "gift-cards-negative.csv",
        "One card has a negative balance",
        [*plain(cards[1:]), card_line(replace(cards[0], cents=-725), dollars, us_day, problem="negative_balance")],
    )
    cut = card_line(cards[0], dollars, us_day, problem="malformed_line")
    word = card_line(cards[2], dollars, us_day, problem="unreadable_balance")
    mangled = card_line(cards[3], dollars, us_day, problem="unreadable_number")
    cards_file(
        "gift-cards-malformed.csv",
        "A line that breaks off, a balance that is a word, a card number a spreadsheet made a float of",
        [
            *plain(cards[4:]),
            Line(f"{cards[0].number},$1", {**cut.truth, "cents": None}, None),
            replace_cells(word, [cards[2].number, "see Bob", *list(word.cells)[2:]], unreadable=True),
            replace_cells(mangled, [f"{cards[3].number[0]}.{cards[3].number[1:3]}E+15", *list(mangled.cells)[1:]]),
        ],
        total=None,
    )
    members = list(loyalty.lines())
    twice = members[3]
    points = int(twice.truth["points"]) + 10
    book.add(
        replace(
            loyalty,
            name="loyalty-dirty.csv",
            note="A member twice with different points, points that are no number, a member nobody can be found by",
            lines=fixed(
                [
                    *members[:40],
                    replace_line(twice, 3, str(points), points=points, problem="duplicate_member"),
                    replace_line(members[5], 3, "lots", points=None, problem="unreadable_points"),
                    member_line("", None, "", "Somebody", 120, 120, FIRST_DAY, None, "no_contact"),
                    member_line("555-01", None, "", "Shortphone", 15, 15, FIRST_DAY, None, "no_contact"),
                ]
            ),
            total=total_line("Total points", 3, str),
            sound=False,
        )
    )
    book.add(
        replace(
            house,
            name="house-accounts-wrong-total.csv",
            note="The totals line leaves out the account that has paid ahead",
            stated=lambda total: total + 1500,
            sound=False,
        )
    )
    foreign = [
        house_line("Peña & Gómez, Catering", "contacto@pena-gomez.example.com", 123_456, 500_000, None, comma_money),
        house_line("Café Olé", "", 1_250, None, None, comma_money),
        house_line("Señora O'Higgins; cuenta vieja", "", -75, 0, None, comma_money),
    ]
    book.add(
        replace(
            house,
            name="house-accounts-semicolon-latin1.csv",
            note="Latin-1, semicolons, decimal commas, a semicolon inside a quoted name",
            columns=("Cuenta", "Correo electrónico", "Saldo pendiente", "Límite"),
            lines=fixed(foreign),
            total=total_line("Total", 2, comma_money),
            encoding="latin-1",
            delimiter=";",
            sound=False,
        )
    )
    answers = list(consents.lines())
    book.add(
        replace(
            consents,
            name="marketing-consents-dirty.csv",
            note="Answers that are neither yes nor no, an unknown channel, no time: none of them is a yes",
            lines=fixed(
                [
                    *answers[:10],
                    replace_line(answers[0], 3, "maybe", answer=None, problem="unreadable_answer"),
                    replace_line(answers[3], 3, "", answer=None, problem="unreadable_answer"),
                    replace_line(answers[4], 2, "Carrier pigeon", channel=None, problem="unknown_channel"),
                    replace_line(answers[5], 4, "", at=None, problem="no_time"),
                ]
            ),
            sound=False,
        )
    )


def replace_cells(line: Line, cells: list[str], unreadable: bool = False) -> Line:
    """The same line with other cells; `unreadable` takes its value away."""
    truth = {**line.truth, "cents": None} if unreadable else line.truth
    return Line(cells, truth, None if unreadable else line.value)


def replace_line(line: Line, place: int, cell: str, **truth: object) -> Line:
    """The same line with one other cell and what that makes true."""
    cells = list(line.cells)
    cells[place] = cell
    told = {**line.truth, **truth}
    value = told.get("points") if "points" in told else (1 if told.get("answer") == "yes" else 0)
    return Line(cells, told, value if isinstance(value, int) else None)
