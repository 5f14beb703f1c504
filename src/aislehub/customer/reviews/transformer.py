"""A transformer of one's own for the sentiment of whole reviews: any text classifier as ONNX with BERT's vocabulary.

Its file is a zip of two. `model.onnx` takes `input_ids`, `attention_mask` and, if it likes, `token_type_ids`, each
(batch, tokens) of int64, and gives the logits of two or more classes from complaint to praise, (batch, classes).
`vocab.txt` has a piece of a word a line, as trained with BERT (Devlin et al. 2019, https://aclanthology.org/N19-1423).
Words are cut as there: Chinese characters and marks alone, other words into the longest pieces known. Two classes give
the probability of praise, five stars their mean; both are brought to −1 … 1.
"""

from __future__ import annotations

import re
import unicodedata
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from aislehub.core.errors import HubError

__all__ = ["LONGEST", "Transformer"]

LONGEST = 256
"""Pieces of a review that are read, its ends included."""

_BLOCK = 32  # reviews at a time
_LONGEST_WORD = 100  # characters of a word that are looked up, as in BERT
_WORD = re.compile(r"[\u3400-\u9fff\uf900-\ufaff]|[^\W\u3400-\u9fff\uf900-\ufaff_]+|[^\w\s]|_")
_SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]")


@dataclass(frozen=True)
class Transformer:
    """A classifier that is ready to judge.

    Attributes:
        session: of onnxruntime.
        vocabulary: piece → its number.
        small: whether letters are made small and lose their accents, as where the vocabulary has no capital.
    """

    session: Any = field(repr=False)
    vocabulary: Mapping[str, int] = field(repr=False)
    small: bool

    @classmethod
    def load(cls, file: Path) -> Self:
        """Read the zip.

        Raises:
            HubError: `file.unreadable` when it is no such zip, its vocabulary lacks BERT's special pieces, or
                onnxruntime refuses the model, or it gives anything but logits of two classes or more.
        """
        import onnxruntime

        try:
            with zipfile.ZipFile(file) as archive:
                model, listed = archive.read("model.onnx"), archive.read("vocab.txt").decode("utf-8")
        except (OSError, KeyError, ValueError, zipfile.BadZipFile) as error:
            raise HubError("file.unreadable", file=file, why=error) from error
        vocabulary = {piece.rstrip("\r"): number for number, piece in enumerate(listed.rstrip("\n").split("\n"))}
        lacking = [piece for piece in _SPECIAL if piece not in vocabulary]
        if lacking:
            raise HubError("file.unreadable", file=file, why=f"vocab.txt: {', '.join(lacking)}")
        small = all(piece == piece.lower() for piece in vocabulary if not piece.startswith("["))
        options = onnxruntime.SessionOptions()
        options.log_severity_level = 4  # what goes wrong is said by the error
        try:
            session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
            made = cls(session, vocabulary, small)
            made.scores(["", "a"])  # a model that takes or gives something else is refused before the first review
        except Exception as error:  # onnxruntime's errors have no nearer parent
            raise HubError("file.unreadable", file=file, why=error) from error
        return made

    def scores(self, texts: Sequence[str]) -> NDArray[np.float64]:
        """Sentiment of each clean text, (n,), −1 to 1."""
        pieces = [self.pieces(text) for text in texts]
        found = np.zeros(len(texts))
        ordered = sorted(range(len(texts)), key=lambda at: len(pieces[at]))  # alike in length: little to pad
        for start in range(0, len(ordered), _BLOCK):
            block = ordered[start : start + _BLOCK]
            found[block] = self._judge([pieces[at] for at in block])
        return found

    def pieces(self, text: str) -> list[int]:
        """Numbers of the pieces of a text, its ends included, at most `LONGEST`."""
        if self.small:
            parts = unicodedata.normalize("NFD", text.lower())
            text = "".join(part for part in parts if unicodedata.category(part) != "Mn")
        known, found = self.vocabulary, [self.vocabulary["[CLS]"]]
        for word in _WORD.finditer(text):
            found += [known[piece] for piece in self._cut(word.group())]
            if len(found) >= LONGEST - 1:
                break
        return [*found[: LONGEST - 1], known["[SEP]"]]

    def _cut(self, word: str) -> Iterator[str]:
        """The longest known pieces of a word from its beginning; one unknown piece where it has no such cut."""
        found, begin = [], 0
        while begin < len(word) <= _LONGEST_WORD:
            sign = "##" if begin else ""
            ends = range(len(word), begin, -1)
            end = next((end for end in ends if sign + word[begin:end] in self.vocabulary), None)
            if end is None:
                break
            found.append(sign + word[begin:end])
            begin = end
        yield from found if begin == len(word) else ["[UNK]"]

    def _judge(self, pieces: Sequence[Sequence[int]]) -> NDArray[np.float64]:
        ids = np.full((len(pieces), max(map(len, pieces))), self.vocabulary["[PAD]"], np.int64)
        mask = np.zeros_like(ids)
        for row, numbers in enumerate(pieces):
            ids[row, : len(numbers)], mask[row, : len(numbers)] = numbers, 1
        given = {"input_ids": ids, "attention_mask": mask, "token_type_ids": np.zeros_like(ids)}
        taken = {one.name: given[one.name] for one in self.session.get_inputs() if one.name in given}
        logits = np.asarray(self.session.run(None, taken)[0], dtype=np.float64)
        if logits.ndim != 2 or logits.shape[0] != len(pieces) or logits.shape[1] < 2:
            raise ValueError(f"model.onnx: {logits.shape}")
        chances = np.exp(logits - logits.max(axis=1, keepdims=True))
        mean: NDArray[np.float64] = chances @ np.linspace(-1, 1, logits.shape[1]) / chances.sum(axis=1)
        return mean
