"""The first state tables.

Written out rather than taken from `core/state.py`, which goes on changing: a database made by this
migration must be the same for ever, or the next one does not fit it.
"""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    op.create_table(
        "decisions",
        sa.Column("id", sa.String(20), primary_key=True),
        sa.Column("kind", sa.String(40), nullable=False),
        sa.Column("day", sa.Date, nullable=False),
        sa.Column("store", sa.String(80), nullable=False, server_default=""),
        sa.Column("subject", sa.String(200), nullable=False),
        sa.Column("action", sa.Text, nullable=False),
        sa.Column("baseline", sa.Text, nullable=False),
        sa.Column("money", sa.Float, nullable=False),
        sa.Column("money_low", sa.Float, nullable=False),
        sa.Column("money_high", sa.Float, nullable=False),
        sa.Column("currency", sa.String(3), nullable=False),
        sa.Column("horizon_days", sa.Integer, nullable=False),
        sa.Column("outlay", sa.Float),
        sa.Column("reasons", sa.Text, nullable=False),
        sa.Column("bound", sa.String(40), nullable=False),
        sa.Column("state", sa.String(12), nullable=False),
        sa.Column("model", sa.String(120), nullable=False, server_default=""),
        sa.Column("policy", sa.String(64), nullable=False, server_default=""),
        sa.Column("versions", sa.Text, nullable=False),
        sa.Column("source", sa.Text, nullable=False, server_default=""),
        sa.Column("arm", sa.String(80), nullable=False, server_default=""),
        sa.Column("override", sa.Text),
        sa.Column("batch", sa.String(40)),
        sa.Column("compensates", sa.String(20)),
        sa.Column("measured", sa.Text),
    )
    op.create_index("decisions_by_money", "decisions", ["day", "state", "money"])
    op.create_index("decisions_by_state", "decisions", ["state", "kind", "day"])
    op.create_table(
        "moves",
        sa.Column("number", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True, autoincrement=True),
        sa.Column("decision", sa.String(20), nullable=False, index=True),
        sa.Column("state_from", sa.String(12), nullable=False),
        sa.Column("state_to", sa.String(12), nullable=False),
        sa.Column("who", sa.String(80), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("why", sa.Text, nullable=False, server_default=""),
        sa.Column("run", sa.String(32), nullable=False, server_default=""),
    )
    op.create_table(
        "runs",
        sa.Column("day", sa.Date, primary_key=True),
        sa.Column("step", sa.String(80), primary_key=True),
        sa.Column("signature", sa.String(64), nullable=False),
        sa.Column("output", sa.String(64), nullable=False, server_default=""),
        sa.Column("state", sa.String(12), nullable=False),
        sa.Column("why", sa.Text, nullable=False, server_default=""),
        sa.Column("rows", sa.Integer, nullable=False, server_default="0"),
        sa.Column("seconds", sa.Float, nullable=False, server_default="0"),
        sa.Column("versions", sa.Text, nullable=False, server_default="{}"),
        sa.Column("run", sa.String(32), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
    )
    op.create_table(
        "batches",
        sa.Column("id", sa.String(40), primary_key=True),
        sa.Column("connector", sa.String(40), nullable=False),
        sa.Column("target", sa.Text, nullable=False),
        sa.Column("content", sa.Text, nullable=False),
        sa.Column("state", sa.String(12), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
    )
    op.create_table(
        "users",
        sa.Column("name", sa.String(80), primary_key=True),
        sa.Column("password", sa.Text, nullable=False),
        sa.Column("role", sa.String(20), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
    )
    op.create_table(
        "tokens",
        sa.Column("digest", sa.String(64), primary_key=True),
        sa.Column("user", sa.String(80), nullable=False, index=True),
        sa.Column("kind", sa.String(12), nullable=False),
        sa.Column("label", sa.String(80), nullable=False, server_default=""),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True)),
    )


def downgrade() -> None:
    for table in ("tokens", "users", "batches", "runs", "moves", "decisions"):
        op.drop_table(table)
