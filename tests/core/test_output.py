"""Commands read and write tables by suffix, whole or not at all."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from pathlib import Path

import pandas as pd
import pytest

from aislehub.core.errors import HubError
from aislehub.core.output import print_json, read_table, write_table
from aislehub.serve.cli import main

FRAME = pd.DataFrame(
    {"店": ["S1", "ä"], "sold": [1.5, 2.0], "at": pd.to_datetime(["2017-11-05T12:00Z", "2017-11-06T12:00Z"])}
)


def test_small_numbers_stay_in_json(tmp_path: Path) -> None:
    """A difference of 2.8e-11 is not written as 0."""
    write_table(pd.DataFrame({"difference": [2.8e-11]}), tmp_path / "t.json")
    assert json.loads((tmp_path / "t.json").read_text(encoding="utf-8")) == [{"difference": 2.8e-11}]


@pytest.mark.parametrize("suffix", [".parquet", ".csv", ".PARQUET"])
def test_what_was_written_is_read_back(tmp_path: Path, suffix: str) -> None:
    """The same columns and rows come back."""
    path = tmp_path / f"table{suffix}"
    write_table(FRAME, path)
    again = read_table(path).assign(at=lambda read: pd.to_datetime(read["at"]).astype(FRAME["at"].dtype))
    pd.testing.assert_frame_equal(again, FRAME)


def test_json_and_sheets_can_be_read_by_others(tmp_path: Path) -> None:
    """Records with ISO times; a sheet shows zoned times as they read in UTC."""
    write_table(FRAME, tmp_path / "t.json")
    assert json.loads((tmp_path / "t.json").read_text(encoding="utf-8"))[0] == {
        "店": "S1", "sold": 1.5, "at": "2017-11-05T12:00:00.000Z"
    }  # fmt: skip
    write_table(FRAME, tmp_path / "t.xlsx")
    sheet = pd.read_excel(tmp_path / "t.xlsx")
    assert list(sheet["at"]) == [datetime(2017, 11, 5, 12), datetime(2017, 11, 6, 12)]


@pytest.mark.parametrize(
    ("name", "content", "code"),
    [
        ("none.csv", None, "file.missing"),
        ("table.txt", b"a", "file.suffix"),
        ("empty.csv", b"", "file.empty"),
        ("header.csv", b"a,b\n", "file.empty"),
        ("other.parquet", b"not a parquet file", "file.unreadable"),
        ("latin.csv", "a\nä\n".encode("latin-1"), "file.unreadable"),
        ("ragged.csv", b"a,b\n1,2\n1,2,3\n", "file.unreadable"),
    ],
)
def test_a_bad_file_is_said(tmp_path: Path, name: str, content: bytes | None, code: str) -> None:
    """Missing, of an unknown kind, empty or damaged: a sentence with the file's name."""
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(HubError, match=name) as caught:
        read_table(tmp_path / name)
    assert caught.value.code == code


def test_a_parquet_file_cut_in_half_is_said(tmp_path: Path) -> None:
    """Half a file is not read as a shorter one."""
    write_table(FRAME, tmp_path / "whole.parquet")
    whole = (tmp_path / "whole.parquet").read_bytes()
    (tmp_path / "half.parquet").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(HubError) as caught:
        read_table(tmp_path / "half.parquet")
    assert caught.value.code == "file.unreadable"


@pytest.mark.parametrize("name", ["no_such_folder/t.csv", "file/t.csv", "too_long.xlsx"])
def test_what_cannot_be_written_leaves_nothing(tmp_path: Path, name: str) -> None:
    """No folder, a file in its place, more rows than a sheet holds: refused, without a partial file."""
    (tmp_path / "file").write_text("x")
    frame = pd.DataFrame({"n": range(1_048_577)}) if "long" in name else FRAME
    with pytest.raises(HubError) as caught:
        write_table(frame, tmp_path / name)
    assert caught.value.code == "file.unwritable"
    assert [file.name for file in tmp_path.iterdir()] == ["file"]


@pytest.mark.parametrize(
    "words",
    ["forecast none.csv --horizon 7", "uplift none.csv --treatment t --outcome y", "reviews none.csv",
     "bench judge", "twin run --policy none.toml", "twin fidelity"],
)  # fmt: skip
@pytest.mark.parametrize("out", ["read.docx", "no_folder/read.csv"])
def test_long_work_is_not_begun_for_a_file_that_cannot_be_written(
    words: str, out: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A wrong kind or folder is told before anything is read or computed."""
    monkeypatch.chdir(tmp_path)
    assert main(["--home", str(tmp_path), *words.split(), "--out", out]) == 1
    told = capsys.readouterr()
    assert Path(out).name in told.err and ".csv" in told.err and "none" not in told.err
    assert told.out == ""


def test_a_failed_write_keeps_the_old_file(tmp_path: Path) -> None:
    """The file that stood there is replaced whole or not touched."""
    write_table(FRAME, tmp_path / "t.parquet")
    before = (tmp_path / "t.parquet").read_bytes()
    with pytest.raises(HubError):
        write_table(pd.DataFrame({"mixed": [1, "x", date(2017, 11, 5)]}), tmp_path / "t.parquet")
    assert (tmp_path / "t.parquet").read_bytes() == before
    assert [file.name for file in tmp_path.iterdir()] == ["t.parquet"]


def test_a_document_is_all_there_is_on_standard_output(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """One JSON document; dates, paths and Chinese as text."""
    print_json({"day": date(2017, 11, 5), "at": datetime(2017, 11, 5, tzinfo=UTC), "file": tmp_path, "店": 1})
    out, err = capsys.readouterr()
    assert json.loads(out) == {"day": "2017-11-05", "at": "2017-11-05 00:00:00+00:00", "file": str(tmp_path), "店": 1}
    assert "店" in out and err == ""


@pytest.mark.parametrize(
    ("cells", "read"), [(["001", "2"], ["001", "2"]), (["1", "20"], [1, 20]), (["A", "1"], ["A", "1"])]
)
def test_codes_of_a_csv_keep_their_text(tmp_path: Path, cells: list[str], read: list[object]) -> None:
    """`001` is not 1: identifiers are numbers only where every one of them is written as a plain number."""
    path = tmp_path / "table.csv"
    path.write_text("unique_id,y\n" + "".join(f"{cell},5\n" for cell in cells))
    assert read_table(path, codes=["unique_id", "absent"])["unique_id"].tolist() == read
