"""Outcomes of the real feed, shuffled within each cross-section: how often do weights move when nothing can be learned?

Run by hand, on a data directory that holds the real feed after `amc-learning backfill`; it reads and never writes:

    AMC_LEARNING_DATA_DIR=DIR python -m amc_learning_tests.truth.shuffled_feed_study --seeds 5

Candidates and controls of one entry day and horizon exchange their returns among each other, whole rows of outcome at a
time. Scores, their persistence, and the distribution of returns of every day stay what they were; overlap between the
days of one symbol's longer labels is lost, so the study speaks about the horizon that decides (1 session) only.
"""

# ruff: noqa: T201 - a study reports to the terminal.

import argparse
from datetime import date

import numpy as np
import polars as pl

from amc_learning.contracts.knowledge_days import knowledge_days
from amc_learning.learning.daily_statistics import daily_statistics
from amc_learning.learning.weights import FeatureWeights, decide_weights
from amc_learning.settings import Settings
from amc_learning.stages.decide import weight_rules
from amc_learning.warehouse import Warehouse

OUTCOME = ("forward_return", "is_winner", "is_loser")
FIRST, LAST = date(2008, 1, 2), date(2014, 12, 15)


def shuffled(joined: pl.DataFrame, seed: int) -> pl.DataFrame:
    """The frame with outcomes permuted among the rows of each entry day and horizon."""
    order = np.random.default_rng(seed).random(joined.height)
    section = ["horizon", "entry_date"]
    kept = joined.sort("known_on", *section, "decision_id")
    donors = kept.with_columns(order=pl.Series(order)).sort("known_on", *section, "order")
    return kept.with_columns(donors.select(*OUTCOME).get_columns())


def main() -> None:
    """Run the study and print one line per seed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--unshuffled", action="store_true", help="the feed as it is, for comparison")
    arguments = parser.parse_args()
    settings = Settings()
    warehouse = Warehouse.open(settings.data_dir, settings.features.components)
    joined = warehouse.table("feature_outcomes").read(FIRST, LAST).filter("is_in_cross_section")
    days, rules = knowledge_days(FIRST, LAST), weight_rules(settings)
    features = FeatureWeights(settings.features.components, settings.features.default_weights)
    print(f"{joined.height:,} rows, {len(days):,} nights, {settings.weights.yearly_false_change_rate} a year")
    for seed in [None] if arguments.unshuffled else range(arguments.seeds):
        world = joined if seed is None else shuffled(joined, seed)
        statistics = daily_statistics(world, components=settings.features.components)
        chosen = world.filter("is_selected")
        decisions = decide_weights(statistics, chosen, as_of=days, features=features, rules=rules)
        by_status = decisions.group_by("status").agg(pl.col("known_on").n_unique()).sort("status")
        last = decisions.filter(pl.col("known_on") == days[-1])
        drift = sum(abs(row["weight"] - features.default_weights[row["component"]]) for row in last.to_dicts())
        moved = decisions.filter(pl.col("change") != 0)["known_on"].unique().sort()
        print(
            f"seed {seed}: {dict(by_status.iter_rows())}; nights that moved {len(moved)} "
            f"({[str(day) for day in moved[:3]]}...); sum of |steps| {decisions['change'].abs().sum():.4f}; "
            f"|last - default| {drift:.4f}",
            flush=True,
        )


if __name__ == "__main__":
    main()
