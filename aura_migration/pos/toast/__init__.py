"""Toast: what is migrated from it and how is in README.md. Toast's wire format is known only in here."""

from __future__ import annotations

from aura_migration.pos.port import Connector
from aura_migration.pos.toast.connector import ToastConnector

CONNECTOR: Connector = ToastConnector()
