"""Attributes of customers in hand-made accounts: they hold a cut-off while they last, warn, cap a grade and ask for a
review.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path

import psycopg
import pytest
from gridcredit import policies
from gridcredit.errors import FileRefusedError, GridCreditError, PolicyError
from gridcredit.evaluation.scorecards.develop import develop
from gridcredit.evaluation.scorecards.sample import read_sample
from gridcredit.ingestion.landing import take_in
from gridcredit.lineage.trace import trace_row
from gridcredit.operations import pipeline
from gridcredit.operations.erasure import erase_customer
from gridcredit.releases.release import verify_release
from gridcredit.settings import Settings
from gridcredit.warehouse.connection import warehouse_url
from gridcredit.warehouse.reading.access import add_reader
from psycopg.conninfo import make_conninfo

from tests.support import shipped
from tests.support.by_hand import build_by_hand, rows_of
from tests.support.prepared import Prepared
from tests.support.rebuilds import assert_a_rebuild_changes_nothing, pass_gates
from tests.support.suppliers import deliver
from tests.support.waiting import rows
from tests.support.warehouses import WarehouseFactory, Warehouses

DAY = date(2026, 6, 19)
MONTH_ENDS = [
    date(2025, 12, 31),
    date(2026, 1, 31),
    date(2026, 2, 28),
    date(2026, 3, 31),
    date(2026, 4, 30),
    date(2026, 5, 31),
]
DECLARED = """
attributes:
  direct_debit: {type: boolean, text: pays by direct debit}
  income_band: {type: code, values: [low, high], text: income}
  persons: {type: number, text: persons in the household}
  moved_in: {type: date, text: when they moved in}
  remark: {type: text, text: what the clerk wrote}
  vulnerable: {type: boolean, protected: true, text: depends on electricity}
"""
ADDED = {
    "warning_rules.csv": "big_on_debit,blue,see whether the debit holds,collections,7,0,,30,,on debit with many "
    "persons,代扣且人口多\n",
    "warning_conditions.csv": "big_on_debit,attribute_direct_debit,=,1\nbig_on_debit,attribute_persons,>,4\n",
    "vetoes.csv": "low_income,attribute_income_band_low,=,1,B,VO4\n",
    "review_rules.csv": "vulnerable,attribute_vulnerable,=,1,0,,vulnerable customers are reviewed,弱势用户需调查\n",
    "dunning_holds.csv": "held_by,feature,comparator,threshold,step,text_en,text_zh\n"
    "vulnerable,attribute_vulnerable,=,1,cut_off,no cut-off of the vulnerable,弱势用户不停电\n"
    "many_persons,attribute_persons,>=,9,,nothing while nine live there,九口之家暂停\n",
}
# Customer, attribute, value, first day, last day.
ATTRIBUTES = """
holds, vulnerable, true, 2026-01-01, 2026-06-30
last_day, vulnerable, true, 2026-01-01, 2026-06-19
over, vulnerable, true, 2026-01-01, 2026-06-18
replaced, vulnerable, true, 2026-01-01,
replaced, vulnerable, false, 2026-06-10,
no_more_known, vulnerable, yes, 2026-01-01,
no_more_known, vulnerable, , 2026-06-10,
not_back, vulnerable, true, 2026-01-01,
not_back, vulnerable, true, 2026-05-01, 2026-05-31
to_come, vulnerable, true, 2026-06-20,
nine, persons, 9, 2026-01-01,
poor, income_band, low, 2026-02-10, 2026-05-10
poor_now, income_band, low, 2026-05-20,
rich, income_band, high, 2026-02-10,
debit, direct_debit, true, 2026-03-12, 2026-04-10
debit, persons, 5, 2026-03-01,
debit_now, direct_debit, true, 2026-03-01,
debit_now, persons, 4, 2026-03-01,
debit_now, persons, 4.5, 2026-05-17,
debit_now, moved_in, 2020-02-29, 2026-05-17,
debit_now, remark, ask for Mrs Personname, 2026-05-17,
"""
DEBTORS = ("holds", "last_day", "over", "replaced", "no_more_known", "not_back", "to_come", "nine", "nothing_known")
PAYERS = ("poor", "poor_now", "rich", "debit", "debit_now", "alone")
# Of a segment with one customer, which has no tenths.
ALONE = {"alone": "industrial"}


def attribute_file(table: str) -> str:
    return "\n".join(["customer_id,name,value,valid_from,valid_to", *map(",".join, rows_of(table)), ""])


def files() -> dict[str, str]:
    """Debtors whose next step is the cut-off, since the 15th; and customers who have paid two years of bills in
    time.
    """
    found = {
        "customer": ["customer_id,name,segment,opened_on,updated_at"],
        "bill": ["bill_id,customer_id,period,issued_on,due_on,amount,kind"],
        "payment": ["payment_id,customer_id,bill_id,paid_on,amount"],
        "collection_action": ["action_id,customer_id,kind,acted_on"],
    }
    for name in (*DEBTORS, *PAYERS):
        found["customer"].append(f"{name},{name},{ALONE.get(name, 'residential')},2020-01-01,2024-01-01 00:00:00")
    for name in DEBTORS:
        found["bill"].append(f"{name}-B,{name},2026-04,2026-04-21,2026-05-05,100,regular")
        found["collection_action"].append(f"{name}-N,{name},final_notice,2026-06-08")
    for name in PAYERS:
        for number in range(24):
            due_on = date(2024 + (5 + number) // 12, (5 + number) % 12 + 1, 15)
            found["bill"].append(f"{name}-{number},{name},{due_on:%Y-%m},{due_on - timedelta(14)},{due_on},100,regular")
            found["payment"].append(f"{name}-P{number},{name},{name}-{number},{due_on},100")
    return {name: "\n".join([*lines, ""]) for name, lines in found.items()} | {
        "customer_attribute": attribute_file(ATTRIBUTES)
    }


def own_policies(settings: Settings, folder: Path) -> None:
    settings.policies_dir = folder / "policies"
    shutil.copytree(Settings().policies_dir, settings.policies_dir)
    (settings.policies_dir / "attributes.yml").write_text(DECLARED)
    for file, text in ADDED.items():
        with (settings.policies_dir / "default" / shipped.NUMBER / file).open("a", encoding="utf-8") as rows_of_policy:
            rows_of_policy.write(text)


@pytest.fixture(scope="module")
def hand(warehouses: Warehouses, empty: Prepared, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    folder: Path = tmp_path_factory.mktemp("attributes")
    with warehouses.lent(empty) as settings:
        own_policies(settings, folder)
        build_by_hand(files(), [*MONTH_ENDS, DAY], folder, settings)
        yield settings


def test_a_cut_off_is_held_while_the_attribute_lasts(hand: Settings) -> None:
    """Its last day included; a later value ends the one before, and the earlier one does not come back."""
    got = {
        name: rest
        for name, *rest in rows(hand, "select customer_id, next_step, earliest_on, held_by from candidate.work_list")
    }
    held, free = ["cut_off", None, "vulnerable"], ["cut_off", date(2026, 6, 15), None]
    assert got == {
        "holds": held,
        "last_day": held,
        "over": free,
        "replaced": free,
        "no_more_known": free,
        "not_back": free,
        "to_come": free,
        # A hold of any step.
        "nine": ["cut_off", None, "many_persons"],
        "nothing_known": free,
    }
    late = dict(rows(hand, "select customer_id, step_days_late from candidate.work_list"))
    assert (late["holds"], late["over"]) == (None, 4)


def test_warned_from_the_day_on_which_the_attributes_meet_the_rule(hand: Settings) -> None:
    """Found on its very day, in the middle of a month, and gone on the day after the last one."""
    got = rows(
        hand,
        "select customer_id, opened_on, clears_on, status, evidence from warnings.warning where rule = 'big_on_debit' "
        "order by 1",
    )
    assert got == [
        (
            "debit",
            date(2026, 3, 12),
            date(2026, 4, 11),
            "cleared",
            "attribute_direct_debit 1.00; attribute_persons 5.00",
        ),
        ("debit_now", date(2026, 5, 17), None, "open", "attribute_direct_debit 1.00; attribute_persons 4.50"),
    ]
    evidence = rows(
        hand, "select kind, record_id, dated_on from candidate.warning_evidence where rule = 'big_on_debit' order by 2"
    )
    assert evidence == [
        ("customer_attribute", "direct_debit", date(2026, 3, 1)),
        ("customer_attribute", "persons", date(2026, 5, 17)),
    ]


def test_a_veto_caps_the_grade_as_of_each_day(hand: Settings) -> None:
    got = rows(
        hand,
        "select customer_id, as_of_date, veto from credit.rating where veto = 'low_income' and as_of_date = any(%s) "
        "order by 1, 2",
        [*MONTH_ENDS, DAY],
    )
    assert got == [
        ("poor", date(2026, 2, 28), "low_income"),
        ("poor", date(2026, 3, 31), "low_income"),
        ("poor", date(2026, 4, 30), "low_income"),
        ("poor_now", date(2026, 5, 31), "low_income"),
        ("poor_now", DAY, "low_income"),
    ]
    grades = dict(
        rows(hand, "select customer_id, grade from candidate.customer_rating where customer_id = any(%s)", list(PAYERS))
    )
    assert grades["poor_now"] == "B"
    assert grades["poor"] == grades["rich"] != "B"


def test_a_review_is_asked_for(hand: Settings) -> None:
    got = rows(hand, "select customer_id from candidate.investigation_due where review_rule = 'vulnerable' order by 1")
    assert got == [("holds",), ("last_day",)]


def test_each_day_knows_what_stood_on_it(hand: Settings) -> None:
    got = rows(
        hand,
        "select as_of_date, attribute_direct_debit, attribute_persons, attribute_income_band_low from "
        "features.customer_feature "
        "where customer_id = 'debit' and as_of_date = any(%s) order by 1",
        [*MONTH_ENDS[2:], DAY],
    )
    assert got == [
        (date(2026, 2, 28), None, None, None),
        (date(2026, 3, 31), 1, Decimal(5), None),
        (date(2026, 4, 30), None, Decimal(5), None),
        (date(2026, 5, 31), None, Decimal(5), None),
        (DAY, None, Decimal(5), None),
    ]


def test_what_is_published(hand: Settings) -> None:
    """With history and end, nothing of a later day, and no text, which may name somebody."""
    got = rows(
        hand,
        "select name, type, is_protected, value, valid_from, valid_to, is_current from candidate.customer_attribute "
        "where customer_id = any(%s) order by customer_id, name, valid_from",
        ["debit_now", "last_day", "not_back", "replaced", "to_come"],
    )
    assert got == [
        ("direct_debit", "boolean", False, "true", date(2026, 3, 1), None, True),
        ("moved_in", "date", False, "2020-02-29", date(2026, 5, 17), None, True),
        ("persons", "number", False, "4", date(2026, 3, 1), date(2026, 5, 16), False),
        ("persons", "number", False, "4.5", date(2026, 5, 17), None, True),
        ("vulnerable", "boolean", True, "true", date(2026, 1, 1), DAY, True),
        ("vulnerable", "boolean", True, "true", date(2026, 1, 1), date(2026, 4, 30), False),
        ("vulnerable", "boolean", True, "true", date(2026, 5, 1), date(2026, 5, 31), False),
        ("vulnerable", "boolean", True, "true", date(2026, 1, 1), date(2026, 6, 9), False),
        ("vulnerable", "boolean", True, "false", date(2026, 6, 10), None, True),
    ]


def test_nights_hold_what_a_rebuild_holds(
    new_warehouse: WarehouseFactory, empty: Prepared, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A value ends between two nights, one is corrected, one is withdrawn; then all is built once more. And who reads
    it, and erasure.
    """
    pass_gates(monkeypatch)
    settings = new_warehouse(empty)
    settings.history_months = 4
    own_policies(settings, tmp_path)
    # Named by a version that another has followed, and declared no more before the rebuild.
    declared, once = (
        settings.policies_dir / "attributes.yml",
        "  boiler: {type: boolean, text: heats with electricity}\n",
    )
    cellar = "  cellar: {type: code, values: [dry, wet], text: what the cellar is like}\n"
    declared.write_text(declared.read_text().rstrip("\n") + "\n" + once + cellar)
    with (settings.policies_dir / "default" / "1.0" / "vetoes.csv").open("a", encoding="utf-8") as vetoes:
        vetoes.write("boiler,attribute_boiler,=,1,B,VO4\nwet,attribute_cellar_wet,=,1,B,VO4\n")
    delivered = files()
    delivered["customer_attribute"] += "rich,boiler,true,2026-01-01,\nrich,cellar,wet,2026-01-01,\n"
    for name, text in delivered.items():
        landed = settings.landing_dir / "demo" / f"{name}.csv"
        landed.parent.mkdir(parents=True, exist_ok=True)
        landed.write_text(text)
        take_in(landed, settings)
    pipeline.build_ratings("first", DAY, settings)
    held = "select customer_id from published.work_list where held_by = 'vulnerable' order by 1"
    assert rows(settings, held) == [("holds",), ("last_day",)]
    # No fact comes in: the day passes.
    pipeline.build_ratings("a night", date(2026, 6, 20), settings)
    assert rows(settings, held) == [("holds",), ("to_come",)]
    assert rows(
        settings,
        "select is_current, valid_to from published.customer_attribute where customer_id = 'last_day'",
    ) == [(False, DAY)]
    deliver(
        tmp_path / "customer_attribute_2.csv",
        settings,
        attribute_file(
            "holds, vulnerable, true, 2026-01-01, 2026-06-20\nover, vulnerable, true, 2026-06-21,\npoor, income_band, "
            "low, 2026-03-01,"
        ),
    )
    pipeline.build_ratings("another", date(2026, 6, 21), settings)
    assert rows(settings, held) == [("over",), ("to_come",)]
    # A segment of one has no tenths, and is known to be small in each release.
    assert rows(settings, "select distinct customers from features.bill_size_bound where segment = 'industrial'") == [
        (1,)
    ]
    declared.write_text(declared.read_text().replace(once, "").replace("[dry, wet]", "[dry]"))
    assert_a_rebuild_changes_nothing(settings, date(2026, 6, 21))
    assert rows(settings, "select customer_id, value from archive.attribute_value where name = 'boiler'") == [
        ("rich", "true")
    ]
    assert rows(settings, "select is_declared from policy.attributes where name = 'boiler'") == [(False,)]
    assert rows(
        settings,
        "select attribute_boiler, attribute_cellar_dry, attribute_cellar_wet from features.customer_feature "
        "where customer_id = 'rich' and as_of_date = '2026-06-21'",
    ) == [(1, 0, 1)]
    _departments(settings)
    assert (
        "customer_attribute"
        in trace_row(
            "customer_attribute",
            {"customer_id": "over", "name": "vulnerable", "valid_from": "2026-06-21"},
            settings=settings,
        ).as_json()
    )
    _erasure(settings)


def _departments(settings: Settings) -> None:
    for department, sees in (("credit", True), ("collections", True), ("billing", False), ("audit", True)):
        login = f"attributes_of_{department}"
        password = add_reader(login, department, ["*"], settings)
        with psycopg.connect(make_conninfo(warehouse_url(settings), user=login, password=password)) as connection:
            if sees:
                assert connection.execute("select count(*) from customer_attribute").fetchone() != (0,)
                continue
            with pytest.raises((psycopg.errors.UndefinedTable, psycopg.errors.InsufficientPrivilege)):
                connection.execute("select 1 from customer_attribute")
            connection.rollback()
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute("select 1 from published.customer_attribute")


def _erasure(settings: Settings) -> None:
    """Texts go from raw, staging and the stored file; typed values are figures, and stay."""
    (stored,) = (path for path in settings.accepted_dir.rglob("*customer_attribute*") if path.is_file())
    assert "Personname" in stored.read_text()
    erase_customer("debit_now", "Data protection officer", "asked for", settings)
    assert "Personname" not in stored.read_text()
    for table in ("raw.customer_attribute", "staging.stg_customer_attribute", "archive.attribute_value"):
        held = dict(
            rows(settings, f"select name, max(value) from {table} where customer_id = 'debit_now' group by name")
        )
        assert held == {"direct_debit": "true", "moved_in": "2020-02-29", "persons": "4.5", "remark": None}, table
    assert verify_release(1, settings) == []
    # What comes in later is stored without it too.
    deliver(
        settings.home / "customer_attribute_3.csv",
        settings,
        attribute_file("debit_now, remark, Mrs Personname again, 2026-06-01,\ndebit_now, persons, 3, 2026-06-01,"),
    )
    later = (
        "select name, value from raw.customer_attribute where customer_id = 'debit_now' and valid_from = '2026-06-01' "
        "order by 1"
    )
    assert rows(settings, later) == [("persons", "3"), ("remark", None)]


def test_a_scorecard_is_fitted_to_attributes_but_never_to_protected_ones(
    new_warehouse: WarehouseFactory, evaluated: Prepared, tmp_path: Path
) -> None:
    settings = new_warehouse(evaluated)
    frame = read_sample(settings).fitted.frame
    found = frame.filter(like="attribute_")
    assert list(found.columns) == [
        f"attribute_{name}" for name in ("direct_debit", "income_band_low", "income_band_middle", "income_band_high")
    ]
    debits = dict(
        rows(
            settings,
            "select value, count(*) from outcomes.outcome join staging.stg_customer_attribute using (customer_id) "
            "where outcome in ('default', 'no default') and name = 'direct_debit' and valid_from <= as_of_date "
            "and as_of_date = any(%s) group by 1",
            read_sample(settings).fitted.month_ends,
        )
    )
    assert debits["true"] >= found["attribute_direct_debit"].eq(1).sum() > 0.5 * debits["true"] > 0
    with pytest.raises(GridCreditError, match="attribute_vulnerable: of protected attributes, which enter no score"):
        develop(tmp_path / "v", "v", date(2026, 7, 1), settings, indicators=["attribute_vulnerable"])


def test_what_is_not_declared_or_has_not_its_type_is_quarantined(
    new_warehouse: WarehouseFactory, empty: Prepared, tmp_path: Path
) -> None:
    settings = new_warehouse(empty)
    own_policies(settings, tmp_path)
    good = "".join(f"\nC{number}, persons, {number}, 2026-01-01," for number in range(60))
    text = attribute_file(f"C1, shoe_size, 43, 2026-01-01,\nC1, direct_debit, perhaps, 2026-01-01,{good}")
    loaded = deliver(tmp_path / "customer_attribute.csv", settings, text)
    counts = loaded.counts["customer_attribute"]
    assert (counts.accepted, counts.quarantined) == (60, 2)
    assert rows(settings, "select line_no, column_name, value, reason from quarantine.rows order by 1") == [
        (2, "name", "shoe_size", "is not declared in policies/attributes.yml"),
        (3, "value", "perhaps", "of direct_debit is not yes or no"),
    ]
    with pytest.raises(
        FileRefusedError, match=r"3 of 3 .* are bad.*line 2, column name is not declared in policies/attributes\.yml"
    ):
        deliver(tmp_path / "customer_attribute_2.csv", settings, attribute_file("C1, hat, 1, 2026-01-01,\n" * 3))
    # A name retains its type: values of it are stored.
    declared = settings.policies_dir / "attributes.yml"
    declared.write_text(DECLARED.replace("persons: {type: number", "persons: {type: boolean"))
    with pytest.raises(PolicyError, match="'persons' was declared as number"):
        deliver(tmp_path / "customer_attribute_3.csv", settings, attribute_file("C1, persons, yes, 2026-01-01,"))
    with pytest.raises(PolicyError, match="'persons' was declared as number"):
        policies.load_policies(settings)
