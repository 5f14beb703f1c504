"""Clusters: groups that members form by themselves, a second view beside segments, shown only where it is stable.

    profiles of regular members → clustering, weekly → its gate → each member's cluster and what marks it, daily

A segment is a rule that anyone can read; a cluster is what an algorithm made, and made again it may be another. So it
counts only if other draws of members give the same groups (`cluster_fit.py`); otherwise nobody has a cluster, and the
figures say how far it was from stable. Numbers follow spend, 1 = the most, and may move from week to week: rules that
are kept in hub.toml cannot ask for a cluster.

Who objected to analysis is not learned from, who objected to personalisation is not listed and counts in the means.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import ibis
import ibis.expr.types as ir
import numpy as np
import pandas as pd

from aislehub.core.contract import Column, Contract
from aislehub.core.step import learn, step
from aislehub.core.tables import end_of_day
from aislehub.customer.cluster_fit import Clusters, choose, usable
from aislehub.customer.rules import COLUMNS
from aislehub.customer.segment_figures import ALL, MEANS, figures_of, marks
from aislehub.customer.segments import FEWEST, Policy
from aislehub.law.consent import may_use
from aislehub.schema.provenance import SOURCE

__all__ = ["CLUSTER_FIGURES", "CUSTOMER_CLUSTERS", "LEAST_MEMBERS", "cluster_figures", "customer_clusters",
           "learn_clusters"]  # fmt: skip

LEAST_MEMBERS = 100
"""Regular members below which nothing is clustered."""
LEARN_MEMBERS = 2_500
"""Members that are learned from at most, drawn by lot."""
APART = 0.25
"""Mean spreads from the middle, from which a figure is part of what a cluster is called."""
FILE = "clusters.json"

CUSTOMER_CLUSTERS = Contract(
    "customer_clusters",
    "The cluster of one regular member at the close of business day `day`; nobody has one while the clustering is not "
    "stable. Who objected to personalisation by then is not listed",
    (
        Column("customer", "text", "Random key of the member", person=True),
        Column("cluster", "text", "Number of the cluster, 1 = the one that spends the most; another week's number may "
               "stand for others"),
        SOURCE,
    ),
    key="day customer",
    derived=True,
)  # fmt: skip

CLUSTER_FIGURES = Contract(
    "cluster_figures",
    "One cluster at the close of business day `day`; `all` is all regular members, and stands alone while the "
    "clustering is not stable. Below five members all figures are empty",
    (
        Column("cluster", "text", "Number of the cluster, as in `customer_clusters`"),
        Column("members", "int", "Members in it", "members", required=False, low=FEWEST),
        Column("stability", "float", "Of `all`: mean adjusted Rand index of the best clustering with those of other "
               "draws of members, 1 = the same; empty = too few regular members", required=False, high=1),
        Column("clusters", "int", "Of `all`: how many clusters the best clustering has, shown or not", "clusters",
               required=False, low=2),
        Column("traits", "text", "JSON list of the figures clustered by in which they differ from the rest, the most "
               "first: column, side, mean, mean of all", required=False),
        Column("marks", "text", "JSON list of what else sets them apart, as in `segment_figures`", required=False),
        Column("spend_share", "float", "Their share of the regular members' spend of the last 90 days", "fraction",
               required=False),
        *(Column(name, "float", f"Mean of `{name}`, members without one left out", COLUMNS[name].unit, required=False)
          for name in MEANS),
        SOURCE,
    ),
    key="day cluster",
    derived=True,
)  # fmt: skip


@learn(reads="customer_profiles consents", model="clusters", every_days=7)
def learn_clusters(
    customer_profiles: ir.Table, consents: ir.Table, *, day: date, policy: Policy, timezone: str, folder: Path,
    seed: int = 0,
) -> Mapping[str, Any]:  # fmt: skip
    """Learn the most stable clustering; metrics are how stable it and the others tried are."""
    members = _regular(customer_profiles, day, policy)
    members = members[_willing(members, "analysis", consents, day, timezone)]
    members = members.sample(min(len(members), LEARN_MEMBERS), random_state=seed).sort_values("customer")
    by = usable(members, policy.cluster_by)
    if len(members) < LEAST_MEMBERS or not by:
        (folder / FILE).write_text("{}", encoding="utf-8")
        return {"members": len(members)}
    found = choose(members, by, policy.most_clusters, seed)
    clusters = _by_spend(found.clusters, members)
    told = {"stability": round(found.stability, 4), "clusters": len(clusters.centres)}
    (folder / FILE).write_text(json.dumps({**told, **clusters.to_json()}, indent=1), encoding="utf-8")
    return {"members": len(members), **told, **{f"stability_{count}": round(v, 4) for count, v in found.tried.items()}}


@step(reads="customer_profiles consents", writes=CUSTOMER_CLUSTERS, model="clusters")
def customer_clusters(
    customer_profiles: ir.Table, consents: ir.Table, *, day: date, policy: Policy, timezone: str, model: Path
) -> pd.DataFrame:
    """The cluster of every regular member who did not object to being told apart."""
    members, told = _regular(customer_profiles, day, policy), _learned(model)
    members = members[_willing(members, "personalisation", consents, day, timezone)]
    if not _is_stable(told, policy):
        members = members.iloc[:0]
    return members[["customer", "source"]].assign(cluster=_numbers(told, members))


@step(reads="customer_profiles", writes=CLUSTER_FIGURES, model="clusters")
def cluster_figures(customer_profiles: ir.Table, *, day: date, policy: Policy, model: Path) -> pd.DataFrame:
    """A row of all regular members with how stable the clustering is, and a row a cluster if it is stable."""
    members, told = _regular(customer_profiles, day, policy), _learned(model)
    rows = [{"cluster": ALL, **figures_of(members, members), **{k: told.get(k) for k in ("stability", "clusters")}}]
    if _is_stable(told, policy):
        numbers, clusters = _numbers(told, members), Clusters.from_json(told)
        for number in sorted(set(numbers), key=int):
            some = members[numbers == number]
            rows.append(
                {
                    "cluster": number, **figures_of(some, members), "marks": marks(some, members, set(clusters.names)),
                    "traits": _traits(clusters, some, members) if len(some) >= FEWEST else None,
                }
            )  # fmt: skip
    return pd.DataFrame(rows, columns=[c.name for c in CLUSTER_FIGURES.columns if c.name != "day"])


def _regular(customer_profiles: ir.Table, day: date, policy: Policy) -> pd.DataFrame:
    """Profiles of the day of members with enough visits to be told apart."""
    enough = customer_profiles.visits_365 >= policy.least_visits
    return customer_profiles.filter(customer_profiles.day == ibis.literal(day), enough).order_by("customer").to_pandas()


def _willing(members: pd.DataFrame, purpose: str, consents: ir.Table, day: date, timezone: str) -> Any:
    said = consents.select("customer", "purpose", "granted", "at").to_pandas()
    return may_use(members["customer"].tolist(), purpose, said, end_of_day(day, timezone))


def _by_spend(clusters: Clusters, members: pd.DataFrame) -> Clusters:
    """The same clusters, those of the highest mean spend first."""
    spend = members["spend_90"].groupby(clusters.of(members)).mean().reindex(range(len(clusters.centres)))
    order = np.argsort(-spend.fillna(-np.inf).to_numpy(), kind="stable")
    return replace(clusters, centres=clusters.centres[order])


def _learned(model: Path) -> dict[str, Any]:
    """What was learned; empty where members were too few."""
    return dict(json.loads((model / FILE).read_text(encoding="utf-8")))


def _is_stable(told: Mapping[str, Any], policy: Policy) -> bool:
    return bool(told) and told["stability"] >= policy.cluster_stability


def _numbers(told: Mapping[str, Any], members: pd.DataFrame) -> Any:
    """Numbers of clusters as text, (n,)."""
    if members.empty:
        return np.empty(0, dtype=object)
    return (Clusters.from_json(told).of(members) + 1).astype(str).astype(object)


def _traits(clusters: Clusters, some: pd.DataFrame, everyone: pd.DataFrame) -> str:
    """The figures clustered by in which members are far from the middle, as JSON, the most telling first."""
    away = dict(zip(clusters.names, clusters.places(some).mean(axis=0), strict=True))
    told = [
        {"column": name, "side": "high" if place > 0 else "low", "mean": round(float(some[name].mean()), 4),
         "all": round(float(everyone[name].mean()), 4)}
        for name, place in sorted(away.items(), key=lambda pair: -abs(pair[1])) if abs(place) >= APART
    ]  # fmt: skip
    return json.dumps(told)
