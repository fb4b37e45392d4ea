from heed.stream import Activity, Appended, AppTransaction, Stream, as_table
from tests.stream.making import NOW, activity, on, rows_of


def park(stream: Stream, version: int, *rows: Activity) -> int:
    return stream.park(as_table(list(rows)), transaction=AppTransaction("import:1", version), recorded_at=NOW)


def waiting(stream: Stream) -> list[str]:
    return sorted(row["id"] for row in stream.run(stream.parked()).to_pylist())


def test_a_parked_activity_waits_until_its_account_arrives(stream: Stream) -> None:
    rows = [activity("1", account="new"), activity("2", account="later"), activity("3", account="new")]
    assert stream.awaited() == []
    assert park(stream, 1, *rows) == 3
    assert stream.awaited() == ["later", "new"]
    assert stream.count() == 0
    assert stream.release(["new", "acme"], recorded_at=NOW) == Appended(new=2)
    assert rows_of(stream, "id", "account", "batch", "recorded_at") == [
        ("1", "new", "import:1", on("2026-11-01")),
        ("3", "new", "import:1", on("2026-11-01")),
    ]
    assert waiting(stream) == ["2"]
    assert stream.awaited() == ["later"]


def test_parking_the_same_again_changes_nothing(stream: Stream) -> None:
    assert park(stream, 1, activity("1"), activity("1"), activity("2")) == 2
    assert park(stream, 1, activity("3")) == 2
    assert park(stream, 2, activity("1"), activity("3")) == 1
    assert waiting(stream) == ["1", "2", "3"]


def test_releasing_nobody_changes_nothing(stream: Stream) -> None:
    park(stream, 1, activity("1", account="new"))
    assert stream.release(["acme"], recorded_at=NOW) == Appended()
    assert stream.release([], recorded_at=NOW) == Appended()
    assert waiting(stream) == ["1"]


def test_versions_are_released_in_the_order_in_which_they_came(stream: Stream) -> None:
    park(stream, 1, activity("1", value=1.0), activity("1", value=2.0))
    stream.park(
        as_table([activity("1", value=3.0)]),
        transaction=AppTransaction("import:2", 1),
        recorded_at=on("2026-11-25"),
    )
    assert stream.release(["acme"], recorded_at=NOW) == Appended(new=1, corrected=2)
    assert [row.value for row in stream.timeline("acme").rows] == [3.0]


def test_accounts_that_arrive_one_after_the_other_are_each_released(stream: Stream) -> None:
    park(stream, 1, activity("1", account="a"), activity("2", account="b"))
    assert stream.release(["a"], recorded_at=NOW) == Appended(new=1)
    assert stream.release(["b"], recorded_at=NOW) == Appended(new=1)
    assert stream.release(["a", "b"], recorded_at=NOW) == Appended()
    assert waiting(stream) == []


def test_undoing_a_batch_lets_its_parked_rows_go(stream: Stream) -> None:
    park(stream, 1, activity("1"), activity("2", batch="import:8"))
    assert stream.withdraw(batch="import:1", recorded_at=NOW, by="person:1") == 1
    assert waiting(stream) == ["2"]
