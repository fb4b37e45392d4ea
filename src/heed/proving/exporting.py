"""What a page of Prove shows, as a file: its numbers as CSV, its charts with their numbers as PDF."""

import csv
import io
import json
from collections.abc import Sequence

import typst
from django.core.exceptions import BadRequest
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _

from heed.ledger import clock
from heed.proving.charts import Chart, printed
from heed.segments.exporting import safe

PAPER = """#set page(paper: "a4", margin: 18mm, footer: text(8pt, fill: gray)[{footer}])
#set text(font: "Libertinus Serif", size: 9pt)
#set table(stroke: none, inset: 4pt)
"""


def asked_for(request: HttpRequest, name: str, charts: Sequence[Chart]) -> HttpResponse | None:
    """The file that the address asks for (`?format=csv` or `pdf`), None where it asks for the page."""
    wanted = request.GET.get("format", "")
    if not wanted:
        return None
    stem = f"{name}-{clock.today().isoformat()}"
    if wanted == "csv":
        return _file("\ufeff" + csv_of(charts), "text/csv; charset=utf-8", f"{stem}.csv")
    if wanted == "pdf":
        return _file(pdf_of(charts), "application/pdf", f"{stem}.pdf")
    raise BadRequest(_("A page is handed out as csv or pdf, not as “%(asked)s”.") % {"asked": wanted})


def nothing() -> str:
    """What a page without numbers hands out, so that an empty file is not taken for a broken one."""
    return _("There are no numbers to hand out yet; the page says why.")


def csv_of(charts: Sequence[Chart]) -> str:
    """The numbers of the charts, one table under the other, each under its title and source."""
    out = io.StringIO()
    writer = csv.writer(out)
    if not charts:
        writer.writerow([nothing()])
    for number, chart in enumerate(charts):
        if number:
            writer.writerow([])
        writer.writerow([safe(chart.title)])
        writer.writerow([safe(chart.source)])
        writer.writerow([safe(column) for column in chart.columns])
        writer.writerows([safe(cell) for cell in row] for row in chart.rows)
    return out.getvalue()


def pdf_of(charts: Sequence[Chart]) -> bytes:
    """The charts on paper, each with its source and its numbers."""
    footer = json.dumps(_("Heed, %(day)s") % {"day": clock.today().isoformat()}, ensure_ascii=False)
    told = [_on_paper(chart) for chart in charts] or [f"#text({_text(nothing())})"]
    parts = [PAPER.replace("{footer}", f"#{footer}"), *told]
    return bytes(typst.compile("\n".join(parts).encode()))


def _on_paper(chart: Chart) -> str:
    """Typst of one chart. Texts are string literals: nothing in them is code."""
    cells = ", ".join(_text(cell) for row in chart.rows for cell in row)
    heads = ", ".join(f"strong({_text(column)})" for column in chart.columns)
    drawn = f"#image(bytes({_text(printed(chart.svg))}), width: 100%)" if chart.svg else ""
    return (
        f"#text(14pt, weight: 700, {_text(chart.title)})\n\n{drawn}\n\n"
        f"#text(8pt, {_text(chart.source)})\n\n"
        f"#table(columns: {len(chart.columns)}, table.header({heads}), {cells})\n"
    )


def _text(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'


def _file(content: str | bytes, kind: str, name: str) -> HttpResponse:
    disposition = f'attachment; filename="{name}"'
    return HttpResponse(content, content_type=kind, headers={"Content-Disposition": disposition})
