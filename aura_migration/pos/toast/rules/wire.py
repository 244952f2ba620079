"""What the mapping of rules reads of Toast's configuration, restaurants and ordering-schedule APIs, as typed structs.

A field without a default must be in the answer, as in the menu's structs: what Toast renames goes to quarantine, not away.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from aura_migration.pos.toast.wire import Reference, Wire


class Criteria(Wire):
    """On which orders a service charge is meant to be."""

    min_check_amount: Decimal | None = None
    max_check_amount: Decimal | None = None
    delivery: bool | None = None
    takeout: bool | None = None
    dine_in: bool | None = None
    min_delivery_distance: Decimal | None = None


class ServiceCharge(Wire):
    """A service charge; ``percent`` is 0 to 100."""

    guid: str
    name: str | None
    amount_type: str | None
    amount: Decimal | None
    percent: Decimal | None
    gratuity: bool | None
    taxable: bool | None
    applicable_taxes: list[dict[str, Any]] | None
    criteria: Criteria | None = None
    service_charge_calculation: str | None = None
    destination: str | None = None
    tax_inclusive: bool | None = None
    tax_prorated: bool | None = None


class PromoCode(Wire):
    """A code by which a discount is given."""

    code: str | None = None
    name: str | None = None
    usage_type: str | None = None


class Discount(Wire):
    """A discount; ``percentage`` is 0 to 100."""

    guid: str
    name: str | None
    type: str | None
    selection_type: str | None
    percentage: Decimal | None
    amount: Decimal | None
    active: bool | None = None
    non_exclusive: bool | None = None
    item_picking_priority: str | None = None
    fixed_total: Decimal | None = None
    promo_codes: list[PromoCode] | None = None


class DiningOption(Wire):
    """A way of eating; ``behavior`` null is the restaurant's own."""

    guid: str
    name: str | None
    behavior: str | None
    curbside: bool | None = None


class Entry(Wire):
    """Anything of which only the name is told."""

    guid: str
    name: str | None
    description: str | None = None


class Place(Wire):
    """A service area or a table and what it belongs to."""

    guid: str
    name: str | None
    service_area: Reference | None = None
    revenue_center: Reference | None = None


class TipWithholding(Wire):
    """What is kept back of card tips for the card's costs."""

    enabled: bool | None
    percentage: Decimal | None = None


class TableRow(Wire):
    """Taxable amounts from ``start`` to ``end`` pay ``tax``; ``pattern``: such rows go on beyond the end."""

    start: Decimal
    end: Decimal
    tax: Decimal
    pattern: bool | None = None


class ConditionalRate(Wire):
    """Another rate under a condition, whose words no documentation lists."""

    condition: str | None
    rate: Decimal | None


class RatedTax(Wire):
    """What of a tax rate is not a plain percentage."""

    guid: str
    type: str | None
    rate: Decimal | None = None
    name: str | None = None
    tax_table: list[TableRow] | None = None
    conditional_tax_rates: list[ConditionalRate] | None = None


class Hours(Wire):
    """``HH:mm:ss.SSS`` local."""

    start_time: str | None
    end_time: str | None


class Service(Wire):
    """A meal period of a day; ``overnight``: part of it lies after midnight."""

    name: str | None
    hours: Hours | None
    overnight: bool | None = None


class DaySchedule(Wire):
    """The hours of a kind of day."""

    schedule_name: str | None = None
    services: list[Service] | None = None
    open_time: str | None = None
    close_time: str | None = None


class Schedules(Wire):
    """Kinds of days by id, and which kind each weekday is; null is a closed day."""

    day_schedules: dict[str, DaySchedule] | None = None
    week_schedule: dict[str, str | None] | None = None


class Delivery(Wire):
    """Whether and from which amount on there is delivery; ``area`` is an encoded outline."""

    enabled: bool | None = None
    minimum: Decimal | None = None
    area: str | None = None


class HouseRules(Wire):
    """What a restaurant's own record says of hours, delivery and online ordering."""

    guid: str
    schedules: Schedules | None = None
    delivery: Delivery | None = None
    online_ordering: dict[str, Any] | None = None
    prep_times: dict[str, Any] | None = None


class Span(Wire):
    """``HH:MM`` local."""

    start: str
    end: str


class DayPeriod(Wire):
    """A weekday ("FRIDAY") and when it can be ordered on it."""

    day: str
    time_ranges: list[Span] | None = None


class ServicePeriod(Wire):
    """When a way of eating can be ordered online."""

    dining_option_behavior: str | None
    day_periods: list[DayPeriod] | None = None


class OrderingSchedule(Wire):
    """The hours of online ordering; ``overrides`` are single dates."""

    service_periods: list[ServicePeriod] | None = None
    overrides: list[dict[str, Any]] | None = None
    scheduled_order_max_days: int | None = None
    last_order_configuration: str | None = None
