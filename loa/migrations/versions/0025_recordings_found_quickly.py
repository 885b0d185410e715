"""Recordings to choose from are found among a hundred thousand spoken texts without reading those."""

from alembic import op

revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index("ix_clip_recordings", "clip", ["kind", "created_at"])


def downgrade() -> None:
    op.drop_index("ix_clip_recordings", table_name="clip")
