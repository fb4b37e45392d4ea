"""Every question that heed.evidence answers, asked with bad input: an answer says that it does not know and
why, or a ValueError of our own says what is wrong. Nothing is NaN, and nothing comes from below us."""

import traceback
import warnings
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, fields, is_dataclass
from datetime import date
from decimal import Decimal
from math import isfinite
from typing import Any

import numpy as np
import pandas as pd
import pytest

import heed.evidence as evidence
from heed.evidence import Estimate
from heed.evidence.voices.word_of_mouth import ASSUMPTIONS, PAY_MORE

TODAY = date(2026, 11, 22)
RNG = np.random.default_rng(20261122)
N = 60


@dataclass(frozen=True)
class Question:
    """How a public name is asked, with input that is good."""

    ask: Callable[..., Any]
    given: dict[str, Any]
    # Arguments left as they are: spoiling them would spoil nothing, or only make the test slow.
    kept: tuple[str, ...] = ()


ACCOUNTS = [f"a{number}" for number in range(N)]
OUTCOME = pd.Series(RNG.integers(0, 2, N).astype(float))
AMOUNT = pd.Series(np.round(RNG.normal(100, 20, N), 2))
ARM = pd.Series([0.0, 1.0] * (N // 2))
SCORE = pd.Series(np.round(RNG.random(N), 3))
COVARIATES = pd.DataFrame({"before": np.round(RNG.normal(100, 20, N), 2)})
CLUSTER = pd.Series([f"c{number // 4}" for number in range(N)])
KEYED = pd.Index(ACCOUNTS)

HISTORY = pd.DataFrame(
    [(f"a{k}", date(2025, 1, 1), "new", 0.0, 100.0) for k in range(20)]
    + [(f"a{k}", date(2025, 4 + k % 6, 10), "churn", 100.0, 0.0) for k in range(8)],
    columns=["account", "on", "kind", "before", "after"],
)
PAYING = pd.DataFrame(
    {
        "account": [f"a{k}" for k in range(8, 20)], "amount": 100.0, "renews_on": date(2027, 1, 1),
        "term_months": 12.0, "leaves_at_renewal": 0.1, "currency": "EUR",
    }
)  # fmt: skip
QUARTERS = pd.DataFrame(
    {
        "quarter": [f"2025Q{q}" for q in (1, 2, 3, 4)] + ["2026Q1"], "customers": [100.0, 104, 110, 112, 111],
        "seats": [900.0, 950, 960, 970, 980], "active_seats": [500.0, 520, 530, 540, 400],
        "paid_seats": [900.0, 950, 960, 970, 980], "nrr": [1.0, 1.02, 1.01, 1.0, 0.99],
        "paying": [90.0] * 5, "engaged": [80.0] * 5, "referrals": [3.0] * 5, "references": [1.0] * 5,
        "praise": [2.0] * 5, "intended": [30.0] * 5, "asked": [40.0] * 5, "breadth": [0.4] * 5,
        "active_days": [8.0] * 5,
    }
)  # fmt: skip
CALLS = pd.DataFrame(
    {
        "caller": ["model", "ann", "model", "ann"], "quarter": ["q1", "q1", "q2", "q2"], "about": "GRR",
        "value": [0.9, 0.95, 0.91, 0.8], "low": [0.85, np.nan, 0.85, np.nan],
        "high": [0.93, np.nan, 0.95, np.nan],
        "level": [0.8, np.nan, 0.8, np.nan],
    }
)  # fmt: skip
BOUGHT = pd.DataFrame(
    {
        "customer": [f"c{k}" for k in range(40) for _ in range(3)],
        "date": [date(2026, 1 + (k + j * 3) % 9, 1 + k % 27) for k in range(40) for j in range(3)],
    }
)
SUMMARY = {
    "frequency": np.tile([0.0, 1.0, 2.0], 20),
    "recency": np.tile([0.0, 5.0, 9.0], 20),
    "T": np.full(60, 12.0),
}
HEALTH = evidence.HealthScore.from_weights(
    "Health", {"logins": 1.0, "seats": 1.0}, ranges={"logins": (0, 10), "seats": (0, 10)}
)
METRICS = pd.DataFrame({"logins": [5.0, 7.0, 2.0], "seats": [5.0, 1.0, 9.0]}, index=["a1", "a2", "a3"])


def _series(values: Any, index: Any) -> pd.Series:
    return pd.Series(values, index=pd.Index(index))


def sequence(**given: Any) -> Any:
    counts = given.pop("counts")
    return evidence.ConfidenceSequence(**given).decide([evidence.ShareContrast(*each) for each in counts])


def planned(**given: Any) -> Any:
    counts = given.pop("counts")
    return evidence.GroupSequential(**given).decide([evidence.ShareContrast(*each) for each in counts])


def betting(treated: Any, control: Any, **given: Any) -> Any:
    return evidence.BettingSequence(**given).interval(treated, control)


def purchases(frequency: Any, recency: Any, T: Any, t: float) -> Any:  # noqa: N803
    model = evidence.PurchaseModel("bg/nbd").fit(frequency, recency, T)
    return model.expected_purchases(t), model.reason_


def uplift(X: Any, y: Any, treatment: Any) -> Any:  # noqa: N803
    scorer = evidence.UpliftScorer().fit(X, y, treatment)
    return scorer.gain_, scorer.effect_, scorer.words_


def clock(stays: Any, within: int, tenure: int, level: float = 0.95) -> Any:
    return evidence.Clock.fit([evidence.Stay(*each) for each in stays]).leaving(
        within, tenure=tenure, level=level
    )


MODEL = evidence.PurchaseModel("bg/nbd").fit(**SUMMARY)

QUESTIONS = {
    "wilson": Question(evidence.wilson, {"successes": 3, "n": 10, "level": 0.95}),
    "Clock": Question(
        clock, {"stays": [(30 + k, k % 2 == 0) for k in range(40)], "within": 20, "tenure": 10, "level": 0.95}
    ),
    "proportion_effect": Question(
        evidence.proportion_effect,
        {"treated_successes": 8, "treated_n": 10, "control_successes": 5, "control_n": 10, "level": 0.95},
    ),
    "proportion_ratio": Question(
        evidence.proportion_ratio,
        {"treated_successes": 8, "treated_n": 10, "control_successes": 5, "control_n": 10, "level": 0.95},
    ),
    "ShareContrast": Question(
        lambda level, **k: evidence.ShareContrast(**k).interval(level),
        {"treated_successes": 8, "treated_n": 10, "control_successes": 5, "control_n": 10, "level": 1.96},
        ("level",),
    ),
    "MeanContrast": Question(
        lambda **k: evidence.MeanContrast(**k).interval(1.96),
        {"value": 1.0, "standard_error": 0.5, "n": 10, "size": 10.0},
    ),
    "clustered_proportion_effect": Question(
        evidence.clustered_proportion_effect,
        {"success": OUTCOME, "treated": ARM, "clusters": CLUSTER, "level": 0.95},
    ),
    "stratified_proportion_effect": Question(
        lambda rows, level: evidence.stratified_proportion_effect(
            [evidence.Stratum(*r) for r in rows], level=level
        ),
        {"rows": [(5, 10, 3, 10), (6, 9, 2, 7)], "level": 0.95},
    ),
    "mean_effect": Question(
        evidence.mean_effect,
        {"outcome": AMOUNT, "treated": ARM, "covariates": COVARIATES, "clusters": CLUSTER, "level": 0.95},
    ),
    "mean_contrast": Question(
        evidence.mean_contrast,
        {"outcome": AMOUNT, "treated": ARM, "covariates": COVARIATES, "clusters": CLUSTER},
    ),
    "observational_effect": Question(
        evidence.observational_effect,
        {
            "outcome": AMOUNT[:30],
            "treated": ARM[:30],
            "covariates": COVARIATES[:30],
            "clusters": CLUSTER[:30],
            "level": 0.95,
        },
    ),
    "holdout_effect": Question(
        evidence.holdout_effect,
        {
            "assignments": pd.DataFrame(
                {
                    "account": ACCOUNTS,
                    "play": "p",
                    "arm": ["treated", "holdout"] * (N // 2),
                    "on": date(2026, 1, 1),
                }
            ),
            "outcomes": pd.DataFrame({"account": ACCOUNTS, "value": OUTCOME, "on": date(2026, 3, 1)}),
            "play": "p",
            "covariates": COVARIATES.set_index(KEYED),
            "clusters": _series(CLUSTER.to_numpy(), KEYED),
            "shares": {"treated": 0.5, "holdout": 0.5},
            "level": 0.95,
        },
    ),
    "assign": Question(
        evidence.assign, {"keys": ACCOUNTS, "salt": "s", "shares": {"a": 0.5, "b": 0.5}}, ("keys", "salt")
    ),
    "sample_ratio_check": Question(
        evidence.sample_ratio_check, {"counts": {"a": 40, "b": 60}, "shares": {"a": 0.5, "b": 0.5}}
    ),
    "sequential_ratio_check": Question(
        lambda counts, shares: evidence.sequential_ratio_check([counts], shares),
        {"counts": {"a": 40, "b": 60}, "shares": {"a": 0.5, "b": 0.5}},
    ),
    "if_ratio_holds": Question(
        lambda counts: evidence.if_ratio_holds(
            evidence.wilson(3, 10), evidence.sample_ratio_check(counts, {"a": 0.5, "b": 0.5})
        ),
        {"counts": {"a": 4, "b": 6}},
    ),
    "ConfidenceSequence": Question(
        sequence,
        {
            "planned_treated_n": 100,
            "planned_control_n": 100,
            "level": 0.95,
            "counts": [(8, 20, 5, 20), (18, 40, 9, 40)],
        },
    ),
    "GroupSequential": Question(
        planned,
        {
            "looks": 3,
            "spending": "pocock",
            "alpha": 0.05,
            "planned_treated_n": 100,
            "planned_control_n": 100,
            "counts": [(8, 20, 5, 20), (18, 40, 9, 40)],
        },
    ),
    "BettingSequence": Question(
        betting,
        {
            "planned_pairs": 30,
            "low": 0.0,
            "high": 1.0,
            "level": 0.95,
            "treated": OUTCOME[:20],
            "control": OUTCOME[20:40],
        },
    ),
    "running_intersection": Question(
        lambda counts: evidence.running_intersection([evidence.proportion_effect(*c) for c in counts]),
        {"counts": [(8, 20, 5, 20), (18, 40, 9, 40)]},
    ),
    "Design": Question(
        evidence.Design,
        {
            "alpha": 0.05,
            "power": 0.8,
            "treated_share": 0.5,
            "looks": 1,
            "cluster_size": 1.0,
            "within_cluster": 0.0,
        },
    ),
    "plan_experiment": Question(
        evidence.plan_experiment,
        {
            "baseline": 0.8,
            "smallest_effect": 0.1,
            "accounts_per_week": 10.0,
            "available": 5000,
            "outcome_after_weeks": 4.0,
        },
    ),
    "plan_mean_experiment": Question(
        evidence.plan_mean_experiment,
        {
            "spread": 8.0,
            "smallest_effect": 1.0,
            "covariate_correlation": 0.5,
            "accounts_per_week": 10.0,
            "available": 5000,
            "outcome_after_weeks": 4.0,
        },
    ),
    "smallest_visible_effect": Question(
        evidence.smallest_visible_effect, {"baseline": 0.8, "treated_n": 100, "control_n": 100}
    ),
    "success_rate": Question(
        evidence.success_rate,
        {"implemented": 8, "deliveries": 30, "target": 0.5, "threshold": 0.5, "least": 20, "level": 0.95},
    ),
    "pooled_success_rates": Question(
        evidence.pooled_success_rates, {"counts": {"a": (3, 5), "b": (8, 20)}, "level": 0.95}
    ),
    "e_value": Question(evidence.e_value, {"ratio": 1.5, "low": 1.1, "high": 2.0}),
    "gain_area": Question(
        evidence.gain_area, {"y": OUTCOME, "score": SCORE, "treatment": ARM, "level": 0.95}
    ),
    "gain_curve": Question(
        evidence.gain_curve, {"y": OUTCOME, "score": SCORE, "treatment": ARM, "shares": 10}
    ),
    "qini": Question(evidence.qini, {"y": OUTCOME, "score": SCORE, "treatment": ARM}),
    "UpliftScorer": Question(uplift, {"X": COVARIATES[:30], "y": OUTCOME[:30], "treatment": ARM[:30]}),
    "captive_revenue": Question(
        evidence.captive_revenue,
        {
            "accounts": pd.DataFrame(
                {
                    "account": ["a", "b", "c"],
                    "amount": [10.0, 20, 30],
                    "renewed": [True, True, False],
                    "attitude": [3.0, 9.0, 5.0],
                    "reasons": [{"habit"}, {"value"}, {"habit"}],
                    "currency": "EUR",
                }
            ),
            "cut": 7.0,
            "rates": {"EUR": 1.0},
        },
    ),
    "forecast": Question(
        evidence.forecast,
        {
            "accounts": PAYING,
            "history": HISTORY.assign(currency="EUR"),
            "as_of": date(2026, 9, 30),
            "quarters": 2,
            "runs": 100,
            "rates": {"EUR": 1.0},
        },
        ("as_of",),
    ),
    "growth_gears": Question(evidence.growth_gears, {"quarters": QUARTERS}),
    "lifetime_value": Question(
        evidence.lifetime_value,
        {
            "accounts": PAYING.assign(months_to_renewal=3.0, leaves_low=0.05, leaves_high=0.2),
            "margin": 0.8,
            "discount": 0.1,
            "months": 12,
            "rates": {"EUR": 1.0},
        },
    ),
    "purchase_summary": Question(evidence.purchase_summary, {"transactions": BOUGHT, "unit": "W"}),
    "purchase_value": Question(
        lambda **k: evidence.purchase_value(MODEL, **k),
        {"spend": 20.0, "margin": 0.5, "discount": 0.1, "periods": 4, "per_year": 52},
    ),
    "PurchaseModel": Question(purchases, {**SUMMARY, "t": 4.0}),
    "quarter_ends": Question(evidence.quarter_ends, {"as_of": TODAY, "quarters": 4}, ("as_of",)),
    "score_calls": Question(
        evidence.score_calls,
        {"calls": CALLS, "actual": pd.DataFrame({"quarter": ["q1"], "about": ["GRR"], "value": [0.9]})},
    ),
    "disagreements": Question(evidence.disagreements, {"calls": CALLS}),
    "nps": Question(evidence.nps, {"scores": [9.0, 10, 3, 7], "level": 0.95}),
    "nps_of_counts": Question(
        evidence.nps_of_counts, {"promoters": 3, "passives": 2, "detractors": 4, "level": 0.95}
    ),
    "csat": Question(evidence.csat, {"scores": [5.0, 4, 2], "satisfied_from": 4.0, "level": 0.95}),
    "csat_of_counts": Question(evidence.csat_of_counts, {"satisfied": 3, "n": 9, "level": 0.95}),
    "ces": Question(evidence.ces, {"scores": [5.0, 4, 7], "level": 0.95}),
    "ces_positive": Question(
        evidence.ces_positive, {"scores": [5.0, 4, 7], "positive_from": 5.0, "level": 0.95}
    ),
    "ees": Question(evidence.ees, {"scores": [5.0, 4, 7], "level": 0.95}),
    "ees_positive": Question(
        evidence.ees_positive, {"scores": [5.0, 4, 7], "positive_from": 5.0, "level": 0.95}
    ),
    "employee_effort": Question(
        lambda scores, level, least: evidence.employee_effort({"team": scores}, level=level, least=least),
        {"scores": [5.0, 4, 7, 6, 3, 2], "level": 0.95, "least": 5},
    ),
    "employee_effort_of_all": Question(
        lambda scores, level, least: evidence.employee_effort_of_all(
            {"team": scores}, level=level, least=least
        ),
        {"scores": [5.0, 4, 7, 6, 3, 2], "level": 0.95, "least": 5},
    ),
    "hidden_groups": Question(evidence.hidden_groups, {"sizes": {"a": 3, "b": 9}, "least": 5}),
    "wave_change": Question(
        evidence.wave_change,
        {"before": [9.0, 10, 3, 7], "after": [9.0, 10, 9, 7], "survey": "nps", "level": 0.95},
    ),
    "change_within": Question(
        evidence.change_within,
        {
            "before": _series([5.0, 6, 3, 7, 6, 1], range(6)),
            "after": _series([6.0, 6, 3, 5, 6, 2], range(6)),
            "survey": "ces",
            "level": 0.95,
        },
    ),
    "compare_waves": Question(
        evidence.compare_waves,
        {
            "before": _series([9.0, 10, 3, 7, 6, 1], range(6)),
            "after": _series([9.0, 10, 3, 9, 6, 1], range(6)),
            "survey": "nps",
            "level": 0.95,
        },
    ),
    "silent_bounds": Question(
        evidence.silent_bounds, {"scores": _series([5.0, 6, 3], range(3)), "silent": 4, "survey": "ces"}
    ),
    "renewal_by_answer": Question(
        evidence.renewal_by_answer,
        {
            "renewals": pd.DataFrame(
                {
                    "renewed": [True, False, True, True],
                    "score": [9.0, 3, np.nan, 10],
                    "asked": [True, True, True, True],
                }
            ),
            "level": 0.95,
        },
    ),
    "listening_coverage": Question(
        evidence.listening_coverage,
        {
            "accounts": pd.DataFrame({"heard": [True, False], "revenue": [10.0, 20.0]}, index=["a", "b"]),
            "level": 0.95,
        },
    ),
    "blind_spots": Question(
        evidence.blind_spots,
        {
            "accounts": pd.DataFrame(
                {"left": [True, False, True], "status": ["green", "red", "green"], "usage": [1.0, 2.0, 3.0]},
                index=["a", "b", "c"],
            ),
            "level": 0.95,
        },
    ),
    "lead_time": Question(
        evidence.lead_time,
        {
            "departures": pd.DataFrame(
                {
                    "noticed_on": [date(2026, 5, k + 1) for k in range(8)],
                    "first_signal_on": [date(2026, 2, 1)] * 8,
                }
            ),
            "level": 0.95,
            "late_under": 60,
        },
    ),
    "save_rates": Question(
        evidence.save_rates,
        {
            "risks": pd.DataFrame(
                {"lead_days": [10.0, 40, np.nan, 100], "saved": [True, False, False, True]}
            ),
            "level": 0.95,
        },
    ),
    "weigh_responses": Question(
        evidence.weigh_responses,
        {
            "responses": _series([9.0, 10, 3, 7, 8, 2], ACCOUNTS[:6]),
            "population": pd.DataFrame({"size": ["big", "small"] * 10}, index=ACCOUNTS[:20]),
            "cells": ["size"],
            "survey": "nps",
            "level": 0.95,
        },
        ("cells",),
    ),
    "word_of_mouth": Question(evidence.word_of_mouth, {"happy": 10, "unhappy": 3}),
    "Assumption": Question(
        lambda **k: evidence.word_of_mouth(
            5, 5, (*ASSUMPTIONS[1:], evidence.Assumption(PAY_MORE, **k, source="s"))
        ),
        {"value": 0.5, "low": 0.4, "high": 0.6},
    ),
    "report_card": Question(
        evidence.report_card,
        {
            "y": OUTCOME,
            "score": SCORE,
            "accounts": ACCOUNTS,
            "lead_days": AMOUNT,
            "capacity": 10.0,
            "baselines": {"b": SCORE},
            "clock": SCORE,
            "trained_on": SCORE,
            "level": 0.95,
        },
        ("accounts",),
    ),
    "metric_verdict": Question(
        evidence.metric_verdict,
        {
            "values": AMOUNT,
            "y": OUTCOME,
            "accounts": ACCOUNTS,
            "horizon": 90.0,
            "clock": SCORE,
            "equivalence": 0.1,
            "level": 0.95,
        },
        ("accounts",),
    ),
    "verdicts": Question(
        evidence.verdicts,
        {
            "metrics": pd.DataFrame({"a": AMOUNT, "b": SCORE}),
            "y": OUTCOME,
            "accounts": ACCOUNTS,
            "horizon": 90.0,
            "level": 0.95,
        },
        ("accounts",),
    ),
    "stability_index": Question(
        evidence.stability_index, {"before": np.tile(SCORE, 3), "now": np.tile(SCORE, 3)}
    ),
    "replay_trigger": Question(
        evidence.replay_trigger,
        {
            "fired": pd.DataFrame({"account": ["a", "b"], "on": [date(2026, 3, 1), date(2026, 4, 1)]}),
            "outcomes": pd.DataFrame({"account": ["a"], "on": [date(2026, 4, 20)]}),
            "alive": pd.DataFrame({"account": ["a", "b"], "since": date(2024, 1, 1), "until": None}),
            "ended": pd.DataFrame({"account": ["b"], "on": [date(2026, 5, 20)]}),
            "until": TODAY,
            "horizon": 90,
            "csms": 2.0,
            "months": 12,
            "quiet": 14,
            "level": 0.95,
        },
        ("until",),
    ),
    "TriggerRule": Question(
        lambda values: evidence.PUBLISHED_RULES[0].fires(values),
        {
            "values": pd.DataFrame(
                {"account": ["a", "a"], "on": [date(2026, 3, 1), date(2026, 3, 2)], "value": [60.0, 40.0]}
            )
        },
    ),
    "score_accounts": Question(
        lambda **k: evidence.score_accounts(HEALTH, as_of=TODAY, **k),
        {"values": METRICS, "segments": _series(["x", "y", None], METRICS.index)},
    ),
    "explain_score": Question(
        lambda **k: evidence.explain_score(HEALTH, as_of=TODAY, **k), {"row": {"logins": 3.0, "seats": 5.0}}
    ),
    "why_moved": Question(
        lambda row: evidence.why_moved(
            evidence.explain_score(HEALTH, {"logins": 3.0, "seats": 4.0}, as_of=TODAY),
            evidence.explain_score(HEALTH, row, as_of=TODAY),
        ),
        {"row": {"logins": 3.0, "seats": 5.0}},
    ),
    "roll_up": Question(
        evidence.roll_up,
        {
            "scores": _series([50.0, 60.0], ["a", "b"]),
            "amounts": _series([10.0, 20.0], ["a", "b"]),
            "parents": _series(["p", "p"], ["a", "b"]),
            "floor": 0.5,
        },
    ),
    "what_weights_cost": Question(
        evidence.what_weights_cost,
        {"health": AMOUNT, "probability": SCORE, "y": OUTCOME, "accounts": ACCOUNTS, "capacity": 10.0},
        ("accounts",),
    ),
    "HealthScore": Question(
        lambda weights: evidence.HealthScore.from_weights("h", weights),
        {"weights": {"logins": 1.0, "seats": 2.0}},
    ),
    "Override": Question(lambda score: evidence.Override("a", score, "why", TODAY, TODAY), {"score": 40.0}),
    "retention": Question(
        lambda amount: evidence.retention(
            evidence.movements([evidence.Period("a", date(2025, 1, 1), None, amount, "EUR")]),
            date(2025, 2, 1),
            date(2026, 1, 1),
        ),
        {"amount": Decimal(10)},
    ),
    "converted": Question(
        lambda amount, rates: evidence.converted(
            [evidence.Period("a", date(2025, 1, 1), None, amount, "EUR")], rates, "USD"
        ),
        {"amount": Decimal(10), "rates": {"EUR": Decimal("1.1")}},
    ),
    "retention_of_sums": Question(
        lambda **k: evidence.retention_of_sums(n=3, **k),
        {"start": Decimal(100), "expansion": Decimal(5), "contraction": Decimal(5), "churn": Decimal(5)},
    ),
    "simulate_panel": Question(
        lambda **k: len(evidence.simulate_panel(**k).features), {"accounts": 40, "landmarks": 4}
    ),
}


# The z to be passed where no look was taken yet: none can be.
NO_BOUNDARY = {".critical"}


def spoiled(value: Any) -> Iterator[tuple[str, Any]]:
    """The value made bad in every way that comes to mind, each with its name."""
    for kind, spoil in SPOILT.items():
        if isinstance(value, kind) and not isinstance(value, bool):
            yield from spoil(value)
            return


def spoiled_number(_: float) -> Iterator[tuple[str, Any]]:
    yield from (("NaN", np.nan), ("infinite", np.inf), ("-infinite", -np.inf))
    yield from (("negative", -1), ("0", 0), ("huge", 95))


def spoiled_amount(value: Decimal) -> Iterator[tuple[str, Any]]:
    yield from (("NaN", Decimal("NaN")), ("infinite", Decimal("Infinity")))
    yield from (("negative", -value), ("0", Decimal(0)))


def spoiled_word(_: str) -> Iterator[tuple[str, Any]]:
    yield "unknown word", "nonsense"


def spoiled_mapping(value: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for key in value:
        for name, bad in spoiled(value[key]):
            yield f"{key}: {name}", {**value, key: bad}
    yield "empty", {}


def spoiled_tuple(value: tuple[Any, ...]) -> Iterator[tuple[str, Any]]:
    for place in range(len(value)):
        for name, bad in spoiled(value[place]):
            yield f"[{place}] {name}", (*value[:place], bad, *value[place + 1 :])


def spoiled_column(value: Any) -> Iterator[tuple[str, Any]]:
    held = list(value)

    def like(values: list[Any]) -> Any:
        if isinstance(value, pd.Series):
            index = value.index[: len(values)]
            return pd.Series(values, index=index, dtype=None if values else float)
        return np.asarray(values) if isinstance(value, np.ndarray) else values

    if held and isinstance(held[0], tuple):
        for name, bad in spoiled(held[0]):
            yield f"first {name}", [bad, *held[1:]]
        yield "empty", []
        return
    if held and isinstance(held[0], str):
        yield "one None", like([None, *held[1:]])
    else:
        yield "one NaN", like([np.nan, *held[1:]])
        yield "one infinite", like([np.inf, *held[1:]])
        yield "one None", like([None, *held[1:]])
        yield "one word", like(["nonsense", *held[1:]])
        yield "negative", like([-5.0, *held[1:]])
        yield "all NaN", like([np.nan] * len(held))
        yield "all 0.1", like([0.1] * len(held))
    yield "never varies", like([held[0]] * len(held))
    yield "empty", like([])
    if isinstance(value, pd.Series):
        yield "index twice", pd.Series(held, index=[value.index[0]] * len(held))


def spoiled_table(value: pd.DataFrame) -> Iterator[tuple[str, Any]]:
    for name in value.columns:
        for what, bad in spoiled_column(value[name]):
            if what == "empty" or what == "index twice":
                continue
            yield f"{name}: {what}", value.assign(**{name: bad.to_numpy()})
        yield f"{name}: absent", value.drop(columns=name)
    yield "no rows", value.iloc[:0]
    yield "rows twice", pd.concat([value, value])
    yield "rows twice, renumbered", pd.concat([value, value], ignore_index=True)


SPOILT: dict[Any, Callable[[Any], Iterator[tuple[str, Any]]]] = {
    pd.DataFrame: spoiled_table, (pd.Series, np.ndarray, list): spoiled_column, Mapping: spoiled_mapping,
    tuple: spoiled_tuple, Decimal: spoiled_amount, (int, float): spoiled_number, str: spoiled_word,
}  # fmt: skip


def parts(answer: Any) -> Iterator[tuple[str, Any]]:
    """What an answer is made of."""
    if is_dataclass(answer) and not isinstance(answer, type):
        yield from ((f".{each.name}", getattr(answer, each.name)) for each in fields(answer))
    elif isinstance(answer, Mapping):
        yield from ((f"[{key}]", each) for key, each in answer.items())
    elif isinstance(answer, list | tuple):
        yield from ((f"[{place}]", each) for place, each in enumerate(answer))
    elif isinstance(answer, np.ndarray) and answer.dtype.kind == "f":
        yield from ((f"[{place}]", each) for place, each in enumerate(answer.ravel().tolist()))


def wrong(answer: Any, where: str = "") -> Iterator[str]:
    """What an answer must not hold: a figure that is no number, or lies outside its interval."""
    if isinstance(answer, float) and not isfinite(answer) and where not in NO_BOUNDARY:
        yield f"{where} {answer}"
    if isinstance(answer, Estimate) and None not in (answer.value, answer.low, answer.high):
        low, value, high = (each or 0.0 for each in (answer.low, answer.value, answer.high))
        if not low - 1e-9 <= value <= high + 1e-9:
            yield f"{where} outside its interval: {answer}"
    for name, part in parts(answer):
        yield from wrong(part, where + name)


def asked(question: Question, given: dict[str, Any]) -> list[str]:
    """What is wrong with the answer, or with how it was refused."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return list(wrong(question.ask(**given)))
        except ValueError as refusal:
            last = list(traceback.walk_tb(refusal.__traceback__))[-1][0]
            module = last.f_globals.get("__name__", "")
            own = module.startswith("heed.") and module != "heed.evidence.estimate"
            return [] if own else [f"{type(refusal).__name__} of {module}: {refusal}"]
        except Exception as failure:
            return [f"{type(failure).__name__}: {failure}"]


RESULTS = {
    name for name in evidence.__all__ if is_dataclass(getattr(evidence, name)) and name not in QUESTIONS
}
# Definitions of metrics, the company that is simulated and the models of risk have bad input in tests of
# their own (test_metric_language, test_simulation, risk); the others cut tables into parts or hold words.
ELSEWHERE = {
    "Form", "HazardModel", "MetricError", "MovementKind", "PUBLISHED_RULES", "RenewalClassifier",
    "SCORE_TEMPLATES", "ScoreError", "account_bootstrap", "account_ranges", "cohorts", "forward_folds",
    "landmark_panel", "longest_window", "measure", "measure_wide", "movements", "mrr", "outcome",
    "parse_metric", "parse_metrics", "read_metrics", "retention_of", "simulate", "within",
}  # fmt: skip


def test_every_public_name_is_asked_here_or_elsewhere() -> None:
    assert set(evidence.__all__) == set(QUESTIONS) | RESULTS | ELSEWHERE


@pytest.mark.parametrize("name", QUESTIONS)
def test_bad_input_is_unknown_or_refused_in_our_own_words(name: str) -> None:
    question = QUESTIONS[name]
    assert asked(question, question.given) == [], "good input"
    found = [
        f"{argument}, {what}: {complaint}"
        for argument, value in question.given.items()
        if argument not in question.kept
        for what, bad in spoiled(value)
        for complaint in asked(question, {**question.given, argument: bad})
    ]
    assert found == []


CAPTIVE = pd.DataFrame(
    {
        "account": ["a", "b"], "amount": [10.0, 10.0], "currency": ["EUR", "USD"], "renewed": True,
        "attitude": 3.0, "reasons": [{"habit"}, {"habit"}],
    }
)  # fmt: skip
ONES = [1.0] * 8
ALIKE = [0.1] * 40
HALVES = [0.0, 1.0] * 20
OTHERS = pd.DataFrame({"before": RNG.normal(size=40)})


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        # A sum of forty times .1 differs in its last digit by arm: it once was an effect beyond chance.
        (lambda: evidence.mean_effect(ALIKE, HALVES), "spread cannot be measured"),
        (lambda: evidence.mean_effect(ALIKE, HALVES, OTHERS), "spread cannot be measured"),
        (lambda: evidence.mean_effect(ALIKE, HALVES, clusters=CLUSTER[:40]), "spread cannot be measured"),
        (lambda: evidence.mean_effect(ONES, ONES), "everyone is in the treated arm"),
        (lambda: evidence.proportion_effect(3, 9, 0, 0), "everyone is in the treated arm"),
        (lambda: evidence.gain_area([0.0] * 40, SCORE[:40], HALVES), "the outcomes do not vary"),
        (lambda: evidence.observational_effect(ALIKE, HALVES, OTHERS).estimate, "the outcome never varies"),
        (
            lambda: evidence.report_card([0.0] * 40, SCORE[:40], accounts=ACCOUNTS[:40]).auc,
            "no account has left",
        ),
        (
            lambda: evidence.report_card([1.0] * 5 + [0.0] * 35, SCORE[:40], accounts=ACCOUNTS[:40]).auc,
            "only 5 left",
        ),
        (
            lambda: evidence.metric_verdict(ALIKE, HALVES, accounts=ACCOUNTS[:40], horizon=90).auc,
            "it never varies: it is 0.1",
        ),
        (
            lambda: evidence.forecast(PAYING, history=HISTORY, as_of=date(2025, 2, 28)).whole.grr.eighty,
            "the history of revenue is 2 months long",
        ),
        (
            lambda: evidence.captive_revenue(CAPTIVE, rates={"EUR": 1.0, "USD": 0.0}).captive.amount,
            "no rate is stated for USD",
        ),
        (lambda: evidence.captive_revenue(CAPTIVE).captive.amount, "no rate is stated for EUR, USD"),
    ],
)
def test_thin_data_is_unknown_with_its_reason(answer: Callable[[], Estimate], reason: str) -> None:
    found = answer()
    assert (found.value, found.low, found.high) == (None, None, None)
    assert reason in found.reason


@pytest.mark.parametrize(
    ("ask", "words"),
    [
        # What is not known was once counted as true, for NaN is not 0; and a word as true, even "False".
        (lambda: evidence.blind_spots(well(left=[np.nan, True])), "left is missing in 1 rows"),
        (lambda: evidence.blind_spots(well(left=["False", True])), "must hold true or false; one is 'False'"),
        (lambda: evidence.save_rates(risks(saved=[np.nan, True])), "saved is missing in 1 rows"),
        (lambda: evidence.save_rates(risks(saved=[True, False]), edges=(30, 60)), "must rise from 0"),
        (lambda: evidence.csat([5, np.nan, 4]), "one is nan"),
        (lambda: evidence.captive_revenue(pd.concat([CAPTIVE, CAPTIVE])), "'a' is there twice"),
        (
            lambda: evidence.lead_time(pd.DataFrame({"noticed_on": [None], "first_signal_on": [TODAY]})),
            "noticed_on is missing in 1 rows",
        ),
    ],
)
def test_what_would_be_counted_wrongly_is_refused(ask: Callable[[], Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        ask()


def well(**columns: Any) -> pd.DataFrame:
    return pd.DataFrame({"status": "green", "usage": [1.0, 2.0], **columns}, index=["a", "b"])


def risks(**columns: Any) -> pd.DataFrame:
    return pd.DataFrame({"lead_days": [10.0, 40.0], **columns})
