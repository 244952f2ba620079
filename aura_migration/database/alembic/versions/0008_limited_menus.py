"""Limited menus: a location may begin with part of its menu."""

from __future__ import annotations

from alembic import op

from aura_migration.database.schema import execute_files

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Execute the files of ``ddl/0008_limited_menus``."""
    execute_files(op.get_bind().connection.dbapi_connection, "0008")


def downgrade() -> None:
    """There is no way back that keeps what was migrated."""
    raise RuntimeError("Revision 0008 cannot be taken back; restore the backup made before the upgrade.")
