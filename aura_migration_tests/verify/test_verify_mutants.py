"""Every way in which a loaded menu can be wrong is found: one mutation of AuraConnect at a time, each must be caught."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from aura_migration.database.connections import connect
from aura_migration.verify.findings import COUNTS, MIGRATED, MODIFIERS, PRICES, RECORDS
from aura_migration_tests.support import database as support
from aura_migration_tests.verify.verify_support import Restaurant, blocking, open_restaurant


@pytest.fixture(scope="module")
def loaded(postgres_server: str, template_database: str) -> Iterator[Restaurant]:
    """The restaurant, loaded once."""
    with support.clone(postgres_server, template_database) as url, connect(url, application_name="test") as connection:
        restaurant = open_restaurant(connection)
        restaurant.load()
        connection.commit()
        yield restaurant


@pytest.fixture
def restaurant(loaded: Restaurant) -> Iterator[Restaurant]:
    """The restaurant in a transaction that is taken back."""
    with loaded.connection.transaction(force_rollback=True):
        yield loaded


def run(connection: psycopg.Connection[Any], statement: str) -> int:
    return connection.execute(statement).rowcount


ITEM = "(SELECT aura_id FROM migration.crosswalk WHERE entity = 'items' AND source_key = '{}')"
BURGER, SODA, STEW = ITEM.format("burger"), ITEM.format("soda"), ITEM.format("stew")
OPTION = "(SELECT aura_id FROM migration.crosswalk WHERE entity = 'modifiers' AND source_key = '{}')"
SWISS, NONE, BACON = OPTION.format("cheese/swiss"), OPTION.format("cheese/none"), OPTION.format("extras/bacon")
GROUP = "(SELECT aura_id FROM migration.crosswalk WHERE entity = 'modifier_groups' AND source_key = '{}')"
CHEESE, MELT, TOPPINGS = GROUP.format("cheese"), GROUP.format("melt"), GROUP.format("toppings")
HERE = "(SELECT aura_id FROM migration.crosswalk WHERE entity = 'locations')"
R = "(SELECT id FROM aura.restaurants)"
LINK = f"menu_item_id = {BURGER} AND modifier_group_id = {CHEESE}"

MUTANTS = {
    "trailing space in a name": (f"UPDATE aura.menu_items SET name = name || ' ' WHERE id = {BURGER}", RECORDS),
    "trailing space lost": (f"UPDATE aura.menu_items SET name = rtrim(name) WHERE id = {STEW}", RECORDS),
    "emoji lost": ("UPDATE aura.menu_items SET name = replace(name, '🍔', '?') WHERE name LIKE '%🍔'", RECORDS),
    "emoji lost in a category": ("UPDATE aura.menu_categories SET name = 'Drinks ' WHERE name LIKE 'Drinks%'", RECORDS),
    "utf-8 read as latin-1": (
        "UPDATE aura.menu_items SET name = replace(name, 'ü', 'Ã¼')  WHERE name LIKE 'B%'",
        RECORDS,
    ),
    "composed letter decomposed": (
        "UPDATE aura.menu_items SET name = normalize(name, NFD) WHERE name LIKE 'B%'",
        RECORDS,
    ),
    "case": ("UPDATE aura.menu_items SET name = lower(name) WHERE name = 'Soda'", RECORDS),
    "empty text for null": (f"UPDATE aura.menu_items SET kitchen_name = '' WHERE id = {SODA}", RECORDS),
    "null for a text": (f"UPDATE aura.menu_items SET kitchen_name = NULL WHERE id = {BURGER}", RECORDS),
    "empty description for null": (f"UPDATE aura.menu_items SET description = '' WHERE id = {SODA}", RECORDS),
    "sku lost": (f"UPDATE aura.menu_items SET sku = NULL WHERE id = {BURGER}", RECORDS),
    "name changed at the location": (
        f"UPDATE aura.menu_item_location_overrides SET name = 'Pop' WHERE menu_item_id = {SODA}",
        RECORDS,
    ),
    "86'd flipped": ("UPDATE aura.menu_items SET is_available = true WHERE name = '86''d'", RECORDS),
    "archived flipped": ("UPDATE aura.menu_items SET is_active = true WHERE name = 'Relic'", RECORDS),
    "86'd at the location": (
        f"UPDATE aura.menu_item_location_overrides SET is_available = false WHERE menu_item_id = {SODA}",
        RECORDS,
    ),
    "item removed": (f"UPDATE aura.menu_items SET deleted_at = now() WHERE id = {SODA}", MIGRATED),
    "item removed, counted": (f"UPDATE aura.menu_items SET deleted_at = now() WHERE id = {SODA}", COUNTS),
    "item not listed at the location": (
        f"DELETE FROM aura.menu_item_location_overrides WHERE menu_item_id = {SODA}",
        MIGRATED,
    ),
    "item listed twice": (
        "INSERT INTO aura.menu_item_location_overrides (restaurant_id, location_id, menu_item_id) "
        f"VALUES ({R}, {HERE}, {SODA})",
        RECORDS,
    ),
    "item of another restaurant": (
        "WITH r AS (INSERT INTO aura.restaurants (name) VALUES ('Other') RETURNING id) "
        f"UPDATE aura.menu_items SET restaurant_id = r.id FROM r WHERE menu_items.id = {SODA}",
        MIGRATED,
    ),
    "crosswalk lost": ("DELETE FROM migration.crosswalk WHERE entity = 'items' AND source_key = 'soda'", MIGRATED),
    "crosswalk swapped": (
        "UPDATE migration.crosswalk c SET aura_id = o.aura_id FROM migration.crosswalk o WHERE c.entity = 'items' AND "
        "o.entity = 'items' AND (c.source_key, o.source_key) IN (('soda', 'burger'), ('burger', 'soda'))",
        RECORDS,
    ),
    "claim lost": (
        f"DELETE FROM migration.claims WHERE aura_table = 'menu_items' AND aura_id = {SODA}",
        COUNTS,
    ),
    "variation removed": ("UPDATE aura.menu_item_variations SET deleted_at = now() WHERE name = 'Large'", RECORDS),
    "variation of another item": (
        f"UPDATE aura.menu_item_variations SET menu_item_id = {SODA} WHERE name = 'Large'",
        RECORDS,
    ),
    "variation renamed": ("UPDATE aura.menu_item_variations SET name = 'XL' WHERE name = 'Large'", RECORDS),
    "variation added": (
        "INSERT INTO aura.menu_item_variations (restaurant_id, menu_item_id, name, price_cents) "
        f"VALUES ({R}, {ITEM.format('pizza')}, 'Huge', 1)",
        RECORDS,
    ),
    "category link dropped": (f"DELETE FROM aura.menu_item_categories WHERE menu_item_id = {SODA}", RECORDS),
    "category link moved": (
        "UPDATE aura.menu_item_categories SET category_id = (SELECT id FROM aura.menu_categories WHERE name = 'Mains') "
        f"WHERE menu_item_id = {SODA}",
        RECORDS,
    ),
    "menu link dropped": (f"DELETE FROM aura.menu_item_menus WHERE menu_item_id = {STEW}", RECORDS),
    "menu link of another location": (
        "WITH l AS (INSERT INTO aura.locations (restaurant_id, name, timezone) "
        f"VALUES ({R}, 'L9', 'UTC') RETURNING id) UPDATE aura.menu_item_menus SET location_id = l.id FROM l "
        f"WHERE menu_item_id = {STEW}",
        RECORDS,
    ),
    "menu link added": (
        "INSERT INTO aura.menu_item_menus (restaurant_id, menu_item_id, menu_id) "
        f"SELECT {R}, {STEW}, id FROM aura.menus WHERE name = 'Lunch'",
        RECORDS,
    ),
    "menu opens an hour later": (
        """UPDATE aura.menus SET availability = replace(availability::text, '11:00', '12:00')::jsonb WHERE name = 'Lunch'""",
        RECORDS,
    ),
    "menu always open": ("UPDATE aura.menus SET availability = NULL WHERE name = 'Lunch'", RECORDS),
    "menu switched off": ("UPDATE aura.menus SET is_active = false WHERE name = 'Lunch'", RECORDS),
    "one cent more": (f"UPDATE aura.menu_items SET price_cents = price_cents + 1 WHERE id = {SODA}", PRICES),
    "one cent less": (f"UPDATE aura.menu_items SET price_cents = price_cents - 1 WHERE id = {SODA}", PRICES),
    "free became null": (f"UPDATE aura.menu_items SET price_cents = NULL WHERE id = {STEW}", PRICES),
    "free became open": (
        f"UPDATE aura.menu_items SET price_cents = NULL, price_type = 'open' WHERE id = {STEW}",
        PRICES,
    ),
    "open became free": (
        "UPDATE aura.menu_items SET price_cents = 0, price_type = 'fixed' WHERE price_type = 'open'",
        PRICES,
    ),
    "price per pound became a price": (
        "UPDATE aura.menu_items SET price_type = 'fixed' WHERE price_type = 'per_unit'",
        PRICES,
    ),
    "price per kilo": ("UPDATE aura.menu_items SET unit_name = 'kg' WHERE price_type = 'per_unit'", PRICES),
    "price of the location": (
        f"UPDATE aura.menu_item_location_overrides SET price_type = 'fixed', price_cents = 299 WHERE menu_item_id = {SODA}",
        PRICES,
    ),
    "prices of two variations swapped": (
        "UPDATE aura.menu_item_variations SET price_cents = 2400 - price_cents",
        PRICES,
    ),
    "variation price at the location": (
        "UPDATE aura.menu_item_location_overrides SET price_type = 'fixed', price_cents = 1 WHERE variation_id IS NOT NULL",
        PRICES,
    ),
    "rule removed": ("DELETE FROM aura.price_rules WHERE price_cents = 150 AND days IS NOT NULL", PRICES),
    "rule an hour later": (
        "UPDATE aura.price_rules SET time_from = '17:00', time_to = '19:00' WHERE time_from = '16:00'",
        PRICES,
    ),
    "rule ends a minute early": ("UPDATE aura.price_rules SET time_to = '17:59' WHERE time_to = '18:00'", PRICES),
    "rule past midnight cut at midnight": (
        "UPDATE aura.price_rules SET time_to = '24:00' WHERE time_to = '02:00'",
        PRICES,
    ),
    "rule on another day": ("""UPDATE aura.price_rules SET days = '["mon", "thu"]' WHERE days @> '["mon"]'""", PRICES),
    "rule every day": ("UPDATE aura.price_rules SET days = NULL WHERE time_from = '16:00'", PRICES),
    "rule never": ("UPDATE aura.price_rules SET days = '[]' WHERE time_from = '16:00'", PRICES),
    "rule with a broken time": ("UPDATE aura.price_rules SET time_from = '4pm' WHERE time_from = '16:00'", PRICES),
    "rule one cent off": ("UPDATE aura.price_rules SET price_cents = 151 WHERE time_from = '16:00'", PRICES),
    "rule for another item": (f"UPDATE aura.price_rules SET menu_item_id = {BURGER} WHERE time_from = '16:00'", PRICES),
    "rule of another location": (
        "WITH l AS (INSERT INTO aura.locations (restaurant_id, name, timezone) "
        f"VALUES ({R}, 'L9', 'UTC') RETURNING id) UPDATE aura.price_rules SET location_id = l.id FROM l "
        "WHERE time_from = '16:00'",
        PRICES,
    ),
    "rule loses to a new one": (
        "INSERT INTO aura.price_rules (restaurant_id, menu_item_id, price_cents, priority) "
        f"VALUES ({R}, {SODA}, 300, 30)",
        PRICES,
    ),
    "rule added for a channel": (
        "INSERT INTO aura.price_rules (restaurant_id, menu_item_id, channel, price_cents, priority) "
        f"VALUES ({R}, {SODA}, 'online', 350, 30)",
        PRICES,
    ),
    "rule added for a category": (
        "INSERT INTO aura.price_rules (restaurant_id, category_id, price_cents, priority) "
        f"SELECT {R}, id, 1, 30 FROM aura.menu_categories WHERE name LIKE 'Drinks%'",
        PRICES,
    ),
    "rule without a subject": (
        f"INSERT INTO aura.price_rules (restaurant_id, price_cents, priority) VALUES ({R}, 1, 30)",
        PRICES,
    ),
    "two rules of one rank": (
        "INSERT INTO aura.price_rules (restaurant_id, menu_item_id, days, time_from, time_to, price_cents, priority) "
        f"""VALUES ({R}, {SODA}, '["mon"]', '15:00', '17:00', 149, 20)""",
        PRICES,
    ),
    "menu price on the wrong menu": (
        "UPDATE aura.price_rules SET menu_id = (SELECT id FROM aura.menus WHERE name = 'All day') WHERE menu_id IS NOT NULL",
        PRICES,
    ),
    "menu price on every menu": ("UPDATE aura.price_rules SET menu_id = NULL WHERE menu_id IS NOT NULL", PRICES),
    "option one cent more": (
        f"UPDATE aura.modifiers SET price_adjustment_cents = 126 WHERE id = {SWISS}",
        PRICES,
    ),
    "option free became open": (
        f"UPDATE aura.modifiers SET price_adjustment_cents = NULL, price_type = 'open' WHERE id = {NONE}",
        PRICES,
    ),
    "option free became null": (f"UPDATE aura.modifiers SET price_adjustment_cents = NULL WHERE id = {NONE}", PRICES),
    "option's price at the location": (
        f"UPDATE aura.modifier_location_overrides SET price_type = 'fixed', price_cents = 0 WHERE modifier_id = {SWISS}",
        PRICES,
    ),
    "prices of two options swapped": (
        "UPDATE aura.modifiers SET price_adjustment_cents = 300 - price_adjustment_cents "
        "WHERE price_adjustment_cents IN (125, 175)",
        PRICES,
    ),
    "default options became free": (
        f"""UPDATE aura.modifier_groups SET settings = '{{"default_options_charge_price": "NO"}}' WHERE id = {CHEESE}""",
        PRICES,
    ),
    "sequence price removed": ("DELETE FROM aura.price_rules WHERE sequence = 2", PRICES),
    "sequence price for the third pick": ("UPDATE aura.price_rules SET sequence = 3 WHERE sequence = 2", PRICES),
    "sequence price of every item": (
        f"UPDATE aura.price_rules SET menu_item_id = {STEW} WHERE sequence = 2",
        PRICES,
    ),
    "size price of another size": ("UPDATE aura.price_rules SET size_name = 'Small' WHERE size_name = 'Large'", PRICES),
    "size price one cent off": ("UPDATE aura.price_rules SET price_cents = 181 WHERE size_name = 'Large'", PRICES),
    "pre-modifier price added": (
        "INSERT INTO aura.price_rules (restaurant_id, modifier_id, pre_modifier_id, price_cents, priority) "
        f"SELECT {R}, {OPTION.format('toppings/olive')}, id, 1, 1 FROM aura.pre_modifiers",
        PRICES,
    ),
    "factor of a pre-modifier": ("UPDATE aura.pre_modifiers SET multiplication_factor = 1.4", RECORDS),
    "pre-modifier link dropped": ("DELETE FROM aura.modifier_group_pre_modifiers", RECORDS),
    "option names swapped": (
        "UPDATE aura.modifiers SET name = CASE name WHEN 'Swiss' THEN 'Brie' ELSE 'Swiss' END WHERE name IN ('Swiss', 'Brie')",
        RECORDS,
    ),
    "group renamed": (f"UPDATE aura.modifier_groups SET name = 'cheese' WHERE id = {CHEESE}", RECORDS),
    "group link dropped": (f"DELETE FROM aura.menu_item_modifiers WHERE {LINK}", MODIFIERS),
    "group link added": (
        "INSERT INTO aura.menu_item_modifiers (restaurant_id, menu_item_id, modifier_group_id, min_selections) "
        f"VALUES ({R}, {SODA}, {CHEESE}, 0)",
        MODIFIERS,
    ),
    "group linked twice": (
        "INSERT INTO aura.menu_item_modifiers (restaurant_id, menu_item_id, modifier_group_id, min_selections, max_selections) "
        f"VALUES ({R}, {BURGER}, {CHEESE}, 1, 2)",
        MODIFIERS,
    ),
    "group link of another location": (
        "WITH l AS (INSERT INTO aura.locations (restaurant_id, name, timezone) "
        f"VALUES ({R}, 'L9', 'UTC') RETURNING id) UPDATE aura.menu_item_modifiers SET location_id = l.id FROM l "
        f"WHERE {LINK}",
        MODIFIERS,
    ),
    "groups of two items swapped": (
        f"UPDATE aura.menu_item_modifiers SET modifier_group_id = CASE modifier_group_id WHEN {CHEESE} THEN {TOPPINGS} "
        f"ELSE {CHEESE} END WHERE modifier_group_id IN ({CHEESE}, {TOPPINGS})",
        MODIFIERS,
    ),
    "minimum": (f"UPDATE aura.menu_item_modifiers SET min_selections = 0 WHERE {LINK}", MODIFIERS),
    "maximum": (f"UPDATE aura.menu_item_modifiers SET max_selections = 1 WHERE {LINK}", MODIFIERS),
    "maximum unlimited": (f"UPDATE aura.menu_item_modifiers SET max_selections = NULL WHERE {LINK}", MODIFIERS),
    "limits inherited": (f"UPDATE aura.menu_item_modifiers SET min_selections = NULL WHERE {LINK}", MODIFIERS),
    "link switched off": (f"UPDATE aura.menu_item_modifiers SET is_active = false WHERE {LINK}", MODIFIERS),
    "link switched on": (
        f"UPDATE aura.menu_item_modifiers SET is_active = true WHERE menu_item_id = {STEW}",
        MODIFIERS,
    ),
    "group switched off": (f"UPDATE aura.modifier_groups SET is_active = false WHERE id = {CHEESE}", MODIFIERS),
    "quantity rule": ("UPDATE aura.modifier_groups SET allow_quantities = NOT allow_quantities", MODIFIERS),
    "quantity rule of one option": (f"UPDATE aura.modifiers SET max_quantity = NULL WHERE id = {BACON}", MODIFIERS),
    "default of an option": (f"UPDATE aura.modifiers SET is_default = false WHERE id = {SWISS}", MODIFIERS),
    "default at the location": (
        f"UPDATE aura.modifier_location_overrides SET is_default = false WHERE modifier_id = {SWISS}",
        MODIFIERS,
    ),
    "default of the item": ("UPDATE aura.menu_item_modifier_defaults SET is_default = false", MODIFIERS),
    "default of the item lost": ("DELETE FROM aura.menu_item_modifier_defaults", MODIFIERS),
    "option switched off": (f"UPDATE aura.modifiers SET is_active = false WHERE id = {SWISS}", MODIFIERS),
    "option switched off at the location": (
        f"UPDATE aura.modifier_location_overrides SET is_active = false WHERE modifier_id = {SWISS}",
        MODIFIERS,
    ),
    "option 86'd": (f"UPDATE aura.modifiers SET is_available = false WHERE id = {SWISS}", MODIFIERS),
    "86'd option offered": ("UPDATE aura.modifiers SET is_available = true WHERE name = 'Brie'", MODIFIERS),
    "option not listed at the location": (
        f"DELETE FROM aura.modifier_location_overrides WHERE modifier_id = {SWISS}",
        MODIFIERS,
    ),
    "option removed": (f"UPDATE aura.modifiers SET deleted_at = now() WHERE id = {SWISS}", MODIFIERS),
    "option added": (
        f"INSERT INTO aura.modifiers (restaurant_id, modifier_group_id, name) VALUES ({R}, {CHEESE}, 'Blue')",
        MODIFIERS,
    ),
    "option in another group": (
        f"UPDATE aura.modifiers SET modifier_group_id = {TOPPINGS} WHERE id = {SWISS}",
        MODIFIERS,
    ),
    "nested group dropped": ("DELETE FROM aura.modifier_nested_groups", MODIFIERS),
    "nested group under another option": (
        f"UPDATE aura.modifier_nested_groups SET modifier_id = {NONE}",
        MODIFIERS,
    ),
    "nested limits": ("UPDATE aura.modifier_nested_groups SET max_selections = 2", MODIFIERS),
    "nested deeper": (
        "INSERT INTO aura.modifier_nested_groups (restaurant_id, modifier_id, modifier_group_id) "
        f"VALUES ({R}, {OPTION.format('melt/soft')}, {TOPPINGS})",
        MODIFIERS,
    ),
    "menu renamed at the location": (
        f"INSERT INTO aura.menu_location_overrides (restaurant_id, location_id, menu_id, name) "
        f"SELECT {R}, {HERE}, id, 'Midday' FROM aura.menus WHERE name = 'Lunch'",
        RECORDS,
    ),
    "menu's hours at the location": (
        "INSERT INTO aura.menu_location_overrides (restaurant_id, location_id, menu_id, availability) "
        f"""SELECT {R}, {HERE}, id, '[{{"days": ["mon"], "from": "11:00", "to": "15:00"}}]' FROM aura.menus WHERE name = 'Lunch'""",
        RECORDS,
    ),
    "category renamed at the location": (
        "INSERT INTO aura.menu_category_location_overrides (restaurant_id, location_id, category_id, name) "
        f"SELECT {R}, {HERE}, id, 'Main' FROM aura.menu_categories WHERE name = 'Mains'",
        RECORDS,
    ),
    "group switched off at the location": (
        "INSERT INTO aura.modifier_group_location_overrides (restaurant_id, location_id, modifier_group_id, is_active) "
        f"VALUES ({R}, {HERE}, {CHEESE}, false)",
        MODIFIERS,
    ),
    "quantity rule of an item": (
        f"UPDATE aura.menu_item_modifiers SET allow_quantities = true WHERE modifier_group_id = {CHEESE}",
        MODIFIERS,
    ),
    "quantity rule at the location": (
        "INSERT INTO aura.modifier_group_location_overrides (restaurant_id, location_id, modifier_group_id, allow_quantities) "
        f"VALUES ({R}, {HERE}, {CHEESE}, true)",
        MODIFIERS,
    ),
    "tax of another rate": ("UPDATE aura.tax_rates SET rate_percent = 8.876 WHERE name = 'State'", RECORDS),
    "tax renamed": ("UPDATE aura.tax_rates SET name = 'County' WHERE name = 'State'", RECORDS),
    "tax contained in the price": ("UPDATE aura.tax_rates SET is_inclusive = true WHERE name = 'State'", RECORDS),
    "tax on top of the price": ("UPDATE aura.tax_rates SET is_inclusive = false WHERE name = 'VAT'", RECORDS),
    "tax switched off": ("UPDATE aura.tax_rates SET is_active = false WHERE name = 'State'", RECORDS),
    "tax removed": ("UPDATE aura.tax_rates SET deleted_at = now() WHERE name = 'VAT'", RECORDS),
    "item untaxed": ("DELETE FROM aura.tax_assignments", RECORDS),
    "item taxed twice": (
        "INSERT INTO aura.tax_assignments (restaurant_id, location_id, tax_rate_id, menu_item_id) "
        f"SELECT {R}, {HERE}, id, {BURGER} FROM aura.tax_rates WHERE name = 'VAT'",
        RECORDS,
    ),
    "tax of another item": (f"UPDATE aura.tax_assignments SET menu_item_id = {SODA}", RECORDS),
    "station renamed": ("UPDATE aura.kitchen_stations SET name = 'Fryer' WHERE name = 'Grill'", RECORDS),
    "tickets go elsewhere": (
        "UPDATE aura.menu_item_stations SET station_id = (SELECT id FROM aura.kitchen_stations WHERE name = 'Bar')",
        RECORDS,
    ),
    "tickets go nowhere": ("UPDATE aura.menu_item_stations SET deleted_at = now()", RECORDS),
    "option goes where its item goes": ("DELETE FROM aura.modifier_stations", RECORDS),
    "stock off": ("UPDATE aura.inventory SET quantity = 12.4 WHERE item_name = 'Soda'", RECORDS),
    "stock not known": ("UPDATE aura.inventory SET quantity = NULL WHERE item_name = 'Soda'", RECORDS),
    "stock not tracked": ("UPDATE aura.inventory SET is_tracked = false WHERE item_name = 'Soda'", RECORDS),
    "sold out is counted": ("UPDATE aura.inventory SET status = 'quantity' WHERE item_name LIKE 'Pizza%'", RECORDS),
    "stock of another variation": (
        "UPDATE aura.inventory SET variation_id = (SELECT id FROM aura.menu_item_variations WHERE name = 'Large') "
        "WHERE item_name LIKE 'Pizza%'",
        RECORDS,
    ),
    "stock doubled": (
        "INSERT INTO aura.inventory (restaurant_id, location_id, item_name, menu_item_id, source_vendor) "
        f"VALUES ({R}, {HERE}, 'Soda', {SODA}, 'square')",
        RECORDS,
    ),
    "text group dropped": (
        f"DELETE FROM aura.menu_item_modifiers WHERE modifier_group_id = {GROUP.format('note')}",
        MODIFIERS,
    ),
}


def test_the_menu_as_it_was_loaded_agrees_with_the_pos(restaurant: Restaurant) -> None:
    verdict = restaurant.verify()
    assert [*verdict.findings] == []
    assert verdict.passed is True
    metrics = verdict.scorecard["metrics"]
    assert {name: value for name, value in metrics.items() if value is not None} == {
        "menu_items_accounted_pct": 100.0,
        "menu_items_migrated_pct": 100.0,
        "price_max_abs_diff_cents": 0,
        "active_modifiers_functional_pct": 100.0,
        "full_export_before_load": True,
    }
    assert metrics["customers_accounted_pct"] is None, "nothing was measured about people, so nothing is said"


@pytest.mark.parametrize("name", MUTANTS)
def test_every_mutant_is_caught(restaurant: Restaurant, name: str) -> None:
    statement, check_name = MUTANTS[name]
    assert run(restaurant.connection, statement) > 0, "the mutation changed nothing"
    verdict = restaurant.verify()
    assert check_name in {check for check, _, _ in blocking(verdict)}
    assert verdict.gate(check_name).passed is False
    assert verdict.gate(check_name).remedy
    assert verdict.passed is False
    assert verdict.scorecard["passed"] is False
