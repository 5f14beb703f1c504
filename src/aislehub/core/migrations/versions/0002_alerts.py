"""The register of alerts: what is open, every move of it, up to which day each table is read, what others are told."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.create_table(
        "alerts",
        sa.Column("id", sa.String(16), primary_key=True),
        sa.Column("kind", sa.String(80), nullable=False),
        sa.Column("cause", sa.Text, nullable=False),
        sa.Column("store", sa.Text, nullable=False),
        sa.Column("subject", sa.Text, nullable=False),
        sa.Column("owner", sa.String(20), nullable=False),
        sa.Column("money_at_risk", sa.Float, nullable=False),
        sa.Column("currency", sa.String(3), nullable=False),
        sa.Column("facts", sa.Text, nullable=False),
        sa.Column("source", sa.Text, nullable=False),
        sa.Column("state", sa.String(12), nullable=False),
        sa.Column("first_day", sa.Date, nullable=False),
        sa.Column("last_day", sa.Date, nullable=False),
        sa.Column("days", sa.Integer, nullable=False),
        sa.Column("until", sa.Date),
        sa.Column("moves", sa.Integer, nullable=False),
        sa.Column("told", sa.Integer, nullable=False),
        sa.Column("told_state", sa.String(12), nullable=False),
    )
    op.create_index("alerts_by_money", "alerts", ["state", "money_at_risk"])
    op.create_index("alerts_by_kind", "alerts", ["kind", "state"])
    op.create_table(
        "alert_moves",
        sa.Column("alert", sa.String(16), primary_key=True),
        sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("state_from", sa.String(12), nullable=False),
        sa.Column("state_to", sa.String(12), nullable=False),
        sa.Column("day", sa.Date),
        sa.Column("until", sa.Date),
        sa.Column("who", sa.String(80), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("why", sa.Text, nullable=False),
        sa.Column("run", sa.String(32), nullable=False),
    )
    op.create_table(
        "alert_days",
        sa.Column("kind", sa.String(80), primary_key=True),
        sa.Column("day", sa.Date, nullable=False),
    )
    op.create_table(
        "notices",
        sa.Column("number", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True, autoincrement=True),
        sa.Column("id", sa.String(40), nullable=False, unique=True),
        sa.Column("kind", sa.String(12), nullable=False),
        sa.Column("content", sa.Text, nullable=False),
        sa.Column("state", sa.String(12), nullable=False, index=True),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True)),
        sa.Column("why", sa.Text, nullable=False),
    )


def downgrade() -> None:
    for table in ("notices", "alert_days", "alert_moves", "alerts"):
        op.drop_table(table)
