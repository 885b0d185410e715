"""Changes of the timetable that can be undone."""

import sqlalchemy as sa
from alembic import op

import core.database

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None

_INSTANT = core.database.UtcDateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "timetable_step",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("unit_id", sa.String(length=40), nullable=False),
        sa.Column("person_id", sa.String(length=40), nullable=False),
        sa.Column("kind", sa.String(length=12), nullable=False),
        sa.Column("before", sa.JSON(), nullable=False),
        sa.Column("after", sa.String(length=64), nullable=False),
        sa.Column("made_at", _INSTANT, nullable=False),
        sa.Column("undone_at", _INSTANT, nullable=True),
        sa.ForeignKeyConstraint(["unit_id"], ["unit.id"]),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_timetable_step_unit_id", "timetable_step", ["unit_id"])
    op.create_index("ix_timetable_step_made_at", "timetable_step", ["made_at"])


def downgrade() -> None:
    op.drop_table("timetable_step")
