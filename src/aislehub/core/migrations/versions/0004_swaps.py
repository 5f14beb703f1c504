"""Users who are somebody of the staff, and the register of swaps: who wants to give which shift to whom."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    op.add_column("users", sa.Column("staff", sa.String(80), nullable=False, server_default=""))
    op.create_table(
        "swaps",
        sa.Column("id", sa.String(16), primary_key=True),
        sa.Column("store", sa.Text, nullable=False),
        sa.Column("week", sa.Date, nullable=False),
        sa.Column("giver", sa.String(80), nullable=False),
        sa.Column("day", sa.Date, nullable=False),
        sa.Column("taker", sa.String(80), nullable=False),
        sa.Column("back", sa.Date),
        sa.Column("state", sa.String(12), nullable=False),
    )
    op.create_index("swaps_by_week", "swaps", ["store", "week"])
    op.create_table(
        "swap_moves",
        sa.Column("swap", sa.String(16), primary_key=True),
        sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("state_from", sa.String(12), nullable=False),
        sa.Column("state_to", sa.String(12), nullable=False),
        sa.Column("who", sa.String(80), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("why", sa.Text, nullable=False),
    )


def downgrade() -> None:
    op.drop_table("swap_moves")
    op.drop_table("swaps")
    op.drop_column("users", "staff")
