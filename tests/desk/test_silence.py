"""Who is silent: asked and not answering, and spoken with by nobody for 90 days, whatever else happened."""

from datetime import timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

import pytest

from heed.desk import actions, reads
from heed.desk.models import WorklistRow
from heed.measures.actions import measure_accounts
from heed.measures.models import MetricValue
from heed.segments.grammar import parse
from heed.segments.reads import accounts_matching
from heed.stream import Activity, AppTransaction, Stream, as_table
from tests.desk.conftest import DAY, MORNING

if TYPE_CHECKING:
    from tests.desk.conftest import MakeAccount, MakeRisk

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("metrics")]

NO_CONVERSATION = ("survey.invited", "interaction.planned", "interaction.cancelled", "interaction.note")


def tell(stream: Stream, account: str, last_call: int) -> None:
    """One call so many days ago; since then three invitations, a plan that came to nothing, and a note."""
    told = [("interaction.call", last_call)]
    told += [(name, days) for name, days in zip(NO_CONVERSATION, (30, 21, 14, 7), strict=True)]
    told += [("survey.invited", 60), ("survey.invited", 3)]
    rows = [
        Activity("crm", f"{account}{number}", account, name, MORNING - timedelta(days=days))
        for number, (name, days) in enumerate(told)
    ]
    stream.append(as_table(rows), transaction=AppTransaction(account, 1), recorded_at=MORNING)


def test_neither_invitations_nor_plans_nor_notes_end_a_silence_of_ninety_days(
    alice: Any, make_account: "MakeAccount", make_risk: "MakeRisk", make_period: Any, stream: Stream
) -> None:
    for key, last_call in (("heard", 89), ("silent", 90)):
        account = make_account(key, alice)
        make_risk(account, "1000", 0.5)
        make_period(account)
        tell(stream, key, last_call)
    stream.roll_up()
    measure_accounts(DAY, by="daily round")
    measured = MetricValue.objects.filter(metric__key="days_since_conversation")
    assert dict(measured.values_list("account__key", "value")) == {"heard": 89, "silent": 90}
    actions.rank_worklist(DAY, by="daily round")
    chips = {
        row.account.key: [item["text"] for item in row.evidence if item["key"].startswith("metric:")]
        for row in WorklistRow.objects.select_related("account")
    }
    assert chips["silent"] == ["silent 90 days"]
    assert "silent 89 days" not in chips["heard"]
    silent = reads.today(alice, DAY).silent
    assert silent is not None
    (filter_,) = parse_qs(urlsplit(silent.accounts.url).query)["q"]
    listed = {account.key for account in accounts_matching(parse(filter_), alice)}
    assert (silent.accounts.n, silent.of.n, listed) == (1, 2, {"silent"})
