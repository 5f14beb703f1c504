"""`aislehub segment`: figures, lists, lots, and nobody named who objected."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pytest
from typer.testing import CliRunner

from aislehub.core.hub import open_hub
from aislehub.core.reads import last_reads
from aislehub.customer.clusters import CUSTOMER_CLUSTERS
from aislehub.serve.cli import build
from tests.customer.conftest import DAY, ZONE, add
from tests.customer.test_segments import profiled  # noqa: F401 - a fixture

ITS = CliRunner()


@pytest.fixture
def filled(home: Path, profiled: pa.Table) -> list[str]:  # noqa: F811
    """A house with profiles of a day; the three members with the most spend objected to personalisation."""
    (home / "hub.toml").write_text(f'[hub]\ntimezone = "{ZONE}"\n[segments.own]\nbig = "spend_365 is high"\n')
    table = profiled.to_pandas().sort_values("spend_365", ascending=False)
    objectors = table["customer"].head(3).tolist()
    said = {"purpose": "personalisation", "granted": False, "at": datetime(2024, 1, 1, tzinfo=UTC)}
    with open_hub() as hub:
        hub.tables.write("customer_profiles", profiled, DAY)
        add(hub.tables, "consents", [{"customer": one, **said} for one in objectors])
    return objectors


def call(*words: str) -> tuple[int, str]:
    """Exit code and what was printed."""
    done = ITS.invoke(build(), ["segment", *words])
    return done.exit_code, done.output if not done.exception or done.exit_code == 2 else str(done.exception)


def test_a_list_without_objectors_and_with_a_lot(filled: list[str], tmp_path: Path) -> None:
    """All in it but who objected are written, about the share held back, the same members on every call."""
    for name in ("a.csv", "b.csv"):
        code, told = call("big", "--holdout", "0.2", "--out", str(tmp_path / name), "--json")
        assert code == 0, told
    first, second = (pd.read_csv(tmp_path / name) for name in ("a.csv", "b.csv"))
    pd.testing.assert_frame_equal(first, second)
    document = json.loads(told)["segments"][0]
    assert document["members"] == len(first) + len(filled) and document["listed"] == len(first)
    assert not set(first["customer"]) & set(filled)
    assert 0.05 < (first["arm"] == "holdout").mean() < 0.4 and document["holdout"] == (first["arm"] == "holdout").sum()


def test_all_segments_and_files_of_every_kind(filled: list[str], tmp_path: Path) -> None:
    """Without a name, figures of each; a rule goes to Parquet and Excel as well."""
    assert filled
    code, told = call("--json")
    assert code == 0 and {"lapsed", "big"} <= {row["segment"] for row in json.loads(told)["segments"]}
    for suffix in ("parquet", "xlsx"):
        file = tmp_path / f"x.{suffix}"
        assert call("--where", "visits_90 >= 1 and not stage = new", "--out", str(file))[0] == 0
        assert file.stat().st_size > 1000
    with open_hub() as hub:
        assert any(read["what"].endswith("--out x.xlsx") for read in last_reads(hub.state))
    assert "loyal" in call()[1] and "spend, a year: high from" in call("big")[1]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("lapsd",), "lapsed"), (("--where", "visit_90 > 1"), "visits_90"),
        (("lapsed", "--where", "stage = new"), "rule"),
        (("--out", "x.csv"), "Which segment"), (("lapsed", "--day", "2019-01-01"), "no profiles"),
    ],
)  # fmt: skip
def test_what_cannot_be_done_is_said(filled: list[str], words: tuple[str, ...], said: str) -> None:
    """A misspelt name or column with the nearest one, too much, too little, a day without profiles."""
    assert filled
    code, told = call(*words)
    assert code != 0 and said in told


def test_a_group_of_four_has_no_figures(filled: list[str]) -> None:
    """Size and means of fewer than five are not told."""
    assert filled
    with open_hub() as hub:
        rows = hub.tables.read("customer_profiles").to_pandas()
    least = rows["spend_365"].nlargest(4).min()
    document = json.loads(call("--where", f"spend_365 >= {least - 0.005:.3f}", "--json")[1])["segments"][0]
    assert document["members"] is None and document["fewer_than"] == 5


def test_a_cluster_can_be_asked_for_while_it_is_stable(filled: list[str]) -> None:
    """Who is in it is counted; without a stable clustering the rule is refused, and the answer says where to look."""
    code, told = call("--where", "cluster = 2")
    assert code != 0 and "no stable clustering" in told
    with open_hub() as hub:
        keys = hub.tables.fetch("customer_profiles", columns=["customer"])["customer"].to_pylist()
        rows = [{"customer": key, "cluster": str(n % 2 + 1), "day": DAY} for n, key in enumerate(keys)]
        hub.tables.write("customer_clusters", CUSTOMER_CLUSTERS.require(pa.Table.from_pylist(rows)), DAY)
    code, told = call("--where", "cluster = 2", "--json")
    assert code == 0 and json.loads(told)["segments"][0]["members"] == len(keys) // 2
