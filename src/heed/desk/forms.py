"""What a person says when deciding on a row."""

from django import forms
from django.utils.translation import gettext_lazy as _


class SnoozeForm(forms.Form):
    until = forms.DateField(label=_("Until"), widget=forms.DateInput(attrs={"type": "date"}))
    reason = forms.CharField(label=_("It can wait, because"), max_length=500)


class NotUsefulForm(forms.Form):
    reason = forms.CharField(label=_("Not useful, because"), max_length=500)
