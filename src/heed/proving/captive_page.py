"""What the page Captive revenue says: revenue that stays although it would rather not, as far as asked."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from math import isfinite
from typing import Any, Final, NamedTuple

import pandas as pd
from django import forms
from django.http import Http404
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from heed.customers.reads import reporting_currency
from heed.evidence.money import CaptiveRevenue, captive_revenue
from heed.evidence.money.captive import CUT, HOLDING, Bucket, Loss
from heed.ledger import clock, words
from heed.measures.stays import Contract, Term
from heed.proving.charts import Bar, Chart, intervals
from heed.proving.paying import Paying, left_out, paying_on

LEAVES: Final = 25.0
ATTITUDE, REASONS = "stay_attitude", "stay_reasons"
COLUMNS: Final = ["account", "amount", "renewed", "attitude", "reasons"]
QUESTION = gettext_lazy(
    "If an equally good alternative needed no effort to move to, how likely would you stay? (0 to 10)"
)
BUCKETS: Final = {
    "captive": gettext_lazy("Captive"),
    "not_captive": gettext_lazy("Stays by choice"),
    "unknown": gettext_lazy("Unknown"),
    "not_renewed": gettext_lazy("Not renewed yet"),
}


class CaptiveForm(forms.Form):
    """What counts as a low attitude, and how much of the captive revenue is assumed to leave."""

    cut = forms.FloatField(
        label=gettext_lazy("Attitude below"), min_value=0, max_value=10,
        help_text=gettext_lazy("From 0 to 10: an answer below it counts as low."),
    )  # fmt: skip
    leaves = forms.FloatField(
        label=gettext_lazy("Per cent of it that leaves"), min_value=0, max_value=100,
        help_text=gettext_lazy("Your assumption, from 0 to 100; nothing here says how likely it is."),
    )  # fmt: skip


class Row(NamedTuple):
    key: str
    name: str
    amount: float
    attitude: float | None
    reasons: str


class Part(NamedTuple):
    """A bucket: what it is called, what it adds up to, and its share of all revenue (None: unknown)."""

    name: str
    label: str
    bucket: Bucket
    share: float | None
    amount: str


@dataclass(frozen=True, slots=True)
class CaptivePage:
    """`asked` accounts have an attitude or reasons on record; `unreadable` ones an attitude that is none."""

    found: CaptiveRevenue
    parts: tuple[Part, ...]
    rows: tuple[Row, ...]
    asked: int
    unreadable: int
    left_out: tuple[str, ...]
    leaves: float
    loss: Loss
    on: date

    @property
    def finding(self) -> str:
        if self.found.reason:
            return _("No account pays anything that could be captive")
        if not self.asked:
            return _("Why customers stay is not known of any")
        captive, unknown = self.parts[0], self.parts[2]
        if captive.share is None or unknown.share is None:
            return _("How much revenue is captive is not known")
        told = {"captive": words.percent(captive.share), "unknown": words.percent(unknown.share)}
        return _("%(captive)s of revenue is captive; of %(unknown)s it is not known") % told

    @property
    def definition(self) -> str:
        return definition(self.found.cut)

    @property
    def question(self) -> str:
        return str(QUESTION)

    @property
    def scenario(self) -> str:
        """What is lost if the assumed share leaves, with its bounds."""
        low, least = self.loss.grr.low, self.loss.grr.value
        if low is None or least is None:
            return ""
        return _("between %(least)s and %(most)s points of GRR, and as many of NRR") % {
            "least": words.number(-least * 100 + 0.0, 1),
            "most": words.number(-low * 100 + 0.0, 1),
        }


def definition(cut: float) -> str:
    return _(
        "Captive: a paid term has come to its end and the account still pays, the answer to “%(question)s” is"
        " below %(cut)s, and a reason that holds it is named (%(holding)s). One that fails makes it not"
        " captive; one that is not known, with none that fails, makes it unknown. Never guessed from NPS."
    ) % {"question": QUESTION, "cut": words.number(cut), "holding": words.listed(sorted(HOLDING))}


def captive_page(cut: float = CUT, leaves: float = LEAVES) -> CaptivePage:
    today = clock.today()
    paying, without_rate = paying_on(today)
    accounts = {each.account.key: each.account for each in paying}
    frame = pd.DataFrame([_row(each, today) for each in paying], columns=COLUMNS)
    found = captive_revenue(frame, cut=cut)
    read = dict(zip(frame["account"], frame.itertuples(index=False), strict=True))
    rows = tuple(
        Row(
            key,
            accounts[key].name or key,
            row.amount,
            _plain(row.attitude),
            "; ".join(sorted(row.reasons or ())),
        )
        for key, row in read.items()
    )
    return CaptivePage(
        found,
        tuple(_parts(found)),
        tuple(sorted(rows, key=lambda row: (-row.amount, row.key))),
        sum(row.attitude is not None or bool(row.reasons) for row in rows),
        sum(_unreadable(accounts[key].attributes.get(ATTITUDE)) for key in read),
        tuple(left_out(without_rate)),
        leaves,
        found.if_leaves(leaves / 100),
        today,
    )


def _row(each: Paying, today: date) -> tuple[Any, ...]:
    told = each.account.attributes
    attitude, reasons = attitude_of(told.get(ATTITUDE)), reasons_of(told.get(REASONS))
    return each.account.key, each.amount, renewed(each.terms, today), attitude, reasons


def renewed(terms: list[Term], today: date) -> bool | None:
    """Whether a term of the present stay has come to its end, and the account still pays; None: its terms
    say no end."""
    since = Contract(0, None, terms=terms).spells()[-1][0]
    ends = [term.ends for term in terms if term.starts >= since]
    if any(end is not None and end <= today for end in ends):
        return True
    return None if None in ends else False


def attitude_of(told: Any) -> float | None:
    try:
        value = float(told)
    except (TypeError, ValueError):
        return None
    return value if isfinite(value) and 0 <= value <= 10 else None


def _unreadable(told: Any) -> bool:
    return told not in (None, "") and attitude_of(told) is None


def reasons_of(told: Any) -> frozenset[str] | None:
    """The reasons in a text separated by `;`; None: none is named."""
    named = frozenset(part.strip().lower() for part in str(told or "").split(";"))
    return named - {""} or None


def _plain(value: float | None) -> float | None:
    return None if value is None or pd.isna(value) else float(value)


def _parts(found: CaptiveRevenue) -> Iterator[Part]:
    buckets = {name: getattr(found, name) for name in BUCKETS}
    amounts = [bucket.amount.value for bucket in buckets.values()]
    total = sum(amount for amount in amounts if amount is not None) if None not in amounts else 0
    for name, bucket in buckets.items():
        amount = bucket.amount.value
        shown = "" if amount is None else words.money(round(amount), reporting_currency())
        yield Part(name, str(BUCKETS[name]), bucket, amount / total if total else None, shown)


def chosen_rows(page: CaptivePage, asked: str) -> tuple[str, list[Row]]:
    """The accounts of a bucket, the largest first; none named: the first bucket with accounts."""
    if asked and asked not in BUCKETS:
        raise Http404(_("There is no bucket called %(name)s.") % {"name": asked})
    named = asked or next((part.name for part in page.parts if part.bucket.n), "captive")
    chosen = set(getattr(page.found, named).accounts)
    return str(BUCKETS[named]), [row for row in page.rows if row.key in chosen]


def chart_of(page: CaptivePage) -> Chart | None:
    """The share of each bucket."""
    if all(part.share is None for part in page.parts):
        return None
    return Chart(
        title=page.finding,
        alt="; ".join(f"{part.label}: {words.percent(part.share or 0)}" for part in page.parts),
        source=_("Monthly revenue of the accounts that pay on %(day)s, in %(currency)s. %(definition)s")
        % {
            "day": words.day(page.on, page.on),
            "currency": reporting_currency(),
            "definition": page.definition,
        },
        svg=intervals(
            [Bar(part.label, part.share, None, None, part.name == "captive") for part in page.parts],
            axis=_("Share of monthly revenue"),
        ),
        columns=(_("Bucket"), _("Accounts"), _("A month"), _("Share")),
        rows=tuple(
            (part.label, f"{part.bucket.n:,}", part.amount, words.percent(part.share or 0))
            for part in page.parts
        ),
    )
