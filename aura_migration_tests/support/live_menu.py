"""AuraConnect's menu of a café, written from what the sandbox itself says: as a migration without fault would leave it.

For tests of the live sandbox, which are not about migrating: nothing of the product takes part.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import httpx
import psycopg
from psycopg.types.json import Jsonb

from aura_migration.sandbox.core.server import RunningSandbox
from aura_migration.sandbox.toast.orders.dishes import percent_taxes

Connection = psycopg.Connection[Any]
Row = dict[str, Any]
CLOSEOUT = "04:00"


def plant_menu(connection: Connection, sandbox: RunningSandbox, closeout: str = CLOSEOUT) -> int:
    """Write the menu of the sandbox's only location; AuraConnect's id of that location. Modifiers are left out."""
    truth = httpx.get(f"{sandbox.control_url}/truth").raise_for_status().json()
    (place,) = truth["locations"]
    return _Planter(connection, sandbox, truth).plant(place, closeout)


class _Planter:
    def __init__(self, connection: Connection, sandbox: RunningSandbox, truth: Row) -> None:
        self._connection = connection
        self._sandbox = sandbox
        self._truth = truth
        self._pos = sandbox.pos_app.pos
        self._restaurant = 0
        self._location = 0

    def _add(self, table: str, **values: Any) -> int:
        columns = ", ".join(values)
        row = self._connection.execute(
            f"INSERT INTO aura.{table} ({columns}) VALUES ({', '.join(['%s'] * len(values))}) RETURNING id".encode(),
            list(values.values()),
        ).fetchone()
        assert row is not None
        return int(row[0])

    def _own(self, table: str, **values: Any) -> int:
        return self._add(table, restaurant_id=self._restaurant, **values)

    def plant(self, place: Row, closeout: str) -> int:
        """Everything, in one transaction."""
        with self._connection.transaction():
            self._restaurant = self._add("restaurants", name="Café")
            self._location = self._own(
                "locations",
                name=place["name"],
                timezone=place["timezone"],
                business_day_cutover_time=closeout,
                source_id=place["id"],
            )
            self._own(
                "settings",
                location_id=self._location,
                setting_key="pricing.policy",
                category="pricing",
                value=Jsonb({"name": self._pos}),
            )
            rates = {key: self._own("tax_rates", **values) for key, values in self._rates(place["id"]).items()}
            taxed = self._taxed()
            prices = {row["item"]: row["cents"] for row in self._truth["prices"] if row["kind"] == "fixed"}
            sizes = (
                {row["item"] for row in self._truth["prices"] if row["variation"]} if self._pos == "toast" else set()
            )
            for item in self._truth["items"]:
                if item["active"] and prices.get(item["id"], 0) >= 100 and item["id"] not in sizes:
                    self._item(item, prices[item["id"]], [rates[key] for key in taxed.get(item["id"], ())])
            self._rules(place["id"])
        return self._location

    def _item(self, item: Row, cents: int, rates: list[int]) -> None:
        if self._pos == "square" and len(item["variations"]) != 1:
            return
        source = {
            "square": item["id"],
            "toast": item.get("multi_location_id"),
            "clover": f"{item['location']}/{item['id']}",
        }
        made = self._own("menu_items", name=item["name"], price_cents=cents, source_id=source[self._pos])
        for rate in rates:
            self._own("tax_assignments", menu_item_id=made, tax_rate_id=rate, location_id=self._location)

    def _rates(self, place: str) -> dict[str, Row]:
        if self._pos == "square":
            return {
                tax["id"]: {"name": tax["name"], "rate_percent": Decimal(tax["percentage"])}
                for tax in self._truth["taxes"]
            }
        if self._pos == "clover":
            return {
                tax["id"]: {"name": tax["name"], "rate_percent": Decimal(tax["rate"]) / 100_000, "rounding": "half_up"}
                for tax in self._truth["tax_rates"]
                if tax["rate"]
            }
        return {
            guid: {"name": tax.name, "rate_percent": tax.rate * 100, "rounding": tax.rounding.lower()}
            for guid, tax in percent_taxes(self._location_of(place)).items()
        }

    def _taxed(self) -> dict[str, list[str]]:
        if self._pos == "clover":
            real = {tax["id"] for tax in self._truth["tax_rates"] if tax["rate"]}
            return {row["item"]: [key for key in row["rates"] if key in real] for row in self._truth["item_taxes"]}
        return {item["id"]: item["taxes"] for item in self._truth["items"]}

    def _rules(self, place: str) -> None:
        known = {
            "rule_type": "percentage_discount",
            "status": "active",
            "scope": "check",
            "location_id": self._location,
        }
        for one in self._discounts(place):
            self._own(
                "pricing_rules", name=one["name"], discount_percent=one["percentage"], source_id=f"{place}/{one['id']}", **known
            )  # fmt: skip
        if self._pos == "square":
            for one in self._truth["rules"]["automatic_discounts"]:
                rule = self._own("pricing_rules", name=one["name"], is_automatic=True, **known)
                for item in self._given_off(one["products"]):
                    self._own("pricing_rule_targets", pricing_rule_id=rule, role="discounted", menu_item_id=item)
        if self._pos != "square":
            self._own(
                "service_charges", location_id=self._location, name="Large party", calculation="percent", rate_percent=18,
                charge_class="auto_gratuity", paid_to="staff", is_taxable=False,
            )  # fmt: skip

    def _discounts(self, place: str) -> list[Row]:
        """Discounts in percent that a cashier gives on the check: id, name, percentage."""
        if self._pos == "square":
            held = [one for one in self._truth["rules"]["discounts"] if not one["open"]]
        elif self._pos == "clover":
            held = self._truth["discounts"]
        else:
            bodies = [{**row.body, "id": row.guid} for row in self._location_of(place).config["discounts"]]
            held = [one for one in bodies if one["type"] == "PERCENT" and one["selectionType"] == "CHECK"]
        return [one for one in held if one["percentage"]]

    def _location_of(self, place: str) -> Any:
        return next(one for one in self._sandbox.pos_app.world.restaurant.locations if one.guid == place)

    def _given_off(self, products: list[str]) -> list[int]:
        """AuraConnect's items of what a rule names: items or categories."""
        named = set(products)
        keys = [row["id"] for row in self._truth["items"] if row["id"] in named or named & set(row["categories"])]
        found = self._connection.execute(
            "SELECT id FROM aura.menu_items WHERE restaurant_id = %s AND source_id = ANY(%s)", [self._restaurant, keys]
        )
        return [number for (number,) in found.fetchall()]
