"""The geometry of a small trend line: points in, SVG coordinates and words out."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

WIDTH, HEIGHT, PAD = 120.0, 30.0, 3.0


@dataclass(frozen=True, slots=True)
class Spark:
    """`lines` are runs of known points as SVG `points`; `ends` are the lone ones and the last."""

    points: Sequence[tuple[date, float | None]]
    lines: tuple[str, ...]
    last: tuple[str, str] | None
    zero: str
    lowest: float | None
    highest: float | None

    @property
    def first_value(self) -> float | None:
        return next((value for _, value in self.points if value is not None), None)

    @property
    def last_value(self) -> float | None:
        return next((value for _, value in reversed(self.points) if value is not None), None)


def spark_of(points: Sequence[tuple[date, float | None]]) -> Spark:
    """Scaled to its own lowest and highest value, from zero where nothing is negative."""
    known = [value for _, value in points if value is not None]
    if not known:
        return Spark(points, (), None, "", None, None)
    bottom, top = min(0.0, *known), max(*known, 0.0)
    span = (top - bottom) or 1.0
    step = (WIDTH - 2 * PAD) / max(len(points) - 1, 1)

    def place(index: int, value: float) -> tuple[str, str]:
        height = (value - bottom) / span * (HEIGHT - 2 * PAD)
        return f"{PAD + index * step:.1f}", f"{HEIGHT - PAD - height:.1f}"

    runs: list[list[str]] = [[]]
    last = None
    for index, (_, value) in enumerate(points):
        if value is None:
            runs.append([])
            continue
        last = place(index, value)
        runs[-1].append(",".join(last))
    lines = tuple(" ".join(run) for run in runs if len(run) > 1)
    return Spark(points, lines, last, place(0, 0.0)[1], min(known), max(known))
