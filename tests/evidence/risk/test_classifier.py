"""What `RenewalClassifier` answers, refuses and alarms, on tables whose truth is known."""

import pickle
from typing import Any

import numpy as np
import pandas as pd
import pytest
from benchmarks.evidence import data
from scipy.special import expit
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.metrics import log_loss, roc_auc_score
from sklearn.model_selection import cross_val_score
from sklearn.utils import estimator_checks

from heed.evidence import RenewalClassifier
from heed.evidence.risk.columns import Reader
from heed.evidence.risk.leaks import find_leaks

ROWS = 300
real_data = pytest.mark.real_data


def a_company(rows: int = ROWS, seed: int = 1) -> tuple[pd.DataFrame, np.ndarray, np.ndarray]:
    """Accounts, who left, and the chance with which each did."""
    random = np.random.default_rng(seed)
    table = pd.DataFrame({
        "logins": random.gamma(2.0, 10.0, rows),
        "plan": random.choice(["basic", "team", "firm"], rows),
        "trained": random.random(rows) < 0.5,
        "csat": np.where(random.random(rows) < 0.3, np.nan, random.normal(4, 0.5, rows)),
    })  # fmt: skip
    eta = (
        0.2 - 1.2 * np.log1p(table["logins"] / 10) - 1.0 * table["trained"] + 0.8 * (table["plan"] == "basic")
    )
    chance = expit(eta.to_numpy())
    return table, random.binomial(1, chance), chance


@pytest.fixture(scope="module")
def fitted() -> RenewalClassifier:
    table, left, _ = a_company()
    return RenewalClassifier().fit(table, left)


def test_names_what_it_did(fitted: RenewalClassifier) -> None:
    _, left, _ = a_company()
    assert fitted.reason_ == ""
    assert (fitted.n_, fitted.events_) == (ROWS, left.sum())
    assert [one.name for one in fitted.candidates_ if one.chosen] == [fitted.chosen_]
    assert [one.name for one in fitted.candidates_][:2] == ["prior only", "ridge"]
    assert min(one.behind for one in fitted.candidates_) == 0
    assert fitted.feature_names_in_.tolist() == ["logins", "plan", "trained", "csat"]
    assert fitted.alarms_ == []


def test_ranks_those_it_has_not_seen(fitted: RenewalClassifier) -> None:
    fresh, left, chance = a_company(2_000, seed=2)
    found = fitted.predict_proba(fresh)
    assert found.sum(axis=1) == pytest.approx(1)
    assert roc_auc_score(left, found[:, 1]) > roc_auc_score(left, chance) - 0.05
    assert np.array_equal(fitted.predict(fresh), (found[:, 1] > 0.5).astype(int))


def test_share_is_kept_because_classes_are_not_resampled() -> None:
    table, left, _ = a_company(400, seed=3)
    rare = left.astype(bool) & (np.arange(400) % 4 > 0)
    keep = ~(left.astype(bool) & ~rare)
    model = RenewalClassifier().fit(table[keep], left[keep])
    assert model.predict_proba(table[keep])[:, 1].mean() == pytest.approx(left[keep].mean(), abs=0.02)


def test_contributions_add_up_to_the_log_odds(fitted: RenewalClassifier) -> None:
    fresh, _, _ = a_company(50, seed=4)
    fresh.loc[3, "plan"] = "never seen"
    parts = fitted.contributions(fresh)
    assert parts.columns.tolist() == ["(everybody)", "logins", "plan", "trained", "csat"]
    chance = fitted.predict_proba(fresh)[:, 1]
    assert parts.sum(axis=1).to_numpy() == pytest.approx(np.log(chance / (1 - chance)), abs=1e-9)


def test_intervals_hold_the_truth_about_as_often_as_they_say() -> None:
    held = []
    for seed in range(3):
        table, left, _ = a_company(200, seed=10 + seed)
        fresh, _, chance = a_company(300, seed=20 + seed)
        estimates = RenewalClassifier().fit(table, left).estimate(fresh)
        held += [
            (own.low or 0) <= truth <= (own.high or 0) for own, truth in zip(estimates, chance, strict=True)
        ]
    assert 0.8 <= np.mean(held) <= 0.99


def test_wider_level_gives_wider_intervals(fitted: RenewalClassifier) -> None:
    fresh, _, _ = a_company(5, seed=5)
    for narrow, wide in zip(fitted.estimate(fresh), fitted.estimate(fresh, level=0.95), strict=True):
        assert narrow.value is not None
        assert wide.low is not None
        assert narrow.low is not None
        assert 0 < wide.low < narrow.low < narrow.value
        assert (narrow.level, wide.level, narrow.n) == (0.9, 0.95, ROWS)


def test_same_input_same_bytes() -> None:
    table, left, _ = a_company(200)
    fresh, _, _ = a_company(50, seed=6)
    first, second = (RenewalClassifier(random_state=3).fit(table, left) for _ in range(2))
    assert first.predict_proba(fresh).tobytes() == second.predict_proba(fresh).tobytes()
    assert first.estimate(fresh) == second.estimate(fresh)
    assert first.contributions(fresh).to_numpy().tobytes() == second.contributions(fresh).to_numpy().tobytes()
    stored = pickle.loads(pickle.dumps(first))  # noqa: S301
    assert stored.predict_proba(fresh).tobytes() == first.predict_proba(fresh).tobytes()


def test_order_of_rows_of_a_table_sorted_by_outcome_does_no_harm() -> None:
    table, left, _ = a_company(300, seed=7)
    order = np.argsort(left, kind="stable")
    fresh, outcome, chance = a_company(1_000, seed=8)
    model = RenewalClassifier().fit(table.iloc[order], left[order])
    ours = log_loss(outcome, model.predict_proba(fresh)[:, 1])
    assert ours < log_loss(outcome, chance) + 0.04


def test_clone_and_parameters() -> None:
    model = RenewalClassifier(trusted=("csat",), random_state=9)
    copy = clone(model)
    assert copy.get_params() == {"trusted": ("csat",), "random_state": 9}
    with pytest.raises(NotFittedError):
        copy.predict_proba(pd.DataFrame({"a": [1.0]}))


def test_stands_in_scikit_learns_cross_validation() -> None:
    table, left, _ = a_company(400, seed=9)
    found = cross_val_score(RenewalClassifier(), table, left, cv=2, scoring="roc_auc")
    assert found.min() > 0.6


def test_words_for_outcomes_are_classes() -> None:
    table, left, _ = a_company(150)
    model = RenewalClassifier().fit(table, np.where(left == 1, "left", "kept"))
    assert model.classes_.tolist() == ["kept", "left"]
    assert set(model.predict(table)) <= {"kept", "left"}


@pytest.mark.parametrize("name", [
    "check_fit2d_1sample", "check_fit1d", "check_dict_unchanged",
    "check_fit2d_predict1d", "check_no_attributes_set_in_init", "check_parameters_default_constructible",
    "check_estimators_unfitted", "check_complex_data",
    "check_f_contiguous_array_estimator",
])  # fmt: skip
def test_checks_of_scikit_learn(name: str) -> None:
    getattr(estimator_checks, name)("RenewalClassifier", RenewalClassifier())


def planted(column: str, values: Any) -> tuple[pd.DataFrame, np.ndarray]:
    table, left, _ = a_company(seed=11)
    return table.assign(**{column: values(left, np.random.default_rng(12))}), left


LEAKS = {
    "the label itself": lambda left, random: left,
    "the label in words": lambda left, random: np.where(left == 1, "cancelled", "active"),
    "a reason written when they left": lambda left, random: pd.Series(left).map({1: "price"}),
    "a date told in days, after the outcome": lambda left, random: np.where(
        left == 1, random.integers(0, 30, len(left)), random.integers(31, 400, len(left))
    ),
}


@pytest.mark.parametrize("leak", LEAKS)
def test_planted_leak_is_alarmed(leak: str) -> None:
    table, left = planted("secret", LEAKS[leak])
    reader = Reader.learn(table)
    alarms = find_leaks(reader, reader.read(table), left.astype(float), data.folds(left), ())
    assert [alarm.column for alarm in alarms] == ["secret"]


def test_alarmed_column_is_left_out() -> None:
    table, left = planted("secret", LEAKS["the label in words"])
    model = RenewalClassifier().fit(table, left)
    assert [alarm.column for alarm in model.alarms_] == ["secret"]
    assert model.alarms_[0].auc > 0.97
    assert "'secret' alone tells who left" in model.alarms_[0].words
    assert "secret" in model.left_out_
    assert (model.contributions(table)["secret"] == 0).all()


def test_trusted_column_stays() -> None:
    table, left = planted("secret", LEAKS["the label itself"])
    model = RenewalClassifier(trusted=["secret"]).fit(table, left)
    assert not model.alarms_[0].left_out
    assert "stays" in model.alarms_[0].words
    assert roc_auc_score(left, model.predict_proba(table)[:, 1]) > 0.99


def test_strong_but_honest_column_is_no_leak() -> None:
    random = np.random.default_rng(13)
    strong = random.normal(size=400)
    left = random.binomial(1, expit(3 * strong))
    model = RenewalClassifier().fit(pd.DataFrame({"strong": strong}), left)
    assert model.alarms_ == []


def test_words_of_many_levels_that_mean_nothing_gain_nothing() -> None:
    """Shares that left by level, learnt on all rows, would tell the outcome of the rows themselves."""
    random = np.random.default_rng(14)
    towns = pd.Series(random.integers(0, 120, 400)).astype(str) + " town"
    left = random.binomial(1, 0.3, 400)
    leaky = pd.Series(left).groupby(towns).transform("mean")
    assert roc_auc_score(left, leaky) > 0.7
    model = RenewalClassifier().fit(pd.DataFrame({"town": towns}), left)
    assert model.chosen_ == "prior only"
    assert model.alarms_ == []
    assert all(own.log_loss > model.candidates_[0].log_loss - 0.01 for own in model.candidates_)


def test_rows_of_an_account_are_not_divided() -> None:
    """Each account has a fingerprint; who sees the account in both halves would know it again."""
    random = np.random.default_rng(15)
    account = np.repeat(np.arange(100), 4)
    table = pd.DataFrame({
        "fingerprint": random.normal(size=100)[account], "noise": random.normal(size=400),
    })  # fmt: skip
    left = random.binomial(1, 0.4, 100)[account]
    told = RenewalClassifier().fit(table, left, groups=account)
    assert told.chosen_ == "prior only"


THIN = {
    "no account has left yet": np.zeros(40, dtype=int),
    "every account left": np.ones(40, dtype=int),
    "only 5 left so far, at least 10 are needed": np.repeat([1, 0], [5, 35]),
    "only 3 stayed, at least 10 are needed": np.repeat([1, 0], [37, 3]),
}


@pytest.mark.parametrize("reason", THIN)
def test_thin_tables_are_unknown_with_a_reason(reason: str) -> None:
    table, _, _ = a_company(40)
    model = RenewalClassifier().fit(table, THIN[reason])
    assert model.reason_.startswith(reason)
    assert all(own.value is None and own.reason == model.reason_ for own in model.estimate(table))
    chance = model.predict_proba(table)
    assert np.isfinite(chance).all()
    assert chance.shape == (40, len(model.classes_))


def test_five_that_left_are_the_share_for_everybody() -> None:
    table, _, _ = a_company(40)
    model = RenewalClassifier().fit(table, np.repeat([1, 0], [5, 35]))
    assert model.predict_proba(table)[:, 1] == pytest.approx(5.5 / 41)


def test_infinite_values_are_refused_by_name() -> None:
    table, left, _ = a_company(100)
    broken = table.assign(logins=np.where(np.arange(100) == 7, np.inf, table["logins"]))
    model = RenewalClassifier().fit(broken, left)
    assert model.reason_ == "column 'logins' is infinite in 1 of 100 rows"
    assert model.estimate(table)[0].value is None


def test_infinite_value_of_one_row_leaves_the_others_known(fitted: RenewalClassifier) -> None:
    fresh, _, _ = a_company(4, seed=16)
    fresh.loc[2, "logins"] = np.inf
    found = fitted.estimate(fresh)
    assert [own.value is None for own in found] == [False, False, True, False]
    assert found[2].reason == "logins is infinite"
    with pytest.raises(ValueError, match=r"infinity: column 'logins' is infinite in 1 of 4 rows"):
        fitted.predict_proba(fresh)


def test_repeated_rows_are_refused() -> None:
    table, left, _ = a_company(100)
    twice = pd.concat([table, table], ignore_index=True)
    model = RenewalClassifier().fit(twice, np.tile(left, 2))
    assert model.reason_ == "100 of 200 rows are exact copies of others: pass each account once"


def test_rows_alike_in_coarse_columns_are_no_copies() -> None:
    random = np.random.default_rng(17)
    table = pd.DataFrame({"trained": random.random(200) < 0.5, "sponsor": random.random(200) < 0.5})
    model = RenewalClassifier().fit(table, random.binomial(1, 0.2 + 0.4 * table["trained"]))
    assert model.reason_ == ""
    assert model.chosen_ == "ridge"


def test_columns_that_never_vary_leave_the_share() -> None:
    left = np.repeat([1, 0], [20, 60])
    model = RenewalClassifier().fit(pd.DataFrame({"same": np.ones(80), "void": [None] * 80}), left)
    assert model.chosen_ == "prior only"
    assert set(model.left_out_.values()) == {"it never varies"}
    known = model.estimate(pd.DataFrame({"same": [1.0], "void": [None]}))[0]
    assert known.value == pytest.approx(0.25)
    assert known.low is not None
    assert known.high is not None
    assert 0.15 < known.low < 0.2
    assert 0.3 < known.high < 0.36


@pytest.mark.parametrize(("y", "message"), [
    (np.arange(60) % 3, "Only binary classification is supported"),
    (np.r_[np.nan, np.zeros(29), np.ones(30)], "unknown\\) in 1 rows"),
    (np.zeros(59), "X has 60 and y has 59"),
    (None, "requires y"),
])  # fmt: skip
def test_wrong_outcomes_are_named(y: Any, message: str) -> None:
    table, _, _ = a_company(60)
    with pytest.raises(ValueError, match=message):
        RenewalClassifier().fit(table, y)


def test_wrong_columns_are_named(fitted: RenewalClassifier) -> None:
    table, left, _ = a_company(60)
    with pytest.raises(ValueError, match="X has no column 'plan'"):
        fitted.predict_proba(table.drop(columns="plan"))
    with pytest.raises(ValueError, match="'since' holds dates"):
        RenewalClassifier().fit(table.assign(since=pd.Timestamp("2026-01-01")), left)
    with pytest.raises(ValueError, match="'logins' held numbers"):
        fitted.predict_proba(table.assign(logins="many"))
    with pytest.raises(ValueError, match="stands in X more than once"):
        RenewalClassifier().fit(pd.concat([table, table], axis=1), left)


def test_trees_are_chosen_where_columns_interact() -> None:
    random = np.random.default_rng(18)
    table = pd.DataFrame(random.normal(size=(400, 3)), columns=["a", "b", "c"])
    left = random.binomial(1, expit(4 * np.sign(table["a"] * table["b"]) - 1))
    model = RenewalClassifier().fit(table, left)
    assert model.chosen_ in {"boosted trees", "blend"}
    parts = model.contributions(table.iloc[:40])
    assert parts.sum(axis=1).to_numpy() == pytest.approx(model.log_odds(table.iloc[:40]), abs=1e-9)
    assert parts["c"].abs().mean() < parts["a"].abs().mean() / 3
    assert all(own.low is not None and own.low < own.high for own in model.estimate(table.iloc[:40]))  # type: ignore[operator]


@real_data
@pytest.mark.parametrize("name", ["telco", "mlc", "bank", "hr"])
def test_real_columns_raise_no_alarm(name: str) -> None:
    if not data.DATA.is_dir():
        pytest.skip(f"no public data at {data.DATA}: set HEED_DATA")
    table: data.Table = getattr(data, name)()
    reader = Reader.learn(table.X)
    assert reader.left_out == {}
    assert find_leaks(reader, reader.read(table.X), table.y.astype(float), data.folds(table.y), ()) == []
