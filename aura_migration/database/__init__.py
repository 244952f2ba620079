"""Connections, the embedded server, the schema of AuraConnect's and the migration's own tables, and the vault.

Queries of the trade (plans, loads, reports) do not belong here: each stage keeps its own.
"""
