"""The demo has a home of its own: it makes one, goes on in it, and never mixes into a chain's data."""

from __future__ import annotations

import os
import re
import subprocess
import sys
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


def test_the_demo_prints_a_plan_and_a_second_run_changes_nothing(tmp_path: Path) -> None:
    """From an empty folder: data, one day, orders, a roster and tours with reason, money and baseline, alerts,
    readiness, time; then the same again in seconds. The simple model stands in for the learnt one, and the recommender
    learns from few: both have tests of their own."""
    environment = os.environ | {
        "AISLEHUB_HOME": str(tmp_path / "home"), "AISLEHUB_LANG": "en", "AISLEHUB_DEMAND__MODEL": "seasonal_mean",
        "AISLEHUB_RECOMMEND__ORIGINS": "3", "AISLEHUB_RECOMMEND__CUSTOMERS": "200",
    }  # fmt: skip
    command = [sys.executable, "-m", "aislehub.serve.cli", "demo", "--top", "5"]
    first, second = (subprocess.run(command, env=environment, capture_output=True, text=True) for _ in range(2))
    assert (first.returncode, second.returncode) == (0, 0), first.stderr[-2000:]
    for word in ("Plan at the close of 2017-12-03", "Forecast: Learned on 2017-12-03, because there was none yet",
                 "Order", "(weeks", "Roster", "tours,", "simulated",
                 "Alerts (", "Readiness of the data", "Elapsed:", "./hub serve"):  # fmt: skip
        assert word in first.stdout, word
    assert "1,469,307 new" in first.stderr

    def plan(text: str) -> str:
        """Without the time it took, and without the line of alerts that this run opened."""
        return re.sub(r"\d+ new, \d+ back, .*\n", "", text[: text.index("Elapsed:")])

    assert plan(second.stdout) == plan(first.stdout)
    assert "new" not in second.stderr
