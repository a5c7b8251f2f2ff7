"""What the message of a blocked run says of the rows that failed, and of the way out."""

from __future__ import annotations

from gridcredit.quality.failed_rows import correct_and_run, named_rows, way_out

OF_LOADS = [{"_file_id": 12, "_line_no": 3}, *({"_file_id": 4, "_line_no": line} for line in range(12, 1, -1))]


def test_rows_of_loads_are_named_by_load_and_line() -> None:
    assert named_rows(OF_LOADS, 250, 4000) == (
        "of 4,000 rows: load 4 lines 2, 3, 4, 5, 6, 7, 8, 9, 10, 11 and 240 more"
    )
    assert named_rows(OF_LOADS[:2]) == "load 4 line 12; load 12 line 3"


def test_other_rows_are_named_by_their_keys() -> None:
    assert named_rows([{"indicator": "late_streak"}, {"indicator": "bill_size"}], 2, 30) == (
        "of 30 rows: indicator bill_size, late_streak"
    )
    assert named_rows([{"as_of_date": "2026-05-31", "customer_id": "K-1"}], 3) == (
        "as_of_date=2026-05-31 customer_id=K-1 and 2 more"
    )
    # A query finds what a table lacks.
    assert named_rows([{"indicator": "score"}], 1, 0) == "indicator score"
    assert named_rows([], 5, 9) == ""


def test_the_way_out_names_the_load_to_take_back() -> None:
    assert "(`gridcredit load revert 12 --reason TEXT`), deliver the corrected file and run again" in correct_and_run(
        OF_LOADS[:1]
    )
    several = way_out("night", OF_LOADS)
    assert "`gridcredit load list` shows them, these are of 4, 12; `gridcredit load revert ID --reason TEXT`" in several
    assert several.endswith("`gridcredit run --blocked 'night' --approver NAME --reason TEXT`")
    assert "`gridcredit load list` shows them; " in correct_and_run([{"customer_id": "K-1"}])
