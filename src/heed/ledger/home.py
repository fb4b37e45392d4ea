"""The stream of this installation, as the settings describe it."""

from functools import lru_cache
from typing import TYPE_CHECKING

from django.conf import settings

if TYPE_CHECKING:
    from heed.stream import Stream


def open_stream() -> "Stream":
    """The stream at `HEED_STREAM_URL` with the engine `HEED_ENGINE`; one per process."""
    return _open(str(settings.HEED_STREAM_URL), str(settings.HEED_ENGINE))


@lru_cache(maxsize=4)
def _open(location: str, engine: str) -> "Stream":
    # The engines take half a second to import; pages that need none of them should not wait.
    from heed.stream import Stream

    return Stream(location, engine=engine)
