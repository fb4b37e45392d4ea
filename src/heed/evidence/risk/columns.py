"""From a table of numbers, truths and words to a matrix, and from that to the terms of a linear model.

Missing is a level of its own, levels never seen count as an average account, and columns that cannot say
anything (constant, a copy of another, a name of each row) are left out with the reason.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from heed.evidence.risk.splines import bends, knots_of

Real = npt.NDArray[np.float64]
Whole = npt.NDArray[np.int64]

MISSING = "(missing)"
LEAST_ROWS_OF_A_LEVEL = 3
SAME = 0.9999
NEARLY_SAME = 0.98
KNOTS = 5


@dataclass(frozen=True, slots=True)
class Column:
    """A column as it was learnt: `levels` of words in their order, None for a number."""

    name: str
    levels: tuple[str, ...] | None

    def read(self, values: pd.Series) -> Real:
        """Numbers as they are (NaN: missing); words as the place of their level (NaN: never seen)."""
        if self.levels is None:
            return numbers(values)
        place = {level: float(at) for at, level in enumerate(self.levels)}
        return np.asarray(words(values).map(place), dtype=np.float64)


def numbers(values: pd.Series) -> Real:
    try:
        return np.asarray(values.to_numpy(dtype=np.float64, na_value=np.nan), dtype=np.float64)
    except (TypeError, ValueError):
        raise ValueError(
            f"Column '{values.name}' held numbers when the model was fitted and holds {values.dtype} now."
        ) from None


def words(values: pd.Series) -> pd.Series:
    return values.astype(object).where(values.notna(), MISSING).astype(str)


def as_table(X: pd.DataFrame | npt.ArrayLike) -> pd.DataFrame:  # noqa: N803
    """A table whose columns are named once each; an array's columns are named x0, x1, …"""
    if isinstance(X, pd.DataFrame):
        if not X.columns.is_unique:
            twice = X.columns[X.columns.duplicated()][0]
            raise ValueError(f"Column '{twice}' stands in X more than once: name each column once.")
        return X
    if hasattr(X, "toarray"):
        raise TypeError("X is a sparse matrix: pass it dense, X.toarray().")
    table = np.asarray(X)
    if np.iscomplexobj(table):
        raise ValueError("Complex data not supported: X holds complex numbers.")
    if table.ndim != 2:
        raise ValueError(
            f"Expected 2D array, rows × columns; X has {table.ndim} dimensions. Reshape your data."
        )
    frame = pd.DataFrame(table, columns=[f"x{place}" for place in range(table.shape[1])])
    return frame.infer_objects() if table.dtype == object else frame


def learn_column(values: pd.Series) -> Column:
    name = str(values.name)
    if pd.api.types.is_datetime64_any_dtype(values) or pd.api.types.is_timedelta64_dtype(values):
        raise ValueError(f"Column '{name}' holds dates: pass how many days ago instead.")
    if pd.api.types.is_numeric_dtype(values):
        return Column(name, None)
    if isinstance(values.dtype, pd.CategoricalDtype):
        present = words(values).unique()
        known = [str(level) for level in values.cat.categories]
        ordered = [level for level in known if level in set(present)]
        return Column(name, (*ordered, *([MISSING] if MISSING in present else [])))
    if pd.api.types.infer_dtype(values, skipna=True) in {"integer", "floating", "mixed-integer-float"}:
        return Column(name, None)
    return Column(name, tuple(sorted(words(values).unique())))


def infinite_rows(table: pd.DataFrame) -> dict[str, npt.NDArray[np.bool_]]:
    """For each column that is infinite somewhere, in which rows."""
    numeric = [name for name in table.columns if pd.api.types.is_numeric_dtype(table[name])]
    found = {str(name): np.isinf(numbers(table[name])) for name in numeric}
    return {name: rows for name, rows in found.items() if rows.any()}


def infinite(table: pd.DataFrame) -> str:
    """Why a table cannot be used where it holds infinite values, else ""."""
    for name, rows in infinite_rows(table).items():
        return f"column '{name}' is infinite in {int(rows.sum())} of {len(table)} rows"
    return ""


@dataclass(frozen=True, slots=True)
class Reader:
    """The columns that are used, and those left out with the reason."""

    columns: tuple[Column, ...]
    left_out: dict[str, str]

    @classmethod
    def learn(cls, table: pd.DataFrame) -> "Reader":
        kept: list[Column] = []
        left_out: dict[str, str] = {}
        seen: dict[bytes, str] = {}
        for place in range(table.shape[1]):
            values = table.iloc[:, place]
            column = learn_column(values)
            read = column.read(values)
            alike = seen.setdefault(read.tobytes(), column.name)
            if reason := _useless(column, read, alike):
                left_out[column.name] = reason
            else:
                kept.append(column)
        return cls(tuple(kept), left_out)

    @property
    def names(self) -> list[str]:
        return [column.name for column in self.columns]

    def without(self, names: Sequence[str], reason: str) -> "Reader":
        kept = tuple(column for column in self.columns if column.name not in names)
        return Reader(kept, self.left_out | dict.fromkeys(names, reason))

    def read(self, table: pd.DataFrame) -> Real:
        """The matrix of the columns in use, rows × columns."""
        named = {str(name): place for place, name in enumerate(table.columns)}
        absent = [column.name for column in self.columns if column.name not in named]
        if absent:
            raise ValueError(f"X has no column '{absent[0]}', which the model was fitted with.")
        read = [column.read(table.iloc[:, named[column.name]]) for column in self.columns]
        return np.column_stack(read) if read else np.zeros((len(table), 0))


def _useless(column: Column, read: Real, alike: str) -> str:
    values = np.unique(read)
    if len(values) <= 1:
        return "it never varies"
    if alike != column.name:
        return f"a copy of '{alike}'"
    if column.levels is not None and len(values) > max(len(read) / 2, 2):
        return "it names each row rather than describing it"
    return ""


@dataclass(frozen=True, slots=True)
class NumberTerms:
    """Terms of a number: itself, its logarithm where that says something else, and bends at `knots`.

    `unit` above 0: sign(x)·log(1 + |x|/unit). Values beyond those seen count as the nearest seen.
    """

    low: float
    high: float
    filling: float
    unit: float
    knots: tuple[float, ...]
    has_missing: bool

    @classmethod
    def learn(cls, x: Real, *, curved: bool) -> "NumberTerms":
        known = x[np.isfinite(x)]
        if not len(known):
            return cls(0.0, 0.0, 0.0, 0.0, (), has_missing=True)
        unit = _unit(known)
        knots = knots_of(known, KNOTS) if curved else ()
        return cls(
            float(known.min()), float(known.max()), float(known.mean()), unit, knots, len(known) < len(x)
        )

    def terms(self, x: Real) -> list[Real]:
        absent = np.isnan(x)
        known = np.clip(np.where(absent, self.filling, x), self.low, self.high)
        logs = [_logarithm(known, self.unit)] if self.unit else []
        missing = [absent.astype(np.float64)] if self.has_missing else []
        return [known, *logs, *bends(known, self.knots), *missing]


def _unit(known: Real) -> float:
    """A tenth of the absolute values above 0 lie below it; 0 where the logarithm is as good as a line."""
    sizes = np.abs(known[known != 0])
    if len(np.unique(known)) < 3 or not len(sizes):
        return 0.0
    unit = float(np.quantile(sizes, 0.1))
    straight = np.corrcoef(known, _logarithm(known, unit))[0, 1]
    return 0.0 if straight > NEARLY_SAME else unit


def _logarithm(x: Real, unit: float) -> Real:
    return np.sign(x) * np.log1p(np.abs(x) / unit)


@dataclass(frozen=True, slots=True)
class LevelTerms:
    """A term for each level with enough rows; the rare ones count as an average account."""

    codes: tuple[float, ...]
    shares: tuple[float, ...]

    @classmethod
    def learn(cls, x: Real) -> "LevelTerms":
        codes, counts = np.unique(x[np.isfinite(x)], return_counts=True)
        enough = counts >= LEAST_ROWS_OF_A_LEVEL
        return cls(tuple(codes[enough]), tuple(counts[enough] / len(x)))

    def terms(self, x: Real) -> list[Real]:
        known = np.isin(x, self.codes)
        return [
            np.where(known, x == code, share).astype(np.float64)
            for code, share in zip(self.codes, self.shares, strict=True)
        ]


@dataclass(frozen=True, slots=True)
class LinearTerms:
    """The terms of a linear model: centred, divided by their standard deviation, none a copy of another.

    `owners` has for each term the place of the column it came from.
    """

    columns: tuple[NumberTerms | LevelTerms, ...]
    kept: Whole
    owners: Whole
    centres: Real
    scales: Real

    @classmethod
    def learn(cls, matrix: Real, is_level: Sequence[bool], *, curved: bool) -> "LinearTerms":
        columns = tuple(
            LevelTerms.learn(matrix[:, place])
            if level
            else NumberTerms.learn(matrix[:, place], curved=curved)
            for place, level in enumerate(is_level)
        )
        terms, owners = _spread_out(columns, matrix)
        centres, scales = terms.mean(axis=0), terms.std(axis=0)
        kept = _distinct((terms - centres) / np.where(scales > 0, scales, 1.0), scales)
        return cls(columns, kept, owners[kept], centres[kept], scales[kept])

    def design(self, matrix: Real) -> Real:
        terms, _ = _spread_out(self.columns, matrix)
        result: Real = (terms[:, self.kept] - self.centres) / self.scales
        return result


def _spread_out(columns: tuple[NumberTerms | LevelTerms, ...], matrix: Real) -> tuple[Real, Whole]:
    parts = [column.terms(matrix[:, place]) for place, column in enumerate(columns)]
    owners = np.repeat(np.arange(len(parts)), [len(part) for part in parts]).astype(np.int64)
    terms = [term for part in parts for term in part]
    return (np.column_stack(terms) if terms else np.zeros((len(matrix), 0))), owners


def _distinct(standard: Real, scales: Real) -> Whole:
    """The places of terms that vary and are not the same as, or the opposite of, an earlier one."""
    alike = np.abs(standard.T @ standard) / len(standard)
    kept: list[int] = []
    for place in np.flatnonzero(scales > 1e-9):
        if not np.any(alike[place, kept] > SAME):
            kept.append(int(place))
    return np.array(kept, dtype=np.int64)
