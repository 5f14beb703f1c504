"""Learned models as people and programs are told of them: when, why, and what each class of demand is forecast with."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import date
from typing import Any

from aislehub.core.hub import Hub
from aislehub.core.models import Card, learned_cards
from aislehub.core.text import say
from aislehub.serve import formats

__all__ = ["choice_line", "forecaster", "learned_models", "made_of", "model_document"]

BLEND = "blend"
RULES = ("seasonal_mean", "mean28", "seasonal_naive")
"""Contenders that a spreadsheet could make: what a learnt one has to beat."""


def learned_models(hub: Hub, day: date | None = None) -> list[dict[str, Any]]:
    """The newest version of each model, or the one in force at the close of `day`, as documents by name."""
    newest = {card.model: card for card, _ in learned_cards(hub.models) if day is None or card.day <= day.isoformat()}
    return [model_document(newest[name]) for name in sorted(newest)]


def forecaster(hub: Hub, day: date | None = None) -> dict[str, Any] | None:
    """The document of the model that forecasts demand; None before the first was learnt."""
    return next((document for document in learned_models(hub, day) if document["model"] == "demand"), None)


def model_document(card: Card) -> dict[str, Any]:
    """What a card knows, with sentences in the language in force; what could not be measured is None."""
    metrics = dict(card.metrics)
    choices = [_choice(choice) for choice in metrics.pop("choices", [])]
    because = formats.word("learned", card.why)
    return {
        "model": card.model, "id": card.id, "day": card.day, "why": card.why,
        "sentence": say("accuracy.learned_because", day=card.day, because=because) if card.why
        else say("accuracy.learned_on", day=card.day),
        "metrics": {name: _known(value) for name, value in metrics.items()}, "choices": choices,
    }  # fmt: skip


def made_of(choice: Mapping[str, Any]) -> str:
    """What a class is forecast with: `boosted trees 82 % + mean of 28 days 18 %`; of one alone, its name."""
    shares = {formats.word("contender", name): share for name, share in choice["weights"].items()}
    if len(shares) == 1:
        return next(iter(shares))
    return " + ".join(f"{name} {formats.percent(share, 0)}" for name, share in shares.items())


def choice_line(choice: Mapping[str, Any]) -> str:
    """One class in one line: how many series, what they are forecast with, how well beside the best simple rule."""
    own, rule = (formats.percent(choice["wape"][choice[name]]) for name in ("used", "rule"))
    return say(
        "accuracy.line", demand_class=formats.word("demand_class", choice["demand_class"]), series=choice["series"],
        made_of=made_of(choice), own=own, rule_wape=rule, rule=formats.word("contender", choice["rule"]),
    )  # fmt: skip


def _choice(choice: Mapping[str, Any]) -> dict[str, Any]:
    """A choice (`demand.models.blend.Choice`) with what follows from it.

    `used` = the contender, or the mix, that forecasts the class; `best` = the one of least WAPE; `rule` = the best of
    the simple rules; `sentence` = why.
    """
    weights = dict(sorted(choice["weights"].items(), key=lambda part: -part[1]))
    wape, change = ({name: _known(value) for name, value in choice[kind].items()} for kind in ("wape", "change"))
    if not any(change.values()):  # one origin was rehearsed: nothing could change
        change = dict.fromkeys(change)
    if len(weights) == 1:  # one alone and the mix are the same
        wape.pop(BLEND, None)
        change.pop(BLEND, None)
    used = next(iter(weights)) if len(weights) == 1 else BLEND
    best = _closest(wape)
    rule = _closest({name: value for name, value in wape.items() if name in RULES} or wape)
    return {
        **choice, "weights": weights, "wape": wape, "change": change, "used": used, "best": best, "rule": rule,
        "sentence": _why(wape, used, best),
    }  # fmt: skip


def _why(wape: Mapping[str, float | None], used: str, best: str) -> str:
    """Why this class is forecast so; where another contender was closer, that and what outweighed it."""
    others = {name: value for name, value in wape.items() if name != used}
    if not others:
        return say("accuracy.why_only")
    other = best if best != used else _closest(others)
    kind = f"{'mix' if used == BLEND else 'alone'}_{'closest' if best == used else 'steadiest'}"
    told = say(
        f"accuracy.why_{kind}", name=formats.word("contender", used), own=formats.percent(wape[used]),
        other=formats.word("contender", other), other_wape=formats.percent(wape[other]),
    )  # fmt: skip
    return told[0].upper() + told[1:]


def _closest(wape: Mapping[str, float | None]) -> str:
    return min(wape, key=lambda name: math.inf if (value := wape[name]) is None else value)


def _known(value: Any) -> Any:
    return None if isinstance(value, float) and not math.isfinite(value) else value
