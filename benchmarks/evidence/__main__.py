"""What the evidence is worth on public data, beside its peers, in one run.

    make bench-evidence                                 all of it
    python -m benchmarks.evidence survival churn        some of it

Each subject is a module beside this one whose `rows()` runs the peers and Heed on the same rows and folds.
"""

import sys
import time
from importlib import import_module

from benchmarks.evidence.table import print_rows

SUBJECTS = {
    "survival": "telco: months until they leave",
    "churn": "who leaves, on four plain tables",
    "few": "telco with 200 accounts",
    "landmarks": "OULAD: who withdraws in the next 30 days, forward in time",
    "targeting": "Hillstrom: whom to write to",
    "peeking": "a sequential test at the size of a B2B company",
    "purchases": "CDNOW: repeat purchases",
    "verdicts": "verdicts on metrics of simulated truth",
    "forecast": "the forecast's interval on simulated companies",
    "speed": "fit and score: 10,000 accounts, 24 landmarks, 20 metrics",
}


def main() -> None:
    wanted = sys.argv[1:] or list(SUBJECTS)
    unknown = [name for name in wanted if name not in SUBJECTS]
    if unknown:
        raise SystemExit(f"There is no subject '{unknown[0]}'. There are: {', '.join(SUBJECTS)}.")
    for name in wanted:
        print(f"\n## {SUBJECTS[name]}\n", flush=True)
        started = time.perf_counter()
        print_rows(import_module(f"benchmarks.evidence.{name}").rows())
        print(f"\n{name} took {time.perf_counter() - started:.0f} s", flush=True)


if __name__ == "__main__":
    main()
