"""Items of programmes that are relays, and what is known of the addresses they come from."""

import sqlalchemy as sa
from alembic import op

import core.database

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

_INSTANT = core.database.UtcDateTime(timezone=True)
_ITEM = ("via", "title", "seconds", "relay")


def upgrade() -> None:
    op.create_table(
        "relay_source",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("url", sa.String(length=500), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("name", sa.String(length=120), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("why", sa.String(length=300), nullable=False),
        sa.Column("noted_at", _INSTANT, nullable=False),
        sa.Column("checked_at", _INSTANT, nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    op.add_column("programme_item", sa.Column("relay", sa.String(length=500), nullable=True))
    op.add_column("programme_item", sa.Column("seconds", sa.Float(), nullable=True))
    op.add_column("programme_item", sa.Column("title", sa.String(length=200), nullable=False, server_default=""))
    op.add_column("programme_item", sa.Column("via", sa.String(length=10), nullable=False, server_default=""))


def downgrade() -> None:
    with op.batch_alter_table("programme_item") as table:
        for column in _ITEM:
            table.drop_column(column)
    op.drop_table("relay_source")
