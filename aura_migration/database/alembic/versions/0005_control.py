"""The control plane: audit trail, approvals, sign-ins to a POS, webhooks, notifications, trainings, numbered progress."""

from __future__ import annotations

from alembic import op

from aura_migration.database.schema import execute_files

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Execute the files of ``ddl/0005_control``."""
    execute_files(op.get_bind().connection.dbapi_connection, "0005")


def downgrade() -> None:
    """There is no way back that keeps what was migrated."""
    raise RuntimeError("Revision 0005 cannot be taken back; restore the backup made before the upgrade.")
