"""What corrections are bound by.

Belongs here: windows, sizes and bounds with their reasons. Not here: applying them (lifecycle, sizing, measurement).
"""

from dataclasses import dataclass

SEVERITIES = ("low", "medium", "high", "critical")
"""From harmless to worst."""

PROPOSED, ACTIVE, VETOED, EXPIRED, WITHDRAWN = "proposed", "active", "vetoed", "expired", "withdrawn"

COMPONENT_WEIGHT, TAG_THRESHOLD, CONFIDENCE, POSITION_SIZE = (
    "component_weight",
    "tag_threshold",
    "confidence",
    "position_size",
)

SMALLEST_FACTOR = 0.5
"""Neither one correction nor all of one target together take away more than half."""

LARGEST_RAISE_POINTS = 5.0
"""Nor do they raise a threshold by more than this: five points are about a third of a day's candidates."""

LARGEST_CUT = {"low": 0.10, "medium": 0.20, "high": 0.35, "critical": 0.50}
"""How much of the target a severity may take away at most."""

FULL_CUT_EXCESS = 0.25
"""Shrunk excess failure rate from which the largest cut of the severity is due; below it is proportional."""

SHRINKAGE_CASES = 20
"""Imaginary cases at the base rate added to a pattern's own: 20 real ones move a rate half of the way."""

LOOK_CONFIDENCE = 0.995
"""Of the effect's interval: nightly looks at a 95 % interval cry wolf. Over 90 nights, 200 worlds without effect
were called harmed in 0.5 % and helped in 0 %, in 3 % where the worst of 50 was picked by luck; a true fall from
60 % to 30 % was seen in 65 %, a rise from 50 % to 80 % in 93 % (amc_learning_tests/truth/corrections_study.py)."""

MIN_CASES_TO_MEASURE = 10
"""Fewer cases on any side say nothing about an effect."""

MIN_DAYS_TO_MEASURE = 5
"""Cases of one day share its market; fewer days than this cannot show how much."""


@dataclass(frozen=True, kw_only=True)
class CorrectionRules:
    """How long corrections hold and stay visible.

    Attributes:
        window_days: calendar days of the rule that three failures call for a look; what a person ended stays away as
            long, until all of those are new.
        evidence_days: calendar days of the longest window in which failure rates are compared; the window a pattern
            was found in is the `before` of its measurement.
        renewal_days: calendar days a correction holds without a new failure.
        visible_days: calendar days an ended correction is still listed.
    """

    window_days: int = 30
    evidence_days: int = 91
    renewal_days: int = 30
    visible_days: int = 90
