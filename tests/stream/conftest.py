from collections.abc import Iterator
from pathlib import Path

import pytest

from heed.stream import Stream
from tests.stream.making import Writer


@pytest.fixture
def stream(tmp_path: Path) -> Iterator[Stream]:
    with Stream(tmp_path / "stream") as opened:
        yield opened


@pytest.fixture
def writer(stream: Stream) -> Writer:
    return Writer(stream)
