"""Where alerts of other systems come from, what came, and what is offered to others of our own."""

import sqlalchemy as sa
from alembic import op

import core.database

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

_INSTANT = core.database.UtcDateTime(timezone=True)


def upgrade() -> None:
    op.add_column("unit", sa.Column("public_alerts", sa.Boolean(), nullable=True))
    op.create_table(
        "cap_source",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("unit_id", sa.String(length=40), nullable=True),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("kind", sa.String(length=10), nullable=False),
        sa.Column("url", sa.String(length=2000), nullable=False),
        sa.Column("interval_s", sa.Integer(), nullable=False),
        sa.Column("certificates", sa.Text(), nullable=False),
        sa.Column("tls_certificate", sa.Text(), nullable=False),
        sa.Column("tls_key_sha256", sa.String(length=64), nullable=False),
        sa.Column("trust", sa.JSON(), nullable=False),
        sa.Column("unknown_areas", sa.String(length=10), nullable=False),
        sa.Column("signal", sa.String(length=10), nullable=False),
        sa.Column("times", sa.Integer(), nullable=False),
        sa.Column("every_s", sa.Float(), nullable=False),
        sa.Column("made_by", sa.String(length=40), nullable=False),
        sa.Column("made_at", _INSTANT, nullable=False),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("etag", sa.String(length=500), nullable=False),
        sa.Column("last_modified", sa.String(length=100), nullable=False),
        sa.Column("next_poll_at", _INSTANT, nullable=True),
        sa.Column("claimed_by", sa.String(length=120), nullable=True),
        sa.Column("succeeded_at", _INSTANT, nullable=True),
        sa.Column("failed_at", _INSTANT, nullable=True),
        sa.Column("failing_since", _INSTANT, nullable=True),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("error", sa.String(length=500), nullable=False),
        sa.ForeignKeyConstraint(["unit_id"], ["unit.id"]),
        sa.ForeignKeyConstraint(["made_by"], ["person.id"]),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_cap_source_made_by", "cap_source", ["made_by"])
    op.create_index("ix_cap_source_unit_id", "cap_source", ["unit_id"])
    op.create_table(
        "cap_entry",
        sa.Column("source_id", sa.String(length=40), nullable=False),
        sa.Column("entry", sa.String(length=64), nullable=False),
        sa.Column("mark", sa.String(length=64), nullable=False),
        sa.Column("done", sa.Boolean(), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("due_at", _INSTANT, nullable=False),
        sa.Column("seen_at", _INSTANT, nullable=False),
        sa.ForeignKeyConstraint(["source_id"], ["cap_source.id"]),
        sa.PrimaryKeyConstraint("source_id", "entry"),
    )
    op.create_index("ix_cap_entry_seen_at", "cap_entry", ["seen_at"])
    op.create_table(
        "cap_document",
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.Column("received_at", _INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("sha256"),
    )
    op.create_table(
        "cap_alert",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("source_id", sa.String(length=40), nullable=False),
        sa.Column("unit_id", sa.String(length=40), nullable=True),
        sa.Column("received_at", _INSTANT, nullable=False),
        sa.Column("seen_at", _INSTANT, nullable=False),
        sa.Column("times_seen", sa.Integer(), nullable=False),
        sa.Column("key", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("sender", sa.String(length=1000), nullable=False),
        sa.Column("identifier", sa.String(length=1000), nullable=False),
        sa.Column("sent", _INSTANT, nullable=True),
        sa.Column("title", sa.String(length=300), nullable=False),
        sa.Column("status", sa.String(length=20), nullable=False),
        sa.Column("msg_type", sa.String(length=20), nullable=False),
        sa.Column("severity", sa.String(length=20), nullable=False),
        sa.Column("signature", sa.String(length=20), nullable=False),
        sa.Column("action", sa.String(length=20), nullable=False),
        sa.Column("handling", sa.String(length=20), nullable=False),
        sa.Column("code", sa.String(length=40), nullable=False),
        sa.Column("notes", sa.JSON(), nullable=False),
        sa.Column("counts", sa.Boolean(), nullable=False),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("blocks", sa.JSON(), nullable=False),
        sa.Column("all_clear", sa.Boolean(), nullable=False),
        sa.Column("starts_at", _INSTANT, nullable=True),
        sa.Column("ends_at", _INSTANT, nullable=True),
        sa.Column("again_at", _INSTANT, nullable=True),
        sa.Column("emergencies", sa.JSON(), nullable=False),
        sa.Column("ends", sa.JSON(), nullable=False),
        sa.Column("audience", sa.JSON(), nullable=False),
        sa.Column("stations", sa.Integer(), nullable=False),
        sa.Column("doubts", sa.Boolean(), nullable=False),
        sa.Column("decided_by", sa.String(length=40), nullable=False),
        sa.Column("decided_at", _INSTANT, nullable=True),
        sa.Column("decided_why", sa.String(length=500), nullable=False),
        sa.Column("message", sa.LargeBinary(), nullable=False),
        sa.Column("document", sa.String(length=64), nullable=True),
        sa.ForeignKeyConstraint(["source_id"], ["cap_source.id"]),
        sa.ForeignKeyConstraint(["unit_id"], ["unit.id"]),
        sa.ForeignKeyConstraint(["document"], ["cap_document.sha256"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("source_id", "key", "digest"),
    )
    op.create_index("cap_alert_by_state", "cap_alert", ["state", "ends_at"])
    op.create_index("ix_cap_alert_again_at", "cap_alert", ["again_at"])
    op.create_index("ix_cap_alert_document", "cap_alert", ["document"])
    op.create_index("ix_cap_alert_doubts", "cap_alert", ["doubts"])
    op.create_index("ix_cap_alert_key", "cap_alert", ["key"])
    op.create_index("ix_cap_alert_name", "cap_alert", ["name"])
    op.create_index("ix_cap_alert_received_at", "cap_alert", ["received_at"])
    op.create_index("ix_cap_alert_unit_id", "cap_alert", ["unit_id"])
    op.create_table(
        "cap_naming",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("source_id", sa.String(length=40), nullable=False),
        sa.Column("by_key", sa.String(length=64), nullable=False),
        sa.Column("names_key", sa.String(length=64), nullable=False),
        sa.Column("by_sender", sa.Text(), nullable=False),
        sa.Column("by_identifier", sa.Text(), nullable=False),
        sa.Column("by_sent", _INSTANT, nullable=False),
        sa.Column("names_sender", sa.Text(), nullable=False),
        sa.Column("names_identifier", sa.Text(), nullable=False),
        sa.Column("names_sent", _INSTANT, nullable=False),
        sa.Column("cancels", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["source_id"], ["cap_source.id"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("source_id", "by_key", "names_key"),
    )
    op.create_index("cap_naming_by_names", "cap_naming", ["source_id", "names_key"])
    op.create_index("ix_cap_naming_by_sent", "cap_naming", ["by_sent"])
    op.create_table(
        "cap_published",
        sa.Column("id", sa.String(length=60), nullable=False),
        sa.Column("emergency_id", sa.String(length=40), nullable=False),
        sa.Column("unit_id", sa.String(length=40), nullable=False),
        sa.Column("msg_type", sa.String(length=10), nullable=False),
        sa.Column("title", sa.String(length=300), nullable=False),
        sa.Column("sender", sa.String(length=200), nullable=False),
        sa.Column("identifier", sa.String(length=200), nullable=False),
        sa.Column("sent", _INSTANT, nullable=False),
        sa.Column("expires_at", _INSTANT, nullable=False),
        sa.Column("public", sa.Boolean(), nullable=False),
        sa.Column("content", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["emergency_id"], ["emergency.id"]),
        sa.ForeignKeyConstraint(["unit_id"], ["unit.id"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("emergency_id", "msg_type"),
    )
    op.create_index("ix_cap_published_expires_at", "cap_published", ["expires_at"])
    op.create_index("ix_cap_published_unit_id", "cap_published", ["unit_id"])


def downgrade() -> None:
    for table_name in ("cap_published", "cap_naming", "cap_alert", "cap_document", "cap_entry", "cap_source"):
        op.drop_table(table_name)
    with op.batch_alter_table("unit") as table:
        table.drop_column("public_alerts")
