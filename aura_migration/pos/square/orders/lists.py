"""The lists of the past: where each is read and by which page. Square API reference, sections 3, 11, 13, 14 and 16."""

from __future__ import annotations

from aura_migration.pos.square.orders import sources
from aura_migration.pos.square.people.lists import Listing

ORDERS = Listing(sources.ORDERS, "POST", "/v2/orders/search", "orders", 500)
ORDER_IDS = Listing(sources.ORDERS, "POST", "/v2/orders/search", "order_entries", 1000, asked={"return_entries": True})
"""The same search, answering with ids alone."""
PAYMENTS = Listing(sources.PAYMENTS, "GET", "/v2/payments", "payments", 100, asked={"sort_order": "ASC"})
REFUNDS = Listing(sources.REFUNDS, "GET", "/v2/refunds", "refunds", 100, asked={"sort_order": "ASC"})
PAYOUTS = Listing(sources.PAYOUTS, "GET", "/v2/payouts", "payouts", 100, asked={"sort_order": "ASC"})
DISPUTES = Listing(sources.DISPUTES, "GET", "/v2/disputes", "disputes", 100, sized=False)
SHIFTS = Listing(
    sources.SHIFTS, "GET", "/v2/cash-drawers/shifts", "cash_drawer_shifts", 1000, asked={"sort_order": "ASC"}
)
BY_ID = "/v2/orders/batch-retrieve"
MOST_IDS = 100
"""Orders that may be named in one request."""
CLOSED = ("COMPLETED", "CANCELED")
UNCLOSED = ("OPEN", "DRAFT")
REFUND_STATES = ("PENDING", "COMPLETED", "REJECTED", "FAILED")
PAYOUT_STATES = ("SENT", "FAILED", "PAID")
SINCE_EVER = "2009-01-01T00:00:00Z"
"""Square is no older. Without a beginning its lists of money show the last year only."""


def entries(payout: str) -> Listing:
    """What a payout is made of."""
    path = f"{PAYOUTS.path}/{payout}/payout-entries"
    return Listing(sources.ENTRIES, "GET", path, "payout_entries", 100, asked={"sort_order": "ASC"})


def events(shift: str) -> Listing:
    """What happened at a drawer."""
    path = f"{SHIFTS.path}/{shift}/events"
    return Listing(sources.EVENTS, "GET", path, "cash_drawer_shift_events", 1000)
