"""The pages of Prove, side by side above each of them."""

from dataclasses import dataclass

from django.urls import reverse
from django.utils.translation import gettext as _


@dataclass(frozen=True, slots=True)
class Tab:
    label: str
    path: str
    here: bool


def tabs(path: str) -> list[Tab]:
    """The pages in their order, the one at `path` marked."""
    named = (
        (_("What predicts"), "proving:predicts"),
        (_("Risk"), "proving:risk"),
        (_("Scores"), "proving:scores"),
        (_("Triggers"), "proving:triggers"),
        (_("Experiments"), "proving:experiments"),
        (_("Touches"), "proving:touches"),
        (_("Forecast"), "proving:forecast"),
        (_("Blind spots"), "proving:blind_spots"),
        (_("Captive"), "proving:captive"),
        (_("Gears"), "proving:gears"),
        (_("Decisions"), "proving:decisions"),
    )
    found = [(label, reverse(name)) for label, name in named]
    best = max((own for _label, own in found if path.startswith(own)), key=len, default=None)
    return [Tab(label, own, own == best) for label, own in found]
