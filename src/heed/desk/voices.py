"""What accounts last said in their own words: answers to surveys, conversations, subjects of cases."""

import json
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.urls import reverse
from django.utils.translation import gettext as _

from heed.conversations.models import Case, Interaction
from heed.conversations.reads import their_words
from heed.customers.models import Account, Contact
from heed.ledger import words
from heed.ledger.home import open_stream
from heed.stream import Activity

RECENT = timedelta(days=180)
EVER = timedelta(days=365 * 50)
CHUNK = 500
LOW = {"nps": (6, 10), "csat": (2, 5), "ces": (3, 7)}
"""Up to which mark an answer is in the lower part of its scale, and where the scale ends."""


@dataclass(frozen=True, slots=True)
class Words:
    """Verbatim words with who said them (a role, never a name), when and where. `mark` is the score that
    came with them, `low` whether it is in the lower part of its scale; `family` filters the timeline."""

    text: str
    at: datetime
    role: str
    source: str
    family: str
    mark: str = ""
    low: bool = False

    def quoted(self, account: str) -> dict[str, str]:
        """As a worklist row keeps it: words, speaker, at (ISO 8601), source, href."""
        said = {"words": self.text, "speaker": self.role or _("role not recorded")}
        return said | {"at": self.at.isoformat(), "source": self.source, "href": self.place(account)}

    def place(self, account: str) -> str:
        """Where the account's page shows them."""
        anchor = "#cases" if self.family == "case" else f"?kind={self.family}#timeline"
        return reverse("desk:account", kwargs={"key": account}) + anchor


def last_words_of(
    accounts: Collection[int], end: datetime, *, within: timedelta = RECENT
) -> dict[int, Words]:
    """By account what the customer said last in the span before `end`: an answer or a conversation.

    Where there is neither, the subject of the newest case. `end` is the midnight after the last day.
    """
    ordered = sorted(accounts)
    since = end - within
    chunks = [ordered[start : start + CHUNK] for start in range(0, len(ordered), CHUNK)]
    asked = [found for some in chunks for found in subjects(some, since, end)]
    spoken = [found for some in chunks for found in interactions(some, since, end)]
    named = (Account.objects.filter(id__in=some).values_list("key", "id") for some in chunks)
    ids = {key: pk for found in named for key, pk in found}
    last = newest(spoken)
    # An answer from before the last conversation of all of them is nobody's last word, and costs reading.
    needed = min(said.at for said in last.values()) if ordered and len(last) == len(ordered) else since
    return newest(asked) | newest([*spoken, *answers(ids, needed, end)])


def newest(found: Iterable[tuple[int, Words]]) -> dict[int, Words]:
    return dict(sorted(found, key=lambda each: (each[1].at, each[1].text)))


def interactions(accounts: Collection[int], since: datetime, end: datetime) -> Iterator[tuple[int, Words]]:
    heard = Interaction.objects.filter(their_words(), account__in=accounts, at__gte=since, at__lt=end)
    for each in heard.select_related("contact"):
        role = each.contact.role if each.contact else ""
        yield each.account_id, Words(each.words, each.at, role, each.get_kind_display(), "interaction")


def subjects(accounts: Collection[int], since: datetime, end: datetime) -> Iterator[tuple[int, Words]]:
    cases = Case.objects.filter(
        account__in=accounts, opened_at__gte=since, opened_at__lt=end, withdrawn_at=None
    ).exclude(subject="")
    for case in cases.select_related("contact"):
        role = case.contact.role if case.contact else ""
        yield case.account_id, Words(case.subject, case.opened_at, role, _("case"), "case")


def answers(ids: Mapping[str, int], since: datetime, end: datetime) -> Iterator[tuple[int, Words]]:
    """Answers to surveys with a comment, out of the stream: rows that stand."""
    stream = open_stream()
    told = stream.standing(ids, ["survey"], since.date(), end.date() - timedelta(days=1))
    rows = [(row, comment) for row in told if (comment := comment_of(row))]
    people = {row.contact for row, _comment in rows if row.contact}
    roles = dict(Contact.objects.filter(key__in=people, erased_at=None).values_list("key", "role"))
    for row, comment in rows:
        kind = row.name.partition(".")[2]
        mark, low = mark_of(kind, row.value)
        source = mark or _("answer to %(survey)s") % {"survey": kind.upper()}
        role = roles.get(row.contact or "", "")
        yield ids[row.account], Words(comment, row.at, role, source, "survey", mark, low)


def comment_of(answer: Activity) -> str:
    comment = json.loads(answer.properties or "{}").get("comment")
    return comment if isinstance(comment, str) and comment.strip() else ""


def mark_of(kind: str, value: float | None) -> tuple[str, bool]:
    """`NPS 3 of 10`, and whether that is low; other surveys have no scale that we know."""
    if value is None:
        return "", False
    name = kind.upper() if len(kind) <= 4 else words.plain(kind)
    if kind not in LOW:
        return f"{name} {words.number(value)}", False
    limit, top = LOW[kind]
    mark = _("%(survey)s %(value)s of %(top)s") % {"survey": name, "value": words.number(value), "top": top}
    return mark, value <= limit
