"""What customers and employees say, in numbers: their answers, the silent, and what is seen late."""

from heed.evidence.voices.answers import (
    ces,
    ces_positive,
    csat,
    csat_of_counts,
    ees,
    ees_positive,
    nps,
    nps_of_counts,
)
from heed.evidence.voices.blind_spots import BlindSpots, UsageBand, blind_spots
from heed.evidence.voices.privacy import employee_effort, employee_effort_of_all, hidden_groups
from heed.evidence.voices.saves import LeadTime, SaveBand, lead_time, save_rates
from heed.evidence.voices.silence import (
    ListeningCoverage,
    RenewalByAnswer,
    RenewalGroup,
    SilentBounds,
    listening_coverage,
    renewal_by_answer,
    silent_bounds,
)
from heed.evidence.voices.waves import WaveComparison, change_within, compare_waves, wave_change
from heed.evidence.voices.weighing import CAVEAT, WeighedResponses, weigh_responses
from heed.evidence.voices.word_of_mouth import ASSUMPTIONS, Assumption, WordOfMouth, word_of_mouth

__all__ = [
    "ASSUMPTIONS",
    "CAVEAT",
    "Assumption",
    "BlindSpots",
    "LeadTime",
    "ListeningCoverage",
    "RenewalByAnswer",
    "RenewalGroup",
    "SaveBand",
    "SilentBounds",
    "UsageBand",
    "WaveComparison",
    "WeighedResponses",
    "WordOfMouth",
    "blind_spots",
    "ces",
    "ces_positive",
    "change_within",
    "compare_waves",
    "csat",
    "csat_of_counts",
    "ees",
    "ees_positive",
    "employee_effort",
    "employee_effort_of_all",
    "hidden_groups",
    "lead_time",
    "listening_coverage",
    "nps",
    "nps_of_counts",
    "renewal_by_answer",
    "save_rates",
    "silent_bounds",
    "wave_change",
    "weigh_responses",
    "word_of_mouth",
]
