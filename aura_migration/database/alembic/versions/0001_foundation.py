"""The foundation: every file of ``aura_migration/database/ddl``, in the order of their names."""

from __future__ import annotations

import hashlib

from alembic import op

from aura_migration.database.schema import ddl_files

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Execute the files as they are (not through SQLAlchemy's text, which would read ``:name`` and ``%``)."""
    connection = op.get_bind().connection.dbapi_connection
    assert connection is not None
    cursor = connection.cursor()
    cursor.execute(
        "create table migration.schema_files ("
        "name text primary key, sha256 text not null, executed_at timestamptz not null default now())"
    )
    for file in ddl_files():
        cursor.execute(file.read_bytes())
        cursor.execute(
            "insert into migration.schema_files (name, sha256) values (%s, %s)",
            (file.name, hashlib.sha256(file.read_bytes()).hexdigest()),
        )
    cursor.close()


def downgrade() -> None:
    """There is no way back that keeps what was migrated."""
    raise RuntimeError("Revision 0001 cannot be taken back; restore the backup made before the upgrade.")
