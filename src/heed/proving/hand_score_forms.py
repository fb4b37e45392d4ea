"""The forms of a score by hand: its weights as typed or pasted, and the override of one account's score."""

import json
import re
from collections.abc import Mapping
from typing import Any

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from heed.evidence.scoring import SCORE_TEMPLATES, HealthScore, ScoreError
from heed.proving.hand_scores import ChangedMeanwhile
from heed.proving.over_version import OverVersionForm

LONGEST = 20_000


class WeightsForm(forms.Form):
    """What a score is made of."""

    weights = forms.CharField(
        label=gettext_lazy("Metrics, weights and curves"), max_length=LONGEST,
        widget=forms.Textarea(attrs={"rows": 8, "spellcheck": "false"}),
        help_text=gettext_lazy(
            "A line a metric: days_active, 2, linear 0 20 (no points at 0, all 100 at 20; turn the two round"
            " where less is better). Or: step 4 (all points from 4 on), step 31 down (none from 31 on)."
            " Or paste the JSON of a score, or of the weights of an old one."
        ),
    )  # fmt: skip

    def clean_weights(self) -> str:
        text: str = self.cleaned_data["weights"].strip()
        return text

    def clean(self) -> dict[str, Any]:
        told = super().clean() or {}
        if told.get("weights"):
            try:
                told["record"] = read_weights(told["weights"])
            except ScoreError as refused:
                self.add_error("weights", str(refused))
        elif "weights" not in self.errors and not told.get("template"):
            self.add_error("weights", _("Give a metric at least, with its weight and curve."))
        return told

    def refuse(self, refused: ScoreError) -> None:
        """Say it at the field that it is about."""
        if refused.field in self.fields:
            self.add_error(refused.field, str(refused).removeprefix(f"{refused.field}: ").capitalize())
        else:
            self.add_error("weights", placed(str(refused), self.cleaned_data.get("weights") or ""))


class ChangeForm(OverVersionForm, WeightsForm):
    """Another version of a score, and the version that it was written over."""

    def refuse(self, refused: ScoreError) -> None:
        super().refuse(refused)
        if isinstance(refused, ChangedMeanwhile):
            self.show(refused.version)


class NewScoreForm(WeightsForm):
    """A score: its name, and either one as others publish it or one's own weights."""

    name = forms.CharField(label=gettext_lazy("Name"), max_length=80)
    template = forms.ChoiceField(
        label=gettext_lazy("Start from a score as others publish it"), required=False,
        help_text=gettext_lazy("None was fitted to your company; its report card says what it is worth."),
    )  # fmt: skip
    field_order = ("name", "template", "weights")

    def __init__(self, *args: Any, **named: Any) -> None:
        super().__init__(*args, **named)
        choices = [(str(number), each.score.name) for number, each in enumerate(SCORE_TEMPLATES)]
        self.fields["weights"].required = False
        self.fields["template"].choices = [("", _("none: my own weights below")), *choices]  # type: ignore[attr-defined]

    def clean(self) -> dict[str, Any]:
        told = super().clean()
        if told.get("template") and told.get("weights"):
            self.add_error("template", _("Choose one: a score as published, or your own weights below."))
        return told


class OverrideForm(forms.Form):
    """A person's own figure for one account."""

    value = forms.FloatField(
        label=gettext_lazy("Score"), min_value=0, max_value=100,
        help_text=gettext_lazy("From 0 (worst) to 100 (best)."),
    )  # fmt: skip
    reason = forms.CharField(
        label=gettext_lazy("Why the score is wrong here"), max_length=500,
        help_text=gettext_lazy("It stands wherever the score of this account is shown."),
    )  # fmt: skip
    expires_on = forms.DateField(
        label=gettext_lazy("Until and including"), widget=forms.DateInput(attrs={"type": "date"}),
        help_text=gettext_lazy("From the next day on the score is computed again."),
    )  # fmt: skip

    def refuse(self, refused: ScoreError) -> None:
        field = refused.field.removeprefix("override.")
        self.add_error({"score": "value"}.get(field, field), str(refused).split(": ", 1)[1].capitalize())


def placed(problem: str, typed: str) -> str:
    """A refusal by the line that was typed, not by the place in the record that was made of it."""
    told = problem.removeprefix("score.").removeprefix("parts: ")
    found = re.match(r"parts\[(\d+)\]\.([\w.]+): ", told)
    lines = [place for place, line in enumerate(typed.splitlines(), 1) if line.strip()]
    if found is None or typed.startswith(("{", "[")) or int(found[1]) >= len(lines):
        return told
    return _("line %(line)d, %(what)s: %(problem)s") % {
        "line": lines[int(found[1])],
        "what": found[2].replace(".", " "),
        "problem": told[found.end() :],
    }


def read_weights(text: str) -> dict[str, Any]:
    """The record that lines or JSON tell; ScoreError with the place where they do not."""
    return _pasted(text) if text.startswith(("{", "[")) else {"parts": _lines(text)}


def _lines(text: str) -> list[dict[str, Any]]:
    lines = [(place, line) for place, line in enumerate(text.splitlines(), 1) if line.strip()]
    return [_line(line, _("line %(place)d") % {"place": place}) for place, line in lines]


def _line(line: str, field: str) -> dict[str, Any]:
    told = [each.strip() for each in line.split(",")]
    if len(told) != 3:
        raise ScoreError(field, _("give metric, weight and curve, such as: days_active, 2, linear 0 20."))
    metric, weight, curve = told
    return {"metric": metric, "weight": _number(weight, field), "curve": _curve(curve.split(), field)}


def _curve(told: list[str], field: str) -> dict[str, Any]:
    match [each.lower() for each in told]:
        case ["linear", worst, best]:
            return {"kind": "bounded", "worst": _number(worst, field), "best": _number(best, field)}
        case ["step", knot]:
            return {"kind": "step", "knots": [_number(knot, field)], "points": [0, 100]}
        case ["step", knot, "down"]:
            return {"kind": "step", "knots": [_number(knot, field)], "points": [100, 0]}
    raise ScoreError(field, _("a curve is: linear 0 20, or step 4, or step 31 down."))


def _number(text: str, field: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise ScoreError(
            field, _("“%(text)s” is no number; write one like 2 or 0.5.") % {"text": text}
        ) from None


def _pasted(text: str) -> dict[str, Any]:
    try:
        # Every number as a float: an integer of a thousand digits is none that can be computed with.
        told = json.loads(text, parse_int=float)
    except (ValueError, RecursionError) as wrong:
        raise ScoreError("JSON", _("cannot be read (%(why)s); paste it whole.") % {"why": wrong}) from None
    if not isinstance(told, Mapping):
        raise ScoreError("JSON", _("is no record of a score; give one between { and }."))
    if "parts" in told:
        return dict(told)
    if not isinstance(told.get("weights"), Mapping):
        told = {"weights": told}
    return _old_score(told)


def _old_score(told: Mapping[str, Any]) -> dict[str, Any]:
    """A table of weights, with the (worst, best) of each metric that is not points from 0 to 100."""
    ranges = told.get("ranges") or {}
    shaped = isinstance(ranges, Mapping) and all(
        isinstance(each, list) and len(each) == 2 for each in ranges.values()
    )
    if not shaped:
        raise ScoreError("ranges", _('give the worst and the best of each, such as {"cases": [10, 0]}.'))
    missing = told.get("missing", "unknown")
    return HealthScore.from_weights("x", told["weights"], ranges=ranges, missing=missing).to_record()


def write_weights(record: Mapping[str, Any]) -> str:
    """A record as it is typed: lines where they can say it, else its JSON."""
    lines = [_written(part) for part in record["parts"]]
    plain = record["missing"] == "unknown" and not record["caps"] and not record["note"]
    if plain and all(lines):
        return "\n".join(lines)
    kept = {key: record[key] for key in ("parts", "caps", "missing", "floor", "note")}
    return json.dumps(kept, indent=1, ensure_ascii=False)


def _written(part: Mapping[str, Any]) -> str:
    curve = part["curve"]
    start = f"{part['metric']}, {_told(part['weight'])}, "
    if curve["kind"] == "bounded":
        return start + f"linear {_told(curve['worst'])} {_told(curve['best'])}"
    down = {(0, 100): "", (100, 0): " down"}.get(tuple(curve["points"]))
    if curve["kind"] == "step" and down is not None:
        return start + f"step {_told(curve['knots'][0])}{down}"
    return ""


def _told(value: float) -> str:
    return f"{value:.0f}" if value == round(value) else repr(value)
