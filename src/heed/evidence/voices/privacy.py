"""What may be shown of what employees answered: never a figure from which one person can be read.

Groups of few are hidden, and with them the smallest group that would still be shown: else the hidden
answers are what is left of the total when the shown groups are taken away.
"""

from collections.abc import Mapping, Sequence

from heed.evidence.estimate import Estimate
from heed.evidence.intervals import LEVEL
from heed.evidence.voices.answers import NO_ANSWERS, ees

LEAST_ANSWERS = 5
METHOD = "EES, groups of few hidden"


def hidden_groups(sizes: Mapping[str, int], *, least: int = LEAST_ANSWERS) -> frozenset[str]:
    """The groups whose figure must not be shown: those of 1 to `least - 1`, and the smallest of the others.

    Groups without answers have no figure and hide nobody. Among groups of equal size the first by name goes.
    """
    few = {group for group, n in sizes.items() if 0 < n < least}
    shown = sorted((n, group) for group, n in sizes.items() if n >= least)
    return frozenset(few | {group for _, group in shown[:1]} if few else few)


def employee_effort(
    answers: Mapping[str, Sequence[float]], *, least: int = LEAST_ANSWERS, level: float = LEVEL
) -> dict[str, Estimate]:
    """Employee effort by group (such as a team), hidden where a person could be recognised."""
    hidden = hidden_groups({group: len(scores) for group, scores in answers.items()}, least=least)
    return {
        group: _hidden(len(scores), least) if group in hidden else ees(scores, level=level)
        for group, scores in answers.items()
    }


def employee_effort_of_all(
    answers: Mapping[str, Sequence[float]], *, least: int = LEAST_ANSWERS, level: float = LEVEL
) -> Estimate:
    """Employee effort of all groups together; unknown for fewer than `least` answers."""
    scores = [score for group in answers.values() for score in group]
    if not scores:
        return Estimate.unknown(NO_ANSWERS, method=METHOD)
    return ees(scores, level=level) if len(scores) >= least else _hidden(len(scores), least)


def _hidden(n: int, least: int) -> Estimate:
    if n < least:
        return Estimate.unknown(
            f"fewer than {least} answered: hidden so that nobody can be recognised", method=METHOD
        )
    return Estimate.unknown(
        "hidden so that a smaller group cannot be worked out from the total", method=METHOD
    )
