"""What a request says is sold → lines, modifiers, discounts and charges, at the prices and rates of the moment.

The messages of what is refused are those of Clover's atomic orders (Clover API reference, section 1.6).
"""

from __future__ import annotations

from typing import Any

from aura_migration.sandbox.clover.orders.model import Disc, Line, Mod, Order
from aura_migration.sandbox.clover.orders.shop import dish_of
from aura_migration.sandbox.clover.orders.till import Till

Json = dict[str, Any]
MOST_LINES = 1000


class RefusedError(Exception):
    """A write that Clover does not carry out: the status and the body of its answer."""

    def __init__(self, message: str, details: str | None = None, status: int = 400) -> None:
        super().__init__(message)
        self.status = status
        self.body: Json = {"message": message, **({"details": details} if details else {})}


def whole(said: Json, name: str) -> int | None:
    """A whole number, None when absent."""
    value = said.get(name)
    if value is not None and (isinstance(value, bool) or not isinstance(value, int)):
        raise RefusedError("bad_request", f"{name} must be a whole number")
    return value


def text(said: Json, name: str, longest: int) -> str | None:
    """A text, None when absent."""
    value = said.get(name)
    if value is not None and (not isinstance(value, str) or len(value) > longest):
        raise RefusedError("bad_request", f"{name} must be a text of at most {longest} characters")
    return value


def reference(said: Json, name: str) -> str | None:
    """The id of `{"name": {"id": …}}`, None when absent."""
    value = said.get(name)
    if value is None:
        return None
    if not isinstance(value, dict) or not isinstance(value.get("id"), str):
        raise RefusedError("bad_request", f"{name} must be an object with an id")
    return str(value["id"])


def rows(said: Json, name: str) -> list[Json]:
    """A list of objects, plain or wrapped in `elements`; [] when absent."""
    value = said.get(name)
    if isinstance(value, dict):
        value = value.get("elements")
    if value is None:
        return []
    if not isinstance(value, list) or any(not isinstance(one, dict) for one in value):
        raise RefusedError("bad_request", f"{name} must be a list of objects")
    return value


class Cart:
    """Fills orders of one merchant; `ad_hoc`: lines that are on no menu are taken."""

    def __init__(self, till: Till, ad_hoc: bool = True) -> None:
        self._till = till
        self._merchant = till.shop.merchant
        self._ad_hoc = ad_hoc

    def line(self, said: Json, at: int) -> Line:
        """One line with its modifiers and discounts."""
        item_id, price = reference(said, "item"), whole(said, "price")
        if item_id is None:
            if not self._ad_hoc:
                raise RefusedError("item_does_not_exist", "a line has no item")
            if price is None:
                raise RefusedError("price or item.id is required")
            line = self._till.line(text(said, "name", 127) or "Custom item", price)
        else:
            item = self._merchant.items.get(item_id)
            if item is None or item.deleted:
                raise RefusedError("item_does_not_exist", item_id)
            line = self._till.line(dish_of(self._merchant, item), price)
            if item.price_type == "PER_UNIT":
                line.unit_qty = whole(said, "unitQty") or 1000
        line.created, line.note, line.printed = at, text(said, "note", 2047), False
        line.mods = [self.modification(one) for one in rows(said, "modifications")]
        line.discounts = [self.discount(one) for one in rows(said, "discounts")]
        return line

    def modification(self, said: Json) -> Mod:
        """A modifier; a name and an amount that are said count instead of those of the menu."""
        modifier_id = reference(said, "modifier")
        if modifier_id is None:
            amount = whole(said, "amount")
            if amount is None or not self._ad_hoc:
                raise RefusedError("invalid_modifier", "a modification has no modifier")
            return self._till.mod(text(said, "name", 255) or "", amount)
        held = self._merchant.modifiers.get(modifier_id)
        if held is None:
            raise RefusedError("invalid_modifier", modifier_id)
        amount = whole(said, "amount")
        name = text(said, "name", 255) or held.name
        return self._till.mod(name, held.price if amount is None else amount, held.id)

    def discount(self, said: Json) -> Disc:
        """A discount: amounts are below zero; one of the catalogue that says nothing itself is as the catalogue has it."""
        amount, share, exact = (whole(said, name) for name in ("amount", "percentage", "percentageDecimal"))
        name, catalog, kind = text(said, "name", 64), reference(said, "discount"), None
        if catalog is not None:
            held = self._merchant.discounts.get(catalog)
            if held is None or held.deleted:
                raise RefusedError("invalid_discount_attribute", catalog)
            kind, name = held.type, name or held.name
            if amount is None and share is None and exact is None:
                amount, share, exact = held.amount, held.percentage, held.percentage_decimal
        if name is None or (amount is None and share is None and exact is None) or (amount or 0) > 0:
            raise RefusedError("invalid_discount_attribute", name)
        return Disc(self._till.id("discount"), name, amount, share, exact, catalog, None, kind)

    def charge(self, charge_id: str | None) -> Json | None:
        """The merchant's service charge by its id."""
        if charge_id is None:
            return None
        held = self._merchant.service_charge
        if held.get("id") != charge_id or not held.get("enabled"):
            raise RefusedError("service_charge_does_not_exist", charge_id)
        return {name: held[name] for name in ("id", "name", "enabled", "percentageDecimal")}

    def retype(self, order: Order, type_id: str | None) -> None:
        """Give an order its type; its lines are taxed as the menu says and as the type is spared."""
        row = self._merchant.order_types.get(type_id or "")
        if type_id is not None and (row is None or row["isDeleted"]):
            raise RefusedError("bad_request", f"there is no order type {type_id}")
        order.type, order.untaxed = type_id, row is not None and not row["taxable"]
        for line in order.lines:
            if line.fee is None:
                self.tax(order, line)

    def tax(self, order: Order, line: Line) -> None:
        """The rates of a line in an order of that type."""
        item = self._merchant.items.get(line.item or "")
        line.rates = dish_of(self._merchant, item).rates if item is not None else tuple(self._till.default_rates())
        for rule in self._merchant.tax_rules.values():
            if not rule.get("_unused") and rule.get("orderType", {}).get("id") == order.type and order.type:
                spared = {rate["id"] for rate in rule["taxRates"]["elements"]}
                line.rates = tuple(rate for rate in line.rates if rate.id not in spared)

    def whole_order(self, said: Json, at: int) -> Order:
        """The order of an `orderCart`, open and not in the book."""
        wanted = rows(said, "lineItems")
        if not wanted:
            raise RefusedError("cart_is_empty_or_missing")
        if len(wanted) > MOST_LINES:
            raise RefusedError("bad_request", f"more than {MOST_LINES} lines")
        order = self._till.order(at, [self.line(one, at) for one in wanted], state="open")
        order.employee = order.device = None
        order.title, order.note = text(said, "title", 127), text(said, "note", 2047)
        order.customers = [held for held in (one.get("id") for one in rows(said, "customers")) if held]
        order.discounts = [self.discount(one) for one in rows(said, "discounts")]
        order.charge = self.charge(reference(said, "serviceCharge"))
        self.retype(order, reference(said, "orderType"))
        order.kinds = ("written_by_api",)
        return order
