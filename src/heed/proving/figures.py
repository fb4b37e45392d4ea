"""The figures that stand on top of the page of a card: of the risk model, of a score, of a trigger."""

from dataclasses import dataclass

from heed.evidence.estimate import Estimate
from heed.ledger import words


@dataclass(frozen=True, slots=True)
class Figure:
    """A figure of a card in words; `estimate` may be unknown, with its reason. `rows` is the query that opens
    the n rows behind it (None: they are not told apart)."""

    label: str
    estimate: Estimate
    share: bool = False
    note: str = ""
    decimals: int | None = None
    rows: str | None = None
    unit: str = ""

    @property
    def shown(self) -> str:
        value = self.estimate.value
        if value is None:
            return ""
        if self.share:
            return words.percent(value)
        return words.number(value) if self.decimals is None else words.fixed(value, self.decimals)

    @property
    def between(self) -> str:
        return words.interval(self.estimate.low, self.estimate.high, share=self.share, decimals=self.decimals)
