"""The tree of accounts, of any depth: who belongs to whom, and why something may not."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from heed.customers.models import Account
from heed.customers.rows import AccountRow, Finding
from heed.customers.states import State


@dataclass
class Late:
    """A row whose parent was not known yet when the row was read."""

    row: AccountRow
    parent: str
    was_unchanged: bool


@dataclass
class Tree:
    """Sees to the parents of rows. A parent that comes later in the rows waits in `late`."""

    findings: list[Finding]
    late: dict[str, Late] = field(default_factory=dict)
    _parents: dict[str, str] | None = None
    _known: set[str] = field(default_factory=set)

    def know(self, keys: set[str]) -> None:
        """Learn which of the keys are accounts."""
        self._known.update(Account.objects.filter(key__in=keys - self._known).values_list("key", flat=True))

    def knows(self, key: str) -> bool:
        return key in self._known

    def settle(self, row: AccountRow, before: State | None, after: State) -> State:
        self._known.add(row.key)
        if row.parent is None:
            return after
        parent = row.parent.strip() if isinstance(row.parent, str) else ""
        if parent and parent not in self._known:
            self.late[row.key] = Late(row, parent, was_unchanged=before == after)
            return after
        self.late.pop(row.key, None)
        return self.place(row.key, parent or None, after)

    def place(self, key: str, parent: str | None, state: State) -> State:
        """The state with its parent, unless that would close a circle."""
        parents = self._all_parents()
        if parent is None:
            parents.pop(key, None)
            return {**state, "parent": None}
        above = [key, *self._above(parent)]
        if key in above[1:]:
            path = " → ".join([key, *above[1 : above.index(key, 1) + 1]])
            reason = (
                f"'{parent}' cannot be the parent of '{key}', because it stands beneath it ({path}). "
                "The parent stays as it was."
            )
            self.findings.append(Finding(key, "parent", parent, "cycle", reason, refused=False))
            return state
        parents[key] = parent
        return {**state, "parent": parent}

    def _above(self, key: str) -> Iterator[str]:
        parents = self._all_parents()
        current: str | None = key
        while current is not None:
            yield current
            current = parents.get(current)

    def _all_parents(self) -> dict[str, str]:
        if self._parents is None:
            pairs = Account.objects.exclude(parent=None).values_list("key", "parent__key")
            self._parents = {key: parent for key, parent in pairs if parent}
        return self._parents


def unknown_parent(key: str, parent: str) -> Finding:
    reason = f"There is no account with the id '{parent}', so '{key}' is saved without this parent."
    return Finding(key, "parent", parent, "unknown_parent", reason, refused=False)
