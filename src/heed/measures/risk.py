"""The clock: how likely each account is to leave by its renewal, from how long others stayed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from django.conf import settings
from django.db import transaction

from heed.customers.models import ExchangeRate
from heed.evidence.clock import Answer, Clock
from heed.evidence.estimate import Estimate
from heed.ledger import clock
from heed.ledger.actions import Change, record
from heed.measures.models import ClockVersion, Risk, RiskModel, RiskScore
from heed.measures.stays import Contract, contracts, next_term, tallied, tenure_stays, term_stays, told

HORIZON = 90
CENT = Decimal("0.01")
TERM, TENURE = "days into the term", "days as a customer"
NOT_PAYING = "no paid subscription is in force"


@dataclass(frozen=True, slots=True)
class Clocks:
    """The two curves: over the days of a contract term, and over the days as a customer."""

    term: Clock
    tenure: Clock
    answers: dict[tuple[Any, ...], Answer] = field(default_factory=dict)

    @classmethod
    def of(cls, curves: Mapping[str, Any]) -> "Clocks":
        """The clocks of a stored version, so that any figure of its date can be made again."""
        return cls(Clock.fit(told(curves[TERM])), Clock.fit(told(curves[TENURE])))

    def ask(self, axis: str, within: int, tenure: int, segment: str) -> Answer:
        place = (axis, within, tenure, segment)
        if place not in self.answers:
            chosen = self.term if axis == TERM else self.tenure
            self.answers[place] = chosen.leaving(within, tenure=tenure, segment=segment)
        return self.answers[place]


@dataclass(frozen=True, slots=True)
class Estimated:
    """What the estimate came to: accounts with a figure and without."""

    as_of: date
    known: int
    unknown: int
    stays: int
    events: int


def estimate_risk(as_of: date, *, by: str) -> Estimated:
    """Estimate for every standing account how likely it leaves by its renewal, and keep the curves that the
    stored figures were read from.

    The risk model answers where a version is in force (`learn`); else the clock does:
    an account with a term in force is read from the curve of terms of its length, given how far it is into
    the term; where these are too few, and for accounts without a renewal date (then within 90 days), from the
    curve of days as a customer, of its plan where enough left. Too few events: unknown, with the reason.
    """
    known = contracts(as_of)
    curves = {TERM: tallied(term_stays(known, as_of)), TENURE: tallied(tenure_stays(known, as_of))}
    clocks = Clocks.of(curves)
    with transaction.atomic():
        version = _keep_version(curves, clocks, as_of, by)
        scores = _scores(as_of, known)
        risks = [
            _risk(contract, clocks, as_of, version, scores.get(contract.account))
            for contract in known
            if not contract.erased
        ]
        changed = _store(risks, as_of)
        done = Estimated(
            as_of,
            sum(risk.probability is not None for risk in risks),
            sum(risk.probability is None for risk in risks),
            version.contracts,
            version.events,
        )
        if changed:
            counts = {"known": done.known, "unknown": done.unknown, "written": changed}
            record(Change("estimate risk", "measures", as_of.isoformat(), None, counts), by=by)
    return done


def _keep_version(
    curves: Mapping[str, Sequence[Sequence[int | str]]], clocks: Clocks, as_of: date, by: str
) -> ClockVersion:
    version, made = ClockVersion.objects.get_or_create(
        as_of=as_of,
        defaults={
            "made_by": by,
            "made_at": clock.now(),
            "contracts": clocks.tenure.everybody.n,
            "events": int(clocks.tenure.everybody.events.sum()),
            "curves": curves,
        },
    )
    if not made and version.curves != curves:
        version.curves = dict(curves)
        version.contracts = clocks.tenure.everybody.n
        version.events = int(clocks.tenure.everybody.events.sum())
        version.made_by, version.made_at = by, clock.now()
        version.save()
    return version


def answer_for(contract: Contract, clocks: Clocks, as_of: date) -> tuple[Answer, date | None, str]:
    """The estimate for one account, the day it reaches to, and the axis of the curve it was read from."""
    started = contract.started(as_of)
    if started is None:
        return Answer(Estimate.unknown(NOT_PAYING), 0), None, ""
    term = next_term(contract.terms, as_of)
    within = (term.ends - as_of).days if term and term.ends else HORIZON
    until = as_of + timedelta(days=within)
    if term and term.months:
        day = term.day(as_of)
        answer = clocks.ask(TERM, term.days - day, day, term.length)
        # Terms of other lengths do not show when this one ends.
        if answer.estimate.value is not None and (answer.basis or len(clocks.term.segments) == 1):
            return answer, until, TERM
    plan = next((t.plan for t in reversed(contract.in_force(as_of)) if t.plan), "")
    answer = clocks.ask(TENURE, within, (as_of - started).days, f"plan {plan}" if plan else "")
    return answer, until, TENURE


def _risk(
    contract: Contract, clocks: Clocks, as_of: date, version: ClockVersion, score: RiskScore | None
) -> Risk:
    """The model's word where it has one, else the clock's."""
    if score is not None:
        return _scored_risk(contract, as_of, score)
    answer, until, axis = answer_for(contract, clocks, as_of)
    estimate = answer.estimate
    amount, currency = yearly_amount(contract, as_of)
    return Risk(
        account_id=contract.account,
        as_of=as_of,
        horizon_on=until,
        probability=estimate.value,
        low=estimate.low,
        high=estimate.high,
        n=estimate.n,
        events=answer.events,
        method=". ".join(part for part in (estimate.method, axis, answer.note) if part)[:200],
        reason=estimate.reason[:200],
        yearly_amount=amount,
        currency=currency,
        clock=version,
        group=answer.basis[:200],
    )


def _scores(as_of: date, known: Sequence[Contract]) -> dict[int, RiskScore]:
    if not RiskModel.objects.filter(as_of__lte=as_of, record__isnull=False).exists():
        return {}
    # Here, because the learners take a second to load.
    from heed.measures.scoring import score_accounts

    return score_accounts(as_of, known)


def _scored_risk(contract: Contract, as_of: date, score: RiskScore) -> Risk:
    amount, currency = yearly_amount(contract, as_of)
    learnt_from = score.model.panel
    return Risk(
        account_id=contract.account,
        as_of=as_of,
        horizon_on=score.horizon_on,
        probability=score.probability,
        low=score.low,
        high=score.high,
        n=learnt_from.accounts if learnt_from else 0,
        events=learnt_from.left if learnt_from else 0,
        method=f"risk model, version {score.model.version}",
        yearly_amount=amount,
        currency=currency,
        score=score,
    )


def yearly_amount(contract: Contract, as_of: date) -> tuple[Decimal | None, str]:
    """Twelve times what an account pays a month, in its own currency, or converted where it has several."""
    by_currency: dict[str, Decimal] = {}
    for term in contract.in_force(as_of):
        by_currency[term.currency] = by_currency.get(term.currency, Decimal(0)) + term.amount * 12
    if len(by_currency) == 1:
        currency, amount = next(iter(by_currency.items()))
        return amount.quantize(CENT), currency
    rates = {settings.HEED_CURRENCY: Decimal(1), **dict(ExchangeRate.objects.values_list("currency", "rate"))}
    if not by_currency or any(currency not in rates for currency in by_currency):
        return None, ""
    total = sum((amount * rates[currency] for currency, amount in by_currency.items()), Decimal(0))
    return total.quantize(CENT), settings.HEED_CURRENCY


FIELDS = (
    "as_of",
    "horizon_on",
    "probability",
    "low",
    "high",
    "n",
    "events",
    "method",
    "reason",
    "yearly_amount",
    "currency",
    "group",
    "score_id",
)


def _store(risks: Sequence[Risk], as_of: date) -> int:
    """Write the risks that differ from what is stored; a look back at an earlier date replaces nothing."""
    stored = {risk.account_id: risk for risk in Risk.objects.all()}
    written = [risk for risk in risks if _replaces(stored.get(risk.account_id), risk)]
    Risk.objects.bulk_create(
        written,
        update_conflicts=True,
        unique_fields=["account"],
        update_fields=[*(name.removesuffix("_id") for name in FIELDS), "clock", "earlier_probability"],
    )
    Risk.objects.exclude(account__withdrawn_at=None, account__erased_at=None).delete()
    # One a day would pile up for ever; the curves of a past date can be made again from what was known then.
    ClockVersion.objects.filter(risks=None).delete()
    return len(written)


def _replaces(old: Risk | None, new: Risk) -> bool:
    if old is None:
        return True
    if old.as_of > new.as_of:
        return False
    new.earlier_probability = old.probability if old.as_of < new.as_of else old.earlier_probability
    return any(getattr(old, name) != getattr(new, name) for name in FIELDS)
