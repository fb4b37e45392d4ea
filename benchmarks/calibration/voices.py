"""How often the intervals of what people say cover what all of them think, and what weights can mend."""

import numpy as np
import pandas as pd
from benchmarks.calibration.finding import Finding

from heed.evidence.estimate import Estimate
from heed.evidence.voices import (
    change_within,
    lead_time,
    nps,
    renewal_by_answer,
    wave_change,
    weigh_responses,
)
from heed.evidence.voices.answers import SURVEYS

STUDY = "voices"
SEED = 20261122
CUSTOMERS = 1_200
COVERS = (0.93, 0.98)


def study(scale: float) -> list[Finding]:
    runs, few = max(20, int(1_000 * scale)), max(10, int(200 * scale))
    return [
        *_waves(runs),
        *_weights(runs),
        _propensity(few),
        _silence_of_detractors(runs),
        _renewals(runs),
        _lead_times(runs),
    ]


def covers(estimate: Estimate, truth: float) -> bool:
    return (
        estimate.low is not None
        and estimate.high is not None
        and estimate.low - 1e-9 <= truth <= estimate.high + 1e-9
    )


def _finding(claim: str, held: list[bool], low: float, high: float) -> Finding:
    return Finding(STUDY, claim, sum(held), len(held), low, high)


def _answers(random: np.random.Generator, mood: float, n: int) -> list[float]:
    return list(np.clip(np.round(random.normal(mood, 2.2, n)), 0, 10))


def _true_nps(mood: float) -> float:
    return nps(_answers(np.random.default_rng(0), mood, 400_000)).value or 0.0


def _waves(runs: int) -> list[Finding]:
    """Two waves of 60 and 90 answers that moved from a mood of 7.6 to 8.2; and 50 who answered both times."""
    truth = _true_nps(8.2) - _true_nps(7.6)
    random = np.random.default_rng([SEED, 1])
    change = [
        covers(wave_change(_answers(random, 7.6, 60), _answers(random, 8.2, 90)), truth) for _ in range(runs)
    ]
    effort = []
    within = []
    for _ in range(runs):
        own = random.normal(0, 1, 50)
        before, after = (
            pd.Series(np.clip(np.round(own + random.normal(mood, 0.8, 50)), 1, 7)) for mood in (4.0, 4.0)
        )
        effort.append(covers(wave_change(list(before), list(after[:25]), survey="ces"), 0.0))
        within.append(covers(change_within(before, after, survey="ces"), 0.0))
    return [
        _finding("the interval of the change of NPS between two waves covers it", change, *COVERS),
        _finding("the interval of the change of effort between two waves covers it", effort, 0.93, 1.0),
        _finding("the interval of the change within people covers it", within, *COVERS),
    ]


def _company(random: np.random.Generator, n: int = CUSTOMERS) -> tuple[pd.DataFrame, "pd.Series[float]"]:
    """Customers whose mood depends on segment and usage, and their answers if all answered."""
    segment = random.choice(["small", "middle", "large"], n, p=[0.6, 0.3, 0.1])
    usage = random.normal(0, 1, n)
    mood = 7.4 + 1.0 * usage + pd.Series(segment).map({"small": -0.8, "middle": 0.4, "large": 1.2}).to_numpy()
    scores = pd.Series(np.clip(np.round(mood + random.normal(0, 1.5, n)), 0, 10))
    return pd.DataFrame({"segment": segment, "region": random.choice(["N", "S"], n), "usage": usage}), scores


def _answering(random: np.random.Generator, odds: "pd.Series[float]") -> "pd.Series[bool]":
    return pd.Series(random.random(len(odds)) < 1 / (1 + np.exp(-odds)))


def _of_all(scores: "pd.Series[float]") -> float:
    return float(SURVEYS["nps"].points(np.asarray(scores, dtype=np.float64)).mean())


def _weights(runs: int) -> list[Finding]:
    """Who answers depends on the segment, which is known: classes and margins mend it, nothing else does."""
    random = np.random.default_rng([SEED, 2])
    raw, cells, margins = [], [], []
    for _ in range(runs):
        table, scores = _company(random)
        odds = table["segment"].map({"small": -2.2, "middle": -0.8, "large": 0.6})
        answers, truth = scores[_answering(random, odds)], _of_all(scores)
        found = weigh_responses(answers, table, cells=["segment"])
        raked = weigh_responses(answers, table, margins=["segment", "region"])
        raw.append(covers(found.raw, truth))
        cells.append(covers(found.weighted, truth))
        margins.append(covers(raked.weighted, truth))
    return [
        _finding("silence by segment: the raw interval covers all customers (it should not)", raw, 0.0, 0.5),
        _finding("silence by segment: weighting classes cover all customers", cells, 0.93, 0.99),
        _finding("silence by segment: raking covers all customers", margins, 0.93, 0.99),
    ]


def _propensity(runs: int) -> Finding:
    """Who answers depends on segment and usage, a number."""
    random = np.random.default_rng([SEED, 3])
    held = []
    for _ in range(runs):
        table, scores = _company(random)
        odds = -1.0 + 0.7 * table["usage"] + 0.5 * (table["segment"] == "large")
        answers = scores[_answering(random, odds)]
        found = weigh_responses(answers, table, covariates=["segment", "region", "usage"])
        held.append(covers(found.weighted, _of_all(scores)))
    return _finding("silence by usage: propensity weights cover all customers", held, 0.93, 1.0)


def _silence_of_detractors(runs: int) -> Finding:
    """Detractors keep silent: no weights mend it, and the bounds of the silent still hold."""
    random = np.random.default_rng([SEED, 4])
    held = []
    for _ in range(runs):
        table, scores = _company(random, 300)
        answers = scores[_answering(random, -0.2 - 1.5 * (scores <= 6))]
        bounds = weigh_responses(answers, table, cells=["segment"]).bounds
        held.append(bounds is not None and bounds.low <= _of_all(scores) <= bounds.high)
    return _finding("silence by the answer itself: the bounds of the silent hold", held, 1.0, 1.0)


def _renewals(runs: int) -> Finding:
    random = np.random.default_rng([SEED, 5])
    held = []
    for _ in range(runs):
        answered = random.random(150) < 0.3
        renewed = random.random(150) < np.where(answered, 0.95, 0.8)
        table = pd.DataFrame({"score": np.where(answered, 9.0, np.nan), "renewed": renewed})
        held.append(covers(renewal_by_answer(table).silence, -0.15))
    return _finding("the interval of renewal, silent less answered, covers it", held, *COVERS)


def _lead_times(runs: int) -> Finding:
    random = np.random.default_rng([SEED, 6])
    notice = pd.Timestamp("2026-06-30")
    truth = 60 * np.log(2)
    held = []
    for run in range(runs):
        days = random.exponential(60, 40)
        signal = notice - pd.to_timedelta(np.ceil(days), unit="D")
        found = lead_time(pd.DataFrame({"noticed_on": notice, "first_signal_on": signal}), seed=run)
        held.append(covers(found.median, float(np.ceil(truth))))
    return _finding("the interval of the median lead time covers it", held, *COVERS)
