"""Where the states of accounts, contacts and periods are read from and written to, many at a time.

A shelf knows how one kind of entity is stored; saving, undoing and erasing use shelves and do not know which.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from decimal import Decimal
from itertools import islice
from typing import Any, Protocol, TypeVar

from django.db.models import Model

from heed.customers.models import Account, Contact, Ownership, SubscriptionPeriod
from heed.customers.states import State, amount_text, day, day_text
from heed.ledger import clock
from heed.people.models import User

MANY = 2_000

Item = TypeVar("Item")


def batches(items: Iterable[Item], size: int = MANY) -> Iterator[list[Item]]:
    iterator = iter(items)
    while batch := list(islice(iterator, size)):
        yield batch


@dataclass(frozen=True, slots=True)
class Step:
    """One entity's way from a state (None: it did not exist) to the next."""

    key: str
    before: State | None
    after: State


class Shelf(Protocol):
    kind: str
    model: type[Model]

    def load(self, keys: Collection[str]) -> dict[str, State]:
        """The states of those that exist, withdrawn ones too, locked until the transaction ends."""

    def write(self, steps: Sequence[Step]) -> None:
        """Store the states; keys are distinct."""


def account_ids(keys: Collection[str]) -> dict[str, int]:
    return dict(Account.objects.filter(key__in=keys).values_list("key", "pk"))


@dataclass
class Accounts:
    """Accounts, with their owner histories."""

    kind: str = "account"
    model: type[Model] = Account
    users: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.users = {email.lower(): pk for email, pk in User.objects.values_list("email", "pk")}

    def load(self, keys: Collection[str]) -> dict[str, State]:
        found = Account.objects.select_for_update(of=("self",)).filter(key__in=keys).order_by("key")
        fields = found.values_list(
            "key",
            "name",
            "kind",
            "parent__key",
            "owner__email",
            "since",
            "attributes",
            "source",
            "withdrawn_at",
            "erased_at",
        )
        return {
            key: {
                "name": name,
                "kind": kind,
                "parent": parent,
                "owner": owner,
                "since": day_text(since),
                "attributes": attributes,
                "source": source,
                "withdrawn": withdrawn is not None,
                "erased": erased is not None,
            }
            for key, name, kind, parent, owner, since, attributes, source, withdrawn, erased in fields
        }

    def write(self, steps: Sequence[Step]) -> None:
        now = clock.now()
        # Parents come second: a parent may be new in the same batch and have no id before.
        present = account_ids({step.after["parent"] for step in steps if step.after["parent"]})
        self._upsert([self._account(step, now, present) for step in steps])
        late = [step for step in steps if step.after["parent"] and step.after["parent"] not in present]
        if late:
            present = account_ids({step.after["parent"] for step in late})
            self._upsert([self._account(step, now, present) for step in late])
        self._write_owners([step for step in steps if _owner(step.before) != step.after["owner"]])

    def _account(self, step: Step, now: datetime, parents: Mapping[str, int]) -> Account:
        state = step.after
        return Account(
            key=step.key,
            name=state["name"],
            kind=state["kind"],
            parent_id=parents.get(state["parent"]),
            owner_id=self.users[state["owner"].lower()] if state["owner"] else None,
            since=day(state["since"]),
            attributes=state["attributes"],
            source=state["source"],
            created_at=now,
            changed_at=now,
            withdrawn_at=now if state["withdrawn"] else None,
            erased_at=now if state["erased"] else None,
        )

    def _upsert(self, accounts: list[Account]) -> None:
        Account.objects.bulk_create(
            accounts,
            update_conflicts=True,
            unique_fields=["key"],
            update_fields=[
                "name",
                "kind",
                "parent",
                "owner",
                "since",
                "attributes",
                "source",
                "changed_at",
                "withdrawn_at",
                "erased_at",
            ],
        )

    def _write_owners(self, steps: Sequence[Step]) -> None:
        if not steps:
            return
        today = clock.today()
        ids = account_ids([step.key for step in steps])
        closed = self._close([ids[step.key] for step in steps if _owner(step.before)], today)
        opened = []
        for step in steps:
            if not step.after["owner"]:
                continue
            owner = self.users[step.after["owner"].lower()]
            again = closed.get((ids[step.key], owner))
            if again:
                Ownership.objects.filter(pk=again).update(until=None)
            else:
                opened.append(Ownership(account_id=ids[step.key], owner_id=owner, since=today))
        Ownership.objects.bulk_create(opened)

    @staticmethod
    def _close(accounts: Sequence[int], today: date) -> dict[tuple[int, int], int]:
        """Close what is open; returns what an owner who comes back the same day had, to be opened again."""
        present = Ownership.objects.filter(account_id__in=accounts)
        present.filter(until=None, since=today).delete()
        resumable = {
            (account, owner): pk
            for pk, account, owner in present.filter(until=today).values_list("pk", "account_id", "owner_id")
        }
        present.filter(until=None).update(until=today)
        return resumable


def _owner(state: State | None) -> str | None:
    return state["owner"] if state else None


@dataclass
class Contacts:
    kind: str = "contact"
    model: type[Model] = Contact

    def load(self, keys: Collection[str]) -> dict[str, State]:
        found = Contact.objects.select_for_update(of=("self",)).filter(key__in=keys).order_by("key")
        fields = found.values_list(
            "key",
            "account__key",
            "name",
            "email",
            "role",
            "attributes",
            "source",
            "withdrawn_at",
            "erased_at",
        )
        return {
            key: {
                "account": account,
                "name": name,
                "email": email,
                "role": role,
                "attributes": attributes,
                "source": source,
                "withdrawn": withdrawn is not None,
                "erased": erased is not None,
            }
            for key, account, name, email, role, attributes, source, withdrawn, erased in fields
        }

    def write(self, steps: Sequence[Step]) -> None:
        now = clock.now()
        accounts = account_ids({step.after["account"] for step in steps})
        Contact.objects.bulk_create(
            [
                Contact(
                    key=step.key,
                    account_id=accounts[step.after["account"]],
                    name=step.after["name"],
                    email=step.after["email"],
                    role=step.after["role"],
                    attributes=step.after["attributes"],
                    source=step.after["source"],
                    created_at=now,
                    changed_at=now,
                    withdrawn_at=now if step.after["withdrawn"] else None,
                    erased_at=now if step.after["erased"] else None,
                )
                for step in steps
            ],
            update_conflicts=True,
            unique_fields=["key"],
            update_fields=[
                "account",
                "name",
                "email",
                "role",
                "attributes",
                "source",
                "changed_at",
                "withdrawn_at",
                "erased_at",
            ],
        )


@dataclass
class Periods:
    kind: str = "period"
    model: type[Model] = SubscriptionPeriod

    def load(self, keys: Collection[str]) -> dict[str, State]:
        found = SubscriptionPeriod.objects.select_for_update(of=("self",)).filter(key__in=keys)
        return {
            period.key: _period_state(period) for period in found.select_related("account").order_by("key")
        }

    def write(self, steps: Sequence[Step]) -> None:
        now = clock.now()
        accounts = account_ids({step.after["account"] for step in steps})
        SubscriptionPeriod.objects.bulk_create(
            [_period(step, accounts[step.after["account"]], now) for step in steps],
            update_conflicts=True,
            unique_fields=["key"],
            update_fields=[
                "subscription",
                "account",
                "plan",
                "starts_on",
                "ends_on",
                "renews_on",
                "monthly_amount",
                "currency",
                "seats",
                "attributes",
                "source",
                "recorded_at",
                "withdrawn_at",
            ],
        )


def _period_state(period: SubscriptionPeriod) -> State:
    return {
        "subscription": period.subscription,
        "account": period.account.key,
        "plan": period.plan,
        "starts_on": day_text(period.starts_on),
        "ends_on": day_text(period.ends_on),
        "renews_on": day_text(period.renews_on),
        "monthly_amount": amount_text(period.monthly_amount),
        "currency": period.currency,
        "seats": period.seats,
        "attributes": period.attributes,
        "source": period.source,
        "recorded_at": period.recorded_at.astimezone(UTC).isoformat(),
        "withdrawn": period.withdrawn_at is not None,
    }


def _period(step: Step, account: int, now: datetime) -> SubscriptionPeriod:
    state: dict[str, Any] = step.after
    return SubscriptionPeriod(
        key=step.key,
        subscription=state["subscription"],
        account_id=account,
        plan=state["plan"],
        starts_on=date.fromisoformat(state["starts_on"]),
        ends_on=day(state["ends_on"]),
        renews_on=day(state["renews_on"]),
        monthly_amount=Decimal(state["monthly_amount"]),
        currency=state["currency"],
        seats=state["seats"],
        attributes=state["attributes"],
        source=state["source"],
        recorded_at=datetime.fromisoformat(state["recorded_at"]),
        withdrawn_at=now if state["withdrawn"] else None,
    )


def shelves() -> dict[str, Shelf]:
    """By kind, dependents last: the order to write in; the other way round is the order to remove in."""
    return {"account": Accounts(), "contact": Contacts(), "period": Periods()}
