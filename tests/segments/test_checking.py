import pytest

from heed.segments.checking import check
from heed.segments.fields import Catalogue
from heed.segments.grammar import FilterError, parse
from heed.segments.models import Segment
from tests.segments.world import NOON, World, make_account

MISTAKES = {
    'attribute.signed > "Pro"': """\
> compares numbers, amounts and dates; "Pro" is text (character 18)
  attribute.signed > "Pro"
                   ^
Try: attribute.signed is "Pro\"""",
    'plan > "Pro"': """\
> compares numbers, amounts and dates; plan is text (character 6)
  plan > "Pro"
       ^
Try: plan is "Pro\"""",
    "plan >= 5": """\
>= compares numbers, amounts and dates; plan is text (character 6)
  plan >= 5
       ^^
For example: plan is "…\"""",
    "active_peple > 5": """\
There is no field active_peple (character 1)
  active_peple > 5
  ^^^^^^^^^^^^
Did you mean active_people?""",
    "attribute.plann is 5": """\
There is no field attribute.plann (character 1)
  attribute.plann is 5
  ^^^^^^^^^^^^^^^
Did you mean attribute.plan?""",
    "industry is 5": """\
There is no field industry (character 1)
  industry is 5
  ^^^^^^^^
Attributes are written attribute.industry""",
    'active_people > 5 and mrr >= "much"': """\
>= compares numbers, amounts and dates; "much" is text (character 27)
  active_people > 5 and mrr >= "much"
                            ^^
For example: mrr >= 1000 EUR""",
    "active_people is 20 EUR": """\
active_people is a number, and 20 EUR is an amount (character 18)
  active_people is 20 EUR
                   ^^^^^^
Write: 20""",
    "risk > 0.2": """\
A risk is a share of 100% (character 8)
  risk > 0.2
         ^^^
Write: 20%""",
    'kind is "costumer"': """\
kind is never "costumer" (character 9)
  kind is "costumer"
          ^^^^^^^^^^
Did you mean customer?""",
    "mrr > 5 GBP": """\
No rate is stated for GBP (character 7)
  mrr > 5 GBP
        ^^^^^
Amounts can be asked in: EUR, USD""",
    "plan within 90 days": """\
'within 90 days' asks for a date, and plan is text (character 1)
  plan within 90 days
  ^^^^^^^^^^^^^^^^^^^
For example: plan is "…\"""",
    "seats fell by 20% in 28 days": """\
Only a metric can be compared with an earlier day, and seats is none (character 1)
  seats fell by 20% in 28 days
  ^^^^^
Metrics are: active_people, seats_used, …""",
    "mrr > 5 for at least 14 days": """\
Only a metric can be held for days, and mrr is none (character 1)
  mrr > 5 for at least 14 days
  ^^^
Metrics are: active_people, seats_used, …""",
    "active_people > 5 for at least 400 days": """\
At most 92 days can be asked for (character 1)
  active_people > 5 for at least 400 days
  ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
""".rstrip(),
    "risk > 20% as of 2026-09-01": """\
Heed keeps no history of risk, so it cannot be asked as of an earlier day (character 1)
  risk > 20% as of 2026-09-01
  ^^^^
Remove this condition, or the 'as of'.""",
    "since within the last 90 days as of 2026-11-23": """\
2026-11-23 is still to come (character 37)
  since within the last 90 days as of 2026-11-23
                                      ^^^^^^^^^^
Nothing is known beyond 2026-11-22.""",
    "as of 0001-01-01": """\
0001-01-01 lies before all that Heed can know (character 7)
  as of 0001-01-01
        ^^^^^^^^^^
Ask from 1900-01-01 on.""",
    'in segment "large"': """\
There is no segment "large" (character 1)
  in segment "large"
  ^^^^^^^^^^^^^^^^^^
Did you mean "Large"?""",
    "active_people contains 5": """\
'contains' looks into text, and active_people is a number (character 15)
  active_people contains 5
                ^^^^^^^^
For example: active_people > 5""",
    "owner is 5": """\
owner is a person, and 5 is a number (character 10)
  owner is 5
           ^
For example: owner is me, or: owner is "name@example.com\"""",
}


@pytest.mark.parametrize(("text", "said"), MISTAKES.items())
def test_it_refuses_what_makes_no_sense(world: World, text: str, said: str) -> None:
    with pytest.raises(FilterError) as caught:
        check(parse(text), Catalogue())
    assert str(caught.value) == said


def test_it_knows_an_attribute_that_only_one_account_has(world: World) -> None:
    make_account("odd", attributes={"rare thing": 3})
    check(parse('attribute."rare thing" > 2'), Catalogue())


def test_it_refuses_a_segment_that_contains_itself(world: World) -> None:
    other = Segment.objects.create(
        name="Other", filter='in segment "Large"', made_by=world.user, made_at=NOON
    )
    Segment.objects.filter(name="Large").update(filter='not in segment "Other"')
    with pytest.raises(FilterError, match='Segment "Large" would contain itself'):
        check(parse(other.filter), Catalogue(), open_segments=("Other", "Large"))
    with pytest.raises(FilterError, match=r'Segment "Other" cannot be asked: .*would contain itself'):
        check(parse('in segment "Other"'), Catalogue())


def test_it_refuses_a_segment_whose_fields_have_no_history_as_of_a_day(world: World) -> None:
    with pytest.raises(FilterError, match='Segment "Large" cannot be asked: Heed keeps no history of'):
        check(parse('in segment "Large" as of 2026-09-01'), Catalogue())
