"""Public data sets come in through their mapping files, and every count agrees with one made without Heed.

The data lies in the folder named by HEED_DATA, else in `../shared/data`; where it is absent the test skips.
The small sets, written here in the same shapes, always run.
"""

import gzip
import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from heed.conversations.models import Case
from heed.customers.models import Account, Contact, Movement, SubscriptionPeriod
from heed.ledger.home import open_stream
from heed.sources import actions
from heed.sources.models import RejectedRow
from heed.sources.running import Report

pytestmark = pytest.mark.django_db(transaction=True)

ROOT = Path(__file__).parents[2]
DATA = Path(os.environ.get("HEED_DATA") or ROOT.parent / "shared" / "data")
BY = "command line"


@dataclass(frozen=True)
class DataSet:
    name: str

    @property
    def folder(self) -> Path:
        folder = DATA / self.name
        if not folder.is_dir():
            pytest.skip(f"{folder} is absent. Name the folder of the public data sets by HEED_DATA.")
        return folder

    @property
    def mapping(self) -> str:
        return (ROOT / "examples" / self.name / "mapping.toml").read_text()

    def imported(self, folder: Path | None = None) -> Report:
        paths = [path for path in sorted((folder or self.folder).iterdir()) if path.suffix != ".md"]
        prepared = actions.prepare(paths, self.mapping, source=self.name, by=BY)
        return actions.run_import(prepared, paths, by=BY)


def counts(report: Report, entity: str) -> dict[str, int]:
    """What is not zero, without the number of rows."""
    return {name: n for name, n in report.counts[entity].items() if n and name != "rows"}


def found(report: Report) -> dict[str, int]:
    return {finding["name"]: finding["count"] for finding in report.findings}


def standing(name: str | None = None) -> int:
    """How many activities stand in the stream, all or of one name."""
    rows = open_stream().activities()
    rows = rows.filter(rows.name == name) if name else rows
    return int(open_stream().run(rows.aggregate(n=rows.sign.sum()))["n"][0].as_py() or 0)


def table(folder: Path, name: str) -> pd.DataFrame:
    path = folder / name
    if path.suffix == ".parquet":
        return pd.read_parquet(path)
    frame: pd.DataFrame = pd.read_csv(path, keep_default_na=False, na_values=[""])
    return frame


RAVENSTACK = DataSet("saas-ravenstack")
OULAD = DataSet("oulad")
TELCO = DataSet("telco-churn-ibm")
MRR = DataSet("mrr-playbook-dbt")
INCIDENTS = DataSet("it-incident-log-uci")
HELPDESK = DataSet("helpdesk-event-logs")


@pytest.mark.real_data
def test_ravenstack_comes_in_whole_and_its_traps_are_reported() -> None:
    folder = RAVENSTACK.folder
    accounts, subscriptions, usage, tickets, events = (
        table(folder, f"{name}.csv.gz")
        for name in ("accounts", "subscriptions", "feature_usage", "support_tickets", "churn_events")
    )
    backwards = int((subscriptions["end_date"] <= subscriptions["start_date"]).sum())
    used = usage.merge(subscriptions, on="subscription_id")
    before = int((used["usage_date"] < used["start_date"]).sum())
    after = int((used["usage_date"] >= used["end_date"]).sum())
    flagged = accounts["churn_flag"].astype(bool)
    disagree = int((flagged != accounts["account_id"].isin(events["account_id"])).sum())
    unrated = int(tickets["satisfaction_score"].isna().sum())

    report = RAVENSTACK.imported()
    assert counts(report, "accounts") == {"new": len(accounts)} == {"new": 500}
    assert counts(report, "subscriptions") == {"new": len(subscriptions) - backwards, "rejected": backwards}
    assert backwards == 13
    assert counts(report, "activities") == {"new": len(usage)} == {"new": 25_000}
    assert counts(report, "tickets") == {"new": len(tickets)} == {"new": 2_000}
    assert counts(report, "survey_responses") == {"new": int(events["feedback_text"].notna().sum())}
    assert found(report) == {
        "usage_before_its_subscription": before,
        "usage_after_its_subscription": after,
        "usage_id_not_unique": int(usage["usage_id"].duplicated().sum()),
        "churn_flags_disagree": disagree,
        "satisfaction_missing": unrated,
    }
    assert (before, disagree, unrated) == (19_142, 312, 825)
    assert standing("survey.csat") == len(tickets) - unrated
    assert not Account.objects.filter(attributes__has_key="churn_flag").exists()


@pytest.mark.real_data
def test_ravenstack_again_changes_nothing() -> None:
    RAVENSTACK.imported()
    stood = standing()
    again = RAVENSTACK.imported()
    assert {entity: counts(again, entity).get("new", 0) for entity in again.counts} == dict.fromkeys(
        again.counts, 0
    )
    assert counts(again, "activities") == {"unchanged": 25_000}
    assert standing() == stood


@pytest.mark.real_data
def test_oulad_places_its_days_and_keeps_outcomes_out_of_what_measures_see() -> None:
    folder = OULAD.folder
    registered, submitted, assessments, clicks, info = (
        table(folder, f"{name}.parquet")
        for name in (
            "student_registration", "student_assessment", "assessments", "vle_pre_course", "student_info",
        )
    )  # fmt: skip
    enrolment = ["code_module", "code_presentation", "id_student"]
    backwards = int((registered["date_unregistration"] <= registered["date_registration"]).sum())
    missed = len(missed_assessments(registered, submitted, assessments))
    known = registered[enrolment]
    handed_in = len(submitted.merge(known, on=enrolment))
    clicked = clicks[clicks["pre_course_clicks"] > 0]
    opened = len(clicked.merge(known, on=enrolment))
    parked = len(submitted) - handed_in + len(clicked) - opened

    report = OULAD.imported()
    assert counts(report, "accounts") == {"new": 19_331}
    assert counts(report, "subscriptions") == {"new": 19_331 - backwards, "rejected": backwards}
    assert counts(report, "activities") == {
        "new": len(registered) + handed_in + missed + opened,
        "parked": parked,
    }
    assert standing("assessment_submitted") == handed_in
    assert standing("assessment_missed") == missed
    assert found(report)["no_information"] == len(registered) - len(info.merge(known, on=enrolment))
    one = Account.objects.get(key="AAA-2013J-11391")
    assert one.since is not None
    assert (one.since.isoformat(), one.name) == ("2013-04-25", "Student 11391, AAA 2013J")
    assert not Account.objects.filter(attributes__has_key="final_result").exists()
    assert standing("unregistered") == 0


def missed_assessments(
    registered: pd.DataFrame, submitted: pd.DataFrame, assessments: pd.DataFrame
) -> pd.DataFrame:
    due = assessments.assign(due=pd.to_numeric(assessments["date"], errors="coerce")).dropna(subset=["due"])
    pairs = registered.merge(due, on=["code_module", "code_presentation"])
    enrolled = (pairs["date_registration"] <= pairs["due"]) & ~(pairs["date_unregistration"] <= pairs["due"])
    keys = ["id_assessment", "id_student"]
    marked = pairs[enrolled].merge(submitted[keys].drop_duplicates(), on=keys, how="left", indicator=True)
    return marked[marked["_merge"] == "left_only"]


@pytest.mark.real_data
def test_telco_customers_start_their_tenure_before_the_snapshot() -> None:
    customers = table(TELCO.folder, "telco_churn.csv")
    report = TELCO.imported()
    assert counts(report, "accounts") == counts(report, "subscriptions") == {"new": 7_043}
    assert SubscriptionPeriod.objects.filter(ends_on="2018-09-30").count() == int(
        (customers["Churn"] == "Yes").sum()
    )
    expected = pd.Timestamp("2018-09-30") - pd.DateOffset(months=34)
    period = SubscriptionPeriod.objects.get(key="5575-GNVDE")
    assert (period.starts_on, float(period.monthly_amount)) == (expected.date(), 56.95)
    assert found(report) == {"no_tenure_yet": int((customers["tenure"] == 0).sum())}
    assert standing() == Movement.objects.count()
    assert not Account.objects.filter(attributes__has_any_keys=["Churn", "TotalCharges"]).exists()


@pytest.mark.real_data
def test_the_mrr_playbook_gives_its_movements() -> None:
    periods = table(MRR.folder, "subscription_periods.csv")
    report = MRR.imported()
    assert counts(report, "accounts") == {"new": 55}
    assert counts(report, "subscriptions") == {"new": 121}
    assert found(report) == {}
    stored = {
        (account, on.isoformat()): (kind, float(after) - float(before))
        for account, on, kind, before, after in Movement.objects.values_list(
            "account__key", "on", "kind", "before", "after"
        )
    }
    assert stored == movements_of(periods)


def movements_of(periods: pd.DataFrame) -> dict[tuple[str, str], tuple[str, float]]:
    """Movements by customer and day, from the periods alone: (kind, change of the monthly amount)."""
    found: dict[tuple[str, str], tuple[str, float]] = {}
    for customer, theirs in periods.sort_values("start_date").groupby("customer_id"):
        steps = sorted({*theirs["start_date"], *theirs["end_date"]})
        before, ever = 0.0, False
        for on in steps:
            paid = theirs[(theirs["start_date"] <= on) & (on < theirs["end_date"])]
            after = float(paid["monthly_amount"].sum())
            if after != before:
                found[str(customer), on] = (kind_of(before, after, ever), after - before)
            before, ever = after, ever or after > 0
    return found


def kind_of(before: float, after: float, ever: bool) -> str:
    if before == 0:
        return "reactivation" if ever else "new"
    if after == 0:
        return "churn"
    return "expansion" if after > before else "contraction"


@pytest.mark.real_data
def test_the_incident_log_gives_one_ticket_an_incident() -> None:
    rows = table(INCIDENTS.folder, "incident_event_log_first6k.csv.gz")
    last = rows.sort_values("sys_mod_count", kind="stable").groupby("number").tail(1)
    nowhere = last[last["location"] == "?"]
    placed = last[last["location"] != "?"]

    report = INCIDENTS.imported()
    assert counts(report, "accounts") == {"new": placed["location"].nunique()} == {"new": 84}
    assert counts(report, "contacts") == {"new": len(placed.drop_duplicates(["caller_id", "location"]))}
    assert counts(report, "tickets") == {"new": len(placed), "rejected": len(nowhere)}
    assert len(last) == 890
    assert found(report) == {"location_unknown": len(nowhere)}
    assert set(RejectedRow.objects.values_list("entity", "column")) == {("tickets", "account")}
    case = Case.objects.get(key="INC0000045")
    assert (case.opened_at.isoformat(), case.severity) == ("2016-02-29T01:16:00+00:00", "3 - Moderate")
    assert case.resolved_at is not None
    assert case.resolved_at.isoformat() == "2016-02-29T11:29:00+00:00"
    reopened = int(rows.groupby("number")["reopen_count"].max()[placed["number"]].sum())
    assert standing("case.reopened") == reopened
    assert Contact.objects.filter(account__key="Location 143", name="Caller 2403").exists()


@pytest.mark.real_data
def test_the_event_logs_give_cases_and_their_steps() -> None:
    steps = table(HELPDESK.folder, "helpdesk.csv.gz")
    incidents = table(HELPDESK.folder, "bpi13_incidents.parquet")
    cases = steps["CaseID"].nunique() + incidents["CaseID"].nunique()
    report = HELPDESK.imported()
    assert counts(report, "accounts") == {"new": 2}
    assert counts(report, "tickets") == {"new": cases} == {"new": 11_358}
    assert counts(report, "activities") == {"new": len(steps) + len(incidents)} == {"new": 79_243}
    repeated = steps.groupby(["CaseID", "ActivityID", "CompleteTimestamp"]).size()
    assert found(report) == {"step_logged_twice": int((repeated > 1).sum())}
    assert standing("step_8") == int((steps["ActivityID"] == 8).sum() + (incidents["ActivityID"] == 8).sum())


# The same shapes, small, written here


def packed(path: Path, lines: list[str]) -> None:
    path.write_bytes(gzip.compress("\n".join([*lines, ""]).encode()))


@pytest.fixture
def small_company(tmp_path: Path) -> Path:
    """RavenStack's five tables with one of each of their traps."""
    folder = tmp_path / "company"
    folder.mkdir()
    packed(
        folder / "accounts.csv.gz",
        [
            "account_id,account_name,industry,country,signup_date,referral_source,plan_tier,seats,is_trial,churn_flag",
            "A-1,First,EdTech,US,2024-01-05,partner,Pro,9,False,True",
            "A-2,Second,FinTech,IN,2024-02-10,organic,Basic,3,True,False",
        ],
    )
    packed(
        folder / "subscriptions.csv.gz",
        [
            "subscription_id,account_id,start_date,end_date,plan_tier,seats,mrr_amount,arr_amount,is_trial,"
            "upgrade_flag,downgrade_flag,churn_flag,billing_frequency,auto_renew_flag",
            "S-1,A-1,2024-02-01,2024-06-01,Pro,9,441,5292,False,False,False,True,monthly,True",
            "S-2,A-2,2024-03-01,,Basic,3,57,684,False,False,False,False,annual,True",
            "S-3,A-2,2024-05-01,2024-04-01,Basic,3,57,684,False,False,False,True,annual,True",
        ],
    )
    packed(
        folder / "feature_usage.csv.gz",
        [
            "usage_id,subscription_id,usage_date,feature_name,usage_count,usage_duration_secs,error_count,is_beta_feature",
            "U-1,S-1,2024-01-15,feature_1,4,100,0,False",
            "U-1,S-2,2024-03-20,feature_2,7,200,1,True",
            "U-2,S-1,2024-07-01,feature_1,2,50,0,False",
        ],
    )
    packed(
        folder / "support_tickets.csv.gz",
        [
            "ticket_id,account_id,submitted_at,closed_at,resolution_time_hours,priority,first_response_time_minutes,"
            "satisfaction_score,escalation_flag",
            "T-1,A-1,2024-03-01,2024-03-02 3:00,27,high,90,,False",
            "T-2,A-2,2024-03-05,2024-03-05 19:00,19,low,30,4.0,True",
        ],
    )
    packed(
        folder / "churn_events.csv.gz",
        [
            "churn_event_id,account_id,churn_date,reason_code,refund_amount_usd,preceding_upgrade_flag,"
            "preceding_downgrade_flag,is_reactivation,feedback_text",
            "C-1,A-2,2024-06-01,pricing,0.0,False,False,False,missing features",
            "C-2,A-2,2024-06-02,support,0.0,False,False,False,",
        ],
    )
    return folder


def test_a_small_company_in_five_tables_has_its_traps_reported(small_company: Path) -> None:
    report = RAVENSTACK.imported(small_company)
    assert {entity: counts(report, entity) for entity in report.counts} == {
        "accounts": {"new": 2},
        "subscriptions": {"new": 2, "rejected": 1},
        "tickets": {"new": 2},
        "survey_responses": {"new": 1},
        "activities": {"new": 3},
    }
    assert found(report) == {
        "usage_before_its_subscription": 1,
        "usage_after_its_subscription": 1,
        "usage_id_not_unique": 1,
        "churn_flags_disagree": 2,
        "satisfaction_missing": 1,
    }
    rejected = RejectedRow.objects.get()
    assert (rejected.entity, rejected.column, rejected.row) == ("subscriptions", "ends_on", 4)
    case = Case.objects.get(key="T-1")
    assert case.first_reply_at is not None
    assert case.resolved_at is not None
    assert case.first_reply_at.isoformat() == "2024-03-01T01:30:00+00:00"
    assert case.resolved_at.isoformat() == "2024-03-02T03:00:00+00:00"


def test_small_enrolments_have_composite_keys_and_calendar_days(tmp_path: Path) -> None:
    folder = tmp_path / "learners"
    folder.mkdir()
    place = {"code_module": "AAA", "code_presentation": "2013B"}
    handed_in = {**place, "id_assessment": 1, "date_submitted": 9, "is_banked": 0}
    frames: dict[str, list[dict[str, Any]]] = {
        "courses": [{**place, "module_presentation_length": 240}],
        "assessments": [
            {**place, "id_assessment": 1, "assessment_type": "TMA", "date": "10", "weight": 50.0},
            {**place, "id_assessment": 2, "assessment_type": "Exam", "date": "?", "weight": 100.0},
        ],
        "student_registration": [
            {**place, "id_student": 7, "date_registration": -3, "date_unregistration": None},
            {**place, "id_student": 8, "date_registration": 0, "date_unregistration": 5.0},
            {**place, "id_student": 9, "date_registration": 0, "date_unregistration": 30.0},
        ],
        "student_info": [
            {
                **place, "id_student": 7, "region": "Wales", "studied_credits": 60, "num_of_prev_attempts": 0,
                "age_band_cd": "S", "highest_education_cd": 3, "final_result": "Withdrawn",
            },
        ],
        "student_assessment": [
            {**handed_in, "id_student": 7, "score": 78.0},
            {**handed_in, "id_student": 99, "score": 5.0},
        ],
        "vle_pre_course": [
            {**place, "id_student": 7, "pre_course_clicks": 98, "pre_course_interaction_rows": 11},
            {**place, "id_student": 8, "pre_course_clicks": 0, "pre_course_interaction_rows": 0},
        ],
    }  # fmt: skip
    for name, rows in frames.items():
        pd.DataFrame(rows).to_parquet(folder / f"{name}.parquet", index=False)
    report = OULAD.imported(folder)
    assert counts(report, "accounts") == {"new": 3}
    assert counts(report, "activities") == {"new": 3 + 1 + 1 + 1, "parked": 1}
    assert found(report) == {"result_disagrees_with_registration": 1, "no_information": 2}
    period = SubscriptionPeriod.objects.get(key="AAA-2013B-8")
    assert (str(period.starts_on), str(period.ends_on), str(period.renews_on)) == (
        "2013-02-01",
        "2013-02-06",
        "2013-09-29",
    )
    missed = open_stream().activities()
    missed = missed.filter(missed.name == "assessment_missed").select("account", "at")
    assert [
        (row["account"], row["at"].date().isoformat()) for row in open_stream().run(missed).to_pylist()
    ] == [("AAA-2013B-9", "2013-02-11")]


def test_a_small_log_of_events_becomes_tickets(tmp_path: Path) -> None:
    folder = tmp_path / "log"
    folder.mkdir()
    header = (
        "number,sys_mod_count,location,caller_id,category,subcategory,priority,made_sla,opened_at,resolved_at,"
        "closed_at,reopen_count,reassignment_count"
    )
    packed(
        folder / "incident_event_log_first6k.csv.gz",
        [
            header,
            "INC1,0,?,Caller 1,Network,Wifi,2 - High,True,29-02-2016 01:16,?,?,0,0",
            "INC1,2,Hall,Caller 1,Network,Wifi,1 - Critical,False,29-02-2016 01:16,29-02-2016 11:29,?,1,2",
            "INC2,0,?,Caller 2,Mail,Quota,4 - Low,True,01-03-2016 08:00,?,?,0,0",
        ],
    )
    report = INCIDENTS.imported(folder)
    assert counts(report, "tickets") == {"new": 1, "rejected": 1}
    case = Case.objects.get()
    assert (case.account.key, case.severity, case.times_reopened) == ("Hall", "1 - Critical", 1)
    assert case.attributes == {"made_sla": False, "hand_offs": 2}
    assert case.closed_at is None
    assert json.loads(json.dumps(RejectedRow.objects.get().values))["key"] == "INC2"
