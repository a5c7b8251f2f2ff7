"""What informs people of a release: the dashboard, true and in both languages, and the digest by mail."""

from __future__ import annotations

import asyncore
import email
import json
import re
import smtpd
import threading
from datetime import date
from html import unescape
from pathlib import Path
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowSkipException
from gridcredit.errors import GridCreditError
from gridcredit.operations.pipeline import build_ratings
from gridcredit.orchestration.tasks import send_digest
from gridcredit.pages.texts import read_texts
from gridcredit.reporting.dashboard import charts
from gridcredit.reporting.dashboard.page import write_dashboard
from gridcredit.settings import Settings
from gridcredit.warehouse.connection import connect
from psycopg.rows import dict_row

from tests.support.builders import RICH_DAY
from tests.support.prepared import Prepared
from tests.support.suppliers import deliver
from tests.support.warehouses import WarehouseFactory


@pytest.fixture(scope="module")
def settings(new_warehouse: WarehouseFactory, rich: Prepared) -> Settings:
    return new_warehouse(rich)


@pytest.fixture(scope="module")
def page(settings: Settings) -> Path:
    return write_dashboard(settings=settings)


def test_nothing_to_draw_before_the_first_release(new_warehouse: WarehouseFactory) -> None:
    with pytest.raises(GridCreditError, match="nothing has been published yet"):
        write_dashboard(settings=new_warehouse())


def test_it_opens_from_disk_and_says_what_is_published(settings: Settings, page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    assert page.name == "release_000001.html"
    assert set(re.findall(r"https?://[^\"' ]+", text)) <= {"http://www.w3.org/2000/svg", "http://www.w3.org/1999/xlink"}
    # Its one script stands in it.
    assert not re.search(r"<(link|img)\b|<script[^>]", text)
    with connect(settings) as connection:
        (receivable,) = connection.execute(
            "select sum(receivable_amount) from published.receivable_by_month where as_of_date = '2026-06-19'"
        ).fetchone() or (None,)
        levels: dict[str, int] = dict(
            connection.execute("select level, count(*) from published.customer_warning group by level").fetchall()
        )
        (debtor, is_open) = connection.execute(
            "select customer_id, open_amount from published.largest_debtor where debtor_rank = 1"
        ).fetchone() or ("", 0)
        names = [name for (name,) in connection.execute("select distinct name from raw.customer")]
    assert f'<b id="receivable">{receivable:,.0f}</b>' in text
    for level in ("red", "orange", "yellow", "blue"):
        assert f'<span class="level {level}">{level}</span><b>{levels.get(level, 0)}</b>' in text
    assert f'<a href="#customer-{debtor}">{debtor}</a>' in text
    assert f"{is_open:,.0f}" in text
    assert text.count("<svg") == 8
    assert "amounts in CNY" in text
    assert not [name for name in names if name in text]


def rows_of(text: str, table: str) -> list[str]:
    body = text.split(f'id="{table}"')[1].split("<tbody>")[1].split("</tbody>")[0]
    return re.findall(r"<tr.*?</tr>", body, re.DOTALL)


def test_lists_lead_to_customers_and_can_be_filtered(settings: Settings, page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    with connect(settings) as connection:
        cursor = connection.cursor(row_factory=dict_row)
        red = cursor.execute("select * from published.customer_warning where level = 'red'").fetchall()
        late = cursor.execute(
            "select * from published.work_list join published.largest_debtor using (customer_id) where step_days_late "
            "> 0"
        ).fetchall()
        (failed,) = cursor.execute("select count(*) as n from lineage.gate_results where not success").fetchall()
    assert red
    assert late
    # Every red warning, each row with what it is filtered by.
    shown = [row for row in rows_of(text, "warning_list") if 'data-level="red"' in row]
    assert len(shown) == len(red)
    for warning in red:
        place = f'data-unit="{warning["org_unit"]}" data-segment="{warning["segment"]}"'
        link = f'href="#customer-{warning["customer_id"]}"'
        assert any(place in row and link in row and warning["reason_en"] in unescape(row) for row in shown)
    # Each link leads to a page in the file, each page is there once.
    targets = set(re.findall(r'href="#([^"]+)"', text))
    identities = re.findall(r'\bid="([^"]+)"', text)
    assert targets <= set(identities)
    assert len(identities) == len(set(identities))
    for head in ("receivable", "overdue", "billed", "collected", "open", "at risk"):
        assert f'<button type="button">{head}, CNY</button>' in text
    # A step that nobody took is marked, with its days.
    for debt in late:
        (row,) = [row for row in rows_of(text, "largest") if f"#customer-{debt['customer_id']}" in row]
        assert re.search(rf'class="[^"]*missed"[^>]*>[^<]*, {debt["step_days_late"]} days late<', row)
    # Data quality is a page of its own.
    quality = text.split('<div class="page" id="quality">')[1].split('<div class="page customer"')[0]
    assert 'id="checks"' in quality
    assert ('id="failed_checks"' in quality) == bool(failed["n"])
    assert "unfinished" in text or "dashed" in text
    assert "stroke-dasharray" in text


def test_a_month_that_runs_is_drawn_as_unfinished() -> None:
    """Of receivables, and of warnings opened and cleared."""
    words = read_texts("en", "gridcredit.reporting.dashboard")
    days = (date(2026, 5, 31), date(2026, 6, 19))
    warnings = [{"month": day.replace(day=1), "event": "opened", "warnings": 7} for day in days]
    for last_runs in (False, True):
        months = [
            {"as_of_date": day, "receivable": 9, "overdue": 4, "is_running": last_runs and day == days[-1]}
            for day in days
        ]
        for drawn in (charts.receivables(months, words, "CNY"), charts.warning_months(warnings, months, words)):
            assert ('stroke-dasharray="2,2"' in drawn) == last_runs


def test_it_is_drawn_in_chinese(settings: Settings, tmp_path: Path) -> None:
    text = write_dashboard(tmp_path / "zh.html", settings, "zh").read_text(encoding="utf-8")
    visible = re.sub(r"<(script|style|title)>.*?</\1>|<code>.*?</code>", " ", text, flags=re.DOTALL)
    # What the gates' checks are called, and what they found, is Great Expectations' English.
    quality = visible.split('<section class="wide"><h2>未通过的检查')[0]
    words = re.findall(r"\b[a-z]{4,}\b", re.sub(r"<[^>]+>", " ", quality.split("<body>")[1]))
    # Places and strategies are called as the supplier and the policy call them.
    assert set(words) <= {"east", "west", "south", "north", "unknown", "standard"}
    english = read_texts("en", "gridcredit.reporting.dashboard")
    assert english.keys() == read_texts("zh", "gridcredit.reporting.dashboard").keys()


def test_figures_are_set_against_the_release_before(
    new_warehouse: WarehouseFactory, rich: Prepared, tmp_path: Path
) -> None:
    settings = new_warehouse(rich)
    assert "first release" in write_dashboard(settings=settings).read_text()
    bill = "bill_id,customer_id,period,issued_on,due_on,amount,kind\n"
    bill += "BX1,C00000003,2026-05,2026-06-03,2026-06-10,1234567.00,regular\n"
    deliver(tmp_path / "bill.csv", settings, bill)
    build_ratings("second", RICH_DAY, settings)
    text = write_dashboard(settings=settings).read_text()
    tile = text.split('id="receivable"')[1].split("</div>")[0]
    assert "CNY · +1,234,567" in tile
    assert "since release 1 of 2026-06-19" in text


class Mailbox(smtpd.SMTPServer):
    """A mail server that stores what it is sent."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), ("127.0.0.1", 0))
        self.received: list[tuple[list[str], str]] = []

    def process_message(self, *received: Any, **_: Any) -> None:
        _, _, recipients, data = received
        self.received.append((recipients, data.decode()))


def test_a_digest_is_mailed_to_those_who_want_it(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """By Airflow's own provider, to a server that listens here."""
    mailbox = Mailbox()
    assert mailbox.socket is not None
    host, port = mailbox.socket.getsockname()
    serving = threading.Thread(target=asyncore.loop, kwargs={"timeout": 0.1}, daemon=True)
    serving.start()
    monkeypatch.setenv(
        "AIRFLOW_CONN_SMTP_DEFAULT",
        json.dumps(
            {
                "conn_type": "smtp",
                "host": host,
                "port": port,
                "extra": {"disable_ssl": True, "disable_tls": True, "from_email": "gridcredit@supplier.example"},
            }
        ),
    )
    asked = settings.model_copy(update={"digest_recipients": ["chief@supplier.example"]})
    monkeypatch.setattr("gridcredit.orchestration.tasks.warehouse_settings", lambda: asked)
    try:
        send_digest.function()
        ((recipients, text),) = mailbox.received
    finally:
        mailbox.close()
        serving.join(timeout=10)
    assert recipients == ["chief@supplier.example"]
    mail = email.message_from_string(text)
    assert mail["Subject"] == "GridCredit release 1, as of 2026-06-19"
    parts: list[Any] = [part.get_payload(decode=True) for part in mail.walk() if part.get_content_type() == "text/html"]
    body = b"".join(parts).decode()
    with connect(settings) as connection:
        (rated,) = connection.execute("select count(*) from published.customer_rating").fetchone() or (0,)
        customers = [
            customer for (customer,) in connection.execute("select customer_id from published.customer_rating")
        ]
    assert f"<td>grade</td><td>{rated}</td>" in body
    assert not [customer for customer in customers if customer in body]


def test_without_recipients_nothing_is_mailed(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gridcredit.orchestration.tasks.warehouse_settings", lambda: settings)
    with pytest.raises(AirflowSkipException):
        send_digest.function()
