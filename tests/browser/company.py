"""A small company's exports, as a CRM, a billing system, a product and a help desk write them.

Written by the test that imports them, around the day on which it runs; the same on every run of a day. Two
rows are bad, each in its own way; everything else is taken in.
"""

import csv
from collections.abc import Iterable, Sequence
from datetime import date, datetime, timedelta
from pathlib import Path
from random import Random

ACCOUNTS, CONTACTS_EACH = 36, 3
OWNER = "ada@heed.test"
NO_SUCH_DAY = "2026-02-30"
IMPOSSIBLE = "SUB-900"
"""The subscription that starts on a day that does not exist."""
HOMELESS = "TIC-900"
"""The ticket that names no account."""
NAMES = (
    *(
        "Alder Freight",
        "Birchwood Dental",
        "Caldera Foods",
        "Driftline Media",
        "Eastgate Legal",
        "Fenn & Sons",
    ),
    *(
        "Granite Works",
        "Harbour Optics",
        "Ironbark Energy",
        "Juniper Press",
        "Kestrel Travel",
        "Larkfield Homes",
    ),
    *("Mossbank Clinics", "Northmoor Steel", "Oakhurst Schools", "Pinecrest Hotels", "Quarry Paints"),
    *(
        "Redwater Farms",
        "Saltmarsh Boats",
        "Thornbury Audit",
        "Umber Coffee",
        "Valebridge Rail",
        "Westlow Tools",
    ),
    *("Yarrow Pharma", "Ashdown Print", "Bellweather Toys", "Coldspring Water", "Dunmore Textiles"),
    *("Elmstead Garages", "Foxglove Florists", "Glenrock Mining", "Hazelnut Bakeries", "Inverloch Fish"),
    *("Kingsmead Estates", "Lowther Solar", "Marram Surveys"),
)
FEATURES = ("report_exported", "invoice_sent", "dashboard_opened", "rule_changed")

Row = Sequence[object]


def write(folder: Path, today: date) -> list[Path]:
    """The six files; usage, tickets and answers end on the day before `today`."""
    chance = Random(7)  # noqa: S311 - data, no secret
    folder.mkdir(parents=True, exist_ok=True)
    return [
        table(
            folder / "accounts.csv",
            "account_id,account_name,industry,owner_email,created_at",
            accounts(today),
        ),
        table(folder / "contacts.csv", "contact_id,account_id,full_name,email,job_title", contacts()),
        table(
            folder / "subscriptions.csv",
            "subscription_id,account_id,plan,start_date,end_date,renewal_date,mrr,currency,seats",
            subscriptions(today),
        ),
        table(
            folder / "activities.csv",
            "event_id,account_id,user_id,event,occurred_at",
            activities(today, chance),
        ),
        table(
            folder / "tickets.csv",
            "ticket_id,account_id,requester_id,subject,priority,created_at,first_response_at,resolved_at",
            tickets(today),
        ),
        table(
            folder / "survey_responses.csv",
            "response_id,account_id,respondent_id,survey,score,comment,submitted_at",
            answers(today),
        ),
    ]


def table(path: Path, header: str, rows: Iterable[Row]) -> Path:
    with path.open("w", encoding="utf-8", newline="") as out:
        writer = csv.writer(out)
        writer.writerow(header.split(","))
        writer.writerows(rows)
    return path


def key(number: int) -> str:
    return f"ACC-{number:03}"


def person(number: int, which: int) -> str:
    return f"CON-{number:03}-{which}"


def accounts(today: date) -> Iterable[Row]:
    for number, name in enumerate(NAMES, 1):
        industry = ("Retail", "Health", "Industry")[number % 3]
        yield key(number), name, industry, OWNER, today - timedelta(days=300 + 11 * number)


def contacts() -> Iterable[Row]:
    for number in range(1, ACCOUNTS + 1):
        for which in range(1, CONTACTS_EACH + 1):
            first = ("Noor", "Sam", "Vera")[which - 1]
            mail = f"{first.lower()}.{number}@customer.test"
            yield (
                person(number, which),
                key(number),
                f"{first} {number}",
                mail,
                ("Controller", "Admin", "Head")[which - 1],
            )


def subscriptions(today: date) -> Iterable[Row]:
    """Every third has left; the others renew between 9 and about 290 days from now."""
    for number in range(1, ACCOUNTS + 1):
        start = today - timedelta(days=300 + 11 * number)
        end = today - timedelta(days=20 + number) if number % 3 == 0 else ""
        renewal = "" if end else today + timedelta(days=9 + 8 * number)
        yield (
            f"SUB-{number:03}",
            key(number),
            "Team",
            start,
            end,
            renewal,
            150 + 40 * number,
            "EUR",
            5 + number,
        )
    yield IMPOSSIBLE, key(1), "Add-on", NO_SUCH_DAY, "", "", 90, "EUR", 2


def activities(today: date, chance: Random) -> Iterable[Row]:
    """Everybody works most days; every fifth account stopped 35 days ago."""
    made = 0
    for number in range(1, ACCOUNTS + 1):
        for back in range(150, 0, -3):
            if number % 5 == 0 and back < 35:
                continue
            for _ in range(1 + number % 2):
                made += 1
                at = datetime.combine(today - timedelta(days=back), datetime.min.time())
                at += timedelta(minutes=480 + chance.randrange(500))
                who = person(number, 1 + chance.randrange(CONTACTS_EACH))
                yield f"E{made:05}", key(number), who, chance.choice(FEATURES), at.isoformat()


def tickets(today: date) -> Iterable[Row]:
    for number in range(1, ACCOUNTS + 1, 3):
        opened = datetime.combine(today - timedelta(days=2 + number), datetime.min.time()) + timedelta(
            hours=9
        )
        waits = number == 4
        replied = "" if waits else (opened + timedelta(hours=3)).isoformat()
        solved = "" if waits else (opened + timedelta(hours=30)).isoformat()
        subject = ("The export is empty", "Sign-in fails", "Invoice is wrong")[number // 3 % 3]
        yield (
            f"TIC-{number:03}",
            key(number),
            person(number, 1),
            subject,
            "high",
            opened.isoformat(),
            replied,
            solved,
        )
    opened = datetime.combine(today - timedelta(days=5), datetime.min.time()) + timedelta(hours=10)
    yield HOMELESS, "", "", "Nobody knows whose this is", "low", opened.isoformat(), "", ""


def answers(today: date) -> Iterable[Row]:
    for number in range(2, ACCOUNTS + 1, 4):
        at = datetime.combine(today - timedelta(days=10 + number), datetime.min.time()) + timedelta(hours=11)
        said = "It saves us a day a month." if number % 8 == 2 else "Exports keep failing."
        score = 9 if number % 8 == 2 else 3
        yield f"R{number:03}", key(number), person(number, 2), "nps", score, said, at.isoformat()
