"""The forms of a call on a quarter and of a logged decision."""

from datetime import date

from django import forms
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from heed.proving.models import CalledFigure


class CallForm(forms.Form):
    """Your own call beside the model's."""

    quarter = forms.ChoiceField(label=gettext_lazy("Quarter"))
    figure = forms.ChoiceField(label=gettext_lazy("Figure"), choices=CalledFigure.choices)
    value = forms.FloatField(
        label=gettext_lazy("Your call"), min_value=0,
        help_text=gettext_lazy("GRR and NRR in per cent, like 96.5; revenue in the reporting currency."),
    )  # fmt: skip
    note = forms.CharField(
        label=gettext_lazy("Why you think so"), max_length=500, required=False,
        help_text=gettext_lazy("What you know that the model does not."),
    )  # fmt: skip

    def __init__(self, quarters: list[tuple[date, str]], *args: object, **named: object) -> None:
        super().__init__(*args, **named)  # type: ignore[arg-type]
        self.fields["quarter"].choices = [(ends.isoformat(), label) for ends, label in quarters]  # type: ignore[attr-defined]

    @property
    def called(self) -> tuple[date, str, float, str]:
        """Quarter, figure, value as it is kept, and note."""
        told = self.cleaned_data
        share = told["figure"] != CalledFigure.CLOSING_MRR
        value = told["value"] / 100 if share else told["value"]
        return date.fromisoformat(told["quarter"]), told["figure"], value, told["note"]


class DecisionForm(forms.Form):
    """What was decided, on what."""

    decision = forms.CharField(
        label=gettext_lazy("What was decided"), max_length=500,
        help_text=gettext_lazy("One sentence, with who does what."),
    )  # fmt: skip
    numbers = forms.CharField(
        label=gettext_lazy("The numbers it rests on"), max_length=2_000, widget=forms.Textarea,
        help_text=gettext_lazy("With n, window and interval, as the page shows them."),
    )  # fmt: skip
    voices = forms.CharField(
        label=gettext_lazy("Whom you heard"), max_length=2_000, required=False, widget=forms.Textarea,
        help_text=gettext_lazy("Customers whose words were heard. Empty: it will be marked “numbers only”."),
    )  # fmt: skip
    page = forms.CharField(
        label=gettext_lazy("Page of Heed with these numbers"), max_length=300, required=False,
        help_text=gettext_lazy("Its address from the first slash on, like /prove/forecast/."),
    )  # fmt: skip

    def clean_page(self) -> str:
        page: str = self.cleaned_data["page"].strip()
        # A browser reads `/\host` as `//host`: another's page.
        if page and not (page.startswith("/") and url_has_allowed_host_and_scheme(page, None)):
            raise forms.ValidationError(_("Give a page of Heed, like /prove/forecast/, or leave it empty."))
        return page
