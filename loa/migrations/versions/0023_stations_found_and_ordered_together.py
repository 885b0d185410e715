"""Names as they are searched for, orders to many stations at once, and when a station last played."""

import unicodedata

import sqlalchemy as sa
from alembic import op

import core.database

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None

_INSTANT = core.database.UtcDateTime(timezone=True)


def _plain(text: str) -> str:
    """As `registry.plainly` was when this was written."""
    apart = unicodedata.normalize("NFD", text.lower().replace("đ", "d"))
    return " ".join("".join(each for each in apart if not unicodedata.combining(each)).split())[:200]


def upgrade() -> None:
    for table in ("unit", "station"):
        op.add_column(table, sa.Column("plain", sa.String(length=200), nullable=True))
        named = sa.table(table, sa.column("id", sa.String), sa.column("name", sa.String), sa.column("plain", sa.String))
        rows = op.get_bind().execute(sa.select(named.c.id, named.c.name)).all()
        if rows:
            wanted = sa.update(named).where(named.c.id == sa.bindparam("this")).values(plain=sa.bindparam("so"))
            op.get_bind().execute(wanted, [{"this": identity, "so": _plain(name)} for identity, name in rows])
    op.create_table(
        "station_batch",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("do", sa.String(length=12), nullable=False),
        sa.Column("value", sa.JSON(), nullable=True),
        sa.Column("stations", sa.Integer(), nullable=False),
        sa.Column("left_out", sa.JSON(), nullable=False),
        sa.Column("reason", sa.String(length=300), server_default="", nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("given_by", sa.String(length=40), nullable=False),
        sa.Column("given_at", _INSTANT, nullable=False),
        sa.Column("expires_at", _INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_station_batch_given_at", "station_batch", ["given_at"])
    op.add_column("station_command", sa.Column("batch_id", sa.String(length=40), nullable=True))
    op.create_index("ix_station_command_batch_id", "station_command", ["batch_id"])
    op.create_index("report_by_station", "play_report", ["station_id", "started_at", "outcome"])


def downgrade() -> None:
    op.drop_index("report_by_station", "play_report")
    op.drop_index("ix_station_command_batch_id", "station_command")
    op.drop_column("station_command", "batch_id")
    op.drop_table("station_batch")
    for table in ("station", "unit"):
        op.drop_column(table, "plain")
