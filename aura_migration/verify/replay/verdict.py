"""What a replay means: its gate, its figures as data, and where they are stored."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import psycopg
from psycopg.types.json import Jsonb

from aura_migration.verify.findings import Gate
from aura_migration.verify.replay.backtest import WAYS, TaxEvidence
from aura_migration.verify.replay.replay import Replayed
from aura_migration.verify.replay.words import GATE, SKIPS, WHYS, Class

KEPT = 20
"""Replays kept of a migration, and clusters shown in a gate's evidence."""
REMEDIES = {
    GATE: "`aura-migration replay MIGRATION` lists what differs by cause, each with what to correct; correct it, then verify again."
}
Connection = psycopg.Connection[Any]


def gate(replayed: Replayed, migration_id: int) -> Gate:
    """Yes when no order is different; over no orders neither yes nor no."""
    passed = replayed.passed
    value = None
    if passed is not None:
        different = replayed.classes[Class.DIFFERENT]
        value = f"{different:,} of {replayed.orders:,} orders different" if different else f"{replayed.orders:,} orders"
    evidence = {
        "orders": replayed.orders,
        **{each.value: replayed.classes[each] for each in Class},
        "cents": replayed.cents,
        "causes": [
            {"cause": one.cause.value, "title": one.title, "orders": one.orders, "cents": one.cents}
            for one in replayed.clusters[:KEPT]
        ],
        "explained_by": {why.value: orders for why, (orders, _) in replayed.whys.items()},
        "unexplained": replayed.classes[Class.DIFFERENT],
        "accepted": replayed.classes[Class.EXPLAINED],
    }
    remedy = REMEDIES[GATE].replace("MIGRATION", str(migration_id)) if passed is False else ""
    return Gate(GATE, passed, value, remedy, evidence)


def as_dict(replayed: Replayed) -> dict[str, Any]:
    """All of it, JSON-ready: what the command prints and what is stored."""
    return {
        "span": replayed.span.told(),
        "from": replayed.first or None,
        "to": replayed.last or None,
        "passed": replayed.passed,
        "orders": replayed.orders,
        "classes": {each.value: replayed.classes[each] for each in Class},
        "explained": [
            {"cause": why.value, "orders": orders, "cents": cents, "proof": WHYS[why]}
            for why, (orders, cents) in sorted(replayed.whys.items(), key=lambda one: (-one[1][1], one[0]))
        ],
        "not_comparable": [
            {"reason": skip.value, "orders": orders, "why": SKIPS[skip]}
            for skip, orders in sorted(replayed.skips.items(), key=lambda one: (-one[1], one[0]))
        ],
        "different_cents": replayed.cents,
        "clusters": [one.as_dict() for one in replayed.clusters],
        "metrics": replayed.metrics(),
        "inferred_policy": None if replayed.inferred is None else replayed.inferred.as_dict(),
        "taxes": [told for one in replayed.test.rates.values() if (told := _told(replayed, one))],
    }


def _told(replayed: Replayed, evidence: TaxEvidence) -> dict[str, Any]:
    """One rate as the history shows it: ways of calculating with the orders consistent with each, and those that tell."""
    tax = replayed.book.taxes.get(evidence.tax) if replayed.book is not None else None
    if tax is None or not evidence.orders:
        return {}
    best = set(evidence.best())
    return {
        "rate": tax.name,
        "orders": evidence.orders,
        "telling": evidence.telling,
        "configured": str(tax.rule.rounding or (replayed.policy.tax_rounding if replayed.policy else "")),
        "ways": [
            {"way": way.told(), "consistent": count, "is_best": way in best}
            for way, count in evidence.counted().items()
            if count >= evidence.orders - evidence.telling and (count > 0)
        ],
        "discriminating": [
            {
                "order": number,
                "day": day,
                "charged_cents": cents,
                "consistent_with": [way.told() for place, way in enumerate(WAYS) if mask >> place & 1],
            }
            for number, day, cents, mask in evidence.examples[:5]
        ],
    }


def store(connection: Connection, migration_id: int, replayed: Replayed, is_default: bool, now: datetime) -> int:
    """Keep a replay and its clusters; answers its number. Only the last ones of a migration are kept."""
    told = as_dict(replayed)
    figures = {name: value for name, value in told.items() if name not in ("clusters", "inferred_policy")}
    with connection.transaction():
        row = connection.execute(
            "INSERT INTO migration.replays (migration_id, span, is_default, passed, figures, inferred, measured_at) "
            "VALUES (%s, %s, %s, %s, %s, %s, %s) RETURNING id",
            [
                migration_id,
                told["span"],
                is_default,
                replayed.passed,
                Jsonb(figures),
                None if told["inferred_policy"] is None else Jsonb(told["inferred_policy"]),
                now,
            ],
        ).fetchone()
        assert row is not None
        number = int(row[0])
        with connection.cursor() as cursor:
            cursor.executemany(
                "INSERT INTO migration.replay_clusters (replay_id, place, cause, title, orders, cents, net_cents, first_day, last_day, "
                "examples, remedy) VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)",
                [
                    (
                        number, place, one["cause"], one["title"], one["orders"], one["cents"], one["net_cents"], one["from"], one["to"],
                        Jsonb(one["examples"]), one["remedy"],
                    )
                    for place, one in enumerate(told["clusters"])
                ],
            )  # fmt: skip
        connection.execute(
            "DELETE FROM migration.replays WHERE migration_id = %s AND id NOT IN ("
            "SELECT id FROM migration.replays WHERE migration_id = %s ORDER BY id DESC LIMIT %s)",
            [migration_id, migration_id, KEPT],
        )
    return number
