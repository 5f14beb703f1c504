"""Sentiment: from −1, a complaint, to 1, praise, learned from labelled reviews and fit for words of other trades.

A linear support-vector machine weighs hashed character sequences (NBSVM's idea: Wang & Manning 2012,
https://aclanthology.org/P12-2018, with inverse document frequencies). A sequence counts the more, the more its log-odds
agree between the domains of the training reviews (a random-effects mean, as in a meta-analysis), so what praises fruit
and damns hotels has little say about the next trade.

What is shipped is the weights of hashes: from it no training text can be read back.
"""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Self

import numpy as np
import pandas as pd
import scipy
from numpy.typing import NDArray

from aislehub.core.errors import HubError
from aislehub.customer.reviews.cleaning import clean
from aislehub.customer.reviews.denials import folded_denials
from aislehub.customer.reviews.grams import grams

__all__ = ["Polarity"]

BITS = 23
BLOCK = 2_048  # texts hashed at a time
LEAST = 40  # labelled reviews of either kind
PENALTY = 0.45  # of the machine's errors; chosen, with the sequences, inside the training parts
FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]
IntArray = NDArray[np.int64]


@dataclass(frozen=True)
class Polarity:
    """A learned sentiment.

    Attributes:
        places: (features,) ascending hash places that carry weight.
        weights: (features,) of the machine.
        scales: (features,) of the features before they are normalised to length 1.
        bias: of the machine.
        slope: log-odds of praise = slope × the machine's score.
    """

    places: IntArray
    weights: NDArray[np.float32]
    scales: NDArray[np.float32]
    bias: float
    slope: float

    @classmethod
    def learn(cls, texts: Sequence[str], praise: BoolArray, domains: Sequence[str] | None = None) -> Self:
        """Learn from labelled reviews.

        Args:
            texts: reviews, any language whose words are short sequences of characters.
            praise: (n,) whether each praises.
            domains: trade or category of each, so that words which only hold in one count less; None = one domain.

        Raises:
            HubError: `reviews.too_few` with fewer than 40 different reviews of either kind.
        """
        from sklearn.linear_model import LogisticRegression

        cleaned = [folded_denials(clean(text)) for text in texts]
        number = pd.factorize(np.array(cleaned, dtype=object))[0]
        first = np.unique(number, return_index=True)[1]
        for label, count in (("1", int(praise[first].sum())), ("0", int((~praise[first]).sum()))):
            if count < LEAST:
                raise HubError("reviews.too_few", label=label, count=count, limit=LEAST)
        domain = np.unique(np.asarray(domains if domains is not None else [""] * len(texts)), return_inverse=True)[1]
        rows = _matrix(cleaned)
        frequent = np.flatnonzero(np.bincount(rows.indices, minlength=1 << BITS) >= _LEAST_FOUND)
        rows = rows[:, frequent]
        scales = _scales(rows, praise, domain)
        kept = frequent[scales > 0]
        rows, scales = _unit(rows[:, scales > 0], scales[scales > 0]), scales[scales > 0]
        machine = _machine(rows, praise)
        apart = _fifth(praise[first])[number]  # the same text is on one side
        sure = _machine(rows[~apart], praise[~apart]).decision_function(rows[apart])
        slope = LogisticRegression(C=10.0, fit_intercept=False).fit(sure[:, None], praise[apart]).coef_[0, 0]
        return cls(
            kept, machine.coef_[0].astype(np.float32), scales.astype(np.float32), float(machine.intercept_[0]),
            float(slope),
        )  # fmt: skip

    def scores(self, texts: Sequence[str]) -> FloatArray:
        """Sentiment of each text, a review or a clause, (n,), −1 to 1: twice the probability of praise, less 1."""
        scores = np.full(len(texts), self.bias)
        for start in range(0, len(texts), BLOCK):
            block = [folded_denials(clean(text)) for text in texts[start : start + BLOCK]]
            rows, places = grams(block, bits=BITS)
            slots = self._slots[places]
            rows, slots = rows[slots >= 0], slots[slots >= 0]
            value = np.bincount(rows, self._values[slots], len(block))
            length = np.bincount(rows, self._squares[slots], len(block))
            scores[start : start + len(block)] += value / np.sqrt(np.maximum(length, 1e-12))
        return np.tanh(self.slope * scores / 2)

    def save(self, file: Any) -> None:
        """Write the model, weights rounded to a byte each: deterministic, about two bytes a feature."""
        weights, scales = self.weights * self.scales, self.scales
        small = np.sign(weights) * np.sqrt(np.abs(weights) / np.abs(weights).max())
        gaps = np.diff(self.places, prepend=0)
        arrays = {
            "gaps": gaps.astype(np.min_scalar_type(int(gaps.max(initial=0)))),
            "weights": np.round(127 * small).astype(np.int8),
            "scales": np.maximum(np.round(255 * scales / scales.max()), 1).astype(np.uint8),
        }
        head = {
            "bias": self.bias, "slope": self.slope, "weight": float(np.abs(weights).max()),
            "scale": float(scales.max()),
        }  # fmt: skip
        contents = {"head.json": json.dumps(head).encode()}
        contents |= {f"{name}.npy": _npy(array) for name, array in arrays.items()}
        with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, content in contents.items():
                archive.writestr(zipfile.ZipInfo(name), content, zipfile.ZIP_DEFLATED, 9)

    @classmethod
    def load(cls, file: Path) -> Self:
        """Read what `save` wrote.

        Raises:
            HubError: `file.unreadable`.
        """
        try:
            with zipfile.ZipFile(file) as archive:
                head = json.loads(archive.read("head.json"))
                arrays = {
                    name: np.load(io.BytesIO(archive.read(f"{name}.npy"))) for name in ("gaps", "weights", "scales")
                }
        except (OSError, KeyError, ValueError, zipfile.BadZipFile) as error:
            raise HubError("file.unreadable", file=file, why=error) from error
        scales = arrays["scales"].astype(np.float32) * np.float32(head["scale"] / 255)
        signed = arrays["weights"].astype(np.float32) / 127
        weights = np.sign(signed) * signed**2 * np.float32(head["weight"]) / scales
        places = np.cumsum(arrays["gaps"].astype(np.int64))
        return cls(places, weights, scales, head["bias"], head["slope"])

    @cached_property
    def _slots(self) -> NDArray[np.int32]:
        """(2 ** BITS,): the feature of a hash place, −1 where it carries no weight."""
        slots = np.full(1 << BITS, -1, np.int32)
        slots[self.places] = np.arange(len(self.places), dtype=np.int32)
        return slots

    @cached_property
    def _values(self) -> NDArray[np.float32]:
        return self.weights * self.scales

    @cached_property
    def _squares(self) -> NDArray[np.float32]:
        return self.scales**2


def _matrix(texts: Sequence[str]) -> scipy.sparse.csr_matrix:
    """(texts, 2 ** BITS), float32: 1 where the text has a sequence of that place."""
    blocks = []
    for start in range(0, len(texts), BLOCK):
        block = texts[start : start + BLOCK]
        rows, places = grams(block, bits=BITS)
        begins = np.searchsorted(rows, np.arange(len(block) + 1))
        shape = (len(block), 1 << BITS)
        blocks.append(
            scipy.sparse.csr_matrix((np.ones(len(places), np.float32), places.astype(np.int32), begins), shape=shape)
        )
    return scipy.sparse.vstack(blocks, format="csr")


def _scales(rows: scipy.sparse.csr_matrix, praise: BoolArray, domain: IntArray) -> FloatArray:
    """(columns,): inverse document frequency × √|log-odds on which the domains agree|; 0 = not a feature."""
    size, domains = rows.shape[1], int(domain.max()) + 1
    total, weight, seen = np.zeros(size), np.zeros(size), np.zeros(size, np.int32)
    for one in range(domains):
        counts = [
            np.bincount(rows[(domain == one) & (praise == label)].indices, minlength=size) for label in (True, False)
        ]
        sizes = [((domain == one) & (praise == label)).sum() for label in (True, False)]
        high, low = counts[0] + 0.5, counts[1] + 0.5
        odds = np.log(high / (sizes[0] + 1 - high)) - np.log(low / (sizes[1] + 1 - low))
        here = (counts[0] + counts[1]) > 0
        trust = here / (1 / high + 1 / low + _BETWEEN)  # inverse variance: of the counts, and between domains
        total, weight, seen = total + trust * odds, weight + trust, seen + here
    found = np.bincount(rows.indices, minlength=size)
    agreed = np.abs(total / (weight + 1.0))
    rarity = np.log((1 + rows.shape[0]) / (1 + found)) + 1
    return np.where(seen >= min(2, domains), rarity * np.sqrt(agreed + 0.05), 0.0)


_LEAST_FOUND = 3  # reviews with a sequence, for it to be learned
_BETWEEN = 0.5  # variance of a sequence's log-odds between domains


def _unit(rows: scipy.sparse.csr_matrix, scales: FloatArray) -> scipy.sparse.csr_matrix:
    """Rows with scaled features, of length 1."""
    scaled = rows.multiply(scales[None, :].astype(np.float32)).tocsr()
    length = np.sqrt(np.asarray(scaled.multiply(scaled).sum(axis=1)).ravel())
    return scipy.sparse.diags(1 / np.maximum(length, 1e-6)).dot(scaled).tocsr().astype(np.float32)


def _machine(rows: scipy.sparse.csr_matrix, praise: BoolArray) -> Any:
    from sklearn.svm import LinearSVC

    return LinearSVC(C=PENALTY, random_state=0).fit(rows, praise)


def _fifth(praise: BoolArray) -> BoolArray:
    """Every fifth of either kind."""
    apart = np.zeros(len(praise), bool)
    for label in (True, False):
        apart[np.flatnonzero(praise == label)[::5]] = True
    return apart


def _npy(array: NDArray[Any]) -> bytes:
    stream = io.BytesIO()
    np.save(stream, array)
    return stream.getvalue()
