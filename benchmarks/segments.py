"""Segments and chances of a purchase on real households: are they stable, and do they foretell the next quarter?

At several days of Complete Journey every household is profiled by what was known at the close of that day, and the 91
days after it are counted on the receipts. Three ways to group households are compared on the same profiles: the leading
segment (`aislehub`), k-means on the standardised profile with as many clusters as there are leading segments, and
fifths of the past discount. The house's clusters (few figures, their number chosen by stability) stand beside k-means
on all figures with as many clusters, among regular households only.

Stability is the adjusted Rand index between a grouping and one made again, on the same households: from another draw of
households (thresholds and centres move) or from another draw of each household's own receipts (the profiles move too).
Power is the R² of the group's mean, each household left out of the mean that foretells it, so that many groups gain
nothing by being many. The chances that the hub learned by each day stand beside the rule "as those whose last purchase
was as long ago". Intervals are 90 % ones of a bootstrap over households, each with all its days.
"""

from __future__ import annotations

import resource
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import ibis
import ibis.expr.types as ir
import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.cluster import KMeans
from sklearn.metrics import adjusted_rand_score

from aislehub.core.tables import Tables
from aislehub.customer import policy as profile_policy
from aislehub.customer.cluster_fit import choose, fit
from aislehub.customer.held import held
from aislehub.customer.profile import FACTS, profiles
from aislehub.customer.returning import HORIZONS, features, fit_recency, learn_returning, past_days, predict
from aislehub.customer.rhythm import rhythm, shopping_days, sold_lines
from aislehub.customer.rules import COLUMNS
from aislehub.customer.segment_history import came_of
from aislehub.customer.segments import Policy, belonging, limits_of, rules_of
from aislehub.data.sources.complete_journey import TIMEZONE, CompleteJourney
from aislehub.schema import CONSENTS, CUSTOMERS, EVENTS, ITEMS, PROMOTIONS, SALES_LINES, STORES

__all__ = ["run"]

Row = dict[str, Any]
FloatArray = NDArray[np.float64]
Grouping = Callable[[pd.DataFrame, pd.DataFrame, int], NDArray[Any]]
DAYS = (date(2017, 6, 30), date(2017, 7, 31), date(2017, 8, 31), date(2017, 9, 30))
QUARTER = timedelta(days=91)
OUTCOMES = ("discount_since", "spend_since", "stayed_away")
OUTSIDE = "none"
FIFTHS = 5
LOW, HIGH = 0.05, 0.95
CONTRACTS = (SALES_LINES, ITEMS, CUSTOMERS, STORES, PROMOTIONS, EVENTS, CONSENTS)
RULES = rules_of(Policy())


@dataclass(frozen=True)
class Then:
    """Households at the close of a day, and what came after.

    Attributes:
        day: that day.
        members: profiles of all who had bought by then, with `OUTCOMES` of the quarter since (n rows).
        bought: days → who bought within them, 0 or 1, (n,).
        chance: contender → days → chance of that, (n,).
        seconds: contender → CPU-seconds of learning.
    """

    day: date
    members: pd.DataFrame
    bought: dict[int, FloatArray]
    chance: dict[str, dict[int, FloatArray]]
    seconds: dict[str, float]


def run(data: Path | None = None, *, quick: bool = False, seed: int = 0) -> list[Row]:
    """Rows of every grouping and of the chances, means over the days.

    Args:
        data: folder of Complete Journey's files; None = where the package is installed.
        quick: two days, fewer draws.
    """
    rng = np.random.default_rng(seed)
    days, draws, again, weights = (DAYS[1::2], 4, 1, 200) if quick else (DAYS, 20, 4, 1000)
    tables = _tables(data)
    thens = [_then(tables, day) for day in days]
    resampled = [[_resampled(tables, day, rng) for _number in range(again)] for day in days]
    keys = sorted(set().union(*(then.members["customer"] for then in thens)))
    drawn = pd.DataFrame(rng.poisson(1.0, (weights, len(keys))).T.astype(float), index=keys)
    rows = _groups(thens, resampled, drawn, draws, rng) + _clusterings(thens, resampled, drawn, draws, rng)
    rows += _fifths(thens, drawn) + _chances(thens, drawn)
    peak = round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
    return [
        {"bench": "segments", "data": f"complete_journey, {len(days)} days", **row, "peak_mb": peak} for row in rows
    ]


# What was known, and what came


def _tables(data: Path | None) -> Tables:
    """Stores, items, households and lines. Leaflets are left out: no segment asks for them, and they are many."""
    tables = Tables(None, {contract.name: contract for contract in CONTRACTS}, TIMEZONE)
    for name, rows in CompleteJourney(folder=data).rows():
        if name in tables.contracts:
            tables.append(name, tables.contract(name).check(rows).good)
        if name == "sales_lines":
            break
    return tables


def _then(tables: Tables, day: date) -> Then:
    policy = profile_policy.Policy()
    spans = (*HORIZONS, policy.churn_days)
    before = time.process_time()
    with tempfile.TemporaryDirectory() as folder:
        learn_returning.run(tables, day=day, policy=policy, folder=Path(folder))
        learned = time.process_time() - before
        made = profiles(_facts(tables, day), day, policy, TIMEZONE, Path(folder))
    members = made[made["first_bought"].notna()].sort_values("customer", ignore_index=True)
    ours = {days: members[f"next_purchase_{days}"].to_numpy(float) for days in HORIZONS}
    ours[policy.churn_days] = 1 - members["churn_probability"].to_numpy(float)
    before = time.process_time()
    plain = _recency(tables, day, members, spans)
    seconds = {"aislehub": learned, "recency": time.process_time() - before}
    lines, items = tables.read("sales_lines"), tables.read("items")
    after = shopping_days(sold_lines(lines, items, day + QUARTER)).to_pandas()
    at = pd.to_datetime(after["day"])
    bought = {}
    for span in spans:
        came = (at > pd.Timestamp(day)) & (at <= pd.Timestamp(day + timedelta(days=span)))
        bought[span] = members["customer"].isin(after.loc[came, "customer"]).to_numpy(float)
    since = came_of(lines, items, day, day + QUARTER)
    both = members.merge(since, on="customer", how="left")
    both = both.assign(spend_since=both["spend_since"].fillna(0), stayed_away=both["bought_since"].isna().astype(float))
    return Then(day, both, bought, {"aislehub": ours, "recency": plain}, seconds)


def _recency(tables: Tables, day: date, members: pd.DataFrame, spans: Sequence[int]) -> dict[int, FloatArray]:
    """Chances of the plain rule, from the same earlier days as the hub's."""
    with held(shopping_days(sold_lines(tables.read("sales_lines", as_of=day), tables.read("items"), day))) as days:
        past = past_days(days, day)
        known = rhythm(days, day).to_pandas().set_index("customer").loc[members["customer"]]
    seen = features(known.assign(**{name: pd.to_datetime(known[name]) for name in ("first_bought", "last_bought")}))
    told = {span: [one for one in past if one.then + timedelta(days=span) <= day] for span in spans}
    return {span: predict(fit_recency(some, span), seen) for span, some in told.items()}


def _resampled(tables: Tables, day: date, rng: np.random.Generator) -> pd.DataFrame:
    """Profiles from as many receipts of each household, drawn from its own with replacement."""
    facts = _facts(tables, day)
    lines: ir.Table = facts[0]
    owned = lines.filter(lines.customer.notnull()).select("customer", "receipt").distinct()
    receipts = owned.order_by("customer", "receipt").to_pandas()
    sizes = receipts.groupby("customer", sort=False).size().to_numpy()
    first = np.repeat(np.cumsum(sizes) - sizes, sizes)
    chosen = first + (rng.random(len(receipts)) * np.repeat(sizes, sizes)).astype(int)
    copies = pd.DataFrame(
        {"receipt": receipts["receipt"].to_numpy()[chosen], "copy": np.arange(len(chosen)).astype(str)}
    )
    joined = lines.inner_join(ibis.memtable(copies), "receipt")
    with held(joined.mutate(receipt=joined.receipt + "-" + joined.copy).drop("copy")) as again:
        made = profiles([again, *facts[1:]], day, profile_policy.Policy(), TIMEZONE)
    return made[made["first_bought"].notna()].sort_values("customer", ignore_index=True)


def _facts(tables: Tables, day: date) -> list[ir.Table]:
    return [tables.read(name, as_of=day) for name in FACTS.split()]


# Ways to group households: learned from `some`, told of `members`, (n,)


def _leading(some: pd.DataFrame, members: pd.DataFrame, _seed: int) -> NDArray[Any]:
    found = belonging(members, RULES, limits_of(some, Policy()))
    leads = found[found["leading"]].set_index("customer")["segment"]
    return leads.reindex(members["customer"]).fillna(OUTSIDE).to_numpy(str)


def _clusters(count: int) -> Grouping:
    """k-means; an empty cell counts as the middle one, and nothing counts as more than three deviations."""

    def group(some: pd.DataFrame, members: pd.DataFrame, seed: int) -> NDArray[Any]:
        names = [n for n, c in COLUMNS.items() if c.type in ("int", "float") and some[n].std() > 0
                 and n not in ("next_purchase_7", "next_purchase_28", "churn_probability")]  # fmt: skip
        table = some[names].astype(float)
        middle, mean, spread = table.median(), table.mean(), table.std()

        def standard(rows: pd.DataFrame) -> FloatArray:
            return ((rows[names].astype(float).fillna(middle) - mean) / spread).clip(-3, 3).to_numpy()

        model = KMeans(count, n_init=5, random_state=seed).fit(standard(some))
        return np.asarray(model.predict(standard(members)))

    return group


def _stable_clusters(count: int) -> Grouping:
    """The house's clustering, its number of clusters given."""

    def group(some: pd.DataFrame, members: pd.DataFrame, seed: int) -> NDArray[Any]:
        return np.asarray(fit(some, Policy().cluster_by, count, seed).of(members))

    return group


def _discount_fifths(some: pd.DataFrame, members: pd.DataFrame, _seed: int) -> NDArray[Any]:
    edges = np.quantile(some["discount_share"].dropna(), np.arange(1, FIFTHS) / FIFTHS)
    return np.digitize(members["discount_share"].fillna(0).to_numpy(float), edges)


# What is measured


def _groups(
    thens: Sequence[Then], resampled: Sequence[Sequence[pd.DataFrame]], drawn: pd.DataFrame, draws: int,
    rng: np.random.Generator,
) -> list[Row]:  # fmt: skip
    """Stability and power of each grouping, and how far the leading segments are ahead of the others."""
    count = round(np.mean([len(set(_leading(then.members, then.members, 0))) for then in thens]))
    contenders = {"aislehub": _leading, f"k-means, {count}": _clusters(count), "discount fifths": _discount_fifths}
    rows, power = _judged(contenders, thens, resampled, drawn, draws, rng)
    for model in list(contenders)[1:]:
        for outcome in OUTCOMES:
            (ours, mine), (theirs, others) = power["aislehub"][outcome], power[model][outcome]
            rows.append(_row("aislehub", f"R² of {outcome} over {model}", ours - theirs, mine - others, 0.0))
    return rows


def _clusterings(
    thens: Sequence[Then], resampled: Sequence[Sequence[pd.DataFrame]], drawn: pd.DataFrame, draws: int,
    rng: np.random.Generator,
) -> list[Row]:  # fmt: skip
    """The house's clusters as its gate sees them at each day, and beside them k-means on all figures."""
    policy, rows, counts = Policy(), [], []
    some = [replace(then, members=_regular(then.members)) for then in thens]
    for then in some:
        before = time.process_time()
        found = choose(then.members, policy.cluster_by, policy.most_clusters, 0)
        cpu = time.process_time() - before
        counts.append(len(found.clusters.centres))
        rows.append(_row("clusters", f"what the gate sees, {then.day}", found.stability, None, cpu))
        rows.append(_row("clusters", f"number, {then.day}", counts[-1], None, cpu))
    count = round(float(np.median(counts)))
    again = [
        [other[other["customer"].isin(then.members["customer"])].reset_index(drop=True) for other in others]
        for then, others in zip(some, resampled, strict=True)
    ]
    contenders = {"clusters": _stable_clusters(count), f"k-means on all figures, {count}": _clusters(count)}
    return rows + _judged(contenders, some, again, drawn, draws, rng)[0]


def _regular(members: pd.DataFrame) -> pd.DataFrame:
    return members[members["visits_365"] >= Policy().least_visits].reset_index(drop=True)


def _judged(
    contenders: Mapping[str, Grouping], thens: Sequence[Then], resampled: Sequence[Sequence[pd.DataFrame]],
    drawn: pd.DataFrame, draws: int, rng: np.random.Generator,
) -> tuple[list[Row], dict[str, dict[str, tuple[float, FloatArray]]]]:  # fmt: skip
    """Size, stability and power of each way to group."""
    rows: list[Row] = []
    power: dict[str, dict[str, tuple[float, FloatArray]]] = {}
    for model, group in contenders.items():
        before = time.process_time()
        groups = [group(then.members, then.members, 0) for then in thens]
        cpu = (time.process_time() - before) / len(thens)
        rows.append(_row(model, "groups", np.mean([len(set(labels)) for labels in groups]), None, cpu))
        by_members, by_receipts = [], []
        for then, labels, others in zip(thens, groups, resampled, strict=True):
            known = pd.Series(labels, then.members["customer"])
            for number in range(draws):
                some = then.members.iloc[rng.integers(len(labels), size=len(labels))].reset_index(drop=True)
                by_members.append(adjusted_rand_score(labels, group(some, then.members, number + 1)))
            for number, other in enumerate(others):
                moved = group(other, other, number + 1)
                by_receipts.append(adjusted_rand_score(known[other["customer"]], moved))
        rows.append(_row(model, "ARI, households drawn again", np.mean(by_members), np.array(by_members), cpu))
        rows.append(_row(model, "ARI, receipts drawn again", np.mean(by_receipts), np.array(by_receipts), cpu))
        power[model] = {outcome: _power(thens, groups, outcome, drawn) for outcome in OUTCOMES}
        rows += [_row(model, f"R² of {outcome}", *told, cpu) for outcome, told in power[model].items()]
    return rows, power


def _power(
    thens: Sequence[Then], groups: Sequence[NDArray[Any]], outcome: str, drawn: pd.DataFrame
) -> tuple[float, FloatArray]:
    """R² of the mean of the others in a household's group, mean over the days, and draws of it."""
    values, again = [], []
    for then, labels in zip(thens, groups, strict=True):
        known = then.members[outcome].notna().to_numpy()
        y = then.members.loc[known, outcome].reset_index(drop=True)
        missed = (y - _mean_of_others(y, labels[known])) ** 2
        plain = (y - _mean_of_others(y, np.zeros(len(y)))) ** 2
        weights = drawn.loc[then.members.loc[known, "customer"]].to_numpy().T
        values.append(1 - missed.sum() / plain.sum())
        again.append(1 - (weights @ missed) / (weights @ plain))
    return float(np.mean(values)), np.mean(again, axis=0)


def _mean_of_others(y: pd.Series, labels: NDArray[Any]) -> pd.Series:
    """Of the same group; of everyone where there is no other."""
    told = y.groupby(labels)
    count = told.transform("count")
    return ((told.transform("sum") - y) / (count - 1).where(count > 1)).fillna(y.mean())


def _fifths(thens: Sequence[Then], drawn: pd.DataFrame) -> list[Row]:
    """Share of discount then and in the quarter since, by fifths of it then, of regular households."""
    rows = []
    parts = []
    for then in thens:
        some = then.members[then.members["visits_365"] >= Policy().least_visits].dropna(subset=["discount_share"])
        fifth = pd.qcut(some["discount_share"].rank(method="first"), FIFTHS, labels=False) + 1
        parts.append(some.assign(fifth=fifth))
    every = pd.concat(parts, ignore_index=True)
    for column, name in (("discount_share", "discount then"), ("discount_since", "discount since"),
                         ("stayed_away", "stayed away")):  # fmt: skip
        for number, some in every.dropna(subset=[column]).groupby("fifth"):
            weights = drawn.loc[some["customer"]].to_numpy().T
            value = some[column].to_numpy(float)
            again = (weights @ value) / weights.sum(axis=1)
            rows.append(_row(f"discount fifth {number}", name, value.mean(), again, 0.0))
    return rows


def _chances(thens: Sequence[Then], drawn: pd.DataFrame) -> list[Row]:
    """Log loss and calibration of each span, and how far the hub is below the rule."""
    rows, losses = [], {}
    for span in thens[0].bought:
        about = f"purchase within {span} days"
        for model in ("aislehub", "recency"):
            values, again, gaps = [], [], []
            for then in thens:
                chance, bought = then.chance[model][span], then.bought[span]
                safe = np.clip(chance, 1e-6, 1 - 1e-6)
                loss = -(bought * np.log(safe) + (1 - bought) * np.log(1 - safe))
                weights = drawn.loc[then.members["customer"]].to_numpy().T
                values.append(loss.mean())
                again.append((weights @ loss) / weights.sum(axis=1))
                gaps.append(_calibration_gap(chance, bought))
            cpu = float(np.mean([then.seconds[model] for then in thens]))
            losses[model] = float(np.mean(values)), np.mean(again, axis=0)
            rows.append(_row(model, f"log loss, {about}", *losses[model], cpu))
            rows.append(_row(model, f"calibration gap, {about}", np.mean(gaps), None, cpu))
        (ours, mine), (theirs, others) = losses["aislehub"], losses["recency"]
        rows.append(_row("aislehub", f"log loss over recency, {about}", ours - theirs, mine - others, 0.0))
    return rows


def _calibration_gap(chance: FloatArray, bought: FloatArray) -> float:
    """Mean distance of chance and share in tenths of households by chance."""
    tenths = np.array_split(np.argsort(chance, kind="stable"), 10)
    return float(np.mean([abs(chance[some].mean() - bought[some].mean()) for some in tenths]))


def _row(model: str, metric: str, value: float, draws: FloatArray | None, cpu: float) -> Row:
    low, high = (None, None) if draws is None else (float(q) for q in np.quantile(draws, [LOW, HIGH]))
    return {"model": model, "metric": metric, "value": float(value), "low": low, "high": high, "cpu_s": round(cpu, 3)}
