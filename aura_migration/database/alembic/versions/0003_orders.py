"""Orders, payments, refunds, fees, payouts and cash, and what the migration keeps about them."""

from __future__ import annotations

from alembic import op

from aura_migration.database.schema import execute_files

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Execute the files of ``ddl/0003_orders``."""
    execute_files(op.get_bind().connection.dbapi_connection, "0003")


def downgrade() -> None:
    """There is no way back that keeps what was migrated."""
    raise RuntimeError("Revision 0003 cannot be taken back; restore the backup made before the upgrade.")
