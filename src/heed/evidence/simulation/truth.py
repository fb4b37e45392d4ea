"""What really causes what in a simulated company. Kept for tests; never part of what it exports."""

from dataclasses import dataclass, field

import pyarrow as pa

from heed.evidence.simulation.calendar import Real, Truths, Whole, Window


@dataclass(frozen=True, slots=True)
class Effects:
    """Planted causes. The first block is in log-odds of leaving at a renewal, the second in standard
    deviations of outcome attainment."""

    outcome: float = -1.0
    open_harm: float = 1.7
    captive: float = -2.0
    score: float = 0.0

    plays: dict[str, float] = field(
        default_factory=lambda: {"first report in a week": 0.8, "monthly digest": 0.0}
    )


@dataclass(frozen=True, slots=True)
class Truth:
    """A company's hidden side.

    `accounts`: one row an account: key, silent, captive, liking (what drives survey scores), drive
    (where its attainment settles without plays), fades (usage fell before it left), started_on, left_on,
    returned_on, left_again_on. `decisions`: one row a renewal decided: account, on, term (months),
    outcome, open_harm, captive, liking, probability (of leaving) and left. `arms`: account, play, arm,
    on. `outcome` is the attainment (standard deviations) by account × calendar month. `harms`: account,
    on, until, mended, incident.
    """

    seed: int
    window: Window
    effects: Effects
    accounts: pa.Table
    decisions: pa.Table
    arms: pa.Table
    harms: pa.Table
    outcome: Real
    activities: int


__all__ = ["Effects", "Real", "Truth", "Truths", "Whole", "Window"]
