"""Which POS there are: the three that come with the product, and any a plugin brings by entry point.

A connector is imported when it is asked for, so that naming the POS costs nothing.
"""

from __future__ import annotations

from functools import cache
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points

from aura_migration.core.errors import BadInput
from aura_migration.pos.port import Connector

GROUP = "aura_migration.pos"
"""Entry points of this group name a POS and lead to its connector: ``mypos = "package:CONNECTOR"``."""
BUILT_IN = ("square", "toast", "clover")


def connector(pos: str) -> Connector:
    """The connector of a POS. BadInput lists what exists when there is none of that name."""
    if pos in BUILT_IN:
        return _built_in(pos)
    plugin = _plugins().get(pos)
    if plugin is None:
        raise BadInput(f"There is no connector for {pos!r}.", f"There are: {', '.join(names())}.")
    return _loaded(plugin)


def connectors() -> dict[str, Connector]:
    """All connectors by POS, the built-in ones first."""
    return {name: connector(name) for name in names()}


def names() -> tuple[str, ...]:
    """The POS that can be asked for, without importing any of them."""
    return (*BUILT_IN, *sorted(_plugins()))


@cache
def _built_in(pos: str) -> Connector:
    found: Connector = import_module(f"aura_migration.pos.{pos}").CONNECTOR
    return found


def _plugins() -> dict[str, EntryPoint]:
    """Plugins by name; a built-in POS cannot be replaced by one."""
    return {point.name: point for point in entry_points(group=GROUP) if point.name not in BUILT_IN}


def _loaded(plugin: EntryPoint) -> Connector:
    try:
        found = plugin.load()
    except (ImportError, AttributeError) as error:
        raise BadInput(
            f"The connector {plugin.name!r} of {plugin.value} cannot be loaded: {error}.",
            "Install the plugin again, or remove it.",
        ) from error
    missing = [name for name in ("pos", "open", "map_menu", "source_counts") if not hasattr(found, name)]
    if missing:
        raise BadInput(
            f"{plugin.value} is no connector: it has no {', '.join(missing)}.",
            "Let the entry point lead to an object that fills aura_migration.pos.port.Connector.",
        )
    connector_: Connector = found
    return connector_
