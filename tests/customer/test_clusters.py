"""Clusters of a day: shown where they are stable, told of nobody who objected, and silent otherwise."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from aislehub.core.errors import HubError
from aislehub.core.tables import Tables
from aislehub.customer.clusters import (
    CLUSTER_FIGURES,
    CUSTOMER_CLUSTERS,
    LEAST_MEMBERS,
    cluster_figures,
    customer_clusters,
    learn_clusters,
)  # fmt: skip
from aislehub.customer.rules import COLUMNS
from aislehub.customer.segments import Policy
from aislehub.schema import CONSENTS, CUSTOMER_PROFILES
from tests.customer.conftest import DAY, ZONE, add

SAID = datetime(2024, 1, 1, tzinfo=UTC)
COUNTS = [name for name, column in COLUMNS.items() if column.required and column.type == "int"]


def house(members: int = 240, consents=(), **cells):
    """Profiles of members of four kinds: often or seldom, with large or small baskets."""
    rng = np.random.default_rng(0)
    kind = np.arange(members) % 4
    frame = pd.DataFrame({"customer": [f"m{n:04d}" for n in range(members)], "day": DAY, "stage": "active"})
    frame = frame.assign(**dict.fromkeys(COUNTS, 1) | {"visits_365": 40}, spend_28=0.0, spend_365=0.0)
    frame["visits_90"] = np.where(kind % 2, 30, 5) + rng.integers(-2, 3, members)
    frame["basket_value"] = np.where(kind < 2, 12.0, 80.0) + rng.normal(0, 3, members)
    frame["spend_90"] = frame["visits_90"] * frame["basket_value"]
    frame = frame.assign(**{"discount_share": 0.1} | cells)
    tables = Tables(None, {c.name: c for c in (CUSTOMER_PROFILES, CONSENTS)}, ZONE)
    tables.write("customer_profiles", CUSTOMER_PROFILES.require(pa.Table.from_pandas(frame, preserve_index=False)), DAY)
    if consents:
        add(tables, "consents", consents)
    return tables


def clustered(tables, folder, policy=None):
    """Members' clusters and figures as the contracts have them, and the metrics of what was learned."""
    policy = policy or Policy()
    folder.mkdir(exist_ok=True)
    metrics = learn_clusters.run(tables, day=DAY, policy=policy, folder=folder)
    rows = CUSTOMER_CLUSTERS.require(customer_clusters.run(tables, day=DAY, policy=policy, model=folder))
    figures = CLUSTER_FIGURES.require(cluster_figures.run(tables, day=DAY, policy=policy, model=folder))
    return rows.to_pandas(), figures.to_pandas().set_index("cluster"), metrics


def test_a_stable_clustering_is_shown(tmp_path):
    """Four kinds have four clusters of a quarter each, the first spends the most, and each says how it differs."""
    rows, figures, metrics = clustered(house(), tmp_path)
    assert metrics["stability"] > 0.95 and metrics["clusters"] == 4
    assert rows["cluster"].value_counts().to_dict() == {"1": 60, "2": 60, "3": 60, "4": 60}
    assert figures.loc["all", "stability"] == metrics["stability"] and figures.loc["all", "members"] == 240
    assert figures.loc[["1", "2", "3", "4"], "spend_90"].is_monotonic_decreasing
    assert figures.loc[["1", "2", "3", "4"], "spend_share"].sum() == pytest.approx(1)
    first = {(trait["column"], trait["side"]) for trait in json.loads(figures.loc["1", "traits"])}
    assert first == {("visits_90", "high"), ("basket_value", "high")}


def test_an_unstable_one_is_not(tmp_path):
    """Below the setting nobody has a cluster; the figures still say how far it was from stable."""
    rng, shares = np.random.default_rng(3), [name for name in COLUMNS if name.endswith("_share")][:8]
    noise = {name: np.clip(rng.normal(0.5, 0.1, 240), 0, 1) for name in shares}
    rows, figures, metrics = clustered(house(**noise), tmp_path, Policy(cluster_by=list(noise)))
    assert rows.empty and list(figures.index) == ["all"]
    assert figures.loc["all", "stability"] == metrics["stability"] < 0.8


def test_the_gate_is_a_setting(tmp_path):
    """What is stable enough for one house is not for another that asks for more."""
    rows, figures, _metrics = clustered(house(), tmp_path, Policy(cluster_stability=1.0, most_clusters=3))
    assert rows.empty and list(figures.index) == ["all"] and figures.loc["all", "stability"] < 1


@pytest.mark.parametrize("members", [0, 3, LEAST_MEMBERS - 1])
def test_too_few_members_have_no_clusters(tmp_path, members):
    """A house with a handful of members gets a row that says nothing of them, and no error."""
    tables = house(members) if members else house(1, visits_365=0)
    rows, figures, metrics = clustered(tables, tmp_path)
    assert rows.empty and list(figures.index) == ["all"] and "stability" not in metrics
    assert pd.isna(figures.loc["all", "stability"])
    assert pd.isna(figures.loc["all", "members"]) == (members < 5)


def test_members_who_are_all_alike_are_not_parted(tmp_path):
    """Where no figure differs there is nothing to cluster by."""
    same = {"visits_90": 3, "basket_value": 10.0}
    rows, figures, _metrics = clustered(house(**same), tmp_path)
    assert rows.empty and pd.isna(figures.loc["all", "stability"])


def test_who_objects_is_not_listed_and_not_learned_from(tmp_path):
    """A no to personalisation takes the member out of the list, a no to analysis out of what is learned."""
    said = [{"customer": "m0001", "purpose": "personalisation", "granted": False, "at": SAID},
            {"customer": "m0002", "purpose": "analysis", "granted": False, "at": SAID}]  # fmt: skip
    rows, figures, metrics = clustered(house(consents=said), tmp_path)
    assert "m0001" not in set(rows["customer"]) and "m0002" in set(rows["customer"])
    assert metrics["members"] == 239 and figures.loc["all", "members"] == 240


def test_irregular_members_have_no_cluster(tmp_path):
    """Who came fewer times than regular members do is neither learned from nor placed."""
    rows, _figures, metrics = clustered(house(visits_365=[3, *[40] * 239]), tmp_path)
    assert metrics["members"] == len(rows) == 239


@pytest.mark.parametrize("by", [[], ["stage"], ["visits"]])
def test_wrong_figures_are_refused_when_settings_are_read(by):
    """Only numbers of the profile can be clustered by, and at least one."""
    with pytest.raises(HubError) as refused:
        Policy.made_of({"cluster_by": by})
    assert refused.value.code == "settings.invalid"
