"""How often verdicts on metrics are right, and intervals of cards cover, on metrics whose truth is known."""

import numpy as np
from benchmarks.calibration.finding import Finding
from benchmarks.evidence.metric_truth import COPY
from benchmarks.evidence.verdicts import Judged, judged
from scipy.special import ndtri

from heed.evidence.cards import report_card

STUDY = "verdicts"
COMPANIES = 150
CARDS = 400
ENOUGH = 20


def study(scale: float) -> list[Finding]:
    found = list(judged(max(2, round(COMPANIES * scale)), with_rows=False))
    return [*_verdicts(found), _false_finds(found), _cards(max(20, round(CARDS * scale)))]


def _verdicts(found: list[Judged]) -> list[Finding]:
    null = [each for each in found if each.auc == 0.5]
    real = [each for each in found if 0.6 <= each.auc < 1]
    copies = [each for each in found if each.said.name == COPY and each.said.left >= ENOUGH]
    honest = [each for each in found if each.said.name != COPY]
    covered = [each for each in honest if each.said.auc.low is not None]
    return [
        _finding("null metrics called 'predicts'", [_is(each, "predicts") for each in null], 0, 0.05),
        _finding(
            "metrics of AUC .6 to .8 called 'does not'", [_is(each, "does not") for each in real], 0, 0.05
        ),
        _finding("honest metrics alarmed", [_is(each, "leak alarm") for each in honest], 0, 0.01),
        _finding(
            "copies of the outcome alarmed, 20 left", [_is(each, "leak alarm") for each in copies], 0.95, 1
        ),
        _finding("95 % interval of a metric's AUC covers", [_covers(each) for each in covered], 0.94, 0.97),
    ]


def _is(each: Judged, word: str) -> bool:
    return each.said.verdict == word


def _covers(each: Judged) -> bool:
    low, high = each.said.auc.low, each.said.auc.high
    return low is not None and high is not None and low <= each.auc <= high


def _false_finds(found: list[Judged]) -> Finding:
    """Of all finds of a company those that are null; the alarmed do not count."""
    finds = [each for each in found if _is(each, "predicts")]
    return _finding("finds that are null", [each.auc == 0.5 for each in finds], 0, 0.05)


def _cards(runs: int) -> Finding:
    """400 accounts, two rows each that are alike; the true AUC of two normals is known."""
    held = []
    for seed in range(runs):
        random = np.random.default_rng([seed, 9])
        y = (random.random(400) < 0.2).astype(float)
        own = np.repeat(random.normal(size=400) + y * np.sqrt(2) * ndtri(0.75), 2)
        card = report_card(
            np.repeat(y, 2), own, accounts=np.repeat(np.arange(400), 2), landmarks=np.tile([0, 30], 400),
            probability=False, seed=seed,
        )  # fmt: skip
        held.append((card.auc.low or 0) <= 0.75 <= (card.auc.high or 0))
    return _finding("95 % interval of a card's AUC covers, two alike rows an account", held, 0.93, 0.97)


def _finding(claim: str, held: list[bool], low: float, high: float) -> Finding:
    return Finding(STUDY, claim, sum(held), len(held), low, high)
