"""The first state tables."""

from alembic import op

from aislehub.core.state import metadata

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Create every table as `core/state.py` describes it; from here on a change is a migration of its own."""
    metadata.create_all(op.get_bind())


def downgrade() -> None:
    metadata.drop_all(op.get_bind())
