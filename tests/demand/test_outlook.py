"""The outlook is laid out once and again when something changed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from aislehub.core.hub import Hub
from aislehub.demand.outlook import is_held, outlook


def test_the_panel_is_held_until_something_changes(chain: Hub, open_chain: Callable[[Path], Hub]) -> None:
    """A second question meets the same panel; another setting asks for a new one."""
    first = outlook(chain)
    assert outlook(chain) is first
    assert outlook(open_chain(chain.home)) is first
    assert is_held(chain)
    settings = chain.home / "hub.toml"
    text = settings.read_text()
    settings.write_text(text + "min_days_sold = 5\n")
    assert not is_held(chain)
    assert outlook(chain) is not first
    settings.write_text(text)


def test_rows_of_an_item_are_those_of_its_stores(chain: Hub) -> None:
    """An item has a row for every store with a forecast, in the order of stores; with a store, one."""
    seen = outlook(chain)
    assert [seen.panel.ids[row].partition("\x1f")[0] for row in seen.rows("tea")] == ["A", "B", "C"]
    assert len(seen.rows("tea", "B")) == 1
