"""Every entity there is, in the order in which they can be planned and loaded. What they are stands in their own modules."""

from __future__ import annotations

from aura_migration.canonical.menu import MENU_ENTITIES
from aura_migration.canonical.model import Entity
from aura_migration.canonical.people import PEOPLE_ENTITIES
from aura_migration.canonical.rules import RULE_ENTITIES

ALL_ENTITIES: tuple[Entity, ...] = (*MENU_ENTITIES, *RULE_ENTITIES, *PEOPLE_ENTITIES)
ENTITIES: dict[str, Entity] = {entity.name: entity for entity in ALL_ENTITIES}
