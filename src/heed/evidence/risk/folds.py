"""Folds that respect time and accounts: forward chains with an embargo, folds and bootstraps by account."""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

Real = npt.NDArray[np.float64]
Whole = npt.NDArray[np.int64]
Truths = npt.NDArray[np.bool_]


def forward_folds(landmarks: npt.ArrayLike, horizon: float, folds: int = 5) -> Iterator[tuple[Whole, Whole]]:
    """Rolling origin: (train, test) row indices, each test block later than all it was learnt from.

    `landmarks` are dates (anything numpy takes for datetime64) or numbers, one a row; `horizon` is in days,
    or in the unit of the numbers. The dates are cut into `folds` + 1 blocks of about as many rows; each
    block but the first is a test. Training rows have their whole horizon behind them when the test begins
    (the embargo): landmark + horizon <= first landmark of the test. Blocks that leave nothing to learn from
    are skipped. Works as the `cv` of scikit-learn: `list(forward_folds(...))`.
    """
    if folds < 1 or horizon < 0:
        raise ValueError(f"Forward folds need folds >= 1 and horizon >= 0; these are {folds} and {horizon}.")
    when = _as_days(landmarks)
    if len(when) == 0:
        return
    days, counts = np.unique(when, return_counts=True)
    # A date goes to the block in which the middle of its rows lies: a date is never cut in two.
    middle = (np.cumsum(counts) - counts / 2) / counts.sum()
    block = np.minimum((middle * (folds + 1)).astype(np.int64), folds)
    for number in range(1, folds + 1):
        tested = days[block == number]
        if not len(tested):
            continue
        train = np.flatnonzero(when + horizon <= tested[0])
        if len(train):
            yield train, np.flatnonzero((when >= tested[0]) & (when <= tested[-1]))


def _as_days(landmarks: npt.ArrayLike) -> Real:
    when = np.asarray(landmarks)
    if when.dtype.kind in "OUSM":
        when = when.astype("datetime64[D]").astype(np.int64)
    return when.astype(np.float64)


def group_codes(groups: npt.ArrayLike | None, rows: int) -> Whole:
    """Each row's group as a number in order of first appearance; each row its own where none are stated."""
    if groups is None:
        return np.arange(rows)
    names = np.asarray(groups)
    if names.shape != (rows,):
        raise ValueError(f"groups must name one account a row: {rows} rows, but shape {names.shape}.")
    _, first, codes = np.unique(names.astype(str), return_index=True, return_inverse=True)
    order = np.empty(len(first), dtype=np.int64)
    order[np.argsort(first, kind="stable")] = np.arange(len(first))
    return order[codes]


def account_folds(groups: Whole, left: Truths, folds: int, seed: int) -> list[tuple[Whole, Whole]]:
    """(train, test) with each account wholly on one side, those that left spread evenly over the tests."""
    accounts = int(groups.max()) + 1
    ever = np.zeros(accounts, dtype=bool)
    ever[groups[left]] = True
    shuffled = np.random.default_rng(seed).permutation(accounts)
    ordered = np.concatenate([shuffled[ever[shuffled]], shuffled[~ever[shuffled]]])
    fold = np.empty(accounts, dtype=np.int64)
    fold[ordered] = np.arange(accounts) % folds
    own = fold[groups]
    return [(np.flatnonzero(own != number), np.flatnonzero(own == number)) for number in range(folds)]


def account_bootstrap(groups: npt.ArrayLike, resamples: int, seed: int) -> Iterator[Whole]:
    """Row indices of resamples in which whole accounts are drawn with replacement (cluster bootstrap)."""
    codes = group_codes(groups, len(np.asarray(groups)))
    order = np.argsort(codes, kind="stable")
    counts = np.bincount(codes)
    starts = np.cumsum(counts) - counts
    random = np.random.default_rng(seed)
    for _ in range(resamples):
        drawn = random.integers(0, len(counts), len(counts))
        sizes = counts[drawn]
        offsets = np.arange(sizes.sum()) - np.repeat(np.cumsum(sizes) - sizes, sizes)
        yield order[np.repeat(starts[drawn], sizes) + offsets]
