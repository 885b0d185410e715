"""Keys that change, tokens that are renewed, devices that are confirmed, proof of sound, and people who are told."""

import sqlalchemy as sa
from alembic import op

import core.database

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

_INSTANT = core.database.UtcDateTime(timezone=True)
_STATION = ("pending_at", "pending_hash", "next_token_hash")


def upgrade() -> None:
    op.add_column("station", sa.Column("confirm", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.add_column("station", sa.Column("pending_hash", sa.String(length=64), nullable=True))
    op.add_column("station", sa.Column("pending_at", _INSTANT, nullable=True))
    op.add_column("station", sa.Column("pending_device", sa.JSON(none_as_null=True), nullable=True))
    op.add_column("station", sa.Column("next_token_hash", sa.String(length=64), nullable=True))
    op.add_column("station", sa.Column("token_since", _INSTANT, nullable=True))
    op.add_column("station", sa.Column("renew_asked_at", _INSTANT, nullable=True))
    for column in _STATION:
        op.create_index(f"ix_station_{column}", "station", [column], unique=column.endswith("_hash"))
    op.add_column("station_state", sa.Column("plan_at", _INSTANT, nullable=True))
    op.add_column("station_state", sa.Column("keys", sa.String(length=500), nullable=True))
    op.add_column("play_report", sa.Column("heard", sa.String(length=8), nullable=True))
    op.add_column("play_report", sa.Column("heard_db", sa.Float(), nullable=True))
    op.create_table(
        "server_key",
        sa.Column("kid", sa.String(length=64), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("since", _INSTANT, nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("announcement", sa.Text(), nullable=False, server_default=""),
        sa.Column("resigned_at", _INSTANT, nullable=True),
        sa.PrimaryKeyConstraint("kid"),
    )
    op.create_table(
        "concern",
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("subject", sa.String(length=80), nullable=False),
        sa.Column("unit_id", sa.String(length=40), nullable=True),
        sa.Column("name", sa.String(length=200), nullable=False, server_default=""),
        sa.Column("since", _INSTANT, nullable=False),
        sa.Column("cleared_at", _INSTANT, nullable=True),
        sa.Column("told_at", _INSTANT, nullable=True),
        sa.Column("clear_told_at", _INSTANT, nullable=True),
        sa.ForeignKeyConstraint(["unit_id"], ["unit.id"]),
        sa.PrimaryKeyConstraint("kind", "subject"),
    )
    op.create_index("ix_concern_unit_id", "concern", ["unit_id"])
    op.create_index("ix_concern_cleared_at", "concern", ["cleared_at"])
    op.create_table(
        "contact",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("unit_id", sa.String(length=40), nullable=False),
        sa.Column("way", sa.String(length=10), nullable=False),
        sa.Column("address", sa.String(length=500), nullable=False),
        sa.Column("kinds", sa.JSON(), nullable=False),
        sa.Column("secret", sa.String(length=80), nullable=False),
        sa.Column("created_by", sa.String(length=40), nullable=False),
        sa.Column("created_at", _INSTANT, nullable=False),
        sa.ForeignKeyConstraint(["unit_id"], ["unit.id"]),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_contact_unit_id", "contact", ["unit_id"])
    op.create_table(
        "notice",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("contact_id", sa.String(length=40), nullable=False),
        sa.Column("subject", sa.String(length=300), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("data", sa.JSON(), nullable=False),
        sa.Column("created_at", _INSTANT, nullable=False),
        sa.Column("due_at", _INSTANT, nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("claimed_by", sa.String(length=120), nullable=True),
        sa.Column("claimed_until", _INSTANT, nullable=True),
        sa.Column("sent_at", _INSTANT, nullable=True),
        sa.Column("failed_at", _INSTANT, nullable=True),
        sa.Column("error", sa.String(length=300), nullable=False),
        sa.ForeignKeyConstraint(["contact_id"], ["contact.id"]),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_notice_contact_id", "notice", ["contact_id"])
    op.create_index("notice_to_send", "notice", ["sent_at", "failed_at", "due_at"])


def downgrade() -> None:
    for name in ("notice", "contact", "concern", "server_key"):
        op.drop_table(name)
    with op.batch_alter_table("play_report") as table:
        table.drop_column("heard_db")
        table.drop_column("heard")
    with op.batch_alter_table("station_state") as table:
        table.drop_column("keys")
        table.drop_column("plan_at")
    for column in _STATION:
        op.drop_index(f"ix_station_{column}", table_name="station")
    with op.batch_alter_table("station") as table:
        for column in (
            "renew_asked_at", "token_since", "next_token_hash", "pending_device", "pending_at", "pending_hash", "confirm",
        ):  # fmt: skip
            table.drop_column(column)
