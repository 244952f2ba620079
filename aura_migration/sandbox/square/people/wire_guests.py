"""Square's JSON of customers, loyalty and gift cards, made from the meaning in `model.py`.

The sender's habits are those of the rest of the wire: nothing is null, no list is empty, timestamps have between zero
and nine fractional digits.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from typing import Any

from aura_migration.sandbox.square.people.model import (
    Account,
    AccrualRule,
    Activity,
    AttributeDefinition,
    CardOnFile,
    Customer,
    GiftCard,
    Label,
    LoyaltyEvent,
    Program,
    Promotion,
    Reward,
    Tier,
)
from aura_migration.sandbox.square.wire import compact, instant, money

EVENT_DETAILS = {
    "ACCUMULATE_POINTS": "accumulate_points",
    "ACCUMULATE_PROMOTION_POINTS": "accumulate_promotion_points",
    "CREATE_REWARD": "create_reward",
    "REDEEM_REWARD": "redeem_reward",
    "DELETE_REWARD": "delete_reward",
    "ADJUST_POINTS": "adjust_points",
    "EXPIRE_POINTS": "expire_points",
    "OTHER": "other_event",
}
SCHEMAS = "https://developer-production-s.squarecdn.com/schemas/v1/common.json#squareup.common."


def unheard_of(row_id: str, value: str, switches: Mapping[str, Any]) -> str:
    """An enum value; with the switch `unknown_enums` every seventh is one that no document knows."""
    if switches["unknown_enums"] and zlib.crc32(row_id.encode()) % 7 == 0:
        return f"{value}_NEXT"
    return value


def customer_json(customer: Customer, switches: Mapping[str, Any]) -> dict[str, Any]:
    """A Customer."""
    said = customer.unsubscribed
    return compact(
        {
            "id": customer.id,
            "created_at": instant(customer.created, customer.id + "c"),
            "updated_at": instant(customer.updated, customer.id),
            "given_name": customer.given,
            "family_name": customer.family,
            "nickname": customer.nickname,
            "company_name": customer.company,
            "email_address": customer.email,
            "address": customer.address,
            "phone_number": customer.phone,
            "birthday": customer.birthday,
            "reference_id": customer.reference_id,
            "note": customer.note,
            "preferences": None if said is None else {"email_unsubscribed": said},
            "creation_source": unheard_of(customer.id, customer.source, switches),
            "group_ids": customer.group_ids,
            "segment_ids": customer.segment_ids,
            "version": customer.version,
            "tax_ids": {"eu_vat": customer.eu_vat} if customer.eu_vat else None,
            **customer.extra,
        }
    )


def label_json(label: Label) -> dict[str, Any]:
    """A CustomerGroup or CustomerSegment."""
    return {
        "id": label.id,
        "name": label.name,
        "created_at": instant(label.created, label.id + "c"),
        "updated_at": instant(label.updated, label.id),
    }


def definition_json(definition: AttributeDefinition) -> dict[str, Any]:
    """A CustomAttributeDefinition; a selection lists its choices in the schema."""
    schema: dict[str, Any] = {"$ref": SCHEMAS + definition.kind}
    if definition.kind == "Selection":
        names = [name for _, name in definition.choices]
        items = {"names": names, "enum": [uid for uid, _ in definition.choices]}
        schema = {"$schema": SCHEMAS.partition("#")[0], "type": "array", "uniqueItems": True, "items": items}
    return {
        "key": definition.key,
        "schema": schema,
        "name": definition.name,
        "description": definition.description,
        "visibility": "VISIBILITY_READ_WRITE_VALUES",
        "version": 1,
        "updated_at": instant(definition.stamp, definition.key),
        "created_at": instant(definition.stamp, definition.key + "c"),
    }


def attribute_json(customer: Customer, definition: AttributeDefinition, with_definition: bool) -> dict[str, Any]:
    """A CustomAttribute of a customer."""
    row = {
        "key": definition.key,
        "value": customer.attributes[definition.key],
        "version": 1,
        "visibility": "VISIBILITY_READ_WRITE_VALUES",
        "updated_at": instant(customer.updated, customer.id + definition.key),
        "created_at": instant(customer.updated, customer.id + definition.key + "c"),
    }
    return {**row, "definition": definition_json(definition)} if with_definition else row


def card_on_file_json(card: CardOnFile, merchant_id: str, newer: bool) -> dict[str, Any]:
    """A Card; newer versions tell when it was made and disabled."""
    times: dict[str, Any] = {}
    if newer:
        times["created_at"] = instant(card.created, card.id)
        times["disabled_at"] = instant(card.disabled, card.id) if card.disabled is not None else None
    return compact(
        {
            "id": card.id,
            "card_brand": card.brand,
            "last_4": card.last_4,
            "exp_month": card.exp_month,
            "exp_year": card.exp_year,
            "cardholder_name": card.holder,
            "billing_address": {"postal_code": card.postal_code} if card.postal_code else None,
            "fingerprint": card.fingerprint,
            "customer_id": card.customer_id,
            "merchant_id": merchant_id,
            "reference_id": card.reference_id,
            "enabled": card.enabled,
            "card_type": "CREDIT",
            "prepaid_type": "NOT_PREPAID",
            "bin": card.bin,
            "version": card.version,
            **times,
        }
    )


# -- loyalty ---------------------------------------------------------------------------------------------------------


def program_json(program: Program, status: str, currency: str) -> dict[str, Any]:
    """The LoyaltyProgram, in a status the account's switch may have decided."""
    months = program.expires_months
    return compact(
        {
            "id": program.id,
            "status": status,
            "reward_tiers": [_tier(tier) for tier in program.tiers],
            "expiration_policy": {"expiration_duration": f"P{months}M"} if months else None,
            "terminology": {"one": program.one, "other": program.other},
            "location_ids": program.location_ids,
            "created_at": instant(program.created, program.id + "c"),
            "updated_at": instant(program.updated, program.id),
            "accrual_rules": [_rule(rule, currency) for rule in program.rules],
        }
    )


def _tier(tier: Tier) -> dict[str, Any]:
    # This int64 is a text on the wire.
    reference = {"object_id": tier.rule_id, "catalog_version": str(tier.catalog_version)}
    return {
        "id": tier.id,
        "points": tier.points,
        "name": tier.name,
        "created_at": instant(tier.created, tier.id),
        "pricing_rule_reference": reference,
    }


def _rule(rule: AccrualRule, currency: str) -> dict[str, Any]:
    mode = "BEFORE_TAX" if rule.before_tax else "AFTER_TAX"
    row: dict[str, Any] = {"accrual_type": rule.kind, "points": rule.points}
    if rule.kind == "VISIT":
        row["visit_data"] = compact({"minimum_amount_money": money(rule.cents, currency), "tax_mode": mode})
    elif rule.kind == "SPEND":
        row["spend_data"] = compact(
            {
                "amount_money": money(rule.cents, currency),
                "excluded_category_ids": rule.excluded_categories,
                "excluded_item_variation_ids": rule.excluded_variations,
                "tax_mode": mode,
            }
        )
    elif rule.kind == "ITEM_VARIATION":
        row["item_variation_data"] = {"item_variation_id": rule.object_id}
    else:
        row["category_data"] = {"category_id": rule.object_id}
    return row


def account_json(account: Account, program_id: str) -> dict[str, Any]:
    """A LoyaltyAccount."""
    return compact(
        {
            "id": account.id,
            "program_id": program_id,
            "balance": account.balance,
            "lifetime_points": account.lifetime,
            "customer_id": account.customer_id,
            "enrolled_at": instant(account.enrolled, account.id + "e") if account.enrolled is not None else None,
            "created_at": instant(account.created, account.id + "c"),
            "updated_at": instant(account.updated, account.id),
            "mapping": {
                "id": account.mapping_id,
                "created_at": instant(account.created, account.mapping_id),
                "phone_number": account.e164,
            },
            "expiring_point_deadlines": [
                {"points": points, "expires_at": instant(stamp, account.id + "d")}
                for points, stamp in account.deadlines
            ],
        }
    )


def event_json(event: LoyaltyEvent, program_id: str, switches: Mapping[str, Any]) -> dict[str, Any]:
    """A LoyaltyEvent. Signs of DELETE_REWARD and EXPIRE_POINTS are not confirmed and follow their switches."""
    points: int | None = event.points
    if event.kind == "REDEEM_REWARD":
        points = None
    elif event.kind == "DELETE_REWARD":
        points = abs(event.points) * (1 if switches["delete_reward_points"] == "positive" else -1)
    elif event.kind == "EXPIRE_POINTS":
        points = abs(event.points) * (1 if switches["expire_points_points"] == "positive" else -1)
    details = {
        "loyalty_program_id": program_id,
        "loyalty_promotion_id": event.promotion_id,
        "reward_id": event.reward_id,
        "points": points,
        "order_id": event.order_id,
        "reason": event.reason,
    }
    return compact(
        {
            "id": event.id,
            "type": unheard_of(event.id, event.kind, switches),
            "created_at": instant(event.created, event.id),
            EVENT_DETAILS[event.kind]: compact(details),
            "loyalty_account_id": event.account_id,
            "location_id": event.location_id,
            "source": event.source,
        }
    )


def reward_json(reward: Reward) -> dict[str, Any]:
    """A LoyaltyReward."""
    return compact(
        {
            "id": reward.id,
            "status": reward.status,
            "loyalty_account_id": reward.account_id,
            "reward_tier_id": reward.tier_id,
            "points": reward.points,
            "order_id": reward.order_id,
            "created_at": instant(reward.created, reward.id + "c"),
            "updated_at": instant(reward.updated, reward.id),
            "redeemed_at": instant(reward.redeemed, reward.id + "r") if reward.redeemed is not None else None,
        }
    )


def promotion_json(promotion: Promotion, program_id: str, currency: str) -> dict[str, Any]:
    """A LoyaltyPromotion; a multiplier is sent as the text and as the older integer."""
    if promotion.multiplier is not None:
        data: dict[str, Any] = {"multiplier": promotion.multiplier}
        if promotion.multiplier.endswith(".0"):
            data["points_multiplier"] = int(promotion.multiplier[:-2])
        incentive = {"type": "POINTS_MULTIPLIER", "points_multiplier_data": data}
    else:
        data = {"points_addition": promotion.addition}
        incentive = {"type": "POINTS_ADDITION", "points_addition_data": data}
    limit = {"times": promotion.times, "interval": promotion.interval} if promotion.times else None
    canceled = promotion.canceled
    times = {"start_date": promotion.start, "end_date": promotion.end, "time_periods": promotion.periods}
    return compact(
        {
            "id": promotion.id,
            "name": promotion.name,
            "incentive": incentive,
            "available_time": compact(times),
            "trigger_limit": limit,
            "status": promotion.status,
            "created_at": instant(promotion.created, promotion.id + "c"),
            "canceled_at": instant(canceled, promotion.id + "x") if canceled is not None else None,
            "updated_at": instant(promotion.updated, promotion.id),
            "loyalty_program_id": program_id,
            "minimum_spend_amount_money": money(promotion.minimum_cents, currency),
            "qualifying_item_variation_ids": promotion.variation_ids,
            "qualifying_category_ids": promotion.category_ids,
        }
    )


# -- gift cards ------------------------------------------------------------------------------------------------------


def gift_card_json(card: GiftCard, currency: str, switches: Mapping[str, Any]) -> dict[str, Any]:
    """A GiftCard."""
    return compact(
        {
            "id": card.id,
            "type": card.kind,
            "gan_source": card.source,
            "state": unheard_of(card.id, card.state, switches),
            "balance_money": money(card.balance, currency),
            "gan": card.gan,
            "created_at": instant(card.created, card.id),
            "customer_ids": card.customer_ids,
        }
    )


def activity_json(activity: Activity, currency: str) -> dict[str, Any]:
    """A GiftCardActivity with the details of its type; amounts are positive whatever they do."""
    other = {"TRANSFER_BALANCE_FROM": "transfer_to_gift_card_id", "TRANSFER_BALANCE_TO": "transfer_from_gift_card_id"}
    details = {
        "amount_money": money(activity.cents, currency),
        "order_id": activity.order_id,
        "payment_id": activity.payment_id,
        "reference_id": activity.reference_id,
        "redeem_activity_id": activity.redeem_id,
        "status": activity.status,
        "reason": activity.reason,
    }
    if activity.kind in other:
        details[other[activity.kind]] = activity.other_card_id
    return {
        "id": activity.id,
        "type": activity.kind,
        "location_id": activity.location_id,
        "created_at": instant(activity.created, activity.id),
        "gift_card_id": activity.card_id,
        "gift_card_gan": activity.gan,
        "gift_card_balance_money": money(activity.balance, currency),
        f"{activity.kind.lower()}_activity_details": compact(details),
    }
