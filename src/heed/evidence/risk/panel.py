"""Landmark panels: what was known of each account at each landmark, and what came within the horizon.

Landmarking (van Houwelingen 2007, Scandinavian Journal of Statistics 34:70): rows are account × landmark;
only accounts that stand at the landmark are in; time starts anew at each landmark and is cut off at the
horizon or when observation ended. Nothing that was recorded after the observation ended counts.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

import numpy as np
import numpy.typing as npt
import pandas as pd

CHURN: Final = "churn"
KINDS: Final = ("churn", "involuntary", "contraction", "expansion")
ENDS: Final = ("churn", "involuntary")
NONE: Final = "none"
OUTCOME: Final = np.dtype([("event", np.bool_), ("time", np.float64)])

Structured = npt.NDArray[np.void]


@dataclass(frozen=True, slots=True)
class Panel:
    """Rows account × landmark.

    `X` the features; `y` structured (event, time in days); `kind` what came first within the horizon
    ("none" for nothing); `censored` where observation or an ending of another kind cut the horizon short;
    `accounts` and `landmarks` one a row; `horizon` in days; `target` the kinds that count as event.
    """

    X: pd.DataFrame
    y: Structured
    kind: npt.NDArray[np.str_]
    censored: npt.NDArray[np.bool_]
    accounts: npt.NDArray[np.object_]
    landmarks: npt.NDArray[np.datetime64]
    horizon: int
    target: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.y)

    @property
    def complete(self) -> npt.NDArray[np.bool_]:
        """Rows whose outcome within the horizon is known."""
        return ~self.censored


def outcome(event: npt.ArrayLike, time: npt.ArrayLike) -> Structured:
    """The structured array (event, time) that scikit-survival and HazardModel take."""
    y = np.empty(len(np.asarray(event)), dtype=OUTCOME)
    y["event"], y["time"] = np.asarray(event, dtype=bool), np.asarray(time, dtype=np.float64)
    return y


def landmark_panel(
    features: pd.DataFrame,
    events: pd.DataFrame,
    *,
    observed_until: date,
    horizon: int,
    target: Sequence[str] = (CHURN,),
    standing: pd.DataFrame | None = None,
) -> Panel:
    """The panel of `features` (account, landmark, then columns) and `events` (account, on, kind,
    recorded_on).

    `kind` is churn, involuntary (payment), contraction or expansion. `target` are the kinds to predict; an
    ending of another kind censors on its day, so that each kind's hazard is its own (competing risks); a
    contraction or an expansion that is no target cuts nothing short. An account stands at a landmark unless
    its last ending on or before it is not followed by a start in `standing` (account, from, to: NaT while
    it lasts), where that is given: then it must lie in one of its stays. Events recorded after
    `observed_until` and rows whose landmark is not before it are left out. ValueError where columns are
    missing or a kind is unknown.
    """
    _check(features, events, target, horizon)
    rows = features.reset_index(drop=True)
    landmarks = _days(rows["landmark"])
    end = np.datetime64(observed_until, "D")
    known = _known(events, end)
    keep = (landmarks < end) & _stands(rows["account"], landmarks, known, standing)
    rows, landmarks = rows.loc[keep].reset_index(drop=True), landmarks[keep]
    first = _first(rows["account"], landmarks, known, horizon, tuple(target))
    until = np.minimum(landmarks + np.timedelta64(horizon, "D"), end)
    seen = first["on"].notna().to_numpy() & (first["on"].to_numpy("datetime64[D]") <= until)
    kind = np.where(seen, first["kind"].to_numpy(dtype=object), NONE).astype(str)
    stop = np.where(seen, first["on"].to_numpy("datetime64[D]"), until)
    event = np.isin(kind, list(target))
    time = (stop - landmarks).astype("timedelta64[D]").astype(np.float64)
    censored = ~event & (time < horizon)
    return Panel(
        rows.drop(columns=["account", "landmark"]), outcome(event, time), kind, censored,
        rows["account"].to_numpy(dtype=object), landmarks, horizon, tuple(target),
    )  # fmt: skip


def _check(features: pd.DataFrame, events: pd.DataFrame, target: Sequence[str], horizon: int) -> None:
    for name, frame, needed in (
        ("features", features, ("account", "landmark")),
        ("events", events, ("account", "on", "kind", "recorded_on")),
    ):
        if absent := [column for column in needed if column not in frame.columns]:
            raise ValueError(
                f"The table of {name} has no column '{absent[0]}': it needs {', '.join(needed)}."
            )
    if unknown := sorted((set(events["kind"]) | set(target)) - set(KINDS)):
        raise ValueError(f"There is no kind of event '{unknown[0]}'. There are: {', '.join(KINDS)}.")
    if horizon < 1:
        raise ValueError(f"A horizon is at least one day; this is {horizon}.")


def _days(dates: pd.Series) -> npt.NDArray[np.datetime64]:
    return pd.to_datetime(dates).to_numpy("datetime64[D]")


def _known(events: pd.DataFrame, end: np.datetime64) -> pd.DataFrame:
    """Events that happened and were recorded by the end of observation, by account and day."""
    known = pd.DataFrame(
        {"account": events["account"], "on": _days(events["on"]), "kind": events["kind"],
         "recorded_on": _days(events["recorded_on"])}
    )  # fmt: skip
    known = known[(known["recorded_on"] <= end) & (known["on"] <= end)]
    # Of two on one day an ending comes first: what else changed that day no longer matters.
    rank = known["kind"].map({"churn": 0, "involuntary": 1, "contraction": 2, "expansion": 3})
    return known.assign(rank=rank).sort_values(["on", "rank", "account"], kind="stable")


def _stands(
    accounts: pd.Series,
    landmarks: npt.NDArray[np.datetime64],
    known: pd.DataFrame,
    standing: pd.DataFrame | None,
) -> npt.NDArray[np.bool_]:
    if standing is None:
        ends = known[known["kind"].isin(ENDS)].groupby("account")["on"].min()
        gone = accounts.map(ends).to_numpy("datetime64[D]")
        lasting: npt.NDArray[np.bool_] = np.isnat(gone) | (gone > landmarks)
        return lasting
    rows = pd.DataFrame(
        {"row": np.arange(len(accounts)), "account": accounts.to_numpy(), "landmark": landmarks}
    )
    stays = standing.assign(start=_days(standing["from"]), stop=_days(standing["to"]))[
        ["account", "start", "stop"]
    ]
    both = rows.merge(stays, on="account")
    inside = (both["start"] <= both["landmark"]) & (both["stop"].isna() | (both["landmark"] < both["stop"]))
    stands = np.zeros(len(accounts), dtype=bool)
    stands[both.loc[inside, "row"].to_numpy()] = True
    return stands


def _first(
    accounts: pd.Series,
    landmarks: npt.NDArray[np.datetime64],
    known: pd.DataFrame,
    horizon: int,
    target: tuple[str, ...],
) -> pd.DataFrame:
    """For each row the first event after its landmark that is a target or an ending."""
    told = known[known["kind"].isin({*target, *ENDS})][["account", "on", "kind"]]
    rows = pd.DataFrame(
        {"row": np.arange(len(accounts)), "account": accounts.to_numpy(),
         "at": landmarks.astype("datetime64[ns]")}
    ).sort_values("at", kind="stable")  # fmt: skip
    told = told.assign(on=told["on"].astype("datetime64[ns]"), at=told["on"].astype("datetime64[ns]"))
    found = pd.merge_asof(
        rows,
        told.sort_values("at", kind="stable"),
        on="at",
        by="account",
        direction="forward",
        allow_exact_matches=False,
    )
    return found.sort_values("row")[["on", "kind"]].reset_index(drop=True)
