from datetime import timedelta

from django import forms
from django.utils.translation import gettext_lazy as _

from heed.customers.models import MovementKind
from heed.evidence.revenue import Form
from heed.ledger import clock

FORMS = [
    (Form.POINT_TO_POINT.value, _("point to point")),
    (Form.MOVEMENT_SUMS.value, _("by movement sums")),
]
ABSENT = [("", _("kept apart"))]


class SpanForm(forms.Form):
    """A span of days: after `start`, up to and including `end`. Empty fields mean the last twelve months."""

    start = forms.DateField(
        label=_("From the end of"), required=False, widget=forms.DateInput(attrs={"type": "date"})
    )
    end = forms.DateField(
        label=_("to the end of"), required=False, widget=forms.DateInput(attrs={"type": "date"})
    )

    def clean(self) -> dict[str, object]:
        cleaned = super().clean() or {}
        end = cleaned.get("end") or clock.today()
        start = cleaned.get("start") or end - timedelta(days=365)
        if start >= end:
            raise forms.ValidationError(_("The end must come after the start."))
        return {**cleaned, "start": start, "end": end}


class RevenueForm(SpanForm):
    form = forms.ChoiceField(label=_("Retention"), choices=FORMS, required=False)
    into = forms.ChoiceField(label=_("Currencies"), required=False)

    def __init__(self, data: object, *, currency: str) -> None:
        super().__init__(data)  # type: ignore[arg-type]
        choices = [*ABSENT, (currency, _("converted into %(code)s") % {"code": currency})]
        self.fields["into"].choices = choices  # type: ignore[attr-defined]


class MovementsForm(SpanForm):
    kind = forms.ChoiceField(
        label=_("Kind"), choices=[("", _("all kinds")), *MovementKind.choices], required=False
    )
    currency = forms.CharField(label=_("Currency"), max_length=3, required=False)


class RateForm(forms.Form):
    currency = forms.CharField(label=_("Currency"), max_length=3, help_text=_("Three letters, such as USD"))
    rate = forms.DecimalField(label=_("One unit is worth"), max_digits=18, decimal_places=8)
