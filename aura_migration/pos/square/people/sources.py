"""What of people can be read out of a Square account, with the permission it needs and what it feeds; and what of it is
never stored as it was sent.

How the lists are read is in ``extract.py``.
"""

from __future__ import annotations

from collections.abc import Mapping

from aura_migration.pos.port import SourceEntity

PROFILES = ("customers", "customer_addresses", "customer_consents")

PEOPLE: tuple[SourceEntity, ...] = (
    SourceEntity(
        "customers",
        "merchant",
        "CUSTOMERS_READ",
        PROFILES,
        doc="The customer directory: every profile with a name, an e-mail address or a phone number.",
    ),
    SourceEntity(
        "customer_groups", "merchant", "CUSTOMERS_READ", PROFILES, doc="Groups the seller sorts customers into."
    ),
    SourceEntity(
        "customer_segments", "merchant", "CUSTOMERS_READ", PROFILES, doc="Groups Square sorts customers into."
    ),
    SourceEntity(
        "customer_attributes",
        "merchant",
        "CUSTOMERS_READ",
        (),
        required=False,
        doc="Fields of the seller's own on customers, read profile by profile as far as that is feasible.",
    ),
    SourceEntity(
        "cards_on_file",
        "merchant",
        "PAYMENTS_READ",
        (),
        required=False,
        doc="Which customers have a card on file; nothing of the card itself is kept.",
    ),
    SourceEntity(
        "loyalty_program",
        "merchant",
        "LOYALTY_READ",
        ("loyalty_programs", "reward_templates"),
        doc="The loyalty programme, its promotions, and what its reward tiers take off.",
    ),
    SourceEntity(
        "loyalty_accounts",
        "merchant",
        "LOYALTY_READ",
        ("loyalty_accounts",),
        doc="Balances of points, by phone number.",
    ),
    SourceEntity("loyalty_events", "merchant", "LOYALTY_READ", ("loyalty_transactions",), doc="What moved the points."),
    SourceEntity(
        "loyalty_rewards",
        "merchant",
        "LOYALTY_READ",
        ("customer_rewards",),
        doc="Rewards taken out, used or given back.",
    ),
    SourceEntity(
        "gift_cards",
        "merchant",
        "GIFTCARDS_READ",
        ("gift_cards", "gift_card_transactions"),
        doc="Gift cards with their balances, in every state.",
    ),
    SourceEntity(
        "gift_card_activities",
        "merchant",
        "GIFTCARDS_READ",
        ("gift_card_transactions",),
        doc="What moved the balances of gift cards, since the beginning.",
    ),
    SourceEntity(
        "team",
        "merchant",
        "EMPLOYEES_READ",
        ("staff", "staff_jobs", "staff_locations", "timecards"),
        doc="Everybody who works or worked here, with their jobs and wages.",
    ),
    SourceEntity("jobs", "merchant", "EMPLOYEES_READ", ("roles", "staff_jobs"), doc="The jobs there are."),
    SourceEntity("wages", "merchant", "EMPLOYEES_READ", ("staff_jobs",), doc="Wages by person and job."),
    SourceEntity(
        "timecards",
        "location",
        "TIMECARDS_READ",
        ("timecards",),
        doc="Time worked at one location in the last twelve months.",
    ),
    SourceEntity(
        "break_types",
        "location",
        "TIMECARDS_SETTINGS_READ",
        (),
        required=False,
        doc="The kinds of break a location knows.",
    ),
)

DROP: Mapping[str, tuple[str, ...]] = {
    "customers": ("customers[].tax_ids",),
    "cards_on_file": tuple(
        f"cards[].{name}"
        for name in (
            "id",
            "card_brand",
            "last_4",
            "exp_month",
            "exp_year",
            "cardholder_name",
            "billing_address",
            "fingerprint",
            "merchant_id",
            "reference_id",
            "card_type",
            "prepaid_type",
            "bin",
            "version",
            "card_co_brand",
            "issuer_alert",
            "issuer_alert_at",
            "hsa_fsa",
        )
    ),
    "loyalty_events": ("events[].adjust_points.reason",),
    "gift_card_activities": (
        "gift_card_activities[].gift_card_gan",
        "gift_card_activities[].*.buyer_payment_instrument_ids",
    ),
}
"""Cut out before anything is stored: secrets, and what a person typed where nobody needs it."""

_CUSTOMER = (
    "given_name",
    "family_name",
    "nickname",
    "company_name",
    "email_address",
    "phone_number",
    "address",
    "birthday",
    "reference_id",
    "note",
)
_MEMBER = ("given_name", "family_name", "email_address", "phone_number", "reference_id")
_WAGE = ("hourly_rate", "annual_rate")

PERSONAL: Mapping[str, tuple[tuple[str, str], ...]] = {
    "customers": tuple((f"customers[].{name}", "customers[].id") for name in _CUSTOMER),
    "customer_attributes": (("customers[].custom_attributes[].value", "customers[].customer_id"),),
    "loyalty_accounts": (("loyalty_accounts[].mapping.phone_number", "loyalty_accounts[].customer_id"),),
    "gift_cards": (("gift_cards[].gan", "gift_cards[].id"),),
    "team": (
        *((f"team_members[].{name}", "team_members[].id") for name in _MEMBER),
        *((f"team_members[].wage_setting.job_assignments[].{name}", "team_members[].id") for name in _WAGE),
    ),
    "wages": (("team_member_wages[].hourly_rate", "team_member_wages[].team_member_id"),),
    "timecards": (("timecards[].wage.hourly_rate", "timecards[].team_member_id"),),
}
"""Encrypted with a key of the person's own, so that erasing the key erases what is stored."""

FREE_TEXT: Mapping[str, tuple[str, ...]] = {
    "customers": ("customers[].note", "customers[].reference_id"),
    "customer_attributes": ("customers[].custom_attributes[].value",),
    "team": ("team_members[].reference_id",),
}
"""Of these, texts in which people type what they should not: secrets in them are cut out first."""
