"""A killed writer, a full disk, two writers at once: nothing lost, nothing twice, nothing half."""

import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import pytest

from heed.stream import Appended, AppTransaction, Stream, StreamBusyError, as_table
from heed.stream.files import FileBench
from heed.stream.locks import one_writer
from heed.stream.workbench import connect
from tests.moments import moment
from tests.stream.making import NOW, Writer, activity, everything, rows_of
from tests.stream.steps import work

ROOT = Path(__file__).parents[2]


def start(folder: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "tests.stream.steps", str(folder)],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def said(process: subprocess.Popen[str]) -> Iterator[str]:
    assert process.stdout is not None
    return (line.strip() for line in process.stdout)


def kill_in(folder: Path, step: int, seconds: float) -> None:
    """Run the work and kill it some time after a step began."""
    process = start(folder)
    assert list(islice(said(process), step + 1)) == ["step"] * (step + 1)
    time.sleep(seconds)
    process.kill()
    process.communicate()
    assert process.returncode == -signal.SIGKILL


def finish(folder: Path) -> list[float]:
    """Run the work to its end; when each step began, and when it was done."""
    process = start(folder)
    times = []
    for line in said(process):
        times.append(time.monotonic())
        if line == "done":
            break
    process.communicate(timeout=120)
    assert process.returncode == 0
    return times


@pytest.mark.slow
def test_killed_at_random_moments_the_rerun_gives_the_same_tables(tmp_path: Path) -> None:
    with Stream(tmp_path / "undisturbed") as stream:
        work(stream)
        expected = everything(stream)
    times = finish(tmp_path / "timed")
    chance = random.Random(2026)  # noqa: S311 - moments, not secrets
    for _ in range(4):
        kill_in(tmp_path / "killed", *moment(times, chance.random()))
    finish(tmp_path / "killed")
    with Stream(tmp_path / "killed") as stream:
        assert everything(stream) == expected
        stream.compact()
        assert everything(stream) == expected
    assert not (tmp_path / "killed" / "work").exists()


def test_killed_between_writing_and_committing_the_files_do_not_count(stream: Stream, writer: Writer) -> None:
    writer.append(activity("1"))
    stray = stream.location / "activities" / "month=2026-11" / "000000000009-stray.parquet"
    [written] = (stream.location / "activities").rglob("*.parquet")
    stray.write_bytes(written.read_bytes())
    left = stream.location / "work" / "left"
    left.mkdir(parents=True)
    assert stream.count() == 1
    assert writer.append(activity("1"), activity("2")) == Appended(new=1, unchanged=1)
    assert not left.exists()


FULL = """
import resource, sys
from heed.stream import AppTransaction, Stream, WriteFailedError, as_table
from tests.moments import moment
from tests.stream.making import NOW, activity
made = [activity(f"{n * 7919 % 100003:x}", contact=f"{n * 104729 % 99991:x}") for n in range(60000)]
rows = as_table(made)
with Stream(sys.argv[1]) as stream:
    stream.append(as_table([activity("before")]), transaction=AppTransaction("a", 1), recorded_at=NOW)
    resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]), resource.RLIM_INFINITY))
    try:
        stream.append(rows, transaction=AppTransaction("a", 2), recorded_at=NOW)
    except WriteFailedError as error:
        print(error)
    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    print(stream.count(), len(list((stream.location / "activities").rglob("*.parquet"))))
    print(stream.append(rows, transaction=AppTransaction("a", 2), recorded_at=NOW).new)
"""


@pytest.mark.parametrize("room", [50_000, 450_000])
def test_when_the_disk_takes_no_more_nothing_is_committed_and_the_error_says_so(
    tmp_path: Path, room: int
) -> None:
    """A limit on the size of a file stands for a full disk: in the staging, and in the table itself."""
    run = subprocess.run(
        [sys.executable, "-c", FULL, str(tmp_path / "stream"), str(room)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    message, counts, new = run.stdout.splitlines()[-3:]
    assert "could not be written" in message
    assert "Nothing was committed. Make room on the disk" in message
    assert counts == "1 1"
    assert new == "60000"


def test_no_engine_of_ours_writes_asynchronously(tmp_path: Path) -> None:
    """DuckDB 2.0 may wait for ever for an asynchronous write that failed, so a full disk could hang Heed."""
    asked = "SELECT value FROM duckdb_settings() WHERE name = 'async_threads'"
    assert connect("100MB", 1, tmp_path).execute(asked).fetchall() == [("0",)]
    assert FileBench([], tmp_path).rows(asked) == [("0",)]


def test_two_writers_at_once_both_arrive(stream: Stream) -> None:
    other = Stream(stream.location)
    failures: list[BaseException] = []

    def write(into: Stream, name: str) -> None:
        try:
            for turn in range(4):
                rows = [activity(f"{name} {turn} {each}") for each in range(20)] + [activity(f"both {turn}")]
                into.append(as_table(rows), transaction=AppTransaction(name, turn), recorded_at=NOW)
                into.roll_up()
        except BaseException as error:
            failures.append(error)

    writers = [
        threading.Thread(target=write, args=(stream, "one")),
        threading.Thread(target=write, args=(other, "two")),
    ]
    for each in writers:
        each.start()
    for each in writers:
        each.join()
    other.close()
    assert failures == []
    assert len(rows_of(stream, "id")) == 164
    assert stream.run(stream.daily().n.sum()).to_pylist()[0].popitem()[1] == 164


def test_a_writer_that_waits_too_long_is_told_who_is_in_the_way(tmp_path: Path) -> None:
    with Stream(tmp_path, wait=0.05) as stream, one_writer(tmp_path, 1):
        with pytest.raises(StreamBusyError, match="writing to the stream in"):
            stream.append(as_table([activity("1")]), transaction=AppTransaction("a", 1), recorded_at=NOW)
        assert stream.count() == 0


def test_readers_do_not_wait_for_the_writer(stream: Stream, writer: Writer) -> None:
    writer.append(activity("1"))
    with one_writer(stream.location, 1):
        assert stream.count() == 1
        assert len(stream.timeline("acme").rows) == 1
