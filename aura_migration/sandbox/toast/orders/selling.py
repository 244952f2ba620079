"""Sales at the counter and online: single ones with all their particulars, and whole ordinary days of trade.

``{"op": "sell", "location"?, "at"? (RFC 3339, default now), "lines": [{"item": guid or multiLocationId, "quantity"?, "modifiers"?:
[ids of options], "cents"? (price of one)}], "channel"?: "in_house" | "online", "behavior"?: "DINE_IN" | "TAKE_OUT" | "DELIVERY"
(usual for the channel unless said), "external"?, "tender"?: "cash" | "card" | "gift_card" | "other" | a payment type's name or guid,
"tip_cents"?, "gratuity"?: true, "discount"?: guid, "open"?: true, "offline_minutes"?}`` and ``{"op": "trade", "location"?, "day":
"YYYY-MM-DD" (a business date), "orders": n, "seed"?}``. Everything is priced by the menu and the configuration of the moment of
the edit. A sale whose moment (or, of one taken offline, whose arrival) is still to come is served from then on.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime, timedelta
from itertools import accumulate
from random import Random
from typing import Any

from aura_migration.sandbox.core.app import ControlError
from aura_migration.sandbox.core.clock import parse_instant
from aura_migration.sandbox.toast.model import BASE, GROUP, MENU, SIZE, TIME, Item
from aura_migration.sandbox.toast.orders.ledger import SOLD
from aura_migration.sandbox.toast.orders.model import CASH, CREDIT, GIFTCARD, HOUSE, OTHER
from aura_migration.sandbox.toast.orders.numbering import Family
from aura_migration.sandbox.toast.orders.offer import NotSold, Offer
from aura_migration.sandbox.toast.orders.register import CRITERION, Given, Register, Wanted
from aura_migration.sandbox.toast.orders.sheet import Sheet
from aura_migration.sandbox.toast.orders.tender import settled
from aura_migration.sandbox.toast.people.model import DELIVERY, DINE_IN, MINUTE, TAKE_OUT
from aura_migration.sandbox.toast.people.store import LocalPeople, People
from aura_migration.sandbox.toast.world import OUT_OF_STOCK, World

CHANNELS = {"in_house": (DINE_IN, "In Store"), "online": (TAKE_OUT, "Online")}
TENDERS = {"cash": CASH, "card": CREDIT, "gift_card": GIFTCARD, "house_account": HOUSE, "other": OTHER}
DINING_NAMES = {DINE_IN: "Dine In", TAKE_OUT: "Take Out", DELIVERY: "Delivery"}
UPLOAD = 300
"""Milliseconds from a sale to the cloud's knowing of it."""
FIRST_HOUR = 10
HOURS = (3, 6, 9, 8, 4, 3, 4, 8, 10, 9, 7, 5, 3, 2, 1)  # orders by hour from 10:00 to 01:00
MIDNIGHT = 14  # the place of the hour after midnight
AFTER_MIDNIGHT = (10, 50)  # minutes after midnight between which the last guests of a day are
LATE_CLOSEOUT = 2  # a close-out before this hour leaves no guests after midnight
DRAWN_TENDERS = (*(CREDIT,) * 7, CASH, CASH, GIFTCARD, OTHER)
Op = dict[str, Any]


class Seller:
    """Rings sales up at the locations of one account."""

    def __init__(self, people: People, world: World, switches: Mapping[str, Any]) -> None:
        self._people = people
        self._world = world
        self._switches = switches
        self._offers: dict[str, Offer] = {}
        self.submitter: str | None = None
        self.verbs: dict[str, Callable[[Op], list[str]]] = {"sell": self.sell, "trade": self.trade}

    def offer(self, guid: str) -> Offer:
        """What a location sells now."""
        place = self._world.places[guid]
        held = self._offers.get(guid)
        if held is None or held.catalog is not place.catalog:
            held = self._offers[guid] = Offer(place)
        return held

    def _here(self, op: Op) -> LocalPeople:
        wanted = op.get("location")
        if wanted is None:
            return next(self._people.everywhere())
        if wanted not in self._world.places:
            raise ControlError(f"toast: there is no location {wanted!r}")
        return self._people.at(wanted)

    # -- one sale ------------------------------------------------------------------------------------------------------

    def sell(self, op: Op) -> list[str]:
        """One sale; its guid. Raises ``ControlError`` for what is not on the menu or cannot be paid with."""
        here = self._here(op)
        at = self._people.now()
        if op.get("at") is not None:
            at = int(parse_instant(str(op["at"])).timestamp() * 1000)
        if op.get("channel", "in_house") not in CHANNELS:
            raise ControlError(f"a sale has no channel {op['channel']!r}; it has one of: {', '.join(CHANNELS)}")
        behavior, source = CHANNELS[op.get("channel", "in_house")]
        behavior = op.get("behavior") or behavior
        if behavior not in CRITERION:
            raise ControlError(f'"behavior" is one of {", ".join(CRITERION)}, not {behavior!r}')
        offline = op.get("offline_minutes")
        if offline is not None and (isinstance(offline, bool) or not isinstance(offline, int | float) or offline < 0):
            raise ControlError("edit 'sell': 'offline_minutes' is a number, not negative")
        reached = at + int((offline or 0) * MINUTE)
        offer = self.offer(here.location.guid)
        try:
            tender, other = self.tender(offer, op.get("tender", "card"))
            sheet, family = self._rung(here, op, at, behavior, source)
        except NotSold as refusal:
            raise ControlError(f"toast: {refusal}") from None
        if not op.get("open"):
            tip = _cents(op, "tip_cents") or 0
            self._pay(here, sheet, family, tender, other, tip, at)
        sheet.modified = reached
        sheet.created = reached + UPLOAD if offline else None
        sheet.arrives = reached if reached > self._people.now() else None
        if op.get("external") is not None:
            sheet.external = sheet.bills[0].external = str(op["external"])
            sheet.submitted = self.submitter
        sheet.told.append("sold")
        here.ledger.append(sheet)
        return [sheet.guid]

    def _rung(self, here: LocalPeople, op: Op, at: int, behavior: str, source: str) -> tuple[Sheet, Family]:
        """The order an edit describes, open and not in the ledger yet, and where its guids come from."""
        said = op.get("lines")
        if not isinstance(said, list) or not said or any(not isinstance(one, dict) for one in said):
            raise ControlError("edit 'sell' needs 'lines', a list of what is sold")
        offer = self.offer(here.location.guid)
        wanted = [self.wanted(offer, one) for one in said]
        discounts = []
        if op.get("discount") is not None:
            body = offer.discounts.get(str(op["discount"]))
            if body is None or not body["active"]:
                raise NotSold(f"{here.location.location_name} gives no discount {op['discount']!r}")
            discounts.append(Given(body, cents=_cents(op, "discount_cents"), percent=op.get("discount_percent")))
        family = here.ledger.sold.family()
        sheet = blank(here, family, offer, at, behavior, source)
        register = Register(offer, family, behavior, at, how=str(self._switches["charge_rounding"]))
        charges = register.automatic(wanted)
        if op.get("gratuity"):
            charges.append(gratuity_of(offer))
        sheet.bills.append(register.bill(sheet, wanted, discounts, charges))
        return sheet, family

    @staticmethod
    def wanted(offer: Offer, said: Op) -> Wanted:
        """A line of what is said."""
        item = offer.item(said.get("item"))
        quantity = said.get("quantity", 1)
        if isinstance(quantity, bool) or not isinstance(quantity, int | float) or not 0 < quantity <= 1000:
            raise ControlError(f"'quantity' is a number above 0, not {quantity!r}")
        if quantity != int(quantity) and item.unit == "NONE":
            raise ControlError(f"item {item.guid} is sold in whole pieces, not {quantity!r}")
        picks = offer.picks(item, said.get("modifiers") or ())
        return Wanted(item, float(quantity), picks, _cents(said, "cents"))

    @staticmethod
    def tender(offer: Offer, said: object) -> tuple[str, str | None]:
        """How somebody pays, by what it is called: ``(payment type, guid of the restaurant's own type)``."""
        text = str(said)
        kind = TENDERS.get(text, text if text in TENDERS.values() else None)
        if kind is not None and kind != OTHER:
            return kind, None
        for guid, body in reversed(offer.tenders.items()):
            if kind == OTHER or text in (guid, body["name"]):
                return OTHER, guid
        names = [*TENDERS, *(body["name"] for body in offer.tenders.values())]
        raise NotSold(f"there is no payment type {said!r}; there are: {', '.join(names)}")

    @staticmethod
    def _pay(
        here: LocalPeople, sheet: Sheet, family: Family, tender: str, other: str | None, tip: int, at: int
    ) -> None:
        """Pay what is due and close the order."""
        sheet.closed = at
        for bill in sheet.bills:
            bill.closed = at
            due = bill.total + bill.gratuity
            if due > 0 or tip:
                number = SOLD + len(here.ledger.sold)
                one = here.ledger.past.tender.payment(sheet, family, number, 0, tender, due, None)
                one.at, one.day, one.tip = at, here.crew.business_date(at), tip
                one.other = other
                bill.payments.append(one)
        settled(sheet)

    # -- a day of trade ------------------------------------------------------------------------------------------------

    def trade(self, op: Op) -> list[str]:
        """Ordinary orders from the first guests of a business date to those after midnight; their guids, the oldest first."""
        here = self._here(op)
        try:
            day = date.fromisoformat(str(op.get("day")))
        except ValueError:
            raise ControlError(f"'day' is a date such as 2026-10-01, not {op.get('day')!r}") from None
        count = op.get("orders")
        if isinstance(count, bool) or not isinstance(count, int) or not 0 <= count <= 5000:
            raise ControlError("'orders' is a whole number up to 5,000")
        location = here.location
        rng = Random(f"{self._people.ids.seed}:{location.guid}:{day}:{op.get('seed', 0)}")  # noqa: S311 - seeded on purpose
        offer = self.offer(location.guid)
        menu = [item for item in offer.sold() if ordinary(offer, item)]
        if not menu:
            raise ControlError(f"nothing on the menu of {location.location_name} has a price")
        return [self._ordinary(here, offer, menu, at, rng) for at in moments_of(here, day, count, rng)]

    def _ordinary(self, here: LocalPeople, offer: Offer, menu: Sequence[Item], at: int, rng: Random) -> str:
        said = []
        for _ in range(rng.choice((1, 2, 2, 3, 3, 4, 5))):
            item = rng.choice(menu)
            quantity = rng.choice((0.5, 0.75, 1.25)) if item.unit != "NONE" else rng.choice((1, 1, 1, 2))
            said.append({"item": item.guid, "quantity": quantity, "modifiers": choose(offer, item, rng)})
        lot = rng.random()
        online = lot < 0.15
        behavior, source = CHANNELS["online" if online else "in_house"]
        if not online and lot > 0.8:
            behavior = TAKE_OUT
        op: Op = {"lines": said}
        given = [
            body
            for body in offer.discounts.values()
            if body["active"] and body["type"] in ("PERCENT", "FIXED") and not body["promoCodes"]
        ]
        if given and rng.random() < 0.15:
            op["discount"] = rng.choice(given)["guid"]
        large = behavior == DINE_IN and len(said) >= 4 and rng.random() < 0.4
        op["gratuity"] = large and any(body["gratuity"] for body in offer.charges.values())
        sheet, family = self._rung(here, op, at, behavior, source)
        due = sheet.bills[0].total + sheet.bills[0].gratuity
        kind = CREDIT if online else rng.choice(DRAWN_TENDERS)
        if kind == OTHER and not offer.tenders:
            kind = CASH
        tender, other = self.tender(offer, kind)
        tips = tender == CREDIT and not op["gratuity"] and rng.random() < 0.7
        tip = due * rng.choice((15, 18, 20)) // 100 if tips else 0
        paid = at + rng.randrange(4, 45) * MINUTE + rng.randrange(60_000)
        self._pay(here, sheet, family, tender, other, tip, paid)
        sheet.modified = paid
        sheet.arrives = paid if paid > self._people.now() else None
        sheet.told.append("trade")
        here.ledger.append(sheet)
        return sheet.guid


def blank(here: LocalPeople, family: Family, offer: Offer, at: int, behavior: str, source: str) -> Sheet:
    """An open order without checks; the guids of ``family`` begin with its own."""
    number, floor, seated = len(here.ledger.sold), here.floor, behavior == DINE_IN
    dining = next((row["guid"] for row in offer.dining.values() if row["name"] == DINING_NAMES[behavior]), None)
    dining = dining or next((row["guid"] for row in offer.dining.values() if row["behavior"] == behavior), None)
    return Sheet(
        key=0,
        guid=family.next(),
        day=here.crew.business_date(at),
        opened=at,
        modified=at,
        closed=None,
        paid=None,
        behavior=behavior,
        dining=dining,
        source=source,
        bills=[],
        label=str(number % 900 + 1),
        server=here.servers[number % len(here.servers)] if source == "In Store" and here.servers else None,
        table=floor.tables[number % len(floor.tables)] if seated and floor.tables else None,
        center=floor.centers[0] if seated and floor.centers else None,
        device=floor.devices[number % 5],
        delivery_state="PENDING",
    )


def gratuity_of(offer: Offer) -> Mapping[str, Any]:
    """The gratuity a restaurant adds for large parties."""
    for body in offer.charges.values():
        if body["gratuity"] and body["amountType"] != "OPEN":
            return body
    raise NotSold(f"{offer.place.location.location_name} has no gratuity among its service charges")


def ordinary(offer: Offer, item: Item) -> bool:
    """Do guests order it without anything having to be typed in?"""
    if not item.visibility or item.deferred or item.pricing.strategy not in (BASE, MENU, TIME, SIZE):
        return False
    if offer.place.location.stock.get(item.guid, ("", None))[0] == OUT_OF_STOCK:
        return False
    return item.pricing.strategy == SIZE or 0 < (item.pricing.cents or 0) < 100_000


def choose(offer: Offer, item: Item, rng: Random) -> list[str]:
    """Modifiers as a guest picks them: of each group at least as many as must be, seldom more than one."""
    found: list[str] = []
    for link in item.links:
        group = offer.catalog.modifier_groups[link.group]
        free = [one.item for one in group.options if one.visibility and one.item not in found]
        free = [guid for guid in free if offer.catalog.items[guid].pricing.strategy in (BASE, MENU, TIME, GROUP)]
        if not free or not (group.visibility if link.visibility is None else link.visibility):
            continue
        if group.size_of is not None:
            found.append(rng.choice(free))
            continue
        most = min(len(free), group.maximum or len(free), 1 if not group.multi else len(free))
        found += rng.sample(free, min(most, max(group.minimum or 0, rng.choice((0, 0, 1, 1, 2)))))
    return found


def moments_of(here: LocalPeople, day: date, count: int, rng: Random) -> list[int]:
    """When the guests of a business date come, in milliseconds and in order: as busy as the hours are, the last after
    midnight where the day lasts that long."""
    late = here.location.closeout_hour >= LATE_CLOSEOUT
    hours = HOURS if late else HOURS[:MIDNIGHT]
    reached = [0, *accumulate(hours)]
    first = datetime(day.year, day.month, day.day, tzinfo=here.crew.zone)
    found = []
    for number in range(count):
        place = (number + rng.random()) * reached[-1] / count
        hour = next(at for at in range(len(hours)) if place < reached[at + 1] or at == len(hours) - 1)
        part = (place - reached[hour]) / hours[hour]
        found.append(first + timedelta(hours=FIRST_HOUR + hour, seconds=int(part * 3600)))
    if late and count >= 5:
        midnight = first + timedelta(days=1)
        found[-1] = max(found[-1], midnight + timedelta(minutes=rng.randint(*AFTER_MIDNIGHT)))
    return sorted(int(local.timestamp() * 1000) for local in found)


def _cents(op: Op, name: str) -> int | None:
    value = op.get(name)
    if value is not None and (isinstance(value, bool) or not isinstance(value, int) or value < 0):
        raise ControlError(f"{name!r} is a whole number of cents, not {value!r}")
    return value
