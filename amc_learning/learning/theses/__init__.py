"""Were theses right, and does their confidence mean what it says?

Belongs here: the outcome of theses, accuracy, reliability, and AI against rules.
Not here: which map corrects a confidence (calibration), the events themselves (intake), reading or writing anything.
"""
