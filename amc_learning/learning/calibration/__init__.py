"""What a stated confidence is worth: maps from confidence as sent to the share of theses that come right.

Belongs here: fitting maps, choosing among them on unseen days, borrowing between groups, the nightly decision.
Not here: accuracy and reliability of theses (theses), publishing the map, reading or writing anything.
"""
