"""The stages of the loop as functions of a range of knowledge days: read the window, call the science, write the days.

Belongs here: which partitions a stage reads and writes. Not here: statistics (learning), file formats (warehouse),
anything of Dagster (assets). A night is a range of one day, a backfill a range of years; both call these functions,
so both give the same bytes.
"""
