"""`aislehub roster`: the result on standard output, what is short beside it, and a refusal that helps."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

from aislehub.serve.cli import main
from tests.store.roster.checker import broken, cost, grid_of
from tests.store.roster.drawn import drawn

EXAMPLE = Path(__file__).parent / "two_tills.json"


def test_json_is_cost_bound_status_and_assignments(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The document has these four keys, and `short` where people are missing; an independent count agrees with it."""
    path = drawn(1, tmp_path / "drawn.txt", most_days=6)
    assert main(["roster", str(path), "--seconds", "5", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert list(told)[:4] == ["cost", "bound", "status", "assignments"] and set(told) - {"short"} == set(list(told)[:4])
    grid = grid_of(path, told["assignments"])
    assert broken(path, grid) == []
    assert cost(path, grid) == told["cost"] >= told["bound"]


def test_the_roster_is_written_as_a_table_and_as_lines(tmp_path: Path) -> None:
    """CSV has a row a shift; .txt a line a person with a cell a day."""
    table, lines = tmp_path / "roster.csv", tmp_path / "roster.txt"
    assert main(["roster", str(EXAMPLE), "--seconds", "5", "--out", str(table)]) == 0
    assert main(["roster", str(EXAMPLE), "--seconds", "5", "--out", str(lines)]) == 0
    with table.open() as file:
        rows = list(csv.DictReader(file))
    cells = [line.split("\t") for line in lines.read_text().splitlines()]
    assert set(rows[0]) == {"person", "day", "shift", "skill"}
    assert [len(line) for line in cells] == [7] * 4
    assert {row["shift"] for row in rows} <= {"early", "late"}


def test_the_file_is_whole_when_the_result_is_printed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`--json` and `--out` together give the same roster twice."""
    file = tmp_path / "roster.json"
    assert main(["roster", str(EXAMPLE), "--seconds", "5", "--json", "--out", str(file)]) == 0
    assert json.loads(file.read_text()) == json.loads(capsys.readouterr().out)["assignments"]


def test_what_is_written_can_be_kept(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Both JSON forms are read: the file as it was gives no change; with Dee away on day 5 her shift alone is gone."""
    written, printed, later = (tmp_path / name for name in ("written.json", "printed.json", "later.json"))
    assert main(["roster", str(EXAMPLE), "--seconds", "5", "--json", "--out", str(written)]) == 0
    printed.write_text(capsys.readouterr().out)
    assert main(["roster", str(EXAMPLE), "--seconds", "5", "--keep", str(written), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["changes"] == []
    told = json.loads(EXAMPLE.read_text())
    told["staff"] = [one | {"days_off": [5]} if one["id"] == "Dee" else one for one in told["staff"]]
    later.write_text(json.dumps(told))
    assert main(["roster", str(later), "--seconds", "5", "--keep", str(printed), "--json"]) == 0
    captured = capsys.readouterr()
    assert json.loads(captured.out)["changes"] == [{"person": "Dee", "day": 5, "before": "early", "after": ""}]
    assert "Dee, day 5: — instead of early." in captured.err


@pytest.mark.parametrize("text", [None, "{", '{"cost": 3}', '[{"person": "Ana"}]'])
def test_what_is_no_roster_cannot_be_kept(
    text: str | None, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:  # fmt: skip
    """Exit 1 with one sentence that names the file."""
    path = tmp_path / "kept.json"
    if text is not None:
        path.write_text(text)
    assert main(["roster", str(EXAMPLE), "--seconds", "5", "--keep", str(path)]) == 1
    captured = capsys.readouterr()
    assert captured.out == "" and "kept.json" in captured.err and "Traceback" not in captured.err


def test_people_see_a_line_each(capsys: pytest.CaptureFixture[str]) -> None:
    """Without --json or --out a table is printed."""
    assert main(["roster", str(EXAMPLE), "--seconds", "5"]) == 0
    out = capsys.readouterr().out
    assert all(name in out for name in ("Ana", "Bo", "Chen", "Dee"))


def test_a_skill_that_nobody_has_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The head count stays unmet; the document and standard error say that nobody can meet it, and what that costs."""
    told = json.loads(EXAMPLE.read_text())
    told["cover"].append({"day": 2, "shift": "early", "skill": "butcher", "required": 1})
    path = tmp_path / "butcher.json"
    path.write_text(json.dumps(told))
    assert main(["roster", str(path), "--seconds", "5", "--json"]) == 0
    captured = capsys.readouterr()
    told = json.loads(captured.out)
    assert told["cost"] >= 100
    assert told["short"] == [
        {"day": 2, "shifts": ["early"], "skill": "butcher", "required": 1, "there": 0, "able": 0, "cost": 100}
    ]
    assert "butcher: 0 of 1 people" in captured.err
    assert (
        "Nobody of the staff may work there with the skill butcher: one who may would save up to 100." in captured.err
    )


@pytest.mark.data
def test_an_impossible_contract_is_refused_with_ways_out(data_folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """In the file of Instance 1, person C may have 3 shifts and must work 7: exit 1, and both rules are named."""
    path = data_folder / "rostering" / "Instance1.txt"
    assert main(["roster", str(path), "--seconds", "5", "--json"]) == 1
    captured = capsys.readouterr()
    told = json.loads(captured.out)
    assert told["status"] == "infeasible"
    assert [(one["person"], one["rules"]) for one in told["conflicts"]] == [("C", ["max_shifts", "min_minutes"])]
    assert "from 3360 to 1440" in captured.err


@pytest.mark.parametrize(
    ("name", "text"), [("gone.txt", None), ("odd.xml", "<a/>"), ("bad.json", "{"), ("bad.txt", "x")]
)
def test_files_that_are_no_problem_are_refused(
    name: str, text: str | None, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit 1 with one sentence, no traceback."""
    path = tmp_path / name
    if text is not None:
        path.write_text(text)
    assert main(["roster", str(path), "--seconds", "5"]) == 1
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "Traceback" not in captured.err
    assert str(path.name) in captured.err
