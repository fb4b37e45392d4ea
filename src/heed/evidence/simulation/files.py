"""The master data that a company would export: accounts, contacts and subscriptions."""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from heed.evidence.simulation import words
from heed.evidence.simulation.calendar import Whole
from heed.evidence.simulation.company import SEGMENTS, Accounts, Draws, csm_emails, keys
from heed.evidence.simulation.lives import Lives

PLANS = ("Start", "Team", "Company")
PAID_IN_POUNDS = "GB"


def account_table(accounts: Accounts, draws: Draws, csms: int) -> pa.Table:
    random, n = draws.of("account table"), len(accounts)
    parent = np.where((random.random(n) < 0.04) & (np.arange(n) > 10), random.integers(0, 10, n), -1)
    return pa.table(
        {
            "key": accounts.keys,
            "name": accounts.names,
            "kind": pa.repeat("customer", n),
            "parent": accounts.keys.take(pa.array(parent, mask=parent < 0)),
            "owner": pa.array(csm_emails(csms)).take(accounts.csm),
            "since": days(accounts, accounts.since),
            "industry": pa.array(words.INDUSTRIES).take(accounts.industry),
            "country": pa.array(words.COUNTRIES).take(accounts.country),
            "segment": pa.array(SEGMENTS).take(accounts.segment),
            "employees": accounts.seats * random.integers(2, 9, n),
        }
    )


def days(accounts: Accounts, day: Whole, missing: Whole | None = None) -> pa.Array:
    return pa.array(accounts.window.dates(day), pa.date32(), mask=missing)


def contact_table(accounts: Accounts, draws: Draws) -> pa.Table:
    random, n = draws.of("contacts"), int(accounts.people_from[-1])
    account = np.repeat(np.arange(len(accounts)), np.diff(accounts.people_from))
    first = pa.array(words.PERSON_FIRST).take(random.integers(0, len(words.PERSON_FIRST), n))
    last = pa.array(words.PERSON_LAST).take(random.integers(0, len(words.PERSON_LAST), n))
    domain = pc.replace_substring(pc.utf8_lower(accounts.names), " ", "-").take(account)
    number = pc.cast(pa.array(np.arange(n) - accounts.people_from[account] + 1), pa.string())
    mailbox = pc.binary_join_element_wise(pc.utf8_lower(first), pc.utf8_lower(last), number, ".")
    return pa.table(
        {
            "key": keys("CON-", n, 7),
            "account": accounts.keys.take(account),
            "name": pc.binary_join_element_wise(first, last, " "),
            "email": pc.binary_join_element_wise(
                mailbox, pc.binary_join_element_wise(domain, "example", "."), "@"
            ),
            "role": pa.array(words.ROLES).take(random.integers(0, len(words.ROLES), n)),
        }
    )


def subscription_table(accounts: Accounts, lives: Lives) -> pa.Table:
    """One row a stretch of equal terms; it ends where the next begins, or on the day the account leaves."""
    versions = lives.versions
    account, on, renews, seats = (
        np.concatenate(column) for column in (versions.account, versions.on, versions.renews, versions.seats)
    )
    order = np.lexsort((on, account))
    account, on, renews, seats = account[order], on[order], renews[order], seats[order]
    ends = np.append(
        np.where(account[1:] == account[:-1], on[1:], accounts.window.days), accounts.window.days
    )
    second = on >= lives.begins[1, account]
    ends = np.minimum(ends, np.where(second, lives.ends[1, account], lives.ends[0, account]))
    number = np.arange(len(account)) - np.searchsorted(account, account) + 1
    yearly = accounts.term[account] == 12
    in_pounds = pc.equal(pa.array(words.COUNTRIES).take(accounts.country[account]), PAID_IN_POUNDS)
    monthly = np.round(seats * accounts.price[account], 2)
    return pa.table(
        {
            "key": joined(accounts, account, "P", number),
            "subscription": joined(accounts, account, "S", second + 1),
            "account": accounts.keys.take(account),
            "plan": pa.array(PLANS).take(accounts.segment[account]),
            "starts_on": days(accounts, on),
            "ends_on": days(accounts, ends, ends >= accounts.window.days),
            "renews_on": days(accounts, renews),
            "amount": np.where(yearly, np.round(monthly * 12), monthly),
            "amount_per": pa.array(["month", "year"]).take(yearly.astype(int)),
            "currency": pa.array(["EUR", "GBP"]).take(pc.cast(in_pounds, pa.int32())),
            "seats": seats,
            "recorded_at": pa.array(
                accounts.window.instants(on, np.full(len(on), 32_400)), pa.timestamp("s", "UTC")
            ),
        }
    )


def joined(accounts: Accounts, account: Whole, letter: str, number: Whole) -> pa.Array:
    numbers = pc.cast(pa.array(number), pa.string())
    return pc.binary_join_element_wise(
        accounts.keys.take(account), pc.binary_join_element_wise(letter, numbers, ""), "-"
    )
