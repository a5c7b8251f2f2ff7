"""`gridcredit mapping check`: what a mapping makes of a sample, before anything is loaded."""

from __future__ import annotations

from pathlib import Path

from gridcredit.cli.app import app
from gridcredit.ingestion.mapping.read import load_mapping
from gridcredit.ingestion.samples.draft import draft_mapping
from gridcredit.ingestion.samples.preview import Preview, preview
from gridcredit.settings import PROJECT_DIR
from typer.testing import CliRunner

DEMO = PROJECT_DIR / "mappings" / "demo.yml"
SAMPLE = (
    "payment_id,customer_id,bill_id,paid_on,amount,colour\n"
    "P1,C1,B1,2026-01-05,10.00,red\n"
    "P2,C1,,2026-02-30,5.50,blue\n"
    "P3,C1\nP4,C1,,2026-01-06,5.5,\n"
)


def test_before_after_and_quarantine(tmp_path: Path) -> None:
    sample = tmp_path / "payment_sample.csv"
    sample.write_text(SAMPLE)
    found = preview(load_mapping(DEMO), sample)
    assert [row["payment_id"] for row in found.before] == ["P1", "P2", "P4"]
    payments = found.after["payment"]
    assert [(row["payment_id"], row["paid_on"], row["amount"]) for row in payments.rows] == [
        ("P1", "2026-01-05", "10.00"),
        ("P4", "2026-01-06", "5.5"),
    ]
    assert [(line, bad.column, bad.value) for line, bad in payments.first_rejected] == [(3, "paid_on", "2026-02-30")]
    assert (payments.accepted, found.malformed.total(), found.unused_columns) == (2, 1, ["colour"])


def test_the_command(tmp_path: Path) -> None:
    sample = tmp_path / "payment_sample.csv"
    sample.write_text(SAMPLE)
    answer = CliRunner().invoke(app, ["mapping", "check", str(DEMO), "--sample", str(sample)])
    assert answer.exit_code == 0
    assert "to quarantine: 1 rows, paid_on is not a date written as %Y-%m-%d" in answer.output
    assert "columns that nothing reads: colour" in answer.output
    assert answer.output.startswith("payment_sample.csv: as it came")
    assert answer.output.splitlines()[-2:] == [
        "read: 4 rows",
        "verdict: would be refused: 2 of 4 payment rows are bad, over 5.0%",
    ]
    # No value is cut, however narrow the terminal.
    wide = "payment_" + "x" * 70
    sample.write_text(SAMPLE.replace("P1", wide))
    narrow = CliRunner().invoke(app, ["mapping", "check", str(DEMO), "--sample", str(sample)], env={"COLUMNS": "80"})
    assert len([line for line in narrow.output.splitlines() if wide in line]) == 2
    assert "…" not in narrow.output
    sample.write_text("nothing\n1\n")
    refused = CliRunner().invoke(app, ["mapping", "check", str(DEMO), "--sample", str(sample)])
    assert refused.exit_code == 1


def test_the_whole_sample_is_read_and_what_never_matches_is_reported(tmp_path: Path) -> None:
    path = tmp_path / "m.yml"
    path.write_text(
        "mapping: m\ndescription: d\nfiles:\n  - pattern: '*.csv'\n    extracts:\n      payment:\n"
        "        where: [{column: op, equals: [I, U]}]\n"
        "        columns: {channel: {from: channel, values: {B: bank, C: cash}}}\n"
    )
    sample = tmp_path / "payment.csv"
    rows = "".join(f"P{number},C1,2026-01-05,1.00,B,I\n" for number in range(60_000))
    sample.write_text("payment_id,customer_id,paid_on,amount,channel,op\n" + rows)
    mapping = load_mapping(path)
    found = preview(mapping, sample)
    assert (found.read, found.is_whole) == (60_000, True)
    assert found.verdict(mapping.files[0]) == "would be loaded: 60000 payment of 60000 rows"
    assert found.notes == [
        "values of payment.channel of 'channel': no row has 'C'",
        "a condition of payment of 'op': no row has 'U'",
    ]
    part = preview(mapping, sample, batches=1)
    assert (part.is_whole, part.notes) == (False, [])
    assert 0 < part.read < 60_000


def test_a_draft_of_a_mapping(tmp_path: Path) -> None:
    sample = tmp_path / "Rechnung bill_2026-01.csv"
    sample.write_bytes(
        "Export\nBill-ID;CustomerId;Period;Issued on;due_on;Amount;kind;Straße\n"
        "B1;C1;2026-01;25.01.2026;13.02.2026;1.234,50;R;x\nB2;C1;2026-01;26.01.2026;14.02.2026;12,5;R;y\n".encode(
            "gb18030"
        )
    )
    out = tmp_path / "draft.yml"
    answer = CliRunner().invoke(app, ["mapping", "init", str(sample), "--name", "neu", "--out", str(out)])
    assert answer.exit_code == 0, answer.output
    rule = load_mapping(out).files[0]
    assert rule.model_dump(exclude_defaults=True, exclude={"extracts"}) == {
        "pattern": "Rechnung bill*.csv",
        "encoding": "gb18030",
        "delimiter": ";",
        "header_row": 2,
        "date_format": "%d.%m.%Y",
        "decimal_separator": ",",
        "thousands_separator": ".",
    }
    columns = {name: column.source for name, column in rule.extracts["bill"].columns.items()}
    assert columns["bill_id"] == "Bill-ID"
    assert columns["issued_on"] == "Issued on"
    text = out.read_text()
    assert "`values` must map R to regular" in text
    assert "# nothing reads: Straße" in text
    found = preview(load_mapping(out), sample)
    assert found.verdict(rule).startswith("would be refused: 2 of 2 bill rows are bad")  # until `values` says what R is


def test_a_draft_says_what_it_is_not_sure_of(tmp_path: Path) -> None:
    sample = tmp_path / "payment.csv"
    sample.write_text("payment,customer_id,paid_on,amount\nP1,C1,01/02/2026,5\nP1,C1,03/04/2026,6\n")
    text = draft_mapping("m", [sample])
    assert "date_format: '%d/%m/%Y'  # %m/%d/%Y fit as well: which is meant?" in text
    assert "payment_id: payment  # by its name only; is the key, but has values twice" in text


HEAD = "mapping: m\ndescription: d\nfiles:\n  - pattern: '*.csv'\n"
LEDGER = (
    HEAD
    + """\
    multiline: [remark]
    extracts:
      payment:
        - where: [{column: side, equals: [D]}, {column: amount, differs: ["0"]}]
        - where: [{column: side, equals: [C]}, {column: amount, more_than: 100}]
          columns: {amount: {from: amount, negated: true}}
"""
)


def checked(folder: Path, mapping: str, sample: str) -> tuple[Preview, str, str]:
    """What is found of a sample, its verdict, and what the command prints."""
    (folder / "m.yml").write_text(mapping)
    (folder / "payment.csv").write_text(sample)
    loaded = load_mapping(folder / "m.yml")
    found = preview(loaded, folder / "payment.csv")
    arguments = ["mapping", "check", str(folder / "m.yml"), "--sample", str(folder / "payment.csv")]
    return found, found.verdict(loaded.files[0]), CliRunner().invoke(app, arguments).output


def test_each_condition_has_its_count_and_lines_that_no_rule_takes_are_named(tmp_path: Path) -> None:
    sample = "payment_id,customer_id,paid_on,amount,side\nP1,C1,2026-01-05,5.00,D\nP2,C1,2026-01-05,5.00,d\n,,,,\n"
    found, verdict, output = checked(tmp_path, LEDGER, sample + "P3,C1,2026-01-05,0.00,x\n")
    assert found.after["payment"].notes == ["no rule takes 2 lines: 3, 5"]
    assert found.notes == [
        "multiline names 'remark', which the file does not have",
        "a condition of payment of 'side': no row has 'C'",
        "a condition of payment of 'amount': no row has '0'",
        "a condition of payment: no row meets {column: amount, more_than: '100'}",
    ]
    assert verdict == "would be loaded: 1 payment of 3 rows"
    assert "  set aside: 2 rows by {column: side, equals: [D]}\n" in output
    assert "  set aside: 0 rows by {column: amount, differs: ['0']}\n" in output
    assert "lines without a value, which are no rows: 1\n" in output


def test_a_mapping_that_makes_nothing_is_doubted(tmp_path: Path) -> None:
    mapping = HEAD + "    extracts: {payment: {where: [{column: channel, filled: true}]}}\n"
    sample = "payment_id,customer_id,paid_on,amount,channel\nP1,C1,2026-01-05,1,\n"
    found, verdict, _ = checked(tmp_path, mapping, sample)
    assert verdict == "would be loaded, without any payment (is that meant?): 0 payment of 1 rows"
    assert found.notes == ["a condition of payment: no row meets {column: channel, filled: true}"]


def test_rows_alike_count_once_where_the_rule_says_so(tmp_path: Path) -> None:
    mapping = HEAD + "    bad_row_limit: 0.3\n    extracts: {payment: {distinct: true}}\n"
    sample = "payment_id,customer_id,paid_on,amount\n" + "P1,C1,2026-01-05,1\n" * 9 + "P2,C1,2026-01-05,x\n"
    found, verdict, output = checked(tmp_path, mapping, sample)
    assert (found.after["payment"].accepted, found.after["payment"].repeated) == (1, 8)
    assert verdict == "would be refused: 1 of 2 payment rows are bad, over 30.0%"
    assert "payment: 1 rows accepted, 0 filtered out, 8 repeated" in output


def test_keys_that_come_twice_are_counted(tmp_path: Path) -> None:
    """28.6: on two lines the last counts; on one line, of two rules, neither is taken, as at load."""
    sides = (
        "{payment: [{where: [{column: credit, filled: true}], columns: {amount: credit}},"
        "{where: [{column: debit, filled: true}], columns: {amount: {from: debit, negated: true}}}]}"
    )
    mapping = HEAD + f"    bad_row_limit: 1\n    extracts: {sides}\n"
    sample = (
        "payment_id,customer_id,paid_on,credit,debit\n"
        "P1,C1,2026-01-05,9,\nP1,C2,2026-01-05,,8\nP2,C1,2026-01-05,0.00,7\n"
    )
    found, verdict, _ = checked(tmp_path, mapping, sample)
    shown = found.after["payment"]
    assert (shown.accepted, shown.rejected) == (2, 2)
    assert shown.notes == ["1 rows have the key of another row: of each key the last line counts"]
    assert verdict == "would be loaded, 2 to quarantine: 2 payment of 3 rows"


def test_words_for_nothing_are_pointed_out(tmp_path: Path) -> None:
    sample = "payment_id,customer_id,paid_on,amount,channel\nP1,C1,2026-01-05,1,NULL\nP2,C1,2026-01-05,1,-\n"
    rule = "    extracts: {payment: {columns: {channel: {from: channel, values: {'-': ''}}}}}\n"
    found, _, _ = checked(tmp_path, HEAD + rule, sample)
    assert found.notes == ["'channel' has 'NULL': where that stands for no value, `absent` in the mapping says so"]
    found, _, _ = checked(tmp_path, HEAD + "    absent: ['NULL']\n" + rule, sample)
    assert (found.notes, [row["channel"] for row in found.after["payment"].rows]) == ([], [None, None])
