"""Every figure of Heed beside its target, in one run.

    make bench                              all of it: about an hour on two cores
    python -m benchmarks lists pages        some of it

Each benchmark is a script of its own, with its own settings; this only runs them one after the other.
"""

import subprocess
import sys
import time
from pathlib import Path

HERE = Path(__file__).parent
SUBJECTS = {
    "import_files": "import of 10 million activities: >= 250,000 rows/s Parquet, 150,000 CSV, <= 2 GB",
    "stream_import": "the stream below it: append, roll-up, the same again, a new day, a page of a timeline",
    "daily_round": "daily round after one new day: <= 15 s, <= 1.3 x with twice the history",
    "metrics": "twenty metrics: <= 4 x the bare query at one date, <= 12 x one date for 24, <= 4 GB",
    "lists": "lists: server time p95 <= 150 ms at 10,000 accounts, <= 300 ms at 100,000, on both databases",
    "pages": "Today, account, ranking: the same bounds",
}


def main() -> None:
    wanted = sys.argv[1:] or list(SUBJECTS)
    unknown = [name for name in wanted if name not in SUBJECTS]
    if unknown:
        raise SystemExit(f"There is no benchmark '{unknown[0]}'. There are: {', '.join(SUBJECTS)}.")
    for name in wanted:
        print(f"\n== {SUBJECTS[name]}", flush=True)
        started = time.perf_counter()
        subprocess.run([sys.executable, HERE / f"{name}.py"], cwd=HERE.parent, check=False)
        print(f"== {name} took {time.perf_counter() - started:.0f} s", flush=True)


if __name__ == "__main__":
    main()
