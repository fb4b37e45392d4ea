"""Revenue ahead: simulated quarters from probabilities of leaving, past movements and common shocks."""

from collections.abc import Mapping
from datetime import date

import numpy as np
import pandas as pd

from heed.evidence.money.frames import CannotTellError, same_currency
from heed.evidence.money.history import read_past
from heed.evidence.money.learning import draw_new_business, learn
from heed.evidence.money.outlook import Forecast
from heed.evidence.money.reading import plan_of, read_accounts, read_history
from heed.evidence.money.simulating import simulate_quarters
from heed.evidence.money.telling import swings, told_quarters, unknown_forecast

MOST_AHEAD = 40


def quarter_ends(as_of: date, quarters: int = 4) -> list[date]:
    """The last days of the calendar quarters that a forecast covers: the one in progress after `as_of`,
    then the next ones. Use them to read survival off a hazard model."""
    return [quarter.end_time.date() for quarter in _ahead(as_of, quarters)]


def forecast(
    accounts: pd.DataFrame,
    *,
    history: pd.DataFrame,
    as_of: date,
    quarters: int = 4,
    runs: int = 2000,
    seed: int = 0,
    survival: pd.DataFrame | None = None,
    renewals: pd.DataFrame | None = None,
    rates: Mapping[str, float] | None = None,
    new_business: bool = False,
) -> Forecast:
    """Renewals, GRR, NRR and closing MRR of the coming calendar quarters, with 50 % and 80 % intervals.

    accounts: one row per account: `account`; `amount` paid per month on `as_of`; `renews_on`, its next
        renewal (None: none); `term_months` (NaN: none); optional `leaves_at_renewal`, the probability
        (0 to 1) of being gone after that renewal (NaN: as often as in the past); optional `currency`.
        Accounts that left may be included with amount 0, so that their past terms are known.
    history: past movements of all accounts, those gone too: `account`, `on`, `kind`, monthly amount `before`
        and `after`, optional `currency`. Rows after `as_of` are not read.
    survival: share (0 to 1) of being still a customer at each of `quarter_ends(as_of, quarters)`, one column
        each in that order, index the account; it takes the place of `leaves_at_renewal` for its accounts.
    renewals: what was said before past renewals and what came: `on`, `probability`, `left`. With it the level
        of the probabilities is corrected, and its doubt learned, from their own record.
    rates: what one unit of each currency is worth in the currency of the figures.
    new_business: add new accounts to the closing MRR as in past quarters; GRR and NRR never hold them.

    Deterministic: the same tables in any order of rows and the same seed give the same bytes.
    """
    if not (1 <= quarters < np.inf and 100 <= runs < np.inf):
        raise ValueError(f"A forecast needs quarters >= 1 and runs >= 100, not {quarters} and {runs}.")
    span = _ahead(as_of, quarters)
    try:
        same_currency([accounts, history], rates)
        known, notes = read_accounts(accounts, rates, as_of)
        moved, strangers = read_history(history, accounts, known, rates, as_of)
        past = read_past(known, moved, span[0], as_of)
        plan = plan_of(known, past, span, survival, as_of)
        rng = np.random.default_rng(seed)
        learned, missing = learn(past, plan, renewals, rng, runs, as_of)
        simulated = simulate_quarters(plan, learned, rng)
    except CannotTellError as error:
        return unknown_forecast(str(error), as_of, span, runs, seed)
    grown = draw_new_business(past, rng, runs, quarters) if new_business else None
    said, whole = told_quarters(span, plan, past, simulated, grown)
    return Forecast(
        as_of=as_of, quarters=said, whole=whole, what_would_change_it=swings(known, simulated),
        notes=(*notes, *strangers, *missing), includes_new_business=new_business, runs=runs, seed=seed,
    )  # fmt: skip


def _ahead(as_of: date, quarters: int) -> pd.PeriodIndex:
    """The quarter in progress after the end of day `as_of`, and the next ones."""
    if not 1 <= quarters <= MOST_AHEAD:
        raise ValueError(f"Quarters ahead are 1 to {MOST_AHEAD}; these are {quarters!r}.")
    return pd.period_range((pd.Timestamp(as_of) + pd.Timedelta(days=1)).to_period("Q"), periods=quarters)
