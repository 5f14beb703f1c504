"""Scorers: each says what its paper says."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from scipy import sparse

from aislehub.customer.recommend.backoff import BackOff
from aislehub.customer.recommend.baskets import EPOCH, Baskets
from aislehub.customer.recommend.content import Content
from aislehub.customer.recommend.ease import Ease, head_items
from aislehub.customer.recommend.frequency import purchase_weights
from aislehub.customer.recommend.tifu import Tifu, nearest_mean, visit_weights

DAY = (date(2024, 3, 1) - EPOCH).days


def bought(*rows: tuple[str, str, int], store: str = "s") -> Baskets:
    """Purchases of (customer, item, days ago)."""
    customer, item, ago = zip(*rows, strict=True)
    days = [date(2024, 3, 1) - timedelta(days=count) for count in ago]
    return Baskets.of(pa.table({"customer": customer, "item": item, "day": pa.array(days, pa.date32()),
                                "store": [store] * len(rows)}))  # fmt: skip


def shares(seed: int, rows: int = 60, columns: int = 12) -> sparse.csr_matrix:
    """Random holdings."""
    return sparse.csr_matrix((np.random.default_rng(seed).random((rows, columns)) < 0.3).astype(float))


def test_a_purchase_counts_half_after_its_half_life() -> None:
    """Yesterday's purchase counts 1, one of `half_life` days before that a half."""
    assert purchase_weights(bought(("a", "x", 1), ("a", "y", 31)), DAY, 30.0).tolist() == [1.0, 0.5]


def test_tifu_decays_within_and_across_groups() -> None:
    """With groups of 2 the third visit back is in the second group: weights 1, w, a, normed to a sum of 1."""
    weights = visit_weights(bought(("a", "x", 3), ("a", "x", 2), ("a", "x", 1)), Tifu(group=2, within=0.5, across=0.4))
    assert weights == pytest.approx(np.array([0.4, 0.5, 1.0]) / 1.9)


def test_neighbours_are_the_nearest_others() -> None:
    """The mean is over the k nearest customers in Euclidean distance, never oneself."""
    own = sparse.csr_matrix(np.array([[1.0, 0], [0.9, 0.1], [0, 1.0], [0.1, 0.9]]))
    means = nearest_mean(own, np.arange(4), Tifu(neighbours=1))
    assert means == pytest.approx(np.array([[0.9, 0.1], [1.0, 0], [0.1, 0.9], [0, 1.0]]))


def test_ease_is_steck_s_closed_form() -> None:
    """Scores are X B with B = I − P diag(1/diag P), whose diagonal is 0."""
    rows = shares(0)
    model = Ease.fit(rows, np.arange(12), 5.0)
    inverse = np.linalg.inv((rows.T @ rows).toarray() + 5.0 * np.eye(12))
    weights = np.eye(12) - inverse / np.diag(inverse)
    assert np.abs(np.diag(weights)).max() < 1e-12
    assert model.scores(rows) == pytest.approx(rows.toarray() @ weights)


def test_a_forgotten_customer_was_never_there() -> None:
    """The down-dated model differs from one fitted without the customer by at most 1e-8."""
    rows = shares(1, rows=300, columns=80)
    forgotten = Ease.fit(rows, np.arange(80), 10.0).without(rows[7].toarray().ravel())
    refitted = Ease.fit(rows[np.arange(300) != 7], np.arange(80), 10.0)
    assert np.abs(forgotten.inverse - refitted.inverse).max() <= 1e-8
    assert np.abs(forgotten.scores(rows) - refitted.scores(rows)).max() <= 1e-8


def test_the_head_is_what_most_hold() -> None:
    """The items of most rows, none that fewer than `least` hold."""
    rows = sparse.csr_matrix(np.array([[1, 0, 1, 0], [1, 0, 1, 1], [1, 1, 0, 1]]))
    assert head_items(rows, 2, least=2).tolist() == [0, 2]
    assert head_items(rows, 9, least=3).tolist() == [0]


def test_an_item_that_nobody_bought_is_liked_for_what_it_is() -> None:
    """Who buys tea likes a new tea of the same brand more than soap; an item without attributes has no score."""
    items = pd.DataFrame({"item": ["t1", "t2", "soap", "?"], "category": ["tea", "tea", "care", None],
                          "brand": ["b", "b", "c", None]})  # fmt: skip
    content = Content.of(items)
    likes = content.profiles(sparse.csr_matrix(np.array([[4.0, 0, 0, 0]]))) @ content.vectors.T
    new_tea, soap, unknown = likes.toarray()[0, 1:]
    assert new_tea > soap == unknown == 0.0
    assert content.similar(0, 3).tolist() == [1]


def test_what_is_not_known_of_a_store_is_taken_from_the_chain() -> None:
    """A store's share lies between its own and the chain's, nearer to its own the more visits it has seen; a segment's
    between its own and the store's; an unknown store gets the chain's."""
    busy = [("a", "tea", ago) for ago in range(1, 41)]
    quiet = bought(*[("b", "milk", ago) for ago in range(1, 3)])
    table = [bought(*busy), quiet]
    rows = [pa.table({"customer": b.customers[b.customer], "item": b.items[b.item], "store": [name] * len(b.item),
                      "day": pa.array(b.visit_day[b.visit].astype(np.int32), pa.int32()).cast(pa.date32())})
            for b, name in zip(table, ("big", "small"), strict=True)]  # fmt: skip
    both = Baskets.of(pa.concat_tables(rows))
    fitted = BackOff.fit(both, DAY, strength=10.0, segment=np.array([0, 1]))
    milk, tea = 0, 1
    chain = fitted.scores(-1, np.array([milk, tea]))
    assert chain == pytest.approx([2 / 42, 40 / 42])
    small = fitted.scores(1, np.array([milk, tea]))
    assert small == pytest.approx([(2 + 10 * 2 / 42) / 12, 10 * 40 / 42 / 12])
    assert fitted.scores(1, np.array([milk]), segment=1)[0] == pytest.approx((2 + 10 * small[0]) / 12)
    assert fitted.scores(1, np.array([milk]), segment=0)[0] == pytest.approx(small[0])
    assert fitted.best(0, 1).tolist() == [tea]
