"""Reviews in Chinese and English are read: language, sentiment, aspects, quotes; nothing that comes can break it."""

from __future__ import annotations

import json
import time

import numpy as np
import pytest

from aislehub.core.errors import HubError
from aislehub.customer.reviews.aspects import terms
from aislehub.customer.reviews.clauses import clauses
from aislehub.customer.reviews.cleaning import LONGEST, clean
from aislehub.customer.reviews.denials import DENIED_TROUBLE, folded_denials
from aislehub.customer.reviews.grams import grams
from aislehub.customer.reviews.language import language_of
from aislehub.customer.reviews.reading import read_reviews
from aislehub.customer.reviews.sentiment import Polarity

PRAISE = (
    "苹果很新鲜，很甜，物流也快，下次还会买", "质量很好，包装严实，价格也实惠",
    "Great quality and delicious, will buy again.",
    "Fast delivery, friendly staff, fair price.", "酒店房间干净，服务态度非常好",
)  # fmt: skip
COMPLAINTS = (
    "苹果烂了好几个，客服态度恶劣，再也不买了", "质量太差，用了两天就坏了，垃圾",
    "Terrible quality, it broke after a day.",
    "The milk was sour and the staff was rude.", "包装破损，漏了一箱，很失望",
)  # fmt: skip
HOSTILE = (
    "<" * 100_000, "<script>" * 12_500, "<script><" * 11_000, "&" * 100_000, "<a " * 33_000, "http://" * 14_000,
    "。" * 100_000, "a" * 100_000, "好" * 100_000, "👍" * 100_000, "'" * 100_000, "a," * 50_000, "，好" * 50_000,
    "not " * 25_000, "n't" * 30_000, "\x00\u202e" * 50_000,
)  # fmt: skip


def test_praise_is_above_zero_and_complaints_below() -> None:
    """Plain praise and plain complaints of both languages have the right sign, between −1 and 1."""
    assert all(0 < reading.sentiment <= 1 for reading in read_reviews(PRAISE))
    assert all(-1 <= reading.sentiment < 0 for reading in read_reviews(COMPLAINTS))


def test_clauses_of_one_review_are_judged_apart() -> None:
    """A review that praises one thing and complains of another says so by aspect, with the words that say it."""
    (reading,) = read_reviews(["苹果很新鲜，很好吃，但是物流太慢了，等了一个星期"])
    said = {mention.aspect: mention for mention in reading.mentions}
    assert said["freshness"].polarity > 0 > said["delivery"].polarity
    assert said["delivery"].quote == "但是物流太慢了"
    (reading,) = read_reviews(["The food is delicious, but the service was terrible."])
    said = {mention.aspect: mention for mention in reading.mentions}
    assert said["taste"].polarity > 0 > said["service"].polarity


def test_a_quote_is_part_of_the_review() -> None:
    """Whatever mark-up stands in it, each quote is found in the review as written, and the JSON says the same."""
    texts = ["<p>质量<b>很差</b></p>&nbsp;，物流\u200b快", "Ｑuality is ＢＡＤ；price ok", *PRAISE, *COMPLAINTS]
    for text, reading in zip(texts, read_reviews(texts), strict=True):
        assert reading.mentions
        assert json.loads(reading.aspects) == [vars(mention) for mention in reading.mentions]
        assert all(mention.quote in text for mention in reading.mentions)


def test_what_has_no_words_says_nothing() -> None:
    """Empty, emoji, numbers: sentiment 0, no aspects, and still a reading each."""
    readings = read_reviews(["", "   ", "👍👍", "12345", "!!!", "<br>", "\x00"])
    assert [(one.language, one.sentiment, one.mentions) for one in readings] == [("none", 0.0, ())] * 7


def test_languages_are_told_apart() -> None:
    """Chinese with a brand's name is Chinese; half and half is mixed; German and Japanese are other, and not judged."""
    texts = ["iPhone很好用", "物流很快 but the box was broken", "sehr gut, nicht teuer", "とても美味しいです", "good"]
    assert [language_of(text) for text in texts] == ["zh", "mixed", "other", "other", "en"]
    readings = read_reviews(texts)
    assert [reading.sentiment for reading in readings[2:4]] == [0.0, 0.0]
    said = {mention.aspect: mention.polarity for mention in readings[1].mentions}
    assert said["delivery"] > 0 > said["quality"]


def test_an_english_word_beside_chinese_names_an_aspect() -> None:
    """In "quality很好" and "delivery太慢了" both are named, and each is judged by the Chinese beside it."""
    (reading,) = read_reviews(["quality很好,but delivery太慢了"])
    said = {mention.aspect: mention.polarity for mention in reading.mentions}
    assert set(said) == {"quality", "delivery"}
    assert said["quality"] > 0 > said["delivery"]


@pytest.mark.parametrize(
    ("clause", "language", "aspect", "says"),
    [
        ("The milk had gone off", "en", "freshness", -1),
        ("nobody answered my emails", "en", "service", -1),
        ("They forgot half of my order", "en", "delivery", -1),
        ("一股塑料味", "zh", "smell", -1),
        ("用一次就坏", "zh", "quality", -1),
        ("问了半天没人理", "zh", "service", -1),
        ("不难吃", "zh", "taste", 1),
    ],
)
def test_everyday_words_name_their_aspect(clause: str, language: str, aspect: str, says: int) -> None:
    """What customers say without the aspect's own name is found all the same."""
    assert (aspect, says) in {(term.aspect, term.says) for term in terms(clause, language)}  # type: ignore[arg-type]


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_text_costs_no_more_than_its_length(text: str) -> None:
    """100,000 characters of anything are read within a second, and only so many of them are looked at."""
    began = time.process_time()
    (reading,) = read_reviews([text])
    assert time.process_time() - began < 2.5
    assert -1 <= reading.sentiment <= 1
    assert len(clean(text)) == min(len(text), LONGEST)


def test_cleaning_keeps_every_place() -> None:
    """What is cleaned is as long as what came, and letters stay where they were."""
    text = "<b>好</b> &amp; www.example.org 吃\x07"
    assert len(clean(text)) == len(text)
    assert clean(text).split() == ["好", "吃"]


def test_clauses_end_at_marks_and_turns() -> None:
    """A point in a number ends nothing; `but` and 但是 begin a clause of their own."""
    text = "味道很好，但是物流太慢。Fresh, but 2.5 kg is too much"
    assert [text[start:end] for start, end in clauses(text)] == [
        "味道很好",
        "但是物流太慢",
        "Fresh",
        "2.5 kg is too much",
    ]


def test_clauses_end_where_the_language_changes() -> None:
    """English words in Chinese are a clause of their own where they say something; a brand and a size are none."""
    text = "物流很快 but the box was broken 客服很好 Apple iPhone Pro Max很好用，size太小"
    assert [text[start:end] for start, end in clauses(text)] == [
        "物流很快", "the box was broken", "客服很好 Apple iPhone Pro Max很好用", "size太小",
    ]  # fmt: skip
    (reading,) = read_reviews(["物流很快，包装也好 the milk was sour and the staff was rude 味道不错"])
    said = {mention.aspect: mention for mention in reading.mentions}
    assert said["delivery"].polarity > 0 > said["service"].polarity
    assert said["service"].quote == "the milk was sour and the staff was rude"


def test_what_came_of_it_is_praise_or_complaint() -> None:
    """Goods are praised and blamed without a word of praise or blame: by what happened, and what the buyer will do."""
    told = {
        "Broke after two days.": -1, "Parcel never arrived.": -1, "Had to call three times.": -1,
        "Does what it says.": 1, "I'd order again.": 1, "用了两天就坏了。": -1, "再也不会买了。": -1,
        "还没收到货。": -1, "还会再来。": 1, "没毛病。": 1,
    }  # fmt: skip
    assert [np.sign(reading.sentiment) for reading in read_reviews(list(told))] == list(told.values())


def test_denied_trouble_praises() -> None:
    """Trouble that is denied is one character for the model; asked for, or not yet there, it stays what it is."""
    assert folded_denials("没有任何异味，孩子很喜欢") == DENIED_TROUBLE + "，孩子很喜欢"
    assert [folded_denials(text) for text in ("一点也不卡", "从来没有让我失望")] == [DENIED_TROUBLE] * 2
    for text in ("有没有色差", "没有问题吗", "质量差不会再买", "异味很大"):
        assert folded_denials(text) == text
    denied, there = read_reviews(["没有任何异味，孩子很喜欢", "有异味，孩子不喜欢"])
    assert denied.sentiment > 0 > there.sentiment


def test_an_english_phrase_counts_as_a_whole() -> None:
    """ "Can't go wrong" is no denial, a denial before a phrase turns it, and what stands behind `but` decides."""
    texts = [
        "Can't go wrong with this one.", "Couldn't be happier with this purchase.", "Not a waste of money at all.",
        "The battery isn't the best, but everything else about this phone is fantastic.",
    ]  # fmt: skip
    assert [reading.sentiment > 0 for reading in read_reviews(texts)] == [True] * 4
    texts = [
        "Would give zero stars if I could.", "It does not do what the description says. Returned it.",
        "A complete waste of money.", "I wanted to love this headset, but the battery lasts barely an hour.",
    ]  # fmt: skip
    assert [reading.sentiment < 0 for reading in read_reviews(texts)] == [True] * 4


def test_a_denied_word_does_not_judge_at_once() -> None:
    """没有异味 is no complaint by its word alone; 有异味 is."""
    assert {term.says for term in terms("没有异味", "zh")} == {0}
    assert {term.says for term in terms("有异味", "zh")} == {-1}


def test_sequences_do_not_depend_on_the_neighbours() -> None:
    """A text has the same hashed sequences alone and among others; case, width and digits do not matter."""
    rows, places = grams(["苹果好吃", "ＡＢＣ 12", "苹果好吃", "abc 98"], bits=20)
    of = [places[rows == text].tolist() for text in range(4)]
    assert of[0] == of[2] == grams(["苹果好吃"], bits=20)[1].tolist()
    assert of[1] == of[3] != of[0]


def labelled() -> tuple[list[str], np.ndarray]:
    """160 little reviews of two trades."""
    good, bad = ["很好", "喜欢", "不错", "满意"], ["太差", "失望", "糟糕", "垃圾"]
    things = ["苹果", "手机", "衣服", "牛奶", "房间"]
    texts = [f"{thing}{word}，{n}次" for n in range(4) for thing in things for word in good + bad]
    return texts, np.array([any(word in text for word in good) for text in texts])


def test_a_learned_model_is_the_same_after_saving(tmp_path) -> None:  # type: ignore[no-untyped-def]
    """The same reviews give the same bytes, and the model read back judges as the one that was saved."""
    texts, praise = labelled()
    model = Polarity.learn(texts, praise)
    for name in ("one.zip", "two.zip"):
        Polarity.learn(texts, praise).save(tmp_path / name)
    assert (tmp_path / "one.zip").read_bytes() == (tmp_path / "two.zip").read_bytes()
    loaded = Polarity.load(tmp_path / "one.zip")
    assert np.abs(loaded.scores(texts) - model.scores(texts)).max() < 0.05
    assert (loaded.scores(["西瓜很好，9次", "西瓜太差，9次"]) > 0).tolist() == [True, False]


def test_too_few_labelled_reviews_are_refused() -> None:
    """Learning from a handful would make up a model."""
    with pytest.raises(HubError) as refused:
        Polarity.learn(["好", "坏"] * 10, np.array([True, False] * 10))
    assert refused.value.code == "reviews.too_few"
