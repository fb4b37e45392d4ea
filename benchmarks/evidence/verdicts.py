"""Verdicts on metrics whose truth is known, and on the two leaks planted in public data.

No peer gives verdicts. What stands for them is the Mann-Whitney test of scipy on the same rows at 5 %, which
takes rows for independent and metrics for the only ones, as reports of correlations do.
"""

import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import pandas as pd
from benchmarks.evidence.data import DATA
from benchmarks.evidence.metric_truth import COPY, HORIZON, Company, company
from benchmarks.evidence.table import Row
from scipy.stats import mannwhitneyu

from heed.evidence.cards import Verdict, report_card, verdicts

SIZES = (100, 200, 400, 800)
LANDMARKS = (1, 6)
COMPANIES = 60
USEFUL = 0.6
ALARM = "leak alarm"


class Judged(NamedTuple):
    """A metric of a company with what is true of it, what was said, and scipy's p-value."""

    accounts: int
    landmarks: int
    auc: float
    said: Verdict
    p_of_rows: float


def judged(companies: int, *, with_rows: bool = True) -> Iterator[Judged]:
    """Every metric of so many companies of each size and form."""
    for landmarks in LANDMARKS:
        for accounts in SIZES:
            for seed in range(companies):
                made = company(accounts, seed, landmarks=landmarks)
                for said in verdicts_on(made, seed):
                    p = _p_of_rows(made, said.name) if with_rows else np.nan
                    yield Judged(accounts, landmarks, made.truth[said.name], said, p)


def verdicts_on(made: Company, seed: int) -> list[Verdict]:
    dated = made.landmarks if made.landmarks.any() else None
    return verdicts(made.metrics, made.y, accounts=made.accounts, landmarks=dated, horizon=HORIZON, seed=seed)


def _p_of_rows(made: Company, name: str) -> float:
    values = made.metrics[name].to_numpy()
    left, stayed = (values[(made.y == each) & ~np.isnan(values)] for each in (1, 0))
    return float(mannwhitneyu(left, stayed).pvalue) if min(left.size, stayed.size) else 1.0


def rows() -> list[Row]:
    found = list(judged(COMPANIES))
    return [_false_predicts(found), *_little_power(found), *_leaks(found), _telco(), _ravenstack(), _speed()]


def _share(held: list[bool]) -> float:
    return float(np.mean(held)) if held else 0.0


def _false_predicts(found: list[Judged]) -> Row:
    null = [each for each in found if each.auc == 0.5]
    worst = max(_powers(null).values())
    share = _share([each.said.verdict == "predicts" for each in null])
    single = _share([each.p_of_rows < 0.05 for each in null if each.landmarks == 1])
    panel = _share([each.p_of_rows < 0.05 for each in null if each.landmarks > 1])
    return Row(
        "metric verdicts, 100 to 800 accounts", "null metrics called 'predicts'", f"{share:.1%}", "≤ 5 %",
        share <= 0.05, f"scipy Mann-Whitney on rows: {single:.1%} (one date), {panel:.1%} (six dates)",
        f"{len(null):,} null metrics; the worst of eight sizes and forms {worst:.1%}",
    )  # fmt: skip


def _little_power(found: list[Judged]) -> list[Row]:
    power = _powers(found)
    weak = [each for each in found if 0.5 < each.auc < 1 and power[each[:3]] < 0.5]
    useful = [each.said.verdict for each in weak if each.auc >= USEFUL]
    not_found = [word for word in useful if word != "predicts"]
    share = _share([word == "cannot tell" for word in not_found])
    little = Counter(each.said.verdict for each in weak if each.auc < USEFUL)
    wrong = _share([each.said.verdict == "does not" for each in found if USEFUL <= each.auc < 1])
    counted = ", ".join(f"{n} '{word}'" for word, n in sorted(little.items()))
    return [
        Row(
            "metric verdicts, power below 50 %", "real, of use, not found: called 'cannot tell'",
            f"{share:.1%}", "'cannot tell'", share >= 0.95,
            note=f"{len(useful)} metrics of AUC .6 or more. "
            f"Those of .55, within the bound of equivalence: {counted}",
        ),
        Row(
            "metric verdicts, 100 to 800 accounts", "real metrics of AUC .6 or more called 'does not'",
            f"{wrong:.1%}", "≤ 5 %", wrong <= 0.05,
        ),
    ]  # fmt: skip


def _powers(found: list[Judged]) -> dict[tuple[object, ...], float]:
    """By size, form and strength: the share of metrics that was found."""
    said: dict[tuple[object, ...], list[bool]] = defaultdict(list)
    for each in found:
        said[each[:3]].append(each.said.verdict == "predicts")
    return {cell: _share(held) for cell, held in said.items()}


def _leaks(found: list[Judged]) -> list[Row]:
    copies = [each.said.verdict for each in found if each.said.name == COPY]
    honest = _share([each.said.verdict == ALARM for each in found if each.said.name != COPY])
    alarmed = _share([each == ALARM for each in copies])
    counted = ", ".join(f"{n} '{word}'" for word, n in sorted(Counter(copies).items()))
    note = f"{counted}; where few left it cannot tell, and says that it looks too good"
    return [
        Row("planted copies of the outcome", "alarmed", f"{alarmed:.1%}", "", None, note=note),
        Row("honest metrics (AUC .5 to .8)", "alarmed", f"{honest:.2%}", "", None),
    ]


def _telco() -> Row:
    folder = DATA / "telco-churn-ibm-11-1-3"
    status = pd.read_csv(folder / "status.csv.gz")
    services = pd.read_csv(folder / "services.csv.gz")
    table = services.select_dtypes("number").drop(columns=["Count"])
    table.insert(0, "Satisfaction Score", status["Satisfaction Score"])
    said = verdicts(table, status["Churn Value"], accounts=status["Customer ID"], horizon=HORIZON)
    others = [each.name for each in said[1:] if each.verdict == ALARM]
    return Row(
        "Telco 11.1.3, satisfaction", "verdict", said[0].verdict, ALARM,
        said[0].verdict == ALARM,
        note=f"{said[0].reason} Other metrics alarmed: {', '.join(others) or 'none'} of {len(said) - 1}.",
    )  # fmt: skip


def _ravenstack() -> Row:
    said = ravenstack()
    words = {each.name: each.verdict for each in said}
    return Row(
        "RavenStack, usage", "verdict", ", ".join(sorted(set(words.values()))), ALARM,
        set(words.values()) == {ALARM}, note=f"{', '.join(words)}: {said[0].reason}",
    )  # fmt: skip


def ravenstack() -> list[Verdict]:
    """Usage of each account, against the day of its first churn."""
    folder = DATA / "saas-ravenstack"
    usage = pd.read_csv(folder / "feature_usage.csv.gz", parse_dates=["usage_date"])
    subscriptions = pd.read_csv(folder / "subscriptions.csv.gz", usecols=["subscription_id", "account_id"])
    churned = pd.read_csv(folder / "churn_events.csv.gz", parse_dates=["churn_date"])
    left_on = churned.groupby("account_id")["churn_date"].min()
    own = usage.merge(subscriptions, on="subscription_id").groupby("account_id")
    table = own[["usage_count", "usage_duration_secs", "error_count"]].sum()
    outcome = left_on.reindex(table.index)
    return verdicts(
        table, outcome.notna().astype(float), accounts=table.index, horizon=HORIZON,
        recorded_at=own["usage_date"].max(), outcome_at=outcome,
    )  # fmt: skip


def _speed() -> Row:
    random = np.random.default_rng(0)
    risk = random.beta(1, 6, 10_000)
    y = (random.random(10_000) < risk).astype(float)
    accounts, landmarks = np.arange(10_000) % 2_500, np.arange(10_000) // 2_500
    started = time.process_time()
    report_card(y, risk, accounts=accounts, landmarks=landmarks, capacity=0.1)
    took = time.process_time() - started
    return Row(
        "report card, 10,000 rows, 500 draws", "seconds of one processor", f"{took:.1f}", "< 2", took < 2
    )
