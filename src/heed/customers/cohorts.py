"""The accounts behind a figure of retention: which of them, in which order, and what they add up to."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from operator import attrgetter

from heed.customers.models import Account
from heed.customers.reads import Cohort, Form, Member

ZERO = Decimal(0)
AMOUNTS = ("start", "end", "expansion", "contraction", "churn", "reactivation")


@dataclass(frozen=True, slots=True)
class Line:
    """One account, or the sum of several: amounts a month. `kept` counts for GRR and `counted` for NRR.

    `account` is None for the sum, and for an account that was erased.
    """

    member: Member
    kept: Decimal
    counted: Decimal
    account: Account | None = None


def ordered(cohort: Cohort, figure: str) -> list[Member]:
    """The members that make a figure, those that move it most first."""
    form = cohort.figure.retention.form
    orders: dict[str, Callable[[Member], Decimal]] = {
        "grr": lambda member: member.start - member.kept(form),
        "nrr": lambda member: abs(member.counted(form) - member.start),
    }
    amount = orders.get(figure) or attrgetter(figure)
    of_everybody = figure in (*orders, "start", "end")
    members = [member for member in cohort.members if of_everybody or amount(member)]
    return sorted(members, key=lambda member: (-amount(member), member.account))


def lines(members: Sequence[Member], form: Form, accounts: Mapping[str, Account]) -> list[Line]:
    return [
        Line(member, member.kept(form), member.counted(form), accounts.get(member.account))
        for member in members
    ]


def together(members: Sequence[Member], form: Form) -> Line:
    """The sums of all columns."""
    sums = {name: sum((getattr(member, name) for member in members), ZERO) for name in AMOUNTS}
    return Line(
        Member(account="", **sums),
        kept=sum((member.kept(form) for member in members), ZERO),
        counted=sum((member.counted(form) for member in members), ZERO),
    )
