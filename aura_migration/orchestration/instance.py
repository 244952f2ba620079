"""Dagster's instance as this product uses it: its home, its storage URL, its configuration file.

``DAGSTER_HOME`` is a folder in the data directory unless set; the project's ``dagster.yaml`` is put there, because
Dagster reads it from its home and nowhere else.
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import dagster as dg
from dagster._core.storage.noop_compute_log_manager import NoOpComputeLogManager

from aura_migration.database.connections import dagster_url
from aura_migration.orchestration.event_log import spare
from aura_migration.settings import Settings, project_folder

STATEMENT_TIMEOUT_MS = 300_000
POOL_RECYCLE_SECONDS = 3600


def environment(settings: Settings, *, start: bool = True) -> dict[str, str]:
    """The variables a Dagster process needs; starts the embedded server where that is the storage."""
    return {"DAGSTER_HOME": str(settings.dagster_home), "DAGSTER_POSTGRES_URL": dagster_url(settings, start=start)}


def prepare_home(settings: Settings) -> Path:
    """Make Dagster's home and put the project's configuration there (a changed one replaces it; an own one is kept)."""
    home = settings.dagster_home
    home.mkdir(parents=True, exist_ok=True, mode=0o700)
    target = home / "dagster.yaml"
    source = project_folder() / "dagster.yaml"
    is_ours = home == settings.data_dir / "dagster"
    if source.exists() and (is_ours or not target.exists()):
        content = source.read_bytes()
        if not target.exists() or target.read_bytes() != content:
            # A name of its own: threads of one process, too, may be here at the same time.
            handle, scratch = tempfile.mkstemp(prefix="dagster.", suffix=".yaml", dir=home)
            with os.fdopen(handle, "wb") as file:
                file.write(content)
            Path(scratch).replace(target)
    return home


def open_instance(settings: Settings) -> dg.DagsterInstance:
    """The instance, as webserver and daemon see it. Exports its environment to this process first.

    Dagster's storage opens a connection per statement unless told that it serves a web server; a run in this process
    writes hundreds of events, so it is told so: that halves what orchestration costs.
    """
    prepare_home(settings)
    os.environ.update(environment(settings))
    instance = dg.DagsterInstance.get()
    instance.optimize_for_webserver(
        statement_timeout=STATEMENT_TIMEOUT_MS, pool_recycle=POOL_RECYCLE_SECONDS, max_overflow=4
    )
    spare(instance.event_log_storage)
    # What a run in this process prints is the command's own output. Dagster would copy it by four processes more per step.
    instance._compute_log_manager = NoOpComputeLogManager()
    instance._compute_log_manager.register_instance(instance)
    return instance
