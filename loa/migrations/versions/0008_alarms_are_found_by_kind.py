"""An index for what is held out to stations: the alarms among a country's airings."""

from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index("airing_by_kind", "airing", ["kind", "not_after"])


def downgrade() -> None:
    op.drop_index("airing_by_kind", table_name="airing")
