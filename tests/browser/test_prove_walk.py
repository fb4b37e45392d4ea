"""The leader's way through Prove, with the mouse, on a company that was learnt from; every page by axe."""

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from heed.measures.actions import estimate_risk
from heed.measures.learning import learn
from heed.proving.forecasting import forecast_revenue
from heed.proving.models import LoggedDecision, RevenueCall
from tests.browser.conftest import Watch
from tests.browser.test_accessibility import CONTRAST, RULES, violations, wider_than_the_phone
from tests.measures.conftest import log as log
from tests.measures.test_learning import BY, DAY, fill

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
PHONE = {"width": 360, "height": 780}


@pytest.fixture
def learnt(log: Callable[..., None], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEED_NOW", "2026-07-01T08:00:00+00:00")
    fill(log)
    learn(DAY, by=BY)
    estimate_risk(DAY, by=BY)
    forecast_revenue(DAY, by=BY)


def faults(page: Page) -> list[str]:
    """Of the page as it stands: light, and dark on a phone. All addresses in all four: see accessibility."""
    found = violations(page, "light", RULES)
    page.emulate_media(color_scheme="dark")
    size = page.viewport_size
    page.set_viewport_size(PHONE)  # type: ignore[arg-type]
    found += violations(page, "dark phone", CONTRAST) + wider_than_the_phone(page)
    page.set_viewport_size(size)  # type: ignore[arg-type]
    page.emulate_media(color_scheme="light")
    return found


def narrow(page: Page) -> dict[str, Any]:
    """What a phone shows of the tabs and of the first drawing, which is scrolled by the keyboard alone."""
    size = page.viewport_size
    page.set_viewport_size(PHONE)  # type: ignore[arg-type]
    page.reload()
    here = page.locator(".tabs [aria-current]").bounding_box()
    assert here is not None
    tops = page.locator(".tabs a").evaluate_all("all => all.map(each => each.getBoundingClientRect().top)")
    drawing = page.locator("figure .scroll").first
    drawing.focus()
    page.keyboard.press("ArrowRight")
    expect(drawing).not_to_have_js_property("scrollLeft", 0)
    drawn = page.locator("figure svg").first.evaluate("it => [it.clientWidth, it.width.baseVal.value]")
    page.set_viewport_size(size)  # type: ignore[arg-type]
    return {
        "rows of tabs": len(set(tops)),
        "current tab in sight": here["x"] >= 0 and here["x"] + here["width"] <= PHONE["width"],
        "shrunk to": drawn[0] / drawn[1],
    }


@pytest.mark.usefixtures("learnt")
def test_from_what_predicts_to_a_decision(live_server: Any, make_context: Any, admin: Any) -> None:
    page, watch = make_context(admin).new_page(), Watch(live_server.url)
    watch.over(page)
    page.goto("/today/")
    page.get_by_role("link", name="Prove").first.click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("tell most of who leaves")
    assert faults(page) == []

    page.get_by_role("rowheader", name="Days active").get_by_role("link").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Days active")
    assert faults(page) == []
    page.get_by_role("link", name="Rows").first.click()
    expect(page.get_by_text("left after").first).to_be_visible()
    assert faults(page) == []

    page.get_by_role("link", name="Risk", exact=True).click()
    expect(page.get_by_text("What the model said, and what came").first).to_be_visible()
    assert faults(page) == []
    page.goto("/prove/risk/scores/A050/")
    expect(page.get_by_text("the same to the last bit")).to_be_visible()
    assert faults(page) == []

    page.get_by_role("link", name="Forecast").click()
    assert faults(page) == []
    assert narrow(page) == {"rows of tabs": 1, "current tab in sight": True, "shrunk to": 1}
    page.get_by_label("Your call").fill("120")
    page.get_by_role("button", name="Keep my call").click()
    expect(page.get_by_label("Your call")).to_have_value("120")
    expect(page.get_by_text("between 0 and 1").first).to_be_visible()
    page.get_by_label("Your call").fill("40")
    page.get_by_role("button", name="Keep my call").click()
    expect(page.get_by_text("disagrees with the model")).to_be_visible()
    assert [call.value for call in RevenueCall.objects.all()] == [0.4]

    for name in (
        "Scores",
        "Experiments",
        "Touches",
        "Blind spots",
        "Captive",
        "Gears",
    ):
        page.get_by_role("link", name=name, exact=True).click()
        expect(page.get_by_role("link", name=name, exact=True)).to_have_attribute("aria-current", "page")
        assert faults(page) == [], name
    page.get_by_role("link", name="Decisions", exact=True).click()
    page.get_by_label("What was decided").fill("Call the three that went silent")
    page.get_by_label("The numbers it rests on").fill("Days active predicts (n = 20 left)")
    page.get_by_role("button", name="Keep the decision").click()
    expect(page.get_by_text("numbers only", exact=True)).to_be_visible()
    assert faults(page) == []
    assert LoggedDecision.objects.get().numbers_only
    assert watch.taken() == []
