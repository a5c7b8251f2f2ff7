"""The reader against one that goes character by character: same fields, same lines, whatever the batch size."""

import csv
import gzip
import io
import re
import zipfile
from datetime import date
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from gridcredit.errors import FileRefusedError
from gridcredit.files.limits import ReadLimits
from gridcredit.ingestion.batch import Malformed
from gridcredit.ingestion.manifest import read_promise
from gridcredit.ingestion.mapping.rules import FileRule
from gridcredit.ingestion.readers import xlsx_file
from gridcredit.ingestion.readers.reader import doubts, read_batches, read_header
from hypothesis import given, settings
from hypothesis import strategies as st
from openpyxl import Workbook

Row = tuple[int, list[str]]
CASES = Path(__file__).parents[1] / "cases" / "ingest"


def rule(**options: object) -> FileRule:
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


def fields_of(text: str) -> list[str] | None:
    """A record's fields, one character after another; None where a quote is stray or left open."""
    fields: list[str] = []
    field, quoted, closed = "", False, False
    position = 0
    while position < len(text):
        sign = text[position]
        if quoted and text[position : position + 2] == '""':
            field, position = field + '"', position + 1
        elif sign == '"' and (quoted or (not field and not closed)):
            quoted, closed = not quoted, quoted
        elif sign == "," and not quoted:
            fields, field, closed = [*fields, field], "", False
        elif sign == '"' or closed:
            return None
        else:
            field += sign
        position += 1
    return None if quoted else [*fields, field]


def expected(text: str, width: int, multiline: set[int]) -> tuple[list[Row], list[int]]:
    """Rows with their first line, and the lines that are none; each line is in a row, empty, or none."""
    lines = text.replace("\r\n", "\n").split("\n")
    lines = lines[:-1] if not lines[-1] else lines
    rows: list[Row] = []
    odd: list[int] = []
    number = 1
    while number < len(lines):
        line, spans, found = number, 1, fields_of(lines[number])
        if found is None:
            for end in range(number + 2, len(lines) + 1) if multiline else ():
                longer = fields_of("\n".join(lines[number:end]))
                if longer is not None:
                    breaks = {index for index, field in enumerate(longer) if "\n" in field}
                    if len(longer) == width and breaks <= multiline:
                        found, spans = longer, end - number
                    break
        if found is not None and len(found) == width:
            rows += [(line + 1, found)] if any(found) else []
        elif lines[number] or width == 1:
            odd.append(line + 1)
        number += spans
    return rows, odd


FIELD = st.text(alphabet=st.sampled_from('ab,"\n 张ü7'), max_size=6)
BREAKS = {"columns": {"customer_id": {"from": "y", "multiline": True}}}


@settings(max_examples=150, deadline=None)
@given(
    records=st.lists(st.lists(FIELD, min_size=2, max_size=4), min_size=1, max_size=40),
    line_end=st.sampled_from(["\n", "\r\n"]),
    batch_bytes=st.sampled_from([256, 4096]),
    multiline=st.booleans(),
    spoiled=st.lists(st.tuples(st.integers(0), st.sampled_from(['"', '""', ',"', '"\n', ""])), max_size=3),
)
def test_each_line_is_in_a_row_or_reported(
    tmp_path_factory: pytest.TempPathFactory,
    records: list[list[str]],
    line_end: str,
    batch_bytes: int,
    multiline: bool,
    spoiled: list[tuple[int, str]],
) -> None:
    buffer = io.StringIO(newline="")
    csv.writer(buffer, lineterminator="\n").writerows(records)
    text = buffer.getvalue()
    for place, piece in spoiled:
        place %= len(text)
        text = text[:place] + piece + text[place + 1 :]
    text = "x,y,z\n" + text
    path = tmp_path_factory.mktemp("csv") / "file.csv"
    path.write_bytes(text.replace("\n", line_end).encode())
    extracts = {"customer": BREAKS if multiline else {}}
    rows, malformed = read(path, rule(extracts=extracts), batch_bytes)
    want, odd = expected(text, 3, {1} if multiline else set())
    assert [(line, [field.replace("\r\n", "\n") for field in row]) for line, row in rows] == want
    assert sorted(bad.line_no for bad in malformed) == odd


def test_a_stray_quote_ends_at_its_line() -> None:
    rows, malformed = read(CASES / "stray_quote.csv", rule())
    assert [line for line, _ in rows] == [*range(2, 21), *range(22, 42)]
    assert [(bad.line_no, bad.text[:9]) for bad in malformed] == [(21, 'Q20,"C6,2')]
    assert "multiline" in malformed[0].reason


def test_a_quoted_name_in_the_header_may_have_line_breaks(tmp_path: Path) -> None:
    path = tmp_path / "file.csv"
    path.write_text('x,"y\n(EUR)"\n1,2\n3,"4\n5,6\n')
    rows, malformed = read(path, rule())
    assert rows == [(3, ["1", "2"]), (5, ["5", "6"])]
    assert [(bad.line_no, bad.text) for bad in malformed] == [(4, '3,"4')]
    path.write_text('x,"y\n1,2\n')
    with pytest.raises(FileRefusedError, match="header holds a stray quote"):
        read(path, rule())


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


@pytest.mark.parametrize("encoding", ["utf-8", "cp1252", "utf-16-le", "utf-16-be", "gb18030"])
def test_a_file_that_ends_within_a_line_is_reported(tmp_path: Path, encoding: str) -> None:
    whole, cut = tmp_path / "whole.csv", tmp_path / "cut.csv"
    for line_end in ("\n", "\r\n", "\r"):
        text = line_end.join(["payment_id,customer_id,amount", "P1,C1,12.00", "P2,C2,1234.50", ""])
        whole.write_bytes(text.encode(encoding))
        cut.write_bytes(text.removesuffix("34.50" + line_end).encode(encoding))
        assert doubts(whole, rule(encoding=encoding)) == []
        (note,) = doubts(cut, rule(encoding=encoding))
        assert "its last line has no line end" in note
    assert doubts(cut, rule(encoding=encoding, trailer="END ([0-9]+)")) == []
    assert doubts(cut, rule(encoding=encoding, manifest={"suffix": ".ok", "rows": "([0-9]+)"})) == []
    packed = tmp_path / "packed.csv.gz"
    packed.write_bytes(gzip.compress(cut.read_bytes()))
    assert doubts(packed, rule(encoding=encoding)) == []


def test_blank_lines_count_as_lines_but_not_as_rows(tmp_path: Path) -> None:
    path = tmp_path / "file.csv"
    path.write_text("x,y\n\n1,2\n,\n3,4\n")
    assert read(path, rule())[0] == [(3, ["1", "2"]), (5, ["3", "4"])]


def test_invisible_characters_around_a_name_are_no_part_of_it(tmp_path: Path) -> None:
    path = tmp_path / "file.csv"
    path.write_text("\ufeff\ufeffx,\u200by\u00a0\n1,2\n")
    assert read_header(path, rule()) == ["x", "y"]


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


def test_columns_without_a_name(tmp_path: Path) -> None:
    path = tmp_path / "file.csv"
    path.write_text("x,,y,,\n1,2,3,,\n4,5,6,,7\n,,,,\n8,9,10,,\n")
    assert read_header(path, rule()) == ["x", "column 2", "y"]
    rows, malformed = read(path, rule())
    assert rows == [(2, ["1", "2", "3"]), (5, ["8", "9", "10"])]
    assert malformed == [Malformed(3, "4,5,6,,7", "has a value in column 5, which the header does not name")]


def test_lines_above_the_header(tmp_path: Path) -> None:
    path = tmp_path / "file.csv"
    path.write_bytes(b'Payments "of" January\r\n\r\nx,y\r\n1,2\r\n3\r\n')
    rows, malformed = read(path, rule(header_row=3))
    assert (rows, [bad.line_no for bad in malformed]) == ([(4, ["1", "2"])], [5])
    with pytest.raises(FileRefusedError, match="no header in line 9"):
        read(path, rule(header_row=9))


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
    monkeypatch.setattr(xlsx_file, "EXPANDED_BYTES", 10_000)
    with pytest.raises(FileRefusedError, match="expands to more than 10,000 bytes"):
        read(path, rule(format="xlsx"))


@pytest.mark.parametrize("encoding", ["cp1252", "latin-1", "iso8859-15"])
def test_utf8_is_not_read_as_an_encoding_of_single_bytes(tmp_path: Path, encoding: str) -> None:
    path = tmp_path / "file.csv"
    path.write_bytes("x,y\nKö1,1\n".encode())
    with pytest.raises(FileRefusedError, match="is written in utf-8, not in"):
        read(path, rule(encoding=encoding))
    path.write_bytes("x,y\nKö1,1\n".encode(encoding))
    assert read(path, rule(encoding=encoding)) == ([(2, ["Kö1", "1"])], [])
    path.write_bytes(b"x,y\nK1,1\n")
    assert read(path, rule(encoding=encoding)) == ([(2, ["K1", "1"])], [])
    # Short Chinese texts can be both.
    path.write_bytes("x,y\n联通,1\n".encode("gb18030"))
    assert read(path, rule(encoding="gb18030"))[0] == [(2, ["联通", "1"])]


def test_texts_that_stand_for_no_value(tmp_path: Path) -> None:
    path = tmp_path / "file.csv"
    path.write_text("customer_id,name,x\nNULL, N/A ,NULL\nC1,NULLER,\n")
    assert read(path, rule(absent=["NULL", "N/A"]))[0] == [(2, ["", "", "NULL"]), (3, ["C1", "NULLER", ""])]


@pytest.mark.parametrize(
    ("content", "options", "why"),
    [
        ("x,y\n1,2\n".encode("utf-16"), {}, "is written in UTF-16, not in utf-8: say `encoding: utf-16`"),
        ("x,y\n1,2\n".encode("utf-16-le"), {}, "holds a NUL character: is it written in UTF-16?"),
        (b"PAR1....", {}, "is parquet, and its rule reads csv: say `format: parquet`"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", {"format": "xlsx"}, "is a workbook of the old kind"),
        (b"%PDF-1.7", {}, "is a PDF"),
    ],
)
def test_what_a_file_is_is_named(tmp_path: Path, content: bytes, options: dict[str, object], why: str) -> None:
    path = tmp_path / "file"
    path.write_bytes(content)
    with pytest.raises(FileRefusedError, match=re.escape(why)):
        read_header(path, rule(**options))


def test_an_archive_and_a_workbook_are_named(tmp_path: Path) -> None:
    path = tmp_path / "file.csv"
    Workbook().save(path)
    with pytest.raises(FileRefusedError, match="is xlsx, and its rule reads csv"):
        read_header(path, rule())
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("bill.csv", "x,y\n")
    with pytest.raises(FileRefusedError, match="is a ZIP archive: deliver it as"):
        read_header(path, rule())


def test_lines_without_a_value_are_counted(tmp_path: Path) -> None:
    path = tmp_path / "file.csv"
    path.write_text("x,y\n1,2\n,\n3,4\n,\n")
    batches = list(read_batches(path, rule(), ReadLimits()))
    assert [batch.lines_without_values for batch in batches] == [2]
    assert [batch.row_count for batch in batches] == [2]


@pytest.mark.parametrize(
    ("trailer", "content", "why"),
    [
        # The end of the file is missing, and its last row has a number in it.
        ("([0-9]+)", "x,y\n1,2\n3,4\n", "is cut short: its last line is not the trailer"),
        ("END;?([0-9]+)?", "x,y\n1,2\nEND\n", "its trailer states no number of rows"),
    ],
)
def test_a_trailer_is_the_whole_of_its_line(tmp_path: Path, trailer: str, content: str, why: str) -> None:
    path = tmp_path / "file.csv"
    path.write_text(content)
    with pytest.raises(FileRefusedError, match=why):
        read(path, rule(trailer=trailer))


@pytest.mark.parametrize("pattern", ["rows", "sha256"])
def test_a_manifest_that_states_nothing_is_refused(tmp_path: Path, pattern: str) -> None:
    path = tmp_path / "file.csv"
    (tmp_path / "file.csv.ok").write_text("rows=\nsha256=\n")
    with pytest.raises(FileRefusedError, match=f"does not state its {pattern}"):
        read_promise(path, rule(manifest={"suffix": ".ok", pattern: f"{pattern}=([0-9a-f]+)?"}))


def parquet(path: Path, file_rule: FileRule, **columns: object) -> list[list[str]]:
    """The columns of a Parquet file as they are read."""
    pq.write_table(pa.table(columns), path)
    return [array.to_pylist() for array in next(read_batches(path, file_rule, ReadLimits())).columns.values()]


def test_parquet_times_that_python_has_none_for(tmp_path: Path) -> None:
    far = pa.array([300000000000000000, None, 0], pa.timestamp("us"))
    nested = pa.array([[300000000000000000], [], None], pa.list_(pa.timestamp("us")))
    read_ones, unread, lists = parquet(tmp_path / "f", rule(format="parquet"), opened_on=far, x=far, y=nested)
    assert read_ones == unread == ["300000000000000000 (timestamp[us])", "", "1970-01-01T00:00:00"]
    assert lists[1:] == ["[]", ""]


@pytest.mark.parametrize("name", ["", " "])
def test_a_parquet_column_without_a_name_is_named_by_its_place(tmp_path: Path, name: str) -> None:
    found = parquet(tmp_path / "f", rule(format="parquet"), **{"customer_id": ["C1"], name: ["x"]})
    assert found == [["C1"], ["x"]]
    assert read_header(tmp_path / "f", rule(format="parquet")) == ["customer_id", "column 2"]


@pytest.mark.parametrize(
    ("values", "texts"),
    [
        (pa.array([date(2026, 1, 1)]), ["2026-01-01 (not text)"]),
        (pa.array([0], pa.timestamp("us")).dictionary_encode(), ["1970-01-01T00:00:00 (not text)"]),
        (pa.array([True]), ["true (not text)"]),
        (pa.array([Decimal("10.50"), Decimal("11.00"), None]), ["10.5 (not text)", "11", ""]),
        (pa.array([10.0]).dictionary_encode(), ["10 (float)"]),
        (pa.array([12]), ["12"]),
    ],
)
def test_parquet_identifiers_are_texts_or_whole_numbers(tmp_path: Path, values: pa.Array, texts: list[str]) -> None:
    assert parquet(tmp_path / "f", rule(format="parquet"), customer_id=values) == [texts]
