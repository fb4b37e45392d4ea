import pickle
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.special import expit
from sklearn.base import clone

from heed.evidence import UpliftScorer, gain_area
from heed.evidence.effects import rivals as rivals_module
from heed.evidence.effects.nuisance import FeatureEncoder, one_thread
from heed.evidence.effects.rivals import rivals
from heed.evidence.effects.uplift import _CrossFitted
from tests.evidence.effects.known import known

Experiment = tuple[pd.DataFrame, np.ndarray, np.ndarray]


def experiment(log_odds: Callable[[pd.DataFrame], object], n: int = 1500, seed: int = 0) -> Experiment:
    """Accounts, outcomes and treatment by lot; `log_odds` is what treatment adds to an account's."""
    random = np.random.default_rng(seed)
    accounts = pd.DataFrame(
        {
            "usage": np.where(random.random(n) < 0.1, np.nan, random.lognormal(2, 1, n)),
            "seats": random.integers(1, 50, n),
            "plan": pd.Categorical(random.choice(["free", "team", "big"], n)),
        }
    )
    treatment = random.integers(0, 2, n)
    base = -0.5 + 0.03 * (accounts["seats"] - 25)
    chance = expit(base + treatment * np.asarray(log_odds(accounts), dtype=float))
    return accounts, (random.random(n) < chance).astype(int), treatment


def unlike(accounts: pd.DataFrame) -> pd.Series:
    return pd.Series(np.where(accounts["plan"] == "team", 1.5, -0.5))


def alike(accounts: pd.DataFrame) -> float:
    return 0.0


@pytest.fixture(scope="module")
def fitted() -> UpliftScorer:
    return UpliftScorer().fit(*experiment(unlike))


def test_targets_where_the_effect_differs(fitted: UpliftScorer) -> None:
    assert fitted.verdict_ == "target"
    assert fitted.words_.startswith("Target: the order of expected gain brings +")
    assert known(fitted.gain_).low > 0
    assert fitted.gain_.n == 1500
    assert fitted.reason_ == ""


def test_the_order_gains_on_accounts_that_were_never_seen(fitted: UpliftScorer) -> None:
    accounts, y, treatment = experiment(unlike, seed=9)
    seen, promised = known(gain_area(y, fitted.predict(accounts), treatment)), known(fitted.gain_)
    assert seen.low > 0
    assert promised.low <= seen.value <= promised.high


def test_expected_gains_are_those_that_are_true(fitted: UpliftScorer) -> None:
    accounts, _, _ = experiment(unlike, seed=9)
    base = -0.5 + 0.03 * (accounts["seats"] - 25)
    true = expit(base + unlike(accounts)) - expit(base)
    predicted = fitted.predict(accounts)
    assert predicted.shape == (1500,)
    assert np.corrcoef(predicted, true)[0, 1] > 0.8
    assert predicted.mean() == pytest.approx(true.mean(), abs=0.05)


def test_the_rivals_stand_beside_it(fitted: UpliftScorer) -> None:
    table: Any = fitted.rivals_.set_index("rival")
    assert list(table.index) == [
        "response model", "S-learner with interactions", "DR-learner", "class transformation", "T-learner",
        "X-learner",
    ]  # fmt: skip
    assert table.index[table["chosen"]].tolist() == [fitted.chosen_]
    assert table.loc["response model", "high"] < table.loc[fitted.chosen_, "gain"]
    assert (table["low"] < table["gain"]).all()
    assert list(fitted.curve_["share"]) == pytest.approx([share / 10 for share in range(1, 11)])


def test_all_are_treated_where_the_effect_is_the_same_for_all() -> None:
    scorer = UpliftScorer().fit(*experiment(lambda accounts: 0.6))
    assert scorer.verdict_ == "treat all"
    assert scorer.words_.startswith("No evidence for targeting: treat all.")
    assert known(scorer.effect_).low > 0
    assert scorer.chosen_ == "response model"


def test_none_are_treated_where_it_harms() -> None:
    scorer = UpliftScorer().fit(*experiment(lambda accounts: -0.6))
    assert scorer.verdict_ == "treat none"
    assert scorer.words_.startswith("Treat none: treating all instead of none brings -")


def test_no_evidence_where_nothing_happens() -> None:
    scorer = UpliftScorer().fit(*experiment(alike, n=400))
    assert scorer.verdict_ == "no evidence"
    assert scorer.words_.startswith("No evidence, neither for treating nor for targeting")
    assert scorer.reason_ == ""


def test_the_same_input_gives_the_same_bytes(fitted: UpliftScorer) -> None:
    accounts, y, treatment = experiment(unlike)
    again = clone(fitted).fit(accounts, y, treatment)
    assert fitted.get_params() == {"folds": 5, "level": 0.95, "random_state": 0}
    assert again.predict(accounts).tobytes() == fitted.predict(accounts).tobytes()
    assert again.gain_ == fitted.gain_


def test_it_can_be_stored_and_read_again(fitted: UpliftScorer) -> None:
    accounts, _, _ = experiment(unlike)
    again = pickle.loads(pickle.dumps(fitted))  # noqa: S301
    assert again.predict(accounts).tobytes() == fitted.predict(accounts).tobytes()


def test_columns_are_known_by_name_and_levels_may_be_new(fitted: UpliftScorer) -> None:
    accounts, _, _ = experiment(unlike)
    turned = accounts[accounts.columns[::-1]]
    assert fitted.predict(turned).tobytes() == fitted.predict(accounts).tobytes()
    new = accounts.assign(plan="never seen")
    assert np.isfinite(fitted.predict(new)).all()
    with pytest.raises(ValueError, match="lacks columns that the model was fitted with: seats"):
        fitted.predict(accounts.drop(columns="seats"))
    with pytest.raises(ValueError, match="infinite values in usage"):
        fitted.predict(accounts.assign(usage=np.inf))


def test_a_gain_is_not_that_of_the_luckiest_rival() -> None:
    """Nothing to target: the best rival on its own folds looks better than what is reported, on average."""
    reported, luckiest = [], []
    for seed in range(6):
        scorer = UpliftScorer().fit(*experiment(alike, n=300, seed=seed))
        reported.append(known(scorer.gain_).value)
        luckiest.append(scorer.rivals_["gain"].max())
    assert np.mean(luckiest) > np.mean(reported) + 3
    assert abs(np.mean(reported)) < 15


def test_a_fold_is_ranked_by_the_rival_that_the_other_folds_choose() -> None:
    """The second rival is perfect in fold 1 and reversed in fold 0: fold 0 is given it, fold 1 is not."""
    random = np.random.default_rng(0)
    n = 2000
    good, treatment = random.random(n), random.integers(0, 2, n).astype(float)
    y = (random.random(n) < 0.2 + 0.6 * good * treatment).astype(float)
    fold = np.arange(n) % 2
    ranks = np.column_stack([random.random(n), np.where(fold == 1, good, 1 - good)])
    crossed = _CrossFitted(("first", "second"), ranks, fold, y, treatment)
    expected = np.where(fold == 0, ranks[:, 1], ranks[:, 0])
    assert np.array_equal(crossed.chosen_elsewhere(), expected)
    assert crossed.correction == pytest.approx(np.sqrt(3))


def test_the_simplest_wins_within_one_standard_error_and_only_there() -> None:
    random = np.random.default_rng(0)
    n = 4000
    good, treatment = random.random(n), random.integers(0, 2, n).astype(float)
    y = (random.random(n) < 0.2 + 0.6 * good * treatment).astype(float)
    everyone, fold = np.ones(n, dtype=bool), np.arange(n) % 5
    nearly = good + 0.02 * random.random(n)
    close = _CrossFitted(("nearly", "good"), np.column_stack([nearly, good]), fold, y, treatment)
    far = _CrossFitted(("noise", "good"), np.column_stack([random.random(n), good]), fold, y, treatment)
    assert close.simplest_within_one_error(everyone) == 0
    assert far.simplest_within_one_error(everyone) == 1


@pytest.mark.parametrize("grown", [False, True])
def test_every_rival_learns_an_effect_that_differs(grown: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rivals_module, "LEAST_FOR_TREES", 1 if grown else 10_000)
    accounts, y, treatment = experiment(unlike, n=3000)
    matrix = FeatureEncoder().fit(accounts).transform(accounts)
    with one_thread():
        found = {
            name: rival.fit(matrix, y * 1.0, treatment * 1.0).gain(matrix)
            for name, rival in rivals(y, treatment, 0).items()
        }
    for name, gains in found.items():
        if name != "response model":
            assert np.corrcoef(gains, unlike(accounts))[0, 1] > 0.6, name
    # One odds ratio for all: nobody's gain has another sign than that of the effect on all.
    assert len(np.unique(np.sign(found["response model"]))) == 1


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda x, y, w: (x[:30], y[:30], w[:30]), "too few to learn whom to treat"),
        (lambda x, y, w: (x, y, 0 * w), "nobody was treated"),
        (lambda x, y, w: (x, y, 0 * w + 1), "everyone was treated: nobody is left to compare with"),
        (lambda x, y, w: (x, 0 * y, w), "only 0 with (or without) the outcome"),
        (lambda x, y, w: (x[:0], y[:0], w[:0]), "nobody was treated yet"),
        (lambda x, y, w: (x[[]], y, w), "nothing is known about the customers"),
        (lambda x, y, w: (x.assign(seats=np.inf), y, w), "infinite values in seats"),
    ],
)
def test_thin_data_has_a_reason_and_is_no_error(
    change: Callable[[pd.DataFrame, np.ndarray, np.ndarray], Experiment], reason: str
) -> None:
    changed = change(*experiment(alike, n=200))
    scorer = UpliftScorer().fit(*changed)
    assert reason in scorer.reason_
    assert scorer.gain_.reason == scorer.reason_
    assert scorer.verdict_ in ("no evidence", "treat all", "treat none")
    assert scorer.words_ == f"No evidence for targeting: {scorer.reason_}."
    assert np.isnan(scorer.predict(changed[0])).all()
    assert scorer.rivals_.empty
    assert scorer.curve_.empty


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda x, y, w: (x, y, w + 1), "treatment must be 1 for treated and 0 for not"),
        (lambda x, y, w: (x, y * 7, w), "outcome y must be 1 or 0"),
        (lambda x, y, w: (x, np.where(w == 1, np.nan, y), w), "Leave out rows without outcome"),
        (lambda x, y, w: (x, y[:-1], w), r"X has 200 rows, y is of shape \(199,\)"),
        (lambda x, y, w: (x.assign(seats=pd.Timestamp("2026-01-01")), y, w), "Column seats holds dates"),
        (lambda x, y, w: (pd.concat([x, x], axis=1), y, w), "Columns of the same name"),
    ],
)
def test_wrong_use_is_named(
    change: Callable[[pd.DataFrame, np.ndarray, np.ndarray], Experiment], words: str
) -> None:
    with pytest.raises(ValueError, match=words):
        UpliftScorer().fit(*change(*experiment(alike, n=200)))


def test_the_encoder_marks_what_is_missing_and_keeps_constants_at_zero() -> None:
    table = pd.DataFrame(
        {"number": [1.0, np.nan, 3.0] * 10, "same": 0.1, "level": ["a", None, "b"] * 10, "never": np.nan}
    )
    matrix = FeatureEncoder().fit(table).transform(table)
    # number and its mark, the constant, levels a, b and missing, and the column never known with its mark
    assert matrix.shape == (30, 2 + 1 + 3 + 2)
    assert matrix[:3, 1].tolist() == [0, 1, 0]
    assert matrix[:, 2] == pytest.approx(0, abs=1e-6)
    assert np.isfinite(matrix).all()
    assert matrix.mean(axis=0)[[0, 3, 4, 5]] == pytest.approx(0)
