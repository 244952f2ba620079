"""The menu as files that people import into the POS they came from: a row for everything that is sold, in that POS's columns."""

from __future__ import annotations

import csv
import io

from aura_migration.pos.import_files import (
    ImportFile,
    ImportGroup,
    ImportItem,
    ImportMenu,
    ImportOption,
    ImportTax,
    files_of,
)
from aura_migration.pos.registry import connector

MENU = ImportMenu(
    "Harbour",
    "USD",
    (
        ImportItem(
            "M/SOUP", "Soup, hot", 1250, description="=today", sku="S1", barcode="0012", cost_cents=300,
            categories=("Lunch", "Starters"), taxes=("City",), groups=("Bread",), quantity="4",
        ),
        ImportItem("M/TEA", "Tea", 300, "M/TEA-L", "Large", "variation", categories=("Lunch",), is_active=False),
        ImportItem("", "Fish", None, price_type="open", unit="lb"),
    ),
    (ImportGroup("M/BREAD", "Bread", 1, 2, (ImportOption("M/BREAD/RYE", "Rye", 0), ImportOption("", "Bagel", 150))),),
    ("Lunch", "Starters"),
    (ImportTax("M/CITY", "City", "8.875"),),
)  # fmt: skip


def files(pos: str) -> dict[str, ImportFile]:
    make = files_of(connector(pos))
    assert make is not None
    return {one.name: one for one in make(MENU)}


def read(file: ImportFile) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(file.text)))


def test_squares_catalog_has_a_row_per_variation_and_a_column_per_tax_and_set() -> None:
    (file,) = files("square").values()
    assert "Compare the first line" in file.how
    soup, tea, fish = read(file)
    assert (soup["Token"], soup["Item Name"], soup["Variation Name"], soup["Price"]) == (
        "M/SOUP",
        "Soup, hot",
        "Regular",
        "12.50",
    )
    assert soup["Description"] == "'=today"  # no formula reaches a spreadsheet
    assert (soup["Categories"], soup["New Quantity Harbour"], soup["Enabled Harbour"]) == ("Lunch, Starters", "4", "Y")
    assert (soup["Tax - City (8.875%)"], soup["Modifier Set - Bread"], soup["GTIN"]) == ("Y", "Y", "0012")
    assert (tea["Token"], tea["Variation Name"], tea["Enabled Harbour"], tea["Tax - City (8.875%)"]) == (
        "M/TEA-L",
        "Large",
        "N",
        "N",
    )
    assert (fish["Token"], fish["Price"], fish["Unit"]) == ("", "variable", "lb")


def test_clovers_sheets_hold_items_groups_categories_and_rates() -> None:
    found = files("clover")
    soup, tea, fish = read(found["clover-items.csv"])
    assert (soup["Clover ID"], soup["Name"], soup["Price"], soup["Cost"], soup["Price Type"]) == (
        "SOUP",
        "Soup, hot",
        "12.50",
        "3.00",
        "Fixed",
    )
    assert (soup["Tax Rates"], soup["Modifier Groups"], soup["Quantity"], soup["Hidden"]) == (
        "City",
        "Bread",
        "4",
        "No",
    )
    assert (tea["Clover ID"], tea["Name"], tea["Hidden"]) == ("TEA-L", "Tea Large", "Yes")
    assert (fish["Price"], fish["Price Type"], fish["Price Unit"]) == ("", "Variable", "lb")
    rye, bagel = read(found["clover-modifier-groups.csv"])
    assert (rye["Modifier Group Name"], rye["No. Min Required"], rye["No. Max Allowed"]) == ("Bread", "1", "2")
    assert (bagel["Modifier Group Name"], bagel["Modifier"], bagel["Price"]) == ("", "Bagel", "1.50")
    rows = list(csv.reader(io.StringIO(found["clover-categories.csv"].text)))
    assert rows == [
        ["Category Name", "Items", "Items"],
        ["Lunch", "Soup, hot", "Tea Large"],
        ["Starters", "Soup, hot", ""],
    ]
    assert read(found["clover-tax-rates.csv"]) == [{"Name": "City", "Tax Rate": "8.875%", "Default": ""}]


def test_toast_takes_no_files() -> None:
    assert files_of(connector("toast")) is None
