"""Those who say nothing: what they could change, who of them renews, and how much revenue is heard."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from heed.evidence.estimate import Estimate
from heed.evidence.intervals import LEVEL, wilson
from heed.evidence.tables import numbers, require, require_once, truths
from heed.evidence.voices.answers import survey_of
from heed.evidence.voices.differences import difference

BANDS = {"nps": (("promoters", 9), ("passives", 7), ("detractors", 0)),
         "csat": (("satisfied", 4), ("not satisfied", 0)),
         "ces": (("easy", 5), ("neither easy nor hard", 4), ("hard", 1))}  # fmt: skip
ANSWERED, SILENT, NOT_ASKED = "answered", "asked, did not answer", "not asked"


@dataclass(frozen=True, slots=True)
class SilentBounds:
    """Where the figure of all customers must lie, whatever the silent think: `low` if every one of them had
    given the worst answer, `high` if the best. No assumption, hence no level; chance is not in it."""

    low: float
    high: float
    answered: int
    silent: int


def silent_bounds(scores: "pd.Series[float]", silent: int, *, survey: str = "nps") -> SilentBounds | None:
    """The bounds of a figure with `silent` customers who did not answer. None where nobody was asked."""
    chosen = survey_of(survey)
    if not 0 <= silent < np.inf:
        raise ValueError(f"The silent are counted from 0; these are {silent!r}.")
    points = chosen.points(chosen.checked(scores.dropna()))
    everybody = len(points) + silent
    if everybody == 0:
        return None
    total = float(points.sum())
    return SilentBounds(
        (total + silent * chosen.low) / everybody, (total + silent * chosen.high) / everybody,
        len(points), silent,
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class RenewalGroup:
    """Renewals of a group: its rate (0 to 1, Wilson), and its rate less that of those who answered
    (`difference`, unknown for that group itself)."""

    name: str
    renewed: int
    rate: Estimate
    difference: Estimate


@dataclass(frozen=True, slots=True)
class RenewalByAnswer:
    """`answered` and `silent` beside each other, those never asked apart, and the score bands of the
    answered. `silence` is the rate of the silent less that of the answered; `score` the rate of the best
    band less that of the worst."""

    groups: tuple[RenewalGroup, ...]
    bands: tuple[RenewalGroup, ...]
    silence: Estimate
    score: Estimate


def renewal_by_answer(
    renewals: pd.DataFrame, *, survey: str = "nps", level: float = LEVEL
) -> RenewalByAnswer:
    """Who renewed, by whether and what they had answered before.

    `renewals` has one row a renewal decided: `renewed` (bool), `score` (the last answer known before it,
    missing: none), and, if known, `asked` (bool; those never asked are not called silent).
    """
    require(renewals, "renewals", "renewed", "score")
    renewed, score = truths(renewals["renewed"]), renewals["score"]
    survey_of(survey).checked(score.dropna())
    has_answer = score.notna()
    asked = truths(renewals["asked"]) if "asked" in renewals else pd.Series(True, renewals.index)
    of = {ANSWERED: renewed[has_answer], SILENT: renewed[~has_answer & asked]}
    if not (asked | has_answer).all():
        of[NOT_ASKED] = renewed[~has_answer & ~asked]
    groups = _groups(of, of[ANSWERED], level)
    bands = _groups(_by_band(renewed[has_answer], score[has_answer], survey), of[ANSWERED], level)
    return RenewalByAnswer(
        groups, bands, groups[1].difference, difference(bands[0].rate, bands[-1].rate, method=DIFFERENCE)
    )


DIFFERENCE = "difference of renewal rates, Newcombe's interval"


def _by_band(
    renewed: "pd.Series[bool]", score: "pd.Series[float]", survey: str
) -> dict[str, "pd.Series[bool]"]:
    if survey not in BANDS:
        raise ValueError(f"There are no score bands for '{survey}'. There are: {', '.join(BANDS)}.")
    found, below = {}, float("inf")
    for name, least in BANDS[survey]:
        found[name] = renewed[(score >= least) & (score < below)]
        below = least
    return found


def _groups(
    of: dict[str, "pd.Series[bool]"], answered: "pd.Series[bool]", level: float
) -> tuple[RenewalGroup, ...]:
    reference = _rate(answered, level)
    found = []
    for name, renewed in of.items():
        rate = _rate(renewed, level)
        versus = (
            Estimate.unknown("this is the group that the others are compared with", method=DIFFERENCE)
            if name == ANSWERED
            else difference(rate, reference, method=DIFFERENCE)
        )
        found.append(RenewalGroup(name, int(renewed.sum()), rate, versus))
    return tuple(found)


def _rate(renewed: "pd.Series[bool]", level: float) -> Estimate:
    if renewed.empty:
        return Estimate.unknown("no renewals of this group yet", method="share, Wilson interval")
    return wilson(int(renewed.sum()), len(renewed), level=level)


@dataclass(frozen=True, slots=True)
class ListeningCoverage:
    """How much of the company's customers was heard: by number (Wilson) and by revenue; `unheard` are the
    keys of the others, those with the most revenue first."""

    accounts: Estimate
    revenue: Estimate
    unheard: tuple[str, ...]


def listening_coverage(accounts: pd.DataFrame, *, level: float = LEVEL) -> ListeningCoverage:
    """The share of accounts and of revenue heard in a period.

    `accounts` has one row an account (index: its key): `heard` (bool: somebody there told us something) and
    `revenue` (recurring, in one currency; missing is unknown).
    """
    require(accounts, "accounts", "heard", "revenue")
    require_once(accounts.index, "accounts")
    heard, revenue = truths(accounts["heard"]), pd.Series(numbers(accounts["revenue"]), accounts.index)
    unheard = accounts[~heard].assign(key=lambda rows: rows.index.astype(str))
    unheard = unheard.sort_values(["revenue", "key"], ascending=[False, True], na_position="last")
    return ListeningCoverage(
        wilson(int(heard.sum()), len(heard), level=level),
        _revenue_heard(revenue, heard),
        tuple(unheard["key"]),
    )


def _revenue_heard(revenue: "pd.Series[float]", heard: "pd.Series[bool]") -> Estimate:
    method = "share of recurring revenue heard"
    known = revenue.dropna()
    if not known.between(0, np.inf, inclusive="left").all():
        reason = "the recurring revenue of an account is infinite or negative: correct it"
        return Estimate.unknown(reason, n=len(known), method=method)
    if known.sum() <= 0:
        return Estimate.unknown("no recurring revenue is known", n=len(known), method=method)
    return Estimate(float(known[heard[known.index]].sum() / known.sum()), n=len(known), method=method)
