# ruff: noqa: N803, N806 (X is what scikit-learn calls the table)
"""From a table of numbers, truths and words to the columns of a linear model, and back to who owns each.

Numbers are centred and divided by two standard deviations, so that a step of one unit weighs as much as a
change of a truth (Gelman 2008, Statistics in Medicine 27:2865); heavy tails are taken in logarithms.
Missing is a level of its own. Everything is centred, so an average account has only zeros.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from heed.evidence.risk.splines import bends, knots_of

Real = npt.NDArray[np.float64]
Whole = npt.NDArray[np.int64]

MISSING = "missing"
MOST_LEVELS = 25
CURVED_FROM = 8
SKEWED = 1.5


@dataclass(frozen=True, slots=True)
class NumberColumn:
    """A number: `unit` above 0 takes log(1 + x/unit); each term is (term - centre) / scale.

    `missing` is the share that was missing when it was learnt.
    """

    name: str
    low: float
    high: float
    unit: float
    knots: tuple[float, ...]
    centres: tuple[float, ...]
    scales: tuple[float, ...]
    missing: float

    def terms(self, values: pd.Series) -> list[Real]:
        x = _numbers(values)
        absent = np.isnan(x)
        x = _tamed(np.where(absent, self.low, np.clip(x, self.low, self.high)), self.low, self.unit)
        found = [
            np.where(absent, 0.0, (term - centre) / scale)
            for term, centre, scale in zip((x, *bends(x, self.knots)), self.centres, self.scales, strict=True)
        ]
        return [*found, absent - self.missing] if self.missing else found

    def labels(self) -> list[str]:
        bent = [f"bend {place}" for place in range(1, len(self.centres))]
        return ["", *bent, *([MISSING] if self.missing else [])]


@dataclass(frozen=True, slots=True)
class LevelColumn:
    """Words: a column for each level (of two levels, for the rarer), less its share among those learnt from.

    Levels never seen count as an average account. The last level may be `rest`: all rare ones together.
    """

    name: str
    levels: tuple[str, ...]
    shares: tuple[float, ...]
    pooled: tuple[str, ...]
    alone: bool

    def terms(self, values: pd.Series) -> list[Real]:
        words = as_words(values)
        place = {level: at for at, level in enumerate(self.levels)}
        place.update(dict.fromkeys(self.pooled, len(self.levels) - 1))
        codes = np.array([place.get(word, -1) for word in words.categories], dtype=np.int64)
        at = codes[words.codes] if len(codes) else np.full(len(values), -1)
        known = at >= 0
        return [
            np.where(known, (at == number) - share, 0.0)
            for number, share in enumerate(self.shares)
            if number or not self.alone
        ]

    def labels(self) -> list[str]:
        return list(self.levels[1:] if self.alone else self.levels)


Column = NumberColumn | LevelColumn


@dataclass(frozen=True, slots=True)
class Encoding:
    """What was learnt of the columns of a table; `notes` say which were left out and why."""

    columns: tuple[Column, ...]
    notes: tuple[str, ...] = ()

    @property
    def names(self) -> list[str]:
        return [column.name for column in self.columns]

    @property
    def owners(self) -> Whole:
        """For each column of `design`, the place of the original column it came from."""
        counts = [len(column.labels()) for column in self.columns]
        return np.repeat(np.arange(len(self.columns)), counts).astype(np.int64)

    def design(self, X: pd.DataFrame) -> Real:
        """The columns of the linear model, rows × terms."""
        terms = [term for column in self.columns for term in column.terms(X[column.name])]
        return np.column_stack(terms) if terms else np.zeros((len(X), 0))

    def straightened(self) -> "Encoding":
        """The same without curves."""
        return Encoding(tuple(_straight(column) for column in self.columns), self.notes)


def _straight(column: Column) -> Column:
    if isinstance(column, LevelColumn):
        return column
    return NumberColumn(
        column.name, column.low, column.high, column.unit, (),
        column.centres[:1], column.scales[:1], column.missing,
    )  # fmt: skip


def as_frame(X: pd.DataFrame | npt.ArrayLike) -> pd.DataFrame:
    """A table with columns that are named once each; an array gets the names x0, x1, …"""
    if not isinstance(X, pd.DataFrame):
        table = np.asarray(X)
        if table.ndim != 2:
            raise ValueError(f"X must be a table of rows and columns; it has {table.ndim} dimensions.")
        X = pd.DataFrame(table, columns=[f"x{place}" for place in range(table.shape[1])])
    repeated = X.columns[X.columns.duplicated()]
    if len(repeated):
        raise ValueError(f"X has the column '{repeated[0]}' more than once: give each column its own name.")
    dates = [name for name in X.columns if pd.api.types.is_datetime64_any_dtype(X[name].dtype)]
    if dates:
        raise ValueError(f"The column '{dates[0]}' of X holds dates: give days since or until it instead.")
    return X


def infinite_rows(X: pd.DataFrame, columns: Iterable[str] | None = None) -> pd.DataFrame:
    """Where a number is infinite: rows × number columns."""
    chosen = X if columns is None else X[list(columns)]
    numbers = chosen.select_dtypes("number")
    return pd.DataFrame({name: np.isinf(_numbers(numbers[name])) for name in numbers.columns}, index=X.index)


def learn_encoding(X: pd.DataFrame, *, curved: bool = True, knots: int = 5) -> Encoding:
    """Learn the columns of a table. Constant ones, ones that repeat another and identifiers are left out."""
    columns: list[Column] = []
    notes: list[str] = []
    seen: dict[bytes, str] = {}
    for name in X.columns:
        values = X[name]
        mark = _mark(values)
        if reason := _useless(values, seen.get(mark)):
            notes.append(f"{name} is left out: {reason}")
            continue
        seen[mark] = str(name)
        columns.append(
            _learn_number(name, values, curved, knots) if is_number(values) else _learn_levels(name, values)
        )
    return Encoding(tuple(columns), tuple(notes))


def is_number(values: pd.Series) -> bool:
    return bool(pd.api.types.is_numeric_dtype(values.dtype) or pd.api.types.is_bool_dtype(values.dtype))


def as_words(values: pd.Series) -> "pd.Categorical[str]":
    """Each value as a word, `missing` where there is none."""
    plain = values.astype(object)
    words = plain.where(plain.notna(), MISSING).astype(str)
    return pd.Categorical(words)


def _numbers(values: pd.Series) -> Real:
    return values.to_numpy(dtype=np.float64, na_value=np.nan)


def _mark(values: pd.Series) -> bytes:
    """Equal for columns that part the rows alike: the same numbers, or the same groups under other names."""
    if is_number(values):
        return b"n" + _numbers(values).tobytes()
    return b"w" + pd.factorize(values.astype(object), use_na_sentinel=False)[0].tobytes()


def _useless(values: pd.Series, twin: str | None) -> str:
    distinct = values.nunique(dropna=False)
    if distinct <= 1:
        return "it never varies"
    if twin is not None:
        return f"it repeats {twin}"
    if not is_number(values) and len(values) >= 20 and distinct > 0.9 * len(values):
        return "nearly every row has a value of its own, as identifiers have"
    return ""


def _tamed(x: Real, low: float, unit: float) -> Real:
    return np.log1p((x - low) / unit) if unit else x


def _unit(x: Real) -> float:
    """0, or the unit in which logarithms make a skewed number less so."""
    low, spread = x.min(), float(np.median(x) - x.min())
    if _skew(x) < SKEWED:
        return 0.0
    unit = spread or float(np.mean(x) - low)
    return unit if abs(_skew(np.log1p((x - low) / unit))) < abs(_skew(x)) else 0.0


def _skew(x: Real) -> float:
    spread = x.std()
    return float(np.mean(((x - x.mean()) / spread) ** 3)) if spread else 0.0


def _learn_number(name: str, values: pd.Series, curved: bool, knots: int) -> NumberColumn:
    x = _numbers(values)
    known = x[~np.isnan(x)]
    low, high, missing = float(known.min()), float(known.max()), 1 - len(known) / len(x)
    distinct = len(np.unique(known))
    unit = _unit(known) if distinct > 2 else 0.0
    tamed = _tamed(known, low, unit)
    bent = knots_of(tamed, knots) if curved and distinct >= CURVED_FROM else ()
    terms = [tamed, *bends(tamed, bent)]
    return NumberColumn(
        str(name), low, high, unit, bent,
        tuple(float(term.mean()) for term in terms), tuple(_scale(term, distinct) for term in terms), missing,
    )  # fmt: skip


def _scale(term: Real, distinct: int) -> float:
    if distinct <= 2:
        return float(np.ptp(term)) or 1.0
    return 2 * float(term.std()) or 1.0


def _learn_levels(name: str, values: pd.Series) -> LevelColumn:
    words = pd.Series(as_words(values)).value_counts()
    # By count, then by name: ties must not depend on the order of the rows.
    ordered = sorted(
        ((str(word), int(count)) for word, count in words.items()), key=lambda own: (-own[1], own[0])
    )
    kept, rare = ordered[:MOST_LEVELS], ordered[MOST_LEVELS:]
    levels, counts = [word for word, _ in kept], [count for _, count in kept]
    if rare:
        levels.append("all rarer levels")
        counts.append(sum(count for _, count in rare))
    shares = tuple(count / len(values) for count in counts)
    return LevelColumn(str(name), tuple(levels), shares, tuple(word for word, _ in rare), len(levels) == 2)


def columns_missing(X: pd.DataFrame, needed: Sequence[str]) -> list[str]:
    return [name for name in needed if name not in X.columns]
