"""The pages that belong to no area, and the pages for what went wrong."""

import pytest
from django.template import TemplateSyntaxError
from django.template.loader import render_to_string
from django.test import Client

from heed.site.templatetags import heed


def test_the_style_page_shows_every_component(viewer_client: Client) -> None:
    page = viewer_client.get("/settings/style/").content.decode()
    for piece in (
        "figure unknown",
        "chip evidence",
        "quote",
        "clock late",
        "spark",
        'ev"',
        "cards-s",
        "errors",
        "progress",
    ):
        assert f'class="{piece}' in page or f"<{piece}" in page, piece


def test_the_front_door_leads_to_today(viewer_client: Client) -> None:
    assert viewer_client.get("/").headers["Location"] == "/today/"


def test_settings_names_only_pages_that_this_person_may_open(viewer_client: Client) -> None:
    page = viewer_client.get("/settings/").content.decode()
    assert 'href="/settings/style/"' in page
    assert 'href="/settings/jobs/"' not in page


def test_an_unknown_address_is_answered_in_plain_words(viewer_client: Client) -> None:
    answer = viewer_client.get("/no-such-page/")
    assert answer.status_code == 404
    assert "There is nothing at this address" in answer.content.decode()


@pytest.mark.parametrize("name", ["400.html", "403.html", "403_csrf.html", "404.html", "500.html"])
def test_every_error_page_renders_without_a_request(name: str) -> None:
    assert "<h1>" in render_to_string(name)


def test_a_figure_has_a_value_or_a_reason() -> None:
    with pytest.raises(TemplateSyntaxError, match="neither a value nor a reason"):
        heed.figure("People active")
    assert heed.figure("People active", 0)["value"] == 0


def test_a_chip_of_an_unknown_tone_is_refused() -> None:
    with pytest.raises(TemplateSyntaxError, match="no tone"):
        heed.chip("late", "purple")


def test_no_page_carries_inline_script_or_style(viewer_client: Client) -> None:
    page = viewer_client.get("/settings/style/").content.decode()
    assert " style=" not in page
    assert " onclick=" not in page
    assert "<script>" not in page


def test_a_stranger_is_sent_to_sign_in() -> None:
    answer = Client().get("/settings/style/")
    assert answer.status_code == 302
    assert answer.headers["Location"] == "/sign-in/?next=/settings/style/"
