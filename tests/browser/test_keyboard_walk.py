"""The main job by the keyboard alone: Tab, Enter, arrows, the palette and the keys of lists.

The one thing not typed is the choice of files: that dialog is the browser's.
"""

import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.browser import company
from tests.browser.conftest import go, settled, window
from tests.browser.house import House
from tests.browser.test_walk import ADA, JOB_SECONDS, cells, shown_rows, today, told_rows

pytestmark = pytest.mark.browser
MOST_TABS = 250
ROWS = "[data-rows] > .row"
IS_FOCUSED = "element => element === document.activeElement"


@pytest.fixture
def page(chromium: Browser, house: House) -> Iterator[Page]:
    with window(chromium, house) as page:
        yield page


def reach(page: Page, target: Locator) -> None:
    """Tab until it has the focus, which must show."""
    expect(target).to_be_visible()
    for _ in range(MOST_TABS):
        if target.evaluate(IS_FOCUSED):
            assert target.evaluate("element => getComputedStyle(element).outlineStyle") != "none"
            return
        page.keyboard.press("Tab")
    raise AssertionError(f"{MOST_TABS} times Tab do not reach {target}")


def enter(page: Page, target: Locator) -> None:
    reach(page, target)
    page.keyboard.press("Enter")


def retype(page: Page, target: Locator, text: str) -> None:
    reach(page, target)
    page.keyboard.press("Control+a")
    page.keyboard.type(text)


def choose(page: Page, select: Locator, label: str) -> None:
    """An option of a closed menu, by the arrow."""
    reach(page, select)
    for _ in range(MOST_TABS):
        if select.evaluate("select => select.selectedOptions[0].label.trim()") == label:
            return
        page.keyboard.press("ArrowDown")
    raise AssertionError(f"The arrow does not reach {label}")


def test_the_whole_walk_by_keyboard_alone(page: Page, house: House, tmp_path: Path) -> None:
    page.goto(house.sign_in_link(ADA))
    enter(page, page.get_by_role("button", name="Sign in"))
    expect(page.get_by_role("link", name="Settings").first).to_be_visible()
    import_files(page, company.write(tmp_path / "exports", today()))
    correct_both_rows(page)
    run_the_round(page)
    open_rows_of_today(page)
    filter_sort_and_export(page)
    snooze_the_first(page, house)


def import_files(page: Page, files: list[Path]) -> None:
    go(page, "sources", "Sources")
    retype(page, page.get_by_label("Name of a new source"), "Exports")
    reach(page, page.get_by_label("Files"))
    page.get_by_label("Files").set_input_files(files)
    enter(page, page.get_by_role("button", name="Upload and look"))
    expect(page.get_by_label("Mapping")).to_have_value(re.compile(r"\[\[accounts\]\]"))
    enter(page, page.get_by_role("button", name="Import", exact=True))
    expect(page.get_by_text("What became of the rows")).to_be_visible(timeout=JOB_SECONDS)
    settled(page)


def correct_both_rows(page: Page) -> None:
    enter(page, page.get_by_role("link", name="Correct 2 rejected rows"))
    for column, text in (("starts_on", "2026-02-28"), ("account", "ACC-003")):
        enter(page, page.get_by_role("link", name=re.compile("^Correct")).first)
        retype(page, page.get_by_role("textbox", name=column), text)
        page.keyboard.press("Enter")
        expect(page.get_by_text("The row was corrected and taken in.")).to_be_visible()
    expect(page.get_by_role("heading", name="No rejected rows")).to_be_visible()


def run_the_round(page: Page) -> None:
    go(page, "daily round", "Daily round")
    enter(page, page.get_by_role("button", name="Run the daily round"))
    expect(page.locator("#rounds .chip.good")).to_have_text("done", timeout=JOB_SECONDS)
    settled(page)


def open_rows_of_today(page: Page) -> None:
    """j and k choose a row, Enter opens the account; its numbers and its timeline are reached by Tab."""
    go(page, "today", "Today")
    expect(page.locator(ROWS).first).to_be_visible()
    name = page.locator(ROWS).first.locator(".who a").inner_text()
    for key, place in (("j", 0), ("j", 1), ("k", 0)):
        page.keyboard.press(key)
        expect(page.locator(ROWS).nth(place)).to_have_class(re.compile(r"\bcur\b"))
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text(name)
    expect(page.locator("#trends .spark").first).to_be_visible()
    settled(page)
    kinds = page.get_by_role("navigation", name="Kinds of activities").get_by_role("link")
    enter(page, kinds.nth(1))
    expect(page).to_have_url(re.compile("kind="))
    expect(page.locator(".tl li.ev").first).to_be_visible()
    expect(page.locator("#trends .spark").first).to_be_visible()
    settled(page)
    enter(page, page.locator("#measures td.n a").first)
    expect(page.get_by_role("heading", name="The rows behind it")).to_be_visible()


def add_condition(page: Page, field: str, comparison: str, value: str) -> None:
    form = page.get_by_role("form", name="Add a condition")
    choose(page, form.get_by_label("Field"), field)
    choose(page, form.get_by_label("Comparison"), comparison)
    retype(page, form.get_by_label("Value"), value)
    page.keyboard.press("Enter")
    expect(page.locator(".chip.accent", has_text=field)).to_be_visible()


def filter_sort_and_export(page: Page) -> None:
    go(page, "customers", "Customers")
    add_condition(page, "industry", "is", "Health")
    add_condition(page, "Active people", "at least", "1")
    enter(page, page.get_by_role("columnheader").get_by_role("link", name=re.compile("^Monthly")))
    expect(page.locator("th[aria-sort=descending]")).to_contain_text("Monthly")
    shown = cells(page, "Accounts")
    reach(page, page.get_by_role("link", name="Export as CSV"))
    with page.expect_download() as download:
        page.keyboard.press("Enter")
    lines = download.value.path().read_text(encoding="utf-8").splitlines()
    assert [line.split(",")[1] for line in lines[1:]] == [row[0] for row in shown]


def snooze_the_first(page: Page, house: House) -> None:
    go(page, "today", "Today")
    before = shown_rows(page)
    page.keyboard.press("j")
    row = page.locator(ROWS).first
    enter(page, row.locator("summary", has_text="Snooze"))
    reach(page, row.get_by_label("Until"))
    until = today() + timedelta(days=14)
    page.keyboard.type(f"{until:%m%d%Y}")
    assert row.get_by_label("Until").input_value() == until.isoformat()
    retype(page, row.get_by_label("It can wait, because"), "They close their year until then")
    page.keyboard.press("Enter")
    expect(page.locator("[data-decided]")).to_contain_text("They close their year until then")
    go(page, "today", "Today")
    assert shown_rows(page) == before[1:] == told_rows(house)
