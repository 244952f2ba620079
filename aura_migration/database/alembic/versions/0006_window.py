"""The parallel window: books, days, gates, switches, the way back."""

from __future__ import annotations

from alembic import op

from aura_migration.database.schema import execute_files

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Execute the files of ``ddl/0006_window``."""
    execute_files(op.get_bind().connection.dbapi_connection, "0006")


def downgrade() -> None:
    """There is no way back that keeps what was migrated."""
    raise RuntimeError("Revision 0006 cannot be taken back; restore the backup made before the upgrade.")
