"""How often the deliveries of touchpoints were implemented, and what the page of touches says."""

import json
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import date
from functools import cached_property
from typing import Any, Final

from django.db import transaction
from django.utils.translation import gettext as _

from heed.customers.models import Account
from heed.evidence.effects import SuccessRate, pooled_success_rates, success_rate
from heed.evidence.estimate import Estimate
from heed.ledger import clock
from heed.ledger.home import open_stream
from heed.proving.charts import Chart
from heed.proving.models import TouchRate
from heed.proving.plays import PlayRow, effects_chart, plays_finding, plays_on_record

GIVEN: Final = "delivery.given"
VERDICT: Final = "delivery.verdict"
JUDGED: Final = ("implemented", "partly", "not")
TONES: Final = {"below": "bad", "reached": "good", "undecided": "", "too few": "unknown"}


@dataclass(frozen=True, slots=True)
class Touch:
    """A touchpoint's deliveries: how many were given, what became of those judged, by segment and version.
    What was not applicable does not count, and what was implemented in part is not a success."""

    touchpoint: str
    given: int
    not_applicable: int
    rate: SuccessRate
    segments: Mapping[str, Estimate]
    versions: Mapping[str, Estimate]
    common: Estimate
    as_of: date

    @property
    def tone(self) -> str:
        return TONES[self.rate.verdict]

    @property
    def verdict_words(self) -> str:
        said = {
            "below": _("below the threshold"), "reached": _("reaches the target"),
            "undecided": _("not decided yet"), "too few": _("too few to judge"),
        }  # fmt: skip
        return said[self.rate.verdict]

    @property
    def groups(self) -> list[tuple[str, str, Estimate]]:
        """What it is split by, the group, and its rate, partly pooled with the others."""
        return [
            *((_("Segment"), name, rate) for name, rate in self.segments.items()),
            *((_("Version"), name, rate) for name, rate in self.versions.items()),
        ]


def measure_touches(as_of: date) -> int:
    """Store the success rate of every touchpoint with deliveries; how many."""
    told = open_stream().activities_named(
        [GIVEN, VERDICT], known_on=as_of, columns=["account", "name", "properties"]
    )
    segments = dict(Account.objects.filter(withdrawn_at=None).values_list("key", "attributes__segment"))
    counts: dict[str, dict[str, Any]] = defaultdict(_nothing)
    for row in told.to_pylist():
        said = _said(row["properties"])
        touchpoint = str(said.get("touchpoint") or "")
        if not touchpoint or row["account"] not in segments:
            continue
        own = counts[touchpoint]
        if row["name"] == GIVEN:
            own["given"] += 1
        elif said.get("verdict") == "not_applicable":
            own["not_applicable"] += 1
        elif said.get("verdict") in JUDGED:
            done = int(said["verdict"] == "implemented")
            segment, version = segments[row["account"]] or "", said.get("version") or ""
            for kind, group in (("all", ""), ("segments", str(segment)), ("versions", str(version))):
                pair = own[kind].setdefault(group, [0, 0])
                pair[0] += done
                pair[1] += 1
    with transaction.atomic():
        TouchRate.objects.exclude(touchpoint__in=counts).delete()
        for touchpoint, own in sorted(counts.items()):
            TouchRate.objects.update_or_create(
                touchpoint=touchpoint,
                defaults={"as_of": as_of, "made_at": clock.now(), "record": _record(own)},
            )
    return len(counts)


def _nothing() -> dict[str, Any]:
    return {"given": 0, "not_applicable": 0, "all": {}, "segments": {}, "versions": {}}


def _said(text: str | None) -> dict[str, Any]:
    try:
        found = json.loads(text or "{}")
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _record(own: Mapping[str, Any]) -> dict[str, Any]:
    implemented, judged = own["all"].get("", (0, 0))
    pooled = {
        kind: pooled_success_rates({group: (pair[0], pair[1]) for group, pair in own[kind].items()})
        for kind in ("segments", "versions")
    }
    return {
        "given": own["given"],
        "not_applicable": own["not_applicable"],
        "rate": asdict(success_rate(implemented, judged)),
        "segments": {name: asdict(each) for name, each in sorted(pooled["segments"].groups.items())},
        "versions": {name: asdict(each) for name, each in sorted(pooled["versions"].groups.items())},
        "common": asdict(pooled["segments"].common),
    }


@dataclass(frozen=True)
class TouchesPage:
    plays: tuple[PlayRow, ...]
    touches: tuple[Touch, ...]

    @property
    def finding(self) -> str:
        return plays_finding(self.plays) if self.plays else _("What touches do is not known yet")

    @cached_property
    def charts(self) -> list[Chart]:
        found = (effects_chart(self.plays, outcome) for outcome in ("progress", "stayed"))
        return [each for each in found if each]


def touches_page() -> TouchesPage:
    return TouchesPage(
        plays_on_record(), tuple(_touch(each) for each in TouchRate.objects.order_by("touchpoint"))
    )


def _touch(stored: TouchRate) -> Touch:
    told = stored.record
    rate = SuccessRate(**{**told["rate"], "estimate": Estimate(**told["rate"]["estimate"])})
    split = {
        kind: {name or _("unknown"): Estimate(**each) for name, each in told[kind].items()}
        for kind in ("segments", "versions")
    }
    return Touch(
        stored.touchpoint, told["given"], told["not_applicable"], rate, split["segments"], split["versions"],
        Estimate(**told["common"]), stored.as_of,
    )  # fmt: skip
