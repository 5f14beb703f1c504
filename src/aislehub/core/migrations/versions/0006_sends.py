"""The register of messages: to whom each decision wrote, when, and what became of it."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    op.create_table(
        "sends",
        sa.Column("id", sa.String(32), primary_key=True),
        sa.Column("decision", sa.String(20), nullable=False),
        sa.Column("subject", sa.String(200), nullable=False),
        sa.Column("channel", sa.String(12), nullable=False),
        sa.Column("recipient", sa.String(200), nullable=False),
        sa.Column("state", sa.String(12), nullable=False),
        sa.Column("day", sa.Date),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("token", sa.String(40), nullable=False, unique=True),
        sa.Column("why", sa.Text, nullable=False),
    )
    op.create_index("sends_by_decision", "sends", ["decision", "state"])
    op.create_index("sends_by_recipient", "sends", ["recipient", "day"])


def downgrade() -> None:
    op.drop_table("sends")
