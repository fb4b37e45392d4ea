"""A sample of every address that carries arguments, for the walk over all addresses.

An address joins by its route name (`namespace:name`). Its sample makes what the address needs, as it would
be found in use, and returns the arguments. An action that a role may do is not carried out by the walk: it
only shows who is turned away.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from heed.customers.actions import derive_movements
from heed.customers.models import Account, Contact
from heed.desk.models import WorklistRow
from heed.ledger import clock
from heed.measures.actions import ensure_starter_metrics
from heed.people import actions
from heed.people.models import User
from heed.segments.models import Segment
from heed.sources.models import Import, ImportState, RejectedRow, Source

Sample = Callable[["World"], dict[str, Any]]


@dataclass
class World:
    """What samples may build on: the admin of the cast."""

    admin: User


def invitation(world: World) -> dict[str, Any]:
    return {"pk": actions.invite("new@heed.test", "member", invited_by=world.admin)[0].pk}


def person(world: World) -> dict[str, Any]:
    return {"pk": actions.create_user("other@heed.test", "Other", "member", by="test").pk}


def account(world: World) -> dict[str, Any]:
    """An account with a contact, a subscription, a case and a conversation."""
    now = clock.now()
    given = {"source": "test", "created_at": now, "changed_at": now}
    made, new = Account.objects.get_or_create(key="ACC-1", defaults={"name": "Northgate Foods", **given})
    if new:
        told = {"source": "test", "recorded_at": now}
        Contact.objects.create(key="CON-1", account=made, name="Tara Castell", role="Controller", **given)
        made.subscription_periods.create(
            key="P-1",
            subscription="S-1",
            starts_on=clock.today(),
            monthly_amount=1200,
            currency="EUR",
            **told,
        )
        made.cases.create(key="T-1", subject="The export is empty", opened_at=now, **told)
        made.interactions.create(
            key="I-1", kind="call", direction="inbound", words="It stops at line 412.", at=now, **told
        )
    return {"key": made.key}


def paying_account(world: World) -> dict[str, Any]:
    """Somebody who pays, for pages of what all of them pay."""
    derive_movements([account(world)["key"]], by="test")
    return {}


def plan(world: World) -> dict[str, Any]:
    """A conversation that is planned for tomorrow."""
    made = Account.objects.get(key=account(world)["key"])
    planned, _ = made.interactions.get_or_create(
        key="I-2",
        defaults={
            "kind": "call",
            "direction": "outbound",
            "motion": "planned",
            "state": "planned",
            "agenda": "Close in five days: what is left?",
            "goal": "Books closed in 5 days",
            "at": clock.now() + timedelta(days=1),
            "source": "heed",
            "recorded_at": clock.now(),
        },
    )
    return {"key": made.key, "pk": planned.pk}


def contact(world: World) -> dict[str, Any]:
    account(world)
    return {"key": "CON-1"}


def erasure(world: World) -> dict[str, Any]:
    return {"kind": "account", "pk": Account.objects.get(key=account(world)["key"]).pk}


def worklist_row(world: World) -> dict[str, Any]:
    made = Account.objects.get(key=account(world)["key"])
    row, _ = WorklistRow.objects.get_or_create(
        person=world.admin,
        account=made,
        kind="risk",
        defaults={
            "why": "124 days since a human last talked or wrote with them.",
            "evidence": [{"key": "x", "text": "silent 124 days", "tone": "unknown", "href": "/customers/"}],
            "unknowns": ["never answered a survey"],
            "first_step": "Call to hear them",
            "change": "new today",
            "stake": 14_400,
            "currency": "EUR",
            "probability": 0.2,
            "low": 0.1,
            "high": 0.3,
            "rank": 1,
            "as_of": clock.today(),
            "first_shown_on": clock.today(),
        },
    )
    return {"pk": row.pk}


def segment(world: World) -> dict[str, Any]:
    """A segment of the admin's, so that it is another person's for everybody else."""
    made = Segment.objects.create(name="Walked", filter="", made_by=world.admin, made_at=clock.now())
    return {"pk": made.pk}


def file_import(world: World) -> dict[str, Any]:
    now = clock.now()
    declared = {"mapping": "", "made_by": world.admin.actor, "made_at": now}
    source, _ = Source.objects.get_or_create(name="walk", defaults=declared)
    made = Import.objects.create(
        source=source, digest="0" * 64, state=ImportState.DONE, by=world.admin.actor, started_at=now
    )
    return {"pk": made.pk}


def rows_of_import(world: World) -> dict[str, Any]:
    made = Import.objects.get(pk=file_import(world)["pk"])
    made.counts = {"accounts": {"new": 1}}
    made.save(update_fields=["counts"])
    return {"pk": made.pk, "entity": "accounts", "became": "new"}


def rejected_row(world: World) -> dict[str, Any]:
    made = RejectedRow.objects.create(
        of_import_id=file_import(world)["pk"],
        entity="accounts",
        file="accounts.csv",
        row=2,
        column="id",
        reason="The id is missing.",
        values={"name": "Northgate Foods"},
    )
    return {"pk": made.pk}


def metric(world: World) -> dict[str, Any]:
    ensure_starter_metrics()
    return {"key": "active_people"}


def metric_of_account(world: World) -> dict[str, Any]:
    return account(world) | {"metric": metric(world)["key"]}


def designed_experiment(world: World) -> dict[str, Any]:
    from heed.proving.models import Experiment

    made, _ = Experiment.objects.get_or_create(
        name="guided first report",
        defaults={
            "purpose": "They see their own figures in the first week.",
            "days": 90,
            "held_share": 0.5,
            "smallest_effect": 0.1,
            "watching": "obrien_fleming",
            "looks": 3,
            "weeks": 1,
            "salt": "walked",
            "designed_by": world.admin,
            "designed_at": clock.now(),
        },
    )
    return {"pk": made.pk}


def running_experiment(world: World) -> dict[str, Any]:
    """An experiment that runs with one account in it."""
    from heed.proving.models import Experiment

    made = Experiment.objects.get(pk=designed_experiment(world)["pk"])
    if made.started_on is None:
        made.started_on, made.started_by = clock.today(), world.admin
        made.planned_treated, made.planned_held = 1, 1
        made.save()
        who = Account.objects.get(key=account(world)["key"])
        made.arms.create(account=who, arm="treated", on=clock.today())
    return {"pk": made.pk}


def play_on_record(world: World) -> dict[str, Any]:
    """A play that was given to those that somebody chose, of whom nothing is known yet."""
    from heed.proving.models import PlayEffect

    day = clock.today().isoformat()
    unknown = {
        "value": None, "low": None, "high": None, "n": 1, "level": 0.95, "method": "", "reason": "too few",
    }  # fmt: skip
    nothing = dict.fromkeys(("least", "naive", "in_common", "left_out", "e_value", "e_limit"))
    outcomes = [
        {"key": key, "estimate": unknown, "known": {"given": 1, "not given": 0}, "days": days, **nothing}
        for key, days in (("progress", 0), ("stayed", 90))
    ]
    record = {
        "play": "executive dinner", "randomised": False, "arms": {"chosen": 1, "not given": 0},
        "first_on": day, "last_on": day, "share": None, "share_told": False, "ratio": None,
        "outcomes": outcomes,
    }  # fmt: skip
    PlayEffect.objects.get_or_create(
        play="executive dinner",
        as_of=clock.today(),
        defaults={"made_at": clock.now(), "record": record},
    )
    return {"play": "executive dinner"}


def hand_score(world: World) -> dict[str, Any]:
    from heed.proving.hand_scores import make_score
    from heed.proving.models import HandScore

    ensure_starter_metrics()
    curve = {"kind": "bounded", "worst": 0, "best": 20}
    told = {"parts": [{"metric": "days_active", "weight": 1, "curve": curve}]}
    found = HandScore.objects.filter(name="Walked").first()
    return {"pk": (found or make_score("Walked", told, by=world.admin.actor)).pk}


def trigger(world: World) -> dict[str, Any]:
    """A trigger that was never replayed."""
    from heed.proving.models import Trigger
    from heed.proving.triggering import make_from_template

    found = Trigger.objects.filter(name="Walked").first()
    return {"pk": (found or make_from_template("Walked", 0, by=world.admin.actor)).pk}


def hand_score_of_account(world: World) -> dict[str, Any]:
    return account(world) | hand_score(world)


SAMPLES: dict[str, Sample] = {
    "customers:cohort": paying_account,
    "desk:account": account,
    "desk:timeline": account,
    "desk:trends": account,
    "desk:erase_account": account,
    "desk:erase_contact": contact,
    "desk:erasure": erasure,
    "desk:done": worklist_row,
    "desk:snooze": worklist_row,
    "desk:not_useful": worklist_row,
    "desk:reopen": worklist_row,
    "conversations:new": account,
    "conversations:plan": account,
    "conversations:note": account,
    "conversations:held": plan,
    "conversations:not_held": plan,
    "measures:metric": metric,
    "measures:behind": metric_of_account,
    "measures:risk": account,
    "proving:metric_card": metric,
    "proving:metric_rows": metric,
    "proving:score": account,
    "segments:segment": segment,
    "segments:change": segment,
    "segments:delete": segment,
    "sources:import": file_import,
    "sources:rows": rows_of_import,
    "sources:progress": file_import,
    "sources:confirm": file_import,
    "sources:discard": file_import,
    "sources:undo": file_import,
    "sources:rejected_row": rejected_row,
    "sources:replay": rejected_row,
    "proving:experiment": running_experiment,
    "proving:experiment_rows": running_experiment,
    "proving:start_experiment": designed_experiment,
    "proving:decide_experiment": running_experiment,
    "proving:play": play_on_record,
    "proving:play_rows": play_on_record,
    "proving:hand_score": hand_score,
    "proving:hand_score_rows": hand_score,
    "proving:hand_score_account": hand_score_of_account,
    "proving:became": lambda world: {"kind": "churn"},
    "proving:trigger": trigger,
    "proving:trigger_rows": trigger,
    "proving:change_trigger": trigger,
    "proving:replay_trigger": trigger,
    "proving:replay_progress": trigger,
    "proving:switch_trigger": trigger,
    "people:link": lambda world: {"token": actions.make_sign_in_link(world.admin, by="test")},
    "people:accept": lambda world: {
        "token": actions.invite("new@heed.test", "member", invited_by=world.admin)[1]
    },
    "people:resend": invitation,
    "people:withdraw": invitation,
    "people:role": person,
    "people:deactivate": person,
    "people:reactivate": person,
    "account_confirm_email": lambda world: {"key": "none"},
    "account_reset_password_from_key": lambda world: {"uidb36": "1", "key": "none"},
    "mfa_remove_webauthn": lambda world: {"pk": 1},
    "mfa_edit_webauthn": lambda world: {"pk": 1},
    "openid_connect_login": lambda world: {"provider_id": "company"},
    "openid_connect_callback": lambda world: {"provider_id": "company"},
}
