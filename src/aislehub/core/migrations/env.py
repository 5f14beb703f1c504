"""Alembic's entry: migrate on the connection that `state.open_state` hands over."""

from alembic import context

from aislehub.core.state import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata)
with context.begin_transaction():
    context.run_migrations()
