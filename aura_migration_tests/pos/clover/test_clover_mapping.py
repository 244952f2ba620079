"""The rules of the mapping, one peculiarity at a time, on hand-made answers."""

from __future__ import annotations

from typing import Any

import pytest

from aura_migration.canonical.model import Batch
from aura_migration.pos.clover import CONNECTOR
from aura_migration_tests.pos.clover.clover_bench import SITE, Handmade, by_key, mapped

M = SITE.source_id


def item(ident: str = "I1", **more: Any) -> dict[str, Any]:
    """An item as Clover sends it."""
    return {
        "id": ident,
        "hidden": False,
        "available": True,
        "autoManage": False,
        "name": f"Item {ident}",
        "price": 1195,
        "priceType": "FIXED",
        "defaultTaxRates": True,
        "isRevenue": True,
        **more,
    }


def wrap(*rows: Any) -> dict[str, Any]:
    """A list inside a record."""
    return {"elements": [{"id": row} if isinstance(row, str) else row for row in rows]}


def only_item(**more: Any) -> dict[str, Any]:
    """The values of the one item of a menu."""
    batch = mapped({"items|links": [item(**more)]})
    assert batch.rejected == []
    return by_key(batch, "items")[f"{M}/I1"].values


def losses(batch: Batch, entity: str) -> dict[str, int]:
    """Losses of one source entity by field."""
    found: dict[str, int] = {}
    for loss in batch.losses:
        if loss.source_entity == entity:
            found[loss.field] = found.get(loss.field, 0) + loss.records
    return found


@pytest.mark.parametrize(
    ("sent", "kind", "cents", "unit"),
    [
        ({"price": 1195}, "fixed", 1195, None),
        ({"price": 0}, "fixed", 0, None),
        ({"priceType": "VARIABLE", "price": 0}, "open", None, None),
        ({"priceType": "VARIABLE", "price": 500}, "open", None, None),
        ({"priceType": "PER_UNIT", "price": 649, "unitName": "lb"}, "per_unit", 649, "lb"),
        ({"unitName": "each"}, "fixed", 1195, None),
    ],
)
def test_prices_are_fixed_open_or_per_unit(
    sent: dict[str, Any], kind: str, cents: int | None, unit: str | None
) -> None:
    values = only_item(**sent)
    assert (values["price_type"], values["price_cents"], values["unit_name"]) == (kind, cents, unit)


@pytest.mark.parametrize(
    "broken",
    [{"price": None}, {"priceType": None}, {"priceType": "AUCTION"}, {"price": 11.5}, {"name": None}, {"price": "11"}],
)
def test_an_item_whose_price_or_name_cannot_be_told_is_rejected_with_its_links(broken: dict[str, Any]) -> None:
    sent = {k: v for k, v in {**item(), **broken, "categories": wrap("C1")}.items() if v is not None}
    batch = mapped({"items|links": [sent], "categories": [{"id": "C1", "name": "Soups"}]})
    assert [(entry.entity, entry.key) for entry in batch.rejected] == [("items", f"{M}/I1")]
    assert "Clover" in batch.rejected[0].reason
    assert {row.entity for row in batch.rows} == {"locations", "categories"}
    assert CONNECTOR.source_counts(Handmade({"items|links": [sent]}), SITE)["items"] == 1  # type: ignore[arg-type]


def test_hidden_is_inactive_sold_out_is_unavailable_and_deleted_is_no_item() -> None:
    rows = [item("I1", hidden=True), item("I2", available=False), item("I3", deletedTime=5), item("I4", deleted=True)]
    batch = mapped({"items|links": rows})
    sold = {key: row.values for key, row in by_key(batch, "item_locations").items()}
    assert {key: (v["is_active"], v["is_available"]) for key, v in sold.items()} == {
        f"{M}/I1": (False, True),
        f"{M}/I2": (True, False),
    }
    assert losses(batch, "items")["deleted"] == 2


def test_empty_texts_are_null_and_other_texts_stay_as_they_are() -> None:
    values = only_item(name="Café 🍲 ", alternateName="", sku="", code="", colorCode="")
    assert values["name"] == "Café 🍲 "
    assert {values[name] for name in ("short_name", "sku", "barcode", "button_color")} == {None}
    named = only_item(alternateName="GCS", sku="ST-014", code="0123", colorCode="#AA0000", cost=310)
    shown = ("short_name", "sku", "barcode", "button_color", "cost_cents")
    assert [named[name] for name in shown] == ["GCS", "ST-014", "0123", "#AA0000", 310]


def test_what_has_no_column_becomes_custom_fields() -> None:
    lists = {
        "items|links": [item(isRevenue=False, isAgeRestricted=True, itemGroup={"id": "G"})],
        "items|more": [
            item(options=wrap({"id": "O2", "name": "Thin"}, {"id": "O1", "name": "Large"}), isAgeRestricted=True)
        ],
        "items|online": [
            item(
                isRevenue=False,
                itemGroup={"id": "G"},
                isAgeRestricted=True,
                ageRestrictedObj={"id": "A", "name": "Alcohol", "minimumAge": 21},
                menuItem={"name": "Web name", "description": "Long", "imageFilename": "a.jpg", "enabled": False},
            )
        ],
        "item_groups": [{"id": "G", "name": "Pizza"}],
        "attributes": [{"id": "A1", "name": "Size"}, {"id": "A2", "name": "Crust"}],
        "options": [
            {"id": "O1", "name": "Large", "attribute": {"id": "A1"}},
            {"id": "O2", "name": "Thin", "attribute": {"id": "A2"}},
        ],
    }
    batch = mapped(lists)
    values = by_key(batch, "items")[f"{M}/I1"].values
    assert values["item_type"] == "item"
    assert values["description"] == "Long"
    assert values["custom_fields"] == {
        "is_revenue": False,
        "item_group": "Pizza",
        "options": [{"option": "Size", "value": "Large"}, {"option": "Crust", "value": "Thin"}],
        "age_restriction": {"name": "Alcohol", "minimum_age": 21},
        "online_name": "Web name",
        "online_enabled": False,
        "image_filename": "a.jpg",
    }
    assert by_key(batch, "variations") == {}


def test_an_image_that_is_an_address_is_an_image() -> None:
    values = only_item(menuItem={"imageFilename": "https://img.example.com/a.jpg"})
    assert values["image_url"] == "https://img.example.com/a.jpg"
    assert values["custom_fields"] is None


def test_an_item_stands_in_several_categories_and_its_first_is_the_one_first_in_order() -> None:
    lists = {
        "items|links": [item("I1", categories=wrap("C1", "C2", "GONE")), item("I2")],
        "categories": [
            {"id": "C1", "name": "Late", "sortOrder": 9, "items": wrap("I2", "I1")},
            {"id": "C2", "name": "Early", "sortOrder": "2", "items": wrap("I1")},
            {"id": "C3", "name": "No order"},
            {"id": "C4", "name": "Old", "deleted": True, "items": wrap("I1")},
        ],
    }
    batch = mapped(lists)
    assert by_key(batch, "items")[f"{M}/I1"].values["category_key"] == f"{M}/C2"
    links = {key: row.values for key, row in by_key(batch, "item_categories").items()}
    assert {key: (v["is_primary"], v["display_order"]) for key, v in links.items()} == {
        f"{M}/I1/C1": (False, 1),
        f"{M}/I1/C2": (True, 0),
        f"{M}/I2/C1": (True, 0),
    }
    order = {key: row.values["display_order"] for key, row in by_key(batch, "categories").items()}
    assert order == {f"{M}/C1": 9, f"{M}/C2": 2, f"{M}/C3": 10}
    assert losses(batch, "items")["categories"] == 1


def test_a_category_below_itself_stands_on_top() -> None:
    lists = {
        "categories": [
            {"id": "C1", "name": "A", "parentCategory": {"id": "C2"}},
            {"id": "C2", "name": "B", "parentCategory": {"id": "C1"}},
            {"id": "C3", "name": "C", "parentCategory": {"id": "C4"}},
            {"id": "C4", "name": "D"},
        ]
    }
    rows = by_key(mapped(lists), "categories")
    assert {key: row.values["parent_category_key"] for key, row in rows.items()} == {
        f"{M}/C1": None,
        f"{M}/C2": None,
        f"{M}/C3": f"{M}/C4",
        f"{M}/C4": None,
    }


def group(ident: str = "G1", **more: Any) -> dict[str, Any]:
    """A modifier group as Clover sends it."""
    return {"id": ident, "name": f"Group {ident}", "showByDefault": True, **more}


def modifier(ident: str, owner: str = "G1", **more: Any) -> dict[str, Any]:
    """A modifier as Clover sends it."""
    return {"id": ident, "name": f"Option {ident}", "price": 50, "modifierGroup": {"id": owner}, **more}


@pytest.mark.parametrize(
    ("sent", "least", "most", "kind"),
    [
        ({"minRequired": 1, "maxAllowed": 1}, 1, 1, "single"),
        ({"minRequired": 0, "maxAllowed": 3}, 0, 3, "multiple"),
        ({}, 0, None, "multiple"),
        ({"minRequired": None, "maxAllowed": 0}, 0, None, "multiple"),
        ({"minRequired": 3, "maxAllowed": 1}, 3, 1, "single"),
    ],
)
def test_limits_left_out_are_none_and_any_and_hold_for_the_link_too(
    sent: dict[str, Any], least: int, most: int | None, kind: str
) -> None:
    lists = {
        "items|links": [item(modifierGroups=wrap("G1"))],
        "modifier_groups": [group(**sent, modifierIds="A")],
        "modifiers": [modifier("A")],
    }
    batch = mapped(lists)
    values = by_key(batch, "modifier_groups")[f"{M}/G1"].values
    link = by_key(batch, "item_modifier_groups")[f"{M}/I1/G1"].values
    for row in (values, link):
        assert (row["min_selections"], row["max_selections"], row["is_required"]) == (least, most, least > 0)
    assert values["selection_type"] == kind


def test_options_stand_in_the_order_of_modifier_ids_wherever_they_were_read() -> None:
    lists = {
        "modifier_groups": [group(modifierIds="C,GONE,A", modifiers=wrap(modifier("A"), modifier("X")))],
        "modifier_groups|G1.modifiers": [modifier("B")],
        "modifiers": [modifier("A"), modifier("C", available=False, price=0)],
    }
    rows = by_key(mapped(lists), "modifiers")
    assert {key: row.values["display_order"] for key, row in rows.items()} == {
        f"{M}/G1/C": 0,
        f"{M}/G1/A": 1,
        f"{M}/G1/X": 2,
        f"{M}/G1/B": 3,
    }
    assert rows[f"{M}/G1/C"].values["price_adjustment_cents"] == 0
    assert rows[f"{M}/G1/C"].values["is_available"] is False


def test_an_option_without_a_price_is_rejected_and_one_of_a_deleted_group_is_a_loss() -> None:
    lists = {
        "modifier_groups": [group(), group("G2", deleted=True)],
        "modifiers": [{**modifier("A"), "price": None}, modifier("B", "G2"), modifier("C", "NEVER")],
    }
    batch = mapped(lists)
    assert [(entry.entity, entry.key) for entry in batch.rejected] == [("modifiers", f"{M}/G1/A")]
    assert losses(batch, "modifiers")["modifierGroup"] == 2
    counts = CONNECTOR.source_counts(Handmade(lists), SITE)  # type: ignore[arg-type]
    assert (counts["modifier_groups"], counts["modifiers"]) == (1, 1)


def test_a_group_that_cannot_be_read_takes_its_options_to_quarantine_not_away() -> None:
    lists = {"modifier_groups": [group(maxAllowed="many")], "modifiers": [modifier("A")]}
    batch = mapped(lists)
    assert {(entry.entity, entry.key) for entry in batch.rejected} == {
        ("modifier_groups", f"{M}/G1"),
        ("modifiers", f"{M}/G1/A"),
    }
    counts = CONNECTOR.source_counts(Handmade(lists), SITE)  # type: ignore[arg-type]
    assert (counts["modifier_groups"], counts["modifiers"]) == (1, 1)


def test_links_are_taken_from_both_sides_and_never_lead_to_something_deleted() -> None:
    lists = {
        "items|links": [item("I1", modifierGroups=wrap("G1", "GONE")), item("I2"), item("I3", deleted=True)],
        "modifier_groups": [group("G1", items=wrap("I2", "I3")), group("G2", sortOrder=1, items=wrap("I1"))],
    }
    batch = mapped(lists)
    links = {key: row.values["display_order"] for key, row in by_key(batch, "item_modifier_groups").items()}
    assert links == {f"{M}/I1/G2": 0, f"{M}/I1/G1": 1, f"{M}/I2/G1": 0}
    assert losses(batch, "items")["modifierGroups"] == 1


def taxes(batch: Batch) -> set[str]:
    """The taxes of the one item."""
    return {row.values["tax_rate_key"].partition("/")[2] for row in by_key(batch, "item_taxes").values()}


RATES = [
    {"id": "CITY", "name": "City", "rate": 287500, "isDefault": True},
    {"id": "FLAT", "name": "Bag", "rate": 0, "taxAmount": 10, "isDefault": False},
    {"id": "NONE", "name": "NO_TAX_APPLIED", "rate": 0, "isDefault": False},
    {"id": "ZERO", "name": "Zero rated", "rate": 0, "isDefault": True},
]


@pytest.mark.parametrize(
    ("sent", "found"),
    [
        ({"defaultTaxRates": True}, {"CITY", "ZERO"}),
        ({"defaultTaxRates": True, "taxRates": wrap("FLAT")}, {"CITY", "ZERO"}),
        ({"defaultTaxRates": False, "taxRates": wrap("FLAT", "CITY")}, {"FLAT", "CITY"}),
        ({"defaultTaxRates": False, "taxRates": wrap("NONE")}, set()),
        ({"defaultTaxRates": False}, set()),
        ({"defaultTaxRates": None, "taxRates": wrap("FLAT")}, {"FLAT"}),
        ({"defaultTaxRates": None}, {"CITY", "ZERO"}),
        ({"defaultTaxRates": False, "taxRates": wrap("DEAD", "FLAT")}, {"FLAT"}),
    ],
)
def test_an_item_takes_the_default_taxes_or_its_own(sent: dict[str, Any], found: set[str]) -> None:
    assert taxes(mapped({"items|links": [item(**sent)], "tax_rates": RATES})) == found


def test_rates_are_exact_and_flat_taxes_are_amounts() -> None:
    odd = {"id": "ODD", "name": "Odd", "rate": 8875001, "isDefault": False}
    rows = {k: r.values for k, r in by_key(mapped({"tax_rates": [*RATES, odd]}), "tax_rates").items()}
    assert {key: (v["tax_type"], v["rate_percent"], v["amount_cents"]) for key, v in rows.items()} == {
        f"{M}/CITY": ("percent", "2.875", None),
        f"{M}/FLAT": ("fixed", None, 10),
        f"{M}/ZERO": ("percent", "0", None),
        f"{M}/ODD": ("percent", "88.75001", None),
    }


def test_a_label_with_printers_is_a_kitchen_station_and_a_label_all_the_same() -> None:
    printers = {"elements": [{"id": "P1", "name": "Grill", "mac": "00:11"}, {"id": "P2", "name": "Expo"}]}
    lists = {
        "items|links": [item("I1", tags=wrap("T1", "T2")), item("I2")],
        "tags": [
            {"id": "T1", "name": "Grill", "printers": printers, "items": wrap("I1")},
            {"id": "T2", "name": "Spicy", "printers": wrap()},
            {"id": "T3", "name": "Bar", "printers": wrap("P3"), "items": wrap("I1", "I2")},
        ],
    }
    batch = mapped(lists)
    assert by_key(batch, "items")[f"{M}/I1"].values["tags"] == ["Grill", "Spicy", "Bar"]
    station = by_key(batch, "kitchen_stations")[f"{M}/T1"].values
    assert station["printer_id"] == "P1"
    assert station["settings"] == {"printers": [{"id": "P1", "name": "Grill"}, {"id": "P2", "name": "Expo"}]}
    routed = {key: row.values for key, row in by_key(batch, "item_stations").items()}
    assert {key: (v["is_primary"], v["sequence"]) for key, v in routed.items()} == {
        f"{M}/I1/T1": (True, 0),
        f"{M}/I1/T3": (False, 1),
        f"{M}/I2/T3": (True, 0),
    }


@pytest.mark.parametrize(
    ("quantity", "text"), [(37, "37"), (12.0, "12"), (62.5, "62.5"), (-3.0, "-3"), (0, "0"), (0.1, "0.1")]
)
def test_stock_is_exact_and_may_be_negative(quantity: float, text: str) -> None:
    lists = {
        "items|links": [item("I1", autoManage=True, sku="S", available=quantity > 0), item("I2")],
        "item_stocks": [{"item": {"id": "I1"}, "quantity": quantity}, {"item": {"id": "I2"}}, {"item": {"id": "X"}}],
    }
    batch = mapped(lists)
    (row,) = by_key(batch, "stock").values()
    assert (row.key, row.values["quantity"], row.values["is_tracked"]) == (f"{M}/I1", text, True)
    assert row.values["status"] == ("quantity" if quantity > 0 else "out_of_stock")


def test_stock_is_taken_from_the_item_where_the_list_does_not_show_it() -> None:
    lists = {"items|more": [item(itemStock={"item": {"id": "I1"}, "quantity": 4})], "item_stocks": []}
    batch = mapped(lists)
    assert by_key(batch, "stock")[f"{M}/I1"].values["quantity"] == "4"
    assert "itemStock" not in (by_key(batch, "items")[f"{M}/I1"].source or {})


def test_the_location_carries_address_and_settings() -> None:
    lists: dict[str, Any] = {
        "merchant|merchant": {"id": M, "name": "Rosa's", "phoneNumber": "0000"},
        "merchant|address": {
            "address1": "1 Main",
            "address2": "",
            "address3": "Floor 2",
            "zip": "80202",
            "phoneNumber": "303",
        },
        "merchant|properties": {"timezone": "Europe/Dublin", "defaultCurrency": "EUR", "vat": True, "summaryHour": 4},
        "items|links": [item()],
        "tax_rates": RATES,
    }
    batch = mapped(lists)
    values = by_key(batch, "locations")[M].values
    assert (values["name"], values["timezone"], values["currency"]) == ("Rosa's", "Europe/Dublin", "EUR")
    assert (values["address_line1"], values["address_line2"], values["phone"]) == ("1 Main", "Floor 2", "303")
    assert values["business_day_cutover_time"] == "04:00"
    assert by_key(batch, "items")[f"{M}/I1"].values["tax_inclusive"] is True
    assert by_key(batch, "tax_rates")[f"{M}/CITY"].values["is_inclusive"] is True


def test_what_could_not_be_read_is_not_taken_for_empty_settings() -> None:
    lists = {"items|links": [item()], "merchant|properties": {"vat": True}}
    batch = mapped(lists, refused=("merchant",))
    assert by_key(batch, "items")[f"{M}/I1"].values["tax_inclusive"] is None
    assert by_key(batch, "locations")[M].values["name"] == SITE.name


def test_every_row_refers_only_to_rows_that_are_there() -> None:
    lists = {
        "items|links": [item("I1", categories=wrap("C1", "C2"), modifierGroups=wrap("G1", "G2"), taxRates=wrap("BAD"))],
        "categories": [{"id": "C1"}, {"id": "C2", "name": "Soups"}],
        "modifier_groups": [{"id": "G1"}, group("G2")],
        "modifiers": [modifier("A"), modifier("B", "G2")],
        "tax_rates": [{"id": "BAD", "name": "No rate", "isDefault": True}],
        "tags": [{"id": "T1", "printers": wrap("P1"), "items": wrap("I1")}],
    }
    batch = mapped(lists)
    keys = {(row.entity, row.key) for row in batch.rows}
    targets = {
        "menu_item_key": "items",
        "category_key": "categories",
        "modifier_group_key": "modifier_groups",
        "modifier_key": "modifiers",
        "tax_rate_key": "tax_rates",
        "station_key": "kitchen_stations",
    }
    for row in batch.rows:
        for name, entity in targets.items():
            if row.values.get(name):
                assert (entity, row.values[name]) in keys
    assert {(entry.entity, entry.key) for entry in batch.rejected} == {
        ("categories", f"{M}/C1"),
        ("modifier_groups", f"{M}/G1"),
        ("modifiers", f"{M}/G1/A"),
        ("tax_rates", f"{M}/BAD"),
        ("kitchen_stations", f"{M}/T1"),
    }


def test_a_field_nobody_knows_is_counted_as_a_loss() -> None:
    batch = mapped({"items|links": [item("I1", brandNew=1), item("I2", brandNew=2)]})
    assert losses(batch, "items")["brandNew"] == 2
