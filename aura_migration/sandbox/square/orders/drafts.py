"""The Order object of a request → an order that is not written yet, priced by the catalog of the moment.

Catalog taxes and automatic discounts are only put on where `pricing_options` asks for them; what an order names itself (taxes,
discounts, charges by uid, of the catalog or made up) is put on in any case. Everything refused names the field.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from aura_migration.sandbox.square.context import moment
from aura_migration.sandbox.square.errors import SquareError
from aura_migration.sandbox.square.model import Discount, Item, Location, Modifier, Tax, Variation
from aura_migration.sandbox.square.orders.automatic import automatic, use_of
from aura_migration.sandbox.square.orders.model import (
    BY_AMOUNT,
    BY_PERCENT,
    OPEN,
    SUBTOTAL,
    TOTAL,
    ChargeUse,
    DiscountUse,
    Fulfillment,
    Line,
    Mod,
    Order,
    TaxUse,
    e5,
)
from aura_migration.sandbox.square.orders.selling import price_at
from aura_migration.sandbox.square.world import World

Json = dict[str, Any]
MOST_LINES = 500
LONGEST = {"reference_id": 40, "ticket_name": 30, "customer_id": 191}
QUANTITY = re.compile(r"\d{1,6}(\.\d{1,5})?")
PERCENTAGE = re.compile(r"\d{1,3}(\.\d{1,5})?")
PHASES = (SUBTOTAL, TOTAL, BY_PERCENT, BY_AMOUNT)
KINDS = ("PICKUP", "DELIVERY", "SHIPMENT")
OPEN_STATES = ("PROPOSED", "RESERVED", "PREPARED")
OVER_STATES = ("COMPLETED", "CANCELED", "FAILED")


def missing(name: str) -> SquareError:
    """A required field is not there."""
    return SquareError("MISSING_REQUIRED_PARAMETER", f"Missing required parameter: {name}", name)


def invalid(name: str, why: str) -> SquareError:
    """A field holds what it may not."""
    return SquareError("INVALID_VALUE", why, name)


def text_in(fields: Json, name: str, field: str, longest: int | None = None) -> str | None:
    """A text, None when absent or empty."""
    value = fields.get(name)
    if value is None:
        return None
    if not isinstance(value, str):
        raise SquareError("EXPECTED_STRING", f"Expected a string for {field}.", field)
    if longest is not None and len(value) > longest:
        raise SquareError("VALUE_TOO_LONG", f"{field} is longer than {longest}.", field)
    return value or None


def rows_in(fields: Json, name: str, field: str) -> list[Json]:
    """A list of objects, [] when absent."""
    value = fields.get(name)
    if value is None:
        return []
    if not isinstance(value, list):
        raise SquareError("EXPECTED_ARRAY", f"Expected an array for {field}.", field)
    if any(not isinstance(one, dict) for one in value):
        raise SquareError("EXPECTED_OBJECT", f"Expected objects in {field}.", field)
    return value


def cents_in(fields: Json, name: str, field: str, currency: str) -> int | None:
    """The cents of a Money object, None when absent."""
    value = fields.get(name)
    if value is None:
        return None
    if not isinstance(value, dict):
        raise SquareError("EXPECTED_OBJECT", f"Expected an object for {field}.", field)
    amount = value.get("amount")
    if isinstance(amount, bool) or not isinstance(amount, int):
        raise SquareError("EXPECTED_INTEGER", f"Expected an integer for {field}.amount.", f"{field}.amount")
    if value.get("currency", currency) != currency:
        raise SquareError("INVALID_VALUE", f"The currency of {field} must be {currency}.", f"{field}.currency")
    if amount < 0:
        raise SquareError("VALUE_TOO_LOW", f"{field}.amount must not be negative.", f"{field}.amount")
    return amount


class Drafter:
    """Reads the Order objects of one account's requests."""

    def __init__(self, world: World) -> None:
        self._world = world

    def draft(self, said: Json, at: int, number: int, application: str) -> Order:
        """An open order with this number. Raises `SquareError` for what cannot be ordered."""
        place = self._place(said)
        options = said.get("pricing_options") or {}
        if not isinstance(options, dict):
            raise SquareError("EXPECTED_OBJECT", "Expected an object.", "order.pricing_options")
        rows = rows_in(said, "line_items", "order.line_items")
        if len(rows) > MOST_LINES:
            raise SquareError("ARRAY_LENGTH_TOO_LONG", f"More than {MOST_LINES} lines.", "order.line_items")
        lines = [self._line(row, place, f"order.line_items[{at_line}]") for at_line, row in enumerate(rows)]
        for at_line, (line, row) in enumerate(zip(lines, rows, strict=True)):
            line.uid = text_in(row, "uid", f"order.line_items[{at_line}].uid", 60)
        if len({line.uid for line in lines if line.uid}) < sum(line.uid is not None for line in lines):
            raise invalid("order.line_items.uid", "Two lines have the same uid.")
        taxes = self._taxes(said, rows, lines, place, bool(options.get("auto_apply_taxes")))
        order = Order(number, place.id, at, at, None, OPEN, lines, taxes)
        given, _ = automatic(self._world, place, lines, at) if options.get("auto_apply_discounts") else ((), False)
        order.discounts = (*given, *self._discounts(said, rows, place))
        order.charges = self._charges(said, taxes)
        order.fulfillments = tuple(
            self._fulfillment(row, f"order.fulfillments[{at_row}]")
            for at_row, row in enumerate(rows_in(said, "fulfillments", "order.fulfillments"))
        )
        for name, longest in LONGEST.items():
            text_in(said, name, f"order.{name}", longest)
        source = said.get("source")
        order.source = text_in(source, "name", "order.source.name") if isinstance(source, dict) else None
        order.source = order.source or application
        order.reference, order.ticket = said.get("reference_id"), said.get("ticket_name")
        order.customer, order.metadata = said.get("customer_id"), said.get("metadata")
        order.product, order.version, order.notes = "ECOMMERCE_API", 1, ("written by the API",)
        order.options = {name: bool(value) for name, value in options.items()} or None
        return order

    def _place(self, said: Json) -> Location:
        place = text_in(said, "location_id", "order.location_id")
        if place is None:
            raise missing("order.location_id")
        found = self._world.locations.get(place)
        if found is None or found.status != "ACTIVE":
            raise SquareError("NOT_FOUND", f"Location `{place}` not found.", "order.location_id")
        return found

    # -- lines -----------------------------------------------------------------------------------------------------

    def _line(self, row: Json, place: Location, field: str) -> Line:
        quantity = text_in(row, "quantity", f"{field}.quantity", 12)
        if quantity is None:
            raise missing(f"{field}.quantity")
        if not QUANTITY.fullmatch(quantity) or not e5(quantity):
            raise invalid(f"{field}.quantity", f"{quantity!r} is not a quantity.")
        cents = cents_in(row, "base_price_money", f"{field}.base_price_money", self._world.merchant.currency)
        mods = tuple(
            self._mod(mod, place, f"{field}.modifiers[{at}]")
            for at, mod in enumerate(rows_in(row, "modifiers", f"{field}.modifiers"))
        )
        note, object_id = text_in(row, "note", f"{field}.note", 2000), row.get("catalog_object_id")
        if object_id is None:
            name = text_in(row, "name", f"{field}.name", 512)
            if name is None or cents is None:
                raise missing(f"{field}.{'name' if name is None else 'base_price_money'}")
            return Line(name, None, None, None, cents, e5(quantity), mods, note=note)
        way = self._world.live(object_id)
        if not isinstance(way, Variation) or not way.presence.covers(place.id):
            detail = f"Item variation with catalog object ID `{object_id}` not found."
            raise SquareError("NOT_FOUND", detail, f"{field}.catalog_object_id")
        item = self._world.get(way.item_id)
        assert isinstance(item, Item)
        if cents is None:
            cents = price_at(way, place.id)
        if cents is None:
            raise missing(f"{field}.base_price_money")
        line = Line(item.name, way.name, way.id, way.stamp, cents, e5(quantity), mods, note=note)
        line.category = item.reporting_category[0] if item.reporting_category else None
        return line

    def _mod(self, row: Json, place: Location, field: str) -> Mod:
        currency, object_id = self._world.merchant.currency, row.get("catalog_object_id")
        cents = cents_in(row, "base_price_money", f"{field}.base_price_money", currency)
        said = text_in(row, "quantity", f"{field}.quantity") or "1"
        if not said.isdigit() or not int(said):
            raise invalid(f"{field}.quantity", f"{said!r} is not a whole number.")
        if object_id is None:
            name = text_in(row, "name", f"{field}.name", 255)
            if name is None or cents is None:
                raise missing(f"{field}.{'name' if name is None else 'base_price_money'}")
            return Mod(None, name, cents, None, int(said))
        held = self._world.live(object_id)
        if not isinstance(held, Modifier) or not held.presence.covers(place.id):
            detail = f"Modifier with catalog object ID `{object_id}` not found."
            raise SquareError("NOT_FOUND", detail, f"{field}.catalog_object_id")
        over = held.overrides.get(place.id)
        own = over.cents if over is not None and over.cents is not None else held.cents or 0
        return Mod(held.id, held.name, own if cents is None else cents, held.stamp, int(said))

    # -- taxes, discounts, charges ---------------------------------------------------------------------------------

    def _in_force(self, tax: Any, place: Location) -> bool:
        return isinstance(tax, Tax) and tax.enabled and tax.presence.covers(place.id) and not tax.on_total

    def _taxes(
        self, said: Json, rows: Sequence[Json], lines: Sequence[Line], place: Location, auto: bool
    ) -> tuple[TaxUse, ...]:
        """The taxes of the order; each line learns the places of its own."""
        uses: list[TaxUse] = []
        places: dict[str, int] = {}
        held: list[set[int]] = [set() for _ in lines]
        for at, row in enumerate(rows_in(said, "taxes", "order.taxes")):
            use = self._tax(row, place, f"order.taxes[{at}]")
            uses.append(use)
            places[str(row.get("uid", ""))] = at
            if use.scope == "ORDER":
                for taken in held:
                    taken.add(at)
        for number, row in enumerate(rows):
            field = f"order.line_items[{number}].applied_taxes"
            for applied in rows_in(row, "applied_taxes", field):
                if applied.get("tax_uid") not in places:
                    raise invalid(f"{field}.tax_uid", f"There is no tax {applied.get('tax_uid')!r}.")
                held[number].add(places[applied["tax_uid"]])
        if auto:
            for number, line in enumerate(lines):
                for tax in self._own_taxes(line, place):
                    at = next((at for at, use in enumerate(uses) if use.id == tax.id), -1)
                    if at < 0:
                        at = len(uses)
                        uses.append(
                            TaxUse(tax.name, e5(tax.percentage), tax.percentage, tax.id, tax.stamp, tax.inclusive)
                        )
                    held[number].add(at)
        for line, taken in zip(lines, held, strict=True):
            line.taxes = tuple(sorted(taken))
        return tuple(uses)

    def _own_taxes(self, line: Line, place: Location) -> list[Tax]:
        """What the catalog taxes a line with."""
        way = self._world.get(line.id)
        if not isinstance(way, Variation):
            every = (tax for tax in self._world.of_type("TAX") if not tax.deleted)
            return [tax for tax in every if isinstance(tax, Tax) and tax.custom_amounts and self._in_force(tax, place)]
        item = self._world.get(way.item_id)
        assert isinstance(item, Item)
        found = [self._world.live(tax_id) for tax_id in item.tax_ids] if item.taxable is not False else []
        return [tax for tax in found if isinstance(tax, Tax) and self._in_force(tax, place)]

    def _tax(self, row: Json, place: Location, field: str) -> TaxUse:
        scope = row.get("scope", "ORDER")
        if scope not in ("ORDER", "LINE_ITEM"):
            raise SquareError("INVALID_ENUM_VALUE", f"{scope!r} is not a valid enum value.", f"{field}.scope")
        object_id = row.get("catalog_object_id")
        if object_id is not None:
            held = self._world.live(object_id)
            if not isinstance(held, Tax) or not self._in_force(held, place):
                detail = f"Tax with catalog object ID `{object_id}` not found."
                raise SquareError("NOT_FOUND", detail, f"{field}.catalog_object_id")
            text = held.percentage
            return TaxUse(held.name, e5(text), text, held.id, held.stamp, held.inclusive, scope, auto=False)
        name, said = text_in(row, "name", f"{field}.name", 255), _percentage(row, field)
        if name is None or said is None:
            raise missing(f"{field}.{'name' if name is None else 'percentage'}")
        return TaxUse(name, e5(said), said, inclusive=row.get("type") == "INCLUSIVE", scope=scope, auto=False)

    def _discounts(self, said: Json, rows: Sequence[Json], place: Location) -> list[DiscountUse]:
        found = []
        for at, row in enumerate(rows_in(said, "discounts", "order.discounts")):
            field, scope = f"order.discounts[{at}]", row.get("scope", "ORDER")
            lines: tuple[int, ...] | None = None
            if scope == "LINE_ITEM":
                lines = tuple(
                    number
                    for number, line in enumerate(rows)
                    if any(one.get("discount_uid") == row.get("uid") for one in line.get("applied_discounts") or ())
                )
            elif scope != "ORDER":
                raise SquareError("INVALID_ENUM_VALUE", f"{scope!r} is not a valid enum value.", f"{field}.scope")
            found.append(self._discount(row, lines, place, field))
        return found

    def _discount(self, row: Json, lines: tuple[int, ...] | None, place: Location, field: str) -> DiscountUse:
        said = _percentage(row, field)
        cents = cents_in(row, "amount_money", f"{field}.amount_money", self._world.merchant.currency)
        object_id, more = row.get("catalog_object_id"), {"lines": lines}
        if object_id is not None:
            held = self._world.live(object_id)
            if not isinstance(held, Discount) or not held.presence.covers(place.id):
                detail = f"Discount with catalog object ID `{object_id}` not found."
                raise SquareError("NOT_FOUND", detail, f"{field}.catalog_object_id")
            use = use_of(held)
            given = {"rate": use.rate, "text": use.text, "cents": use.cents}
            if held.kind.startswith("VARIABLE"):
                given = {"rate": e5(said) if said else 0, "text": said, "cents": cents}
                if said is None and cents is None:
                    raise missing(f"{field}.{'amount_money' if held.kind.endswith('AMOUNT') else 'percentage'}")
            base = {"id": use.id, "version": use.version, "cap": use.cap, "keeps_basis": use.keeps_basis}
            return DiscountUse(held.name, held.kind, **given, **base, **more)  # type: ignore[arg-type]
        name = text_in(row, "name", f"{field}.name", 255)
        if name is None or (said is None) == (cents is None):
            raise missing(f"{field}.{'name' if name is None else 'percentage'}")
        if said is not None:
            return DiscountUse(name, "FIXED_PERCENTAGE", e5(said), said, lines=lines)
        return DiscountUse(name, "FIXED_AMOUNT", cents=cents, lines=lines)

    def _charges(self, said: Json, taxes: Sequence[TaxUse]) -> tuple[ChargeUse, ...]:
        found = []
        for at, row in enumerate(rows_in(said, "service_charges", "order.service_charges")):
            field = f"order.service_charges[{at}]"
            name, phase = text_in(row, "name", f"{field}.name", 512), row.get("calculation_phase")
            share = _percentage(row, field)
            cents = cents_in(row, "amount_money", f"{field}.amount_money", self._world.merchant.currency)
            if name is None or phase is None or (share is None) == (cents is None):
                raise missing(
                    f"{field}.{'name' if name is None else 'calculation_phase' if phase is None else 'percentage'}"
                )
            if phase not in PHASES:
                raise SquareError(
                    "INVALID_ENUM_VALUE", f"{phase!r} is not a valid enum value.", f"{field}.calculation_phase"
                )
            taxable = bool(row.get("taxable", False))
            if (phase == TOTAL and taxable) or (phase == BY_PERCENT and cents) or (phase == BY_AMOUNT and share):
                raise SquareError("BAD_REQUEST", "This combination of phase, amount and tax is not allowed.", field)
            every = tuple(number for number, tax in enumerate(taxes) if tax.scope == "ORDER" or not tax.inclusive)
            use = ChargeUse(name, phase, e5(share) if share else 0, share, cents, taxable=taxable)
            found.append(
                use if not taxable else ChargeUse(name, phase, use.rate, share, cents, None, "CUSTOM", every, True)
            )
        return tuple(found)

    # -- fulfillments ----------------------------------------------------------------------------------------------

    def _fulfillment(self, row: Json, field: str) -> Fulfillment:
        kind, state = row.get("type"), row.get("state", "PROPOSED")
        if kind not in KINDS:
            raise SquareError("INVALID_ENUM_VALUE", f"{kind!r} is not a valid enum value.", f"{field}.type")
        if state not in OPEN_STATES:
            raise SquareError("INVALID_ENUM_VALUE", f"A new fulfillment cannot be {state!r}.", f"{field}.state")
        details = row.get(f"{kind.lower()}_details")
        if not isinstance(details, dict):
            raise missing(f"{field}.{kind.lower()}_details")
        who = details.get("recipient")
        if not isinstance(who, dict) or not (who.get("display_name") or who.get("customer_id")):
            raise missing(f"{field}.{kind.lower()}_details.recipient.display_name")
        scheduled = details.get("schedule_type", "SCHEDULED") == "SCHEDULED"
        when = moment(details, "pickup_at" if kind == "PICKUP" else "deliver_at")
        if kind == "PICKUP" and scheduled and when is None:
            raise missing(f"{field}.pickup_details.pickup_at")
        names = (who.get("display_name"), who.get("phone_number"), who.get("email_address"))
        return Fulfillment(kind, state, None if when is None else int(when), *names, scheduled=scheduled)


def _percentage(row: Json, field: str) -> str | None:
    said = text_in(row, "percentage", f"{field}.percentage", 10)
    if said is not None and not PERCENTAGE.fullmatch(said):
        raise invalid(f"{field}.percentage", f"{said!r} is not a percentage.")
    return said
