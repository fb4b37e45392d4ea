"""A fitted hazard as JSON and back, without losing a bit: floats are written as Python writes them."""

from dataclasses import asdict
from typing import Any

import numpy as np

from heed.evidence.estimate import Estimate
from heed.evidence.risk.baseline import Curve, Timeline
from heed.evidence.risk.calibration import Calibration
from heed.evidence.risk.encoding import Column, Encoding, LevelColumn, NumberColumn
from heed.evidence.risk.fitting import Fitted
from heed.evidence.risk.learnt import ClockColumns, Learnt
from heed.evidence.risk.mending import Mend
from heed.evidence.risk.selection import Standing

VERSION = 2


def to_record(parameters: dict[str, Any], names: list[str], found: Fitted) -> dict[str, Any]:
    plain = asdict(found)
    if found.learnt is not None:
        plain["learnt"]["coefficients"] = found.learnt.coefficients.tolist()
        plain["learnt"]["covariance"] = found.learnt.covariance.tolist()
    return {"version": VERSION, "parameters": parameters, "names": names, **_plain(plain)}


def _plain(value: Any) -> Any:
    """The same in what JSON has: lists for tuples."""
    if isinstance(value, dict):
        return {key: _plain(own) for key, own in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(own) for own in value]
    return value.item() if isinstance(value, np.generic) else value


def from_record(kept: dict[str, Any]) -> tuple[dict[str, Any], list[str], Fitted]:
    if kept.get("version") != VERSION:
        raise ValueError(f"This record is of version {kept.get('version')}; version {VERSION} can be read.")
    rest = {key: own for key, own in kept.items() if key not in ("version", "parameters", "names")}
    found = Fitted(
        **{
            **rest,
            "learnt": _learnt(kept["learnt"]) if kept["learnt"] else None,
            "notes": tuple(kept["notes"]),
            "candidates": tuple(Standing(**own) for own in kept["candidates"]),
            "calibration": _calibration(kept["calibration"]) if kept["calibration"] else None,
        }
    )
    return kept["parameters"], kept["names"], found


def _learnt(kept: dict[str, Any]) -> Learnt:
    encoding = kept["encoding"]
    return Learnt(
        Encoding(tuple(_column(own) for own in encoding["columns"]), tuple(encoding["notes"])),
        _timeline(kept["timeline"]),
        ClockColumns(**kept["clock_columns"]),
        tuple(kept["turns"]),
        np.array(kept["coefficients"], dtype=np.float64),
        np.array(kept["covariance"], dtype=np.float64),
        Mend(tuple(kept["mend"]["level"]), tuple(kept["mend"]["slope"])),
        kept["typical"],
    )


def _column(kept: dict[str, Any]) -> Column:
    own: dict[str, Any] = {
        key: tuple(value) if isinstance(value, list) else value for key, value in kept.items()
    }
    return LevelColumn(**own) if "levels" in own else NumberColumn(**own)


def _timeline(kept: dict[str, Any]) -> Timeline:
    tenure = kept["tenure"]
    return Timeline(
        **{
            **kept,
            "edges": tuple(kept["edges"]),
            "drift": tuple(kept["drift"]),
            # Records of before effects could fade have none.
            "fades": tuple(kept.get("fades", ())),
            "ahead": _curve(kept["ahead"]),
            "tenure": _curve(tenure) if tenure else None,
        }
    )


def _curve(kept: dict[str, Any]) -> Curve:
    lists = (tuple(kept[name]) for name in ("knots", "centres", "scales"))
    return Curve(kept["low"], kept["high"], *lists)


def _calibration(kept: dict[str, Any]) -> Calibration:
    return Calibration(
        **{**kept, "slope": Estimate(**kept["slope"]), "intercept": Estimate(**kept["intercept"])}
    )
