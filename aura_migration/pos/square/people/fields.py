"""What becomes of every field of Square's people, loyalty, gift cards, staff and time: carried over, technical, or without
a home, in an owner's words.
"""

from __future__ import annotations

from collections.abc import Mapping

from aura_migration.canonical.losses import MAPPED, TECHNICAL

STAMPS = {"id": TECHNICAL, "version": TECHNICAL, "created_at": TECHNICAL, "updated_at": TECHNICAL}


def _mapped(*names: str) -> dict[str, str]:
    return dict.fromkeys(names, MAPPED)


KNOWN: Mapping[str, Mapping[str, str]] = {
    "CUSTOMER": {
        **STAMPS,
        **_mapped(
            "given_name",
            "family_name",
            "nickname",
            "company_name",
            "email_address",
            "phone_number",
            "address.address_line_1",
            "address.address_line_2",
            "address.address_line_3",
            "address.locality",
            "address.administrative_district_level_1",
            "address.postal_code",
            "address.country",
            "birthday",
            "reference_id",
            "note",
            "preferences.email_unsubscribed",
            "creation_source",
            "group_ids",
            "segment_ids",
        ),
        "address.first_name": "A name of its own on the address is not kept; the customer's own name is.",
        "address.last_name": "A name of its own on the address is not kept; the customer's own name is.",
    },
    "LOYALTY_PROGRAM": {
        **STAMPS,
        **_mapped("status", "reward_tiers", "expiration_policy", "terminology", "location_ids", "accrual_rules"),
    },
    "LOYALTY_ACCOUNT": {
        **STAMPS,
        **_mapped(
            "program_id",
            "balance",
            "lifetime_points",
            "customer_id",
            "enrolled_at",
            "mapping",
            "expiring_point_deadlines",
        ),
    },
    "LOYALTY_REWARD": {
        **STAMPS,
        **_mapped("status", "loyalty_account_id", "reward_tier_id", "points"),
        "order_id": "The order an open reward is attached to is not kept.",
    },
    "GIFT_CARD": {
        **STAMPS,
        **_mapped("type", "state", "balance_money", "gan", "customer_ids"),
        "gan_source": "That somebody else than Square issued the number is not kept; the card works either way.",
    },
    "TEAM_MEMBER": {
        **STAMPS,
        **_mapped(
            "reference_id",
            "is_owner",
            "status",
            "given_name",
            "family_name",
            "email_address",
            "phone_number",
            "assigned_locations",
            "wage_setting.job_assignments",
        ),
        "wage_setting": TECHNICAL,
        "wage_setting.is_overtime_exempt": "Whether a person is exempt from overtime is not kept.",
        "wage_setting.job_assignments[].weekly_hours": "The usual hours a week of a salaried job are not kept.",
    },
    "JOB": {**STAMPS, **_mapped("title", "is_tip_eligible")},
    "TIMECARD": {
        **STAMPS,
        **_mapped(
            "location_id",
            "team_member_id",
            "timezone",
            "start_at",
            "end_at",
            "wage",
            "breaks",
            "status",
            "declared_cash_tip_money",
        ),
        "breaks[].break_type_id": TECHNICAL,
        "breaks[].id": TECHNICAL,
        "breaks[].expected_duration": "How long a break should have been is not kept; when it was is.",
    },
}

DEFAULTS: Mapping[str, Mapping[str, object]] = {
    "GIFT_CARD": {"gan_source": "SQUARE"},
    "TEAM_MEMBER": {"wage_setting.is_overtime_exempt": False},
}
"""Values that say nothing, by kind of record."""

NOTES: Mapping[tuple[str, str], tuple[str, str]] = {
    ("CUSTOMER", "birthday"): ("birthday", "The birthday is not a date; it is not carried over."),
    ("CUSTOMER", "group"): ("group_ids[]", "The profile names a group that does not exist any more."),
    ("CUSTOMER", "attributes_unread"): (
        "custom_attributes",
        "Fields of the seller's own could not be read for all profiles; they are not carried over.",
    ),
    ("LOYALTY_PROGRAM", "tier_unknown"): (
        "reward_tiers[].pricing_rule_reference",
        "What this reward takes off cannot be told from Square: it is carried over by name and price in points, and has"
        " to be completed by hand.",
    ),
    ("LOYALTY_PROGRAM", "tier_scope"): (
        "reward_tiers[].pricing_rule_reference",
        "Which items this reward applies to is kept as a note of Square's ids; it has to be set up by hand.",
    ),
    ("LOYALTY_ACCOUNT", "holder"): (
        "customer_id",
        "The account belongs to a profile that Square does not list (deleted, merged or without a name): it is carried"
        " over without a person and found by its phone number.",
    ),
    ("LOYALTY_ACCOUNT", "phone"): (
        "mapping.phone_number",
        "The account has no phone number that can be read: nobody can claim it by phone.",
    ),
    ("LOYALTY_EVENT", "account"): (
        "loyalty_account_id",
        "A movement of points of an account that Square does not list any more.",
    ),
    ("LOYALTY_EVENT", "type"): (
        "type",
        "A movement of points of a kind that is not known: its points are taken as sent, as an adjustment.",
    ),
    ("LOYALTY_EVENT", "location"): ("location_id", "At which location points moved is not kept."),
    ("LOYALTY_EVENT", "unexplained"): (
        "points",
        "The movements Square shows do not add up to the balance: the opening balance takes the difference.",
    ),
    ("LOYALTY_REWARD", "tier"): (
        "reward_tier_id",
        "The reward is of a tier that does not exist any more: it is carried over by its points.",
    ),
    ("GIFT_CARD", "holder"): (
        "customer_ids[]",
        "The card is linked to a profile that Square does not list: it is carried over without a person.",
    ),
    ("GIFT_CARD", "holders"): ("customer_ids[]", "The card is linked to several profiles; the first one is kept."),
    ("GIFT_CARD", "state"): ("state", "The card is in a state that is not known: it is carried over blocked."),
    ("GIFT_CARD", "ledger"): (
        "balance_money",
        "The activities Square shows do not add up to the balance: the opening balance takes the difference.",
    ),
    ("GIFT_CARD_ACTIVITY", "card"): ("gift_card_id", "An activity of a card that Square does not list any more."),
    ("GIFT_CARD_ACTIVITY", "type"): (
        "type",
        "An activity of a kind that is not known: what it moved is told from the balance after it.",
    ),
    ("GIFT_CARD_ACTIVITY", "uncounted"): (
        "redeem_activity_details.status",
        "A redemption that was not completed: it moved nothing.",
    ),
    ("GIFT_CARD_ACTIVITY", "no_change"): (
        "type",
        "Blocking, unblocking and deactivating move no money: the card's state says what came of it.",
    ),
    ("TEAM_MEMBER", "places"): (
        "assigned_locations.location_ids",
        "Square does not say where this person works: assigned here only where they have worked in the last months.",
    ),
    ("TEAM_MEMBER", "status"): ("status", "A status that is not known: the person is carried over as inactive."),
    ("TEAM_MEMBER", "wage_differs"): (
        "wage_setting.job_assignments[].hourly_rate",
        "The list of wages shows another hourly wage for the same job; the person's own wage setting is kept.",
    ),
    ("TEAM_MEMBER", "wage_only"): (
        "wage_setting.job_assignments",
        "The list of wages shows a job that the person's own wage setting does not; the wage setting is kept.",
    ),
    ("TEAM_MEMBER", "currency"): ("wage_setting", "A wage in another currency than the location's is not kept."),
    ("TIMECARD", "staff"): ("team_member_id", "Time worked by somebody whom Square does not list any more."),
    ("TIMECARD", "currency"): ("wage", "An amount in another currency than the location's is not kept."),
    ("BREAK_TYPE", "whole"): (
        "break_type",
        "Kinds of break have no place in AuraConnect; the breaks taken keep their names.",
    ),
}
"""(kind of record, reason) → the field it concerns and the note."""
