"""Read reviews: the language, the sentiment and the aspects of each, with quotes that are the writer's own words."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from aislehub.core.models import catalogue, model_file
from aislehub.customer.reviews.aspects import Term, terms
from aislehub.customer.reviews.clauses import clauses
from aislehub.customer.reviews.cleaning import clean
from aislehub.customer.reviews.language import Language, language_of
from aislehub.customer.reviews.sentiment import Polarity
from aislehub.customer.reviews.targets import Sentence, Targets
from aislehub.customer.reviews.transformer import Transformer

__all__ = ["LONGEST_QUOTE", "Mention", "Models", "Reading", "models", "read_reviews"]

LONGEST_QUOTE = 200
_BLOCK = 2_048
_MOST_SENTENCES = 60
_HAN = re.compile(r"[\u3400-\u9fff]")
_LATIN = re.compile(r"[A-Za-z]{3}")
_SENTENCE = re.compile(r"[^.!?;\n]{1,2000}[.!?;]*")


@dataclass(frozen=True)
class Mention:
    """What a review says of one aspect.

    Attributes:
        aspect: name of the aspect.
        polarity: −1 complaint to 1 praise.
        quote: the clause, an exact part of the review.
    """

    aspect: str
    polarity: float
    quote: str


@dataclass(frozen=True)
class Reading:
    """One review, read.

    Attributes:
        language: zh, en, mixed, other, or none where there are no words.
        sentiment: −1 complaint to 1 praise; 0 without words, and in a language that is not read.
        mentions: in the order of the text.
    """

    language: Language
    sentiment: float
    mentions: tuple[Mention, ...]

    @property
    def aspects(self) -> str:
        """The mentions as a JSON list of {aspect, polarity, quote}."""
        return json.dumps([vars(mention) for mention in self.mentions], ensure_ascii=False)


@dataclass(frozen=True)
class Models:
    """What reads Chinese and what reads English; where there is a transformer, it judges whole reviews of both."""

    chinese: Polarity
    english: Targets
    transformer: Transformer | None = None


@cache
def models(chinese: Path | None = None) -> Models:
    """The models of the catalogue, verified; the Chinese one from a file of one's own where given.

    `reviews_transformer` is in the catalogue where the user put it there.

    Raises:
        HubError: those of `model_file`; `file.unreadable`.
    """
    own = chinese or model_file("reviews_zh")
    listed = "reviews_transformer" in catalogue() and chinese is None
    transformer = Transformer.load(model_file("reviews_transformer")) if listed else None
    return Models(Polarity.load(own), Targets.load(model_file("reviews_en")), transformer)


def read_reviews(texts: Sequence[str], using: Models | None = None) -> list[Reading]:
    """Read each review; as many readings as texts, in their order."""
    using = using or models()
    found: list[Reading] = []
    for start in range(0, len(texts), _BLOCK):
        found += _read_block(texts[start : start + _BLOCK], using)
    return found


@dataclass(frozen=True)
class _Part:
    """A clause: its review, span, language, and the aspects that it names."""

    review: int
    start: int
    end: int
    chinese: bool
    found: tuple[Term, ...]


def _read_block(texts: Sequence[str], using: Models) -> list[Reading]:
    cleaned = [clean(text) for text in texts]
    languages = [language_of(text) for text in cleaned]
    parts = [part for at, text in enumerate(cleaned) for part in _parts(at, text, languages[at])]
    sentiment, pieces = _in_chinese(parts, cleaned, languages, using)
    polarity = _about_terms(parts, cleaned, pieces, using)
    sentiment += _in_english(cleaned, languages, using) + _of_mixed(parts, pieces, languages)
    if using.transformer:
        read = [at for at, language in enumerate(languages) if language not in ("other", "none")]
        sentiment[read] = using.transformer.scores([cleaned[at] for at in read])
    mentions: list[list[Mention]] = [[] for _ in texts]
    for part, values in zip(parts, polarity, strict=True):
        quote = texts[part.review][part.start : min(part.end, part.start + LONGEST_QUOTE)]
        for term, value in zip(part.found, values, strict=True):
            mentions[part.review].append(Mention(term.aspect, float(term.says or round(value, 2)), quote))
    return [
        Reading(language, round(float(value), 3), tuple(said))
        for language, value, said in zip(languages, sentiment, mentions, strict=True)
    ]


def _parts(review: int, text: str, language: Language) -> list[_Part]:
    if language in ("other", "none"):
        return []
    found = []
    for start, end in clauses(text):
        clause = text[start:end]
        chinese = language == "zh" or (language == "mixed" and bool(_HAN.search(clause)))
        found.append(_Part(review, start, end, chinese, _named(clause, chinese)))
    return found


def _named(clause: str, chinese: bool) -> tuple[Term, ...]:
    """The aspects that a clause names; a Chinese one may name them by English words ("size太小") as well."""
    found = tuple(terms(clause, "zh" if chinese else "en"))
    if not chinese or not _LATIN.search(clause):
        return found
    known = {term.aspect for term in found}
    return found + tuple(term for term in terms(clause, "en") if term.aspect not in known)


def _in_chinese(
    parts: Sequence[_Part], cleaned: Sequence[str], languages: Sequence[Language], using: Models
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Sentiment of Chinese reviews, (reviews,), and of Chinese clauses, (parts,); 0 elsewhere."""
    whole, pieces = np.zeros(len(cleaned)), np.zeros(len(parts))
    reviews = [at for at, language in enumerate(languages) if language == "zh"]
    whole[reviews] = using.chinese.scores([cleaned[at] for at in reviews])
    places = [at for at, part in enumerate(parts) if part.chinese]
    pieces[places] = using.chinese.scores([cleaned[parts[at].review][parts[at].start : parts[at].end] for at in places])
    return whole, pieces


def _about_terms(
    parts: Sequence[_Part], cleaned: Sequence[str], pieces: NDArray[np.float64], using: Models
) -> list[list[float]]:
    """Polarity of each aspect that a clause names; of English clauses their own sentiment is put into `pieces`.

    In English it is the mean of what the clause says of the word, which was learned in restaurants alone, and of what
    it says as a whole, which was learned on goods too.
    """
    values = [[pieces[at]] * len(part.found) for at, part in enumerate(parts)]
    english = [at for at, part in enumerate(parts) if not part.chinese]
    cut = [Sentence.of(cleaned[parts[at].review][parts[at].start : parts[at].end]) for at in english]
    if cut:
        pieces[english] = _signed(using.english.overall(cut))
    asked = [
        (at, nth, sentence, sentence.target(term.start, term.end))
        for at, sentence in zip(english, cut, strict=True)
        for nth, term in enumerate(parts[at].found)
    ]
    if asked:
        signed = _signed(using.english.about([(sentence, target) for _, _, sentence, target in asked]))
        for (at, nth, _, _), value in zip(asked, signed.tolist(), strict=True):
            values[at][nth] = (value + float(pieces[at])) / 2
    return values


def _in_english(cleaned: Sequence[str], languages: Sequence[Language], using: Models) -> NDArray[np.float64]:
    """Sentiment of English reviews: that of their sentences, those that judge counting most; 0 elsewhere."""
    english = [at for at, language in enumerate(languages) if language == "en"]
    cut = [_SENTENCE.findall(cleaned[at])[:_MOST_SENTENCES] for at in english]
    flat = [Sentence.of(text) for sentences in cut for text in sentences]
    if not flat:
        return np.zeros(len(cleaned))
    chances = using.english.overall(flat)
    owner = np.repeat(english, [len(sentences) for sentences in cut])
    return _mean(_signed(chances), 1.05 - chances[:, 1], owner, len(cleaned))


def _of_mixed(
    parts: Sequence[_Part], pieces: NDArray[np.float64], languages: Sequence[Language]
) -> NDArray[np.float64]:
    """Sentiment of mixed reviews: that of their clauses, by length; 0 elsewhere."""
    mixed = [at for at, part in enumerate(parts) if languages[part.review] == "mixed"]
    owner = np.array([parts[at].review for at in mixed], np.int64)
    length = np.array([parts[at].end - parts[at].start for at in mixed], float)
    return _mean(pieces[mixed], length, owner, len(languages))


def _mean(
    values: NDArray[np.float64], weights: NDArray[np.float64], owner: NDArray[np.int64], size: int
) -> NDArray[np.float64]:
    """Weighted mean of each owner's values, (size,); 0 where it has none."""
    total = np.bincount(owner, weights * values, size)
    mean: NDArray[np.float64] = total / np.maximum(np.bincount(owner, weights, size), 1e-9)
    return mean


def _signed(chances: NDArray[np.float64]) -> NDArray[np.float64]:
    signed: NDArray[np.float64] = chances[:, 2] - chances[:, 0]
    return signed
