"""The rules of business: order types, charges, discounts, exceptions of taxes, tips, hours, settings."""

from __future__ import annotations

from alembic import op

from aura_migration.database.schema import execute_files

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Execute the files of ``ddl/0004_rules``."""
    execute_files(op.get_bind().connection.dbapi_connection, "0004")


def downgrade() -> None:
    """There is no way back that keeps what was migrated."""
    raise RuntimeError("Revision 0004 cannot be taken back; restore the backup made before the upgrade.")
