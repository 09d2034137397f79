"""When things run: jobs, schedules, sensors. Not here: what runs (assets, stages)."""
