"""Where entries of the way back go: into the POS by its API, or into files for somebody to import, enter or post.

What has to go there is noted in ``cutover/reverse_entries``; the files are ``back_files.py``'s.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Final

from aura_migration.core.errors import Refused
from aura_migration.cutover.reverse_entries import Entry, Settled, Written, file_entries, settle_entries
from aura_migration.cutover.reversing import Trial
from aura_migration.database.connections import Connection
from aura_migration.migration.records import Migration, get_migration, latest_report
from aura_migration.migration.window import back_files
from aura_migration.migration.window.writing_back import WRITTEN, write_back
from aura_migration.migration.workshop import Workshop
from aura_migration.pos.http.errors import PermissionMissing
from aura_migration.pos.import_files import files_of

SHOWN: Final = 20
KINDS: Final = ("order", "void", "refund", "menu", "stock", "customer", "liability")


def level_of(connection: Connection, migration: Migration) -> str:
    """How far back the POS lets this location go: A, B or C; ``Refused`` where it was never asked."""
    level = asked_level(connection, migration)
    if level is None:
        raise Refused(
            f"Which way back {migration.location_key} has was never asked.",
            f"`aura-migration preflight {migration.integration_id}` asks the POS.",
        )
    return level


def asked_level(connection: Connection, migration: Migration) -> str | None:
    """The same as it was proven when the account was tried; None where it was not."""
    report = latest_report(connection, migration.integration_id, migration.location_key, "preflight")
    return str(report["reverse_level"]["level"]) if report else None


def settle(workshop: Workshop, connection: Connection, migration_id: int) -> Settled:
    """Put everything that waits where the location's level puts it, and renew the files; answers what came of it."""
    migration = get_migration(connection, migration_id)
    level = level_of(connection, migration)
    done = Settled()
    if level == "A":
        done = settle_entries(connection, migration_id, lambda entry: _written(workshop, migration, entry))
    else:
        for kind in KINDS:
            filed = file_entries(
                connection,
                migration_id,
                lambda entries: back_files.write_entries(workshop, migration, entries),
                (kind,),
            )
            done.counts.update(filed.counts)
            done.problems += filed.problems
            done.waiting = filed.waiting
    back_files.renew(workshop, connection, migration, level)
    return done


def try_out(workshop: Workshop, migration: Migration, level: str, entries: Sequence[Entry]) -> Trial:
    """Write what this level writes to the POS and take it away again; answers which entries got there. What the POS does not take
    would be filed: then that is what is tried."""
    proven: set[str] = set()
    filed: list[str] = []
    for entry in entries if level == "A" else ():
        if entry.kind in WRITTEN:
            try:
                asyncio.run(write_back(workshop, migration, entry, takes_back=True))
                proven.add(entry.key)
            except (Refused, PermissionMissing) as refused:
                filed.append(f"{entry.kind}: {refused.what}")
                proven |= back_files.readable([entry])
    return Trial(frozenset(proven), (), {"filed": filed[:SHOWN], "filed_entries": len(filed)} if filed else {})


def try_files(
    workshop: Workshop, migration: Migration, level: str
) -> Callable[[Connection], Callable[[Sequence[Entry]], Trial]]:
    """How the files of this level are tried while what was rehearsed still stands: begun before it, asked after it.

    The entries' own files are read back, the POS's import files have every price that was changed, and the journal has every check
    and every refund and balances.
    """

    def begin(connection: Connection) -> Callable[[Sequence[Entry]], Trial]:
        lacking = None if level == "A" else back_files.try_journal(connection, migration)

        def end(entries: Sequence[Entry]) -> Trial:
            mine = [entry for entry in entries if level != "A" or entry.kind not in WRITTEN]
            proven: set[str] = set()
            for kind in KINDS:
                proven |= back_files.readable([entry for entry in mine if entry.kind == kind])
            made = [kind for kind in KINDS if any(entry.kind == kind for entry in mine)]
            problems: list[str] = []
            if files_of(workshop.connector(migration.subject.pos)) is not None and "menu" in made:
                problems += back_files.try_import_files(connection, migration, mine)
                made.append("import files")
            if lacking is not None:
                problems += lacking(mine)
                made.append("journal")
            return Trial(frozenset(proven), problems, {"files": made})

        return end

    return begin


def _written(workshop: Workshop, migration: Migration, entry: Entry) -> Written:
    """By the API where that can take it; what no API takes is filed."""
    if entry.kind in WRITTEN:
        try:
            return asyncio.run(write_back(workshop, migration, entry))
        except (Refused, PermissionMissing) as refused:
            return Written(file_name=back_files.write_entries(workshop, migration, [entry]), why=str(refused))
    return Written(file_name=back_files.write_entries(workshop, migration, [entry]))
