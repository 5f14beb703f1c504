"""Rules of segments and figures of profiles as a reader says them: columns by their names, shares as percentages."""

from __future__ import annotations

import math
from datetime import date
from typing import Any

from aislehub.core.text import say, word
from aislehub.customer.rules import WITH_CLUSTER, Condition, Either, Limits, Not, Rule, conditions
from aislehub.serve import formats

__all__ = ["figure", "in_words", "reasons", "thresholds"]

_SIGNS = {"=": "is", "==": "is", "!=": "is_not", "<": "below", "<=": "at_most", ">": "above", ">=": "at_least"}


def in_words(rule: Rule, currency: str) -> str:
    """A rule as one sentence part: `stage of life is active and visits, 90 days is high`."""
    if isinstance(rule, Condition):
        return _said(rule, currency)
    if isinstance(rule, Not):
        return say("customers.rule_not", part=_inner(rule.part, currency))
    joint = say("customers.rule_or" if isinstance(rule, Either) else "customers.rule_and")
    return joint.join(_inner(part, currency) for part in rule.parts)


def reasons(rule: Rule, member: dict[str, Any], limits: Limits, currency: str) -> list[str]:
    """Each comparison of a rule beside what the member has and, for high and low, where that begins."""
    found = []
    for one in dict.fromkeys(conditions(rule)):
        facts = {"rule": _said(one, currency), "value": figure(one.column, member[one.column], currency)}
        if one.sign == "is" and one.value in ("high", "low"):
            facts["limit"] = figure(one.column, limits.at(one.column, one.value), currency)
            found.append(say(f"customers.reason_{one.value}", **facts))
        else:
            found.append(say("customers.reason", **facts))
    return found


def thresholds(rule: Rule, limits: Limits, currency: str) -> list[str]:
    """Where high begins and low ends in this house, a sentence for each that the rule asks for."""
    return [
        say(
            f"segment.limit_{one.value}", column=word("profile", one.column),
            value=figure(one.column, limits.at(one.column, one.value), currency),
        )
        for one in dict.fromkeys(conditions(rule)) if one.sign == "is" and one.value in ("high", "low")
    ]  # fmt: skip


def figure(column: str, value: Any, currency: str) -> str:
    """A value of a column of the profile in its unit; a dash where nothing is known.

    Example:
        >>> figure("discount_share", 0.1234, "USD"), figure("spend_90", 1234.5, "USD"), figure("visits_28", None, "USD")
        ('12.3\\xa0%', '$1,234', '–')
    """
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return "–"
    if isinstance(value, date):
        return formats.day(value)
    if isinstance(value, str):
        return word("customers", f"{column}_{value}") if WITH_CLUSTER[column].values else value
    unit = WITH_CLUSTER[column].unit
    if unit == "fraction":
        return formats.percent(float(value))
    return formats.money(float(value), currency) if unit == "money" else formats.number(float(value), 2)


def _said(one: Condition, currency: str) -> str:
    column = word("profile", one.column)
    if one.sign == "is":
        return say(f"customers.rule_{one.value}", column=column)
    values = one.value if one.sign == "in" else (one.value,)
    told = say("customers.rule_comma").join(figure(one.column, value, currency) for value in values)
    return say(f"customers.rule_{'in' if one.sign == 'in' else _SIGNS[one.sign]}", column=column, value=told)


def _inner(rule: Rule, currency: str) -> str:
    told = in_words(rule, currency)
    return told if isinstance(rule, Condition | Not) else say("customers.rule_brackets", part=told)
