"""Points of the POS become points of AuraConnect: balance × factor, rounded, at most the cap; with a preview of who loses.

Everything counted in points is converted with the same factor: balances, lifetime points, expiries, what rewards cost and
what is earned per dollar. Running balances of a ledger are converted one by one, so that no rounding adds up; what the cap
takes away is taken from the opening balance.
"""

from __future__ import annotations

from decimal import ROUND_DOWN, ROUND_HALF_UP, ROUND_UP, Decimal
from typing import Any

import psycopg

from aura_migration.canonical.options import LoyaltyConversion
from aura_migration.canonical.persons.tables import LISTED, many, one

Connection = psycopg.Connection[Any]
ROUNDINGS = {"down": ROUND_DOWN, "half_up": ROUND_HALF_UP, "up": ROUND_UP}
"""Down is towards zero, also for a negative balance; up away from it."""
OPENING_REASON = "Difference between the POS's balance and the balance taken over (cap of the conversion)"


def converted(points: int, rule: LoyaltyConversion) -> int:
    """A balance after conversion; a negative one stays negative."""
    exact = (points * rule.multiply).quantize(Decimal(1), rounding=ROUNDINGS[rule.rounding])
    return int(exact) if rule.cap is None else min(int(exact), rule.cap)


def is_conversion(rule: LoyaltyConversion) -> bool:
    """Whether the rule can change anything."""
    return rule.multiply != 1 or rule.cap is not None


def convert_points(connection: Connection, rule: LoyaltyConversion) -> dict[str, Any]:
    """Convert everything staged in points; returns the preview of who would lose what.

    ``{"rule", "accounts", "losing", "points_lost": {cause: total}, "accounts_losing": [{"key", "before", "after", "lost",
    "causes"}]}``; ``before`` in points of the POS, ``after`` and ``lost`` in AuraConnect's, the largest losses first.
    """
    report: dict[str, Any] = {
        "rule": rule.model_dump(mode="json"),
        "accounts": one(
            connection, "SELECT count(*) FROM people_rows WHERE entity = 'loyalty_accounts' AND verdict IS NULL"
        ),
        "losing": 0,
        "points_lost": {},
        "accounts_losing": [],
    }
    if not is_conversion(rule):
        return report
    arguments = {"factor": rule.multiply, "cap": rule.cap}
    report |= _preview(connection, rule, arguments)
    _ledgers(connection, rule, arguments)
    _accounts(connection, rule, arguments)
    if rule.multiply != 1:
        _prices(connection, rule, arguments)
    return report


def _rounded(points: str, rule: LoyaltyConversion) -> str:
    """SQL: points of the POS in AuraConnect's, before any cap."""
    exact = f"(({points})::numeric * %(factor)s::numeric)"
    if rule.rounding == "down":
        return f"trunc({exact})::bigint"
    if rule.rounding == "up":
        return f"(sign({exact}) * ceil(abs({exact})))::bigint"
    return f"round({exact})::bigint"


def _capped(points: str, rule: LoyaltyConversion) -> str:
    return _rounded(points, rule) if rule.cap is None else f"least({_rounded(points, rule)}, %(cap)s)"


def _preview(connection: Connection, rule: LoyaltyConversion, arguments: dict[str, Any]) -> dict[str, Any]:
    lost = f"""
        SELECT source_key AS key, before, after, least(exact, rounded) - after AS by_cap, greatest(exact - rounded, 0) AS by_rounding
        FROM (SELECT source_key, (content ->> 'balance_points')::bigint AS before,
                     (content ->> 'balance_points')::numeric * %(factor)s::numeric AS exact,
                     {_rounded("content ->> 'balance_points'", rule)} AS rounded,
                     {_capped("content ->> 'balance_points'", rule)} AS after
              FROM people_rows WHERE entity = 'loyalty_accounts' AND verdict IS NULL) c
        WHERE exact > after
    """
    ((number, by_cap, by_rounding),) = many(
        connection,
        f"SELECT count(*), coalesce(sum(by_cap), 0), coalesce(sum(by_rounding), 0) FROM ({lost}) l",
        arguments,
    )
    listed = many(
        connection,
        f"SELECT key, before, after, by_cap, by_rounding FROM ({lost}) l "
        f"ORDER BY by_cap + by_rounding DESC, key LIMIT {LISTED}",
        arguments,
    )
    return {
        "losing": number,
        "points_lost": {"cap": _plain(by_cap), "rounding": _plain(by_rounding), "total": _plain(by_cap + by_rounding)},
        "accounts_losing": [
            {
                "key": key,
                "before": before,
                "after": after,
                "lost": _plain(cap + rounding),
                "causes": [name for name, points in (("cap", cap), ("rounding", rounding)) if points > 0],
            }
            for key, before, after, cap, rounding in listed
        ],
    }


def _plain(number: Any) -> str:
    text = f"{Decimal(number):f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def _ledgers(connection: Connection, rule: LoyaltyConversion, arguments: dict[str, Any]) -> None:
    """Every running balance converted, less what the cap takes: that is missing from the opening balance on."""
    taken = (
        f"{_capped('a.content ->> $$balance_points$$', rule)} - {_rounded('a.content ->> $$balance_points$$', rule)}"
    )
    accounts = f"""
        SELECT a.source_key AS account, {taken} AS taken FROM people_rows a
        WHERE a.entity = 'loyalty_accounts' AND a.verdict IS DISTINCT FROM 'skip'
          AND jsonb_typeof(a.content -> 'balance_points') = 'number'
    """
    connection.execute(
        f"""
        INSERT INTO people_rows (n, entity, source_key, content, source_hash, record, verdict, reasons, is_rejected,
                                 is_corrected, is_mapped_role)
        SELECT min(t.n), 'loyalty_transactions', c.account || '/opening', jsonb_build_object(
                   'loyalty_account_key', c.account, 'transaction_type', 'opening_balance', 'points_change', 0,
                   'points_balance_before', 0, 'points_balance_after', 0, 'reason', %(reason)s::text),
               encode(sha256(convert_to(c.account, 'UTF8')), 'hex'), min(t.record), NULL, '{{}}', false, false, false
        FROM ({accounts}) c JOIN people_rows t
          ON t.entity = 'loyalty_transactions' AND t.content ->> 'loyalty_account_key' = c.account
        WHERE c.taken <> 0 GROUP BY c.account
        HAVING NOT bool_or(t.content ->> 'transaction_type' = 'opening_balance' OR t.source_key = c.account || '/opening')
        """,
        {**arguments, "reason": OPENING_REASON},
    )
    before = (
        "CASE WHEN t.content ->> 'transaction_type' = 'opening_balance' THEN "
        f"{_rounded('t.content ->> $$points_balance_before$$', rule)} "
        f"ELSE {_rounded('t.content ->> $$points_balance_before$$', rule)} + c.taken END"
    )
    after = f"{_rounded('t.content ->> $$points_balance_after$$', rule)} + c.taken"
    connection.execute(
        f"""
        UPDATE people_rows r SET content = r.content || jsonb_build_object(
            'points_balance_before', x.before, 'points_balance_after', x.after, 'points_change', x.after - x.before)
        FROM (SELECT t.source_key, {before} AS before, {after} AS after
              FROM people_rows t JOIN ({accounts}) c ON c.account = t.content ->> 'loyalty_account_key'
              WHERE t.entity = 'loyalty_transactions' AND t.verdict IS NULL) x
        WHERE r.entity = 'loyalty_transactions' AND r.source_key = x.source_key
        """,
        arguments,
    )


def _accounts(connection: Connection, rule: LoyaltyConversion, arguments: dict[str, Any]) -> None:
    balance, after = "r.content ->> 'balance_points'", _capped("r.content ->> 'balance_points'", rule)
    lifetime = _rounded("r.content ->> 'lifetime_points'", rule)
    expiring = _rounded("e.value ->> 'points'", rule)
    connection.execute(
        f"""
        UPDATE people_rows r SET content = r.content || jsonb_build_object(
            'balance_points', {after},
            'source_balance', CASE WHEN {after} <> ({balance})::bigint THEN to_jsonb({balance}) ELSE r.content -> 'source_balance' END,
            'lifetime_points', {lifetime},
            'expirations', CASE WHEN jsonb_typeof(r.content -> 'expirations') = 'array' THEN (
                SELECT jsonb_agg(CASE WHEN jsonb_typeof(e.value -> 'points') = 'number'
                                      THEN e.value || jsonb_build_object('points', {expiring}) ELSE e.value END ORDER BY e.ordinality)
                FROM jsonb_array_elements(r.content -> 'expirations') WITH ORDINALITY e(value, ordinality)) END)
        WHERE r.entity = 'loyalty_accounts' AND r.verdict IS NULL
        """,
        arguments,
    )


def _prices(connection: Connection, rule: LoyaltyConversion, arguments: dict[str, Any]) -> None:
    """What points buy and how they are earned, in the same unit as the balances."""
    connection.execute(
        f"""
        UPDATE people_rows r SET content = r.content || jsonb_build_object(
            'points_cost', {_rounded("r.content ->> 'points_cost'", rule)})
        WHERE r.entity IN ('reward_templates', 'customer_rewards') AND r.verdict IS NULL AND r.content ->> 'points_cost' IS NOT NULL
        """,
        arguments,
    )
    connection.execute(
        """
        UPDATE people_rows r SET content = r.content || jsonb_build_object(
            'points_per_dollar', trim_scale((r.content ->> 'points_per_dollar')::numeric * %(factor)s::numeric)::text)
        WHERE r.entity = 'loyalty_programs' AND r.verdict IS NULL AND r.content ->> 'points_per_dollar' IS NOT NULL
        """,
        arguments,
    )
