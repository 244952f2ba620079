"""Sales at the register and online: single ones with all their particulars, and whole ordinary days of trade.

`{"op": "sell", "location"?, "at"? (RFC 3339, default now), "lines": [{"item": id, "quantity"?, "modifiers"?: [ids], "cents"?}],
"channel"?: "in_house" | "online", "external"?, "tender"?, "tip_cents"?, "gratuity"?: true, "discount"?: id, "open"?: true,
"offline_minutes"?}` and `{"op": "trade", "location"?, "day": "YYYY-MM-DD", "orders": n, "seed"?}`. Everything is priced by
the menu, the rates, the fees and the tax rules of the moment of the edit. A sale whose moment (or, of one taken offline,
whose arrival) is still to come is served from then on.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date, datetime, timedelta
from itertools import accumulate
from random import Random
from typing import Any
from zoneinfo import ZoneInfo

from aura_migration.sandbox.clover.edits import set_stock
from aura_migration.sandbox.clover.orders.arithmetic import totals
from aura_migration.sandbox.clover.orders.model import AUTO_GRATUITY, Disc, Line, Order
from aura_migration.sandbox.clover.orders.shop import dish_of
from aura_migration.sandbox.clover.orders.till import MINUTE, Till
from aura_migration.sandbox.clover.world import Item, Merchant, ModifierGroup
from aura_migration.sandbox.core.app import ControlError
from aura_migration.sandbox.core.clock import parse_instant

CHANNELS = ("in_house", "online")
TENDERS = {"cash": "cash", "card": "credit_card", "gift_card": "external_gift_card", "other": "external_payment"}
ONLINE_ORDER = {"onlineOrder": {"provider": "Online ordering"}}
FIRST_HOUR = 10
HOURS = (3, 6, 9, 8, 4, 3, 4, 8, 10, 9, 7, 5, 3, 2, 1)  # orders by hour from 10:00 to 01:00
AFTER_MIDNIGHT = (10, 50)  # minutes after midnight between which the last guests of a day are
DRAWN_TENDERS = (*("credit_card",) * 6, "debit_card", "cash", "cash", "external_gift_card", "check")
Op = dict[str, Any]
Where = Callable[[Op], Merchant]


class Seller:
    """Rings sales up at the tills of a world; `where` finds the merchant of an edit."""

    def __init__(self, tills: dict[str, Till], where: Where) -> None:
        self._tills = tills
        self._where = where
        self._sold = 0

    # -- one sale --------------------------------------------------------------------------------------------------

    def sell(self, op: Op) -> list[str]:
        """One sale; its id. Raises `ControlError` for what is not on the menu or cannot be paid with."""
        merchant = self._where(op)
        till = self._tills[merchant.id]
        at = till.book.now
        if op.get("at") is not None:
            at = int(parse_instant(str(op["at"])).timestamp() * 1000)
        channel = op.get("channel") or "in_house"
        if channel not in CHANNELS:
            raise ControlError(f"a sale has no channel {channel!r}; it has one of: {', '.join(CHANNELS)}")
        offline = op.get("offline_minutes")
        if offline is not None and (isinstance(offline, bool) or not isinstance(offline, int | float) or offline < 0):
            raise ControlError("edit 'sell': 'offline_minutes' is a number, not negative")
        reached = at + int((offline or 0) * MINUTE)
        order = self.draft(till, op, at, online=channel == "online")
        if not op.get("open"):
            tender = self.tender(merchant, op.get("tender", "card"))
            till.pay(order, tender, at=at, tip=_cents(op, "tip_cents"), offline=offline is not None)
            order.state = "locked"
            order.payments[0].modified = reached
        order.modified = max(order.modified, reached)
        order.arrives = reached if reached > till.book.now else None
        till.book.add(order)
        take_stock(till, order)
        return [order.id]

    def draft(self, till: Till, op: Op, at: int, *, online: bool) -> Order:
        """An open order as the edit describes it, not in the book yet."""
        said = op.get("lines")
        if not isinstance(said, list) or not said or any(not isinstance(one, dict) for one in said):
            raise ControlError("edit 'sell' needs 'lines', a list of what is sold")
        merchant = till.shop.merchant
        lines = [line for one in said for line in self.lines(till, one)]
        order = till.order(at, lines, state="open")
        self._sold += 1
        order.title, order.external, order.kinds = str(self._sold), op.get("external"), ("sold",)
        if online:
            order.employee = order.device = None
            order.extra = dict(ONLINE_ORDER)
        self.typed(merchant, order, self.order_type(merchant, online))
        if op.get("discount") is not None:
            order.discounts = [self.discount(till, str(op["discount"]))]
        if op.get("gratuity"):
            fee = next((row for row in merchant.order_fees.values() if row.get("type") == "GRATUITY"), None)
            if fee is None:
                raise ControlError(f"merchant {merchant.id} has no gratuity among its order fees")
            till.fee(order, fee, AUTO_GRATUITY)
        return order

    def typed(self, merchant: Merchant, order: Order, row: dict[str, Any] | None) -> None:
        """Give an order its type: some types are not taxed, and tax rules spare some of them some rates."""
        order.type = row["id"] if row is not None else None
        order.untaxed = row is not None and not row["taxable"]
        for rule in merchant.tax_rules.values():
            if rule.get("_unused") or rule.get("orderType", {}).get("id") != order.type:
                continue
            spared = {rate["id"] for rate in rule["taxRates"]["elements"]}
            for line in order.lines:
                line.rates = tuple(rate for rate in line.rates if rate.id not in spared)

    # -- what an edit names ----------------------------------------------------------------------------------------

    @staticmethod
    def order_type(merchant: Merchant, online: bool) -> dict[str, Any] | None:
        """The type of a sale: the usual one in the house, taken out where it was ordered online."""
        rows = [row for row in merchant.order_types.values() if not row["isDeleted"]]
        if online:
            return next((row for row in rows if row["systemOrderTypeId"] == "TAKE-OUT-TYPE"), None)
        return next((row for row in rows if row["isDefault"]), None)

    @staticmethod
    def tender(merchant: Merchant, said: Any) -> str:
        """The key or id of a tender by what it is called: cash, card, gift_card, other, a key, a label or an id."""
        wanted = TENDERS.get(said, said)
        for row in merchant.tenders.values():
            key = str(row["labelKey"] or row["label"]).removeprefix("com.clover.tender.")
            if wanted in (key, row["label"], row["id"]):
                return key if row["labelKey"] else str(row["id"])
        names = [*TENDERS, *(str(row["label"]) for row in merchant.tenders.values())]
        raise ControlError(f"there is no tender {said!r}; there are: {', '.join(names)}")

    @staticmethod
    def discount(till: Till, discount_id: str) -> Disc:
        """A discount of the catalogue as it is put on an order."""
        row = till.shop.merchant.discounts.get(discount_id)
        if row is None or row.deleted:
            raise ControlError(f"there is no discount {discount_id!r} at {till.shop.merchant.id}")
        share = row.percentage_decimal
        return Disc(till.id("discount"), row.name, row.amount, row.percentage, share, row.id, None, row.type)

    @staticmethod
    def lines(till: Till, said: Op) -> list[Line]:
        """The lines of what is said: Clover has no quantity, so three of a kind are three lines (or 3 units by weight)."""
        merchant = till.shop.merchant
        item = merchant.items.get(str(said.get("item")))
        if item is None or item.deleted:
            raise ControlError(f"merchant {merchant.id} has no item {said.get('item')!r} on its menu")
        count = said.get("quantity", 1)
        if isinstance(count, bool) or not isinstance(count, int | float) or not 0 < count <= 1000:
            raise ControlError(f"'quantity' is a number above 0, not {count!r}")
        cents, weighed = _cents(said, "cents"), item.price_type == "PER_UNIT"
        if cents is None and item.price_type == "VARIABLE":
            raise ControlError(f"item {item.id} has an open price; say 'cents'")
        if not weighed and count != int(count):
            raise ControlError(f"item {item.id} is sold in whole pieces, not {count!r}")
        found = []
        for _ in range(1 if weighed else int(count)):
            line = till.line(dish_of(merchant, item), cents)
            if weighed:
                line.unit_qty = round(count * 1000)
            for modifier_id in said.get("modifiers") or ():
                modifier = merchant.modifiers.get(str(modifier_id))
                if modifier is None:
                    raise ControlError(f"merchant {merchant.id} has no modifier {modifier_id!r}")
                line.mods.append(till.mod(modifier.name, modifier.price, modifier.id))
            found.append(line)
        return found

    # -- a day of trade --------------------------------------------------------------------------------------------

    def trade(self, op: Op) -> list[str]:
        """Ordinary orders from the first guests of a day to those after midnight; their ids, the oldest first."""
        merchant = self._where(op)
        till = self._tills[merchant.id]
        try:
            day = date.fromisoformat(str(op.get("day")))
        except ValueError as error:
            raise ControlError(f"'day' is a date such as 2026-10-01, not {op.get('day')!r}") from error
        count = op.get("orders")
        if isinstance(count, bool) or not isinstance(count, int) or not 0 <= count <= 5000:
            raise ControlError("'orders' is a whole number up to 5,000")
        rng = Random(f"{till.ids.seed}:{merchant.id}:{day}:{op.get('seed', 0)}")  # noqa: S311 - seeded on purpose
        menu = [item for item in merchant.items.values() if ordinary(merchant, item)]
        if not menu:
            raise ControlError(f"nothing on the menu of merchant {merchant.id} has a price")
        return [self._ordinary(till, menu, at, rng) for at in moments_of(day, ZoneInfo(merchant.timezone), count, rng)]

    def _ordinary(self, till: Till, menu: Sequence[Item], at: int, rng: Random) -> str:
        merchant, said = till.shop.merchant, []
        for _ in range(rng.choice((1, 2, 2, 3, 3, 4, 5))):
            item = rng.choice(menu)
            quantity = rng.choice((0.5, 0.75, 1.25)) if item.price_type == "PER_UNIT" else rng.choice((1, 1, 1, 2))
            said.append({"item": item.id, "quantity": quantity, "modifiers": choose(merchant, item, rng)})
        online = rng.random() < 0.15
        op: Op = {"lines": said, "gratuity": False}
        given = [one for one in merchant.discounts.values() if not one.deleted and not one.unused]
        given = [one for one in given if one.type != "CASH_DISCOUNT"]
        if given and rng.random() < 0.15:
            op["discount"] = rng.choice(given).id
        gratuity = any(row.get("type") == "GRATUITY" for row in merchant.order_fees.values())
        lot = rng.random()
        op["gratuity"] = gratuity and not online and len(said) >= 4 and lot < 0.4
        order = self.draft(till, op, at, online=online)
        if not online and len(said) >= 4 and lot > 0.8 and merchant.service_charge.get("enabled"):
            names = ("id", "name", "enabled", "percentageDecimal")
            order.charge = {name: merchant.service_charge[name] for name in names}
        if not online and till.shop.staff:
            order.employee = rng.choice(till.shop.staff)
        tender = "credit_card" if online else rng.choice(DRAWN_TENDERS)
        whole = totals(order, after_refunds=False).total
        tender = self.tender(merchant, tender if whole else "cash")
        tip = whole * rng.choice((15, 18, 20)) // 100 if tender.endswith("_card") and rng.random() < 0.7 else None
        paid = at + rng.randrange(4, 45) * MINUTE + rng.randrange(60_000)
        till.pay(order, tender, at=paid, tip=tip)
        order.state, order.kinds = "locked", ("trade",)
        order.arrives = paid if paid > till.book.now else None
        till.book.add(order)
        take_stock(till, order)
        return order.id


def take_stock(till: Till, order: Order) -> list[str]:
    """A paid sale takes what is counted off the shelf, where the switch and the merchant say so; the ids of the items."""
    merchant = till.shop.merchant
    if not till.book.switches.get("sales_move_stock") or not merchant.properties.get("updateStock"):
        return []
    moved = {}
    for line in order.lines if any(payment.counts for payment in order.payments) else ():
        item = merchant.items.get(line.item or "")
        if item is not None and item.quantity is not None:
            set_stock(merchant, item, item.quantity - (line.unit_qty or 1000) / 1000, till.book.now)
            moved[item.id] = item
    return list(moved)


def ordinary(merchant: Merchant, item: Item) -> bool:
    """Do guests order it without anything having to be typed in, and can they choose as many options as they must?"""
    shown = not item.deleted and not item.hidden and item.available and item.is_revenue
    if not shown or item.price_type == "VARIABLE" or not 0 < item.price < 100_000:
        return False
    groups = [merchant.groups[group_id] for group_id in item.groups]
    return all(group.deleted or len(options(merchant, group)) >= (group.min_required or 0) for group in groups)


def options(merchant: Merchant, group: ModifierGroup) -> list[str]:
    """The modifiers of a group that can be had."""
    return [one for one in group.modifiers if merchant.modifiers[one].available]


def choose(merchant: Merchant, item: Item, rng: Random) -> list[str]:
    """Modifiers as a guest picks them: of each group at least as many as must be, seldom more than one."""
    found: list[str] = []
    for group_id in item.groups:
        group = merchant.groups[group_id]
        sold = options(merchant, group)
        if group.deleted or not sold:
            continue
        most = min(group.max_allowed or len(sold), len(sold))
        found += rng.sample(sold, min(most, max(group.min_required or 0, rng.choice((0, 0, 1, 1, 2)))))
    return found


def moments_of(day: date, zone: ZoneInfo, count: int, rng: Random) -> list[int]:
    """When the guests of a day come, in milliseconds and in order: as busy as the hours are, the last after midnight."""
    first = datetime(day.year, day.month, day.day, tzinfo=zone)
    reached = [0, *accumulate(HOURS)]
    found = []
    for number in range(count):
        place = (number + rng.random()) * reached[-1] / count
        hour = next(at for at in range(len(HOURS)) if place < reached[at + 1] or at == len(HOURS) - 1)
        part = (place - reached[hour]) / HOURS[hour]
        found.append(first + timedelta(hours=FIRST_HOUR + hour, seconds=int(part * 3600)))
    if count >= 5:
        midnight = first + timedelta(days=1)
        found[-1] = max(found[-1], midnight + timedelta(minutes=rng.randint(*AFTER_MIDNIGHT)))
    return sorted(int(local.timestamp() * 1000) for local in found)


def _cents(op: Op, name: str) -> int | None:
    value = op.get(name)
    if value is not None and (isinstance(value, bool) or not isinstance(value, int) or value < 0):
        raise ControlError(f"{name!r} is a whole number of cents, not {value!r}")
    return value
