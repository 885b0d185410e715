"""Who heard an emergency: when each station began, the report that is kept, and whom to call where nobody heard it."""

import sqlalchemy as sa
from alembic import op

import core.database

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

_INSTANT = core.database.UtcDateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "first_sound",
        sa.Column("airing_id", sa.String(length=40), nullable=False),
        sa.Column("station_id", sa.String(length=40), nullable=False),
        sa.Column("began_at", _INSTANT, nullable=False),
        sa.Column("noted_at", _INSTANT, nullable=False),
        sa.ForeignKeyConstraint(["airing_id"], ["airing.id"]),
        sa.ForeignKeyConstraint(["station_id"], ["station.id"]),
        sa.PrimaryKeyConstraint("airing_id", "station_id"),
    )
    op.create_index("ix_first_sound_station_id", "first_sound", ["station_id"])
    op.create_table(
        "emergency_report",
        sa.Column("emergency_id", sa.String(length=40), nullable=False),
        sa.Column("unit_id", sa.String(length=40), nullable=False),
        sa.Column("unit_name", sa.String(length=200), nullable=False),
        sa.Column("unit_path", sa.String(length=2000), nullable=False),
        sa.Column("title", sa.String(length=300), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("raised_by", sa.String(length=200), nullable=False),
        sa.Column("raised_at", _INSTANT, nullable=False),
        sa.Column("issued_at", _INSTANT, nullable=True),
        sa.Column("ended_at", _INSTANT, nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("stations", sa.Integer(), nullable=False),
        sa.Column("acknowledged", sa.Integer(), nullable=False),
        sa.Column("sounded", sa.Integer(), nullable=False),
        sa.Column("first_s", sa.Float(), nullable=True),
        sa.Column("most_s", sa.Float(), nullable=True),
        sa.Column("counts", sa.JSON(), nullable=False),
        sa.Column("units", sa.Integer(), nullable=False),
        sa.Column("unreached", sa.Integer(), nullable=False),
        sa.Column("written_at", _INSTANT, nullable=False),
        sa.Column("seen_at", _INSTANT, nullable=False),
        sa.Column("final", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["emergency_id"], ["emergency.id"]),
        sa.PrimaryKeyConstraint("emergency_id"),
    )
    for column in ("unit_id", "raised_at", "final"):
        op.create_index(f"ix_emergency_report_{column}", "emergency_report", [column])
    op.create_table(
        "emergency_line",
        sa.Column("emergency_id", sa.String(length=40), nullable=False),
        sa.Column("station_id", sa.String(length=40), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("unit_id", sa.String(length=40), nullable=False),
        sa.Column("unit_name", sa.String(length=200), nullable=False),
        sa.Column("path", sa.String(length=2000), nullable=False),
        sa.Column("state", sa.String(length=12), nullable=False),
        sa.Column("reason", sa.String(length=16), nullable=True),
        sa.Column("acknowledged_at", _INSTANT, nullable=True),
        sa.Column("first_at", _INSTANT, nullable=True),
        sa.Column("seconds", sa.Float(), nullable=False),
        sa.Column("heard", sa.String(length=8), nullable=True),
        sa.ForeignKeyConstraint(["emergency_id"], ["emergency_report.emergency_id"]),
        sa.PrimaryKeyConstraint("emergency_id", "station_id"),
    )
    op.add_column("contact", sa.Column("name", sa.String(length=120), nullable=False, server_default=""))
    op.add_column("contact", sa.Column("phone", sa.String(length=30), nullable=False, server_default=""))


def downgrade() -> None:
    with op.batch_alter_table("contact") as table:
        table.drop_column("phone")
        table.drop_column("name")
    op.drop_table("emergency_line")
    op.drop_table("emergency_report")
    op.drop_table("first_sound")
