"""The recommender: what it knows, whom it serves, and that it is the same after it was stored."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from aislehub.core.errors import HubError
from aislehub.customer.recommend.baskets import EPOCH, Baskets
from aislehub.customer.recommend.features import FAMILIES, FEATURES
from aislehub.customer.recommend.knowledge import Catalogue, Knowledge
from aislehub.customer.recommend.offers import offers_of
from aislehub.customer.recommend.ranker import Ranker, Shape
from aislehub.customer.recommend.recommender import Recommender

LAST = date(2024, 6, 30)
DAY = (LAST - EPOCH).days + 1


def history(customers: int = 30, items: int = 40, days: int = 120, seed: int = 0) -> pa.Table:
    """Customers who come back for a few items of their own every few days; item 0 is everybody's."""
    random = np.random.default_rng(seed)
    rows = []
    for number in range(customers):
        own = random.choice(np.arange(1, items), 5, replace=False)
        for day in range(DAY - days + int(random.integers(5)), DAY, int(random.integers(3, 7))):
            for item in {0, *own[random.random(5) < 0.5].tolist()}:
                rows.append((f"c{number:02}", f"i{item:02}", f"s{number % 3}", day))
    customer, item, store, day = zip(*rows, strict=True)
    days_ = pa.array(day, pa.int32()).cast(pa.date32())
    return pa.table({"customer": customer, "item": item, "store": store, "day": days_, "amount": [2.0] * len(rows)})


def catalogue(baskets: Baskets) -> Catalogue:
    """Items of seven kinds."""
    kinds = [f"kind {int(name[1:]) % 7}" for name in baskets.items]
    return Catalogue.of(pd.DataFrame({"item": baskets.items, "category": kinds}), baskets.items)


def learned(lines: pa.Table | None = None) -> tuple[Recommender, Baskets]:
    """A recommender that has its base only."""
    baskets = Baskets.of(history() if lines is None else lines)
    known = Knowledge.of(baskets, DAY, head=20, ridge=5.0)
    return Recommender(baskets.stores, catalogue(baskets), known), baskets


def with_ranker(recommender: Recommender, baskets: Baskets) -> Recommender:
    """A ranker learned from what the base thinks, for it has to be something."""
    ranked = recommender.rank(baskets, np.arange(len(baskets.customers)))
    target = ranked.score > np.quantile(ranked.score, 0.8)
    shape = Shape(trees=8, leaves=7, least=5, models=2)
    return replace(recommender, ranker=Ranker.fit(ranked.features, target, np.ones(len(target)), shape))


def test_every_feature_belongs_to_one_family() -> None:
    """Contributions of families add up to the whole only if no feature is in two."""
    assert len(set(FEATURES)) == len(FEATURES) == sum(len(names) for names in FAMILIES.values())


def test_what_goes_with_lately_bought_items_counts_more() -> None:
    """Of two items, each bought by those who buy a certain other, the one whose companion was bought later is liked
    more."""
    ale, chips, tea, rusk = "i1", "i2", "i3", "i4"
    rows = [(f"m{n}", item, 50) for n in range(40) for item in ((tea, rusk) if n % 2 else (ale, chips))]
    rows += [("me", ale, ago) for ago in range(40, 60)] + [("me", tea, ago) for ago in range(1, 21)]
    customer, item, ago = zip(*rows, strict=True)
    days = pa.array([DAY - days for days in ago], pa.int32()).cast(pa.date32())
    recommender, baskets = learned(pa.table({"customer": customer, "item": item, "day": days}))
    ranked = recommender.rank(baskets, np.flatnonzero(baskets.customers == "me"))
    ease = ranked.features[:, FEATURES.index("ease")]
    liked = dict(zip(baskets.items[ranked.item], ease, strict=True))
    assert liked[rusk] > liked[chips] > 0


def test_what_happens_later_changes_nothing() -> None:
    """Purchases on the day asked about and after it leave candidates, features and scores as they were."""
    past = history()
    later = past.set_column(3, "day", pa.array(np.full(len(past), DAY + 3, np.int32)).cast(pa.date32()))
    baskets, more = Baskets.of(past), Baskets.of(pa.concat_tables([past, later]))
    ranked = []
    for all_ in (baskets, more):
        recommender = Recommender(all_.stores, catalogue(all_), Knowledge.of(all_, DAY, head=20, ridge=5.0))
        ranked.append(recommender.rank(all_.before(DAY), np.arange(len(all_.customers))))
    assert np.array_equal(ranked[0].item, ranked[1].item)
    assert np.array_equal(ranked[0].features, ranked[1].features, equal_nan=True)


def test_one_customer_alone_is_ranked_as_among_all() -> None:
    """The answer to one customer uses the code of the nightly run and gives the same scores."""
    recommender, baskets = learned()
    recommender = with_ranker(recommender, baskets)
    everyone = recommender.rank(baskets, np.arange(len(baskets.customers)))
    mine = history().filter(pc.equal(history()["customer"], "c07"))
    alone = recommender.rank(recommender.baskets(mine), np.array([0]))
    of_seven = everyone.customer == 7
    assert np.array_equal(alone.item, everyone.item[of_seven])
    assert alone.score == pytest.approx(everyone.score[of_seven], abs=1e-6)


def test_a_purchase_just_made_changes_the_next_answer() -> None:
    """What was bought today is in the candidates, and its chance moves."""
    recommender, baskets = learned()
    before = recommender.rank(baskets, np.array([0]))
    new = next(name for name in baskets.items if name not in baskets.items[baskets.item[baskets.customer == 0]])
    row = pa.table({"customer": ["c00"], "item": [new], "store": ["s0"], "amount": [2.0],
                    "day": pa.array([LAST], pa.date32())})  # fmt: skip
    lines = pa.concat_tables([history(), row.select(history().column_names)])
    after = recommender.rank(recommender.baskets(lines), np.array([0]), day=DAY + 1)
    code = list(baskets.items).index(new)
    assert not before.bought[before.item == code].any()
    assert after.bought[after.item == code].all() and (after.item == code).any()


def test_a_stranger_gets_what_sells_in_the_store() -> None:
    """Without any purchase the candidates are those of the store, scored by its shares; item 0 leads."""
    recommender, baskets = learned()
    stranger = Baskets.of(history().slice(0, 0), customers=["new"], items=baskets.items, stores=baskets.stores)
    ranked = recommender.rank(stranger, np.array([0]), store=np.array([1]))
    assert baskets.items[ranked.item[ranked.best(1)]].tolist() == ["i00"]
    assert not ranked.bought.any()
    items, share = recommender.popular(1, 3)
    assert baskets.items[items[0]] == "i00" and share[0] == share.max()


def test_contributions_add_up_to_the_score() -> None:
    """Families and base sum to the log odds of the ranker's score, and to the base's score itself."""
    recommender, baskets = learned()
    ranked = recommender.rank(baskets, np.array([0, 1]))
    best = ranked.best(5)
    assert sum(recommender.contributions(ranked, best).values()) == pytest.approx(ranked.score[best])
    trees = with_ranker(recommender, baskets)
    ranked = trees.rank(baskets, np.array([0, 1]))
    best = ranked.best(5)
    odds = ranked.score[best] / (1 - ranked.score[best])
    assert sum(trees.contributions(ranked, best).values()) == pytest.approx(np.log(odds))


def test_an_offer_is_seen_in_its_store_while_it_holds() -> None:
    """A promotion counts from its first to its last day, in its store, once it has been announced."""
    _, baskets = learned()
    row = {"store": ["s1"], "item": ["i03"], "starts": [LAST], "ends": [LAST], "display": ["front"], "mailer": [None],
           "discount": [0.2], "known_at": [pd.Timestamp("2024-06-20", tz="UTC")]}  # fmt: skip
    table = pa.table({name: pa.array(values) for name, values in row.items()})
    offers = offers_of(table.set_column(7, "known_at", table["known_at"].cast(pa.timestamp("us", "UTC"))), baskets)
    store, item = np.array([1, 0, 1]), np.array([3, 3, 4])
    assert (offers.at(store, item, DAY - 1) >= 0).tolist() == [True, False, False]
    assert (offers.at(store, item, DAY) >= 0).tolist() == [False, False, False]
    announced = (date(2024, 6, 20) - EPOCH).days
    assert len(offers.known_before(announced).place) == 0 and len(offers.known_before(announced + 1).place) == 1
    assert (offers.display[0], offers.mailer[0]) == (1.0, 0.0)


def test_a_stored_recommender_is_the_same(tmp_path: Path) -> None:
    """Saved and loaded, with ranker or without, it scores every candidate alike."""
    recommender, baskets = learned()
    for number, one in enumerate((recommender, with_ranker(recommender, baskets))):
        folder = tmp_path / str(number)
        folder.mkdir()
        one.save(folder, baskets)
        again = Recommender.load(folder)
        who = np.arange(len(baskets.customers))
        assert np.array_equal(again.rank(baskets, who).score, one.rank(baskets, who).score)


def test_forgetting_a_customer_leaves_no_trace_in_what_goes_together() -> None:
    """EASE after `without` is that of a house which never knew them."""
    recommender, baskets = learned()
    items = recommender.known.ease.items
    row = baskets.matrix(items=items)[4].toarray().ravel()
    others = baskets.of_customers(np.arange(len(baskets.customers)) != 4)
    refitted = recommender.known.ease.fit(others.matrix(items=items), items, 5.0)
    assert np.abs(recommender.without(row).known.ease.inverse - refitted.inverse).max() <= 1e-8


def test_files_of_another_version_are_named_and_not_guessed_at(tmp_path: Path) -> None:
    """What another version wrote is refused with the day it was learned on."""
    recommender, _ = learned()
    recommender.save(tmp_path)
    about = json.loads((tmp_path / "about.json").read_text(encoding="utf-8"))
    del about["format"]
    (tmp_path / "about.json").write_text(json.dumps(about), encoding="utf-8")
    with pytest.raises(HubError) as refused:
        Recommender.load(tmp_path)
    assert (refused.value.code, refused.value.facts) == ("recommend.other_version", {"day": LAST.isoformat()})
