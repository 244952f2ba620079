"""The `aura-migration` command.

    journey.py    connect → preflight → audit → preview → approve → run → verify → rollback, and what people decide
    system.py     the database, the sandbox POS, the whole system up and down
    demo.py       the main job on real input, from nothing to scorecards
    output.py     one JSON document on stdout or tables for people; logs, progress and errors on stderr; exit codes

Exit codes: 0 ok, 1 verdict failed or plan moved, 2 bad input, 3 environment. No business rule belongs here.
"""

from __future__ import annotations

from aura_migration.cli.main import main

__all__ = ["main"]
