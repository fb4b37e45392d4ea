"""Some of the metrics that Heed starts with: a query of all of them takes a second to write."""

from collections.abc import Container

from heed.measures.definitions import ensure_starter_metrics, starter_definitions


def start_with(keys: Container[str]) -> None:
    """Put these starter metrics in force, and no other."""
    ensure_starter_metrics([each for each in starter_definitions() if each["key"] in keys])
