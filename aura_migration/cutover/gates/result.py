"""A gate of a switch as it was measured: the answer, its number, its age, who can change it and what to do.

An answer has an age. One that is older than its gate allows is *stale* and does not pass, whatever it says; what it said is
kept in ``judged``. A gate that was measured over nothing is neither yes nor no, and does not pass either.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final

RESTAURANT: Final = "restaurant manager"
ACCOUNTANT: Final = "accountant"
SPECIALIST: Final = "migration specialist"
APPROVERS: Final = "approvers"


@dataclass(frozen=True)
class GateResult:
    """One gate. ``value`` is the number in words, ``remedy`` what to do about anything but a yes, ``owner`` who does it.

    ``measured_at`` is the instant of the evidence (None: there is none); ``at_stake_cents`` what a waiver must cover, where
    the gate is about money. ``waived_by`` names the approver of a waiver that counts now. ``is_blocking`` False: shown, not
    asked for.
    """

    name: str
    passed: bool | None
    value: str
    remedy: str
    owner: str
    evidence: Mapping[str, Any] = field(default_factory=dict)
    measured_at: datetime | None = None
    is_waivable: bool = True
    is_blocking: bool = True
    at_stake_cents: int | None = None
    judged: bool | None = None
    is_stale: bool = False
    waived_by: str = ""
    waiver: Mapping[str, Any] = field(default_factory=dict)

    @property
    def holds(self) -> bool:
        """Whether a switch may go past it."""
        return self.passed is True or bool(self.waived_by) or not self.is_blocking

    @property
    def verdict(self) -> str:
        """One word: passed, failed, stale, waived or not measured."""
        if self.waived_by and self.passed is not True:
            return "waived"
        if self.is_stale:
            return "stale"
        return {True: "passed", False: "failed", None: "not measured"}[self.passed]

    def age(self, now: datetime) -> timedelta | None:
        """How old the evidence is; None where there is none."""
        return None if self.measured_at is None else max(timedelta(0), now - self.measured_at)

    def as_dict(self, now: datetime) -> dict[str, Any]:
        """JSON-ready. ``age_minutes`` whole minutes; ``passed`` is the gate's own answer, ``holds`` counts waivers in."""
        age = self.age(now)
        return {
            "name": self.name,
            "passed": self.passed,
            "verdict": self.verdict,
            "holds": self.holds,
            "value": self.value,
            "remedy": self.remedy,
            "owner": self.owner,
            "evidence": dict(self.evidence),
            "measured_at": self.measured_at.astimezone(UTC).isoformat() if self.measured_at else None,
            "age_minutes": None if age is None else int(age.total_seconds() // 60),
            "is_stale": self.is_stale,
            "is_waivable": self.is_waivable,
            "is_blocking": self.is_blocking,
            "at_stake_cents": self.at_stake_cents,
            "waived_by": self.waived_by,
            "waiver": dict(self.waiver),
        }


def aged(result: GateResult, now: datetime, longest: timedelta, again: str) -> GateResult:
    """The gate with its age looked at: stale past ``longest``. ``again`` says how it is measured anew.

    An answer of no stays a no. One from the future (a clock that was put back) is not believed either.
    """
    judged = replace(result, judged=result.passed)
    if result.passed is not True or result.measured_at is None:
        return judged
    age = now - result.measured_at
    if timedelta(0) - SKEW <= age <= longest:
        return judged
    told = f"{result.value}; measured {said(age)} ago, at most {said(longest)}"
    return replace(
        judged, passed=False, is_stale=True, value=told, remedy=again, evidence={**result.evidence, "stale": True}
    )


SKEW = timedelta(minutes=2)
"""Clocks of two machines may differ by so much."""


def said(span: timedelta) -> str:
    """A span as people say it: ``14 min``, ``3.5 h``, ``2.0 days``."""
    minutes = span.total_seconds() / 60
    if abs(minutes) < 120:
        return f"{minutes:.0f} min"
    return f"{minutes / 60:.1f} h" if abs(minutes) < 48 * 60 else f"{minutes / 1440:.1f} days"


def counted(number: int, one: str, many: str | None = None) -> str:
    """``1 open check``, ``2 open checks``."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"
