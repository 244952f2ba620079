"""What the assets are: their keys ``[stage, entity]``, descriptions, columns, dependencies and checks.

Plain specs; the ops that make them are in ``assets.py``. No postponed annotations in that module, none needed here.
"""

from __future__ import annotations

from typing import Any

import dagster as dg

from aura_migration.canonical.entities import ALL_ENTITIES
from aura_migration.canonical.history.tables import BY_NAME, tables_of
from aura_migration.canonical.menu import MENU_ENTITIES
from aura_migration.canonical.people import PEOPLE_ENTITIES
from aura_migration.canonical.rules import RULE_ENTITIES
from aura_migration.orchestration import shown
from aura_migration.verify import findings

EXPORTS = ("menu", "people", "history")
"""The assets of the archive."""
HISTORY = {
    "historical_orders": ("order_groups", "orders"),
    "historical_payments": ("payments",),
    "historical_refunds": ("refunds",),
    "historical_payouts": ("payouts",),
    "historical_cash": ("cash_drawer_shifts", "cash_events", "deposits", "house_account_movements"),
}
"""The assets of the past, and the kinds of documents each holds."""
_PAST = {
    "historical_orders": "Checks with lines, modifiers, taxes, discounts and charges, and what several checks share.",
    "historical_payments": "Payments with tips and processing fees, by tender.",
    "historical_refunds": "Money given back, with its lines; credits without a payment.",
    "historical_payouts": "What the processor sent to the bank, entry by entry.",
    "historical_cash": "Cash drawers, cash movements, deposits, movements of house accounts.",
}
CERTIFIED = "every_entity_is_certified_complete"
VERDICTS = {
    "items": (findings.ACCOUNTED, findings.MIGRATED, findings.RECORDS),
    "prices": (findings.PRICES,),
    "modifiers": (findings.MODIFIERS,),
    "rules": (findings.RULES,),
    "customers": (findings.CUSTOMERS, findings.CONSENT),
    "loyalty": (findings.LOYALTY,),
    "gift_cards": (findings.GIFT_CARDS, findings.HOUSE_ACCOUNTS),
    "staff": (findings.STAFF,),
    "historical_orders": (findings.ORDERS, findings.DAILY_SALES, findings.TAX),
    "historical_payments": (findings.PAYMENTS,),
    "pos_reports": (findings.POS_REPORT,),
    "order_replay": (findings.REPLAY,),
    "scorecard": (findings.COMPLETE, findings.EXPORTED, findings.COUNTS, findings.QUARANTINE, findings.DECIDED),
}
"""Which gates of the verdict are shown as checks of which asset."""


MEANINGS = {
    CERTIFIED: "Each required source entity carries a certificate: pages, counts, a second count, no list cut at a cap.",
    findings.QUARANTINE: "No record waits in quarantine for a correction.",
    findings.DECIDED: "No conflict with what AuraConnect has waits for a decision.",
    findings.COMPLETE: "What the verdict is judged against was extracted completely.",
    findings.ACCOUNTED: "Every item of the POS is loaded, unchanged, merged, skipped by a signed reason or in quarantine.",
    findings.MIGRATED: "Every item of the POS that is not left out by a signed decision stands in AuraConnect.",
    findings.RECORDS: "Names, categories, taxes, stations and hours are as in the POS.",
    findings.PRICES: "Every price, of items and options, over location, menu, time, size and sequence.",
    findings.MODIFIERS: "Every active option can be chosen where it can be in the POS, within the same limits.",
    findings.RULES: "Every rule of business that the POS states, value by value.",
    findings.CUSTOMERS: "Every profile of the POS is loaded, merged, skipped by a signed reason or in quarantine.",
    findings.CONSENT: "Nobody is contacted or profiled beyond what they agreed to; unknown is not yes.",
    findings.LOYALTY: "Per account: opening + activity = closing on both sides, and both sides are equal.",
    findings.GIFT_CARDS: "Per card: opening + activity = closing on both sides, and both sides are equal to the cent.",
    findings.HOUSE_ACCOUNTS: "House accounts and store credit agree with the restaurant's own export to the cent.",
    findings.STAFF: "Every person, job, wage and timecard of the POS stands in AuraConnect.",
    findings.ORDERS: "Every order, payment, refund, payout and cash movement of the POS is loaded or accounted for.",
    findings.DAILY_SALES: "Sales, discounts, charges and tips of every order and day agree to the cent.",
    findings.TAX: "Tax of every order and day, by rate, agrees to the cent.",
    findings.PAYMENTS: "Orders and payments, payments and fees, payments and deposits agree to the cent.",
    findings.POS_REPORT: "The POS's own daily reports agree with what was derived from its orders.",
    findings.REPLAY: "Past orders, rung up again on the migrated menu and rules, come to what was charged, or a proof says why not.",
    findings.COUNTS: "What the plan says was written stands in AuraConnect.",
    findings.EXPORTED: "The whole source was exported before the first write.",
}


def spec(stage: str, name: str, description: str, deps: list[list[str]], kinds: set[str], **more: Any) -> dg.AssetSpec:
    return dg.AssetSpec(
        key=[stage, name],
        deps=[dg.AssetKey(d) for d in deps],
        description=description,
        group_name=stage,
        owners=shown.OWNERS,
        kinds=kinds,
        tags={"aura/stage": stage},
        skippable=True,
        **more,
    )


POS_SPECS = [
    spec("pos", "preflight", "Rights, stability and reverse level of the connection.", [], {"http"}),
    spec("pos", "audit", "What is there: counts, configuration, devices, questions to ask.", [], {"http"}),
]
ARCHIVE_SPECS = [
    spec(
        "archive",
        "menu",
        "Immutable raw export of the location's menu, with a certificate per entity.",
        [["pos", "preflight"]],
        {"http", "json"},
    ),
    spec(
        "archive",
        "people",
        "Immutable raw export of guests, balances and staff: secrets cut out, personal fields encrypted per person.",
        [["pos", "preflight"]],
        {"http", "json"},
    ),
    spec(
        "archive",
        "history",
        "Immutable raw export of orders and money, window by window; the span is the option history: {months, until}.",
        [["pos", "preflight"]],
        {"http", "json"},
    ),
]
CANONICAL_SPECS = [
    spec(
        "canonical",
        entity.name,
        entity.doc,
        [["archive", family]],
        {"pandas", "pandera"},
        metadata={"dagster/column_schema": shown.column_schema(entity, keys=True)},
    )
    for family, entities in (("menu", MENU_ENTITIES), ("menu", RULE_ENTITIES), ("people", PEOPLE_ENTITIES))
    for entity in entities
] + [
    spec(
        "canonical",
        name,
        f"{_PAST[name]} Staged as rows of AuraConnect's tables, checked by SQL.",
        [["archive", "history"]],
        {"postgres"},
        metadata={"dagster/column_schema": shown.history_schema(BY_NAME[kinds[-1]], keys=True)},
    )
    for name, kinds in HISTORY.items()
]
PLAN_SPECS = [
    spec(
        "plan",
        "changes",
        "All changes of one migration, hashed: what approval signs and run carries out.",
        [["canonical", name] for name in (*(e.name for e in ALL_ENTITIES), *HISTORY)],
        {"postgres"},
    )
]
LOAD_SPECS = [
    spec(
        "load",
        entity.name,
        f"{entity.doc} As loaded into aura.{entity.table}.",
        [["plan", "changes"]],
        {"postgres"},
        metadata={
            "dagster/column_schema": shown.column_schema(entity, keys=False),
            "dagster/table_name": f"aura.{entity.table}",
        },
    )
    for entity in ALL_ENTITIES
] + [
    spec(
        "load",
        name,
        f"{_PAST[name]} As loaded into {', '.join(f'aura.{table.name}' for kind in kinds for table in tables_of(kind))}.",
        [["plan", "changes"], ["load", "items"], ["load", "customers"], ["load", "staff"]],
        {"postgres"},
        metadata={
            "dagster/column_schema": shown.history_schema(BY_NAME[kinds[-1]], keys=False),
            "dagster/table_name": f"aura.{kinds[-1]}",
        },
    )
    for name, kinds in HISTORY.items()
]
VERIFY_SPECS = [
    spec(
        "verify",
        "items",
        "Every item of the POS, counted by the second route, is accounted for and migrated.",
        [["load", "items"], ["load", "item_locations"]],
        {"postgres"},
    ),
    spec(
        "verify",
        "prices",
        "Every price across location, menu, time, size and sequence agrees to the cent.",
        [["load", "items"], ["load", "price_rules"]],
        {"postgres"},
    ),
    spec(
        "verify",
        "modifiers",
        "Every active modifier is selectable with the same limits and price.",
        [["load", "modifiers"], ["load", "item_modifier_groups"], ["load", "nested_groups"]],
        {"postgres"},
    ),
    spec(
        "verify",
        "rules",
        "Taxes' exceptions, charges, discounts, order types, tenders, tips, hours and settings are as the POS states them.",
        [["load", "service_charges"], ["load", "pricing_rules"], ["load", "order_types"], ["load", "settings"]],
        {"postgres"},
    ),
    spec(
        "verify",
        "customers",
        "Every guest is accounted for, and nobody is contacted without consent.",
        [["load", "customers"], ["load", "customer_consents"]],
        {"postgres"},
    ),
    spec(
        "verify",
        "loyalty",
        "Every point is conserved, account by account.",
        [["load", "loyalty_accounts"], ["load", "loyalty_transactions"]],
        {"postgres"},
    ),
    spec(
        "verify",
        "gift_cards",
        "Every cent on gift cards, house accounts and store credit is conserved.",
        [["load", "gift_cards"], ["load", "gift_card_transactions"], ["load", "house_accounts"]],
        {"postgres"},
    ),
    spec(
        "verify",
        "staff",
        "Every person on the team, with jobs, wages and time worked.",
        [["load", "staff"], ["load", "staff_jobs"], ["load", "timecards"]],
        {"postgres"},
    ),
    spec(
        "verify",
        "historical_orders",
        "Every order, line and tax of the past, to the cent, by order and by business date.",
        [["load", "historical_orders"], ["load", "historical_refunds"]],
        {"postgres"},
    ),
    spec(
        "verify",
        "historical_payments",
        "Payments reconciled on three levels: with orders, with fees, with what reached the bank.",
        [["load", name] for name in HISTORY if name != "historical_orders"],
        {"postgres"},
    ),
    spec(
        "verify",
        "pos_reports",
        "The POS's own daily report as a third column beside both readings.",
        [["load", "historical_orders"], ["load", "historical_payments"]],
        {"postgres"},
    ),
    spec(
        "verify",
        "order_replay",
        "The last orders rung up again: selection, prices, discounts, charges, taxes and totals, to the cent.",
        [["load", "historical_orders"], ["load", "pricing_rules"], ["load", "service_charges"], ["load", "settings"]],
        {"postgres"},
    ),
    spec(
        "verify",
        "scorecard",
        "The verdict of the migration.",
        [["verify", name] for name in VERDICTS if name != "scorecard"],
        {"postgres"},
    ),
]


def checks(stage: str, name: str, names: tuple[str, ...]) -> list[dg.AssetCheckSpec]:
    return [dg.AssetCheckSpec(name=n, asset=dg.AssetKey([stage, name]), description=MEANINGS[n]) for n in names]
