"""Metric definitions as versioned data: the starter set, and changes to it."""

import tomllib
from collections.abc import Iterable, Mapping, Sequence
from importlib import resources
from typing import Any

from django.db import transaction
from django.db.models import Max

from heed.evidence.metrics import Metric, parse_metric
from heed.ledger import clock
from heed.ledger.actions import Change, record
from heed.measures.models import MetricDefinition

STARTER = "starter metrics"
KEY_ACTIVITIES = "key_activities"


def current_metrics() -> dict[int, Metric]:
    """The metrics in force, by the id of their definition."""
    current = MetricDefinition.objects.filter(is_current=True).order_by("pk")
    return {definition.pk: metric_of(definition) for definition in current}


def metrics_of(definitions: Iterable[int]) -> dict[int, Metric]:
    """The metrics of these definitions (ids), in force or not."""
    found = MetricDefinition.objects.filter(pk__in=list(definitions)).order_by("pk")
    return {definition.pk: metric_of(definition) for definition in found}


def metric_of(definition: MetricDefinition) -> Metric:
    return parse_metric({**definition.definition, "version": definition.version})


def starter_definitions() -> list[dict[str, Any]]:
    text = resources.files("heed.measures").joinpath("starter_metrics.toml").read_text(encoding="utf-8")
    return list(tomllib.loads(text)["metric"])


@transaction.atomic
def ensure_starter_metrics(definitions: Sequence[Mapping[str, Any]] | None = None) -> int:
    """Put the metrics that ship with Heed (or those given) in force; returns how many are new or changed.

    A definition that changed since is a new version; one that a person changed here stays theirs.
    """
    made = 0
    for given in starter_definitions() if definitions is None else definitions:
        definition = dict(given)
        parse_metric(definition)
        current = _current(definition["key"])
        if current is None or (current.made_by == STARTER and current.definition != definition):
            new_version(definition, by=STARTER)
            made += 1
    return made


@transaction.atomic
def set_key_activities(names: Sequence[str], *, by: str) -> MetricDefinition:
    """Say which activities show that the product gives its value: a new version of that metric."""
    current = _current(KEY_ACTIVITIES)
    if current is None:
        raise MetricDefinition.DoesNotExist(
            f"There is no metric '{KEY_ACTIVITIES}'; ensure the starter metrics."
        )
    definition = {**current.definition, "activities": sorted(set(names))}
    parse_metric(definition)
    if definition == current.definition:
        return current
    return new_version(definition, by=by)


@transaction.atomic
def new_version(definition: Mapping[str, Any], *, by: str) -> MetricDefinition:
    """Put a definition in force as the next version of its key; older versions and their values stay."""
    metric = parse_metric(definition)
    current = _current(metric.key)
    last = MetricDefinition.objects.filter(key=metric.key).aggregate(last=Max("version"))["last"] or 0
    MetricDefinition.objects.filter(key=metric.key, is_current=True).update(is_current=False)
    made = MetricDefinition.objects.create(
        key=metric.key,
        version=last + 1,
        name=metric.name,
        definition=dict(definition),
        is_current=True,
        made_by=by,
        made_at=clock.now(),
    )
    before = {"version": current.version, **current.definition} if current else None
    after = {"version": made.version, **made.definition}
    record(Change("define metric", "metric", metric.key, before, after), by=by)
    return made


def _current(key: str) -> MetricDefinition | None:
    return MetricDefinition.objects.select_for_update().filter(key=key, is_current=True).first()
