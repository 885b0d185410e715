"""The page of a unit for everybody, what citizens say is wrong, and what is added up of what was heard."""

import sqlalchemy as sa
from alembic import op

import core.database

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

_INSTANT = core.database.UtcDateTime(timezone=True)


def upgrade() -> None:
    op.add_column("unit", sa.Column("public_page", sa.Boolean(), nullable=True))
    op.create_index(op.f("ix_airing_outcome_updated_at"), "airing_outcome", ["updated_at"])
    op.create_table(
        "feedback",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("number", sa.String(length=12), nullable=False),
        sa.Column("code_hash", sa.String(length=64), nullable=False),
        sa.Column("unit_id", sa.String(length=40), nullable=False),
        sa.Column("kind", sa.String(length=12), nullable=False),
        sa.Column("place", sa.String(length=200), nullable=False),
        sa.Column("about", sa.String(length=40), nullable=True),
        sa.Column("text", sa.String(length=2_000), nullable=False),
        sa.Column("contact", sa.String(length=200), nullable=False),
        sa.Column("language", sa.String(length=8), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("answer", sa.String(length=4_000), nullable=False),
        sa.Column("answered_by", sa.String(length=40), nullable=True),
        sa.Column("answered_at", _INSTANT, nullable=True),
        sa.Column("closed_at", _INSTANT, nullable=True),
        sa.Column("bulletin_id", sa.String(length=40), nullable=True),
        sa.Column("created_at", _INSTANT, nullable=False),
        sa.ForeignKeyConstraint(["about"], ["bulletin.id"]),
        sa.ForeignKeyConstraint(["bulletin_id"], ["bulletin.id"]),
        sa.ForeignKeyConstraint(["unit_id"], ["unit.id"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("number"),
    )
    op.create_index(op.f("ix_feedback_created_at"), "feedback", ["created_at"])
    op.create_index(op.f("ix_feedback_unit_id"), "feedback", ["unit_id"])
    op.create_table(
        "heard_bulletin",
        sa.Column("unit_id", sa.String(length=40), nullable=False),
        sa.Column("month", sa.String(length=7), nullable=False),
        sa.Column("bulletin_id", sa.String(length=40), nullable=False),
        sa.Column("language", sa.String(length=12), nullable=False),
        sa.Column("version_id", sa.String(length=40), nullable=False),
        sa.Column("field", sa.String(length=40), nullable=False),
        sa.Column("priority", sa.String(length=10), nullable=False),
        sa.Column("seconds", sa.Float(), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("airing_id", sa.String(length=40), nullable=False),
        sa.Column("first_at", _INSTANT, nullable=False),
        sa.Column("last_at", _INSTANT, nullable=False),
        sa.ForeignKeyConstraint(["airing_id"], ["airing.id"]),
        sa.ForeignKeyConstraint(["bulletin_id"], ["bulletin.id"]),
        sa.ForeignKeyConstraint(["unit_id"], ["unit.id"]),
        sa.ForeignKeyConstraint(["version_id"], ["bulletin_version.id"]),
        sa.PrimaryKeyConstraint("unit_id", "month", "bulletin_id", "language"),
    )
    op.create_index(op.f("ix_heard_bulletin_bulletin_id"), "heard_bulletin", ["bulletin_id"])
    op.create_table(
        "month_figure",
        sa.Column("unit_id", sa.String(length=40), nullable=False),
        sa.Column("month", sa.String(length=7), nullable=False),
        sa.Column("field", sa.String(length=40), nullable=False),
        sa.Column("priority", sa.String(length=10), nullable=False),
        sa.Column("language", sa.String(length=12), nullable=False),
        sa.Column("planned_seconds", sa.Float(), nullable=False),
        sa.Column("played_seconds", sa.Float(), nullable=False),
        sa.ForeignKeyConstraint(["unit_id"], ["unit.id"]),
        sa.PrimaryKeyConstraint("unit_id", "month", "field", "priority", "language"),
    )
    op.create_table(
        "station_month",
        sa.Column("station_id", sa.String(length=40), nullable=False),
        sa.Column("month", sa.String(length=7), nullable=False),
        sa.Column("played", sa.Integer(), nullable=False),
        sa.Column("partial", sa.Integer(), nullable=False),
        sa.Column("missed", sa.Integer(), nullable=False),
        sa.Column("planned_seconds", sa.Float(), nullable=False),
        sa.Column("played_seconds", sa.Float(), nullable=False),
        sa.ForeignKeyConstraint(["station_id"], ["station.id"]),
        sa.PrimaryKeyConstraint("station_id", "month"),
    )
    op.create_table(
        "roll_up",
        sa.Column("name", sa.String(length=40), nullable=False),
        sa.Column("upto", _INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("name"),
    )


def downgrade() -> None:
    for table in ("roll_up", "station_month", "month_figure", "heard_bulletin", "feedback"):
        op.drop_table(table)
    op.drop_index(op.f("ix_airing_outcome_updated_at"), table_name="airing_outcome")
    with op.batch_alter_table("unit") as unit:
        unit.drop_column("public_page")
