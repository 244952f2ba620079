"""The lists of people and what they are owed: where each is read, by which page, and a first record to try it by.

Paths, list names and page limits are those of the Square API reference, section 3.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal


@dataclass(frozen=True)
class Listing:
    """One paged list. ``page`` is its largest page; ``sized`` says whether a smaller one may be asked for."""

    entity: str
    method: Literal["GET", "POST"]
    path: str
    rows: str
    page: int
    sized: bool = True
    asked: Mapping[str, Any] = field(default_factory=dict)

    def request(self, page: int | None = None) -> dict[str, Any]:
        """The parameters of every request, with the page size."""
        size = page or self.page
        return {**self.asked, **({"limit": size} if self.sized else {})}


BY_CREATION = {"query": {"sort": {"field": "CREATED_AT", "order": "ASC"}}}
CUSTOMERS = Listing("customers", "POST", "/v2/customers/search", "customers", 100, asked=BY_CREATION)
CUSTOMER_LIST = Listing(
    "customers",
    "GET",
    "/v2/customers",
    "customers",
    100,
    asked={"sort_field": "CREATED_AT", "sort_order": "ASC", "count": "true"},
)
GROUPS = Listing("customer_groups", "GET", "/v2/customers/groups", "groups", 50)
SEGMENTS = Listing("customer_segments", "GET", "/v2/customers/segments", "segments", 50)
ATTRIBUTE_DEFINITIONS = Listing(
    "customer_attributes", "GET", "/v2/customers/custom-attribute-definitions", "custom_attribute_definitions", 100
)
CARDS_ON_FILE = Listing(
    "cards_on_file", "GET", "/v2/cards", "cards", 25, sized=False, asked={"include_disabled": "true"}
)
LOYALTY_ACCOUNTS = Listing("loyalty_accounts", "POST", "/v2/loyalty/accounts/search", "loyalty_accounts", 200)
LOYALTY_EVENTS = Listing("loyalty_events", "POST", "/v2/loyalty/events/search", "events", 30)
LOYALTY_REWARDS = Listing("loyalty_rewards", "POST", "/v2/loyalty/rewards/search", "rewards", 30)
GIFT_CARDS = Listing("gift_cards", "GET", "/v2/gift-cards", "gift_cards", 200)
GIFT_CARD_ACTIVITIES = Listing(
    "gift_card_activities",
    "GET",
    "/v2/gift-cards/activities",
    "gift_card_activities",
    100,
    asked={"sort_order": "ASC", "begin_time": "2000-01-01T00:00:00Z"},
)
"""Without ``begin_time`` Square shows the last year only."""
TEAM = Listing("team", "POST", "/v2/team-members/search", "team_members", 200)
JOBS = Listing("jobs", "GET", "/v2/team-members/jobs", "jobs", 100, sized=False)
WAGES = Listing("wages", "GET", "/v2/labor/team-member-wages", "team_member_wages", 200)
TIMECARDS = Listing("timecards", "POST", "/v2/labor/timecards/search", "timecards", 200)
BREAK_TYPES = Listing("break_types", "GET", "/v2/labor/break-types", "break_types", 200)

LISTINGS: Mapping[str, Listing] = {
    listing.entity: listing
    for listing in (
        CUSTOMERS,
        GROUPS,
        SEGMENTS,
        ATTRIBUTE_DEFINITIONS,
        CARDS_ON_FILE,
        LOYALTY_ACCOUNTS,
        LOYALTY_EVENTS,
        LOYALTY_REWARDS,
        GIFT_CARDS,
        GIFT_CARD_ACTIVITIES,
        TEAM,
        JOBS,
        WAGES,
        TIMECARDS,
        BREAK_TYPES,
    )
}
PROGRAM = "/v2/loyalty/programs/main"

GIFT_CARD_STATES = ("PENDING", "ACTIVE", "BLOCKED", "DEACTIVATED")
EVENT_TYPES = (
    "ACCUMULATE_POINTS",
    "ACCUMULATE_PROMOTION_POINTS",
    "CREATE_REWARD",
    "REDEEM_REWARD",
    "DELETE_REWARD",
    "ADJUST_POINTS",
    "EXPIRE_POINTS",
    "OTHER",
)
ACTIVITY_TYPES = (
    "ACTIVATE",
    "LOAD",
    "REDEEM",
    "CLEAR_BALANCE",
    "DEACTIVATE",
    "ADJUST_INCREMENT",
    "ADJUST_DECREMENT",
    "REFUND",
    "UNLINKED_ACTIVITY_REFUND",
    "IMPORT",
    "BLOCK",
    "UNBLOCK",
    "IMPORT_REVERSAL",
    "TRANSFER_BALANCE_FROM",
    "TRANSFER_BALANCE_TO",
)
TEAM_STATES = ("ACTIVE", "INACTIVE")
TIMECARD_STATES = ("OPEN", "CLOSED")
