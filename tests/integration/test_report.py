"""The archive shows who was known when; the credit report shows the release, and nobody's name."""

from __future__ import annotations

import csv
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from html import unescape
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from gridcredit.contract.extracts import EXTRACTS
from gridcredit.errors import GridCreditError
from gridcredit.operations import pipeline
from gridcredit.pages.texts import read_texts
from gridcredit.persons.archive import contract_versions, meters, parties
from gridcredit.persons.pseudonyms import Pseudonyms, mask_name, mask_number
from gridcredit.reporting.customer import write_report, write_reports
from gridcredit.reporting.customer.why import explain
from gridcredit.settings import PROJECT_DIR, Settings
from gridcredit.warehouse.connection import connect
from psycopg.rows import dict_row

from tests.support.prepared import Prepared
from tests.support.suppliers import deliver
from tests.support.warehouses import WarehouseFactory


@dataclass
class Supplier:
    settings: Settings
    folder: Path
    before_correction: datetime
    firm: str

    def one(self, query: str) -> dict[str, Any]:
        with connect(self.settings) as connection:
            cursor = connection.execute(query.encode(), [self.firm])
            row = cursor.fetchone()
            assert row is not None
            assert cursor.description is not None
            return dict(zip((column.name for column in cursor.description), row, strict=True))

    def delivered(self, name: str) -> list[dict[str, str]]:
        with (self.folder / f"{name}.csv").open(newline="", encoding="utf-8") as file:
            return [row for row in csv.DictReader(file) if row["customer_id"] == self.firm]


@pytest.fixture(scope="module")
def supplier(
    new_warehouse: WarehouseFactory, rich: Prepared, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Supplier]:
    """A release that knows of what was delivered late of one customer."""
    settings = new_warehouse(rich)
    folder = tmp_path_factory.mktemp("files") / "all"
    shutil.copytree(rich.files, folder)
    with (folder / "customer.csv").open(newline="", encoding="utf-8") as file:
        firm = next(row for row in csv.DictReader(file) if row["segment"] == "industrial" and row["opened_on"] < "2022")
    before = datetime.now(UTC)
    number = firm["customer_id"]
    old = next(row for row in _rows(folder / "party.csv") if row["customer_id"] == number)
    # Learnt late: the representative left in March, and another has been there since.
    header = "customer_id,role,party_name,id_number,share_pct,valid_from,valid_to\n"
    deliver(
        folder / "party_late.csv",
        settings,
        f"{header}{number},legal_representative,{old['party_name']},{old['id_number']},,{old['valid_from']},2026-03-09\n"
        f"{number},legal_representative,欧阳修远,110101199003071234,,2026-03-10,\n",
    )
    deliver(
        folder / "customer_late.csv",
        settings,
        "customer_id,name,segment,region,opened_on,payment_mode,deposit_amount,updated_at,contract_capacity_kva\n"
        f"{number},{firm['name']},industrial,{firm['region']},{firm['opened_on']},prepaid,500.00,2026-06-01 "
        "00:00:00,1234\n",
    )
    deliver(
        folder / "meter_late.csv",
        settings,
        "meter_id,customer_id,installed_on,removed_on,multiplier\n"
        f"{_rows(folder / 'meter.csv')[0]['meter_id']},{number},2026-02-01,,1\n",
    )
    deliver(
        folder / "grade_override_1.csv",
        settings,
        "override_id,customer_id,grade,reason,approver_id,starts_on,ends_on\n"
        f"G-1,{number},B,settlement under way,S0007,2026-06-01,2026-09-30\n",
    )
    pipeline.build_ratings("report", date(2026, 6, 19), settings)
    yield Supplier(settings, folder, before, number)


def _rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


class Page(HTMLParser):
    """The cells of each table by its id, and all text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tables: dict[str, list[list[str]]] = {}
        self.text: list[str] = []
        self._table = ""
        self._is_cell = False
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "table":
            self._table = dict(attrs).get("id") or ""
        if tag == "tr":
            self.tables.setdefault(self._table, []).append([])
        self._is_cell = tag in ("td", "th") or (self._is_cell and tag not in ("tr", "table"))
        if tag in ("td", "th"):
            self.tables[self._table][-1].append("")

    def handle_data(self, data: str) -> None:
        self.text.append(data)
        if self._is_cell:
            self.tables[self._table][-1][-1] += data

    def handle_endtag(self, tag: str) -> None:
        if tag in ("td", "th"):
            self._is_cell = False


@pytest.mark.parametrize(
    ("name", "masked"),
    [
        ("王伟", "王*"),
        ("欧阳修远", "欧***"),
        ("Li", "L*"),
        ("东江机械有限公司", "东*****公司"),
        ("李", "李*"),
        (" Bo ", "B*"),
    ],
)
def test_a_name_is_masked(name: str, masked: str) -> None:
    assert mask_name(name) == masked


def test_a_number_is_shown_by_its_end() -> None:
    pseudonyms = Pseudonyms("a salt")
    assert mask_number(pseudonyms.number("110101199003071234")) == "****1234"
    assert mask_number(pseudonyms.number("1234")) is None
    assert mask_number(None) is None


def test_who_stood_behind_a_customer_by_what_was_known_then(supplier: Supplier) -> None:
    with connect(supplier.settings) as connection:
        on, before = date(2026, 4, 1), supplier.before_correction

        def representatives(**asked: Any) -> list[tuple[str, date | None]]:
            found = parties(connection, supplier.firm, **asked)
            return [(one.name, one.valid_to) for one in found if one.role == "legal_representative"]

        old = mask_name(supplier.delivered("party")[0]["party_name"])
        assert representatives(on=on, known_by=before) == [(old, None)]
        assert representatives(on=on) == [("欧***", None)]
        assert representatives(on=date(2026, 3, 9)) == [(old, date(2026, 3, 9))]
        assert representatives(on=date(2026, 3, 9), known_by=before) == [(old, None)]
        learnt = {one.name: one.source for one in parties(connection, supplier.firm, on=on) if one.share_pct is None}
        assert learnt["欧***"].file_name == "party_late.csv"
        assert learnt["欧***"].line_no == 3
        assert learnt["欧***"].learnt_at > before


def test_what_the_contract_said_and_when_it_changed(supplier: Supplier) -> None:
    delivered = supplier.delivered("customer")[0]
    with connect(supplier.settings) as connection:
        first, second = contract_versions(connection, supplier.firm)
        assert contract_versions(connection, supplier.firm, known_by=supplier.before_correction) == [first]
    assert first.changes["contract_capacity_kva"] == (None, Decimal(delivered["contract_capacity_kva"]))
    assert second.changes["contract_capacity_kva"] == (Decimal(delivered["contract_capacity_kva"]), Decimal(1234))
    assert second.changes["payment_mode"] == (delivered["payment_mode"] or None, "prepaid")
    assert "region" not in second.changes


def test_a_meter_that_passed_from_one_customer_to_another(supplier: Supplier) -> None:
    first = _rows(supplier.folder / "meter.csv")[0]
    with connect(supplier.settings) as connection:
        of_both = [
            [
                (one.customer_id, one.source.file_name)
                for one in meters(connection, customer)
                if one.meter_id == first["meter_id"]
            ]
            for customer in (supplier.firm, first["customer_id"])
        ]
        known = meters(connection, supplier.firm, known_by=supplier.before_correction)
    assert of_both == [[(first["customer_id"], "meter.csv"), (supplier.firm, "meter_late.csv")]] * 2
    assert known
    assert {one.source.file_name for one in known} == {"meter.csv"}


def test_the_report_shows_what_is_published(supplier: Supplier, tmp_path: Path) -> None:
    write_report(supplier.firm, tmp_path / "report.html", "en", supplier.settings)
    text = (tmp_path / "report.html").read_text(encoding="utf-8")
    page = Page(text)
    rating = supplier.one("select * from published.customer_rating where customer_id = %s")
    limit = supplier.one("select * from published.credit_limit where customer_id = %s")
    assert rating["grade"] == "B"
    words = " ".join(" ".join(page.text).split())
    assert f"{rating['score'].normalize():f} from" in words
    assert f"Grade by policy: {rating['grade_by_policy']}" in words
    assert "Set by hand until 2026-09-30, approved by S0007 : settlement under way" in words.replace(
        "S0007:", "S0007 :"
    )
    facts = {row[0].strip(): row[1] for row in page.tables[""] if len(row) == 2}
    for label, column in (("Credit limit", "credit_limit"), ("Exposure", "exposure"), ("Head-room", "headroom")):
        assert facts[label] == f"{limit[column]:,.2f}"
    # Who pays in advance owes nothing for use that is not billed yet.
    assert facts["use not billed yet"] == "0.00"
    with connect(supplier.settings) as connection:
        points: dict[str, tuple[Any, ...]] = {
            row[0]: row[1:]
            for row in connection.execute(
                "select reason_en, points, weight from published.rating_indicator where customer_id = %s and "
                "is_available",
                [supplier.firm],
            ).fetchall()
        }
    shown = {row[4].split(" ", 1)[1]: row[2] for row in page.tables["indicators"][1:] if len(row) == 5 and row[1]}
    assert shown == {
        reason: f"{scored.normalize():f} / {weight.normalize():f}" for reason, (scored, weight) in points.items()
    }
    assert text.count("<svg") == 2
    assert "amounts in CNY" in text
    assert "party_late.csv (2 rows" in words


def test_the_report_needs_nothing_and_names_nobody(supplier: Supplier, tmp_path: Path) -> None:
    out = tmp_path / "报告.html"
    write_report(supplier.firm, out, "zh", supplier.settings)
    text = out.read_text(encoding="utf-8")
    assert "客户信用报告" in text
    assert not re.search(r"""(src|href)=["']?(?!#|data:)""", text)
    assert not re.search(r"@import|<script|<link", text)
    people = supplier.delivered("party") + supplier.delivered("customer")
    for secret in [row[name] for row in people for name in ("party_name", "name", "id_number") if row.get(name)]:
        assert secret not in text
    assert "欧阳修远" not in text
    assert "110101199003071234" not in text
    # All of it is in the language asked for, names of indicators included.
    assert not re.search(r"[a-z]+_[a-z]+_\d+m", text)


def test_every_word_of_the_policies_is_in_each_language() -> None:
    """What the product's own policies and its contract name; a supplier's own words stand as he wrote them."""
    words = read_texts("zh")
    english = read_texts("en")
    assert words.keys() == english.keys()
    values = {column.name: column.values for column in EXTRACTS["collection_action"].columns}
    assert words["kinds"].keys() == english["kinds"].keys() == set(values["kind"])
    statuses = {column.name: column.values for column in EXTRACTS["customer"].columns}["status"]
    assert words["statuses"].keys() == english["statuses"].keys() == set(statuses)
    for path in (PROJECT_DIR / "policies").rglob("*.csv"):
        with path.open(encoding="utf-8") as file:
            for row in csv.DictReader(file):
                if path.name == "warning_rules.csv":
                    assert row["measure"] in words["measures"], row
                    assert row["department"] in words["departments"]
                    assert row["department"] in english["departments"]
                elif path.name == "customer_classes.csv":
                    assert row["service_tier"] in words["tiers"]
                elif path.name == "dunning_steps.csv":
                    assert row["step"] in words["steps"]
                    assert row["step"] in english["steps"]


def test_many_reports_at_once(supplier: Supplier, tmp_path: Path) -> None:
    with connect(supplier.settings) as connection:
        rated: dict[str, str] = dict(
            connection.execute("select customer_id, grade from published.customer_rating").fetchall()
        )
    written = write_reports(tmp_path / "all", None, "zh", supplier.settings)
    assert [path.name for path in written] == [f"{customer}.html" for customer in sorted(rated)]
    grade = rated[supplier.firm]
    some = write_reports(tmp_path / "some", grade, "en", supplier.settings)
    assert {path.stem for path in some} == {customer for customer, its in rated.items() if its == grade}
    # The same page as that of one customer.
    write_report(supplier.firm, tmp_path / "one.html", "en", supplier.settings)
    assert (tmp_path / "some" / f"{supplier.firm}.html").read_text() == (tmp_path / "one.html").read_text()
    for path in written:
        page = re.sub(r"<style>.*?</style>|<code>.*?</code>|<title>.*?</title>", "", path.read_text(), flags=re.DOTALL)
        words = re.findall(r"\b[a-z]{4,}(?:_[a-z]+)*\b", re.sub(r"<[^>]+>|T-\w+", " ", unescape(page)))
        # Names of files, places, the run and what a person wrote are the supplier's and the machine's.
        known = {"unknown", "east", "west", "south", "north", "dirty", "report", "settlement", "under", "default"}
        assert not [word for word in words if word not in known and f"{word}.csv" not in page], path
    with pytest.raises(GridCreditError, match="nobody has grade 'ZZ'"):
        write_reports(tmp_path / "none", "ZZ", "en", supplier.settings)


def test_the_report_agrees_with_the_next_step(supplier: Supplier, tmp_path: Path) -> None:
    """What is missed is marked, what was done is listed, and nobody near a cut-off is advised how to use more."""
    write_reports(tmp_path, None, "en", supplier.settings)
    english = read_texts("en")
    with connect(supplier.settings) as connection:
        cursor = connection.cursor(row_factory=dict_row)
        (day,) = [
            row["as_of_date"] for row in cursor.execute("select max(as_of_date) as as_of_date from published.release")
        ]
        debts = cursor.execute(
            "select * from published.work_list join published.customer_rating using (customer_id)"
        ).fetchall()
        usage = cursor.execute("select * from published.customer_advice where kind = 'usage'").fetchall()
        warnings = cursor.execute("select * from published.customer_warning where deadline < %s", [day]).fetchall()
        actions = cursor.execute(
            "select customer_id, count(*) as n from staging.stg_collection_action "
            "where not is_deleted and acted_on <= %s group by 1",
            [day],
        ).fetchall()
    assert debts
    assert warnings

    def text(customer: str) -> str:
        page = re.sub(r"<[^>]+>", " ", (tmp_path / f"{customer}.html").read_text())
        return " ".join(unescape(page).split())

    hard = {row["customer_id"] for row in debts if row["next_step"] in ("final_notice", "cut_off", "legal", "claim")}
    for row in debts:
        if row["next_step"]:
            assert f"Next step {english['steps'][row['next_step']]}" in text(row["customer_id"])
        if row["step_days_late"]:
            assert f"allowed for {row['step_days_late']} days and not taken" in text(row["customer_id"])
    for row in usage:
        assert (row["advice_en"] in text(row["customer_id"])) == (row["customer_id"] not in hard)
    for row in warnings:
        if (tmp_path / f"{row['customer_id']}.html").exists():
            assert f"deadline missed by {(day - row['deadline']).days} days" in text(row["customer_id"])
    for row in actions:
        page = Page((tmp_path / f"{row['customer_id']}.html").read_text())
        assert len(page.tables["contacts"]) == 1 + min(row["n"], 6)


def test_traces_are_links_where_airflow_is_known(supplier: Supplier, tmp_path: Path) -> None:
    settings = supplier.settings.model_copy(update={"airflow_url": "https://airflow.example.com/"})
    write_report(supplier.firm, tmp_path / "report.html", "en", settings)
    address = f"https://airflow.example.com/credit/trace?table=customer_rating&amp;key=customer_id%3D{supplier.firm}"
    assert (
        f'<a href="{address}">gridcredit trace row customer_rating customer_id={supplier.firm}</a>'
        in (tmp_path / "report.html").read_text()
    )


def test_a_customer_without_a_rating_has_no_report(supplier: Supplier, tmp_path: Path) -> None:
    with pytest.raises(GridCreditError, match="does not rate customer 'nobody'"):
        write_report("nobody", tmp_path / "report.html", "en", supplier.settings)
    assert not (tmp_path / "report.html").exists()


def test_why_names_what_bars_each_customer(supplier: Supplier) -> None:
    """Everybody's paragraph against what is published: the score's grade, the veto, the override and the points
    lost.
    """
    with connect(supplier.settings) as connection:
        rows = connection.cursor(row_factory=dict_row).execute("select * from published.customer_rating").fetchall()
        dearest: dict[str, Decimal] = dict(
            connection.execute(
                "select customer_id, max(weight - points) from published.rating_indicator group by 1"
            ).fetchall()
        )
        floors: dict[int, Decimal] = dict(
            connection.execute(
                "select grade_rank, min_score from policy.grades where policy_version = %s", [rows[0]["policy_version"]]
            ).fetchall()
        )
    assert {row["veto"] for row in rows} >= {None, "in_default"}
    for row in rows:
        text = explain(row["customer_id"], "en", supplier.settings)
        if row["grade_rank"] is None:
            assert "is not rated" in text and "What prevents a grade: " in text
            continue
        assert f"has grade {row['grade']} as of 2026-06-19" in text
        assert ("set by hand" in text) == (row["override_id"] is not None and row["grade_rank"] > 1)
        if row["veto"] == "in_default":
            assert f"a debt of {row['max_days_overdue']} days overdue, which is default" in text
        if dearest[row["customer_id"]] > 0:
            assert f"(lost {dearest[row['customer_id']].normalize():f} of " in text
        if row["grade_rank"] > 1 and row["score"] is not None:
            gap = floors[row["grade_rank"] - 1] - row["score"]
            assert (f"which is {gap.normalize():f} more" in text) == (gap > 0)
    firm = explain(supplier.firm, "zh", supplier.settings)
    assert "等级由S0007人工评定，有效期至2026-09-30（settlement under way）" in firm
    assert not re.search(r"[a-z]+_[a-z]+", firm)
