"""Units and stations that are moved, merged and re-coded: what they were before stays known."""

import sqlalchemy as sa
from alembic import op

import core.database

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None

_INSTANT = core.database.UtcDateTime(timezone=True)


def upgrade() -> None:
    op.add_column("unit", sa.Column("merged_into", sa.String(length=40), nullable=True))
    op.add_column("unit", sa.Column("merged_at", _INSTANT, nullable=True))
    op.create_index(op.f("ix_unit_merged_into"), "unit", ["merged_into"])
    op.add_column("station", sa.Column("code", sa.String(length=60), nullable=True))
    op.create_index(op.f("ix_station_code"), "station", ["code"], unique=True)
    op.add_column("station_group", sa.Column("stands_for", sa.String(length=40), nullable=True))
    op.create_index(op.f("ix_station_group_stands_for"), "station_group", ["stands_for"])
    op.create_table(
        "former_code",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("kind", sa.String(length=10), nullable=False),
        sa.Column("code", sa.String(length=60), nullable=False),
        sa.Column("subject", sa.String(length=40), nullable=False),
        sa.Column("bearer", sa.String(length=40), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("since", _INSTANT, nullable=False),
        sa.Column("until", _INSTANT, nullable=False),
        sa.Column("freed_at", _INSTANT, nullable=True),
        sa.Column("freed_by", sa.String(length=40), nullable=True),
        sa.Column("freed_reason", sa.String(length=500), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("former_code_by_code", "former_code", ["kind", "code"])
    op.create_index(op.f("ix_former_code_subject"), "former_code", ["subject"])
    op.create_table(
        "former_place",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("station_id", sa.String(length=40), nullable=False),
        sa.Column("unit_id", sa.String(length=40), nullable=False),
        sa.Column("names", sa.JSON(), nullable=False),
        sa.Column("since", _INSTANT, nullable=False),
        sa.Column("until", _INSTANT, nullable=False),
        sa.Column("answers", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["station_id"], ["station.id"]),
        sa.ForeignKeyConstraint(["unit_id"], ["unit.id"]),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("former_place_by_station", "former_place", ["station_id", "until"])
    op.create_index(op.f("ix_former_place_unit_id"), "former_place", ["unit_id"])
    op.create_index(op.f("ix_former_place_until"), "former_place", ["until"])
    op.create_index(op.f("ix_former_place_answers"), "former_place", ["answers"])


def downgrade() -> None:
    op.drop_table("former_place")
    op.drop_table("former_code")
    op.drop_index(op.f("ix_station_group_stands_for"), table_name="station_group")
    op.drop_index(op.f("ix_station_code"), table_name="station")
    op.drop_index(op.f("ix_unit_merged_into"), table_name="unit")
    with op.batch_alter_table("station_group") as group:
        group.drop_column("stands_for")
    with op.batch_alter_table("station") as station:
        station.drop_column("code")
    with op.batch_alter_table("unit") as unit:
        unit.drop_column("merged_at")
        unit.drop_column("merged_into")
