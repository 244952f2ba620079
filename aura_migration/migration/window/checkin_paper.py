"""The daily check-in in words: the facts of ``checkin.py`` as a paper for owner, accountant and specialist."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from aura_migration.core.money import show
from aura_migration.cutover.gates.result import said
from aura_migration.migration.window.papers import Bar, Bars, Block, Facts, Lines, Paper, Table, Tone

TONES: dict[str, Tone] = {"clean": "good", "different": "bad", "pending": "wait", "closed": "quiet"}
ANSWERS = {
    "clean": "Clean: both systems agree.",
    "different": "Different: something is unexplained.",
    "pending": "Pending: not everything is known yet.",
    "closed": "Closed: neither system traded.",
}
FINDINGS = 25
"""Orders that are shown; the day's findings have all."""
KINDS = 40
"""Kinds not yet seen that are shown."""
_SHEET = (
    *(
        "orders",
        "gross_cents",
        "discounts_cents",
        "net_cents",
        "charges_cents",
        "tax_cents",
        "gratuity_cents",
        "tips_cents",
    ),
    *("total_cents", "paid_cents", "refunds_cents", "refunded_tax_cents"),
)


def check_in_paper(facts: Mapping[str, Any]) -> Paper:
    """The check-in of :func:`check_in_facts` in words."""
    words = _Words(facts["currency"], facts["timezone"])
    day, window = facts["day"], facts["window"]
    blocks: list[Block] = [
        *([Lines("To do", facts["to_do"])] if facts["to_do"] else []),
        _of_the_day(facts, words),
        *([_figures(day, words)] if day["figures"] else []),
        _causes(day, words),
        *([_findings(facts, words)] if facts["findings"] else []),
        *([_sheet(facts["sheet"], words)] if facts["sheet"] else []),
        _chart(facts),
        _of_the_window(facts, words),
        _uncovered(facts),
        *([_rules(facts, words)] if facts["known_differences"] else []),
        *([_gates(facts)] if facts["gates"] else []),
        _waiting(facts["waits"], words),
        _contacts(facts["contact"]),
    ]
    final = "final" if day["is_final"] else f"may change until {words.at(day['final_at'])}"
    share = "" if day["unexplained_pct"] is None else f" ({day['unexplained_pct']:g} %)"
    amount = (
        f" {words.money(day['unexplained_cents'])} unexplained{share}; {final}." if day["verdict"] != "closed" else ""
    )
    return Paper(
        title=f"Check-in {facts['business_date']}: {facts['restaurant']}, {facts['location']}",
        subtitle=f"Day {window['day']} of {window['planned_days']} · {facts['location_key']} · migration {facts['migration_id']} · "
        f"{facts['phase']} · {words.at(facts['made_at'])}",
        answer=ANSWERS[day["verdict"]] + amount,
        tone=TONES[day["verdict"]],
        blocks=blocks,
        footer="Orders that AuraConnect priced itself are evidence; copied orders show completeness only.",
    )


@dataclass(frozen=True)
class _Words:
    """How amounts and instants are said at this location."""

    currency: str
    timezone: str

    def money(self, cents: int | None) -> str:
        return "" if cents is None else f"{show(int(cents), self.currency)} {self.currency}"

    def number(self, cents: int | None) -> str:
        return "" if cents is None else show(int(cents), self.currency)

    def at(self, instant: str | None) -> str:
        if instant is None:
            return "never"
        local = datetime.fromisoformat(instant).astimezone(ZoneInfo(self.timezone))
        return f"{local:%Y-%m-%d %H:%M %Z}"


def _of_the_day(facts: Mapping[str, Any], words: _Words) -> Facts:
    day = facts["day"]
    pairs = [
        ("verdict", day["verdict"] + (", final" if day["is_final"] else "")),
        (
            "orders",
            f"POS {day['orders_pos']}, AuraConnect {day['orders_aura']}, priced by AuraConnect {day['orders_priced']}",
        ),
        ("missing, extra", f"{day['missing']}, {day['extra']}"),
        ("gross", words.money(day["gross_cents"])),
        ("unexplained", f"{words.money(day['unexplained_cents'])}, net {words.money(day['signed_cents'])}"),
        ("explained", words.money(day["explained_cents"])),
        ("may still settle", words.money(day["pending_cents"])),
        ("tax, payments", f"{words.money(day['tax_cents'])}, {words.money(day['payments_cents'])} unexplained"),
        ("closed", words.at(day["closes_at"])),
        ("POS read until", words.at(day["read_until"])),
        ("judged", f"{words.at(day['judged_at'])}, attempt {day['attempts']}"),
    ]
    return Facts("The day", pairs + [("why", reason) for reason in day["reasons"]])


def _figures(day: Mapping[str, Any], words: _Words) -> Table:
    rows = []
    for name, each in day["figures"].items():
        values = [each.get(part) for part in ("pos", "aura", "difference")]
        is_count = name == "orders"
        rows.append([_spoken(name), *(str(v) if is_count and v is not None else words.number(v) for v in values)])
    return Table(
        "Both daily reports",
        ("figure", "POS", "AuraConnect", "difference"),
        rows,
        f"From independent paths, {words.currency}.",
        numbers=frozenset({1, 2, 3}),
        widths=(3, 2, 2, 2),
    )


def _causes(day: Mapping[str, Any], words: _Words) -> Table:
    rows, tones = [], list[Tone]()
    open_word, open_tone = "NO", TONES["different"]
    if day["verdict"] == "pending":
        open_word, open_tone = "not yet", TONES["pending"]
    for one in day["causes"]:
        proof = (
            f"known difference {one['rule_id']}" if one.get("rule_id") else "yes" if one["is_explained"] else open_word
        )
        name = _spoken(one["cause"]) + (", as AuraConnect would price it" if one.get("is_shadow") else "")
        rows.append([name, proof, str(one["orders"]), words.number(one["cents"])])
        tones.append("good" if one["is_explained"] else open_tone)
    note = f"They add up to the difference exactly, {words.currency}." if rows else "Nothing differs."
    return Table(
        "Causes", ("cause", "explained", "orders", "amount"), rows, note, tones, frozenset({2, 3}), (4, 3, 1, 2)
    )


def _findings(facts: Mapping[str, Any], words: _Words) -> Table:
    rows = [
        [one["order_key"], _spoken(one["cause"]), _spoken(one["part"]), one["status"], words.number(one["cents"])]
        for one in facts["findings"]
    ]
    return Table(
        "Orders to look at",
        ("order", "cause", "part", "status", "amount"),
        rows,
        f"The largest {len(rows)}." if len(rows) == FINDINGS else "",
        ["bad" if one["status"] == "unexplained" else "wait" for one in facts["findings"]],
        frozenset({4}),
        (4, 3, 2, 2, 2),
    )


def _sheet(sheet: Mapping[str, Any], words: _Words) -> Table:
    columns = [sheet[name] for name in ("pos", "auraconnect", "total")]
    rows = [
        [
            _spoken(name.removesuffix("_cents")),
            *(str(c[name]) if name == "orders" else words.number(c[name]) for c in columns),
        ]
        for name in _SHEET
    ]
    for tender in sorted(sheet["total"]["tenders"]):
        paid = [c["tenders"].get(tender, {}).get("collected_cents", 0) for c in columns]
        rows.append([f"collected {tender}", *(words.number(cents) for cents in paid)])
    left_out = f" {sheet['left_out']} orders stand in both systems and count once." if sheet["left_out"] else ""
    return Table(
        "Consolidated sheet: every sale once",
        ("", "old POS", "AuraConnect", "together"),
        rows,
        f"{words.currency}.{left_out}",
        numbers=frozenset({1, 2, 3}),
        widths=(3, 2, 2, 2),
    )


def _chart(facts: Mapping[str, Any]) -> Bars:
    bars = []
    for one in facts["days"]:
        verdict = one["verdict"] or ("never judged" if one["is_missing"] else one["state"])
        pct = one["unexplained_pct"]
        tone: Tone = "bad" if one["is_missing"] else TONES.get(verdict, "quiet")
        text = verdict if pct is None else f"{verdict}, {pct:g} % unexplained"
        bars.append(
            Bar(one["business_date"][5:], pct if one["verdict"] in ("clean", "different") else None, tone, text)
        )
    return Bars(
        "Unexplained differences by day, in percent of gross",
        bars,
        " %",
        facts["tolerance_pct"],
        "Green clean, red different or missing, amber pending, grey closed or still to come.",
    )


def _of_the_window(facts: Mapping[str, Any], words: _Words) -> Facts:
    row, drift, coverage = facts["in_a_row"], facts["drift"], facts["coverage"]
    count = {verdict: sum(one["verdict"] == verdict for one in facts["days"]) for verdict in TONES}
    share = "" if drift["pct"] is None else f" ({drift['pct']:.3f} % of gross)"
    lacking_days = [one["business_date"] for one in facts["days"] if one["is_missing"]]
    return Facts(
        "The window",
        [
            ("clean days in a row", f"{row['clean']} of {row['needed']} needed"),
            ("days", ", ".join(f"{number} {verdict}" for verdict, number in count.items() if number) or "none judged"),
            ("missing days", ", ".join(lacking_days) or "none"),
            (
                "drift",
                f"{words.money(drift['signed_cents'])}{share}{': it leans one way' if drift['is_drift'] else ''}",
            ),
            ("coverage", "not measured" if coverage["pct"] is None else f"{coverage['pct']:g} %"),
            ("planned", f"{facts['window']['first_day']} to {facts['window']['last_day']}"),
        ],
    )


def _uncovered(facts: Mapping[str, Any]) -> Table:
    coverage = facts["coverage"]
    asked = [
        [_spoken(one["dimension"]), _spoken(one["name"]), str(one["expected"]), str(one["seen"]), "yes"]
        for one in coverage["lacking"]
    ]
    rare = [
        [_spoken(one["dimension"]), _spoken(one["name"]), str(one["expected"]), "0", "too rare"]
        for one in coverage["never"]
        if not one["is_required"]
    ]
    return Table(
        "Not yet seen in the window",
        ("kind", "name", "a usual window has", "seen", "asked for"),
        [*asked, *rare][:KINDS],
        f"Asked for {coverage['times']} times each, on days that were compared.",
        numbers=frozenset({2, 3}),
        widths=(2, 4, 2, 1, 2),
    )


def _rules(facts: Mapping[str, Any], words: _Words) -> Table:
    rows = [
        [
            _spoken(one["cause"]),
            one["reason"],
            one["owner"],
            f"{one['expires_on']}{' (soon)' if one['expires_soon'] else ''}",
            str(one["used"]),
            words.number(one["used_cents"]),
        ]
        for one in facts["known_differences"]
    ]
    return Table(
        "Known differences",
        ("cause", "why", "who answers", "until", "used", "amount"),
        rows,
        numbers=frozenset({4, 5}),
        widths=(3, 4, 2, 2, 1, 2),
    )


def _gates(facts: Mapping[str, Any]) -> Table:
    tones: dict[str, Tone] = {"passed": "good", "waived": "wait", "stale": "wait", "not measured": "wait"}
    rows, colours = [], list[Tone]()
    for one in sorted(facts["gates"], key=lambda gate: gate["holds"]):
        age = "" if one["age_minutes"] is None else said(timedelta(minutes=one["age_minutes"]))
        todo = "" if one["passed"] is True else one["remedy"]
        rows.append([_spoken(one["name"]), one["verdict"], one["value"], age, one["owner"], todo])
        colours.append(tones.get(one["verdict"], "bad"))
    open_gates = sum(not one["holds"] for one in facts["gates"])
    return Table(
        f"Gates of the next channel: {_spoken(facts['channel'])}",
        ("gate", "answer", "measured", "age", "owner", "what to do"),
        rows,
        f"{open_gates} of {len(rows)} do not hold." if open_gates else f"All {len(rows)} hold.",
        colours,
        frozenset({3}),
        (3, 2, 4, 2, 2, 5),
    )


def _waiting(waits: Mapping[str, Any], words: _Words) -> Facts:
    since = f", the oldest since {words.at(waits['menu_changes_since'])}" if waits["menu_changes"] else ""
    return Facts(
        "What waits",
        [
            ("POS read until", words.at(waits["read_until"])),
            ("changes at the POS", f"{waits['menu_changes']} wait for an approval{since}"),
            (
                "for the way back",
                f"{waits['reverse_waiting']} to enter in the old POS, {waits['reverse_failed']} failed",
            ),
            ("scheduled orders", f"{waits['future_orders']} undecided"),
            ("switch", waits["open_switch"] or "none under way"),
        ],
    )


def _contacts(contact: Mapping[str, Any]) -> Facts:
    pairs = []
    for title, who in (("first", contact), ("then", contact.get("second"))):
        if isinstance(who, Mapping) and who:
            told = [str(who[name]) for name in ("name", "phone", "email", "hours") if who.get(name)]
            pairs.append((title, ", ".join(told)))
        elif who:
            pairs.append((title, str(who)))
    return Facts("Whom to call", pairs or [("first", "nobody is named")])


def _spoken(name: str | None) -> str:
    return (name or "").replace("_", " ")
