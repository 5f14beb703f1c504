"""The benchmark of experiments runs, and shows the plain way beside the hub's."""

from __future__ import annotations

import json
from pathlib import Path

from aislehub.serve.cli import main


def test_looks_power_and_switchback_are_measured(tmp_path: Path, home: Path) -> None:
    """`bench experiment --quick`: naive looks are wrong more often, and a switchback by day finds half the effect."""
    out = tmp_path / "rows.json"
    assert main(["bench", "experiment", "--quick", "--out", str(out)]) == 0
    rows = json.loads(out.read_text())
    assert {row["bench"] for row in rows} == {"experiment"}
    found = {(row["model"], row["metric"]): row["value"] for row in rows}
    assert found["aislehub", "false_positives_28_looks"] < found["naive_z", "false_positives_28_looks"]
    assert found["naive_plan", "power_at_one_look_effect"] < found["aislehub", "power_at_planned_effect"]
    assert found["by_day", "measured_over_true_effect"] < 0.75 < found["aislehub", "measured_over_true_effect"]
    assert found["aislehub", "truth_inside_at_all_looks"] > 0.9
