"""Roles, what each may do, and the identity a token stands for."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum


class Role(StrEnum):
    """What a token may name; each role may do all that the one before it may."""

    VIEWER = "viewer"
    OPERATOR = "operator"
    APPROVER = "approver"
    ADMIN = "admin"


class Permission(StrEnum):
    """What an endpoint asks for. Every endpoint declares exactly one, or that it needs none."""

    SEE = "see"
    """Look at integrations, plans, progress, findings, reports: nobody's personal data."""
    LOOK_UP = "look_up"
    """Find a single order, card or guest on both sides; masked, and noted in the audit trail."""
    OPERATE = "operate"
    """Connect, preview, start, pause, decide conflicts, correct quarantined records."""
    APPROVE = "approve"
    """Sign a plan; take a load back."""
    READ_BODIES = "read_bodies"
    """See the POS's own answer a record came from."""
    ADMINISTER = "administer"
    """Audit trail, notification targets, webhook keys, disconnecting an account."""


_ADDED: dict[Role, frozenset[Permission]] = {
    Role.VIEWER: frozenset({Permission.SEE}),
    Role.OPERATOR: frozenset({Permission.OPERATE, Permission.LOOK_UP}),
    Role.APPROVER: frozenset({Permission.APPROVE, Permission.READ_BODIES}),
    Role.ADMIN: frozenset({Permission.ADMINISTER}),
}


def permissions_of(roles: Iterable[Role]) -> frozenset[Permission]:
    """All that the roles allow."""
    order = list(Role)
    highest = max((order.index(role) for role in roles), default=-1)
    return frozenset(p for role in order[: highest + 1] for p in _ADDED[role])


def least_role(permission: Permission) -> Role:
    """The lowest role that may do it; for errors that name the remedy."""
    return next(role for role in Role if permission in _ADDED[role])


@dataclass(frozen=True)
class Identity:
    """Who a token stands for: a name for the audit trail, roles, and the restaurants it reaches (None: all)."""

    name: str
    roles: frozenset[Role]
    restaurants: frozenset[int] | None
    expires: float | None = None
    """Seconds of the epoch at which the token ends."""

    def may(self, permission: Permission) -> bool:
        """Whether the roles allow it."""
        return permission in permissions_of(self.roles)

    def reaches(self, restaurant_id: int | None) -> bool:
        """Whether a restaurant is in scope; what belongs to no restaurant is for those who reach all."""
        return self.restaurants is None or (restaurant_id is not None and restaurant_id in self.restaurants)
