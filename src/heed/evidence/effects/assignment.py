"""Who is treated: assignment by a salted hash of the account, and whether it came out as planned.

The arm is a function of the salt and the account's key alone, so it can be recomputed by anyone, does not
depend on the order of arrival, and is independent between experiments of different salts.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from itertools import pairwise
from math import exp

import numpy as np
import pandas as pd
from scipy.special import gammaln
from scipy.stats import binomtest, chi2

from heed.evidence.estimate import Estimate

THRESHOLD = 0.001
"""Below this p the ratio is called broken: rare enough for a check of every experiment (Fabijan 2019)."""
CONCENTRATION = 100.0
"""How many accounts the sequential check's expectation of the planned ratio is worth."""


@dataclass(frozen=True, slots=True)
class RatioCheck:
    """Whether the arms are filled as planned. `expected` is in accounts; `reason` says why `broken`."""

    p_value: float
    broken: bool
    counts: dict[str, int]
    expected: dict[str, float]
    method: str
    reason: str = ""


def assign(
    keys: Iterable[str], salt: str, shares: Mapping[str, float], *, strata: Sequence[object] | None = None
) -> pd.Series:
    """The arm of each account, a Series by key; `shares` of the arms add up to 1.

    Without strata an account's arm never depends on who else is assigned, so newcomers can be added. With
    `strata` (one per key) the accounts of a stratum are dealt in the order of their hashes: each arm gets its
    share of every stratum, rounded up or down, and newcomers would be dealt anew, so the arms must be stored.
    """
    names = list(keys)
    _check_shares(shares)
    if len(set(names)) != len(names):
        raise ValueError("An account is named twice among the keys to assign.")
    points = np.array([_point(salt, key) for key in names])
    if strata is not None:
        points = _dealt(points, names, salt, list(strata))
    limits = np.cumsum(list(shares.values()))[:-1]
    arms = np.array(list(shares), dtype=object)[np.searchsorted(limits, points, side="right")]
    return pd.Series(arms, index=pd.Index(names, name="account"), name="arm", dtype=object)


def sample_ratio_check(counts: Mapping[str, int], shares: Mapping[str, float]) -> RatioCheck:
    """Whether the accounts fell into the arms as planned; to be read once.

    Two arms by the exact binomial test, more by Pearson's chi-square. Read daily, use
    `sequential_ratio_check`.
    """
    seen, planned = _aligned(counts, shares)
    n = int(seen.sum())
    if n == 0:
        return _verdict(1.0, counts, shares, "no accounts yet")
    if len(seen) == 2:
        p_value = float(binomtest(int(seen[0]), n, float(planned[0])).pvalue)
        return _verdict(p_value, counts, shares, "exact binomial test of the ratio")
    distance = float(np.sum((seen - n * planned) ** 2 / (n * planned)))
    return _verdict(float(chi2.sf(distance, len(seen) - 1)), counts, shares, "chi-square test of the ratio")


def sequential_ratio_check(history: Sequence[Mapping[str, int]], shares: Mapping[str, float]) -> RatioCheck:
    """The same, to be read as often as one likes; `history` holds the counts so far at each look.

    The evidence is the probability of the assignments under a Dirichlet mixture around the plan over that
    under the plan; 1 over its highest value so far is a p-value at every time (Lindon and Malek 2022).
    """
    method = "multinomial test of the ratio that may be read at any time (Dirichlet mixture)"
    looks = [_aligned(counts, shares) for counts in history]
    for (before, _), (after, _) in pairwise(looks):
        if np.any(after < before):
            raise ValueError("Counts of an arm went down between two looks; they must be counts so far.")
    if not looks:
        return _verdict(1.0, dict.fromkeys(shares, 0), shares, method)
    highest = max(0.0, *(_log_evidence(seen, planned) for seen, planned in looks))
    return _verdict(exp(-highest), history[-1], shares, method)


def if_ratio_holds(estimate: Estimate, check: RatioCheck) -> Estimate:
    """The estimate, or unknown where the arms were not filled as planned: nothing read off them holds."""
    if not check.broken or estimate.value is None:
        return estimate
    return Estimate.unknown(check.reason, n=sum(check.counts.values()), method=estimate.method)


def _point(salt: str, key: str) -> float:
    """A number of [0, 1): the first 53 bits of SHA-256 of the salt, a colon and the key."""
    digest = sha256(f"{salt}:{key}".encode()).digest()
    return (int.from_bytes(digest[:8], "big") >> 11) / 2**53


def _dealt(points: np.ndarray, names: list[str], salt: str, strata: list[object]) -> np.ndarray:
    """Evenly spaced points within each stratum, in the order of the hashes, from a hashed start."""
    if len(strata) != len(names):
        raise ValueError(f"There are {len(strata)} strata for {len(names)} keys; one per key is needed.")
    frame = pd.DataFrame({"point": points, "stratum": [str(stratum) for stratum in strata]})
    groups = frame.groupby("stratum")["point"]
    start = frame["stratum"].map(
        {name: _point(salt, f"stratum {name}") for name in frame["stratum"].unique()}
    )
    spaced = (groups.rank(method="first") - 1 + start) / groups.transform("size")
    return spaced.to_numpy(float)


def _check_shares(shares: Mapping[str, float]) -> None:
    values = list(shares.values())
    if len(values) < 2 or any(not 0 < share < 1 for share in values) or abs(sum(values) - 1) > 1e-9:
        raise ValueError(
            f"Shares need two or more arms, each above 0, that add up to 1; these are {dict(shares)}."
        )


def _aligned(counts: Mapping[str, int], shares: Mapping[str, float]) -> tuple[np.ndarray, np.ndarray]:
    _check_shares(shares)
    if unknown := sorted(set(counts) - set(shares)):
        raise ValueError(f"The arm '{unknown[0]}' has accounts but no planned share.")
    seen = np.array([counts.get(arm, 0) for arm in shares])
    if not np.all((seen >= 0) & (seen < np.inf)):
        raise ValueError(f"Accounts are counted from 0; the arms have {dict(counts)}.")
    return seen, np.array(list(shares.values()), dtype=float)


def _log_evidence(seen: np.ndarray, planned: np.ndarray) -> float:
    prior = CONCENTRATION * planned
    mixture = gammaln(prior + seen).sum() - gammaln(prior).sum()
    mixture += gammaln(prior.sum()) - gammaln(prior.sum() + seen.sum())
    return float(mixture - seen @ np.log(planned))


def _verdict(
    p_value: float, counts: Mapping[str, int], shares: Mapping[str, float], method: str
) -> RatioCheck:
    n = sum(counts.values())
    seen = {arm: int(counts.get(arm, 0)) for arm in shares}
    expected = {arm: n * share for arm, share in shares.items()}
    check = RatioCheck(p_value, p_value < THRESHOLD, seen, expected, method)
    return replace(check, reason=_complaint(check)) if check.broken else check


def _complaint(check: RatioCheck) -> str:
    found = ", ".join(
        f"{arm} {count} instead of {check.expected[arm]:.0f}" for arm, count in check.counts.items()
    )
    return f"the arms are not filled as planned ({found}), so something decides besides chance"
