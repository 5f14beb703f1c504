"""Forgetting a customer: their part of the learned recommender is taken out exactly, without learning it again.

Beside EASE lies which head items each customer held when it was learned, and nothing more. An erasure takes that row
out of EASE (`Ease.without`) and out of the file, in one replacement, so that doing it twice is as good as once. Trees
cannot be freed of one example; the model's card is marked so that the next day learns it anew.
"""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import scipy
from numpy.typing import NDArray

from aislehub.core.models import learned_cards, sha256
from aislehub.customer.recommend.ease import Ease

__all__ = ["FILE", "forget", "load_ease", "save_ease"]

FILE = "ease.npz"


def save_ease(folder: Path, ease: Ease, customers: Sequence[str] | NDArray[Any], rows: scipy.sparse.csr_matrix) -> None:
    """EASE with which head items each customer held, (C, H)."""
    new = folder / f".{FILE}.new.npz"
    names = np.asarray(customers, dtype=np.str_)
    np.savez(new, items=ease.items, inverse=ease.inverse, customers=names, held=rows.indices, starts=rows.indptr)
    os.replace(new, folder / FILE)


def load_ease(folder: Path) -> Ease:
    """The model alone."""
    with np.load(folder / FILE) as kept:
        return Ease(kept["items"], kept["inverse"])


def forget(models: Path, model: str, person: str) -> dict[str, Any]:
    """Take a person out of every learned version; returns how many held them, nothing where none did."""
    changed = 0
    for card, place in learned_cards(models, model):
        with np.load(place / FILE) as kept:
            ease, customers = Ease(kept["items"], kept["inverse"]), kept["customers"]
            rows = scipy.sparse.csr_matrix(
                (np.ones(len(kept["held"])), kept["held"], kept["starts"]), shape=(len(customers), len(ease.items))
            )
        mine = customers == person
        if not mine.any():
            continue
        row = rows[np.flatnonzero(mine)].toarray().sum(axis=0)
        save_ease(place, ease.without(row), customers[~mine], rows[np.flatnonzero(~mine)])
        files = card.files | {FILE: sha256(place / FILE)}
        marked = replace(card, files=files, code="")  # other code than now: the next day learns it anew
        written = place / ".card.new"
        written.write_text(json.dumps(asdict(marked), indent=2, ensure_ascii=False), encoding="utf-8")
        os.replace(written, place / "card.json")
        changed += 1
    return {"models": changed, "how": "rank-one down-date"} if changed else {}
