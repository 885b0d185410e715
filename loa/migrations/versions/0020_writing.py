"""What surrounds the writing of a bulletin: typed and not saved, who is at it, templates of common notices."""

import sqlalchemy as sa
from alembic import op

import core.database

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None

_INSTANT = core.database.UtcDateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "draft_note",
        sa.Column("person_id", sa.String(length=40), nullable=False),
        sa.Column("form", sa.String(length=60), nullable=False),
        sa.Column("fields", sa.JSON(), nullable=False),
        sa.Column("base", sa.String(length=80), nullable=False),
        sa.Column("saved_at", _INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("person_id", "form"),
    )
    op.create_index("ix_draft_note_saved_at", "draft_note", ["saved_at"])
    op.create_table(
        "editing_presence",
        sa.Column("bulletin_id", sa.String(length=40), nullable=False),
        sa.Column("person_id", sa.String(length=40), nullable=False),
        sa.Column("since", _INSTANT, nullable=False),
        sa.Column("seen_at", _INSTANT, nullable=False),
        sa.ForeignKeyConstraint(["bulletin_id"], ["bulletin.id"]),
        sa.PrimaryKeyConstraint("bulletin_id", "person_id"),
    )
    op.create_index("ix_editing_presence_seen_at", "editing_presence", ["seen_at"])
    op.create_table(
        "notice_template",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("unit_id", sa.String(length=40), nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("title", sa.String(length=200), nullable=False),
        sa.Column("text", sa.String(), nullable=False),
        sa.Column("field", sa.String(length=40), nullable=False),
        sa.Column("priority", sa.String(length=10), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("changed_by", sa.String(length=40), nullable=False),
        sa.Column("changed_at", _INSTANT, nullable=False),
        sa.Column("deleted_at", _INSTANT, nullable=True),
        sa.ForeignKeyConstraint(["unit_id"], ["unit.id"]),
        sa.ForeignKeyConstraint(["field"], ["field.code"]),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_notice_template_unit_id", "notice_template", ["unit_id"])
    op.create_index("ix_notice_template_deleted_at", "notice_template", ["deleted_at"])


def downgrade() -> None:
    op.drop_table("notice_template")
    op.drop_table("editing_presence")
    op.drop_table("draft_note")
