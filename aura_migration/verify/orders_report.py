"""The POS's own daily report as the third column: does what is derived here agree with what the restaurant is shown there?

Reports define their figures in their own ways: tips with or without gratuity, tax with or without what was given back. A
difference is explained only by causes out of a closed list, and only where the amounts of a cause, which are counted from
orders, payments and refunds and never from the difference, add up to it exactly on every day. One and the same set of causes
must hold for a figure on all days: what explains but some days explains nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from itertools import combinations
from typing import Any

from psycopg.types.json import Jsonb

from aura_migration.core.clock import months_before
from aura_migration.verify import findings as words
from aura_migration.verify.orders_case import FOUND, OrdersCase

DERIVED = "derived, not confirmed"
ENOUGH = 7
"""Days a report must cover, with a Saturday or Sunday and a day with a refund among them."""
MOST_CAUSES = 5
Day = date
Amounts = dict[Day, int]


@dataclass(frozen=True)
class Cause:
    """One way in which reports count otherwise. ``amounts`` are what it moves the figure by, each a sum of ours."""

    name: str
    amounts: tuple[tuple[int, str], ...]


def _cause(name: str, *amounts: str) -> Cause:
    """``+sum`` and ``-sum``."""
    return Cause(name, tuple((-1 if one[0] == "-" else 1, one[1:]) for one in amounts))


REFUNDS_OFF = _cause("refunds are taken off on the day of the refund", "-refund_net")
SALE_DAY_OFF = _cause("refunds are taken off on the day of the sale", "-sale_day_net")
CHARGE_REFUNDS_OFF = _cause("charges that were given back are taken off", "-refund_charge")
OPEN_NET = _cause("open checks are counted", "+open_gross", "-open_discount")
INCLUDED_OUT = _cause("tax inside prices is taken out", "-included_tax")
DEFERRED_IN = _cause("deferred sales (gift cards, deposits, payments on account) are counted", "+non_sale")
CHARGES_IN = _cause("service charges are counted as sales", "+service")
GRATUITY_IN = _cause("gratuity is counted as tip", "+gratuity")


@dataclass(frozen=True)
class Figure:
    """How a figure of a report is derived here: sums of ours, and the causes by which it may be counted otherwise."""

    sums: tuple[tuple[int, str], ...]
    causes: tuple[Cause, ...] = ()
    metric: str = ""
    is_count: bool = False


def _figure(*sums: str, causes: tuple[Cause, ...] = (), metric: str = "", is_count: bool = False) -> Figure:
    return Figure(_cause("", *sums).amounts, causes, metric, is_count)


FIGURES: Mapping[str, Figure] = {
    "orders": _figure(
        "+orders",
        causes=(_cause("open checks are counted", "+open_orders"), _cause("voided checks are counted", "+voided_orders"),
                _cause("orders without any payment are not counted", "-unpaid_orders"),
                _cause("checks of one order are counted once", "-split_checks")),
        metric="orders", is_count=True,
    ),
    "gross": _figure(
        "+gross",
        causes=(INCLUDED_OUT, DEFERRED_IN, CHARGES_IN, _cause("open checks are counted", "+open_gross"),
                _cause("refunds are taken off on the day of the refund", "-refund_gross")),
        metric="gross",
    ),
    "discounts": _figure(
        "+discounts",
        causes=(_cause("discounts on what was given back are taken off", "-refund_discount"),
                _cause("open checks are counted", "+open_discount")),
        metric="discounts",
    ),
    "net": _figure(
        "+net", causes=(REFUNDS_OFF, SALE_DAY_OFF, INCLUDED_OUT, CHARGES_IN, CHARGE_REFUNDS_OFF, DEFERRED_IN, OPEN_NET),
        metric="net",
    ),
    "returns": _figure(
        "+refund_gross", causes=(_cause("refunds of deferred sales are counted", "+refund_rest"),)
    ),
    "refunds": _figure(
        "+refunds",
        causes=(_cause("refunded tips are left out", "-refund_tip"), _cause("refunded tax is left out", "-refund_tax"),
                _cause("charges that were given back are left out", "-refund_charge"),
                _cause("refunds are shown on the day of the sale", "-refunds", "+sale_day_refunds")),
        metric="refunds",
    ),
    "gift_cards": _figure(
        "+gift_card_load",
        causes=(_cause("other deferred sales are counted", "+non_sale", "-gift_card_load"),),
    ),
    "non_revenue": _figure("+non_sale", causes=(_cause("gift cards are shown apart", "-gift_card_load"),)),
    "order_fees": _figure("+surcharge", causes=(_cause("delivery charges are order fees", "+delivery"),)),
    "service_charges": _figure(
        "+service",
        causes=(_cause("gratuity is counted as a charge", "+gratuity"), CHARGE_REFUNDS_OFF,
                _cause("tax on charges is shown with them", "+charge_tax"),
                _cause("surcharges are shown apart", "-surcharge"), _cause("delivery charges are shown apart", "-delivery"),
                _cause("rounding is counted as a charge", "+cash_rounding")),
    ),
    "gratuity": _figure("+gratuity", causes=(_cause("open checks are counted", "+open_gratuity"),)),
    "tips": _figure(
        "+tips",
        causes=(GRATUITY_IN, _cause("refunded tips are taken off", "-refund_tip"),
                _cause("open checks are counted", "+open_tip")),
        metric="tips",
    ),
    "tax": _figure(
        "+tax",
        causes=(_cause("refunded tax is taken off", "-refund_tax"), _cause("tax on charges is shown apart", "-charge_tax"),
                _cause("tax a marketplace remits is shown apart", "-marketplace_tax"), INCLUDED_OUT,
                _cause("open checks are counted", "+open_tax")),
        metric="tax",
    ),
    "rounding": _figure("+cash_rounding"),
    "fees": _figure("+fees", causes=(_cause("fees that were given back are taken off", "-refund_fee"),)),
    "collected": _figure(
        "+paid", "+paid_tips", "-refunds",
        causes=(_cause("refunds are not taken off", "+refunds"), _cause("tips are left out", "-paid_tips")),
    ),
    "tax_by_rate": _figure(
        "+tax_by_rate",
        causes=(_cause("tax a marketplace remits is shown apart", "-marketplace_tax_by_rate"),),
        metric="tax_by_rate",
    ),
    "tender_amount": _figure(
        "+payments",
        causes=(_cause("tips are counted", "+payment_tips"), _cause("refunds are taken off", "-refunds_by_tender")),
        metric="payments",
    ),
    "tender_net": _figure(
        "+payments", "+payment_tips", "-refunds_by_tender", causes=(_cause("tips are left out", "-payment_tips"),),
    ),
    "tender_total": _figure(
        "+payments", "+payment_tips", causes=(_cause("refunds are taken off", "-refunds_by_tender"),),
    ),
    "tender_tips": _figure("+payment_tips", metric="payment_tips"),
    "tender_count": _figure("+payments_count", metric="payments_count", is_count=True),
    "tender_refunds": _figure("+refunds_by_tender", causes=(_cause("credits are shown apart", "-credits_by_tender"),)),
    "tender_credits": _figure("+credits_by_tender"),
}  # fmt: skip
"""What of a report is compared. Anything else that is imported is kept, and said to be compared with nothing."""
BY_NAME = ("tax_by_rate", *(name for name in FIGURES if name.startswith("tender_")))
"""Figures that a report has by rate or by tender."""
KEPT_BY_NAME = frozenset(
    ("tax_by_rate", "marketplace_tax_by_rate", "payments", "payment_tips", "payments_count", "refunds_by_tender",
     "credits_by_tender")
)  # fmt: skip
"""Sums of ours that are kept by rate or by tender."""
FAMILIES = {
    "sales": ("gross", "net"),
    "tax": ("tax", "tax_by_rate"),
    "payments": ("tender_net", "tender_amount", "tender_total", "collected"),
}
"""What a report must show, one of each, for the derivation to be confirmed by it."""
ALIASES = {
    "Card": ("card", "cards", "credit", "creditcard", "creditcards", "creditdebit", "creditdebitcard", "debitcard"),
    "Cash": ("cash",),
    "Gift card": ("giftcard", "giftcards", "squaregiftcard"),
    "House account": ("houseaccount", "houseaccounts"),
}
REST = ("other", "othertenders", "othertender", "otherpayments")
"""A report's word for all tenders that it does not name."""

SUMS = """
    SELECT day::date, name, '' AS of, sum(value)::bigint FROM (
        SELECT o.day, x.name, x.value FROM there_orders o CROSS JOIN LATERAL (VALUES
            ('open_gross', CASE o.state WHEN 'open' THEN o.gross END), ('open_discount', CASE o.state WHEN 'open' THEN o.discount END),
            ('open_tax', CASE o.state WHEN 'open' THEN o.tax END), ('open_tip', CASE o.state WHEN 'open' THEN o.tip END),
            ('open_gratuity', CASE o.state WHEN 'open' THEN o.gratuity END), ('open_orders', CASE o.state WHEN 'open' THEN 1 END),
            ('voided_orders', CASE o.state WHEN 'voided' THEN 1 END)) x (name, value) WHERE x.value <> 0
        UNION ALL
        SELECT o.day, 'unpaid_orders', 1 FROM there_orders o WHERE o.state = 'counts' AND NOT EXISTS (
            SELECT 1 FROM there_payments p WHERE p.order_id = o.aura_id AND p.state = 'counts')
        UNION ALL
        SELECT o.day, 'split_checks', count(*) - count(DISTINCT coalesce(a.order_group_id, -a.id))
        FROM there_orders o JOIN aura.orders a ON a.id = o.aura_id WHERE o.state = 'counts' GROUP BY o.day
        UNION ALL
        SELECT o.day, 'charge_tax', c.tax_cents FROM there_orders o JOIN aura.order_service_charges c ON c.order_id = o.aura_id
        WHERE o.state = 'counts' AND c.tax_cents <> 0
        UNION ALL
        SELECT o.day, 'marketplace_tax', t.amount_cents FROM there_orders o JOIN aura.order_taxes t ON t.order_id = o.aura_id
        WHERE o.state = 'counts' AND t.remitted_by = 'marketplace'
        UNION ALL
        SELECT p.day, 'fees', p.fee FROM there_payments p WHERE p.state = 'counts' AND p.fee <> 0
        UNION ALL
        SELECT p.day, x.name, x.value FROM there_payments p
        CROSS JOIN LATERAL (VALUES ('paid', p.amount), ('paid_tips', p.tip)) x (name, value) WHERE p.state = 'counts'
        UNION ALL
        SELECT x.day, x.name, x.value FROM there_refunds r JOIN aura.refunds a ON a.id = r.aura_id
        LEFT JOIN LATERAL (SELECT sum(i.gross_cents) AS gross, sum(i.discount_cents) AS discount FROM aura.refund_items i
                           WHERE i.refund_id = r.aura_id) i ON true
        CROSS JOIN LATERAL (SELECT coalesce(r.net, r.amount - coalesce(r.tax, 0) - coalesce(r.tip, 0) - coalesce(r.charge, 0))
                            AS net) n
        CROSS JOIN LATERAL (VALUES
            (r.day, 'refund_net', n.net), (r.day, 'refund_tax', r.tax), (r.day, 'refund_tip', r.tip),
            (r.day, 'refund_charge', r.charge), (r.day, 'refund_gross', coalesce(i.gross, n.net)),
            (r.day, 'refund_discount', coalesce(i.discount, 0)), (r.day, 'refund_rest', n.net - coalesce(i.gross - i.discount, n.net)),
            (r.day, 'refund_fee', a.fee_refunded_cents), (coalesce(r.sale_day, r.day), 'sale_day_refunds', r.amount),
            (coalesce(r.sale_day, r.day), 'sale_day_net', n.net)) x (day, name, value)
        WHERE r.state = 'counts' AND x.value <> 0) s
    WHERE pg_input_is_valid(day, 'date') GROUP BY day, name
    UNION ALL
    SELECT r.day::date, x.name, coalesce(a.tender_name, 'Unknown'), sum(r.amount)::bigint
    FROM there_refunds r JOIN aura.refunds a ON a.id = r.aura_id
    CROSS JOIN LATERAL (VALUES ('refunds_by_tender', true), ('credits_by_tender', a.payment_id IS NULL)) x (name, counts)
    WHERE r.state = 'counts' AND x.counts AND pg_input_is_valid(r.day, 'date') GROUP BY r.day, x.name, a.tender_name
    UNION ALL
    SELECT o.day::date, 'marketplace_tax_by_rate', x.name || coalesce(' ' || trim_scale(x.rate_percent)::text || '%%', '')
           || CASE WHEN x.is_inclusive THEN ' incl.' ELSE '' END, sum(x.amount_cents)::bigint
    FROM there_orders o JOIN aura.order_taxes x ON x.order_id = o.aura_id
    WHERE o.state = 'counts' AND x.remitted_by = 'marketplace' AND pg_input_is_valid(o.day, 'date')
    GROUP BY 1, 3
"""
"""The amounts of the causes, out of AuraConnect's rows by day."""


@dataclass
class Ours:
    """Our sums by day: ``{(sum, name): {day: value}}``."""

    sums: dict[tuple[str, str], Amounts] = field(default_factory=dict)

    def names(self, *kinds: str) -> list[str]:
        """The rates or tenders that sums are kept for."""
        return sorted({name for kind, name in self.sums if kind in kinds and name})

    def value(self, amounts: Sequence[tuple[int, str]], names: Sequence[str], day: Day) -> int:
        """Sums with their signs on a day, those that are kept by name over these names."""
        return sum(
            sign * self.sums.get((kind, name), {}).get(day, 0)
            for sign, kind in amounts
            for name in (names if kind in KEPT_BY_NAME else ("",))
        )


@dataclass(frozen=True)
class Column:
    """One figure of the report: for which of its names, which of ours they mean, and what it says by day."""

    figure: str
    name: str
    names: tuple[str, ...]
    values: Amounts

    @property
    def label(self) -> str:
        """The figure and its name, as findings show it."""
        return f"{self.figure}: {self.name}" if self.name else self.figure


@dataclass(frozen=True)
class Agreement:
    """What comparing with the report gave. ``passed`` None: too little to be confirmed by, ``value`` says what is lacking."""

    passed: bool | None
    value: str | None
    evidence: dict[str, Any]


def judge_report(case: OrdersCase) -> Agreement | None:
    """Compare every imported day that the history covers whole; None where no report was imported.

    Adds the third column to ``migration.daily_reconciliation``; differences without a cause go to ``orders_found``.
    """
    report = _report(case)
    if not report:
        return None
    first, last = _covered(case)
    ours = _ours(case)
    compared: set[Day] = set()
    off = 0
    causes_found: dict[str, list[str]] = {}
    for column in _columns(report, ours):
        rule = FIGURES[column.figure]
        values = {day: value for day, value in sorted(column.values.items()) if first < day < last}
        if not values:
            continue
        compared.update(values)
        base = {day: ours.value(rule.sums, column.names, day) for day in values}
        causes, left = _explain(rule, ours, column.names, {day: values[day] - base[day] for day in values})
        if causes:
            causes_found[column.label] = [cause.name for cause in causes]
            _accept(case, column, causes, sum(base.values()) - sum(values.values()) + sum(left.values()))
        _store(case, column, rule, values, base, causes, ours)
        off += _report_left(case, column, rule, values, base, left)
    families = {name for name, figures in FAMILIES.items() if any(figure in figures for figure, _ in report)}
    return _agreement(compared, off, families, causes_found, report, ours)


def _report(case: OrdersCase) -> dict[tuple[str, str], Amounts]:
    found: dict[tuple[str, str], Amounts] = {}
    for day, figure, name, value in case.rows(
        "SELECT business_date, metric, name, coalesce(cents, count) FROM migration.pos_daily_reports "
        "WHERE location_key = %(location_key)s AND coalesce(cents, count) IS NOT NULL"
    ):
        found.setdefault((figure, name), {})[day] = value
    return found


def _covered(case: OrdersCase) -> tuple[Day, Day]:
    """Between these days, both not included, the history holds whole days."""
    end = case.options.history.until or case.now
    begin = months_before(end, case.options.history.months)
    return case.rule.day(begin), case.rule.day(end)


def _ours(case: OrdersCase) -> Ours:
    ours = Ours()
    for day, metric, name, value in case.rows(
        "SELECT business_date, metric, name, pos_value FROM migration.daily_reconciliation WHERE migration_id = %(migration)s"
    ):
        ours.sums.setdefault((metric, name), {})[day] = value
    for day, metric, name, value in case.rows(SUMS):
        ours.sums.setdefault((metric, name), {})[day] = value
    for day, metric, name, value in list(_by_class(ours)):
        amounts = ours.sums.setdefault((metric, name), {})
        amounts[day] = amounts.get(day, 0) + value
    return ours


def _by_class(ours: Ours) -> Iterable[tuple[Day, str, str, int]]:
    """Charges and lines of other classes, each class under a name of its own, and what they come to together."""
    for (metric, name), amounts in list(ours.sums.items()):
        for day, value in amounts.items():
            if metric == "charges":
                yield day, {"auto_gratuity": "gratuity"}.get(name, name), "", value
                if name not in ("auto_gratuity", "cash_rounding", "service"):
                    yield day, "service", "", value
            elif metric == "non_sale" and name:
                yield day, name, "", value
                yield day, "non_sale", "", value


def _columns(report: Mapping[tuple[str, str], Amounts], ours: Ours) -> list[Column]:
    """The report's figures that are compared. Names that mean the same of ours are added up; what it does not name is 0."""
    columns = [Column(figure, "", (), values) for (figure, name), values in report.items() if figure not in BY_NAME]
    for figure in sorted({figure for figure, _ in report} & set(BY_NAME)):
        by_name = {name: values for (one, name), values in report.items() if one == figure}
        kinds = ("tax_by_rate",) if figure == "tax_by_rate" else ("payments", "refunds_by_tender")
        known = ours.names(*kinds)
        meant = {name: _meant(name, known, kinds[0]) for name in by_name if not _is_rest(name, known)}
        named = {one for names in meant.values() for one in names}
        unnamed = tuple(one for one in known if one not in named)
        meant |= {name: unnamed for name in by_name if name not in meant}
        groups: dict[tuple[str, ...], list[str]] = {}
        for name in sorted(by_name):
            groups.setdefault(meant[name] or ("", name), []).append(name)
        if not any(_is_rest(name, known) for name in by_name):
            groups |= {(one,): [] for one in unnamed}
        days = {day for values in by_name.values() for day in values}
        for names, theirs in groups.items():
            values = {day: sum(by_name[name].get(day, 0) for name in theirs) for day in days}
            columns.append(Column(figure, " + ".join(theirs or names), names, values))
    return sorted((c for c in columns if c.figure in FIGURES), key=lambda c: (c.figure, c.name))


def _is_rest(name: str, known: Sequence[str]) -> bool:
    return _word(name) in REST and name not in known


def _meant(name: str, known: Sequence[str], kind: str) -> tuple[str, ...]:
    spelled = _word(name)
    if same := [one for one in known if _word(one) == spelled]:
        return tuple(same)
    if kind == "payments":
        return tuple(one for one in known if spelled in ALIASES.get(one, ()))
    # "State" for "State 6.25%": a report that names a tax without its rate means all rates of that name.
    return tuple(one for one in known if _word(one.removesuffix(" incl.").rpartition(" ")[0]) == spelled)


def _word(text: str) -> str:
    return "".join(c for c in text.casefold() if c.isalnum() or c in ".%")


def _explain(rule: Figure, ours: Ours, names: Sequence[str], differences: Amounts) -> tuple[tuple[Cause, ...], Amounts]:
    """The smallest set of causes that leaves the fewest days unexplained, and what it leaves of them."""
    if not any(differences.values()):
        return (), differences
    moved = {cause: {day: ours.value(cause.amounts, names, day) for day in differences} for cause in rule.causes}
    able = [cause for cause, amounts in moved.items() if any(amounts.values())]
    best: tuple[Cause, ...] = ()
    left = differences
    for number in range(1, min(len(able), MOST_CAUSES) + 1):
        for chosen in combinations(able, number):
            rest = {day: value - sum(moved[cause][day] for cause in chosen) for day, value in differences.items()}
            if _unexplained(rest) < _unexplained(left):
                best, left = chosen, rest
        if not _unexplained(left):
            break
    return best, left


def _unexplained(left: Amounts) -> int:
    return sum(1 for value in left.values() if value)


def _store(
    case: OrdersCase, column: Column, rule: Figure, values: Amounts, base: Amounts, causes: Sequence[Cause], ours: Ours
) -> None:
    """Put the report's figure beside ours, with what its causes come to."""
    is_ours = bool(rule.metric) and len(column.names) <= 1
    metric, name = (rule.metric, "".join(column.names)) if is_ours else (column.figure, column.name)
    rows = []
    for day in values:
        moved = {cause.name: ours.value(cause.amounts, column.names, day) for cause in causes}
        told = [{"cause": cause, "value": value, "of": "report"} for cause, value in moved.items() if value]
        rows.append([case.subject.migration_id, day, metric, name, base[day], base[day], values[day], Jsonb(told)])
    with case.connection.cursor() as cursor:
        cursor.executemany(
            """
            INSERT INTO migration.daily_reconciliation AS d
                (migration_id, business_date, metric, name, pos_value, aura_value, report_value, causes)
            VALUES (%s, %s, %s, %s, %s, %s, %s, %s)
            ON CONFLICT (migration_id, business_date, metric, name) DO UPDATE
            SET report_value = excluded.report_value, causes = d.causes || excluded.causes
            """,
            rows,
        )


def _report_left(case: OrdersCase, column: Column, rule: Figure, values: Amounts, base: Amounts, left: Amounts) -> int:
    """A finding for each day on which something is left; returns how many."""
    days = [day for day, rest in left.items() if rest]
    for day in days:
        case.run(
            f"""
            INSERT INTO {FOUND} VALUES (%(check)s, 'days', %(key)s, to_jsonb(%(value)s::bigint), to_jsonb(%(ours)s::bigint),
                %(off)s, 'the POS''s report says otherwise, and no known way of counting explains it', true)
            """,
            check=words.POS_REPORT,
            key=f"{day} {column.label}",
            value=values[day],
            ours=base[day],
            off=None if rule.is_count else -left[day],
        )
    return len(days)


def _accept(case: OrdersCase, column: Column, causes: Sequence[Cause], cents: int) -> None:
    """One finding per figure that is counted otherwise, with the causes."""
    case.run(
        f"INSERT INTO {FOUND} VALUES (%(check)s, 'report', %(key)s, NULL, NULL, %(cents)s, %(cause)s, false)",
        check=words.POS_REPORT,
        key=column.label,
        cents=cents,
        cause="the report counts otherwise: " + "; ".join(cause.name for cause in causes),
    )


def _agreement(
    compared: set[Day],
    off: int,
    families: set[str],
    causes: Mapping[str, Sequence[str]],
    report: Mapping[tuple[str, str], Amounts],
    ours: Ours,
) -> Agreement:
    has_weekend = any(day.weekday() >= 5 for day in compared)
    given_back = {day for kind in ("refunds", "returns") for day, value in report.get((kind, ""), {}).items() if value}
    given_back |= {day for day, value in ours.sums.get(("refunds", ""), {}).items() if value}
    lacking = [
        *([f"{ENOUGH} days (it has {len(compared)})"] if len(compared) < ENOUGH else []),
        *(["a weekend"] if not has_weekend else []),
        *(["a day with a refund"] if not given_back & compared else []),
        *(sorted(set(FAMILIES) - families)),
    ]
    evidence = {
        "days": len(compared),
        "first_day": min(compared).isoformat() if compared else None,
        "last_day": max(compared).isoformat() if compared else None,
        "figures_off": off,
        "counted_otherwise": {figure: list(names) for figure, names in causes.items()},
        "compared_with_nothing": sorted({figure for figure, _ in report if figure not in FIGURES}),
        "lacking": lacking,
    }
    if off:
        return Agreement(False, f"{off:,} figures of {len(compared):,} days disagree", evidence)
    if lacking:
        return Agreement(None, f"{DERIVED}: the report lacks {', '.join(lacking)}", evidence)
    return Agreement(True, f"{len(compared):,} days agree", evidence)
