"""A real Chromium against a real server. It talks to that server only, and never to its maker's."""

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Request, ViewportSize, expect, sync_playwright

from tests.browser.house import House, running_house
from tests.conftest import signed_in

if TYPE_CHECKING:
    from heed.people.models import User

CHROMIUM = os.environ.get("HEED_CHROMIUM", "/usr/bin/chromium")
QUIET = (
    "--disable-background-networking", "--disable-component-update", "--disable-sync", "--no-first-run",
)  # fmt: skip
PATIENCE = 30_000
"""Milliseconds to wait for what must come, also on a machine with other work."""
DESKTOP = ViewportSize(width=1280, height=900)
PHONE = ViewportSize(width=360, height=780)


@pytest.fixture(scope="package")
def chromium() -> Iterator[Browser]:
    if not Path(CHROMIUM).exists():
        pytest.skip(f"There is no Chromium at {CHROMIUM}; HEED_CHROMIUM names another place.")
    expect.set_options(timeout=PATIENCE)
    root = ("--no-sandbox",) if os.geteuid() == 0 else ()
    # Playwright keeps an event loop in this thread; the tests use the database between its calls, not in it.
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=[*QUIET, *root])
        yield browser
        browser.close()
    del os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"]


class Watch:
    """What went wrong in a page, or left the host, since the last look."""

    def __init__(self, host: str) -> None:
        self.host = host
        self.faults: list[str] = []

    def over(self, page: Page) -> None:
        page.on(
            "console", lambda said: self._note(said.type in ("error", "warning"), f"console: {said.text}")
        )
        page.on("pageerror", lambda error: self._note(True, f"script: {error}"))
        page.on("request", self._request)

    def _request(self, request: Request) -> None:
        inside = request.url.startswith((self.host, "data:", "blob:"))
        self._note(not inside, f"request to another host: {request.url}")

    def _note(self, wrong: bool, what: str) -> None:
        if wrong:
            self.faults.append(what)

    def taken(self) -> list[str]:
        faults, self.faults = self.faults, []
        return faults


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    with running_house(tmp_path_factory.mktemp("house")) as house:
        yield house


@contextmanager
def window(browser: Browser, house: House, person: str = "") -> Iterator[Page]:
    """A window in which a person has signed in by their link (nobody without one); whatever goes wrong in it
    fails the test."""
    context = browser.new_context(base_url=house.url, viewport=DESKTOP, accept_downloads=True)
    page = context.new_page()
    page.set_default_timeout(PATIENCE)
    watch = Watch(house.url)
    watch.over(page)
    if person:
        page.goto(house.sign_in_link(person))
        page.get_by_role("button", name="Sign in").click()
        expect(page.get_by_role("link", name="Settings").first).to_be_visible()
    yield page
    context.close()
    assert watch.taken() == []


def settled(page: Page) -> None:
    """Nothing asks again by itself and nothing is under way: to leave now breaks off no request."""
    expect(page.locator("[hx-trigger^=every], .htmx-request")).to_have_count(0)


def go(page: Page, asked: str, found: str) -> None:
    """By the palette to the first result that it offers.

    An answer to a part of what was typed may come late, and takes the choice away: only the last one counts.
    """
    page.keyboard.press("Control+k")
    with page.expect_response(lambda answer: parse_qs(urlsplit(answer.url).query).get("q") == [asked]):
        page.keyboard.type(asked)
    expect(page.locator("#palette input")).not_to_have_class(re.compile("htmx-request"))
    expect(page.locator("#palette-results a").first).to_contain_text(found)
    page.keyboard.press("ArrowDown")
    # The page that it leaves may show the same.
    with page.expect_navigation():
        page.keyboard.press("Enter")
    expect(page.locator("#palette")).to_be_hidden()


@pytest.fixture
def make_context(chromium: Browser, live_server: Any) -> Iterator[Any]:
    """`make_context(user)` is a browser window's context in which this person has signed in."""
    contexts: list[BrowserContext] = []

    def make(user: "User | None" = None, **settings: Any) -> BrowserContext:
        context = chromium.new_context(base_url=live_server.url, **({"viewport": DESKTOP} | settings))
        contexts.append(context)
        if user is not None:
            cookie = signed_in(user).cookies["sessionid"].value
            context.add_cookies([{"name": "sessionid", "value": cookie, "url": live_server.url}])
        return context

    yield make
    for context in contexts:
        context.close()
