"""Journeys over HTTP run on worlds of their own."""

from aura_migration_tests.support.worlds import (
    approved,
    cafe,
    cafe_stages,
    connected,
    journey_template,
    make_world,
    open_pos,
    own_pace,
    planned,
    unhurried,
    verified,
    world,
)

__all__ = [
    "approved",
    "cafe",
    "cafe_stages",
    "connected",
    "journey_template",
    "make_world",
    "open_pos",
    "own_pace",
    "planned",
    "unhurried",
    "verified",
    "world",
]
