"""The one filter grammar: text in, tree out, with errors that say where and what to write instead.

filter     = [condition] ["as of" date]
condition  = all {"or" all}
all        = single {"and" single}
single     = "not" single | "(" condition ")" | did | "in segment" text | field predicate
predicate  = "is" ("known" | "unknown" | ["not"] value | ["not"] "one of" "(" value {"," value} ")")
           | (">" | ">=" | "<" | "<=") value ["for at least" n "days"]
           | "contains" text | "does not contain" text | "starts with" text
           | "within" ["the last" | "the next"] n "days"
           | ("changed" | "fell" | "rose") "by" ["more than" | "at least"] number ["%"] "in" n "days"
did        = "did" ["not"] activity [how often] ("in the last" | "for") n "days"
how often  = ("at least" | "at most" | "more than" | "exactly") n "times"
field      = name | "attribute." name | "metric." name
value      = "text" | number | share% | amount CUR | YYYY-MM-DD | yes | no | me
"""

from collections.abc import Callable
from datetime import date
from decimal import Decimal

from heed.segments.mistakes import FilterError, nearest
from heed.segments.tokens import RESERVED, Token, tokens, unquoted
from heed.segments.tree import (
    Amount,
    And,
    Bound,
    Changed,
    Compare,
    Comparison,
    Condition,
    Day,
    Did,
    Direction,
    FieldName,
    Filter,
    Flag,
    Held,
    InSegment,
    Known,
    Me,
    Not,
    Number,
    OneOf,
    Or,
    Percent,
    Text,
    Value,
    Within,
)

__all__ = ["Filter", "FilterError", "parse"]

DEEPEST = 40
LONGEST_WINDOW = 3650
FAMILIES = ("attribute", "metric")
COMPARISONS = {
    "=": Comparison.IS,
    "!=": Comparison.IS_NOT,
    ">": Comparison.ABOVE,
    "above": Comparison.ABOVE,
    "after": Comparison.ABOVE,
    ">=": Comparison.AT_LEAST,
    "<": Comparison.BELOW,
    "below": Comparison.BELOW,
    "before": Comparison.BELOW,
    "<=": Comparison.AT_MOST,
}
FLAGS = {"yes": True, "true": True, "no": False, "false": False}
VERBS = ("is", "contains", "does", "starts", "within", "changed", "fell", "rose")
PREDICATES = [*VERBS, *COMPARISONS]


def parse(text: str) -> Filter:
    """The tree of a filter's text; an empty text is a filter that every account passes.

    Raises FilterError, which names the place and what to write. Whether the fields exist and fit
    their values is not asked here: see `heed.segments.checking.check`.
    """
    return _Parser(text).filter()


class _Parser:
    def __init__(self, text: str) -> None:
        self.text = text
        self.tokens = list(tokens(text))
        self.place = 0
        self.depth = 0

    # What stands here

    @property
    def here(self) -> Token:
        return self.tokens[self.place]

    def at(self, *words: str) -> bool:
        """Whether these words stand here, one after the other."""
        ahead = self.tokens[self.place : self.place + len(words)]
        return [token.key for token in ahead] == list(words)

    def take(self) -> Token:
        token = self.here
        if token.kind != "end":
            self.place += 1
        return token

    def accept(self, *words: str) -> bool:
        if not self.at(*words):
            return False
        self.place += len(words)
        return True

    def expect(self, *words: str, after: str) -> None:
        for word in words:
            if not self.accept(word):
                raise self.wrong(f"Expected {' '.join(words)!r} after {after}")

    def wrong(self, message: str, suggestion: str = "", token: Token | None = None) -> FilterError:
        token = token or self.here
        found = "the end" if token.kind == "end" else token.text
        span = token.span if token.kind != "end" else (len(self.text.rstrip()), len(self.text.rstrip()) + 1)
        return FilterError(f"{message}, found {found}", self.text, span, suggestion)

    def since(self, start: int) -> tuple[int, int]:
        return start, self.tokens[self.place - 1].span[1]

    # Conditions

    def filter(self) -> Filter:
        starts_with_day = self.at("as", "of")
        empty = self.here.kind == "end" or starts_with_day
        condition = None if empty else self.condition()
        as_of = self.day("as of") if self.accept("as", "of") else None
        if self.here.kind != "end":
            raise self.leftover()
        return Filter(condition, as_of, text=self.text)

    def leftover(self) -> FilterError:
        if self.at(")"):
            return FilterError("This bracket closes nothing", self.text, self.here.span, "Remove it.")
        if self.at(","):
            return self.wrong("Expected 'and', 'or' or the end", "Write large numbers without commas: 1000.")
        near = nearest(self.here.text, ["and", "or"])
        return self.wrong("Expected 'and', 'or' or the end", near or "Join conditions by 'and' or 'or'.")

    def condition(self) -> Condition:
        return self.joined("or", self.conjunction, Or)

    def conjunction(self) -> Condition:
        return self.joined("and", self.single, And)

    def joined(self, word: str, part: Callable[[], Condition], whole: type[And] | type[Or]) -> Condition:
        start = self.here.span[0]
        parts = [part()]
        while self.accept(word):
            parts.append(part())
        return parts[0] if len(parts) == 1 else whole(tuple(parts), span=self.since(start))

    def single(self) -> Condition:
        self.depth += 1
        if self.depth > DEEPEST:
            raise self.wrong(f"Conditions may stand at most {DEEPEST} deep in each other")
        try:
            return self.negated() or self.bracketed() or self.leaf()
        finally:
            self.depth -= 1

    def negated(self) -> Condition | None:
        start = self.here.span[0]
        return Not(self.single(), span=self.since(start)) if self.accept("not") else None

    def bracketed(self) -> Condition | None:
        opening = self.here
        if not self.accept("("):
            return None
        inner = self.condition()
        if not self.accept(")"):
            if self.here.kind == "end":
                raise FilterError("This bracket is never closed", self.text, opening.span, "Add: )")
            raise self.leftover()
        return inner

    def leaf(self) -> Condition:
        if self.at("did"):
            return self.did()
        if self.at("in", "segment"):
            return self.in_segment()
        return self.predicate()

    def in_segment(self) -> InSegment:
        start = self.here.span[0]
        self.place += 2
        name = self.take()
        if name.kind != "text":
            raise self.wrong("Expected a segment's name in quotes", 'Write: in segment "Name"', name)
        return InSegment(unquoted(name.text), span=self.since(start))

    # Activities

    def did(self) -> Did:
        start = self.take().span[0]
        happened = not self.accept("not")
        activity = self.activity()
        bound, times = self.how_often()
        days = self.window()
        return Did(activity, days, bound, times, happened, span=self.since(start))

    def activity(self) -> str | None:
        token = self.take()
        if token.kind == "text":
            return unquoted(token.text)
        if token.kind != "word" or token.key in RESERVED:
            raise self.wrong(
                "Expected the name of an activity after 'did'",
                "For example: did report_exported in the last 28 days",
                token,
            )
        return None if token.key == "anything" else token.text

    def how_often(self) -> tuple[Bound, int]:
        for bound in Bound:
            if self.accept(*bound.split()):
                times = self.whole_number(f"'{bound}'", least=0)
                if not (self.accept("times") or self.accept("time")):
                    raise self.wrong("Expected 'times' after the number", f"Write: {bound} {times} times")
                return bound, times
        return Bound.AT_LEAST, 1

    def window(self) -> int:
        if self.accept("in", "the", "last") or self.accept("for") or self.accept("in", "last"):
            return self.days()
        raise self.wrong("Expected the days to look at", "For example: in the last 28 days, or: for 30 days")

    # Predicates

    def field(self) -> FieldName:
        token = self.take()
        if token.kind == "quotedfield":
            family, _, name = token.text.partition(".")
            return self.family(FieldName(unquoted(name), family.lower(), span=token.span), token)
        if token.kind != "word" or token.key in RESERVED:
            raise self.wrong(
                "Expected a condition", 'For example: active_people > 5, or: attribute.plan is "Pro"', token
            )
        family, dot, name = token.text.partition(".")
        if not dot:
            return FieldName(token.text, span=token.span)
        return self.family(FieldName(name, family.lower(), span=token.span), token)

    def family(self, field: FieldName, token: Token) -> FieldName:
        if field.family in FAMILIES:
            return field
        near = nearest(field.family, list(FAMILIES))
        raise FilterError(
            f"There is no field {token.text}",
            self.text,
            token.span,
            near or "Attributes are written attribute.plan; activities: did case.opened in the last 28 days.",
        )

    def predicate(self) -> Condition:
        start = self.here.span[0]
        field = self.field()
        if self.accept("is"):
            return self.equality(field, start)
        if self.at("contains") or self.at("does") or self.at("starts"):
            return self.part_of_text(field, start)
        if self.accept("within"):
            return self.within(field, start)
        if self.here.key in set(Direction):
            return self.changed(field, start)
        if self.here.key in COMPARISONS:
            return self.comparison(field, start)
        near = nearest(self.here.text, PREDICATES) if self.here.kind == "word" else ""
        raise self.wrong(
            f"Expected what to ask of {self.text[slice(*field.span)]}",
            near or "For example: is, is unknown, >, <=, contains, within 90 days",
        )

    def equality(self, field: FieldName, start: int) -> Condition:
        if self.here.key in COMPARISONS:
            return self.comparison(field, start)
        negated = self.accept("not")
        for word in ("known", "unknown"):
            if self.accept(word):
                return Known(field, (word == "known") != negated, span=self.since(start))
        if self.accept("one", "of"):
            return OneOf(field, self.values(), negated, span=self.since(start))
        comparison = Comparison.IS_NOT if negated else Comparison.IS
        return self.held(Compare(field, comparison, self.value(), span=self.since(start)))

    def comparison(self, field: FieldName, start: int) -> Condition:
        comparison = COMPARISONS[self.take().key]
        return self.held(Compare(field, comparison, self.value(), span=self.since(start)))

    def held(self, condition: Compare) -> Compare | Held:
        if not self.accept("for"):
            return condition
        self.expect("at", "least", after="'for'")
        days = self.days()
        return Held(condition, days, span=self.since(condition.span[0]))

    def part_of_text(self, field: FieldName, start: int) -> Compare:
        words = {
            Comparison.CONTAINS: ("contains",),
            Comparison.LACKS: ("does", "not", "contain"),
            Comparison.STARTS: ("starts", "with"),
        }
        for comparison, spelled in words.items():
            if self.accept(*spelled):
                return Compare(field, comparison, self.value(), span=self.since(start))
        raise self.wrong("Expected 'contains', 'does not contain' or 'starts with'")

    def within(self, field: FieldName, start: int) -> Within:
        past = self.accept("the", "last") or self.accept("last")
        if not past:
            _ = self.accept("the", "next") or self.accept("next")
        days = self.days()
        return Within(field, days, past, span=self.since(start))

    def changed(self, field: FieldName, start: int) -> Changed:
        direction = Direction(self.take().key)
        self.expect("by", after=f"'{direction}'")
        bound = Bound.MORE_THAN if self.accept("more", "than") else Bound.AT_LEAST
        if bound is Bound.AT_LEAST:
            self.accept("at", "least")
        amount = self.number(f"'by {bound}'")
        percent = self.accept("%")
        if not (self.accept("in", "the", "last") or self.accept("in") or self.accept("over")):
            raise self.wrong("Expected the days to look back", "For example: in 28 days")
        days = self.days()
        return Changed(field, direction, bound, amount, percent, days, span=self.since(start))

    # Values

    def values(self) -> tuple[Value, ...]:
        opening = self.here
        bracket = self.accept("(")
        values = [self.value()]
        while self.accept(","):
            values.append(self.value())
        if bracket and not self.accept(")"):
            if self.here.kind == "end":
                raise FilterError("This bracket is never closed", self.text, opening.span, "Add: )")
            raise self.wrong("Expected ',' or ')' in the list")
        return tuple(values)

    def value(self) -> Value:
        token = self.take()
        match token.kind:
            case "text":
                return Text(unquoted(token.text), span=token.span)
            case "date":
                return Day(self.read_day(token), span=token.span)
            case "number":
                return self.numeric(token)
            case "word" if token.key in FLAGS:
                return Flag(FLAGS[token.key], span=token.span)
            case "word" if token.key == "me":
                return Me(span=token.span)
            case "word" if token.key not in RESERVED:
                raise self.wrong("Expected a value", f'Put text in quotes: "{token.text}"', token)
        raise self.wrong(
            "Expected a value", 'For example: "Pro", 5, 20%, 1000 EUR, 2026-09-01, yes, no or me', token
        )

    def numeric(self, token: Token) -> Value:
        number = Decimal(token.text)
        if self.accept("%"):
            return Percent(number, span=self.since(token.span[0]))
        unit = self.here
        if unit.kind == "word" and len(unit.text) == 3 and unit.key not in RESERVED:
            self.place += 1
            return Amount(number, unit.text.upper(), span=self.since(token.span[0]))
        return Number(number, span=token.span)

    def number(self, after: str) -> Decimal:
        token = self.take()
        if token.kind != "number" or token.text.startswith("-"):
            raise self.wrong(f"Expected a number after {after}", token=token)
        return Decimal(token.text)

    def whole_number(self, after: str, *, least: int) -> int:
        token = self.take()
        if token.kind != "number" or not token.text.isdigit() or int(token.text) < least:
            raise self.wrong(f"Expected a whole number of {least} or more after {after}", token=token)
        return int(token.text)

    def days(self) -> int:
        place = self.here
        days = self.whole_number("here, the days", least=1)
        if days > LONGEST_WINDOW:
            raise self.wrong(f"Expected at most {LONGEST_WINDOW} days", token=place)
        if not (self.accept("days") or self.accept("day")):
            raise self.wrong("Expected 'days' after the number", f"Write: {days} days")
        return days

    def day(self, after: str) -> date:
        token = self.take()
        if token.kind != "date":
            raise self.wrong(f"Expected a date after '{after}'", f"For example: {after} 2026-09-01", token)
        return self.read_day(token)

    def read_day(self, token: Token) -> date:
        try:
            return date.fromisoformat(token.text)
        except ValueError:
            raise FilterError(
                f"There is no day {token.text}", self.text, token.span, "Dates are written YYYY-MM-DD."
            ) from None
