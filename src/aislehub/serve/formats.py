"""Numbers, money, days and words as people of either language read them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import date, datetime
from string import Formatter
from typing import Any
from zoneinfo import ZoneInfo

from aislehub.core.text import current_language, has, say, word

__all__ = [
    "action",
    "alert_state",
    "cause",
    "day",
    "instant",
    "interval",
    "label",
    "money",
    "number",
    "percent",
    "short_day",
    "signed",
    "word",
]

_SYMBOLS = {
    "en": {"USD": "$", "CNY": "CN¥", "EUR": "€", "GBP": "£", "JPY": "¥"},
    "zh": {"USD": "US$", "CNY": "¥", "EUR": "€", "GBP": "£", "JPY": "JP¥"},
}


def number(value: float | None, digits: int = 1) -> str:
    """At most `digits` decimals, thousands grouped, a real minus sign.

    Example:
        >>> number(-1234.5), number(3.0), number(None)
        ('−1,234.5', '3', '–')
    """
    if value is None or not math.isfinite(value):
        return "–"
    text = f"{abs(value):,.{digits}f}"
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return f"−{text}" if value < 0 and text != "0" else text


def percent(share: float | None, digits: int = 1) -> str:
    """A share as a percentage, its sign kept on the line of its number.

    Example:
        >>> percent(0.4123), percent(-0.05), percent(None)
        ('41.2\\xa0%', '−5\\xa0%', '–')
    """
    text = number(None if share is None else 100 * share, digits)
    return text if text == "–" else f"{text}\N{NO-BREAK SPACE}%"


def signed(share: float | None, digits: int = 1) -> str:
    """A percentage that says its direction.

    Example:
        >>> signed(0.05), signed(-0.05), signed(0.0)
        ('+5\\xa0%', '−5\\xa0%', '0\\xa0%')
    """
    text = percent(share, digits)
    return f"+{text}" if share is not None and share > 0 and text != percent(0.0) else text


def money(value: float | None, currency: str) -> str:
    """Whole from 100 on, cents below.

    Example:
        >>> money(-1234.5, "USD"), money(3.5, "CHF")
        ('−$1,234', 'CHF 3.50')
    """
    if value is None or not math.isfinite(value):
        return "–"
    digits = 0 if abs(value) >= 100 or value == 0 else 2
    symbol = _SYMBOLS[current_language()].get(currency, f"{currency} ")
    return f"{'−' if value < 0 else ''}{symbol}{abs(value):,.{digits}f}"


def interval(low: float, high: float, currency: str) -> str:
    """`$3.00 … $12.50`."""
    return f"{money(low, currency)} … {money(high, currency)}"


def day(value: date) -> str:
    """`Mon 6 Nov 2017`, `2017年11月6日 周一`."""
    weekday = say(f"serve.weekday_{value.isoweekday()}")
    if current_language() == "zh":
        return f"{value.year}年{value.month}月{value.day}日 {weekday}"
    return f"{weekday} {value.day} {say(f'serve.month_{value.month}')} {value.year}"


def short_day(value: date) -> str:
    """`Mon 6 Nov`, `11月6日 周一`: where the year is clear."""
    weekday = say(f"serve.weekday_{value.isoweekday()}")
    if current_language() == "zh":
        return f"{value.month}月{value.day}日 {weekday}"
    return f"{weekday} {value.day} {say(f'serve.month_{value.month}')}"


def instant(value: datetime, timezone: str) -> str:
    """Date and time of day in the chain's time zone."""
    return f"{value.astimezone(ZoneInfo(timezone)):%Y-%m-%d %H:%M}"


def label(text: str) -> str:
    """A title, a column's name or a note: a code of the texts, or the text itself."""
    return say(text) if has(text) else text


def cause(code: str) -> str:
    """The name of an alert's cause, under which its alerts are grouped; the code itself where the texts have none."""
    name = f"cause.{code}"
    return say(name) if has(name) else code


def alert_state(alert: Mapping[str, Any]) -> str:
    """An alert's state, with the day on which its suppression ends."""
    if alert["state"] == "suppressed":
        return say("alert_state.until", until=alert["until"])
    return word("alert_state", alert["state"])


def action(fields: Mapping[str, Any], kind: str = "") -> str:
    """An action or a baseline in words: by `action.KIND` of the texts where there is one, else its fields.

    A value that the texts have a word for, `advice.drop`, is said in that word and needs no field's name before it.

    Example:
        >>> action({"quantity": 24.0, "cases": 2})
        'quantity 24 · cases 2'
        >>> action({"name": "my_rule", "quantity": 12.0}, "orders")
        'Order 12 (my rule)'
        >>> action({"advice": "fix", "aspect": "packaging"}, "range_advice"), action({"advice": "drop"}, "range_advice")
        ('fix: packaging', 'drop')
    """
    shown = {key: _value(key, value) for key, value in fields.items() if key != "name"}
    if has(f"action.{kind}") and _placeholders(say(f"action.{kind}")) <= shown.keys() and not fields.get("cancel"):
        what = say(f"action.{kind}", **shown)
    else:
        what = " · ".join(
            value if _is_named(key, fields[key]) else f"{word('field', key)} {value}" for key, value in shown.items()
        )
    name = word("baseline", str(fields["name"])) if fields.get("name") else ""
    return f"{what} ({name})" if what and name else what or name


def _placeholders(template: str) -> set[str]:
    return {name.split("|")[0] for _, name, _, _ in Formatter().parse(template) if name}


def _value(key: str, value: Any) -> str:
    if isinstance(value, bool):
        return say("serve.yes") if value else say("serve.no")
    if isinstance(value, int | float):
        return number(value, 2)
    return word(key, value) if _is_named(key, value) else str(value)


def _is_named(key: str, value: Any) -> bool:
    return isinstance(value, str) and has(f"{key}.{value}")
