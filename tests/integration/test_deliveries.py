"""How deliveries follow each other: what is corrected, repaired, reverted or sent again counts once, and as it was
meant last.
"""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest
from gridcredit.errors import FileRefusedError, GridCreditError
from gridcredit.ingestion.landing import ready_files
from gridcredit.ingestion.loader import LoadResult, load_file
from gridcredit.ingestion.mapping.read import load_mappings
from gridcredit.ingestion.quarantine import export_quarantined, list_quarantined, resubmit
from gridcredit.ingestion.revert import revert_load
from gridcredit.settings import Settings

from tests.support.waiting import rows

MADE_KEY = "{payment: {columns: {payment_id: {template: '{_file}-{_line}'}}}}"
HEADER = "customer_id,paid_on,amount\n"
HELD = "select payment_id, amount::text from raw.payment order by 1, 2"


class Supplier:
    """Loads files of payments by a mapping of its own."""

    def __init__(self, settings: Settings, folder: Path, rule: str) -> None:
        self.settings, self.folder = settings, folder
        settings.mappings_dir = folder / "mappings"
        settings.mappings_dir.mkdir()
        text = f"mapping: own\ndescription: d\nfiles:\n  - {{pattern: '*.csv', bad_row_limit: 1, {rule}}}\n"
        (settings.mappings_dir / "own.yml").write_text(text)

    def load(self, name: str, text: str) -> LoadResult:
        path = self.folder / name
        path.write_text(text)
        return load_file(path, load_mappings(self.settings.mappings_dir)["own"], self.settings)

    def repaired(self, load: int, wrong: str, right: str, name: str = "to_repair.csv") -> Path:
        """The exported rows of a load's quarantine, mended."""
        path = self.folder / name
        path.unlink(missing_ok=True)
        export_quarantined(load, path, self.settings)
        path.write_text(path.read_text().replace(wrong, right))
        return path

    def repair(self, load: int, wrong: str, right: str, name: str = "to_repair.csv") -> LoadResult:
        return resubmit(self.repaired(load, wrong, right, name), load, self.settings)

    def held(self) -> list[tuple[str, ...]]:
        return rows(self.settings, HELD)


def test_a_cumulative_file_that_lacks_rows_is_refused(settings: Settings, tmp_path: Path) -> None:
    """28.13: corrected, written otherwise, or with a column more, its rows would count twice."""
    supplier = Supplier(settings, tmp_path, f"delivery: cumulative, extracts: {MADE_KEY}")
    one, two = "C1,2026-01-05,20.00\n", "C1,2026-01-06,7.00\n"
    first = supplier.load("pay_1.csv", HEADER + one).file_id
    assert supplier.load("pay_2.csv", HEADER + one + two).notes == []
    assert len(supplier.held()) == 3
    later = "C2,2026-01-07,1.00\n"
    for changed in (
        HEADER + "C1,2026-01-05,25.00\n" + two,
        HEADER + "C1,2026-01-05,20.0\n" + two,
        "customer_id,paid_on,amount,channel\nC1,2026-01-05,20.00,bank\nC1,2026-01-06,7.00,bank\n",
    ):
        with pytest.raises(
            FileRefusedError, match=r"lacks [12] payment rows of load \d.*they would count twice.*load rev"
        ):
            supplier.load("pay_3.csv", changed)
    # A window that moves on, and the file of another series, lack what they never were to hold.
    assert supplier.load("pay_4.csv", HEADER + two + later).notes == []
    assert supplier.load("other_1.csv", HEADER + "C9,2026-01-05,20.00\n").notes == []
    assert first == 1


def test_rows_alike_are_sought_in_all_loads(settings: Settings, tmp_path: Path) -> None:
    """28.13: not only in the one before."""
    supplier = Supplier(settings, tmp_path, f"extracts: {MADE_KEY}")
    supplier.load("w1.csv", HEADER + "C1,2026-01-05,20.00\n")
    supplier.load("w2.csv", HEADER + "C1,2026-01-06,7.00\n")
    (note,) = supplier.load("w3.csv", HEADER + "C1,2026-01-05,20.00\nC1,2026-01-09,1.00\n").notes
    assert "1 rows are alike in all columns to rows of load 1: say `delivery" in note


def test_a_line_is_repaired_alone(settings: Settings, tmp_path: Path) -> None:
    """28: of a line that makes several rows the sound ones are there already, by key of file and line or by content."""
    one = (
        "{{where: [{{column: {0}, filled: true}}], "
        "columns: {{payment_id: {{template: '{{_file}}-{{_line}}-{0}'}}, amount: {0}}}}}"
    )
    rules = f"{{payment: [{one.format('cash')}, {one.format('card')}]}}"
    for number, delivery in enumerate(("", "delivery: cumulative, ")):
        folder = tmp_path / str(number)
        folder.mkdir()
        supplier = Supplier(settings, folder, f"{delivery}extracts: {rules}")
        load = supplier.load(
            f"{'ab'[number]}.csv", f"customer_id,paid_on,cash,card\nC{number},2026-01-05,10.00,2O.00\n"
        ).file_id
        again = supplier.repair(load, "2O.00", "20.00").counts["payment"]
        assert (again.accepted, again.quarantined) == (1, 0)
        assert rows(settings, f"select amount::text from raw.payment where customer_id = 'C{number}' order by 1") == [
            ("10.00",),
            ("20.00",),
        ]
    assert ("a.csv-2-card", "20.00") in supplier.held()


@pytest.mark.parametrize("delivery", ["", "delivery: delta, ", "delivery: cumulative, "])
def test_repairs_of_several_loads_stand_side_by_side(settings: Settings, tmp_path: Path, delivery: str) -> None:
    """28: under one name, alike byte by byte, and alike to a sound row of their file."""
    supplier = Supplier(settings, tmp_path, f"{delivery}extracts: {MADE_KEY}")
    loads = [
        supplier.load(f"{name}.csv", HEADER + f"C{name},2026-01-05,20.00\nC{name},2026-01-05,2O.00\n").file_id
        for name in ("a", "b")
    ]
    for load in loads:
        assert supplier.repair(load, "2O.00", "20.00").counts["payment"].accepted == 1
    assert [amount for _, amount in supplier.held()] == ["20.00"] * 4
    assert len({key for key, _ in supplier.held()}) == 4
    assert list_quarantined(settings) == []


def test_two_loads_with_the_same_bad_line(settings: Settings, tmp_path: Path) -> None:
    """28: their repairs are the same bytes, and each is of its own load."""
    supplier = Supplier(settings, tmp_path, f"extracts: {MADE_KEY}")
    bad = HEADER + "C1,2026-01-05,2O.00\n"
    loads = [supplier.load("a.csv", bad).file_id, supplier.load("b.csv", bad + "C1,2026-02-05,1.00\n").file_id]
    for load in loads:
        assert not supplier.repair(load, "2O.00", "20.00").is_repeat
    assert supplier.held() == [("a.csv-2", "20.00"), ("b.csv-2", "20.00"), ("b.csv-3", "1.00")]


def test_a_line_comes_again_once(settings: Settings, tmp_path: Path) -> None:
    """28: another repair of it is refused until the first is reverted; then the row waits again."""
    supplier = Supplier(settings, tmp_path, "extracts: {payment: {}}")
    load = supplier.load("a.csv", "payment_id," + HEADER + "P1,C1,2026-01-05,2O.00\n").file_id
    path = supplier.repaired(load, "2O.00", "20.00")
    other = tmp_path / "other.csv"
    other.write_text(path.read_text().replace("20.00", "25.00"))
    first = resubmit(path, load, settings)
    assert resubmit(path, load, settings).is_repeat
    with pytest.raises(
        GridCreditError, match=f"line 2 of load {load} came again in load {first.file_id}: .*load revert"
    ):
        resubmit(other, load, settings)
    assert revert_load(first.file_id, "wrong", settings) == ["to_repair.csv"]
    assert [one.file_id for one in list_quarantined(settings)] == [load]
    resubmit(other, load, settings)
    assert supplier.held() == [("P1", "25.00")]


def test_what_is_still_bad_is_repaired_once_more(settings: Settings, tmp_path: Path) -> None:
    """28: as a row of the file that it was delivered in."""
    supplier = Supplier(settings, tmp_path, f"header_row: 2, extracts: {MADE_KEY}")
    load = supplier.load(
        "a.csv", "Payments of January\n" + HEADER + "C1,2026-01-05,1.00\nC1,2026-01-05,2O.00\n"
    ).file_id
    again = supplier.repair(load, "2O.00", "2o.00").file_id
    path = supplier.repaired(again, "2o.00", "20.00")
    assert path.read_text().splitlines()[0] == "_line,_reason,customer_id,paid_on,amount"
    assert path.read_text().splitlines()[1].startswith("4,")
    assert resubmit(path, again, settings).counts["payment"].accepted == 1
    assert supplier.held() == [("a.csv-3", "1.00"), ("a.csv-4", "20.00")]
    assert list_quarantined(settings) == []


def test_a_late_repair_replaces_nothing_newer(settings: Settings, tmp_path: Path) -> None:
    """28: it counts as of its own load; what was delivered since stands."""
    supplier = Supplier(settings, tmp_path, "extracts: {payment: {}}")
    header = "payment_id," + HEADER
    load = supplier.load("day1.csv", header + "P1,C1,2026-01-05,2O.00\nP2,C1,2026-01-05,3O.00\n").file_id
    supplier.load("day2.csv", header + "P1,C1,2026-01-05,25.00\n")
    result = supplier.repair(load, "O.00", "0.00")
    assert (result.counts["payment"].accepted, dict(result.counts["payment"].set_aside)) == (
        1,
        {"a later load holds its key": 1},
    )
    assert "payment: 1 repaired rows were not taken: loads after 1 hold their keys" in result.notes[0]
    assert supplier.held() == [("P1", "25.00"), ("P2", "30.00")]


def test_what_is_reverted_takes_its_repairs_along(settings: Settings, tmp_path: Path) -> None:
    """28: the corrected file can be delivered again."""
    supplier = Supplier(settings, tmp_path, f"extracts: {MADE_KEY}")
    load = supplier.load("a.csv", HEADER + "C1,2026-01-05,1.00\nC1,2026-01-05,2O.00\nC1,2026-01-06,3O.00\n").file_id
    path = supplier.repaired(load, "2O.00", "20.00")
    kept = [line for line in path.read_text().splitlines() if "3O" not in line]
    path.write_text("\n".join([*kept, ""]))
    resubmit(path, load, settings)
    assert revert_load(load, "a test", settings) == ["a.csv", "to_repair.csv"]
    assert supplier.held() == []
    with pytest.raises(GridCreditError, match="was reverted: repair its file"):
        resubmit(path, load, settings)
    supplier.load("a.csv", HEADER + "C1,2026-01-05,1.00\nC1,2026-01-05,20.00\nC1,2026-01-06,30.00\n")
    assert [amount for _, amount in supplier.held()] == ["1.00", "20.00", "30.00"]


def test_content_that_comes_again_after_a_correction_is_reported(settings: Settings, tmp_path: Path) -> None:
    """28.15: nothing is read, and what stands otherwise is said."""
    supplier = Supplier(settings, tmp_path, "extracts: {payment: {}}")
    header = "payment_id," + HEADER
    first = header + "P1,C1,2026-01-05,20.00\nP2,C1,2026-01-05,1.00\n"
    supplier.load("day1.csv", first)
    assert supplier.load("day1_again.csv", first).notes == []
    supplier.load("day2.csv", header + "P1,C1,2026-01-05,25.00\nP2,C1,2026-01-05,1.00\n")
    again = supplier.load("day3.csv", first)
    assert again.is_repeat
    (note,) = again.notes
    assert "1 of its payment rows are held otherwise by load 2, which counts" in note


def test_a_column_that_is_gone_is_reported(settings: Settings, tmp_path: Path) -> None:
    """28: what is delivered again loses its values."""
    supplier = Supplier(settings, tmp_path, "extracts: {payment: {}}")
    supplier.load("pay_1.csv", "payment_id,channel," + HEADER + "P1,bank,C1,2026-01-05,20.00\n")
    (note,) = supplier.load("pay_2.csv", "payment_id," + HEADER + "P1,C1,2026-01-05,20.00\n").notes
    assert note.startswith("payment: has no column channel, which load 1 had")


def test_rows_of_a_line_with_one_key_are_quarantined(settings: Settings, tmp_path: Path) -> None:
    """28.10: a credit of 0.00 beside a debit of 7.00 under one number: nobody could say which of them counts."""
    sides = (
        "{payment: [{where: [{column: credit, filled: true}], columns: {amount: credit}},"
        "{where: [{column: debit, filled: true}], columns: {amount: {from: debit, negated: true}}}]}"
    )
    supplier = Supplier(settings, tmp_path, f"extracts: {sides}")
    result = supplier.load(
        "a.csv",
        "payment_id,customer_id,paid_on,credit,debit\nP1,C1,2026-01-05,9.00,\nP2,C1,2026-01-05,0.00,7.00\n"
        "P3,C1,2026-01-05,x,y\n",
    )
    assert supplier.held() == [("P1", "9.00")]
    counts = result.counts["payment"]
    assert counts.read == counts.accepted + counts.quarantined + counts.filtered + counts.repeated
    waiting = {(one.line_no, one.example): one.reason for one in list_quarantined(settings)}
    assert "is the key of several rows that this line makes" in waiting[3, "P2"]
    # Both rows of the last line are bad: it waits once, with both reasons.
    assert waiting[4, "x"].count("is not a number") == 2


def test_what_is_ready_in_the_landing_folder(settings: Settings, tmp_path: Path) -> None:
    """Files in transfer wait, also by the name that a program gives them; a clock that is ahead blocks nobody; pay_2
    comes before pay_10.
    """
    supplier = Supplier(settings, tmp_path, "extracts: {payment: {}}")
    folder = settings.landing_dir / "own"
    folder.mkdir(parents=True)
    settings.landing_settle_seconds = 0
    for name in ("pay_10.csv", "pay_2.csv", "pay_1.csv.filepart", "pay_3.csv.CRDOWNLOAD", "pay_4.csv~"):
        (folder / name).write_text("payment_id," + HEADER)
        os.utime(folder / name, (time.time() - 100, 1_700_000_000))
    ahead = folder / "pay_11.csv"
    ahead.write_text("payment_id," + HEADER)
    os.utime(ahead, (time.time(), time.time() + 8 * 3600))
    time.sleep(0.05)
    assert [path.name for path in ready_files(settings)] == ["pay_2.csv", "pay_10.csv", "pay_11.csv"]
    assert supplier.held() == []
