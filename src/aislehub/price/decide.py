"""Which price to ask: the best allowed one of goods that keep, the first of a plan of markdowns of short-dated ones."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace

import numpy as np

from aislehub.price.batches import Expiry
from aislehub.price.guardrails import GUARDS, OK, BoolArray, GuardRails, IntArray, Lines, binding, guarded
from aislehub.price.ladder import FloatArray, Ladder
from aislehub.price.markdown import Clearance, Plan, by_stock, lasting, plan, rehearse
from aislehub.price.response import Response
from aislehub.price.steady import Outlook, Terms, best_rung, interval, unhurried

__all__ = ["Proposals", "Rungs", "Situation", "every_rung", "propose"]

REACH = 1.5  # the candidate beyond one step is this many steps away
MOST_UNITS = 60  # of one line in the dynamic programme; more are counted in lots
PATHS = 200


@dataclass(frozen=True)
class Situation:
    """What is known of n lines at the close of a day.

    Attributes:
        lines: what the guard-rails ask; `unhurried` is filled in here.
        outlook: over the days for which goods that keep are priced.
        daily: units wanted on each of the coming days at the price that holds, (n, days).
        ratio: variance over mean of a day's units, (n,).
        response: how demand answers to price.
        expiry: the units that expire first.
    """

    lines: Lines
    outlook: Outlook
    daily: FloatArray
    ratio: FloatArray
    response: Response
    expiry: Expiry


@dataclass(frozen=True)
class Proposals:
    """What to ask, (n,) each.

    Attributes:
        price: to ask; the one that holds where nothing changes.
        changed: whether it is another one.
        bound: guard-rail that kept a better price away, or none.
        money: expected contribution of the change over leaving the price alone, its own cost off.
        low, high: 5 % and 95 % quantile of it.
        units, units_nothing: expected to sell with and without the change.
        beside: part of the money that other items bring.
        least, most: lowest and highest candidate that the guard-rails let pass; NaN where none does.
    """

    price: FloatArray
    changed: BoolArray
    bound: np.ndarray
    money: FloatArray
    low: FloatArray
    high: FloatArray
    units: FloatArray
    units_nothing: FloatArray
    beside: FloatArray
    least: FloatArray
    most: FloatArray


@dataclass(frozen=True)
class Rungs:
    """What each candidate of one line would bring, (k,) each; the first one is the price that holds.

    Attributes:
        price: to ask.
        money: expected contribution over leaving the price alone, the cost of the change off; low, high: its 5 % and
            95 % quantile.
        units: expected to sell.
        code: index into `GUARDS` of the guard-rail in its way, `OK` = none.
    """

    price: FloatArray
    money: FloatArray
    low: FloatArray
    high: FloatArray
    units: FloatArray
    code: IntArray


def propose(
    found: Situation, ladder: Ladder, rails: GuardRails, terms: Terms, *, rungs: int, seed: int = 0
) -> Proposals:
    """The best allowed price of every line.

    Args:
        ladder: of the currency.
        rungs: candidates a line beside the price that holds.
        seed: of the clearances that are played through for their interval.
    """
    short_dated = found.lines.short_dated
    prices = _candidates(found.lines, ladder, rails, rungs)
    parts = []
    for mask, work in ((~short_dated, _keep), (short_dated, _clear)):
        rows = np.flatnonzero(mask)
        if len(rows):
            parts.append((rows, work(prices[rows], _part(found, rows), rails, terms, seed)))
    return _joined(len(prices), parts)


def every_rung(
    found: Situation, ladder: Ladder, rails: GuardRails, terms: Terms, *, rungs: int, seed: int = 0
) -> Rungs:
    """The candidates of one line as `propose` weighs them, those that the guard-rails bar among them.

    Of short-dated goods it is the money of asking the candidate on the first day and following the best plan after it;
    of the price that holds, that is waiting a day.

    Args:
        found: of one line.
        ladder, rails, terms, rungs, seed: as in `propose`.
    """
    prices = _candidates(found.lines, ladder, rails, rungs)
    lay_out = _each_cleared if found.lines.short_dated[0] else _each_kept
    return lay_out(prices, found, rails, terms, seed)


def _candidates(lines: Lines, ladder: Ladder, rails: GuardRails, rungs: int) -> FloatArray:
    """The price that holds, rungs one step may reach, and one beyond on either side, so that what binds is known."""
    price = lines.price
    down = np.where(lines.short_dated, rails.clearance_step, rails.max_step)
    up = np.where(lines.short_dated, 0.0, rails.max_step)
    with np.errstate(invalid="ignore", over="ignore"):
        low, high = price * (1 - down), price * (1 + up)
        reached = ladder.around(price, low, high, rungs)
        cheaper = ladder.around(price, price * (1 - np.minimum(REACH * down, 0.95)), low, 1)[:, 1:]
        dearer = ladder.around(price, high, price * (1 + REACH * up), 1)[:, 1:]
    return np.hstack([reached, cheaper, dearer])


def _keep(prices: FloatArray, found: Situation, rails: GuardRails, terms: Terms, seed: int) -> Proposals:
    """Goods that keep: one price for the days of the outlook."""
    outlook, response = found.outlook, found.response
    lines = _with(found.lines, unhurried=unhurried(prices, found.lines, outlook, response))
    choice = best_rung(prices, lines, outlook, response, rails, terms)
    here, rung = np.arange(len(prices)), choice.rung
    changed = rung > 0
    money = np.where(changed, choice.profit[here, rung] - choice.profit[:, 0] - terms.change_cost, 0.0)
    low, high = np.zeros(len(prices)), np.zeros(len(prices))
    rows = np.flatnonzero(changed)
    if len(rows):
        pair = np.column_stack([prices[rows, 0], prices[rows, rung[rows]]])
        some = _part(found, rows)
        low[rows], high[rows] = interval(pair, some.lines, some.outlook, some.response)
    with np.errstate(invalid="ignore", divide="ignore"):
        beside = np.where(changed, outlook.beside * np.log(prices[here, rung] / prices[:, 0]), 0.0)
    return Proposals(
        prices[here, rung], changed, choice.bound, money, np.where(changed, low - terms.change_cost, 0.0),
        np.where(changed, high - terms.change_cost, 0.0), choice.units[here, rung], choice.units[:, 0], beside,
        *_span(prices, choice.code),
    )  # fmt: skip


def _each_kept(prices: FloatArray, found: Situation, rails: GuardRails, terms: Terms, seed: int) -> Rungs:
    lines = _with(found.lines, unhurried=unhurried(prices, found.lines, found.outlook, found.response))
    choice = best_rung(prices, lines, found.outlook, found.response, rails, terms)
    count = prices.shape[1]
    same = _part(found, np.zeros(count, dtype=np.int64))
    pairs = np.column_stack([np.repeat(prices[0, 0], count), prices[0]])
    low, high = interval(pairs, same.lines, same.outlook, same.response)
    cost = np.where(np.arange(count) > 0, terms.change_cost, 0.0)
    money = choice.profit[0] - choice.profit[0, 0] - cost
    return Rungs(prices[0], money, low - cost, high - cost, choice.units[0], choice.code[0])


def _each_cleared(prices: FloatArray, found: Situation, rails: GuardRails, terms: Terms, seed: int) -> Rungs:
    code = guarded(prices, found.lines, rails)
    goods = _goods(prices, code, found, rails, terms)
    count = prices.shape[1]
    every, best = _some(goods, plan(goods), np.zeros(count, dtype=np.int64))
    best = replace(best, first=np.arange(count))
    planned, stay = lasting(every, best)
    played, sold, _ = rehearse(every, best, paths=PATHS, seed=seed)
    money = (planned - stay) @ found.response.weight
    low, high = np.quantile(played, [0.05, 0.95], axis=1)
    return Rungs(
        prices[0], money, np.minimum(low, money), np.maximum(high, money), sold.mean(axis=1) * _lot(found), code[0]
    )


def _clear(prices: FloatArray, found: Situation, rails: GuardRails, terms: Terms, seed: int) -> Proposals:
    """Short-dated goods: the first price of the best plan until they expire."""
    code = guarded(prices, found.lines, rails)
    units = np.floor(found.expiry.units + found.expiry.later).astype(np.int64)
    parts = [
        (rows, _cleared(prices[rows], code[rows], _part(found, rows), rails, terms, seed))
        for rows in by_stock(np.minimum(units, MOST_UNITS), found.expiry.days)
    ]
    return _joined(len(prices), parts)


def _cleared(
    prices: FloatArray, code: IntArray, found: Situation, rails: GuardRails, terms: Terms, seed: int
) -> Proposals:
    here = np.arange(len(prices))
    goods = _goods(prices, code, found, rails, terms)
    best = plan(goods)
    gain, weight = np.zeros((len(prices), len(found.response.weight))), found.response.weight
    moving = np.flatnonzero(best.first > 0)
    if len(moving):
        planned, stay = lasting(*_some(goods, best, moving))
        gain[moving] = planned - stay
    money = gain @ weight
    changed = (best.first > 0) & (money >= terms.least_money) & ((gain > 0) @ weight >= terms.certainty)
    changed &= _sound(found)
    rung = np.where(changed, best.first, 0)
    low, high, units, nothing = _played(goods, best, np.flatnonzero(changed), seed)
    lot = _lot(found)
    return Proposals(
        prices[here, rung], changed, binding(prices, code, rung, best.wish), np.where(changed, money, 0.0),
        np.where(changed, np.minimum(low, money), 0.0), np.where(changed, np.maximum(high, money), 0.0),
        units * lot, nothing * lot, np.zeros(len(prices)), *_span(prices, code),
    )  # fmt: skip


def _played(goods: Clearance, best: Plan, rows: IntArray, seed: int) -> FloatArray:
    """Of the lines in `rows`: 5 % and 95 % quantile of the money, units with the plan and without; else 0, (4, n)."""
    found = np.zeros((4, len(best.first)))
    if len(rows):
        money, sold, unmoved = rehearse(*_some(goods, best, rows), paths=PATHS, seed=seed)
        found[:2, rows] = np.quantile(money, [0.05, 0.95], axis=1)
        found[2, rows], found[3, rows] = sold.mean(axis=1), unmoved.mean(axis=1)
    return found


def _some(goods: Clearance, best: Plan, rows: IntArray) -> tuple[Clearance, Plan]:
    """Some lines of an instance and of its plan."""
    columns = [column.name for column in fields(goods) if column.name not in ("weight", "change_cost")]
    some = replace(goods, **{name: getattr(goods, name)[rows] for name in columns})
    return some, Plan(**{column.name: getattr(best, column.name)[rows] for column in fields(best)})


def _goods(prices: FloatArray, code: IntArray, found: Situation, rails: GuardRails, terms: Terms) -> Clearance:
    """The dynamic programme's instance; a line whose numbers are unsound sells nothing at any price."""
    lines, lot, sound = found.lines, _lot(found), _sound(found)
    days = int(found.expiry.days[0])
    factor = found.response.factor(prices, lines.price)
    mean = found.daily[:, :days, None, None] * factor[:, None] / lot[:, None, None, None]
    mean = np.where(sound[:, None, None, None], mean, 0.0)
    net = np.where(sound[:, None], prices / (1 + lines.tax[:, None]) * lot[:, None], 0.0)
    asked, held = prices[:, None, :], prices[:, :, None]  # of candidate j, of candidate k
    may = (code == OK) | (code == GUARDS.index("max_step"))  # the step is counted from the price of the day before
    follows = may[:, None, :] & (asked <= held) & (asked >= held * (1 - rails.clearance_step) * (1 - 1e-9))
    units = np.floor((found.expiry.units + found.expiry.later) / lot)
    return Clearance(
        net, mean, found.response.weight, np.maximum(np.nan_to_num(found.ratio, nan=1.0) / lot, 1.0),
        np.where(sound, units, 0).astype(np.int64), np.floor(found.expiry.later / lot),
        np.where(sound, lines.cost * lot, 0.0), follows, code == OK, terms.change_cost,
    )  # fmt: skip


def _lot(found: Situation) -> FloatArray:
    """Units that are counted as one, (n,)."""
    return np.maximum(np.ceil((found.expiry.units + found.expiry.later) / MOST_UNITS), 1.0)


def _sound(found: Situation) -> BoolArray:
    """Lines with numbers that a plan can be made of, (n,)."""
    lines, days = found.lines, int(found.expiry.days[0])
    numbers = np.column_stack([lines.price, lines.cost, lines.tax, found.response.elasticity, found.daily[:, :days]])
    return np.isfinite(numbers).all(axis=1) & (lines.price > 0) & (lines.cost >= 0) & (lines.tax >= 0)


def _span(prices: FloatArray, code: IntArray) -> tuple[FloatArray, FloatArray]:
    """Lowest and highest candidate that passes, (n,) each."""
    allowed = code == OK
    least = np.where(allowed, prices, np.inf).min(axis=1)
    most = np.where(allowed, prices, -np.inf).max(axis=1)
    return np.where(np.isfinite(least), least, np.nan), np.where(np.isfinite(most), most, np.nan)


def _with(lines: Lines, **columns: np.ndarray) -> Lines:
    return Lines(**{column.name: columns.get(column.name, getattr(lines, column.name)) for column in fields(lines)})


def _part(found: Situation, rows: IntArray) -> Situation:
    """The situation of some lines."""
    lines, outlook, expiry = found.lines, found.outlook, found.expiry
    return Situation(
        Lines(**{column.name: getattr(lines, column.name)[rows] for column in fields(lines)}),
        Outlook(**{column.name: getattr(outlook, column.name)[rows] for column in fields(outlook)}),
        found.daily[rows], found.ratio[rows], found.response.take(rows),
        Expiry(expiry.days[rows], expiry.units[rows], expiry.later[rows]),
    )  # fmt: skip


def _joined(count: int, parts: list[tuple[IntArray, Proposals]]) -> Proposals:
    """Proposals of parts of n lines in the lines' order."""
    columns = {}
    for column in fields(Proposals):
        kinds = [getattr(part, column.name) for _, part in parts]
        joined = np.empty(count, dtype=np.result_type(*kinds) if kinds else float)
        for (rows, _), values in zip(parts, kinds, strict=True):
            joined[rows] = values
        columns[column.name] = joined
    return Proposals(**columns)
