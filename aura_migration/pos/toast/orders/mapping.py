"""Recorded bodies of orders and cash as documents: an order is a group, each of its checks an order of AuraConnect.

Pure: the same body gives the same documents. Deleted orders and checks (a merge leaves them) are told as gone. What a
record lacks to become rows is its fault, said in words; the records beside it are not touched by that.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import msgspec

from aura_migration.archive.redaction import ERASED
from aura_migration.archive.snapshot import SnapshotReader, StoredBody
from aura_migration.canonical.history.documents import Document
from aura_migration.canonical.history.rows import Order as OrderRow
from aura_migration.canonical.history.rows import OrderGroup
from aura_migration.canonical.history.rules import HistoryRules
from aura_migration.canonical.persons.contacts import normalised_phone
from aura_migration.canonical.seals import Seals
from aura_migration.pos.port import SourceLocation
from aura_migration.pos.toast.months import instant
from aura_migration.pos.toast.orders.drawer import Drawer
from aura_migration.pos.toast.orders.lines import add_up
from aura_migration.pos.toast.orders.money import NOTHING_PAID, Till, state_of
from aura_migration.pos.toast.orders.names import Menu, Shelf, read_names
from aura_migration.pos.toast.orders.numbers import Numbers, Unusable, version_of
from aura_migration.pos.toast.orders.wire import ORDER, ORDERS, RAWS, Check, Customer, Identified, Order
from aura_migration.pos.toast.records import phone, text

ENTITIES = ("orders", "cash_entries", "cash_deposits", "missing_documents")
RULE = "toast businessDate"
OURS = "AURA:"
"""How external ids begin that AuraConnect gave to orders it sent to Toast."""
EARLIEST = "2015-12-01"
"""Toast has no orders before."""
AHEAD = timedelta(days=3 * 366)
CHANNELS = {
    "In Store": "in_house",
    "Order-and-Pay-at-Table": "in_house",
    "Toast Tables": "in_house",
    "Invoice": "in_house",
    "Catering": "in_house",
    "Online": "online",
    "Toast Pickup App": "online",
    "Toast Local": "online",
    "Toast Pay": "online",
    "Branded Online Ordering": "online",
    "Branded Mobile App": "online",
    "Catering Online Ordering": "online",
    "eCommerce Online ordering": "online",
    "Kiosk": "kiosk",
    "Caller Id": "phone",
    "API": "third_party",
    "Google": "third_party",
    "Grubhub": "third_party",
}
SETTLED = ("PAID", "CLOSED")
ENCODER = msgspec.json.Encoder()
EXACT = msgspec.json.Encoder(decimal_format="number")


class ToastHistory:
    """The mapping of one restaurant's history; see ``canonical.history.documents.HistoryMapper``."""

    entities: tuple[str, ...] = ENTITIES

    def __init__(self, reader: SnapshotReader, location: SourceLocation, seals: Seals, rules: HistoryRules) -> None:
        self.reader, self.seals, self.rules = reader, seals, rules
        self.currency = location.currency
        self.region = location.address.get("country") or "US"
        self.numbers = Numbers(location.currency)
        self.names = read_names(reader)
        self.shelf = Shelf(location.source_id, self.numbers, self.names, Menu(reader, location))
        self.till = Till(self.shelf, location.currency, sale_day=rules.refunds == "sale_day")
        self.drawer = Drawer(self.shelf)
        latest = max((ref.taken_at for ref in reader.snapshots), default=datetime.now(UTC))
        self.latest_day = (latest + AHEAD).date().isoformat()

    def documents(self, body: StoredBody) -> Iterator[Document]:
        """The documents of one recorded answer."""
        if body.entity == "cash_entries":
            yield from self.drawer.entries(body)
        elif body.entity == "cash_deposits":
            yield from self.drawer.deposits(body)
        else:
            where = f"{body.window}#{body.page}"
            if body.entity == "missing_documents" and (gone := _told_gone(body.data)) is not None:
                yield gone
                return
            for order in self._orders(body.data, where):
                if isinstance(order, Document):
                    yield order
                else:
                    yield from self._order(order)

    # -- reading ---------------------------------------------------------------------------------------------------

    def _orders(self, data: bytes, where: str) -> Iterable[Order | Document]:
        """The orders of an answer; one that is not as documented is a fault of its own and harms no other."""
        try:
            return ORDERS.decode(data) if data.lstrip()[:1] == b"[" else [ORDER.decode(data)]
        except msgspec.DecodeError:
            return self._singly(data, where)

    def _singly(self, data: bytes, where: str) -> Iterator[Order | Document]:
        try:
            raws = RAWS.decode(data) if data.lstrip()[:1] == b"[" else [msgspec.Raw(data)]
        except msgspec.DecodeError:
            raws = _mended(data)
        for number, raw in enumerate(raws, start=1):
            try:
                yield ORDER.decode(raw)
            except msgspec.DecodeError as error:
                yield from _unread(raw, f"{where}/{number}", str(error))

    # -- orders ----------------------------------------------------------------------------------------------------

    def _order(self, order: Order) -> Iterator[Document]:
        version = version_of(order.modified_date)
        key = order.guid
        if not key:
            yield Document("order_groups", f"without id, {version}", version, [], fault="It has no id.")
            return
        if order.deleted is True:
            yield Document("order_groups", key, version, [], gone=True)
            for check in order.checks or ():
                yield from self._deleted(check, version)
            return
        try:
            day, rule = self._day(order)
            group = self._group(order, day)
        except Unusable as error:
            fault = f"{error}."
            yield Document("order_groups", key, version, [], fault=fault)
            for number, check in enumerate(order.checks or (), start=1):
                yield Document("orders", check.guid or f"{key}#{number}", version, [], fault=fault)
            return
        yield Document("order_groups", key, version, [group])
        for number, check in enumerate(order.checks or (), start=1):
            if check.deleted is True:
                yield from self._deleted(check, version)
                continue
            if not check.guid:
                yield Document("orders", f"{key}#{number}", version, [], fault="It has no id.")
                continue
            customer, guest = self._guest(check.customer)
            try:
                yield self._check(order, check, group, day, rule, customer, guest, version)
            except Unusable as error:
                yield Document("orders", check.guid, version, [], fault=f"{error}.")
            voided = order.voided is True or check.voided is True
            yield from self.till.documents(check, day, version, customer, voided)

    def _deleted(self, check: Check, version: str) -> Iterator[Document]:
        if check.guid:
            yield Document("orders", check.guid, version, [], gone=True)
        yield from self.till.gone(check)

    def _day(self, order: Order) -> tuple[str, str]:
        """The business date as Toast sends it; where it does not, that of the promised or opening instant."""
        said = self.numbers.day(order.business_date)
        if said is not None:
            return said, RULE
        moment = instant(order.promised_date) or instant(order.opened_date)
        if moment is None:
            raise Unusable("it has no business date and no date of opening")
        basis = "promised_at" if instant(order.promised_date) else "opened_at"
        hours, minutes = divmod(int(self.rules.closeout.total_seconds()) // 60, 60)
        return self.rules.day(moment), f"{basis}, closeout {hours:02d}:{minutes:02d}"

    def _group(self, order: Order, day: str) -> OrderGroup:
        numbers, names = self.numbers, self.names
        details: dict[str, str | bool] = {}
        if order.restaurant_service is not None and (name := names.of("restaurantServices", order.restaurant_service)):
            details["service"] = name
        if (dining := self.shelf.key(order.dining_option)) is not None:
            details["order_type_key"] = dining
        if order.service_area is not None and (name := names.of("serviceAreas", order.service_area)):
            details["service_area"] = name
        if order.approval_status not in (None, "APPROVED"):
            details["approval"] = str(order.approval_status)
        if (estimated := numbers.instant(order.estimated_fulfillment_date)) is not None:
            details["estimated_fulfillment_at"] = estimated
        delivery = order.delivery_info
        if delivery is not None:
            for name, said in (
                ("delivery_state", delivery.delivery_state),
                ("dispatched_at", numbers.instant(delivery.dispatched_date)),
                ("delivered_at", numbers.instant(delivery.delivered_date)),
            ):
                if said:
                    details[name] = said
        if order.created_in_test_mode is True:
            details["test_mode"] = True
        return OrderGroup(
            day,
            numbers.instant(order.opened_date),
            numbers.instant(order.closed_date),
            _label(order.display_number),
            order.number_of_guests,
            names.of("tables", order.table),
            self._type(order),
            CHANNELS.get(order.source or "", "unknown"),
            numbers.instant(order.promised_date),
            self.shelf.key(order.server),
            order.voided is True,
            ENCODER.encode(details).decode() if details else None,
        )

    def _type(self, order: Order) -> str:
        if order.curbside_pickup_info is not None:
            return "curbside"
        found = "unknown" if order.dining_option is None else self.names.order_types.get(order.dining_option.guid or "")
        if found in (None, "unknown"):
            return "catering" if (order.source or "").startswith("Catering") else "unknown"
        return found or "unknown"

    def _check(
        self,
        order: Order,
        check: Check,
        group: OrderGroup,
        day: str,
        rule: str,
        customer: str | None,
        guest: str | None,
        version: str,
    ) -> Document:
        numbers = self.numbers
        sums = add_up(self.shelf, order, check)
        voided = order.voided is True or check.voided is True
        states = [(one, state_of(one)) for one in check.payments or ()]
        counting = [one for one, state in states if state not in NOTHING_PAID]
        status = self._status(order, check, voided)
        if status == "completed" and check.payment_status in SETTLED:
            paid = sum(numbers.amount(one.amount) for one in counting)
            due = {max(sums.final, 0), max(sums.final - sums.gratuity, 0)}
            if paid not in due and not (order.excess_food is True and paid == 0):
                sums.flag("payments_do_not_cover")
        if not EARLIEST <= day <= self.latest_day:
            sums.flag("absurd_date")
        if _refunds_elsewhere(check):
            sums.flag("missing_reference")
        external = check.external_id or order.external_id
        details: dict[str, str | bool] = {}
        if check.payment_status and check.payment_status not in SETTLED:
            details["payment_status"] = check.payment_status
        if order.excess_food is True:
            details["excess_food"] = True
        void_at, void_day = check.void_date, check.void_business_date
        if order.voided is True:
            void_at, void_day = void_at or order.void_date, void_day or order.void_business_date
        row = OrderRow(
            day,
            rule,
            status,
            self.currency,
            sums.subtotal,
            sums.final,
            sums.non_sale,
            sums.discount,
            sums.charges,
            sums.gratuity,
            sums.rounding,
            sums.tax,
            sums.included,
            sums.final + sums.discount,
            sum(numbers.amount(one.tip_amount) for one in counting),
            numbers.instant(check.opened_date) or group.opened_at,
            numbers.instant(check.closed_date) or group.closed_at,
            numbers.instant(check.paid_date),
            voided,
            numbers.instant(void_at) if voided else None,
            numbers.day(void_day) if voided else None,
            group.promised_at,
            order.guid,
            "aura_native" if external is not None and external.startswith(OURS) else "pos_native",
            group.order_type,
            group.channel,
            order.source,
            _label(check.display_number),
            None,
            external,
            group.guest_count if sum(one.deleted is not True for one in order.checks or ()) == 1 else None,
            group.table_no,
            self.names.of("revenueCenters", order.revenue_center),
            group.staff_key,
            customer,
            guest,
            check.tax_exempt is True,
            False,
            ENCODER.encode(sums.problems).decode() if sums.problems else None,
            ENCODER.encode(details).decode() if details else None,
        )
        return Document("orders", check.guid or "", version, [row, *sums.rows])

    @staticmethod
    def _status(order: Order, check: Check, voided: bool) -> str:
        """Food thrown away is no sale: it counts in no sum, like what is voided."""
        if voided or order.excess_food is True:
            return "cancelled"
        closed = check.closed_date is not None or order.closed_date is not None
        if not closed and (order.approval_status == "FUTURE" or instant(order.promised_date) is not None):
            return "scheduled"
        return "pending" if not closed and check.payment_status not in SETTLED else "completed"

    # -- guests ----------------------------------------------------------------------------------------------------

    def _guest(self, customer: Customer | None) -> tuple[str | None, str | None]:
        """The key that the mapping of guests gives, and a pseudonym that stays when the guest is left out."""
        if customer is None:
            return None, None
        if guid := text(customer.guid):
            return guid, self.seals.person(guid)
        if email := self._plain(customer.email):
            found = self.seals.person(email.strip().lower())
            return f"g-{found}", found
        if given := self._plain(customer.phone):
            number = phone(given, customer.phone_country_code, self.region)
            if number:
                found = self.seals.person(normalised_phone(number, self.region) or number)
                return f"g-{found}", found
        return None, None

    def _plain(self, stored: str | None) -> str | None:
        """A personal value as it was sent; only of guests to whom Toast gives no id."""
        if text(stored) is None or stored == ERASED:
            return None
        return text(self.reader.reveal(stored or ""))


def _label(said: str | int | None) -> str | None:
    return None if said is None or said == "" else str(said)


def _refunds_elsewhere(check: Check) -> bool:
    """Whether a line or charge names a refund that none of the check's payments has."""
    details = [
        part.refund_details
        for part in (*(check.selections or ()), *(check.applied_service_charges or ()))
        if part.refund_details is not None
    ]
    if not details:
        return False
    known = {
        one.refund.refund_transaction.guid
        for one in check.payments or ()
        if one.refund is not None and one.refund.refund_transaction is not None
    }
    return any(one.refund_transaction is not None and one.refund_transaction.guid not in known for one in details)


def _unread(raw: msgspec.Raw, place: str, why: str) -> Iterator[Document]:
    """An order that is not as documented: its group and its checks as far as their ids can be read."""
    fault = f"Toast's answer is not as documented: {why}."
    try:
        known = msgspec.json.decode(raw, type=Identified)
    except msgspec.DecodeError:
        known = Identified()
    checks = known.checks if isinstance(known.checks, list) else []
    yield Document("order_groups", text(known.guid) or f"unreadable, {place}", "", [], fault=fault)
    for number, check in enumerate(checks, start=1):
        guid = text(check.get("guid")) if isinstance(check, dict) else None
        yield Document("orders", guid or f"unreadable, {place}#{number}", "", [], fault=fault)


def _mended(data: bytes) -> list[msgspec.Raw]:
    """The records of an answer with half of a surrogate pair in a text, which strict readers refuse."""
    found = json.loads(data, strict=False, parse_float=Decimal)
    return [msgspec.Raw(EXACT.encode(_whole(one))) for one in (found if isinstance(found, list) else [found])]


def _whole(value: Any) -> Any:
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode()
    if isinstance(value, dict):
        return {_whole(key): _whole(inner) for key, inner in value.items()}
    return [_whole(inner) for inner in value] if isinstance(value, list) else value


def _told_gone(data: bytes) -> Document | None:
    """A recorded answer that says a document is not there any more; see ``reread.py``."""
    try:
        said = msgspec.json.decode(data, type=Missing)
    except msgspec.DecodeError:
        return None
    return Document(said.kind, said.key, said.asked, [], gone=True) if said.gone and said.kind and said.key else None


class Missing(msgspec.Struct):
    """What is recorded where Toast answers that it does not have a document."""

    kind: str = ""
    key: str = ""
    asked: str = ""
    """The version of the answer: when it was asked, written like a date of change."""
    gone: bool = False
