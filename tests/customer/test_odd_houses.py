"""Houses that are hardly one yet, and members who are hardly any: every step of the room writes rows or none."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pandas as pd

from aislehub.core.tables import Tables
from aislehub.customer.clusters import cluster_figures, customer_clusters, learn_clusters
from aislehub.customer.policy import Policy as ProfilePolicy
from aislehub.customer.profile import customer_profiles
from aislehub.customer.returning import learn_returning
from aislehub.customer.segment_figures import segment_figures
from aislehub.customer.segment_history import segment_history
from aislehub.customer.segments import Policy, customer_segments
from tests.customer.conftest import CONTRACTS, DAY, GOODS, ZONE, add, line

STEPS = (customer_segments, segment_figures, segment_history)
CLUSTERS = (customer_clusters, cluster_figures)


def day_of(folder, **rows):
    """What every step of the room writes at the close of the day, by table."""
    written = (customer_profiles, *STEPS, *CLUSTERS)
    contracts = {c.name: c for c in (*CONTRACTS, *(step.writes for step in written))}
    tables = Tables(None, contracts, ZONE)
    for name, some in {"items": GOODS, "stores": [{"store": "1"}], **rows}.items():
        add(tables, name, some)
    for name in ("returning", "clusters"):
        (folder / name).mkdir()
    learn_returning.run(tables, day=DAY, policy=ProfilePolicy(), folder=folder / "returning")
    found = {}

    def run(step, policy, **more):
        table = step.writes.require(step.run(tables, day=DAY, policy=policy, **more))
        tables.write(step.writes.name, table, DAY)
        found[step.writes.name] = table.to_pandas()

    run(customer_profiles, ProfilePolicy(), model=folder / "returning")
    for step in STEPS:
        run(step, Policy())
    learn_clusters.run(tables, day=DAY, policy=Policy(), folder=folder / "clusters")
    for step in CLUSTERS:
        run(step, Policy(), model=folder / "clusters")
    return found


def test_a_house_without_a_sale(tmp_path):
    """No members: no rows of persons, and figures that say nothing."""
    found = day_of(tmp_path)
    assert all(found[name].empty for name in ("customer_profiles", "customer_segments", "customer_clusters"))
    assert found["segment_figures"]["members"].isna().all() and found["segment_history"].empty


def test_a_house_of_one_day_with_three_members(tmp_path):
    """Three new members, listed as such; no figure tells of three, nothing is learned, compared or clustered."""
    found = day_of(tmp_path, sales_lines=[line(who, 0, item) for who in "abc" for item in ("milk", "rice")])
    profiles = found["customer_profiles"]
    assert profiles["stage"].tolist() == ["new"] * 3 and profiles["spend_365"].tolist() == [15.0] * 3
    assert profiles[["gap_days", "spend_trend", "new_item_share", "churn_probability"]].isna().all(axis=None)
    segments = found["customer_segments"]
    assert segments.loc[segments["leading"], "segment"].tolist() == ["new"] * 3
    assert found["segment_figures"]["members"].isna().all() and found["segment_history"].empty
    assert found["customer_clusters"].empty and found["cluster_figures"]["members"].isna().all()


def test_who_only_brought_back(tmp_path):
    """Returns without a purchase are no visit: not bought yet, money below nothing, no share of anything."""
    back = [line("a", ago, line=str(ago), quantity=-2.0, amount=-20.0) for ago in (3, 40, 200)]
    found = day_of(tmp_path, sales_lines=[*back, *(line(f"m{n}", n, "rice") for n in range(6))])
    one = found["customer_profiles"].set_index("customer").loc["a"]
    assert one["stage"] == "prospect" and one["visits_365"] == 0 and one["spend_365"] == -60.0
    shares = [name for name in one.index if name.endswith("_share") and name != "margin_share"]
    assert one[shares].isna().all() and pd.isna(one["basket_value"])
    told = found["customer_segments"].set_index("customer").loc[["a"]]
    assert told["segment"].tolist() == ["prospect"]


def test_what_lies_ahead_is_not_known(tmp_path):
    """Events, receipts and members dated after the day, even when sent before its close, count for nothing."""
    early = datetime(2024, 6, 1, tzinfo=UTC)
    ahead = datetime(2031, 1, 1, tzinfo=UTC)
    events = [{"event_id": "1", "at": ahead, "kind": "cart", "customer": "a", "known_at": early}]
    lines = [line("a", 5), line("b", -400, known_at=early), line("b", 5, "rice")]
    who = [{"customer": "c", "joined": DAY + timedelta(days=900), "known_at": early}]
    profiles = day_of(tmp_path, sales_lines=lines, events=events, customers=who)["customer_profiles"]
    known = profiles.set_index("customer")
    assert known["carts_30"].fillna(0).tolist() == [0.0] * len(known)
    assert known.loc["b", "spend_365"] == 5.0 and known.loc["b", "last_bought"] == DAY - timedelta(days=5)
    assert known["tenure_days"].dropna().ge(0).all()


def test_money_of_any_size(tmp_path):
    """Lines for nothing and lines beyond reason: figures stay numbers or empty, never infinite."""
    value = {n: 0.0 if n < 3 else 1e12 for n in range(6)}
    rows = [line(f"m{n}", ago, amount=v, price=v, discount=0.0) for n, v in value.items() for ago in (2, 9, 30)]
    profiles = day_of(tmp_path, sales_lines=rows)["customer_profiles"]
    numbers = profiles.select_dtypes("number").to_numpy(float)
    assert not ((numbers == float("inf")) | (numbers == -float("inf"))).any()
    assert profiles["spend_365"].tolist() == [3 * v for v in value.values()]
