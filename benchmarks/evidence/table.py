"""One row of the table of `make bench-evidence`: a task, its peers, its target, and Heed."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

Met = Literal["met", "not met", "no target"]


@dataclass(frozen=True)
class Row:
    """A figure of Heed beside its target and its peers; `note` says why where it is not met."""

    task: str
    figure: str
    heed: str
    target: str
    met: bool | None
    peers: str = ""
    note: str = ""

    @property
    def verdict(self) -> Met:
        return "no target" if self.met is None else "met" if self.met else "not met"


def print_rows(rows: Iterable[Row]) -> None:
    """Print rows as a Markdown table, as it stands in the documentation."""
    print("| task | figure | peers in this run | target | Heed | |")
    print("| --- | --- | --- | --- | --- | --- |")
    for row in rows:
        cells = (row.task, row.figure, row.peers, row.target, row.heed, row.verdict)
        print("| " + " | ".join(cells) + " |", flush=True)
        if row.note:
            print(f"|  | {row.note} | | | | |", flush=True)
