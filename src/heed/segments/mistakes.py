"""What is wrong with a filter, where, and what would be right."""

from difflib import get_close_matches

from heed.segments.tree import Span


class FilterError(ValueError):
    """A filter that cannot be read or makes no sense; `str()` shows the line, a caret and a suggestion."""

    def __init__(self, message: str, text: str, span: Span, suggestion: str = "") -> None:
        super().__init__(message)
        self.message, self.text, self.span, self.suggestion = message, text, span, suggestion

    @property
    def position(self) -> int:
        """The first character that is wrong, counted from 1."""
        return self.span[0] + 1

    @property
    def excerpt(self) -> str:
        """The line of the text that is wrong, with carets under the wrong piece."""
        start, end = self.span
        begin = self.text.rfind("\n", 0, start) + 1
        stop = self.text.find("\n", start)
        line = self.text[begin : stop if stop >= 0 else len(self.text)]
        width = max(1, min(end, begin + len(line)) - start)
        return f"{line}\n{' ' * (start - begin)}{'^' * width}"

    def __str__(self) -> str:
        indented = "\n".join(f"  {line}" for line in self.excerpt.splitlines())
        said = f"{self.message} (character {self.position})\n{indented}"
        return f"{said}\n{self.suggestion}" if self.suggestion else said


def nearest(word: str, choices: list[str]) -> str:
    """ "Did you mean …?", or nothing where no choice is near."""
    near = get_close_matches(word.lower(), choices, n=1, cutoff=0.6)
    return f"Did you mean {near[0]}?" if near else ""
