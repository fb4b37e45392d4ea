"""What really causes what in a simulated company. Kept for tests; never part of what it exports."""

from dataclasses import dataclass, field

import pyarrow as pa

from heed.evidence.simulation.calendar import Real, Truths, Whole, Window


@dataclass(frozen=True, slots=True)
class Effects:
    """Planted causes, and what only looks like one.

    In log-odds of leaving at a renewal: outcome, open_harm, captive, score; `later` replaces any of them in
    the second half of the window (drift), and `seasonality` times cos(2π · (month - December) / 12) is added.
    `plays`: what each does to attainment, in standard deviations; who gets it is drawn.
    `chosen_plays` do nothing, and nobody draws who gets them: log-odds of being chosen by one standard
    deviation of the attainment last measured (above 0: those who do well; below: those in trouble).
    `leaks` are activities recorded once an account has decided to leave; `null_activities` happen to anyone.
    `silent_detractors` is the log-odds by which a detractor answers a survey less often than others.
    """

    outcome: float = -1.0
    open_harm: float = 1.7
    captive: float = -2.0
    score: float = 0.0
    later: dict[str, float] = field(default_factory=dict)
    seasonality: float = 0.0

    plays: dict[str, float] = field(
        default_factory=lambda: {"first report in a week": 0.8, "monthly digest": 0.0}
    )
    chosen_plays: dict[str, float] = field(default_factory=lambda: {"executive dinner": 1.6})
    leaks: tuple[str, ...] = ("offboarding_call",)
    null_activities: tuple[str, ...] = ()
    silent_detractors: float = 0.0

    def __post_init__(self) -> None:
        if strange := set(self.later) - {"outcome", "open_harm", "captive", "score"}:
            raise ValueError(f"'{min(strange)}' is no effect on leaving, so it cannot change later.")

    def on_leaving(self, name: str, *, late: bool) -> float:
        """The log-odds of a cause in the first or in the second half of the window."""
        planted: float = getattr(self, name)
        return self.later.get(name, planted) if late else planted


@dataclass(frozen=True, slots=True)
class Truth:
    """A company's hidden side.

    `accounts`: one row an account: key, silent, captive, liking (what drives survey scores), drive
    (where its attainment settles without plays), fades (usage fell before it left), started_on, left_on,
    returned_on, left_again_on. `decisions`: one row a renewal decided: account, on, term (months),
    outcome, open_harm, captive, liking, probability (of leaving) and left. `arms`: account, play, arm,
    on (arm "chosen" where nothing was drawn). `outcome` is the attainment (standard deviations) by account ×
    calendar month. `harms`: account, on, until, mended, incident. `opinions`: one row an invitation to a
    survey: id, account, survey, score (what was or would have been answered) and answered.
    """

    seed: int
    window: Window
    effects: Effects
    accounts: pa.Table
    decisions: pa.Table
    arms: pa.Table
    harms: pa.Table
    opinions: pa.Table
    outcome: Real
    activities: int


__all__ = ["Effects", "Real", "Truth", "Truths", "Whole", "Window"]
