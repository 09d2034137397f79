"""A seeded market of our own making, for machines without data and for tests that must know the truth.

Belongs here: invented prices, scores and discovery results, always marked as simulated. Not here: anything learned from
them (learning), reading them back (intake), showing them (cli). Imported by the command line and by tests only.
"""
