"""Prepared messages that stand by at stations, what is wrong with a station, and what its SIM card pays for."""

import sqlalchemy as sa
from alembic import op

import core.database

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

_INSTANT = core.database.UtcDateTime(timezone=True)
_STATE = ("sent_bytes", "received_bytes", "month", "standing", "faults")


def upgrade() -> None:
    op.add_column("station_state", sa.Column("faults", sa.JSON(none_as_null=True), nullable=True))
    op.add_column("station_state", sa.Column("standing", sa.JSON(none_as_null=True), nullable=True))
    op.add_column("station_state", sa.Column("month", sa.String(length=7), nullable=True))
    op.add_column("station_state", sa.Column("received_bytes", sa.BigInteger(), nullable=True))
    op.add_column("station_state", sa.Column("sent_bytes", sa.BigInteger(), nullable=True))
    op.create_table(
        "station_traffic",
        sa.Column("station_id", sa.String(length=40), nullable=False),
        sa.Column("month", sa.String(length=7), nullable=False),
        sa.Column("received_bytes", sa.BigInteger(), nullable=False),
        sa.Column("sent_bytes", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["station_id"], ["station.id"]),
        sa.PrimaryKeyConstraint("station_id", "month"),
    )
    op.create_table(
        "prepared_message",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("unit_id", sa.String(length=40), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("title", sa.String(length=200), nullable=False),
        sa.Column("valid_until", _INSTANT, nullable=True),
        sa.Column("approved_by", sa.String(length=40), nullable=False),
        sa.Column("approved_name", sa.String(length=200), nullable=False),
        sa.Column("approved_at", _INSTANT, nullable=False),
        sa.Column("retired_by", sa.String(length=40), nullable=True),
        sa.Column("retired_at", _INSTANT, nullable=True),
        sa.Column("ticket", sa.Text(), nullable=False),
        sa.Column("ticket_key", sa.String(length=64), nullable=False),
        sa.Column("made_of", sa.String(length=64), nullable=False),
        sa.Column("issued_at", _INSTANT, nullable=True),
        sa.Column("not_after", _INSTANT, nullable=True),
        sa.ForeignKeyConstraint(["unit_id"], ["unit.id"]),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_prepared_message_unit_id", "prepared_message", ["unit_id"])
    op.create_index("ix_prepared_message_retired_at", "prepared_message", ["retired_at"])
    op.create_table(
        "prepared_version",
        sa.Column("message_id", sa.String(length=40), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("language", sa.String(length=12), nullable=False),
        sa.Column("clip_id", sa.String(length=40), nullable=False),
        sa.Column("bulletin_version_id", sa.String(length=40), nullable=True),
        sa.ForeignKeyConstraint(["message_id"], ["prepared_message.id"]),
        sa.ForeignKeyConstraint(["clip_id"], ["clip.id"]),
        sa.ForeignKeyConstraint(["bulletin_version_id"], ["bulletin_version.id"]),
        sa.PrimaryKeyConstraint("message_id", "position"),
    )
    op.create_index("ix_prepared_version_clip_id", "prepared_version", ["clip_id"])


def downgrade() -> None:
    op.drop_table("prepared_version")
    op.drop_table("prepared_message")
    op.drop_table("station_traffic")
    with op.batch_alter_table("station_state") as table:
        for column in _STATE:
            table.drop_column(column)
