"""A filter's text, cut into words, numbers, dates, quoted texts and signs."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from heed.segments.mistakes import FilterError
from heed.segments.tree import Span

LONGEST = 10_000
RESERVED = {"and", "or", "not", "is", "did", "in", "as", "contains", "within", "for", "by", "one", "of"}

PATTERN = re.compile(
    r"""
    (?P<space>\s+)
  | (?P<date>\d{4}-\d{1,2}-\d{1,2}(?![\w.]))
  | (?P<number>-?\d+(?:\.\d+)?(?![\w]))
  | (?P<quotedfield>[^\W\d]\w*\."(?:[^"\\]|\\.)*")
  | (?P<text>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|“[^”]*”)
  | (?P<word>[^\W\d]\w*(?:\.[^\W\d]\w*)*)
  | (?P<sign><=|>=|!=|[<>=(),%])
    """,
    re.VERBOSE | re.DOTALL,
)


@dataclass(frozen=True, slots=True)
class Token:
    kind: str
    text: str
    span: Span

    @property
    def key(self) -> str:
        """A word or sign as the grammar compares it: keywords do not care for case."""
        return self.text.lower() if self.kind in ("word", "sign", "end") else ""


def tokens(text: str) -> Iterator[Token]:
    """The pieces of a text in order, ended by one of kind `end`."""
    if len(text) > LONGEST:
        raise FilterError(
            f"A filter holds at most {LONGEST:,} characters; this one has {len(text):,}",
            text[:80],
            (0, 1),
            'Save parts of it as segments and say: in segment "Name".',
        )
    place = 0
    while place < len(text):
        found = PATTERN.match(text, place)
        if found is None:
            raise _unreadable(text, place)
        if found.lastgroup and found.lastgroup != "space":
            yield Token(found.lastgroup, found.group(), found.span())
        place = found.end()
    yield Token("end", "", (len(text), len(text)))


def unquoted(text: str) -> str:
    """The words between quotes, with their escapes undone."""
    inner = text[1:-1]
    return inner if text.startswith("“") else re.sub(r"\\(.)", r"\1", inner, flags=re.DOTALL)


def quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _unreadable(text: str, place: int) -> FilterError:
    if text[place] in "\"'“":
        return FilterError("This text has no closing quote", text, (place, len(text)), 'End it with: "')
    if text[place].isdigit() or text[place] == "-":
        end = re.compile(r"-?[\w.]*").match(text, place)
        span = (place, max(place + 1, end.end() if end else 0))
        return FilterError(
            f"{text[slice(*span)]} is not a number",
            text,
            span,
            "Write numbers as 1000 or 12.5, shares as 20%, amounts as 1000 EUR.",
        )
    return FilterError(f"The sign {text[place]} has no meaning in a filter", text, (place, place + 1))
