"""The forms in which an experiment is designed and decided."""

from typing import Any

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from heed.measures.models import MetricDefinition
from heed.people.models import User
from heed.proving.experimenting import LEAST_REASON
from heed.proving.models import DecisionKind, Experiment, Watching
from heed.segments.access import segments_for
from heed.segments.models import Segment

RENEWED = "renewed"
LEAST, MOST = 1e-6, 1e9
"""Of an effect that can be planned for: beyond is a slip of the pen, and its numbers of accounts are none."""


class ExperimentForm(forms.Form):
    """What is tested, on whom, by which outcome, and how it may be read on its way."""

    name = forms.CharField(
        label=gettext_lazy("Name of the play"), max_length=80,
        help_text=gettext_lazy("As it will stand in every account's timeline: “guided first report”."),
    )  # fmt: skip
    purpose = forms.CharField(
        label=gettext_lazy("What it is for"), max_length=2_000, widget=forms.Textarea,
        help_text=gettext_lazy("What will be different for the customer, and why you believe so."),
    )  # fmt: skip
    outcome = forms.ChoiceField(
        label=gettext_lazy("Outcome"),
        help_text=gettext_lazy("What decides whether it worked. It cannot be changed once it runs."),
    )
    days = forms.IntegerField(
        label=gettext_lazy("Days after assignment"), min_value=7, max_value=730, initial=90,
        help_text=gettext_lazy("Within which a renewal counts, or after which the metric is read."),
    )  # fmt: skip
    held_percent = forms.IntegerField(
        label=gettext_lazy("Held out, per cent of accounts"), min_value=5, max_value=90, initial=50,
        help_text=gettext_lazy("Drawn by chance and left alone. Half of them shows most."),
    )  # fmt: skip
    smallest = forms.FloatField(
        label=gettext_lazy("Smallest effect worth it"), initial=10,
        help_text=gettext_lazy("In points of renewals (per cent), or in the metric's unit; below 0: a fall."),
    )  # fmt: skip
    watching = forms.ChoiceField(
        label=gettext_lazy("How it may be read"), choices=Watching.choices,
        help_text=gettext_lazy("Planned looks need fewer accounts; Pocock stops sooner; any time: most."),
    )  # fmt: skip
    looks = forms.IntegerField(
        label=gettext_lazy("Number of planned looks"), min_value=1, max_value=10, initial=3, required=False,
        help_text=gettext_lazy("Counts only for planned looks."),
    )  # fmt: skip
    segment = forms.ModelChoiceField(
        label=gettext_lazy("Audience"), queryset=Segment.objects.none(), required=False,
        empty_label=gettext_lazy("all paying accounts"),
    )  # fmt: skip
    weeks = forms.IntegerField(
        label=gettext_lazy("Weeks in which accounts join"), min_value=1, max_value=52, initial=1,
        help_text=gettext_lazy("1: those that are there on the day it starts, and nobody later."),
    )  # fmt: skip

    def __init__(self, user: User, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        segment, outcome = self.fields["segment"], self.fields["outcome"]
        if isinstance(segment, forms.ModelChoiceField):
            segment.queryset = segments_for(user)
        if isinstance(outcome, forms.ChoiceField):
            metrics = MetricDefinition.objects.filter(is_current=True).exclude(definition__has_key="fact")
            named = metrics.order_by("name").values_list("key", "name")
            outcome.choices = [(RENEWED, _("renewed within the days below")), *named]

    def clean_smallest(self) -> float:
        smallest = float(self.cleaned_data["smallest"])
        if smallest != smallest or abs(smallest) == float("inf") or not smallest:
            raise forms.ValidationError(_("An effect of 0 cannot be found by any number of accounts."))
        if not LEAST <= abs(smallest) <= MOST:
            raise forms.ValidationError(
                _("This is too small or too large to plan for: give an effect that you would notice.")
            )
        return smallest

    def clean(self) -> dict[str, Any]:
        told = super().clean() or {}
        if told.get("outcome") == RENEWED and abs(told.get("smallest", 0)) >= 100:
            self.add_error("smallest", _("A share of renewals cannot change by 100 points or more."))
        if told.get("watching") != Watching.ANY_TIME and not told.get("looks") and "looks" not in self.errors:
            self.add_error("looks", _("Say how many looks are planned, from 1 to 10."))
        return told

    def designed(self) -> Experiment:
        """The experiment as typed, not saved."""
        told = self.cleaned_data
        metric = "" if told["outcome"] == RENEWED else told["outcome"]
        return Experiment(
            name=told["name"].strip(), purpose=told["purpose"].strip(), metric=metric, days=told["days"],
            held_share=told["held_percent"] / 100,
            smallest_effect=told["smallest"] if metric else told["smallest"] / 100,
            watching=told["watching"], looks=told["looks"] or 1, segment=told["segment"], weeks=told["weeks"],
        )  # fmt: skip


class DecisionForm(forms.Form):
    """What is done after an experiment, and why."""

    kind = forms.ChoiceField(label=gettext_lazy("What is done"), choices=DecisionKind.choices)
    reason = forms.CharField(
        label=gettext_lazy("Why"), max_length=2_000, min_length=LEAST_REASON, widget=forms.Textarea,
        help_text=gettext_lazy("For whoever reads it in a year. A second thought is a new decision."),
        error_messages={
            "required": gettext_lazy("Say why: an experiment is not stopped without a reason."),
            "min_length": gettext_lazy("Say why, in a sentence: who reads it in a year was not there."),
        },
    )  # fmt: skip
