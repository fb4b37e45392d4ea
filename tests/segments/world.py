"""A small world of accounts, in the database and as plain Python, and the slow way to ask it."""

import random
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pandas as pd

from heed.customers.models import Account, ExchangeRate, SubscriptionPeriod
from heed.measures.definitions import starter_definitions
from heed.measures.models import MetricDefinition, MetricValue, Risk
from heed.people.models import User
from heed.segments import tree
from heed.segments.history import Figure

TODAY = date(2026, 11, 22)
NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
RATES = {"EUR": 1.0, "USD": 0.5}
UNKNOWN = None


@dataclass
class Customer:
    """An account as plain values; None is unknown."""

    key: str
    fields: dict[str, Any]
    attributes: dict[str, Any]
    plans: set[str]
    paid: dict[str, float] | None
    metrics: dict[str, dict[date, float | None]]
    done: dict[str, dict[date, int]]


@dataclass
class World:
    user: User
    customers: list[Customer] = field(default_factory=list)
    definitions: dict[str, MetricDefinition] = field(default_factory=dict)
    segments: dict[str, tree.Condition] = field(default_factory=dict)

    # The history that a filter may ask

    def values(self, metric: MetricDefinition, days: Sequence[date]) -> pd.DataFrame:
        rows = {one.key: [one.metrics[metric.key].get(day) for day in days] for one in self.customers}
        return pd.DataFrame.from_dict(rows, orient="index", columns=list(days), dtype=float)

    def figures(
        self, metrics: Sequence[MetricDefinition], day: date, accounts: Collection[str]
    ) -> Mapping[tuple[str, str], Figure]:
        return {
            (one.key, metric.key): Figure(one.metrics[metric.key].get(day), 1, "")
            for one in self.customers
            if one.key in accounts
            for metric in metrics
        }

    def counts(self, activity: str | None, first: date, last: date) -> Mapping[str, int]:
        counted = {one.key: _times(one, activity, first, last) for one in self.customers}
        return {key: times for key, times in counted.items() if times}

    # The slow way

    def matching(self, condition: tree.Condition | None) -> set[str]:
        return {one.key for one in self.customers if condition is None or self.truth(condition, one) is True}

    def truth(self, condition: tree.Condition, one: Customer) -> bool | None:
        """True, False or None (unknown), by the rules of three-valued logic."""
        match condition:
            case tree.Not(part=part):
                inner = self.truth(part, one)
                return None if inner is None else not inner
            case tree.And(parts=parts):
                return _all([self.truth(part, one) for part in parts])
            case tree.Or(parts=parts):
                opposite = _all([_not(self.truth(part, one)) for part in parts])
                return _not(opposite)
            case tree.InSegment(name=name):
                return self.truth(self.segments[name], one) is True
            case _:
                return self.leaf_truth(condition, one)

    def leaf_truth(self, condition: tree.Leaf, one: Customer) -> bool | None:
        match condition:
            case tree.Did():
                first = TODAY - timedelta(days=condition.days - 1)
                return _often(_times(one, condition.activity, first, TODAY), condition) == condition.happened
            case tree.Held(condition=inner_compare, days=days):
                values = [
                    one.metrics[inner_compare.field.name].get(TODAY - timedelta(days=n)) for n in range(days)
                ]
                return _all(
                    [_compared(value, inner_compare.comparison, inner_compare.value) for value in values]
                )
            case tree.Changed():
                return _moved(condition, one)
            case tree.Known():
                return (self.value(condition.field, one, None) not in (None, set())) == condition.known
            case tree.OneOf():
                same = [
                    self.truth(tree.Compare(condition.field, tree.Comparison.IS, value), one)
                    for value in condition.values
                ]
                found = _not(_all([_not(truth) for truth in same]))
                return _not(found) if condition.negated else found
            case tree.Within():
                first = TODAY - timedelta(days=condition.days) if condition.past else TODAY
                last = TODAY if condition.past else TODAY + timedelta(days=condition.days)
                return _all(
                    [
                        self.truth(
                            tree.Compare(condition.field, tree.Comparison.AT_LEAST, tree.Day(first)), one
                        ),
                        self.truth(
                            tree.Compare(condition.field, tree.Comparison.AT_MOST, tree.Day(last)), one
                        ),
                    ]
                )
            case tree.Compare():
                value = self.value(condition.field, one, condition.value)
                return _compared(value, condition.comparison, condition.value, self.user)
            case _:
                raise AssertionError(condition)

    def value(self, name: tree.FieldName, one: Customer, like: tree.Value | None) -> Any:
        if name.family == "attribute":
            return _typed(one.attributes.get(name.name), like)
        if name.name in one.metrics:
            return one.metrics[name.name].get(TODAY)
        if name.name == "plan":
            return one.plans or None
        if name.name in ("mrr", "arr"):
            currency = like.currency if isinstance(like, tree.Amount) else "EUR"
            return _total(one.paid, currency, 12 if name.name == "arr" else 1)
        return one.fields[name.name]


def _all(truths: list[bool | None]) -> bool | None:
    return False if False in truths else None if None in truths else True


def _not(truth: bool | None) -> bool | None:
    return None if truth is None else not truth


def _times(one: Customer, activity: str | None, first: date, last: date) -> int:
    names = one.done if activity is None else [activity] if activity in one.done else []
    return sum(n for name in names for day, n in one.done[name].items() if first <= day <= last)


def _often(times: int, did: tree.Did) -> bool:
    return {
        tree.Bound.AT_LEAST: times >= did.times,
        tree.Bound.MORE_THAN: times > did.times,
        tree.Bound.AT_MOST: times <= did.times,
        tree.Bound.EXACTLY: times == did.times,
    }[did.bound]


def _moved(asked: tree.Changed, one: Customer) -> bool | None:
    values = one.metrics[asked.field.name]
    now, before = values.get(TODAY), values.get(TODAY - timedelta(days=asked.days))
    if now is None or before is None or (asked.percent and before == 0):
        return None
    change = now - before
    if asked.percent:
        change = 100 * change / abs(before)
    change = {tree.Direction.CHANGED: abs(change), tree.Direction.FELL: -change, tree.Direction.ROSE: change}[
        asked.direction
    ]
    limit, change = float(asked.amount), round(change, 9)
    return change > limit if asked.bound is tree.Bound.MORE_THAN else change >= limit


def _typed(value: Any, like: tree.Value | None) -> Any:
    if like is None:
        return value
    fits = {
        tree.Text: isinstance(value, str),
        tree.Number: isinstance(value, int | float) and not isinstance(value, bool),
        tree.Flag: isinstance(value, bool),
        tree.Day: isinstance(value, str) and value[:4].isdigit() and value[4:5] == "-",
    }
    return value if fits[type(like)] else None


def _total(paid: dict[str, float] | None, currency: str, months: int) -> float | None:
    if paid is None:
        return None
    if any(name not in RATES and name != currency for name in paid):
        return None
    return round(sum(amount * RATES[name] / RATES[currency] * months for name, amount in paid.items()), 4)


def _plain(value: tree.Value, user: User | None) -> Any:
    match value:
        case tree.Text(text):
            return text
        case tree.Number(number):
            return float(number)
        case tree.Percent(percent):
            return float(percent / 100)
        case tree.Amount(amount):
            return float(amount)
        case tree.Day(day):
            return day
        case tree.Flag(flag):
            return flag
        case tree.Me():
            assert user is not None
            return user.email


def _compared(
    value: Any, comparison: tree.Comparison, with_value: tree.Value, user: User | None = None
) -> bool | None:
    if value is None:
        return None
    wanted = _plain(with_value, user)
    if isinstance(wanted, date) and isinstance(value, str):
        value = date.fromisoformat(value)
    several = value if isinstance(value, set) else {value}
    positive = {tree.Comparison.IS_NOT: tree.Comparison.IS, tree.Comparison.LACKS: tree.Comparison.CONTAINS}
    if comparison in positive:
        return not any(_holds(item, positive[comparison], wanted) for item in several)
    return any(_holds(item, comparison, wanted) for item in several)


def _holds(value: Any, comparison: tree.Comparison, wanted: Any) -> bool:
    match comparison:
        case tree.Comparison.IS:
            return bool(value == wanted)
        case tree.Comparison.ABOVE:
            return bool(value > wanted)
        case tree.Comparison.AT_LEAST:
            return bool(value >= wanted)
        case tree.Comparison.BELOW:
            return bool(value < wanted)
        case tree.Comparison.AT_MOST:
            return bool(value <= wanted)
        case tree.Comparison.CONTAINS:
            return str(wanted).lower() in str(value).lower()
        case tree.Comparison.STARTS:
            return str(value).lower().startswith(str(wanted).lower())
    raise AssertionError(comparison)


# Making it


def make_world(user: User, other: User, *, size: int = 40, seed: int = 7) -> World:
    """The same world for the same seed, saved in the database."""
    chance = random.Random(seed)  # noqa: S311
    world = World(user)
    ExchangeRate.objects.create(currency="USD", rate=Decimal("0.5"), stated_by="person:1", stated_at=NOON)
    for key in ("active_people", "seats_used"):
        world.definitions[key] = MetricDefinition.objects.create(
            key=key,
            version=1,
            name=key.replace("_", " ").capitalize(),
            definition=next(one for one in starter_definitions() if one["key"] == key),
            is_current=True,
            made_by="starter",
            made_at=NOON,
        )
    parents = [make_account("parent", name="The Parent", owner=None)]
    world.customers.append(_customer(parents[0], chance, world, bare=True))
    for number in range(size):
        owner = chance.choice([None, user, other])
        account = make_account(
            f"a{number}",
            name=chance.choice(["Acme", "Bolt", "acme two"]) + f" {number}",
            kind=chance.choice(["customer", "prospect"]),
            owner=owner,
            parent=chance.choice([None, parents[0]]),
            since=chance.choice([None, date(2024, 5, 1), date(2026, 11, 1)]),
            attributes=_attributes(chance),
        )
        world.customers.append(_customer(account, chance, world))
    return world


def make_account(key: str, **fields: Any) -> Account:
    given = {"name": key, "source": "test", "created_at": NOON, "changed_at": NOON} | fields
    return Account.objects.create(key=key, **given)


def _attributes(chance: random.Random) -> dict[str, Any]:
    options: dict[str, list[Any]] = {
        "plan": ["Pro", "Free", "pro", 5, None],
        "Company size": [1, 10, 200.5, "10", None],
        "paying": [True, False, "yes", 1],
        "signed": ["2026-01-01", "2025-06-30", "soon", None],
    }
    chosen = {name: chance.choice(values) for name, values in options.items()}
    return {name: value for name, value in chosen.items() if chance.random() < 0.8}


def _customer(account: Account, chance: random.Random, world: World, *, bare: bool = False) -> Customer:
    plans, paid, seats, renewal = _subscribe(account, chance) if not bare else (set(), None, None, None)
    return Customer(
        account.key,
        {
            "name": account.name,
            "key": account.key,
            "kind": account.kind,
            "owner": account.owner.email if account.owner else None,
            "since": account.since,
            "parent": account.parent.key if account.parent else None,
            "seats": seats,
            "renewal": renewal,
            "risk": _risk(account, chance),
        },
        account.attributes,
        plans,
        paid,
        {key: _measure(account, key, chance, world) for key in world.definitions},
        _activities(chance),
    )


def _subscribe(
    account: Account, chance: random.Random
) -> tuple[set[str], dict[str, float] | None, int | None, date | None]:
    plans: set[str] = set()
    seats: list[int] = []
    renewals: list[date] = []
    paid: dict[str, float] = {}
    known = False
    for number in range(chance.randrange(4)):
        starts = chance.choice([date(2025, 1, 1), date(2026, 11, 22), date(2026, 11, 23)])
        ends = chance.choice([None, date(2026, 12, 31), date(2026, 11, 22)])
        ends = ends if ends is None or ends > starts else None
        period = SubscriptionPeriod.objects.create(
            key=f"{account.key}.{number}",
            subscription=account.key,
            account=account,
            plan=chance.choice(["Pro", "Free", ""]),
            starts_on=starts,
            ends_on=ends,
            renews_on=chance.choice([None, date(2026, 12, 31), date(2027, 5, 1), date(2026, 10, 1)]),
            monthly_amount=Decimal(chance.choice(["0", "100.10", "1000"])),
            currency=chance.choice(["EUR", "EUR", "USD", "JPY"]),
            seats=chance.choice([None, 5, 50]),
            source="test",
            recorded_at=NOON,
        )
        known = known or starts <= TODAY
        if starts > TODAY or (ends is not None and ends <= TODAY):
            continue
        paid[period.currency] = paid.get(period.currency, 0) + float(period.monthly_amount)
        plans |= {period.plan} - {""}
        seats += [period.seats] if period.seats is not None else []
        renewals += [period.renews_on] if period.renews_on and period.renews_on >= TODAY else []
    return plans, paid if known else None, sum(seats) if seats else None, min(renewals, default=None)


def _risk(account: Account, chance: random.Random) -> float | None:
    value = chance.choice([None, 0.05, 0.2, 0.8])
    if chance.random() < 0.8:
        Risk.objects.create(account=account, as_of=TODAY, probability=value, method="test")
        return value
    return None


def _measure(account: Account, key: str, chance: random.Random, world: World) -> dict[date, float | None]:
    options = [None, 0.0, 0.5, 1.0] if key == "seats_used" else [None, 0.0, 4.0, 5.0, 6.0]
    days: dict[date, float | None] = {}
    for back in range(30):
        days[TODAY - timedelta(days=back)] = chance.choice(options[1:]) if chance.random() < 0.9 else None
    if chance.random() < 0.1:
        del days[TODAY]
    else:
        MetricValue.objects.create(
            account=account, metric=world.definitions[key], as_of=TODAY, value=days[TODAY], reason=""
        )
    return days


def _activities(chance: random.Random) -> dict[str, dict[date, int]]:
    names = [name for name in ("report_exported", "case.opened") if chance.random() < 0.6]
    return {
        name: {TODAY - timedelta(days=chance.randrange(40)): chance.randrange(1, 4) for _ in range(3)}
        for name in names
    }
