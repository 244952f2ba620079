"""Orders, payments and refunds in meaning → Square's JSON, as dictionaries ready to be encoded."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from aura_migration.sandbox.square.orders.done import BackDone, BackLine, Done, Paid, Refunded
from aura_migration.sandbox.square.orders.marks import Marks
from aura_migration.sandbox.square.orders.model import (
    E5,
    ChargeUse,
    DiscountUse,
    Fulfillment,
    Line,
    TaxUse,
    text_of,
)

Json = dict[str, Any]
POOL = 64
BROKEN_EVERY, BROKEN_AT = 50, 7
BROKEN = (
    "total is a cent too high",
    "tax of the first line is a cent too low",
    "total is in another currency",
    "created in the year 1",
    "total is negative",
    "lines have no uid",
    "the tender has no id",
)
LATE = 30_000
_days: dict[int, str] = {}


def instant(stamp: int) -> str:
    """RFC 3339 in UTC with none, two, three or nine fractional digits, as the moment has it."""
    seconds, fraction = divmod(stamp, 1000)
    day, rest = divmod(seconds, 86_400)
    text = _days.get(day)
    if text is None:
        text = _days[day] = _date(day)
    hour, rest = divmod(rest, 3600)
    whole = f"{text}T{hour:02d}:{rest // 60:02d}:{rest % 60:02d}"
    if not fraction:
        return whole + "Z"
    if fraction % 10 == 0:
        return f"{whole}.{fraction // 10:02d}Z"
    return f"{whole}.{fraction:03d}Z" if fraction % 11 else f"{whole}.{fraction:03d}000000Z"


def line_uid(line: Line, prefix: str, place: int) -> str:
    """The uid of a line within its order."""
    return line.uid or f"{prefix}l{place}"


def broken(number: int) -> str | None:
    """What is wrong with an order while the switch `broken_orders` is on."""
    turn, place = divmod(number, BROKEN_EVERY)
    return BROKEN[turn % len(BROKEN)] if place == BROKEN_AT else None


def _date(day: int) -> str:
    """The civil date of a number of days since 1970."""
    shifted = day + 719_468
    era, of_era = divmod(shifted, 146_097)
    year = (of_era - of_era // 1460 + of_era // 36_524 - of_era // 146_096) // 365
    of_year = of_era - (365 * year + year // 4 - year // 100)
    month = (5 * of_year + 2) // 153
    date = of_year - (153 * month + 2) // 5 + 1
    month = month + 3 if month < 10 else month - 9
    return f"{year + era * 400 + (month <= 2):04d}-{month:02d}-{date:02d}"


class _Moneys(dict[int, Json]):
    """Money objects by their cents, made once and shared: nothing may write to one."""

    def __init__(self, currency: str) -> None:
        super().__init__()
        self._currency = currency

    def __missing__(self, cents: int) -> Json:
        found = {"amount": cents, "currency": self._currency}
        if len(self) < 100_000:
            self[cents] = found
        return found


class OrderWire:
    """Renders orders, payments and refunds of one account. `switches`: the sandbox's."""

    def __init__(self, marks: Marks, currency: str, switches: Json) -> None:
        self._marks = marks
        self._switches = switches
        self.money = _Moneys(currency).__getitem__
        self.fingerprints = [f"sq-1-{marks.dice('fingerprint', number).hex()[:60]}" for number in range(POOL)]

    def unknown(self, value: str, number: int) -> str:
        """An enum value; with the switch `unknown_enums` every seventh is one that no document knows."""
        return "SOMETHING_NEW" if self._switches["unknown_enums"] and number % 7 == 0 else value

    # -- orders ----------------------------------------------------------------------------------------------------

    def order(self, done: Done) -> Json:
        """An Order."""
        order, money, sums = done.order, self.money, done.sums
        prefix = done.id[8:18]
        found: Json = {"id": done.id, "location_id": order.location}
        if order.reference is not None:
            found["reference_id"] = order.reference
        if order.source is not None:
            found["source"] = {"name": order.source}
        if order.customer is not None:
            found["customer_id"] = order.customer
        if order.lines:
            found["line_items"] = [self._line(done, prefix, place, line) for place, line in enumerate(order.lines)]
        if order.taxes and order.lines:
            found["taxes"] = [self._tax(done, prefix, place, tax) for place, tax in enumerate(order.taxes)]
        if order.discounts:
            found["discounts"] = [self._discount(done, prefix, *held) for held in enumerate(order.discounts)]
        if order.charges:
            found["service_charges"] = [self._charge(done, prefix, *held) for held in enumerate(order.charges)]
        if order.fulfillments:
            found["fulfillments"] = [
                self._fulfillment(done, prefix, place, held) for place, held in enumerate(order.fulfillments)
            ]
        back = done.back
        if back is not None:
            found["returns"] = [self._return(done, back, prefix)]
            found["return_amounts"] = self._amounts(back.total, back.tax, back.discount, back.tip, back.charge)
        tax = sum(sums.tax) + sum(sums.charge_taxes)
        discount, charge = sum(sums.discount), sum(sums.charge_applied)
        total = self._total(done)
        if not order.no_net:
            if back is None:
                found["net_amounts"] = self._amounts(total, tax, discount, done.tip, charge)
            else:
                sign = 1 if self._switches["return_net_negative"] else -1
                found["net_amounts"] = self._amounts(
                    total - sign * back.total,
                    tax - sign * back.tax,
                    discount - sign * back.discount,
                    done.tip - sign * back.tip,
                    charge - sign * back.charge,
                )
        if done.rounding:
            found["rounding_adjustment"] = {
                "uid": f"{prefix}round",
                "name": "Cash rounding",
                "amount_money": money(done.rounding),
            }
        tenders = [self._tender(done, paid) for paid in done.paid if paid.good]
        if tenders:
            found["tenders"] = tenders
        if back is not None and back.refunds:
            found["refunds"] = [self._order_refund(done, held) for held in back.refunds]
        if order.metadata:
            found["metadata"] = order.metadata
        found["created_at"] = instant(order.created)
        found["updated_at"] = instant(order.updated)
        if order.closed is not None:
            found["closed_at"] = instant(order.closed)
        found["state"] = order.state
        if order.version is not None:
            found["version"] = order.version
        found["total_money"] = money(total)
        found["total_tax_money"] = money(tax)
        found["total_discount_money"] = money(discount)
        found["total_tip_money"] = money(done.tip)
        found["total_service_charge_money"] = money(charge)
        if order.ticket is not None:
            found["ticket_name"] = order.ticket
        if order.options is not None:
            found["pricing_options"] = dict(order.options)
        elif order.source == "Square Online":
            found["pricing_options"] = {"auto_apply_discounts": True, "auto_apply_taxes": True}
        if order.reward is not None:
            found["rewards"] = [{"id": order.reward[0], "reward_tier_id": order.reward[1]}]
        found["net_amount_due_money"] = money(max(0, done.net_due) if order.state == "OPEN" else 0)
        why = broken(order.number) if self._switches["broken_orders"] else None
        if why is not None:
            _break(found, why)
        return found

    def _total(self, done: Done) -> int:
        """What `total_money` says: whether tip and cash rounding are in it is a switch each."""
        total = done.total
        if not self._switches["tip_in_total"]:
            total -= done.tip
        return total if self._switches["rounding_in_total"] else total - done.rounding

    def _amounts(self, total: int, tax: int, discount: int, tip: int, charge: int) -> Json:
        money = self.money
        return {
            "total_money": money(total),
            "tax_money": money(tax),
            "discount_money": money(discount),
            "tip_money": money(tip),
            "service_charge_money": money(charge),
        }

    def _line(self, done: Done, prefix: str, place: int, line: Line) -> Json:
        sums, money = done.sums, self.money
        at = line_uid(line, prefix, place)
        found = self._what(line, at, line.qty)
        found["variation_total_price_money"] = money(sums.variation[place])
        if line.mods:
            found["modifiers"] = [
                {**self._mod(line, number, cents), "uid": f"{at}m{number}"}
                for number, cents in enumerate(sums.mods[place])
            ]
        found["gross_sales_money"] = money(sums.gross[place])
        found["total_discount_money"] = money(sums.discount[place])
        found["total_tax_money"] = money(sums.tax[place])
        found["total_service_charge_money"] = money(sums.charge[place])
        found["total_money"] = money(sums.totals[place])
        if sums.tax_parts[place]:
            found["applied_taxes"] = self._applied(at, prefix, "tax", sums.tax_parts[place])
        if sums.discount_parts[place]:
            found["applied_discounts"] = self._applied(at, prefix, "discount", sums.discount_parts[place])
        if sums.charge_parts[place]:
            found["applied_service_charges"] = self._applied(at, prefix, "service_charge", sums.charge_parts[place])
        return found

    def _what(self, line: Line, uid: str, qty: int) -> Json:
        """The fields a line and a returned line share."""
        found: Json = {"uid": uid}
        if line.id is not None:
            found["catalog_object_id"] = line.id
            if line.version is not None:
                found["catalog_version"] = line.version
        if line.name is not None:
            found["name"] = line.name
        if line.variation is not None:
            found["variation_name"] = line.variation
        found["quantity"] = str(qty // E5) if qty % E5 == 0 else text_of(qty)
        if line.unit is not None:
            found["quantity_unit"] = {
                "measurement_unit": {"weight_unit": line.unit, "type": "TYPE_WEIGHT"},
                "precision": 3,
            }
        if line.note is not None:
            found["note"] = line.note
        found["item_type"] = line.kind
        found["base_price_money"] = self.money(line.cents)
        return found

    def _mod(self, line: Line, at: int, cents: int) -> Json:
        mod = line.mods[at]
        found: Json = {"name": mod.name}
        if mod.id is not None:
            found["catalog_object_id"] = mod.id
            if mod.version is not None:
                found["catalog_version"] = mod.version
        if mod.sent:
            found["quantity"] = str(mod.qty)
        found["base_price_money"] = self.money(mod.cents)
        found["total_price_money"] = self.money(cents)
        return found

    def _applied(self, at: str, prefix: str, kind: str, parts: Iterable[tuple[int, int]]) -> list[Json]:
        letter = kind[0]
        return [
            {
                "uid": f"{at}{letter}{place}",
                f"{kind}_uid": f"{prefix}{letter}{place}",
                "applied_money": self.money(cents),
            }
            for place, cents in parts
        ]

    def _tax_words(self, tax: TaxUse, uid: str, cents: int) -> Json:
        found: Json = {"uid": uid, "name": tax.name}
        if tax.id is not None:
            found["catalog_object_id"] = tax.id
            found["catalog_version"] = tax.version
        found["type"] = tax.kind or ("INCLUSIVE" if tax.inclusive else "ADDITIVE")
        found["percentage"] = tax.text
        found["scope"] = tax.scope
        found["applied_money"] = self.money(cents)
        return found

    def _tax(self, done: Done, prefix: str, place: int, tax: TaxUse) -> Json:
        found = self._tax_words(tax, f"{prefix}t{place}", done.sums.tax_applied[place])
        found["auto_applied"] = tax.auto
        return found

    def _discount_words(self, discount: DiscountUse, uid: str, cents: int) -> Json:
        found: Json = {"uid": uid, "name": discount.name}
        if discount.id is not None:
            found["catalog_object_id"] = discount.id
            found["catalog_version"] = discount.version
        found["type"] = discount.kind
        if discount.text is not None:
            found["percentage"] = discount.text
        if discount.cents is not None:
            found["amount_money"] = self.money(discount.cents)
        found["scope"] = "ORDER" if discount.lines is None else "LINE_ITEM"
        found["applied_money"] = self.money(cents)
        return found

    def _discount(self, done: Done, prefix: str, place: int, discount: DiscountUse) -> Json:
        found = self._discount_words(discount, f"{prefix}d{place}", done.sums.discount_applied[place])
        if discount.reward_id is not None:
            found["reward_ids"] = [discount.reward_id]
        if discount.rule_id is not None:
            found["pricing_rule_id"] = discount.rule_id
        return found

    def _charge_words(self, charge: ChargeUse, uid: str, applied: int, tax: int, back: bool) -> Json:
        money = self.money
        found: Json = {"uid": uid, "name": charge.name}
        if charge.id is not None:
            found["catalog_object_id"] = charge.id
        if charge.text is not None:
            found["percentage"] = charge.text
        if charge.cents is not None:
            found["amount_money"] = money(charge.cents)
        found["applied_money"] = money(applied)
        found["total_money"] = money(applied + tax)
        found["total_tax_money"] = money(tax)
        found["calculation_phase"] = charge.phase
        found["taxable"] = charge.taxable
        if not back:
            found["type"] = charge.kind
        found["treatment_type"] = "APPORTIONED_TREATMENT" if charge.apportioned else "LINE_ITEM_TREATMENT"
        found["scope"] = "ORDER"
        return found

    def _charge(self, done: Done, prefix: str, place: int, charge: ChargeUse) -> Json:
        sums, uid = done.sums, f"{prefix}s{place}"
        found = self._charge_words(charge, uid, sums.charge_applied[place], sums.charge_taxes[place], back=False)
        if sums.charge_tax_parts[place]:
            found["applied_taxes"] = self._applied(uid, prefix, "tax", sums.charge_tax_parts[place])
        return found

    def _fulfillment(self, done: Done, prefix: str, place: int, held: Fulfillment) -> Json:
        number = done.order.number
        found: Json = {
            "uid": f"{prefix}f{place}",
            "type": self.unknown(held.kind, number),
            "state": held.state,
            "line_item_application": "ENTRY_LIST" if held.entries else "ALL",
        }
        if held.entries:
            found["entries"] = [
                {
                    "uid": f"{prefix}f{place}e{at}",
                    "line_item_uid": line_uid(done.order.lines[at], prefix, at),
                    "quantity": "1",
                }
                for at in held.entries
            ]
        details: Json = {"schedule_type": "SCHEDULED" if held.scheduled else "ASAP"}
        recipient: Json = {}
        if not held.managed:
            words = (("display_name", held.name), ("phone_number", held.phone), ("email_address", held.email))
            recipient = {name: value for name, value in words if value}
            if held.address:
                recipient["address"] = {"address_line_1": held.address[0], "locality": held.address[1], "country": "US"}
        if recipient:
            details["recipient"] = recipient
        details["placed_at"] = instant(done.order.created)
        if held.when is not None:
            details["pickup_at" if held.kind == "PICKUP" else "deliver_at"] = instant(held.when)
        if held.managed:
            details["managed_delivery"] = True
        if held.kind == "SHIPMENT":
            details = {"recipient": recipient, "carrier": "Post", "placed_at": instant(done.order.created)}
        found[f"{held.kind.lower()}_details"] = details
        return found

    # -- returns ---------------------------------------------------------------------------------------------------

    def _return(self, done: Done, back: BackDone, prefix: str) -> Json:
        money, source = self.money, back.source
        found: Json = {"uid": f"{prefix}r0"}
        if source is not None:
            found["source_order_id"] = source.id
        theirs = source.id[8:18] if source is not None else prefix
        if back.lines:
            found["return_line_items"] = [
                self._back_line(line, prefix, theirs, at) for at, line in enumerate(back.lines)
            ]
        order = source.order if source is not None else done.order
        sums = source.sums if source is not None else done.sums
        if back.charges:
            rows = []
            for place in back.charges:
                uid = f"{prefix}rs{place}"
                row = self._charge_words(
                    order.charges[place], uid, sums.charge_applied[place], sums.charge_taxes[place], back=True
                )
                row["source_service_charge_uid"] = f"{theirs}s{place}"
                if sums.charge_tax_parts[place]:
                    row["applied_taxes"] = self._applied(uid, prefix + "r", "tax", sums.charge_tax_parts[place])
                rows.append(row)
            found["return_service_charges"] = rows
        if back.taxes:
            found["return_taxes"] = [
                {
                    **self._tax_words(order.taxes[place], f"{prefix}rt{place}", cents),
                    "source_tax_uid": f"{theirs}t{place}",
                }
                for place, cents in sorted(back.taxes.items())
            ]
        if back.discounts:
            found["return_discounts"] = [
                {
                    **self._discount_words(order.discounts[place], f"{prefix}rd{place}", cents),
                    "source_discount_uid": f"{theirs}d{place}",
                }
                for place, cents in sorted(back.discounts.items())
            ]
        if back.tips:
            found["return_tips"] = [
                {"uid": f"{prefix}rp{at}", "applied_money": money(cents), "source_tender_id": paid.id}
                for at, (paid, cents) in enumerate(back.tips)
            ]
        if back.rounding:
            found["rounding_adjustment"] = {"uid": f"{prefix}rr", "name": "Cash rounding"}
            found["rounding_adjustment"]["amount_money"] = money(back.rounding)
        found["return_amounts"] = self._amounts(back.total, back.tax, back.discount, back.tip, back.charge)
        return found

    def _back_line(self, line: BackLine, prefix: str, theirs: str, at: int) -> Json:
        money, uid = self.money, f"{prefix}rl{at}"
        found = self._what(line.line, uid, line.qty)
        if line.place is not None:
            found["source_line_item_uid"] = line_uid(line.line, theirs, line.place)
        found["variation_total_price_money"] = money(line.variation)
        if line.line.mods:
            found["return_modifiers"] = [
                {
                    **self._mod(line.line, held, cents),
                    "uid": f"{uid}m{held}",
                    "source_modifier_uid": f"{line_uid(line.line, theirs, line.place or 0)}m{held}",
                }
                for held, cents in enumerate(line.mods)
            ]
        found["gross_return_money"] = money(line.gross)
        found["total_discount_money"] = money(line.discount)
        found["total_tax_money"] = money(line.tax)
        found["total_service_charge_money"] = money(line.charge)
        found["total_money"] = money(line.total)
        if line.tax_parts:
            found["applied_taxes"] = self._applied(uid, prefix + "r", "tax", line.tax_parts)
        if line.discount_parts:
            found["applied_discounts"] = self._applied(uid, prefix + "r", "discount", line.discount_parts)
        return found

    def _order_refund(self, done: Done, held: Refunded) -> Json:
        status = {"COMPLETED": "APPROVED"}.get(held.back.status, held.back.status)
        found: Json = {"id": held.id, "location_id": done.order.location}
        if held.paid is not None:
            found["transaction_id"] = done.back.source.id if done.back and done.back.source else done.id
            found["tender_id"] = held.paid.id
        found["created_at"] = instant(done.order.created)
        found["reason"] = held.back.reason
        found["amount_money"] = self.money(held.cents)
        found["status"] = status
        return found

    # -- tenders and payments --------------------------------------------------------------------------------------

    def _card(self, paid: Paid) -> Json:
        return {"card_brand": paid.kind.brand, "last_4": self.last_4(paid)}

    def last_4(self, paid: Paid) -> str:
        """The last four digits of the card."""
        return str(1000 + (paid.order.number * 7 + paid.place) * 37 % 9000)

    def _card_status(self, paid: Paid) -> str:
        return {"COMPLETED": "CAPTURED", "APPROVED": "AUTHORIZED", "CANCELED": "VOIDED"}.get(paid.use.status, "FAILED")

    def _tender(self, done: Done, paid: Paid) -> Json:
        money, kind, use = self.money, paid.kind, paid.use
        found: Json = {
            "id": paid.id,
            "location_id": done.order.location,
            "transaction_id": done.id,
            "created_at": instant(use.created),
            "type": self.unknown(kind.tender, done.order.number + 3),
            "amount_money": money(paid.total),
        }
        if paid.tip:
            found["tip_money"] = money(paid.tip)
        if use.customer is not None:
            found["customer_id"] = use.customer
        if use.note is not None:
            found["note"] = use.note
        elif kind.words is not None:
            found["note"] = kind.words
        if kind.source == "CARD":
            found["card_details"] = {
                "status": self._card_status(paid),
                "card": self._card(paid),
                "entry_method": kind.entry,
            }
        elif kind.tender == "CASH":
            found["cash_details"] = {
                "buyer_tendered_money": money(self._handed(paid)),
                "change_back_money": money(self._handed(paid) - paid.total),
            }
        elif kind.source == "BUY_NOW_PAY_LATER":
            found["buy_now_pay_later_details"] = {"buy_now_pay_later_brand": "AFTERPAY", "status": "CAPTURED"}
        elif kind.source == "BANK_ACCOUNT":
            found["bank_account_details"] = {"status": "COMPLETED"}
        elif kind.source == "SQUARE_ACCOUNT":
            found["square_account_details"] = {"status": "CAPTURED"}
        found["payment_id"] = paid.id
        return found

    def _handed(self, paid: Paid) -> int:
        """What the guest put on the counter: the next multiple of five dollars, or the exact sum."""
        step = paid.use.handed or 1
        return paid.total + -paid.total % step

    def payment(self, paid: Paid, refunds: list[Refunded], now: int, updated: int) -> Json:
        """A Payment as it stands at `now`: a fee is there once it is known."""
        money, kind, use, order = self.money, paid.kind, paid.use, paid.order
        number = order.number
        found: Json = {
            "id": paid.id,
            "created_at": instant(use.created),
            "updated_at": instant(updated),
            "amount_money": money(paid.amount),
        }
        if paid.tip:
            found["tip_money"] = money(paid.tip)
        found["total_money"] = money(paid.total)
        if kind.source == "CARD":
            found["approved_money"] = money(paid.total if use.status in ("COMPLETED", "APPROVED") else 0)
        fees = [] if use.fee_withheld else [held for held in paid.fee if held[1] <= now]
        if fees:
            found["processing_fee"] = [
                {"effective_at": instant(when), "type": what, "amount_money": money(cents)}
                for what, when, cents in fees
            ]
        given = [held for held in refunds if held.back.status == "COMPLETED"]
        if given:
            found["refunded_money"] = money(sum(held.cents for held in given))
        found["status"] = use.status
        found["source_type"] = self.unknown(kind.source, number + 5)
        self._source(found, paid, number)
        found["location_id"] = order.location
        found["order_id"] = self._marks.order(number)
        if order.reference is not None and kind.source != "EXTERNAL":
            found["reference_id"] = order.reference
        if use.customer is not None:
            found["customer_id"] = use.customer
        if use.staff is not None:
            found["team_member_id"] = use.staff
            found["employee_id"] = use.staff
        if refunds:
            found["refund_ids"] = [held.id for held in refunds]
        if use.note is not None:
            found["note"] = use.note
        if kind.source == "CARD" and number % 3 == 0:
            found["risk_evaluation"] = {"created_at": instant(use.created + 1000), "risk_level": "NORMAL"}
        found["receipt_number"] = paid.id[:4]
        found["receipt_url"] = f"https://squareup.com/receipt/preview/{paid.id}"
        found["application_details"] = {"square_product": order.product}
        if order.product == "RESTAURANTS":
            found["device_details"] = {"device_name": f"Register {1 + number % 3}"}
        if use.offline is not None:
            found["is_offline_payment"] = True
            found["offline_payment_details"] = {"client_created_at": instant(use.offline)}
        found["version_token"] = f"{paid.id[3:12]}{updated % 100_000_000:08d}6o"
        return found

    def _source(self, found: Json, paid: Paid, number: int) -> None:
        money, kind, use = self.money, paid.kind, paid.use
        if kind.source == "CARD":
            pool = (number * 31 + paid.place) % POOL
            debit = kind.brand == "MASTERCARD"
            card = {
                **self._card(paid),
                "exp_month": 1 + pool % 12,
                "exp_year": 2027 + pool % 5,
                "fingerprint": self.fingerprints[pool],
                "card_type": "DEBIT" if debit else "CREDIT",
                "prepaid_type": "NOT_PREPAID",
            }
            if kind.brand == "SQUARE_GIFT_CARD":
                card.update({"card_type": "UNKNOWN_CARD_TYPE", "prepaid_type": "PREPAID"})
            timeline = {"authorized_at": instant(use.created + 200)}
            if use.status == "COMPLETED":
                timeline["captured_at"] = instant(use.created + 900)
            elif use.status == "CANCELED":
                timeline["voided_at"] = instant(use.created + 20_000)
            details: Json = {
                "status": self._card_status(paid),
                "card": card,
                "entry_method": kind.entry,
                "cvv_status": "CVV_ACCEPTED" if kind.entry == "KEYED" else "CVV_NOT_CHECKED",
                "avs_status": "AVS_ACCEPTED" if kind.entry == "KEYED" else "AVS_NOT_CHECKED",
                "card_payment_timeline": timeline,
            }
            if use.status == "FAILED":
                details["errors"] = [{"category": "PAYMENT_METHOD_ERROR", "code": "GENERIC_DECLINE"}]
                del details["card_payment_timeline"]
            found["card_details"] = details
        elif kind.source == "CASH":
            handed = self._handed(paid)
            found["cash_details"] = {
                "buyer_supplied_money": money(handed),
                "change_back_money": money(handed - paid.total),
            }
        elif kind.source == "EXTERNAL":
            found["external_details"] = {"type": kind.external, "source": use.words or use.note or kind.words}
            if kind.external == "EXTERNAL":
                found["external_details"]["source_id"] = paid.order.reference or "none"
        elif kind.source == "WALLET":
            found["wallet_details"] = {"status": "CAPTURED", "brand": kind.brand}
        elif kind.source == "BUY_NOW_PAY_LATER":
            found["buy_now_pay_later_details"] = {"brand": kind.brand}
        elif kind.source == "BANK_ACCOUNT":
            found["bank_account_details"] = {"bank_name": "Harbor Savings", "transfer_type": "ACH", "country": "US"}
        elif kind.source == "SQUARE_ACCOUNT":
            found["square_account_details"] = {"payment_source_token": f"wnon:{paid.id[4:20]}"}

    def refund(self, held: Refunded) -> Json:
        """A PaymentRefund."""
        order, back, money = held.order, held.back, self.money
        found: Json = {
            "id": held.id,
            "status": back.status,
            "location_id": order.location,
            "amount_money": money(held.cents),
        }
        if held.paid is None:
            found["unlinked"] = True
            found["destination_type"] = "CASH"
        else:
            found["payment_id"] = held.paid.id
            kind = held.paid.kind
            found["destination_type"] = "CASH" if back.to_cash else kind.source
            if kind.source == "EXTERNAL" and not back.to_cash:
                found["destination_details"] = {"external_details": {"type": kind.external, "source": kind.words}}
        if found["destination_type"] == "CASH":
            found["destination_details"] = {
                "cash_details": {"seller_supplied_money": money(held.cents), "change_back_money": money(0)}
            }
        if held.fee:
            found["processing_fee"] = [
                {
                    "effective_at": instant(order.created + 7_200_000),
                    "type": "INITIAL",
                    "amount_money": money(-held.fee),
                }
            ]
        found["order_id"] = self._marks.order(order.number)
        found["reason"] = back.reason
        found["created_at"] = instant(order.created + 200)
        found["updated_at"] = instant(order.updated)
        if held.paid is not None and held.paid.use.staff is not None:
            found["team_member_id"] = held.paid.use.staff
        return found


def _break(order: Json, why: str) -> None:
    """Make an order wrong the way `why` says. Money objects are shared, so they are replaced, never written to."""
    total, lines = order["total_money"], order.get("line_items", [])
    if why == BROKEN[0]:
        order["total_money"] = {**total, "amount": total["amount"] + 1}
    elif why == BROKEN[1] and lines:
        tax = lines[0]["total_tax_money"]
        lines[0]["total_tax_money"] = {**tax, "amount": tax["amount"] - 1}
    elif why == BROKEN[2]:
        order["total_money"] = {**total, "currency": "CAD"}
    elif why == BROKEN[3]:
        order["created_at"] = "0001-01-01T00:00:00Z"
    elif why == BROKEN[4]:
        order["total_money"] = {**total, "amount": -total["amount"] - 1}
    elif why == BROKEN[5]:
        for line in lines:
            del line["uid"]
    elif why == BROKEN[6]:
        for tender in order.get("tenders", []):
            del tender["id"], tender["payment_id"]
