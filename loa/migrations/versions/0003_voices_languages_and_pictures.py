"""Voices of units, bulletins in several languages, pictures and remarks of clips, quotas."""

import sqlalchemy as sa
from alembic import op

import core.database

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "clip_shape",
        sa.Column("clip_id", sa.String(length=40), nullable=False),
        sa.Column("as_recorded", sa.LargeBinary(), nullable=False),
        sa.Column("as_heard", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["clip_id"], ["clip.id"]),
        sa.PrimaryKeyConstraint("clip_id"),
    )
    op.create_table(
        "voice_choice",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("unit_id", sa.String(length=40), nullable=False),
        sa.Column("language", sa.String(length=12), nullable=False),
        sa.Column("voices", sa.JSON(), nullable=False),
        sa.Column("speed", sa.Float(), nullable=False),
        sa.Column("pitch", sa.Float(), nullable=False),
        sa.Column("preset", sa.String(length=20), nullable=True),
        sa.Column("twice", sa.Boolean(), nullable=False),
        sa.Column("changed_by", sa.String(length=40), nullable=False),
        sa.Column("changed_at", core.database.UtcDateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["unit_id"], ["unit.id"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("unit_id", "language"),
    )
    op.create_table(
        "rendition",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("version_id", sa.String(length=40), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("language", sa.String(length=12), nullable=False),
        sa.Column("text", sa.String(), nullable=False),
        sa.Column("clip_id", sa.String(length=40), nullable=False),
        sa.Column("voice", sa.String(length=80), nullable=True),
        sa.ForeignKeyConstraint(["clip_id"], ["clip.id"]),
        sa.ForeignKeyConstraint(["version_id"], ["bulletin_version.id"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("version_id", "language"),
    )
    op.create_index("ix_rendition_clip_id", "rendition", ["clip_id"])
    with op.batch_alter_table("clip") as batch_op:
        batch_op.add_column(sa.Column("voices", sa.JSON(), nullable=False, server_default="[]"))
        batch_op.add_column(sa.Column("speed", sa.Float(), nullable=False, server_default="1"))
        batch_op.add_column(sa.Column("pitch", sa.Float(), nullable=False, server_default="0"))
        batch_op.add_column(sa.Column("preset", sa.String(length=20), nullable=True))
        batch_op.add_column(sa.Column("replaces", sa.String(length=40), nullable=True))
        batch_op.add_column(sa.Column("warnings", sa.JSON(), nullable=False, server_default="[]"))
        batch_op.create_index("ix_clip_replaces", ["replaces"])
    with op.batch_alter_table("bulletin_version") as batch_op:
        batch_op.add_column(sa.Column("twice", sa.Boolean(), nullable=False, server_default=sa.false()))
    with op.batch_alter_table("unit") as batch_op:
        batch_op.add_column(sa.Column("quota_mb", sa.Integer(), nullable=True))
    with op.batch_alter_table("airing") as batch_op:
        batch_op.add_column(sa.Column("variant", sa.String(length=64), nullable=False, server_default=""))
    _one_live_airing("slot_id", "occurrence_at", "variant")


def downgrade() -> None:
    op.execute("UPDATE airing SET state = 'withdrawn' WHERE variant <> ''")
    _one_live_airing("slot_id", "occurrence_at")
    with op.batch_alter_table("airing") as batch_op:
        batch_op.drop_column("variant")
    with op.batch_alter_table("unit") as batch_op:
        batch_op.drop_column("quota_mb")
    with op.batch_alter_table("bulletin_version") as batch_op:
        batch_op.drop_column("twice")
    with op.batch_alter_table("clip") as batch_op:
        batch_op.drop_index("ix_clip_replaces")
        for name in ("warnings", "replaces", "preset", "pitch", "speed", "voices"):
            batch_op.drop_column(name)
    for table in ("rendition", "voice_choice", "clip_shape"):
        op.drop_table(table)


def _one_live_airing(*columns: str) -> None:
    op.drop_index("one_live_airing_an_occurrence", "airing")
    op.create_index(
        "one_live_airing_an_occurrence",
        "airing",
        list(columns),
        unique=True,
        sqlite_where=sa.text("state != 'withdrawn'"),
        postgresql_where=sa.text("state != 'withdrawn'"),
    )
