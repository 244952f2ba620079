"""`python -m aura_migration.sandbox --pos square --scenario cafe --seed 1 --port 0`: see `core.server.main`."""

from __future__ import annotations

from aura_migration.sandbox.core.server import main

if __name__ == "__main__":
    raise SystemExit(main())
