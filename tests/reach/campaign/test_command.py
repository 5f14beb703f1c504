"""`aislehub campaign`: plan, list, stop, and what is refused."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path

import pytest

from aislehub.core.hub import open_hub
from aislehub.serve.cli import main

WORDS = ["campaign", "plan", "coffee", "--offer", "2 for 1", "--starts", "2017-12-04"]


def test_a_plan_is_a_fact_that_a_day_of_the_past_knows(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Of a day of the past it is known at the close before; changed, the new version holds; stopped, it ends."""
    assert main([*WORDS, "--text-en", "Come in: {offer} until {ends}."]) == 0
    assert main([*WORDS, "--text-zh", "欢迎光临", "--channel", "file"]) == 0
    assert main(["campaign", "stop", "coffee", "--day", "2017-12-06"]) == 0
    capsys.readouterr()
    assert main(["campaign", "list", "--json"]) == 0
    (row,) = json.loads(capsys.readouterr().out)
    assert (row["channel"], row["text_en"], row["text_zh"], row["ends"]) == ("file", None, "欢迎光临", "2017-12-06")
    with open_hub() as hub:
        assert hub.tables.fetch("campaign_plans", as_of=date(2017, 12, 2)).num_rows == 0
        (known,) = hub.tables.fetch("campaign_plans", as_of=date(2017, 12, 3)).to_pylist()
    assert known["text_zh"] == "欢迎光临" and known["ends"] is None
    assert main(["campaign", "list"]) == 0
    assert "all members" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ([], "needs a text"),
        (["--text-en", "Dear {name}"], "{name}"),
        (["--text-en", "Hi", "--channel", "pigeon"], "no channel 'pigeon'"),
        (["--text-en", "Hi", "--ends", "2017-12-01"], "cannot end"),
        (["--text-en", "Hi", "--every-days", "7"], "cannot end"),
    ],
)
def test_a_bad_plan_is_refused_with_a_sentence(
    home: Path, capsys: pytest.CaptureFixture[str], more: list[str], said: str
) -> None:
    """No text, a blank that nothing fills, an unknown channel, an end before the start, rounds without an end."""
    assert main([*WORDS, *more]) == 1
    assert said in capsys.readouterr().err


def test_an_unknown_campaign_cannot_be_stopped(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The nearest name is offered."""
    assert main([*WORDS, "--text-en", "Hi"]) == 0
    assert main(["campaign", "stop", "cofee"]) == 1
    assert "coffee" in capsys.readouterr().err
