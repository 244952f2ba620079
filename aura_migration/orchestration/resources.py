"""The resource through which assets reach the product: it opens a plain ``Workshop`` at run time, never at import."""

from __future__ import annotations

from contextlib import ExitStack

import dagster as dg
from pydantic import PrivateAttr

from aura_migration.core.errors import Refused
from aura_migration.migration import requests
from aura_migration.migration.workshop import Workshop
from aura_migration.settings import load_settings


class WorkshopResource(dg.ConfigurableResource[None]):
    """Opens the workshop of this process's environment; tests pass the settings they want through the environment.

    For a run that carries a request out it also holds the claimant's lock until the run ends, so that others can tell a
    run that works from one that died.
    """

    _workshop: Workshop | None = PrivateAttr(default=None)
    _held: ExitStack = PrivateAttr(default_factory=ExitStack)
    _present_as: str | None = PrivateAttr(default=None)

    def open(self) -> Workshop:
        """A workshop whose database is up and whose schema is current; one per run, one per tick of a sensor."""
        if self._workshop is None:
            self._workshop = Workshop.open(load_settings())
        return self._workshop

    def be_present(self, claimant: str) -> None:
        """Hold the claimant's lock from now to the end of the run; ``Refused`` when another process lives under it."""
        if self._present_as == claimant:
            return
        if not self._held.enter_context(requests.present(self.open().url, claimant)):
            raise Refused(f"Another process already works as {claimant}.", "Nothing to do: it runs exactly once.")
        self._present_as = claimant

    def setup_for_execution(self, context: dg.InitResourceContext) -> None:
        """A process that runs several runs or ticks starts each afresh."""
        self._workshop = None

    def teardown_after_execution(self, context: dg.InitResourceContext) -> None:
        """Dagster calls it when the run ends, however it ends; a process that dies frees the lock by dying."""
        self._present_as = None
        self._held.close()
