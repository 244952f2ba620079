"""`python -m aura_migration.cli` is the `aura-migration` command."""

from aura_migration.cli import main

if __name__ == "__main__":
    main()
