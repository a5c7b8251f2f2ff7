"""Whatever bytes a file holds, loading it gives rows, quarantined rows or a clean refusal, and the counts balance."""

from __future__ import annotations

import gzip
import io
import re
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from gridcredit.errors import FileRefusedError
from gridcredit.ingestion.loader import load_file
from gridcredit.ingestion.mapping.rules import Mapping
from gridcredit.settings import Settings
from gridcredit.warehouse.connection import Connection, connect
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from openpyxl import Workbook

from tests.support.depth import few_or_many
from tests.support.prepared import Prepared
from tests.support.warehouses import WarehouseFactory

PAYMENTS = b"payment_id,customer_id,bill_id,paid_on,amount\nP1,C1,,2026-01-05,10.00\nP2,C1,,2026-01-06,5.50\n"
RULES = [
    {"encoding": "utf-8"},
    {"encoding": "gb18030", "full_width": True, "thousands_separator": ","},
    {"encoding": "utf-8", "delimiter": ";", "trailer": "^T(.*)$"},
    {"format": "parquet"},
    {"format": "xlsx"},
]


def parquet() -> bytes:
    buffer = io.BytesIO()
    pq.write_table(
        pa.table({"payment_id": ["P1"], "customer_id": ["C1"], "paid_on": ["2026-01-05"], "amount": [1.5]}), buffer
    )
    return buffer.getvalue()


def sheet() -> bytes:
    workbook, buffer = Workbook(), io.BytesIO()
    for row in (["payment_id", "customer_id", "paid_on", "amount"], ["P1", "C1", "2026-01-05", 1.5]):
        workbook.worksheets[0].append(row)
    workbook.save(buffer)
    return buffer.getvalue()


SEEDS = [PAYMENTS, PAYMENTS.replace(b",", b";") + b"T2\n", gzip.compress(PAYMENTS), parquet(), sheet()]
# Pieces that mean something to a parser.
PIECES = st.one_of(
    st.binary(max_size=12),
    st.sampled_from(
        [b'"', b'""', b",", b"\n", b"\r", b"\r\n", b"\0", b"\xef\xbb\xbf", b"\xff", b";", b"T1", b"\x1f\x8b"]
    ),
)


@st.composite
def contents(draw: st.DrawFn) -> bytes:
    """Any bytes, or a sound file with pieces of it replaced, repeated or cut off."""
    if draw(st.booleans()):
        return draw(st.binary(max_size=300))
    data = draw(st.sampled_from(SEEDS))
    for _ in range(draw(st.integers(0, 4))):
        start = draw(st.integers(0, len(data)))
        end = draw(st.integers(start, min(len(data), start + 40)))
        data = data[:start] + draw(PIECES) * draw(st.sampled_from([1, 1, 3])) + data[end:]
    return data


def count(connection: Connection, query: str) -> int:
    (number,) = connection.execute(query).fetchone() or (0,)
    return int(number)


@pytest.fixture(scope="module")
def shared(new_warehouse: WarehouseFactory) -> Settings:
    return new_warehouse()


@pytest.mark.deep
@settings(max_examples=few_or_many(150, 5000), deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=contents(), rule=st.sampled_from(RULES), limit=st.sampled_from([0.0, 1.0]))
def test_any_bytes(
    shared: Settings, tmp_path_factory: pytest.TempPathFactory, data: bytes, rule: dict[str, object], limit: float
) -> None:
    path: Path = tmp_path_factory.mktemp("any") / "payment.csv"
    path.write_bytes(data)
    file_rule = {"pattern": "*", "bad_row_limit": limit, "extracts": {"payment": {}}} | rule
    mapping = Mapping.model_validate({"mapping": "any", "description": "d", "files": [file_rule]})
    with connect(shared, autocommit=True) as connection:

        def state() -> tuple[int, int, int]:
            return (
                count(connection, "select count(*) from raw.payment"),
                count(connection, "select count(*) from quarantine.rows"),
                count(connection, "select count(*) from lineage.loads"),
            )

        before = state()
        try:
            result = load_file(path, mapping, shared)
        except FileRefusedError as refusal:
            assert re.fullmatch(r"payment\.csv: .+", str(refusal))
            assert state() == before
            return
        after = state()
        if result.is_repeat:
            assert after == before
        else:
            counts = result.counts["payment"]
            assert counts.read == counts.accepted + counts.quarantined
            assert after == (before[0] + counts.accepted, before[1] + counts.quarantined, before[2] + 1)


TEXTS = ["plain", "a,b", 'say "x"', '"', "\\.", "\\N", "NULL", "null", "a\tb", "it's; so", "ünï 電", "a  b"]


@pytest.mark.parametrize("together", [True, False], ids=["in one file", "in files of their own"])
def test_each_text_is_stored_as_it_was_sent(
    new_warehouse: WarehouseFactory, empty: Prepared, tmp_path: Path, together: bool
) -> None:
    """A file whose texts need no quotes is written to the database without them: what COPY reads is the same."""
    mine = new_warehouse(empty)
    mapping = Mapping.model_validate(
        {
            "mapping": "texts",
            "description": "d",
            "files": [{"pattern": "*", "format": "parquet", "extracts": {"payment": {}}}],
        }
    )
    for number, texts in enumerate([TEXTS] if together else [[text] for text in TEXTS]):
        ids = [f"P{number}-{place}" for place in range(len(texts))]
        days, amounts = ["2026-01-05"] * len(texts), [1.5] * len(texts)
        columns = {"payment_id": ids, "customer_id": ids, "channel": texts, "paid_on": days, "amount": amounts}
        path = tmp_path / f"payment_{number}.parquet"
        pq.write_table(pa.table(columns), path)
        assert load_file(path, mapping, mine).counts["payment"].quarantined == 0
    with connect(mine) as connection:
        stored = connection.execute("select channel, bill_id from raw.payment order by _file_id, _line_no").fetchall()
    assert stored == [(text, None) for text in TEXTS]
