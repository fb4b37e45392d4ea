"""Activity names sorted into kinds: two names are of one kind when every selection treats them alike.

A daily row is then tested against the selections once, whatever their number.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import ibis
import ibis.expr.types as ir

from heed.evidence.metrics.language import Activities

# Stand for "some other name" in a family, in usage, and elsewhere; no source can send a control character.
OTHER = "\x00"
OTHER_DOTTED = "\x00.\x00"


@dataclass(frozen=True, slots=True)
class Kinds:
    """Kind k is all names that exactly the selections `signatures[k]` (indexes) take."""

    selections: tuple[Activities, ...]
    signatures: tuple[frozenset[int], ...]

    @classmethod
    def of(cls, selections: Sequence[Activities]) -> "Kinds":
        distinct = tuple(dict.fromkeys(selections))
        signatures = {_signature(distinct, name) for name in _representatives(distinct)}
        return cls(distinct, tuple(sorted((s for s in signatures if s), key=sorted)))

    def of_selection(self, activities: Activities) -> list[int]:
        """The kinds that a selection takes."""
        index = self.selections.index(activities)
        return [kind for kind, signature in enumerate(self.signatures) if index in signature]

    def column(self, name: ir.StringValue) -> ir.IntegerValue:
        """The kind of a name as an expression; null for names that nobody wants.

        Most rows are usage: names without a dot take a short way, past all families.
        """
        exact, prefixes = _mentioned(self.selections)
        plain = self._exactly(name, [each for each in exact if "." not in each])
        dotted = self._exactly(name, [each for each in exact if "." in each])
        for prefix in prefixes:
            dotted.append((name.startswith(prefix), self._kind(prefix + OTHER)))
        return ibis.ifelse(
            name.contains("."),
            _cases(dotted, self._kind(OTHER_DOTTED)),
            _cases(plain, self._kind(OTHER)),
        )

    def may_match(self, name: ir.StringValue) -> ir.BooleanValue:
        """A cheap test that leaves out most names nobody wants: a column store answers it from the
        dictionary, not row by row."""
        exact, prefixes = _mentioned(self.selections)
        plain = [each for each in exact if "." not in each]
        usage = any(each.usage or each.any for each in self.selections)
        dotted = prefixes or len(plain) < len(exact) or any(each.any for each in self.selections)
        tests = [name.contains(".")] if dotted else []
        if usage:
            tests.append(~name.contains("."))
        elif plain:
            tests.append(name.isin(plain))
        return ibis.or_(*tests)

    def _exactly(self, name: ir.StringValue, exact: list[str]) -> list[tuple[ir.BooleanValue, ir.Value]]:
        found: dict[frozenset[int], list[str]] = {}
        for each in exact:
            found.setdefault(_signature(self.selections, each), []).append(each)
        return [(name.isin(names), self._literal(signature)) for signature, names in found.items()]

    def _kind(self, representative: str) -> ir.Value:
        return self._literal(_signature(self.selections, representative))

    def _literal(self, signature: frozenset[int]) -> ir.Value:
        if not signature:
            return ibis.null("int64")
        return ibis.literal(self.signatures.index(signature), "int64")


def _cases(cases: list[tuple[ir.BooleanValue, ir.Value]], otherwise: ir.Value) -> ir.Value:
    return ibis.cases(*cases, else_=otherwise) if cases else otherwise


def _signature(selections: Sequence[Activities], name: str) -> frozenset[int]:
    return frozenset(index for index, each in enumerate(selections) if each.match(name))


def _mentioned(selections: Sequence[Activities]) -> tuple[list[str], list[str]]:
    exact = {name for each in selections for name in (*each.names, *each.left_out)}
    prefixes = {prefix for each in selections for prefix in each.families}
    return sorted(exact), sorted(prefixes, key=lambda prefix: (-len(prefix), prefix))


def _representatives(selections: Sequence[Activities]) -> list[str]:
    exact, prefixes = _mentioned(selections)
    return [*exact, *(prefix + OTHER for prefix in prefixes), OTHER, OTHER_DOTTED]
