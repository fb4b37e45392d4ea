"""Who the customers are: fixed traits of each account and its people, drawn once."""

import hashlib
from dataclasses import dataclass
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from heed.evidence.simulation import words
from heed.evidence.simulation.calendar import Real, Truths, Whole, Window

SEGMENTS: Final = ("small", "mid-market", "enterprise")
SEGMENT_SHARE: Final = (0.5, 0.36, 0.14)
SEGMENT_SEATS: Final = (9.0, 40.0, 180.0)
SEAT_PRICE: Final = (55.0, 44.0, 34.0)
TERMS: Final = (1, 3, 12)
TERM_SHARE: Final = ((0.25, 0.25, 0.50), (0.08, 0.20, 0.72), (0.0, 0.08, 0.92))
SILENT_SHARE: Final = 0.26
CAPTIVE_SHARE: Final = 0.14
PEOPLE_LIMITS: Final = ((1_000, 30), (20_000, 12), (10_000_000, 6))


class Draws:
    """Independent random numbers by name, so that a change in one part leaves the others as they are."""

    def __init__(self, seed: int) -> None:
        self.seed = seed

    def of(self, *names: object) -> np.random.Generator:
        digest = hashlib.blake2b(repr(names).encode(), digest_size=8).digest()
        return np.random.Generator(np.random.PCG64([self.seed, int.from_bytes(digest, "little")]))


@dataclass(frozen=True, slots=True)
class Accounts:
    """Traits by account; `people_from` has one element more and gives each account's range of contacts."""

    window: Window
    keys: pa.Array
    names: pa.Array
    segment: Whole
    industry: Whole
    country: Whole
    term: Whole
    seats: Whole
    price: Real
    since_month: Whole
    since_of_month: Whole
    since: Whole
    silent: Truths
    captive: Truths
    liking: Real
    drive: Real
    outcome_kind: Whole
    csm: Whole
    people_from: Whole

    def __len__(self) -> int:
        return len(self.segment)


def make_accounts(n: int, window: Window, draws: Draws, csms: int) -> Accounts:
    random = draws.of("accounts")
    segment = random.choice(3, n, p=SEGMENT_SHARE)
    term = terms(segment, random)
    seats = np.maximum(2, np.exp(random.normal(0, 0.5, n)) * np.take(SEGMENT_SEATS, segment)).astype(np.int64)
    since_month, since_of_month = starts(n, term, window, random)
    captive = random.random(n) < CAPTIVE_SHARE
    return Accounts(
        window,
        keys=keys("ACC-", n, 6),
        names=company_names(n, random),
        segment=segment,
        industry=random.integers(0, len(words.INDUSTRIES), n),
        country=random.choice(len(words.COUNTRIES), n, p=(0.3, 0.12, 0.12, 0.12, 0.1, 0.08, 0.08, 0.08)),
        term=term,
        seats=seats,
        price=np.take(SEAT_PRICE, segment) * np.exp(random.normal(0, 0.15, n)),
        since_month=since_month,
        since_of_month=since_of_month,
        since=window.day_of(since_month, since_of_month),
        silent=random.random(n) < SILENT_SHARE,
        captive=captive,
        liking=random.normal(0, 1, n),
        drive=random.normal(0, 0.7, n),
        outcome_kind=random.integers(0, len(words.OUTCOMES), n),
        csm=random.integers(0, csms, n),
        people_from=people_ranges(seats, n, random),
    )


def terms(segment: Whole, random: np.random.Generator) -> Whole:
    """Months between renewals."""
    shares = np.cumsum(np.take(np.array(TERM_SHARE), segment, axis=0), axis=1)
    return np.asarray(np.take(TERMS, (random.random(len(segment))[:, None] > shares[:, :2]).sum(axis=1)))


def starts(n: int, term: Whole, window: Window, random: np.random.Generator) -> tuple[Whole, Whole]:
    """Month and day that each account became a customer: most of them before the window, the rest in it.

    Monthly customers began at most a year before, so that their past renewals stay few.
    """
    before = np.where(term == 1, 12, 36)
    back = -(random.random(n) * before).astype(np.int64) - 1
    within = (random.random(n) * (window.months - 3)).astype(np.int64) + 1
    offset = np.where(random.random(n) < 0.62, back, within)
    return window.first_month + offset, random.integers(1, 29, n)


def people_ranges(seats: Whole, n: int, random: np.random.Generator) -> Whole:
    limit = next(limit for most, limit in PEOPLE_LIMITS if n <= most)
    people = np.clip((seats * random.uniform(0.25, 0.7, n)).astype(np.int64), 2, limit)
    return np.concatenate([[0], np.cumsum(people)])


def keys(prefix: str, n: int, digits: int) -> pa.Array:
    numbers = pc.cast(pa.array(np.arange(1, n + 1)), pa.string())
    return pc.binary_join_element_wise(prefix, pc.utf8_lpad(numbers, digits, "0"), "")


def company_names(n: int, random: np.random.Generator) -> pa.Array:
    """Names that differ from each other: pairs of words, then a third word when the pairs run out."""
    first, second, third = words.COMPANY_FIRST, words.COMPANY_SECOND, words.COMPANY_THIRD
    pairs = len(first) * len(second)
    if n > pairs * (len(third) + 1):
        raise ValueError(f"{n} accounts are more than there are names ({pairs * (len(third) + 1)}).")
    blocks = [random.permutation(pairs) + block * pairs for block in range(-(-n // pairs))]
    numbers = np.concatenate(blocks)[:n]
    pair, block = numbers % pairs, numbers // pairs
    ends = pa.array(["", *(f" {word}" for word in third)])
    return pc.binary_join_element_wise(
        pc.binary_join_element_wise(
            pa.array(first).take(pair // len(second)), pa.array(second).take(pair % len(second)), " "
        ),
        ends.take(block),
        "",
    )


def csm_emails(count: int) -> list[str]:
    """Addresses of the people who look after the accounts."""
    names = zip(words.PERSON_FIRST[:: max(1, 80 // count)], words.PERSON_LAST[::7], strict=False)
    return [f"{first}.{last}@heed.example".lower() for first, last in names][:count]
