"""What a Square account knows of people, in meaning rather than in JSON.

`wire_guests.py` and `wire_staff.py` turn these into Square's JSON, `truth.py` into the known truth; neither reads the
other's output. Money is integer minor units, points are integers signed by what they do to the balance, stamps are
Unix milliseconds.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

CREATION_SOURCES = (
    "OTHER",
    "APPOINTMENTS",
    "COUPON",
    "DELETION_RECOVERY",
    "DIRECTORY",
    "EGIFTING",
    "EMAIL_COLLECTION",
    "FEEDBACK",
    "IMPORT",
    "INVOICES",
    "LOYALTY",
    "MARKETING",
    "MERGE",
    "ONLINE_STORE",
    "INSTANT_PROFILE",
    "TERMINAL",
    "THIRD_PARTY",
    "THIRD_PARTY_IMPORT",
    "UNMERGE_RECOVERY",
)


@dataclass(slots=True)
class Customer:
    """A profile of the directory. `phone` is the text as typed, `e164` the number it means (None: no number at all).

    `unsubscribed`: None = no preference sent. `sensitive`: values among the fields that must never be stored.
    """

    id: str
    created: int
    updated: int
    given: str | None = None
    family: str | None = None
    nickname: str | None = None
    company: str | None = None
    email: str | None = None
    phone: str | None = None
    e164: str | None = None
    address: dict[str, str] | None = None
    birthday: str | None = None
    reference_id: str | None = None
    note: str | None = None
    unsubscribed: bool | None = None
    source: str = "DIRECTORY"
    group_ids: list[str] = field(default_factory=list)
    segment_ids: list[str] = field(default_factory=list)
    version: int = 0
    eu_vat: str | None = None
    attributes: dict[str, Any] = field(default_factory=dict)
    extra: dict[str, Any] = field(default_factory=dict)
    sensitive: list[str] = field(default_factory=list)

    @property
    def listed(self) -> bool:
        """Do list and search return it? Only with a name, a company, an e-mail or a phone."""
        return any((self.given, self.family, self.company, self.email, self.phone))

    @property
    def sort_name(self) -> str:
        """What the default order compares: the name, else company, e-mail, phone."""
        name = f"{self.given or ''}{self.family or ''}"
        return (name or self.company or self.email or self.phone or "").casefold()


@dataclass(slots=True)
class Gone:
    """A profile that was deleted, or replaced by the new one of a merge (`into`)."""

    id: str
    stamp: int
    into: str | None = None


@dataclass(slots=True)
class Label:
    """A customer group (the seller's) or a segment (Square's)."""

    id: str
    name: str
    created: int
    updated: int


@dataclass(slots=True)
class AttributeDefinition:
    """A custom attribute customers can have. `hidden`: another application's, never returned."""

    key: str
    name: str
    kind: str
    description: str
    stamp: int
    hidden: bool = False
    choices: list[tuple[str, str]] = field(default_factory=list)


@dataclass(slots=True)
class CardOnFile:
    """A card a customer left; the number itself is never available."""

    id: str
    customer_id: str
    created: int
    brand: str
    last_4: str
    exp_month: int
    exp_year: int
    fingerprint: str
    bin: str
    holder: str | None = None
    enabled: bool = True
    reference_id: str | None = None
    postal_code: str | None = None
    disabled: int | None = None
    version: int = 1


# -- loyalty ---------------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class AccrualRule:
    """How points are earned; `kind` VISIT, SPEND, ITEM_VARIATION or CATEGORY."""

    kind: str
    points: int
    cents: int | None = None
    object_id: str | None = None
    before_tax: bool = True
    excluded_categories: list[str] = field(default_factory=list)
    excluded_variations: list[str] = field(default_factory=list)


@dataclass(slots=True)
class Tier:
    """A reward and its price in points; the discount is a pricing rule as of a catalog version."""

    id: str
    name: str
    points: int
    rule_id: str
    catalog_version: int
    created: int
    discount: str


@dataclass(slots=True)
class Program:
    """The one loyalty program of a seller. `expires_months` None = points never expire."""

    id: str
    status: str
    created: int
    updated: int
    one: str
    other: str
    location_ids: list[str]
    rules: list[AccrualRule]
    tiers: list[Tier]
    expires_months: int | None = None


@dataclass(slots=True)
class Account:
    """A loyalty account. `deadlines`: (points, stamp), summing to the balance when there are any.

    `explained` False: the events do not add up to the balance (an import from before the ledger began).
    """

    id: str
    created: int
    updated: int
    balance: int
    lifetime: int
    e164: str
    mapping_id: str
    customer_id: str | None = None
    enrolled: int | None = None
    deadlines: list[tuple[int, int]] = field(default_factory=list)
    explained: bool = True


@dataclass(slots=True)
class LoyaltyEvent:
    """One entry of the points ledger; `points` as it moves the balance (0 for REDEEM_REWARD)."""

    id: str
    kind: str
    created: int
    account_id: str
    points: int
    source: str = "SQUARE"
    location_id: str | None = None
    reward_id: str | None = None
    order_id: str | None = None
    promotion_id: str | None = None
    reason: str | None = None


@dataclass(slots=True)
class Reward:
    """A reward taken by an account: ISSUED, REDEEMED or DELETED."""

    id: str
    account_id: str
    tier_id: str
    points: int
    status: str
    created: int
    updated: int
    redeemed: int | None = None
    order_id: str | None = None


@dataclass(slots=True)
class Promotion:
    """Extra points for a time; `times` None = no trigger limit. `multiplier` or `addition` is set."""

    id: str
    name: str
    status: str
    created: int
    updated: int
    start: str
    end: str | None
    periods: list[str]
    multiplier: str | None = None
    addition: int | None = None
    times: int | None = None
    interval: str = "ALL_TIME"
    canceled: int | None = None
    minimum_cents: int | None = None
    variation_ids: list[str] = field(default_factory=list)
    category_ids: list[str] = field(default_factory=list)


# -- gift cards ------------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class GiftCard:
    """A gift card; `gan` is worth its balance to whoever knows it."""

    id: str
    gan: str
    kind: str
    source: str
    state: str
    balance: int
    created: int
    customer_ids: list[str] = field(default_factory=list)


@dataclass(slots=True)
class Activity:
    """One gift-card activity: `cents` as sent (positive; None where the type has no amount), `balance` after it."""

    id: str
    kind: str
    created: int
    card_id: str
    gan: str
    location_id: str
    cents: int | None
    balance: int
    status: str | None = None
    reason: str | None = None
    other_card_id: str | None = None
    redeem_id: str | None = None
    order_id: str | None = None
    payment_id: str | None = None
    reference_id: str | None = None


# -- team and labor --------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class Job:
    """A job people can be given."""

    id: str
    title: str
    tips: bool
    created: int
    updated: int
    version: int = 1


@dataclass(slots=True)
class Assignment:
    """A person's job with its pay: HOURLY has `hourly`, SALARY `annual` cents and `weekly_hours`, NONE neither."""

    wage_id: str
    job: Job
    pay: str
    hourly: int | None = None
    annual: int | None = None
    weekly_hours: int | None = None

    @property
    def hourly_cents(self) -> int | None:
        """The hourly rate, derived from the salary where there is one."""
        if self.pay == "SALARY" and self.annual and self.weekly_hours:
            return round(self.annual / 52 / self.weekly_hours)
        return self.hourly


@dataclass(slots=True)
class TeamMember:
    """A person of the team. `location_ids` None = all current and future locations; `explicit_list` False leaves the
    list of explicit locations out. `assignments` None = no wage setting at all."""

    id: str
    given: str
    family: str | None
    created: int
    updated: int
    active: bool = True
    owner: bool = False
    email: str | None = None
    phone: str | None = None
    reference_id: str | None = None
    location_ids: list[str] | None = None
    explicit_list: bool = True
    assignments: list[Assignment] | None = None
    overtime_exempt: bool = False
    version: int = 1


@dataclass(slots=True)
class BreakType:
    """A kind of break at a location."""

    id: str
    location_id: str
    name: str
    minutes: int
    paid: bool
    created: int
    version: int = 1


@dataclass(slots=True)
class Break:
    """A break taken; `end` None while it lasts."""

    id: str
    kind: BreakType
    start: int
    end: int | None


@dataclass(slots=True)
class Timecard:
    """A shift worked; `end` None = OPEN. The wage is as it was then. `zone` is the location's time zone."""

    id: str
    member_id: str
    location_id: str
    zone: str
    start: int
    end: int | None
    created: int
    updated: int
    title: str | None
    hourly: int | None
    job_id: str | None
    tip_eligible: bool
    breaks: list[Break] = field(default_factory=list)
    tips: int | None = None
    version: int = 1

    @property
    def closed(self) -> bool:
        """Has the person clocked out?"""
        return self.end is not None


@dataclass(slots=True)
class Workweek:
    """When the week and the business day begin."""

    id: str
    day: str
    start_of_day: str
    created: int


@dataclass(slots=True)
class PlannedShift:
    """A scheduled shift; `member_id` None = open shift. `published` None = never published."""

    id: str
    location_id: str
    zone: str
    member_id: str | None
    job_id: str | None
    start: int
    end: int
    created: int
    published: bool = True
    notes: str | None = None
    deleted: bool = False
    sensitive: list[str] = field(default_factory=list)
