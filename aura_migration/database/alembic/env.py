"""Alembic's environment: runs revisions on the connection that ``aura_migration.database.schema`` hands over.

The version table lives in schema ``migration``, because Dagster owns ``public.alembic_version``. There is no offline
mode and no URL in a file: ``aura-migration db upgrade`` is the one way to change the schema.
"""

from __future__ import annotations

from alembic import context

context.configure(
    connection=context.config.attributes["connection"],
    version_table="alembic_version",
    version_table_schema="migration",
    transactional_ddl=True,
)
with context.begin_transaction():
    context.run_migrations()
