"""What is read of Clover's history: source entities, endpoints, expansions, page sizes, lengths of windows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from aura_migration.pos.port import SourceEntity

ORDERS_R = "ORDERS_R"
PAYMENTS_R = "PAYMENTS_R"
MERCHANT_R = "MERCHANT_R"
CUSTOMERS_R = "CUSTOMERS_R"

ORDERS = "orders"
PAYMENTS = "payments"
REFUNDS = "refunds"
CREDITS = "credits"
CASH_EVENTS = "cash_events"
TEST_ORDERS = "test_orders"
MISSING = "missing_documents"
"""What was read by its key because a list did not show it any more, or showed it as deleted."""

LINES = ("lineItems.modifications", "lineItems.discounts", "lineItems.taxRates")
AROUND = ("discounts", "serviceCharge", "customers")
WITHOUT_GUESTS = ("discounts", "serviceCharge")
MONEY = ("payments", "refunds", "credits")
"""Clover documents three expansions a request: an order is read three times and put together."""
LINE = ("modifications", "discounts", "taxRates")
PAYMENT = ("taxRates", "cardTransaction", "tender")
REFUND = ("lineItems", "overrideMerchantTender", "payment.tender")
CREDIT = ("tender", "cardTransaction")
SOLD = ("lineItems.modifications", "lineItems.discounts", "payments")
"""What a refund has to know of its order."""

LINES_PAGE = 500
AROUND_PAGE = 1000
MONEY_PAGE = 700
PAGE = 1000
"""Readings of one window have pages of different sizes: a list that is cut by pages is not cut at the same place twice."""
NESTED = 100
"""Lists inside records end here without a word."""
ASK_AT_ONCE = 100
"""Ids in one ``in (…)``."""

WINDOW = timedelta(days=14)
LONGEST = timedelta(days=89)
"""Clover silently keeps the last 90 days of a longer span."""
DAY = timedelta(days=1)
MARGIN = timedelta(minutes=5)
"""How much earlier than the last export changes are asked for: what was just written may not have been shown."""
VOIDED_WITHIN = timedelta(days=7)
"""How long after an order was opened its voided lines are looked for with it; later ones are found by their order's id."""
AHEAD = timedelta(days=1)
"""A change may be stamped by a clock ahead of ours."""

SIDE_LISTS = ("tenders", "order_types", "modifiers")
"""Small lists of the location that history is read with; recorded with it, so that it can be read by itself."""


@dataclass(frozen=True)
class Timed:
    """A list that is read in windows of time. ``changed`` is the field that moves with changes, where one can be filtered by."""

    path: str
    expand: tuple[str, ...]
    since: str
    changed: str = ""
    order: str = "createdTime ASC"
    permission: str = PAYMENTS_R
    window: timedelta = WINDOW


TIMED: Mapping[str, Timed] = {
    PAYMENTS: Timed("/payments", PAYMENT, "createdTime", "modifiedTime"),
    REFUNDS: Timed("/refunds", REFUND, "createdTime", window=timedelta(days=28)),
    CASH_EVENTS: Timed(
        "/cash_events", (), "timestamp", order="timestamp ASC", permission=MERCHANT_R, window=timedelta(days=56)
    ),
}

HISTORY: tuple[SourceEntity, ...] = (
    SourceEntity(ORDERS, "history", ORDERS_R, ("orders",), doc="Orders with lines, modifiers, discounts and taxes."),
    SourceEntity(
        PAYMENTS, "history", PAYMENTS_R, ("payments",), doc="Payments with tips, cards' last digits and taxes."
    ),
    SourceEntity(REFUNDS, "history", PAYMENTS_R, ("refunds",), doc="Refunds with the lines they name."),
    SourceEntity(CREDITS, "history", PAYMENTS_R, ("refunds",), doc="Manual refunds, which no payment stands behind."),
    SourceEntity(
        CASH_EVENTS, "history", MERCHANT_R, ("cash_events",), False, doc="The cash log, where its app is used."
    ),
    SourceEntity(
        TEST_ORDERS,
        "history",
        ORDERS_R,
        ("orders", "payments"),
        False,
        doc="Orders of test mode, kept apart so that none is taken for a sale.",
    ),
)
PATHS: Mapping[str, str] = {
    ORDERS: "/orders",
    PAYMENTS: "/payments",
    REFUNDS: "/refunds",
    CREDITS: "/credits",
    CASH_EVENTS: "/cash_events",
    TEST_ORDERS: "/orders",
}
