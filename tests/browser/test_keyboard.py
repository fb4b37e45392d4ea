"""The desk by keyboard alone, and without JavaScript."""

from typing import Any

import pytest
from playwright.sync_api import expect

from heed.desk.models import WorklistRow
from tests.browser.conftest import PHONE, go
from tests.site.samples import World, worklist_row

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def test_the_palette_opens_finds_and_goes_by_keys(make_context: Any, admin: Any) -> None:
    worklist_row(World(admin))
    page = make_context(admin).new_page()
    page.goto("/today/")
    go(page, "north", "Northgate Foods")
    expect(page.locator("h1")).to_have_text("Northgate Foods")


def test_j_opens_and_x_marks_done(make_context: Any, admin: Any) -> None:
    pk = worklist_row(World(admin))["pk"]
    page = make_context(admin).new_page()
    page.goto("/today/")
    page.keyboard.press("j")
    expect(page.locator(".row.cur")).to_have_count(1)
    page.keyboard.press("x")
    expect(page.locator(f"#row-{pk}")).to_contain_text("done")
    assert WorklistRow.objects.get(pk=pk).state == "done"


def test_the_help_opens_with_a_question_mark_and_closes_with_escape(make_context: Any, admin: Any) -> None:
    page = make_context(admin).new_page()
    page.goto("/today/")
    page.keyboard.press("?")
    expect(page.locator("#help")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator("#help")).to_be_hidden()


def test_a_row_is_snoozed_without_javascript(make_context: Any, admin: Any) -> None:
    pk = worklist_row(World(admin))["pk"]
    page = make_context(admin, java_script_enabled=False).new_page()
    page.goto("/today/")
    page.get_by_text("Snooze", exact=True).click()
    page.get_by_label("It can wait, because").fill("They are on holiday")
    page.get_by_role("button", name="Snooze until then").click()
    expect(page.locator(".note")).to_contain_text("Northgate Foods: snoozed.")
    row = WorklistRow.objects.get(pk=pk)
    assert (row.state, row.state_reason) == ("snoozed", "They are on holiday")


def test_a_phone_shows_the_areas_at_the_bottom(make_context: Any, admin: Any) -> None:
    page = make_context(admin, viewport=PHONE).new_page()
    page.goto("/today/")
    expect(page.locator("nav.bar")).to_be_visible()
    expect(page.locator("nav.areas")).to_be_hidden()
    page.locator("nav.bar").get_by_text("Settings").click()
    expect(page.locator("h1")).to_have_text("Settings")


def test_just_checking_in_is_refused_and_nothing_typed_is_lost(make_context: Any, admin: Any) -> None:
    worklist_row(World(admin))
    page = make_context(admin).new_page()
    page.goto("/customers/accounts/ACC-1/conversations/plan/")
    page.get_by_label("Agenda").fill("Just checking in")
    page.get_by_label("Goal").fill("Books closed in five days")
    page.get_by_role("button", name="Plan the conversation").click()
    expect(page.locator(".errors")).to_contain_text("This says that you will call, not what for")
    expect(page.get_by_label("Agenda")).to_have_value("Just checking in")
    expect(page.get_by_label("Goal")).to_have_value("Books closed in five days")
