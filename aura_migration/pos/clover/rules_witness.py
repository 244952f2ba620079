"""Verify's own reading of the rules of business in a Clover snapshot; shares nothing with mapping and wire structs.

Written from the Clover API reference (sections 3, 4 and 6.1). A rule that contradicts itself, another one, or what the reference
knows is no fact: it waits for somebody's decision. Answers are recognised by the path they were asked under.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal
from typing import Any

import msgspec

from aura_migration.archive.snapshot import SnapshotReader
from aura_migration.pos.rule_facts import RuleFact

Row = Mapping[str, Any]
SYSTEM_TYPES = {
    "DINE-IN-TYPE": "dine_in",
    "TAKE-OUT-TYPE": "takeout",
    "PICK-UP-TYPE": "takeout",
    "DELIVERY-TYPE": "delivery",
    "com.clover.order.type.dine_in": "dine_in",
    "com.clover.order.type.take_out": "takeout",
    "com.clover.order.type.pick_up": "takeout",
    "com.clover.order.type.delivery": "delivery",
}
TENDER_KEYS = {
    "com.clover.tender.cash": "cash",
    "com.clover.tender.check": "check",
    "com.clover.tender.credit_card": "card",
    "com.clover.tender.debit_card": "card",
    "com.clover.tender.interac": "card",
    "com.clover.tender.external_pin_debit": "card",
    "com.clover.tender.external_gift_card": "gift_card",
    "com.clover.tender.gift_card": "gift_card",
    "com.clover.tender.external_payment": "external",
}
FEES = {
    None: ("service", "house"),
    "": ("service", "house"),
    "SERVICE_CHARGE": ("service", "house"),
    "ORDER_FEE": ("service", "house"),
    "GRATUITY": ("auto_gratuity", "staff"),
    "AUTO_GRATUITY": ("auto_gratuity", "staff"),
    "SURCHARGE": ("surcharge", "house"),
    "DELIVERY": ("delivery", "house"),
    "DELIVERY_FEE": ("delivery", "house"),
}
WEEK = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
YES_OR_NO = {
    "vat": "pricing.prices_include_tax",
    "removeTaxEnabled": "pricing.tax_may_be_removed",
    "tipsEnabled": "tips.offered",
    "onPaperTipSignatures": "tips.signature_on_paper",
    "groupLineItems": "orders.equal_lines_together",
    "resetOnReportingTime": "orders.numbers_restart_daily",
    "notesOnOrders": "orders.notes",
    "deleteOrders": "orders.may_be_deleted",
    "alternateInventoryNames": "orders.kitchen_names",
    "autoPrint": "orders.tickets_print_themselves",
    "stayInCategory": "orders.stay_in_category",
    "alwaysRequireSignature": "payments.signature_always",
    "cashBackEnabled": "payments.cash_back",
    "manualCloseout": "payments.closeout_by_hand",
    "manualCloseoutPerDevice": "payments.closeout_by_device",
}
VALUED = {
    "vatTaxName": ("pricing.included_tax_name", "text"),
    "maxTipPercentage": ("tips.most", "percent"),
    "tipRateDefault": ("tips.default", "value"),
    "orderTitle": ("orders.titles", "mode"),
    "orderTitleMax": ("orders.highest_number", "number"),
    "signatureThreshold": ("payments.signature_from", "cents"),
    "maxCashBack": ("payments.cash_back_most", "cents"),
    "cashBackOptions": ("payments.cash_back_choices", "choices"),
    "autoCloseoutTimezone": ("payments.closeout_timezone", "timezone"),
    "locale": ("receipt.language", "locale"),
    "summaryHour": ("hours.reporting_day_ends", "hour"),
}


def rules(reader: SnapshotReader, location_source_id: str, currency: str) -> Iterable[RuleFact]:
    """Every rule of the merchant that Clover states. Its amounts are minor units already, whatever the ``currency``."""
    yield from _Said(reader, location_source_id).facts()


class _Said:
    """What the answers of one merchant say."""

    def __init__(self, reader: SnapshotReader, merchant: str) -> None:
        self._reader = reader
        self._merchant = merchant
        rates = self._list("tax_rates").values()
        told = [one for one in rates if one.get("name") and (one.get("rate") is not None or one.get("taxAmount"))]
        self._untaxed = {one["id"] for one in told if one["name"] == "NO_TAX_APPLIED" and not one.get("rate")}
        self._rates = {one["id"] for one in told} - self._untaxed
        self._types = self._order_types()

    def facts(self) -> Iterator[RuleFact]:
        yield from self._types.values()
        yield from self._tenders()
        yield from self._charges()
        yield from self._discounts()
        yield from self._exemptions()
        yield from self._tips()
        yield from self._hours()
        yield from self._settings()

    # Reading

    def _bodies(self, name: str) -> Iterator[Any]:
        path = f"/v3/merchants/{self._merchant}/{name}".rstrip("/")
        for entity in self._reader.entities():
            for body in self._reader.bodies(entity):
                if body.path.rstrip("/") == path:
                    yield msgspec.json.decode(body.data)

    def _list(self, name: str) -> dict[str, Row]:
        """Rows that are not deleted; where a list was read several times what each reading says counts."""
        found: dict[str, dict[str, Any]] = {}
        for answer in self._bodies(name):
            for row in answer.get("elements") or ():
                found.setdefault(row["id"], {}).update(row)
        return {
            ident: row
            for ident, row in found.items()
            if not (row.get("deleted") or row.get("isDeleted") or row.get("deletedTime"))
        }

    def _one(self, name: str) -> Row:
        return next((answer for answer in self._bodies(name) if isinstance(answer, dict)), {})

    def _key(self, *idents: str) -> str:
        return "/".join((self._merchant, *idents))

    # Taking and paying orders

    def _order_types(self) -> dict[str, RuleFact]:
        rows = self._list("order_types")
        defaults = sum(bool(row.get("isDefault")) for row in rows.values())
        found = {}
        for ident, row in rows.items():
            least, most = row.get("minOrderAmount") or None, row.get("maxOrderAmount") or None
            amounts = [row.get(name) or 0 for name in ("minOrderAmount", "maxOrderAmount", "fee")]
            if not row.get("label") or (row.get("isDefault") and defaults > 1) or min(amounts) < 0:
                continue
            if least and most and least > most:
                continue
            kind = SYSTEM_TYPES.get(row.get("systemOrderTypeId") or "") or SYSTEM_TYPES.get(row.get("labelKey") or "")
            values = {
                "name": row["label"],
                "order_type": kind or "unknown",
                "is_taxable": row.get("taxable") is not False,
                "is_default": bool(row.get("isDefault")),
                "is_hidden": bool(row.get("isHidden")),
                "min_order_cents": least,
                "max_order_cents": most,
                "fee_cents": row.get("fee") or None,
                "is_active": True,
            }
            found[ident] = RuleFact("order_types", self._key(ident), values)
        return found

    def _tenders(self) -> Iterator[RuleFact]:
        for ident, row in self._list("tenders").items():
            if not row.get("label"):
                continue
            own = bool(row.get("editable"))
            key = row.get("labelKey") or ""
            values = {
                "name": row["label"],
                "method": "other" if own else TENDER_KEYS.get(key, "other"),
                "code": key.rpartition(".")[2] or None if key.startswith("com.clover.tender.") else key or None,
                "is_custom": own,
                "opens_drawer": bool(row.get("opensCashDrawer")),
                "supports_tipping": bool(row.get("supportsTipping")),
                "is_active": row.get("enabled") is not False and row.get("visible") is not False,
            }
            yield RuleFact("tender_types", self._key(ident), values)

    # Charges and discounts

    def _charges(self) -> Iterator[RuleFact]:
        charge, fees = self._one("default_service_charge"), self._list("order_fees")
        ident = charge.get("id")
        share = _share(charge) if ident else None
        followers = [
            fee
            for fee, row in fees.items()
            if ident and row.get("serviceChargeUuid") == ident and charge.get("enabled") is not False
        ]
        apart = {
            fee
            for fee in followers
            if share is not None
            and isinstance(fees[fee].get("percentage"), int)
            and Decimal(fees[fee]["percentage"]) / 10_000 != share
        }
        if ident and charge.get("name") and share is not None and not apart:
            yield RuleFact(
                "service_charges",
                self._key(ident),
                {
                    "name": charge["name"],
                    "calculation": "percent",
                    "rate_percent": share,
                    "amount_cents": None,
                    "charge_class": "service",
                    "paid_to": "house",
                    "into_lines": False,
                    "is_taxable": False,
                    "is_automatic": False,
                    "is_active": charge.get("enabled") is not False,
                },
            )
        for fee, row in fees.items():
            if fee not in apart:
                yield from self._fee(fee, row)

    def _fee(self, ident: str, row: Row) -> Iterator[RuleFact]:
        amount, parts = row.get("amount"), row.get("percentage")
        if not row.get("name") or row.get("type") not in FEES or (amount is None) == (parts is None):
            return
        if (amount or 0) < 0 or not 0 <= (parts or 0) <= 1_000_000:
            return
        kind, to = FEES[row.get("type")]
        taxes = [one for one in _ids(row.get("taxRates")) if one in self._rates]
        yield RuleFact(
            "service_charges",
            self._key(ident),
            {
                "name": row["name"],
                "calculation": "fixed" if parts is None else "percent",
                "rate_percent": None if parts is None else Decimal(parts) / 10_000,
                "amount_cents": amount,
                "charge_class": kind,
                "paid_to": to,
                "into_lines": False,
                "is_taxable": bool(taxes),
                "is_automatic": bool(row.get("isDefault")),
                "is_active": True,
            },
        )
        for one in taxes:
            values = {"service_charge_key": self._key(ident), "tax_rate_key": self._key(one)}
            yield RuleFact("service_charge_taxes", self._key(ident, one), values)

    def _discounts(self) -> Iterator[RuleFact]:
        for ident, row in self._list("discounts").items():
            amount, share = row.get("amount"), _share(row)
            stated = row.get("percentage") is not None or row.get("percentageDecimal") is not None
            if not row.get("name") or row.get("type") not in (None, "", "DEFAULT", "CASH_DISCOUNT"):
                continue
            if (amount is None) != stated or (stated and share is None) or (amount or 0) > 0:
                continue
            by_cash = row.get("type") == "CASH_DISCOUNT"
            values = {
                "name": row["name"],
                "rule_type": "percentage_discount" if stated else "fixed_discount",
                "status": "active",
                "discount_percent": share,
                "discount_cents": None if amount is None else abs(amount),
                "fixed_price_cents": None,
                "max_discount_cents": None,
                "min_order_cents": None,
                "is_open_amount": False,
                "is_automatic": by_cash,
                "is_comp": share == 100,
                "schedule": None,
            }
            yield RuleFact("pricing_rules", self._key(ident), values)
            if by_cash:
                yield from self._left_out(ident)

    def _left_out(self, discount: str) -> Iterator[RuleFact]:
        """Items a cash discount is not given on; one that cannot be sold is on no menu."""
        for ident, item in self._list("items").items():
            is_sold = item.get("priceType") == "VARIABLE" or (
                item.get("priceType") in ("FIXED", "PER_UNIT") and item.get("price") is not None
            )
            if item.get("excludeCashDiscount") is True and item.get("name") and is_sold:
                values = {
                    "pricing_rule_key": self._key(discount),
                    "role": "excluded",
                    "menu_item_key": self._key(ident),
                }
                yield RuleFact("pricing_rule_targets", self._key(discount, "excluded", ident), values)

    def _exemptions(self) -> Iterator[RuleFact]:
        """Tax rules: nobody documents their fields, so a rule that says anything not understood here is left to people."""
        items = self._list("items")
        words = {
            "kinds": ("orderType", "orderTypes", "orderTypeId", "orderTypeIds"),
            "rates": ("taxRates", "taxRate", "taxRateIds", "taxRateId"),
            "items": ("items", "item", "itemIds", "itemId"),
        }
        understood = {name for names in words.values() for name in names} | {
            *("id", "name", "href", "merchant", "merchantRef", "canonical"),
            *("createdTime", "modifiedTime", "deletedTime", "deleted"),
        }
        for ident, row in self._list("tax_rules").items():
            if any(name not in understood and value not in (None, "", [], {}) for name, value in row.items()):
                continue
            named = {kind: [one for name in names for one in _ids(row.get(name))] for kind, names in words.items()}
            if not named["kinds"] or any(kind not in self._types for kind in named["kinds"]):
                continue
            if any(one not in self._rates | self._untaxed for one in named["rates"]):
                continue
            if any(one not in items for one in named["items"]):
                continue
            for kind in named["kinds"]:
                for rate in named["rates"] or [""]:
                    for item in named["items"] or [""]:
                        if rate in self._untaxed:
                            continue
                        values = {
                            "order_type_key": self._key(kind),
                            "tax_rate_key": self._key(rate) if rate else None,
                            "menu_item_key": self._key(item) if item else None,
                            "rate_percent": None,
                        }
                        key = self._key(ident, kind, rate or "all", item or "all")
                        yield RuleFact("tax_exceptions", key, values)

    def _tips(self) -> Iterator[RuleFact]:
        for ident, row in self._list("tip_suggestions").items():
            cents = {row[name] for name in ("flatTip", "amount") if row.get(name) is not None}
            share = row.get("percentage")
            if len(cents) + (share is not None) != 1 or not 0 <= (share or 0) <= 100 or min(cents, default=0) < 0:
                continue
            values = {
                "name": row.get("name"),
                "rate_percent": None if share is None else Decimal(share),
                "amount_cents": next(iter(cents), None),
                "is_active": row.get("isEnabled") is not False,
            }
            yield RuleFact("tip_suggestions", self._key(ident), values)

    # Hours and settings

    def _hours(self) -> Iterator[RuleFact]:
        sets = self._list("opening_hours")
        for kind, row in self._list("order_types").items():
            own = row.get("hours") or {}
            if own.get("id") and own["id"] not in sets:
                sets[own["id"]] = {**own, "reference": {"type": "ORDER_TYPE", "id": kind}}
        house = [row for row in sets.values() if not (row.get("reference") or {}).get("type")]
        for ident, row in sets.items():
            of = row.get("reference") or {}
            values: dict[str, Any] = {"name": row.get("name"), "order_type_key": None}
            if not of.get("type"):
                if any(row.get(day) != other.get(day) for other in house for day in WEEK):
                    continue
                values["purpose"] = "business"
            elif of["type"] == "ORDER_TYPE" and of.get("id") in self._types:
                values |= {"purpose": "order_type", "order_type_key": self._key(of["id"])}
            elif of["type"] == "ITEM_GROUP":
                values["purpose"] = "other"
            else:
                continue
            for day in WEEK:
                yield from self._ranges(ident, day, (row.get(day) or {}).get("elements") or [], values)

    def _ranges(self, ident: str, day: str, ranges: list[Row], values: Mapping[str, Any]) -> Iterator[RuleFact]:
        minutes: Counter[int] = Counter()
        spans = []
        for one in ranges:
            start, end = _minute(one.get("start")), _minute(one.get("end"))
            is_time = start is not None and end is not None and start < 1440 and start != end
            span = range(start, end if end > start else 1440) if is_time else range(0)  # type: ignore[arg-type,operator]
            spans.append(span)
            minutes.update(span)
        for number, (one, span) in enumerate(zip(ranges, spans, strict=True)):
            if not span or any(minutes[minute] > 1 for minute in span):
                continue
            opens, closes = (f"{one[name] // 100 % 24:02}:{one[name] % 100:02}" for name in ("start", "end"))
            said = {**values, "weekday": day[:3], "opens": opens, "closes": closes}
            yield RuleFact("opening_hours", self._key(ident, day[:3], str(number)), said)

    def _settings(self) -> Iterator[RuleFact]:
        policy: dict[str, Any] = {"key": "pricing.policy", "category": "pricing", "value": {"name": "clover"}}
        yield RuleFact("settings", self._key("pricing.policy"), policy)
        for name, value in self._one("properties").items():
            key, member = VALUED.get(name, (YES_OR_NO.get(name, ""), "enabled"))
            if key and value not in (None, "", [], {}):
                said: dict[str, Any] = {"key": key, "category": key.split(".")[0], "value": {member: value}}
                yield RuleFact("settings", self._key(key), said)


def _share(row: Row) -> Decimal | None:
    """The percentage of a discount or charge; none where there is none, or none that can be."""
    exact, rough = row.get("percentageDecimal"), row.get("percentage")
    if exact is None and rough is None:
        return None
    share = Decimal(rough or 0) if exact is None else Decimal(exact) / 10_000
    if not 0 <= share <= 100 or (rough is not None and abs(share - rough) >= 1):
        return None
    return share


def _ids(value: Any) -> list[str]:
    """The ids of one pointer or several, as records or bare."""
    if isinstance(value, dict) and "elements" in value:
        value = value["elements"]
    found = [one.get("id") if isinstance(one, dict) else one for one in (value if isinstance(value, list) else [value])]
    return [one for one in dict.fromkeys(found) if isinstance(one, str) and one]


def _minute(value: Any) -> int | None:
    """HHMM as a minute of the day; 2400 is its end."""
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= 2400 or value % 100 > 59:
        return None
    return value // 100 * 60 + value % 100
