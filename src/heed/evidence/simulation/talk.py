"""What customers and the company say to each other: tickets, interactions and survey answers."""

from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from heed.evidence.simulation import words
from heed.evidence.simulation.calendar import Real, Truths, Whole
from heed.evidence.simulation.company import Accounts, Draws
from heed.evidence.simulation.lives import Lives, is_customer
from heed.evidence.simulation.truth import Effects
from heed.evidence.simulation.usage import people_of

HOUR: Final = 3_600
INSTANT: Final = pa.timestamp("s", "UTC")
CAUSES: Final = tuple(words.SAID)
ASKED_AT_ONCE: Final = 3
INVITED_EVERY: Final = 182


def month_events(
    accounts: Accounts, lives: Lives, rate: Real, random: np.random.Generator
) -> tuple[Whole, Whole]:
    """Account and second of events that come at `rate` (accounts × months, or accounts × 1) a month while
    it is a customer."""
    starts = accounts.window.month_starts
    count = random.poisson(np.broadcast_to(rate, lives.outcome.shape))
    account, month = (np.repeat(index, count[count > 0]) for index in np.nonzero(count))
    day = (starts[month] + random.random(len(month)) * (starts[month + 1] - starts[month])).astype(np.int64)
    working = accounts.window.busy[day] > 0.5
    there = is_customer(lives, day, account) & (working | (random.random(len(day)) < 0.15))
    second = day * 86_400 + random.integers(7 * HOUR, 18 * HOUR, len(day))
    return account[there], second[there]


def instants(accounts: Accounts, second: Whole) -> pa.Array:
    """Instants by second of the window; those beyond its end are not known yet, hence empty."""
    at = np.datetime64(accounts.window.start, "s") + second.astype("timedelta64[s]")
    return pa.array(at, INSTANT, mask=second >= accounts.window.days * 86_400)


def contact_keys(contact: Whole, missing: Truths | None = None) -> pa.Array:
    number = pc.cast(pa.array(contact + 1, pa.int64(), mask=missing), pa.string())
    return pc.binary_join_element_wise("CON-", pc.utf8_lpad(number, 7, "0"), "")


def numbered(prefix: str, n: int) -> pa.Array:
    return pc.binary_join_element_wise(prefix, pc.cast(pa.array(np.arange(1, n + 1)), pa.string()), "")


def pick(options: tuple[str, ...] | list[str], n: int, random: np.random.Generator) -> pa.Array:
    return pa.array(options).take(random.integers(0, len(options), n))


def tickets(accounts: Accounts, lives: Lives, draws: Draws) -> pa.Table:
    """Questions by size, and a complaint for harm, unless the account is of those that say nothing."""
    random = draws.of("tickets")
    rate = 0.12 * accounts.seats[:, None] ** 0.45 * np.where(accounts.silent, 0.3, 1.0)[:, None]
    account, second = month_events(accounts, lives, rate.astype(np.float64), random)
    harmed, harm_second, until = complaints(accounts, lives, random)
    n, harm_n = len(account), len(harmed)
    account, second = np.concatenate([account, harmed]), np.concatenate([second, harm_second])
    reply = second + np.ceil(random.exponential(5, n + harm_n) * HOUR).astype(np.int64)
    resolved = reply + np.ceil(random.exponential(30, n + harm_n) * HOUR).astype(np.int64)
    resolved[n:] = np.maximum(reply[n:] + HOUR, until)
    is_harm = np.arange(n + harm_n) >= n
    stuck = is_harm & (resolved - second > 60 * 86_400)
    table = pa.table(
        {
            "account": accounts.keys.take(account),
            "contact": contact_keys(people_of(accounts, account, random)),
            "subject": pc.if_else(
                is_harm,
                pick(words.COMPLAINTS, len(account), random),
                pick(words.QUESTIONS, len(account), random),
            ),
            "kind": pa.array(["question", "complaint"]).take(is_harm.astype(int)),
            "severity": pc.if_else(is_harm, "high", pick(["low", "normal", "normal"], len(account), random)),
            "opened_at": instants(accounts, second),
            "first_reply_at": instants(accounts, reply),
            "resolved_at": instants(accounts, resolved),
            "closed_at": instants(accounts, resolved + 5 * 86_400),
            "times_reopened": np.where(stuck, 2, random.random(len(account)) < 0.06),
            "satisfaction": satisfaction(accounts, account, resolved - second, resolved, random),
        }
    )
    return in_order(table, "opened_at", "T-")


def in_order(table: pa.Table, by: str, prefix: str) -> pa.Table:
    table = table.take(pc.sort_indices(table, [(by, "ascending"), ("account", "ascending")]))
    return table.add_column(0, "key", numbered(prefix, len(table)))


def complaints(accounts: Accounts, lives: Lives, random: np.random.Generator) -> tuple[Whole, Whole, Whole]:
    """Who complains about harm, at which second, and the second it is put right."""
    harms = lives.harms
    says = random.random(len(harms.on)) < np.where(accounts.silent[harms.account], 0.15, 0.8)
    says &= is_customer(lives, harms.on, harms.account)
    second = harms.on[says] * 86_400 + random.integers(8 * HOUR, 18 * HOUR, says.sum())
    return harms.account[says], second, harms.until[says] * 86_400 + 12 * HOUR


def satisfaction(
    accounts: Accounts, account: Whole, took: Whole, resolved: Whole, random: np.random.Generator
) -> pa.Array:
    """One to five, the lower the longer it took; most do not answer, and silent accounts never do."""
    days = took / 86_400
    score = np.clip(np.round(4.6 - 0.7 * np.log1p(days) + random.normal(0, 0.7, len(took))), 1, 5)
    answers = (random.random(len(took)) < 0.42) & ~accounts.silent[account]
    answers &= resolved < accounts.window.days * 86_400
    return pa.array(score.astype(np.int64), mask=~answers)


def interactions(accounts: Accounts, lives: Lives, draws: Draws) -> pa.Table:
    """Calls, meetings, e-mails and notes; with silent accounts next to none, and they never write."""
    random = draws.of("interactions")
    rate = np.where(accounts.silent, 0.06, 0.35 + 0.25 * accounts.segment)[:, None]
    account, second = month_events(accounts, lives, rate, random)
    n = len(account)
    inbound = (random.random(n) < 0.3) & ~accounts.silent[account]
    planned = ~inbound & (random.random(n) < 0.55)
    kind = np.where(inbound, random.choice(2, n), random.choice(4, n, p=(0.35, 0.25, 0.25, 0.15)))
    agenda = np.where(planned, random.integers(0, len(words.AGENDAS), n), -1)
    agendas, goals = (pa.array(list(column)) for column in zip(*words.AGENDAS, strict=True))
    chosen = pa.array(agenda, mask=agenda < 0)
    is_note = kind == 3
    table = pa.table(
        {
            "account": accounts.keys.take(account),
            "contact": contact_keys(people_of(accounts, account, random), is_note),
            "kind": pa.array(["call", "email", "meeting", "note"]).take(kind),
            "direction": pa.array(["outbound", "inbound", "internal"]).take(
                np.where(is_note, 2, inbound.astype(int))
            ),
            "motion": pa.array(["triggered", "planned", "reactive"]).take(
                np.where(inbound, 2, planned.astype(int))
            ),
            "purpose": pick(["training", "review", "outcome", "recovery", "question"], n, random),
            "agenda": agendas.take(chosen),
            "goal": goals.take(chosen),
            "words": what_they_say(accounts, lives, account, second // 86_400, random),
            "minutes": pa.array(random.integers(5, 50, n), mask=kind % 2 == 1),
            "at": instants(accounts, second),
            "recorded_at": instants(accounts, second + random.integers(600, 7_200, n)),
        }
    )
    return in_order(table.filter(pc.is_valid(table["recorded_at"])), "at", "I-")


def causes(
    accounts: Accounts, lives: Lives, account: Whole, day: Whole, random: np.random.Generator
) -> NDArray[np.int64]:
    """What would be on the mind of a person at each account on that day: a position in CAUSES."""
    outcome = lives.outcome[account, np.searchsorted(accounts.window.month_starts, day, side="right") - 1]
    harm, mended = harms_of(lives, account, day)
    general = np.where(accounts.liking[account] > 0, CAUSES.index("liked"), CAUSES.index("disliked"))
    value = np.where(outcome > 0.4, CAUSES.index("met"), CAUSES.index("short"))
    mind = np.where((np.abs(outcome) > 0.4) & (random.random(len(account)) < 0.7), value, general)
    speaks_of_ties = accounts.captive[account] & (random.random(len(account)) < 0.6)
    mind = np.where(speaks_of_ties, CAUSES.index("captive"), mind)
    mind = np.where(mended & (random.random(len(account)) < 0.5), CAUSES.index("mended"), mind)
    return np.where(harm & (random.random(len(account)) < 0.75), CAUSES.index("harm"), mind)


def harms_of(lives: Lives, account: Whole, day: Whole) -> tuple[Truths, Truths]:
    """For each account and day (accounts may repeat): harm is open; harm was mended in the 90 days before."""
    harms, n = lives.harms, lives.outcome.shape[0]
    is_open, mended = np.zeros(len(account), bool), np.zeros(len(account), bool)
    by_account = np.argsort(harms.account, kind="stable")
    first = np.searchsorted(harms.account[by_account], np.arange(n + 1))
    for turn in range(int(np.max(np.diff(first), initial=0))):
        has = first[account] + turn < first[account + 1]
        which = by_account[np.where(has, first[account] + turn, 0)]
        began = has & (harms.on[which] < day)
        is_open |= began & (day < harms.until[which])
        mended |= began & (harms.until[which] <= day) & (day < harms.until[which] + 90)
    return is_open, mended & ~is_open


def what_they_say(
    accounts: Accounts, lives: Lives, account: Whole, day: Whole, random: np.random.Generator
) -> pa.Array:
    mind = causes(accounts, lives, account, day, random)
    counts = np.array([len(words.SAID[cause]) for cause in CAUSES])
    first = np.concatenate([[0], np.cumsum(counts)])[:-1]
    sentences = pa.array([sentence for cause in CAUSES for sentence in words.SAID[cause]])
    return sentences.take(first[mind] + (random.random(len(mind)) * counts[mind]).astype(np.int64))


def survey_responses(accounts: Accounts, lives: Lives, effects: Effects, draws: Draws) -> pa.Table:
    """Each account is asked twice a year, up to three people; those who do not answer leave a row without
    a score, dated by the invitation. Whether one answers depends on liking and on harm; the score on liking
    and captivity alone. `opinion` is what they answered or would have answered: never to be written."""
    random, window = draws.of("surveys"), accounts.window
    account, day, survey = invitations(accounts, lives, random)
    n = len(account)
    contact = accounts.people_from[account] + np.arange(n) % ASKED_AT_ONCE
    contact = np.minimum(contact, accounts.people_from[account + 1] - 1)
    harm, _ = harms_of(lives, account, day)
    odds = -0.4 + 0.5 * accounts.liking[account] - 0.8 * harm
    drawn = random.random(n)
    asked = day * 86_400 + 8 * HOUR
    at = asked + np.ceil(random.exponential(1.5, n) * 86_400).astype(np.int64)
    in_time = at < np.minimum(window.days, lives.ends[:, account].min(axis=0)) * 86_400
    wants_to_say = random.random(n) < 0.6
    said = what_they_say(accounts, lives, account, day, random)
    opinion = scores(accounts, account, survey, random)
    odds -= effects.silent_detractors * (opinion <= np.where(survey == 0, 6, 3))
    answers = (drawn < 1 / (1 + np.exp(-odds))) & ~accounts.silent[account] & in_time
    at = np.where(answers, at, asked)
    comments = answers & wants_to_say
    table = pa.table(
        {
            "account": accounts.keys.take(account),
            "contact": contact_keys(contact),
            "survey": pa.array(["nps", "ces"]).take(survey),
            "score": pa.array(opinion, mask=~answers),
            "comment": pc.if_else(comments, said, pa.scalar(None, pa.string())),
            "at": instants(accounts, at),
            "recorded_at": instants(accounts, at),
            "invited_at": instants(accounts, asked),
            "opinion": opinion,
        }
    )
    table = table.take(pc.sort_indices(table, [("invited_at", "ascending"), ("contact", "ascending")]))
    return table.add_column(0, "id", numbered("R-", n))


def invitations(accounts: Accounts, lives: Lives, random: np.random.Generator) -> tuple[Whole, Whole, Whole]:
    """Account, day and survey (0 NPS, 1 CES) of each invitation."""
    n, times = len(accounts), accounts.window.days // INVITED_EVERY + 1
    offset = random.integers(0, INVITED_EVERY, n)
    day = (offset[:, None] + np.arange(times) * INVITED_EVERY).reshape(-1)
    account = np.repeat(np.arange(n), times)
    asked = (day < accounts.window.days) & is_customer(lives, day, account)
    asked &= day >= accounts.since[account] + 30
    people = np.diff(accounts.people_from)[account[asked]]
    times_asked = np.minimum(people, ASKED_AT_ONCE)
    account, day = np.repeat(account[asked], times_asked), np.repeat(day[asked], times_asked)
    return account, day, (random.random(len(account)) < 0.3).astype(np.int64)


def scores(accounts: Accounts, account: Whole, survey: Whole, random: np.random.Generator) -> Whole:
    """NPS 0 to 10, CES 1 to 7: liking, less for captive ones, and chance. Not outcomes, not harm."""
    liking = accounts.liking[account] + random.normal(0, 0.5, len(account))
    nps = np.clip(np.round(7.6 + 1.8 * liking - 1.2 * accounts.captive[account]), 0, 10)
    ces = np.clip(np.round(5.0 + 1.0 * liking - 0.6 * accounts.captive[account]), 1, 7)
    return np.where(survey == 0, nps, ces).astype(np.int64)
