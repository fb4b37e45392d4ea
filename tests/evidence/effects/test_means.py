import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from scipy.stats import norm, t, ttest_ind

from heed.evidence.effects.contrast import MeanContrast
from heed.evidence.effects.means import mean_contrast, mean_effect
from heed.evidence.estimate import Estimate


@pytest.fixture(scope="module")
def rows() -> pd.DataFrame:
    random = np.random.default_rng(3)
    n = 240
    before = random.normal(50, 10, n)
    cluster = random.integers(0, 30, n)
    treated = (random.random(n) < 0.4).astype(float)
    after = before + 3 * treated + random.normal(0, 4, n) + random.normal(0, 2, 30)[cluster]
    return pd.DataFrame({"before": before, "treated": treated, "after": after, "cluster": cluster})


def lin(rows: pd.DataFrame) -> np.ndarray:
    centred = rows["before"] - rows["before"].mean()
    return np.column_stack([np.ones(len(rows)), rows["treated"], centred, rows["treated"] * centred])


def test_without_covariates_it_is_welchs_test_of_scipy(rows: pd.DataFrame) -> None:
    effect = mean_effect(rows["after"], rows["treated"])
    arms = [rows.loc[rows["treated"] == arm, "after"] for arm in (1, 0)]
    expected = ttest_ind(*arms, equal_var=False)
    interval = expected.confidence_interval()
    assert [effect.low, effect.high] == pytest.approx([interval.low, interval.high])
    contrast = mean_contrast(rows["after"], rows["treated"])
    assert isinstance(contrast, MeanContrast)
    assert contrast.value / contrast.standard_error == pytest.approx(expected.statistic)


def owed(rows: pd.DataFrame, interaction: float) -> pd.Series:
    """What each row adds because the sample's mean of the covariate is not that of all accounts."""
    return interaction * (rows["before"] - rows["before"].mean()) / len(rows)


def test_with_the_period_before_it_is_the_regression_of_statsmodels(rows: pd.DataFrame) -> None:
    contrast = mean_contrast(rows["after"], rows["treated"], rows[["before"]])
    expected = sm.OLS(rows["after"].to_numpy(), lin(rows)).fit(cov_type="HC2", use_t=True)
    assert isinstance(contrast, MeanContrast)
    assert contrast.value == pytest.approx(expected.params[1])
    variance = expected.bse[1] ** 2 + (owed(rows, expected.params[3]) ** 2).sum()
    assert contrast.standard_error == pytest.approx(variance**0.5)
    assert contrast.standard_error == pytest.approx(expected.bse[1], rel=0.01)
    assert contrast.freedom == 236


def test_the_period_before_narrows_the_interval(rows: pd.DataFrame) -> None:
    plain, adjusted = (
        mean_effect(rows["after"], rows["treated"], covariates) for covariates in (None, rows[["before"]])
    )
    assert width(adjusted) < 0.6 * width(plain)


def width(effect: Estimate) -> float:
    assert effect.low is not None
    assert effect.high is not None
    return effect.high - effect.low


def test_clustered_errors_are_those_of_statsmodels(rows: pd.DataFrame) -> None:
    contrast = mean_contrast(rows["after"], rows["treated"], clusters=rows["cluster"])
    fitted = sm.OLS(rows["after"].to_numpy(), lin(rows)[:, :2])
    expected = fitted.fit(cov_type="cluster", cov_kwds={"groups": rows["cluster"]})
    assert isinstance(contrast, MeanContrast)
    assert contrast.value == pytest.approx(expected.params[1])
    assert contrast.standard_error == pytest.approx(expected.bse[1])
    assert contrast.freedom == 28


def test_clustered_and_adjusted_errors_are_nearly_those_of_statsmodels(rows: pd.DataFrame) -> None:
    contrast = mean_contrast(rows["after"], rows["treated"], rows[["before"]], rows["cluster"])
    fitted = sm.OLS(rows["after"].to_numpy(), lin(rows))
    expected = fitted.fit(cov_type="cluster", cov_kwds={"groups": rows["cluster"]})
    assert isinstance(contrast, MeanContrast)
    assert contrast.value == pytest.approx(expected.params[1])
    assert contrast.standard_error == pytest.approx(expected.bse[1], rel=0.02)


def test_z_has_the_tail_of_students_t() -> None:
    contrast = MeanContrast(2.0, 1.0, 10, 10.0, freedom=8.0)
    assert norm.sf(contrast.z) == pytest.approx(t.sf(2.0, 8.0))
    low, high = contrast.interval(1.959964)
    assert high - 2 == pytest.approx(2.306004, abs=1e-5)
    assert 2 - low == pytest.approx(2.306004, abs=1e-5)


def test_a_missing_covariate_is_a_level_of_its_own(rows: pd.DataFrame) -> None:
    holes = rows["before"].mask(np.arange(len(rows)) % 5 == 0)
    effect = mean_effect(rows["after"], rows["treated"], pd.DataFrame({"before": holes}))
    filled = pd.DataFrame({"before": holes.fillna(0), "is_missing": holes.isna().astype(float)})
    assert effect.value == pytest.approx(mean_effect(rows["after"], rows["treated"], filled).value)


def test_a_covariate_that_never_varies_or_says_the_same_again_adds_nothing(rows: pd.DataFrame) -> None:
    doubled = rows[["before"]].assign(again=rows["before"] * 2 + 1, constant=7.0)
    effect = mean_effect(rows["after"], rows["treated"], doubled)
    once = mean_effect(rows["after"], rows["treated"], rows[["before"]])
    assert [effect.value, effect.low] == pytest.approx([once.value, once.low])


@pytest.mark.parametrize(
    ("outcome", "treated", "reason"),
    [
        ([], [], "nobody is in the experiment yet"),
        ([1, 2, 3], [1, 1, 1], "everyone is in the treated arm, so there is nobody to compare with"),
        ([1, 2, 3], [0, 0, 0], "everyone is in the control arm, so nobody was treated"),
        ([1, 2, np.nan], [1, 0, 0], "the outcome of 1 of 3 accounts is not known yet"),
        ([1, 2, np.inf], [1, 0, 0], "the outcome of 1 of 3 accounts is infinite"),
        ([1, 2, 3], [1, 0, 0], "an arm has only 1 account, at least 2 are needed"),
        (
            [1, 1, 1, 1],
            [1, 1, 0, 0],
            "every account has the same outcome within its arm, so the spread cannot be measured",
        ),
    ],
)
def test_what_cannot_be_compared_is_unknown(outcome: list[float], treated: list[float], reason: str) -> None:
    effect = mean_effect(outcome, treated)
    assert (effect.value, effect.reason) == (None, reason)


def test_bad_covariates_and_few_clusters_are_unknown(rows: pd.DataFrame) -> None:
    endless = rows[["before"]].assign(before=np.inf)
    assert mean_effect(rows["after"], rows["treated"], endless).reason.startswith("a covariate is infinite")
    few = rows.groupby("treated").head(5)
    assert mean_effect(few["after"], few["treated"], few[["before"]]).reason == (
        "an arm has 5 accounts, at least 6 are needed to adjust for covariates"
    )
    two = mean_effect(rows["after"], rows["treated"], clusters=rows["treated"])
    assert two.reason == "an arm has only 1 cluster, at least 3 are needed"


def test_columns_that_do_not_fit_together_are_refused() -> None:
    with pytest.raises(ValueError, match="one value per account"):
        mean_effect([1, 2], [1, 0, 0])
    with pytest.raises(ValueError, match="treated needs 0 or 1"):
        mean_effect([1, 2], [1, 2])
    with pytest.raises(ValueError, match="covariates have 1 rows, the outcome has 2"):
        mean_effect([1, 2], [1, 0], pd.DataFrame({"x": [1]}))
    with pytest.raises(ValueError, match="clusters have 1 rows, the outcome has 2"):
        mean_effect([1, 2], [1, 0], clusters=["a"])
    with pytest.raises(ValueError, match="Every account needs a cluster"):
        mean_effect([1, 2], [1, 0], clusters=["a", None])
