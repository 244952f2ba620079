"""How the POS's daily reports count: what each figure is derived from, and the closed list of causes by which it may differ.

Declarations only. Every amount is a sum over AuraConnect's rows; how sums and report are held against each other is in
``orders_report.py``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


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
DISCOUNT_TAX = "tax inside discounts is taken out"
PROMISED = "payments that are authorised and not yet captured are counted"
DEFERRED_REFUNDS = "refunds of deferred sales are left out"
STATED_CHARGES = "service charges are what payments state as such"
OTHER_CHARGES = "charges that payments do not state as service charges are order fees"
LONE_TAX = "tax of payments whose order the POS no longer shows is counted"
AS_CARDS = "gift cards that were read as cards are counted as cards"
DEFERRED_DISCOUNT = "discounts on deferred sales are shown with them"
DEFERRED_IN = _cause("deferred sales (gift cards, deposits, payments on account) are counted", "+non_sale")
ROUNDING_IN = _cause("rounding is counted as a charge", "+cash_rounding")
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
        causes=(INCLUDED_OUT, DEFERRED_IN, CHARGES_IN, ROUNDING_IN, _cause(DISCOUNT_TAX, "-discount_tax"),
                _cause("open checks are counted", "+open_gross"),
                _cause("refunds are taken off on the day of the refund", "-refund_gross")),
        metric="gross",
    ),
    "discounts": _figure(
        "+discounts",
        causes=(_cause("discounts on what was given back are taken off", "-refund_discount"),
                _cause(DEFERRED_DISCOUNT, "-deferred_discount"), _cause(DISCOUNT_TAX, "-discount_tax"),
                _cause("open checks are counted", "+open_discount")),
        metric="discounts",
    ),
    "net": _figure(
        "+net", causes=(REFUNDS_OFF, SALE_DAY_OFF, INCLUDED_OUT, CHARGES_IN, CHARGE_REFUNDS_OFF, DEFERRED_IN, OPEN_NET, ROUNDING_IN,
                        _cause(DEFERRED_DISCOUNT, "+deferred_discount"), _cause(DEFERRED_REFUNDS, "+refund_deferred")),
        metric="net",
    ),
    "returns": _figure(
        "+refund_gross", causes=(_cause("refunds of deferred sales are counted", "+refund_rest"),)
    ),
    "refunds": _figure(
        "+refunds",
        causes=(_cause("refunded tips are left out", "-refund_tip"), _cause("refunded tax is left out", "-refund_tax"),
                _cause("charges that were given back are left out", "-refund_charge"),
                _cause(DEFERRED_REFUNDS, "-refund_deferred"),
                _cause("refunds are shown on the day of the sale", "-refunds", "+sale_day_refunds")),
        metric="refunds",
    ),
    "gift_cards": _figure(
        "+gift_card_load",
        causes=(_cause("other deferred sales are counted", "+non_sale", "-gift_card_load"),),
    ),
    "non_revenue": _figure("+non_sale", causes=(_cause("gift cards are shown apart", "-gift_card_load"),
                                                _cause(DEFERRED_DISCOUNT, "-deferred_discount"))),
    "order_fees": _figure("+surcharge", causes=(_cause("delivery charges are order fees", "+delivery"),
                                               _cause("gratuity is counted as an order fee", "+gratuity"),
                                               _cause(OTHER_CHARGES, "+unstated_service"))),
    "service_charges": _figure(
        "+service",
        causes=(_cause("gratuity is counted as a charge", "+gratuity"), CHARGE_REFUNDS_OFF,
                _cause("tax on charges is shown with them", "+charge_tax"),
                _cause("surcharges are shown apart", "-surcharge"), _cause("delivery charges are shown apart", "-delivery"),
                ROUNDING_IN,
                _cause("money raised for a cause is counted as a charge", "+fundraising"),
                _cause("charges are counted on the day of their payment", "-service", "+paid_day_service"),
                _cause(STATED_CHARGES, "-service", "+paid_day_stated_service"),
                _cause("order fees that were given back are not taken off", "+refund_order_fees")),
    ),
    "gratuity": _figure("+gratuity", causes=(_cause("open checks are counted", "+open_gratuity"),)),
    "tips": _figure(
        "+tips",
        causes=(GRATUITY_IN, _cause("refunded tips are taken off", "-refund_tip"),
                _cause("tips are counted on the day of their payment", "-tips", "+paid_tips"),
                _cause("open checks are counted", "+open_tip")),
        metric="tips",
    ),
    "tax": _figure(
        "+tax",
        causes=(_cause("refunded tax is taken off", "-refund_tax"), _cause("tax on charges is shown apart", "-charge_tax"),
                _cause("tax a marketplace remits is shown apart", "-marketplace_tax"), INCLUDED_OUT,
                _cause("tax is counted on the day of its payment", "-tax", "+paid_day_tax"),
                _cause(LONE_TAX, "+lone_tax"),
                _cause("open checks are counted", "+open_tax")),
        metric="tax",
    ),
    "rounding": _figure("+cash_rounding"),
    "fees": _figure("+fees", causes=(_cause("fees that were given back are taken off", "-refund_fee"),)),
    "collected": _figure(
        "+paid", "+paid_tips", "-refunds", "+exchanged",
        causes=(_cause("refunds are not taken off", "+refunds", "-exchanged"), _cause("tips are left out", "-paid_tips")),
    ),
    "tax_by_rate": _figure(
        "+tax_by_rate",
        causes=(_cause("tax a marketplace remits is shown apart", "-marketplace_tax_by_rate"),
                _cause("tax is counted on the day of its payment", "-tax_by_rate", "+paid_day_tax_by_rate"),
                _cause("open checks are counted", "+open_tax_by_rate")),
        metric="tax_by_rate",
    ),
    "tender_amount": _figure(
        "+payments",
        causes=(_cause("tips are counted", "+payment_tips"), _cause("refunds are taken off", "-refunds_by_tender"),
                _cause(PROMISED, "+open_payments"), _cause(AS_CARDS, "+gift_as_card")),
        metric="payments",
    ),
    "tender_net": _figure(
        "+payments", "+payment_tips", "-refunds_by_tender", causes=(_cause("tips are left out", "-payment_tips"), _cause(PROMISED, "+open_payments", "+open_payment_tips"),
                _cause(AS_CARDS, "+gift_as_card", "+gift_as_card_tips")),
    ),
    "tender_total": _figure(
        "+payments", "+payment_tips",
        causes=(_cause("refunds are taken off", "-refunds_by_tender"), _cause(PROMISED, "+open_payments", "+open_payment_tips"),
                _cause(AS_CARDS, "+gift_as_card", "+gift_as_card_tips")),
    ),
    "tender_tips": _figure(
        "+payment_tips", causes=(_cause(PROMISED, "+open_payment_tips"), _cause(AS_CARDS, "+gift_as_card_tips")),
        metric="payment_tips",
    ),
    "tender_count": _figure(
        "+payments_count", causes=(_cause(PROMISED, "+open_payments_count"), _cause(AS_CARDS, "+gift_as_card_count")), metric="payments_count", is_count=True
    ),
    "tender_refunds": _figure("+refunds_by_tender", causes=(_cause("credits are shown apart", "-credits_by_tender"),)),
    "tender_credits": _figure("+credits_by_tender"),
}  # fmt: skip
"""What of a report is compared. Anything else that is imported is kept, and said to be compared with nothing."""
BY_NAME = ("tax_by_rate", *(name for name in FIGURES if name.startswith("tender_")))
"""Figures that a report has by rate or by tender."""
KEPT_BY_NAME = frozenset(
    ("tax_by_rate", "marketplace_tax_by_rate", "paid_day_tax_by_rate", "payments", "payment_tips", "payments_count", "refunds_by_tender",
     "credits_by_tender", "open_tax_by_rate", "open_payments", "open_payment_tips", "open_payments_count", "gift_as_card", "gift_as_card_tips",
     "gift_as_card_count")
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
    "Gift card": ("giftcard", "giftcards", "squaregiftcard", "externalgiftcard", "integratedgiftcard"),
    "House account": ("houseaccount", "houseaccounts"),
}
REST = ("other", "othertenders", "othertender", "otherpayments")
"""A report's word for all tenders that it does not name."""
GIVEN_BACK = ("refund", "refunds", "refunded", "totalrefunds")
"""A report's word for a line among its tenders that is none: what was given back by all of them."""

EXCHANGED = "(a.payment_id IS NULL AND a.return_order_key IS NOT NULL AND coalesce(a.tender_name, '') = 'Exchange')"
"""A refund that no tender gave back: it paid for the order that its return is part of."""
PAID = """
    SELECT p.order_id, p.day, o.key, o.final, o.tax, o.service, p.stated_tax, least(p.upto, o.final) AS upto,
           least(p.upto - p.amount, o.final) AS before
    FROM (SELECT p.order_id, p.day, p.amount, (a.details ->> 'tax_cents')::bigint AS stated_tax,
                 sum(p.amount) OVER (PARTITION BY p.order_id ORDER BY p.processed_at, p.aura_id) AS upto
          FROM {side}_payments p JOIN aura.payments a ON a.id = p.aura_id WHERE p.state = 'counts') p
    JOIN {side}_orders o ON o.aura_id = p.order_id WHERE o.state <> 'voided' AND o.final > 0
"""
"""Every payment with what was paid of its order before and after it: a share of the order's tax comes with it, where the
payment does not state its tax itself."""
SUMS = """
    SELECT day::date, name, '' AS of, sum(value)::bigint FROM (
        SELECT o.day, x.name, x.value FROM {side}_orders o CROSS JOIN LATERAL (VALUES
            ('open_gross', CASE o.state WHEN 'open' THEN o.gross END), ('open_discount', CASE o.state WHEN 'open' THEN o.discount END),
            ('open_tax', CASE o.state WHEN 'open' THEN o.tax END), ('open_tip', CASE o.state WHEN 'open' THEN o.tip END),
            ('open_gratuity', CASE o.state WHEN 'open' THEN o.gratuity END), ('open_orders', CASE o.state WHEN 'open' THEN 1 END),
            ('voided_orders', CASE o.state WHEN 'voided' THEN 1 END)) x (name, value) WHERE x.value <> 0
        UNION ALL
        SELECT o.day, 'unpaid_orders', 1 FROM {side}_orders o WHERE o.state = 'counts' AND NOT EXISTS (
            SELECT 1 FROM {side}_payments p WHERE p.order_id = o.aura_id AND p.state = 'counts')
        UNION ALL
        SELECT o.day, 'split_checks', count(*) - count(DISTINCT coalesce(a.order_group_id, -a.id))
        FROM {side}_orders o JOIN aura.orders a ON a.id = o.aura_id WHERE o.state = 'counts' GROUP BY o.day
        UNION ALL
        SELECT o.day, 'charge_tax', c.tax_cents FROM {side}_orders o JOIN aura.order_service_charges c ON c.order_id = o.aura_id
        WHERE o.state = 'counts' AND c.tax_cents <> 0
        UNION ALL
        SELECT o.day, 'marketplace_tax', t.amount_cents FROM {side}_orders o JOIN aura.order_taxes t ON t.order_id = o.aura_id
        WHERE o.state = 'counts' AND t.remitted_by = 'marketplace'
        UNION ALL
        SELECT o.day, 'discount_tax', round(i.line_subtotal_cents * x.percent / (100 + x.percent)) - x.cents
        FROM {side}_orders o JOIN aura.order_items i ON i.order_id = o.aura_id AND i.line_discount_cents <> 0 AND NOT i.is_voided
        JOIN LATERAL (SELECT sum(x.rate_percent) AS percent, sum(x.amount_cents) AS cents FROM aura.order_taxes x
                      WHERE x.order_id = o.aura_id AND x.order_item_id = i.id AND x.is_inclusive) x ON x.percent > 0
        WHERE o.state = 'counts' AND o.included_tax <> 0 AND o.discount <> 0
        UNION ALL
        SELECT o.day, 'deferred_discount',
               i.of_deferred + coalesce(round((o.discount - i.of_lines) * (o.non_sale - i.of_deferred)
                                              / nullif(o.subtotal - i.of_lines, 0)), 0)
        FROM {side}_orders o CROSS JOIN LATERAL (
            SELECT coalesce(sum(i.line_discount_cents), 0) AS of_lines,
                   coalesce(sum(i.line_discount_cents) FILTER (WHERE i.revenue_class <> 'sale'), 0) AS of_deferred
            FROM aura.order_items i WHERE i.order_id = o.aura_id AND NOT i.is_voided) i
        WHERE o.state = 'counts' AND o.non_sale <> 0 AND o.discount <> 0
        UNION ALL
        SELECT p.day, x.name, coalesce(x.stated, round(x.value * p.upto / p.final) - round(x.value * p.before / p.final))
        FROM ({paid}) p
        CROSS JOIN LATERAL (VALUES ('paid_day_tax', p.tax, p.stated_tax), ('paid_day_service', p.service, NULL)) x (name, value, stated)
        WHERE x.value <> 0 OR x.stated <> 0
        UNION ALL
        SELECT p.day, 'paid_day_stated_service', (a.details ->> 'service_charge_cents')::bigint
        FROM {side}_payments p JOIN aura.payments a ON a.id = p.aura_id
        WHERE p.state = 'counts' AND a.details ? 'service_charge_cents'
        UNION ALL
        SELECT o.day, 'unstated_service', c.amount_cents
        FROM {side}_orders o JOIN aura.order_service_charges c ON c.order_id = o.aura_id AND c.charge_class = 'service'
        JOIN (SELECT p.order_id FROM {side}_payments p JOIN aura.payments a ON a.id = p.aura_id WHERE p.state = 'counts'
              GROUP BY p.order_id HAVING NOT bool_or(a.details ? 'service_charge_cents' IS TRUE)) p ON p.order_id = o.aura_id
        WHERE o.state <> 'voided'
        UNION ALL
        SELECT p.day, 'lone_tax', (a.details ->> 'tax_cents')::bigint FROM {side}_payments p JOIN aura.payments a ON a.id = p.aura_id
        WHERE p.state = 'counts' AND p.order_id IS NULL AND a.details ? 'tax_cents'
        UNION ALL
        SELECT p.day, 'fees', p.fee FROM {side}_payments p WHERE p.state = 'counts' AND p.fee <> 0
        UNION ALL
        SELECT p.day, x.name, x.value FROM {side}_payments p
        CROSS JOIN LATERAL (VALUES ('paid', p.amount), ('paid_tips', p.tip)) x (name, value) WHERE p.state = 'counts'
        UNION ALL
        SELECT x.day, x.name, x.value FROM {side}_refunds r JOIN aura.refunds a ON a.id = r.aura_id
        LEFT JOIN LATERAL (
            SELECT sum(i.gross_cents) AS gross, sum(i.discount_cents) AS discount,
                   sum(coalesce(i.net_cents, i.gross_cents - i.discount_cents)) AS net,
                   sum(coalesce(i.net_cents, i.gross_cents - i.discount_cents)) FILTER (WHERE EXISTS (
                       SELECT 1 FROM aura.order_items s WHERE s.order_id = a.order_id AND s.source_line_id = i.source_line_id
                       AND s.revenue_class <> 'sale')) AS deferred
            FROM aura.refund_items i WHERE i.refund_id = r.aura_id) i ON true
        CROSS JOIN LATERAL (SELECT coalesce(r.net, r.amount - coalesce(r.tax, 0) - coalesce(r.tip, 0) - coalesce(r.charge, 0))
                            AS net) n
        CROSS JOIN LATERAL (VALUES
            (r.day, 'refund_net', n.net), (r.day, 'refund_tax', r.tax), (r.day, 'refund_tip', r.tip),
            (r.day, 'refund_charge', r.charge), (r.day, 'refund_gross', coalesce(i.gross, n.net)),
            (r.day, 'refund_discount', coalesce(i.discount, 0)), (r.day, 'refund_deferred', CASE WHEN i.deferred <> 0 THEN round(i.deferred * least(n.net, i.net) / nullif(i.net, 0)) END), (r.day, 'refund_rest', n.net - coalesce(i.gross - i.discount, n.net)),
            (r.day, 'refund_order_fees', (a.details ->> 'order_fee_cents')::bigint),
            (r.day, 'refund_fee', a.fee_refunded_cents), (r.day, 'exchanged', CASE WHEN {exchanged} THEN r.amount END),
            (coalesce(r.sale_day, r.day), 'sale_day_refunds', r.amount),
            (coalesce(r.sale_day, r.day), 'sale_day_net', n.net)) x (day, name, value)
        WHERE r.state = 'counts' AND x.value <> 0) s
    WHERE pg_input_is_valid(day, 'date') GROUP BY day, name
    UNION ALL
    SELECT r.day::date, x.name, coalesce(a.tender_name, 'Unknown'), sum(r.amount)::bigint
    FROM {side}_refunds r JOIN aura.refunds a ON a.id = r.aura_id
    CROSS JOIN LATERAL (VALUES ('refunds_by_tender', true), ('credits_by_tender', a.payment_id IS NULL AND NOT EXISTS (
        SELECT 1 FROM orders_outside x WHERE x.kind = 'refunds' AND x.key = r.key AND x.field = 'payment_key'))) x (name, counts)
    WHERE r.state = 'counts' AND x.counts AND NOT {exchanged} AND pg_input_is_valid(r.day, 'date') GROUP BY r.day, x.name, a.tender_name
    UNION ALL
    SELECT o.day::date, 'marketplace_tax_by_rate', x.name || coalesce(' ' || trim_scale(x.rate_percent)::text || '%%', '')
           || CASE WHEN x.is_inclusive THEN ' incl.' ELSE '' END, sum(x.amount_cents)::bigint
    FROM {side}_orders o JOIN aura.order_taxes x ON x.order_id = o.aura_id
    WHERE o.state = 'counts' AND x.remitted_by = 'marketplace' AND pg_input_is_valid(o.day, 'date')
    GROUP BY 1, 3
    UNION ALL
    SELECT p.day::date, 'paid_day_tax_by_rate', t.name,
           sum(round(t.cents * p.upto / p.final) - round(t.cents * p.before / p.final))::bigint
    FROM ({paid}) p JOIN there_parts t ON t.key = p.key AND t.part = 'tax_by_rate'
    WHERE pg_input_is_valid(p.day, 'date') GROUP BY 1, 3
    UNION ALL
    SELECT o.day::date, 'open_tax_by_rate', t.name, sum(t.cents)::bigint
    FROM {side}_orders o JOIN there_parts t ON t.key = o.key AND t.part = 'tax_by_rate'
    WHERE o.state = 'open' AND pg_input_is_valid(o.day, 'date') GROUP BY 1, 3
    UNION ALL
    SELECT p.day::date, x.name, p.tender, sum(x.value)::bigint FROM {side}_payments p
    CROSS JOIN LATERAL (VALUES ('open_payments', p.amount), ('open_payment_tips', p.tip), ('open_payments_count', 1))
        x (name, value)
    WHERE p.state = 'open' AND pg_input_is_valid(p.day, 'date') GROUP BY 1, 2, 3
    UNION ALL
    SELECT p.day::date, x.name, t.name, sum(t.sign * x.value)::bigint
    FROM {side}_payments p JOIN aura.payments a ON a.id = p.aura_id
    CROSS JOIN (VALUES ('Card', 1), (NULL, -1)) s (name, sign) CROSS JOIN LATERAL (SELECT coalesce(s.name, p.tender) AS name, s.sign) t
    CROSS JOIN LATERAL (VALUES ('gift_as_card', p.amount), ('gift_as_card_tips', p.tip), ('gift_as_card_count', 1)) x (name, value)
    WHERE p.state = 'counts' AND a.method = 'gift_card' AND a.card_brand LIKE '%%GIFT_CARD' AND pg_input_is_valid(p.day, 'date')
    GROUP BY 1, 2, 3
""".replace("{paid}", PAID).replace("{exchanged}", EXCHANGED)
"""The amounts of the causes, out of AuraConnect's rows by day; ``side`` is whose days."""
