"""The commands of experiments in a house that has no sales yet: what they say before there is anything to plan on."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from aislehub.core.text import say
from aislehub.serve.cli import main


def test_nothing_planned_is_an_empty_list(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """As a document, and as a table with its heads only."""
    assert main(["experiment", "list", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == []
    assert main(["experiment", "list"]) == 0


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["read", "none"], "none"),
        (["arms", "none"], "none"),
        (["start", "none", "--day", "2024-07-01"], "none"),
        (["plan", "x", "--guard", "margin=2"], "is no guard"),
        (["plan", "x", "--unit", "stor"], "Did you mean store?"),
        (["plan", "x", "--kind", "order"], "kind cannot be 'order'. Did you mean orders?"),
        (["plan", "x", "--change", "demand.model"], "is no change of a setting"),
        (["plan", "x", "--change", "demand.modell=boosted"], "Did you mean demand.model?"),
        (["plan", "x", "--change", "demand.model=boosted", "--kind", "orders"], "without --kind"),
        (["plan", "x", "--day", "2024-07-01"], "no such past"),
    ],
)
def test_what_is_not_there_is_refused(
    home: Path, capsys: pytest.CaptureFixture[str], words: list[str], told: str
) -> None:
    """An unknown experiment; a guard, a unit, a kind, a change or a past that is none: each in a sentence."""
    assert main(["experiment", *words]) == 1
    said = capsys.readouterr().err
    assert told in said and "{" not in said


def test_a_plan_on_one_past_period_says_so() -> None:
    """One period does not differ from itself: the sentence says how many the plan is reckoned from."""
    for periods, told in ((1, "reckoned from 1 past one."), (4, "reckoned from 4 past ones.")):
        assert told in say("experiment.planned", "en", periods=periods)
