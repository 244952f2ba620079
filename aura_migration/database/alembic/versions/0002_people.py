"""People: customers, consents, loyalty, gift cards, staff, and what the migration keeps about them."""

from __future__ import annotations

from alembic import op

from aura_migration.database.schema import execute_files

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Execute the files of ``ddl/0002_people``."""
    execute_files(op.get_bind().connection.dbapi_connection, "0002")


def downgrade() -> None:
    """There is no way back that keeps what was migrated."""
    raise RuntimeError("Revision 0002 cannot be taken back; restore the backup made before the upgrade.")
