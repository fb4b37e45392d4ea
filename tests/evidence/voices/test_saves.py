import numpy as np
import pandas as pd
import pytest
from scipy import stats
from statsmodels.stats.proportion import proportion_confint

from heed.evidence.voices import lead_time, save_rates


@pytest.fixture
def departures() -> pd.DataFrame:
    days = [10, 20, 30, 40, 50, 60, 70, 80, 90, 100, 0, -5, None]
    notice = pd.Timestamp("2026-06-30")
    signal = [None if day is None else notice - pd.Timedelta(days=day) for day in days]
    return pd.DataFrame({"noticed_on": notice, "first_signal_on": signal})


def test_lead_time_is_the_median_of_those_seen_before_they_gave_notice(departures: pd.DataFrame) -> None:
    found = lead_time(departures)
    assert (found.median.value, found.median.n) == (55, 10)
    seen = (list(range(10, 101, 10)),)
    expected = stats.bootstrap(seen, np.median, method="percentile", rng=1).confidence_interval
    assert found.median.low == pytest.approx(expected.low, abs=5)
    assert found.median.high == pytest.approx(expected.high, abs=5)


def test_those_seen_too_late_or_never_are_counted(departures: pd.DataFrame) -> None:
    found = lead_time(departures)
    assert found.missed.value == pytest.approx(3 / 13)
    assert (found.missed.low, found.missed.high) == pytest.approx(proportion_confint(3, 13, method="wilson"))
    assert found.late.value == pytest.approx(8 / 13)
    assert lead_time(departures, late_under=61).late.value == pytest.approx(9 / 13)


def test_the_same_seed_gives_the_same_interval(departures: pd.DataFrame) -> None:
    assert lead_time(departures, seed=4) == lead_time(departures, seed=4)


def test_few_signals_have_no_median(departures: pd.DataFrame) -> None:
    few = lead_time(departures[:4])
    assert few.median.reason == "4 of those who left had a signal before it, at least 5 are needed"
    assert few.missed.value == 0
    nobody = lead_time(departures[:0])
    assert nobody.missed.reason == nobody.late.reason == "no observations yet"


def test_save_rates_have_a_band_for_each_lead_and_one_for_none() -> None:
    risks = pd.DataFrame(
        {"lead_days": [None, 0, 10, 29, 30, 59, 60, 200, 181], "saved": [1, 0, 0, 0, 1, 0, 1, 1, 1]}
    )
    bands = save_rates(risks)
    assert [(band.from_days, band.to_days, band.saved, band.rate.n) for band in bands] == [
        (None, None, 1, 2), (0, 30, 0, 2), (30, 60, 1, 2), (60, 90, 1, 1), (90, 180, 0, 0), (180, None, 2, 2),
    ]  # fmt: skip
    assert (bands[2].rate.low, bands[2].rate.high) == pytest.approx(proportion_confint(1, 2, method="wilson"))
    assert bands[4].rate.reason == "none was seen this early"


def test_wrong_tables_and_edges_are_refused(departures: pd.DataFrame) -> None:
    with pytest.raises(ValueError, match="risks lacks the column lead_days, saved"):
        save_rates(departures)
    with pytest.raises(ValueError, match="edges of the bands must rise from 0"):
        save_rates(pd.DataFrame({"lead_days": [1], "saved": [True]}), edges=(30, 0))
    with pytest.raises(ValueError, match="departures lacks the column noticed_on"):
        lead_time(departures[["first_signal_on"]])
