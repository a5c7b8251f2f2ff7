"""The dashboard as a person works with it: clicked, typed into, filtered, sorted, followed."""

from __future__ import annotations

from pathlib import Path

import pytest
from gridcredit.reporting.dashboard.page import write_dashboard
from gridcredit.settings import Settings
from PIL import Image

from tests.support.browser import Browser
from tests.support.prepared import Prepared
from tests.support.waiting import number, rows
from tests.support.warehouses import WarehouseFactory

pytestmark = pytest.mark.browser

# Of a table the texts of a column, of the rows that are drawn.
COLUMN = (
    "[...document.querySelectorAll('#{table} tbody tr')].filter(row => !row.hidden).map(row => "
    "row.cells[{column}].textContent)"
)
CHOOSE = (
    "(one => {{ one.value = '{value}'; one.dispatchEvent(new Event('change')); "
    "}})(document.querySelector('select[data-filter={name}]'))"
)


@pytest.fixture(scope="module")
def settings(new_warehouse: WarehouseFactory, rich: Prepared) -> Settings:
    return new_warehouse(rich)


@pytest.fixture(scope="module")
def page(settings: Settings) -> str:
    return write_dashboard(settings=settings).as_uri()


def column(browser: Browser, table: str, place: int) -> list[str]:
    found: list[str] = browser.run(COLUMN.format(table=table, column=place))
    return found


def choose(browser: Browser, name: str, value: str) -> None:
    browser.run(CHOOSE.format(name=name, value=value))


def test_a_list_is_drawn_in_part_and_whole_when_asked(browser: Browser, page: str, settings: Settings) -> None:
    everything = number(settings, "select count(*) from published.customer_warning")
    red = number(settings, "select count(*) from published.customer_warning where level = 'red'")
    browser.open(f"{page}#warnings")
    assert everything > 30
    assert len(column(browser, "warning_list", 0)) == 30
    more = "#warnings section:has(#warning_list) .more"
    assert browser.run(f"document.querySelector('{more}').textContent") == f"Show all {everything}"
    browser.click(more)
    levels = column(browser, "warning_list", 0)
    assert len(levels) == everything
    assert levels[:red] == ["red"] * red
    assert not browser.run(f"document.querySelector('{more}').checkVisibility()")


def test_filters_hold_over_all_rows(browser: Browser, page: str, settings: Settings) -> None:
    ((unit, expected),) = rows(
        settings,
        "select org_unit, count(*) from published.customer_warning where level = 'red' "
        "group by org_unit order by count(*) desc, org_unit limit 1",
    )
    browser.open(f"{page}#warnings")
    choose(browser, "level", "red")
    choose(browser, "unit", unit)
    browser.run("(more => more.hidden || more.click())(document.querySelector('#warnings .more'))")
    assert column(browser, "warning_list", 0) == ["red"] * expected
    assert set(column(browser, "warning_list", 3)) == {unit}
    browser.click("#reset")
    assert len(column(browser, "warning_list", 0)) > expected
    # The best grade and the most urgent level come first, as nobody would spell them.
    grades = browser.run("[...document.querySelectorAll('select[data-filter=grade] option')].map(one => one.value)")
    order = [
        grade
        for (grade,) in rows(
            settings,
            "select grade from published.customer_rating group by grade, grade_rank order by grade_rank nulls last",
        )
    ]
    assert grades[1:] == [grade for grade in order if grade in grades]
    assert browser.run("document.querySelectorAll('select[data-filter=level] option')[1].value") == "red"


def test_a_page_offers_the_filters_that_its_lists_know(browser: Browser, page: str) -> None:
    shown = (
        "[...document.querySelectorAll('select[data-filter]')].filter(one => one.checkVisibility()).map(one => "
        "one.dataset.filter)"
    )
    offered = {}
    for name in ("overview", "debtors", "warnings", "quality"):
        browser.open(f"{page}#{name}")
        offered[name] = browser.run(shown)
    assert offered == {
        "overview": ["unit", "segment"],
        "debtors": ["unit", "segment", "grade"],
        "warnings": ["unit", "segment", "grade", "level"],
        "quality": [],
    }


def test_search_finds_a_customer_and_the_link_opens_the_page(browser: Browser, page: str, settings: Settings) -> None:
    ((customer, warnings),) = rows(
        settings,
        "select customer_id, count(*) from published.customer_warning where level = 'red' "
        "group by customer_id order by count(*) desc, customer_id limit 1",
    )
    browser.open(f"{page}#warnings")
    browser.type("#search", customer.lower())
    found = column(browser, "warning_list", 1)
    assert set(found) == {customer}
    assert len(found) >= warnings
    browser.click(f"#warning_list a[href='#customer-{customer}']")
    browser.wait_until(f"document.getElementById('customer-{customer}').checkVisibility()")
    assert browser.run("[...document.querySelectorAll('.page')].filter(one => !one.hidden).map(one => one.id)") == [
        f"customer-{customer}"
    ]
    # On the page of one customer there is nothing to filter.
    assert not browser.run("document.querySelector('.controls').checkVisibility()")
    browser.run("history.back()")
    browser.wait_until("document.getElementById('warnings').checkVisibility()")
    browser.run(
        "(one => { one.value = 'nobody'; one.dispatchEvent(new Event('input')); })(document.getElementById('search'))"
    )
    assert column(browser, "warning_list", 1) == []
    assert "No row fits" in browser.run("document.querySelector('#warnings').innerText")


def test_a_click_on_a_head_sorts_and_another_turns_it_round(browser: Browser, page: str, settings: Settings) -> None:
    owed = rows(
        settings,
        "select customer_id, open_amount from published.largest_debtor order by open_amount, customer_id",
    )
    browser.open(f"{page}#debtors")
    browser.click("#largest th:nth-child(5) button")
    least = column(browser, "largest", 4)
    assert least[0] == f"{owed[0][1]:,.0f}"
    browser.click("#largest th:nth-child(5) button")
    assert column(browser, "largest", 0)[0] == owed[-1][0]
    assert browser.run("document.querySelector('#largest th:nth-child(5)').getAttribute('aria-sort')") == "descending"
    # Grades from the best to the worst, not by the alphabet.
    order = [
        grade
        for (grade,) in rows(
            settings,
            "select grade from published.customer_rating group by grade, grade_rank order by grade_rank nulls last",
        )
    ]
    browser.click("#largest th:nth-child(4) button")
    grades = [grade for grade in column(browser, "largest", 3) if grade in order]
    assert grades == sorted(grades, key=order.index)


def test_the_sum_is_that_of_the_rows_chosen(browser: Browser, page: str, settings: Settings) -> None:
    ((unit, amount),) = rows(
        settings,
        "select org_unit, sum(receivable_amount) from published.receivable_by_month "
        "where as_of_date = (select max(as_of_date) from published.receivable_by_month) group by org_unit order by 1 "
        "limit 1",
    )
    browser.open(page)
    choose(browser, "unit", unit)
    summed = browser.run("document.querySelector('#places tfoot td[data-sum]').textContent")
    assert int(summed.replace(",", "")) == round(amount)


def test_what_a_browser_draws(browser: Browser, page: str, tmp_path: Path) -> None:
    """Bars in their colours where charts are, ink where words are, and no empty band between."""
    browser.open(page)
    browser.screenshot(tmp_path / "dashboard.png")
    image = Image.open(tmp_path / "dashboard.png").convert("RGB")
    colours = {colour: count for count, colour in image.getcolors(maxcolors=1 << 24) or []}
    for name, colour in {"overdue": (179, 38, 30), "accent": (31, 111, 120), "ink": (38, 50, 60)}.items():
        assert colours.get(colour, 0) > 300, name
    plain = {(255, 255, 255), (243, 245, 247)}
    for top in range(0, image.height - 250, 250):
        band = image.crop((0, top, image.width, top + 250))
        drawn = sum(count for count, colour in band.getcolors(maxcolors=1 << 24) or [] if colour not in plain)
        assert drawn > 2000, top
