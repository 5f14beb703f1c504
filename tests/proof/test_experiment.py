"""Experiments from the plan to the verdict, on a small simulated chain whose true effects are known."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from aislehub import schema
from aislehub.core.book import Filter
from aislehub.core.day import run_day
from aislehub.core.errors import HubError
from aislehub.core.experiments import Experiments, Trial
from aislehub.core.hub import Hub, open_hub
from aislehub.core.ledger import Ledger
from aislehub.core.registry import collect
from aislehub.core.state import open_state
from aislehub.core.tables import Tables
from aislehub.proof import experiment
from aislehub.serve.cli import main

STORES = [f"s{number:02d}" for number in range(40)]
FIRST, START = date(2024, 1, 1), date(2024, 7, 1)
DAYS = 56
HOUSE = collect([schema, experiment])


def receipts(effects: dict[str, float] | None = None, *, since: date = FIRST, until: date = START) -> pa.Table:
    """A receipt a store and day before `until`; from the start on a store sells `1 + effect` times what chance says."""
    random = np.random.default_rng(7)
    level = random.gamma(4.0, 50.0, len(STORES))
    days = [FIRST + timedelta(days=number) for number in range((START - FIRST).days + DAYS)]
    chance = random.normal(1.0, 0.15, (len(days), len(STORES)))
    rows = []
    for day, factors in zip(days, chance, strict=True):
        for store, usual, factor in zip(STORES, level, factors, strict=True):
            if since <= day < until:
                effect = (effects or {}).get(store, 0.0) if day >= START else 0.0
                rows.append((store, day, usual * factor * (1 + effect)))
    table = pd.DataFrame(rows, columns=["store", "day", "amount"])
    return pa.Table.from_pandas(
        table.assign(
            receipt=table["day"].astype(str), line="1", item="milk", quantity=1.0, source="simulated",
            sold_at=[datetime(d.year, d.month, d.day, 12, tzinfo=UTC) for d in table["day"]],
        ),
        preserve_index=False,
    )  # fmt: skip


def add(tables: Tables, name: str, rows: pa.Table) -> None:
    """Append rows that keep the contract."""
    checked = tables.contracts[name].check(rows)
    assert checked.rejected.num_rows == 0, checked.rejected.to_pylist()[:1]
    tables.append(name, checked.good)


@pytest.fixture(scope="module")
def past(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with half a year of sales before the start and the days after it without any effect."""
    folder = tmp_path_factory.mktemp("chain")
    with open_hub(folder) as hub:
        add(hub.tables, "items", pa.table({"item": ["milk"], "cost": [0.5]}))
        add(hub.tables, "sales_lines", receipts(until=START + timedelta(days=DAYS)))
    return folder


@pytest.fixture
def hub(past: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    """That home without any experiment."""
    monkeypatch.setenv("AISLEHUB_HOME", str(past))
    for file in past.glob("hub.db*"):
        file.unlink()
    with open_hub(past) as hub:
        yield hub


def call(capsys: pytest.CaptureFixture[str], *words: str) -> Any:
    """The document that a command prints."""
    assert main(["experiment", *words, "--json"]) == 0, capsys.readouterr().err
    return json.loads(capsys.readouterr().out)


def refused(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    """The sentence with which a command refuses."""
    assert main(["experiment", *words]) == 1
    told = capsys.readouterr().err
    assert "{" not in told and "went wrong" not in told
    return told


def plan_of(name: str = "less", **other: Any) -> Trial:
    """A plan as the command makes it, for days in memory."""
    definition = {
        "unit": "store", "metric": "sales", "effect": 0.05, "also": [], "guards": {}, "harm": 0.0,
        "method": "always_valid", "alpha": 0.05, "power": 0.8, "pre_days": 84, "washout_days": 0,
        "planned": {"sales": 2.0},
    } | other  # fmt: skip
    return Trial(name, "orders", "store", 0, 0.5, name, 14, definition)


def days_of(
    tmp_path: Path, effect: float, trial: Trial, *, count: int = 14, assigned: dict[str, str] | None = None
) -> tuple[Tables, Experiments, list[Any]]:
    """Run the business days of an experiment whose treatment changes sales by the fraction `effect`."""
    register = Experiments(open_state("", tmp_path), run="run1")
    tables = Tables(None, HOUSE.contracts)
    register.plan(trial, who="ann")
    started = register.start(trial.name, START, who="ann")
    arms = {store: started.arm_of(store, START) for store in STORES}
    add(tables, "items", pa.table({"item": ["milk"], "cost": [0.5]}))
    effects = {store: effect for store, arm in arms.items() if arm == "treatment"}
    add(tables, "sales_lines", receipts(effects, until=START + timedelta(days=DAYS)))
    if assigned is not None:
        units = {"experiment": [trial.name] * len(assigned), "unit": list(assigned), "arm": list(assigned.values())}
        add(tables, "assignments", pa.table(units))
    reports = [
        run_day(tables, START + timedelta(days=number), HOUSE, folder=tmp_path / "models", experiments=register,
                ledger=Ledger(register.engine))
        for number in range(count)
    ]  # fmt: skip
    assert [report.failed for report in reports] == [[]] * count
    return tables, register, reports


def last_row(tables: Tables, metric: str = "sales") -> dict[str, Any]:
    """The newest result of a metric."""
    rows = tables.fetch("experiment_results").to_pylist()
    return max((row for row in rows if row["metric"] == metric), key=lambda row: row["day"])


# -- plan --------------------------------------------------------------------------------------------


def test_a_plan_takes_the_fewest_weeks_that_find_the_effect(hub: Hub, capsys: pytest.CaptureFixture[str]) -> None:
    """The smallest effect falls with the weeks; any number of looks needs more than one look, and is planned for."""
    made = call(capsys, "plan", "less", "--effect", "0.05", "--day", "2024-06-30")
    smallest = [outlook["always"] for outlook in made["outlooks"]]
    assert smallest[0] > smallest[-1] and all(o["always"] > o["fixed"] for o in made["outlooks"])
    enough = [outlook["weeks"] for outlook in made["outlooks"] if outlook["power_always"] >= 0.8]
    assert made["weeks"] == enough[0]
    once = call(capsys, "plan", "less", "--effect", "0.05", "--day", "2024-06-30", "--method", "fixed")
    assert once["weeks"] <= made["weeks"]
    assert hub.experiments.get("less").days == 7 * once["weeks"]
    assert main(["experiment", "plan", "less", "--effect", "0.05", "--day", "2024-06-30"]) == 0
    assert "smallest effect" in capsys.readouterr().out


def test_figures_of_before_shorten_a_plan(hub: Hub, capsys: pytest.CaptureFixture[str]) -> None:
    """Stores differ far more from each other than from their own past: most of the variance is taken off."""
    made = call(capsys, "plan", "less", "--effect", "0.05", "--day", "2024-06-30")
    assert made["outlooks"][-1]["kept"] < 0.1


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--metric", "saless"], "Did you mean sales?"),
        (["--unit", "customer", "--metric", "conversion"], "counted at the door"),
        (["--unit", "shop"], "cannot be 'shop'"),
        (["--share", "0"], "above 0"),
        (["--share", "1"], "above 0"),
        (["--share", "0.02"], "one unit has no spread"),
        (["--guard", "margin=2"], "is no guard"),
        (["--guard", "margin=much"], "is no guard"),
        (["--unit", "switchback", "--block-days", "2", "--washout-days", "2"], "cannot be left out"),
        (["--unit", "switchback", "--block-days", "200"], "not one block of 200 days"),
        (["--unit", "switchback", "--block-days", "28", "--weeks", "2"], "In 2 weeks not one block"),
        (["--day", "2024-02-20"], "no such past"),
        (["--weeks", "40"], "no such past"),
        (["--unit", "customer"], "no such past"),
        (["--metric", "conversion"], "did not vary"),
        (["--effect", "0.001"], "no duration would do"),
    ],
)
def test_what_cannot_be_planned_is_refused(
    hub: Hub, capsys: pytest.CaptureFixture[str], words: list[str], told: str
) -> None:
    """Each with the reason and what to do; nothing is written down."""
    words = words if "--day" in words else [*words, "--day", "2024-06-30"]
    assert told in refused(capsys, "plan", "less", *words)
    assert hub.experiments.all() == []


# -- start, read, stop -------------------------------------------------------------------------------


def test_from_plan_to_stop(hub: Hub, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """Balanced arms, every look kept, a sentence as the verdict, and an end that a person gives a reason for."""
    call(capsys, "plan", "less", "--effect", "0.05", "--day", "2024-06-30", "--weeks", "4", "--guard", "margin=0.1")
    assert "has not been started" in refused(capsys, "read", "less")
    started = call(capsys, "start", "less", "--day", "2024-07-01")
    assert started["units"] == {"control": 20, "treatment": 20}
    for look in (1, 2):
        found = call(capsys, "read", "less", "--day", f"2024-07-0{6 + look}")
        assert (found["looks"], found["results"][0]["verdict"]) == (look, "none_yet")
        assert found["results"][0]["sentence"] == "no measurable effect yet"
    assert {row["source"] for row in found["results"]} == {"simulated"}
    out = tmp_path / "arms.csv"
    assert main(["experiment", "arms", "less", "--out", str(out)]) == 0
    trial = hub.experiments.get("less")
    listed = pd.read_csv(out).set_index("unit")["arm"].to_dict()
    assert listed == {store: trial.arm_of(store, START) for store in STORES}
    assert call(capsys, "stop", "less", "--day", "2024-07-10", "--why", "enough")["last"] == "2024-07-10"
    assert [(row["name"], row["state"]) for row in call(capsys, "list")] == [("less", "stopped")]
    assert main(["experiment", "list"]) == main(["experiment", "read", "less"]) == 0
    assert "no measurable effect" in capsys.readouterr().out


def test_a_plan_keeps_the_change_that_it_is_on(hub: Hub, capsys: pytest.CaptureFixture[str]) -> None:
    """The setting with today's value, which is the control's, and the treatment's."""
    words = ("--change", "demand.model=boosted", "--day", "2024-06-30", "--weeks", "4")
    change = call(capsys, "plan", "model", *words)["definition"]["change"]
    assert change == {"setting": "demand.model", "today": "aislehub", "candidate": "boosted"}
    assert hub.experiments.get("model").definition["change"] == change


def test_an_overlapping_start_is_refused(hub: Hub, capsys: pytest.CaptureFixture[str]) -> None:
    """A second one on the same kind of decision waits until the first has ended."""
    for name in ("one", "two"):
        call(capsys, "plan", name, "--kind", "orders", "--day", "2024-06-30", "--weeks", "2")
    call(capsys, "start", "one", "--day", "2024-07-01")
    assert "could not be told apart" in refused(capsys, "start", "two", "--day", "2024-07-10")
    call(capsys, "start", "two", "--day", "2024-07-15")


def test_looking_early_at_a_fixed_plan_shows_the_wider_interval(hub: Hub, capsys: pytest.CaptureFixture[str]) -> None:
    """Before its last day there is no verdict and no single-look interval, and the page says why; then there is."""
    call(capsys, "plan", "glance", "--method", "fixed", "--day", "2024-06-30", "--weeks", "2")
    call(capsys, "start", "glance", "--day", "2024-07-01")
    early = call(capsys, "read", "glance", "--day", "2024-07-10")["results"][0]
    assert (early["verdict"], early["fixed_low"], early["p_fixed"]) == ("running", None, None)
    assert early["low"] < early["estimate"] < early["high"]
    assert main(["experiment", "read", "glance", "--day", "2024-07-10"]) == 0
    assert "three in ten" in capsys.readouterr().out.replace("\n", " ")
    late = call(capsys, "read", "glance", "--day", "2024-07-14")["results"][0]
    assert late["verdict"] == "none" and late["low"] < late["fixed_low"] < late["fixed_high"] < late["high"]


def test_a_switchback_compares_whole_blocks(hub: Hub, capsys: pytest.CaptureFixture[str]) -> None:
    """Stores count once a block; before the first block is over there is nothing to compare."""
    call(capsys, "plan", "turn", "--unit", "switchback", "--day", "2024-06-30", "--weeks", "3", "--block-days", "7")
    call(capsys, "start", "turn", "--day", "2024-07-01")
    early = call(capsys, "read", "turn", "--day", "2024-07-06")["results"][0]
    assert (early["verdict"], early["estimate"]) == ("too_few", None)
    found = call(capsys, "read", "turn", "--day", "2024-07-20")["results"][0]
    assert found["n_control"] + found["n_treatment"] == 2 * len(STORES)
    assert found["low"] < 0 < found["high"]


def test_the_page_shows_what_runs_and_who_looked(hub: Hub, capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing planned is said so; then state, newest results in words, the band by day, and every look."""
    (page,) = experiment.pages
    assert page.context(hub, {}) == {"empty": "experiment.none_planned"}
    call(capsys, "plan", "shown", "--day", "2024-06-30", "--weeks", "2")
    call(capsys, "start", "shown", "--day", "2024-07-01")
    for number in (5, 6):
        day = START + timedelta(days=number)
        rows = experiment.experiment_results.run(
            hub.tables, day=day, policy=experiment.Policy(), trials=hub.experiments.on(day)
        )
        hub.tables.write("experiment_results", rows, day)
        hub.experiments.record(day, rows)
    call(capsys, "read", "shown", "--day", "2024-07-07")
    shown = page.context(hub, {})
    (chart,) = shown["charts"]
    assert chart["option"]["xAxis"]["data"] == ["2024-07-06", "2024-07-07"]
    high, estimate, low = (line["data"][-1] for line in chart["option"]["series"])
    assert low < estimate < high
    listed, latest, looks = (table["rows"] for table in shown["tables"])
    assert listed[0][:2] == ["shown", "running"] and latest[0][-1] == "no measurable effect yet"
    assert [row[1] for row in looks] == ["2024-07-07", "2024-07-07", "2024-07-06"]


# -- business days -----------------------------------------------------------------------------------


def test_a_true_effect_is_found_and_lies_in_the_interval(tmp_path: Path) -> None:
    """15 % more sales: `better` by the end, the truth inside, and the day ends the experiment."""
    tables, register, reports = days_of(tmp_path, 0.15, plan_of())
    row = last_row(tables)
    truth = 0.15 * row["control"]
    assert row["verdict"] == "better" and row["low"] < truth < row["high"]
    assert row["fixed_low"] < truth < row["fixed_high"]
    assert (register.get("less").state, reports[-1].experiments) == ("stopped", [register.get("less")])
    assert len(register.looks("less")) == 14
    again = run_day(tables, row["day"], HOUSE, folder=tmp_path / "models", experiments=register,
                    ledger=Ledger(register.engine))  # fmt: skip
    assert ([step.state for step in again.steps], again.experiments) == (["unchanged"], [])
    assert len(register.looks("less")) == 14


def test_no_effect_is_said_so(tmp_path: Path) -> None:
    """Equal arms: `no measurable effect` at the end."""
    tables, _register, _reports = days_of(tmp_path, 0.0, plan_of())
    assert last_row(tables)["verdict"] == "none"


def test_harm_rolls_it_back(tmp_path: Path) -> None:
    """20 % less sales: stopped for harm days before its end, and no results after."""
    tables, register, _reports = days_of(tmp_path, -0.2, plan_of())
    row, trial = last_row(tables), register.get("less")
    assert (row["verdict"], row["harm"]) == ("harm", "experiment.note_harm")
    assert trial.state == "rolled_back" and trial.last == row["day"] < START + timedelta(days=13)
    assert register.history("less")[-1]["why"] == "experiment.note_harm"
    assert trial.arm_at(START + timedelta(days=50), "s01", "milk") == "control"


def test_harm_that_is_put_up_with_does_not(tmp_path: Path) -> None:
    """A loss of 20 % under a limit of 50 % is `worse`, and runs to its end."""
    tables, register, _reports = days_of(tmp_path, -0.2, plan_of(harm=0.5))
    assert (last_row(tables)["verdict"], register.get("less").state) == ("worse", "stopped")


def test_a_guard_rolls_back_what_the_metric_would_keep(tmp_path: Path) -> None:
    """The metric that decides gains nothing and loses nothing; the guard loses more than its limit."""
    trial = plan_of(metric="baskets", guards={"sales": 0.05}, planned={"baskets": 0.01, "sales": 2.0})
    tables, register, _reports = days_of(tmp_path, -0.25, trial)
    assert last_row(tables)["verdict"] == "harm" and register.get("less").state == "rolled_back"


def test_an_unbalanced_split_withholds_the_result(tmp_path: Path) -> None:
    """Lots of another system, 33 to 7 where 1 to 1 was planned: flagged, and no estimate is shown."""
    assigned = {store: "treatment" if number < 7 else "control" for number, store in enumerate(STORES)}
    tables, register, _reports = days_of(tmp_path, 0.0, plan_of(), count=3, assigned=assigned)
    row = last_row(tables)
    assert row["srm_p"] < 0.001 and (row["n_control"], row["n_treatment"]) == (33, 7)
    assert (row["verdict"], row["estimate"], row["low"]) == ("withheld", None, None)
    assert register.get("less").state == "running"


def test_many_metrics_are_judged_together(tmp_path: Path) -> None:
    """The p-value that counts is Holm's over the deciding metric and those judged with it, not over guards."""
    trial = plan_of(also=["margin"], guards={"baskets": 0.1}, planned={"sales": 2.0, "margin": 2.0, "baskets": 0.01})
    tables, _register, _reports = days_of(tmp_path, 0.04, trial, count=5)
    row = last_row(tables)
    assert row["p_holm"] == pytest.approx(min(1.0, 2 * row["p_value"]))
    guard = last_row(tables, "baskets")  # a receipt a day in every store: nothing to compare
    assert (guard["verdict"], guard["p_holm"]) == ("too_few", None)


def test_a_day_without_experiments_has_no_results(tmp_path: Path) -> None:
    """The table is empty, and nothing is looked at."""
    tables = Tables(None, HOUSE.contracts)
    report = run_day(tables, START, HOUSE, folder=tmp_path)
    assert [(step.state, step.rows) for step in report.steps] == [("ran", 0)]


def test_one_unit_an_arm_is_refused_at_the_start(hub: Hub, capsys: pytest.CaptureFixture[str]) -> None:
    """Lots of another system with a single treated store: refused, and it stays planned."""
    call(capsys, "plan", "tiny", "--day", "2024-06-30", "--weeks", "2")
    arms = ["treatment"] + ["control"] * 10
    rows = {"experiment": ["tiny"] * 11, "unit": STORES[:11], "arm": arms}
    add(hub.tables, "assignments", pa.table(rows))
    assert "each needs at least 2" in refused(capsys, "start", "tiny", "--day", "2024-07-01")
    assert hub.experiments.get("tiny").state == "planned"
    with pytest.raises(HubError):
        hub.experiments.stop("none", START, who="ann")
    assert hub.ledger.find(Filter()) == []
