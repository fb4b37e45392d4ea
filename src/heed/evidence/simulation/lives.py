"""What happens to the accounts, month by month: attainment, harm, renewals, changes of plan, return."""

from dataclasses import dataclass, field
from typing import Final

import numpy as np

from heed.evidence.simulation.calendar import NEVER, Real, Truths, Whole
from heed.evidence.simulation.company import TERMS, Accounts, Draws
from heed.evidence.simulation.truth import Effects

LEAVE_BASE: Final = (-4.7, -3.7, -2.3)
PERSIST: Final = 0.8
SHOCK: Final = 0.45
INCIDENTS: Final = 6
INCIDENT_REACH: Final = 0.28
MENDED_SHARE: Final = 0.6
OWN_HARM_A_MONTH: Final = 0.012
RETURN_SHARE: Final = 0.14
FADE_SHARE: Final = 0.4
LAUNCHES: Final = {"first report in a week": 120, "monthly digest": 200}


@dataclass(slots=True)
class Harms:
    """Dates that hurt accounts: `until` is when it was put right; `incident` -1 means the account alone."""

    account: Whole
    on: Whole
    until: Whole
    mended: Truths
    incident: Whole


@dataclass(slots=True)
class Arms:
    account: Whole
    play: Whole
    treated: Truths
    on: Whole


@dataclass(slots=True)
class Versions:
    """What an account pays from a day on: one row a term, or a change within a term."""

    account: list[Whole] = field(default_factory=list)
    on: list[Whole] = field(default_factory=list)
    renews: list[Whole] = field(default_factory=list)
    seats: list[Whole] = field(default_factory=list)

    def add(self, account: Whole, on: Whole, renews: Whole, seats: Whole) -> None:
        self.account.append(account)
        self.on.append(on)
        self.renews.append(renews)
        self.seats.append(seats)


@dataclass(slots=True)
class Decisions:
    account: list[Whole] = field(default_factory=list)
    on: list[Whole] = field(default_factory=list)
    outcome: list[Real] = field(default_factory=list)
    harm: list[Truths] = field(default_factory=list)
    probability: list[Real] = field(default_factory=list)
    left: list[Truths] = field(default_factory=list)


@dataclass(slots=True)
class Lives:
    """`begins` and `ends` are 2 × accounts: the first stay and the second one of those who came back."""

    outcome: Real
    harms: Harms
    arms: Arms
    begins: Whole
    ends: Whole
    fades: Truths
    versions: Versions
    decisions: Decisions
    seats: Whole
    term_from: Whole


def live(accounts: Accounts, effects: Effects, draws: Draws) -> Lives:
    n = len(accounts)
    lives = Lives(
        outcome=np.zeros((n, accounts.window.months)),
        harms=draw_harms(accounts, draws),
        arms=assign_plays(accounts, effects, draws),
        begins=np.stack([np.maximum(accounts.since, 0), np.full(n, NEVER)]),
        ends=np.full((2, n), NEVER),
        fades=draws.of("fades").random(n) < FADE_SHARE,
        versions=Versions(),
        decisions=Decisions(),
        seats=accounts.seats.copy(),
        term_from=accounts.since_month.copy(),
    )
    attain(accounts, lives, effects, draws)
    sign(accounts, lives)
    for month in range(accounts.window.months):
        decide(accounts, lives, effects, draws, month)
        grow(accounts, lives, draws, month)
        come_back(accounts, lives, draws, month)
    return lives


def draw_harms(accounts: Accounts, draws: Draws) -> Harms:
    """Incidents that hit many accounts on one day, and mishaps of one account."""
    random, days, n = draws.of("harm"), accounts.window.days, len(accounts)
    dates = np.sort((np.arange(INCIDENTS) + random.uniform(0.15, 0.85, INCIDENTS)) * days / INCIDENTS)
    hit = random.random((INCIDENTS, n)) < INCIDENT_REACH
    incident, account = np.nonzero(hit)
    alone = random.random(n * accounts.window.months) < OWN_HARM_A_MONTH
    own = np.nonzero(alone)[0] % n
    account = np.concatenate([account, own])
    on = np.concatenate([dates.astype(np.int64)[incident], random.integers(0, days, len(own))])
    incident = np.concatenate([incident, np.full(len(own), -1)])
    mended = random.random(len(on)) < MENDED_SHARE
    until = on + np.where(mended, random.integers(1, 21, len(on)), random.integers(150, 400, len(on)))
    kept = np.argsort(on, kind="stable")
    kept = kept[on[kept] >= accounts.since[account[kept]]]
    return Harms(account[kept], on[kept], until[kept], mended[kept], incident[kept])


def assign_plays(accounts: Accounts, effects: Effects, draws: Draws) -> Arms:
    """Each play draws its holdout by account; newcomers enter three days after they start."""
    n, parts = len(accounts), []
    for number, play in enumerate(effects.plays):
        random = draws.of("play", play)
        on = np.maximum(accounts.since + 3, LAUNCHES.get(play, 100) + random.integers(0, 20, n))
        parts.append((np.arange(n), np.full(n, number), random.random(n) < 0.5, on))
    account, play_number, treated, on = (np.concatenate(column) for column in zip(*parts, strict=True))
    inside = on < accounts.window.days
    return Arms(account[inside], play_number[inside], treated[inside], on[inside])


def lift(accounts: Accounts, arms: Arms, effects: Effects, day: int) -> Real:
    """What the plays that an account has been given by `day` add to where its attainment settles."""
    sizes = np.array(list(effects.plays.values()))
    given = arms.treated & (arms.on <= day)
    return np.bincount(arms.account[given], sizes[arms.play[given]], len(accounts)).astype(np.float64)


def attain(accounts: Accounts, lives: Lives, effects: Effects, draws: Draws) -> None:
    """Attainment drifts towards each account's drive, lifted by plays that work; newcomers start low."""
    random, window = draws.of("attain"), accounts.window
    level = accounts.drive + random.normal(0, 0.6, len(accounts))
    for month in range(window.months):
        settles = accounts.drive + lift(accounts, lives.arms, effects, int(window.month_starts[month]))
        new = (window.first_month + month - accounts.since_month >= 0) & (
            window.first_month + month - accounts.since_month < 2
        )
        shock = random.normal(0, SHOCK, len(accounts))
        level = settles + PERSIST * (level - settles) + shock - 0.4 * new
        lives.outcome[:, month] = level


def sign(accounts: Accounts, lives: Lives) -> None:
    """The first term of every account and the terms it renewed before the window began."""
    ago = np.maximum(accounts.window.first_month - accounts.since_month, 0)
    earlier = ago // accounts.term
    earlier -= (earlier > 0) & (
        accounts.window.day_of(accounts.since_month + earlier * accounts.term, accounts.since_of_month) >= 0
    )
    account = np.repeat(np.arange(len(accounts)), earlier + 1)
    which = np.arange(len(account)) - np.repeat(np.cumsum(earlier + 1) - earlier - 1, earlier + 1)
    month = accounts.since_month[account] + which * accounts.term[account]
    add_terms(accounts, lives, account, month)


def add_terms(accounts: Accounts, lives: Lives, account: Whole, month: Whole) -> None:
    of_month, term = accounts.since_of_month[account], accounts.term[account]
    day_of = accounts.window.day_of
    lives.versions.add(account, day_of(month, of_month), day_of(month + term, of_month), lives.seats[account])


def is_customer(lives: Lives, day: Whole, account: Whole) -> Truths:
    """Whether it is a customer on that day (its leaving, if decided, lies later)."""
    begins, ends = lives.begins[:, account], lives.ends[:, account]
    return np.asarray(((begins <= day) & (day < ends)).any(axis=0))


def harm_open(lives: Lives, account: Whole, day: Whole, n: int) -> Truths:
    """Whether harm that began before the day is still not put right on it; one day an account."""
    harms = lives.harms
    on_day = np.full(n, -1)
    on_day[account] = day
    theirs = on_day[harms.account]
    is_open = (harms.on < theirs) & (theirs < harms.until)
    return np.bincount(harms.account[is_open], minlength=n)[account] > 0


def decide(accounts: Accounts, lives: Lives, effects: Effects, draws: Draws, month: int) -> None:
    """Renewals of one calendar month: who leaves, who stays with how many seats."""
    random, n, window = draws.of("decide", month), len(accounts), accounts.window
    calendar_month = window.first_month + month
    day = window.day_of(np.full(n, calendar_month), accounts.since_of_month)
    age = calendar_month - lives.term_from
    due = (age > 0) & (age % accounts.term == 0) & (day >= 0) & (day < window.days)
    due &= is_customer(lives, day, np.arange(n))
    account = np.nonzero(due)[0]
    day, outcome = day[account], lives.outcome[account, month]
    harm = harm_open(lives, account, day, n)
    late = month >= window.months // 2
    odds = np.take(LEAVE_BASE, np.searchsorted(TERMS, accounts.term[account]))
    odds = odds + effects.on_leaving("outcome", late=late) * outcome
    odds += effects.on_leaving("open_harm", late=late) * harm
    odds += (
        effects.on_leaving("captive", late=late) * accounts.captive[account]
        + effects.on_leaving("score", late=late) * accounts.liking[account]
    )
    odds += effects.seasonality * np.cos(2 * np.pi * (calendar_month % 12 - 11) / 12)
    probability = 1 / (1 + np.exp(-odds))
    left = random.random(len(account)) < probability
    keep_decisions(lives, account, day, outcome, harm, probability, left)
    stay = np.where(is_second(lives, account, day), 1, 0)
    lives.ends[stay[left], account[left]] = day[left]
    resize(accounts, lives, account[~left], outcome[~left], random)
    add_terms(accounts, lives, account[~left], np.full((~left).sum(), calendar_month))


def keep_decisions(
    lives: Lives, account: Whole, day: Whole, outcome: Real, harm: Truths, probability: Real, left: Truths
) -> None:
    kept = lives.decisions
    kept.account.append(account)
    kept.on.append(day)
    kept.outcome.append(outcome)
    kept.harm.append(harm)
    kept.probability.append(probability)
    kept.left.append(left)


def is_second(lives: Lives, account: Whole, day: Whole) -> Truths:
    return np.asarray(lives.begins[1, account] <= day)


def resize(
    accounts: Accounts, lives: Lives, account: Whole, outcome: Real, random: np.random.Generator
) -> None:
    """At a renewal: attainment brings seats, the lack of it costs seats; equally often in a year."""
    draw, share = random.random(len(account)), accounts.term[account] / 12
    grows = draw < share * 0.44 / (1 + np.exp(-outcome))
    shrinks = draw > 1 - share * 0.26 / (1 + np.exp(outcome))
    factor = np.where(grows, 1.25, np.where(shrinks, 0.75, 1.0))
    lives.seats[account] = np.maximum(2, np.round(lives.seats[account] * factor)).astype(np.int64)


def grow(accounts: Accounts, lives: Lives, draws: Draws, month: int) -> None:
    """Yearly customers add seats within a term now and then, more often when they attain."""
    random, n, window = draws.of("grow", month), len(accounts), accounts.window
    calendar_month = window.first_month + month
    of_month = np.minimum(accounts.since_of_month + random.integers(1, 8, n), 28)
    day = window.day_of(np.full(n, calendar_month), of_month)
    age = (calendar_month - lives.term_from) % accounts.term
    wants = random.random(n) < 0.025 / (1 + np.exp(-lives.outcome[:, month]))
    inside = (accounts.term == 12) & (age > 0) & (day >= 0) & (day < window.days)
    account = np.nonzero(wants & inside & is_customer(lives, day, np.arange(n)))[0]
    added = np.maximum(1, np.round(lives.seats[account] * 0.15)).astype(np.int64)
    lives.seats[account] += added
    to_renewal = accounts.term[account] - age[account]
    renews = window.day_of(calendar_month + to_renewal, accounts.since_of_month[account])
    lives.versions.add(account, day[account], renews, lives.seats[account])


def come_back(accounts: Accounts, lives: Lives, draws: Draws, month: int) -> None:
    """A few of those who left return after three to nine months, smaller, on a new term."""
    random, n, window = draws.of("return", month), len(accounts), accounts.window
    calendar_month = window.first_month + month
    start, end = window.month_starts[month], window.month_starts[month + 1]
    left_now = (lives.ends[0] >= start) & (lives.ends[0] < end) & (random.random(n) < RETURN_SHARE)
    account = np.nonzero(left_now)[0]
    back_month = calendar_month + random.integers(3, 10, len(account))
    day = window.day_of(back_month, accounts.since_of_month[account])
    inside = day < window.days
    account, back_month, day = account[inside], back_month[inside], day[inside]
    lives.begins[1, account] = day
    lives.seats[account] = np.maximum(2, lives.seats[account] // 2)
    lives.term_from[account] = back_month
    add_terms(accounts, lives, account, back_month)
