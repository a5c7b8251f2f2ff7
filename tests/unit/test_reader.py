"""The reader against Python's own csv module: same fields, same lines, whatever the batch size."""

import csv
import gzip
import io
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from gridcredit.errors import FileRefusedError
from gridcredit.extracts import typed_file
from gridcredit.extracts.batch import Malformed
from gridcredit.extracts.limits import ReadLimits
from gridcredit.extracts.mapping import FileRule
from gridcredit.extracts.reader import read_batches
from hypothesis import given, settings
from hypothesis import strategies as st
from openpyxl import Workbook

Row = tuple[int, list[str]]


def rule(**options: str) -> FileRule:
    return FileRule.model_validate({"pattern": "*", "extracts": {"customer": {}}} | options)


def read(
    path: Path, file_rule: FileRule, batch_bytes: int = 1 << 20, expanded_bytes: int = 1 << 30
) -> tuple[list[Row], list[Malformed]]:
    rows: list[Row] = []
    malformed: list[Malformed] = []
    for batch in read_batches(path, file_rule, ReadLimits(batch_bytes, expanded_bytes)):
        fields = [array.to_pylist() for array in batch.columns.values()]
        rows += [(int(line), [field[i] for field in fields]) for i, line in enumerate(batch.line_no)]
        malformed += batch.malformed
    return rows, malformed


def expected(text: str, width: int) -> tuple[list[Row], list[int]]:
    """Rows with their first line, and the first lines of records of another width, by the csv module."""
    reader = csv.reader(io.StringIO(text, newline=""))
    rows: list[Row] = []
    odd: list[int] = []
    line = 1
    for number, record in enumerate(reader):
        if number and len(record) == width and any(record):
            rows.append((line, record))
        elif number and record and len(record) != width:
            odd.append(line)
        line = reader.line_num + 1
    return rows, odd


FIELD = st.text(alphabet=st.sampled_from('ab,"\n 张ü7'), max_size=6)


@settings(max_examples=150, deadline=None)
@given(
    records=st.lists(st.lists(FIELD, min_size=2, max_size=4), min_size=1, max_size=40),
    line_end=st.sampled_from(["\n", "\r\n"]),
    batch_bytes=st.sampled_from([256, 4096]),
)
def test_rows_and_lines_agree_with_the_csv_module(
    tmp_path_factory: pytest.TempPathFactory, records: list[list[str]], line_end: str, batch_bytes: int
) -> None:
    buffer = io.StringIO(newline="")
    writer = csv.writer(buffer, lineterminator=line_end)
    writer.writerow(["x", "y", "z"])
    writer.writerows(records)
    path = tmp_path_factory.mktemp("csv") / "file.csv"
    path.write_bytes(buffer.getvalue().encode())
    rows, malformed = read(path, rule(), batch_bytes)
    want, odd = expected(buffer.getvalue(), 3)
    assert rows == want
    assert sorted(bad.line_no for bad in malformed) == odd


@pytest.mark.parametrize(
    ("encoding", "content"),
    [
        ("utf-8", "\ufeffx,y\r\n张三,1\r\n".encode()),
        ("utf-8", "x,y\n张三,1".encode()),
        ("gb18030", "x,y\n张三,1\n".encode("gb18030")),
        ("utf-8", gzip.compress("x,y\n张三,1\n".encode(), mtime=0)),
    ],
)
def test_encodings_line_ends_and_gzip(tmp_path: Path, encoding: str, content: bytes) -> None:
    path = tmp_path / "file.csv"
    path.write_bytes(content)
    assert read(path, rule(encoding=encoding)) == ([(2, ["张三", "1"])], [])


def test_blank_lines_count_as_lines_but_not_as_rows(tmp_path: Path) -> None:
    path = tmp_path / "file.csv"
    path.write_text("x,y\n\n1,2\n,\n3,4\n")
    assert read(path, rule())[0] == [(3, ["1", "2"]), (5, ["3", "4"])]


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "is empty"),
        (b"\n\n", "is empty"),
        (b"x,x\n1,2\n", "names x twice"),
        ("x,y\n1,2\n张三,3\n".encode("gb18030"), r"is not written in utf-8 \(line 3\)"),
        (gzip.compress(b"x,y\n" + b"1,2\n" * 5000, mtime=0)[:-20], "cannot be read"),
    ],
)
def test_a_file_that_cannot_be_read_is_refused_in_one_line(tmp_path: Path, content: bytes, why: str) -> None:
    path = tmp_path / "file.csv"
    path.write_bytes(content)
    with pytest.raises(FileRefusedError, match=why) as refusal:
        read(path, rule())
    assert "\n" not in str(refusal.value)


def test_a_directory_and_a_missing_file_are_refused(tmp_path: Path) -> None:
    with pytest.raises(FileRefusedError, match="is a directory"):
        read(tmp_path, rule())
    with pytest.raises(FileRefusedError, match="no such file"):
        read(tmp_path / "absent.csv", rule())


TRAILER = r"^T\|?(\d+)"


@pytest.mark.parametrize("batch_bytes", [64, 1 << 20])
@pytest.mark.parametrize("last", ["T2\n", "T2,\n", "T2"])
def test_a_trailer_is_no_row(tmp_path: Path, last: str, batch_bytes: int) -> None:
    path = tmp_path / "file.csv"
    path.write_text("x,y\n1,2\n3,4\n" + last)
    assert read(path, rule(trailer=TRAILER), batch_bytes) == ([(2, ["1", "2"]), (3, ["3", "4"])], [])


@pytest.mark.parametrize(
    ("content", "why"),
    [
        ("x,y\n1,2\nT2\n", "has 1 rows, its trailer says 2"),
        ("x,y\n1,2\n3\nT1\n", "has 2 rows, its trailer says 1"),
        ("x,y\n1,2\n3,4\n", "is cut short: its last line is not the trailer"),
        ("x,y\n", "is cut short: it has no trailer"),
    ],
)
def test_a_trailer_is_held_to(tmp_path: Path, content: str, why: str) -> None:
    path = tmp_path / "file.csv"
    path.write_text(content)
    with pytest.raises(FileRefusedError, match=why):
        read(path, rule(trailer=TRAILER))


def test_what_expands_beyond_the_limit_is_refused(tmp_path: Path) -> None:
    packed = tmp_path / "file.csv.gz"
    packed.write_bytes(gzip.compress(b"x,y\n" + b"1,2\n" * 1_000_000, mtime=0))
    assert packed.stat().st_size < 10_000
    assert len(read(packed, rule(), expanded_bytes=5_000_000)[0]) == 1_000_000
    with pytest.raises(FileRefusedError, match="expands to more than 3,000,000 bytes"):
        read(packed, rule(), expanded_bytes=3_000_000)
    table = pa.table({"x": ["1"] * 1_000_000})
    pq.write_table(table, tmp_path / "file.parquet", use_dictionary=False, compression="zstd")
    with pytest.raises(FileRefusedError, match="expands to more than"):
        read(tmp_path / "file.parquet", rule(format="parquet"), expanded_bytes=3_000_000)


def test_a_sheet_that_expands_beyond_what_sheets_are_for_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    workbook = Workbook()
    for number in range(1000):
        workbook.worksheets[0].append([f"text {number}"])
    path = tmp_path / "file.xlsx"
    workbook.save(path)
    assert len(read(path, rule(format="xlsx"))[0]) == 999
    monkeypatch.setattr(typed_file, "XLSX_EXPANDED_BYTES", 10_000)
    with pytest.raises(FileRefusedError, match="expands to more than 10,000 bytes"):
        read(path, rule(format="xlsx"))
