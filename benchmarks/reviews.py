"""Reviews: sentiment on goods of known and of unseen trades, aspect polarity, and speed, beside plain baselines.

`online_shopping_10_cats` (62,774 Chinese reviews of ten trades): a fifth of the texts is held out, the same text on one
side; then each trade is judged by a model that has seen none of it. Baseline: TF-IDF of one to three characters with a
linear support-vector machine. `absa_restaurants` (SemEval-2014 task 4, English): polarity of a term, learned from the
training part, beside the majority, and beside words and pairs of words of the sentence in logistic regression. All are
learned here, from their training side alone. Last, the shipped models on lines of our own (`reviews_own.csv`: short,
mostly without a word of praise or blame; written by the house before it worked on the models, and never learned from):
the sign of the sentiment, and the aspects with their polarity. Intervals: 95 %, over reviews, paired for differences;
over the ten trades for their mean.
"""

from __future__ import annotations

import os
import resource
import time
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import scipy.sparse as sp
from numpy.typing import NDArray
from sklearn.feature_extraction.text import CountVectorizer, TfidfTransformer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import f1_score
from sklearn.svm import LinearSVC

from aislehub.core.errors import HubError
from aislehub.customer.reviews.cleaning import clean
from aislehub.customer.reviews.reading import Reading, models, read_reviews
from aislehub.customer.reviews.sentiment import Polarity
from aislehub.customer.reviews.targets import CLASSES, Sentence, Targets, examples

__all__ = ["run"]

CHINESE = "reviews/online_shopping_10_cats/online_shopping_10_cats.zip"
ENGLISH = "absa_restaurants"
OWN = Path(__file__).parent / "reviews_own.csv"
RESAMPLES = 1_000
SPEED = 6_000
Row = dict[str, Any]
BoolArray = NDArray[np.bool_]


def run(data: Path | None = None, *, quick: bool = False, seed: int = 0) -> list[Row]:
    """Rows of the benchmark.

    Args:
        data: folder that holds both data sets; default: AISLEHUB_TEST_DATA, else ../shared/data.
        quick: 5,000 reviews, and two trades left out.
        seed: of the split and of the bootstrap.

    Raises:
        HubError: `file.missing`.
    """
    folder = data or Path(os.environ.get("AISLEHUB_TEST_DATA", Path(__file__).parents[2] / "shared" / "data"))
    frame = _chinese(folder / CHINESE)
    if quick:
        frame = frame.sample(5_000, random_state=seed).reset_index(drop=True)
    held = np.random.default_rng(seed).random(int(frame["text"].max()) + 1)[frame["text"]] < 0.2
    counts = CountVectorizer(analyzer="char", ngram_range=(1, 3), dtype=np.float32).fit_transform(frame["review"])
    rows = _split(frame, counts, held, seed)
    rows += _trades(frame, counts, sorted(frame["cat"].unique())[: 2 if quick else None], seed)
    rows += _terms(folder / ENGLISH, seed) + _own_lines(seed)
    return rows + _speed(frame["review"].tolist()[:SPEED])


def _chinese(file: Path) -> pd.DataFrame:
    if not file.is_file():
        raise HubError("file.missing", file=file)
    with zipfile.ZipFile(file) as archive, archive.open("online_shopping_10_cats.csv") as stream:
        frame = pd.read_csv(stream).dropna().reset_index(drop=True)
    words = frame["review"].map(clean).str.strip()
    return frame.assign(praise=frame["label"] == 1, text=pd.factorize(words)[0])


def _judged(
    frame: pd.DataFrame, counts: sp.csr_matrix, learn: BoolArray, judge: BoolArray
) -> dict[str, tuple[BoolArray, float]]:
    """Contender → which of the judged reviews it has right, and its CPU-seconds.

    The baseline's characters are counted once for all splits; which of them it has, and how rare they are, comes from
    the reviews it learns from, as in `TfidfVectorizer(analyzer="char", ngram_range=(1, 3), min_df=2)`.
    """
    seen, asked = frame[learn], frame[judge]
    found = {}
    began = time.process_time()
    model = Polarity.learn(list(seen["review"]), seen["praise"].to_numpy(), list(seen["cat"]))
    right = (model.scores(list(asked["review"])) > 0) == asked["praise"].to_numpy()
    found["aislehub"] = right, time.process_time() - began
    began = time.process_time()
    known = np.bincount(counts[learn].indices, minlength=counts.shape[1]) >= 2
    features = TfidfTransformer(sublinear_tf=True).fit(counts[learn][:, known])
    machine = LinearSVC().fit(features.transform(counts[learn][:, known]), seen["praise"])
    right = machine.predict(features.transform(counts[judge][:, known])) == asked["praise"].to_numpy()
    found["tf-idf + svm"] = right, time.process_time() - began
    return found


def _split(frame: pd.DataFrame, counts: sp.csr_matrix, held: BoolArray, seed: int) -> list[Row]:
    found = _judged(frame, counts, ~held, held)
    data = f"online_shopping_10_cats, {int(held.sum())} of {len(frame)} held out"
    rows = [_row(data, name, "accuracy", right, spent, seed) for name, (right, spent) in found.items()]
    gain = found["aislehub"][0].astype(float) - found["tf-idf + svm"][0]
    return [*rows, _row(data, "aislehub", "accuracy over tf-idf + svm", gain, None, seed)]


def _trades(frame: pd.DataFrame, counts: sp.csr_matrix, trades: Sequence[str], seed: int) -> list[Row]:
    shares: dict[str, list[float]] = {}
    spent: dict[str, float] = {}
    for trade in trades:
        judge = (frame["cat"] == trade).to_numpy()
        learn = ~judge & ~frame["text"].isin(frame.loc[judge, "text"]).to_numpy()
        for name, (right, seconds) in _judged(frame, counts, learn, judge).items():
            shares.setdefault(name, []).append(float(right.mean()))
            spent[name] = spent.get(name, 0.0) + seconds
    data = f"online_shopping_10_cats, {len(trades)} trades, each unseen"
    rows = [_row(data, name, "mean accuracy", np.array(each), spent[name], seed) for name, each in shares.items()]
    rows += [
        {**_row(data, name, f"accuracy on {trade}", np.array([share]), None, seed), "low": None, "high": None}
        for name, each in shares.items()
        for trade, share in zip(trades, each, strict=True)
    ]
    gain = np.array(shares["aislehub"]) - np.array(shares["tf-idf + svm"])
    return [*rows, _row(data, "aislehub", "mean accuracy over tf-idf + svm", gain, None, seed)]


def _terms(folder: Path, seed: int) -> list[Row]:
    """Polarity of terms in English; the lexicon is the shipped model's, which holds nothing of the test part."""
    sentences, spans, polarity = examples(folder / "Restaurants_Train.xml.seg")
    asked, places, truth = examples(folder / "Restaurants_Test_Gold.xml.seg")
    began = time.process_time()
    model = Targets.learn(sentences, spans, polarity, models().english.lexicon)
    cut = [Sentence.of(text) for text in asked]
    chances = model.about([(one, one.target(*place)) for one, place in zip(cut, places, strict=True)])
    answers = {"aislehub": (np.array(CLASSES)[chances.argmax(axis=1)], time.process_time() - began)}
    began = time.process_time()
    words = CountVectorizer(ngram_range=(1, 2), binary=True)
    plain = LogisticRegression(max_iter=400).fit(words.fit_transform(sentences), polarity)
    answers["words + logistic"] = plain.predict(words.transform(asked)), time.process_time() - began
    answers["majority"] = np.full(len(truth), max(CLASSES, key=polarity.count)), 0.0
    data = f"absa_restaurants, {len(truth)} terms of the test part"
    rows = []
    for name, (answer, spent) in answers.items():
        rows.append(_row(data, name, "accuracy", answer == np.array(truth), spent, seed))
        drawn = np.random.default_rng(seed).integers(0, len(truth), (RESAMPLES, len(truth)))
        spread = [f1_score(np.array(truth)[at], answer[at], average="macro") for at in drawn[:200]]
        row = _row(data, name, "macro f1", np.zeros(1), None, seed)
        low, high = np.quantile(spread, [0.025, 0.975])
        value = float(f1_score(truth, answer, average="macro"))
        rows.append({**row, "value": round(value, 4), "low": round(float(low), 4), "high": round(float(high), 4)})
    return rows


def _own_lines(seed: int) -> list[Row]:
    """The shipped models on lines of our own, by language; an aspect is right when it is named with the right sign."""
    lines = pd.read_csv(OWN, keep_default_na=False)
    readings = np.array(read_reviews(lines["text"].tolist()), dtype=object)
    rows = []
    for language in ("en", "zh"):
        judged = ((lines["language"] == language) & (lines["label"] != 0)).to_numpy()
        signs = np.array([np.sign(reading.sentiment) for reading in readings[judged]])
        right = signs == lines.loc[judged, "label"].to_numpy()
        rows.append(_row(f"{len(right)} {language} lines of our own", "aislehub", "accuracy", right, None, seed))
        named = lines["language"] == language
        found = np.concatenate([
            _aspects_found(reading, aspects)
            for reading, aspects in zip(readings[named], lines.loc[named, "aspects"], strict=True)
        ])  # fmt: skip
        data = f"{len(found)} aspects of {language} lines of our own"
        rows.append(_row(data, "aislehub", "named, with the right sign", found, None, seed))
    return rows


def _aspects_found(reading: Reading, aspects: str) -> BoolArray:
    """Whether each of the aspects ("taste+;price-", 0 for any polarity) is found."""
    said = {mention.aspect: mention.polarity for mention in reading.mentions}
    wanted = [(one[:-1], {"+": 1, "-": -1, "0": 0}[one[-1]]) for one in aspects.split(";") if one]
    return np.array([name in said and (not sign or said[name] * sign > 0) for name, sign in wanted], bool)


def _speed(texts: list[str]) -> list[Row]:
    """Reviews a CPU-second, from text to language, sentiment and aspects."""
    using = models()
    read_reviews(texts[:200], using)
    began = time.process_time()
    read_reviews(texts, using)
    rate = len(texts) / (time.process_time() - began)
    row = _row(
        f"online_shopping_10_cats, {len(texts)} reviews", "aislehub", "reviews a CPU-second", np.zeros(1), None, 0
    )
    return [{**row, "value": round(rate), "low": None, "high": None}]


def _row(data: str, model: str, metric: str, values: NDArray[Any], spent: float | None, seed: int) -> Row:
    """The mean of `values` with its interval from resampling them."""
    drawn = np.random.default_rng(seed).integers(0, len(values), (RESAMPLES, len(values)))
    low, high = np.quantile(np.asarray(values, float)[drawn].mean(axis=1), [0.025, 0.975])
    return {
        "bench": "reviews", "data": data, "model": model, "metric": metric, "value": round(float(np.mean(values)), 4),
        "low": round(float(low), 4), "high": round(float(high), 4),
        "cpu_s": None if spent is None else round(spent, 1),
        "peak_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
    }  # fmt: skip
