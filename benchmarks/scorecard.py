"""Accuracy beside money: what a chain earns with the orders that come of each model, and whether the two agree.

On the demo's tables, all models in one rehearsal on the last eight weeks: a rule (`seasonal_mean`), the house's
LightGBM (`boosted`) and the network that ships (`lstm_demo`). Of each: weekly WAPE, bias, and the money of 28 days with
its orders replayed on the sales that followed; of each pair the differences with 90 % intervals, and the verdict. Terms
of supply, stock and, where the tables have none, costs are simulated.
"""

from __future__ import annotations

import resource
import tempfile
import time
from collections.abc import Iterator, Sequence
from itertools import permutations
from pathlib import Path
from typing import Any

from aislehub.core.hub import Hub, open_hub
from aislehub.proof.scorecard import VERDICTS, Change, Policy, card
from aislehub.proof.two_way import Estimate
from aislehub.serve.commands.demo import load_demo, prepare_home
from aislehub.serve.commands.scorecard import evidence_of
from aislehub.serve.rehearse import rehearse
from benchmarks.day import last_day

__all__ = ["run"]

MODELS = ("seasonal_mean", "boosted", "lstm_demo")
WEEKS = 8
Row = dict[str, Any]


def run(data: Path | None = None, *, quick: bool = False, seed: int = 0) -> list[Row]:
    """Rows of the benchmark.

    Args:
        data: a home with a chain's tables instead of the demo's.
        quick: two rules on four weeks, to see that it runs.
        seed: of the models.
    """
    with tempfile.TemporaryDirectory() as folder:
        home = data or Path(folder)
        if data is None:
            prepare_home(home)
        with open_hub(home) as hub:
            if data is None:
                load_demo(hub)
            models, weeks = (("mean28", "seasonal_mean"), 4) if quick else (MODELS, WEEKS)
            return list(_rows(hub, "complete_journey" if data is None else data.name, models, weeks, seed))


def _rows(hub: Hub, data: str, models: Sequence[str], weeks: int, seed: int) -> Iterator[Row]:
    began = time.process_time()
    last = last_day(hub)
    past = rehearse(hub, models, last, weeks, seed=seed)
    cpu = round(time.process_time() - began, 1)
    peak = round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)

    def row(model: str, metric: str, found: Estimate) -> Row:
        return {
            "bench": "scorecard", "data": data, "model": model, "metric": metric, "value": round(found.value, 5),
            "low": round(found.low, 5), "high": round(found.high, 5), "cpu_s": cpu, "peak_mb": peak,
        }  # fmt: skip

    told = set()
    for today, candidate in permutations(models, 2):
        evidence = evidence_of(past, Change("demand.model", today, candidate), last, weeks)
        assert evidence.accuracy is not None and evidence.money is not None
        found = card(Change("demand.model", today, candidate), evidence, day=last, margin=Policy().margin)
        if today not in told:
            told.add(today)
            for metric, value in (
                ("wape_weekly", found["wape_today"]), ("bias", found["bias_today"]), ("money_28d", found["money_today"])
            ):  # fmt: skip
                yield row(today, metric, Estimate(value, value, value))
        pair = f"{candidate} instead of {today}"
        yield row(pair, "wape_difference", evidence.accuracy.difference)
        yield row(pair, "money_difference", evidence.money)
        for metric, value in (("verdict", VERDICTS.index(found["verdict"])), ("disagree", int(found["disagree"]))):
            yield row(pair, metric, Estimate(value, value, value))
