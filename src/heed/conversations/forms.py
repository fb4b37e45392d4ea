"""The forms in which a person records a conversation, plans one, or leaves a note."""

from datetime import timedelta
from typing import Any

from django import forms
from django.utils.timezone import localtime
from django.utils.translation import gettext_lazy as _

from heed.conversations.actions import Conversation, Outcome
from heed.conversations.models import Direction, Interaction, InteractionKind, Motion
from heed.customers.models import Account, Contact
from heed.ledger import clock

HELD_KINDS = (InteractionKind.CALL, InteractionKind.MEETING, InteractionKind.EMAIL, InteractionKind.MESSAGE,
              InteractionKind.OBSERVATION, InteractionKind.MENTION)  # fmt: skip
PLANNED_KINDS = HELD_KINDS[:4]
GOAL_MET = (("", _("cannot be told yet")), ("yes", _("yes")), ("no", _("no")))
GOAL_MET_VALUES = {"yes": True, "no": False}


def choices_of(kinds: tuple[InteractionKind, ...]) -> list[tuple[str, str]]:
    return [(str(kind), str(kind.label)) for kind in kinds]


class ConversationForm(forms.Form):
    """What the two forms share: with whom, when, and what for."""

    contact = forms.ModelChoiceField(
        label=_("With whom"), queryset=Contact.objects.none(), required=False, empty_label=_("not said")
    )
    at = forms.DateTimeField(label=_("When"), widget=forms.DateTimeInput(attrs={"type": "datetime-local"}))
    purpose = forms.CharField(label=_("About"), max_length=200, required=False)

    def __init__(self, account: Account, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        people = account.contacts.filter(withdrawn_at=None, erased_at=None).order_by("name", "key")
        contact = self.fields["contact"]
        if isinstance(contact, forms.ModelChoiceField):
            contact.queryset = people
        now = localtime(clock.now()).replace(second=0, microsecond=0)
        self.fields["at"].initial = (now + self.ahead).strftime("%Y-%m-%dT%H:%M")

    ahead = timedelta(0)


class SaidForm(forms.Form):
    """What was said in a conversation, and how long it took."""

    minutes = forms.IntegerField(label=_("Minutes"), min_value=0, max_value=1440, required=False)
    words = forms.CharField(
        label=_("What they said"), widget=forms.Textarea, max_length=20_000,
        help_text=_("In their own words where you can."),
    )  # fmt: skip


class HeldForm(ConversationForm, SaidForm):
    """A conversation that took place."""

    kind = forms.ChoiceField(label=_("Kind"), choices=choices_of(HELD_KINDS))
    direction = forms.ChoiceField(label=_("Who began it"), choices=Direction.choices[:2])
    field_order = ("kind", "direction", "contact", "at", "minutes", "purpose", "words")

    def conversation(self) -> Conversation:
        motion = Motion.REACTIVE if self.cleaned_data["direction"] == Direction.INBOUND else ""
        return Conversation(**self.cleaned_data, motion=motion)


class PlanForm(ConversationForm):
    """A conversation to come, begun by us: it has an agenda and a goal, or it is not planned."""

    kind = forms.ChoiceField(label=_("Kind"), choices=choices_of(PLANNED_KINDS))
    agenda = forms.CharField(
        label=_("Agenda"), widget=forms.Textarea, max_length=5_000,
        help_text=_("What it is about for them. “Just checking in” is not an agenda."),
    )  # fmt: skip
    goal = forms.CharField(
        label=_("Goal"), max_length=2_000, help_text=_("What will be different for them after it?")
    )
    field_order = ("kind", "contact", "at", "purpose", "agenda", "goal")
    ahead = timedelta(days=1)

    def conversation(self) -> Conversation:
        return Conversation(**self.cleaned_data, direction=Direction.OUTBOUND, motion=Motion.PLANNED)


class OutcomeForm(SaidForm):
    """What came of a planned conversation."""

    at = forms.DateTimeField(label=_("When"), widget=forms.DateTimeInput(attrs={"type": "datetime-local"}))
    goal_met = forms.TypedChoiceField(
        label=_("Was the goal met?"), choices=GOAL_MET, coerce=GOAL_MET_VALUES.get, required=False,
        empty_value=None,
    )  # fmt: skip
    field_order = ("at", "minutes", "words", "goal_met")

    def __init__(self, planned: Interaction, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        when = localtime(min(planned.at, clock.now())).replace(second=0, microsecond=0)
        self.fields["at"].initial = when.strftime("%Y-%m-%dT%H:%M")

    def outcome(self) -> Outcome:
        return Outcome(**self.cleaned_data)


class NotHeldForm(forms.Form):
    """Why a planned conversation did not take place, or will not."""

    reason = forms.CharField(label=_("It was not held, because"), max_length=500)


class NoteForm(forms.Form):
    words = forms.CharField(label=_("Note"), widget=forms.Textarea, max_length=20_000)

    def conversation(self) -> Conversation:
        return Conversation(
            kind=InteractionKind.NOTE, direction=Direction.INTERNAL, words=self.cleaned_data["words"]
        )
