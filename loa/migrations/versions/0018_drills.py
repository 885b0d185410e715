"""Drills: what is practised on a schedule, each time it was, and what was found at each station."""

import sqlalchemy as sa
from alembic import op

import core.database

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None

_INSTANT = core.database.UtcDateTime(timezone=True)


def _content() -> list[sa.Column[object]]:
    """What plan and run have in common."""
    return [
        sa.Column("unit_id", sa.String(length=40), nullable=False),
        sa.Column("kind", sa.String(length=10), nullable=False),
        sa.Column("name", sa.String(length=120), nullable=False),
        sa.Column("audience", sa.JSON(), nullable=False),
        sa.Column("note", sa.String(length=600), nullable=False),
        sa.Column("said", sa.JSON(), nullable=False),
        sa.Column("signal", sa.String(length=10), nullable=False),
        sa.Column("volume", sa.Integer(), nullable=True),
    ]


def upgrade() -> None:
    op.create_table(
        "drill_plan",
        sa.Column("id", sa.String(length=40), nullable=False),
        *_content(),
        sa.Column("starts", sa.String(length=32), nullable=False),
        sa.Column("zone", sa.String(length=64), nullable=False),
        sa.Column("rrule", sa.String(length=500), nullable=True),
        sa.Column("next_at", _INSTANT, nullable=True),
        sa.Column("answered_by", sa.String(length=40), nullable=False),
        sa.Column("answered_at", _INSTANT, nullable=False),
        sa.Column("renew_by", _INSTANT, nullable=False),
        sa.Column("created_at", _INSTANT, nullable=False),
        sa.Column("ended_by", sa.String(length=40), nullable=True),
        sa.Column("ended_at", _INSTANT, nullable=True),
        sa.ForeignKeyConstraint(["unit_id"], ["unit.id"]),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_drill_plan_unit_id", "drill_plan", ["unit_id"])
    op.create_index("ix_drill_plan_next_at", "drill_plan", ["next_at"])
    op.create_table(
        "drill_run",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("plan_id", sa.String(length=40), nullable=True),
        *_content(),
        sa.Column("ordered_by", sa.String(length=40), nullable=False),
        sa.Column("planned_at", _INSTANT, nullable=False),
        sa.Column("begun_at", _INSTANT, nullable=True),
        sa.Column("closes_at", _INSTANT, nullable=True),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("why", sa.String(length=300), nullable=False),
        sa.Column("emergency_id", sa.String(length=40), nullable=True),
        sa.Column("clip_id", sa.String(length=40), nullable=True),
        sa.Column("airings", sa.JSON(), nullable=False),
        sa.Column("reported_at", _INSTANT, nullable=True),
        sa.Column("figures", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(["plan_id"], ["drill_plan.id"]),
        sa.ForeignKeyConstraint(["unit_id"], ["unit.id"]),
        sa.ForeignKeyConstraint(["emergency_id"], ["emergency.id"]),
        sa.ForeignKeyConstraint(["clip_id"], ["clip.id"]),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_drill_run_plan_id", "drill_run", ["plan_id"])
    op.create_index("drill_run_by_state", "drill_run", ["state", "closes_at"])
    op.create_index("drill_run_by_unit", "drill_run", ["unit_id", "planned_at"])
    op.create_table(
        "drill_check",
        sa.Column("run_id", sa.String(length=40), nullable=False),
        sa.Column("station_id", sa.String(length=40), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("unit_id", sa.String(length=40), nullable=False),
        sa.Column("unit_name", sa.String(length=200), nullable=False),
        sa.Column("verdict", sa.String(length=10), nullable=False),
        sa.Column("findings", sa.JSON(), nullable=False),
        sa.Column("outcome", sa.String(length=10), nullable=False),
        sa.Column("reason", sa.String(length=20), nullable=True),
        sa.Column("told_s", sa.Float(), nullable=True),
        sa.Column("sounded_s", sa.Float(), nullable=True),
        sa.Column("peak_db", sa.Float(), nullable=True),
        sa.Column("heard", sa.String(length=8), nullable=True),
        sa.Column("heard_db", sa.Float(), nullable=True),
        sa.ForeignKeyConstraint(["run_id"], ["drill_run.id"]),
        sa.PrimaryKeyConstraint("run_id", "station_id"),
    )
    op.create_index("drill_check_by_verdict", "drill_check", ["run_id", "verdict"])


def downgrade() -> None:
    op.drop_table("drill_check")
    op.drop_table("drill_run")
    op.drop_table("drill_plan")
