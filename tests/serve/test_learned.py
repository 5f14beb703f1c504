"""What people are told of a learned model: what each class of demand is forecast with, how well, and why."""

from __future__ import annotations

from typing import Any

import pytest

from aislehub.core.models import Card
from aislehub.core.text import language
from aislehub.serve.learned import choice_line, made_of, model_document


def card(why: str = "shift", **metrics: Any) -> Card:
    """A card of the demand model."""
    return Card("demand", "demand@2017-11-05-1", "2017-11-05", {}, metrics, {}, "", "", why)


def choice(weights: dict[str, float], wape: dict[str, float], change: float = 0.2) -> dict[str, Any]:
    """What a card keeps of one class."""
    given = {"demand_class": "lumpy", "series": 1234, "weights": weights, "wape": wape}
    return given | {"change": dict.fromkeys(wape, change)}


def told(weights: dict[str, float], wape: dict[str, float], change: float = 0.2) -> dict[str, Any]:
    """That class as people are told of it."""
    (found,) = model_document(card(choices=[choice(weights, wape, change)]))["choices"]
    return dict(found)


def plain(text: str) -> str:
    """With ordinary spaces."""
    return text.replace("\N{NO-BREAK SPACE}", " ")


WAPE = {"boosted": 0.9733, "seasonal_mean": 1.18, "mean28": 1.17, "blend": 0.978}


@pytest.mark.parametrize(
    ("weights", "wape", "used", "said"),
    [
        ({"boosted": 1.0}, WAPE, "boosted", "Boosted trees alone: it came closest"),
        ({"mean28": 1.0}, WAPE | {"blend": 1.17}, "mean28", "Boosted trees came closer by WAPE"),
        ({"boosted": 0.9, "mean28": 0.1}, WAPE | {"blend": 0.95}, "blend", "The mix came closer than any"),
        (
            {"boosted": 0.9, "mean28": 0.1},
            WAPE,
            "blend",
            "Boosted trees alone came closer by WAPE",
        ),
        ({"seasonal_mean": 1.0}, {"seasonal_mean": 1.2, "blend": 1.2}, "seasonal_mean", "Nothing else was tried"),
    ],
)
def test_the_reason_follows_from_the_rehearsal(
    weights: dict[str, float], wape: dict[str, float], used: str, said: str
) -> None:
    """Closest or not, alone or mixed: the sentence says it, and where another was closer, it says that one's error."""
    with language("en"):
        found = told(weights, wape)
    assert found["used"] == used and said.casefold() in found["sentence"].casefold()
    assert found["sentence"][0].isupper()
    assert found["best"] == min(found["wape"], key=lambda name: found["wape"][name])


def test_a_class_is_told_in_one_line() -> None:
    """How many series, the shares with the largest first, and the error beside the best simple rule's."""
    found = told({"mean28": 0.18, "boosted": 0.82}, WAPE)
    with language("en"):
        assert plain(made_of(found)) == "boosted trees 82 % + mean of 28 days 18 %"
        assert plain(choice_line(found)) == (
            "lumpy: 1,234 series, boosted trees 82 % + mean of 28 days 18 %; weekly WAPE 97.8 % in the rehearsal, "
            "117 % for the best simple rule (mean of 28 days)"
        )
    with language("zh"):
        assert plain(choice_line(found)).startswith("块状：1,234 条序列，提升树 82 % + 近 28 天均值 18 %")


def test_what_was_not_measured_is_not_a_number() -> None:
    """Figures that are no numbers, and the stability of a single origin, are None: JSON has no NaN."""
    found = told({"boosted": 1.0}, WAPE | {"mean28": float("nan")}, change=0.0)
    assert found["wape"]["mean28"] is None and set(found["change"].values()) == {None}
    assert found["rule"] == "seasonal_mean"
    assert model_document(card(rmsse=float("nan"), series=3))["metrics"] == {"rmsse": None, "series": 3}


def test_why_a_model_was_learned() -> None:
    """The word on the card becomes a clause; a word of somebody's own is shown as it is; none says the day only."""
    with language("en"):
        assert model_document(card())["sentence"] == "Learned on 2017-11-05, because sales had left their forecast."
        assert "because new_shop" not in model_document(card("new_shop"))["sentence"]
        assert "because new shop." in model_document(card("new_shop"))["sentence"]
        assert model_document(card(""))["sentence"] == "Learned on 2017-11-05."
