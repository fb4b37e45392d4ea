"""The main job with the mouse: from a company's exports to today's list, in a running Heed.

Real processes (`heed serve`, `heed worker`), a real database file and stream, a real browser. HEED_PICTURES
names a folder for a picture of each step.
"""

import csv
import os
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser import company
from tests.browser.conftest import DESKTOP, PHONE, settled, window
from tests.browser.house import House

pytestmark = pytest.mark.browser
ADA = company.OWNER
JOB_SECONDS = 120_000
"""Milliseconds in which a job of this size ends, also on a machine with other work."""


@pytest.fixture
def page(chromium: Browser, house: House) -> Iterator[Page]:
    with window(chromium, house, ADA) as page:
        yield page


def today() -> Any:
    return datetime.now(UTC).date()


def picture(page: Page, name: str, *, phone: bool = False) -> None:
    """Kept where HEED_PICTURES says; nothing otherwise."""
    folder = os.environ.get("HEED_PICTURES")
    if not folder:
        return
    page.screenshot(path=Path(folder) / f"{name}.png", full_page=True)
    if phone:
        page.set_viewport_size(PHONE)
        page.screenshot(path=Path(folder) / f"{name}-phone.png", full_page=True)
        page.set_viewport_size(DESKTOP)


def cells(page: Page, caption: str) -> list[list[str]]:
    """What a table shows, row by row."""
    table = page.get_by_role("table", name=caption)
    return table.evaluate(  # type: ignore[no-any-return]
        "table => [...table.tBodies[0].rows].map(row => [...row.cells].map(cell => cell.innerText.trim()))"
    )


def rows_behind(page: Page) -> tuple[int, int]:
    """The n that a figure's page states, and the rows that it lists: activities, else periods, else the
    statement of a date. What a figure is measured against (the seats of periods) stands beside activities."""
    stated = re.search(r"n = ([\d,]+)", page.locator(".figure").inner_text())
    listed = [
        page.get_by_role("table", name=re.compile(f"^{name}")).locator("tbody tr").count()
        for name in ("Activities", "Subscription periods")
    ]
    counted = next((count for count in listed if count), page.get_by_text("is stated to be").count())
    whole = re.search(r"^([\d,]+) rows? · page", page.locator("main").inner_text(), re.MULTILINE)
    if whole:
        counted = int(whole[1].replace(",", ""))
    assert stated
    return int(stated[1].replace(",", "")), counted


def test_from_a_companys_exports_to_todays_list(page: Page, house: House, tmp_path: Path) -> None:
    upload(page, company.write(tmp_path / "exports", today()))
    count_and_import(page)
    correct_both_rows(page)
    run_the_round(page)
    account = read_why(page, house)
    look_at_the_account(page, account)
    filter_sort_and_export(page)
    snooze_the_first(page, house)


def upload(page: Page, files: list[Path]) -> None:
    """Upload through the page; the guessed mapping and the first rows are shown."""
    page.get_by_role("link", name="Settings").first.click()
    page.get_by_role("main").get_by_role("link", name=re.compile("^Sources")).click()
    picture(page, "01-sources")
    page.get_by_label("Name of a new source").fill("Exports")
    page.get_by_label("Files").set_input_files(files)
    page.get_by_role("button", name="Upload and look").click()
    expect(page.get_by_label("Mapping")).to_have_value(re.compile(r"\[\[accounts\]\]"))
    mapping = page.get_by_label("Mapping").input_value()
    assert re.findall(r"^\[\[(\w+)\]\]", mapping, re.MULTILINE) == [
        *("accounts", "contacts", "subscriptions", "tickets", "survey_responses", "activities"),
    ]
    first = cells(page, "accounts.csv")[0]
    assert first[:2] == ["ACC-001", "Alder Freight"]
    picture(page, "02-preview", phone=True)


def count_and_import(page: Page) -> None:
    """What would be new and rejected is counted first; then it is, and the report says the same."""
    page.get_by_role("button", name="Count what would change").click()
    expect(page.get_by_text("What would become of the rows")).to_be_visible(timeout=JOB_SECONDS)
    foreseen = cells(page, "What would become of the rows")
    picture(page, "03-counted")
    page.get_by_role("button", name="Import", exact=True).click()
    expect(page.get_by_role("progressbar")).to_be_visible()
    picture(page, "04-progress")
    expect(page.get_by_text("What became of the rows")).to_be_visible(timeout=JOB_SECONDS)
    report = cells(page, "What became of the rows")
    picture(page, "05-report", phone=True)
    assert report == foreseen
    new, rejected = ({row[0]: row[place] for row in report} for place in (1, 4))
    assert new["accounts"] == str(company.ACCOUNTS)
    assert {name: count for name, count in rejected.items() if count != "0"} == {
        "subscriptions": "1",
        "tickets": "1",
    }


def correct_both_rows(page: Page) -> None:
    page.get_by_role("link", name="Correct 2 rejected rows").click()
    listed = cells(page, "Rows that were not taken in")
    assert [row[2] for row in listed] == ["starts_on", "account"]
    picture(page, "06-rejected")
    for column, text in (("starts_on", "2026-02-28"), ("account", "ACC-003")):
        page.get_by_role("link", name=re.compile("^Correct")).first.click()
        picture(page, f"07-correct-{column}")
        page.get_by_role("textbox", name=column).fill(text)
        page.get_by_role("button", name="Correct and take in").click()
        expect(page.get_by_text("The row was corrected and taken in.")).to_be_visible()
    expect(page.get_by_role("heading", name="No rejected rows")).to_be_visible()
    page.get_by_role("link", name="Sources", exact=True).click()
    page.get_by_role("link", name="Import 1").click()
    expect(page.get_by_text("What became of the rows")).to_be_visible()
    expect(page.get_by_role("link", name=re.compile("rejected row"))).to_have_count(0)


def run_the_round(page: Page) -> None:
    page.get_by_role("link", name="Settings").first.click()
    page.get_by_role("main").get_by_role("link", name=re.compile("^Daily round")).click()
    page.get_by_role("button", name="Run the daily round").click()
    expect(page.get_by_text(re.compile("waits for the worker|The round of .* runs"))).to_be_visible()
    picture(page, "08-round-runs")
    expect(page.locator("#rounds .chip.good")).to_have_text("done", timeout=JOB_SECONDS)
    settled(page)
    picture(page, "09-round-done")


def shown_rows(page: Page) -> list[dict[str, str]]:
    """The standing rows of Today as the page shows them, top to bottom."""
    found: list[dict[str, str]] = page.locator("[data-rows] > .row").evaluate_all(
        """rows => rows.map(row => {
            const text = where => row.querySelector(where)?.innerText.trim() ?? "";
            const stake = row.querySelector(".stake b")?.closest("div").innerText ?? "";
            return {name: text(".who"), why: text(".why > div:first-child"), stake: stake.trim(),
                    step: text(".step"), change: text(".act .small")};
        })"""
    )
    return found


def told_rows(house: House) -> list[dict[str, str]]:
    """The same rows as `heed today --json` tells them."""
    rows = [row for section in house.today(ADA)["sections"] for row in section["rows"]]
    return [
        {
            "name": row["name"],
            "why": row["why"],
            "stake": worth(row),
            "step": row["first_step"],
            "change": row["change"],
        }
        for row in rows
    ]


def worth(row: dict[str, Any]) -> str:
    """`€ 3,720 × 14 %`, as far as it is known."""
    if row["stake"] is None:
        return ""
    share = row["probability"]
    small, large = share is not None and 0 < share < 0.01, share is not None and 0.99 < share < 1
    chance = "under 1 %" if small else "over 99 %" if large else f"{(share or 0) * 100:.0f} %"
    return f"€ {float(row['stake']):,.0f}" + ("" if share is None else f" × {chance}")


def read_why(page: Page, house: House) -> str:
    """Today agrees with the command; a number of the first row opens its rows. Returns the account."""
    page.get_by_role("link", name="Today").first.click()
    rows = page.locator("[data-rows] > .row")
    expect(rows.first).to_be_visible()
    picture(page, "10-today", phone=True)
    assert shown_rows(page) == told_rows(house)
    name = rows.first.locator(".who a").inner_text()
    assert len(rows.first.locator(".why > div").first.inner_text()) > 20
    rows.first.locator(".stake a").first.click()
    expect(page.get_by_role("heading", level=1)).to_have_text(name)
    expect(page.locator("#subscriptions")).to_be_in_viewport()
    page.get_by_role("link", name="Today").first.click()
    return name


def look_at_the_account(page: Page, name: str) -> None:
    page.locator("[data-rows] > .row").first.locator(".who a").click()
    expect(page.get_by_role("heading", level=1)).to_have_text(name)
    expect(page.locator("#trends .spark").first).to_be_visible()
    picture(page, "12-account", phone=True)
    page.get_by_role("navigation", name="Kinds of activities").get_by_role("link").nth(1).click()
    expect(page.locator(".tl li.ev").first).to_be_visible()
    picture(page, "13-timeline-filtered")


def add_condition(page: Page, field: str, comparison: str, value: str) -> None:
    form = page.get_by_role("form", name="Add a condition")
    form.get_by_label("Field").select_option(label=field)
    form.get_by_label("Comparison").select_option(label=comparison)
    form.get_by_label("Value").fill(value)
    form.get_by_role("button", name="Add condition").click()


def filter_sort_and_export(page: Page) -> None:
    """Two conditions, an order, and a file with exactly what is shown."""
    page.get_by_role("link", name="Customers").first.click()
    expect(page.get_by_role("table", name="Accounts").locator("tbody tr")).to_have_count(company.ACCOUNTS)
    add_condition(page, "industry", "is", "Health")
    add_condition(page, "Active people", "at least", "1")
    page.get_by_role("columnheader").get_by_role("link", name=re.compile("^Monthly")).click()
    shown = cells(page, "Accounts")
    picture(page, "14-list", phone=True)
    assert 2 < len(shown) < company.ACCOUNTS / 2
    with page.expect_download() as download:
        page.get_by_role("link", name="Export as CSV").click()
    with download.value.path().open(encoding="utf-8", newline="") as file:
        header, *lines = csv.reader(file)
    assert header[:2] == ["Id", "Account"]
    assert [line[1] for line in lines] == [row[0] for row in shown]


def snooze_the_first(page: Page, house: House) -> None:
    """It leaves the list with its reason, on the page and for the command."""
    page.get_by_role("link", name="Today").first.click()
    before = shown_rows(page)
    row = page.locator("[data-rows] > .row").first
    row.get_by_text("Snooze", exact=True).click()
    row.get_by_label("Until").fill((today() + timedelta(days=14)).isoformat())
    row.get_by_label("It can wait, because").fill("They close their year until then")
    picture(page, "15-snoozing")
    row.get_by_role("button", name="Snooze until then").click()
    expect(page.locator("[data-decided]")).to_contain_text("They close their year until then")
    picture(page, "16-snoozed")
    page.reload()
    assert shown_rows(page) == before[1:] == told_rows(house)
    picture(page, "17-after")


def furnish(house: House, folder: Path) -> None:
    """The same company by the commands, where the walk has not brought it in."""
    if house.today(ADA)["ranked_on"] is None:
        company.write(folder, today())
        house.heed("import", str(folder), ends=(3,))  # two rows are rejected
        house.heed("refresh")


BARE = """where => [...document.querySelectorAll(where)]
    .filter(cell => /\\d/.test(cell.innerText))
    .filter(cell => !cell.querySelector("a, .chip.unknown") && !cell.closest("a"))
    .map(cell => cell.innerText.trim())"""
"""The texts with a number that neither is a link nor says that it is unknown."""


LOOSE = """() => {
    const told = "a, summary, time, blockquote, form, svg, h1, h2, h3, .crumbs, .who > a, .step, .tl, .spark";
    const rows = "tbody tr > :not(.n), thead, caption, #people td, #cases td, #subscriptions td, #history";
    const label = ".figure > .l:first-child, .figure details, header > .small, .head > .small:not(:has(a))";
    const sentence = ".why > div:first-child";
    const walk = document.createTreeWalker(document.querySelector("main .page"), NodeFilter.SHOW_TEXT);
    const found = [];
    for (let node = walk.nextNode(); node; node = walk.nextNode()) {
        const skip = [told, rows, label, sentence].join(", ");
        if (/\\d/.test(node.data) && !node.parentElement.closest(skip)) found.push(node.data.trim());
    }
    return found;
}"""
"""Every text with a number on the page that is in no link. Left out are rows themselves, names, labels (what
is counted, in which window), instants, quotes, and the sentences whose chips are asked for on their own."""

TODAYS_DATE = r"[A-Z][a-z]+day \d{1,2} [A-Z][a-z]+ ·"
"""In the head of Today, before the counts."""

CHIPLESS = """() => [...document.querySelectorAll(".row:not([data-decided]) .why")]
    .filter(why => /\\d/.test(why.firstElementChild.innerText) && !why.querySelector(".chips a"))
    .map(why => why.innerText)"""
"""Sentences with a number and without a chip that opens rows."""


def loose_numbers(page: Page) -> list[str]:
    return [text for text in page.evaluate(LOOSE) if not re.fullmatch(TODAYS_DATE, text)]


def lead_somewhere(page: Page, links: list[str]) -> None:
    """Each address answers, and has the part of the page that it names."""
    for link in links:
        answer = page.goto(link)
        assert answer is None or answer.status == 200, link  # None: another part of the same page
        anchor = link.partition("#")[2]
        assert not anchor or page.locator(f"#{anchor}").count() == 1, link


def hrefs(page: Page, where: str) -> list[str]:
    found = page.locator(where).evaluate_all("all => all.map(each => each.href)")
    return list(dict.fromkeys(found))


def test_every_number_opens_its_rows(page: Page, house: House, tmp_path: Path) -> None:
    furnish(house, tmp_path / "exports")
    page.goto("/today/")
    assert loose_numbers(page) == []
    assert page.evaluate(CHIPLESS) == []
    assert page.evaluate(BARE, ".stake b") == []
    assert page.evaluate(BARE, ".why .chips > .chip:not(.unknown)") == []
    risk = page.locator(".stake a[href$='/risk/']")
    # A share and its interval, or one link where it is unknown.
    assert risk.count() >= 2 * page.locator(".stake a[title]:has(.nowrap)").count() > 0
    assert page.locator(".stake a[title]:not([href$='/risk/'])").count() == 0
    counts = page.locator(".unk a").evaluate_all("all => all.map(a => [a.innerText, a.getAttribute('href')])")
    rows = hrefs(page, ".rows > .row:first-child a")
    numbers = {href: int(found[0]) for text, href in counts if (found := re.findall(r"^\d+", text))}
    shares = [href for text, href in counts if "%" in text]
    assert len(numbers) >= 2
    for href, number in numbers.items():
        if href not in shares:
            page.goto(href)
            assert int(page.locator(".head span.small").inner_text().split()[0]) == number
    lead_somewhere(page, rows)
    page.goto("/customers/")
    assert page.evaluate(BARE, "tbody td.n") == []
    page.goto("/customers/accounts/ACC-002/?trends=1")
    assert loose_numbers(page) == []
    assert page.evaluate(CHIPLESS) == []
    lead_somewhere(page, hrefs(page, "main a[href^='#']"))
    page.goto("/customers/accounts/ACC-002/?trends=1")
    assert page.evaluate(BARE, ".figure:not(.unknown) .v") == []
    assert page.evaluate(BARE, "#measures td.n") == []
    page.locator("#risk a.v").click()
    told = re.search(r"n = (\d+)", page.locator(".figure").inner_text())
    stays = page.locator("main tbody tr td:last-child").all_inner_texts()
    assert told
    assert int(told[1]) == sum(int(count) for count in stays)
    page.go_back()
    links = page.locator("#measures td.n a").evaluate_all("all => all.map(each => each.getAttribute('href'))")
    assert len(links) > 8
    wrong = {}
    for link in links:
        page.goto(link)
        stated, counted = rows_behind(page)
        if stated != counted:
            wrong[link] = (stated, counted)
    assert wrong == {}
