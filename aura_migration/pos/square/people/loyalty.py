"""Loyalty: the programme and what points buy, accounts, their ledgers, and rewards taken out but not used.

Balances are Square's own; events explain them. Square API reference, section 9.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Any

from aura_migration.archive.snapshot import SnapshotReader
from aura_migration.canonical.model import Batch, Loss
from aura_migration.canonical.seals import Seals
from aura_migration.core.ids import path
from aura_migration.core.money import minor_digits
from aura_migration.pos.square.people.packs import Packs
from aura_migration.pos.square.people.rewards import Taken, load_taken
from aura_migration.pos.square.people.stored import Found, newest, once, pages, typed, usable, when
from aura_migration.pos.square.people.wire import Account, AccrualRule, Event, Program, Reward, Tier
from aura_migration.pos.square.wire import decode

NAME = "Square Loyalty"
ACCRUAL = {"SPEND": "spend", "VISIT": "visits", "ITEM_VARIATION": "items", "CATEGORY": "items"}
MOVES = {
    "ACCUMULATE_POINTS": ("earned", 1, "Points earned"),
    "ACCUMULATE_PROMOTION_POINTS": ("earned", 1, "Points earned by a promotion"),
    "CREATE_REWARD": ("redeemed", -1, "Reward taken out"),
    "REDEEM_REWARD": ("redeemed", 0, "Reward used"),
    "DELETE_REWARD": ("returned", 1, "Reward given back"),
    "ADJUST_POINTS": ("adjusted", None, "Points adjusted by the restaurant"),
    "EXPIRE_POINTS": ("expired", -1, "Points expired"),
    "OTHER": ("adjusted", None, "Other movement"),
}
"""Type of event → transaction, sign of the points (None: as sent), and the reason shown."""
OPENING = "Balance before the movements Square shows"
_E164 = re.compile(r"^\+[1-9]\d{6,14}$")


def map_loyalty(
    reader: SnapshotReader, packs: Packs, seals: Seals, known: Mapping[str, int], currency: str
) -> Iterator[Batch]:
    """Rows of the programme, its accounts and ledgers; ``known`` are the profiles that have a row."""
    tiers = _programs(reader, packs, currency)
    balances: dict[str, int] = {}
    yield from _accounts(reader, packs, seals, known, balances)
    yield from _rewards(reader, packs, tiers)
    yield from _ledgers(reader, packs, balances)


def _programs(reader: SnapshotReader, packs: Packs, currency: str) -> dict[str, Tier]:
    """Rows of the programme and its tiers; the tiers by id."""
    tiers: dict[str, Tier] = {}
    taken: Taken | None = None
    for body in reader.bodies("loyalty_program"):
        document = decode(body.data)
        for promotion in document.get("loyalty_promotions") or ():
            if promotion.get("status") in ("ACTIVE", "SCHEDULED"):
                packs.loss(_promotion(promotion))
        raw = document.get("program")
        if not isinstance(raw, Mapping):
            continue
        program = typed(raw, Program)
        if isinstance(program, str):
            packs.unreadable("loyalty_programs", "loyalty_program", raw, program)
            continue
        packs.fields("LOYALTY_PROGRAM", [raw])
        _program(packs, program, raw, currency)
        taken = taken or load_taken(reader)
        for tier in program.reward_tiers or ():
            tiers[tier.id] = tier
            _template(packs, program, tier, taken, currency)
    return tiers


def _program(packs: Packs, program: Program, raw: Mapping[str, Any], currency: str) -> None:
    rules = program.accrual_rules or []
    kinds = {ACCRUAL.get(rule.accrual_type or "", "unknown") for rule in rules}
    words = program.terminology
    names = ("accrual_rules", "expiration_policy", "location_ids")
    packs.add(
        "loyalty_programs",
        program.id,
        raw,
        f"loyalty_program#{program.id}",
        name=NAME,
        accrual_type=kinds.pop() if len(kinds) == 1 else ("points" if kinds else "unknown"),
        points_per_dollar=_per_dollar(rules, currency),
        unit_name=(words.one if words else None) or None,
        unit_name_plural=(words.other if words else None) or None,
        rules={name: raw[name] for name in names if raw.get(name)} or None,
        is_active=program.status == "ACTIVE",
    )


def _per_dollar(rules: list[AccrualRule], currency: str) -> str | None:
    """Points per unit of the currency, of a programme with one rule of spending."""
    spend = [rule for rule in rules if rule.accrual_type == "SPEND"]
    money = spend[0].spend_data.amount_money if len(spend) == 1 and spend[0].spend_data is not None else None
    if money is None or not money.amount or spend[0].points is None:
        return None
    points = Decimal(spend[0].points) * 10 ** minor_digits(money.code or currency) / Decimal(money.amount)
    rounded = points.quantize(Decimal("0.000001"), ROUND_HALF_EVEN).normalize()
    return format(rounded, "f")


def _template(packs: Packs, program: Program, tier: Tier, taken: Taken, currency: str) -> None:
    reference = tier.pricing_rule_reference
    what = taken.of(reference, currency)
    if what.reward_type == "custom":
        packs.note("LOYALTY_PROGRAM", "tier_unknown", tier.id)
    elif what.has_scope:
        packs.note("LOYALTY_PROGRAM", "tier_scope", tier.id)
    packs.add(
        "reward_templates",
        tier.id,
        None,
        f"loyalty_program#{program.id}",
        program_key=program.id,
        name=tier.name or f"Reward for {tier.points or 0} points",
        reward_type=what.reward_type,
        value_cents=what.value_cents,
        percentage=what.percentage,
        max_discount_cents=what.max_discount_cents,
        points_cost=tier.points,
        rules=what.rules or None,
        is_active=program.status == "ACTIVE",
    )


def _promotion(raw: Mapping[str, Any]) -> Loss:
    name = raw.get("name") or "Promotion"
    note = f"The promotion {name!r} (extra points) has no place in AuraConnect; it ends with Square's programme."
    return Loss("LOYALTY_PROMOTION", "incentive", 1, note, (str(raw.get("id", "")),))


def _accounts(
    reader: SnapshotReader, packs: Packs, seals: Seals, known: Mapping[str, int], balances: dict[str, int]
) -> Iterator[Batch]:
    """Rows of the accounts; their balances are noted in ``balances``."""
    counted = newest(reader, "loyalty_accounts", "loyalty_accounts")
    for page in pages(reader, "loyalty_accounts", "loyalty_accounts"):
        live = [found for found in page if _counts(found, counted)]
        packs.fields("LOYALTY_ACCOUNT", (found.raw for found in live))
        for found in live:
            account = typed(found.raw, Account)
            if isinstance(account, str) or not usable(account.id):
                why = account if isinstance(account, str) else "it has no usable id"
                packs.unreadable("loyalty_accounts", "loyalty_accounts", found.raw, why, found.number)
                continue
            _account(packs, seals, known, account, found.raw)
            balances[account.id] = account.balance or 0
        yield from packs.full()


def _account(packs: Packs, seals: Seals, known: Mapping[str, int], account: Account, raw: Mapping[str, Any]) -> None:
    phone = (account.mapping.phone_number if account.mapping is not None else None) or ""
    claim = seals.claim(phone) if _E164.match(phone) else None
    holder = account.customer_id if account.customer_id in known else None
    if holder is None:
        packs.note("LOYALTY_ACCOUNT", "holder", account.id)
    if claim is None:
        packs.note("LOYALTY_ACCOUNT", "phone", account.id)
    deadlines = [
        {"points": deadline.points or 0, "expires_at": when(deadline.expires_at)}
        for deadline in account.expiring_point_deadlines or ()
    ]
    packs.add(
        "loyalty_accounts",
        account.id,
        raw,
        f"loyalty_accounts#{account.id}",
        program_key=account.program_id,
        customer_key=holder,
        claim_hash=claim.claim_hash if claim is not None else None,
        hash_key_id=claim.hash_key_id if claim is not None else None,
        balance_points=account.balance or 0,
        lifetime_points=account.lifetime_points,
        status="pending",
        enrolled_at=when(account.enrolled_at or account.created_at),
        expirations=deadlines or None,
    )


def _rewards(reader: SnapshotReader, packs: Packs, tiers: Mapping[str, Tier]) -> Iterator[Batch]:
    """Rewards taken out and not used yet; used and returned ones stand in the ledgers."""
    counted = newest(reader, "loyalty_rewards", "rewards")
    for page in pages(reader, "loyalty_rewards", "rewards"):
        still_open: list[Mapping[str, Any]] = []
        for found in page:
            if not _counts(found, counted):
                continue
            reward = typed(found.raw, Reward)
            if isinstance(reward, str) or not usable(reward.id):
                why = reward if isinstance(reward, str) else "it has no usable id"
                packs.unreadable("customer_rewards", "loyalty_rewards", found.raw, why, found.number)
                continue
            if reward.status in ("REDEEMED", "DELETED"):
                continue
            record = f"loyalty_rewards#{reward.id}"
            if reward.status != "ISSUED":
                reason = "The reward has a status that is not known; whether it is still open has to be decided."
                packs.reject("customer_rewards", reward.id, reason, record)
                continue
            still_open.append(found.raw)
            tier = tiers.get(reward.reward_tier_id or "")
            if tier is None and tiers:
                packs.note("LOYALTY_REWARD", "tier", reward.id)
            packs.add(
                "customer_rewards",
                reward.id,
                found.raw,
                record,
                loyalty_account_key=reward.loyalty_account_id,
                template_key=tier.id if tier is not None else None,
                title=(tier.name if tier is not None else None) or f"Reward for {reward.points or 0} points",
                points_cost=reward.points,
                status="available",
                issued_at=when(reward.created_at),
            )
        packs.fields("LOYALTY_REWARD", still_open)
        yield from packs.full()


def _ledgers(reader: SnapshotReader, packs: Packs, balances: dict[str, int]) -> Iterator[Batch]:
    """Movements newest first, from the present balance backwards; what they leave unexplained is the opening balance."""
    after = dict(balances)
    moved: set[str] = set()
    for page in once(reader, "loyalty_events", "events"):
        for raw in page:
            event = typed(raw, Event)
            if isinstance(event, str) or not usable(event.id):
                why = event if isinstance(event, str) else "it has no usable id"
                packs.unreadable("loyalty_transactions", "loyalty_events", raw, why)
                continue
            if event.loyalty_account_id not in after:
                packs.note("LOYALTY_EVENT", "account", event.id)
                continue
            moved.add(event.loyalty_account_id)
            _movement(packs, event, after)
        yield from packs.full()
    for account, opening in after.items():
        if not opening:
            continue
        if account in moved:
            packs.note("LOYALTY_EVENT", "unexplained", account)
        packs.add(
            "loyalty_transactions",
            path(account, "opening"),
            None,
            f"loyalty_accounts#{account}",
            loyalty_account_key=account,
            transaction_type="opening_balance",
            points_change=opening,
            points_balance_before=0,
            points_balance_after=opening,
            reason=OPENING,
        )
        yield from packs.full()


def _movement(packs: Packs, event: Event, after: dict[str, int]) -> None:
    account = event.loyalty_account_id
    if event.type not in MOVES:
        packs.note("LOYALTY_EVENT", "type", event.id)
    kind, sign, reason = MOVES.get(event.type, ("adjusted", None, "Movement of a kind that is not known"))
    details = event.details
    points = (details.points if details is not None else None) or 0
    change = points if sign is None else sign * abs(points)
    balance = after[account]
    after[account] = balance - change
    if event.location_id:
        packs.note("LOYALTY_EVENT", "location", event.id)
    packs.add(
        "loyalty_transactions",
        path(account, event.id),
        None,
        f"loyalty_events#{event.id}",
        loyalty_account_key=account,
        transaction_type=kind,
        points_change=change,
        points_balance_before=balance - change,
        points_balance_after=balance,
        reason=reason,
        reference_id=((details.order_id or details.reward_id) if details is not None else None) or None,
        occurred_at=when(event.created_at),
    )


def _counts(found: Found, counted: Mapping[str, int]) -> bool:
    """Whether this is the one record of its id that counts, or has no id to tell by."""
    ident = found.raw.get("id")
    return not usable(ident) or counted.get(str(ident)) == found.number
