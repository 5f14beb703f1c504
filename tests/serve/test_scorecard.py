"""`aislehub scorecard` from the tables of a simulated chain to the setting that is in force."""

from __future__ import annotations

import json
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from aislehub import schema
from aislehub.core.book import Filter
from aislehub.core.experiments import Trial
from aislehub.core.hub import open_hub
from aislehub.core.registry import collect, registry
from aislehub.demand.daily import Policy
from aislehub.proof import scorecard as room
from aislehub.proof.scorecard import Change, Evidence, card
from aislehub.proof.two_way import Estimate
from aislehub.serve.cli import main
from aislehub.serve.commands.scorecard import keep
from aislehub.serve.rehearse import rehearse
from aislehub.twin.live import told, warmed
from aislehub.twin.world import World

DAYS = 140


@pytest.fixture(scope="module")
def chain(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with the tables of nine simulated stores and six items."""
    home = tmp_path_factory.mktemp("chain")
    tables: dict[str, list[pa.Table]] = {}
    for piece in told(warmed(World.make("heterogeneous", stores=9, items=6, seed=3), 3, DAYS)):
        for name, rows in piece.items():
            tables.setdefault(name, []).append(rows)
    with open_hub(home) as hub:
        for name in ("stores", "items", "sales_lines", "stock", "prices", "promotions", "calendar", "lead_times"):
            hub.tables.append(name, pa.concat_tables(tables[name]))
    return home


@pytest.fixture
def at_home(chain: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """That home in force, without ledger, settings or experiments."""
    monkeypatch.setenv("AISLEHUB_HOME", str(chain))
    for file in [*chain.glob("hub.db*"), *chain.glob("hub.toml")]:
        file.unlink()
    return chain


def refused(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    """The sentence with which the command refuses."""
    assert main(["scorecard", *words]) == 1
    return capsys.readouterr().err


def test_a_card_has_accuracy_and_money_and_is_kept(at_home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Last week again is worse than the mean of eight in both; the card says so and stands in the table."""
    assert main(["scorecard", "seasonal_naive", "--today", "seasonal_mean", "--weeks", "4", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["wape_candidate"] > found["wape_today"] > 0
    assert found["wape_low"] > 0
    assert found["stores"] == 9 and found["method"] == "replay"
    assert found["money_low"] <= found["money"] <= found["money_high"]
    assert found["verdict"].startswith("keep")
    with open_hub(at_home) as hub:
        (row,) = hub.tables.fetch("scorecards", as_of=date.fromisoformat(found["day"])).to_pylist()
    assert (row["today"], row["candidate"], row["verdict"]) == ("seasonal_mean", "seasonal_naive", found["verdict"])


def test_the_card_reads_in_both_languages(
    at_home: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Accuracy, money, verdict and what is not real, in words."""
    for language, word in (("en", "Weekly WAPE"), ("zh", "周 WAPE")):
        monkeypatch.setenv("AISLEHUB_LANG", language)
        assert main(["scorecard", "mean28", "--today", "seasonal_mean", "--weeks", "4"]) == 0
        assert word in capsys.readouterr().out


def test_a_model_is_as_good_as_itself(at_home: Path) -> None:
    """Errors and money do not depend on the company that a model is rehearsed in."""
    with open_hub(at_home) as hub:
        last = hub.tables.read("sales_lines").day.max().to_pyarrow().as_py()
        alone = rehearse(hub, ["seasonal_mean"], last, 4).tried["seasonal_mean"]
        beside = rehearse(hub, ["mean28", "seasonal_mean"], last, 4).tried["seasonal_mean"]
    assert alone.error.tolist() == beside.error.tolist()
    assert alone.money.tolist() == beside.money.tolist()


def test_wrong_wishes_are_refused_with_what_to_do(at_home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The same value twice, an unknown setting, half a span, no way to tell the money, one chain."""
    assert "both sides" in refused(capsys, "mean28", "--today", "mean28")
    assert "demand.model" in refused(capsys, "mean28", "--setting", "demand.modell")
    assert "multiple of 4" in refused(capsys, "mean28", "--weeks", "6")
    assert "--twin" in refused(capsys, "0.5", "--setting", "replenish.holding_rate")
    assert "at least two" in refused(capsys, "0.5", "--setting", "replenish.holding_rate", "--twin", "1")
    assert "no experiment" in refused(capsys, "0.5", "--setting", "price.max_step", "--experiment", "x").lower()


def test_an_experiment_that_was_read_says_the_money(at_home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Its last look, for all its stores and 28 days; before it was read there is nothing to say."""
    start = date(2025, 1, 6)
    change = {"setting": "price.max_step", "today": "0.15", "candidate": "0.1"}
    definition = {"unit": "store", "metric": "margin", "change": change}
    look: dict[str, Any] = {
        "metric": "margin", "n_control": 4, "n_treatment": 5, "estimate": 2.0, "low": 1.0, "high": 3.0, "control": 50.0,
        "source": "simulated",
    }  # fmt: skip
    words = ("scorecard", "0.1", "--setting", "price.max_step", "--experiment", "steps", "--json")
    with open_hub(at_home) as hub:
        hub.experiments.plan(Trial("steps", "elsewhere", "store", 0, 0.5, "s", 28, definition), who="ann")
        hub.experiments.start("steps", start, who="ann")
    assert "read it first" in refused(capsys, *words[1:]).lower()
    with open_hub(at_home) as hub:
        hub.experiments.look("steps", start + timedelta(days=27), [look], who="ann")
    assert main(words) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["method"], found["money"], found["money_low"]) == ("experiment", 2.0 * 9 * 28, 1.0 * 9 * 28)
    assert (found["verdict"], found["wape_today"]) == ("promote", None)


def test_an_experiment_on_something_else_is_refused(at_home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """On decisions of the hub, on no setting, or on other values: its money says nothing of this change."""
    other = {"setting": "price.max_step", "today": "0.15", "candidate": "0.2"}
    tried = (("drawn", "orders", {}), ("letters", "elsewhere", {}), ("bolder", "elsewhere", {"change": other}))
    with open_hub(at_home) as hub:
        for name, kind, more in tried:
            definition = {"unit": "store", "metric": "margin"} | more
            hub.experiments.plan(Trial(name, kind, "store", 0, 0.5, "s", 28, definition), who="ann")
    on = ("it was on orders", "on what is done elsewhere", "on price.max_step: 0.15 → 0.2")
    for (name, _, _), words in zip(tried, on, strict=True):
        said = refused(capsys, "0.1", "--setting", "price.max_step", "--experiment", name)
        assert words in said and "--change price.max_step=0.1" in said


def test_what_passes_is_proposed_approved_and_put_in_force(at_home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The day proposes, a person approves, `send` writes the setting; before that nothing has changed."""
    day = date(2025, 3, 2)
    earns = Evidence("replay", day, 9, 54, None, (None, None), Estimate(9.0, 5.0, 13.0), 100.0, "simulated")
    with open_hub(at_home) as hub:
        today = Policy.load(hub.home).model
        keep(hub, card(Change("demand.model", today, "mean28"), earns, day=day, margin=0.01))
        hub.registry = collect([schema, room])
        hub.run_day(day)
        (found,) = hub.ledger.find(Filter(kind="model_changes"))
    assert (found["state"], found["money"]) == ("proposed", 9.0)
    assert main(["send", "--kind", "model_changes"]) == 0
    assert Policy.load(at_home).model == today
    assert main(["approve", "--all", "--kind", "model_changes"]) == 0
    assert main(["send", "--kind", "model_changes"]) == 0
    assert Policy.load(at_home).model == "mean28"
    assert main(["undo", found["id"]]) == 0
    assert main(["send", "--kind", "model_changes"]) == 0
    assert Policy.load(at_home).model == today
    assert "hub.toml" in capsys.readouterr().out


def test_the_page_worth_shows_the_cards(at_home: Path) -> None:
    """Accuracy, money and verdict of the last cards, also while no decision has been measured."""
    page = next(page for page in registry().pages if page.path == "worth")
    row = Evidence("twin", None, 9, 54, None, (None, None), Estimate(9.0, -5.0, 13.0), 100.0, "simulated: twin")
    with open_hub(at_home) as hub:
        keep(hub, card(Change("price.max_step", "0.15", "0.1"), row, day=date(2025, 3, 9), margin=0.01))
        shown = page.context(hub, {})["tables"][-1]
    assert shown["title"] == "scorecard.page"
    assert shown["rows"][0][:2] == ["2025-03-09", "price.max_step: 0.15 → 0.1"]
    assert "keep: money" in shown["rows"][0][-1]
