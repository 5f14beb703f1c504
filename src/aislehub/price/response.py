"""How many units a price sells: a forecast moved by an elasticity that is only known within an interval.

Demand at price p is forecast · (p / price now)^e. The elasticity e is normal within its 90 % interval and taken at
three points (Gauss–Hermite), so that every expectation is over what is not known of it too. Units are negative
binomial where they scatter more than their mean and Poisson otherwise; what sells is at most the stock.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy
from numpy.typing import NDArray

from aislehub.price.ladder import FloatArray

__all__ = ["Response", "expected_sales", "probabilities", "quantile"]

NODES, _raw = np.polynomial.hermite_e.hermegauss(3)
WEIGHTS = _raw / _raw.sum()
Z90 = 1.6448536269514722  # half a 90 % interval, in standard deviations
LEAST_ELASTIC = -0.05  # nobody buys more because it is dearer
OVERDISPERSED = 1 + 1e-4


@dataclass(frozen=True)
class Response:
    """How demand answers to price, for n lines.

    Attributes:
        elasticity: at the points, (n, points), all below 0.
        weight: probability of each point, (points,).
    """

    elasticity: FloatArray
    weight: FloatArray

    @classmethod
    def within(cls, elasticity: FloatArray, low: FloatArray, high: FloatArray) -> Response:
        """From the mean and the 5 % and 95 % quantiles, (n,) each."""
        spread = np.maximum(high - low, 0) / (2 * Z90)
        points = elasticity[:, None] + spread[:, None] * NODES
        return cls(np.minimum(points, LEAST_ELASTIC), WEIGHTS)

    def factor(self, prices: FloatArray, price: FloatArray) -> FloatArray:
        """Demand at `prices` (n, k) over that at `price` (n,): (n, k, points)."""
        with np.errstate(invalid="ignore", divide="ignore"):
            change = np.log(prices / price[:, None])
        return np.exp(change[:, :, None] * self.elasticity[:, None, :])

    def take(self, rows: NDArray[np.int64]) -> Response:
        """The same for some lines."""
        return Response(self.elasticity[rows], self.weight)


def expected_sales(mean: FloatArray, ratio: FloatArray, stock: FloatArray) -> FloatArray:
    """E[min(D, stock)] of demand with this mean and ratio of variance to mean, elementwise.

    With D negative binomial of size r, k·f(k; r) = mean · f(k − 1; r + 1), hence mean · P(D' < S) + S · P(D > S) with
    D' of size r + 1 (Poisson: D' = D). P(D' < S) is P(D ≤ S) less one term, so one incomplete function does for both;
    between whole units it interpolates.
    """
    mean, ratio, stock = np.broadcast_arrays(mean, ratio, np.maximum(stock, 0.0))
    sold = np.where(stock > 0, mean, 0.0)
    # Far above its mean demand does not reach the stock: six standard deviations and some units.
    bound = (mean > 0) & (stock > 0) & (stock < mean + 6 * np.sqrt(mean * np.maximum(ratio, 1)) + 6)
    m, r, s = mean[bound], ratio[bound], stock[bound]
    covered, term = np.empty_like(m), np.empty_like(m)
    spread = r > OVERDISPERSED
    a, b, p = m[spread] / (r[spread] - 1), s[spread], 1 / r[spread]
    covered[spread] = scipy.special.betainc(a, b + 1, p)
    term[spread] = (1 / a + 1 / b) * np.exp(a * np.log(p) + b * np.log1p(-p) - scipy.special.betaln(a, b))
    even = ~spread
    covered[even] = scipy.special.gammaincc(s[even] + 1, m[even])
    term[even] = np.exp(s[even] * np.log(m[even]) - m[even] - scipy.special.gammaln(s[even] + 1))
    sold[bound] = m * (covered - term) + s * (1 - covered)
    return np.clip(sold, 0, np.minimum(mean, stock))


def probabilities(mean: FloatArray, ratio: FloatArray, most: int) -> FloatArray:
    """P(D = 0), …, P(D = most − 1), P(D ≥ most), (…, most + 1), of whole units of demand."""
    units = np.arange(most, dtype=float)
    m, r = np.maximum(mean, 1e-12)[..., None], ratio[..., None]
    spread = r > OVERDISPERSED
    size, success = m / np.where(spread, r - 1, 1.0), 1 / np.where(spread, r, 2.0)
    logs = np.where(
        spread,
        scipy.special.gammaln(units + size)
        - scipy.special.gammaln(size)
        + size * np.log(success)
        + units * np.log1p(-success),
        units * np.log(m) - m,
    )
    first = np.exp(logs - scipy.special.gammaln(units + 1))
    return np.concatenate([first, np.maximum(1 - first.sum(axis=-1, keepdims=True), 0)], axis=-1)


def quantile(mean: FloatArray, ratio: FloatArray, level: FloatArray) -> FloatArray:
    """Quantile of demand, of the gamma distribution with its mean and variance: smooth, for intervals of money."""
    m, r = np.maximum(mean, 1e-12), np.maximum(ratio, 1.0)
    return r * scipy.special.gammaincinv(m / r, level)
