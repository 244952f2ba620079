"""Deeds under way: who asked for what survives the process that was asked."""

from __future__ import annotations

from alembic import op

from aura_migration.database.schema import execute_files

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Execute the files of ``ddl/0007_deeds``."""
    execute_files(op.get_bind().connection.dbapi_connection, "0007")


def downgrade() -> None:
    """There is no way back that keeps what was migrated."""
    raise RuntimeError("Revision 0007 cannot be taken back; restore the backup made before the upgrade.")
