"""Who a person key belongs to, their requests and how they were verified, who read what, and who was erased."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"

INSTANT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "identities",
        sa.Column("number", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True, autoincrement=True),
        sa.Column("person", sa.String(200), nullable=False, index=True),
        sa.Column("kind", sa.String(12), nullable=False),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("value", sa.Text, nullable=False, server_default=""),
        sa.Column("linked_at", INSTANT, nullable=False),
        sa.Column("who", sa.String(80), nullable=False),
        sa.Column("verified_at", INSTANT),
        sa.Column("how", sa.String(20), nullable=False, server_default=""),
    )
    op.create_index("identities_by_digest", "identities", ["kind", "digest"])
    op.create_table(
        "privacy_requests",
        sa.Column("id", sa.String(16), primary_key=True),
        sa.Column("kind", sa.String(12), nullable=False),
        sa.Column("person", sa.String(200), nullable=False),
        sa.Column("state", sa.String(12), nullable=False, index=True),
        sa.Column("opened_at", INSTANT, nullable=False),
        sa.Column("who", sa.String(80), nullable=False),
        sa.Column("closed_at", INSTANT),
        sa.Column("why", sa.Text, nullable=False, server_default=""),
        sa.Column("proof", sa.Text),
    )
    op.create_table(
        "identity_checks",
        sa.Column("request", sa.String(16), primary_key=True),
        sa.Column("identity", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("code", sa.String(64), nullable=False),
        sa.Column("until", INSTANT, nullable=False),
        sa.Column("tries", sa.Integer, nullable=False, server_default="0"),
        sa.Column("verified_at", INSTANT),
        sa.Column("how", sa.String(20), nullable=False, server_default=""),
        sa.Column("who", sa.String(80), nullable=False, server_default=""),
        sa.Column("why", sa.Text, nullable=False, server_default=""),
    )
    op.create_table(
        "same_persons",
        sa.Column("person", sa.String(200), primary_key=True),
        sa.Column("main", sa.String(200), nullable=False, index=True),
        sa.Column("request", sa.String(16), nullable=False),
        sa.Column("at", INSTANT, nullable=False),
    )
    op.create_table(
        "reads",
        sa.Column("number", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True, autoincrement=True),
        sa.Column("person", sa.String(200), nullable=False, index=True),
        sa.Column("what", sa.String(200), nullable=False),
        sa.Column("who", sa.String(80), nullable=False),
        sa.Column("at", INSTANT, nullable=False),
    )
    op.create_table(
        "suppressed",
        sa.Column("digest", sa.String(64), primary_key=True),
        sa.Column("erased_at", INSTANT, nullable=False),
        sa.Column("lifted_at", INSTANT),
    )


def downgrade() -> None:
    for table in ("suppressed", "reads", "same_persons", "identity_checks", "privacy_requests", "identities"):
        op.drop_table(table)
