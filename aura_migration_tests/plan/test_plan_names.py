"""Records AuraConnect already has: a name proposes, a strategy or a person decides, a near-tie is never guessed."""

from __future__ import annotations

from typing import Any

import psycopg
import pytest

from aura_migration.core.errors import BadInput
from aura_migration.migration.decide import decide_conflict
from aura_migration_tests.support.menus import (
    Menu,
    actions,
    aura_image,
    load,
    make_chain,
    make_integration,
    make_restaurant,
    make_subject,
    migrate,
    one,
    plan,
    plan_row,
    preview,
    rows,
    stage,
    totals,
    undo,
)

Connection = psycopg.Connection[Any]


def native_item(connection: Connection, restaurant_id: int, name: str, cents: int | None = 700, **values: Any) -> int:
    """An item made in AuraConnect itself."""
    columns = {"name": name, "price_cents": cents, **values}
    found: int = one(
        connection,
        f"INSERT INTO aura.menu_items (restaurant_id, {', '.join(columns)}) VALUES (%s, {', '.join(['%s'] * len(columns))}) RETURNING id",
        [restaurant_id, *columns.values()],
    )
    return found


def burger_menu(cents: int = 500, **values: Any) -> Menu:
    menu = Menu()
    menu.item("BUR", "Burger", cents, **values)
    return menu


def item(connection: Connection, aura_id: int) -> tuple[Any, ...]:
    query = "SELECT name, price_cents, description, source_vendor FROM aura.menu_items WHERE id = %s"
    return tuple(rows(connection, query, [aura_id])[0])


def decide(
    connection: Connection, migration_id: int, entity: str, key: str, strategy: str, aura_id: int | None = None
) -> None:
    connection.execute(
        "INSERT INTO migration.decisions (migration_id, entity, source_key, strategy, aura_id, decided_by) VALUES (%s, %s, %s, %s, %s, 'Ada')",
        [migration_id, entity, key, strategy, aura_id],
    )


def test_without_a_strategy_a_record_of_the_same_name_is_a_conflict(connection: Connection) -> None:
    (subject,) = make_chain(connection)
    native = native_item(connection, subject.restaurant_id, " burger ")
    stored = preview(connection, subject, burger_menu())
    row = plan_row(connection, stored, "items", "BUR")
    assert (row["action"], row["aura_id"], row["candidates"]) == ("conflict", None, [native])
    assert row["before"]["price_cents"] == 700
    assert row["content"]["price_cents"] == 500


@pytest.mark.parametrize(
    ("strategy", "action", "expected"),
    [
        ("keep_existing", "merge", ("BURGER", 700, None, None)),
        ("merge", "merge", ("BURGER", 700, "juicy", None)),
        ("overwrite", "update", ("Burger", 500, "juicy", None)),
        ("duplicate", "create", ("BURGER", 700, None, None)),
    ],
)
def test_a_strategy_decides_and_a_second_run_changes_nothing(
    connection: Connection, strategy: str, action: str, expected: tuple[Any, ...]
) -> None:
    (subject,) = make_chain(connection)
    native = native_item(connection, subject.restaurant_id, "BURGER")
    before = aura_image(connection)
    options = {"conflicts": {"strategy": strategy}}
    stored = migrate(connection, subject, burger_menu(description="juicy"), options)
    assert actions(connection, stored, "items") == {"BUR": action}
    assert item(connection, native) == expected
    assert one(connection, "SELECT count(*) FROM aura.menu_items") == (2 if strategy == "duplicate" else 1)

    loaded = aura_image(connection)
    again = migrate(connection, subject, burger_menu(description="juicy"), options)
    assert totals(again)["unchanged"] == totals(again)["source"]
    assert aura_image(connection) == loaded

    undo(connection, subject)
    assert aura_image(connection) == before


def test_what_is_kept_in_auraconnect_is_not_overridden_by_the_row_of_the_location(connection: Connection) -> None:
    (subject,) = make_chain(connection)
    native_item(connection, subject.restaurant_id, "Burger", 700)
    stored = migrate(connection, subject, burger_menu(500), {"conflicts": {"strategy": "keep_existing"}})
    assert one(connection, "SELECT price_cents FROM aura.menu_item_location_overrides") is None
    assert plan_row(connection, stored, "items", "BUR")["kept"] == ["price_cents"]
    # The same when the price changes at the POS: AuraConnect's own is the one that counts.
    later = preview(connection, subject, burger_menu(550), {"conflicts": {"strategy": "keep_existing"}})
    assert actions(connection, later, "items") == {"BUR": "merge"}
    assert actions(connection, later, "item_locations") == {"L1/BUR": "unchanged"}


def test_merging_does_not_take_an_unlimited_or_open_value_for_a_gap(connection: Connection) -> None:
    (subject,) = make_chain(connection)
    native = native_item(connection, subject.restaurant_id, "Burger", None, price_type="open", sku=None)
    migrate(connection, subject, burger_menu(500, sku="B1"), {"conflicts": {"strategy": "merge"}})
    assert rows(connection, "SELECT price_type, price_cents, sku FROM aura.menu_items WHERE id = %s", [native]) == [
        ("open", None, "B1")
    ]


def test_two_records_of_one_name_are_never_guessed(connection: Connection) -> None:
    (subject,) = make_chain(connection)
    first, second = (native_item(connection, subject.restaurant_id, "Burger", cents) for cents in (700, 800))
    stage(connection, subject, burger_menu())
    for options in ({}, {"conflicts": {"strategy": "overwrite"}}, {"conflicts": {"strategy": "merge"}}):
        row = plan_row(connection, plan(connection, subject, options), "items", "BUR")
        assert (row["action"], row["candidates"]) == ("conflict", [first, second])
    connection.execute("UPDATE migration.migrations SET state = 'planned'")
    with pytest.raises(BadInput, match="several"):
        decide_conflict(connection, subject.migration_id, "items", ["BUR"], "overwrite", "Ada")
    with pytest.raises(BadInput, match=f"{second + 1} is not"):
        decide_conflict(connection, subject.migration_id, "items", ["BUR"], "overwrite", "Ada", aura_id=second + 1)
    decide_conflict(connection, subject.migration_id, "items", ["BUR"], "overwrite", "Ada", aura_id=second)
    stored = plan(connection, subject)
    assert plan_row(connection, stored, "items", "BUR")["aura_id"] == second
    load(connection, subject, stored.plan_id)
    assert item(connection, first)[1] == 700
    assert item(connection, second)[1] == 500


def test_two_records_of_the_pos_with_one_name_are_never_guessed(connection: Connection) -> None:
    (subject,) = make_chain(connection)
    native = native_item(connection, subject.restaurant_id, "Burger")
    menu = burger_menu()
    menu.item("BU2", "BURGER", 900)
    stored = preview(connection, subject, menu, {"conflicts": {"strategy": "overwrite"}})
    assert actions(connection, stored, "items") == {"BUR": "conflict", "BU2": "conflict"}
    # Even if somebody decides both for the same record, only one of them can be it.
    for key in ("BUR", "BU2"):
        decide(connection, subject.migration_id, "items", key, "overwrite", native)
    assert set(actions(connection, plan(connection, subject), "items").values()) == {"conflict"}
    connection.execute("UPDATE migration.decisions SET strategy = 'duplicate' WHERE source_key = 'BU2'")
    assert actions(connection, plan(connection, subject), "items") == {"BUR": "update", "BU2": "create"}


def test_a_record_in_the_options_is_decided_apart_from_the_rest(connection: Connection) -> None:
    (subject,) = make_chain(connection)
    burger = native_item(connection, subject.restaurant_id, "Burger")
    fries = native_item(connection, subject.restaurant_id, "Fries")
    menu = burger_menu()
    menu.item("FRI", "Fries", 300)
    records = [{"entity": "items", "key": "BUR", "strategy": "overwrite"}]
    stored = migrate(
        connection, subject, menu, {"conflicts": {"entities": {"items": "keep_existing"}, "records": records}}
    )
    assert actions(connection, stored, "items") == {"BUR": "update", "FRI": "merge"}
    assert (item(connection, burger)[1], item(connection, fries)[1]) == (500, 700)


def test_a_link_that_exists_is_not_made_twice(connection: Connection) -> None:
    (subject,) = make_chain(connection)
    native = native_item(connection, subject.restaurant_id, "Burger")
    group = one(
        connection,
        "INSERT INTO aura.modifier_groups (restaurant_id, name) VALUES (%s, 'Sauces') RETURNING id",
        [subject.restaurant_id],
    )
    connection.execute(
        "INSERT INTO aura.menu_item_modifiers (restaurant_id, menu_item_id, modifier_group_id, min_selections, max_selections, is_required) "
        "VALUES (%s, %s, %s, 0, 3, false)",
        [subject.restaurant_id, native, group],
    )
    menu = burger_menu()
    menu.group("SAU", [("Mayo", 0)], items=["BUR"])
    menu.batch.rows[-4].values["name"] = "Sauces"  # the group itself
    undecided = preview(
        connection, subject, menu, {"conflicts": {"entities": {"items": "overwrite", "modifier_groups": "overwrite"}}}
    )
    assert actions(connection, undecided, "item_modifier_groups") == {"L1/BUR/SAU": "conflict"}
    stored = migrate(connection, subject, menu, {"conflicts": {"strategy": "overwrite"}})
    assert actions(connection, stored, "item_modifier_groups") == {"L1/BUR/SAU": "update"}
    assert rows(connection, "SELECT menu_item_id, modifier_group_id, max_selections FROM aura.menu_item_modifiers") == [
        (native, group, None)
    ]


def test_two_tenants_with_the_same_names_do_not_touch_each_other(connection: Connection) -> None:
    (mine,) = make_chain(connection)
    other_restaurant = make_restaurant(connection, "Trattoria")
    native_item(connection, other_restaurant, "Burger")
    other_integration = make_integration(connection, other_restaurant, merchant="M2")
    theirs = make_subject(connection, other_integration, "L2")
    before = aura_image(connection, restaurant_id=other_restaurant)

    stored = migrate(connection, mine, burger_menu(), {"conflicts": {"strategy": "overwrite"}})
    assert actions(connection, stored, "items") == {"BUR": "create"}
    assert aura_image(connection, restaurant_id=other_restaurant) == before

    mine_now = aura_image(connection, restaurant_id=mine.restaurant_id)
    menu = Menu("L2")
    menu.item("BUR", "Burger", 900)
    migrate(connection, theirs, menu, {"conflicts": {"strategy": "overwrite"}})
    assert aura_image(connection, restaurant_id=mine.restaurant_id) == mine_now
    undo(connection, mine)
    undo(connection, theirs)
    assert aura_image(connection, restaurant_id=other_restaurant) == before


def test_a_second_account_of_the_restaurant_is_not_linked_by_name_to_what_the_first_one_brought(
    connection: Connection,
) -> None:
    (subject,) = make_chain(connection)
    migrate(connection, subject, burger_menu())
    second = make_subject(connection, make_integration(connection, subject.restaurant_id, "clover", "M2"), "C1")
    menu = Menu("C1")
    menu.item("BUR", "Burger", 650)
    stored = preview(connection, second, menu)
    assert actions(connection, stored, "items") == {"BUR": "create"}


def test_native_parents_and_children_keep_or_part_together(connection: Connection) -> None:
    (subject,) = make_chain(connection)
    food = one(
        connection,
        "INSERT INTO aura.menu_categories (restaurant_id, name) VALUES (%s, 'Food') RETURNING id",
        [subject.restaurant_id],
    )
    menu = Menu()
    menu.category("F", name="Food")
    menu.category("S", name="Soups", parent_category_key="F")
    kept = preview(connection, subject, menu, {"conflicts": {"strategy": "keep_existing"}})
    assert plan_row(connection, kept, "categories", "S")["image"]["parent_category_id"] == food
    apart = preview(connection, subject, menu, {"conflicts": {"strategy": "duplicate"}})
    parent = plan_row(connection, apart, "categories", "F")["aura_id"]
    assert parent != food
    assert plan_row(connection, apart, "categories", "S")["image"]["parent_category_id"] == parent
