"""Conditions on days, day parts, single occurrences, limits of units, reservations, more ways to fill a programme."""

from typing import Any

import sqlalchemy as sa
from alembic import op

import core.database

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def _of_slot() -> list[sa.Column[Any]]:
    return [
        sa.Column("rdates", sa.JSON(), nullable=False, server_default="[]"),
        sa.Column("days", sa.JSON(), nullable=True),
        sa.Column("daypart", sa.String(length=40), nullable=True),
        sa.Column("offset_s", sa.Integer(), nullable=False, server_default="0"),
        sa.Column("max_seconds", sa.Float(), nullable=True),
        sa.Column("short", sa.String(length=4), nullable=False, server_default="end"),
        sa.Column("lifted", sa.JSON(), nullable=False, server_default="[]"),
        sa.Column("lifted_by", sa.String(length=40), nullable=True),
        sa.Column("lifted_reason", sa.String(length=500), nullable=False, server_default=""),
        sa.Column("bypass_at", core.database.UtcDateTime(timezone=True), nullable=True),
        sa.Column("follows", sa.String(length=40), nullable=True),
    ]


def _of_item() -> list[sa.Column[Any]]:
    return [
        sa.Column("from_unit_id", sa.String(length=40), nullable=True),
        sa.Column("max_age_days", sa.Integer(), nullable=True),
        sa.Column("unheard_days", sa.Integer(), nullable=True),
        sa.Column("choices", sa.JSON(), nullable=False, server_default="[]"),
        sa.Column("role", sa.String(length=10), nullable=False, server_default=""),
    ]


def _of_airing() -> list[sa.Column[Any]]:
    return [
        sa.Column("lifted", sa.JSON(), nullable=False, server_default="[]"),
        sa.Column("left_out", sa.JSON(), nullable=False, server_default="[]"),
    ]


def upgrade() -> None:
    _tables()
    with op.batch_alter_table("slot") as batch_op:
        for column in _of_slot():
            batch_op.add_column(column)
    with op.batch_alter_table("programme_item") as batch_op:
        for column in _of_item():
            batch_op.add_column(column)
        batch_op.create_foreign_key("programme_item_from_unit", "unit", ["from_unit_id"], ["id"])
    with op.batch_alter_table("airing") as batch_op:
        for column in _of_airing():
            batch_op.add_column(column)
    with op.batch_alter_table("unit") as batch_op:
        batch_op.add_column(sa.Column("limits", sa.JSON(), nullable=True))


def _tables() -> None:
    instant = core.database.UtcDateTime(timezone=True)
    op.create_table(
        "slot_exception",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("slot_id", sa.String(length=40), nullable=False),
        sa.Column("occurrence_at", instant, nullable=False),
        sa.Column("skip", sa.Boolean(), nullable=False),
        sa.Column("starts_at", instant, nullable=True),
        sa.Column("programme_id", sa.String(length=40), nullable=True),
        sa.Column("max_seconds", sa.Float(), nullable=True),
        sa.Column("reason", sa.String(length=500), nullable=False),
        sa.Column("changed_by", sa.String(length=40), nullable=False),
        sa.Column("changed_at", instant, nullable=False),
        sa.ForeignKeyConstraint(["slot_id"], ["slot.id"]),
        sa.ForeignKeyConstraint(["programme_id"], ["programme.id"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("slot_id", "occurrence_at"),
    )
    op.create_index("ix_slot_exception_starts_at", "slot_exception", ["starts_at"])
    op.create_table(
        "day_part",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("unit_id", sa.String(length=40), nullable=False),
        sa.Column("code", sa.String(length=40), nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("windows", sa.JSON(), nullable=False),
        sa.Column("changed_by", sa.String(length=40), nullable=False),
        sa.Column("changed_at", instant, nullable=False),
        sa.ForeignKeyConstraint(["unit_id"], ["unit.id"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("unit_id", "code"),
    )
    op.create_table(
        "reservation",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("unit_id", sa.String(length=40), nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("starts", sa.String(length=32), nullable=False),
        sa.Column("zone", sa.String(length=64), nullable=False),
        sa.Column("rrule", sa.String(length=500), nullable=True),
        sa.Column("until", sa.String(length=40), nullable=True),
        sa.Column("seconds", sa.Float(), nullable=False),
        sa.Column("created_by", sa.String(length=40), nullable=False),
        sa.Column("created_at", instant, nullable=False),
        sa.Column("withdrawn_at", instant, nullable=True),
        sa.ForeignKeyConstraint(["unit_id"], ["unit.id"]),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_reservation_unit_id", "reservation", ["unit_id"])


def downgrade() -> None:
    with op.batch_alter_table("unit") as batch_op:
        batch_op.drop_column("limits")
    for table, columns in (("airing", _of_airing()), ("programme_item", _of_item()), ("slot", _of_slot())):
        with op.batch_alter_table(table) as batch_op:
            if table == "programme_item":
                batch_op.drop_constraint("programme_item_from_unit", type_="foreignkey")
            for column in columns:
                batch_op.drop_column(column.name)
    for table in ("reservation", "day_part", "slot_exception"):
        op.drop_table(table)
