"""Loading real files into a real Postgres: nothing lost, nothing twice, bad files refused whole."""

from __future__ import annotations

import csv
import os
import re
import shutil
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest
from gridcredit.errors import FileRefusedError, GridCreditError, MappingError, NotReadyError
from gridcredit.ingestion.landing import ready_files, take_in
from gridcredit.ingestion.loader import load_file
from gridcredit.ingestion.mapping.read import load_mappings
from gridcredit.ingestion.mapping.rules import Mapping
from gridcredit.ingestion.readiness import check_space
from gridcredit.ingestion.revert import revert_load
from gridcredit.operations.runs import start_run
from gridcredit.settings import Settings
from gridcredit.warehouse.connection import connect
from gridcredit.warehouse.currency import in_its_currency

from tests.support.commands import command_here

PAYMENTS = "payment_id,customer_id,bill_id,paid_on,amount\nP1,C1,B1,2026-01-05,10.00\nP2,C1,,2026-01-06,5.50\n"
CASES = Path(__file__).parents[1] / "cases" / "ingest"
TABLES = ("raw.customer", "raw.bill", "raw.payment", "quarantine.rows", "lineage.files", "lineage.loads")


@pytest.fixture
def demo(settings: Settings) -> Mapping:
    return load_mappings(settings.mappings_dir)["demo"]


def count(settings: Settings) -> dict[str, int]:
    with connect(settings) as connection:
        return {table: (connection.execute(f"select count(*) from {table}").fetchone() or (0,))[0] for table in TABLES}


def write(path: Path, content: str | bytes) -> Path:
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def test_each_row_knows_its_file_and_line(settings: Settings, demo: Mapping, tmp_path: Path) -> None:
    path = write(tmp_path / "payment_1.csv", PAYMENTS.replace("C1,,", 'C1,"",'))
    result = load_file(path, demo, settings)
    with connect(settings) as connection:
        rows = connection.execute(
            "select payment_id, file_name, _line_no from raw.payment join lineage.files on file_id = _file_id order by "
            "1"
        ).fetchall()
    assert rows == [("P1", "payment_1.csv", 2), ("P2", "payment_1.csv", 3)]
    assert result.counts["payment"].accepted == 2


def test_the_same_content_twice_changes_nothing(settings: Settings, demo: Mapping, tmp_path: Path) -> None:
    load_file(write(tmp_path / "payment_1.csv", PAYMENTS), demo, settings)
    before = count(settings)
    again = load_file(write(tmp_path / "payment_other_name.csv", PAYMENTS), demo, settings)
    assert again.is_repeat
    assert count(settings) == before


def test_a_file_read_otherwise_before_names_its_load(settings: Settings, demo: Mapping, tmp_path: Path) -> None:
    path = write(tmp_path / "payment_1.csv", PAYMENTS)
    load = load_file(path, demo, settings).file_id
    assert load_file(path, demo, settings).notes == []
    again = load_file(path, demo.model_copy(update={"sha256": "another version"}), settings)
    assert again.is_repeat
    assert f"`gridcredit load revert {load} --reason TEXT`" in again.notes[0]
    other = demo.model_copy(update={"mapping": "other"})
    with pytest.raises(FileRefusedError, match=f"load {load} holds it by mapping 'demo'.*load revert {load}"):
        load_file(path, other, settings)
    revert_load(load, "wrong mapping", settings)
    assert load_file(path, other, settings).counts["payment"].accepted == 2
    # A file without rows is alike everywhere.
    nothing = write(tmp_path / "external_risk.csv", "customer_id,listed_on,kind,removed_on\n")
    assert not load_file(nothing, demo, settings).is_repeat
    assert not load_file(nothing, other, settings).is_repeat


def test_bad_rows_go_to_quarantine_and_good_ones_in(settings: Settings, demo: Mapping, tmp_path: Path) -> None:
    good = "".join(f"P{number},C1,,2026-01-05,1.00\n" for number in range(100, 200))
    bad = "PX,C1,,2026-02-30,1.00\nPY,C1,,2026-01-05\nPZ,,,2026-01-05,1.00\n"
    result = load_file(write(tmp_path / "payment_1.csv", PAYMENTS + good + bad), demo, settings)
    counts = result.counts["payment"]
    assert (counts.read, counts.accepted, counts.quarantined) == (105, 102, 3)
    with connect(settings) as connection:
        rows = connection.execute(
            "select line_no, row_text, column_name, value, reason from quarantine.rows order by line_no"
        ).fetchall()
    assert rows == [
        (104, "PX,C1,,2026-02-30,1.00", "paid_on", "2026-02-30", "is not a date written as %Y-%m-%d"),
        (105, "PY,C1,,2026-01-05", None, None, "has 4 fields where the header has 5"),
        (106, "PZ,,,2026-01-05,1.00", "customer_id", None, "is missing"),
    ]


@pytest.mark.parametrize(("bad", "is_refused"), [(5, False), (6, True)])
def test_one_bad_row_of_twenty_is_the_usual_limit(
    settings: Settings, demo: Mapping, tmp_path: Path, bad: int, is_refused: bool
) -> None:
    rows = [f"P{number},C1,,{'2026-02-30' if number < bad else '2026-01-05'},1.00" for number in range(100)]
    path = write(tmp_path / "payment_1.csv", "\n".join([PAYMENTS.splitlines()[0], *rows, ""]))
    if is_refused:
        with pytest.raises(FileRefusedError, match="6 of 100 payment rows are bad"):
            load_file(path, demo, settings)
    else:
        assert load_file(path, demo, settings).counts["payment"].quarantined == 5


@pytest.mark.parametrize(
    ("content", "why"),
    [
        ("", "is empty"),
        ("payment_id,customer_id,bill_id,paid_on,amount\n", "header and no rows"),
        (PAYMENTS.replace("paid_on", "when"), "has no column 'paid_on', which payment.paid_on needs"),
        (PAYMENTS.replace("P1", "张三").encode("gb18030"), r"is not written in utf-8 \(line 2\)"),
        (
            PAYMENTS + 'P3,C1,"B1,2026-01-05,1.00\n' * 3,
            "3 of 5 payment rows are bad, over the limit of 5.0%; the first: line 4, holds a stray quote",
        ),
        (PAYMENTS.replace("2026-01-05", "05.01.2026"), "1 of 2 payment rows are bad, over the limit of 5.0%"),
    ],
)
def test_a_bad_file_is_refused_whole(
    settings: Settings, demo: Mapping, tmp_path: Path, content: str | bytes, why: str
) -> None:
    path = write(tmp_path / "payment_1.csv", content)
    before = count(settings)
    with pytest.raises(FileRefusedError, match=why) as refusal:
        load_file(path, demo, settings)
    assert "\n" not in str(refusal.value)
    assert str(refusal.value).startswith("payment_1.csv: ")
    assert count(settings) == before
    assert path.exists()


def test_a_stray_quote_swallows_no_rows(settings: Settings, demo: Mapping) -> None:
    path = CASES / "stray_quote.csv"
    rule = demo.rule_for("bill.csv")
    counts = load_file(path, demo, settings, rule).counts["bill"]
    assert (counts.read, counts.accepted, counts.quarantined) == (40, 39, 1)
    with connect(settings) as connection:
        rows = connection.execute("select line_no, row_text from quarantine.rows").fetchall()
    assert rows == [(21, path.read_text().splitlines()[20])]


def test_a_convention_that_fits_better_is_reported_with_the_refusal_and_the_load(
    settings: Settings, demo: Mapping, tmp_path: Path
) -> None:
    rule = demo.rule_for("payment.csv")
    assert rule is not None
    german = rule.model_copy(update={"decimal_separator": ",", "thousands_separator": ".", "bad_row_limit": 0.05})
    path = write(tmp_path / "payment_1.csv", PAYMENTS)
    with pytest.raises(FileRefusedError, match='2 of 2 values would fit decimal_separator: "."'):
        load_file(path, demo, settings, german)
    result = load_file(path, demo, settings, german.model_copy(update={"bad_row_limit": 1}))
    with connect(settings) as connection:
        assert connection.execute("select notes from lineage.loads").fetchall() == [(result.notes,)]
    assert len(result.notes) == 1


def test_a_column_that_the_mapping_names_must_be_there(settings: Settings, tmp_path: Path) -> None:
    def load(channel: str) -> int:
        (tmp_path / "m.yml").write_text(
            "mapping: m\ndescription: d\nfiles:\n  - pattern: '*.csv'\n    extracts:\n"
            f"      payment: {{columns: {{channel: {channel}}}}}\n"
        )
        path = write(tmp_path / "payment.csv", PAYMENTS.replace("bill_id", "channel"))
        return load_file(path, load_mappings(tmp_path)["m"], settings).counts["payment"].accepted

    with pytest.raises(FileRefusedError, match="no column 'chanel', which payment.channel reads .is it 'channel'"):
        load("chanel")
    assert load("{from: chanel, optional: true}") == 2


def test_a_mapping_in_another_currency_is_refused(settings: Settings, demo: Mapping, tmp_path: Path) -> None:
    path = write(tmp_path / "payment_1.csv", PAYMENTS)
    with pytest.raises(FileRefusedError, match="'demo' is in EUR, this warehouse in CNY"):
        load_file(path, demo.model_copy(update={"currency": "EUR"}), settings)
    load_file(path, demo.model_copy(update={"currency": "CNY"}), settings)


def test_the_currency_is_the_warehouses(settings: Settings, demo: Mapping, tmp_path: Path) -> None:
    """Its first load stores it; a later one with another, or with none, changes nothing."""
    in_euro = settings.model_copy(update={"currency": "EUR"})
    in_pounds = settings.model_copy(update={"currency": "GBP"})
    assert "currency" not in settings.model_fields_set
    # What is refused, or reverted, stores nothing for good.
    with pytest.raises(FileRefusedError, match="is empty"):
        load_file(write(tmp_path / "payment_0.csv", PAYMENTS.partition("\n")[0] + "\n"), demo, in_pounds)
    first = load_file(write(tmp_path / "payment_1.csv", PAYMENTS), demo, in_pounds)
    revert_load(first.file_id, "the wrong currency", settings)
    load_file(write(tmp_path / "payment_1.csv", PAYMENTS), demo, in_euro)
    assert in_its_currency(settings).currency == "EUR"
    others = write(tmp_path / "payment_2.csv", PAYMENTS.replace("P1", "P3"))
    refused = "this warehouse is in EUR, and GRIDCREDIT_CURRENCY says GBP: unset it"
    with pytest.raises(GridCreditError, match=refused):
        load_file(others, demo, in_pounds)
    with pytest.raises(GridCreditError, match=refused):
        start_run("pounds", settings=in_pounds)
    with pytest.raises(FileRefusedError, match="is in CNY, this warehouse in EUR"):
        load_file(others, demo.model_copy(update={"currency": "CNY"}), settings)
    load_file(others, demo.model_copy(update={"currency": "EUR"}), settings)
    assert count(settings)["raw.payment"] == 4


def test_an_action_may_be_nobody_s_in_particular(settings: Settings, demo: Mapping, tmp_path: Path) -> None:
    text = "action_id,customer_id,acted_on,kind\nA1,C1,2026-01-05,call\n"
    load_file(write(tmp_path / "collection_action.csv", text), demo, settings)
    with connect(settings) as connection:
        assert connection.execute("select officer_id from raw.collection_action").fetchall() == [(None,)]


FIRST, SECOND = "C1,2026-01-05,1\nC1,2026-01-05,1\n", "C2,2026-01-05,2\n"


def without_keys(delivery: str | None) -> Mapping:
    columns = {"payment_id": {"template": "{_file}/{_line}"}}
    rule = {"pattern": "*.csv", "delivery": delivery, "extracts": {"payment": {"columns": columns}}}
    return Mapping.model_validate({"mapping": "m", "description": "d", "files": [rule]})


def deliver(settings: Settings, folder: Path, delivery: str | None, *files: tuple[str, str]) -> tuple[int, list[str]]:
    """How many payments there are after the files, and what was noticed with the last."""
    notes: list[str] = []
    for name, rows in files:
        path = write(folder / name, "customer_id,paid_on,amount\n" + rows)
        notes = load_file(path, without_keys(delivery), settings).notes
    with connect(settings) as connection:
        (facts,) = connection.execute("select count(distinct payment_id) from raw.payment").fetchone() or (0,)
    return facts, notes


def test_cumulative_files_repeat_facts(settings: Settings, tmp_path: Path) -> None:
    files = ("1.csv", FIRST), ("2.csv", SECOND + FIRST), ("2.csv", SECOND + FIRST + FIRST)
    assert deliver(settings, tmp_path, "cumulative", *files) == (5, [])


def test_deltas_hold_new_facts(settings: Settings, tmp_path: Path) -> None:
    assert deliver(settings, tmp_path, "delta", ("1.csv", FIRST), ("2.csv", FIRST + SECOND)) == (5, [])
    with pytest.raises(FileRefusedError, match="load 1 had this name"):
        deliver(settings, tmp_path, "delta", ("1.csv", SECOND))


def test_deliveries_that_overlap_are_reported(settings: Settings, tmp_path: Path) -> None:
    facts, notes = deliver(settings, tmp_path, None, ("1.csv", FIRST), ("2.csv", FIRST + SECOND))
    assert facts == 5
    assert [note.split(":")[1] for note in notes] == [" 2 rows are alike in all columns to rows of load 1"]
    _, notes = deliver(settings, tmp_path, None, ("2.csv", SECOND * 3))
    assert "load 2 had the same file name" in notes[1]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read anything")
def test_an_unreadable_file_is_refused(settings: Settings, demo: Mapping, tmp_path: Path) -> None:
    path = write(tmp_path / "payment_1.csv", PAYMENTS)
    path.chmod(0)
    with pytest.raises(FileRefusedError, match="may not be read"):
        load_file(path, demo, settings)


def test_a_header_alone_says_that_nothing_happened_where_events_are_reported(
    settings: Settings, demo: Mapping, tmp_path: Path
) -> None:
    path = write(tmp_path / "external_risk.csv", "customer_id,listed_on,kind,removed_on\n")
    assert load_file(path, demo, settings).counts["external_risk"].read == 0
    assert count(settings)["lineage.loads"] == 1


def test_new_and_missing_columns_are_recorded(settings: Settings, demo: Mapping, tmp_path: Path) -> None:
    text = (
        'payment_id,customer_id,paid_on,amount,colour,"a '
        '""b"""\nP1,C1,2026-01-05,10.00,red,"x\ny"\nP2,C1,2026-01-05,1,\0,\n'
    )
    rule = demo.rule_for("payment_1.csv")
    assert rule is not None
    of_lines = rule.model_copy(update={"multiline": ['a "b"']})
    load_file(write(tmp_path / "payment_1.csv", text), demo, settings, of_lines)
    with connect(settings) as connection:
        row = connection.execute(
            "select unused_columns, missing_columns from lineage.loads join lineage.files using (file_id)"
        ).fetchone()
        stored = connection.execute("select _extra from raw.payment order by payment_id").fetchall()
    assert row == (["colour", 'a "b"'], ["bill_id", "channel", "reverses_payment_id"])
    assert stored == [({"colour": "red", 'a "b"': "x\ny"},), ({"colour": "␀", 'a "b"': ""},)]


def test_a_tombstone_ends_a_fact_and_needs_no_more_than_its_key(settings: Settings, tmp_path: Path) -> None:
    (tmp_path / "m.yml").write_text(
        "mapping: m\ndescription: d\nfiles:\n  - pattern: '*.csv'\n    extracts:\n"
        "      payment: {deleted: {column: op, equals: [D]}}\n"
    )
    mapping = load_mappings(tmp_path)["m"]
    path = write(tmp_path / "one.csv", "op,payment_id,customer_id,paid_on,amount\nI,P1,C1,2026-01-05,1\nD,P2,,,\n")
    assert load_file(path, mapping, settings).counts["payment"].accepted == 2
    refused = write(tmp_path / "two.csv", "op,payment_id,customer_id,paid_on,amount\nD,,C1,2026-01-05,1\n")
    with pytest.raises(FileRefusedError, match="payment_id is missing"):
        load_file(refused, mapping, settings)
    with connect(settings) as connection:
        rows = connection.execute("select payment_id, _deleted, _extra from raw.payment order by 1").fetchall()
    assert rows == [("P1", False, None), ("P2", True, None)]


def test_no_space_is_reported_before_work_starts(
    settings: Settings, demo: Mapping, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: shutil._ntuple_diskusage(100, 100, 0))
    path = write(tmp_path / "payment_1.csv", PAYMENTS)
    load_file(path, demo, settings)  # a server of one's own is not checked
    with pytest.raises(NotReadyError, match="free some space"):
        check_space(path, settings.model_copy(update={"warehouse_url": None}))


@pytest.mark.parametrize(("begins", "times"), [(b"payment_id", 4), (b"\x1f\x8b", 32), (b"PK", 32), (b"PAR1", 32)])
def test_a_file_needs_a_multiple_of_its_size_a_packed_one_more(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, begins: bytes, times: int
) -> None:
    path = tmp_path / "file"
    path.write_bytes(begins.ljust(100))
    embedded = settings.model_copy(update={"warehouse_url": None})
    monkeypatch.setattr(shutil, "disk_usage", lambda _: shutil._ntuple_diskusage(10_000, 0, 100 * times))
    check_space(path, embedded)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: shutil._ntuple_diskusage(10_000, 0, 100 * times - 1))
    with pytest.raises(NotReadyError, match="free some space"):
        check_space(path, embedded)


def test_a_directory_is_refused(settings: Settings, demo: Mapping, tmp_path: Path) -> None:
    folder = tmp_path / "payment.csv"
    folder.mkdir()
    with pytest.raises(FileRefusedError, match="is a directory"):
        load_file(folder, demo, settings)


def test_the_shipped_mapping_of_a_ledger(settings: Settings, tmp_path: Path) -> None:
    """Of three bills, as of the IBM ledger: each customer once, and of a bill that is not settled no payment, and its
    dispute.
    """
    path = write(
        tmp_path / "accounts_receivable.csv",
        "countryCode,customerID,PaperlessDate,invoiceNumber,InvoiceDate,DueDate,InvoiceAmount,Disputed,SettledDate,"
        "PaperlessBill,DaysToSettle,DaysLate\n"
        "391,0379-NEVHP,4/6/2013,0000611365,1/2/2013,2/1/2013,55.94,No,1/15/2013,Paper,13,0\n"
        "391,0379-NEVHP,4/6/2013,0007900770,1/26/2013,2/25/2013,61.74,Yes,3/3/2013,Paper,36,6\n"
        "406,8976-AMJEO,3/3/2012,0009231909,7/3/2013,8/2/2013,65.88,Yes,,Electronic,5,0\n",
    )
    result = load_file(path, load_mappings(settings.mappings_dir)["ibm_receivables"], settings)
    counts = {name: (c.read, c.accepted, c.filtered, c.repeated) for name, c in result.counts.items()}
    assert counts == {"customer": (3, 2, 0, 1), "bill": (6, 3, 3, 0), "payment": (3, 2, 1, 0)}
    with connect(settings) as connection:
        bills = connection.execute("select bill_id, due_on, disputed from raw.bill order by 1").fetchall()
        payments = connection.execute("select payment_id, paid_on, amount from raw.payment order by 1").fetchall()
        customers = connection.execute("select customer_id, region from raw.customer order by 1").fetchall()
    assert bills == [
        ("0000611365", date(2013, 2, 1), False),
        ("0007900770", date(2013, 2, 25), False),
        ("0009231909", date(2013, 8, 2), True),
    ]
    assert payments == [
        ("0000611365-settled", date(2013, 1, 15), Decimal("55.94")),
        ("0007900770-settled", date(2013, 3, 3), Decimal("61.74")),
    ]
    assert customers == [("0379-NEVHP", "391"), ("8976-AMJEO", "406")]


def test_the_ibm_ledger_makes_three_extracts(settings: Settings, ibm_ledger: Path) -> None:
    result = load_file(ibm_ledger, load_mappings(settings.mappings_dir)["ibm_receivables"], settings)
    assert {name: (c.read, c.accepted, c.quarantined, c.repeated) for name, c in result.counts.items()} == {
        "customer": (2466, 100, 0, 2366),
        # By two rules, of which each row meets one.
        "bill": (4932, 2466, 0, 0),
        "payment": (2466, 2466, 0, 0),
    }
    with connect(settings) as connection:
        keys = connection.execute("select min(bill_id), count(distinct bill_id) from raw.bill").fetchone()
        # What was disputed once is settled, all of it.
        disputed = connection.execute("select count(*) from raw.bill where disputed").fetchone()
    with ibm_ledger.open(newline="") as file:
        numbers = {row["invoiceNumber"] for row in csv.DictReader(file)}
    assert (keys, disputed) == ((min(numbers), 2466), (0,))


def test_the_landing_folder(settings: Settings) -> None:
    landing = settings.landing_dir / "demo"
    landing.mkdir(parents=True)
    good = write(landing / "payment_1.csv", PAYMENTS)
    bad = write(landing / "payment_2.csv", "nothing useful\n1\n")
    write(landing / "payment_3.csv.part", PAYMENTS)
    assert set(ready_files(settings)) == {good, bad}
    take_in(good, settings)
    with pytest.raises(FileRefusedError):
        take_in(bad, settings)
    assert not good.exists()
    assert [path.name.split("_", 1)[1] for path in settings.accepted_dir.rglob("*.csv")] == ["payment_1.csv"]
    assert not bad.exists()
    refused = {path.name.split("_", 1)[1]: path.read_text() for path in settings.refused_dir.rglob("*.*")}
    assert refused["payment_2.csv"] == "nothing useful\n1\n"
    assert refused["payment_2.csv.refused.txt"].startswith("payment_2.csv: has no column")
    assert ready_files(settings) == []
    # A retry of the killed task that had moved it says the same again.
    with pytest.raises(FileRefusedError, match="has no column"):
        take_in(bad, settings)


def test_a_faulty_mapping_holds_up_nobody_elses_files(settings: Settings, tmp_path: Path) -> None:
    """By hand and where files land; who asks for it is refused, with its line."""
    own = settings.model_copy(update={"mappings_dir": tmp_path / "mappings"})
    own.mappings_dir.mkdir()
    shutil.copy(settings.mappings_dir / "demo.yml", own.mappings_dir)
    write(own.mappings_dir / "erp_draft.yml", "mapping: erp\ndescription: half written\nfilse:\n")
    fault = r"erp_draft\.yml:3: filse: unknown key"
    for name in ("demo", "erp"):
        (own.landing_dir / name).mkdir(parents=True)
    take_in(write(own.landing_dir / "demo" / "payment_1.csv", PAYMENTS), own)
    waiting = write(own.landing_dir / "erp" / "payment_2.csv", PAYMENTS)
    with pytest.raises(MappingError, match=fault):
        take_in(waiting, own)
    assert waiting.exists()
    assert settings.warehouse_url
    environment = {
        "GRIDCREDIT_HOME": str(own.home),
        "GRIDCREDIT_MAPPINGS_DIR": str(own.mappings_dir),
        "GRIDCREDIT_WAREHOUSE_URL": settings.warehouse_url.get_secret_value(),
    }
    file = str(write(tmp_path / "payment_3.csv", PAYMENTS.replace("P1", "P3")))
    done = command_here(["ingest", "--mapping", "demo", file], environment)
    assert (done.returncode, done.stdout[:30]) == (0, "payment_3.csv: payment: 2 read")
    assert re.search(f"warning: another mapping is left aside: .*{fault}", done.stderr)
    refused = command_here(["ingest", "--mapping", "erp", file], environment)
    assert refused.returncode == 1
    assert re.search(f"^error: .*{fault}", refused.stderr)
    unknown = command_here(["ingest", "--mapping", "erq", file], environment)
    assert re.search(f"no mapping is named 'erq' in .*: demo; left aside: .*{fault}", unknown.stderr)
    assert re.search(f"mapping    left aside: .*{fault}", command_here(["status"], environment).stdout)


def test_a_link_is_not_followed(settings: Settings, tmp_path: Path) -> None:
    landing = settings.landing_dir / "demo"
    landing.mkdir(parents=True)
    (landing / "payment_1.csv").symlink_to(write(tmp_path / "payment.csv", PAYMENTS))
    with pytest.raises(FileRefusedError, match="is a link"):
        take_in(landing / "payment_1.csv", settings)
    assert (tmp_path / "payment.csv").exists()
    assert [path.is_symlink() for path in settings.refused_dir.rglob("*payment_1.csv")] == [True]
    (settings.landing_dir / "ibm_receivables").symlink_to(tmp_path)
    assert ready_files(settings) == []


@pytest.mark.parametrize("name", [b"payment_\xff.csv", b"other_\xff.csv"])
def test_a_name_that_is_not_utf8_is_refused(settings: Settings, name: bytes) -> None:
    landing = settings.landing_dir / "demo"
    landing.mkdir(parents=True)
    path = write(landing / os.fsdecode(name), PAYMENTS)
    for _ in range(2):  # a retry says the same
        with pytest.raises(FileRefusedError, match=r"_\\udcff\.csv: its name is not UTF-8: rename it"):
            take_in(path, settings)
    assert sorted(stored.suffix for stored in settings.refused_dir.rglob("*.*")) == [".csv", ".txt"]
    assert ready_files(settings) == []
