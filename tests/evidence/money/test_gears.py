import pandas as pd
import pytest

from heed.evidence.money.gears import Gear, Gears, growth_gears

STEADY = {
    "customers": 200, "seats": 1000, "paid_seats": 1000, "active_seats": 600, "breadth": 0.5,
    "active_days": 8, "nrr": 1.02, "paying": 180, "engaged": 150, "referrals": 6, "references": 2,
    "praise": 2, "intended": 68, "asked": 100,
}  # fmt: skip


def quarters(**last: float | None) -> pd.DataFrame:
    rows = [STEADY | {"customers": 200 + 10 * at, "seats": 1000 + 50 * at} for at in range(6)]
    rows[-1] |= last  # type: ignore[arg-type]
    return pd.DataFrame(rows).assign(quarter=[f"2025Q{at}" for at in range(6)])


def gear(gears: Gears, name: str) -> Gear:
    return next(each for each in gears.gears if each.name == name)


def test_each_gear_has_its_formula() -> None:
    last = growth_gears(quarters())[-1]
    assert gear(last, "acquire").now.value == pytest.approx(250 / 240 - 1)
    assert gear(last, "acquire").beside["seats"].value == pytest.approx(1250 / 1200 - 1)
    assert gear(last, "engage").now.value == pytest.approx(0.6)
    assert gear(last, "monetize").now.value == 1.02
    assert gear(last, "monetize").beside["paying of engaged"].value == pytest.approx(1.2)
    assert gear(last, "enlist").now.value == pytest.approx(10 / 250 * 100)


def test_referrals_have_the_exact_poisson_interval_and_intention_stands_beside() -> None:
    enlist = gear(growth_gears(quarters())[-1], "enlist")
    # Garwood's interval of 10 events: 4.795 to 18.39.
    assert enlist.now.low == pytest.approx(4.7954 / 2.5, rel=1e-4)
    assert enlist.now.high == pytest.approx(18.3904 / 2.5, rel=1e-4)
    assert enlist.beside["intention"].value == 0.68
    more_intend = gear(growth_gears(quarters(intended=99))[-1], "enlist")
    assert more_intend.now == enlist.now


def test_the_weakest_is_furthest_below_its_own_year_not_the_smallest() -> None:
    found = growth_gears(quarters(active_seats=300))[-1]
    assert found.weakest == "engage"
    assert gear(found, "engage").shortfall.value == pytest.approx(0.5)
    assert gear(found, "engage").costs == "brand power"
    assert gear(found, "engage").power
    assert growth_gears(quarters(nrr=0.2))[-1].weakest == "monetize"


def test_no_gear_is_weakest_where_none_fell_or_nothing_is_known() -> None:
    risen = growth_gears(quarters(customers=400, active_seats=700, nrr=1.1, referrals=60))[-1]
    assert risen.weakest == ""
    assert risen.reason == "no gear is below its own past year"
    first = growth_gears(quarters())[0]
    assert first.reason == "no gear has a past year to compare with"
    assert gear(first, "acquire").now.reason == "customers of the quarter before not known"


def test_missing_figures_are_unknown_and_not_zero() -> None:
    found = growth_gears(quarters(active_seats=None).drop(columns=["referrals"]))[-1]
    assert gear(found, "engage").now.reason == "active seats not known"
    assert gear(found, "enlist").now.reason == "referrals not known"
    assert gear(found, "enlist").shortfall.value is None
    shrinking = quarters().assign(nrr=0.0)
    assert "nothing to fall short of" in gear(growth_gears(shrinking)[-1], "monetize").shortfall.reason
    assert growth_gears(quarters().iloc[:0]) == []
    with pytest.raises(ValueError, match="one segment at a time"):
        growth_gears(pd.concat([quarters(), quarters()]))
