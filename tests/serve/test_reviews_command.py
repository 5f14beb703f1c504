"""`aislehub reviews`: every row of any file comes out, read, in order."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest

from aislehub.serve.cli import main

TEXTS = ["苹果很新鲜", "", "👍", "合计：很差", "Terrible, it broke", "物流，\n太慢", "=1+1", "味道不错，" * 20_000]


@pytest.mark.parametrize("kind", ["utf-8.csv", "utf-8-sig.csv", "gb18030.csv", "plain.parquet", "plain.xlsx"])
def test_every_row_comes_out_in_order(kind: str, tmp_path: Path, home: Path) -> None:
    """CSV in three encodings, Parquet and xlsx: as many rows, the same cells, and three columns more."""
    encoding, suffix = kind.split(".")
    texts = [text for text in TEXTS if encoding != "gb18030" or text.isascii() or "👍" not in text]
    if suffix == "xlsx":  # a cell holds 32,767 characters, and what begins with = is a formula there
        texts = [text[:30_000] for text in texts if not text.startswith("=")]
    frame = pd.DataFrame({"id": [str(at) for at in range(len(texts))], "评论": texts, "language": "?"})
    file, out = tmp_path / f"in.{suffix}", tmp_path / "out.csv"
    match suffix:
        case "csv":
            frame.to_csv(file, index=False, encoding=encoding)
        case "parquet":
            frame.to_parquet(file)
        case _:
            frame.to_excel(file, index=False)
    assert main(["reviews", str(file), "--out", str(out)]) == 0
    read = pd.read_csv(out, dtype=str, keep_default_na=False)
    assert list(read.columns) == ["id", "评论", "given_language", "language", "sentiment", "aspects"]
    assert read["评论"].tolist() == texts
    assert read["id"].tolist() == frame["id"].tolist()
    sentiment = dict(zip(read["评论"], read["sentiment"].astype(float), strict=True))
    assert sentiment["苹果很新鲜"] > 0 > sentiment["Terrible, it broke"]
    assert sentiment[""] == 0
    for text, aspects in zip(read["评论"], read["aspects"], strict=True):
        assert all(set(one) == {"aspect", "polarity", "quote"} and one["quote"] in text for one in json.loads(aspects))
    assert json.loads(read["aspects"][0])[0]["aspect"] == "freshness"


def test_a_quote_that_never_closes_spoils_no_other_row(tmp_path: Path, home: Path) -> None:
    """A review that begins with a stray quotation mark keeps its row, and so do those below it."""
    file, out = tmp_path / "in.csv", tmp_path / "out.csv"
    file.write_text('id,review\n1,"很好\n2,太差了\n3,不错\n', encoding="utf-8")
    assert main(["reviews", str(file), "--out", str(out)]) == 0
    assert len(pd.read_csv(out)) == 3


def test_headers_in_traditional_characters_are_known(tmp_path: Path, home: Path) -> None:
    """A Big5 export of a Hong Kong or Taiwan house needs no `--text`."""
    file, out = tmp_path / "in.csv", tmp_path / "out.csv"
    file.write_bytes("編號,評價\n1,很甜\n2,太差了\n".encode("big5"))
    assert main(["reviews", str(file), "--out", str(out)]) == 0
    assert pd.read_csv(out)["評價"].tolist() == ["很甜", "太差了"]


def test_one_column_without_a_delimiter_is_the_text(tmp_path: Path, home: Path) -> None:
    """A list of reviews, a line each, is not cut at its commas, whatever its column is called."""
    file, out = tmp_path / "in.csv", tmp_path / "out.parquet"
    file.write_text("words\nGood, fresh, cheap\n很好，新鲜，便宜\n", encoding="utf-8")
    assert main(["reviews", str(file), "--out", str(out)]) == 0
    assert pd.read_parquet(out)["words"].tolist() == ["Good, fresh, cheap", "很好，新鲜，便宜"]


def test_an_unclear_column_is_asked_for(tmp_path: Path, home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Where not exactly one name says that it holds the reviews, the columns are named; so with --text."""
    file = tmp_path / "in.csv"
    file.write_text("a,b\n1,很好\n", encoding="utf-8")
    assert main(["reviews", str(file), "--out", str(tmp_path / "out.csv")]) == 1
    assert "a, b" in capsys.readouterr().err
    assert main(["reviews", str(file), "--text", "c", "--out", str(tmp_path / "out.csv")]) == 1
    assert "a, b" in capsys.readouterr().err
    assert not (tmp_path / "out.csv").exists()


def test_a_model_of_ones_own_is_learned_and_used(tmp_path: Path, home: Path) -> None:
    """`learn-reviews` learns from a labelled file, and `reviews --model` judges by it."""
    rows = [(f"{thing}{word}{n}", label) for n in range(12) for thing in ("甲", "乙")
            for word, label in (("呱呱叫", 1), ("没眼看", 0), ("顶呱呱", 1), ("辣眼睛", 0))]  # fmt: skip
    pd.DataFrame(rows, columns=["text", "label"]).to_csv(tmp_path / "own.csv", index=False)
    learn = ["learn-reviews", str(tmp_path / "own.csv"), "--text", "text", "--label", "label"]
    assert main([*learn, "--out", str(tmp_path / "own.zip")]) == 0
    pd.DataFrame({"text": ["丙呱呱叫", "丙辣眼睛"]}).to_csv(tmp_path / "in.csv", index=False)
    told = ["reviews", str(tmp_path / "in.csv"), "--out", str(tmp_path / "out.csv")]
    assert main([*told, "--model", str(tmp_path / "own.zip")]) == 0
    first, second = pd.read_csv(tmp_path / "out.csv")["sentiment"]
    assert first > 0 > second


def test_a_label_that_is_none_is_refused(tmp_path: Path, home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Stars are no labels: the first odd value and its row are said."""
    pd.DataFrame({"text": ["好", "坏"], "label": [1, 5]}).to_csv(tmp_path / "own.csv", index=False)
    told = ["learn-reviews", str(tmp_path / "own.csv"), "--text", "text", "--label", "label"]
    assert main([*told, "--out", str(tmp_path / "own.zip")]) == 1
    assert "'5'" in capsys.readouterr().err
