"""A trigger replayed over the past 12 months before it may be switched on: what it would have caught and
missed.

An alert is right if its account left within the horizon after it, wrong if it was still there when the
horizon had passed, and open while that is not known yet. It is censored where the account ended otherwise
before (a payment failed): it neither left nor was still there, so the alert counts neither way. Repeated
firings close to each other are one alert.
An account that left is caught if an alert came within the horizon before (never on the same day), else
missed: it left while green.
"""

from dataclasses import dataclass
from datetime import date
from math import inf, sqrt
from typing import Any, Literal

import pandas as pd

from heed.evidence.cards.judging import median_days
from heed.evidence.cards.records import Recorded
from heed.evidence.estimate import Estimate
from heed.evidence.intervals import LEVEL, normal_quantile, poisson_bounds, wilson
from heed.evidence.tables import days, numbers, require

MONTHS = 12
HORIZON = 90
QUIET = 14
DAY = pd.Timedelta(days=1)
FATES = ("right", "wrong", "open", "censored")
DECIDED = ("right", "wrong")


@dataclass(frozen=True, slots=True, kw_only=True)
class Replay(Recorded):
    """What a trigger would have done between `since` and `until` (ISO dates).

    `precision`: right alerts of those decided, which `open` and `censored` ones are not. `recall`: caught
    among the accounts that left; `f1` the harmonic mean of both. `missed`: the opposite of recall,
    `missed_accounts` who. `lead_days`: median days from the first alert within the horizon until an account
    left. `false_alarms`: wrong alerts per customer success manager and week.
    """

    since: str
    until: str
    horizon: int
    alerts: int
    right: int
    wrong: int
    open: int
    censored: int
    left: int
    precision: Estimate
    recall: Estimate
    f1: Estimate
    missed: Estimate
    missed_accounts: tuple[str, ...]
    lead_days: Estimate
    false_alarms: Estimate
    notes: tuple[str, ...]


def replay_trigger(
    fired: pd.DataFrame,
    outcomes: pd.DataFrame,
    alive: pd.DataFrame,
    *,
    until: date,
    horizon: int = HORIZON,
    csms: float | None = None,
    months: int = MONTHS,
    quiet: int = QUIET,
    seed: int = 0,
    level: float = LEVEL,
    ended: pd.DataFrame | None = None,
) -> Replay:
    """Replays the `months` before `until`, the last day of which everything is known.

    `fired`: `account` and `on`, the days on which the trigger would have fired; give those of the horizon
    before the window too, so that who left early in it can be found caught. `outcomes`: `account` and `on`,
    the days on which accounts left. `alive`: `account`, `since` and `until` (missing: still a customer).
    `csms`: how many customer success managers share the alarms. `quiet`: firings of an account within so
    many days of the one before belong to the same alert. `ended`: `account` and `on`, the days on which
    accounts ended otherwise than by leaving, such as by a failed payment: an alert within the horizon before
    is censored. Raises ValueError where a column is missing.
    """
    judged = judge_alerts(
        fired, outcomes, alive, until=until, horizon=horizon, months=months, quiet=quiet, ended=ended
    )
    alerts, leavers = judged.alerts, judged.leavers
    counts = {fate: int((alerts["fate"] == fate).sum()) for fate in FATES}
    missed = leavers.loc[leavers["first"].isna(), "account"].unique()
    n = leavers["account"].nunique()
    precision, recall = _precision(alerts, level), _of_left(n - len(missed), n, months, level)
    return Replay(
        since=judged.since.isoformat(), until=judged.until.isoformat(), horizon=horizon,
        alerts=len(alerts), **counts, left=n, precision=precision, recall=recall,
        f1=_f1(precision, recall, level), missed=_of_left(len(missed), n, months, level),
        missed_accounts=tuple(sorted(map(str, missed))),
        lead_days=median_days(_leads(leavers).to_numpy(float), seed, level),
        false_alarms=_false_alarms(counts["wrong"], csms, judged.days - horizon, level),
        notes=_notes(judged.dropped),
    )  # fmt: skip


@dataclass(frozen=True, slots=True, eq=False)
class JudgedAlerts:
    """What became of each alert, and who of those that left was alerted on, between two days.

    `alerts`: account, on, `left` and `ended` (the days within the horizon on which it left and on which it
    ended otherwise, NaT: it did not) and `fate`: right, wrong, open or censored. `leavers`: account, on (it
    left) and `first` firing within the horizon before (NaT: missed). `dropped`: firings left out.
    """

    since: date
    until: date
    alerts: pd.DataFrame
    leavers: pd.DataFrame
    dropped: int

    @property
    def days(self) -> int:
        return (self.until - self.since).days + 1


def judge_alerts(
    fired: pd.DataFrame,
    outcomes: pd.DataFrame,
    alive: pd.DataFrame,
    *,
    until: date,
    horizon: int = HORIZON,
    months: int = MONTHS,
    quiet: int = QUIET,
    ended: pd.DataFrame | None = None,
) -> JudgedAlerts:
    """The alerts and the leavers that `replay_trigger` counts, given the same."""
    if not (1 <= horizon < inf and 1 <= months < inf and 0 <= quiet < inf):
        raise ValueError(
            f"Horizon and months are 1 or more, quiet 0 or more; these are {horizon}, {months}, {quiet}."
        )
    end = pd.Timestamp(until)
    start = end - pd.DateOffset(months=months) + DAY
    known, left = _known(fired, "fired", end), _known(outcomes, "outcomes", end).drop_duplicates()
    others = left.iloc[:0] if ended is None else _known(ended, "ended", end)
    living = _living(known, _days(alive, "alive", "since", "until"))
    alerts = _fated(_alerts(living, quiet), left, others, horizon, end)
    gone = left[left["on"] >= start].reset_index(drop=True)
    return JudgedAlerts(
        start.date(), end.date(), alerts[alerts["on"] >= start].reset_index(drop=True),
        gone.assign(first=_first_before(living, gone, horizon)), len(known) - len(living),
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Chance(Recorded):
    """What alerts at random moments would have come to, to hold a trigger against.

    `precision`: of all moments, those with an account leaving within the horizon after. `recall`: of all
    moments, those with an alert within the horizon before; one that always has one catches everybody.
    """

    precision: Estimate
    recall: Estimate


def by_chance(
    moments: pd.DataFrame,
    fired: pd.DataFrame,
    outcomes: pd.DataFrame,
    alive: pd.DataFrame,
    *,
    until: date,
    horizon: int = HORIZON,
    months: int = MONTHS,
    level: float = LEVEL,
    ended: pd.DataFrame | None = None,
) -> Chance:
    """`moments`: `account` and `on`, every day of the grid on which the trigger was looked at. All else is as
    in `replay_trigger`: a moment within the horizon before an account ended otherwise decides nothing."""
    found = judge_alerts(
        moments, outcomes, alive, until=until, horizon=horizon, months=months, quiet=0, ended=ended
    ).alerts
    living = _living(_days(fired, "fired", "on"), _days(alive, "alive", "since", "until"))
    alerted = pd.merge_asof(
        found.sort_values("on"), living.assign(fired=living["on"]).sort_values("on"), on="on", by="account",
        tolerance=horizon * DAY, allow_exact_matches=False,
    )["fired"].notna()  # fmt: skip
    return Chance(_precision(found, level), _of_moments(alerted, found["account"].nunique(), level))


def _of_moments(alerted: "pd.Series[bool]", accounts: int, level: float) -> Estimate:
    method = "moments with an alert within the horizon before, Wilson interval by account"
    if not accounts:
        return Estimate.unknown("nobody was a customer", method=method)
    share = float(alerted.mean())
    low, high = _wilson_bounds(share, accounts, level)
    return Estimate(share, low, high, accounts, level, method)


def _days(table: pd.DataFrame, name: str, *columns: str) -> pd.DataFrame:
    """The table's accounts and days, at midnight and without a time zone."""
    require(table, name, "account", *columns)
    found = pd.DataFrame({"account": table["account"].to_numpy()})
    for each in columns:
        found[each] = days(table[each]).to_numpy()
    return found


def _known(table: pd.DataFrame, name: str, end: pd.Timestamp) -> pd.DataFrame:
    """The days of a table up to the last one of which everything is known."""
    found = _days(table, name, "on")
    return found[found["on"] <= end]


def _living(fired: pd.DataFrame, alive: pd.DataFrame) -> pd.DataFrame:
    """Firings at accounts that were customers on the day, by account and day, each once."""
    both = fired.drop_duplicates().merge(alive, on="account")
    open_end = both["until"].isna() | (both["on"] < both["until"])
    held = both.loc[(both["on"] >= both["since"]) & open_end, ["account", "on"]]
    return held.drop_duplicates().sort_values(["account", "on"], ignore_index=True)


def _alerts(living: pd.DataFrame, quiet: int) -> pd.DataFrame:
    """The first firing of each run of firings."""
    gap = living.groupby("account", sort=False)["on"].diff()
    return living[gap.isna() | (gap > quiet * DAY)].reset_index(drop=True)


def _fated(
    alerts: pd.DataFrame, left: pd.DataFrame, ended: pd.DataFrame, horizon: int, end: pd.Timestamp
) -> pd.DataFrame:
    """The alerts with what became of each within the horizon: the ending that came first decides."""
    found = alerts.assign(left=_next(alerts, left, horizon), ended=_next(alerts, ended, horizon))
    # Of two on one day leaving comes first, as in the rows that risk is learnt from.
    censored = found["ended"].notna() & ~(found["left"] <= found["ended"])
    found["fate"] = "wrong"
    found.loc[found["on"] + horizon * DAY > end, "fate"] = "open"
    found.loc[found["left"].notna(), "fate"] = "right"
    found.loc[censored, "fate"] = "censored"
    return found


def _next(alerts: pd.DataFrame, endings: pd.DataFrame, horizon: int) -> "pd.Series[Any]":
    """For each alert the day of its account's first ending within the horizon, NaT if there was none."""
    pairs = alerts.reset_index().merge(endings, on="account", suffixes=("", "_ending"))
    after = pairs["on_ending"] - pairs["on"]
    within = pairs[(after > 0 * DAY) & (after <= horizon * DAY)]
    return within.groupby("index")["on_ending"].min().reindex(alerts.index)


def _first_before(living: pd.DataFrame, gone: pd.DataFrame, horizon: int) -> "pd.Series[Any]":
    """For each leaving the first firing within the horizon before (never on the same day), NaT if none."""
    pairs = gone.reset_index().merge(living, on="account", suffixes=("", "_fired"))
    ahead = pairs["on"] - pairs["on_fired"]
    caught = pairs[(ahead > 0 * DAY) & (ahead <= horizon * DAY)]
    return caught.groupby("index")["on_fired"].min().reindex(gone.index)


def _leads(leavers: pd.DataFrame) -> "pd.Series[Any]":
    """By account that left and was caught: days from the first firing within the horizon until it left."""
    ahead = (leavers["on"] - leavers["first"]).dt.days
    leads: pd.Series[Any] = ahead.groupby(leavers["account"]).max().dropna()
    return leads


def _precision(alerts: pd.DataFrame, level: float) -> Estimate:
    """Wilson's interval for as many alerts as they are worth: several of one account count for less."""
    method = "right alerts of those decided, Wilson interval widened for accounts with several alerts"
    decided = alerts[alerts["fate"].isin(DECIDED)]
    if not len(decided):
        return Estimate.unknown("it would not have fired, or nothing is decided yet", method=method)
    right = (decided["fate"] == "right").to_numpy(float)
    share, n = float(right.mean()), len(right)
    sums = pd.Series(right - share).groupby(decided["account"].to_numpy()).sum().to_numpy()
    plain = n * share * (1 - share)
    worth = n / max(1.0, float(sums @ sums) / plain) if plain > 0 else float(decided["account"].nunique())
    low, high = _wilson_bounds(share, worth, level)
    return Estimate(share, low, high, n, level, method)


def _wilson_bounds(share: float, n: float, level: float) -> tuple[float, float]:
    """Wilson's bounds for an n that need not be whole (Korn and Graubard 1998 take such an n)."""
    z = normal_quantile(level)
    shrink = 1 + z * z / n
    centre = (share + z * z / (2 * n)) / shrink
    half = z / shrink * sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    return max(0.0, centre - half), min(1.0, centre + half)


def _of_left(part: int, n: int, months: int, level: float) -> Estimate:
    if n == 0:
        return Estimate.unknown(f"no account left in these {months} months")
    return wilson(part, n, level=level)


def _f1(precision: Estimate, recall: Estimate, level: float) -> Estimate:
    """The harmonic mean; its interval is that of both at their lower, and both at their upper ends."""
    method = "harmonic mean of precision and recall, from the ends of both intervals"
    reason = precision.reason or recall.reason
    if reason:
        return Estimate.unknown(reason, method=method)
    value, low, high = (
        _harmonic(getattr(precision, end), getattr(recall, end)) for end in ("value", "low", "high")
    )
    return Estimate(value, low, high, recall.n, 1 - 2 * (1 - level), method)


def _harmonic(one: float, other: float) -> float:
    return 2 * one * other / (one + other) if one + other else 0.0


def _false_alarms(wrong: int, csms: float | None, judged: int, level: float) -> Estimate:
    """Poisson rate with Garwood's exact interval (1936), over the days whose alerts can be judged."""
    method = "wrong alerts per manager and week, Garwood's exact interval"
    if csms is None or not 0 < csms < inf:
        return Estimate.unknown("how many managers share the alarms was not stated", method=method)
    if judged <= 0:
        return Estimate.unknown("the horizon is as long as the window: nothing can be judged", method=method)
    units = csms * judged / 7
    low, high = poisson_bounds(wrong, level)
    return Estimate(wrong / units, low / units, high / units, wrong, level, method)


def _notes(dropped: int) -> tuple[str, ...]:
    if not dropped:
        return ()
    return (f"firings left out, repeated or when the account was no customer: {dropped}",)


@dataclass(frozen=True, slots=True)
class TriggerRule:
    """Fires when `metric` comes to be below (or above) `threshold`; unknown never fires."""

    name: str
    metric: str
    side: Literal["below", "above"]
    threshold: float

    def fires(self, values: pd.DataFrame) -> pd.DataFrame:
        """`values`: `account`, `on` and `value` of the metric on a grid of days. The days (`account`, `on`)
        on which it is past the threshold and was not on the day of the grid before."""
        require(values, "values", "account", "on", "value")
        read = values.assign(day=days(values["on"]), value=numbers(values["value"]))
        ordered = read.sort_values(["account", "day"], kind="stable")
        value = ordered["value"]
        past = value < self.threshold if self.side == "below" else value > self.threshold
        before = past.groupby(ordered["account"]).shift(fill_value=False)
        return ordered.loc[past & ~before, ["account", "on"]].reset_index(drop=True)


# As others publish them; the metrics are defined in heed.evidence.scoring.templates.
PUBLISHED_RULES = (
    TriggerRule("score below 50", "score", "below", 50.0),
    TriggerRule("recent level under half of the own baseline", "usage_trend", "below", 0.5),
    TriggerRule("usage down by more than 20 % in 14 days", "usage_14_days", "below", 0.8),
)
