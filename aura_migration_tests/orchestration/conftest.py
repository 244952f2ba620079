"""Journeys run on worlds of their own."""

from aura_migration_tests.support.worlds import cafe, journey_template, make_world, open_pos, world

__all__ = ["cafe", "journey_template", "make_world", "open_pos", "world"]
