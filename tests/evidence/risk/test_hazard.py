# ruff: noqa: N806 (X is what scikit-learn calls the table)
"""The hazard against statsmodels, scikit-survival and lifelines, and what it says when it cannot know."""

import json
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest
import statsmodels.api as sm
from hypothesis import given, settings
from hypothesis import strategies as st
from lifelines import KaplanMeierFitter
from sklearn.base import clone
from sksurv.metrics import concordance_index_censored

from heed.evidence.risk import HazardModel, calibration_of, outcome
from heed.evidence.risk.baseline import Contract, learn_timeline
from heed.evidence.risk.concordance import harrell_c
from heed.evidence.risk.mending import still_observed
from heed.evidence.risk.ridge import Problem, fit_ridge

Real = npt.NDArray[np.float64]


def company(n: int = 400, seed: int = 3) -> tuple[pd.DataFrame, npt.NDArray[np.void]]:
    dice = np.random.default_rng(seed)
    X = pd.DataFrame(
        {
            "usage": dice.normal(size=n),
            "seats": dice.integers(1, 40, n),
            "plan": dice.choice(["small", "large"], n),
            "champion": dice.random(n) < 0.5,
            "nps": np.where(dice.random(n) < 0.4, np.nan, dice.integers(0, 11, n)),
        }
    )
    life = dice.exponential(14 * np.exp(0.9 * X["usage"] + 0.5 * X["champion"]))
    seen = dice.uniform(1, 24, n)
    return X, outcome(life <= seen, np.ceil(np.minimum(life, seen)))


@pytest.fixture(scope="module")
def model() -> HazardModel:
    return HazardModel().fit(*company())


def test_without_penalty_it_is_the_binomial_regression_of_statsmodels_on_person_periods() -> None:
    X, y = company()
    event, time = y["event"], y["time"]
    contract = Contract(len(X))
    timeline = replace(learn_timeline(contract, time, event, 4), fades=())
    cells = timeline.cells(contract, np.zeros(len(X)), time)
    design = X[["usage", "seats"]].to_numpy(float)
    problem = Problem(cells, design, timeline.events(contract, time, event))
    fit = fit_ridge(problem, np.zeros(problem.size))

    row, month = np.nonzero(cells.share)
    left = (problem.event[row] == month).astype(float)
    # The terms of the second turn are effects that change in time.
    table = np.column_stack([cells.clock[month], design[row], design[row] * cells.turns[month, 1:]])
    theirs = sm.GLM(left, table, family=sm.families.Binomial()).fit(tol=1e-14)
    assert fit.coefficients == pytest.approx(theirs.params, abs=1e-6)
    assert fit.likelihood == pytest.approx(theirs.llf, abs=1e-8)
    assert np.sqrt(np.diag(np.linalg.inv(fit.information))) == pytest.approx(theirs.bse, rel=1e-5)


def test_the_clock_alone_is_close_to_kaplan_and_meier_of_lifelines() -> None:
    X, y = company(1500)
    alone = HazardModel().fit(X[[]].assign(same=1), y)
    theirs = KaplanMeierFitter().fit(y["time"], y["event"])
    times = np.arange(1.0, 22)
    ours = alone.predict_survival_function(X[[]].assign(same=1).head(1), times)[0]
    assert ours == pytest.approx(theirs.survival_function_at_times(times).to_numpy(), abs=0.02)
    assert alone.notes_ == ["same is left out: it never varies"]


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.booleans(), st.integers(1, 8), st.integers(0, 5)), min_size=2, max_size=40))
def test_harrells_c_is_that_of_scikit_survival(rows: list[tuple[bool, int, int]]) -> None:
    event, time, risk = (np.array(column) for column in zip(*rows, strict=True))
    event, time, risk = event.astype(bool), time.astype(float), risk.astype(float)
    # Its pairs: who left, and another that stayed longer, or as long without leaving.
    known = event[:, None] & ((time > time[:, None]) | ((time == time[:, None]) & ~event))
    if not known.any():
        with pytest.raises(ValueError, match="No pair of rows can be ordered"):
            harrell_c(event, time, risk)
        return
    theirs = concordance_index_censored(event, time, risk)[0]
    assert harrell_c(event, time, risk) == pytest.approx(theirs)


def test_score_is_the_c_of_its_risks(model: HazardModel) -> None:
    X, y = company(300, seed=9)
    theirs = concordance_index_censored(y["event"], y["time"], model.predict(X))[0]
    assert model.score(X, y) == pytest.approx(theirs, abs=1e-12)
    assert theirs > 0.68


def test_the_chance_of_being_still_observed_is_kaplan_and_meier_of_the_censoring() -> None:
    _, y = company()
    theirs = KaplanMeierFitter().fit(y["time"] + 0.25 * ~y["event"], ~y["event"])
    at = np.arange(1.0, 20)
    assert still_observed(y["event"], y["time"], at) == pytest.approx(
        theirs.survival_function_at_times(at).to_numpy(), abs=1e-12
    )


@pytest.mark.parametrize("given_time", [0.0, 3.0])
def test_contributions_add_up_to_the_log_odds(model: HazardModel, given_time: float) -> None:
    X, _ = company(50, seed=4)
    why = model.contributions(X, 6, given=given_time)
    chance = model.predict_proba(X, 6, given=given_time)
    assert why.base + why.table.sum(axis=1).to_numpy() == pytest.approx(
        np.log(chance / (1 - chance)), abs=1e-10
    )
    assert set(why.table.columns) - {"contract clock"} == set(X.columns)


def test_a_version_from_its_record_gives_the_same_bytes_alone_or_among_others(model: HazardModel) -> None:
    X, _ = company(60, seed=5)
    kept = HazardModel.from_record(json.loads(json.dumps(model.to_record())))
    among = model.predict_proba(X, 6)
    alone = np.concatenate([kept.predict_proba(X.iloc[[row]], 6) for row in range(len(X))])
    assert alone.tobytes() == among.tobytes()
    assert kept.estimate(X, 6)[7:9] == model.estimate(X.iloc[7:9], 6)
    assert kept.contributions(X.iloc[[3]], 6).table.to_numpy().tobytes() == (
        model.contributions(X, 6).table.iloc[[3]].to_numpy().tobytes()
    )
    assert kept.to_record() == model.to_record()


def test_the_same_input_gives_the_same_model_and_it_can_be_cloned(model: HazardModel) -> None:
    again = clone(model).fit(*company())
    assert again.to_record() == model.to_record()
    assert clone(HazardModel(renewal="r", folds=3)).get_params()["renewal"] == "r"


def test_survival_is_conditional_on_having_survived_so_far(model: HazardModel) -> None:
    X, _ = company(40, seed=6)
    stays = model.predict_survival_function(X, [4.0, 9.0])
    assert model.predict_proba(X, 5, given=4) == pytest.approx(1 - stays[:, 1] / stays[:, 0], abs=1e-12)
    each = model.predict_proba(X.iloc[:2], 5, given=[0.0, 4.0])
    assert each[1] == pytest.approx(1 - stays[1, 1] / stays[1, 0], abs=1e-12)
    table = model.predict_survival_function(X, [4.0, 9.0], return_array=False)
    assert list(table.columns) == [4.0, 9.0]


def test_survival_never_rises_and_estimates_hold_their_value(model: HazardModel) -> None:
    X, _ = company(40, seed=6)
    stays = model.predict_survival_function(X, np.linspace(0.5, model.longest_, 60))
    assert np.all(np.diff(stays, axis=1) <= 0)
    for figure, chance in zip(model.estimate(X, 6), model.predict_proba(X, 6), strict=True):
        assert figure.value == pytest.approx(chance, abs=1e-12)
        assert figure.low is not None
        assert figure.high is not None
        assert 0 < figure.low < chance < figure.high < 1


def few(events: int, n: int = 60) -> npt.NDArray[np.void]:
    return outcome(np.arange(n) < events, np.linspace(1, 20, n).round())


@pytest.mark.parametrize(
    ("events", "reason"),
    [
        (0, "no account has left yet"),
        (5, "only 5 left so far, at least 10 are needed"),
        (60, "every account has left: there is nobody who stayed to compare them with"),
    ],
)
def test_thin_data_is_unknown_with_its_reason_and_never_an_exception(events: int, reason: str) -> None:
    X, _ = company(60)
    thin = HazardModel().fit(X, few(events))
    assert thin.reason_ == reason
    figures = thin.estimate(X, 5)
    assert len(figures) == 60
    assert {(figure.value, figure.reason) for figure in figures} == {(None, reason)}
    for ask in (thin.predict, thin.contributions, thin.predict_survival_function):
        with pytest.raises(ValueError, match=reason[:20]):
            ask(X)
    assert HazardModel.from_record(json.loads(json.dumps(thin.to_record()))).reason_ == reason


def test_few_events_shrink_to_the_clock_and_it_says_so() -> None:
    dice = np.random.default_rng(1)
    X = pd.DataFrame(dice.normal(size=(80, 12)))
    X.columns = [f"metric {number}" for number in range(12)]
    few_left = HazardModel().fit(X, few(12, 80))
    assert few_left.chosen_ == "clock"
    assert any(note.startswith("only the clock answers") for note in few_left.notes_)
    assert few_left.effective_parameters_ <= 1.21
    assert {round(figure.value or 0, 12) for figure in few_left.estimate(X, 5)} == {
        round(float(few_left.predict_proba(X, 5)[0]), 12)
    }


def test_an_account_in_many_rows_counts_once_as_leaver() -> None:
    X, y = company(30)
    five = np.isin(np.arange(30), np.flatnonzero(y["event"])[:5])
    rows = np.repeat(np.arange(30), 6)
    again = outcome(five[rows], y["time"][rows])
    assert HazardModel().fit(X.iloc[rows], again, groups=rows).reason_.startswith("only 5 left so far")
    assert HazardModel().fit(X.iloc[rows], again).reason_ == ""


def test_useless_columns_are_left_out_with_a_note() -> None:
    X, y = company()
    more = X.assign(
        again=X["usage"], other_words=X["plan"].map({"small": "S", "large": "L"}), same="x",
        identifier=[f"A{row}" for row in range(len(X))],
    )  # fmt: skip
    found = HazardModel().fit(more, y)
    assert found.notes_[:4] == [
        "again is left out: it repeats usage",
        "other_words is left out: it repeats plan",
        "same is left out: it never varies",
        "identifier is left out: nearly every row has a value of its own, as identifiers have",
    ]
    assert found.predict_proba(X, 6) == pytest.approx(HazardModel().fit(X, y).predict_proba(X, 6))


def test_missing_is_a_level_of_its_own() -> None:
    X, y = company()
    silent = X["nps"].isna().to_numpy()
    gone = outcome(y["event"] & silent, y["time"])
    found = HazardModel().fit(X, gone)
    chance = found.predict_proba(X, 6)
    assert chance[silent].mean() > 5 * chance[~silent].mean()
    assert np.isfinite(chance).all()


def test_infinite_values_are_refused_with_a_reason(model: HazardModel) -> None:
    X, y = company()
    X.loc[3, "usage"] = np.inf
    assert HazardModel().fit(X, y).reason_ == "usage is infinite in 1 of 400 rows: correct or empty them"
    figures = model.estimate(X, 6)
    assert (figures[3].value, figures[3].reason) == (None, "usage is infinite")
    assert figures[2].value is not None
    with pytest.raises(ValueError, match="The column 'usage' of X holds infinite values"):
        model.predict_proba(X, 6)


def test_nothing_is_said_beyond_what_was_observed(model: HazardModel) -> None:
    X, _ = company(5)
    assert model.estimate(X, 100)[0].reason == "nobody was observed longer than 24"
    with pytest.raises(ValueError, match="Nobody was observed longer than 24; asked was 100"):
        model.predict_proba(X, 100)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"y": np.zeros(400)}, "y must be a structured array of two fields"),
        ({"y": outcome([True] * 400, [0.0] * 400)}, "The times of y must be finite and above 0"),
        ({"y": outcome([True], [1.0])}, "X has 400 rows and y has 1"),
        ({"groups": ["a"]}, "groups must name one account a row"),
    ],
)
def test_wrong_input_is_named(change: dict[str, Any], message: str) -> None:
    X, y = company()
    with pytest.raises(ValueError, match=message):
        HazardModel().fit(X, **{"y": y, **change})


def test_missing_columns_are_named(model: HazardModel) -> None:
    X, y = company()
    with pytest.raises(ValueError, match="X lacks the column 'usage'"):
        model.predict_proba(X.drop(columns="usage"), 6)
    with pytest.raises(ValueError, match="X has no column 'renewal'"):
        HazardModel(renewal="renewal").fit(X, y)
    with pytest.raises(ValueError, match="holds dates"):
        HazardModel().fit(X.assign(day=pd.Timestamp("2026-01-01")), y)


def test_a_calibration_slope_is_that_of_statsmodels() -> None:
    dice = np.random.default_rng(2)
    chance = dice.uniform(0.05, 0.9, 500)
    left = dice.random(500) < chance
    slope, intercept = calibration_of(chance, left, np.arange(500))
    logit = np.log(chance / (1 - chance))
    theirs = sm.GLM(left.astype(float), sm.add_constant(logit), family=sm.families.Binomial()).fit(
        cov_type="HC0"
    )
    assert (intercept.value, slope.value) == pytest.approx(theirs.params, abs=1e-6)
    assert slope.high == pytest.approx(theirs.conf_int()[1][1], abs=1e-5)
    assert calibration_of(chance, np.zeros(500), np.arange(500))[0].reason == "none of those held out left"
