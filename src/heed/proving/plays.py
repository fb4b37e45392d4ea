"""What the plays on record did, in words: those randomised, and those that were not."""

from dataclasses import dataclass
from datetime import date
from typing import Final

import pandas as pd
from django.http import Http404
from django.utils.translation import gettext as _

from heed.customers.models import Account
from heed.ledger import clock, words
from heed.proving.charts import Bar, Chart, intervals
from heed.proving.models import Experiment, PlayEffect
from heed.proving.planning import effect_words
from heed.proving.play_effects import NOT_GIVEN, MeasuredPlay, OutcomeEffect, latest, rows_of

NOT_RANDOMISED: Final = "not randomised"
TONES: Final = {"works": "good", "harms": "bad", "none": "", "left": "warn", "unknown": "unknown"}


@dataclass(frozen=True)
class Told:
    """What a play did to one outcome, in words."""

    effect: OutcomeEffect
    randomised: bool

    @property
    def is_share(self) -> bool:
        return self.effect.key == "stayed"

    @property
    def name(self) -> str:
        if self.effect.key == "progress":
            return _("Outcome progress")
        return _("Still paying after %(days)s") % {"days": words.days(self.effect.days)}

    @property
    def verdict(self) -> str:
        found = self.effect.estimate
        if found.value is None or found.low is None or found.high is None:
            return "unknown"
        if self.randomised:
            return "works" if found.low > 0 else "harms" if found.high < 0 else "none"
        return "left" if found.low > 0 or found.high < 0 else "none"

    @property
    def words(self) -> str:
        """The verdict; a play that nobody randomised is never said to work."""
        if self.randomised:
            said = {"works": _("works"), "harms": _("does harm"), "none": _("no effect shown")}
        else:
            said = {
                "left": _("not randomised; a difference is left after correction"),
                "none": _("not randomised; no difference is left after correction"),
                "unknown": _("not randomised; unknown"),
            }
        return said.get(self.verdict, _("unknown"))

    @property
    def tone(self) -> str:
        return TONES[self.verdict]

    @property
    def value_words(self) -> str:
        value = self.effect.estimate.value
        return "" if value is None else effect_words(value, share=self.is_share, signed=True)

    @property
    def plain_words(self) -> str:
        """The same without a plus, which a spreadsheet would take for a formula."""
        return self.value_words.removeprefix("+")

    @property
    def between(self) -> str:
        found = self.effect.estimate
        return words.interval(found.low, found.high, share=self.is_share)

    @property
    def naive_value(self) -> str:
        naive = self.effect.naive
        if naive is None or naive.value is None:
            return ""
        return effect_words(naive.value, share=self.is_share, signed=True)

    @property
    def naive_between(self) -> str:
        naive = self.effect.naive
        return "" if naive is None else words.interval(naive.low, naive.high, share=self.is_share)

    @property
    def naive_words(self) -> str:
        return f"{self.naive_value} {self.naive_between}" if self.naive_value else ""

    @property
    def least_words(self) -> str:
        """The smallest effect it could have seen."""
        least = self.effect.least
        return "" if least is None else f"± {effect_words(least, share=self.is_share)}"

    @property
    def note(self) -> str:
        """What stands beside the figure: how big an effect would have been seen; not randomised, and what the
        raw difference was."""
        if not self.randomised:
            if not self.naive_words:
                return _("not randomised")
            return _("not randomised, corrected; raw difference %(naive)s") % {"naive": self.naive_words}
        if self.verdict == "none" and self.least_words:
            return _("would have seen %(least)s and more") % {"least": self.least_words}
        return _("randomised, by intention to treat")

    @property
    def e_words(self) -> str:
        """How strong something unseen would have to be."""
        point, limit = self.effect.e_value, self.effect.e_limit
        if point is None:
            return ""
        told = _(
            "%(point)s: something unseen that makes both the choice and the outcome %(point)s times as likely"
            " could explain the corrected figure away"
        ) % {"point": words.number(round(point, 1))}
        if limit is None:
            return told
        if limit <= 1:
            return _("%(told)s; its interval includes no effect already") % {"told": told}
        return _("%(told)s; %(limit)s for the end of the interval") % {
            "told": told,
            "limit": words.number(round(limit, 1)),
        }

    @property
    def known_words(self) -> str:
        return " + ".join(f"{n:,} {_arm_words(arm)}" for arm, n in self.effect.known.items())


def _arm_words(arm: str) -> str:
    said = {
        "treated": _("treated"), "holdout": _("held out"), "chosen": _("chosen"), "given": _("given it"),
        NOT_GIVEN: _("not given it"),
    }  # fmt: skip
    return said.get(arm, arm)


@dataclass(frozen=True)
class PlayRow:
    """A play on record as last measured."""

    play: str
    measured: MeasuredPlay
    as_of: date

    @property
    def outcomes(self) -> list[Told]:
        return [Told(each, self.measured.randomised) for each in self.measured.outcomes]

    @property
    def progress(self) -> Told:
        return Told(self.measured.outcome("progress"), self.measured.randomised)

    @property
    def stayed(self) -> Told:
        return Told(self.measured.outcome("stayed"), self.measured.randomised)

    @property
    def leading(self) -> Told:
        """The outcome that the verdict is about: the customer's own, or who stayed where that is unknown."""
        return self.stayed if self.progress.verdict == "unknown" else self.progress

    @property
    def arms(self) -> list[tuple[str, str, int]]:
        """Arm, in words, and how many accounts."""
        return [(arm, _arm_words(arm), n) for arm, n in self.measured.arms.items()]

    @property
    def total(self) -> int:
        """How many accounts stand behind it."""
        return sum(self.measured.arms.values())

    @property
    def between_days(self) -> str:
        first, last, today = self.measured.first_on, self.measured.last_on, clock.today()
        return _("from %(first)s to %(last)s") % {
            "first": words.day(first, today),
            # Beside a day of another year a day without its year would be taken for one of that year.
            "last": words.day(last, today if first.year == last.year else first),
        }

    @property
    def ratio_words(self) -> str:
        ratio = self.measured.ratio
        if ratio is None:
            return _("not drawn by chance")
        if ratio.broken:
            return _("broken: %(why)s") % {"why": ratio.reason}
        return _("as planned (p = %(p)s)") % {"p": f"{ratio.p_value:.2f}".lstrip("0") or "0"}

    @property
    def ratio_tone(self) -> str:
        ratio = self.measured.ratio
        return "unknown" if ratio is None else "bad" if ratio.broken else "good"

    @property
    def share_words(self) -> str:
        if self.measured.share is None:
            return ""
        share = words.percent(self.measured.share)
        if self.measured.share_told:
            return _("%(share)s planned as treated, as the assignments say") % {"share": share}
        return _("a half each, as the assignments name no other share")


def plays_on_record() -> tuple[PlayRow, ...]:
    """The plays on record, those that work first; those whose experiment still runs are not among them."""
    running = set(
        Experiment.objects.filter(started_on__isnull=False, decisions=None).values_list("name", flat=True)
    )
    rows = [_row(each) for each in latest() if each.play not in running]
    order = ("works", "harms", "none", "left", "unknown")
    rows.sort(
        key=lambda row: (not row.measured.randomised, order.index(row.leading.verdict), row.play.lower())
    )
    return tuple(rows)


def _row(effect: PlayEffect) -> PlayRow:
    return PlayRow(effect.play, MeasuredPlay.from_record(effect.record), effect.as_of)


def play_row(play: str) -> PlayRow:
    found = latest([play])
    if not found or Experiment.objects.filter(name=play, started_on__isnull=False, decisions=None).exists():
        raise Http404(_("There is no play “%(play)s” on record.") % {"play": play})
    return _row(found[0])


def plays_finding(plays: tuple[PlayRow, ...]) -> str:
    """The headline: what works, what shows nothing, and what nobody can tell as it was not randomised."""
    by: dict[str, list[str]] = {"works": [], "harms": [], "none": [], "loose": []}
    for row in plays:
        verdict = row.leading.verdict
        if not row.measured.randomised:
            by["loose"].append(row.play)
        elif verdict in by:
            by[verdict].append(row.play)
    parts = [
        _("%(plays)s works") % {"plays": words.listed(by["works"])} if len(by["works"]) == 1
        else _("%(plays)s work") % {"plays": words.listed(by["works"])} if by["works"] else "",
        _("%(plays)s does harm") % {"plays": words.listed(by["harms"])} if by["harms"] else "",
        _("%(plays)s shows no effect") % {"plays": words.listed(by["none"])} if len(by["none"]) == 1
        else _("%(plays)s show no effect") % {"plays": words.listed(by["none"])} if by["none"] else "",
        _("%(plays)s was not randomised") % {"plays": words.listed(by["loose"])} if len(by["loose"]) == 1
        else _("%(plays)s were not randomised") % {"plays": words.listed(by["loose"])}
        if by["loose"] else "",
    ]  # fmt: skip
    told = "; ".join(part for part in parts if part)
    return told[:1].upper() + told[1:] if told else _("No play on record can be read yet")


def effects_chart(plays: tuple[PlayRow, ...], outcome: str) -> Chart | None:
    """The effects of all plays on one outcome side by side, the largest first."""
    named = [(row, row.progress if outcome == "progress" else row.stayed) for row in plays]
    shown = [(row, told) for row, told in named if told.effect.estimate.value is not None]
    if not shown:
        return None
    shown.sort(key=lambda pair: -(pair[1].effect.estimate.value or 0.0))
    share = outcome == "stayed"
    bars = [
        Bar(
            row.play if row.measured.randomised else f"{row.play} ({_(NOT_RANDOMISED)})",
            told.effect.estimate.value, told.effect.estimate.low, told.effect.estimate.high,
            marked=told.verdict == "harms",
        )
        for row, told in shown
    ]  # fmt: skip
    if share:
        title, axis = _("Who stayed: what each play did"), _("points of accounts that still pay")
    else:
        title, axis = _("The customer's own outcome: what each play did"), _("of the way to the target")
    return Chart(
        title=title,
        alt="; ".join(
            f"{bar.label}: {told.value_words} {told.between}"
            for bar, (_each, told) in zip(bars, shown, strict=True)
        ),
        source=_source(share, max(row.as_of for row, _told in shown)),
        svg=intervals(bars, axis=_("%(axis)s; the dashed line is no effect") % {"axis": axis}, percent=share,
                      reference=0.0),
        columns=(
            _("Play"), _("Effect"), _("95 % interval"), _("Known outcomes"), _("Verdict"), _("Beside it"),
        ),
        rows=tuple(
            (row.play, told.plain_words, told.between, told.known_words, told.words, told.note)
            for row, told in shown
        ),
    )  # fmt: skip


def play_charts(row: PlayRow) -> list[Chart]:
    """The effect on each outcome; beside a corrected one the raw difference."""
    return [_play_chart(row, told) for told in row.outcomes if told.effect.estimate.value is not None]


def _play_chart(row: PlayRow, told: Told) -> Chart:
    found, naive = told.effect.estimate, told.effect.naive
    label = _("randomised") if told.randomised else _("not randomised, corrected")
    bars = [Bar(label, found.value, found.low, found.high, marked=told.verdict == "harms")]
    if naive is not None and naive.value is not None:
        bars.append(Bar(_("raw difference, misleading"), naive.value, naive.low, naive.high, marked=True))
    title = _("%(outcome)s: %(verdict)s") % {"outcome": told.name, "verdict": told.words}
    shown = [(told.plain_words, told.between), (told.naive_value.removeprefix("+"), told.naive_between)]
    return Chart(
        title=title,
        alt=f"{title}: {told.value_words} {told.between}; {told.note}",
        source=_source(told.is_share, row.as_of),
        svg=intervals(
            bars,
            axis=_("difference; the dashed line is no effect"),
            percent=told.is_share,
            reference=0.0,
        ),
        columns=(_("How"), _("Difference"), _("95 % interval"), _("Known outcomes")),
        rows=tuple(
            (bar.label, value, between, told.known_words)
            for bar, (value, between) in zip(bars, shown, strict=False)
        ),
    )


def _source(share: bool, as_of: date) -> str:
    what = (
        _("Share of accounts that still paid a year after assignment (earlier where most are newer)")
        if share
        else _(
            "Last measurement of the customer's own outcome after assignment, 0 its baseline, 1 its target"
        )
    )
    return _(
        "%(what)s, treated less held out, by intention to treat; adjusted for the value before (CUPED)"
        " where there is one. Not randomised: doubly robust, corrected for the metrics at assignment."
        " Intervals of 95 %%, as known on %(day)s."
    ) % {"what": what, "day": words.day(as_of, clock.today())}


@dataclass(frozen=True, slots=True)
class PlayAccount:
    """An account behind a play's figures."""

    key: str
    name: str
    arm: str
    on: date
    before: float | None
    progress: float | None
    stayed: bool | None


def play_accounts(play: str, arm: str) -> list[PlayAccount]:
    """The rows behind a play's effect, all or those of an arm, by name."""
    effect = PlayEffect.objects.filter(play=play).order_by("-as_of").first()
    if effect is None:
        raise Http404(_("There is no play “%(play)s” on record.") % {"play": play})
    rows = rows_of(effect)
    if arm:
        rows = rows[rows["arm"] == arm]
    named = {pk: (key, name) for pk, key, name in Account.objects.values_list("pk", "key", "name")}
    told = rows.to_dict("records")
    found = [
        PlayAccount(
            *named[row["account"]], _arm_words(row["arm"]), row["on"], _number(row["before"]),
            _number(row["progress"]), None if pd.isna(row["stayed"]) else bool(row["stayed"]),
        )
        for row in told
        if row["account"] in named
    ]  # fmt: skip
    return sorted(found, key=lambda each: (each.name, each.key))


def _number(value: float) -> float | None:
    return None if pd.isna(value) else float(value)
