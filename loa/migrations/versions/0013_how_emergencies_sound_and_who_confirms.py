"""How an emergency sounds, how grave it is and what it replaces; who must confirm one, and those that wait for it."""

import sqlalchemy as sa
from alembic import op

import core.database

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

_INSTANT = core.database.UtcDateTime(timezone=True)
_NEW = (
    "confirmed_by", "replaces", "said", "drill", "source", "until", "severity", "signal", "about", "title",
)  # fmt: skip


def upgrade() -> None:
    op.add_column("emergency", sa.Column("title", sa.String(length=200), nullable=False, server_default=""))
    op.add_column("emergency", sa.Column("about", sa.String(length=20), nullable=False, server_default="other"))
    op.add_column("emergency", sa.Column("signal", sa.String(length=10), nullable=False, server_default="none"))
    op.add_column("emergency", sa.Column("severity", sa.String(length=10), nullable=False, server_default="extreme"))
    op.add_column("emergency", sa.Column("until", _INSTANT, nullable=True))
    op.add_column("emergency", sa.Column("source", sa.String(length=80), nullable=False, server_default="person"))
    op.add_column("emergency", sa.Column("drill", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.add_column("emergency", sa.Column("said", sa.JSON(), nullable=False, server_default="[]"))
    op.add_column("emergency", sa.Column("replaces", sa.JSON(), nullable=False, server_default="[]"))
    op.add_column("emergency", sa.Column("confirmed_by", sa.String(length=40), nullable=True))
    op.add_column("airing", sa.Column("severity", sa.String(length=10), nullable=True))
    op.execute("UPDATE emergency SET source = 'local' WHERE raised_by = 'local'")
    op.add_column("unit", sa.Column("alarm_rule", sa.String(length=20), nullable=True))
    op.create_table(
        "pending_alarm",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("unit_id", sa.String(length=40), nullable=False),
        sa.Column("alarm", sa.JSON(), nullable=False),
        sa.Column("title", sa.String(length=200), nullable=False),
        sa.Column("asked_by", sa.String(length=40), nullable=False),
        sa.Column("asked_at", _INSTANT, nullable=False),
        sa.Column("expires_at", _INSTANT, nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("decided_by", sa.String(length=40), nullable=True),
        sa.Column("decided_at", _INSTANT, nullable=True),
        sa.Column("reason", sa.String(length=300), nullable=False),
        sa.Column("emergency_id", sa.String(length=40), nullable=True),
        sa.ForeignKeyConstraint(["unit_id"], ["unit.id"]),
        sa.ForeignKeyConstraint(["emergency_id"], ["emergency.id"]),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_pending_alarm_unit_id", "pending_alarm", ["unit_id"])
    op.create_index("pending_alarm_by_state", "pending_alarm", ["state", "expires_at"])


def downgrade() -> None:
    op.drop_table("pending_alarm")
    op.drop_column("airing", "severity")
    with op.batch_alter_table("unit") as table:
        table.drop_column("alarm_rule")
    with op.batch_alter_table("emergency") as table:
        for column in _NEW:
            table.drop_column(column)
