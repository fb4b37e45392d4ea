"""What a test says after a look: stop or go on, why, and which guarantee holds."""

from dataclasses import dataclass
from typing import Literal

from heed.evidence.estimate import Estimate

Finding = Literal["better", "worse", "no difference shown", "go on", "unknown"]


@dataclass(frozen=True, slots=True)
class Decision:
    """`look` (from 1) is the one that decided, or the latest; `fraction` of the planned accounts was in then.

    `critical` is the z that had to be passed at that look, `estimate` the effect with its interval that
    allows for all looks, `words` what to do, and `guarantee` what holds however often it was looked at.
    """

    finding: Finding
    look: int
    fraction: float
    critical: float
    estimate: Estimate
    words: str
    guarantee: str

    @property
    def stop(self) -> bool:
        return self.finding in ("better", "worse", "no difference shown")


def sign_of(z: float) -> Literal["better", "worse"]:
    """Which way a difference beyond its boundary goes; for a figure where less is better, read it so."""
    return "better" if z > 0 else "worse"


def spoken(finding: Finding, look: int) -> str:
    """What to do, in a sentence."""
    return {
        "better": f"Stop: at look {look} the treated did better than the control, beyond chance.",
        "worse": f"Stop: at look {look} the treated did worse than the control, beyond chance.",
        "no difference shown": "Stop: the planned number is reached and no difference is shown.",
        "go on": "Go on: nothing is decided yet.",
        "unknown": "Nothing can be read yet.",
    }[finding]
