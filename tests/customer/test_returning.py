"""Chances of a purchase: learned from earlier days, calibrated, better than how long ago the last one was."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import numpy as np
import pandas as pd
import pytest

from aislehub.customer.policy import Policy
from aislehub.customer.profile import profiles
from aislehub.customer.returning import (
    FEATURES,
    fit,
    fit_recency,
    learn_returning,
    log_loss,
    past_days,
    predict,
)
from aislehub.customer.rhythm import rhythm, shopping_days, sold_lines
from tests.customer.conftest import DAY, ZONE, add, facts, house, line, regulars

POLICY = Policy()
THEN = DAY - timedelta(days=56)


def days_of(tables, day=DAY):
    """Shopping days known at a day."""
    return shopping_days(sold_lines(tables.read("sales_lines", as_of=day), tables.read("items"), day))


@pytest.fixture(scope="module")
def learned(busy, tmp_path_factory):
    """What is learned eight weeks before the day."""
    folder = tmp_path_factory.mktemp("returning")
    metrics = learn_returning.run(busy, day=THEN, policy=POLICY, folder=folder)
    return folder, metrics


def test_the_past_is_seen_as_it_was(busy):
    """An example of an earlier day is what that day's rhythm was, with nothing of what came after in it."""
    newest = past_days(days_of(busy), DAY)[0]
    early = rhythm(days_of(busy, newest.then), newest.then).order_by("customer").to_pandas()
    assert np.array_equal(newest.recency, early["recency_days"]) and newest.seen.shape == (len(early), len(FEATURES))


def test_outcomes_are_the_next_purchase():
    """Days until the next purchase after the earlier day; infinite where none has come."""
    tables = house(sales_lines=[line("a", 200), line("a", 5), line("b", 180), line("b", 100)])
    newest = past_days(days_of(tables), DAY)[0]
    assert newest.then == DAY - timedelta(days=7) and newest.until.tolist() == [2.0, np.inf]


def test_the_regression_beats_the_rule_on_days_it_never_saw(busy):
    """On members with habits of their own, on the day eight weeks later, for each horizon."""
    past = past_days(days_of(busy, THEN), THEN)
    ahead = [one for one in past_days(days_of(busy), DAY) if one.then >= THEN][-1]
    for horizon in (7, 28):
        known = [one for one in past if one.then + timedelta(days=horizon) <= THEN]
        bought = ahead.bought(horizon)
        ours, plain = fit(known, horizon), fit_recency(known, horizon)
        assert ours is not None
        assert log_loss(predict(ours, ahead.seen), bought) < log_loss(predict(plain, ahead.seen), bought)


def test_chances_are_calibrated(busy, learned):
    """Of members with a chance of p within 28 days, about p come: each third within 12 points."""
    folder, _ = learned
    table = profiles(facts(busy, THEN), THEN, POLICY, ZONE, folder).dropna(subset=["next_purchase_28"])
    after = days_of(busy).to_pandas()
    day = pd.to_datetime(after["day"])
    came = after.loc[(day > pd.Timestamp(THEN)) & (day <= pd.Timestamp(THEN + timedelta(days=28))), "customer"]
    thirds = pd.qcut(table["next_purchase_28"], 3)
    both = table.assign(came=table["customer"].isin(came)).groupby(thirds, observed=True)[["came", "next_purchase_28"]]
    assert (both.mean().diff(axis=1).iloc[:, 1].abs() < 0.12).all()


def test_a_longer_span_is_never_less_likely(busy, learned):
    """Within 7 days ≤ within 28 ≤ within the days of churn; the metrics name both contenders."""
    folder, metrics = learned
    table = profiles(facts(busy, THEN), THEN, POLICY, ZONE, folder).dropna(subset=["next_purchase_7"])
    assert (table["next_purchase_7"] <= table["next_purchase_28"]).all()
    assert (table["next_purchase_28"] <= 1 - table["churn_probability"] + 1e-12).all()
    assert set(metrics["log_loss_28"]) == {"regression", "recency"}


def test_too_little_history_teaches_nothing(tmp_path):
    """A month of receipts, or none: no chances, and no error."""
    for number, rows in enumerate(([], [line("a", n) for n in range(30)])):
        folder = tmp_path / str(number)
        folder.mkdir()
        tables = house()
        if rows:
            add(tables, "sales_lines", rows)
        assert learn_returning.run(tables, day=DAY, policy=POLICY, folder=folder) == {}
        assert json.loads((folder / "returning.json").read_text()) == {}


def test_who_objects_to_analysis_is_not_learned_from(tmp_path):
    """Their purchases change no number of what is learned."""
    tables, without = house(), house()
    rows = regulars(120, 250, seed=3)
    objector = rows[0]["customer"]
    add(tables, "sales_lines", rows)
    add(without, "sales_lines", [row for row in rows if row["customer"] != objector])
    said = {"customer": objector, "purpose": "analysis", "granted": False, "at": datetime(2024, 1, 1, tzinfo=UTC)}
    add(tables, "consents", [said])
    texts = []
    for name, some in (("with", tables), ("without", without)):
        folder = tmp_path / name
        folder.mkdir()
        learn_returning.run(some, day=DAY, policy=POLICY, folder=folder)
        texts.append((folder / "returning.json").read_text())
    assert texts[0] == texts[1] and len(texts[0]) > 100
