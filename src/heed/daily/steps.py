"""The steps of the daily round. Each does only what is new, may be repeated, and tells it in numbers."""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import date
from typing import Any

from heed.customers.actions import derive_due_movements
from heed.desk.actions import rank_worklist
from heed.ledger import outbox
from heed.ledger.home import open_stream
from heed.measures import actions as measures

Result = dict[str, int]


@dataclass(frozen=True, slots=True)
class Step:
    """`always`: its cost is what is new, so it runs even where an interrupted round had done it already.

    The other steps are skipped when a round is taken up again, unless a step before them found something new.
    """

    name: str
    run: Callable[[date, str], Result]
    always: bool = False


def movements_due(as_of: date, by: str) -> Result:
    """Movements of subscriptions that began or ended since the last round."""
    derived = derive_due_movements(as_of, by=by)
    return {"new": derived.new, "changed": derived.changed, "gone": derived.gone}


def append_activities(as_of: date, by: str) -> Result:
    """Carry what people did in Heed to the stream."""
    return {"activities": outbox.drain()}


def roll_up_touched_days(as_of: date, by: str) -> Result:
    """Make the figures of the days that new activities lie on again."""
    rolled = open_stream().roll_up()
    return {"days": len(rolled.days), "rows": rolled.rows}


def measure(as_of: date, by: str) -> Result:
    """Every metric of every account at the date, from what was known by then."""
    measures.ensure_starter_metrics()
    return numbers(measures.measure_accounts(as_of, by=by))


def learn(as_of: date, by: str) -> Result:
    """Once a week, or sooner where accounts have drifted: the risk model, its report card and the verdict on
    every metric."""
    # Here, because the learners take a second to load, and this file is read by every command.
    from heed.measures.learning import learn as learn_what_predicts

    return numbers(learn_what_predicts(as_of, by=by))


def judge_scores(as_of: date, by: str) -> Result:
    """The report card of every score by hand, where the landmarks or the score are new."""
    from heed.proving.hand_scores import judge_scores as judge

    return numbers(judge(as_of, by=by))


def plays(as_of: date, by: str) -> Result:
    """What the running experiments and every play on record did, and how often touches were implemented."""
    from heed.proving.experimenting import follow_experiments
    from heed.proving.play_effects import measure_plays
    from heed.proving.touches import measure_touches

    followed = numbers(follow_experiments(as_of, by=by))
    return followed | numbers(measure_plays(as_of, by=by)) | {"touchpoints": measure_touches(as_of)}


def triggers(as_of: date, by: str) -> Result:
    """Once a week each: the triggers that are on fire where a metric comes to be past their threshold."""
    from heed.proving.trigger_replays import look_at_triggers

    return numbers(look_at_triggers(as_of, by=by))


def risk(as_of: date, by: str) -> Result:
    """The probability that each account leaves by its renewal."""
    return numbers(measures.estimate_risk(as_of, by=by))


def forecast(as_of: date, by: str) -> Result:
    """Revenue of the next four quarters, kept so that it is scored when they close."""
    from heed.proving.forecasting import forecast_revenue

    return numbers(forecast_revenue(as_of, by=by))


def rank(as_of: date, by: str) -> Result:
    """Each person's worklist of the date."""
    return numbers(rank_worklist(as_of, by=by))


def numbers(done: Any) -> Result:
    """The whole numbers of a result, by name."""
    return {name: value for name, value in asdict(done).items() if type(value) is int}
