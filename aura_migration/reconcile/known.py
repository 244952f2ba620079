"""Known differences: somebody has looked into them and answers for them by name, up to an amount, until a date.

A rule says what a finding must be to fall under it. It never explains an order that is missing or too many, a difference
nobody has found the cause of, tax or payments: those must agree, whoever answers. How often a rule was used is counted
from the findings it explained, so that one that is never used, or used ever more, is seen.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from types import MappingProxyType
from typing import Any

import psycopg
from psycopg.rows import class_row, dict_row
from psycopg.types.json import Jsonb

from aura_migration.core.errors import BadInput, Refused
from aura_migration.reconcile.causes import NEVER_EXPLAINED, Cause

KEYS = ("cause", "part", "item", "tender", "tax", "discount", "charge", "channel")
"""What a rule may ask of a finding: its cause and part, and what its detail names."""
NEVER = frozenset(str(cause) for cause in NEVER_EXPLAINED)
"""Causes no rule explains."""
EXACT = ("tax", "payment")
"""Parts of an order, by how their names begin, that must agree to the cent."""
LONGEST = 366
"""A rule lasts at most so many days; then somebody looks again."""


@dataclass(frozen=True)
class KnownDifference:
    """One rule. ``matches`` are texts by the names in :data:`KEYS`; ``max_cents`` the most it explains per order."""

    id: int
    migration_id: int
    cause: str
    matches: dict[str, Any]
    reason: str
    owner: str
    max_cents: int
    expires_on: date
    created_by: str
    created_at: datetime
    ended_at: datetime | None
    ended_by: str | None

    def is_active(self, on: date) -> bool:
        """Whether it may explain something of a business date."""
        return self.ended_at is None and on <= self.expires_on

    def as_dict(self) -> dict[str, Any]:
        """JSON-ready, dates and instants as ISO 8601."""
        return {
            "id": self.id,
            "cause": self.cause,
            "matches": self.matches,
            "reason": self.reason,
            "owner": self.owner,
            "max_cents": self.max_cents,
            "expires_on": self.expires_on.isoformat(),
            "created_by": self.created_by,
            "created_at": self.created_at.astimezone(UTC).isoformat(),
            "ended_at": self.ended_at.astimezone(UTC).isoformat() if self.ended_at else None,
            "ended_by": self.ended_by,
        }


@dataclass(frozen=True)
class Used:
    """How much of the window's differences a rule explained: findings, business dates, absolute minor units."""

    rule: KnownDifference
    findings: int
    days: int
    cents: int
    first_on: date | None
    last_on: date | None

    def as_dict(self) -> dict[str, Any]:
        """JSON-ready."""
        return {
            **self.rule.as_dict(),
            "used": self.findings,
            "used_days": self.days,
            "used_cents": self.cents,
            "first_used_on": self.first_on.isoformat() if self.first_on else None,
            "last_used_on": self.last_on.isoformat() if self.last_on else None,
        }


_COLUMNS = (
    "id, migration_id, cause, matches, reason, owner, max_cents, expires_on, created_by, created_at, ended_at, ended_by"
)


# -- what explains what ---------------------------------------------------------------------------------------------------


def matching(
    rules: Iterable[KnownDifference],
    finding: Mapping[str, Any],
    already: Mapping[int, int] = MappingProxyType({}),
) -> KnownDifference | None:
    """The first rule (in the order given) that a finding falls under, or None.

    ``already``: absolute minor units of the same order that a rule (by id) explains already; with this finding they must
    stay within its ``max_cents``. ``finding`` has the columns of ``migration.parallel_findings``: ``cause``, ``part``, ``cents``, ``detail``. Texts are
    compared without regard to case and outer spaces; where a detail names several, one of them has to be it.
    """
    if not explainable(_plain(finding.get("cause", "")), _plain(finding.get("part", ""))):
        return None
    for rule in rules:
        if already.get(rule.id, 0) + abs(int(finding["cents"])) <= rule.max_cents and all(
            _is_it(finding, name, wanted) for name, wanted in rule.matches.items()
        ):
            return rule
    return None


def explainable(cause: str, part: str = "") -> bool:
    """Whether any rule may explain such a difference."""
    return cause not in NEVER and not part.startswith(EXACT)


def _is_it(finding: Mapping[str, Any], name: str, wanted: Any) -> bool:
    told = finding.get(name) if name in ("cause", "part") else (finding.get("detail") or {}).get(name)
    each = told if isinstance(told, list | tuple | set) else [told]
    return any(one is not None and _plain(one) == _plain(wanted) for one in each)


def _plain(value: Any) -> str:
    return str(value).strip().casefold()


# -- the rules of a migration -----------------------------------------------------------------------------------------------


def active_rules(connection: psycopg.Connection[Any], migration_id: int, on: date) -> list[KnownDifference]:
    """The rules that may explain differences of a business date, in the order they were made."""
    return [rule for rule in all_rules(connection, migration_id) if rule.is_active(on)]


def all_rules(connection: psycopg.Connection[Any], migration_id: int) -> list[KnownDifference]:
    """Every rule there ever was, ended and expired ones too."""
    with connection.cursor(row_factory=class_row(KnownDifference)) as cursor:
        return cursor.execute(
            f"SELECT {_COLUMNS} FROM migration.known_differences WHERE migration_id = %s ORDER BY id", [migration_id]
        ).fetchall()


def add_rule(
    connection: psycopg.Connection[Any],
    migration_id: int,
    matches: Mapping[str, Any],
    *,
    reason: str,
    owner: str,
    max_cents: int,
    expires_on: date,
    by: str,
    today: date,
) -> KnownDifference:
    """Answer for a difference. ``matches`` names at least its cause; ``today`` is the location's business date.

    It counts from the next judgement on, also of earlier dates that are not final yet.
    """
    told = {name: str(value).strip() for name, value in matches.items() if str(value).strip()}
    unknown = sorted(set(told) - set(KEYS))
    if unknown:
        raise BadInput(f"A finding has no {', '.join(unknown)}.", f"A rule may ask for {', '.join(KEYS)}.")
    cause = told.get("cause", "")
    if not cause:
        raise BadInput("A known difference names its cause.", 'Say {"cause": …} as the day\'s findings say it.')
    if cause not in set(Cause):
        raise BadInput(f"There is no cause {cause!r}.", f"There are {', '.join(Cause)}.")
    if not explainable(cause, told.get("part", "").casefold()):
        raise Refused(
            f"A difference of {told.get('part') if explainable(cause) else cause} is never a known one.",
            "Missing and extra orders, causes nobody found, tax and payments must agree: correct what makes them differ.",
        )
    if not reason.strip() or not owner.strip():
        raise BadInput("A known difference has a reason and somebody who answers for it.", "Give both.")
    if max_cents < 1:
        raise BadInput(f"{max_cents} cents explain nothing.", "Give the most that it may explain per order.")
    if not today <= expires_on or (expires_on - today).days > LONGEST:
        raise BadInput(
            f"A known difference cannot expire on {expires_on}.",
            f"Give a date from {today} on, at most {LONGEST} days ahead.",
        )
    with connection.cursor(row_factory=class_row(KnownDifference)) as cursor:
        made = cursor.execute(
            "INSERT INTO migration.known_differences (migration_id, cause, matches, reason, owner, max_cents, expires_on, "
            f"created_by) VALUES (%s, %s, %s, %s, %s, %s, %s, %s) RETURNING {_COLUMNS}",
            [migration_id, cause, Jsonb(told), reason.strip(), owner.strip(), max_cents, expires_on, by],
        ).fetchone()
    assert made is not None
    return made


def end_rule(
    connection: psycopg.Connection[Any], migration_id: int, rule_id: int, by: str, at: datetime
) -> KnownDifference:
    """Answer for it no longer. Dates that are final keep what it explained; ended again it stays as it was."""
    with connection.cursor(row_factory=class_row(KnownDifference)) as cursor:
        ended = cursor.execute(
            "UPDATE migration.known_differences SET ended_at = coalesce(ended_at, %s), ended_by = coalesce(ended_by, %s) "
            f"WHERE migration_id = %s AND id = %s RETURNING {_COLUMNS}",
            [at, by, migration_id, rule_id],
        ).fetchone()
    if ended is None:
        raise BadInput(
            f"Migration {migration_id} has no known difference {rule_id}.", "The day's check-in lists those there are."
        )
    return ended


def use_of_rules(connection: psycopg.Connection[Any], migration_id: int) -> list[Used]:
    """Every rule with how much it explained in the window, in the order they were made."""
    with connection.cursor(row_factory=dict_row) as cursor:
        counted = {
            row["rule_id"]: row
            for row in cursor.execute(
                "SELECT rule_id, count(*) AS findings, count(DISTINCT business_date) AS days, sum(abs(cents))::bigint AS cents, "
                "min(business_date) AS first_on, max(business_date) AS last_on FROM migration.parallel_findings "
                "WHERE migration_id = %s AND rule_id IS NOT NULL AND status = 'explained' GROUP BY rule_id",
                [migration_id],
            )
        }
    found = []
    for rule in all_rules(connection, migration_id):
        row = counted.get(rule.id, {"findings": 0, "days": 0, "cents": 0, "first_on": None, "last_on": None})
        found.append(Used(rule, row["findings"], row["days"], row["cents"], row["first_on"], row["last_on"]))
    return found


def expiring(used: Sequence[Used], on: date, days: int = 7) -> list[Used]:
    """Rules in use that expire within so many days: somebody renews them, or the difference is unexplained again."""
    return [one for one in used if one.findings and one.rule.is_active(on) and (one.rule.expires_on - on).days <= days]
