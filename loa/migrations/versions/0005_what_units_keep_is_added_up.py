"""Indexes from which the storage of a unit is added up."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index("ix_clip_kept", "clip", ["unit_id", "mp3_bytes", "opus_bytes"])
    op.create_index(
        "ix_clip_upload", "clip", ["unit_id", "upload"],
        sqlite_where=sa.text("upload IS NOT NULL"), postgresql_where=sa.text("upload IS NOT NULL"),
    )  # fmt: skip


def downgrade() -> None:
    op.drop_index("ix_clip_upload", "clip")
    op.drop_index("ix_clip_kept", "clip")
