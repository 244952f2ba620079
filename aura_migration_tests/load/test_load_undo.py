"""Rollback, record by record: untouched goes, edited stays, referenced is archived; its preview says the same."""

from __future__ import annotations

from typing import Any

import psycopg
import pytest

from aura_migration_tests.support.menus import (
    Menu,
    aura_image,
    aura_row,
    cafe,
    make_chain,
    make_subject,
    migrate,
    one,
    preview,
    rows,
    sold,
    totals,
    undo,
)

Connection = psycopg.Connection[Any]


def outcomes(undone: Any) -> dict[str, int]:
    """Outcome → number, over all tables."""
    found: dict[str, int] = {}
    for counts in undone.counts.values():
        for outcome, number in counts.items():
            found[outcome] = found.get(outcome, 0) + number
    return found


def kept(undone: Any, table: str) -> list[tuple[str, Any]]:
    return [(k["outcome"], k.get("columns") or k.get("referenced_by")) for k in undone.kept if k["table"] == table]


def native(connection: Connection, restaurant_id: int) -> None:
    """What the restaurant had before: an item with everything, and a category."""
    connection.execute(
        "INSERT INTO aura.menu_items (restaurant_id, name, price_cents, description, custom_fields, updated_at) "
        "VALUES (%s, 'Coffee', 999, 'house blend', '{\"ratio\": 1.10, \"big\": 12345678901234567890.123}', '2020-01-01')",
        [restaurant_id],
    )
    connection.execute("INSERT INTO aura.menu_categories (restaurant_id, name) VALUES (%s, 'Food')", [restaurant_id])


OVERWRITE = {"conflicts": {"strategy": "overwrite"}}


def test_overwritten_records_come_back_to_the_byte(connection: Connection) -> None:
    (subject,) = make_chain(connection)
    native(connection, subject.restaurant_id)
    before = aura_image(connection)
    menu = cafe()
    for row in menu.batch.rows:
        if (row.entity, row.key) == ("items", "COF"):
            row.values["custom_fields"] = {"ratio": 2}
    migrate(connection, subject, menu, OVERWRITE)
    assert aura_image(connection)["menu_items"][0] != before["menu_items"][0]
    undone = undo(connection, subject)
    assert undone.kept == []
    assert undone.counts["menu_items"] == {"restored": 1, "removed": 2}
    assert aura_image(connection) == before


def test_the_preview_of_a_rollback_changes_nothing_and_says_what_the_rollback_does(connection: Connection) -> None:
    (subject,) = make_chain(connection)
    native(connection, subject.restaurant_id)
    migrate(connection, subject, cafe(), OVERWRITE)
    connection.execute("UPDATE aura.menu_items SET name = 'Mine' WHERE source_id = 'AVO'")
    loaded = aura_image(connection)
    rehearsed = undo(connection, subject, rehearse=True)
    assert aura_image(connection) == loaded
    assert one(connection, "SELECT count(*) FROM migration.journal WHERE undone_at IS NOT NULL") == 0
    assert undo(connection, subject).as_dict() == rehearsed.as_dict()


def test_what_people_edited_stays_with_what_it_stands_on_and_is_listed(connection: Connection) -> None:
    (subject,) = make_chain(connection)
    migrate(connection, subject, cafe())
    connection.execute("UPDATE aura.menu_items SET name = 'Mine', updated_at = now() WHERE source_id = 'AVO'")
    (mine,) = [row for row in aura_image(connection)["menu_items"] if ",Mine," in row]
    undone = undo(connection, subject)
    assert kept(undone, "menu_items") == [("kept_edited", ["name"])]
    assert sorted(kept(undone, "menu_categories")) == [
        ("kept_needed", "menu_categories"),
        ("kept_needed", "menu_items"),
    ]
    assert kept(undone, "menus") == [("kept_needed", "menu_categories")]
    left = aura_image(connection)
    assert left["menu_items"] == [mine]
    assert {t: len(r) for t, r in left.items() if r} == {
        "restaurants": 1,
        "menu_items": 1,
        "menu_categories": 2,
        "menus": 1,
    }


def test_edits_are_undone_on_demand(connection: Connection) -> None:
    (subject,) = make_chain(connection)
    native(connection, subject.restaurant_id)
    before = aura_image(connection)
    migrate(connection, subject, cafe(), OVERWRITE)
    connection.execute("UPDATE aura.menu_items SET name = name || '!', description = 'edited'")
    undone = undo(connection, subject, edited="undo")
    assert undone.kept == []
    assert aura_image(connection) == before


def test_of_a_record_that_was_there_before_only_untouched_columns_come_back(connection: Connection) -> None:
    (subject,) = make_chain(connection)
    native(connection, subject.restaurant_id)
    migrate(connection, subject, cafe(), OVERWRITE)
    connection.execute(
        "UPDATE aura.menu_items SET price_cents = 345, kitchen_name = 'COFFEE' WHERE source_vendor IS NULL"
    )
    undone = undo(connection, subject)
    assert kept(undone, "menu_items") == [("kept_edited", ["kitchen_name", "price_cents"])]
    assert rows(connection, "SELECT name, price_cents, description, kitchen_name FROM aura.menu_items") == [
        ("Coffee", 345, "house blend", "COFFEE")
    ]


def test_an_edit_between_two_loads_of_one_migration_is_kept(connection: Connection) -> None:
    (subject,) = make_chain(connection)
    native(connection, subject.restaurant_id)
    migrate(connection, subject, cafe(), OVERWRITE)
    connection.execute("UPDATE aura.menu_items SET description = 'by hand' WHERE name = 'Coffee'")
    connection.execute("UPDATE aura.menu_items SET kitchen_name = 'by hand' WHERE source_id = 'AVO'")
    menu = cafe()
    for row in menu.batch.rows:
        if row.entity == "items":
            row.values["sku"] = f"SKU-{row.key}"
    migrate(connection, subject, menu, OVERWRITE)
    undone = undo(connection, subject)
    assert sorted(kept(undone, "menu_items")) == [("kept_edited", ["description"]), ("kept_edited", ["kitchen_name"])]
    assert rows(
        connection, "SELECT name, price_cents, description, sku FROM aura.menu_items WHERE source_id IS NULL"
    ) == [("Coffee", 999, "by hand", None)]


def test_what_a_rollback_keeps_is_known_again_to_the_next_migration_and_outlives_its_rollback(
    connection: Connection,
) -> None:
    (subject,) = make_chain(connection)
    migrate(connection, subject, cafe())
    connection.execute("UPDATE aura.menu_items SET name = 'Mine' WHERE source_id = 'AVO'")
    undo(connection, subject)
    left = aura_image(connection)
    for _ in range(2):
        subject = make_subject(connection, subject.integration_id)
        stored = migrate(connection, subject, cafe())
        assert totals(stored)["conflict"] == 0
        assert stored.counts["items"]["unchanged"] == 1
        assert sold(connection)["AVO"][0] == "Mine"
        undo(connection, subject)
        assert aura_image(connection) == left


def test_what_is_referred_to_since_is_archived_not_removed(connection: Connection) -> None:
    (subject,) = make_chain(connection)
    migrate(connection, subject, cafe())
    connection.execute(
        "INSERT INTO aura.menu_items (restaurant_id, name, category_id) SELECT restaurant_id, 'Soup', id FROM aura.menu_categories WHERE source_id = 'TOAST'"
    )
    undone = undo(connection, subject)
    assert ("archived", "menu_items") in kept(undone, "menu_categories")
    toast = aura_row(connection, "menu_categories", "TOAST")
    assert toast["deleted_at"] is not None and toast["is_active"] is False
    assert rows(connection, "SELECT name FROM aura.menu_items") == [("Soup",)]
    # Migrated again, the archived category is not taken for a live one.
    again = make_subject(connection, subject.integration_id)
    stored = migrate(connection, again, cafe())
    assert totals(stored)["create"] == totals(stored)["source"]


def test_what_people_removed_is_gone_and_no_obstacle(connection: Connection) -> None:
    (subject,) = make_chain(connection)
    before = aura_image(connection)
    migrate(connection, subject, cafe())
    connection.execute("DELETE FROM aura.price_rules")
    connection.execute("UPDATE aura.menu_items SET deleted_at = now(), is_active = false WHERE source_id = 'EGG'")
    undone = undo(connection, subject)
    assert undone.counts["price_rules"] == {"gone_already": 1}
    assert undone.kept == []
    assert aura_image(connection) == before


def test_a_reference_to_something_people_deleted_does_not_come_back(connection: Connection) -> None:
    (subject,) = make_chain(connection)
    native(connection, subject.restaurant_id)
    connection.execute("UPDATE aura.menu_items SET category_id = (SELECT id FROM aura.menu_categories)")
    menu = cafe()
    for row in menu.batch.rows:
        if (row.entity, row.key) == ("items", "COF"):
            row.values["category_key"] = "TOAST"
    migrate(connection, subject, menu, {"conflicts": {"entities": {"items": "overwrite", "categories": "duplicate"}}})
    connection.execute("DELETE FROM aura.menu_categories WHERE source_id IS NULL")
    undone = undo(connection, subject)
    assert kept(undone, "menu_items") == [("kept_edited", ["category_id"])]
    assert ("kept_needed", "menu_items") in kept(undone, "menu_categories")


def test_a_second_rollback_has_nothing_to_do(connection: Connection) -> None:
    (subject,) = make_chain(connection)
    migrate(connection, subject, cafe())
    undo(connection, subject)
    left = aura_image(connection)
    again = undo(connection, subject)
    assert (again.counts, again.kept) == ({}, [])
    assert aura_image(connection) == left


def test_after_a_rollback_the_menu_can_be_migrated_again_and_rolled_back_again(connection: Connection) -> None:
    (subject,) = make_chain(connection)
    native(connection, subject.restaurant_id)
    before = aura_image(connection)
    for _ in range(2):
        migrate(connection, subject, cafe(), OVERWRITE)
        assert sold(connection)["AVO"][2] == 1200
        undo(connection, subject)
        assert aura_image(connection) == before
        subject = make_subject(connection, subject.integration_id)


def test_a_location_migrated_again_takes_up_what_the_others_kept(connection: Connection) -> None:
    first, second = make_chain(connection, "L1", "L2")
    before = aura_image(connection)
    migrate(connection, first, cafe("L1"))
    migrate(connection, second, cafe("L2"))
    undone = undo(connection, first)
    assert undone.counts["menu_items"] == {"kept_claimed": 3}
    again = make_subject(connection, first.integration_id, "L1")
    stored = migrate(connection, again, cafe("L1"))
    assert stored.counts["items"]["unchanged"] == 3
    assert stored.counts["item_locations"]["create"] == 5
    undo(connection, second)
    assert set(sold(connection, "L1")) == {"AVO", "EGG", "COF", "COF-S", "COF-L"}
    undo(connection, again)
    assert aura_image(connection) == before


def test_an_edit_of_a_shared_record_outlives_all_who_claim_it(connection: Connection) -> None:
    first, second = make_chain(connection, "L1", "L2")
    migrate(connection, first, cafe("L1"))
    migrate(connection, second, cafe("L2"))
    connection.execute("UPDATE aura.menu_items SET name = 'Mine' WHERE source_id = 'EGG'")
    assert kept(undo(connection, first), "menu_items") == []
    assert kept(undo(connection, second), "menu_items") == [("kept_edited", ["name"])]


def test_a_change_by_the_only_location_stays_while_another_that_came_later_sells_it(connection: Connection) -> None:
    first, second = make_chain(connection, "L1", "L2")
    before = aura_image(connection)
    migrate(connection, first, cafe("L1"))

    def dearer(location: str) -> Menu:
        menu = cafe(location)
        for row in menu.batch.rows:
            if row.entity in ("items", "item_locations") and row.key.endswith("EGG"):
                row.values["price_cents"] = 1150
        return menu

    migrate(connection, first, dearer("L1"))
    migrate(connection, second, dearer("L2"))
    undo(connection, first)
    assert sold(connection, "L2")["EGG"][2] == 1150
    undo(connection, second)
    assert aura_image(connection) == before


@pytest.mark.parametrize("edited", ["keep", "undo"])
def test_a_rollback_that_fails_on_the_way_changes_nothing(connection: Connection, edited: str) -> None:
    (subject,) = make_chain(connection)
    migrate(connection, subject, cafe())
    loaded = aura_image(connection)
    connection.execute(
        """
        CREATE FUNCTION aura.refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'no'; END $$;
        CREATE TRIGGER refuse BEFORE DELETE ON aura.menu_categories FOR EACH ROW EXECUTE FUNCTION aura.refuse();
        """
    )
    with pytest.raises(psycopg.errors.RaiseException):
        undo(connection, subject, edited=edited)
    assert aura_image(connection) == loaded
    assert one(connection, "SELECT count(*) FROM migration.claims") > 0
    connection.execute("DROP TRIGGER refuse ON aura.menu_categories")
    assert outcomes(undo(connection, subject)) == {"removed": sum(map(len, loaded.values())) - 1}


def test_the_crosswalk_of_what_went_rests_and_stays_for_tracing(connection: Connection) -> None:
    (subject,) = make_chain(connection)
    stored = migrate(connection, subject, cafe())
    undo(connection, subject)
    assert rows(connection, "SELECT is_active, count(*) FROM migration.crosswalk GROUP BY 1") == [
        (False, totals(stored)["source"])
    ]
    again = preview(connection, make_subject(connection, subject.integration_id), cafe())
    assert totals(again)["create"] == totals(again)["source"]
