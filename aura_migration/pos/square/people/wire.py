"""Square's wire format of people and what they are owed, as far as the mapping reads it.

Everything may be absent; unknown fields are left to the raw record. Square API reference, appendix A.
"""

from __future__ import annotations

from typing import Any

import msgspec

from aura_migration.pos.square.wire import Money


class Address(msgspec.Struct, frozen=True):
    """A postal address."""

    address_line_1: str | None = None
    address_line_2: str | None = None
    address_line_3: str | None = None
    locality: str | None = None
    administrative_district_level_1: str | None = None
    postal_code: str | None = None
    country: str | None = None


class Preferences(msgspec.Struct, frozen=True):
    """The one thing Square states about consent."""

    email_unsubscribed: bool | None = None


class Customer(msgspec.Struct, frozen=True):
    """A profile of the directory."""

    id: str
    created_at: str | None = None
    given_name: str | None = None
    family_name: str | None = None
    nickname: str | None = None
    company_name: str | None = None
    email_address: str | None = None
    phone_number: str | None = None
    address: Address | None = None
    birthday: str | None = None
    reference_id: str | None = None
    note: str | None = None
    preferences: Preferences | None = None
    creation_source: str | None = None
    group_ids: list[str] | None = None
    segment_ids: list[str] | None = None


class Named(msgspec.Struct, frozen=True):
    """A group or segment."""

    id: str
    name: str | None = None


class AttributeDefinition(msgspec.Struct, frozen=True):
    """A field of the seller's own; a selection's schema names its choices."""

    key: str
    name: str | None = None
    schema: dict[str, Any] | None = None


class Attribute(msgspec.Struct, frozen=True):
    """A value of such a field."""

    key: str
    value: Any = None


class Terminology(msgspec.Struct, frozen=True):
    """What guests call a point."""

    one: str | None = None
    other: str | None = None


class SpendData(msgspec.Struct, frozen=True):
    """So much spent earns the rule's points."""

    amount_money: Money | None = None


class AccrualRule(msgspec.Struct, frozen=True):
    """How points are earned."""

    accrual_type: str | None = None
    points: int | None = None
    spend_data: SpendData | None = None


class Reference(msgspec.Struct, frozen=True):
    """A catalog object at a version."""

    object_id: str | None = None
    catalog_version: int | None = None


class Tier(msgspec.Struct, frozen=True):
    """What points buy."""

    id: str
    name: str | None = None
    points: int | None = None
    pricing_rule_reference: Reference | None = None


class Program(msgspec.Struct, frozen=True):
    """The loyalty programme."""

    id: str
    status: str | None = None
    terminology: Terminology | None = None
    accrual_rules: list[AccrualRule] | None = None
    reward_tiers: list[Tier] | None = None


class Mapping(msgspec.Struct, frozen=True):
    """The phone a loyalty account is known by."""

    phone_number: str | None = None


class Deadline(msgspec.Struct, frozen=True):
    """Points that will be lost at an instant."""

    points: int | None = None
    expires_at: str | None = None


class Account(msgspec.Struct, frozen=True):
    """A loyalty account."""

    id: str
    program_id: str | None = None
    balance: int | None = None
    lifetime_points: int | None = None
    customer_id: str | None = None
    enrolled_at: str | None = None
    created_at: str | None = None
    mapping: Mapping | None = None
    expiring_point_deadlines: list[Deadline] | None = None


class Points(msgspec.Struct, frozen=True):
    """The part of a loyalty event that says how many points moved, and why."""

    points: int | None = None
    reward_id: str | None = None
    order_id: str | None = None


class Event(msgspec.Struct, frozen=True):
    """A movement of points."""

    id: str
    type: str
    loyalty_account_id: str
    created_at: str | None = None
    accumulate_points: Points | None = None
    accumulate_promotion_points: Points | None = None
    create_reward: Points | None = None
    redeem_reward: Points | None = None
    delete_reward: Points | None = None
    adjust_points: Points | None = None
    expire_points: Points | None = None
    other_event: Points | None = None
    location_id: str | None = None

    @property
    def details(self) -> Points | None:
        """The one part that is there."""
        return (
            self.accumulate_points
            or self.accumulate_promotion_points
            or self.create_reward
            or self.redeem_reward
            or self.delete_reward
            or self.adjust_points
            or self.expire_points
            or self.other_event
        )


class Reward(msgspec.Struct, frozen=True):
    """A reward taken out; it holds points until it is used or given back."""

    id: str
    loyalty_account_id: str
    status: str | None = None
    reward_tier_id: str | None = None
    points: int | None = None
    created_at: str | None = None


class GiftCard(msgspec.Struct, frozen=True):
    """A gift card."""

    id: str
    type: str | None = None
    state: str | None = None
    balance_money: Money | None = None
    gan: str | None = None
    created_at: str | None = None
    customer_ids: list[str] | None = None


class ActivityDetails(msgspec.Struct, frozen=True):
    """How much an activity moved."""

    amount_money: Money | None = None
    status: str | None = None
    payment_id: str | None = None
    order_id: str | None = None


class Activity(msgspec.Struct, frozen=True):
    """Something that happened to a gift card; how much it moved stands in a part named after its type."""

    id: str
    type: str
    gift_card_id: str | None = None
    created_at: str | None = None
    gift_card_balance_money: Money | None = None


class JobAssignment(msgspec.Struct, frozen=True):
    """A job of a person with its wage."""

    job_title: str | None = None
    pay_type: str | None = None
    hourly_rate: Money | None = None
    annual_rate: Money | None = None
    job_id: str | None = None


class WageSetting(msgspec.Struct, frozen=True):
    """The jobs of a person, the primary one first."""

    job_assignments: list[JobAssignment] | None = None


class AssignedLocations(msgspec.Struct, frozen=True):
    """Where a person works. The list may be absent even where the places are said to be listed."""

    assignment_type: str | None = None
    location_ids: list[str] | None = None


class TeamMember(msgspec.Struct, frozen=True):
    """Somebody who works or worked here."""

    id: str
    reference_id: str | None = None
    is_owner: bool | None = None
    status: str | None = None
    given_name: str | None = None
    family_name: str | None = None
    email_address: str | None = None
    phone_number: str | None = None
    assigned_locations: AssignedLocations | None = None
    wage_setting: WageSetting | None = None


class Job(msgspec.Struct, frozen=True):
    """A job there is."""

    id: str
    title: str | None = None
    is_tip_eligible: bool | None = None


class Wage(msgspec.Struct, frozen=True):
    """A wage by person and job, from the list of wages or as it stood on a timecard."""

    id: str | None = None
    team_member_id: str | None = None
    title: str | None = None
    hourly_rate: Money | None = None
    job_id: str | None = None
    tip_eligible: bool | None = None


class Break(msgspec.Struct, frozen=True):
    """A break taken; still on it where it has no end."""

    name: str | None = None
    start_at: str | None = None
    end_at: str | None = None
    is_paid: bool | None = None


class Timecard(msgspec.Struct, frozen=True):
    """Time worked."""

    id: str
    location_id: str | None = None
    team_member_id: str | None = None
    timezone: str | None = None
    start_at: str | None = None
    end_at: str | None = None
    status: str | None = None
    wage: Wage | None = None
    breaks: list[Break] | None = None
    declared_cash_tip_money: Money | None = None
