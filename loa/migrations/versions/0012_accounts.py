"""Accounts: second factor, sessions, invitations, tokens with a scope and an end; the audit log is found by what people ask for."""

import sqlalchemy as sa
from alembic import op

import core.database

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

_INSTANT = core.database.UtcDateTime(timezone=True)
_ASKED = ("actor", "action", "subject", "unit_id")


def _factors() -> None:
    op.create_table(
        "second_factor",
        sa.Column("person_id", sa.String(length=40), nullable=False),
        sa.Column("secret", sa.String(length=200), nullable=False),
        sa.Column("created_at", _INSTANT, nullable=False),
        sa.Column("confirmed_at", _INSTANT, nullable=True),
        sa.Column("last_step", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"]),
        sa.PrimaryKeyConstraint("person_id"),
    )
    op.create_table(
        "recovery_code",
        sa.Column("code_hash", sa.String(length=64), nullable=False),
        sa.Column("person_id", sa.String(length=40), nullable=False),
        sa.Column("used_at", _INSTANT, nullable=True),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"]),
        sa.PrimaryKeyConstraint("code_hash"),
    )
    op.create_index("ix_recovery_code_person_id", "recovery_code", ["person_id"])
    op.create_table(
        "second_factor_rule",
        sa.Column("unit_id", sa.String(length=40), nullable=False),
        sa.Column("roles", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(["unit_id"], ["unit.id"]),
        sa.PrimaryKeyConstraint("unit_id"),
    )


def _sessions() -> None:
    op.create_table(
        "browser_session",
        sa.Column("id", sa.String(length=60), nullable=False),
        sa.Column("person_id", sa.String(length=40), nullable=False),
        sa.Column("browser", sa.String(length=40), nullable=False),
        sa.Column("system", sa.String(length=40), nullable=False),
        sa.Column("address", sa.String(length=64), nullable=False),
        sa.Column("second_factor", sa.Boolean(), nullable=False),
        sa.Column("begun_at", _INSTANT, nullable=False),
        sa.Column("seen_at", _INSTANT, nullable=False),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"]),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_browser_session_person_id", "browser_session", ["person_id"])
    op.create_index("ix_browser_session_seen_at", "browser_session", ["seen_at"])


def _invitations() -> None:
    op.create_table(
        "invitation",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("token_hash", sa.String(length=64), nullable=False),
        sa.Column("kind", sa.String(length=12), nullable=False),
        sa.Column("unit_id", sa.String(length=40), nullable=True),
        sa.Column("role", sa.String(length=20), nullable=False),
        sa.Column("person_id", sa.String(length=40), nullable=True),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("email", sa.String(length=200), nullable=False),
        sa.Column("phone", sa.String(length=40), nullable=False),
        sa.Column("made_by", sa.String(length=40), nullable=False),
        sa.Column("made_at", _INSTANT, nullable=False),
        sa.Column("expires_at", _INSTANT, nullable=False),
        sa.Column("used_at", _INSTANT, nullable=True),
        sa.Column("revoked_at", _INSTANT, nullable=True),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"]),
        sa.ForeignKeyConstraint(["unit_id"], ["unit.id"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("token_hash"),
    )
    for column in ("unit_id", "person_id", "expires_at"):
        op.create_index(f"ix_invitation_{column}", "invitation", [column])
    op.create_table(
        "account_notice",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("person_id", sa.String(length=40), nullable=False),
        sa.Column("kind", sa.String(length=40), nullable=False),
        sa.Column("by", sa.String(length=200), nullable=False),
        sa.Column("at", _INSTANT, nullable=False),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"]),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_account_notice_person_id", "account_notice", ["person_id"])


def upgrade() -> None:
    _factors()
    _sessions()
    _invitations()
    op.add_column("api_token", sa.Column("scope", sa.JSON(none_as_null=True), nullable=True))
    op.add_column("api_token", sa.Column("expires_at", _INSTANT, nullable=True))
    op.add_column("api_token", sa.Column("used_at", _INSTANT, nullable=True))
    op.create_table(
        "audit_mark",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("begun_at", _INSTANT, nullable=False),
        sa.Column("looked_at", _INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    # Each question people ask (who, what, about what, where) in the order they read it.
    for column in _ASKED:
        op.create_index(f"audit_entry_by_{column}", "audit_entry", [column, "at", "number"])
    for column in _ASKED[1:]:
        op.drop_index(f"ix_audit_entry_{column}", table_name="audit_entry")
    op.create_index("audit_entry_by_at", "audit_entry", ["at", "number"])
    op.drop_index("ix_audit_entry_at", table_name="audit_entry")


def downgrade() -> None:
    op.create_index("ix_audit_entry_at", "audit_entry", ["at"])
    op.drop_index("audit_entry_by_at", table_name="audit_entry")
    for column in _ASKED[1:]:
        op.create_index(f"ix_audit_entry_{column}", "audit_entry", [column])
    for column in _ASKED:
        op.drop_index(f"audit_entry_by_{column}", table_name="audit_entry")
    op.drop_table("audit_mark")
    with op.batch_alter_table("api_token") as table:
        for column in ("used_at", "expires_at", "scope"):
            table.drop_column(column)
    for table_name in (
        "account_notice", "invitation", "browser_session", "second_factor_rule", "recovery_code", "second_factor",
    ):  # fmt: skip
        op.drop_table(table_name)
