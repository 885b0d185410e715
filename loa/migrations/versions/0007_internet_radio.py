"""Whether everybody may listen to a unit over the Internet."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("unit", sa.Column("public_radio", sa.Boolean(), nullable=True))


def downgrade() -> None:
    with op.batch_alter_table("unit") as table:
        table.drop_column("public_radio")
