"""What needs a person's hand: rows that were set aside, and other trouble, raised once and cleared once."""

import sqlalchemy as sa
from alembic import op

import core.database

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "trouble",
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("subject", sa.String(length=80), nullable=False),
        sa.Column("unit_id", sa.String(length=40), nullable=True),
        sa.Column("what", sa.String(length=500), nullable=False, server_default=""),
        sa.Column("since", core.database.UtcDateTime(timezone=True), nullable=False),
        sa.Column("seen_at", core.database.UtcDateTime(timezone=True), nullable=False),
        sa.Column("times", sa.Integer(), nullable=False, server_default="1"),
        sa.Column("cleared_at", core.database.UtcDateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["unit_id"], ["unit.id"]),
        sa.PrimaryKeyConstraint("kind", "subject"),
    )
    op.create_index("ix_trouble_unit_id", "trouble", ["unit_id"])
    op.create_index("ix_trouble_cleared_at", "trouble", ["cleared_at"])
    op.add_column("slot_exception", sa.Column("lifted", sa.JSON(), nullable=False, server_default="[]"))
    op.add_column("slot_exception", sa.Column("lifted_by", sa.String(length=40), nullable=True))
    op.add_column(
        "slot_exception", sa.Column("lifted_reason", sa.String(length=500), nullable=False, server_default="")
    )
    op.create_table(
        "slot_order",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("unit_id", sa.String(length=40), nullable=False),
        sa.Column("first_slot", sa.String(length=40), nullable=False),
        sa.Column("then_slot", sa.String(length=40), nullable=False),
        sa.Column("first_at", core.database.UtcDateTime(timezone=True), nullable=True),
        sa.Column("then_at", core.database.UtcDateTime(timezone=True), nullable=True),
        sa.Column("decided_by", sa.String(length=40), nullable=False),
        sa.Column("decided_at", core.database.UtcDateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["first_slot"], ["slot.id"]),
        sa.ForeignKeyConstraint(["then_slot"], ["slot.id"]),
        sa.ForeignKeyConstraint(["unit_id"], ["unit.id"]),
        sa.PrimaryKeyConstraint("id"),
    )
    for column in ("unit_id", "first_slot", "then_slot"):
        op.create_index(f"ix_slot_order_{column}", "slot_order", [column])


def downgrade() -> None:
    op.drop_table("slot_order")
    with op.batch_alter_table("slot_exception") as table:
        for column in ("lifted_reason", "lifted_by", "lifted"):
            table.drop_column(column)
    op.drop_table("trouble")
