"""The check of what can be read finds what it is for, and nothing on a page without fault."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.browser.looks import LEGIBLE
from tests.support.browser import PHONE, Browser

pytestmark = pytest.mark.browser

FAULTS = {
    "the page is": "<div style='width: 500px'>wide</div>",
    "outside": "<p style='width: 385px; overflow: visible; white-space: nowrap'>"
    + "a line that does not break where it should " * 3,
    "cut": "<p style='width: 60px; overflow: hidden; white-space: nowrap'>a text longer than its box</p>",
    "broken": "<p style='width: 40px; overflow-wrap: anywhere'>customers</p>",
    "over": "<p style='margin: 0'>one line</p><p style='margin: -18px 0 0'>another line</p>",
    "faint": "<p style='color: #aaa'>grey on white</p>",
}
SOUND = """<p>Some words that break between lines, as words do on a narrow page, and customer_rating.grade whole.</p>
<div style="overflow-x: auto; width: 100px"><p style="width: 300px">scrolls by itself, which is let be</p></div>
<p style="position: absolute; left: -400px; width: 300px">a drawer that is put away</p>
<p style="background: #111; color: #eee">light on dark</p><p hidden>hidden words, as faint as they are</p>"""


def found(browser: Browser, folder: Path, body: str) -> list[str]:
    page = folder / "page.html"
    page.write_text(f"<!doctype html><meta charset='utf-8'><body style='margin: 8px; font: 14px sans-serif'>{body}")
    browser.open(page.as_uri(), PHONE)
    faults: list[str] = browser.run(LEGIBLE)
    return faults


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_found(browser: Browser, tmp_path: Path, fault: str) -> None:
    assert any(one.startswith(fault) for one in found(browser, tmp_path, FAULTS[fault]))


def test_a_sound_page_has_none(browser: Browser, tmp_path: Path) -> None:
    assert found(browser, tmp_path, SOUND) == []


def test_a_page_that_goes_on_by_itself_is_followed(browser: Browser, tmp_path: Path) -> None:
    (tmp_path / "next.html").write_text("<p id='next'>next</p>")
    page = tmp_path / "page.html"
    # While what is waited for moves, so that it is never drawn.
    page.write_text(
        "<style>@keyframes to { to { opacity: 0 } } p { animation: to 4s }</style><p>first</p>"
        "<script>setTimeout(() => location.href = 'next.html', 300)</script>"
    )
    browser.open(page.as_uri())
    assert browser.run("document.querySelector('#next') !== null")


def test_what_went_wrong_in_a_page_is_kept(browser: Browser, tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    page.write_text("<script>console.error('said'); undefined_name();</script><img src='nowhere.png'>")
    browser.open(page.as_uri())
    assert "said" in browser.errors
    assert any("undefined_name" in error for error in browser.errors)
    assert any("ERR_FILE_NOT_FOUND" in error for error in browser.errors)
    browser.open("about:blank")
    assert browser.errors == []
