"""Parts of a menu: quarantine and what waits for it, exclusions, limited menus, answers that are not whole."""

from __future__ import annotations

from typing import Any

import psycopg
import pytest

from aura_migration.core.errors import BadInput
from aura_migration_tests.support.menus import (
    Menu,
    actions,
    aura_image,
    aura_row,
    cafe,
    make_chain,
    migrate,
    one,
    plan_row,
    preview,
    rows,
    sold,
    stage,
    totals,
)

Connection = psycopg.Connection[Any]


def spoilt(entity: str, key: str, **values: Any) -> Menu:
    menu = cafe()
    for row in menu.batch.rows:
        if (row.entity, row.key) == (entity, key):
            row.values.update(values)
    return menu


def without(*entities: str) -> Menu:
    menu = cafe()
    menu.batch.rows = [row for row in menu.batch.rows if row.entity not in entities]
    return menu


def accounted(stored: Any) -> bool:
    return all(
        counts["source"] == sum(n for action, n in counts.items() if action != "source")
        for counts in stored.counts.values()
    )


def test_what_hangs_on_a_record_in_quarantine_waits_for_it_and_comes_with_it(connection: Connection) -> None:
    (subject,) = make_chain(connection)
    stored = migrate(connection, subject, spoilt("items", "COF", name="x" * 600))
    assert actions(connection, stored, "items") == {"AVO": "create", "EGG": "create", "COF": "quarantine"}
    assert set(actions(connection, stored, "variations").values()) == {"quarantine"}
    assert actions(connection, stored, "item_modifier_groups") == {"L1/COF/MILK": "quarantine"}
    assert actions(connection, stored, "price_rules") == {"L1/COF/happy": "quarantine"}, (
        "a rule without its item would hold for all"
    )
    assert "in quarantine" in plan_row(connection, stored, "variations", "COF-S")["reason"]
    assert accounted(stored)
    assert rows(
        connection,
        "SELECT entity, source_key, reasons->>0 FROM migration.quarantine WHERE state = 'open' AND entity = 'items'",
    ) == [("items", "COF", "name has 600 characters, more than 512")]

    loaded = aura_image(connection)
    connection.execute(
        "UPDATE migration.quarantine SET correction = '{\"name\": \"Coffee\"}', corrected_by = 'Ada' WHERE entity = 'items'"
    )
    mended = migrate(connection, subject, spoilt("items", "COF", name="x" * 600))
    assert totals(mended)["quarantine"] == 0
    assert totals(mended)["update"] == totals(mended)["conflict"] == 0, "only what waited is written"
    assert sold(connection)["COF-L"] == ("L", "fixed", 450, True, True)
    assert one(connection, "SELECT count(*) FROM migration.quarantine WHERE state = 'open'") == 0
    for table, before in loaded.items():
        assert set(before) <= set(aura_image(connection)[table])


def test_a_named_thing_does_without_what_it_optionally_points_to(connection: Connection) -> None:
    (subject,) = make_chain(connection)
    stored = migrate(connection, subject, spoilt("menus", "ALL", name=""))
    assert plan_row(connection, stored, "categories", "TOAST")["action"] == "create"
    assert aura_row(connection, "menu_categories", "TOAST")["menu_id"] is None
    mended = migrate(connection, subject, cafe())
    assert plan_row(connection, mended, "categories", "TOAST")["action"] == "update"
    assert aura_row(connection, "menu_categories", "TOAST")["menu_id"] is not None


def test_a_reference_to_a_record_the_pos_does_not_send_is_a_loss_or_quarantine(connection: Connection) -> None:
    (subject,) = make_chain(connection)
    menu = cafe()
    menu.add("modifiers", "MILK-Cold", modifier_group_key="MILK", name="Cold brew", linked_menu_item_key="GONE")
    menu.here("item_categories", "COF", "GONE", menu_item_key="COF", category_key="GONE")
    menu.here("price_rules", "gone", menu_item_key="COF", size_key="GONE")
    staged = stage(connection, subject, menu)
    (loss,) = [x for x in staged.losses if x.field == "linked_menu_item_key"]
    assert (loss.records, loss.examples) == (1, ("MILK-Cold",))
    stored = preview(connection, subject, menu)
    assert plan_row(connection, stored, "modifiers", "MILK-Cold")["image"]["linked_menu_item_id"] is None
    for entity, key in (("item_categories", "L1/COF/GONE"), ("price_rules", "L1/gone")):
        row = plan_row(connection, stored, entity, key)
        assert (row["action"], row["reason"].rpartition("GONE")[2]) == ("quarantine", ", which the POS did not send")
    assert one(connection, "SELECT count(*) FROM migration.quarantine WHERE state = 'open'") == 2
    assert accounted(stored)


@pytest.mark.parametrize(
    "missing", ["items", "categories", "modifier_groups", "kitchen_stations", "menus", "tax_rates"]
)
def test_an_answer_that_is_not_whole_removes_and_hides_nothing(connection: Connection, missing: str) -> None:
    (subject,) = make_chain(connection)
    migrate(connection, subject, cafe())
    loaded, selling = aura_image(connection), sold(connection)
    stored = migrate(connection, subject, without(missing))
    assert totals(stored)["unchanged"] == totals(stored)["source"], "what points to it finds it where it was loaded"
    assert aura_image(connection) == loaded
    assert sold(connection) == selling


def test_an_empty_answer_removes_and_hides_nothing(connection: Connection) -> None:
    (subject,) = make_chain(connection)
    migrate(connection, subject, cafe())
    loaded = aura_image(connection)
    stored = migrate(connection, subject, Menu())
    assert totals(stored)["source"] == 1
    assert aura_image(connection) == loaded


def test_an_excluded_entity_is_skipped_with_what_hangs_on_it(connection: Connection) -> None:
    (subject,) = make_chain(connection)
    stored = migrate(connection, subject, cafe(), {"excludeEntities": ["modifier_groups"]})
    assert set(actions(connection, stored, "modifiers").values()) == {"skip"}
    assert (
        plan_row(connection, stored, "modifier_groups", "MILK")["reason"]
        == "modifier_groups are left out by the options"
    )
    assert (
        "skipped modifier_groups MILK" in plan_row(connection, stored, "item_modifier_groups", "L1/COF/MILK")["reason"]
    )
    assert one(connection, "SELECT count(*) FROM aura.modifiers") == 0
    assert accounted(stored)


def test_what_belongs_to_an_excluded_entity_that_was_never_read_is_skipped_too(connection: Connection) -> None:
    (subject,) = make_chain(connection)
    stored = preview(
        connection,
        subject,
        without("modifier_groups", "modifiers"),
        {"excludeEntities": ["modifiers", "modifier_groups"]},
    )
    row = plan_row(connection, stored, "item_modifier_groups", "L1/COF/MILK")
    assert (row["action"], row["reason"]) == ("skip", "belongs to modifier_groups, which are left out by the options")


def test_a_limited_menu_takes_what_is_selected_and_what_that_needs(connection: Connection) -> None:
    (subject,) = make_chain(connection)
    stored = migrate(connection, subject, cafe(), {"scope": {"categories": ["FOOD"], "excludeItems": ["EGG"]}})
    assert actions(connection, stored, "items") == {"AVO": "create", "EGG": "skip", "COF": "skip"}
    assert actions(connection, stored, "categories") == {"FOOD": "create", "TOAST": "create"}
    assert set(actions(connection, stored, "modifier_groups").values()) == {"skip"}
    assert set(sold(connection)) == {"AVO"}
    assert accounted(stored)
    whole = migrate(connection, subject, cafe())
    assert set(sold(connection)) == {"AVO", "EGG", "COF", "COF-S", "COF-L"}
    assert totals(whole)["conflict"] == 0


def test_a_menu_limited_to_an_id_the_pos_does_not_have_is_bad_input(connection: Connection) -> None:
    (subject,) = make_chain(connection)
    with pytest.raises(BadInput, match="no category DRINKS"):
        stage(connection, subject, cafe(), {"scope": {"categories": ["DRINKS"]}})


def test_a_row_that_repeats_a_key_of_another_location_stays_apart(connection: Connection) -> None:
    first, second = make_chain(connection, "L1", "L2")
    for subject in (first, second):
        menu = Menu(subject.location_source_id)
        menu.add("items", "TEA", name="Tea")
        menu.add("item_locations", "TEA", menu_item_key="TEA", is_available=subject is first)
        migrate(connection, subject, menu)
    assert rows(connection, "SELECT is_available FROM aura.menu_item_location_overrides ORDER BY id") == [
        (None,),
        (False,),
    ]
    menu = Menu("L1")
    menu.add("items", "TEA", name="Tea")
    menu.add("item_locations", "TEA", menu_item_key="TEA", is_available=True)
    assert totals(preview(connection, first, menu))["unchanged"] == 3
