"""`aislehub explain`, on a chain on disk whose day was run."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pytest

from aislehub.core.errors import HubError
from aislehub.core.hub import Hub
from aislehub.demand.explain import explain, explain_command

DAY = date(2024, 7, 28)


def stored(hub: Hub, store: str, item: str) -> list[float]:
    """The published means of one store's item, by day."""
    rows = hub.tables.run(
        lambda tables: (t := tables.read("demand_forecast")).filter(t.store == store, t.item == item).order_by("ds")
    )
    return rows["mean"].to_pylist()


def test_the_published_forecast_is_explained_to_the_last_unit(chain: Hub) -> None:
    """The parts of each day add up to the row of demand_forecast, and nothing is left for an adjustment."""
    found = explain(chain, "A", "tea")
    np.testing.assert_allclose(sum(found.parts.values()), stored(chain, "A", "tea"), rtol=1e-6)
    assert not found.parts["adjustment"].any()
    assert found.days[0] == DAY + timedelta(days=1)


def test_the_display_is_named(chain: Hub) -> None:
    """A display announced for the coming week is named where it adds units, and only there."""
    found = explain(chain, "A", "tea")
    codes = {reason.code: reason.facts for reason in found.reasons}
    assert codes["demand.because.promotion"]["what"] == "rear"
    assert codes["demand.because.promotion"]["days"] == 7
    assert codes["demand.because.promotion"]["effect"] > 0
    other = {reason.code for reason in explain(chain, "B", "tea").reasons}
    assert "demand.because.promotion" not in other


def test_the_stored_reasons_are_those_of_the_first_day(chain: Hub) -> None:
    """What the daily step keeps beside a forecast is the largest part of what `explain` says of its first day."""
    rows = chain.tables.run(
        lambda tables: (t := tables.read("demand_forecast")).filter(t.store == "A", t.item == "tea").limit(1)
    ).to_pylist()
    kept = json.loads(rows[0]["reasons"])
    first = {reason.code: reason.facts for reason in explain(chain, "A", "tea").by_day[0]}
    assert kept
    assert {reason["code"]: reason["facts"] for reason in kept}.items() <= first.items()


@pytest.mark.parametrize(
    ("store", "item", "code"), [("A", "te", "demand.unknown_item"), ("AA", "tea", "demand.unknown_store")]
)
def test_an_unknown_name_is_refused_with_the_nearest(chain: Hub, store: str, item: str, code: str) -> None:
    """A mistyped store or item is refused, and the nearest one that has a forecast is said."""
    with pytest.raises(HubError) as refused:
        explain(chain, store, item)
    assert refused.value.code == code
    assert refused.value.facts["suggestion"]


def test_without_a_forecast_the_first_day_is_asked_for(tmp_path: Path, open_chain: Callable[[Path], Hub]) -> None:
    """Before any day was run the refusal says which command to run."""
    with pytest.raises(HubError, match="aislehub day"):
        explain(open_chain(tmp_path), "A", "tea")


def test_the_command_prints_one_document(chain: Hub, monkeypatch: pytest.MonkeyPatch, capsys) -> None:
    """--json prints parts, facts and sentences of the horizon and of each day; without it, sentences and a table."""
    monkeypatch.setenv("AISLEHUB_HOME", str(chain.home))
    explain_command("tea", "A", as_json=True)
    document = json.loads(capsys.readouterr().out)
    assert len(document["days"]) == 14
    assert sum(document["total"]["parts"].values()) == pytest.approx(document["total"]["mean"])
    assert document["total"]["reasons"][0]["sentence"].startswith("Base:")
    explain_command("tea", "A")
    text = capsys.readouterr().out
    assert "Promotion:" in text
    assert str(DAY + timedelta(days=14)) in text
