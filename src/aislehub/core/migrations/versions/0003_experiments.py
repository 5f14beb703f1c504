"""The register of experiments: which run, every move of them, and every look at their results."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.create_table(
        "experiments",
        sa.Column("name", sa.String(60), primary_key=True),
        sa.Column("kind", sa.String(40), nullable=False),
        sa.Column("unit", sa.String(12), nullable=False),
        sa.Column("block_days", sa.Integer, nullable=False),
        sa.Column("share", sa.Float, nullable=False),
        sa.Column("salt", sa.String(80), nullable=False),
        sa.Column("days", sa.Integer, nullable=False),
        sa.Column("definition", sa.Text, nullable=False),
        sa.Column("state", sa.String(12), nullable=False, index=True),
        sa.Column("start", sa.Date),
        sa.Column("last", sa.Date),
    )
    op.create_table(
        "experiment_moves",
        sa.Column("experiment", sa.String(60), primary_key=True),
        sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("state_from", sa.String(12), nullable=False),
        sa.Column("state_to", sa.String(12), nullable=False),
        sa.Column("day", sa.Date),
        sa.Column("who", sa.String(80), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("why", sa.Text, nullable=False),
        sa.Column("run", sa.String(32), nullable=False),
    )
    op.create_table(
        "experiment_looks",
        sa.Column("number", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True, autoincrement=True),
        sa.Column("experiment", sa.String(60), nullable=False, index=True),
        sa.Column("day", sa.Date, nullable=False),
        sa.Column("who", sa.String(80), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("result", sa.Text, nullable=False),
        sa.Column("run", sa.String(32), nullable=False),
    )


def downgrade() -> None:
    for table in ("experiment_looks", "experiment_moves", "experiments"):
        op.drop_table(table)
