"""What the steps of one run of an import share."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from heed.sources.models import Import
from heed.sources.staging import Refused
from heed.sources.tally import Findings

Told = Callable[[int], None]


@dataclass
class Context:
    """What the steps of one run share. `app` names its appends; in a dry run nothing is kept."""

    record: Import
    app: str
    now: datetime
    scratch: Path
    dry: bool = False
    findings: Findings = field(default_factory=Findings)
    rejected: list[Refused] = field(default_factory=list)
    told: Told = lambda rows: None
