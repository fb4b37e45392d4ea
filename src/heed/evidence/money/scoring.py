"""Calls on a quarter, scored when it closes: a person's, the model's, and "same as last quarter".

Absolute error for every call; for calls with an interval also whether it held and the interval score of
Gneiting and Raftery (2007): width + 2/(1 - level) × how far the outcome lies outside. Lower is better.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd

from heed.evidence.estimate import Estimate
from heed.evidence.intervals import wilson
from heed.evidence.money.frames import Real
from heed.evidence.tables import days, numbers, require

MODEL = "model"
WHAT = ["quarter", "about"]
NOT_CLOSED = "no quarter that was called has closed yet"


@dataclass(frozen=True, slots=True, kw_only=True)
class CallerScore:
    """How a caller did over `n` calls that have closed. `bias` above 0: the calls were too high.

    `relative_error` is the absolute error by the actual figure, None-valued where an actual is 0.
    """

    caller: str
    absolute_error: Estimate
    bias: Estimate
    relative_error: Estimate
    interval_score: Estimate
    covered: Estimate


@dataclass(frozen=True, slots=True, kw_only=True)
class CallScores:
    """Scores by caller, best first. `lines` has a row per call with what came; `disagreements` a row where a
    person's call lies outside the model's interval for the same quarter and figure, largest gap first."""

    callers: tuple[CallerScore, ...]
    lines: pd.DataFrame
    disagreements: pd.DataFrame
    reason: str = ""


def score_calls(calls: pd.DataFrame, actual: pd.DataFrame, *, model: str = MODEL) -> CallScores:
    """Each call beside what came.

    calls: `caller`, `quarter`, `about` (the figure or the account that is called), `value`; optional `low`,
        `high`, `level` (0 to 1) where an interval was given; optional `on`, the day of the call: then the
        last call of each caller counts.
    actual: `quarter`, `about`, `value` of quarters that have closed.
    """
    require(calls, "calls", "caller", *WHAT, "value")
    require(actual, "actual", *WHAT, "value")
    latest = _latest(calls)
    lines = _scored(latest, actual)
    closed = lines.dropna(subset=["error"])
    callers = [_of_caller(str(caller), own) for caller, own in closed.groupby("caller")]
    callers.sort(key=lambda score: (score.absolute_error.value or 0.0, score.caller))
    return CallScores(
        callers=tuple(callers),
        lines=lines,
        disagreements=disagreements(latest, model=model),
        reason="" if callers else NOT_CLOSED,
    )


def _latest(calls: pd.DataFrame) -> pd.DataFrame:
    """One call per caller and figure, with the columns of an interval; calls without a value are left out."""
    calls = calls.assign(value=numbers(calls["value"]))
    for column in ("low", "high", "level"):
        calls[column] = numbers(calls[column]) if column in calls else np.nan
        calls[column] = calls[column].where(np.isfinite(calls[column]))
    if not calls["level"].dropna().between(0, 1, inclusive="neither").all():
        raise ValueError("The level of a call's interval lies between 0 and 1, such as .8.")
    calls = calls[np.isfinite(calls["value"])]
    key = ["caller", *WHAT]
    if "on" in calls:
        calls = calls.assign(on=days(calls["on"])).sort_values([*key, "on"], kind="stable")
        return calls.drop_duplicates(key, keep="last").reset_index(drop=True)
    if (twice := calls.duplicated(key)).any():
        first = calls.loc[twice, key].iloc[0].to_list()
        raise ValueError(
            f"calls holds several calls of {first}: add the column `on`, and the last one counts."
        )
    return calls.sort_values(key, kind="stable", ignore_index=True)


def _scored(calls: pd.DataFrame, actual: pd.DataFrame) -> pd.DataFrame:
    came = actual[[*WHAT, "value"]].rename(columns={"value": "actual"})
    came["actual"] = np.where(np.isfinite(numbers(came["actual"])), came["actual"], np.nan)
    lines = _beside(calls, came, "actual", how="left")
    lines["actual"] = numbers(lines["actual"])
    lines["error"] = lines["value"] - lines["actual"]
    lines["covered"] = lines["actual"].between(lines["low"], lines["high"]).astype("boolean")
    without = lines[["actual", "low", "high", "level"]].isna().any(axis=1)
    lines["covered"] = lines["covered"].mask(without)
    lines["interval_score"] = interval_score(
        numbers(lines["actual"]), numbers(lines["low"]), numbers(lines["high"]), numbers(lines["level"])
    )
    return lines


def _beside(calls: pd.DataFrame, one: pd.DataFrame, name: str, how: Literal["left", "inner"]) -> pd.DataFrame:
    """Each call with the one row of the table `name` for the same quarter and figure."""
    if (twice := one.duplicated(WHAT)).any():
        raise ValueError(f"{name} holds several rows of {one.loc[twice, WHAT].iloc[0].to_list()}: keep one.")
    keys = dict.fromkeys(WHAT, str)
    return calls.astype(keys).merge(one.astype(keys), on=WHAT, how=how)


def interval_score(actual: Real, low: Real, high: Real, level: Real | float) -> Real:
    """Width plus 2/(1 - level) times the distance of the outcome from it; NaN without an interval."""
    missed = np.maximum(low - actual, 0.0) + np.maximum(actual - high, 0.0)
    return np.asarray(high - low + 2 / (1 - np.asarray(level)) * missed)


def _of_caller(caller: str, own: pd.DataFrame) -> CallerScore:
    error = numbers(own["error"])
    actual = numbers(own["actual"])
    scores = numbers(own["interval_score"].dropna())
    covered = own["covered"].dropna()
    relative = (
        _mean(np.abs(error / actual), "mean absolute error / actual")
        if (actual != 0).all()
        else Estimate.unknown("an actual figure is 0", n=len(own))
    )
    nothing = Estimate.unknown("no interval was given with the calls")
    return CallerScore(
        caller=caller,
        absolute_error=_mean(np.abs(error), "mean absolute error"),
        bias=_mean(error, "mean of call - actual"),
        relative_error=relative,
        interval_score=_mean(scores, "mean interval score") if scores.size else nothing,
        covered=wilson(int(covered.sum()), len(covered)) if len(covered) else nothing,
    )


def _mean(values: Real, method: str) -> Estimate:
    return Estimate(float(values.mean()), n=len(values), method=method)


def disagreements(calls: pd.DataFrame, *, model: str = MODEL) -> pd.DataFrame:
    """Where a call lies outside the model's interval for the same quarter and figure; largest gap first.

    Columns: caller, quarter, about, value, model, low, high, gap (how far outside, below 0: too low).
    """
    require(calls, "calls", "caller", *WHAT, "value", "low", "high")
    calls = calls.assign(**{each: numbers(calls[each]) for each in ("value", "low", "high")})
    machine = calls.loc[calls["caller"] == model, [*WHAT, "value", "low", "high"]]
    machine = machine.rename(columns={"value": "model"}).dropna(subset=["low", "high"])
    people = calls.loc[calls["caller"] != model, ["caller", *WHAT, "value"]]
    both = _beside(people, machine, f"calls of the {model}", how="inner")
    above, below = (both["value"] - both["high"]).clip(lower=0), (both["low"] - both["value"]).clip(lower=0)
    both["gap"] = above - below
    apart = both[both["gap"] != 0]
    order = apart["gap"].abs().sort_values(ascending=False, kind="stable").index
    return apart.loc[order].reset_index(drop=True)
