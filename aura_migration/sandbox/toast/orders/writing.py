"""The order write API: prices without storing anything, orders, payments and tips of an order, and voids.

Standard API access has none of these scopes. Who may submit orders sees those it submitted and no others. Does not belong here:
what is checked in a submitted order (``submitted``), and reading (``api``). Selections and discounts are not added later here.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from aura_migration.sandbox.toast.gate import Caller, ToastError
from aura_migration.sandbox.toast.orders.api import ENCODER, OWN_ORDERS_ONLY, OrdersApi
from aura_migration.sandbox.toast.orders.draw import void_order
from aura_migration.sandbox.toast.orders.ledger import SOLD
from aura_migration.sandbox.toast.orders.model import CREDIT, OTHER
from aura_migration.sandbox.toast.orders.numbering import Family
from aura_migration.sandbox.toast.orders.selling import Seller
from aura_migration.sandbox.toast.orders.sheet import Bill, Paid, Sheet, Void
from aura_migration.sandbox.toast.orders.submitted import Submission, amount
from aura_migration.sandbox.toast.orders.tender import settled
from aura_migration.sandbox.toast.people.model import Guest
from aura_migration.sandbox.toast.people.store import LocalPeople, People

LARGEST_BODY = 1_000_000
NUMBERED = frozenset(
    ("Order", "Check", "MenuItemSelection", "AppliedTaxRate", "AppliedCustomDiscount", "AppliedServiceCharge",
     "OrderPayment", "Customer")
)  # fmt: skip
"""What has a guid of its own once an order is stored, and none in a price."""


class OrdersWriter:
    """Answers of the write API. ``told`` hears the guid of every order that was written or changed."""

    def __init__(
        self, people: People, seller: Seller, api: OrdersApi, switches: Mapping[str, Any], told: Callable[[str], None]
    ) -> None:
        self._people, self._seller, self._api, self._switches = people, seller, api, switches
        self._told = told

    # -- endpoints -------------------------------------------------------------------------------------------------

    async def prices(self, request: Request, caller: Caller) -> Any:
        """``POST /prices``: what an order would come to; nothing is stored and nothing has a guid."""
        here, body = await self._body(request, caller)
        draft, sheet = self._draft(here, body)
        self._pay_all(here, sheet, body, draft.family)
        for bill, guest in zip(sheet.bills, draft.guests, strict=True):
            bill.guest = guest
        return _answer(unnumbered(self._shown(here, sheet, caller)))

    async def create(self, request: Request, caller: Caller) -> Any:
        """``POST /orders``: the stored order. An external id that was used before is refused."""
        here, body = await self._body(request, caller)
        draft, sheet = self._draft(here, body)
        sold = here.ledger.sold
        used = next((one for one in sheet.externals() if sold.of_external(one) is not None), None)
        if used is not None:
            status = int(self._switches["duplicate_external_id_status"])
            raise ToastError(status, f"InvalidExternalIdentifier: externalId {used} is already in use")
        self._pay_all(here, sheet, body, draft.family)
        for bill, guest in zip(sheet.bills, draft.guests, strict=True):
            bill.guest = None if guest is None else self._known(here, guest)
        sheet.delivery = next((bill.guest for bill in sheet.bills if bill.guest and bill.guest.address), None)
        sheet.submitted = caller.client.client_id
        sheet.told.append("submitted")
        here.ledger.append(sheet)
        self._told(sheet.guid)
        made = self._shown(here, sheet, caller)
        return _answer({"orders": [made]} if self._switches["order_post_answer"] == "wrapped" else made)

    async def void(self, request: Request, caller: Caller) -> Any:
        """``POST /orders/{guid}/void``: everything of it, its payments too, which must be of the restaurant's own kinds."""
        here, body = await self._body(request, caller)
        key = self._api.find(here, request.path_params["guid"], caller)
        held = here.ledger.sheet(key)
        if (body.get("selections") or {}).get("voidAll") is not True:
            raise ToastError(400, "selections.voidAll must be true")
        live = [one for _, one in held.payments() if one.counts]
        if live and (body.get("payments") or {}).get("voidAll") is not True:
            raise ToastError(400, "The order has payments: payments.voidAll must be true")
        if any(one.kind != OTHER for one in live):
            raise ToastError(400, "Only orders whose payments are of type OTHER can be voided")
        if held.void is None:
            self._change(here, key, lambda sheet, at: void_order(sheet, Void(at, here.crew.business_date(at))))
        return _answer(self._shown(here, here.ledger.sheet(key), caller))

    async def pay(self, request: Request, caller: Caller) -> Any:
        """``POST /orders/{guid}/checks/{check}/payments``: a list of payments for one check."""
        here, rows = await self._body(request, caller, kind=list)
        key, bill = self._bill(here, request, caller)
        if bill.void is not None or bill.deleted is not None:
            raise ToastError(409, f"Check {bill.guid} is voided")
        made = [
            self._payment(here, here.ledger.sheet(key), row, self._later(here, key, at)) for at, row in enumerate(rows)
        ]

        def change(sheet: Sheet, at: int) -> None:
            for one in made:
                one.at, one.day = at, here.crew.business_date(at)
            bill.payments += made
            _close(sheet, at)

        self._change(here, key, change)
        return _answer(self._shown(here, here.ledger.sheet(key), caller))

    async def tip(self, request: Request, caller: Caller) -> Any:
        """``PATCH /orders/{guid}/checks/{check}/payments/{payment}``: another tip."""
        here, body = await self._body(request, caller)
        key, bill = self._bill(here, request, caller)
        wanted = request.path_params["payment"].lower()
        held = next((one for one in bill.payments if one.guid == wanted), None)
        if held is None:
            raise ToastError(404, f"Payment {wanted} was not found")
        cents = amount(body.get("tipAmount"), "tipAmount")

        def change(_sheet: Sheet, _at: int) -> None:
            held.tip = cents

        self._change(here, key, change)
        return _answer(self._shown(here, here.ledger.sheet(key), caller))

    # -- parts -----------------------------------------------------------------------------------------------------

    async def _body(self, request: Request, caller: Caller, kind: type = dict) -> tuple[LocalPeople, Any]:
        if request.url.path.endswith(("/orders", "/prices")) and OWN_ORDERS_ONLY not in caller.client.scopes:
            raise ToastError(403, f"Forbidden: the client does not have the scope {OWN_ORDERS_ONLY}")
        content_type = request.headers.get("Content-Type", "").partition(";")[0].strip().lower()
        if content_type != "application/json":
            raise ToastError(415, "Content-Type must be application/json")
        raw = await request.body()
        if len(raw) > LARGEST_BODY:
            raise ToastError(413, "The body must not be larger than 1 MB")
        try:
            body = json.loads(raw)
        except ValueError:
            raise ToastError(400, "The body is not valid JSON") from None
        if not isinstance(body, kind):
            raise ToastError(400, f"The body must be {'an object' if kind is dict else 'a list'}")
        return self._people.at(caller.here.location.guid), body

    def _draft(self, here: LocalPeople, body: Mapping[str, Any]) -> tuple[Submission, Sheet]:
        offer = self._seller.offer(here.location.guid)
        draft = Submission(here, offer, body, self._people.now(), str(self._switches["charge_rounding"]))
        return draft, draft.sheet()

    def _pay_all(self, here: LocalPeople, sheet: Sheet, body: Mapping[str, Any], family: Family) -> None:
        for bill, check in zip(sheet.bills, body["checks"], strict=True):
            for row in check.get("payments") or []:
                bill.payments.append(self._payment(here, sheet, row, family))
        _close(sheet, sheet.opened)

    def _payment(self, here: LocalPeople, sheet: Sheet, row: Any, family: Family) -> Paid:
        """A payment of one of the restaurant's own kinds. A card has to be authorized beforehand, by an API not served here."""
        told = row if isinstance(row, dict) else {}
        if told.get("type") == CREDIT:
            raise ToastError(400, "A CREDIT payment must name an authorized card payment")
        if told.get("type") != OTHER:
            raise ToastError(400, f"Payment type {told.get('type')} is not supported; it must be CREDIT or OTHER")
        guid = str((told.get("otherPayment") or {}).get("guid") or "").lower()
        if guid not in self._seller.offer(here.location.guid).tenders:
            raise ToastError(
                404 if guid else 400, f"Referenced entity (type=AlternatePaymentType) was not found: {guid}"
            )
        cents, tip = amount(told.get("amount"), "amount"), amount(told.get("tipAmount", 0), "tipAmount")
        number = SOLD + len(here.ledger.sold)
        made = here.ledger.past.tender.payment(sheet, family, number, 0, OTHER, cents, None)
        made.at, made.day, made.tip, made.other = sheet.opened, here.crew.business_date(sheet.opened), tip, guid
        return made

    @staticmethod
    def _later(here: LocalPeople, key: int, which: int) -> Family:
        """Guids for what comes to an order after it was stored; they lead back to it."""
        family = here.ledger.sold.numbering.family(key - SOLD)
        family.skip(10_000 + 16 * (sum(1 for _ in here.ledger.sheet(key).payments()) + which))
        return family

    def _bill(self, here: LocalPeople, request: Request, caller: Caller) -> tuple[int, Bill]:
        key = self._api.find(here, request.path_params["guid"], caller)
        wanted = request.path_params["check"].lower()
        bill = next((one for one in here.ledger.sheet(key).bills if one.guid == wanted), None)
        if bill is None:
            raise ToastError(404, f"Check {wanted} was not found")
        return key, bill

    def _change(self, here: LocalPeople, key: int, change: Callable[[Sheet, int], None]) -> None:
        at = max(self._people.now(), here.ledger.sheet(key).modified + 1)

        def changed(sheet: Sheet) -> None:
            change(sheet, at)
            sheet.modified = at

        self._told(here.ledger.put(key, changed).guid)

    @staticmethod
    def _known(here: LocalPeople, guest: Guest) -> Guest:
        """The guest of that e-mail address, else phone; a new one where there is none."""
        for held in here.guests.written:
            if held.key == guest.key and held.address == guest.address:
                return held
        fields = ("first", "last", "email", "phone", "country_code", "e164", "address", "delivery_notes")
        return here.guests.write(**{name: getattr(guest, name) for name in fields})

    def _shown(self, here: LocalPeople, sheet: Sheet, caller: Caller) -> dict[str, Any]:
        scopes = caller.client.scopes
        return here.ledger.wire.order(
            sheet, customers="guest.pi:read" in scopes, delivery="delivery_info.address:read" in scopes
        )


def _close(sheet: Sheet, at: int) -> None:
    """Checks that are paid in full are closed, and the order with them."""
    for bill in sheet.bills:
        paid = sum(one.cents for one in bill.payments if one.counts)
        if bill.payments and paid >= bill.total + bill.gratuity:
            bill.closed = bill.closed or at
    if sheet.promised is None and all(bill.closed is not None for bill in sheet.bills):
        sheet.closed = at
    settled(sheet)


def unnumbered(told: Any) -> Any:
    """The same without the guids of what is not stored."""
    if isinstance(told, list):
        return [unnumbered(one) for one in told]
    if not isinstance(told, dict):
        return told
    made = {name: unnumbered(value) for name, value in told.items()}
    if made.get("entityType") in NUMBERED and (made["entityType"] != "MenuItemSelection" or "displayName" in made):
        made["guid"] = None
    for name in ("orderGuid", "checkGuid", "tenderTransactionGuid"):
        if name in made:
            made[name] = None
    return made


def _answer(body: Any) -> Response:
    return Response(ENCODER.encode(body), media_type="application/json")
