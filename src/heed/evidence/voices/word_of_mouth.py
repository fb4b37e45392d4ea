"""What happy and unhappy customers tell others: arithmetic on assumptions that anyone may change.

The default assumptions are quoted everywhere and traced to nobody: each says where it comes from and that it
was not verified. What comes out is a range of assumptions, never a measurement; pair it with the referrals
that were observed.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import inf

from heed.evidence.estimate import Estimate

UNVERIFIED = "cited by article, primary not verified"
METHOD = "arithmetic on assumptions, from their lowest to their highest values; not a measurement"


@dataclass(frozen=True, slots=True)
class Assumption:
    """An editable figure: what is taken for true, the range that circulates, and where it comes from."""

    name: str
    value: float
    low: float
    high: float
    source: str
    status: str = UNVERIFIED

    def __post_init__(self) -> None:
        if not 0 <= self.low <= self.value <= self.high < inf:
            raise ValueError(
                f"The assumption '{self.name}' needs 0 <= low <= value <= high; these are "
                f"{self.low:g}, {self.value:g}, {self.high:g}."
            )


PAY_MORE, HAPPY_TELL, HAPPY_TOLD = "share who would pay more", "share of happy who tell", "told by each happy"
UNHAPPY_TELL, UNHAPPY_TOLD = "share of unhappy who tell", "told by each unhappy"
ASSUMPTIONS = (
    Assumption(PAY_MORE, 0.86, 0.60, 0.86,
               "86 % of buyers would pay more for a better experience; nearest read: 85 % (RightNow and "
               "Harris 2010), 60 % always or often (2009, where 86 % is the share who quit after a bad one)"),
    Assumption(HAPPY_TELL, 0.72, 0.30, 0.72,
               "72 % share a good experience; in field studies 30 to 33 % of customers did refer (Harvard "
               "Business Review, October 2007)"),
    Assumption(HAPPY_TOLD, 6, 1, 6, "with six or more people"),
    Assumption(UNHAPPY_TELL, 0.13, 0.04, 1.0,
               "13 % circulates beside the number of people told; 1 of 26 who complains circulates too"),
    Assumption(UNHAPPY_TOLD, 15, 8, 20, "to 15 people or more; 8 to 10, 9 to 15 and over 20 circulate"),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class WordOfMouth:
    """People who hear praise and complaints, and customers who would pay more; each from the lowest to the
    highest of its assumptions, which stand beside it."""

    praise: Estimate
    complaints: Estimate
    would_pay_more: Estimate
    assumptions: tuple[Assumption, ...]


def word_of_mouth(happy: int, unhappy: int, assumptions: Sequence[Assumption] = ASSUMPTIONS) -> WordOfMouth:
    """How many hear of us from `happy` and `unhappy` customers, if the assumptions hold."""
    if not (0 <= happy < inf and 0 <= unhappy < inf):
        raise ValueError(f"Customers are counted from 0; these are {happy} and {unhappy}.")
    known = {assumption.name: assumption for assumption in assumptions}
    if missing := {each.name for each in ASSUMPTIONS} - set(known):
        raise ValueError(f"The model needs the assumption '{min(missing)}'.")
    return WordOfMouth(
        _product(happy, known[HAPPY_TELL], known[HAPPY_TOLD]),
        _product(unhappy, known[UNHAPPY_TELL], known[UNHAPPY_TOLD]),
        _product(happy + unhappy, known[PAY_MORE]),
        tuple(assumptions),
    )


def _product(customers: int, *factors: Assumption) -> Estimate:
    if customers == 0:
        return Estimate.unknown("no such customers", method=METHOD)
    value = low = high = float(customers)
    for factor in factors:
        value, low, high = value * factor.value, low * factor.low, high * factor.high
    return Estimate(value, low, high, customers, 1.0, METHOD)
