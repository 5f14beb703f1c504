"""What a training leaves: sums and coefficients, from which every party makes the same models, and their card."""

from __future__ import annotations

import io
import json
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from aislehub.core.errors import HubError
from aislehub.core.models import Card, save_learned
from aislehub.customer.federated import recommender
from aislehub.customer.federated.record import FILE as RECORD
from aislehub.customer.federated.record import MODEL
from aislehub.customer.federated.triangle import triangle_length
from aislehub.customer.federated.wire import Message
from aislehub.customer.recommend.ease import Ease

__all__ = ["Learned"]

_CODE = "aislehub.customer.federated/2"


@dataclass(frozen=True)
class Learned:
    """One recommender and two forecasts.

    Attributes:
        head: items of the recommender, (H,).
        half: the sum of all parties' upper halves of XᵀX, (H · (H + 1) / 2,).
        ridge: λ, in members.
        sigma: noise of each number of `half`.
        coefficients: of the forecasts, by kind, (FEATURES,) each.
        card: what is published: parties, members or the promise to them, days.
        record: of the rounds (`record_of`).
    """

    head: list[str]
    half: NDArray[np.float64]
    ridge: float
    sigma: float
    coefficients: Mapping[str, NDArray[np.float64]]
    card: Mapping[str, Any]
    record: Mapping[str, Any]

    @cached_property
    def ease(self) -> Ease:
        return recommender.fit(self.half, self.ridge, self.sigma)

    def usable(self) -> Self:
        """Itself, once the recommender could be made.

        Raises:
            HubError: `federated.no_solution`.
        """
        _ = self.ease  # made once, and kept
        return self

    def message(self) -> Message:
        """What every party is sent."""
        file = io.BytesIO()
        np.savez_compressed(file, allow_pickle=False, half=self.half, **self.coefficients)
        facts = {
            "head": self.head,
            "ridge": self.ridge,
            "sigma": self.sigma,
            "card": dict(self.card),
            "record": dict(self.record),
        }
        return Message("result", facts, file.getvalue())

    @classmethod
    def read(cls, message: Message) -> Self:
        """What came over the wire.

        Raises:
            HubError: `federated.no_message`.
        """
        facts = message.facts
        try:
            with np.load(io.BytesIO(message.body), allow_pickle=False) as file:
                arrays = {name: np.asarray(file[name], dtype=float) for name in file.files}
            half, head = arrays.pop("half"), [str(item) for item in facts["head"]]
            whole = all(np.isfinite(array).all() for array in (half, *arrays.values()))
            if not whole or len(half) != triangle_length(len(head)):
                raise ValueError("half")
            card = dict(facts["card"])
            card["until"] = date.fromisoformat(card["until"]).isoformat()  # it names the folder in the catalogue
            card["clip"], card["parties"] = float(card["clip"]), [str(party) for party in card["parties"]]
            return cls(
                head, half, float(facts["ridge"]), float(facts["sigma"]), arrays, card, dict(facts["record"])
            ).usable()
        except (KeyError, TypeError, ValueError, OSError, HubError) as error:
            raise HubError("federated.no_message", party="coordinator") from error

    def save(self, models: Path, *, why: str) -> Card:
        """Put it into a catalogue of models, with its card."""
        models.mkdir(parents=True, exist_ok=True)
        made = Path(tempfile.mkdtemp(prefix=".federated-", dir=models))
        # Single precision: half the file, and the scores' order is the same.
        inverse = self.ease.inverse.astype(np.float32)
        np.savez_compressed(made / "recommender.npz", allow_pickle=False, items=np.array(self.head), inverse=inverse)
        told = {kind: found.tolist() for kind, found in self.coefficients.items()}
        (made / RECORD).write_text(json.dumps(self.record, indent=2, ensure_ascii=False), encoding="utf-8")
        (made / "forecast.json").write_text(json.dumps(told, indent=2), encoding="utf-8")
        return save_learned(
            models, MODEL, made, day=str(self.card["until"]), metrics=self.card, versions={}, code=_CODE,
            policy=f"{self.card['head']}:{self.card['clip']}:{self.ridge}", why=why,
        )  # fmt: skip
