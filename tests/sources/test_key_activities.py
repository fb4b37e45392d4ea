"""A mapping names the activities that show value received."""

from pathlib import Path

import pytest

from heed.measures.models import MetricDefinition
from heed.sources import actions

pytestmark = pytest.mark.django_db(transaction=True)
BY = "person:1"
NAMED = '\n[activities_options]\nkey = ["report_exported", "close_finished"]\n'


def bring(path: Path, options: str) -> None:
    mapping = actions.preview([path]).mapping + options
    actions.run_import(actions.prepare([path], mapping, source="crm", by=BY), [path], by=BY)


def test_an_import_puts_the_key_activities_of_its_mapping_in_force(tmp_path: Path) -> None:
    accounts = tmp_path / "accounts.csv"
    accounts.write_text("key,name\na1,Acme\n", encoding="utf-8")
    bring(accounts, "")
    assert not MetricDefinition.objects.exists()
    bring(accounts, NAMED)
    current = MetricDefinition.objects.get(key="key_activities", is_current=True)
    assert current.definition["activities"] == ["close_finished", "report_exported"]
    assert (current.version, current.made_by) == (2, BY)
    accounts.write_text("key,name\na1,Acme\na2,Beta\n", encoding="utf-8")
    bring(accounts, NAMED)
    assert MetricDefinition.objects.get(key="key_activities", is_current=True).version == 2
