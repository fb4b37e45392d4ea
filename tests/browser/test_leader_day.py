"""A leader's day on the demo company, whose truth is known: do the pages find what was planted?

Real processes, a real database file and stream, a real browser, as a person starts them; fewer activities
than `make demo` makes, since what was planted does not lie in their number.
"""

import csv
import io
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import Browser, Page, expect

from heed.evidence.simulation import Effects, Truth, csm_emails, simulate
from heed.site.cli.demo import MONTHS, SEED
from tests.browser.conftest import DESKTOP, PHONE, window
from tests.browser.house import House, running_house
from tests.browser.test_accessibility import CONTRAST, RULES, violations, wider_than_the_phone

pytestmark = [pytest.mark.browser, pytest.mark.slow]
ACCOUNTS = 800
LEADER = csm_emails(6)[0]
PLAY, NULL_PLAY, CONFOUNDED = "first report in a week", "monthly digest", "executive dinner"
FULL_WAY = 1.2
"""Times the attainment: the way from baseline to target that the simulation measures."""


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    with running_house(tmp_path_factory.mktemp("house")) as house:
        house.heed("demo", "--no-serve", "--accounts", str(ACCOUNTS), "--activities", "30000")
        yield house


@pytest.fixture
def page(chromium: Browser, house: House) -> Iterator[Page]:
    with window(chromium, house, LEADER) as page:
        yield page


def faults(page: Page) -> list[str]:
    """Of the page as it stands: light, and dark on a phone. All addresses in all four: see accessibility."""
    found = violations(page, "light", RULES)
    page.emulate_media(color_scheme="dark")
    page.set_viewport_size(PHONE)
    found += violations(page, "dark phone", CONTRAST) + wider_than_the_phone(page)
    page.set_viewport_size(DESKTOP)
    page.emulate_media(color_scheme="light")
    return found


def narrow(page: Page) -> dict[str, Any]:
    """What a phone shows of the tabs and of the first drawing, which is scrolled by the keyboard alone."""
    page.set_viewport_size(PHONE)
    page.reload()
    here = page.locator(".tabs [aria-current]").bounding_box()
    assert here is not None
    tops = page.locator(".tabs a").evaluate_all("all => all.map(each => each.getBoundingClientRect().top)")
    drawing = page.locator("figure .scroll").first
    drawing.focus()
    page.keyboard.press("ArrowRight")
    expect(drawing).not_to_have_js_property("scrollLeft", 0)
    drawn = page.locator("figure svg").first.evaluate("it => [it.clientWidth, it.width.baseVal.value]")
    page.set_viewport_size(DESKTOP)
    return {
        "rows of tabs": len(set(tops)),
        "current tab in sight": here["x"] >= 0 and here["x"] + here["width"] <= PHONE["width"],
        "shrunk to": drawn[0] / drawn[1],
    }


def table(page: Page, address: str) -> dict[str, list[str]]:
    """The rows of the table that a page hands out as CSV, by their first cell."""
    answer = page.request.get(f"{address}?format=csv")
    assert answer.ok, answer.text()
    rows = list(csv.reader(io.StringIO(answer.body().decode("utf-8-sig"))))
    return {row[0]: row[1:] for row in rows[3:] if row}


def ends(interval: str) -> tuple[float, float]:
    """`[−0.03–0.05]` as numbers."""
    low, high = re.findall(r"−?\d*\.\d+", interval)
    return float(low.replace("−", "-")), float(high.replace("−", "-"))


def true_gain(folder: Path) -> float:
    """What the good play added, on average over those given it, in the last half year."""

    def company(name: str, effect: float) -> Truth:
        plays = {PLAY: effect, NULL_PLAY: 0.0}
        return simulate(
            folder / name, end=datetime.now(UTC).date(), seed=SEED, accounts=ACCOUNTS, months=MONTHS,
            activities=1_000, effects=Effects(plays=plays),
        )  # fmt: skip

    given, withheld = company("given", Effects().plays[PLAY]), company("withheld", 0.0)
    arms = given.arms.to_pandas()
    treated = arms.loc[(arms["play"] == PLAY) & (arms["arm"] == "treated"), "number"].to_numpy()
    way = [FULL_WAY / (1 + np.exp(-truth.outcome[treated, -6:])) for truth in (given, withheld)]
    return float(np.mean(way[0] - way[1]))


def test_what_was_planted_in_the_demo_company_is_found(page: Page, tmp_path: Path) -> None:
    found = {name: row[2] for name, row in table(page, "/prove/").items()}
    assert found["Outcome progress"].startswith("predicts")
    assert found["Complaints open"].startswith("predicts")
    assert found["Last NPS answer"] == "does not predict here"
    assert found["Offboarding calls"] == "leak alarm"

    plays = table(page, "/prove/experiments/")
    good, null, confounded = (plays[name] for name in (PLAY, NULL_PLAY, f"{CONFOUNDED}"))
    low, high = ends(good[1])
    assert good[3] == "works"
    assert low < true_gain(tmp_path) < high
    low, high = ends(null[1])
    assert null[3] == "no effect shown"
    assert low < 0 < high
    low, high = ends(confounded[1])
    assert confounded[3] == "not randomised; no difference is left after correction"
    assert low < 0 < high
    raw_low, _raw_high = ends(confounded[4].partition("[")[2])
    assert raw_low > 0


def test_the_leader_finds_level_and_truth(page: Page, house: House) -> None:
    """Day 2 of the five days that must work, as far as the pages carry it."""
    rows = [row for section in house.today(LEADER)["sections"] for row in section["rows"]]
    at_risk = next(row["account"] for row in rows if row["probability"] is not None)
    page.goto("/today/")
    expect(page.get_by_text(re.compile(r"Not heard for \d+ days"))).to_be_visible()
    expect(page.get_by_text("What they think is unknown, not good.")).to_be_visible()

    page.get_by_role("link", name="Prove").first.click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Outcome progress")
    assert faults(page) == []
    page.get_by_role("rowheader", name="Last NPS answer").get_by_role("link").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Last NPS answer")
    expect(page.get_by_text("whatever it may tell is too little to use")).to_be_visible()
    assert faults(page) == []
    page.get_by_role("link", name="Rows").first.click()
    expect(page.get_by_text("left after").first).to_be_visible()
    assert faults(page) == []

    page.get_by_role("link", name="Risk", exact=True).click()
    expect(page.get_by_text("The model was not given Offboarding calls")).to_be_visible()
    assert faults(page) == []
    page.goto(f"/customers/accounts/{at_risk}/risk/")
    page.get_by_role("link", name="Its reasons").click()
    expect(page.get_by_text("the same to the last bit")).to_be_visible()
    assert faults(page) == []

    page.get_by_role("link", name="Scores", exact=True).click()
    page.get_by_role("link", name="Health score", exact=True).click()
    expect(page.get_by_role("row", name="The risk model")).to_contain_text("the weights cost")
    assert faults(page) == []

    page.get_by_role("link", name="Triggers", exact=True).click()
    page.get_by_role("link", name="Usage drop", exact=True).click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("left while green")
    assert faults(page) == []
    unseen = page.get_by_role("row", name="Accounts that left while green").get_by_role("link")
    counted = unseen.inner_text()
    unseen.click()
    expect(page.get_by_text(re.compile(rf"^{counted} (row|account)s?\b")).first).to_be_visible()
    page.go_back()
    page.get_by_role("button", name="Switch it on").click()
    expect(page.get_by_role("button", name="Switch it off")).to_be_visible()

    page.get_by_role("link", name="Blind spots").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("looked well 60 days before")
    expect(page.get_by_role("heading", name="of revenue gave no feedback in 90 days")).to_be_visible()
    expect(page.get_by_text("whatever the").first).to_be_visible()
    assert faults(page) == []

    page.get_by_role("link", name=re.compile("Captive")).click()
    expect(page.get_by_text("Ask why they stay")).to_be_visible()
    unknown = page.get_by_role("row", name=re.compile("^Unknown")).first
    expect(unknown).to_contain_text("%")
    assert faults(page) == []


def test_the_leader_calls_a_quarter_and_keeps_a_decision(page: Page) -> None:
    page.goto("/prove/forecast/")
    assert faults(page) == []
    assert narrow(page) == {"rows of tabs": 1, "current tab in sight": True, "shrunk to": 1}
    page.get_by_label("Your call").fill("120")
    page.get_by_role("button", name="Keep my call").click()
    expect(page.get_by_label("Your call")).to_have_value("120")
    expect(page.get_by_text("between 0 and 1").first).to_be_visible()
    page.get_by_label("Your call").fill("40")
    page.get_by_role("button", name="Keep my call").click()
    expect(page.get_by_text("disagrees with the model")).to_be_visible()

    for name in ("Experiments", "Touches", "Gears"):
        page.get_by_role("link", name=name, exact=True).click()
        expect(page.get_by_role("link", name=name, exact=True)).to_have_attribute("aria-current", "page")
        assert faults(page) == [], name
    page.get_by_role("link", name="Decisions", exact=True).click()
    page.get_by_label("What was decided").fill("Call the three that went silent")
    page.get_by_label("The numbers it rests on").fill("Outcome progress predicts (n = 198 left)")
    page.get_by_role("button", name="Keep the decision").click()
    expect(page.get_by_text("numbers only", exact=True)).to_be_visible()
    assert faults(page) == []
