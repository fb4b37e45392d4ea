"""The components of the interface, each written once; `/settings/style/` shows them all in use."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from django import template
from django.forms import BaseForm, BoundField
from django.template import Context
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.timezone import localtime
from django.utils.translation import gettext as _

from heed.customers.reads import gone_accounts
from heed.desk import pages
from heed.ledger import clock as the_clock
from heed.ledger import words
from heed.site import frame
from heed.site.sparks import Spark, spark_of

if TYPE_CHECKING:
    from heed.proving.charts import Chart

register = template.Library()
GONE = "accounts that are gone"
TONES = {"", "bad", "warn", "good", "voice", "accent", "unknown"}


@register.simple_tag(takes_context=True)
def areas(context: Context) -> list[frame.Area]:
    """The areas of the navigation that exist and that this person may open."""
    return frame.areas(context.get("request"))


@register.simple_tag
def own_pages() -> list[pages.Link]:
    return pages.own_pages()


@register.inclusion_tag("components/mark.html")
def mark() -> dict[str, Any]:
    return {}


@register.inclusion_tag("components/freshness.html")
def freshness() -> dict[str, Any]:
    """The stamp: how far the activities reach and when they were last measured."""
    return {"fresh": frame.freshness()}


@register.inclusion_tag("components/figure.html")
def figure(
    label: str,
    value: object = None,
    *,
    unit: str = "",
    interval: str = "",
    n: int | None = None,
    window: str = "",
    definition: str = "",
    rows: str = "",
    note: str = "",
    unknown: str = "",
) -> dict[str, Any]:
    """One number with all that it needs to be believed; without a value it says why (`unknown`).

    `rows` is the address of the rows it was computed from, `definition` that of its definition.
    """
    if value in (None, "") and not unknown:
        raise template.TemplateSyntaxError(f"Figure “{label}” has neither a value nor a reason why not.")
    return {"unknown": "" if value not in (None, "") else unknown, "label": label, "value": value} | {
        "unit": unit, "interval": interval, "n": n, "window": window, "definition": definition,
        "rows": rows, "note": note,
    }  # fmt: skip


@register.inclusion_tag("components/chip.html")
def chip(text: str, tone: str = "", *, href: str = "", icon: str = "", title: str = "") -> dict[str, Any]:
    """A short label. The tone adds to the words and never stands for them."""
    if tone not in TONES:
        raise template.TemplateSyntaxError(f"“{tone}” is no tone of a chip; there are {sorted(TONES)}.")
    return {"text": text, "tone": tone, "href": href, "icon": icon, "title": title}


@register.inclusion_tag("components/evidence.html")
def evidence(
    what: str, *, value: str = "", interval: str = "", n: int | None = None, lead: str = "", href: str = ""
) -> dict[str, Any]:
    """One line of evidence: what, effect with interval, n, lead time; it opens its rows."""
    return {"what": what, "value": value, "interval": interval, "n": n, "lead": lead, "href": href}


@register.simple_block_tag
def quote(
    content: str,
    *,
    speaker: str = "",
    at: datetime | None = None,
    source: str = "",
    href: str = "",
    consent: str = "",
) -> SafeString:
    """Verbatim words of a customer, with who said them, when, where, and who may read them."""
    said = {"words": SafeString(content.strip()), "speaker": speaker, "at": at}
    return _rendered("components/quote.html", **said, source=source, href=href, consent=consent)


@register.inclusion_tag("components/clock.html")
def clock(due: date, *, soon: int = 7, note: str = "") -> dict[str, Any]:
    """Time to a day that was promised: late, due soon, or on time; always in words."""
    today = the_clock.today()
    left = (due - today).days
    state = "late" if left < 0 else "soon" if left <= soon else ""
    text = words.from_today(due, today) if left >= 0 else words.span_of(-left)
    return {"due": due, "state": state, "text": text, "note": note}


@register.inclusion_tag("components/timeline_row.html")
def timeline_row(entry: object) -> dict[str, Any]:
    """One thing that happened (`desk.timeline.Entry`)."""
    return {"entry": entry}


@register.inclusion_tag("components/field.html")
def field(bound: BoundField, label: str = "") -> dict[str, Any]:
    """One field: label above, help beneath, its error next to it."""
    return {"field": bound, "label": label or bound.label}


@register.inclusion_tag("components/form_errors.html")
def form_errors(form: BaseForm) -> dict[str, Any]:
    """The summary of what has to be put right, on top of the form; each line leads to its field."""
    return {"form": form}


@register.inclusion_tag("components/form_fields.html")
def form_fields(form: BaseForm) -> dict[str, Any]:
    """The summary of errors and every field of a form, in its order."""
    return {"form": form}


@register.simple_block_tag
def empty_state(content: str, title: str, *, action: str = "", href: str = "") -> SafeString:
    """What would be here, why it helps, and the one next action."""
    return _rendered("components/empty.html", text=SafeString(content), title=title, action=action, href=href)


@register.inclusion_tag("components/progress.html")
def progress_bar(
    label: str, *, done: float | None = None, total: float | None = None, poll: str = "", detail: str = ""
) -> dict[str, Any]:
    """Work that takes longer than a second. `poll` is the address of this fragment, asked every second
    until the answer comes without it."""
    return {"label": label, "done": done, "total": total, "poll": poll, "detail": detail}


@register.simple_block_tag
def table_card(content: str, caption: str, *, note: str = "", tight: bool = False) -> SafeString:
    """A table in a card: it scrolls by itself where wide, and becomes cards on a phone (cells carry
    `data-label`). `tight` keeps each cell on one line and the first column in sight."""
    return _rendered(
        "components/table.html", rows=SafeString(content), caption=caption, note=note, tight=tight
    )


@register.inclusion_tag("components/sparkline.html")
def sparkline(points: Sequence[tuple[date, float | None]], label: str, *, unit: str = "") -> dict[str, Any]:
    """A trend as a small line with its words and its table; days without a value stay gaps."""
    spark: Spark = spark_of(points)
    return {"spark": spark, "label": label, "unit": unit}


@register.inclusion_tag("components/chart.html")
def chart(chart: "Chart", *, note: str = "") -> dict[str, Any]:
    """A drawn chart with its finding as title, its source beneath, its numbers as a table."""
    rows = [list(zip(chart.columns, row, strict=True)) for row in chart.rows]
    # Drawn here from numbers: no text of a stranger is in it that Vega has not escaped.
    return {"chart": chart, "svg": SafeString(chart.svg), "rows": rows, "note": note}


@register.simple_tag
def money(amount: Decimal | float | None, currency: str = "") -> str:
    return "" if amount is None else words.money(amount, currency)


@register.filter
def percent(share: float | None) -> str:
    return "" if share is None else words.percent(share)


@register.filter
def number(value: float | None) -> str:
    return "" if value is None else words.number(value)


@register.filter
def fixed(value: float | None, decimals: int) -> str:
    return "" if value is None else words.fixed(value, decimals)


@register.filter
def plain(name: str) -> str:
    return words.plain(name)


@register.simple_tag
def when(at: datetime | None) -> str:
    """How long ago, with the exact instant in the reader's zone on hover."""
    if at is None:
        return ""
    local = localtime(at)
    return format_html(
        '<time datetime="{}" title="{}">{}</time>',
        at.isoformat(),
        f"{local:%A %d %B %Y, %H:%M %Z}",
        words.ago(at, the_clock.now()),
    )


@register.simple_tag
def day(on: date | None, *, relative: bool = False) -> str:
    """A calendar day: `21 March`, or seen from today, with the full day on hover."""
    if on is None:
        return ""
    today = the_clock.today()
    text = words.from_today(on, today) if relative else words.day(on, today)
    return format_html('<time datetime="{}" title="{}">{}</time>', on.isoformat(), f"{on:%A %d %B %Y}", text)


@register.simple_tag
def interval(
    low: float | None, high: float | None, *, share: bool = True, decimals: int | None = None
) -> str:
    """The bounds of a share in per cent: `[11–27]`; of anything else as they are, or so many decimals."""
    return words.interval(low, high, share=share, decimals=decimals)


@register.simple_tag
def actor_name(by: str, names: Mapping[str, str]) -> str:
    """Who did it, for a reader: the name of a person, else the actor as it is."""
    return names.get(by, by)


@register.simple_tag(takes_context=True)
def account_link(context: Context, key: str, name: str) -> str:
    """The name of an account, which opens its page. One erased or withdrawn since the row was made opens
    nothing; neither does a row without a key."""
    held = context.render_context
    if GONE not in held:
        held[GONE] = gone_accounts()
    if key in held[GONE]:
        return _("erased or withdrawn since")
    if not key:
        return name
    return format_html('<a data-open href="{}">{}</a>', reverse("desk:account", args=[key]), name or key)


@register.simple_tag
def in_days(count: int) -> str:
    """The day so many days from today, as a date field wants it."""
    return (the_clock.today() + timedelta(days=count)).isoformat()


def _rendered(name: str, **context: object) -> SafeString:
    return SafeString(render_to_string(name, context))
