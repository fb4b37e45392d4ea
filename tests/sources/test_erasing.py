"""What imports keep of their files goes too when what it names is erased."""

from datetime import UTC, datetime

import pytest

from heed.customers.actions import save_accounts
from heed.customers.models import Account
from heed.customers.rows import AccountRow
from heed.sources.erasing import erase_rows
from heed.sources.models import Import, ImportState, RejectedRow, Source

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 6, 1, tzinfo=UTC)


def test_lines_that_are_no_records_go_with_the_account_that_stands_in_them() -> None:
    save_accounts([AccountRow("a1", name="Acme Ltd"), AccountRow("a11")], by="import:1", source="crm")
    source = Source.objects.create(name="crm", made_by="x", made_at=NOW)
    of = Import.objects.create(source=source, state=ImportState.DONE, by="x", started_at=NOW)

    def kept(line: str) -> int:
        values = {"line": line, "header": '["key", "account", "name"]', "delimiter": ","}
        place = {"of_import": of, "entity": "contacts", "file": "contacts.csv", "row": 2, "reason": "x"}
        return RejectedRow.objects.create(**place, values=values).pk

    for named in ('u1,a1,"Ac"me"', "u2;Acme Ltd;x;y", '{"key": "u3", "account": "a1"', 'u4,"open\nu5,A1,x'):
        kept(named)
    others = [kept("u6,a11,x,y"), kept("u7,Acme,x,y")]
    erase_rows(Account.objects.get(key="a1"), by="person:1", reason="asked")
    assert list(RejectedRow.objects.order_by("pk").values_list("pk", flat=True)) == others
