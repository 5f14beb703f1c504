"""The page Experiments: what runs, what each says by now, how its estimate came about, and who looked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from aislehub.core.experiments import Trial
from aislehub.core.hub import Hub
from aislehub.core.text import say

__all__ = ["context", "verdict_sentence"]

SHOWN = 6  # experiments with a chart
LOOKS = 50
Row = Mapping[str, Any]


def context(hub: Hub, query: Mapping[str, list[str]]) -> dict[str, Any]:
    """All experiments, the newest results, a chart of each recent one's estimate with its band, and the looks."""
    trials = hub.experiments.all()
    if not trials:
        return {"empty": "experiment.none_planned"}
    results = hub.tables.fetch("experiment_results").to_pylist()
    by_trial = {
        trial.name: sorted((row for row in results if row["experiment"] == trial.name), key=lambda row: row["day"])
        for trial in trials
    }
    charts = [_chart(trial, by_trial[trial.name]) for trial in trials if by_trial[trial.name]][:SHOWN]
    tables = [_list(trials), _latest(trials, by_trial), _looks(hub, trials)]
    return {"charts": charts, "tables": [table for table in tables if table["rows"]]}


def verdict_sentence(row: Row, trial: Trial) -> str:
    """The verdict of one result in words."""
    return say(
        f"experiment.verdict_{row['verdict']}", last=trial.last, control=row["n_control"], treatment=row["n_treatment"],
        p=f"{row['srm_p']:.2g}",
    )  # fmt: skip


def _list(trials: Sequence[Trial]) -> dict[str, Any]:
    columns = [f"experiment.column_{name}" for name in ("name", "state", "kind", "unit", "metric", "days")]
    rows = [
        [
            trial.name, say(f"experiment.state_{trial.state}"), trial.kind,
            say(f"experiment.unit_{trial.definition['unit']}"), say(f"kpi.{trial.definition['metric']}"),
            f"{trial.start} – {trial.last}" if trial.start else say("experiment.days", days=trial.days),
        ]
        for trial in trials
    ]  # fmt: skip
    return {"title": "experiment.title", "columns": columns, "rows": rows}


def _latest(trials: Sequence[Trial], by_trial: Mapping[str, Sequence[Row]]) -> dict[str, Any]:
    """Each metric of each experiment on its newest day."""
    names = ("name", "metric", "role", "control", "treatment", "effect", "interval", "verdict")
    rows = []
    for trial in trials:
        found = by_trial[trial.name]
        for row in [row for row in found if row["day"] == found[-1]["day"]]:
            cells = ["", "", "", ""]
            if row["estimate"] is not None:
                relative = "" if row["relative"] is None else f" ({row['relative']:+.1%})"
                cells = [
                    f"{row['control']:.4g}", f"{row['treatment']:.4g}", f"{row['estimate']:+.3g}{relative}",
                    f"{row['low']:+.3g} … {row['high']:+.3g}",
                ]  # fmt: skip
            metric, role = say(f"kpi.{row['metric']}"), say(f"experiment.role_{row['role']}")
            rows.append([trial.name, metric, role, *cells, verdict_sentence(row, trial)])
    return {"title": "experiment.latest", "columns": [f"experiment.column_{name}" for name in names], "rows": rows}


def _chart(trial: Trial, rows: Sequence[Row]) -> dict[str, Any]:
    """The deciding metric's estimate day by day, inside its always-valid interval."""
    decides = [row for row in rows if row["role"] == "primary"]
    lines = {"high": "experiment.line_high", "estimate": "experiment.column_effect", "low": "experiment.line_low"}
    series = [
        {
            "type": "line", "name": say(code), "showSymbol": False, "data": [row[name] for row in decides],
            "lineStyle": {"type": "solid" if name == "estimate" else "dashed"},
        }
        for name, code in lines.items()
    ]  # fmt: skip
    option = {
        "tooltip": {"trigger": "axis"}, "legend": {"bottom": 0},
        "xAxis": {"type": "category", "data": [str(row["day"]) for row in decides]},
        "yAxis": {"type": "value", "scale": False}, "series": series,
    }  # fmt: skip
    metric, state = say(f"kpi.{trial.definition['metric']}"), say(f"experiment.state_{trial.state}")
    return {"title": f"{trial.name} ({state}): {metric}", "option": option}


def _looks(hub: Hub, trials: Sequence[Trial]) -> dict[str, Any]:
    """Who looked when, newest first."""
    looks = sorted((look for trial in trials for look in hub.experiments.looks(trial.name)), key=_moment, reverse=True)
    rows = [[look["experiment"], str(look["day"]), look["who"]] for look in looks[:LOOKS]]
    columns = [f"experiment.column_{name}" for name in ("name", "day", "who")]
    return {"title": "experiment.looks", "columns": columns, "rows": rows}


def _moment(look: Row) -> Any:
    return look["at"]
