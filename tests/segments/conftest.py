from collections.abc import Callable

import pytest
from django.core.cache import cache

from heed.people.models import User
from heed.segments.grammar import parse
from heed.segments.models import Segment, SegmentKind
from tests.segments.world import NOON, World, make_world

LARGE = 'attribute."Company size" > 5 and not active_people <= 4'


@pytest.fixture(autouse=True)
def _forget() -> None:
    """What an earlier test's accounts taught of attributes is not this one's."""
    cache.clear()


@pytest.fixture
def world(make_user: Callable[..., User], monkeypatch: pytest.MonkeyPatch) -> World:
    monkeypatch.setenv("HEED_NOW", NOON.isoformat())
    made = make_world(make_user("erin"), make_user("frank"))
    Segment.objects.create(
        name="Large", filter=LARGE, kind=SegmentKind.PLAIN, made_by=made.user, made_at=NOON
    )
    large = parse(LARGE).condition
    assert large is not None
    made.segments["Large"] = large
    return made
