"""The benchmark of learning together, on the small chain."""

from datetime import timedelta

from benchmarks.federated import measured
from tests.customer.federated.members import LAST
from tests.customer.federated.test_train import ITEMS


def test_every_contender_is_scored_beside_the_others(chain):
    """Alone, popular, federated and pooled, with and without a promise, ratios with intervals around them, and the real
    protocol's sum equal to the plain one."""
    early, late = LAST - timedelta(days=56), LAST - timedelta(days=28)
    rows = measured(chain, ITEMS, [early], [late], [4], draws=1, seed=0)
    found = {(row["model"], row["metric"]): row for row in rows}
    assert {row["data"] for row in rows} == {"4 franchisees"}
    for contender in ("alone", "popular", "federated", "federated and own", "pooled", "federated, ε = 8"):
        assert 0 < found[contender, "recall@10"]["value"] <= 1
    ratio = found["federated", "recall@10 over alone"]
    alone, together = (found[name, "recall@10"]["value"] for name in ("alone", "federated"))
    assert abs(ratio["value"] - together / alone) < 1e-9
    assert ratio["low"] <= ratio["value"] <= ratio["high"]
    assert found["federated", "largest difference to the plain sum"]["value"] < 1e-9
    assert found["federated", "bytes sent by a party"]["value"] > 8 * 60 * 61 / 2
