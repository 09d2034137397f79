"""Names under which the documents are published; the files are `published/<name>.json`.

Belongs here: the names, which those who publish and those who deliver share. Not here: what a document says.
"""

WEIGHTS_DOCUMENT = "weights"
CONFIDENCE_DOCUMENT = "confidence"
REGIME_DOCUMENT = "market_regime"
CORRECTIONS_DOCUMENT = "corrections"
RECOMMENDATIONS_DOCUMENT = "recommendations"
PATTERNS_DOCUMENT = "pattern_analysis"
REPORT_DOCUMENT = "daily_report"
WEEKLY_REPORT_DOCUMENT = "weekly_report"

SWITCHED_DOCUMENTS = (WEIGHTS_DOCUMENT, CONFIDENCE_DOCUMENT, CORRECTIONS_DOCUMENT)
"""Documents that act on other systems: each is active or in shadow."""
