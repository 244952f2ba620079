"""Finding the witnesses of a POS: the second readings that verify judges by."""

from __future__ import annotations

from importlib import import_module
from importlib.metadata import entry_points
from typing import Any

from aura_migration.core.errors import BadInput
from aura_migration.pos import registry


def find(pos: str, module: str, function: str, what: str, contract: str, maps: str = "") -> Any:
    """The function of a module beside the connector, or the connector's own attribute of the module's name.

    ``what`` and ``contract`` say in the ``BadInput`` what cannot be verified without it and what it would have to be.
    ``maps`` names the connector's method without which there is nothing to witness: then None.
    """
    package = f"aura_migration.pos.{pos}"
    if pos not in registry.BUILT_IN:
        connector = registry.connector(pos)
        own = getattr(connector, module, None)
        if own is not None or (maps and not hasattr(connector, maps)):
            return own
        package = next(point.module for point in entry_points(group=registry.GROUP) if point.name == pos)
    try:
        return getattr(import_module(f"{package}.{module}"), function)
    except (ImportError, AttributeError) as error:
        raise BadInput(
            f"Nothing can be verified {what} {pos!r}: {package}.{module} cannot be used ({error}).",
            f"A connector needs a module {module} with a function {function}; see aura_migration.pos.{contract}.",
        ) from error
