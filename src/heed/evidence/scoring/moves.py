"""Why a score moved between two dates: what each part adds now less what it added then."""

from dataclasses import dataclass

from heed.evidence.scoring.explaining import Contribution, Explanation


@dataclass(frozen=True, slots=True)
class PartMove:
    """`change` is in points of the score; the changes of all parts add up to that of the score exactly."""

    name: str
    kind: str
    before: float | None
    after: float | None
    change: float
    words: str


@dataclass(frozen=True, slots=True)
class ScoreMove:
    """`change` is None with a reason where one of the two scores is unknown. Parts by size of change."""

    before: float | None
    after: float | None
    change: float | None
    reason: str
    parts: tuple[PartMove, ...]


def why_moved(before: Explanation, after: Explanation) -> ScoreMove:
    """The parts that moved a score, greatest first; those that moved nothing are left out.

    ValueError for explanations of two accounts. Two versions of a score may be compared, and it is said.
    """
    if before.account != after.account:
        raise ValueError(
            f"A move is of one account; these explain {before.account!r} and {after.account!r}. "
            "Explain the same account on both dates."
        )
    unknown = [
        f"the score {when}: {each.reason}"
        for when, each in (("was not known before", before), ("is not known now", after))
        if each.score is None
    ]
    if unknown or before.score is None or after.score is None:
        return ScoreMove(before.score, after.score, None, "; ".join(unknown), ())
    note = _note(before, after)
    return ScoreMove(before.score, after.score, after.score - before.score, note, _parts(before, after))


def _note(before: Explanation, after: Explanation) -> str:
    if before.version != after.version:
        return f"the score itself changed, from version {before.version} to {after.version}"
    if before.segment != after.segment:
        return f"its segment changed, from {before.segment or 'none'} to {after.segment or 'none'}"
    return ""


def _parts(before: Explanation, after: Explanation) -> tuple[PartMove, ...]:
    then = {(each.kind, each.name): each for each in before.contributions}
    now = {(each.kind, each.name): each for each in after.contributions}
    moves = [_part(key, then.get(key), now.get(key)) for key in dict.fromkeys([*then, *now])]
    moved = [each for each in moves if each.change or each.before != each.after]
    return tuple(sorted(moved, key=lambda each: (-abs(each.change), each.name)))


def _part(key: tuple[str, str], then: Contribution | None, now: Contribution | None) -> PartMove:
    kind, name = key
    before, after = (None if each is None else each.value for each in (then, now))
    change = (now.contribution if now else 0.0) - (then.contribution if then else 0.0)
    return PartMove(name, kind, before, after, change, _words(name, kind, then, now, change))


def _words(name: str, kind: str, then: Contribution | None, now: Contribution | None, change: float) -> str:
    points = f"{change:+.1f} points"
    if kind == "metric":
        return f"{name} went from {_shown(then)} to {_shown(now)}: {points}"
    if then is None and now is not None:
        return f"now {now.words}: {points}"
    if now is None and then is not None:
        return f"no longer {then.words}: {points}"
    return f"still {name}, of another score beneath: {points}"


def _shown(part: Contribution | None) -> str:
    return "not counted" if part is None else "not known" if part.value is None else f"{part.value:g}"
