"""Landmark rows of a company whose causes are known, straight as tables: for studies of how often what is
claimed is true, and for notebooks."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Final

import numpy as np
import pandas as pd
from scipy.optimize import brentq

from heed.evidence.simulation.calendar import Real, Truths, Whole
from heed.evidence.simulation.company import Draws, keys

STEP: Final = 30
TERM: Final = 365
OLDEST: Final = 1_000
BEFORE_SHARE: Final = 0.65
LEAKED_SHARE: Final = 0.95
RECORDED_LATE: Final = 5
END: Final = date(2026, 11, 22)


@dataclass(frozen=True, slots=True, kw_only=True)
class PanelTruth:
    """What decides who leaves in a simulated panel.

    `effects` are log-odds of leaving within a step of 30 days by one standard deviation of a metric (each
    metric has mean 0 and standard deviation 1 over all accounts). `later` replaces effects in the second half
    of the window (drift). `renewal` is added in the step in which the contract renews, `seasonality` times
    cos(2π · (month - December) / 12) in every step. `null_metrics` mean nothing. Each of `leaks` is 1 before
    a leaving within `leak_days` because it was written after it. `silence` makes values missing: log-odds
    of that by one standard deviation of the value itself, at a median share of `missing`; other metrics
    miss that share by chance. `involuntary` is the chance to leave by a failed payment, in each step.
    """

    effects: Mapping[str, float] = field(default_factory=lambda: {"outcome": -0.8, "open_harm": 0.8})
    later: Mapping[str, float] = field(default_factory=dict)
    renewal: float = 1.5
    seasonality: float = 0.0
    monthly_churn: float = 0.03
    null_metrics: int = 4
    leaks: int = 0
    leak_days: int = 90
    missing: float = 0.0
    silence: Mapping[str, float] = field(default_factory=dict)
    involuntary: float = 0.0
    persistence: float = 0.85

    @property
    def nulls(self) -> tuple[str, ...]:
        return tuple(f"null_{number}" for number in range(1, self.null_metrics + 1))

    @property
    def leaky(self) -> tuple[str, ...]:
        return tuple(f"leak_{number}" for number in range(1, self.leaks + 1))

    @property
    def metrics(self) -> tuple[str, ...]:
        return (*self.effects, *self.nulls)


@dataclass(frozen=True, slots=True)
class SimulatedPanel:
    """Rows and their hidden truth.

    `features`: account, landmark, tenure_days, days_to_renewal, then the metrics and the leaks. `events`:
    account, on, kind, recorded_on; observed until `observed_until`. `recorded_on` has a column for each
    metric and leak, row by row as `features`: the day its value was written. `probability` is the true chance
    to leave (not by a failed payment) within 30 days of the landmark. Where the contract renews in these days
    an account that leaves does so on the day of the renewal, else on any.
    """

    features: pd.DataFrame
    events: pd.DataFrame
    observed_until: date
    recorded_on: pd.DataFrame
    probability: "pd.Series[float]"
    truth: PanelTruth


@dataclass(slots=True)
class Course:
    """What came of each account: `since`, `left` (a day beyond the last: it stayed), how it left."""

    since: Whole
    left: Whole
    involuntary: Truths
    metrics: Real
    probability: Real


def simulate_panel(
    truth: PanelTruth | None = None,
    *,
    accounts: int = 400,
    landmarks: int = 24,
    seed: int = 7,
    end: date = END,
) -> SimulatedPanel:
    """A company of `accounts`, seen every 30 days at `landmarks` dates of which the last is 30 days before
    `end`. The same arguments give the same rows."""
    if not (1 <= accounts < np.inf and 1 <= landmarks < np.inf):
        raise ValueError(f"A panel needs accounts and landmarks; these are {accounts} and {landmarks}.")
    truth = truth or PanelTruth()
    if strange := (set(truth.later) | set(truth.silence)) - set(truth.metrics):
        raise ValueError(f"There is no metric '{min(strange)}'. There are: {', '.join(truth.metrics)}.")
    draws = Draws(seed)
    course = _course(truth, accounts, landmarks, draws, end)
    return _rows(truth, course, draws, end)


def _course(truth: PanelTruth, accounts: int, landmarks: int, draws: Draws, end: date) -> Course:
    """Step by step: metrics wander around each account's own level, and the hazard they make decides."""
    random, last = draws.of("panel"), landmarks * STEP
    before = random.random(accounts) < BEFORE_SHARE
    since = np.where(
        before, -random.integers(0, OLDEST, accounts), random.integers(0, max(1, last - STEP), accounts)
    )
    metrics = _wander(truth, accounts, landmarks, draws)
    odds = _odds(truth, metrics, since, end)
    present = since[:, None] <= np.arange(landmarks) * STEP
    probability = 1 / (1 + np.exp(-odds - _intercept(odds[present], truth.monthly_churn)))
    leaves = present & (random.random(odds.shape) < probability)
    fails = present & (random.random(odds.shape) < truth.involuntary)
    ends = leaves | fails
    step = np.where(ends.any(axis=1), ends.argmax(axis=1), landmarks)
    by_chance = random.integers(1, STEP + 1, accounts)
    renews = _to_renewal(since, step * STEP)
    day = step * STEP + np.where(renews <= STEP, renews, by_chance)
    gone = step < landmarks
    own = fails[np.arange(accounts), np.minimum(step, landmarks - 1)]
    return Course(since, np.where(gone, day, last + 1), gone & own, metrics, probability)


def _wander(truth: PanelTruth, accounts: int, landmarks: int, draws: Draws) -> Real:
    """Metrics × accounts × landmarks, each with mean 0 and standard deviation 1 and its own random stream."""
    found = np.empty((len(truth.metrics), accounts, landmarks))
    for number, name in enumerate(truth.metrics):
        random = draws.of("metric", name)
        found[number, :, 0] = random.normal(0, 1, accounts)
        shock = np.sqrt(1 - truth.persistence**2)
        for step in range(1, landmarks):
            moved = truth.persistence * found[number, :, step - 1]
            found[number, :, step] = moved + shock * random.normal(0, 1, accounts)
    return found


def _odds(truth: PanelTruth, metrics: Real, since: Whole, end: date) -> Real:
    """Log-odds of leaving by account and landmark, but for the intercept."""
    landmarks = metrics.shape[2]
    day = np.arange(landmarks) * STEP
    odds = np.zeros(metrics.shape[1:])
    for number, name in enumerate(truth.metrics):
        size = np.full(landmarks, truth.effects.get(name, 0.0))
        size[landmarks // 2 :] = truth.later.get(name, size[0])
        odds += size * metrics[number]
    odds += truth.renewal * (_to_renewal(since[:, None], day) <= STEP)
    month = _dates(day, landmarks, end).astype("datetime64[M]").astype(int) % 12 + 1
    return np.asarray(odds + truth.seasonality * np.cos(2 * np.pi * (month - 12) / 12))


def _to_renewal(since: Whole, day: Whole) -> Whole:
    """Days from `day` to the next yearly renewal, 1 to 365."""
    return np.asarray(TERM - (day - since) % TERM)


def _intercept(odds: Real, share: float) -> float:
    """The intercept that makes the mean probability the share asked for."""
    if odds.size == 0:
        return float(np.log(share / (1 - share)))
    return float(brentq(lambda base: float(np.mean(1 / (1 + np.exp(-odds - base)))) - share, -30, 30))


def _dates(day: Whole, landmarks: int, end: date) -> "np.ndarray[tuple[int, ...], np.dtype[np.datetime64]]":
    start = np.datetime64(end, "D") - landmarks * STEP
    return np.asarray(start + day.astype("timedelta64[D]"))


def _rows(truth: PanelTruth, course: Course, draws: Draws, end: date) -> SimulatedPanel:
    landmarks = course.metrics.shape[2]
    day = np.arange(landmarks) * STEP
    account, step = np.nonzero((course.since[:, None] <= day) & (day < course.left[:, None]))
    key = keys("ACC-", len(course.since), 6).to_numpy(zero_copy_only=False)
    features = pd.DataFrame(
        {
            "account": key[account],
            "landmark": _dates(day[step], landmarks, end).astype("datetime64[ns]"),
            "tenure_days": day[step] - course.since[account],
            "days_to_renewal": _to_renewal(course.since[account], day[step]),
        }
    )
    recorded = pd.DataFrame(index=features.index)
    for number, name in enumerate(truth.metrics):
        features[name] = _with_gaps(truth, name, course.metrics[number][account, step], draws)
        recorded[name] = features["landmark"]
    left = course.left[account]
    for name in truth.leaky:
        soon = (left <= landmarks * STEP) & (left - day[step] <= truth.leak_days)
        written = soon & (draws.of(name).random(len(soon)) < LEAKED_SHARE)
        features[name] = written.astype(float)
        late = _dates(left + RECORDED_LATE, landmarks, end).astype("datetime64[ns]")
        recorded[name] = features["landmark"].where(~written, pd.Series(late))
    probability = pd.Series(course.probability[account, step], features.index, name="probability")
    return SimulatedPanel(features, _events(course, key, landmarks, end), end, recorded, probability, truth)


def _with_gaps(truth: PanelTruth, name: str, values: Real, draws: Draws) -> Real:
    """Values of which some are missing, by chance or because of what they are."""
    share = truth.missing
    if not 0 < share < 1:
        return values
    odds = np.log(share / (1 - share)) + truth.silence.get(name, 0.0) * values
    silent = draws.of("gaps", name).random(len(values)) < 1 / (1 + np.exp(-odds))
    return np.where(silent, np.nan, values)


def _events(
    course: Course, key: "np.ndarray[tuple[int, ...], np.dtype[np.object_]]", landmarks: int, end: date
) -> pd.DataFrame:
    gone = np.nonzero(course.left <= landmarks * STEP)[0]
    on = _dates(course.left[gone], landmarks, end).astype("datetime64[ns]")
    kind = np.where(course.involuntary[gone], "involuntary", "churn")
    return pd.DataFrame({"account": key[gone], "on": on, "kind": kind, "recorded_on": on})
