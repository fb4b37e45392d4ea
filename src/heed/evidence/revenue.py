"""Recurring revenue: movements from periods, MRR at a date, gross and net retention.

Movements follow the usual naming: new, expansion, contraction, churn, reactivation; a cancellation that
leaves another paid subscription running is a contraction. Currencies are kept apart unless converted first.
GRR and NRR in two forms, because they differ where one account both grows and shrinks:
point to point, GRR = Σ min(now, start) / Σ start and NRR = Σ now / Σ start; by movement sums,
GRR = (start - contraction - churn) / start and NRR = (start + expansion - contraction - churn) / start.
Both are over the cohort that paid at the start; reactivation is left out of the sums.
"""

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from enum import StrEnum
from itertools import groupby
from operator import attrgetter

from heed.evidence.estimate import Estimate

ZERO = Decimal(0)


class MovementKind(StrEnum):
    NEW = "new"
    EXPANSION = "expansion"
    CONTRACTION = "contraction"
    CHURN = "churn"
    REACTIVATION = "reactivation"


@dataclass(frozen=True, slots=True)
class Period:
    """What an account pays per month from `starts_on` up to, not including, `ends_on` (None: open)."""

    account: str
    starts_on: date
    ends_on: date | None
    monthly_amount: Decimal
    currency: str


@dataclass(frozen=True, slots=True)
class Movement:
    """A change of an account's MRR on a day, in one currency."""

    account: str
    on: date
    kind: MovementKind
    before: Decimal
    after: Decimal
    currency: str

    @property
    def change(self) -> Decimal:
        return self.after - self.before


class Form(StrEnum):
    """How retention is added up; printed under the figure."""

    POINT_TO_POINT = "point to point"
    MOVEMENT_SUMS = "by movement sums"


@dataclass(frozen=True, slots=True, kw_only=True)
class Passage:
    """MRR at the start and at the end of a span, and what moved between, as positive amounts."""

    start: Decimal
    end: Decimal
    expansion: Decimal
    contraction: Decimal
    churn: Decimal
    reactivation: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Retention(Passage):
    """GRR and NRR (1 = 100 %) of the cohort that paid at the start, and the sums behind them."""

    form: Form
    grr: Estimate
    nrr: Estimate


def converted(periods: Iterable[Period], rates: Mapping[str, Decimal], into: str) -> list[Period]:
    """The periods in one currency; `rates` is what one unit of each currency is worth in `into`."""
    known = {**rates, into: Decimal(1)}
    periods = list(periods)
    missing = sorted({period.currency for period in periods} - set(known))
    if missing:
        raise ValueError(
            f"No rate is stated for {', '.join(missing)}: state what one unit is worth in {into}."
        )
    return [
        replace(period, monthly_amount=period.monthly_amount * known[period.currency], currency=into)
        for period in periods
    ]


def movements(periods: Iterable[Period]) -> list[Movement]:
    """The movements that the periods make, by account, day and currency; at most one of each."""
    ordered = sorted(periods, key=attrgetter("account"))
    return [
        movement
        for account, group in groupby(ordered, key=attrgetter("account"))
        for movement in _of_account(account, group)
    ]


def _of_account(account: str, periods: Iterable[Period]) -> list[Movement]:
    changes = _changes(periods)
    paid: dict[str, Decimal] = defaultdict(Decimal)
    found: list[Movement] = []
    ever = False
    for day in sorted(changes):
        was_paying = any(paid.values())
        before = {currency: paid[currency] for currency in changes[day]}
        for currency, change in changes[day].items():
            paid[currency] += change
        is_paying = any(paid.values())
        for currency in sorted(before):
            if paid[currency] != before[currency]:
                kind = _kind(before[currency], paid[currency], was_paying, is_paying, ever)
                found.append(Movement(account, day, kind, before[currency], paid[currency], currency))
        ever = ever or is_paying
    return found


def _changes(periods: Iterable[Period]) -> dict[date, dict[str, Decimal]]:
    changes: dict[date, dict[str, Decimal]] = defaultdict(lambda: defaultdict(Decimal))
    for period in periods:
        _check(period)
        changes[period.starts_on][period.currency] += period.monthly_amount
        if period.ends_on is not None:
            changes[period.ends_on][period.currency] -= period.monthly_amount
    return changes


def _check(period: Period) -> None:
    if period.ends_on is not None and period.ends_on <= period.starts_on:
        raise ValueError(
            f"A period of {period.account} ends on {period.ends_on}, not after {period.starts_on}."
        )
    if not period.monthly_amount.is_finite() or period.monthly_amount < 0:
        raise ValueError(
            f"A period of {period.account} has a negative amount or none, {period.monthly_amount}."
        )


def _kind(before: Decimal, after: Decimal, was_paying: bool, is_paying: bool, ever: bool) -> MovementKind:
    if not was_paying:
        return MovementKind.REACTIVATION if ever else MovementKind.NEW
    if not is_paying:
        return MovementKind.CHURN
    return MovementKind.EXPANSION if after > before else MovementKind.CONTRACTION


def mrr(movements: Iterable[Movement], on: date) -> dict[str, Decimal]:
    """Monthly recurring revenue on a day by currency (that day's movements included)."""
    found: dict[str, Decimal] = defaultdict(Decimal)
    for movement in movements:
        if movement.on <= on:
            found[movement.currency] += movement.change
    return dict(found)


@dataclass(frozen=True, slots=True, kw_only=True)
class Member(Passage):
    """An account that paid at the start of a span."""

    account: str

    def kept(self, form: Form) -> Decimal:
        """What counts for GRR; by movement sums it is below 0 where an account grew before it left."""
        if form is Form.POINT_TO_POINT:
            return min(self.start, self.end)
        return self.start - self.contraction - self.churn

    def counted(self, form: Form) -> Decimal:
        """What counts for NRR."""
        return self.end if form is Form.POINT_TO_POINT else self.kept(form) + self.expansion


def cohorts(movements: Iterable[Movement], start: date, end: date) -> dict[str, list[Member]]:
    """By currency: who paid at the end of day `start`, and what became of each by the end of day `end`."""
    if end <= start:
        raise ValueError(f"Retention needs an end after its start; {end} is not after {start}.")
    by_currency: dict[str, dict[str, list[Movement]]] = defaultdict(lambda: defaultdict(list))
    for movement in movements:
        by_currency[movement.currency][movement.account].append(movement)
    return {
        currency: [member for own in accounts.values() if (member := _member(own, start, end))]
        for currency, accounts in sorted(by_currency.items())
    }


def _member(own: list[Movement], start: date, end: date) -> Member | None:
    own.sort(key=attrgetter("on"))
    days = [movement.on for movement in own]
    first, last = bisect_right(days, start), bisect_right(days, end)
    paid = own[first - 1].after if first else ZERO
    if not paid:
        return None
    sums: dict[MovementKind, Decimal] = defaultdict(Decimal)
    for movement in own[first:last]:
        sums[movement.kind] += abs(movement.change)
    return Member(
        account=own[0].account,
        start=paid,
        end=own[last - 1].after,
        expansion=sums[MovementKind.EXPANSION],
        contraction=sums[MovementKind.CONTRACTION],
        churn=sums[MovementKind.CHURN],
        reactivation=sums[MovementKind.REACTIVATION],
    )


def retention(
    movements: Iterable[Movement], start: date, end: date, *, form: Form = Form.POINT_TO_POINT
) -> dict[str, Retention]:
    """By currency: what became by the end of day `end` of those who paid at the end of day `start`."""
    return {
        currency: retention_of(members, form) for currency, members in cohorts(movements, start, end).items()
    }


def retention_of(members: Sequence[Member], form: Form) -> Retention:
    """Retention of a cohort, as the sums of its members."""
    sums = {
        name: sum((getattr(member, name) for member in members), ZERO)
        for name in ("expansion", "contraction", "churn", "reactivation")
    }
    start = sum((member.start for member in members), ZERO)
    if form is Form.MOVEMENT_SUMS:
        return retention_of_sums(start, n=len(members), **sums)
    end = sum((member.end for member in members), ZERO)
    kept = sum((member.kept(form) for member in members), ZERO)
    return Retention(
        form=form,
        start=start,
        end=end,
        **sums,
        grr=_share(kept, start, len(members), "GRR point to point: Σ min(now, start) / Σ start"),
        nrr=_share(end, start, len(members), "NRR point to point: Σ now / Σ start"),
    )


def retention_of_sums(
    start: Decimal,
    *,
    expansion: Decimal,
    contraction: Decimal,
    churn: Decimal,
    n: int,
    reactivation: Decimal = ZERO,
) -> Retention:
    """Retention by movement sums of a cohort of `n` accounts; all sums are positive amounts.

    May fall below 0 where accounts expanded before they left: then point to point is the clearer form.
    """
    if not all(each.is_finite() for each in (start, expansion, contraction, churn, reactivation)):
        raise ValueError("A sum of movements is no number: correct it where it is made.")
    lost = contraction + churn
    return Retention(
        form=Form.MOVEMENT_SUMS,
        start=start,
        end=start + expansion + reactivation - lost,
        expansion=expansion,
        contraction=contraction,
        churn=churn,
        reactivation=reactivation,
        grr=_share(start - lost, start, n, "GRR by movement sums: (start - contraction - churn) / start"),
        nrr=_share(
            start + expansion - lost,
            start,
            n,
            "NRR by movement sums: (start + expansion - contraction - churn) / start",
        ),
    )


def _share(part: Decimal, start: Decimal, n: int, method: str) -> Estimate:
    if not start:
        return Estimate.unknown("no recurring revenue at the start", n=n, method=method)
    return Estimate(float(part / start), n=n, method=method)
