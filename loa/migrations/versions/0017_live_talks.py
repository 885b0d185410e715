"""Live talks: who speaks, until when, and what became of it."""

import sqlalchemy as sa
from alembic import op

import core.database

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

_INSTANT = core.database.UtcDateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "live_talk",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("unit_id", sa.String(length=40), nullable=False),
        sa.Column("airing_id", sa.String(length=40), nullable=False),
        sa.Column("person_id", sa.String(length=40), nullable=False),
        sa.Column("title", sa.String(length=200), nullable=False),
        sa.Column("emergency", sa.Boolean(), nullable=False),
        sa.Column("chime", sa.Boolean(), nullable=False),
        sa.Column("rate", sa.Integer(), nullable=False),
        sa.Column("limit_s", sa.Integer(), nullable=False),
        sa.Column("started_at", _INSTANT, nullable=False),
        sa.Column("heard_at", _INSTANT, nullable=True),
        sa.Column("seconds", sa.Float(), nullable=False),
        sa.Column("ended_at", _INSTANT, nullable=True),
        sa.Column("ended_by", sa.String(length=40), nullable=True),
        sa.Column("reason", sa.String(length=16), nullable=False),
        sa.Column("closed_at", _INSTANT, nullable=True),
        sa.Column("clip_id", sa.String(length=40), nullable=True),
        sa.Column("filed_at", _INSTANT, nullable=True),
        sa.ForeignKeyConstraint(["airing_id"], ["airing.id"]),
        sa.ForeignKeyConstraint(["clip_id"], ["clip.id"]),
        sa.ForeignKeyConstraint(["unit_id"], ["unit.id"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("airing_id"),
    )
    op.create_index("ix_live_talk_unit_id", "live_talk", ["unit_id"])
    op.create_index("ix_live_talk_started_at", "live_talk", ["started_at"])
    op.create_index("live_talk_open", "live_talk", ["closed_at", "ended_at"])


def downgrade() -> None:
    op.drop_table("live_talk")
