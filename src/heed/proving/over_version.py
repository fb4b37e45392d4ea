"""A form that changes what is kept by version: over the version that whoever opened it had in sight."""

from django import forms


class OverVersionForm(forms.Form):
    """`based_on` is the version in sight; where another was put in force meanwhile, the change is refused."""

    based_on = forms.IntegerField(required=False, widget=forms.HiddenInput)

    def show(self, version: int) -> None:
        """Keep what was typed, over the version that stands on the page that says so: the next attempt is
        made in its sight."""
        typed = {name: self[name].value() for name in self.fields}
        self.data = typed | {"based_on": version}
