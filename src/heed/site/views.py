"""The pages that belong to no area: where settings live, and the style page of the components."""

from datetime import datetime, timedelta

from django import forms
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from heed.desk import pages
from heed.desk.timeline import Entry
from heed.ledger import clock
from heed.people.permissions import Permission, may


@may(Permission.SEE_CUSTOMERS)
def home(request: HttpRequest) -> HttpResponse:
    return redirect("/today/")


@may(Permission.SECURE_OWN_ACCOUNT)
def settings_index(request: HttpRequest) -> HttpResponse:
    """The settings that exist and that this person may open."""
    return render(request, "site/settings.html", {"links": pages.settings_pages(request.user)})


class SampleForm(forms.Form):
    """The form of the style page: it shows the look and takes nothing in."""

    name = forms.CharField(label=_("Name"), help_text=_("As the customer writes it."))
    kind = forms.ChoiceField(label=_("Kind"), choices=[("call", _("Call")), ("note", _("Note"))])
    on = forms.DateField(label=_("Day"), required=False, widget=forms.DateInput(attrs={"type": "date"}))
    words = forms.CharField(label=_("Words"), required=False, widget=forms.Textarea)
    agree = forms.BooleanField(label=_("May be shared inside the company"), required=False)


def sample_entries(at: datetime) -> list[Entry]:
    held, opened, lost = gettext("Call held"), gettext("Case opened"), gettext("I was lost again.")
    return [
        Entry(at, held, gettext("goal reached"), "", "Ada", "a", "interaction.call", "heed"),
        Entry(at, opened, "", lost, "M. Osei", "v", "case.opened", "desk"),
        Entry(at, gettext("Reports exported"), "", "", "", "", "usage.day", "product", times=12),
    ]


@may(Permission.SEE_CUSTOMERS)
def style(request: HttpRequest) -> HttpResponse:
    """Each component once, with its rule. Names and figures on this page are invented and marked so."""
    today, now = clock.today(), clock.now()
    fortnights = [today - timedelta(days=14 * back) for back in range(9, -1, -1)]
    context = {
        "now": now,
        "late": today - timedelta(days=2),
        "soon": today + timedelta(days=4),
        "later": today + timedelta(days=118),
        "trend": list(zip(fortnights, [21, 23, None, 26, 25, 24, 19, 17, 20, 23], strict=True)),
        "entries": sample_entries(now),
        "blank_form": SampleForm(prefix="blank"),
        "wrong_form": SampleForm({"wrong-name": "", "wrong-kind": "fax"}, prefix="wrong"),
        "tones": ["", "bad", "warn", "good", "voice", "accent", "unknown"],
    }
    return render(request, "site/style.html", context)
