"""Where and when a bulletin was asked to sound."""

import sqlalchemy as sa
from alembic import op

import core.database

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None

_INSTANT = core.database.UtcDateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "air_wish",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("bulletin_id", sa.String(length=40), nullable=False),
        sa.Column("wanted", sa.JSON(), nullable=False),
        sa.Column("state", sa.String(length=12), nullable=False),
        sa.Column("reason", sa.String(length=500), nullable=False),
        sa.Column("reason_params", sa.JSON(), nullable=False),
        sa.Column("slots", sa.JSON(), nullable=False),
        sa.Column("joined", sa.String(length=40), nullable=True),
        sa.Column("wanted_by", sa.String(length=40), nullable=False),
        sa.Column("wanted_at", _INSTANT, nullable=False),
        sa.Column("done_by", sa.String(length=40), nullable=True),
        sa.Column("done_at", _INSTANT, nullable=True),
        sa.ForeignKeyConstraint(["bulletin_id"], ["bulletin.id"]),
        sa.ForeignKeyConstraint(["joined"], ["programme.id"]),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_air_wish_bulletin_id", "air_wish", ["bulletin_id"])


def downgrade() -> None:
    op.drop_table("air_wish")
