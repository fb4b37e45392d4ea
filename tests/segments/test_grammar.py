from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given, settings

from heed.segments import tree
from heed.segments.grammar import FilterError, parse
from heed.segments.wording import to_text
from tests.segments.trees import filters

PLAN = tree.FieldName("plan", "attribute")
PEOPLE = tree.FieldName("active_people")
MORE_THAN_FIVE = tree.Compare(PEOPLE, tree.Comparison.ABOVE, tree.Number(Decimal(5)))

TREES = {
    "": None,
    'attribute.plan is "Pro"': tree.Compare(PLAN, tree.Comparison.IS, tree.Text("Pro")),
    'attribute."Company size" is not "1-10"': tree.Compare(
        tree.FieldName("Company size", "attribute"), tree.Comparison.IS_NOT, tree.Text("1-10")
    ),
    "active_people > 5": MORE_THAN_FIVE,
    "last_nps is unknown": tree.Known(tree.FieldName("last_nps"), known=False),
    "mrr >= 1000 EUR": tree.Compare(
        tree.FieldName("mrr"), tree.Comparison.AT_LEAST, tree.Amount(Decimal(1000), "EUR")
    ),
    "risk >= 20%": tree.Compare(tree.FieldName("risk"), tree.Comparison.AT_LEAST, tree.Percent(Decimal(20))),
    "renewal within 90 days": tree.Within(tree.FieldName("renewal"), 90),
    "since within the last 1 day": tree.Within(tree.FieldName("since"), 1, past=True),
    'kind is one of ("customer", "partner")': tree.OneOf(
        tree.FieldName("kind"), (tree.Text("customer"), tree.Text("partner"))
    ),
    "did report_exported at least 3 times in the last 28 days": tree.Did(
        "report_exported", 28, tree.Bound.AT_LEAST, 3
    ),
    "did not report_exported for 30 days": tree.Did("report_exported", 30, happened=False),
    "did anything in the last 7 days": tree.Did(None, 7),
    "active_people fell by at least 20% in 28 days": tree.Changed(
        PEOPLE, tree.Direction.FELL, tree.Bound.AT_LEAST, Decimal(20), percent=True, days=28
    ),
    "active_people changed by more than 2.5 in 28 days": tree.Changed(
        PEOPLE, tree.Direction.CHANGED, tree.Bound.MORE_THAN, Decimal("2.5"), percent=False, days=28
    ),
    "active_people > 5 for at least 14 days": tree.Held(MORE_THAN_FIVE, 14),
    'in segment "Large ones"': tree.InSegment("Large ones"),
    'not (active_people > 5 or in segment "A")': tree.Not(tree.Or((MORE_THAN_FIVE, tree.InSegment("A")))),
    '(active_people > 5 and in segment "A") or in segment "B"': tree.Or(
        (tree.And((MORE_THAN_FIVE, tree.InSegment("A"))), tree.InSegment("B"))
    ),
}

SYNONYMS = {
    "active_people above 5 AND attribute.plan = 'Pro'": 'active_people > 5 and attribute.plan is "Pro"',
    "a > 1 and b > 2 or c > 3": "(a > 1 and b > 2) or c > 3",
    "last_nps is not known": "last_nps is unknown",
    "last_nps is not unknown": "last_nps is known",
    "active_people fell by 20% over 28 days": "active_people fell by at least 20% in 28 days",
    "renewal within the next 90 days": "renewal within 90 days",
    "renewal is before 2026-12-01": "renewal < 2026-12-01",
    "((active_people > 5.0))": "active_people > 5",
    "did not x in the last 30 days": "did not x for 30 days",
    "did x at least 1 times in last 30 days": "did x in the last 30 days",
    "kind is not one of 'a', 'b'": 'kind is not one of ("a", "b")',
    "attribute.paying is TRUE": "attribute.paying is yes",
    "name contains “Ünit”": 'name contains "Ünit"',
}

MISTAKES = {
    "attribute.plan is Pro": """\
Expected a value, found Pro (character 19)
  attribute.plan is Pro
                    ^^^
Put text in quotes: "Pro\"""",
    "(active_people > 5": """\
This bracket is never closed (character 1)
  (active_people > 5
  ^
Add: )""",
    "active_people > 5)": """\
This bracket closes nothing (character 18)
  active_people > 5)
                   ^
Remove it.""",
    "active_people iss 5": """\
Expected what to ask of active_people, found iss (character 15)
  active_people iss 5
                ^^^
Did you mean is?""",
    "mrr > 1,000": """\
Expected 'and', 'or' or the end, found , (character 8)
  mrr > 1,000
         ^
Write large numbers without commas: 1000.""",
    "mrr > 5k": """\
5k is not a number (character 7)
  mrr > 5k
        ^^
Write numbers as 1000 or 12.5, shares as 20%, amounts as 1000 EUR.""",
    "as of 2026-02-30": """\
There is no day 2026-02-30 (character 7)
  as of 2026-02-30
        ^^^^^^^^^^
Dates are written YYYY-MM-DD.""",
    "did report_exported": """\
Expected the days to look at, found the end (character 20)
  did report_exported
                     ^
For example: in the last 28 days, or: for 30 days""",
    'name contains "Acme': """\
This text has no closing quote (character 15)
  name contains "Acme
                ^^^^^
End it with: \"""",
    "active_people > 5\nand last_nps >\nor mrr > 3": """\
Expected a value, found or (character 34)
  or mrr > 3
  ^^
For example: "Pro", 5, 20%, 1000 EUR, 2026-09-01, yes, no or me""",
    "in segment Large": """\
Expected a segment's name in quotes, found Large (character 12)
  in segment Large
             ^^^^^
Write: in segment "Name\"""",
    "account.plan is 5": """\
There is no field account.plan (character 1)
  account.plan is 5
  ^^^^^^^^^^^^
Attributes are written attribute.plan; activities: did case.opened in the last 28 days.""",
    "mrr > 5 ; drop": """\
The sign ; has no meaning in a filter (character 9)
  mrr > 5 ; drop
          ^""",
}


@pytest.mark.parametrize(("text", "condition"), TREES.items())
def test_it_reads_a_sentence_and_says_it_again(text: str, condition: object) -> None:
    assert parse(text) == tree.Filter(condition)  # type: ignore[arg-type]
    assert to_text(parse(text)) == text


@pytest.mark.parametrize(("text", "canonical"), SYNONYMS.items())
def test_it_reads_other_words_for_the_same(text: str, canonical: str) -> None:
    assert to_text(parse(text)) == canonical


@pytest.mark.parametrize(("text", "said"), MISTAKES.items())
def test_it_says_what_is_wrong_where_and_what_to_write(text: str, said: str) -> None:
    with pytest.raises(FilterError) as caught:
        parse(text)
    assert str(caught.value) == said


def test_it_reads_a_day_in_the_past() -> None:
    assert parse("active_people > 5 as of 2026-09-01") == tree.Filter(MORE_THAN_FIVE, date(2026, 9, 1))
    assert parse("as of 2026-09-01") == tree.Filter(None, date(2026, 9, 1))


def test_it_refuses_endless_nesting_and_length_with_an_answer() -> None:
    with pytest.raises(FilterError, match="at most 40 deep"):
        parse("(" * 5000 + "a > 1")
    with pytest.raises(FilterError, match="at most 10,000 characters; this one has 20,000"):
        parse("a" * 20_000)


@settings(max_examples=300, deadline=None)
@given(filters)
def test_what_it_says_it_reads_back(filter: tree.Filter) -> None:
    assert parse(to_text(filter)) == filter
