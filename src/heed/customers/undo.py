"""The undo of an actor's work: what it saved goes back to what it was, by the audit trail."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from django.db import transaction
from django.db.models import Max, Min, Model, Q

from heed.customers.models import Account
from heed.customers.movements import derive_movements
from heed.customers.saving import record_steps
from heed.customers.shelves import Shelf, Step, batches, shelves
from heed.customers.states import State
from heed.customers.tree import Tree
from heed.ledger.actions import Change, record_many
from heed.ledger.models import AuditEntry

SAVING = ("create", "change")
NEEDED = "Something that others brought speaks of it, or of an account beneath it, so it stays as it is."


@dataclass(frozen=True, slots=True)
class Kept:
    """Something that was left as it is, and why."""

    kind: str
    key: str
    reason: str


@dataclass
class Reverted:
    """How many entities went back, were deleted, or were withdrawn because others refer to them."""

    restored: int = 0
    deleted: int = 0
    withdrawn: int = 0
    kept: list[Kept] = field(default_factory=list)
    accounts: set[str] = field(default_factory=set)


@dataclass(frozen=True, slots=True)
class Origin:
    """What an entity was before the actor first touched it (None: it did not exist)."""

    key: str
    state: State | None


class Undo:
    """Undoes what one actor saved. Safe to repeat: what is back already is left alone.

    Accounts that are `needed` (activities of others speak of them) stay even where the actor made them.
    """

    def __init__(
        self,
        actor: str,
        *,
        by: str,
        over: dict[str, Shelf] | None = None,
        needed: Collection[str] = (),
    ) -> None:
        self.actor = actor
        self.needed = frozenset(needed)
        self.over = shelves() if over is None else over
        self.by = by
        self.done = Reverted()

    def run(self) -> Reverted:
        # Dependents first, so that an account is free of what the same actor made for it.
        for shelf in reversed(self.over.values()):
            made: list[str] = []
            for keys in batches(self._touched(shelf.kind)):
                with transaction.atomic():
                    made += self._take_back(shelf, keys)
            self._remove(shelf, made)
            if shelf.kind == "period":
                self.done.accounts |= self._accounts_of_periods()
                # While the accounts are still there: what their movements said is taken back by name.
                derive_movements(self.done.accounts, by=self.by)
        derive_movements(self.done.accounts, by=self.by)
        return self.done

    def _accounts_of_periods(self) -> set[str]:
        """The accounts of all periods that the actor saved: an undo that was stopped may have left their
        movements as they were, though their periods are back.
        """
        entries = AuditEntry.objects.filter(by=self.actor, kind="period", action__in=SAVING)
        named = entries.values_list("before__account", "after__account").distinct()
        return {account for pair in named for account in pair if account}

    def _touched(self, kind: str) -> list[str]:
        entries = AuditEntry.objects.filter(by=self.actor, kind=kind, action__in=SAVING)
        return list(entries.order_by("subject").values_list("subject", flat=True).distinct())

    def _take_back(self, shelf: Shelf, keys: Sequence[str]) -> list[str]:
        """Restore what the actor changed; returns the keys of what the actor made."""
        present = shelf.load(keys)
        origins = list(self._origins(shelf.kind, keys, present))
        steps = [Step(o.key, present[o.key], o.state) for o in origins if o.state is not None]
        steps = [step for step in steps if shelf.kind != "account" or self._stands(step)]
        for origin in origins:
            self._touch(origin.key, present[origin.key])
        for step in steps:
            self._touch(step.key, step.after)
        if steps:
            shelf.write(steps)
            record_steps(shelf, steps, by=self.by, reason=self.actor, verb="revert")
            self.done.restored += len(steps)
        return [origin.key for origin in origins if origin.state is None]

    def _touch(self, key: str, state: State) -> None:
        self.done.accounts.add(state.get("account", key))

    def _stands(self, step: Step) -> bool:
        """Whether the account can go back beneath its old parent without closing a circle."""
        parent = step.after["parent"]
        if parent is None or parent == (step.before or {}).get("parent"):
            return True
        tree = Tree([])
        tree.place(step.key, parent, step.after)
        for finding in tree.findings:
            self._keep("account", step.key, finding.reason)
        return not tree.findings

    def _origins(self, kind: str, keys: Sequence[str], present: dict[str, State]) -> Iterator[Origin]:
        """Where each may go back to; those that somebody else changed since are kept and reported."""
        entries = AuditEntry.objects.filter(kind=kind, subject__in=keys)
        spans = {
            subject: (first, last)
            for subject, first, last in entries.values("subject")
            .annotate(
                first=Min("id", filter=Q(by=self.actor, action__in=SAVING)),
                other=Max("id", filter=~Q(by=self.actor)),
            )
            .values_list("subject", "first", "other")
        }
        firsts = AuditEntry.objects.in_bulk([first for first, _ in spans.values()])
        for key in keys:
            first, other = spans[key]
            origin, state = firsts[first].before, present.get(key)
            if state is None or _is_back(state, origin):
                continue
            if state.get("erased") or (origin is None and firsts[first].action != "create"):
                self._keep(kind, key, "It was erased since, so what it was is not known any more.")
            elif other is not None and other > first:
                self._keep(kind, key, self._who(other))
            else:
                yield Origin(key, origin)

    def _who(self, entry: int) -> str:
        last = AuditEntry.objects.get(pk=entry)
        return f"It was changed again on {last.at:%Y-%m-%d %H:%M} UTC by {last.by}."

    def _keep(self, kind: str, key: str, reason: str) -> None:
        self.done.kept.append(Kept(kind, key, reason))

    def _remove(self, shelf: Shelf, made: Sequence[str]) -> None:
        """Delete what nothing else needs. Of the rest accounts stay, so that what needs them is seen;
        others are withdrawn.
        """
        staying = referred_to(shelf.model, made, self.needed)
        for keys in batches(made):
            with transaction.atomic():
                states = shelf.load(keys)
                self._delete(shelf, {key: state for key, state in states.items() if key not in staying})
                needed = {key: state for key, state in states.items() if key in staying}
                if shelf.model is Account:
                    for key in needed:
                        self._keep(shelf.kind, key, NEEDED)
                else:
                    self._withdraw(shelf, needed)

    def _withdraw(self, shelf: Shelf, states: Mapping[str, State]) -> None:
        steps = [Step(key, state, {**state, "withdrawn": True}) for key, state in states.items()]
        if steps:
            shelf.write(steps)
            record_steps(shelf, steps, by=self.by, reason=self.actor, verb="withdraw")
            self.done.withdrawn += len(steps)

    def _delete(self, shelf: Shelf, states: Mapping[str, State]) -> None:
        if not states:
            return
        if shelf.model is Account:
            Account.objects.filter(parent__key__in=states).update(parent=None)
        shelf.model._default_manager.filter(key__in=states).delete()
        gone = (Change("delete", shelf.kind, key, state, None, self.actor) for key, state in states.items())
        record_many(gone, by=self.by)
        self.done.deleted += len(states)


def _is_back(state: State, origin: State | None) -> bool:
    return state["withdrawn"] if origin is None else state == origin


def referred_to(model: type[Model], made: Sequence[str], needed: Collection[str] = ()) -> set[str]:
    """Those of the keys that are needed or that rows outside them refer to, but for rows that are derived.

    A model says `derived = True` when its rows follow from others and go with them. What stands above
    something that stays, stays too.
    """
    staying = set(made).intersection(needed) if model is Account else set[str]()
    for keys in batches(made):
        for relation in model._meta.related_objects:
            other = relation.related_model
            if isinstance(other, str) or other is model or getattr(other, "derived", False):
                continue
            path = f"{relation.field.name}__key"
            named = other._default_manager.filter(**{f"{path}__in": keys})
            staying.update(named.values_list(path, flat=True).distinct())
    return staying | _above_staying(made, staying) if model is Account else staying


def _above_staying(made: Sequence[str], staying: set[str]) -> set[str]:
    """The made accounts that are above an account that stays."""
    wanted = set(made)
    pairs = Account.objects.exclude(parent=None).values_list("key", "parent__key")
    parents = {key: parent for key, parent in pairs if parent is not None}
    above: set[str] = set()
    for key in staying | (parents.keys() - wanted):
        parent = parents.get(key)
        while parent is not None and parent not in above:
            above.add(parent)
            parent = parents.get(parent)
    return above & wanted
