"""The science: pure functions from frames and arrays to frames and dataclasses.

Belongs here: whatever a statistician would recognise. Not here: disks, clocks, Dagster, settings objects; time enters
as an argument, randomness as a seeded generator.
"""
