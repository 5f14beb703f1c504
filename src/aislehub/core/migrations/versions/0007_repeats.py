"""What calls with an Idempotency-Key were answered, so that a repeated call is not carried out twice."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    op.create_table(
        "repeats",
        sa.Column("key", sa.String(64), primary_key=True),
        sa.Column("request", sa.String(64), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("status", sa.Integer),
        sa.Column("answer", sa.Text),
    )


def downgrade() -> None:
    op.drop_table("repeats")
