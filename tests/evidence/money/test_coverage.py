"""The quick form of the calibration study; the long one runs under `make calibrate`."""

import numpy as np
from benchmarks.calibration.forecast import SMALL, coverage
from benchmarks.calibration.renewing import company


def test_intervals_hold_about_as_often_as_they_say() -> None:
    counts, refused = coverage(6, (SMALL, 110), told=True)
    assert refused == 0
    assert counts[80].of == counts[50].of == 6 * 5 * 3
    # 90 figures of six companies hold or fail together: the bounds are wide.
    assert 0.6 <= counts[80].held / counts[80].of <= 0.97
    assert 0.25 <= counts[50].held / counts[50].of < counts[80].held / counts[80].of


def test_the_simulated_past_and_future_fit_together() -> None:
    made = company(np.random.default_rng(5), 110, 37, into_quarter=1)
    last = made.history.sort_values("on", kind="stable").groupby("account")["after"].last()
    paid = made.accounts.set_index("account")["amount"]
    np.testing.assert_allclose(last.reindex(paid.index), paid)
    assert made.history["on"].max().date() <= made.as_of
    truth = made.truth(0, 2, made.begun)
    assert 0 < truth["grr"] <= min(1, truth["nrr"])
