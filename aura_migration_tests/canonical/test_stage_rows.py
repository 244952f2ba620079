"""From a batch to staged rows: mapping, corrections, checks, duplicates, references, what no database can hold."""

from __future__ import annotations

from typing import Any

import psycopg
import pytest

from aura_migration.canonical.model import Batch
from aura_migration.canonical.stage import Staged, storable
from aura_migration.core.errors import BadInput
from aura_migration_tests.support.menus import (
    Menu,
    aura_row,
    cafe,
    load,
    make_chain,
    migrate,
    one,
    plan,
    plan_row,
    rows,
    stage,
)

Connection = psycopg.Connection[Any]


def staged_row(connection: Connection, entity: str, key: str) -> tuple[Any, ...]:
    """``(content, verdict, reason)`` of one staged row."""
    (found,) = rows(
        connection,
        "SELECT content, verdict, reason FROM staging.rows WHERE entity = %s AND source_key = %s",
        [entity, key],
    )
    return tuple(found)


def item_menu(**values: Any) -> Menu:
    menu = Menu()
    menu.item("A", "Apple pie", **values)
    return menu


def all_accounted(connection: Connection, staged: Staged, batch: Batch) -> None:
    given = {(r.entity, r.key) for r in batch.rows} | {(r.entity, r.key) for r in batch.rejected}
    assert staged.total == one(connection, "SELECT count(*) FROM staging.rows") >= len(given)


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ({"name": "x" * 513}, "name has 513 characters, more than 512"),
        ({"name": "nul\x00byte"}, "name holds characters that no database can store"),
        ({"name": "half \ud83c"}, "name holds characters that no database can store"),
        ({"name": ""}, "name is empty"),
        ({"name": None}, "name is missing"),
        ({"price_cents": 10**30}, "price_cents is enormous, which cannot be right"),
        ({"price_cents": 5.5}, "price_cents is not a whole number"),
        ({"price_cents": True}, "price_cents is not a whole number"),
        ({"display_order": 2**31}, "display_order is 2147483648, which cannot be right"),
        ({"calories": -1}, "calories is -1, below 0"),
        ({"price_type": "free"}, "price_type is 'free', not one of fixed, open, per_unit, variation"),
        ({"is_active": 1}, "is_active is neither true nor false"),
        ({"tags": "vegan"}, "tags is not a list or mapping"),
        ({"tags": ["nul\x00"]}, "tags holds something that JSON or the database cannot store"),
        (
            {"custom_fields": {"x": float("nan")}},
            "custom_fields holds something that JSON or the database cannot store",
        ),
        ({"sku": "s" * 501}, "sku has 501 characters, more than 500"),
        ({"colour": "red"}, "items has no field colour"),
    ],
)
def test_a_row_that_no_table_can_hold_is_in_quarantine_with_its_reason(
    connection: Connection, values: dict[str, Any], reason: str
) -> None:
    (subject,) = make_chain(connection)
    menu = item_menu()
    next(r for r in menu.batch.rows if r.entity == "items").values.update(values)
    staged = stage(connection, subject, menu)
    all_accounted(connection, staged, menu.batch)
    _, verdict, why = staged_row(connection, "items", "A")
    assert (verdict, why) == ("quarantine", reason)
    assert rows(connection, "SELECT reasons FROM migration.quarantine WHERE entity = 'items'") == [([reason],)]
    stored = plan(connection, subject)
    load(connection, subject, stored.plan_id)
    assert one(connection, "SELECT count(*) FROM aura.menu_items") == 0


def test_a_record_that_fails_does_not_stop_the_others(connection: Connection) -> None:
    (subject,) = make_chain(connection)
    menu = item_menu()
    menu.item("B", "\x00")
    migrate(connection, subject, menu)
    assert rows(connection, "SELECT source_id FROM aura.menu_items") == [("A",)]


def test_an_empty_sku_is_none(connection: Connection) -> None:
    (subject,) = make_chain(connection)
    menu = item_menu(sku="")
    menu.add("variations", "V", menu_item_key="A", name="Big", sku="")
    menu.group("G", [("Cream", 0)])
    menu.batch.rows[-2].values["sku"] = ""
    migrate(connection, subject, menu)
    assert aura_row(connection, "menu_items", "A")["sku"] is None


def test_a_repeated_record_is_one_and_a_contradiction_is_in_quarantine_in_any_order(connection: Connection) -> None:
    (subject,) = make_chain(connection)
    found = []
    for is_reversed in (False, True):
        menu = item_menu()
        menu.add("items", "A", {"id": "A", "name": "Apple pie"}, name="Apple pie")
        for cents in (100, 200):
            menu.add("items", "B", name="Bread", price_cents=cents)
        if is_reversed:
            menu.batch.rows.reverse()
        staged = stage(connection, subject, menu)
        assert staged.entities["items"] == {"rows": 1, "quarantined": 1, "skipped": 0}
        found.append(staged_row(connection, "items", "B"))
    assert found[0] == found[1]
    assert found[0][1:] == ("quarantine", "the POS sent two different records under this id")


def test_what_the_connector_rejected_is_listed_and_can_be_corrected(connection: Connection) -> None:
    (subject,) = make_chain(connection)
    menu = item_menu()
    menu.batch.reject(
        "items",
        "B",
        "The item has no price.",
        "catalog#B",
        **{**menu.batch.rows[1].values, "name": "Bread", "price_cents": None},
    )
    staged = stage(connection, subject, menu)
    assert staged.entities["items"] == {"rows": 1, "quarantined": 1, "skipped": 0}
    connection.execute(
        "UPDATE migration.quarantine SET correction = '{\"price_cents\": 250}', corrected_by = 'Ada' WHERE source_key = 'B'"
    )
    migrate(connection, subject, menu)
    assert aura_row(connection, "menu_items", "B")["price_cents"] == 250
    assert rows(connection, "SELECT state FROM migration.quarantine") == [("released",)]


def test_a_correction_that_is_wrong_itself_stays_in_quarantine(connection: Connection) -> None:
    (subject,) = make_chain(connection)
    menu = item_menu()
    menu.batch.rows[1].values["name"] = ""
    stage(connection, subject, menu)
    connection.execute("UPDATE migration.quarantine SET correction = '{\"name\": 7}' WHERE entity = 'items'")
    stage(connection, subject, menu)
    assert staged_row(connection, "items", "A")[1:] == ("quarantine", "name is not a text")


def test_staging_does_not_change_the_batch(connection: Connection) -> None:
    (subject,) = make_chain(connection)
    menu = item_menu(sku="")
    mapping = {"fieldMapping": [{"posField": "name", "auraField": "name", "transform": "upper"}]}
    for _ in range(2):
        stage(connection, subject, menu, mapping)
        assert staged_row(connection, "items", "A")[0]["name"] == "APPLE PIE"
    assert menu.batch.rows[1].values["name"] == "Apple pie"


def test_staging_again_replaces_the_rows_of_this_migration_only(connection: Connection) -> None:
    first, second = make_chain(connection, "L1", "L2")
    stage(connection, first, item_menu())
    stage(connection, second, Menu("L2"))
    stage(connection, first, Menu("L1"))
    assert rows(connection, "SELECT migration_id, source_key FROM staging.rows ORDER BY 1") == [
        (first.migration_id, "L1"),
        (second.migration_id, "L2"),
    ]


def test_categories_in_a_circle_are_cut_at_one_place_and_that_is_said(connection: Connection) -> None:
    (subject,) = make_chain(connection)
    menu = Menu()
    for key, parent in (("X", "Y"), ("Y", "Z"), ("Z", "X"), ("W", "Y"), ("S", "S")):
        menu.add("categories", key, name=key, parent_category_key=parent)
    staged = stage(connection, subject, menu)
    (loss,) = staged.losses
    assert (loss.records, loss.examples) == (2, ("S", "X"))
    migrate(connection, subject, menu)
    parents = rows(
        connection,
        "SELECT c.source_id, p.source_id FROM aura.menu_categories c LEFT JOIN aura.menu_categories p ON p.id = c.parent_category_id ORDER BY 1",
    )
    assert parents == [("S", None), ("W", "Y"), ("X", None), ("Y", "Z"), ("Z", "X")]


def test_children_may_come_before_their_parents_in_the_batch_and_in_small_batches_of_the_load(
    connection: Connection,
) -> None:
    (subject,) = make_chain(connection)
    menu = Menu()
    for depth in range(9, -1, -1):
        menu.add("categories", f"C{depth}", name=f"C{depth}", parent_category_key=f"C{depth - 1}" if depth else None)
    stage(connection, subject, menu)
    stored = plan(connection, subject)
    load(connection, subject, stored.plan_id, batch_rows=1)
    assert one(connection, "SELECT count(*) FROM aura.menu_categories WHERE parent_category_id IS NOT NULL") == 9


def test_the_source_hash_covers_the_record_of_the_pos(connection: Connection) -> None:
    (subject,) = make_chain(connection)
    hashes = []
    for source in (
        {"id": "A", "note": 1},
        {"note": 1, "id": "A"},
        {"id": "A", "note": 2},
        {"id": "A", "note": "\ud83c"},
    ):
        menu = Menu()
        menu.add("items", "A", source, name="Apple pie")
        stage(connection, subject, menu)
        hashes.append(one(connection, "SELECT source_hash FROM staging.rows WHERE entity = 'items'"))
    assert hashes[0] == hashes[1] != hashes[2] != hashes[3]


def test_a_row_of_an_entity_that_does_not_exist_is_an_error_of_the_connector(connection: Connection) -> None:
    (subject,) = make_chain(connection)
    menu = Menu()
    menu.add("dishes", "A", name="Apple pie")
    with pytest.raises(KeyError, match="dishes"):
        stage(connection, subject, menu)


def test_what_cannot_be_stored_is_replaced_not_lost() -> None:
    given = {"a\x00": ["x\ud800", 10**40, float("inf"), (1, None), {"b": True}], 3: 1.5}
    assert storable(given) == {"a\ufffd": ["x?", str(10**40), "inf", [1, None], {"b": True}], "3": 1.5}


# -- field mapping ------------------------------------------------------------------------------------------------------


def mapped(connection: Connection, menu: Menu, *mappings: dict[str, Any]) -> Any:
    (subject,) = make_chain(connection)
    stage(connection, subject, menu, {"fieldMapping": list(mappings)})
    return staged_row(connection, "items", "A")


def sourced(**source: Any) -> Menu:
    menu = Menu()
    menu.item("A", "Apple pie")
    menu.batch.rows[1].source = {"id": "A", "name": "Apple pie", **source}
    return menu


def test_a_mapped_field_is_taken_from_the_record_of_the_pos(connection: Connection) -> None:
    content, verdict, _ = mapped(
        connection,
        sourced(data={"prep": {"seconds": 301}, "labels": [" hot ", "new"]}, margin="1.5"),
        {"posField": "data.prep.seconds", "auraField": "prepTimeMinutes", "transform": "seconds_to_minutes"},
        {"posField": "data.labels.0", "auraField": "kitchenName", "transform": "trim"},
        {"posField": "margin", "auraField": "customFields.margin"},
        {
            "posField": "margin",
            "auraField": "customFields.double",
            "transform": "multiply",
            "arguments": {"factor": "2"},
        },
    )
    assert verdict is None
    assert content["prep_time_minutes"] == 6
    assert content["kitchen_name"] == "hot"
    assert content["custom_fields"] == {"margin": "1.5", "double": "3"}


def test_a_transform_that_fails_on_one_record_sends_that_one_to_quarantine(connection: Connection) -> None:
    menu = sourced(prep="about ten")
    menu.item("B", "Bread")
    menu.batch.rows[3].source = {"prep": 600}
    found = mapped(
        connection, menu, {"posField": "prep", "auraField": "prepTimeMinutes", "transform": "seconds_to_minutes"}
    )
    assert found[1:] == ("quarantine", "transform seconds_to_minutes of prep: 'about ten' is not a number")
    assert staged_row(connection, "items", "B")[0]["prep_time_minutes"] == 10


def test_a_mapped_value_that_does_not_fit_the_field_is_in_quarantine(connection: Connection) -> None:
    found = mapped(connection, sourced(note="x"), {"posField": "note", "auraField": "calories"})
    assert found[1:] == ("quarantine", "calories is not a whole number")


def test_a_pos_field_that_no_record_has_is_bad_input_and_names_those_that_occur(connection: Connection) -> None:
    with pytest.raises(BadInput, match=r"posField 'colour' occurs in no items record") as refused:
        mapped(connection, sourced(data={"deep": 1}), {"posField": "colour", "auraField": "description"})
    assert "data.deep" in refused.value.remedy


def test_a_mapping_of_an_empty_menu_is_no_error(connection: Connection) -> None:
    (subject,) = make_chain(connection)
    mapping = {"fieldMapping": [{"posField": "colour", "auraField": "description"}]}
    assert stage(connection, subject, Menu(), mapping).total == 1


def test_a_default_fills_what_the_record_does_not_have(connection: Connection) -> None:
    menu = sourced()
    menu.item("B", "Bread")
    menu.batch.rows[3].source = {"note": "ours"}
    default = {"transform": "default", "arguments": {"value_if_missing": "none given"}}
    content, _, _ = mapped(connection, menu, {"posField": "note", "auraField": "description", **default})
    assert content["description"] == "none given"
    assert staged_row(connection, "items", "B")[0]["description"] == "ours"


def test_a_mapped_value_is_not_overridden_by_the_row_of_the_location_that_repeats_the_old_one(
    connection: Connection,
) -> None:
    (subject,) = make_chain(connection)
    menu = cafe()
    for row in menu.batch.rows:
        if row.entity == "item_locations" and row.key == "L1/AVO":
            row.values["name"] = "Avocado toast"
    mapping = {"fieldMapping": [{"posField": "name", "auraField": "name", "transform": "upper"}]}
    stage(connection, subject, menu, mapping)
    stored = plan(connection, subject, mapping)
    load(connection, subject, stored.plan_id)
    assert plan_row(connection, stored, "item_locations", "L1/AVO")["image"]["name"] is None
    assert aura_row(connection, "menu_items", "AVO")["name"] == "AVOCADO TOAST"
