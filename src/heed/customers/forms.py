from datetime import date, timedelta
from typing import Any

from django import forms
from django.core.validators import MinValueValidator
from django.http import QueryDict
from django.utils.dateparse import parse_date
from django.utils.translation import gettext_lazy as _

from heed.customers.models import MovementKind
from heed.evidence.revenue import Form
from heed.ledger import clock

FORMS = [
    (Form.POINT_TO_POINT.value, _("point to point")),
    (Form.MOVEMENT_SUMS.value, _("by movement sums")),
]
ABSENT = [("", _("kept apart"))]
FIGURES = [
    ("grr", _("Gross retention (GRR)")),
    ("nrr", _("Net retention (NRR)")),
    ("start", _("MRR at the start")),
    ("end", _("MRR at the end")),
    ("expansion", _("Expansion")),
    ("contraction", _("Contraction")),
    ("churn", _("Churn")),
    ("reactivation", _("Reactivation")),
]
EARLIEST = date(1900, 1, 1)
YEAR = timedelta(days=365)


class SpanForm(forms.Form):
    """A span of days: after `start`, up to and including `end`. What is left out is the last twelve months,
    and the form says so."""

    start = forms.DateField(
        label=_("From the end of"),
        widget=forms.DateInput(attrs={"type": "date"}),
        validators=[MinValueValidator(EARLIEST)],
    )
    end = forms.DateField(
        label=_("to the end of"),
        widget=forms.DateInput(attrs={"type": "date"}),
        validators=[MinValueValidator(EARLIEST + YEAR)],
    )

    def __init__(self, data: QueryDict) -> None:
        super().__init__(_with_span(data))

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        if "start" in cleaned and "end" in cleaned and cleaned["start"] >= cleaned["end"]:
            raise forms.ValidationError(_("The end must come after the start."))
        return cleaned


def _with_span(data: QueryDict) -> QueryDict:
    """The data with the days that are meant where none is given."""
    filled = data.copy()
    if not filled.get("end"):
        filled["end"] = clock.today().isoformat()
    if not filled.get("start"):
        end = _day(str(filled["end"]))
        filled["start"] = (end - YEAR).isoformat() if end and end >= EARLIEST + YEAR else ""
    return filled


def _day(text: str) -> date | None:
    try:
        return parse_date(text)
    except ValueError:
        return None


class RevenueForm(SpanForm):
    form = forms.ChoiceField(label=_("Retention"), choices=FORMS, required=False)
    into = forms.ChoiceField(label=_("Currencies"), required=False)

    def __init__(self, data: QueryDict, *, currency: str) -> None:
        super().__init__(data)
        into = self.fields["into"]
        if isinstance(into, forms.ChoiceField):
            into.choices = [*ABSENT, (currency, _("converted into %(code)s") % {"code": currency})]

    def clean_form(self) -> Form:
        return Form(self.cleaned_data["form"] or Form.POINT_TO_POINT)

    def clean_into(self) -> str | None:
        return self.cleaned_data["into"] or None


class CohortForm(RevenueForm):
    """A figure of the revenue page, whose accounts are asked for: gross retention where none is named."""

    currency = forms.CharField(max_length=3)
    figure = forms.ChoiceField(choices=FIGURES)

    def __init__(self, data: QueryDict, *, currency: str) -> None:
        filled = data.copy()
        filled.setdefault("currency", currency)
        filled.setdefault("figure", FIGURES[0][0])
        super().__init__(filled, currency=currency)


class MovementsForm(SpanForm):
    kind = forms.ChoiceField(
        label=_("Kind"), choices=[("", _("all kinds")), *MovementKind.choices], required=False
    )
    currency = forms.CharField(label=_("Currency"), max_length=3, required=False)
    account = forms.CharField(label=_("Account (its id)"), max_length=200, required=False)


class RateForm(forms.Form):
    currency = forms.CharField(label=_("Currency"), max_length=3, help_text=_("Three letters, such as USD"))
    rate = forms.DecimalField(label=_("One unit is worth"), max_digits=18, decimal_places=8)
