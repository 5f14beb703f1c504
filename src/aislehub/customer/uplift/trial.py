"""A trial: who was treated by lot, what is known of each from before, and what came of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from aislehub.core.errors import HubError, did_you_mean

__all__ = ["LEAST", "FloatArray", "Trial", "described", "trial_of"]

FloatArray = NDArray[np.float64]
LEAST = 100  # members of an arm: with fewer nothing can be said of parts of them
MOST_LEVELS = 30  # of a column of words: a column with more names its rows rather than describing them
_TREATED = {"1", "true", "yes", "y", "treatment", "treated"}
_CONTROL = {"0", "false", "no", "n", "control", "untreated", "holdout"}


@dataclass(frozen=True)
class Trial:
    """Units of two arms.

    Attributes:
        features: what was known before, (n, k), finite.
        names: the column of the file that each feature comes from, (k,).
        treated: (n,).
        outcome: (n,).
        rows: places in the file, (n,).
        left_out: columns that describe nothing: one value only, or nearly as many words as rows.
        chance: with which each was drawn to be treated, (n,), where it is not the same for all: several sends.
    """

    features: FloatArray
    names: tuple[str, ...]
    treated: NDArray[np.bool_]
    outcome: FloatArray
    rows: NDArray[np.int64]
    left_out: tuple[str, ...] = ()
    chance: FloatArray | None = None

    @property
    def share(self) -> float:
        """Share of the treated."""
        return float(self.treated.mean())

    @property
    def chances(self) -> FloatArray:
        """With which each was drawn to be treated, (n,)."""
        return np.full(len(self.treated), self.share) if self.chance is None else self.chance

    @property
    def weights(self) -> FloatArray:
        """One over the chance of each unit's own arm, (n,): so weighted, arms are alike though chances differ."""
        return 1 / np.where(self.treated, self.chances, 1 - self.chances)

    def part(self, which: NDArray[np.bool_] | NDArray[np.int64]) -> Trial:
        """Some of the units."""
        return Trial(
            self.features[which], self.names, self.treated[which], self.outcome[which], self.rows[which],
            self.left_out, None if self.chance is None else self.chance[which],
        )  # fmt: skip


def trial_of(
    frame: pd.DataFrame, treatment: str, outcome: str, features: Sequence[str] = (), *, treated: str = "",
    control: str = "",
) -> Trial:  # fmt: skip
    """The trial that a table holds.

    Args:
        features: columns known before the treatment; empty = all but treatment and outcome.
        treated, control: values of the treatment's column; rows of other arms are left out. Empty = 1 and 0, yes and
            no, treatment and control.

    Raises:
        HubError: `uplift.column`, `uplift.arms`, `uplift.one_arm`, `uplift.outcome`, `uplift.few`,
            `uplift.no_features`.
    """
    for name in (treatment, outcome, *features):
        if name not in frame.columns:
            raise HubError("uplift.column", column=name, suggestion=did_you_mean(name, list(map(str, frame.columns))))
    is_treated, is_control = _arms(frame[treatment], treatment, treated, control)
    y = pd.to_numeric(frame[outcome], errors="coerce").astype(float)
    y = y.where(np.isfinite(y))
    if y.isna().all():
        raise HubError("uplift.outcome", column=outcome)
    mine = (is_treated | is_control) & y.notna().to_numpy()
    counts = {"treated": int(is_treated[mine].sum()), "control": int(is_control[mine].sum())}
    if min(counts.values()) < LEAST:
        raise HubError("uplift.few", least=LEAST, **counts)
    columns = list(features) or [name for name in frame.columns if name not in (treatment, outcome)]
    values, names, left_out = described(frame, [name for name in columns if name not in (treatment, outcome)])
    if not names:
        raise HubError("uplift.no_features", column=treatment)
    return Trial(values[mine], names, is_treated[mine], y.to_numpy()[mine], np.flatnonzero(mine), left_out)


def described(frame: pd.DataFrame, columns: Sequence[str]) -> tuple[FloatArray, tuple[str, ...], tuple[str, ...]]:
    """Columns as numbers.

    Returns:
        Features (n, k), finite; the column that each comes from, (k,); columns that describe nothing.
    """
    made = {name: _described(frame[name]) for name in columns}
    used = {name: values for name, values in made.items() if values is not None}
    names = tuple(str(name) for name, values in used.items() for _ in range(values.shape[1]))
    left_out = tuple(str(name) for name, values in made.items() if values is None)
    return np.hstack([np.empty((len(frame), 0)), *used.values()]), names, left_out


def _arms(column: pd.Series, name: str, treated: str, control: str) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Which rows are of which arm."""
    words = column.map(_word)
    known = words[words != ""].unique()
    lower = {word.lower(): word for word in known}
    chosen = {"treated": treated, "control": control}
    for side, values in (("treated", _TREATED), ("control", _CONTROL)):
        if not chosen[side] and len(known) == 2:
            found = [lower[value] for value in values if value in lower]
            chosen[side] = found[0] if found else ""
    if len(known) == 1:
        raise HubError("uplift.one_arm", column=name, value=known[0])
    if not all(value in known for value in chosen.values()) or chosen["treated"] == chosen["control"]:
        raise HubError("uplift.arms", column=name, count=len(known), values=", ".join(sorted(known)[:8]))
    return (words == chosen["treated"]).to_numpy(bool), (words == chosen["control"]).to_numpy(bool)


def _word(value: object) -> str:
    """A value of the treatment as people write it: 1.0 and True are 1."""
    if value is None or value is pd.NA or (isinstance(value, float) and np.isnan(value)):
        return ""
    if isinstance(value, bool | np.bool_):
        return str(int(value))
    if isinstance(value, float | np.floating) and float(value).is_integer():
        return str(int(value))
    return str(value).strip()


def _described(column: pd.Series) -> FloatArray | None:
    """A column as numbers, (n, columns); None where it describes nothing.

    A gap is the median with a mark beside it, a word a column of its own.
    """
    if pd.api.types.is_bool_dtype(column) or pd.api.types.is_numeric_dtype(column):
        values = column.astype(float).to_numpy(na_value=np.nan)
        values = np.where(np.isfinite(values), values, np.nan)
        gap = np.isnan(values)
        if gap.all() or np.nanmin(values) == np.nanmax(values):
            return None
        filled = np.where(gap, np.nanmedian(values), values)
        return np.column_stack([filled, gap]) if gap.any() else filled[:, None]
    words = column.astype("string").fillna("")
    levels = sorted(words.unique())
    if not 1 < len(levels) <= MOST_LEVELS:
        return None
    return np.column_stack([(words == level).to_numpy(float) for level in levels[1:]])
