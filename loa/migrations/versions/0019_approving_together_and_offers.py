"""Who approves what, deputies with dates, and bulletins that are offered to the units below."""

import sqlalchemy as sa
from alembic import op

import core.database

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None

_INSTANT = core.database.UtcDateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "deputy",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("unit_id", sa.String(length=40), nullable=False),
        sa.Column("person_id", sa.String(length=40), nullable=False),
        sa.Column("of_person_id", sa.String(length=40), nullable=False),
        sa.Column("begins_at", _INSTANT, nullable=False),
        sa.Column("ends_at", _INSTANT, nullable=False),
        sa.Column("ended_at", _INSTANT, nullable=True),
        sa.Column("created_by", sa.String(length=40), nullable=False),
        sa.Column("created_at", _INSTANT, nullable=False),
        sa.ForeignKeyConstraint(["unit_id"], ["unit.id"]),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"]),
        sa.ForeignKeyConstraint(["of_person_id"], ["person.id"]),
        sa.PrimaryKeyConstraint("id"),
    )
    for column in ("unit_id", "person_id", "of_person_id"):
        op.create_index(f"ix_deputy_{column}", "deputy", [column])
    op.create_table(
        "approval_rule",
        sa.Column("unit_id", sa.String(length=40), nullable=False),
        sa.Column("two_persons", sa.JSON(), nullable=False),
        sa.Column("never_own", sa.Boolean(), nullable=False),
        sa.Column("lines", sa.JSON(), nullable=False),
        sa.Column("settled_by", sa.String(length=40), nullable=False),
        sa.Column("settled_at", _INSTANT, nullable=False),
        sa.ForeignKeyConstraint(["unit_id"], ["unit.id"]),
        sa.PrimaryKeyConstraint("unit_id"),
    )
    op.create_table(
        "approval",
        sa.Column("version_id", sa.String(length=40), nullable=False),
        sa.Column("person_id", sa.String(length=40), nullable=False),
        sa.Column("deputy_of", sa.String(length=40), nullable=True),
        sa.Column("at", _INSTANT, nullable=False),
        sa.ForeignKeyConstraint(["version_id"], ["bulletin_version.id"]),
        sa.PrimaryKeyConstraint("version_id", "person_id"),
    )
    _offers()


def _offers() -> None:
    op.create_table(
        "offer",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("bulletin_id", sa.String(length=40), nullable=False),
        sa.Column("unit_id", sa.String(length=40), nullable=False),
        sa.Column("priority", sa.String(length=10), nullable=False),
        sa.Column("note", sa.String(length=500), nullable=False),
        sa.Column("offered_by", sa.String(length=40), nullable=False),
        sa.Column("offered_at", _INSTANT, nullable=False),
        sa.Column("reminded_at", _INSTANT, nullable=True),
        sa.ForeignKeyConstraint(["bulletin_id"], ["bulletin.id"]),
        sa.ForeignKeyConstraint(["unit_id"], ["unit.id"]),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_offer_bulletin_id", "offer", ["bulletin_id"])
    op.create_index("ix_offer_unit_id", "offer", ["unit_id"])
    op.create_table(
        "offer_target",
        sa.Column("offer_id", sa.String(length=40), nullable=False),
        sa.Column("unit_id", sa.String(length=40), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("answered_by", sa.String(length=40), nullable=True),
        sa.Column("answered_at", _INSTANT, nullable=True),
        sa.Column("reason", sa.String(length=1000), nullable=False),
        sa.Column("programme_id", sa.String(length=40), nullable=True),
        sa.Column("airs_at", _INSTANT, nullable=True),
        sa.Column("after_own", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("automatic", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.ForeignKeyConstraint(["offer_id"], ["offer.id"]),
        sa.ForeignKeyConstraint(["unit_id"], ["unit.id"]),
        sa.ForeignKeyConstraint(["programme_id"], ["programme.id"]),
        sa.PrimaryKeyConstraint("offer_id", "unit_id"),
    )
    op.create_index("offer_target_by_unit", "offer_target", ["unit_id", "state", "offer_id"])
    op.create_index("offer_target_in_line", "offer_target", ["programme_id", "airs_at"])
    op.create_index("offer_target_by_state", "offer_target", ["state", "airs_at"])
    op.create_table(
        "offer_rule",
        sa.Column("unit_id", sa.String(length=40), nullable=False),
        sa.Column("programme_id", sa.String(length=40), nullable=False),
        sa.Column("fields", sa.JSON(), nullable=False),
        sa.Column("settled_by", sa.String(length=40), nullable=False),
        sa.Column("settled_at", _INSTANT, nullable=False),
        sa.ForeignKeyConstraint(["unit_id"], ["unit.id"]),
        sa.ForeignKeyConstraint(["programme_id"], ["programme.id"]),
        sa.PrimaryKeyConstraint("unit_id"),
    )


def downgrade() -> None:
    for table in ("offer_rule", "offer_target", "offer", "approval", "approval_rule", "deputy"):
        op.drop_table(table)
