"""Previewing again after people worked in AuraConnect: what they changed is theirs, unless the POS changed it too."""

from __future__ import annotations

from typing import Any

import psycopg
import pytest

from aura_migration_tests.support.menus import (
    Menu,
    actions,
    aura_image,
    aura_row,
    cafe,
    make_chain,
    migrate,
    plan_row,
    preview,
    rows,
    sold,
    totals,
)

Connection = psycopg.Connection[Any]


def changed(entity: str, key: str, **values: Any) -> Menu:
    """The café with one item changed at the POS, on its own row and on that of the location."""
    menu = cafe()
    for row in menu.batch.rows:
        if (row.entity, row.key) in ((entity, key), ("item_locations", f"L1/{key}")):
            row.values.update(values)
    return menu


def edit(connection: Connection, table: str, key: str, **values: Any) -> None:
    """An edit by staff."""
    for name, value in values.items():
        connection.execute(f"UPDATE aura.{table} SET {name} = %s WHERE source_id = %s", [value, key])


def test_what_people_changed_stays_as_long_as_the_pos_says_nothing_new(connection: Connection) -> None:
    (subject,) = make_chain(connection)
    migrate(connection, subject, cafe())
    edit(connection, "menu_items", "AVO", price_cents=1500, name="House toast")
    edit(connection, "menu_item_location_overrides", "L1/EGG", price_cents=999, price_type="fixed")
    now = aura_image(connection)
    stored = migrate(connection, subject, cafe())
    assert totals(stored)["unchanged"] == totals(stored)["source"]
    row = plan_row(connection, stored, "items", "AVO")
    assert row["reason"] == "kept as changed in AuraConnect: name, price_cents"
    assert row["kept"] == ["name", "price_cents"]
    assert aura_image(connection) == now
    assert sold(connection)["AVO"][:3] == ("House toast", "fixed", 1500)


def test_what_the_pos_changes_elsewhere_on_the_row_comes_through(connection: Connection) -> None:
    (subject,) = make_chain(connection)
    migrate(connection, subject, cafe())
    edit(connection, "menu_items", "AVO", price_cents=1500)
    stored = migrate(connection, subject, changed("items", "AVO", name="Toast deluxe"))
    assert plan_row(connection, stored, "items", "AVO")["image"] == {"name": "Toast deluxe"}
    assert sold(connection)["AVO"][:3] == ("Toast deluxe", "fixed", 1500)


def test_what_both_changed_is_a_conflict(connection: Connection) -> None:
    (subject,) = make_chain(connection)
    migrate(connection, subject, cafe())
    edit(connection, "menu_items", "AVO", price_cents=1500)
    row = plan_row(connection, preview(connection, subject, changed("items", "AVO", price_cents=1350)), "items", "AVO")
    assert row["action"] == "conflict"
    assert row["reason"] == "changed in the POS and, since it was loaded, in AuraConnect: price_cents"


@pytest.mark.parametrize(("strategy", "cents"), [("keep_existing", 1500), ("merge", 1500), ("overwrite", 1350)])
def test_a_strategy_decides_what_both_changed_and_leaves_the_rest_alone(
    connection: Connection, strategy: str, cents: int
) -> None:
    (subject,) = make_chain(connection)
    migrate(connection, subject, cafe())
    edit(connection, "menu_items", "AVO", price_cents=1500)
    options = {"conflicts": {"strategy": strategy}}
    menu = changed("items", "AVO", price_cents=1350, name="Toast deluxe")
    migrate(connection, subject, menu, options)
    assert sold(connection)["AVO"][:3] == ("Toast deluxe", "fixed", cents)
    again = preview(connection, subject, menu, options)
    assert totals(again)["unchanged"] == totals(again)["source"]


def test_a_second_change_at_the_pos_after_a_kept_one_asks_again(connection: Connection) -> None:
    (subject,) = make_chain(connection)
    migrate(connection, subject, cafe())
    edit(connection, "menu_items", "AVO", price_cents=1500)
    migrate(
        connection, subject, changed("items", "AVO", price_cents=1350), {"conflicts": {"strategy": "keep_existing"}}
    )
    stored = preview(connection, subject, changed("items", "AVO", price_cents=1375))
    assert actions(connection, stored, "items")["AVO"] == "conflict"


@pytest.mark.parametrize(
    "how", ["DELETE FROM aura.menu_item_modifiers", "UPDATE aura.menu_item_modifiers SET deleted_at = now()"]
)
def test_what_people_removed_stays_removed_as_long_as_the_pos_says_nothing_new(
    connection: Connection, how: str
) -> None:
    (subject,) = make_chain(connection)
    migrate(connection, subject, cafe())
    connection.execute(how)
    now = aura_image(connection)
    stored = migrate(connection, subject, cafe())
    row = plan_row(connection, stored, "item_modifier_groups", "L1/COF/MILK")
    assert (row["action"], row["aura_id"]) == ("skip", None)
    assert "removed in AuraConnect" in row["reason"]
    assert aura_image(connection) == now
    again = preview(connection, subject, cafe())
    assert actions(connection, again, "item_modifier_groups") == {"L1/COF/MILK": "skip"}


@pytest.mark.parametrize(
    ("strategy", "action"),
    [(None, "conflict"), ("keep_existing", "skip"), ("overwrite", "create"), ("duplicate", "create")],
)
def test_what_people_removed_and_the_pos_changed_is_asked(
    connection: Connection, strategy: str | None, action: str
) -> None:
    (subject,) = make_chain(connection)
    migrate(connection, subject, cafe())
    old = aura_row(connection, "price_rules", "L1/COF/happy")["id"]
    connection.execute("DELETE FROM aura.price_rules")
    menu = cafe()
    for row in menu.batch.rows:
        if row.entity == "price_rules":
            row.values["price_cents"] = 123
    options = {"conflicts": {"strategy": strategy}} if strategy else None
    stored = preview(connection, subject, menu, options)
    planned = plan_row(connection, stored, "price_rules", "L1/COF/happy")
    assert planned["action"] == action
    if action == "create":
        assert planned["replaces_id"] == old
        migrate(connection, subject, menu, options)
        assert aura_row(connection, "price_rules", "L1/COF/happy")["price_cents"] == 123


def test_a_removed_item_is_brought_back_only_for_the_record(connection: Connection) -> None:
    (subject,) = make_chain(connection)
    migrate(connection, subject, cafe())
    connection.execute("UPDATE aura.menu_items SET deleted_at = now() WHERE source_id = 'EGG'")
    skipped = preview(connection, subject, cafe(), {"conflicts": {"strategy": "overwrite"}})
    assert actions(connection, skipped, "items")["EGG"] == "skip"
    assert actions(connection, skipped, "item_locations")["L1/EGG"] == "skip", "what hangs on it goes with it"
    records = [{"entity": "items", "key": "EGG", "strategy": "overwrite"}]
    migrate(connection, subject, cafe(), {"conflicts": {"records": records}})
    assert rows(connection, "SELECT count(*) FROM aura.menu_items WHERE source_id = 'EGG' AND deleted_at IS NULL") == [
        (1,)
    ]
    assert sold(connection)["EGG"] == ("Egg toast", "fixed", 1100, True, True)


def test_values_are_compared_not_their_spelling(connection: Connection) -> None:
    (subject,) = make_chain(connection)
    migrate(connection, subject, cafe())
    menu = cafe()
    for row in menu.batch.rows:
        if row.entity == "tax_rates":
            row.values["rate_percent"] = "8.87500"
        if row.entity == "stock":
            row.values["quantity"] = "12.50"
        if (row.entity, row.key) == ("items", "AVO"):
            row.values["allergens"] = None
    menu.batch.rows.reverse()
    again = preview(connection, subject, menu)
    assert totals(again)["unchanged"] == totals(again)["source"]


def test_nothing_and_left_out_are_the_same_but_not_zero_and_not_empty(connection: Connection) -> None:
    (subject,) = make_chain(connection)
    found = []
    answers: list[dict[str, Any]] = [{}, {"calories": None, "tags": None}, {"calories": 0}, {"tags": []}]
    for given in answers:
        menu = Menu()
        menu.item("A", "Apple pie", **given)
        found.append(totals(migrate(connection, subject, menu)))
    assert [f["update"] for f in found] == [0, 0, 1, 1]


@pytest.mark.parametrize(
    ("entity", "key", "field", "value"),
    [
        ("items", "AVO", "name", "Avocado toast "),
        ("items", "AVO", "name", "Avocado toast 🥑"),
        ("items", "AVO", "name", "avocado toast"),
        ("items", "AVO", "description", None),
        ("items", "AVO", "description", ""),
        ("items", "AVO", "price_cents", 1201),
        ("items", "AVO", "tags", ["Vegan"]),
        ("items", "AVO", "tags", []),
        ("price_rules", "L1/COF/happy", "time_from", "15:00"),
        ("nested_groups", "L1/MILK-Oat/FOAM", "max_selections", None),
        ("tax_rates", "TAX", "rate_percent", "8.87500001"),
        ("stock", "L1/AVO", "quantity", None),
        ("item_modifier_groups", "L1/COF/MILK", "modifier_group_key", "FOAM"),
    ],
)
def test_the_smallest_change_at_the_pos_is_seen(
    connection: Connection, entity: str, key: str, field: str, value: Any
) -> None:
    (subject,) = make_chain(connection)
    migrate(connection, subject, cafe())
    menu = cafe()
    for row in menu.batch.rows:
        if (row.entity, row.key) == (entity, key):
            assert row.values[field] != value
            row.values[field] = value
    stored = preview(connection, subject, menu)
    assert actions(connection, stored, entity)[key] == "update"
