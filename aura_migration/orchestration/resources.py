"""The resource through which assets reach the product: it opens a plain ``Workshop`` at run time, never at import."""

from __future__ import annotations

import dagster as dg

from aura_migration.migration.workshop import Workshop
from aura_migration.settings import load_settings


class WorkshopResource(dg.ConfigurableResource[None]):
    """Opens the workshop of this process's environment; tests pass the settings they want through the environment."""

    def open(self) -> Workshop:
        """A workshop whose database is up and whose schema is current."""
        return Workshop.open(load_settings())
