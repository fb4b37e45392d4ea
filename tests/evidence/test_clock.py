from math import exp, log

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lifelines import KaplanMeierFitter

from heed.evidence.clock import Clock, Curve, Stay


def company(seed: int = 7, n: int = 300, *, late: bool = False) -> list[Stay]:
    dice = np.random.default_rng(seed)
    life, seen = dice.exponential(400, n) + 1, dice.uniform(30, 700, n)
    entered = dice.uniform(0, 25, n) if late else np.zeros(n)
    return [
        Stay(until=int(min(a, b)) + 30, left=bool(a <= b), entered=int(e))
        for a, b, e in zip(life, seen, entered, strict=True)
    ]


def fitted(stays: list[Stay]) -> KaplanMeierFitter:
    return KaplanMeierFitter().fit(
        [stay.until for stay in stays], [stay.left for stay in stays], entry=[stay.entered for stay in stays]
    )


@pytest.mark.parametrize("late", [False, True])
@pytest.mark.parametrize("day", [40, 100, 365, 600])
def test_the_curve_and_its_interval_agree_with_lifelines(day: int, late: bool) -> None:
    stays = company(late=late)
    share, theirs = Curve.fit(stays).staying(day), fitted(stays)
    assert share.value == pytest.approx(float(theirs.survival_function_at_times(day).iloc[0]), abs=1e-12)
    bounds = theirs.confidence_interval_survival_function_
    low, high = bounds[bounds.index <= day].iloc[-1]
    assert share.low == pytest.approx(low, abs=1e-12)
    assert share.high == pytest.approx(high, abs=1e-12)


@pytest.mark.parametrize(("given_days", "within"), [(0, 90), (90, 90), (200, 30), (200, 365)])
def test_leaving_is_conditional_on_having_stayed_so_far(given_days: int, within: int) -> None:
    stays = company()
    chance, theirs = Curve.fit(stays).leaving(within, given=given_days), fitted(stays)
    now, then = theirs.survival_function_at_times([given_days, given_days + within])
    assert chance.value == pytest.approx(1 - then / now, abs=1e-12)
    assert chance.n == sum(stay.until > given_days for stay in stays)
    # Staying on is a curve of its own among those still there: lifelines fits it from them alone.
    alone = fitted([Stay(stay.until, stay.left, given_days) for stay in stays if stay.until > given_days])
    bounds = alone.confidence_interval_survival_function_
    low, high = bounds[bounds.index <= given_days + within].iloc[-1]
    assert chance.low == pytest.approx(1 - high, abs=1e-12)
    assert chance.high == pytest.approx(1 - low, abs=1e-12)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(st.integers(1, 60), st.booleans()), min_size=1, max_size=80),
    st.integers(0, 60),
    st.integers(1, 60),
)
def test_a_chance_lies_in_its_interval_or_is_unknown(
    rows: list[tuple[int, bool]], given_days: int, within: int
) -> None:
    chance = Curve.fit([Stay(until, left) for until, left in rows]).leaving(within, given=given_days)
    if chance.value is None:
        assert chance.reason
    else:
        assert chance.low is not None
        assert chance.high is not None
        assert 0 <= chance.low <= chance.value <= chance.high <= 1
        assert chance.high > chance.low


def test_thin_data_is_unknown_with_its_reason() -> None:
    nobody_left = Curve.fit([Stay(100, False)] * 50)
    assert nobody_left.leaving(30).reason == "no account has left yet"
    few = Curve.fit([Stay(100, False)] * 50 + [Stay(10, True)] * 9)
    assert few.leaving(30).reason == "only 9 left so far, at least 10 are needed"
    enough = Curve.fit([Stay(100, False)] * 4 + [Stay(10, True)] * 10)
    assert enough.leaving(5, given=50).reason == "only 4 were observed at this age, at least 5 are needed"
    assert enough.leaving(95, given=6).reason == "nobody was observed longer than 100 days"
    assert Curve.fit([]).leaving(30).reason == "no account has left yet"


def test_a_stretch_in_which_nobody_left_is_not_a_certain_zero() -> None:
    chance = Curve.fit([Stay(100, False)] * 40 + [Stay(10, True)] * 10).leaving(20, given=30)
    assert (chance.value, chance.low) == (0, 0)
    assert round(chance.high or 0, 3) == 0.088


def test_who_left_on_the_very_day_is_behind_and_who_leaves_on_the_last_day_counts() -> None:
    curve = Curve.fit([Stay(10, True)] * 10 + [Stay(20, True)] * 10 + [Stay(30, False)] * 30)
    ahead = curve.leaving(10, given=10)
    assert ahead.value == pytest.approx(0.25)
    assert ahead.n == 40
    assert curve.leaving(9, given=10).value == 0


def test_everybody_leaving_is_told_without_an_interval() -> None:
    chance = Curve.fit([Stay(10, True)] * 12).leaving(10)
    assert (chance.value, chance.low, chance.high, chance.n) == (1, 0, 1, 12)
    assert "no interval" in chance.method


def test_a_segment_whose_own_curve_is_too_short_says_so() -> None:
    young = [Stay(30, k < 20, segment="young") for k in range(40)]
    old = [Stay(400, k < 20, segment="old") for k in range(60)]
    answer = Clock.fit(young + old).leaving(100, tenure=20, segment="young")
    assert answer.basis == ""
    assert answer.note == "all accounts, because in young: nobody was observed longer than 30 days"
    assert answer.estimate.value == pytest.approx(0.2)


def test_a_hand_made_curve_has_the_textbook_values() -> None:
    stays = [Stay(10, True)] * 10 + [Stay(20, False)] * 10 + [Stay(30, True)] * 5 + [Stay(40, False)] * 15
    chance = Curve.fit(stays).leaving(40)
    stay = (30 / 40) * (15 / 20)
    spread = 1.959963984540054 * (10 / (40 * 30) + 5 / (20 * 15)) ** 0.5 / abs(log(stay))
    assert chance.value == pytest.approx(1 - stay)
    assert chance.low == pytest.approx(1 - stay ** exp(-spread))
    assert chance.high == pytest.approx(1 - stay ** exp(spread))


def test_a_segment_answers_for_itself_only_with_enough_of_its_own() -> None:
    big = [Stay(stay.until, stay.left, segment="big") for stay in company(1)]
    small = [Stay(stay.until, stay.left, segment="small") for stay in company(2, 15)]
    clock = Clock.fit(big + small)
    own = clock.leaving(90, tenure=60, segment="big")
    assert own.basis == "big"
    assert own.estimate == Curve.fit(big).leaving(90, given=60)
    assert own.events == sum(stay.left for stay in big)
    left = sum(stay.left for stay in small)
    fallen = clock.leaving(90, tenure=60, segment="small")
    assert fallen.basis == ""
    assert fallen.note == f"all accounts, because small has {left} left of the 20 needed"
    assert fallen.estimate == Curve.fit(big + small).leaving(90, given=60)
    assert clock.leaving(90, tenure=60).note == ""


def test_a_stay_that_ends_before_it_begins_is_refused() -> None:
    with pytest.raises(ValueError, match="end after it was entered"):
        Curve.fit([Stay(5, True, entered=5)])
