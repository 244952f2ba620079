"""Training of staff: what moved where, on a page that takes five minutes; tasks; and how long people really needed."""

from __future__ import annotations

import json
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from aura_migration.core.errors import BadInput, Refused
from aura_migration.database.connections import Connection
from aura_migration.migration.training import (
    finish_training,
    make_sheet,
    retraining_minutes,
    start_training,
    trainings_of,
)
from aura_migration.migration.training.differences import Difference
from aura_migration.migration.training.sheet import MINUTES, Sheet, _that_fits, page
from aura_migration.migration.training.tasks import make_tasks
from aura_migration_tests.support.worlds import Started


def sheet_of(at: Started) -> Sheet:
    with at.world.connect() as connection:
        return make_sheet(at.world.workshop, connection, at.migration)


def changes(at: Started) -> dict[str, list[tuple[str, str, str]]]:
    found: dict[str, list[tuple[str, str, str]]] = {}
    for one in sheet_of(at).changes:
        found.setdefault(one.kind, []).append((one.what, one.was, one.now))
    return found


def edit(at: Started, *statements: str) -> None:
    with at.world.connect() as connection:
        for statement in statements:
            assert connection.execute(statement.encode()).rowcount == 1, statement


def test_a_menu_that_moved_as_it_was_has_no_changes(verified: Started) -> None:
    sheet = sheet_of(verified)
    assert (sheet.changes, sheet.totals) == ((), {})
    assert "Every item has the name, the category, the questions and the price it had." in sheet.as_dict()["text"]
    assert sheet.words, "what Square calls by another word"


def sell(connection: Connection, item: str, day: str, quantity: int, *, voided: bool = False) -> None:
    connection.execute(
        "WITH o AS (INSERT INTO aura.orders (restaurant_id, location_id, business_date, business_date_rule, status, currency, "
        "subtotal_cents, final_amount_cents) SELECT restaurant_id, id, %s::date, 'pos', 'completed', 'USD', 100, 100 FROM aura.locations RETURNING *) "
        "INSERT INTO aura.order_items (restaurant_id, order_id, item_name, quantity, price_cents, line_subtotal_cents, menu_item_id, is_voided) "
        "SELECT o.restaurant_id, o.id, i.name, %s, 100, 100, i.id, %s FROM o, aura.menu_items i WHERE i.name = %s",
        [day, quantity, voided, item],
    )


def test_best_sellers_are_those_of_the_last_ninety_days_of_sales(verified: Started) -> None:
    with verified.world.connect() as connection:
        for item, day, quantity, voided in (
            ("Caesar Salad", "2026-02-28", 7, False),
            ("Latte", "2026-02-27", 4, False),
            ("Latte", "2026-02-28", 4, False),
            ("Flat White", "2025-10-01", 500, False),
            ("Americano", "2026-02-28", 900, True),
        ):
            sell(connection, item, day, quantity, voided=voided)
    best = [(one["name"], one["category"]) for one in sheet_of(verified).best_sellers[:2]]
    assert best == [("Latte", "Coffee"), ("Caesar Salad", "Lunch")]


def test_what_was_changed_in_auraconnect_is_told_in_both_words(verified: Started) -> None:
    edit(
        verified,
        "UPDATE aura.menu_items SET name = 'Grande Latte' WHERE name = 'Latte'",
        "UPDATE aura.menu_item_categories SET category_id = (SELECT id FROM aura.menu_categories WHERE name = 'Bakery') "
        "WHERE menu_item_id = (SELECT id FROM aura.menu_items WHERE name = 'Caesar Salad')",
        "UPDATE aura.menu_items SET price_cents = 999 WHERE name = 'Sparkling Water'",
        "UPDATE aura.menu_items SET is_active = false WHERE name = 'Flat White'",
        "UPDATE aura.menu_categories SET name = 'Hot drinks' WHERE name = 'Tea'",
        "UPDATE aura.menu_item_modifiers SET deleted_at = now() WHERE id = (SELECT max(l.id) FROM aura.menu_item_modifiers l "
        "JOIN aura.menu_items i ON i.id = l.menu_item_id WHERE i.name = 'Americano')",
    )
    found = changes(verified)
    assert found["renamed"] == [("Latte", "Latte", "Grande Latte")]
    assert ("Caesar Salad", "Lunch", "Bakery") in found["moved"]
    assert ("Green Sencha", "Tea", "Hot drinks") in found["moved"], "a renamed category is another place, too"
    assert [(what, now) for what, _, now in found["repriced"]] == [("Sparkling Water", "999")]
    assert [what for what, _, _ in found["unavailable"]] == ["Flat White"]
    ((what, was, now),) = found["regrouped"]
    assert what == "Americano" and len(was.split(", ")) == len(now.replace("none", "").split(", ")) + (now != "none")
    assert "missing" not in found
    shown = page(sheet_of(verified))
    ((_, was_cents, _),) = found["repriced"]
    assert f"Sparkling Water: {int(was_cents) / 100:.2f} USD → 9.99 USD" in shown


def test_what_was_left_out_is_named_with_its_reason(verified: Started) -> None:
    edit(
        verified,
        "UPDATE migration.plan_rows SET action = 'skip', reason = 'left out by the options' WHERE seq = (SELECT min(seq) "
        "FROM migration.plan_rows WHERE entity = 'modifiers')",
    )
    ((what, was, now),) = changes(verified)["missing"]
    assert was == "modifier" and now == "left out by the options" and what


def test_the_page_is_escaped_asks_nobody_and_can_be_read_in_five_minutes(verified: Started) -> None:
    edit(verified, "UPDATE aura.menu_items SET name = '<script>alert(1)</script>' WHERE name = 'Latte'")
    asked: list[str] = []

    class Outside(HTMLParser):
        def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
            asked.extend(str(value) for name, value in attrs if name in ("src", "href", "action"))
            asked.extend(["script"] if tag == "script" else [])

    sheet = sheet_of(verified)
    Outside().feed(page(sheet))
    assert asked == []
    many = [
        Difference(kind, f"Item {n} with a name of several words", "one place", "another place", 1000 - n)  # type: ignore[arg-type]
        for n in range(1000)
        for kind in ("moved", "renamed", "regrouped")
    ]
    fitted = _that_fits(replace(sheet, totals={"moved": 1000, "renamed": 1000, "regrouped": 1000}), many)
    assert fitted.minutes <= MINUTES
    assert fitted.minutes > MINUTES - 0.3, "the time is used"
    assert {one.kind for one in fitted.changes} == {"moved", "renamed", "regrouped"}, "no kind is crowded out"
    assert all(one.sold > 900 for one in fitted.changes), "what sells best is told"


def test_tasks_have_one_right_answer_that_is_so_in_auraconnect(verified: Started) -> None:
    edit(verified, "UPDATE aura.menu_items SET name = 'Grande Latte' WHERE name = 'Latte'")
    with verified.world.connect() as connection:
        sheet = make_sheet(verified.world.workshop, connection, verified.migration)
        tasks = make_tasks(connection, sheet)
        assert tasks == make_tasks(connection, sheet), "the same sheet asks the same"
        assert len(tasks) == 5
        assert (tasks[0].question, tasks[0].choices[tasks[0].right]) == (
            "What was called “Latte” is now …",
            "Grande Latte",
        )
        for task in tasks[1:]:
            right = task.choices[task.right]
            assert len(set(task.choices)) == 4
            name = (
                task.question.removeprefix("Where is ")
                .removeprefix("What does ")
                .removeprefix("What can be chosen with ")
            )
            name = name.removesuffix("?").removesuffix(" cost")
            row = connection.execute(
                "SELECT c.name, i.price_cents, (SELECT array_agg(g.name) FROM aura.menu_item_modifiers l JOIN aura.modifier_groups g "
                "ON g.id = l.modifier_group_id WHERE l.menu_item_id = i.id) FROM aura.menu_items i "
                "JOIN aura.menu_categories c ON c.id = i.category_id WHERE i.name = %s",
                [name],
            ).fetchone()
            assert row is not None, name
            category, cents, groups = row
            assert right in (category, f"{(cents or 0) / 100:.2f} USD", *(groups or []))


def started(at: Started, connection: Connection, trainee: str) -> tuple[int, list[int]]:
    answer = start_training(at.world.workshop, connection, at.migration, trainee, "ada")
    assert "right" not in json.dumps(answer["tasks"]), "the answers stay here"
    rows = connection.execute("SELECT tasks FROM migration.trainings WHERE id = %s", [answer["training_id"]]).fetchall()
    return answer["training_id"], [task["right"] for task in rows[0][0]]


def after(connection: Connection, training: int, seconds: int) -> None:
    connection.execute(
        "UPDATE migration.trainings SET started_at = clock_timestamp() - make_interval(secs => %s) WHERE id = %s",
        [seconds, training],
    )


def test_the_time_of_training_is_the_median_over_people_with_failed_attempts_counted_in(verified: Started) -> None:
    workshop, migration = verified.world.workshop, verified.migration
    with verified.world.connect() as connection:
        assert retraining_minutes(connection, migration) is None

        def train(trainee: str, seconds: int, *, well: bool) -> dict[str, Any]:
            number, right = started(verified, connection, trainee)
            after(connection, number, seconds)
            answers = right if well else [(right[0] + 1) % 4, *right[1:]]
            return finish_training(workshop, connection, migration, number, answers)

        failed = train("A. B.", 100, well=False)
        assert not failed["passed"] and failed["wrong"][0]["task"] == 1
        assert retraining_minutes(connection, migration) is None, "nobody had everything right yet"
        assert train("A. B.", 140, well=True)["passed"]
        assert retraining_minutes(connection, migration) == pytest.approx(4.0, abs=0.1)
        train("C. D.", 120, well=True)
        train("E. F.", 600, well=True)
        train("G. H.", 5, well=False)
        assert retraining_minutes(connection, migration) == pytest.approx(4.0, abs=0.1)
        gate = connection.execute(
            "SELECT passed, value, evidence ->> 'trained' FROM migration.gates WHERE migration_id = %s AND name = 'retraining_minutes_median'",
            [migration],
        ).fetchone()
        assert gate == (True, "4.0 minutes", "3")
        assert len(trainings_of(connection, migration)) == 5
        train("E. F.", 60, well=True)
        number, right = started(verified, connection, "I. J.")
        for wrong in ([*right, 0], right[:-1]):
            with pytest.raises(BadInput, match="There are 5 tasks"):
                finish_training(workshop, connection, migration, number, wrong)
        finish_training(workshop, connection, migration, number, right)
        with pytest.raises(Refused, match="answered already"):
            finish_training(workshop, connection, migration, number, right)
        with pytest.raises(BadInput, match="does not exist"):
            finish_training(workshop, connection, migration + 1, number, right)
    card = verified.world.ok("verify", migration)["scorecard"]
    assert card["metrics"]["retraining_minutes_median"] == pytest.approx(3.0, abs=1.1)


def test_the_command_writes_the_page_and_nothing_is_there_before_a_load(planned: Started, tmp_path: Path) -> None:
    refused = planned.world.fails(2, "training-sheet", planned.migration)
    assert "nothing of it is loaded that staff could learn" in refused["what"]


def test_the_command_says_where_the_page_lies(verified: Started, tmp_path: Path) -> None:
    answer = verified.world.ok("training-sheet", verified.migration, "--out", tmp_path / "sheets")
    text = Path(answer["page"]).read_text(encoding="utf-8")
    assert answer["hash"] in text and "What sells best" in text
