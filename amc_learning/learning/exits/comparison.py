"""Every setting beside what was done on the same trades, as rows of the tables.

Belongs here: which trades all settings can be compared on, and the rows. Not here: what settings earned (measures.py),
whether one is better (judgement.py).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
import polars as pl

from amc_learning.contracts.declared.exits import exit_advice, exit_strategies
from amc_learning.learning.exits.daily_gains import Floats
from amc_learning.learning.exits.grid import GRID
from amc_learning.learning.exits.judgement import Judgement, judge_exits
from amc_learning.learning.exits.measures import Measures, measures, reproduced, share_of
from amc_learning.learning.exits.rows import interval_of, typed
from amc_learning.learning.exits.sample import TRADES, ExitSample
from amc_learning.learning.exits.simulation import ExitReason, ExitRule, Exits, simulate_exits
from amc_learning.learning.inference import MeanInferences

AS_DONE = "as done"


@dataclass(frozen=True)
class Comparison:
    """Settings beside what was done on the same trades.

    Attributes:
        rules: the settings tried.
        sample: the trades compared, those left out counted.
        exits: of the settings.
        actual: measures of what was done (one entry each).
        simulated: measures of the settings.
        judgement: whether one is better.
    """

    rules: Sequence[ExitRule]
    sample: ExitSample
    exits: Exits
    actual: Measures
    simulated: Measures
    judgement: Judgement


def compare_exits(sample: ExitSample, *, seed: Sequence[int], rules: Sequence[ExitRule] = GRID) -> Comparison | None:
    """Compare every setting with what was done, and judge; None when no trade can be simulated under all of them.

    A trade on which any setting has no exit price is left out of all of them, and counted: otherwise settings would be
    compared on different trades.

    Args:
        sample: trades whose holding limits are all over.
        seed: of the draws; the same seed gives the same numbers.
        rules: the settings tried.
    """
    exits = simulate_exits(sample.entries, sample.panel, rules)
    complete = np.asarray(exits.is_closed.all(axis=0))
    if not complete.any():
        return None
    if not complete.all():
        sample = sample.only(complete)
        exits = simulate_exits(sample.entries, sample.panel, rules)
    generators = [np.random.default_rng([*seed, purpose]) for purpose in range(3)]
    judgement = judge_exits(sample, exits, rules, generator=generators[0])
    entered, overlap = sample.entries.session, judgement.overlap_sessions
    actual = measures(
        sample.actual_return[None],
        sample.actual_exit_session[None],
        entered,
        overlap_sessions=overlap,
        generator=generators[1],
    )
    simulated = measures(
        exits.returns, entered + exits.held_sessions - 1, entered, overlap_sessions=overlap, generator=generators[2]
    )
    return Comparison(rules, sample, exits, actual, simulated, judgement)


def strategy_rows(compared: Comparison, week: date) -> pl.DataFrame:
    """Table exit_strategies of one week."""
    judgement = compared.judgement
    best = int(np.argmax(compared.simulated.expectancy.estimate))
    one_sided = _one_sided(judgement.gains)
    stop, target = (
        share_of(compared.exits, ExitReason.STOP_LOSS, ExitReason.TRAILING_STOP),
        share_of(compared.exits, ExitReason.PROFIT_TARGET),
    )
    rows = [
        {
            "setting": AS_DONE,
            **_measured(compared.actual, 0),
            "stop_rate": float(compared.sample.is_stopped_out.mean()) if compared.sample.basis == TRADES else None,
            "is_best_in_sample": False,
            "is_recommended": False,
        }
    ]
    rows.extend(
        {
            "setting": rule.text,
            **_levels(rule),
            **_measured(compared.simulated, at),
            "stop_rate": stop[at],
            "target_rate": target[at],
            **_interval("difference", judgement.gains, at),
            "p_value": one_sided[at],
            "adjusted_p_value": judgement.tests.adjusted_p_values[at],
            "is_best_in_sample": at == best,
            "is_recommended": at == judgement.advice.recommended,
        }
        for at, rule in enumerate(compared.rules)
    )
    shared = {
        "known_on": week,
        "basis": compared.sample.basis,
        "n_trades": len(compared.sample.entries),
        "n_days": judgement.n_days,
    }
    return typed(exit_strategies(), [{**shared, **row} for row in rows])


def advice_row(compared: Comparison, week: date) -> pl.DataFrame:
    """Table exit_advice of one week."""
    best = int(np.argmax(compared.simulated.expectancy.estimate))
    judgement, sample = compared.judgement, compared.sample
    advice, forward = judgement.advice, judgement.forward.gain
    recommended = None if advice.recommended is None else compared.rules[advice.recommended]
    found = reproduced(compared.exits, sample.entries.session, sample.actual_exit_session, sample.actual_exit_price_usd)
    closest = int(np.argmax(found))
    row = {
        "known_on": week,
        "basis": sample.basis,
        "decision": advice.decision,
        "reason": advice.reason,
        "recommended_setting": None if recommended is None else recommended.text,
        **({} if recommended is None else _levels(recommended)),
        "n_trades": len(sample.entries),
        "n_days": judgement.n_days,
        "n_trades_still_open": int(sample.is_still_open.sum()),
        "n_trades_immature": sample.n_immature,
        "n_trades_unusable": sample.n_unusable,
        "n_settings_tried": len(compared.rules),
        **_interval("actual_expectancy", compared.actual.expectancy, 0),
        "best_setting": compared.rules[best].text,
        "best_difference": judgement.gains.estimate[best],
        "best_adjusted_p_value": judgement.tests.adjusted_p_values.min(),
        **interval_of("out_of_sample_difference", forward),
        "out_of_sample_p_value": advice.out_of_sample_p_value,
        "n_folds": len(judgement.forward.chosen),
        "n_out_of_sample_days": int(judgement.forward.is_judged.sum()),
        "chosen_settings": [compared.rules[at].text for at in judgement.forward.chosen],
        "spa_p_value": judgement.tests.spa_p_value,
        "reality_check_p_value": judgement.tests.reality_check_p_value,
        "deflated_sharpe_ratio": judgement.tests.deflated_sharpe_ratio,
        "reproducing_setting": compared.rules[closest].text if found[closest] else None,
        "n_trades_reproduced": int(found[closest]),
    }
    return typed(exit_advice(), [row])


def _levels(rule: ExitRule) -> dict[str, Any]:
    return {
        "stop_loss": rule.stop_loss,
        "trailing_stop": rule.trailing_stop,
        "profit_target": rule.profit_target,
        "max_sessions": rule.max_sessions,
    }


def _measured(measured: Measures, at: int) -> dict[str, Any]:
    return {
        **_interval("expectancy", measured.expectancy, at),
        **_interval("win_rate", measured.win_rate, at),
        "mean_holding_sessions": measured.mean_holding_sessions[at],
        "return_per_session": measured.return_per_session[at],
        "max_drawdown": measured.max_drawdown.estimate[at],
        "max_drawdown_ci_low": measured.max_drawdown.ci_low[at],
        "max_drawdown_ci_high": measured.max_drawdown.ci_high[at],
    }


def _interval(name: str, found: MeanInferences, at: int) -> dict[str, Any]:
    return {name: found.estimate[at], f"{name}_ci_low": found.ci_low[at], f"{name}_ci_high": found.ci_high[at]}


def _one_sided(found: MeanInferences) -> Floats:
    return np.where(found.estimate > 0, found.p_value / 2, 1 - found.p_value / 2)
