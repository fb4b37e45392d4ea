"""The forms of a trigger: one as others publish it, or one's own rule on a metric."""

from typing import Any

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from heed.evidence.cards.triggers import QUIET
from heed.measures.models import MetricDefinition
from heed.proving.models import Side, TriggerVersion
from heed.proving.over_version import OverVersionForm
from heed.proving.triggering import (
    LONGEST_QUIET,
    ChangedMeanwhile,
    Rule,
    TriggerRefused,
    against_usual,
    templates,
)

FALLS = "falls"


class RuleForm(forms.Form):
    """When a trigger fires."""

    metric = forms.ChoiceField(label=gettext_lazy("Metric"))
    condition = forms.ChoiceField(
        label=gettext_lazy("Fires when it"),
        choices=[*Side.choices, (FALLS, gettext_lazy("falls below its own baseline by more than, per cent"))],
        help_text=gettext_lazy("The own baseline is the account's mean of the three windows before."),
    )  # fmt: skip
    value = forms.FloatField(
        label=gettext_lazy("Value"),
        help_text=gettext_lazy("In the metric's unit; for a fall, per cent from 1 to 100."),
    )  # fmt: skip
    quiet = forms.IntegerField(
        label=gettext_lazy("Quiet days"), min_value=0, max_value=LONGEST_QUIET, initial=QUIET,
        help_text=gettext_lazy("It fires again within so many days: that is the same alert."),
    )  # fmt: skip

    def __init__(self, *args: Any, **named: Any) -> None:
        super().__init__(*args, **named)
        metrics = MetricDefinition.objects.filter(is_current=True).order_by("name")
        self.fields["metric"].choices = list(metrics.values_list("key", "name"))  # type: ignore[attr-defined]

    def clean_value(self) -> float | None:
        value: float | None = self.cleaned_data["value"]
        if value is not None and (value != value or abs(value) == float("inf")):
            raise forms.ValidationError(_("Give a number that can be computed with."))
        return value

    def clean(self) -> dict[str, Any]:
        told = super().clean() or {}
        falls = told.get("condition") == FALLS and told.get("value") is not None
        if falls and not 1 <= told["value"] <= 100:
            self.add_error("value", _("A fall is from 1 to 100 per cent."))
        return told

    def rule(self, *, by: str) -> Rule:
        """The rule as typed; the metric that it needs is defined with it."""
        told = self.cleaned_data
        if told["condition"] != FALLS:
            return Rule(told["metric"], told["condition"], told["value"], told["quiet"])
        metric = against_usual(told["metric"], by=by)
        return Rule(metric, Side.BELOW, round(1 - told["value"] / 100, 9), told["quiet"])

    def refuse(self, refused: TriggerRefused) -> None:
        self.add_error(refused.field if refused.field in self.fields else None, str(refused))


class ChangeRuleForm(OverVersionForm, RuleForm):
    """Another version of a rule, and the version that it was written over."""

    def refuse(self, refused: TriggerRefused) -> None:
        super().refuse(refused)
        if isinstance(refused, ChangedMeanwhile):
            self.show(refused.version)


class NewTriggerForm(RuleForm):
    """A trigger: its name, and either a rule as others publish it or one's own."""

    name = forms.CharField(label=gettext_lazy("Name"), max_length=80)
    template = forms.ChoiceField(
        label=gettext_lazy("Start from a rule as others publish it"), required=False,
        help_text=gettext_lazy("None was made for your company; its replay says what it is worth."),
    )  # fmt: skip
    field_order = ("name", "template", "metric", "condition", "value", "quiet")

    def __init__(self, *args: Any, **named: Any) -> None:
        super().__init__(*args, **named)
        choices = [(str(number), each.name) for number, each in enumerate(templates())]
        self.fields["template"].choices = [("", _("none: my own rule below")), *choices]  # type: ignore[attr-defined]
        metrics = self.fields["metric"]
        metrics.choices = [("", _("none")), *metrics.choices]  # type: ignore[attr-defined]
        for field in ("metric", "condition", "value", "quiet"):
            self.fields[field].required = False

    def clean(self) -> dict[str, Any]:
        told = super().clean()
        if told.get("template"):
            if told.get("metric") or told.get("value") is not None:
                self.add_error("template", _("Choose one: a rule as published, or your own below."))
            return told
        for field in ("metric", "condition", "value", "quiet"):
            if told.get(field) in (None, "") and field not in self.errors:
                self.add_error(field, _("Your own rule needs this; or start from one as published."))
        return told


def written(version: TriggerVersion) -> dict[str, Any]:
    """A version as it stands in the form that changes it."""
    told = {"metric": version.metric, "condition": version.side, "based_on": version.version}
    return told | {"value": version.threshold, "quiet": version.quiet}
