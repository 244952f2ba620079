"""Five tasks that show whether somebody finds their way: made from the restaurant's own menu, the same for the same sheet.

Each has one right answer among four, all of them really on the menu.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from aura_migration.database.connections import Connection
from aura_migration.migration.training.sheet import Sheet, price

TASKS = 5
CHOICES = 4


@dataclass(frozen=True)
class Task:
    """A question, its choices, and which of them (from 0) is right."""

    question: str
    choices: tuple[str, ...]
    right: int

    def as_dict(self, *, with_answer: bool) -> dict[str, Any]:
        """Ready for JSON; the answer only for whoever marks it."""
        shown: dict[str, Any] = {"question": self.question, "choices": list(self.choices)}
        return {**shown, "right": self.right} if with_answer else shown


def make_tasks(connection: Connection, sheet: Sheet) -> list[Task]:
    """Up to five tasks, those about what changed first; fewer where the menu is too small to ask about."""
    # Which questions are asked is no secret.
    draw = random.Random(sheet.hash)  # noqa: S311
    # What the menu has of each kind: wrong choices are taken from it.
    pools = {
        "category": _column(connection, sheet, "menu_categories"),
        "group": _column(connection, sheet, "modifier_groups"),
        "item": _column(connection, sheet, "menu_items"),
    }
    made: list[Task] = []
    asked: set[str] = set()
    for question, right, pool in _questions(connection, sheet, pools):
        wrong = [one for one in dict.fromkeys(pool) if one != right]
        if question in asked or len(wrong) < CHOICES - 1:
            continue
        choices = [right, *draw.sample(wrong, CHOICES - 1)]
        draw.shuffle(choices)
        made.append(Task(question, tuple(choices), choices.index(right)))
        asked.add(question)
        if len(made) == TASKS:
            break
    return made


def _questions(
    connection: Connection, sheet: Sheet, pools: dict[str, list[str]]
) -> Iterator[tuple[str, str, Sequence[str]]]:
    for one in sheet.changes:
        if one.kind == "renamed":
            yield f"What was called “{one.was}” is now …", one.now, pools["item"]
    for one in sheet.changes:
        if one.kind == "moved" and "," not in one.now:
            yield f"Where is {one.what}?", one.now, pools["category"]
    prices = [price(one["price_cents"], sheet.currency) for one in sheet.best_sellers if one["price_cents"] is not None]
    groups = _groups(connection, sheet)
    for position, item in enumerate(sheet.best_sellers):
        name, possible = item["name"], []
        if item["category"]:
            possible.append((f"Where is {name}?", item["category"], pools["category"]))
        if item["price_cents"] is not None:
            possible.append((f"What does {name} cost?", price(item["price_cents"], sheet.currency), prices))
        if name in groups:
            possible.append((f"What can be chosen with {name}?", groups[name], pools["group"]))
        if possible:  # one question an item, of another kind each time
            yield possible[position % len(possible)]


def _column(connection: Connection, sheet: Sheet, table: str) -> list[str]:
    rows = connection.execute(
        f"SELECT DISTINCT t.name FROM aura.{table} t JOIN migration.claims c ON c.aura_table = '{table}' AND c.aura_id = t.id "
        "WHERE c.migration_id = %s AND t.deleted_at IS NULL ORDER BY 1 LIMIT 500",
        [sheet.migration_id],
    ).fetchall()
    return [name for (name,) in rows]


def _groups(connection: Connection, sheet: Sheet) -> dict[str, str]:
    """Item → the one group it has, for items that have exactly one: with several, several answers would be right."""
    rows = connection.execute(
        "SELECT i.name, min(g.name) FROM aura.menu_items i JOIN aura.menu_item_modifiers l ON l.menu_item_id = i.id "
        "AND l.deleted_at IS NULL JOIN aura.modifier_groups g ON g.id = l.modifier_group_id "
        "JOIN migration.claims c ON c.aura_table = 'menu_items' AND c.aura_id = i.id AND c.migration_id = %s "
        "WHERE i.name = ANY(%s) GROUP BY i.name HAVING count(DISTINCT g.id) = 1",
        [sheet.migration_id, [one["name"] for one in sheet.best_sellers]],
    ).fetchall()
    return dict(rows)
