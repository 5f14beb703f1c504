"""Reasons: why a decision is what it is, as facts that can be checked, in sentences of either language.

A reason is a code, the facts that fill its sentence, and a signed weight. Where a model decided, the
weights are its tree contributions, summed over families of features ("recent level", "season", …).
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from aislehub.core.text import has, say, word

__all__ = ["Check", "Reason", "from_contributions", "sentence", "to_json", "wrong_facts"]

Check = Callable[[Any, Mapping[str, Any]], Mapping[str, Any]]
"""(tables, decision) → the facts of one reason code, counted again from the tables."""


@dataclass(frozen=True)
class Reason:
    """One reason of a decision.

    Args:
        code: its sentence in `text/`.
        facts: JSON-able values for the sentence's placeholders.
        weight: its share in the decision, signed; reasons are shown from the largest |weight|.
    """

    code: str
    facts: dict[str, Any] = field(default_factory=dict)
    weight: float = 1.0

    def sentence(self, lang: str | None = None) -> str:
        return sentence(asdict(self), lang)


def sentence(reason: Mapping[str, Any], lang: str | None = None) -> str:
    """A stored reason (code, facts, weight) as a sentence.

    A fact that names something the texts have a word for is said in that word: `aspect: taste` by `aspect.taste`.
    """
    return say(reason["code"], lang, **{name: _shown(name, value, lang) for name, value in reason["facts"].items()})


def to_json(reasons: Iterable[Reason], *, leading: int = 0) -> str:
    """The `reasons` column of a decision: largest weight first, after the first `leading` ones, which stay in front."""
    given = list(reasons)
    ordered = given[:leading] + sorted(given[leading:], key=lambda reason: -abs(reason.weight))
    return json.dumps([vars(reason) for reason in ordered], ensure_ascii=False)


def from_contributions(
    contributions: Mapping[str, float], families: Mapping[str, str], facts: Mapping[str, Any], *, top: int = 3
) -> list[Reason]:
    """Turn a tree model's contributions (SHAP values) into at most `top` reasons, one per family.

    Args:
        contributions: feature → contribution in the unit of the prediction.
        families: feature → code of its family's sentence; features of no family are not reasons.
        facts: placeholders that the sentences share; `effect`, the family's sum, is added.

    Example:
        >>> found = from_contributions(
        ...     {"lag_7": 2.0, "lag_14": 1.0, "price": -0.5, "noise": 9.0},
        ...     {"lag_7": "demand.level", "lag_14": "demand.level", "price": "demand.price"},
        ...     {},
        ... )
        >>> [(reason.code, reason.weight) for reason in found]
        [('demand.level', 3.0), ('demand.price', -0.5)]
    """
    sums: dict[str, float] = {}
    for feature, value in contributions.items():
        if feature in families:
            sums[families[feature]] = sums.get(families[feature], 0.0) + value
    largest = sorted(sums.items(), key=lambda pair: -abs(pair[1]))[:top]
    return [Reason(code, {**facts, "effect": round(value, 2)}, value) for code, value in largest if value]


def wrong_facts(tables: Any, decision: Mapping[str, Any], checks: Mapping[str, Check]) -> list[str]:
    """Facts stated in a decision's reasons that the tables do not bear out, as `code.fact: stated ≠ counted`.

    Args:
        tables: the house's tables; a check reads them as of the decision's day.
        decision: a ledger row.
        checks: reason code → function that counts its facts again.
    """
    wrong = []
    for reason in decision["reasons"]:
        check = checks.get(reason["code"])
        if check is None:
            continue
        for name, counted in check(tables, decision).items():
            stated = reason["facts"].get(name)
            if not _equal(stated, counted):
                wrong.append(f"{reason['code']}.{name}: {stated} ≠ {counted}")
    return wrong


def _equal(stated: Any, counted: Any) -> bool:
    if isinstance(stated, int | float) and isinstance(counted, int | float):
        return math.isclose(stated, counted, rel_tol=1e-6, abs_tol=0.011)  # facts are stated to the cent
    return bool(stated == counted)


def _shown(name: str, value: Any, lang: str | None) -> Any:
    """Names as words; numbers as people read them: whole where whole, else two digits at most."""
    if isinstance(value, float):
        return f"{value:.0f}" if value == round(value) else f"{value:.2f}".rstrip("0").rstrip(".")
    if isinstance(value, Sequence) and not isinstance(value, str):
        return ", ".join(str(_shown(name, part, lang)) for part in value)
    return word(name, value, lang) if isinstance(value, str) and has(f"{name}.{value}") else value
