"""The whole loop on a simulated chain: what was decided is done, drawn by lot, measured, and beside the truth."""

from __future__ import annotations

from pathlib import Path

import pytest

from aislehub.core.book import Filter
from aislehub.core.hub import open_hub
from aislehub.serve.cli import main
from aislehub.serve.commands.loop import Result, run_loop

SMALL = {"kind": "orders", "family": "heterogeneous", "stores": 8, "items": 8, "weeks": 1, "seed": 2}


@pytest.fixture(scope="module")
def lived(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Result]:
    """A loop of eight stores and a week, and its home."""
    home = tmp_path_factory.mktemp("loop") / "home"
    return home, run_loop(home, **SMALL)  # type: ignore[arg-type]


def test_every_decision_is_carried_out_as_its_arm_says(lived: tuple[Path, Result]) -> None:
    """All approved decisions are done; a control store's action is today's rule, worth nothing over itself."""
    home, result = lived
    with open_hub(home) as hub:
        found = hub.ledger.find(Filter(kind="orders", states=("done", "judged")))
    arms = {decision["arm"] for decision in found}
    assert arms == {"loop:control", "loop:treatment"}
    for decision in found:
        if decision["arm"] == "loop:control":
            assert decision["action"]["quantity"] == decision["baseline"]["quantity"]
            assert decision["money"] == 0
    assert result.carried_out == len(found) > 0


def test_a_store_has_one_arm(lived: tuple[Path, Result]) -> None:
    """Lots fall on stores: no store is in both arms, and both arms have half of them."""
    with open_hub(lived[0]) as hub:
        pairs = {(d["store"], d["arm"]) for d in hub.ledger.find(Filter(kind="orders")) if d["arm"]}
    assert len({store for store, _ in pairs}) == len(pairs) == SMALL["stores"]
    assert sum(arm == "loop:treatment" for _, arm in pairs) == SMALL["stores"] / 2


def test_the_experiment_ends_and_is_beside_the_truth(lived: tuple[Path, Result]) -> None:
    """After its last day the experiment is stopped; its interval is what the register's last look says."""
    home, result = lived
    with open_hub(home) as hub:
        trial = hub.experiments.get("loop")
        looks = hub.experiments.looks("loop")
    assert trial.state == "stopped"
    margin = next(row for row in looks[-1]["result"] if row["metric"] == "margin_after_shrink")
    assert (result.low, result.effect, result.high) == (margin["low"], margin["estimate"], margin["high"])
    assert result.agrees == (result.low <= result.truth <= result.high)
    assert result.truth != result.profit_truth


def test_an_unknown_kind_is_refused(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Only decisions that the twin can carry out; the nearest name is offered, nothing is deleted or begun."""
    assert main(["loop", "--kind", "order"]) == 1
    assert "orders" in capsys.readouterr().err
    assert not (home / "loop").exists()


def test_an_unknown_family_removes_nothing(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A misspelt family is refused while the loop before is still there."""
    kept = home / "loop" / "hub.toml"
    kept.parent.mkdir(parents=True)
    kept.touch()
    assert main(["loop", "--family", "nome"]) == 1
    assert "heterogeneous" in capsys.readouterr().err
    assert kept.exists()
