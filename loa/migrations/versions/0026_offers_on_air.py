"""Where and when a unit wants what was sent to it; who was reminded of an offer; which contact is which person."""

import sqlalchemy as sa
from alembic import op

import core.database

revision = "0026"
down_revision = "0025"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("air_wish") as table:
        table.add_column(sa.Column("unit_id", sa.String(length=40), nullable=True))
        table.create_foreign_key("air_wish_unit", "unit", ["unit_id"], ["id"])
    op.create_index(op.f("ix_air_wish_unit_id"), "air_wish", ["unit_id"])
    with op.batch_alter_table("contact") as table:
        table.add_column(sa.Column("person_id", sa.String(length=40), nullable=True))
        table.create_foreign_key("contact_person", "person", ["person_id"], ["id"])
    op.create_index(op.f("ix_contact_person_id"), "contact", ["person_id"])
    op.create_table(
        "offer_reminder",
        sa.Column("offer_id", sa.String(length=40), nullable=False),
        sa.Column("person_id", sa.String(length=40), nullable=False),
        sa.Column("at", core.database.UtcDateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["offer_id"], ["offer.id"]),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"]),
        sa.PrimaryKeyConstraint("offer_id", "person_id"),
    )
    op.create_index("offer_reminder_by_person", "offer_reminder", ["person_id", "at"])


def downgrade() -> None:
    op.drop_table("offer_reminder")
    op.drop_index(op.f("ix_contact_person_id"), table_name="contact")
    with op.batch_alter_table("contact") as table:
        table.drop_constraint("contact_person", type_="foreignkey")
        table.drop_column("person_id")
    op.drop_index(op.f("ix_air_wish_unit_id"), table_name="air_wish")
    with op.batch_alter_table("air_wish") as table:
        table.drop_constraint("air_wish_unit", type_="foreignkey")
        table.drop_column("unit_id")
