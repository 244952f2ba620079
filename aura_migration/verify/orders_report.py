"""The POS's own daily report as the third column: does what is derived here agree with what the restaurant is shown there?

Reports define their figures in their own ways: tips with or without gratuity, tax with or without what was given back. A
difference is explained only by causes out of a closed list, and only where the amounts of a cause, which are counted from
orders, payments and refunds and never from the difference, add up to it exactly on every day. One and the same set of causes
must hold for a figure on all days: what explains but some days explains nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from itertools import combinations
from typing import Any

from psycopg.types.json import Jsonb

from aura_migration.core.clock import months_before
from aura_migration.verify import findings as words
from aura_migration.verify.orders_case import CASH, FOUND, OrdersCase
from aura_migration.verify.orders_days import sums_of
from aura_migration.verify.orders_earlier import earlier_states, told_changes
from aura_migration.verify.orders_figures import (
    ALIASES,
    BY_NAME,
    FAMILIES,
    FIGURES,
    GIVEN_BACK,
    KEPT_BY_NAME,
    LONE_TAX,
    REST,
    SUMS,
    Cause,
    Figure,
)
from aura_migration.verify.orders_redated import other_days

DERIVED = "derived, not confirmed"
ENOUGH = 7
"""Days a report must cover, with a Saturday or Sunday and a day with a refund among them."""
MOST_CAUSES = 5
UNCHANGED = ("payouts", "payout_fees", *CASH)
"""What is no order, payment or refund: earlier states are not told of it."""
Day = date
Amounts = dict[Day, int]


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
class Held:
    """A column against ours: what the report says and what we come to by day, the causes, and what they leave."""

    column: Column
    values: Amounts
    base: Amounts
    causes: tuple[Cause, ...]
    left: Amounts
    changed: Amounts = field(default_factory=dict)
    """By how much a day's figure moved through changes that came after the report was made, where they explain what is left."""

    @property
    def off(self) -> list[Day]:
        """The days on which something is left."""
        return [day for day, rest in self.left.items() if rest]


@dataclass(frozen=True)
class Agreement:
    """What comparing with the report gave. ``passed`` None: too little to be confirmed by, ``value`` says what is lacking."""

    passed: bool | None
    value: str | None
    evidence: dict[str, Any]


def judge_report(case: OrdersCase) -> Agreement | None:
    """Compare every imported day that the history covers whole; None where no report was imported.

    Adds the third column to ``migration.daily_reconciliation``; differences without a cause go to ``orders_found``. A report
    whose days begin or are told otherwise is held against the same orders dated by its rule, where that leaves less.
    """
    report = _report(case)
    if not report:
        return None
    ours, told_by = _ours(case), ""
    held = _hold(case, report, ours)
    for label in other_days(case) if any(one.off for one in held) else ():
        there = _kept(case, "alt")
        again = _hold(case, report, there)
        if sum(len(one.off) for one in again) * 2 < sum(len(one.off) for one in held):
            ours, held, told_by = there, again, label
    made_before: dict[Day, str] = {}
    if not told_by and any(one.off for one in held):
        held, made_before = _before_changes(case, report, ours, held)
    for one in held:
        _store(case, one, ours, is_beside=not told_by)
        _tell(case, one, made_before)
    if told_by:
        _accept(case, "days", 0, told_by)
    return _agreement(case, held, report, ours, told_by)


def _before_changes(
    case: OrdersCase, report: Mapping[tuple[str, str], Amounts], ours: Ours, held: list[Held]
) -> tuple[list[Held], dict[Day, str]]:
    """Hold files that do not agree against what stood before later loads; what was changed since, by day, where they agree then.

    A file is of one moment: the same earlier state holds for all its days and figures. Where it leaves a difference, the
    figure stays as far off as it is now.
    """
    files = _files(case)
    off = {files[day] for one in held for day in one.off}
    days = sorted(day for day, sha in files.items() if sha in off)
    fewest = {sha: sum(files[day] == sha for one in held for day in one.off) for sha in off}
    best: dict[str, tuple[Ours, dict[Day, str]]] = {}
    for _ in earlier_states(case, days):
        there = _kept(case, "old")
        again = _hold(case, report, _mixed(ours, there, days))
        for sha in off:
            number = sum(files[day] == sha for one in again for day in one.off)
            if number < fewest[sha]:
                of_file = [day for day in days if files[day] == sha]
                fewest[sha] = number
                best[sha] = there, {day: text for day in of_file if (text := told_changes(case, day))}
    if not best:
        return held, {}
    mixed, told = ours, dict[Day, str]()
    for sha, (there, changes) in best.items():
        mixed = _mixed(mixed, there, [day for day in days if files[day] == sha])
        told |= changes
    found = []
    for one in _hold(case, report, mixed):
        base = {day: ours.value(FIGURES[one.column.figure].sums, one.column.names, day) for day in one.values}
        moved = {
            day: sum(ours.value(cause.amounts, one.column.names, day) for cause in one.causes) for day in one.values
        }
        now = {day: value - base[day] - moved[day] for day, value in one.values.items()}
        changed = {day: now[day] for day in now if now[day] and not one.left[day] and day in told}
        left = {day: 0 if day in changed else now[day] if one.left[day] else one.left[day] for day in now}
        found.append(replace(one, base=base, left=left, changed=changed))
    return found, told


def _files(case: OrdersCase) -> dict[Day, str]:
    """Which file a day's figures are of; where several tell of it, the last one."""
    rows = case.rows(
        "SELECT DISTINCT ON (business_date) business_date, file_sha256 FROM migration.pos_daily_reports "
        "WHERE location_key = %(location_key)s ORDER BY business_date, at DESC, file_sha256"
    )
    return dict(rows)


def _mixed(ours: Ours, there: Ours, days: Sequence[Day]) -> Ours:
    """Our sums with those of some days in another state."""
    instead = set(days)
    mixed = Ours({key: {d: v for d, v in amounts.items() if d not in instead} for key, amounts in ours.sums.items()})
    for key, amounts in there.sums.items():
        mixed.sums.setdefault(key, {}).update({day: value for day, value in amounts.items() if day in instead})
    for key, amounts in ours.sums.items():
        if key not in there.sums and key[0] in UNCHANGED:
            mixed.sums[key] = amounts
    return mixed


def _hold(case: OrdersCase, report: Mapping[tuple[str, str], Amounts], ours: Ours) -> list[Held]:
    """Every figure of the report against ours, over the days that the history holds whole."""
    end = case.options.history.until or case.now
    first, last = case.rule.day(months_before(end, case.options.history.months)), case.rule.day(end)
    held = []
    for column in _columns(report, ours):
        rule = FIGURES[column.figure]
        values = {day: value for day, value in sorted(column.values.items()) if first < day < last}
        if values:
            base = {day: ours.value(rule.sums, column.names, day) for day in values}
            causes, left = _explain(rule, ours, column.names, {day: values[day] - base[day] for day in values})
            held.append(Held(column, values, base, causes, left))
    return _lone_tax(held, ours)


def _lone_tax(held: list[Held], ours: Ours) -> list[Held]:
    """Days on which the rates are off, all together, by exactly the tax of payments that no order tells the rates of."""
    rates = [one for one in held if one.column.figure == "tax_by_rate"]
    lone = ours.sums.get(("lone_tax", ""), {})
    days = {
        day
        for day, tax in lone.items()
        if tax and sum(one.left.get(day, 0) for one in rates) == tax and all(one.left.get(day, 0) >= 0 for one in rates)
    }
    if not days:
        return held
    cause = Cause(LONE_TAX, ())
    return [
        replace(
            one, causes=(*one.causes, cause), left={day: 0 if day in days else rest for day, rest in one.left.items()}
        )
        if one in rates and any(one.left.get(day, 0) for day in days)
        else one
        for one in held
    ]


def _report(case: OrdersCase) -> dict[tuple[str, str], Amounts]:
    found: dict[tuple[str, str], Amounts] = {}
    for day, figure, name, value in case.rows(
        "SELECT business_date, metric, name, coalesce(cents, count) FROM migration.pos_daily_reports "
        "WHERE location_key = %(location_key)s AND coalesce(cents, count) IS NOT NULL"
    ):
        found.setdefault((figure, name), {})[day] = value
    return found


def _ours(case: OrdersCase) -> Ours:
    """Our sums as the second reading has them, with what only AuraConnect's rows tell."""
    ours = Ours()
    for day, metric, name, value in case.rows(
        "SELECT business_date, metric, name, pos_value FROM migration.daily_reconciliation WHERE migration_id = %(migration)s"
    ):
        ours.sums.setdefault((metric, name), {})[day] = value
    return _with_causes(case, ours, "there")


def _kept(case: OrdersCase, side: str) -> Ours:
    """Our sums out of AuraConnect's rows, as dated on a side."""
    ours = Ours()
    for query in sums_of(case, side):
        for day, metric, name, value in case.rows(f"SELECT * FROM ({query}) s WHERE pg_input_is_valid(day, 'date')"):
            ours.sums.setdefault((metric, name), {})[date.fromisoformat(day)] = int(value)
    return _with_causes(case, ours, side)


def _with_causes(case: OrdersCase, ours: Ours, side: str) -> Ours:
    for day, metric, name, value in case.rows(SUMS.replace("{side}", side)):
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
                if name not in ("auto_gratuity", "cash_rounding", "fundraising", "service"):
                    yield day, "service", "", value
            elif metric == "non_sale" and name:
                yield day, name, "", value
                yield day, "non_sale", "", value


def _columns(report: Mapping[tuple[str, str], Amounts], ours: Ours) -> list[Column]:
    """The report's figures that are compared. Names that mean the same of ours are added up; what it does not name is 0."""
    columns = [Column(figure, "", (), values) for (figure, name), values in report.items() if figure not in BY_NAME]
    for figure in sorted({figure for figure, _ in report} & set(BY_NAME)):
        by_name = {name: values for (one, name), values in report.items() if one == figure}
        given_back = [name for name in by_name if figure != "tax_by_rate" and _word(name) in GIVEN_BACK]
        if given_back and figure == "tender_refunds":
            columns.append(_given_back(by_name, ours))
            continue
        for name in given_back:
            del by_name[name]  # no tender: what was given back by all of them, told by tender_refunds
        kinds = ("tax_by_rate",) if figure == "tax_by_rate" else ("payments", "refunds_by_tender")
        known = ours.names(*kinds)
        meant = {name: _meant(name, known, kinds[0]) for name in by_name if not _is_rest(name, known)}
        if figure != "tax_by_rate":
            strange = {name: by_name[name] for name, names in meant.items() if not names}
            meant |= _same_amounts(figure, strange, _left_over(known, meant), ours)
        unnamed = _left_over(known, meant)
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


def _left_over(known: Sequence[str], meant: Mapping[str, tuple[str, ...]]) -> tuple[str, ...]:
    named = {one for names in meant.values() for one in names}
    return tuple(one for one in known if one not in named)


def _same_amounts(
    figure: str, theirs: Mapping[str, Amounts], known: Sequence[str], ours: Ours
) -> dict[str, tuple[str, ...]]:
    """Tenders that go by another name in the report: what was taken by them is the same on every single day."""
    found: dict[str, tuple[str, ...]] = {}
    sums = FIGURES[figure].sums
    taken = {
        name: {day: value for kind, one in ours.sums if one == name for day in ours.sums[kind, one]
               if (value := ours.value(sums, (name,), day))}
        for name in known
    }  # fmt: skip
    for name, amounts in theirs.items():
        said = {day: value for day, value in amounts.items() if value}
        same = [one for one in known if taken[one] == said and (one,) not in found.values()]
        if said and len(same) == 1:
            found[name] = (same[0],)
    return found


def _given_back(by_name: Mapping[str, Amounts], ours: Ours) -> Column:
    """Refunds of a report that has a line for all of them: by day alone."""
    days = {day for values in by_name.values() for day in values}
    values = {day: sum(amounts.get(day, 0) for amounts in by_name.values()) for day in days}
    return Column("tender_refunds", "all", tuple(ours.names("refunds_by_tender")), values)


def _is_rest(name: str, known: Sequence[str]) -> bool:
    return _word(name) in REST and name not in known


def _meant(name: str, known: Sequence[str], kind: str) -> tuple[str, ...]:
    spelled = _word(name)
    if same := [one for one in known if _word(one) == spelled]:
        return tuple(same)
    if kind == "payments":
        return tuple(one for one in known if spelled in ALIASES.get(one, ()))
    # A report may show a tax of so much a piece with a rate of nothing, and leave out that a tax is inside prices.
    plainly = _word(name.removesuffix(" 0%"))
    if same := [one for one in known if _word(one.removesuffix(" incl.")) in (spelled, plainly)]:
        return tuple(same)
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


# -- what is stored and told ----------------------------------------------------------------------------------------------


def _store(case: OrdersCase, held: Held, ours: Ours, *, is_beside: bool) -> None:
    """Put the report's figure beside ours, with what its causes come to. ``is_beside``: its days are the days of ours."""
    column, rule = held.column, FIGURES[held.column.figure]
    is_ours = is_beside and bool(rule.metric) and len(column.names) <= 1
    metric, name = (rule.metric, "".join(column.names)) if is_ours else (f"report {column.figure}", column.name)
    rows = []
    for day, value in held.values.items():
        moved = {cause.name: ours.value(cause.amounts, column.names, day) for cause in held.causes}
        told = [{"cause": cause, "value": amount, "of": "report"} for cause, amount in moved.items() if amount]
        if held.changed.get(day):
            told.append({"cause": "changed after the report was made", "value": held.changed[day], "of": "report"})
        base = held.base[day]
        rows.append([case.subject.migration_id, day, metric, name, base, base, value, Jsonb(told)])
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


def _tell(case: OrdersCase, held: Held, changes: Mapping[Day, str]) -> None:
    """A finding for each day on which something is left, one for each that was changed since the report was made, and one
    for the causes of a figure that is counted otherwise."""
    for day, moved in held.changed.items():
        _accept(
            case,
            f"{day} {held.column.label}",
            0 if FIGURES[held.column.figure].is_count else -moved,
            f"changed after the report was made: {changes[day]}",
        )
    for day in held.off:
        case.run(
            f"""
            INSERT INTO {FOUND} VALUES (%(check)s, 'days', %(key)s, to_jsonb(%(value)s::bigint), to_jsonb(%(ours)s::bigint),
                %(off)s, 'the POS''s report says otherwise, and no known way of counting explains it', true)
            """,
            check=words.POS_REPORT,
            key=f"{day} {held.column.label}",
            value=held.values[day],
            ours=held.base[day],
            off=None if FIGURES[held.column.figure].is_count else -held.left[day],
        )
    if held.causes:
        moved = (
            sum(held.base.values()) - sum(held.values.values()) + sum(held.left.values()) + sum(held.changed.values())
        )
        names = "; ".join(cause.name for cause in held.causes)
        _accept(case, held.column.label, moved, f"the report counts otherwise: {names}")


def _accept(case: OrdersCase, key: str, cents: int, cause: str) -> None:
    case.run(
        f"INSERT INTO {FOUND} VALUES (%(check)s, 'report', %(key)s, NULL, NULL, %(cents)s, %(cause)s, false)",
        check=words.POS_REPORT,
        key=key,
        cents=cents,
        cause=cause,
    )


def _agreement(
    case: OrdersCase, held: Sequence[Held], report: Mapping[tuple[str, str], Amounts], ours: Ours, told_by: str
) -> Agreement:
    compared = {day for one in held for day in one.values}
    off = sum(len(one.off) for one in held)
    shown = {one.column.figure for one in held}
    given_back = {
        day
        for (kind, _), amounts in (*report.items(), *ours.sums.items())
        if kind in ("refunds", "returns")
        for day, value in amounts.items()
        if value
    }
    lacking = [
        *([f"{ENOUGH} days (it has {len(compared)})"] if len(compared) < ENOUGH else []),
        *([] if any(day.weekday() >= 5 for day in compared) else ["a weekend"]),
        *([] if given_back & compared else ["a day with a refund"]),
        *(sorted(name for name, figures in FAMILIES.items() if not shown & set(figures))),
    ]
    evidence = {
        "days": len(compared),
        "first_day": min(compared).isoformat() if compared else None,
        "last_day": max(compared).isoformat() if compared else None,
        "figures_off": off,
        "counted_otherwise": {one.column.label: [cause.name for cause in one.causes] for one in held if one.causes},
        "days_told_otherwise": told_by,
        "changed_after_the_report": sorted({day.isoformat() for one in held for day in one.changed}),
        "compared_with_nothing": sorted({figure for figure, _ in report if figure not in FIGURES}),
        "lacking": lacking,
    }
    if off:
        return Agreement(False, f"{off:,} figures of {len(compared):,} days disagree", evidence)
    if lacking:
        return Agreement(None, f"{DERIVED}: the report lacks {', '.join(lacking)}", evidence)
    return Agreement(True, f"{len(compared):,} days agree", evidence)
