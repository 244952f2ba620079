"""The foundation: every file of ``aura_migration/database/ddl``, in the order of their names."""

from __future__ import annotations

from alembic import op

from aura_migration.database.schema import execute_files

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Execute the files as they are (not through SQLAlchemy's text, which would read ``:name`` and ``%``)."""
    connection = op.get_bind().connection.dbapi_connection
    assert connection is not None
    connection.cursor().execute(
        "create table migration.schema_files ("
        "name text primary key, sha256 text not null, executed_at timestamptz not null default now())"
    )
    execute_files(connection, "0001")


def downgrade() -> None:
    """There is no way back that keeps what was migrated."""
    raise RuntimeError("Revision 0001 cannot be taken back; restore the backup made before the upgrade.")
