"""Clover: inventory and merchant settings over REST v3, mapped to AuraConnect's menu. All that knows Clover's wire format
is here.
"""

from __future__ import annotations

from aura_migration.pos.clover.connector import CloverConnector
from aura_migration.pos.port import Connector

CONNECTOR: Connector = CloverConnector()
