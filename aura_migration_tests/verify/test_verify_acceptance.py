"""The acceptance suite finds what is wrong with loaded rows by itself, says so in plain words, and shows nobody's data."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import psycopg
import pytest

from aura_migration.canonical.model import Batch
from aura_migration.migration.accepting import accept_migration
from aura_migration.migration.workshop import Workshop
from aura_migration.settings import Settings
from aura_migration.verify.acceptance.expected import tables
from aura_migration.verify.acceptance.suite import Accepted, accept
from aura_migration.verify.findings import ACCEPTANCE
from aura_migration_tests.support.menus import cafe, make_chain, migrate, one
from aura_migration_tests.support.staged_orders import history, migrate_history

Connection = psycopg.Connection[Any]
BREAKS = {
    (
        "menu_items",
        "no item costs less than nothing",
    ): "UPDATE aura.menu_items SET price_cents = -5 WHERE id = (SELECT min(id) FROM aura.menu_items WHERE price_cents IS NOT NULL)",
    (
        "modifiers",
        "as many modifiers as the plan says",
    ): "UPDATE aura.modifiers SET deleted_at = now() WHERE id = (SELECT min(id) FROM aura.modifiers)",
    (
        "menu_item_modifiers",
        "no group asks for more choices than it allows",
    ): "UPDATE aura.menu_item_modifiers SET min_selections = 9, max_selections = 1",
    ("tax_rates", "a rate is a percentage"): "UPDATE aura.tax_rates SET rate_percent = 800",
    (
        "orders",
        "a check is what its parts come to",
    ): "UPDATE aura.orders SET tax_amount_cents = tax_amount_cents + 1 WHERE id = (SELECT min(id) FROM aura.orders)",
    (
        "order_items",
        "no line points at an item that is not there",
    ): "UPDATE aura.order_items SET menu_item_id = 999999 WHERE id = (SELECT min(id) FROM aura.order_items)",
    (
        "payments",
        "no tip is negative",
    ): "UPDATE aura.payments SET tip_amount_cents = -1 WHERE id = (SELECT min(id) FROM aura.payments)",
}


@pytest.fixture
def loaded(database: str, connection: Connection) -> dict[str, Any]:
    """A café with a past, loaded; the numbers the suite's queries name, and the plan's counts."""
    (subject,) = make_chain(connection)
    stored = migrate(connection, subject, cafe())
    # What is judged are the orders' own sums; those of the hand-made documents add up.
    migrate_history(database, connection, subject, history(12, 2))
    place = one(connection, "SELECT DISTINCT location_id FROM aura.orders")
    return {
        "planned": stored.counts,
        "numbers": {
            "migration": subject.migration_id,
            "location": place,
            "plan": stored.plan_id,
            "restaurant": subject.restaurant_id,
            "integration": subject.integration_id,
        },
    }


def judged(database: str, loaded: dict[str, Any], folder: Path) -> Accepted:
    return accept(database, tables(loaded["planned"]), loaded["numbers"], folder)


def test_a_sound_load_is_accepted_and_every_break_is_named_on_pages_that_ask_and_name_nobody(
    database: str, connection: Connection, loaded: dict[str, Any], tmp_path: Path
) -> None:
    sound = judged(database, loaded, tmp_path / "sound")
    assert (sound.passed, sound.failed) == (True, ())
    assert all(one["rows"] for one in sound.results if one["table"] in ("menu_items", "orders", "payments"))

    for statement in (*BREAKS.values(), "UPDATE aura.menu_items SET name = 'Canary ' || name"):
        connection.execute(statement.encode())
    broken = judged(database, loaded, tmp_path / "broken")

    assert broken.passed is False
    assert {(one["table"], one["expectation"]) for one in broken.failed} == set(BREAKS)
    page = Path(broken.page).read_text()
    assert f"{len(broken.results) - len(BREAKS)} of {len(broken.results)} expectations met" in page
    pages = {path: path.read_text() for path in (tmp_path / "broken").rglob("*.html")}
    assert len(pages) > 10
    for path, text in pages.items():
        assert not re.search(r"<(script|link|img|iframe)[^>]*(src|href)=[\"'](https?:)?//", text), path
        assert "Canary" not in text, path


def test_nothing_loaded_is_nothing_judged(settings: Settings, database: str, connection: Connection) -> None:
    (subject,) = make_chain(connection)
    stored = migrate(connection, subject, Batch())
    connection.execute("UPDATE migration.plans SET state = 'loaded' WHERE id = %s", [stored.plan_id])

    found = accept_migration(Workshop(settings, database), subject.migration_id)

    assert found.passed is None
    gate = connection.execute(
        "SELECT passed, value FROM migration.gates WHERE migration_id = %s AND name = %s",
        [subject.migration_id, ACCEPTANCE],
    ).fetchone()
    assert gate is not None and gate[0] is None
    assert Path(found.page).is_relative_to(settings.data_dir)


def test_great_expectations_is_imported_only_where_it_runs() -> None:
    code = "import sys, aura_migration.definitions, aura_migration.cli.main; print('great_expectations' in sys.modules)"
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == "False"
