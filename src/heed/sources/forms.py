"""What people type about sources."""

from typing import Any

from django import forms
from django.conf import settings
from django.core.files.uploadedfile import UploadedFile
from django.utils.translation import gettext_lazy as _

from heed.sources.entities import ENTITIES
from heed.sources.models import RejectedRow, Source
from heed.sources.reads import correctable


class ManyFiles(forms.ClearableFileInput):
    allow_multiple_selected = True


class FilesField(forms.FileField):
    """One or several uploaded files."""

    widget = ManyFiles

    def clean(self, data: Any, initial: Any = None) -> "list[UploadedFile[Any]]":
        given = data if isinstance(data, list | tuple) else [data]
        return [super(FilesField, self).clean(one, initial) for one in given]


class UploadForm(forms.Form):
    """A new upload: a source that is there, or the name of a new one (admins)."""

    known = forms.ModelChoiceField(
        Source.objects.order_by("name"), label=_("Source"), required=False, empty_label=_("A new source")
    )
    name = forms.CharField(
        label=_("Name of a new source"),
        max_length=100,
        required=False,
        help_text=_("For example CRM or Billing. Its mapping is remembered for the next export."),
    )
    chosen = FilesField(label=_("Files"))

    def __init__(self, *args: Any, may_declare: bool, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if not may_declare:
            del self.fields["name"]
            self.fields["known"].required = True
        most = f"{int(settings.HEED_UPLOAD_LIMIT_MB):,}"
        self.fields["chosen"].help_text = _(
            "CSV, TSV, XLSX, JSON lines or Parquet; text files may be gzipped. Several at once, together at "
            "most %(most)s MB."
        ) % {"most": most}

    def source_name(self) -> str:
        known = self.cleaned_data.get("known")
        return known.name if known else str(self.cleaned_data.get("name") or "")


class MappingForm(forms.Form):
    mapping = forms.CharField(
        label=_("Mapping"),
        widget=forms.Textarea(attrs={"rows": 24, "spellcheck": "false", "class": "mono"}),
        help_text=_("Which file and column each of Heed's columns comes from. Lines can be changed."),
    )


class CorrectionForm(forms.Form):
    """The texts of a rejected row, one field a column, with the reason at the one that was refused."""

    def __init__(self, row: RejectedRow, data: Any = None) -> None:
        super().__init__(data)
        entity = ENTITIES[row.entity]
        for name, text in correctable(row):
            long = row.is_line or len(text) > 80
            target = entity.target(name)
            self.fields[f"column-{name}"] = forms.CharField(
                label=_("The line, corrected") if row.is_line else name,
                required=row.is_line or (target is not None and target.required),
                initial=text,
                strip=False,
                help_text=row.reason if name == row.column else "",
                widget=forms.Textarea(attrs={"rows": 3}) if long else forms.TextInput(),
            )

    def values(self) -> dict[str, str]:
        return {name.removeprefix("column-"): text for name, text in self.cleaned_data.items()}
