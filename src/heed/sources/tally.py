"""What an import came to: counts per entity, and findings with examples."""

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from typing import Any

EXAMPLES = 5


@dataclass
class Counts:
    """Rows of one entity by what became of them. `parked` wait for their account."""

    rows: int = 0
    new: int = 0
    changed: int = 0
    unchanged: int = 0
    rejected: int = 0
    parked: int = 0

    def __add__(self, other: "Counts") -> "Counts":
        mine, theirs = asdict(self), asdict(other)
        return Counts(**{name: mine[name] + theirs[name] for name in mine})


@dataclass
class Findings:
    """Things a person should know of a file set, each with how often and the first few examples."""

    _counts: Counter[tuple[str, str]] = field(default_factory=Counter)
    _examples: dict[tuple[str, str], list[Any]] = field(default_factory=lambda: defaultdict(list))

    def add(self, name: str, sentence: str, count: int = 1, examples: Iterable[Any] = ()) -> None:
        if not count:
            return
        self._counts[name, sentence] += count
        kept = self._examples[name, sentence]
        kept.extend(list(examples)[: EXAMPLES - len(kept)])

    def as_json(self) -> list[dict[str, Any]]:
        return [
            {"name": name, "sentence": sentence, "count": count, "examples": self._examples[name, sentence]}
            for (name, sentence), count in self._counts.items()
        ]
