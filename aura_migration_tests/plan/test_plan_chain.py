"""Locations of one account: what they share is loaded once and claimed by each, what differs stands on a location's own rows."""

from __future__ import annotations

import itertools
from typing import Any

import psycopg
import pytest

from aura_migration.core.errors import Refused
from aura_migration.migration.loading import require_ground
from aura_migration.plan.planner import Subject
from aura_migration_tests.support.menus import (
    Menu,
    actions,
    aura_image,
    aura_row,
    cafe,
    load,
    make_chain,
    migrate,
    one,
    plan_row,
    preview,
    rows,
    sold,
    totals,
    undo,
)

Connection = psycopg.Connection[Any]


def other_cafe(location: str = "L2") -> Menu:
    """The café at another location: prices, availability, names, groups, limits, taxes and categories differ."""
    menu = cafe(location)
    changes: dict[tuple[str, str], dict[str, Any]] = {
        ("items", "AVO"): {
            "price_cents": 1400,
            "name": "Avo toast",
            "category_key": "FOOD",
            "description": "with chili",
        },
        ("items", "EGG"): {"is_available": False},
        ("variations", "COF-L"): {"price_cents": 500},
        ("categories", "TOAST"): {"name": "Toast & more"},
        ("modifier_groups", "MILK"): {"min_selections": 1, "max_selections": 1, "is_required": True},
        ("modifiers", "MILK-Oat"): {"price_adjustment_cents": 80},
        ("item_locations", f"{location}/AVO"): {"price_cents": 1400, "name": "Avo toast"},
        ("item_locations", f"{location}/EGG"): {"is_available": False},
        ("item_locations", f"{location}/COF/L"): {"price_cents": 500},
        ("modifier_locations", f"{location}/MILK-Oat"): {"price_cents": 80},
        ("item_modifier_groups", f"{location}/COF/MILK"): {
            "min_selections": 1,
            "max_selections": 1,
            "is_required": True,
        },
    }
    for row in menu.batch.rows:
        row.values.update(changes.pop((row.entity, row.key), {}))
    assert not changes
    menu.batch.rows = [r for r in menu.batch.rows if r.entity != "item_taxes"]
    menu.here("item_categories", "AVO", "FOOD", menu_item_key="AVO", category_key="FOOD", is_primary=False)
    menu.item("TEA", "Tea", 250)
    menu.group("HONEY", [("Yes", 30)], items=["TEA", "COF"])
    return menu


def rows_of(connection: Connection, subject: Subject) -> dict[str, list[str]]:
    """Every row the migration claims, as text."""
    found = {}
    for (table,) in rows(
        connection, "SELECT DISTINCT aura_table FROM migration.claims WHERE migration_id = %s", [subject.migration_id]
    ):
        found[table] = [
            text
            for (text,) in rows(
                connection,
                f"SELECT t::text FROM aura.{table} t JOIN migration.claims c ON c.aura_id = t.id AND c.aura_table = %s "
                "WHERE c.migration_id = %s ORDER BY t.id",
                [table, subject.migration_id],
            )
        ]
    return found


def test_a_second_location_leaves_every_row_the_first_one_sells_identical(connection: Connection) -> None:
    first, second = make_chain(connection, "L1", "L2")
    migrate(connection, first, cafe("L1"))
    rows_before, sold_before = rows_of(connection, first), sold(connection, "L1")

    stored = migrate(connection, second, other_cafe())
    assert totals(stored)["conflict"] == totals(stored)["update"] == 0
    assert rows_of(connection, first) == rows_before
    assert sold(connection, "L1") == sold_before

    here = sold(connection, "L2")
    assert here["AVO"] == ("Avo toast", "fixed", 1400, True, True)
    assert here["EGG"] == ("Egg toast", "fixed", 1100, False, True)
    assert here["COF-L"] == ("L", "fixed", 500, True, True)
    assert here["COF-S"] == ("S", "fixed", 300, True, True)
    assert here["TEA"] == ("Tea", "fixed", 250, True, True)
    assert "TEA" not in sold_before
    assert one(connection, "SELECT count(*) FROM aura.menu_items") == 4, "an item belongs to the restaurant"


@pytest.mark.parametrize(
    "order",
    [
        # Each location goes first once and last once; the other three orders are left to the long form.
        pytest.param(order, marks=() if order in {(0, 1, 2), (1, 2, 0), (2, 0, 1)} else pytest.mark.soak)
        for order in itertools.permutations(range(3))
    ],
)
def test_undone_in_any_order_a_chain_ends_as_if_nothing_had_been(
    connection: Connection, order: tuple[int, ...]
) -> None:
    subjects = make_chain(connection, "L1", "L2", "L3")
    before = aura_image(connection)
    for subject, menu in zip(subjects, (cafe("L1"), other_cafe("L2"), other_cafe("L3")), strict=True):
        migrate(connection, subject, menu)
    left = {0, 1, 2}
    for number in order:
        left.remove(number)
        selling = {n: sold(connection, f"L{n + 1}") for n in left}
        assert undo(connection, subjects[number]).kept == []
        assert {n: sold(connection, f"L{n + 1}") for n in left} == selling, "the others sell what they sold"
    assert aura_image(connection) == before


def test_plans_of_one_preview_stand_on_each_other_and_are_what_is_executed(connection: Connection) -> None:
    subjects = make_chain(connection, "L1", "L2", "L3")
    menus = (cafe("L1"), other_cafe("L2"), other_cafe("L3"))
    plans = [preview(connection, s, m) for s, m in zip(subjects, menus, strict=True)]
    assert [len(p.stands_on) for p in plans] == [0, 1, 2]
    assert plans[2].stands_on[0]["hash"] == plans[0].hash
    assert plans[1].counts["items"] == {
        **dict.fromkeys(plans[1].counts["items"], 0),
        "source": 4,
        "create": 1,
        "unchanged": 3,
    }
    assert plans[2].counts["items"]["unchanged"] == 4, "tea comes with the second location"

    with pytest.raises(Refused, match=f"Run migration {subjects[0].migration_id} first"):
        require_ground(connection, plans[1].plan_id)
    for number, (subject, menu, stored) in enumerate(zip(subjects, menus, plans, strict=True)):
        require_ground(connection, stored.plan_id)
        again = preview(connection, subject, menu)
        assert (again.hash, again.plan_id, again.is_new) == (stored.hash, stored.plan_id, False), number
        load(connection, subject, stored.plan_id)
    assert sold(connection, "L2") == {**sold(connection, "L3")}


def test_a_plan_whose_ground_changed_or_was_undone_is_refused_until_it_is_made_anew(connection: Connection) -> None:
    first, second = make_chain(connection, "L1", "L2")
    preview(connection, first, cafe("L1"))
    on_it = preview(connection, second, cafe("L2"))
    menu = cafe("L1")
    menu.item("NEW", "New")
    preview(connection, first, menu)
    with pytest.raises(Refused, match="which is superseded"):
        require_ground(connection, on_it.plan_id)
    anew = preview(connection, second, cafe("L2"))
    assert anew.plan_id != on_it.plan_id, "same content, but about rows with other ids"
    migrate(connection, first, menu)
    require_ground(connection, anew.plan_id)
    undo(connection, first)
    with pytest.raises(Refused, match="which is undone"):
        require_ground(connection, anew.plan_id)
    assert preview(connection, second, cafe("L2")).counts["items"]["create"] == 3


def test_a_first_location_previewed_again_is_not_changed_by_the_second(connection: Connection) -> None:
    first, second = make_chain(connection, "L1", "L2")
    migrate(connection, first, cafe("L1"))
    migrate(connection, second, other_cafe())
    for subject, menu in ((first, cafe("L1")), (second, other_cafe())):
        again = preview(connection, subject, menu)
        assert totals(again)["unchanged"] == totals(again)["source"]


def test_a_price_that_changes_at_one_location_later_becomes_its_own(connection: Connection) -> None:
    first, second = make_chain(connection, "L1", "L2")
    migrate(connection, first, cafe("L1"))
    migrate(connection, second, cafe("L2"))
    selling = sold(connection, "L2")
    menu = cafe("L1")
    for row in menu.batch.rows:
        if row.entity in ("items", "item_locations") and row.key in ("AVO", "L1/AVO"):
            row.values["price_cents"] = 1350
    stored = migrate(connection, first, menu)
    assert actions(connection, stored, "items")["AVO"] == "unchanged"
    assert actions(connection, stored, "item_locations")["L1/AVO"] == "update"
    assert sold(connection, "L1")["AVO"][2] == 1350
    assert sold(connection, "L2") == selling
    again = preview(connection, first, menu)
    assert totals(again)["unchanged"] == totals(again)["source"]


def differing(location: str = "L2") -> Menu:
    """Something locations cannot have each for itself: the kind of item."""
    menu = cafe(location)
    for row in menu.batch.rows:
        if (row.entity, row.key) == ("items", "COF"):
            row.values["item_type"] = "service"
    return menu


def test_a_difference_that_cannot_be_local_is_a_conflict_that_names_all_it_touches(connection: Connection) -> None:
    subjects = make_chain(connection, "L1", "L2", "L3")
    migrate(connection, subjects[0], cafe("L1"))
    preview(connection, subjects[1], cafe("L2"))
    stored = preview(connection, subjects[2], differing("L3"))
    row = plan_row(connection, stored, "items", "COF")
    assert row["action"] == "conflict"
    assert row["touches"] == ["square:L1", "square:L2"]
    assert "item_type" in row["reason"] and "square:L1" in row["reason"]
    assert totals(stored)["conflict"] == 1, "its children are not dragged into it"


@pytest.mark.parametrize("general", ["overwrite", "merge"])
def test_a_general_strategy_does_not_change_what_another_location_sells(connection: Connection, general: str) -> None:
    first, second = make_chain(connection, "L1", "L2")
    migrate(connection, first, cafe("L1"))
    stored = preview(connection, second, differing(), {"conflicts": {"strategy": general}})
    assert actions(connection, stored, "items")["COF"] == "conflict"


def test_keeping_what_is_shared_loads_the_second_location_without_touching_it(connection: Connection) -> None:
    first, second = make_chain(connection, "L1", "L2")
    migrate(connection, first, cafe("L1"))
    before = rows_of(connection, first)
    stored = migrate(connection, second, differing(), {"conflicts": {"strategy": "keep_existing"}})
    assert actions(connection, stored, "items")["COF"] == "merge"
    assert rows_of(connection, first) == before
    again = preview(connection, second, differing(), {"conflicts": {"strategy": "keep_existing"}})
    assert totals(again)["unchanged"] == totals(again)["source"]


def test_overwriting_what_is_shared_is_decided_for_the_record_and_undone_with_its_migration(
    connection: Connection,
) -> None:
    first, second = make_chain(connection, "L1", "L2")
    before = aura_image(connection)
    migrate(connection, first, cafe("L1"))
    first_loaded = aura_image(connection)
    records = [{"entity": "items", "key": "COF", "strategy": "overwrite"}]
    menu = differing()
    for row in menu.batch.rows:
        if row.entity in ("items", "item_locations") and row.key in ("COF", "L2/COF"):
            row.values["price_cents"] = 333
    stored = migrate(connection, second, menu, {"conflicts": {"records": records}})
    assert plan_row(connection, stored, "items", "COF")["image"] == {"item_type": "service"}, "prices stay local"
    assert aura_row(connection, "menu_items", "COF")["item_type"] == "service"
    assert (sold(connection, "L1")["COF"][2], sold(connection, "L2")["COF"][2]) == (300, 333)
    undone = undo(connection, second)
    assert undone.counts["menu_items"]["reverted"] == 1
    assert aura_image(connection) == first_loaded, "nobody else stands on what the second one wrote"
    undo(connection, first)
    assert aura_image(connection) == before


def test_undone_first_the_first_location_leaves_what_the_second_stands_on(connection: Connection) -> None:
    first, second = make_chain(connection, "L1", "L2")
    before = aura_image(connection)
    migrate(connection, first, cafe("L1"))
    records = [{"entity": "items", "key": "COF", "strategy": "overwrite"}]
    migrate(connection, second, differing(), {"conflicts": {"records": records}})
    selling = sold(connection, "L2")
    undo(connection, first)
    assert sold(connection, "L2") == selling
    assert aura_row(connection, "menu_items", "COF")["item_type"] == "service"
    again = preview(connection, second, differing(), {"conflicts": {"records": records}})
    assert totals(again)["unchanged"] == totals(again)["source"]
    undo(connection, second)
    assert aura_image(connection) == before


def test_a_duplicate_of_something_shared_is_the_location_s_own_with_all_that_hangs_on_it(
    connection: Connection,
) -> None:
    first, second = make_chain(connection, "L1", "L2")
    before = aura_image(connection)
    migrate(connection, first, cafe("L1"))
    first_rows, first_sold = rows_of(connection, first), sold(connection, "L1")
    records = {"conflicts": {"records": [{"entity": "items", "key": "COF", "strategy": "duplicate"}]}}
    stored = migrate(connection, second, differing(), records)
    copy = plan_row(connection, stored, "items", "COF")
    assert (copy["action"], copy["crosswalk_key"]) == ("create", "COF@L2")
    for key in ("COF-S", "COF-L"):
        child = plan_row(connection, stored, "variations", key)
        assert (child["action"], child["image"]["menu_item_id"]) == ("create", copy["aura_id"])
    assert plan_row(connection, stored, "item_locations", "L2/COF")["image"]["menu_item_id"] == copy["aura_id"]
    assert (
        plan_row(connection, stored, "item_modifier_groups", "L2/COF/MILK")["image"]["menu_item_id"] == copy["aura_id"]
    )
    assert rows_of(connection, first) == first_rows
    assert sold(connection, "L1") == first_sold
    assert (
        one(
            connection,
            "SELECT count(*) FROM auraconnect.menu_at_location m JOIN aura.locations l ON l.id = m.location_id "
            "WHERE l.source_id = 'L2' AND m.name = 'Coffee'",
        )
        == 1
    )

    again = preview(connection, second, differing(), records)
    assert totals(again)["unchanged"] == totals(again)["source"]
    undo(connection, first)
    assert sold(connection, "L2")["COF"] == ("Coffee", "fixed", 300, True, True)
    undo(connection, second)
    assert aura_image(connection) == before


def test_what_only_this_location_does_not_have_no_override_can_say(connection: Connection) -> None:
    first, second = make_chain(connection, "L1", "L2")
    menu = cafe("L1")
    for row in menu.batch.rows:
        if (row.entity, row.key) == ("modifier_groups", "MILK"):
            row.values["short_name"] = "M"
    migrate(connection, first, menu)
    stored = preview(connection, second, cafe("L2"))
    assert "short_name" in plan_row(connection, stored, "modifier_groups", "MILK")["reason"]
    records = {"conflicts": {"records": [{"entity": "modifier_groups", "key": "MILK", "strategy": "duplicate"}]}}
    copied = migrate(connection, second, cafe("L2"), records)
    group = plan_row(connection, copied, "modifier_groups", "MILK")["aura_id"]
    options = rows(
        connection, "SELECT name, source_id FROM aura.modifiers WHERE modifier_group_id = %s ORDER BY name", [group]
    )
    assert options == [("Oat", "MILK-Oat"), ("Whole", "MILK-Whole")]

    # An option that is new later belongs to the copy, and to the original at the other location.
    later = cafe("L2")
    later.add("modifiers", "MILK-Soy", modifier_group_key="MILK", name="Soy")
    grown = migrate(connection, second, later, records)
    soy = plan_row(connection, grown, "modifiers", "MILK-Soy")
    assert (soy["crosswalk_key"], soy["image"]["modifier_group_id"]) == ("MILK-Soy@L2", group)


def test_native_records_taken_over_by_a_pending_plan_are_given_for_the_next_location(connection: Connection) -> None:
    first, second = make_chain(connection, "L1", "L2")
    before_native = one(
        connection,
        "INSERT INTO aura.menu_items (restaurant_id, name, price_cents) VALUES (%s, 'Coffee', 999) RETURNING id",
        [first.restaurant_id],
    )
    before = aura_image(connection)
    options = {"conflicts": {"strategy": "overwrite"}}
    plans = [preview(connection, s, cafe(loc), options) for s, loc in ((first, "L1"), (second, "L2"))]
    assert plan_row(connection, plans[0], "items", "COF")["action"] == "update"
    on_it = plan_row(connection, plans[1], "items", "COF")
    assert (on_it["action"], on_it["aura_id"], on_it["stands_on_plan"]) == (
        "unchanged",
        before_native,
        plans[0].plan_id,
    )
    load(connection, first, plans[0].plan_id)
    load(connection, second, plans[1].plan_id)
    undo(connection, first)
    assert one(connection, "SELECT price_cents FROM aura.menu_items WHERE id = %s", [before_native]) == 300, (
        "the second sells it"
    )
    undo(connection, second)
    assert aura_image(connection) == before
