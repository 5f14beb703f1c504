"""Every forecast is the sum of its parts, whichever model made it."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from aislehub.core.reasons import sentence
from aislehub.core.text import has
from aislehub.demand.forecast import Forecaster
from aislehub.demand.panel import Panel
from aislehub.demand.parts import PARTS, part_reasons
from aislehub.demand.parts import decompose as parts_of

HORIZON = 14
EXPLAINED = ("seasonal_naive", "mean28", "seasonal_mean", "boosted", "aislehub")
NONE = pd.DataFrame({"unique_id": [], "ds": [], "starts": pd.to_datetime([]), "ends": pd.to_datetime([]), "what": []})


def table(series: int = 30, days: int = 300, seed: int = 0) -> pd.DataFrame:
    """A week, promotions that double demand, a fair that trebles it, and Sundays on which the shop is shut."""
    random = np.random.default_rng(seed)
    ds = pd.date_range("2024-01-01", periods=days)
    level = random.gamma(2, 3, series)[:, None] + 1
    promo = random.random((series, days)) < 0.1
    fair = np.isin(np.arange(days), [40, 110, 180, 250, 290])
    shut = ds.dayofweek == 6
    mean = level * np.array([0.7, 0.7, 0.8, 0.9, 1.2, 1.5, 0])[ds.dayofweek] * (1 + promo) * (1 + 2 * fair)
    return pd.DataFrame(
        {
            "unique_id": np.repeat([f"item{number:02}" for number in range(series)], days),
            "ds": np.tile(ds, series),
            "y": random.poisson(mean).ravel(),
            "promotion": promo.ravel().astype(float),
            "event": np.tile(np.where(fair, np.where(np.arange(days) % 20, "fair", "market"), None), series),
            "open": np.tile((~shut).astype(float), series),
        }
    )


def panel_of(rows: pd.DataFrame) -> Panel:
    """The panel with the last 14 days as what is known ahead."""
    origin = rows["ds"].max() - pd.Timedelta(days=HORIZON)
    return Panel.from_table(rows[rows["ds"] <= origin], HORIZON, known=rows[rows["ds"] > origin].drop(columns="y"))


def decompose(forecaster: Forecaster, panel: Panel, published: np.ndarray | None = None) -> dict[str, np.ndarray]:
    """The parts of a forecaster's means."""
    return parts_of(forecaster.model, panel, forecaster.means(panel), published)


@pytest.fixture(scope="module")
def panel() -> Panel:
    """The panel of the table."""
    return panel_of(table())


@pytest.fixture(scope="module")
def boosted(panel: Panel) -> Forecaster:
    """Trees alone, so that every part has something to say."""
    return Forecaster.learn(panel, model="boosted")


class Seven:
    """A model that knows nothing of parts."""

    def fit(self, panel: Panel, *, horizon: int, seed: int) -> None: ...

    def predict(self, panel: Panel) -> np.ndarray:
        return np.full((len(panel.ids), panel.horizon), 7.0)


@pytest.mark.parametrize("model", [*EXPLAINED, "croston", f"{__name__}:Seven"])
def test_parts_add_up_to_the_forecast(panel: Panel, model: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever the model, the parts of every day sum to its forecast; one that explains itself leaves no rest."""
    monkeypatch.setitem(__import__("sys").modules, __name__, type("module", (), {"Seven": Seven}))
    forecaster = Forecaster.learn(panel, model=model)
    parts = decompose(forecaster, panel)
    assert tuple(parts) == PARTS
    np.testing.assert_allclose(sum(parts.values()), forecaster.means(panel), rtol=1e-6, atol=1e-9)
    assert parts["model"].any() == (model not in EXPLAINED)


def test_demand_with_both_signs_adds_up() -> None:
    """Where net returns make demand negative, trees explain a difference and not a ratio; the parts still sum."""
    rows = table(series=12)
    rows["y"] -= 4 * (rows["ds"].dt.dayofweek == 1)
    panel = panel_of(rows)
    assert not panel.nonnegative
    forecaster = Forecaster.learn(panel, model="boosted")
    parts = decompose(forecaster, panel)
    np.testing.assert_allclose(sum(parts.values()), forecaster.means(panel), rtol=1e-6, atol=1e-6)
    assert np.abs(parts["model"]).max() < 1e-6


def test_each_cause_is_seen_in_its_own_part(panel: Panel, boosted: Forecaster) -> None:
    """Promoted days owe more to promotion, the fair to event, strong weekdays to season."""
    parts = decompose(boosted, panel)
    future = slice(-HORIZON, None)
    promoted = panel.known["promotion"][:, future] == 1
    fair = ~np.isnan(np.broadcast_to(panel.known["event"], (len(panel.ids), len(panel.periods)))[:, future])
    weekday = panel.future.dayofweek.to_numpy()
    mean = boosted.means(panel)
    open_ = ~panel.closed[:, future]
    assert parts["promotion"][promoted & open_].sum() > 0.25 * mean[promoted & open_].sum()
    assert abs(parts["promotion"][~promoted & open_].sum()) < 0.1 * mean[~promoted & open_].sum()
    assert parts["event"][fair & open_].mean() > 5 * max(abs(parts["event"][~fair & open_].mean()), 0.01)
    assert parts["season"][:, weekday == 5].mean() > 0 > parts["season"][:, weekday == 1].mean()


def test_a_closed_day_takes_all_other_parts_back(panel: Panel, boosted: Forecaster) -> None:
    """On a day on which the shop is shut the forecast is 0, and the part `event` says that it is the day's doing."""
    parts = decompose(boosted, panel)
    shut = panel.closed[:, -HORIZON:]
    assert shut.any()
    np.testing.assert_allclose(sum(parts.values())[shut], 0, atol=1e-9)
    assert not parts["model"].any()


def test_what_was_published_is_what_is_explained(panel: Panel, boosted: Forecaster) -> None:
    """A forecast that was adjusted after the model is explained whole: the difference is its last part."""
    published = boosted.means(panel) * 1.1 + 0.5
    parts = decompose(boosted, panel, published)
    np.testing.assert_allclose(sum(parts.values()), published, rtol=1e-6)
    np.testing.assert_allclose(parts["adjustment"], published - boosted.means(panel), atol=1e-9)


def test_few_series_are_forecast_as_among_all(panel: Panel, boosted: Forecaster) -> None:
    """Picking series out of the panel changes neither their forecasts nor their parts."""
    rows = np.array([3, 17])
    np.testing.assert_array_equal(boosted.means(panel.only(rows)), boosted.means(panel)[rows])
    alone, among = decompose(boosted, panel.only(rows)), decompose(boosted, panel)
    for part in PARTS:
        np.testing.assert_allclose(alone[part], among[part][rows], atol=1e-9)
    earlier = panel.before(HORIZON)
    np.testing.assert_array_equal(boosted.means(panel.only(rows).before(HORIZON)), boosted.means(earlier)[rows])


def test_the_first_day_is_explained_as_among_all_days(panel: Panel, boosted: Forecaster) -> None:
    """Asking for the next day only gives the parts that it has within the horizon."""
    first = parts_of(boosted.model, panel, boosted.means(panel)[:, :1])
    for part, values in decompose(boosted, panel).items():
        np.testing.assert_allclose(first[part], values[:, :1], atol=1e-9)


def test_facts_are_counted_from_the_past(panel: Panel, boosted: Forecaster) -> None:
    """What the sentences state can be counted again from the table: units sold, the weekday's share, the event."""
    rows = table()
    origin = rows["ds"].max() - pd.Timedelta(days=HORIZON)
    mine = rows[(rows["unique_id"] == "item05") & (rows["ds"] <= origin)]
    open_days = mine[mine["open"] == 1]
    parts = decompose(boosted, panel)
    at = 2
    mine_alone = {part: values[[5]] for part, values in parts.items()}
    (told,) = part_reasons(panel.only(np.array([5])), mine_alone, range(at, at + 1), NONE, model="x")
    facts = {reason.code.rpartition(".")[2]: reason.facts for reason in told}
    recent = open_days[open_days["ds"] > origin - pd.Timedelta(days=56)]
    assert facts["base"]["units"] == recent["y"].sum()
    assert facts["base"]["days"] == len(recent)
    quarter = open_days[open_days["ds"] > origin - pd.Timedelta(days=91)]
    weekday = panel.future[at].dayofweek
    share = 100 * quarter.loc[quarter["ds"].dt.dayofweek == weekday, "y"].mean() / quarter["y"].mean()
    assert facts["season"]["share"] == round(share)
    assert sum(fact["effect"] for fact in facts.values()) == pytest.approx(boosted.means(panel)[5, at], abs=0.05)


def test_every_part_has_a_sentence_in_both_languages(panel: Panel, boosted: Forecaster) -> None:
    """Whatever part there is, over a day or the horizon, its sentence has all its facts, and its name is known."""
    parts = decompose(boosted, panel, boosted.means(panel) + 1)
    parts["model"] = parts["model"] + 1
    promoted = pd.DataFrame(
        {"unique_id": panel.ids[:3], "starts": panel.future[0], "ends": panel.future[-1], "what": "rear end cap"}
    )
    for days in (range(1), range(HORIZON)):
        for told in part_reasons(panel, parts, days, promoted, model="own"):
            for reason in told:
                for lang in ("en", "zh"):
                    assert "{" not in sentence({"code": reason.code, "facts": reason.facts}, lang)
                    assert has(reason.code)
    assert all(has(f"demand.part.{part}") for part in PARTS)


def test_a_place_of_several_promotions_is_told_once(panel: Panel, boosted: Forecaster) -> None:
    """Two promotions with a second placement in common name it once; their leaflet pages are both named."""
    promoted = pd.DataFrame(
        {
            "unique_id": panel.ids[0], "starts": panel.future[0], "ends": panel.future[-1],
            "what": ["rear end cap, front page", "rear end cap, back page"],
        }
    )  # fmt: skip
    parts = decompose(boosted, panel, boosted.means(panel))
    told = part_reasons(panel, parts, range(HORIZON), promoted, model="boosted")[0]
    words = {reason.code: reason.facts for reason in told}["demand.because.promotion"]["what"]
    assert words == "rear end cap, front page, back page"
