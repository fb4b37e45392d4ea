"""Weights for those who did not answer, and what the weights cost.

Three ways, all of which make those who answered look like all customers in the columns named: cells
(weighting classes: each answer stands for the customers of its cell, N_c / n_c), covariates (response
propensity p by ridge logistic regression: 1 / p), and margins (raking: iterative proportional fitting until
each column's totals are those of all customers; Deming and Stephan 1940). Weighting costs precision: Kish's
design effect n·Σw² / (Σw)² (1965) and the effective n = n / design effect say how much.

Little 1986 on cells and propensity; Kish 1992 on weighting. Weights cannot mend silence that depends on the
answer itself; the bounds of the silent say how much that could be.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt

import numpy as np
import pandas as pd

from heed.evidence.estimate import Estimate
from heed.evidence.intervals import LEVEL, student_quantile, wilson
from heed.evidence.tables import require, require_once
from heed.evidence.voices.answers import NO_ANSWERS, Real, Survey, survey_of
from heed.evidence.voices.cells import classes, margins_of, rake
from heed.evidence.voices.silence import SilentBounds, silent_bounds

CAVEAT = (
    "Weights mend only what these columns tell about who answers: they cannot mend silence that depends on "
    "the answer itself. The bounds show how far that could go."
)
LEAST_ANSWERS = 5
MOST_WEIGHT = 5.0


@dataclass(frozen=True, slots=True)
class WeighedResponses:
    """A figure before and after weighting.

    `weights` has one row an answer (index: who answered): how many customers it stands for; they sum to all
    customers. `design_effect` and `effective_n` are Kish's. `bounds` is where the figure must lie if every
    silent customer had given the worst or the best answer. `note` says what was joined or cut; `caveat` is
    always to be shown. Where weighting is impossible, `weighted` is unknown with its reason, and `weights`,
    `design_effect` and `effective_n` are None.
    """

    raw: Estimate
    weighted: Estimate
    response_rate: Estimate
    weights: "pd.Series[float] | None"
    design_effect: float | None
    effective_n: float | None
    bounds: SilentBounds | None
    note: str = ""
    caveat: str = CAVEAT


@dataclass(frozen=True, slots=True)
class Weights:
    """Weights of those who answered, and the columns whose part in the answers is not chance (`fixed`)."""

    of: Real
    fixed: Real
    method: str
    note: str = ""


class CannotWeighError(Exception):
    """Says why there are no weights."""


def weigh_responses(
    responses: "pd.Series[float]",
    population: pd.DataFrame,
    *,
    cells: Sequence[str] = (),
    covariates: Sequence[str] = (),
    margins: Sequence[str] = (),
    survey: str = "nps",
    seed: int = 0,
    level: float = LEVEL,
) -> WeighedResponses:
    """The figure of all customers from the answers of some.

    `responses`: answers by customer (index: key; missing values did not answer). `population`: one row a
    customer that was or could have been asked (index: key), with the columns named by one of `cells`,
    `covariates` and `margins`. A missing value in them is a level of its own. `seed` draws the folds by which
    the ridge penalty is chosen. ValueError for a column that is not there, or for answers of strangers.
    """
    named = [*cells, *covariates, *margins]
    if not named or sum(map(bool, (cells, covariates, margins))) != 1:
        raise ValueError("Name the columns of exactly one of cells, covariates and margins.")
    require(population, "population", *named)
    require_once(population.index, "population")
    chosen, answered = survey_of(survey), responses.dropna()
    if len(unknown := answered.index.difference(population.index)):
        raise ValueError(f"An answer is of {unknown[0]!r}, who is not in the population.")
    try:
        weights = _weights(answered, population, cells, covariates, margins, seed)
    except CannotWeighError as why:
        return _unweighed(str(why), answered, population, chosen, survey, level)
    return _weighed(weights, answered, population, chosen, survey, level)


def _weights(
    answered: "pd.Series[float]",
    population: pd.DataFrame,
    cells: Sequence[str],
    covariates: Sequence[str],
    margins: Sequence[str],
    seed: int,
) -> Weights:
    if answered.empty:
        raise CannotWeighError(NO_ANSWERS)
    if not answered.index.is_unique:
        twice = int(answered.index.duplicated(keep=False).sum())
        raise CannotWeighError(
            f"{twice} answers are of customers who answered more than once: keep one of each, the latest"
        )
    if len(answered) < LEAST_ANSWERS:
        raise CannotWeighError(f"{len(answered)} answered, at least {LEAST_ANSWERS} are needed")
    is_answer = population.index.isin(answered.index)
    table = population.loc[answered.index.append(population.index[~is_answer])]
    if cells:
        return _by_cells(table, list(cells), len(answered))
    if margins:
        return _by_margins(table, list(margins), len(answered))
    return _by_propensity(table[list(covariates)], len(answered), seed)


def _by_cells(table: pd.DataFrame, cells: list[str], answers: int) -> Weights:
    """`table` begins with those who answered."""
    labels, note = classes(table[cells], answers, LEAST_ANSWERS)
    sizes, heard = labels.value_counts(), labels[:answers].value_counts()
    of = np.asarray(labels[:answers].map(sizes / heard), dtype=np.float64)
    return Weights(of, _columns_of([labels[:answers]]), "weighting classes", note)


def _by_margins(table: pd.DataFrame, names: list[str], answers: int) -> Weights:
    columns, note = margins_of(table[names], answers, LEAST_ANSWERS)
    of = rake(columns, answers)
    if of is None:
        raise CannotWeighError("the margins cannot all be met by those who answered: use fewer columns")
    return Weights(of, _columns_of([column[:answers] for column in columns]), "raking", note)


def _by_propensity(table: pd.DataFrame, answers: int, seed: int) -> Weights:
    # Imported here, so that who needs a plain figure does not wait for the learners.
    from heed.evidence.voices.propensity import response_propensity

    values = table.select_dtypes("number").to_numpy(float)
    if np.isinf(values).any():
        raise CannotWeighError("a column has infinite values: correct or leave out the column")
    fixed = np.ones((answers, 1))
    if answers == len(table):
        return Weights(np.ones(answers), fixed, "response propensity", "Everybody answered.")
    propensity = response_propensity(table, answers, seed)
    of, cut = _cut(1 / propensity, len(table))
    note = f"{cut} weights were cut to {MOST_WEIGHT:g} times the mean." if cut else ""
    return Weights(of, fixed, "response propensity", note)


def _cut(of: Real, total: int) -> tuple[Real, int]:
    """Weights that sum to `total`, none above so many times the mean, and how many were cut to that; what
    they lose goes to the others in proportion."""
    most = MOST_WEIGHT * total / len(of)
    held = np.zeros(len(of), dtype=bool)
    while True:
        rest = total - most * float(held.sum())
        weights = np.where(held, most, of * rest / float(of[~held].sum()))
        if not (above := weights > most * (1 + 1e-9)).any():
            return weights, int(held.sum())
        held |= above


def _columns_of(labels: "Sequence[pd.Series[str]]") -> Real:
    table = pd.concat([each.reset_index(drop=True) for each in labels], axis=1, keys=range(len(labels)))
    return pd.get_dummies(table).to_numpy(float)


def _weighed(
    weights: Weights,
    answered: "pd.Series[float]",
    population: pd.DataFrame,
    survey: Survey,
    name: str,
    level: float,
) -> WeighedResponses:
    of, n = weights.of, len(answered)
    design_effect = n * float((of**2).sum()) / float(of.sum()) ** 2
    return WeighedResponses(
        raw=survey.figure(list(answered), level=level),
        weighted=_weighted_figure(weights, answered, n / design_effect, survey, level),
        response_rate=wilson(n, len(population), level=level),
        weights=pd.Series(of, answered.index, name="weight"),
        design_effect=design_effect,
        effective_n=n / design_effect,
        bounds=silent_bounds(answered, len(population) - n, survey=name),
        note=weights.note,
    )


def _weighted_figure(
    weights: Weights, answered: "pd.Series[float]", effective_n: float, survey: Survey, level: float
) -> Estimate:
    """The weighted mean of the points; variance of its linearisation, Σ(w·e)² / (Σw)², with residuals e
    beside what the weighting columns explain, each enlarged by its leverage (as in HC2)."""
    method = f"{survey.name}, weighted by {weights.method}, linearised variance"
    points, of, n = survey.points(np.asarray(answered, dtype=np.float64)), weights.of, len(answered)
    value = float(np.average(points, weights=of))
    if np.ptp(points) == 0:
        alike = survey.figure([float(answered.iloc[0])] * max(1, int(effective_n)), level=level)
        return Estimate(value, alike.low, alike.high, n, level, f"{method}; all answers alike")
    variance = float(((of * _residuals(points, of, weights.fixed)) ** 2).sum()) / float(of.sum()) ** 2
    half = student_quantile(level, max(1.0, effective_n - 1)) * sqrt(variance)
    return Estimate(value, max(survey.low, value - half), min(survey.high, value + half), n, level, method)


def _residuals(points: Real, of: Real, fixed: Real) -> Real:
    root = np.sqrt(of)
    columns = root[:, None] * fixed
    # The pseudo-inverse: indicators of several columns are not independent of each other.
    inverse = np.linalg.pinv(columns)
    residuals = points - (columns @ (inverse @ (root * points))) / root
    leverage = np.einsum("ij,ji->i", columns, inverse)
    return np.asarray(residuals / np.sqrt(np.clip(1 - leverage, 1e-9, None)))


def _unweighed(
    why: str,
    answered: "pd.Series[float]",
    population: pd.DataFrame,
    survey: Survey,
    name: str,
    level: float,
) -> WeighedResponses:
    customers = int(answered.index.nunique())
    asked = len(population)
    return WeighedResponses(
        raw=survey.figure(list(answered), level=level),
        weighted=Estimate.unknown(why, n=len(answered), method=f"{survey.name}, weighted"),
        response_rate=wilson(customers, asked, level=level),
        weights=None,
        design_effect=None,
        effective_n=None,
        bounds=silent_bounds(answered[~answered.index.duplicated()], asked - customers, survey=name),
    )
