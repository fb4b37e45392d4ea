"""The search box on top of every page shows what was searched for, and nothing else."""

import re

import pytest

from heed.people.models import User
from tests.conftest import signed_in
from tests.site.samples import World
from tests.site.test_authorisation_walk import GUARDED, address_of

BOX = re.compile(r'<input type="search" name="q" value="([^"]*)"')
pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("name", GUARDED)
def test_the_search_box_of_every_page_is_empty(name: str, admin: User) -> None:
    page = signed_in(admin).get(address_of(name, World(admin)))
    if page.status_code == 200 and "text/html" in page["Content-Type"] and not page.streaming:
        assert BOX.findall(page.content.decode()) in ([""], []), name


def test_the_search_page_says_what_was_searched_for(admin: User) -> None:
    page = signed_in(admin).get("/search/?q=Northgate")
    assert BOX.search(page.content.decode())
    assert BOX.findall(page.content.decode()) == ["Northgate"]
