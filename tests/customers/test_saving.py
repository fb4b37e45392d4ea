from datetime import date
from decimal import Decimal

import pytest

from heed.customers.actions import save_accounts, save_contacts, save_periods
from heed.customers.models import Account, Contact, Ownership, SubscriptionPeriod
from heed.customers.rows import BLANK, AccountRow, ContactRow, PeriodRow
from heed.ledger import clock
from heed.ledger.models import AuditEntry
from heed.people.models import User

pytestmark = pytest.mark.django_db


def make_user(email: str) -> User:
    return User.objects.create(email=email, name=email, created_at=clock.now())


def save(*rows: AccountRow, by: str = "import:1") -> tuple[int, int, int]:
    saved = save_accounts(rows, by=by, source="crm")
    return saved.new, saved.changed, saved.unchanged


def test_a_nul_character_is_stored_as_one_that_is_none_on_any_database() -> None:
    row = AccountRow("A1", name="Al\0fa", attributes={"note": ["a\0b"]})
    for new, unchanged in ((1, 0), (0, 1)):
        saved = save_accounts([row], by="import:1", source="crm")
        assert (saved.new, saved.unchanged) == (new, unchanged)
    account = Account.objects.get()
    assert (account.name, account.attributes) == ("Al\ufffdfa", {"note": ["a\ufffdb"]})


def test_a_new_account_is_stored_and_recorded_with_nothing_before() -> None:
    assert save(AccountRow("A1", name="Alfa", since=date(2024, 1, 2), attributes={"tier": "gold"})) == (
        1,
        0,
        0,
    )
    account = Account.objects.get(key="A1")
    assert (account.name, account.kind, account.since) == ("Alfa", "customer", date(2024, 1, 2))
    assert account.attributes == {"tier": "gold"}
    entry = AuditEntry.objects.get()
    assert (entry.action, entry.kind, entry.subject, entry.by) == ("create", "account", "A1", "import:1")
    assert entry.before is None
    assert entry.after is not None
    assert entry.after["name"] == "Alfa"


def test_the_same_rows_again_change_nothing_and_record_nothing() -> None:
    rows = [AccountRow("A1", name="Alfa"), AccountRow("A2", name="Beta", parent="A1")]
    save(*rows)
    before = AuditEntry.objects.count()
    assert save(*rows, by="import:2") == (0, 0, 2)
    assert AuditEntry.objects.count() == before


def test_what_a_row_does_not_say_stays_and_what_it_blanks_goes() -> None:
    save(AccountRow("A1", name="Alfa", since=date(2024, 1, 2), attributes={"tier": "gold", "size": 3}))
    assert save(AccountRow("A1", attributes={"tier": None})) == (0, 1, 0)
    account = Account.objects.get(key="A1")
    assert (account.since, account.attributes) == (date(2024, 1, 2), {"size": 3})
    assert save(AccountRow("A1", since=BLANK)) == (0, 1, 0)
    assert Account.objects.get(key="A1").since is None


def test_a_key_twice_with_other_content_is_a_change_and_both_versions_are_kept() -> None:
    assert save(AccountRow("A1", name="Alfa"), AccountRow("A1", name="Alpha")) == (1, 1, 0)
    entry = AuditEntry.objects.get(action="change")
    assert entry.before is not None
    assert entry.after is not None
    assert (entry.before["name"], entry.after["name"]) == ("Alfa", "Alpha")
    assert Account.objects.get(key="A1").name == "Alpha"


def test_a_parent_may_come_after_its_child_and_makes_one_audit_row_in_a_batch() -> None:
    assert save(AccountRow("child", parent="top"), AccountRow("top")) == (2, 0, 0)
    child = Account.objects.get(key="child")
    assert child.parent is not None
    assert child.parent.key == "top"


def test_a_circle_of_parents_is_refused_with_its_path_and_the_rest_is_saved() -> None:
    save(AccountRow("a"), AccountRow("b", parent="a"), AccountRow("c", parent="b"))
    saved = save_accounts([AccountRow("a", name="Top", parent="c")], by="import:2", source="crm")
    assert [(finding.code, finding.refused) for finding in saved.findings] == [("cycle", False)]
    assert "a → c → b → a" in saved.findings[0].reason
    account = Account.objects.get(key="a")
    assert (account.name, account.parent_id) == ("Top", None)


def test_an_account_cannot_be_its_own_parent() -> None:
    saved = save_accounts([AccountRow("a", parent="a")], by="import:1", source="crm")
    assert [finding.code for finding in saved.findings] == ["cycle"]
    assert Account.objects.get(key="a").parent_id is None


def test_a_parent_that_never_comes_is_reported() -> None:
    saved = save_accounts([AccountRow("a", parent="nowhere")], by="import:1", source="crm")
    assert [finding.code for finding in saved.findings] == ["unknown_parent"]
    assert saved.new == 1


def test_an_owner_change_closes_one_ownership_and_opens_another(monkeypatch: pytest.MonkeyPatch) -> None:
    ann, bob = make_user("ann@heed.example"), make_user("bob@heed.example")
    monkeypatch.setenv("HEED_NOW", "2026-03-01T09:00:00+00:00")
    save(AccountRow("A1", owner="Ann@heed.example"))
    monkeypatch.setenv("HEED_NOW", "2026-04-01T09:00:00+00:00")
    save(AccountRow("A1", owner="bob@heed.example"))
    assert list(Ownership.objects.order_by("since").values_list("owner", "since", "until")) == [
        (ann.pk, date(2026, 3, 1), date(2026, 4, 1)),
        (bob.pk, date(2026, 4, 1), None),
    ]


def test_an_unknown_owner_is_a_finding_and_not_a_guess() -> None:
    make_user("ann@heed.example")
    saved = save_accounts([AccountRow("A1", owner="anne@heed.example")], by="import:1", source="crm")
    assert [(f.code, f.value, f.refused) for f in saved.findings] == [
        ("unknown_owner", "anne@heed.example", False)
    ]
    assert Account.objects.get(key="A1").owner_id is None


def test_a_contact_of_an_unknown_account_is_refused_and_nothing_is_stored() -> None:
    saved = save_contacts([ContactRow("c1", account="A9", name="Cleo")], by="import:1", source="crm")
    assert [(f.code, f.refused) for f in saved.findings] == [("unknown_account", True)]
    assert (Contact.objects.count(), AuditEntry.objects.count()) == (0, 0)


PERIOD = PeriodRow(
    "p1",
    account="A1",
    starts_on=date(2025, 1, 1),
    ends_on=date(2026, 1, 1),
    monthly_amount=Decimal("50"),
    currency="eur",
    seats=4,
)


def test_a_period_is_stored_with_its_amount_and_said_to_be_known_from_its_start() -> None:
    save(AccountRow("A1"))
    saved = save_periods([PERIOD], by="import:1", source="billing")
    assert (saved.new, saved.accounts) == (1, frozenset({"A1"}))
    period = SubscriptionPeriod.objects.get()
    assert (period.monthly_amount, period.currency, period.seats) == (Decimal("50.0000"), "EUR", 4)
    assert period.recorded_at.isoformat() == "2025-01-01T00:00:00+00:00"
    again = save_periods([PERIOD], by="import:2", source="billing")
    assert (again.new, again.changed, again.unchanged, again.accounts) == (0, 0, 1, frozenset({"A1"}))


@pytest.mark.parametrize(
    ("row", "code"),
    [
        (PeriodRow("p1", account="A1", starts_on=date(2025, 1, 1), currency="EUR"), "missing"),
        (
            PeriodRow(
                "p1",
                account="A1",
                starts_on=date(2025, 1, 1),
                ends_on=date(2025, 1, 1),
                monthly_amount=Decimal(5),
                currency="EUR",
            ),
            "ends_before_start",
        ),
        (
            PeriodRow(
                "p1", account="A1", starts_on=date(2025, 1, 1), monthly_amount=Decimal(-5), currency="EUR"
            ),
            "negative",
        ),
        (
            PeriodRow(
                "p1", account="A1", starts_on=date(2025, 1, 1), monthly_amount=Decimal(5), currency="Euro"
            ),
            "not_allowed",
        ),
        (PeriodRow("p1", account="A7"), "unknown_account"),
    ],
)
def test_an_impossible_period_is_refused_and_changes_nothing(row: PeriodRow, code: str) -> None:
    save(AccountRow("A1"))
    saved = save_periods([row], by="import:1", source="billing")
    assert [(f.code, f.refused) for f in saved.findings] == [(code, True)]
    assert SubscriptionPeriod.objects.count() == 0
    assert AuditEntry.objects.filter(kind="period").count() == 0
