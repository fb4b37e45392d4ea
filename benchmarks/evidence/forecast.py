"""The forecast's intervals on simulated companies whose future is known, of 40 to 400 accounts."""

from benchmarks.calibration.forecast import SIZES, SMALL, Count, coverage
from benchmarks.evidence.table import Row

COMPANIES = 300
BOUNDS = {80: (0.77, 0.83), 50: (0.47, 0.53)}
PEERS = "no peer has one"


def rows() -> list[Row]:
    return [
        row
        for name, sizes, told in (
            ("probabilities told", SIZES, True),
            ("movements alone", SIZES, False),
            ("about 40 accounts", (SMALL,), True),
        )
        for row in _of_setting(name, *coverage(COMPANIES, sizes, told=told))
    ]


def _of_setting(name: str, counts: dict[int, Count], refused: int) -> list[Row]:
    task = f"{COMPANIES} simulated companies, {name}"
    note = f"{refused} companies had too few leavers for a forecast." if refused else ""
    return [
        Row(
            task, f"{level} % interval of GRR, NRR, MRR, 4 quarters and the year, holds",
            f"{counts[level].held / counts[level].of:.1%}", f"{low:.0%} to {high:.0%}",
            low <= counts[level].held / counts[level].of <= high, PEERS, note,
        )
        for level, (low, high) in BOUNDS.items()
    ]  # fmt: skip
