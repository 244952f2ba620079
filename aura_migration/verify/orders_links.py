"""What orders point at, and what is flagged: references that lead nowhere, figures that add up nowhere.

Children hang on their document by a foreign key; everything else a row points at is an id without one, and is looked up
here. Flags say that the POS's own figures do not add up; the witness finds that out by itself.
"""

from __future__ import annotations

from aura_migration.canonical.entities import ENTITIES
from aura_migration.canonical.history.tables import BY_NAME, TABLES
from aura_migration.verify import findings as words
from aura_migration.verify.orders_case import FOUND, OrdersCase

ROOTS = {
    "order_groups": "SELECT id AS aura_id, coalesce(source_id, 'aura:' || id) AS key FROM aura.order_groups "
    "WHERE location_id = %(location)s AND migration_run_id = %(migration)s AND deleted_at IS NULL",
    "orders": "SELECT aura_id, key FROM there_orders",
    "payments": "SELECT aura_id, key FROM there_payments",
    "refunds": "SELECT aura_id, key FROM there_refunds",
    "payouts": "SELECT aura_id, key FROM there_payouts",
    **{
        kind: f"SELECT aura_id, key FROM there_cash WHERE kind = '{kind}'"
        for kind in ("cash_drawer_shifts", "cash_events", "deposits", "house_account_movements")
    },
}
"""Where the rows in question of a kind of document are listed."""


def judge_links(case: OrdersCase) -> int:
    """Report every id that leads nowhere, or to another restaurant; returns how many references were looked up."""
    looked_up = 0
    for table in TABLES:
        if table.document not in case.judged and table.document != "order_groups":
            continue
        links = [(column.target, _table_of(column.ref), False) for column in table.refs if column.ref]
        links += [(column.target, str(column.within), True) for column in table.places]
        if not links:
            continue
        root = "x.id" if table.is_root else f"x.{table.parent}"
        checks = []
        for column, target, is_within in links:
            same = (
                f"t.{BY_NAME[target].parent} = x.{table.parent}" if is_within else "t.restaurant_id = x.restaurant_id"
            )
            checks.append(
                f"('{column}', x.{column}, x.{column} IS NOT NULL AND NOT EXISTS "
                f"(SELECT 1 FROM aura.{target} t WHERE t.id = x.{column} AND {same}))"
            )
        case.run(
            f"""
            INSERT INTO {FOUND}
            SELECT %(check)s, %(table)s, r.key, NULL, jsonb_object_agg(c.field, c.id), NULL,
                   'it points at a row that is not there', true
            FROM ({ROOTS[table.document]}) r JOIN aura.{table.name} x ON {root} = r.aura_id
            CROSS JOIN LATERAL (VALUES {", ".join(checks)}) c (field, id, is_dangling)
            WHERE c.is_dangling GROUP BY r.key, {root}, x.id
            """,
            check=words.ORDERS,
            table=table.name,
        )
        looked_up += case.row(
            f"SELECT coalesce(sum({' + '.join(f'(x.{column} IS NOT NULL)::int' for column, _, _ in links)}), 0)::bigint "
            f"FROM ({ROOTS[table.document]}) r JOIN aura.{table.name} x ON {root} = r.aura_id"
        )[0]
    return looked_up


def _table_of(ref: str | None) -> str:
    """AuraConnect's table of an entity or of a kind of document."""
    name = str(ref)
    return name if name in BY_NAME else ENTITIES[name].table


def judge_flags(case: OrdersCase) -> dict[str, int]:
    """Whether what the witness finds unsound is flagged, and nothing else is.

    What both find is listed with its money and blocks nothing. What only one of them finds is a difference between two
    readings of the same record: it blocks. Both finding something, but not the same, is listed.
    """
    numbers = {"flagged": 0, "not_flagged": 0, "flagged_without_need": 0}
    for kind, amount in (("orders", "final"), ("payments", "amount"), ("refunds", "amount")):
        if kind not in case.judged:
            continue
        case.run(
            f"""
            INSERT INTO {FOUND}
            SELECT %(check)s, %(kind)s, s.key, jsonb_build_object('problems', to_jsonb(s.problems), '{amount}', s.{amount}),
                   jsonb_build_object('flags', to_jsonb(t.flags), '{amount}', t.{amount}), NULL,
                   CASE WHEN t.flags = '{{}}' THEN 'its figures do not add up in the POS, and it is not flagged'
                        WHEN s.problems = '{{}}' THEN 'it is flagged, and the second reading finds nothing wrong with it'
                        ELSE 'its figures do not add up in the POS; loaded as sent, flagged' END,
                   t.flags = '{{}}' OR s.problems = '{{}}'
            FROM said_{kind} s JOIN there_{kind} t ON t.key = s.key
            WHERE s.problems <> '{{}}' OR t.flags <> '{{}}'
            """,
            check=words.DAILY_SALES if kind != "payments" else words.PAYMENTS,
            kind=kind,
        )
        found = case.row(
            f"""
            SELECT count(*) FILTER (WHERE s.problems <> '{{}}' AND t.flags <> '{{}}'),
                   count(*) FILTER (WHERE s.problems <> '{{}}' AND t.flags = '{{}}'),
                   count(*) FILTER (WHERE s.problems = '{{}}' AND t.flags <> '{{}}')
            FROM said_{kind} s JOIN there_{kind} t ON t.key = s.key
            """
        )
        for name, number in zip(numbers, found, strict=True):
            numbers[name] += number
    if "orders" in case.judged:
        _identities(case)
    return numbers


def _identities(case: OrdersCase) -> None:
    """What an order comes to out of its parts, for orders that neither reading calls unsound."""
    case.run(
        f"""
        INSERT INTO {FOUND}
        SELECT %(check)s, 'orders', t.key, jsonb_build_object(x.name, x.parts), jsonb_build_object(x.name, x.whole),
               x.whole - x.parts, 'its figures do not add up in AuraConnect, and neither reading says that they should not', true
        FROM there_orders t JOIN said_orders s ON s.key = t.key
        LEFT JOIN (SELECT d.order_id, sum(d.amount_cents) AS given FROM aura.order_discounts d
                   JOIN there_orders o ON o.aura_id = d.order_id
                   LEFT JOIN aura.order_items i ON i.id = d.order_item_id AND i.is_voided WHERE i.id IS NULL
                   GROUP BY d.order_id) d ON d.order_id = t.aura_id
        CROSS JOIN LATERAL (VALUES
            ('final', t.subtotal - t.discount + t.service + t.gratuity + t.rounding + t.tax - t.included_tax, t.final),
            ('discounts', coalesce(d.given, 0)::bigint, t.discount)) x (name, parts, whole)
        WHERE t.state = 'counts' AND t.flags = '{{}}' AND s.problems = '{{}}' AND x.parts <> x.whole
        """,
        check=words.DAILY_SALES,
    )
