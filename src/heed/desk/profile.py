"""What the account page shows beside the timeline."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal

from django.db.models import Max, Q
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from heed.conversations.models import Case, Interaction, InteractionState
from heed.conversations.reads import SPOKEN, cases_of, open_plans
from heed.customers.models import Account, Contact, Movement, SubscriptionPeriod
from heed.desk.candidates import end_of
from heed.desk.findings import Reading
from heed.desk.models import WorklistRow
from heed.desk.ranking import readings_of
from heed.desk.reads import Row, about, open_rows, row_of
from heed.desk.voices import EVER, Words, last_words_of
from heed.ledger import words
from heed.ledger.models import AuditEntry
from heed.measures.models import MetricDefinition, Risk
from heed.measures.reads import trends_of

SHOWN = 8
MOST_PEOPLE = 108
"""Those shown at once and those to unfold: a page of thousands comes too late and is read by nobody."""
SURVEYS = ("last_nps", "last_csat", "last_ces")
HISTORY = 20


@dataclass(frozen=True, slots=True)
class Person:
    contact: Contact
    last_at: datetime | None


@dataclass(frozen=True, slots=True)
class Contract:
    """What is paid a month now, by currency, with the next renewal and the seats."""

    amounts: Sequence[tuple[Decimal, str]]
    renews_on: date | None
    seats: int | None

    @property
    def text(self) -> str:
        return " + ".join(words.money(amount * 12, currency) for amount, currency in self.amounts)


@dataclass(frozen=True, slots=True)
class Measured:
    """A metric of the account, ready to be read."""

    reading: Reading
    shown: str
    earlier: str
    anchor: str
    rows: str

    @property
    def unit(self) -> str:
        unit = str(self.reading.definition.get("unit", ""))
        return "" if unit == "share" else unit


@dataclass(frozen=True, slots=True)
class Line:
    """A measure with its values on past dates."""

    measure: Measured
    points: Sequence[tuple[date, float | None]]


@dataclass(frozen=True, slots=True)
class Question:
    """What is not known, asked as a person would; `place` is where the page shows what is known of it."""

    text: str
    place: str = ""


@dataclass(frozen=True, slots=True)
class Profile:
    account: Account
    about: str
    contract: Contract
    risk: Risk | None
    measures: Sequence[Measured]
    unknowns: Sequence[Question]
    unmeasured: Sequence[Reading]
    rows: Sequence[Row]
    periods: Sequence[SubscriptionPeriod]
    movements: Sequence[Movement]
    people: Sequence[Person]
    more_people: Sequence[Person]
    people_count: int
    cases: Sequence[Case]
    cases_open: int
    more_cases: int
    children: Sequence[Account]
    planned: Sequence[Interaction]
    said: Words | None
    history: Sequence[AuditEntry] = field(default_factory=tuple)

    @property
    def unmeasured_names(self) -> str:
        return ", ".join(reading.name[:1].lower() + reading.name[1:] for reading in self.unmeasured)

    @property
    def people_folded(self) -> int:
        """How many people do not show at once."""
        return self.people_count - len(self.people)

    @property
    def people_left_out(self) -> int:
        """How many are not on the page at all."""
        return self.people_folded - len(self.more_people)

    @property
    def speaker(self) -> str:
        return self.said.role if self.said and self.said.role else _("role not recorded")

    @property
    def said_where(self) -> str:
        return self.said.place(self.account.key) if self.said else ""

    def measure(self, key: str) -> Measured | None:
        return next((each for each in self.measures if each.reading.key == key), None)


def profile_of(account: Account, as_of: date, now: datetime, *, history: bool) -> Profile:
    """All of the page but the timeline, in a fixed number of queries; `history` adds the audit trail."""
    metrics = list(MetricDefinition.objects.filter(is_current=True).order_by("id"))
    readings = readings_of([account.pk], metrics)[account.pk]
    contract = contract_of(account, as_of)
    people = people_of(account, now)
    cases = sorted(cases_of(account), key=is_open, reverse=True)
    measures = [measured(account, reading) for reading in readings]
    return Profile(
        account=account,
        about=about(account),
        contract=contract,
        risk=Risk.objects.filter(account=account).first(),
        measures=measures,
        unknowns=unknowns_of(account, readings, contract, people, as_of),
        unmeasured=[reading for reading in readings if reading.value is None and reading.reason],
        rows=rows_of(account),
        periods=periods_of(account),
        movements=list(account.movements.order_by("-on", "currency")[:20]),
        people=people[:SHOWN],
        more_people=people[SHOWN:MOST_PEOPLE],
        people_count=len(people),
        cases=cases[:SHOWN],
        cases_open=sum(is_open(case) for case in cases),
        more_cases=max(len(cases) - SHOWN, 0),
        children=list(account.children.filter(withdrawn_at=None).order_by("name")[:50]),
        planned=planned_of(account),
        said=said_last(account, as_of),
        history=history_of(account) if history else (),
    )


def said_last(account: Account, as_of: date) -> Words | None:
    """Their last words as Today quotes them; where there are none of half a year, older ones."""
    end = end_of(as_of)
    recent = last_words_of([account.pk], end).get(account.pk)
    return recent or last_words_of([account.pk], end, within=EVER).get(account.pk)


def periods_of(account: Account) -> list[SubscriptionPeriod]:
    standing = account.subscription_periods.filter(withdrawn_at=None)
    return list(standing.order_by("-starts_on", "key")[:HISTORY])


def contract_of(account: Account, as_of: date) -> Contract:
    running = account.subscription_periods.filter(
        Q(ends_on=None) | Q(ends_on__gt=as_of), withdrawn_at=None, starts_on__lte=as_of
    )
    amounts: dict[str, Decimal] = {}
    for period in running:
        amounts[period.currency] = amounts.get(period.currency, Decimal(0)) + period.monthly_amount
    renewals = [period.renews_on for period in running if period.renews_on and period.renews_on >= as_of]
    seats = [period.seats for period in running if period.seats is not None]
    priced = sorted((amount, currency) for currency, amount in amounts.items())
    return Contract(priced, min(renewals, default=None), sum(seats) if seats else None)


def measured(account: Account, reading: Reading) -> Measured:
    share = reading.definition.get("unit") == "share"
    text = [
        "" if value is None else words.percent(value) if share else words.number(value)
        for value in (reading.value, reading.earlier)
    ]
    rows = reverse("measures:behind", kwargs={"key": account.key, "metric": reading.key})
    return Measured(reading, text[0], text[1], f"measure-{reading.key}", rows)


def lines_of(account: Account, profile: Profile, as_of: date) -> list[Line]:
    """The measures with their last twelve months, worked out anew from what was known on each date."""
    trends = trends_of(account, as_of)
    return [
        Line(each, [(point.as_of, point.value) for point in trends.get(each.reading.key, [])])
        for each in profile.measures
    ]


def people_of(account: Account, now: datetime) -> list[Person]:
    """The people, those last spoken with first, the never heard last."""
    contacts = list(account.contacts.filter(withdrawn_at=None, erased_at=None).order_by("name", "key"))
    held = Interaction.objects.filter(
        contact__account=account, state=InteractionState.HELD, kind__in=SPOKEN, withdrawn_at=None, at__lte=now
    )
    last = dict(held.order_by().values_list("contact").annotate(Max("at")))
    people = [Person(contact, last.get(contact.pk)) for contact in contacts]
    return sorted(people, key=lambda each: (each.last_at is None, now - (each.last_at or now)))


def is_open(case: Case) -> bool:
    return case.resolved_at is None and case.closed_at is None


def unknowns_of(
    account: Account, readings: Sequence[Reading], contract: Contract, people: Sequence[Person], as_of: date
) -> list[Question]:
    """What a person should know before acting and does not, as the questions to ask."""
    asked = [*_about_people(account, people), *_about_contract(contract, people, as_of)]
    values = {reading.key: reading for reading in readings}
    unset = values.get("key_activities")
    if unset is not None and unset.value is None:
        text = _("Do they get what they came for? Nothing they do is measured as value received.")
        asked.append(Question(text, "#measures"))
    surveys = [values[key] for key in SURVEYS if key in values]
    if surveys and all(reading.value is None for reading in surveys):
        text = _("Are they content? They have not answered a survey in the last year.")
        asked.append(Question(text, "#measures"))
    seen = values.get("days_since_usage")
    if seen is not None and seen.value is None:
        asked.append(Question(_("Do they use it? No use of theirs is on record."), "#measures"))
    return asked


def _about_people(account: Account, people: Sequence[Person]) -> list[Question]:
    asked = []
    if account.owner_id is None:
        asked.append(Question(_("Who looks after them? Nobody owns this account.")))
    silent = [person for person in people if person.last_at is None]
    if not people:
        asked.append(Question(_("Who works there? No contact is known."), "#people"))
    elif len(silent) == len(people):
        text = ngettext(
            "What do they say? We have not spoken with their only contact.",
            "What do they say? We have spoken with none of their %(count)s people.",
            len(people),
        )
        asked.append(Question(text % {"count": len(people)}, "#people"))
    elif silent:
        text = ngettext(
            "What does the one of their %(of)s people think with whom we have never spoken?",
            "What do %(count)s of their %(of)s people think? We have never spoken with them.",
            len(silent),
        )
        asked.append(Question(text % {"count": len(silent), "of": len(people)}, "#people"))
    return asked


def _about_contract(contract: Contract, people: Sequence[Person], as_of: date) -> list[Question]:
    if not contract.amounts:
        return [Question(_("What do they pay? No contract is in force."), "#subscriptions")]
    if contract.renews_on is None:
        return [Question(_("When does the contract renew? No date is known."), "#subscriptions")]
    if people and not any(decides(person.contact) for person in people):
        text = _("Who decides on the renewal %(when)s? Nobody there is marked as deciding.")
        ahead = {"when": words.from_today(contract.renews_on, as_of)}
        return [Question(text % ahead, "#subscriptions")]
    return []


def decides(contact: Contact) -> bool:
    """Whether an attribute of the contact says that this person decides or signs."""
    stated = (f"{name} {value}".lower() for name, value in contact.attributes.items() if value)
    return any(word in text for text in stated for word in ("decision", "decid", "signs", "signator"))


def rows_of(account: Account) -> list[Row]:
    found = WorklistRow.objects.filter(open_rows(), account=account).select_related("account__risk")
    return [row_of(row) for row in found.order_by("rank", "id")]


def planned_of(account: Account) -> list[Interaction]:
    """Plans that nobody has closed, those whose day has passed too."""
    return list(open_plans().filter(account=account).select_related("contact", "held_by")[:SHOWN])


def history_of(account: Account) -> list[AuditEntry]:
    return list(AuditEntry.objects.filter(kind="account", subject=account.key).order_by("-id")[:HISTORY])
