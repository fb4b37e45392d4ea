"""Charts: made in Python, drawn as SVG that takes the colours of the page, each with its table and source."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

import altair as alt
import pandas as pd
import vl_convert

WIDTH: Final = 640
TICKS: Final = 8
"""About as many: more of them, at two decimals, run into each other along 640 pixels."""
COLOURS: Final = {
    "#101010": "var(--ink)",
    "#202020": "var(--ink-3)",
    "#303030": "var(--line)",
    "#404040": "var(--accent)",
    "#505050": "var(--bad)",
    "#606060": "var(--line-2)",
    "#707070": "var(--accent-soft)",
    "#808080": "var(--warn)",
}
"""What is drawn in a colour of no page, and the token of the page that takes its place."""
INK, MUTED, LINE, ACCENT, BAD, FAINT, SOFT, WARN = COLOURS
FONT: Final = "system-ui, sans-serif"


@dataclass(frozen=True, slots=True)
class Chart:
    """A drawn chart. `title` says what it shows, `alt` the same for those who do not see it, `source` where
    the numbers come from and how they are defined; `rows` are its numbers, under `columns`.
    """

    title: str
    alt: str
    source: str
    svg: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True, slots=True)
class Bar:
    """A value with its interval; None: unknown, and nothing is drawn."""

    label: str
    value: float | None
    low: float | None
    high: float | None
    marked: bool = False


def intervals(bars: Sequence[Bar], *, axis: str, percent: bool = True, reference: float | None = None) -> str:
    """Values side by side, top down, each a dot on its interval; `reference` is a line through all."""
    frame = pd.DataFrame(
        {
            "label": [bar.label for bar in bars],
            "value": [bar.value for bar in bars],
            "low": [bar.value if bar.low is None else bar.low for bar in bars],
            "high": [bar.value if bar.high is None else bar.high for bar in bars],
            "colour": [BAD if bar.marked else ACCENT for bar in bars],
        }
    ).astype({"value": float, "low": float, "high": float})
    y = alt.Y("label:N", sort=None, title=None)
    x = alt.X("low:Q", title=axis, axis=_axis(percent), scale=alt.Scale(zero=percent))
    colour = alt.Color("colour:N", scale=None)
    base = alt.Chart(frame)
    layers: list[Any] = [
        base.mark_rule(strokeWidth=3, opacity=0.45).encode(y=y, x=x, x2="high:Q", color=colour),
        base.mark_point(filled=True, size=70, opacity=1).encode(y=y, x="value:Q", color=colour),
    ]
    # The page's font may be wider than the one that the drawing is measured with.
    spare = max((len(bar.label) for bar in bars), default=0)
    return draw(_with_reference(layers, reference), height=max(80, 26 * len(bars)), spare=5 + spare)


def curve(points: pd.DataFrame, *, x: str, y: str, percent: bool = True, diagonal: bool = False) -> str:
    """A line over columns `x` and `value`, with a band from `low` to `high` where these are there."""
    base = alt.Chart(points)
    layers: list[Any] = []
    across = alt.X("x:Q", title=x, axis=_axis(percent and diagonal))
    up = alt.Y("value:Q", title=y, axis=_axis(percent))
    if diagonal:
        most = float(max(points["x"].max(), points["value"].max()))
        ends = alt.Chart(pd.DataFrame({"x": [0.0, most], "value": [0.0, most]}))
        layers.append(ends.mark_line(strokeDash=[4, 4], color=FAINT).encode(x=across, y=up))
    if "low" in points:
        layers.append(base.mark_area(color=ACCENT, opacity=0.2).encode(x=across, y="low:Q", y2="high:Q"))
    layers.append(base.mark_line(color=ACCENT, point=alt.OverlayMarkDef(color=ACCENT)).encode(x=across, y=up))
    return draw(layers, height=260)


def bands(frame: pd.DataFrame, *, axis: str, percent: bool = False) -> str:
    """A value per `label` with two intervals, `low80` to `high80` and `low50` to `high50` within it; what
    has happened already has `value` and no interval."""
    order = list(dict.fromkeys(frame["label"]))
    x, base = alt.X("label:N", sort=order, title=None, axis=alt.Axis(labelAngle=0)), alt.Chart(frame)
    scale = alt.Scale(zero=False)
    wide = base.mark_rule(strokeWidth=14, color=ACCENT, opacity=0.22)
    narrow = base.mark_rule(strokeWidth=14, color=ACCENT, opacity=0.4)
    y = alt.Y("low80:Q", title=axis, axis=_axis(percent), scale=scale)
    layers: list[Any] = [
        wide.encode(x=x, y=y, y2="high80:Q"),
        narrow.encode(x=x, y="low50:Q", y2="high50:Q"),
        base.mark_point(filled=True, size=70, color=INK, opacity=1).encode(x=x, y="value:Q"),
    ]
    return draw(layers, height=240)


def trend(frame: pd.DataFrame, *, axis: str, percent: bool = False) -> str:
    """A line over `label`, in the order of the rows, through `value`; what is not known is a gap."""
    order = list(dict.fromkeys(frame["label"]))
    x = alt.X("label:N", sort=order, title=None, axis=alt.Axis(labelAngle=0))
    y = alt.Y("value:Q", title=axis, axis=_axis(percent), scale=alt.Scale(zero=False))
    point = alt.OverlayMarkDef(color=ACCENT, size=60)
    return draw([alt.Chart(frame).mark_line(color=ACCENT, point=point).encode(x=x, y=y)], height=240)


def draw(layers: Sequence[Any], *, height: int, width: int = WIDTH, spare: int = 5) -> str:
    """The layers as one SVG whose colours are those of the page that it stands on; `spare` pixels at the
    left for labels."""
    padding = {"left": spare, "top": 5, "right": 5, "bottom": 5}
    chart = alt.layer(*layers).properties(
        width=width, height=height, background="transparent", padding=padding
    )
    return _svg(chart.configure(**_house()).to_json(indent=None))


@lru_cache(maxsize=256)
def _svg(spec: str) -> str:
    svg: str = vl_convert.vegalite_to_svg(spec)
    for drawn, token in COLOURS.items():
        svg = svg.replace(drawn, token)
    return svg.replace("<svg ", '<svg aria-hidden="true" ', 1)


ON_PAPER: Final = {
    "var(--ink)": "#1b1f23", "var(--ink-3)": "#5d666e", "var(--line)": "#e3e3dd", "var(--line-2)": "#cfcfc6",
    "var(--accent)": "#0b5f5a", "var(--accent-soft)": "#e2efed", "var(--bad)": "#a8321f",
    "var(--warn)": "#7d5200",
}  # fmt: skip


def printed(svg: str) -> str:
    """A drawn chart in the colours of paper."""
    for token, colour in ON_PAPER.items():
        svg = svg.replace(token, colour)
    return svg


def _with_reference(layers: list[Any], reference: float | None) -> list[Any]:
    if reference is None:
        return layers
    line = alt.Chart(pd.DataFrame({"at": [reference]}))
    return [line.mark_rule(strokeDash=[4, 4], color=MUTED).encode(x="at:Q"), *layers]


def _axis(percent: bool) -> alt.Axis:
    return alt.Axis(format=".1~%" if percent else ",.6~f", tickCount=TICKS)


def _house() -> dict[str, Any]:
    return {
        "font": FONT,
        "view": {"stroke": None},
        "axis": {
            "labelColor": MUTED, "titleColor": MUTED, "domainColor": FAINT, "tickColor": FAINT,
            "gridColor": LINE, "labelFontSize": 12, "titleFontSize": 12, "titleFontWeight": "normal",
            "labelLimit": 260,
        },
    }  # fmt: skip
