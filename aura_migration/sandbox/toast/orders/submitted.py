"""Reading an order somebody submits: what it names, what Toast checks, and its words for what is wrong.

Belongs here: the body of ``POST /orders`` and ``POST /prices`` up to priced checks. Does not belong here: storing it, paying it
and the HTTP around it (``writing``).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from typing import Any

from aura_migration.sandbox.toast.config_wire import parse_toast_time
from aura_migration.sandbox.toast.gate import ToastError
from aura_migration.sandbox.toast.model import OPEN, Item, Menu, MenuGroup
from aura_migration.sandbox.toast.orders.numbering import Family
from aura_migration.sandbox.toast.orders.offer import NotSold, Offer, Pick
from aura_migration.sandbox.toast.orders.register import CRITERION, Given, Register, Wanted
from aura_migration.sandbox.toast.orders.selling import blank
from aura_migration.sandbox.toast.orders.sheet import Bill, Sheet
from aura_migration.sandbox.toast.people.edits import north_american
from aura_migration.sandbox.toast.people.model import DELIVERY, DINE_IN, Address, Guest
from aura_migration.sandbox.toast.people.store import LocalPeople

EXTERNAL = re.compile(r"[^:/]{1,16}:.{1,256}")
MOST_SELECTIONS = 1_000
PREP_TIME = re.compile(r"PT(?:(\d+)H)?(?:(\d+)M)?(?:0S)?")
PREP_STEP = 5
SOURCE = "API"
Body = Mapping[str, Any]


class Submission:
    """One submitted order. ``how``: the rounding of charges in percent. Every method raises ``ToastError``."""

    def __init__(self, here: LocalPeople, offer: Offer, body: Any, now: int, how: str) -> None:
        if not isinstance(body, dict):
            raise ToastError(400, "The body must be an Order")
        self._here, self._offer, self._body, self._now, self._how = here, offer, body, now, how
        self.family: Family = here.ledger.sold.family()
        self.guests: list[Guest | None] = []

    def sheet(self) -> Sheet:
        """The order with its priced checks, open and unpaid."""
        body, offer = self._body, self._offer
        dining = self._dining()
        behavior = dining["behavior"] or DINE_IN
        checks = _rows(body, "checks")
        if not checks:
            raise ToastError(400, "An order must have at least one check")
        if sum(len(_rows(check, "selections")) for check in checks) > MOST_SELECTIONS:
            raise ToastError(413, f"An order may have at most {MOST_SELECTIONS:,} selections")
        made = blank(self._here, self.family, offer, self._now, behavior, SOURCE)
        made.dining, made.table, made.center = dining["guid"], _guid(body.get("table")), None
        made.external = external(body)
        made.guests = int(body.get("numberOfGuests") or 1)
        self._promise(made)
        self._prep_time()
        register = Register(offer, self.family, behavior, self._now, curbside=bool(dining["curbside"]), how=self._how)
        for place, check in enumerate(checks):
            guest = self._customer(check, behavior)
            self.guests.append(guest)
            made.bills.append(self._bill(made, register, check, behavior, place))
        return made

    # -- the order -------------------------------------------------------------------------------------------------

    def _dining(self) -> Body:
        guid = _guid(self._body.get("diningOption"))
        if guid is None:
            raise ToastError(400, "Referenced entity (type=DiningOption) must contain a GUID")
        found: Body | None = self._offer.dining.get(guid)
        if found is None:
            raise ToastError(404, f"Referenced entity (type=DiningOption) was not found: {guid}")
        return found

    def _promise(self, made: Sheet) -> None:
        """An order for later belongs to the business date it is promised for."""
        text = self._body.get("promisedDate")
        if text is None:
            return
        try:
            promised = int(parse_toast_time(str(text)).timestamp() * 1000)
        except ValueError as error:
            raise ToastError(400, f"promisedDate: {error}") from None
        if promised > self._now:
            made.promised, made.approval = promised, "FUTURE"
            made.day = self._here.crew.business_date(promised)

    def _prep_time(self) -> None:
        text = self._body.get("requiredPrepTime")
        if text is None:
            return
        found = PREP_TIME.fullmatch(str(text))
        if found is None or (int(found[1] or 0) * 60 + int(found[2] or 0)) % PREP_STEP:
            raise ToastError(400, f"requiredPrepTime must be a multiple of {PREP_STEP} minutes")

    def _customer(self, check: Body, behavior: str) -> Guest | None:
        """Who takes it out or has it delivered; nobody need be named at a table."""
        told = check.get("customer")
        if behavior == DINE_IN and not told:
            return None
        told = told or {}
        if not (told.get("firstName") or "").strip():
            raise ToastError(400, "Customer first name cannot be empty")
        if not (told.get("phone") or "").strip():
            raise ToastError(400, "Customer phone cannot be empty")
        address = self._address() if behavior == DELIVERY else None
        phone = str(told["phone"])
        return Guest(
            "",
            first=told["firstName"],
            last=told.get("lastName"),
            email=told.get("email"),
            phone=phone,
            country_code=told.get("phoneCountryCode") or "1",
            e164=north_american(phone),
            address=address,
            delivery_notes=(self._body.get("deliveryInfo") or {}).get("notes") if address is not None else None,
        )

    def _address(self) -> Address:
        told = self._body.get("deliveryInfo") or {}
        for field, words in (("address1", "Address 1"), ("city", "City"), ("state", "State"), ("zipCode", "Zip code")):
            if not (told.get(field) or "").strip():
                raise ToastError(400, f"{words} for delivery address cannot be empty")
        return Address(
            told["address1"],
            told.get("address2"),
            told["city"],
            told["state"],
            told["zipCode"],
            told.get("country") or "US",
            told.get("latitude"),
            told.get("longitude"),
        )

    # -- checks ----------------------------------------------------------------------------------------------------

    def _bill(self, made: Sheet, register: Register, check: Body, behavior: str, place: int) -> Bill:
        rows = _rows(check, "selections")
        if not rows:
            raise ToastError(400, "A check must have at least one selection")
        wanted = [self._wanted(row) for row in rows]
        discounts = [self._discount(one) for one in _rows(check, "appliedDiscounts")]
        for number, row in enumerate(rows):
            given = _rows(row, "appliedDiscounts")
            if len(given) > 1:
                raise ToastError(400, "Only one discount can be applied to a selection")
            discounts += [self._discount(one, number) for one in given]
        if len(discounts) > 1 and any(not one.body["nonExclusive"] for one in discounts):
            raise ToastError(400, "An exclusive discount cannot be combined with others")
        charges = [self._charge(register, one, behavior, wanted) for one in _rows(check, "appliedServiceCharges")]
        try:
            bill = register.bill(made, wanted, discounts, charges, exempt=bool(check.get("taxExempt")))
        except NotSold as refusal:
            raise ToastError(400, str(refusal)) from None
        bill.tab, bill.external = check.get("tabName"), external(check)
        bill.label = str(int(made.label) + place)
        return bill

    def _wanted(self, row: Body) -> Wanted:
        if row.get("selectionType") not in (None, "NONE"):
            raise ToastError(400, f"selectionType {row['selectionType']} cannot be submitted here")
        item = self._item(row)
        quantity = _number(row.get("quantity", 1), "quantity")
        if quantity <= 0 or (item.unit == "NONE" and quantity != int(quantity)):
            raise ToastError(400, f"quantity {row.get('quantity')} is not valid for item {item.guid}")
        picks = self._picks(item, row, quantity)
        cents = None
        if row.get("externalPriceAmount") is not None:
            cents = amount(row["externalPriceAmount"], "externalPriceAmount")
        elif item.pricing.strategy == OPEN:
            if row.get("openPriceAmount") is None:
                raise ToastError(400, f"openPriceAmount is required for the open-price item {item.guid}")
            cents = amount(row["openPriceAmount"], "openPriceAmount")
        return Wanted(item, float(quantity), picks, cents, self._place(item, row), external(row))

    def _item(self, row: Body) -> Item:
        told = row.get("item") or {}
        wanted = told.get("guid") or told.get("multiLocationId")
        if not wanted:
            raise ToastError(400, "Referenced entity (type=MenuItem) must contain either a GUID or MultiLocationId")
        try:
            return self._offer.item(wanted)
        except NotSold:
            raise ToastError(404, f"Referenced entity (type=MenuItem) was not found: {wanted}") from None

    def _place(self, item: Item, row: Body) -> tuple[Menu, MenuGroup]:
        told = row.get("itemGroup") or {}
        wanted = told.get("guid") or told.get("multiLocationId")
        if not wanted:
            raise ToastError(400, "Referenced entity (type=MenuGroup) must contain either a GUID or MultiLocationId")
        for menu, chain in self._offer.places(item):
            if wanted in (chain[-1].guid, chain[-1].mlid):
                return menu, chain[-1]
        groups = self._offer.catalog.groups.values()
        if not any(wanted in (group.guid, group.mlid) for group in groups):
            raise ToastError(404, f"Referenced entity (type=MenuGroup) was not found: {wanted}")
        raise ToastError(400, f"Item {item.guid} is not in group {wanted}")

    def _picks(self, owner: Item, row: Body, quantity: Decimal) -> list[Pick]:
        """The modifiers of a line or of a modifier; Toast checks how many each group wants."""
        found: list[Pick] = []
        catalog = self._offer.catalog
        groups = [catalog.modifier_groups[link.group] for link in owner.links]
        for told in _rows(row, "modifiers"):
            if told.get("selectionType") not in (None, "NONE") or told.get("preModifier"):
                raise ToastError(400, "Portions and pre-modifiers cannot be submitted here")
            if _number(told.get("quantity", 1), "quantity") != quantity:
                raise ToastError(400, "The quantity of a modifier must be that of its item")
            item, named = self._item(told), told.get("optionGroup") or {}
            wanted = named.get("guid") or named.get("multiLocationId")
            if not wanted:
                words = "Referenced entity (type=MenuOptionGroup) must contain either a GUID or MultiLocationId"
                raise ToastError(400, words)
            group = next((one for one in groups if wanted in (one.guid, one.mlid)), None)
            option = next((one for one in group.options if one.item == item.guid), None) if group else None
            if group is None or option is None:
                raise ToastError(400, f"Modifier {item.guid} is not in group {wanted} of item {owner.guid}")
            found.append(Pick(group, option, item, self._picks(item, told, quantity), external=external(told)))
        for group in groups:
            chosen = [one.item.guid for one in found if one.group is group]
            least, most = group.minimum or 0, group.maximum if group.multi else 1
            if len(chosen) < least:
                raise ToastError(400, f"Modifier group {group.guid} ({group.name}) requires {least} selections")
            if most is not None and len(chosen) > most:
                raise ToastError(400, f"Modifier group {group.guid} ({group.name}) allows {most} selections")
            for option in group.options:
                if chosen.count(option.item) > 1 and not option.duplicates:
                    raise ToastError(400, f"Modifier {option.item} may be chosen once in group {group.guid}")
        return found

    def _discount(self, told: Body, line: int | None = None) -> Given:
        guid = _guid(told.get("discount"))
        if guid is None:
            raise ToastError(400, "Referenced entity (type=Discount) must contain a GUID")
        body = self._offer.discounts.get(guid)
        if body is None or not body["active"]:
            raise ToastError(404, f"Referenced entity (type=Discount) was not found: {guid}")
        if body["type"] == "OPEN_PERCENT":
            raise ToastError(400, "Open percent discounts are not supported")
        if (line is None) != (body["selectionType"] == "CHECK"):
            raise ToastError(400, f"Discount {guid} applies to a {body['selectionType'].lower()}")
        cents = None
        if body["type"] == "OPEN_FIXED":
            cents = amount(told.get("discountAmount"), "discountAmount")
        return Given(body, None if line is None else (line,), cents)

    def _charge(self, register: Register, told: Body, behavior: str, wanted: Sequence[Wanted]) -> Body:
        """A charge is never added by itself; one that is named must fit the order."""
        guid = _guid(told.get("serviceCharge"))
        if guid is None:
            raise ToastError(400, "Referenced entity (type=ServiceCharge) must contain a GUID")
        body: Body | None = self._offer.charges.get(guid)
        if body is None:
            raise ToastError(404, f"Referenced entity (type=ServiceCharge) was not found: {guid}")
        criteria = body["criteria"]
        some = any(criteria[name] for name in CRITERION.values())
        if some and not criteria[CRITERION[behavior]]:
            raise ToastError(400, f"Service charge {guid} does not apply to {behavior} orders")
        try:
            gross = sum(register.gross(one) for one in wanted)
        except NotSold as refusal:
            raise ToastError(400, str(refusal)) from None
        if not register.suits(body, gross):
            raise ToastError(400, f"Service charge {guid} does not apply to a check of that amount")
        if body["amountType"] == "OPEN":
            cents = amount(told.get("chargeAmount"), "chargeAmount")
            return {**body, "amountType": "FIXED", "amount": cents / 100}
        return body


def external(told: Body) -> str | None:
    """An external id; Toast wants a name space before it."""
    given = told.get("externalId")
    if given is None:
        return None
    if not isinstance(given, str) or EXTERNAL.fullmatch(given) is None:
        raise ToastError(400, "InvalidExternalIdentifier: externalId must have the form AUTHORITY:identifier")
    return given


def amount(told: Any, name: str) -> int:
    """An amount of currency in cents."""
    value = _number(told, name)
    if value < 0:
        raise ToastError(400, f"{name} must not be negative")
    return int((value * 100).quantize(Decimal(1), ROUND_HALF_UP))


def _number(told: Any, name: str) -> Decimal:
    try:
        if isinstance(told, bool) or not isinstance(told, int | float):
            raise InvalidOperation
        return Decimal(str(told))
    except InvalidOperation:
        raise ToastError(400, f"{name} must be a number") from None


def _rows(told: Body, name: str) -> list[Any]:
    rows = told.get(name) or []
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise ToastError(400, f"{name} must be a list of objects")
    return rows


def _guid(told: Any) -> str | None:
    guid = told.get("guid") if isinstance(told, dict) else None
    return str(guid).lower() if guid else None
