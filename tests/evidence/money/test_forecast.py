import pickle
from datetime import date
from typing import Any

import numpy as np
import pandas as pd
import pytest
from benchmarks.calibration.renewing import company

from heed.evidence.money.forecasting import forecast, quarter_ends
from heed.evidence.money.outlook import Forecast, Outlook, Quarter

AS_OF = date(2025, 12, 31)
FIGURES = ("renewals_due", "due_amount", "renewed_amount", "grr", "nrr", "closing_mrr")


def movement(account: str, on: str, before: float, after: float) -> dict[str, Any]:
    return {"account": account, "on": pd.Timestamp(on), "kind": "", "before": before, "after": after}


def small(many: int = 60, leavers: int = 12) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Yearly contracts since 2024, renewing through the year; the first `leavers` left at their renewal."""
    accounts, history = [], []
    for at in range(many):
        name, month = f"a{at:02d}", at % 12 + 1
        history.append(movement(name, f"2024-{month:02d}-10", 0, 100 + at))
        gone = at < leavers
        if gone:
            history.append(movement(name, f"2025-{month:02d}-10", 100 + at, 0))
        elif at % 4 == 0:
            history.append(movement(name, f"2025-{month:02d}-10", 100 + at, 110 + at))
        elif at % 7 == 0:
            history.append(movement(name, f"2025-{month:02d}-10", 100 + at, 90 + at))
        amount = 0.0 if gone else 100.0 + at + (10 if at % 4 == 0 else -10 if at % 7 == 0 else 0)
        renews = pd.Timestamp(f"2026-{month:02d}-10")
        accounts.append({"account": name, "amount": amount, "renews_on": renews, "term_months": 12})
    return pd.DataFrame(accounts), pd.DataFrame(history)


def ahead(accounts: pd.DataFrame, history: pd.DataFrame, **changes: Any) -> Forecast:
    settings: dict[str, Any] = {"as_of": AS_OF, "runs": 400} | changes
    return forecast(accounts, history=history, **settings)


def known(outlook: Outlook) -> float:
    assert outlook.value is not None, outlook.reason
    return outlook.value


def test_the_quarters_are_those_of_the_calendar_from_the_day_on() -> None:
    assert quarter_ends(date(2026, 2, 10), 2) == [date(2026, 3, 31), date(2026, 6, 30)]
    assert quarter_ends(date(2025, 12, 31), 1) == [date(2026, 3, 31)]


def test_every_figure_has_both_intervals_one_inside_the_other() -> None:
    found = ahead(*small())
    assert found.reason == ""
    assert [quarter.ends_on for quarter in found.quarters] == quarter_ends(AS_OF)
    for quarter in (*found.quarters, found.whole):
        for name in FIGURES:
            outlook: Outlook = getattr(quarter, name)
            low, lower, middle, upper, high = (
                outlook.eighty.low, outlook.fifty.low, known(outlook),
                outlook.fifty.high, outlook.eighty.high,
            )  # fmt: skip
            assert low is not None
            assert lower is not None
            assert upper is not None
            assert high is not None
            assert low <= lower <= middle <= upper <= high
            assert (outlook.fifty.level, outlook.eighty.level) == (0.5, 0.8)
        assert known(quarter.grr) <= min(1.0, known(quarter.nrr))


def test_what_is_due_is_counted_from_the_dates() -> None:
    accounts, history = small()
    due = accounts[(accounts["amount"] > 0) & (accounts["renews_on"].dt.month <= 3)]
    first = ahead(accounts, history).quarters[0]
    assert known(first.renewals_due) == len(due)
    assert known(first.due_amount) == due["amount"].sum()


def without_contraction() -> tuple[pd.DataFrame, pd.DataFrame]:
    accounts, history = small()
    history = history[(history["after"] == 0) | (history["after"] > history["before"])]
    last = history.groupby("account")["after"].last()
    return accounts.assign(amount=accounts["account"].map(last).astype(float)), history


def test_certain_renewals_keep_everything_and_certain_leavers_nothing() -> None:
    accounts, history = without_contraction()
    for chance, kept in ((0.0, 1.0), (1.0, 0.0)):
        found = ahead(accounts.assign(leaves_at_renewal=chance), history)
        assert known(found.whole.grr) == pytest.approx(kept, abs=0.002)


def test_survival_by_quarter_takes_the_place_of_the_renewal() -> None:
    accounts, history = small()
    halves = pd.DataFrame([[0.5, 0.5, 0.5, 0.5]] * len(accounts), index=accounts["account"])
    found = ahead(accounts, history, survival=halves, runs=1000)
    assert known(found.quarters[0].grr) == pytest.approx(0.5, abs=0.08)
    assert known(found.quarters[1].grr) > 0.97
    with pytest.raises(ValueError, match="one for each of 4 quarters"):
        ahead(accounts, history, survival=halves.iloc[:, :2])
    with pytest.raises(ValueError, match="must not rise"):
        ahead(accounts, history, survival=halves.assign(rising=0.9).drop(columns=0))


def test_the_past_rate_is_found_again_where_no_probability_is_given() -> None:
    whole = ahead(*small(240, 48), runs=1000).whole
    assert known(whole.grr) == pytest.approx(0.8, abs=0.03)


def test_a_record_of_probabilities_that_were_too_low_raises_them() -> None:
    accounts, history = small()
    accounts = accounts.assign(leaves_at_renewal=0.1)
    days = pd.date_range("2023-01-15", periods=36, freq="MS").repeat(10)
    left = [True, True, True, *[False] * 7] * 36
    record = pd.DataFrame({"on": days, "probability": 0.1, "left": left})
    plain, corrected = ahead(accounts, history), ahead(accounts, history, renewals=record)
    assert known(corrected.whole.grr) == pytest.approx(0.7, abs=0.05)
    assert known(plain.whole.grr) > known(corrected.whole.grr) + 0.05


def swinging(swing: float) -> tuple[pd.DataFrame, pd.DataFrame]:
    """600 accounts by the month over 8 quarters; the share that leaves swings from quarter to quarter."""
    rng = np.random.default_rng(1)
    history = [movement(f"a{at:03d}", "2024-01-01", 0, 100) for at in range(600)]
    here = [f"a{at:03d}" for at in range(600)]
    for quarter in range(8):
        day = f"{2024 + quarter // 4}-{quarter % 4 * 3 + 2:02d}-01"
        leaves = 0.08 * (1 + swing * (-1) ** quarter)
        gone = set(rng.choice(here, round(leaves * len(here)), replace=False))
        history += [movement(name, day, 100, 0) for name in sorted(gone)]
        here = [name for name in here if name not in gone]
        history += [movement(here[0], day, 100, 100.5)]
    accounts = pd.DataFrame({"account": here, "amount": 100.0, "renews_on": pd.NaT, "term_months": np.nan})
    return accounts, pd.DataFrame(history)


def test_quarters_that_differed_make_the_interval_wider() -> None:
    def width(swing: float) -> float:
        eighty = ahead(*swinging(swing), runs=1000).quarters[0].grr.eighty
        assert eighty.low is not None
        assert eighty.high is not None
        return eighty.high - eighty.low

    assert width(0.8) > 2 * width(0.0)


def test_same_as_last_quarter_is_the_last_whole_quarter_carried_on() -> None:
    accounts, history = small()
    left = history[(history["after"] == 0) & (history["on"] >= "2025-10-01")]
    earlier = history[history["on"] < "2025-10-01"]
    opening = float((earlier["after"] - earlier["before"]).sum())
    same = ahead(accounts, history).quarters[0].same_as_last
    moved = history[history["on"] >= "2025-10-01"]
    nrr = 1 + (moved["after"] - moved["before"]).sum() / opening
    assert len(left) == 3
    assert same.nrr.value == pytest.approx(nrr)
    assert same.closing_mrr.value == pytest.approx(accounts["amount"].sum() * nrr)
    assert ahead(accounts, history).quarters[2].same_as_last.closing_mrr.value == pytest.approx(
        accounts["amount"].sum() * nrr**3
    )


def test_a_quarter_in_progress_counts_what_already_moved_in_it_and_the_next_does_not() -> None:
    accounts, history = without_contraction()
    accounts = accounts.assign(leaves_at_renewal=0.0, renews_on=pd.Timestamp("2027-06-10"))
    start = accounts["amount"].sum()
    accounts.loc[accounts["account"] == "a59", "amount"] = 0.0
    lost = pd.DataFrame([movement("a59", "2026-01-20", 159, 0)])
    found = ahead(accounts, pd.concat([history, lost]), as_of=date(2026, 3, 30))
    assert found.quarters[0].ends_on == date(2026, 3, 31)
    assert known(found.quarters[0].grr) == pytest.approx(1 - 159 / start)
    assert known(found.quarters[1].grr) == 1
    assert known(found.whole.grr) == 1


def test_a_given_probability_counts_at_the_renewal_and_not_before() -> None:
    accounts, history = without_contraction()
    accounts = accounts.assign(renews_on=pd.Timestamp("2026-11-10"), term_months=6, leaves_at_renewal=0.4)
    found = ahead(accounts, history)
    assert [known(quarter.renewals_due) for quarter in found.quarters] == [0, 0, 0, 48]
    assert [known(quarter.grr) for quarter in found.quarters[:3]] == [1, 1, 1]
    assert known(found.quarters[3].grr) < 0.8


def test_what_would_change_it_names_the_account_on_which_most_hangs() -> None:
    accounts, history = small()
    accounts.loc[accounts["account"] == "a40", "amount"] = 5000.0
    swings = ahead(accounts, history).what_would_change_it
    assert swings[0].account == "a40"
    assert swings[0].share > 0.5
    assert 0 < swings[0].leaving < 0.6
    everybody = ahead(accounts.iloc[:16], history[history["account"].isin(accounts["account"][:16])])
    assert sum(swing.share for swing in everybody.what_would_change_it) == pytest.approx(1)


def test_new_business_is_added_only_when_asked_and_only_to_the_closing_mrr() -> None:
    plain, with_new = ahead(*small()), ahead(*small(), new_business=True)
    assert not plain.includes_new_business
    assert with_new.includes_new_business
    assert known(with_new.whole.closing_mrr) > known(plain.whole.closing_mrr)
    assert with_new.whole.nrr == plain.whole.nrr


def test_the_same_tables_in_any_order_give_the_same_bytes() -> None:
    accounts, history = small()
    first = pickle.dumps(ahead(accounts, history, seed=3))
    shuffled = ahead(accounts.sample(frac=1, random_state=1), history.sample(frac=1, random_state=2), seed=3)
    assert pickle.dumps(shuffled) == first
    assert pickle.dumps(ahead(accounts, history, seed=4)) != first
    late = pd.concat([history, pd.DataFrame([movement("new", "2026-02-01", 0, 50)])])
    assert pickle.dumps(ahead(accounts, late, seed=3)) == first


def refusal(accounts: pd.DataFrame, history: pd.DataFrame, **changes: Any) -> str:
    found = ahead(accounts, history, **changes)
    quarters: tuple[Quarter, ...] = (*found.quarters, found.whole)
    assert len(quarters) == 5
    assert all(getattr(each, name).reason == found.reason for each in quarters for name in FIGURES)
    assert found.reason
    return found.reason


def test_thin_or_impossible_companies_are_unknown_with_a_reason() -> None:
    accounts, history = small()
    young = history[history["on"] < "2024-03-01"]
    assert "2 months long" in refusal(accounts, young, as_of=date(2024, 2, 28))
    assert refusal(accounts.iloc[:0], history) == "there are no accounts"
    assert refusal(accounts, history.iloc[:0]) == "no movement of revenue is known yet"
    assert "nothing has moved yet" in refusal(accounts, history[history["before"] == 0])
    assert (
        refusal(accounts.assign(amount=0.0), history) == "no account pays anything now, or no amount is known"
    )
    assert "infinite or negative: a20" in refusal(
        accounts.assign(amount=accounts["amount"].where(accounts["account"] != "a20", np.inf)), history
    )
    assert "no date or no amount" in refusal(accounts, history.assign(after=np.nan))
    few = small(60, 3)
    assert "only 3 accounts have left so far" in refusal(*few)
    assert ahead(few[0].assign(leaves_at_renewal=0.1), few[1]).reason == ""


def test_a_currency_without_a_rate_is_named() -> None:
    accounts, history = small()
    accounts["currency"] = ["EUR"] * 59 + ["CHF"]
    assert refusal(accounts, history, rates={"EUR": 1.0}) == "no rate is stated for CHF"
    assert "CHF" in refusal(accounts, history)
    assert "USD" in refusal(accounts.assign(currency="EUR"), history.assign(currency="USD"))
    assert ahead(accounts, history, rates={"EUR": 1.0, "CHF": 1.05}).reason == ""


def test_no_renewals_and_missing_amounts_leave_the_rest_standing() -> None:
    found = ahead(*swinging(0.2))
    assert known(found.quarters[0].renewals_due) == 0
    assert "renewal due" in found.quarters[0].renewed_amount.reason
    assert known(found.quarters[0].grr) < 1
    accounts, history = small()
    stale = ahead(
        accounts.assign(amount=accounts["amount"].where(accounts["account"] != "a20", 500.0)), history
    )
    assert stale.notes == ("their movements say another amount: a20",)
    blank = ahead(accounts.assign(amount=accounts["amount"].where(accounts["account"] != "a20")), history)
    assert blank.notes == ("left out, for the amount is not known: a20",)
    assert known(blank.quarters[0].grr) > 0.9
    fewer = ahead(accounts.drop(index=20), history)
    assert fewer.notes == ("left out, for only their movements are known: a20",)
    assert fewer.quarters == blank.quarters


def test_terms_that_are_missing_or_past_are_mended_and_said() -> None:
    accounts, history = small()
    accounts.loc[50, "term_months"] = np.nan
    accounts.loc[51, "renews_on"] = pd.Timestamp("2025-04-10")
    notes = " ".join(ahead(accounts, history).notes)
    assert "1 accounts without a term are taken to have 12 months" in notes
    assert "1 renewal dates have passed" in notes


def test_misuse_is_named() -> None:
    accounts, history = small()
    with pytest.raises(ValueError, match="accounts lacks the column term_months"):
        ahead(accounts.drop(columns="term_months"), history)
    with pytest.raises(ValueError, match="history lacks the column before"):
        ahead(accounts, history.drop(columns="before"))
    with pytest.raises(ValueError, match=r"accounts must have one row each; .a05. is there twice"):
        ahead(pd.concat([accounts, accounts.iloc[[5]]]), history)
    with pytest.raises(ValueError, match="between 0 and 1"):
        ahead(accounts.assign(leaves_at_renewal=12), history)
    with pytest.raises(ValueError, match="quarters >= 1"):
        ahead(accounts, history, quarters=0)


def test_a_company_of_forty_accounts_has_a_forecast() -> None:
    made = company(np.random.default_rng(2), 60, 36)
    found = forecast(made.accounts, history=made.history, as_of=made.as_of, renewals=made.renewals, runs=200)
    assert found.reason == ""
    assert known(found.whole.nrr) > 0.4
