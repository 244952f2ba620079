"""Document by document: everything the witness says of an order, a payment, a refund … against what stands in AuraConnect.

0 cents may be unexplained. A difference has a cause only where a document is in quarantine and the witness, too, finds it
unsound, or where it was kept as people had changed it.
"""

from __future__ import annotations

from dataclasses import dataclass

from aura_migration.verify import findings as words
from aura_migration.verify.orders_case import CASH, DIFFS, FOUND, OrdersCase

SALES, TAX, MONEY, WHOLE = words.DAILY_SALES, words.TAX, words.PAYMENTS, words.ORDERS
CONFIRMED = "in quarantine, and the POS's own figures are unsound"
UNCONFIRMED = "in quarantine, although the second reading finds nothing wrong with it"
MAIN = {"orders": "final", "payments": "amount", "refunds": "amount", "payouts": "amount"}
"""The figure of a document that a finding about it shows where it is missing or too many."""


@dataclass(frozen=True)
class Field:
    """One figure of a document. ``said`` and ``there`` are SQL over ``s`` and ``t``; ``when`` says where it is known."""

    name: str
    check: str
    said: str
    there: str
    is_number: bool = True
    when: str = "true"


def _same(name: str, check: str, is_number: bool = True, when: str = "true") -> Field:
    return Field(name, check, f"s.{name}", f"t.{name}", is_number, when)


def _link(name: str, table: str) -> Field:
    """The key of another document. Nothing to point at stands for it: then none is right, and what is missing is told there."""
    stands = f"EXISTS (SELECT 1 FROM {table} o WHERE o.key = s.{name})"
    return _same(name, MONEY, is_number=False, when=f"(t.{name} IS NOT NULL OR {stands})")


@dataclass(frozen=True)
class Kind:
    """How documents of a kind are compared. ``source`` is added to the conditions of a table shared by several kinds."""

    name: str
    said: str
    there: str
    fields: tuple[Field, ...]
    problems: str = "s.problems"

    @property
    def shared(self) -> bool:
        """Whether its working tables hold other kinds, too."""
        return self.name in CASH


ORDERS = Kind(
    "orders",
    "said_orders",
    "there_orders",
    (
        _same("day", SALES, is_number=False),
        _same("state", SALES, is_number=False),
        _same("gross", SALES),
        Field("gross_of_order", SALES, "s.gross", "t.gross_head"),
        _same("discount", SALES),
        Field("subtotal", SALES, "s.gross + s.non_sale", "t.subtotal"),
        _same("non_sale", SALES),
        Field("service_charges", SALES, "s.service", "t.service"),
        _same("gratuity", SALES),
        _same("rounding", SALES),
        _same("tip", SALES),
        _same("final", SALES),
        _same("tax", TAX),
        _same("included_tax", TAX),
        _same("lines", WHOLE, is_number=False),
    ),
)
PAYMENTS = Kind(
    "payments",
    "said_payments",
    "there_payments",
    (
        _same("day", MONEY, is_number=False),
        _same("state", MONEY, is_number=False),
        _same("tender", MONEY, is_number=False),
        _link("order_key", "there_orders"),
        _same("amount", MONEY),
        _same("tip", MONEY),
    ),
)
REFUNDS = Kind(
    "refunds",
    "said_refunds",
    "there_refunds",
    (
        _same("day", SALES, is_number=False),
        _same("state", SALES, is_number=False),
        _same("amount", SALES),
        _same("tip", SALES, when="s.tip IS NOT NULL"),
        _same("tax", TAX, when="s.tax IS NOT NULL"),
        _link("order_key", "there_orders"),
        _link("payment_key", "there_payments"),
    ),
)
PAYOUTS = Kind(
    "payouts",
    "said_payouts",
    "there_payouts",
    (_same("day", MONEY, is_number=False), _same("amount", MONEY), _same("fees", MONEY)),
    problems="'{}'::text[]",
)
COMPARED = (
    ORDERS,
    PAYMENTS,
    REFUNDS,
    PAYOUTS,
    *(
        Kind(
            name,
            "said_cash",
            "there_cash",
            (_same("day", MONEY, is_number=False), _same("amount", MONEY)),
            problems="'{}'::text[]",
        )
        for name in CASH
    ),
)


@dataclass(frozen=True)
class Number:
    """How many documents of a kind there are: named by the witness, standing and of these written by the plan, in quarantine,
    missing, too many."""

    said: int = 0
    standing: int = 0
    loaded: int = 0
    quarantined: int = 0
    missing: int = 0
    extra: int = 0


def judge_each(case: OrdersCase) -> dict[str, Number]:
    """Compare all documents of the kinds that are judged; fills ``orders_excused``, ``orders_diffs``, ``orders_found``."""
    _excuses(case)
    numbers = {}
    for kind in COMPARED:
        if kind.name in case.judged:
            _differences(case, kind)
            numbers[kind.name] = _presence(case, kind)
    if "orders" in case.judged:
        _parts(case)
    if "payouts" in case.judged:
        _entries(case)
    _tell(case)
    return numbers


def _excuses(case: OrdersCase) -> None:
    """What is in quarantine, and what was left as people had changed it."""
    case.run(
        """
        INSERT INTO orders_excused
        SELECT entity, source_key, '', true FROM migration.quarantine
        WHERE migration_id IN (SELECT id FROM migration.migrations WHERE location_key = %(location_key)s)
          AND entity = ANY(%(kinds)s) AND state = 'open'
        UNION
        SELECT document, source_key, 'kept: ' || reason, false FROM migration.history_kept
        WHERE migration_id IN (SELECT id FROM migration.migrations WHERE location_key = %(location_key)s)
        """,
        kinds=list(case.judged),
    )
    case.run("CREATE INDEX ON orders_excused (kind, key)")
    for kind in COMPARED:
        if kind.problems == "s.problems" and kind.name in case.judged:
            # Whether a quarantine is justified is the second reading's word, not that of what put it there.
            case.run(
                f"""
                UPDATE orders_excused e SET cause = CASE WHEN s.key IS NULL OR s.problems <> '{{}}' THEN %(yes)s ELSE '' END
                FROM orders_excused q LEFT JOIN {kind.said} s ON s.key = q.key
                WHERE q.kind = %(kind)s AND q.is_quarantine AND e.kind = q.kind AND e.key = q.key AND e.is_quarantine
                """,
                kind=kind.name,
                yes=CONFIRMED,
            )
    case.prepare("orders_excused")


def _differences(case: OrdersCase, kind: Kind) -> None:
    """A row per field that differs, of documents that stand on both sides."""
    differs = " OR ".join(f"({f.when} AND {f.said} IS DISTINCT FROM {f.there})" for f in kind.fields)
    values = ", ".join(
        f"('{f.check}', '{f.name}', ({f.said})::text, ({f.there})::text, "
        f"{f'coalesce({f.there}, 0) - coalesce({f.said}, 0)' if f.is_number else 'NULL::bigint'}, {f.when})"
        for f in kind.fields
    )
    only = "AND s.kind = %(kind)s AND t.kind = s.kind" if kind.shared else ""
    case.run(
        f"""
        INSERT INTO {DIFFS}
        SELECT %(kind)s, s.key, d.check_name, d.field, d.said, d.there, d.cents
        FROM {kind.said} s JOIN {kind.there} t ON t.key = s.key {only}
        CROSS JOIN LATERAL (VALUES {values}) d (check_name, field, said, there, cents, is_known)
        WHERE ({differs}) AND d.is_known AND d.said IS DISTINCT FROM d.there
        """,
        kind=kind.name,
    )


def _parts(case: OrdersCase) -> None:
    """Tax by rate, charges and other lines by class, of orders that stand on both sides."""
    case.run(
        f"""
        INSERT INTO {DIFFS}
        SELECT 'orders', p.key, CASE p.part WHEN 'tax_by_rate' THEN %(tax)s ELSE %(sales)s END, p.part || ': ' || p.name,
               p.said::text, p.there::text, p.there - p.said
        FROM (SELECT key, part, name, coalesce(s.cents, 0) AS said, coalesce(t.cents, 0) AS there
              FROM (SELECT key, part, name, sum(cents) AS cents FROM said_parts GROUP BY key, part, name) s
              FULL JOIN there_parts t USING (key, part, name) WHERE s.cents IS DISTINCT FROM t.cents) p
        WHERE EXISTS (SELECT 1 FROM said_orders o WHERE o.key = p.key)
          AND EXISTS (SELECT 1 FROM there_orders o WHERE o.key = p.key) AND p.said <> p.there
        """,
        tax=TAX,
        sales=SALES,
    )


def _entries(case: OrdersCase) -> None:
    """Entries of payouts by class: how many, and their net."""
    case.run(
        f"""
        INSERT INTO {DIFFS}
        SELECT 'payouts', p.key, %(check)s, d.field, d.said::text, d.there::text, d.cents
        FROM (SELECT key, class, coalesce(s.number, 0) AS number_said, coalesce(t.number, 0) AS number_there,
                     coalesce(s.net, 0) AS said, coalesce(t.net, 0) AS there
              FROM said_entries s FULL JOIN there_entries t USING (key, class)) p
        CROSS JOIN LATERAL (VALUES
            ('entries: ' || p.class, p.number_said, p.number_there, NULL),
            ('net: ' || p.class, p.said, p.there, p.there - p.said)) d (field, said, there, cents)
        WHERE d.said <> d.there AND EXISTS (SELECT 1 FROM said_payouts o WHERE o.key = p.key)
          AND EXISTS (SELECT 1 FROM there_payouts o WHERE o.key = p.key)
        """,
        check=MONEY,
    )


def _presence(case: OrdersCase, kind: Kind) -> Number:
    """Findings for what is missing, too many, or named twice; and the count of it all."""
    main = MAIN.get(kind.name, "amount")
    of_said = "s.kind = %(kind)s" if kind.shared else "true"
    of_there = "t.kind = %(kind)s" if kind.shared else "true"
    doubled = case.run(
        f"""
        INSERT INTO {FOUND}
        SELECT %(check)s, %(kind)s, s.key, to_jsonb(count(*)), NULL, NULL, 'the second reading names it more than once', true
        FROM {kind.said} s WHERE {of_said} GROUP BY s.key HAVING count(*) > 1
        """,
        kind=kind.name,
        check=WHOLE,
    )
    lacking = f"""
        FROM {kind.said} s LEFT JOIN {kind.there} t ON t.key = s.key {"AND t.kind = s.kind" if kind.shared else ""}
        LEFT JOIN orders_excused e ON e.kind = %(kind)s AND e.key = s.key AND e.is_quarantine
        WHERE {of_said} AND t.key IS NULL
    """
    case.run(
        f"""
        INSERT INTO {FOUND}
        SELECT %(check)s, %(kind)s, s.key, jsonb_build_object('day', s.day, '{main}', s.{main}), NULL, -s.{main},
               CASE WHEN e.key IS NULL THEN 'AuraConnect does not have it' WHEN e.cause = '' THEN %(unconfirmed)s
                    ELSE e.cause END,
               e.key IS NULL OR e.cause = ''
        {lacking}
        """,
        kind=kind.name,
        check=WHOLE,
        unconfirmed=UNCONFIRMED,
    )
    case.run(
        f"""
        INSERT INTO {FOUND}
        SELECT %(check)s, %(kind)s, t.key, NULL, jsonb_build_object('day', t.day, '{main}', t.{main}), t.{main},
               'the POS does not show it', true
        FROM {kind.there} t
        WHERE {of_there} AND NOT t.is_gone
          AND NOT EXISTS (SELECT 1 FROM {kind.said} s WHERE s.key = t.key {"AND s.kind = t.kind" if kind.shared else ""})
        """,
        kind=kind.name,
        check=WHOLE,
    )
    case.run(
        f"""
        INSERT INTO {FOUND}
        SELECT %(check)s, %(kind)s, e.key, NULL, NULL, NULL, e.cause, false FROM orders_excused e
        WHERE e.kind = %(kind)s AND e.is_quarantine AND e.cause <> ''
          AND NOT EXISTS (SELECT 1 FROM {kind.said} s WHERE s.key = e.key {"AND s.kind = e.kind" if kind.shared else ""})
        """,
        kind=kind.name,
        check=WHOLE,
    )
    said, absent, quarantined = case.row(
        f"SELECT (SELECT count(*) FROM {kind.said} s WHERE {of_said}), count(*), count(e.key) {lacking}", kind=kind.name
    )
    unknown, extra = case.row(
        f"""
        SELECT (SELECT count(*) FROM orders_excused e WHERE e.kind = %(kind)s AND e.is_quarantine
                AND NOT EXISTS (SELECT 1 FROM {kind.said} s WHERE s.key = e.key {"AND s.kind = e.kind" if kind.shared else ""})),
               (SELECT count(*) FROM orders_found WHERE check_name = %(check)s AND entity = %(kind)s AND expected IS NULL
                AND actual IS NOT NULL)
        """,
        kind=kind.name,
        check=WHOLE,
    )
    standing, loaded = (
        said - absent - doubled,
        case.row(
            f"SELECT count(*) FROM {kind.there} t WHERE {of_there} AND t.is_own AND EXISTS (SELECT 1 FROM {kind.said} s "
            f"WHERE s.key = t.key {'AND s.kind = t.kind' if kind.shared else ''})",
            kind=kind.name,
        )[0],
    )
    return Number(said + unknown - doubled, standing, loaded, quarantined + unknown, absent - quarantined, extra)


def _tell(case: OrdersCase) -> None:
    """Turn differences into findings: one per document and check, with every field that differs."""
    case.run("CREATE INDEX ON orders_diffs (kind, key)")
    case.run(
        f"""
        INSERT INTO {FOUND}
        SELECT d.check_name, d.kind, d.key, jsonb_object_agg(d.field, d.said), jsonb_object_agg(d.field, d.there),
               (array_agg(d.cents ORDER BY abs(d.cents) DESC NULLS LAST, d.field))[1], coalesce(min(e.cause), ''),
               min(e.cause) IS NULL
        FROM orders_diffs d
        LEFT JOIN orders_excused e ON e.kind = d.kind AND e.key = d.key AND NOT e.is_quarantine
        GROUP BY d.check_name, d.kind, d.key
        """
    )
