"""The verbs that change customers. Each is one transaction (bulk ones: one per batch, safe to repeat)."""

from collections.abc import Callable, Collection, Iterable, Sequence

from django.db import transaction

from heed.customers.checks import AccountCheck, ContactCheck, PeriodCheck
from heed.customers.erasure import erase_account, erase_contact, erased_among
from heed.customers.movements import Derived, derive_due_movements, derive_movements, say_movements_again
from heed.customers.rates import state_rate
from heed.customers.rows import AccountRow, ContactRow, PeriodRow, Saved
from heed.customers.saving import Saver
from heed.customers.shelves import Accounts, Contacts, Periods, Step, account_ids, batches
from heed.customers.states import State
from heed.customers.tree import Late, Tree, unknown_parent
from heed.customers.undo import Reverted, Undo
from heed.people.models import User

__all__ = [
    "Derived",
    "Reverted",
    "derive_due_movements",
    "derive_movements",
    "erase_account",
    "erase_contact",
    "revert",
    "save_accounts",
    "save_contacts",
    "save_periods",
    "say_movements_again",
    "state_rate",
]


def save_accounts(rows: Iterable[AccountRow], *, by: str, source: str) -> Saved:
    """Create and change accounts by key. The same rows again change nothing and record nothing.

    A parent may come before or after its children, in this call or an earlier one; one that never comes and
    one that would close a circle are left out and reported. An owner is looked up by e-mail, never guessed.
    """
    owners = {email.lower(): email for email in User.objects.values_list("email", flat=True)}
    check = AccountCheck(owners, source)
    tree = Tree(check.findings)

    def prepare(batch: Sequence[AccountRow]) -> Callable[[AccountRow, State | None], State]:
        parents = {row.parent.strip() for row in batch if isinstance(row.parent, str)}
        tree.know(parents | {row.key for row in batch})
        return check.apply

    saver = Saver[AccountRow](Accounts(), prepare, by, settle=tree.settle)
    saver.save(rows)
    _place_late(tree, saver)
    saver.tally.findings.extend(check.findings)
    return saver.tally.saved()


def _place_late(tree: Tree, saver: Saver[AccountRow]) -> None:
    """Give those their parent that came before it in the rows."""
    tree.know({late.parent for late in tree.late.values()})
    for batch in batches(tree.late.items()):
        with transaction.atomic():
            present = saver.shelf.load([key for key, _ in batch])
            saver.write(
                [step for key, late in batch if (step := _late_step(tree, saver, key, late, present))]
            )


def _late_step(
    tree: Tree, saver: Saver[AccountRow], key: str, late: Late, present: dict[str, State]
) -> Step | None:
    before = present.get(key)
    if before is None:
        return None
    if not tree.knows(late.parent):
        if not erased_among("account", {late.parent}):
            tree.findings.append(unknown_parent(key, late.parent))
        return None
    after = tree.place(key, late.parent, before)
    if after == before:
        return None
    if late.was_unchanged:
        saver.tally.unchanged -= 1
        saver.tally.changed += 1
    return Step(key, before, after)


def save_contacts(rows: Iterable[ContactRow], *, by: str, source: str) -> Saved:
    """Create and change contacts by key; a contact of an account that is not there is refused."""

    def prepare(batch: Sequence[ContactRow]) -> Callable[[ContactRow, State | None], State]:
        return ContactCheck(account_ids({row.account for row in batch if row.account}), source).apply

    saver = Saver[ContactRow](Contacts(), prepare, by)
    saver.save(rows)
    return saver.tally.saved()


def save_periods(rows: Iterable[PeriodRow], *, by: str, source: str) -> Saved:
    """Create and change subscription periods by key, and derive the movements of the accounts they name."""

    def prepare(batch: Sequence[PeriodRow]) -> Callable[[PeriodRow, State | None], State]:
        return PeriodCheck(account_ids({row.account for row in batch if row.account}), source).apply

    saver = Saver[PeriodRow](Periods(), prepare, by)
    saver.save(rows)
    # Also for accounts whose periods did not change: a run that was killed before this made up for it.
    derive_movements(saver.tally.accounts, by=by)
    return saver.tally.saved()


def revert(actor: str, *, by: str, needed: Collection[str] = ()) -> Reverted:
    """Take back what `actor` (such as "import:7") saved: accounts, contacts and periods as they were before.

    What the actor made is deleted. Of what others refer to by now, accounts stay (also those that are
    `needed`), other things are withdrawn. What somebody else changed since stays as it is. What stays is
    reported. Safe to repeat.
    """
    return Undo(actor, by=by, needed=needed).run()
