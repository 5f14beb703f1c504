"""Demand forecasts: means and quantiles for every series of a long table, with whichever model.

    table → panel → model (means) → rehearsal (how wrong) → quantiles → table

A forecast always has `horizon` rows for every series that came in, finite, ≥ 0 unless the history goes below 0.
"""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Annotated

import numpy as np
import pandas as pd
import typer

from aislehub.core.errors import HubError
from aislehub.core.output import check_target, print_json, read_table, write_table
from aislehub.core.text import say
from aislehub.demand.backtest import Rehearsal, rehearse
from aislehub.demand.coherence import Coherence
from aislehub.demand.hierarchy import Hierarchy, labels_of
from aislehub.demand.long_table import date_text
from aislehub.demand.lookalike import with_lookalikes
from aislehub.demand.models import MODELS, Model, Stored, make_model
from aislehub.demand.panel import FloatArray, Panel
from aislehub.demand.spread import Spread

__all__ = ["DEFAULT_MODEL", "DEFAULT_QUANTILES", "Forecaster", "forecast"]

DEFAULT_MODEL = "aislehub"
FORMAT = 3
"""Of the files that a forecaster is kept in; another one is not read."""
DEFAULT_QUANTILES = (0.1, 0.5, 0.9)


def forecast(
    history: pd.DataFrame,
    horizon: int,
    *,
    freq: str | None = None,
    known: pd.DataFrame | None = None,
    model: str = DEFAULT_MODEL,
    quantiles: tuple[float, ...] = DEFAULT_QUANTILES,
    seed: int = 0,
) -> pd.DataFrame:
    """Forecast every series of a long table.

    Args:
        history: columns `unique_id, ds, y` and covariates. See `aislehub.demand.panel` for the rules on gaps,
            series that stopped, static and known-ahead covariates and closed periods.
        horizon: periods to forecast after the table's last one.
        freq: pandas alias (D, W, MS, h …); None = read from the dates.
        known: future values of covariates: `ds`, covariates, and `unique_id` unless they hold for all series.
        model: built-in name (see `aislehub.demand.models.MODELS`), `onnx:NAME` of the model catalogue, or your own
            `package.module:Class`.
        quantiles: probabilities in (0, 1).
        seed: of everything random; the same seed gives the same forecast.

    Returns:
        Columns `unique_id, ds, y_hat` and `q0.1` …; `horizon` rows per series, sorted by series.

    Raises:
        HubError: what `Panel.from_table` and `make_model` refuse, `demand.quantile`, `demand.model_output`.

    Example:
        >>> days = pd.date_range("2024-01-01", periods=28)
        >>> table = pd.DataFrame({"unique_id": "milk", "ds": days, "y": [3, 4, 5, 6, 7, 9, 8] * 4})
        >>> forecast(table, 2, model="seasonal_mean")[["unique_id", "ds", "y_hat"]]
          unique_id         ds  y_hat
        0      milk 2024-01-29    3.0
        1      milk 2024-01-30    4.0
    """
    levels = _checked_levels(quantiles)
    panel = Panel.from_table(history, horizon, freq=freq, known=known)
    return Forecaster.learn(panel, model=model, seed=seed).predict(panel, levels)


@dataclass(frozen=True)
class Forecaster:
    """A model that has learnt, and how wrong it usually is: learnt weekly, kept in a folder, asked daily.

    Attributes:
        name: of the model, as given to `learn`.
        model: means.
        spread: quantiles.
        rehearsal: what it forecast of its own past; None when there was too little past, and when it was loaded.
    """

    name: str
    model: Model
    spread: Spread
    rehearsal: Rehearsal | None = None

    @classmethod
    def learn(cls, panel: Panel, *, model: str = DEFAULT_MODEL, seed: int = 0) -> Forecaster:
        """Fit a model on all of the panel's past, and rehearse it on the end of that past."""
        learnt = make_model(model)
        learnt.fit(panel, horizon=panel.horizon, seed=seed)
        rehearsal = getattr(learnt, "rehearsal", None)
        if rehearsal is None:
            rehearsal = rehearse(partial(make_model, model), panel, horizon=panel.horizon, seed=seed)
        return cls(model, learnt, Spread.learn(panel, rehearsal, seed=seed), rehearsal)

    def means(self, panel: Panel) -> FloatArray:
        """Mean demand, shape (series, horizon): 0 when closed, not below 0 unless the history is.

        Series with little history are drawn to their look-alikes.

        Raises:
            HubError: `demand.model_output` when the model gives another shape or values that are not finite.
        """
        mean = np.asarray(self.model.predict(panel), dtype=np.float64)
        shape = (len(panel.ids), panel.horizon)
        if mean.shape != shape or not np.isfinite(mean).all():
            problem = f"shape {mean.shape}" if mean.shape != shape else f"{(~np.isfinite(mean)).sum()} × NaN/inf"
            raise HubError("demand.model_output", name=self.name, problem=problem, shape=shape)
        if panel.nonnegative:
            mean = with_lookalikes(panel, np.maximum(mean, 0.0), self.model.predict)
        return np.where(panel.closed[:, -panel.horizon :], 0.0, mean)

    def predict(
        self, panel: Panel, quantiles: tuple[float, ...] = DEFAULT_QUANTILES, mean: FloatArray | None = None
    ) -> pd.DataFrame:
        """Long table `unique_id, ds, y_hat, q…` for the panel's future, around `means` or the `mean` given."""
        mean = self.means(panel) if mean is None else mean
        bands = self.spread.quantiles(panel.ids, mean, quantiles, first=1 + np.arange(panel.horizon))
        shut = panel.closed[:, -panel.horizon :]
        columns = {f"q{level:g}": np.where(shut, 0.0, bands[..., at]) for at, level in enumerate(quantiles)}
        return panel.to_table({"y_hat": mean, **columns})

    def lead_time(self, panel: Panel, first: int, last: int, quantiles: tuple[float, ...]) -> pd.DataFrame:
        """Demand summed over the future periods `first` to `last` (1 = the next), with quantiles of that sum.

        What an order has to cover. Sums of daily quantiles would be far too wide: errors of days partly cancel.

        Returns:
            One row per series: `unique_id, y_hat, q…`.

        Raises:
            HubError: `demand.window` unless 1 ≤ first ≤ last ≤ the panel's horizon.
        """
        if not 1 <= first <= last <= panel.horizon:
            raise HubError("demand.window", first=first, last=last, limit=panel.horizon)
        total = self.means(panel)[:, first - 1 : last].sum(axis=1, keepdims=True)
        levels, span = _checked_levels(quantiles), last - first + 1
        bands = self.spread.quantiles(panel.ids, total, levels, span=span, first=first)
        table = pd.DataFrame({"unique_id": np.asarray(panel.ids), "y_hat": total[:, 0]})
        for at, level in enumerate(quantiles):
            table[f"q{level:g}"] = bands[:, 0, at]
        return table

    def save(self, folder: Path) -> None:
        """Keep the forecaster in a folder of plain files (JSON, LightGBM text, NumPy and Parquet; no pickle).

        Raises:
            HubError: `demand.not_stored` when the model has no `save`.
        """
        if not isinstance(self.model, Stored):
            raise HubError("demand.not_stored", name=self.name)
        folder.mkdir(parents=True, exist_ok=True)
        self.model.save(folder)
        self.spread.save(folder)
        facts = {"model": self.name, "format": FORMAT}
        (folder / "forecaster.json").write_text(json.dumps(facts), encoding="utf-8")

    @classmethod
    def load(cls, folder: Path) -> Forecaster:
        """Read back what `save` kept.

        Raises:
            HubError: `demand.model_format` when another version of the house kept it.
        """
        facts = json.loads((folder / "forecaster.json").read_text(encoding="utf-8"))
        if facts.get("format") != FORMAT:
            raise HubError("demand.model_format", found=facts.get("format", 1), format=FORMAT)
        name = facts["model"]
        model = make_model(name)
        if not isinstance(model, Stored):
            raise HubError("demand.not_stored", name=name)
        model.load(folder)
        return cls(name, model, Spread.load(folder))


def _checked_levels(quantiles: tuple[float, ...]) -> tuple[float, ...]:
    for level in quantiles:
        if not 0 < level < 1:
            raise HubError("demand.quantile", value=level)
    if len(set(quantiles)) < len(quantiles):
        raise HubError("demand.quantile_twice", value=",".join(f"{level:g}" for level in quantiles))
    return tuple(quantiles)


def forecast_command(
    file: Annotated[Path, typer.Argument(help="Long table (.parquet, .csv) with unique_id, ds, y and covariates.")],
    horizon: Annotated[int, typer.Option(help="Periods to forecast after the table's last one.")],
    freq: Annotated[
        str | None, typer.Option(help="Pandas alias of the period (D, W, MS, h …); read from the dates when left out.")
    ] = None,
    known: Annotated[
        Path | None, typer.Option(help="Future covariates: ds, covariates, and unique_id unless they hold for all.")
    ] = None,
    model: Annotated[
        str, typer.Option(help=f"{', '.join(MODELS)}, onnx:NAME, package.module:Class, or several by +.")
    ] = DEFAULT_MODEL,
    quantiles: Annotated[str, typer.Option(help="Probabilities in (0, 1), separated by commas.")] = "0.1,0.5,0.9",
    seed: Annotated[int, typer.Option(help="Seed of everything random.")] = 0,
    reconcile: Annotated[
        str, typer.Option(help="Levels to forecast too, all adding up: total,store_id,store_id/dept_id (columns by /).")
    ] = "",
    out: Annotated[Path | None, typer.Option(help="File to write (.parquet, .csv, .json, .xlsx).")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document on standard output.")] = False,
) -> None:
    """Forecast every series of a long table, with quantiles.

    Example: aislehub forecast sales.parquet --horizon 28 --known plan.parquet --out forecast.parquet
    """
    try:
        levels = _checked_levels(tuple(float(level) for level in quantiles.split(",") if level.strip()))
    except ValueError as error:
        raise HubError("demand.quantile", value=quantiles) from error
    if out is not None:
        check_target(out)
    plan = None if known is None else read_table(known, codes=["unique_id"])
    panel = Panel.from_table(read_table(file, codes=["unique_id"]), horizon, freq=freq, known=plan)
    for notice in notices(panel):
        print(notice, file=sys.stderr)
    forecaster = Forecaster.learn(panel, model=model, seed=seed)
    for notice in getattr(forecaster.model, "notices", ()):
        print(notice, file=sys.stderr)
    sums = [level.strip() for level in reconcile.split(",") if level.strip()]
    table = with_sums(forecaster, panel, sums, levels, seed) if sums else forecaster.predict(panel, levels)
    if out is not None:
        write_table(table, out)
    if as_json:
        print_json(table.to_dict("records"))
    elif out is None:
        print(table.to_string(index=False, max_rows=40))


def with_sums(
    forecaster: Forecaster, panel: Panel, sums: list[str], quantiles: tuple[float, ...], seed: int
) -> pd.DataFrame:
    """The forecast of every series and of every sum of these levels, named `level=label/label`; they add up exactly."""
    labels = labels_of(panel)
    hierarchy = Hierarchy.of(labels, sums)
    coherence = Coherence.learn(panel, labels, sums, forecaster.rehearsal, seed=seed)
    mean = coherence.reconciled(panel, labels, forecaster.means(panel))
    total, bands = coherence.totals(hierarchy, mean, quantiles)
    columns = {f"q{level:g}": bands[..., at] for at, level in enumerate(quantiles)}
    made = replace(panel, ids=hierarchy.ids).to_table({"y_hat": total, **columns})
    print(say(f"demand.{coherence.method}", levels=", ".join(sums)), file=sys.stderr)
    return pd.concat([forecaster.predict(panel, quantiles, mean), made], ignore_index=True)


def notices(panel: Panel) -> list[str]:
    """What was assumed about a table, in sentences for its owner."""
    said = [
        say(
            "demand.read",
            series=len(panel.ids),
            periods=panel.y.shape[1],
            freq=panel.freq,
            origin=date_text(panel.periods[-panel.horizon - 1]),
        )
    ]
    if panel.gaps:
        said.append(say("demand.gaps", count=panel.gaps))
    if panel.returns:
        said.append(say("demand.returns", count=panel.returns))
    truth = panel.truth
    if truth.sold_out or truth.empty:
        said.append(say("demand.sold_out", count=truth.sold_out, units=f"{truth.units_missed:.0f}", empty=truth.empty))
    if panel.stopped:
        said.append(say("demand.stopped", count=panel.stopped))
    if panel.ignored:
        said.append(say("demand.ignored", columns=", ".join(panel.ignored)))
    return said


forecast_command.__name__ = "forecast"

commands = (forecast_command,)
