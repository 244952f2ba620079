"""The policy of a parallel window: how changes at the POS are followed and what a switch asks for. Plain data, stored with it."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic.alias_generators import to_camel

from aura_migration.core.errors import BadInput
from aura_migration.core.wording import problems_of

Apply = Literal["auto", "approve"]


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", alias_generator=to_camel, populate_by_name=True, frozen=True)


class FollowPolicy(_Model):
    """What becomes of changes at the POS while both systems run: written at once, or left for somebody to approve."""

    menu: Apply = "approve"
    rules: Apply = "approve"
    people: Apply = "auto"
    orders: Literal["auto"] = "auto"
    every_minutes: int = Field(
        default=15, ge=1, le=1_440, description="how often the POS is read without being told of anything"
    )


class DayPolicy(_Model):
    """When a business date is judged, and what makes it clean."""

    settle_minutes: int = Field(
        default=30, ge=0, le=720, description="after the close-out, until the day is judged first"
    )
    grace_days: int = Field(
        default=3,
        ge=0,
        le=14,
        description="so long a difference may settle by itself (tips, fees, late voids); then it is final",
    )
    tolerance_pct: float = Field(
        default=0.1,
        ge=0,
        le=1,
        description="sum of absolute unexplained differences per order, in percent of the day's gross",
    )
    drift_pct: float = Field(
        default=0.05,
        ge=0,
        le=1,
        description="signed sum of unexplained differences over the window, in percent of its gross",
    )


class GatePolicy(_Model):
    """What a channel's switch asks for."""

    clean_days: int = Field(
        default=7, ge=1, le=90, description="clean business dates in a row, days without trading apart"
    )
    coverage_times: int = Field(default=3, ge=1, le=100, description="how often each kind must have been seen")
    coverage_rare: int = Field(
        default=5, ge=0, le=1_000, description="a kind the year before had less often than this is not asked for"
    )
    max_age_minutes: int = Field(
        default=60, ge=1, le=10_080, description="verdicts about money older than this are stale"
    )
    max_menu_age_minutes: int = Field(
        default=15, ge=1, le=10_080, description="readings of the menu older than this are stale"
    )
    max_backlog: int = Field(default=0, ge=0, le=10_000, description="changes of the POS that may wait at the switch")
    people: int = Field(default=2, ge=1, le=2, description="how many different people sign a switch")
    shift_days: int = Field(default=14, ge=1, le=90, description="whoever had a shift in so many days must be ready")


class SwitchPolicy(_Model):
    """How a channel is switched."""

    pause_seconds: int = Field(
        default=30, ge=1, le=600, description="nobody takes orders at most this long; then it is aborted"
    )
    recheck_orders: int = Field(default=100, ge=1, le=10_000, description="orders looked at again after the switch")
    quiet_share: float = Field(
        default=0.02,
        ge=0,
        le=1,
        description="an hour with less than this share of an average day's sales is outside service hours",
    )
    limited_menu: tuple[str, ...] = Field(
        default=(),
        description="names of categories: AuraConnect offers only these until the feature full_menu is enabled",
    )


class ReversePolicy(_Model):
    """What is written back into the POS where it lets us."""

    payments: bool = Field(
        default=True,
        description="orders that AuraConnect was paid for are written as paid; otherwise they stay open at the POS",
    )
    tender: str = Field(
        default="AuraConnect",
        min_length=1,
        max_length=60,
        description="name of the POS's tender that such payments are booked to",
    )


class WindowPolicy(_Model):
    """All of it; every part has a default."""

    follow: FollowPolicy = FollowPolicy()
    days: DayPolicy = DayPolicy()
    gates: GatePolicy = GatePolicy()
    switch: SwitchPolicy = SwitchPolicy()
    reverse: ReversePolicy = ReversePolicy()
    veto: str = Field(
        default="", description="a command that is asked before a switch; another exit code than 0 refuses it"
    )
    pilot: str = Field(
        default="", description="key of the location that goes first; its window must be live before this one switches"
    )


def parse_policy(document: Any, where: str = "policy of the window") -> WindowPolicy:
    """A policy from JSON-ready data; ``BadInput`` names each field that does not fit."""
    try:
        return WindowPolicy.model_validate(document or {})
    except ValidationError as error:
        raise BadInput(
            f"The {where} does not fit: {'; '.join(problems_of(error.errors()))}", "docs/window.md lists every field."
        ) from error
