"""Learn the models that read reviews: their files, their card, and their hashes in the model catalogue.

    .venv/bin/python tools/train_reviews.py CHINESE_CSV RESTAURANTS_XML_SEG VADER

CHINESE_CSV: columns `cat`, `label` (1 praise, 0 complaint) and `review` (online_shopping_10_cats.csv).
RESTAURANTS_XML_SEG: three lines an example: a sentence with `$T$` for its target, the target, −1, 0 or 1 (the training
part of SemEval-2014 task 4 alone; the test part is for `aislehub bench reviews`).
VADER: the unpacked source archive of the package vaderSentiment 3.3.2, in it the unpacked
`additional_resources/hutto_ICWSM_2014.tar.gz`: its lexicon, and its sentences rated by people.

Beside them stands `own_reviews.csv`, lines that the house wrote: goods praised without a word of praise ("I'd order
again") and blamed without a word of blame ("broke after two days"), which the others have few of.

Takes some two minutes of one core; the same files give the same bytes.
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

import numpy as np
import pandas as pd

from aislehub.core.models import sha256
from aislehub.customer.reviews.aspects import valences
from aislehub.customer.reviews.sentiment import Polarity
from aislehub.customer.reviews.targets import Targets, examples, lexicon_of, own_words, rated

__all__ = ["main"]

SOURCE = Path(__file__).parents[1] / "src" / "aislehub"
ROOM = SOURCE / "customer" / "reviews"
RATED = "additional_resources/hutto_ICWSM_2014/{}_GroundTruth.txt"
SETS = ("nytEditorialSnippets", "tweets", "movieReviewSnippets", "amazonReviewSnippets")
OWN = Path(__file__).parent / "own_reviews.csv"
OFTEN = 3  # times that a line of the house counts; chosen on some of them and on reviews held apart
CATALOGUE = SOURCE / "core" / "models.toml"


def main(chinese: Path, english: Path, vader: Path) -> None:
    """Learn both models, and write files, card and hashes."""
    reviews = pd.read_csv(chinese).dropna(subset=["review"]).drop_duplicates("review")
    praise = (reviews["label"] == 1).to_numpy()
    own = pd.read_csv(OWN)
    plain = own[(own["language"] == "zh") & (own["label"] != 0)]
    texts = [*reviews["review"], *OFTEN * list(plain["text"])]
    labels = np.concatenate([praise, *OFTEN * [plain["label"] == 1]])
    Polarity.learn(texts, labels, [*reviews["cat"], *OFTEN * len(plain) * ["own"]]).save(ROOM / "reviews_zh.zip")
    sentences, spans, polarity = examples(english)
    words = valences() | lexicon_of(vader / "vaderSentiment" / "vader_lexicon.txt") | own_words()
    whole = [pair for name in SETS for pair in rated(vader / RATED.format(name)).items()]
    written = own[own["language"] == "en"]
    lines = OFTEN * list(zip(written["text"], written["label"], strict=True))
    Targets.learn(sentences, spans, polarity, words, whole + lines).save(ROOM / "reviews_en.zip")
    card = {
        "reviews_zh": {
            "model": "linear support-vector machine on hashed character sequences",
            "data": f"online_shopping_10_cats, {len(reviews)} reviews of ten trades; {len(plain)} lines of our own",
            "licence_of_the_data": "not stated upstream; no text of it is in the file, only weights of hashes; "
            "our own lines as the package",
        },
        "reviews_en": {
            "model": "softmax regression on hashed words around a target",
            "data": f"SemEval-2014 task 4, restaurants, training part, {len(sentences)} targets; VADER's lexicon and "
            f"its {len(whole)} sentences of reviews, tweets and editorials, rated by people; english.toml; "
            f"{len(written)} lines of our own",
            "licence_of_the_data": "sentences: MIT as redistributed, upstream terms not checked; lexicon and "
            "rated sentences: MIT, C.J. Hutto (2014), the lexicon in the file; our own lines as the package",
        },
        "made_by": "tools/train_reviews.py",
    }
    (ROOM / "reviews.json").write_text(json.dumps(card, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    listed = CATALOGUE.read_text(encoding="utf-8")
    for name in ("reviews_zh", "reviews_en"):
        digest = sha256(ROOM / f"{name}.zip")
        listed = re.sub(rf'(\[{name}\][^\[]*\nsha256 = ")\w*', rf"\g<1>{digest}", listed)
        print(f"{name}: {(ROOM / f'{name}.zip').stat().st_size} bytes, {digest}")
    CATALOGUE.write_text(listed, encoding="utf-8")


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:4]))
