"""The demo has a home of its own: it makes one, goes on in it, and never mixes into a chain's data."""

from __future__ import annotations

from pathlib import Path

import pytest

from aislehub.core.errors import HubError
from aislehub.core.settings import HubSettings
from aislehub.serve.commands.demo import prepare_home


def test_a_new_home_has_the_demos_zone_and_currency(tmp_path: Path) -> None:
    """Settings are written once; what somebody changed in them afterwards stays."""
    home = tmp_path / "new"
    prepare_home(home)
    settings = HubSettings.load(home)
    assert (settings.timezone, settings.currency) == ("America/New_York", "USD")
    (home / "hub.toml").write_text('[hub]\ncurrency = "EUR"\n')
    (home / "tables").mkdir()
    prepare_home(home)
    assert HubSettings.load(home).currency == "EUR"


def test_a_home_with_own_data_is_left_alone(tmp_path: Path) -> None:
    """Tables that the demo did not make are somebody's: it refuses and writes nothing."""
    (tmp_path / "tables").mkdir()
    with pytest.raises(HubError) as caught:
        prepare_home(tmp_path)
    assert caught.value.code == "demo.home_in_use" and [path.name for path in tmp_path.iterdir()] == ["tables"]
