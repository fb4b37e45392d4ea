from datetime import UTC, datetime

import pytest

from heed.stream import Activity, AppTransaction, Stream, as_table
from tests.whole.contents import stream as rows_of_the_stream


def test_what_installations_are_compared_in_leaves_out_no_table_of_the_stream(
    stream: Stream, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HEED_NOW", "2026-03-02T08:00:00+00:00")
    at = datetime(2026, 3, 1, 9, tzinfo=UTC)
    rows = [Activity("crm", name, account=name, name="login", at=at) for name in ("stays", "goes", "waits")]
    stream.append(as_table(rows[:2]), transaction=AppTransaction("test", 1), recorded_at=at)
    stream.park(as_table(rows[2:]), transaction=AppTransaction("test", 2), recorded_at=at)
    stream.roll_up()
    stream.erase(account="goes", by="person:1", at=at)
    found = sorted((row["table"], row.get("account", row.get("by"))) for row in rows_of_the_stream())
    assert found == [
        ("activities", "stays"),
        ("daily", "stays"),
        ("erasures", "person:1"),
        ("parked", "waits"),
        ("seen", "stays"),
    ]
