"""Square: what is migrated from it and how is in README.md. Square's wire format is known only in here."""

from __future__ import annotations

from aura_migration.pos.port import Connector
from aura_migration.pos.square.connector import SquareConnector

CONNECTOR: Connector = SquareConnector()
