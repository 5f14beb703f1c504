"""English: what a clause says about one of its words, good, bad or nothing, from the words around it.

A softmax regression on the words and pairs of words near the target, weighted by how far they are, those of the same
clause apart from the rest, each marked when it is denied; and on the valences of a lexicon, summed in the clause, the
sentence and beside the target (the features that did best at SemEval-2014: Kiritchenko et al.,
https://aclanthology.org/S14-2076). The lexicon is VADER's (Hutto & Gilbert 2014, MIT). Hashed like the Chinese model.

Asked without a target, it says what a whole sentence means.
"""

from __future__ import annotations

import io
import json
import math
import re
import tomllib
import zipfile
import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path
from typing import Any, Self

import numpy as np
import scipy
from numpy.typing import NDArray

from aislehub.core.errors import HubError

__all__ = ["CLASSES", "Sentence", "Targets", "examples", "lexicon_of", "own_words", "rated"]

CLASSES = (-1, 0, 1)
BITS = 17
PENALTY = 1.0  # chosen with the class weights by cross-validation on the training part
WEIGHTS = {-1: 1.2, 0: 1.4, 1: 1.0}
FloatArray = NDArray[np.float64]

_TOKEN = re.compile(r"n't|[a-z]+(?=n't)|[a-z]+|\d+|[^\sa-z\d]")
_DENIALS = frozenset({
    "not", "no", "n't", "never", "nothing", "none", "nobody", "hardly", "barely", "without", "nor", "neither",
    "cannot", "cant", "dont", "didnt", "doesnt", "isnt", "wasnt", "wont", "wouldnt", "couldnt", "lack", "lacks",
    "lacking",
})  # fmt: skip
_TURNS = frozenset(["but", "however", "although", "though", "while", "whereas", "yet", "except"])
_CONTRADICTS = frozenset(["but", "however", "yet"])
_LONGEST_PHRASE = 5
_ENDS = frozenset(".;!?")
_MARKS = frozenset(",.;:!?()-")
_SUPERLATIVE = frozenset(["so", "such"])
_REACH = 4  # words that a denial reaches


@dataclass(frozen=True)
class Sentence:
    """A sentence cut into small words.

    Attributes:
        words: lower-case words and marks.
        places: where each begins in the text.
        denied: whether each stands in reach of a denial.
    """

    words: tuple[str, ...]
    places: tuple[int, ...]
    denied: tuple[bool, ...]

    @classmethod
    def of(cls, text: str) -> Self:
        small = text.translate(_SMALL)
        found = [(match.group(), match.start()) for match in _TOKEN.finditer(small)]
        words = tuple(word for word, _ in found)
        return cls(words, tuple(place for _, place in found), _denied(words))

    def target(self, start: int, end: int) -> tuple[int, int]:
        """(first, behind the last) word of the characters from `start` to `end`."""
        inside = [at for at, place in enumerate(self.places) if start <= place < end]
        return (inside[0], inside[-1] + 1) if inside else (0, 0)


@dataclass(frozen=True)
class Targets:
    """The learned model.

    Attributes:
        lexicon: word → valence, −1 to 1.
        near, whole: (2 ** BITS, 3) and biases (3,): weights with a target and without.
    """

    lexicon: Mapping[str, float] = field(repr=False)
    near: FloatArray = field(repr=False)
    near_bias: FloatArray
    whole: FloatArray = field(repr=False)
    whole_bias: FloatArray

    @classmethod
    def learn(
        cls, sentences: Sequence[str], spans: Sequence[tuple[int, int]], polarity: Sequence[int],
        lexicon: Mapping[str, float], judged_whole: Sequence[tuple[str, int]] = (),
    ) -> Self:  # fmt: skip
        """Learn from sentences with a target's span and its polarity (−1, 0, 1).

        Where all targets of a sentence are judged alike, the whole sentence is an example without a target too, beside
        those of `judged_whole`, sentences and their polarity; one that stands there twice counts twice.
        """
        cut = [Sentence.of(text) for text in sentences]
        near = _rows((_features(one, one.target(*span), lexicon) for one, span in zip(cut, spans, strict=True)))
        judged: dict[str, set[int]] = {}
        for text, label in zip(sentences, polarity, strict=True):
            judged.setdefault(text, set()).add(label)
        alike = [(text, labels.pop()) for text, labels in judged.items() if len(labels) == 1] + [*judged_whole]
        whole = _rows(_features(Sentence.of(text), None, lexicon) for text, _ in alike)
        a, b = _fit(near, list(polarity)), _fit(whole, [label for _, label in alike])
        return cls(lexicon, a[0], a[1], b[0], b[1])

    def about(self, asked: Sequence[tuple[Sentence, tuple[int, int]]]) -> FloatArray:
        """(asked, 3): probabilities of bad, nothing and good for a target (first, behind the last word) each."""
        rows = _rows(_features(sentence, target, self.lexicon) for sentence, target in asked)
        return _softmax(rows @ self.near + self.near_bias)

    def overall(self, sentences: Sequence[Sentence]) -> FloatArray:
        """(sentences, 3): probabilities of bad, nothing and good for whole sentences."""
        rows = _rows(_features(sentence, None, self.lexicon) for sentence in sentences)
        return _softmax(rows @ self.whole + self.whole_bias)

    def save(self, file: Any) -> None:
        """Write the model, weights rounded to 16 bits: deterministic."""
        head = json.dumps({"lexicon": dict(sorted(self.lexicon.items()))}, ensure_ascii=False).encode()
        arrays = {name: getattr(self, name).astype(np.float16) for name in ("near", "near_bias", "whole", "whole_bias")}
        with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr(zipfile.ZipInfo("head.json"), head, zipfile.ZIP_DEFLATED, 9)
            for name, array in arrays.items():
                stream = io.BytesIO()
                np.save(stream, array)
                archive.writestr(zipfile.ZipInfo(f"{name}.npy"), stream.getvalue(), zipfile.ZIP_DEFLATED, 9)

    @classmethod
    def load(cls, file: Path) -> Self:
        """Read what `save` wrote.

        Raises:
            HubError: `file.unreadable`.
        """
        try:
            with zipfile.ZipFile(file) as archive:
                head = json.loads(archive.read("head.json"))
                arrays = {name: np.load(io.BytesIO(archive.read(f"{name}.npy"))).astype(np.float32)
                          for name in ("near", "near_bias", "whole", "whole_bias")}  # fmt: skip
        except (OSError, KeyError, ValueError, zipfile.BadZipFile) as error:
            raise HubError("file.unreadable", file=file, why=error) from error
        return cls(head["lexicon"], **arrays)


def _features(sentence: Sentence, target: tuple[int, int] | None, lexicon: Mapping[str, float]) -> dict[str, float]:
    """Feature → value of one target in its sentence; of the whole sentence where there is no target."""
    words, denied = sentence.words, sentence.denied
    size = len(words)
    start, end = target or (0, 0)
    begin, stop = _clause(words, start, end) if target else (_conclusion(words), size)
    inner = _between_commas(words, start, end, begin, stop) if target else (begin, size)
    far = [max(start - at, at - end + 1, 0) if target else 3 for at in range(size)]
    valence = [value if away else 0.0 for value, away in zip(_valence(words, denied, lexicon), far, strict=True)]
    found: dict[str, float] = {}
    for name, (left, right) in {"inner": inner, "clause": (begin, stop), "all": (0, size)}.items():
        found |= _valences(name, valence[left:right], far[left:right])
    if target:
        found |= _beside(words, valence, far, start, end)
    shown = [f"!{word}" if denied[at] else word for at, word in enumerate(words)]
    for at, word in enumerate(shown):
        if not far[at]:
            continue
        near = 1 / math.sqrt(1 + 0.3 * far[at])
        here = begin <= at < stop
        _add(found, f"all {word}", 0.25 * near)
        if here:
            _add(found, f"clause {word}", 0.5 * near)
        if at + 1 < size and far[at + 1]:
            _add(found, f"pair {word} {shown[at + 1]}", 0.35 * near * (1.0 if here else 0.4))
    for word in words[start:end]:
        _add(found, f"target {word}", 0.3)
    denies = [word in _DENIALS for word in words]
    found |= {
        "long": math.log(max(size, 1)) / 3, "lists": words.count(",") / 5,
        "turn before": float(any(word in _TURNS for word in words[:start])),
        "turn behind": float(any(word in _TURNS for word in words[end:])),
        "denied here": float(any(denied[begin:stop])), "denies": float(any(denies)),
        "calls": float("!" in words), "asks": float("?" in words),
    }  # fmt: skip
    return found


def _valence(words: Sequence[str], denied: Sequence[bool], lexicon: Mapping[str, float]) -> list[float]:
    """The lexicon's valence of each word, turned where it is denied; of a phrase, at its last word."""
    found = [0.0] * len(words)
    at = 0
    while at < len(words):
        longest = min(_LONGEST_PHRASE, len(words) - at)
        size = next((size for size in range(longest, 1, -1) if " ".join(words[at : at + size]) in lexicon), 1)
        value = lexicon.get(" ".join(words[at : at + size]), 0.0)
        found[at + size - 1] = (-0.7 if denied[at] else 1.0) * value
        at += size
    return found


def _valences(name: str, valence: Sequence[float], far: Sequence[int]) -> dict[str, float]:
    """Sums and extremes of the lexicon's valences in a stretch of words, those far away counting less."""
    weighed = [value / math.sqrt(1 + 0.3 * away) for value, away in zip(valence, far, strict=True) if value]
    good, bad = sum(v for v in weighed if v > 0), -sum(v for v in weighed if v < 0)
    return {
        f"good {name}": 2 * good, f"bad {name}": 2 * bad, f"sum {name}": 2 * (good - bad),
        f"best {name}": 2 * max([*valence, 0.0]), f"worst {name}": 2 * min([*valence, 0.0]),
        f"silent {name}": float(not weighed),
    }  # fmt: skip


def _beside(
    words: Sequence[str], valence: Sequence[float], far: Sequence[int], start: int, end: int
) -> dict[str, float]:
    """What stands directly before and behind the target."""
    found: dict[str, float] = {}
    loaded = min(((far[at], value) for at, value in enumerate(valence) if value), default=None)
    if loaded:
        found["nearest"] = 2 * loaded[1] / (1 + 0.1 * loaded[0])
    found["before"] = 3 * sum(valence[at] / far[at] for at in range(max(0, start - 4), start))
    found["behind"] = 3 * sum(valence[at] / far[at] for at in range(end, min(len(words), end + 6)))
    for step in (1, 2, 3):
        if start >= step:
            found[f"left {step} {words[start - step]}"] = 0.35
        if end + step <= len(words):
            found[f"right {step} {words[end + step - 1]}"] = 0.35
    if start >= 2:
        found[f"left pair {words[start - 2]} {words[start - 1]}"] = 0.25
    if end + 2 <= len(words):
        found[f"right pair {words[end]} {words[end + 1]}"] = 0.25
    return found


def _clause(words: Sequence[str], start: int, end: int) -> tuple[int, int]:
    """The stretch around the target up to the next word that turns the thought or mark that ends it."""
    while start and words[start - 1] not in _TURNS and words[start - 1] not in _ENDS:
        start -= 1
    while end < len(words) and words[end] not in _TURNS and words[end] not in _ENDS:
        end += 1
    return start, end


def _conclusion(words: Sequence[str]) -> int:
    """Where begins what a sentence comes to: behind its last `but`, else at its beginning."""
    return max((at + 1 for at, word in enumerate(words[:-1]) if word in _CONTRADICTS), default=0)


def _between_commas(words: Sequence[str], start: int, end: int, begin: int, stop: int) -> tuple[int, int]:
    while start > begin and words[start - 1] != ",":
        start -= 1
    while end < stop and words[end] != ",":
        end += 1
    return start, end


def _denied(words: Sequence[str]) -> tuple[bool, ...]:
    """Whether each word stands within four words behind a denial, with no mark or turn between.

    "Never such a bad one" and "never so good" deny nothing: they say that it was the worst, the best.
    """
    left, found, denial = 0, [], ""
    for word in words:
        if word in _DENIALS:
            left, denial = _REACH, word
            found.append(False)
            continue
        if word in _MARKS or word in _TURNS or (denial == "never" and word in _SUPERLATIVE):
            left = 0
        found.append(left > 0)
        left -= left > 0
    return tuple(found)


def _add(found: dict[str, float], name: str, value: float) -> None:
    found[name] = found.get(name, 0.0) + value


def _rows(features: Iterable[Mapping[str, float]]) -> scipy.sparse.csr_matrix:
    """(n, 2 ** BITS): features at the place of their hash."""
    places: list[int] = []
    values: list[float] = []
    begins = [0]
    for one in features:
        places += [zlib.crc32(name.encode()) >> (32 - BITS) for name in one]
        values += one.values()
        begins.append(len(places))
    rows = scipy.sparse.csr_matrix(
        (np.array(values, np.float32), np.array(places, np.int32), np.array(begins)), (len(begins) - 1, 1 << BITS)
    )
    rows.sum_duplicates()
    return rows


def _fit(rows: scipy.sparse.csr_matrix, polarity: Sequence[int]) -> tuple[FloatArray, FloatArray]:
    from sklearn.linear_model import LogisticRegression

    used = np.unique(rows.indices)
    machine = LogisticRegression(C=PENALTY, class_weight=WEIGHTS, max_iter=1_000).fit(rows[:, used], polarity)
    weights = np.zeros((rows.shape[1], len(CLASSES)))
    weights[used] = machine.coef_.T
    return weights, machine.intercept_


def _softmax(scores: FloatArray) -> FloatArray:
    raised: FloatArray = np.exp(scores - scores.max(axis=1, keepdims=True))
    return raised / raised.sum(axis=1, keepdims=True)


_SMALL = {code: code + 32 for code in range(ord("A"), ord("Z") + 1)} | {0x2019: "'"}


def examples(file: Path) -> tuple[list[str], list[tuple[int, int]], list[int]]:
    """Sentences, the span of the target in each, and its polarity, from a file of three lines an example.

    Raises:
        HubError: `file.missing`, `file.unreadable` when the lines do not come in threes or hold no target.
    """
    if not file.is_file():
        raise HubError("file.missing", file=file)
    lines = [line.strip() for line in file.read_text(encoding="utf-8").splitlines()]
    sentences, spans, polarity = [], [], []
    for at in range(0, len(lines) - 2, 3):
        begin = lines[at].find("$T$")
        if begin < 0 or lines[at + 2] not in ("-1", "0", "1"):
            raise HubError("file.unreadable", file=file, why=f"line {at + 1}")
        sentences.append(lines[at].replace("$T$", lines[at + 1], 1))
        spans.append((begin, begin + len(lines[at + 1])))
        polarity.append(int(lines[at + 2]))
    return sentences, spans, polarity


def rated(file: Path) -> dict[str, int]:
    """Sentence → polarity, from a file of VADER's sentences: number, mean rating from −4 to 4, sentence.

    Raises:
        HubError: `file.missing`.
    """
    if not file.is_file():
        raise HubError("file.missing", file=file)
    cells = (line.split("\t") for line in file.read_text(encoding="utf-8", errors="replace").splitlines())
    return {
        text.replace("''", '"').strip(): (float(rating) > _RATED) - (float(rating) < -_RATED)
        for _, rating, text in (three for three in cells if len(three) == 3)
    }


_RATED = 0.5  # mean rating from which a sentence judges


def own_words() -> dict[str, float]:
    """Words and phrases of `english.toml`: → 0.5 or −0.5, written as sentences are cut."""
    lists = tomllib.loads((resources.files("aislehub.customer.reviews") / "english.toml").read_text(encoding="utf-8"))
    return {
        " ".join(Sentence.of(text).words): value
        for side, value in (("good", 0.5), ("bad", -0.5))
        for text in (*lists[side]["words"], *lists[side]["phrases"])
    }


def lexicon_of(file: Path) -> dict[str, float]:
    """VADER's lexicon: word → valence, −1 to 1.

    Raises:
        HubError: `file.missing`.
    """
    if not file.is_file():
        raise HubError("file.missing", file=file)
    lines = (line.split("\t") for line in file.read_text(encoding="utf-8").splitlines())
    return {cells[0]: round(float(cells[1]) / 4, 4) for cells in lines if len(cells) > 1}
