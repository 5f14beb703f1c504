"""`aislehub reviews FILE`: language, sentiment and aspects of every review of a file; no data of a hub needed."""

from __future__ import annotations

import re
import sys
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import numpy as np
import pandas as pd
import typer

from aislehub.core.errors import HubError, did_you_mean
from aislehub.core.output import check_target, write_table
from aislehub.core.text import say
from aislehub.customer.reviews.reading import models, read_reviews
from aislehub.customer.reviews.sentiment import Polarity
from aislehub.data.reading import read_whole

__all__ = ["commands", "learn_reviews", "reviews", "text_column"]

ADDED = ("language", "sentiment", "aspects")
NAMES = (
    "review", "reviews", "text", "review text", "comment", "comments", "content", "body", "feedback", "message",
    "评论", "评价", "评论内容", "评价内容", "内容", "留言", "点评", "反馈",
    "評論", "評價", "評論內容", "評價內容", "內容", "點評", "反饋", "心得",
)  # fmt: skip
_CELL = 32_767  # characters that a cell of a workbook holds
_UNWRITABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f]")  # in a workbook


def reviews(
    file: Annotated[Path, typer.Argument(help="CSV, Parquet or xlsx, a review a row")],
    out: Annotated[Path, typer.Option(help="File to write: .csv, .parquet, .json or .xlsx")],
    text: Annotated[str, typer.Option(help="Column of the words; default: the one that is called so")] = "",
    model: Annotated[Path | None, typer.Option(help="Model of your own for Chinese, from learn-reviews")] = None,
) -> None:
    """Write every row with its language, sentiment (-1 complaint to 1 praise) and aspects; works without any hub data.

    Example: aislehub reviews reviews.csv --out read.csv
    """
    check_target(out)
    frame = read_whole(file)
    column = text_column(list(frame.columns), text, file)
    texts = ["" if value is None or value is np.nan else str(value) for value in frame[column].tolist()]
    began = time.process_time()
    readings = read_reviews(texts, models(model))
    spent = time.process_time() - began
    written = frame.rename(columns={name: f"given_{name}" for name in ADDED}).assign(
        language=[one.language for one in readings],
        sentiment=[one.sentiment for one in readings],
        aspects=[one.aspects for one in readings],
    )
    write_table(_for_workbook(written, out) if out.suffix.lower() == ".xlsx" else written, out)
    languages = Counter(one.language for one in readings)
    said = ", ".join(f"{name} {count}" for name, count in languages.most_common()) or "-"
    rate = len(texts) / max(spent, 1e-9)
    print(say("reviews.written", count=len(texts), file=out, languages=said, rate=f"{rate:,.0f}"), file=sys.stderr)


def learn_reviews(
    file: Annotated[Path, typer.Argument(help="CSV, Parquet or xlsx, a labelled review a row")],
    text: Annotated[str, typer.Option(help="Column of the words")],
    label: Annotated[str, typer.Option(help="Column that is 1 for praise and 0 for complaints")],
    out: Annotated[Path, typer.Option(help="File of the model")],
    domain: Annotated[str, typer.Option(help="Column of the trade or category, so that words hold across them")] = "",
) -> None:
    """Learn the sentiment of Chinese reviews from your own, for `reviews --model`.

    Example: aislehub learn-reviews labelled.csv --text review --label label --out own.zip
    """
    frame = read_whole(file)
    wanted = [name for name in (text, label, domain) if name]
    for name in wanted:
        text_column(list(frame.columns), name, file)
    values = frame[label].astype(str).str.strip().str.removesuffix(".0")
    odd = values[~values.isin(["0", "1"])]
    if len(odd):
        raise HubError("reviews.label", column=label, value=odd.iloc[0], row=int(odd.index[0]) + 2)
    words = frame[text].fillna("").astype(str).tolist()
    domains = frame[domain].astype(str).tolist() if domain else None
    Polarity.learn(words, (values == "1").to_numpy(), domains).save(out)
    print(say("reviews.learned", count=len(words), file=out), file=sys.stderr)


def text_column(columns: Sequence[str], asked: str, file: Path) -> str:
    """The column asked for, or the one whose name says that it holds the reviews.

    Raises:
        HubError: `reviews.unknown_column`, `reviews.which_column`; both name the columns that there are.
    """
    there = ", ".join(map(str, columns))
    if asked:
        if asked not in columns:
            suggestion = did_you_mean(asked, columns)
            raise HubError("reviews.unknown_column", column=asked, file=file, columns=there, suggestion=suggestion)
        return asked
    if len(columns) == 1:
        return columns[0]
    found = [name for name in columns if re.sub(r"[\s_-]+", " ", str(name)).strip().lower() in NAMES]
    if len(found) != 1:
        raise HubError("reviews.which_column", file=file, columns=there)
    return found[0]


def _for_workbook(frame: pd.DataFrame, out: Path) -> pd.DataFrame:
    """The rows with what a workbook cannot hold taken out.

    Raises:
        HubError: `reviews.cell` when a text is longer than a cell.
    """
    texts = frame.select_dtypes(include="object").columns
    longest = max((frame[name].astype(str).str.len().max() for name in texts), default=0) if len(frame) else 0
    if longest > _CELL:
        raise HubError("reviews.cell", file=out, value=int(longest), limit=_CELL)
    return frame.assign(**{name: frame[name].map(_writable) for name in texts})


def _writable(value: object) -> object:
    return _UNWRITABLE.sub(" ", value) if isinstance(value, str) else value


commands = (reviews, learn_reviews)
