"""Every page, by axe: light and dark, wide and on a phone; nothing breaks the policy or leaves the host.

The pages are those of the URLconf: a new one joins by itself, with its sample if it takes arguments.
"""

from collections.abc import Iterator
from typing import Any

import pytest
from axe_playwright_python.base import AXE_SCRIPT
from django.test import Client
from django.urls import NoReverseMatch, reverse
from playwright.sync_api import Page, expect

from tests.browser.conftest import DESKTOP, PHONE, Watch
from tests.conftest import signed_in
from tests.site.samples import SAMPLES, World
from tests.site.test_authorisation_walk import ALL, PUBLIC

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}
CONTRAST = {"runOnly": {"type": "rule", "values": ["color-contrast"]}}
LEAVES = {"account_logout", "people:link", "people:accept"}
"""Addresses whose GET signs in or out: opening them would end the walk."""


def addresses(names: list[str], world: World) -> Iterator[tuple[str, str]]:
    """The address of each route; routes with one sample share what it makes."""
    made: dict[Any, dict[str, Any]] = {}
    for name in names:
        sample = SAMPLES.get(name)
        if name in LEAVES:
            continue
        if sample is not None and sample not in made:
            made[sample] = sample(world)
        try:
            yield name, reverse(name, kwargs=made[sample]) if sample is not None else reverse(name)
        except NoReverseMatch:
            continue  # the authorisation walk demands the sample


def pages(client: Client, names: list[str], world: World) -> list[tuple[str, str]]:
    """The addresses that answer a GET with a whole page."""
    found = []
    for name, address in addresses(names, world):
        answer = client.get(address)
        html = answer.headers.get("Content-Type", "").startswith("text/html")
        if answer.status_code == 200 and html and b"<html" in answer.content:
            found.append((name, address))
    return found


AXE = "options => axe.run(document, {...options, resultTypes: ['violations']}).then(told => told.violations)"
"""Of what a page does right, which is nearly all of it, axe would describe every element."""


def violations(page: Page, mode: str, options: dict[str, Any]) -> list[str]:
    if not page.evaluate("'axe' in window"):
        page.evaluate(AXE_SCRIPT)
    found = page.evaluate(AXE, options)
    return [f"{mode}: {each['id']}: {each['help']}: {each['nodes'][0]['html'][:160]}" for each in found]


def wider_than_the_phone(page: Page) -> list[str]:
    width = page.evaluate("document.documentElement.scrollWidth")
    return (
        [f"phone: the page is {width} px wide, the screen {PHONE['width']}"] if width > PHONE["width"] else []
    )


def faults_of(page: Page, address: str, watch: Watch) -> list[str]:
    """Loaded once, looked at four ways: the layout and the colours follow without another request."""
    page.set_viewport_size(DESKTOP)
    page.emulate_media(color_scheme="light")
    page.goto(address)
    expect(page.locator(".htmx-request")).to_have_count(0)
    found = violations(page, "light", RULES)
    page.emulate_media(color_scheme="dark")
    found += violations(page, "dark", CONTRAST)
    page.set_viewport_size(PHONE)
    found += violations(page, "dark phone", CONTRAST)
    page.emulate_media(color_scheme="light")
    found += violations(page, "phone", RULES) + wider_than_the_phone(page)
    return found + watch.taken()


def walk(page: Page, found: list[tuple[str, str]], host: str) -> dict[str, list[str]]:
    watch = Watch(host)
    watch.over(page)
    faults = {name: faults_of(page, address, watch) for name, address in found}
    return {name: each for name, each in faults.items() if each}


def test_every_page_of_an_admin_is_accessible(live_server: Any, make_context: Any, admin: Any) -> None:
    world = World(admin)
    names = sorted(set(ALL) - PUBLIC)
    found = pages(signed_in(admin), names, world)
    assert {"desk:today", "desk:account", "desk:search", "style"} <= {name for name, _ in found}
    assert walk(make_context(admin).new_page(), found, live_server.url) == {}


def test_every_page_of_a_visitor_is_accessible(live_server: Any, make_context: Any, admin: Any) -> None:
    found = pages(Client(), sorted(PUBLIC), World(admin))
    assert "account_login" in {name for name, _ in found}
    assert walk(make_context().new_page(), found, live_server.url) == {}


def test_pages_for_what_went_wrong_are_accessible(live_server: Any, make_context: Any, admin: Any) -> None:
    page = make_context(admin).new_page()
    page.goto("/no-such-page/")
    assert violations(page, "light", RULES) == []
