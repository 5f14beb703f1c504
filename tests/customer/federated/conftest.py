"""A federation of four parties, and the chain that they learn from."""

import pytest

from aislehub.core.tables import Tables
from tests.customer.federated.members import FACTS, fill, make_federation


@pytest.fixture
def federation(tmp_path):
    """Four parties and a coordinator."""
    return make_federation(tmp_path)


@pytest.fixture(scope="session")
def chain():
    """The chain's tables, in memory; nothing writes them."""
    return fill(Tables(None, FACTS))
