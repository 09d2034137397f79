"""Tables of exits: other rules re-simulated on real bars beside what was done, and the size of a position by its risk."""

import polars as pl

from amc_learning.contracts.declared.columns import KNOWN_ON, Column, Table

STAGE = "weekly"

BASIS = Column(
    "basis",
    pl.String,
    "What the sample is: trades (opened by the trading system, compared with how they were closed) or candidates (no "
    "trade in the window: every selected candidate bought at the next open, compared with holding it to the last limit).",
)
SETTING = "Text of the rule, for example `stop 8 %, target 15 %, 30 sessions`"

LEVELS = (
    Column("stop_loss", pl.Float64, "Fall below the price paid that sells; null: none.", "fraction", is_nullable=True),
    Column(
        "trailing_stop",
        pl.Float64,
        "Fall below the highest price since the purchase that sells; null: none.",
        "fraction",
        is_nullable=True,
    ),
    Column(
        "profit_target", pl.Float64, "Rise over the price paid that sells; null: none.", "fraction", is_nullable=True
    ),
    Column(
        "max_sessions",
        pl.Int64,
        "Sessions held at most, the entry session counted; sold at the close of the last.",
        "sessions",
        is_nullable=True,
    ),
)


def _interval(name: str, what: str, unit: str) -> tuple[Column, ...]:
    """An estimate and its 95 % interval; all null without evidence enough."""
    return (
        Column(name, pl.Float64, what, unit, is_nullable=True),
        Column(f"{name}_ci_low", pl.Float64, f"Lower end of the 95 % interval of {name}.", unit, is_nullable=True),
        Column(f"{name}_ci_high", pl.Float64, f"Upper end of the 95 % interval of {name}.", unit, is_nullable=True),
    )


def exit_strategies() -> Table:
    """Declaration of exit_strategies."""
    return Table(
        "exit_strategies",
        STAGE,
        "What each rule for stop, target and holding limit would have earned on the same trades, beside what was done; "
        "costs are not included.",
        ("setting",),
        (
            KNOWN_ON,
            Column("setting", pl.String, f"{SETTING}; `as done` for what was done."),
            BASIS,
            *LEVELS,
            Column("n_trades", pl.Int64, "Trades compared, the same for every setting.", "trades"),
            Column("n_days", pl.Int64, "Entry sessions they were opened on.", "sessions"),
            *_interval("expectancy", "Mean return per trade.", "fraction"),
            *_interval("win_rate", "Share of trades with a return above 0.", "fraction"),
            Column("stop_rate", pl.Float64, "Share of trades sold by a stop.", "fraction", is_nullable=True),
            Column("target_rate", pl.Float64, "Share of trades sold at the target.", "fraction", is_nullable=True),
            Column(
                "mean_holding_sessions",
                pl.Float64,
                "Mean sessions from entry to exit, both counted.",
                "sessions",
                is_nullable=True,
            ),
            Column(
                "return_per_session",
                pl.Float64,
                "Sum of returns over sum of sessions held: what tied-up capital earned.",
                "fraction per session",
                is_nullable=True,
            ),
            *_interval(
                "max_drawdown",
                "Deepest fall of the sum of returns of equal-sized trades, by exit session.",
                "position sizes",
            ),
            *_interval("difference", "Mean return per trade less that of what was done.", "fraction"),
            Column("p_value", pl.Float64, "One-sided, of no gain over what was done.", "probability", is_nullable=True),
            Column(
                "adjusted_p_value",
                pl.Float64,
                "Chance that the best of all settings tried looks as good were none better than what was done.",
                "probability",
                is_nullable=True,
            ),
            Column("is_best_in_sample", pl.Boolean, "Highest mean return of all settings; says nothing of luck."),
            Column("is_recommended", pl.Boolean, "The setting exit_advice advises; at most one."),
        ),
    )


def exit_advice() -> Table:
    """Declaration of exit_advice."""
    return Table(
        "exit_advice",
        STAGE,
        "Whether another rule for exits is better than what was done, beyond chance and on days not used to choose it.",
        ("basis",),
        (
            KNOWN_ON,
            BASIS,
            Column("decision", pl.String, "change, keep or insufficient_evidence."),
            Column("reason", pl.String, "Why, in a sentence."),
            Column("recommended_setting", pl.String, f"{SETTING}; null unless change.", is_nullable=True),
            *LEVELS,
            Column("n_trades", pl.Int64, "Trades compared.", "trades"),
            Column("n_days", pl.Int64, "Entry sessions they were opened on.", "sessions"),
            Column(
                "n_trades_still_open",
                pl.Int64,
                "Of them not closed yet though every holding limit is over; valued at the last close.",
                "trades",
            ),
            Column("n_trades_immature", pl.Int64, "Left out: the longest holding limit is not over yet.", "trades"),
            Column(
                "n_trades_unusable",
                pl.Int64,
                "Left out: bought in several parts, no price or entry session, a price paid outside the bar, or a bar "
                "missing on an exit.",
                "trades",
            ),
            Column("n_settings_tried", pl.Int64, "Settings compared; what the p-values are corrected for.", "settings"),
            *_interval("actual_expectancy", "Mean return per trade of what was done.", "fraction"),
            Column(
                "best_setting", pl.String, "The setting with the highest mean return in the sample.", is_nullable=True
            ),
            Column(
                "best_difference",
                pl.Float64,
                "Its mean return less that of what was done, luck included.",
                "fraction",
                is_nullable=True,
            ),
            Column(
                "best_adjusted_p_value",
                pl.Float64,
                "Smallest adjusted p-value of all settings tried.",
                "probability",
                is_nullable=True,
            ),
            *_interval(
                "out_of_sample_difference",
                "Mean return per trade over what was done of the setting chosen on earlier days, on later days.",
                "fraction",
            ),
            Column(
                "out_of_sample_p_value",
                pl.Float64,
                "One-sided, of no gain on later days.",
                "probability",
                is_nullable=True,
            ),
            Column("n_folds", pl.Int64, "Stretches of later days it was judged on.", "folds"),
            Column("n_out_of_sample_days", pl.Int64, "Entry sessions of those stretches.", "sessions"),
            Column(
                "chosen_settings",
                pl.List(pl.String),
                "The setting chosen before each stretch, in order of time.",
            ),
            Column(
                "spa_p_value",
                pl.Float64,
                "Test for superior predictive ability over all settings (Hansen 2005, consistent).",
                "probability",
                is_nullable=True,
            ),
            Column(
                "reality_check_p_value",
                pl.Float64,
                "The same without regard to how bad the bad settings are (White 2000, studentised).",
                "probability",
                is_nullable=True,
            ),
            Column(
                "deflated_sharpe_ratio",
                pl.Float64,
                "Probability that the best Sharpe ratio of the gain over what was done exceeds what the best of as "
                "many worthless settings shows.",
                "probability",
                is_nullable=True,
            ),
            Column(
                "reproducing_setting",
                pl.String,
                "The setting that gives back most trades as they were done; null when none gives back any.",
                is_nullable=True,
            ),
            Column(
                "n_trades_reproduced", pl.Int64, "Closed trades whose exit session and price it gives back.", "trades"
            ),
        ),
    )


def position_size_advice() -> Table:
    """Declaration of position_size_advice."""
    return Table(
        "position_size_advice",
        STAGE,
        "Which share of positions was stopped out by the volatility known at entry, and the size advised for it.",
        ("volatility_band",),
        (
            KNOWN_ON,
            Column("volatility_band", pl.Int64, "Fifth of the trades by volatility; 1 is the calmest."),
            BASIS,
            Column(
                "volatility_from",
                pl.Float64,
                "Lowest volatility of the band, over the 20 sessions before entry; null: no lower end.",
                "fraction per year",
                is_nullable=True,
            ),
            Column(
                "volatility_to",
                pl.Float64,
                "Volatility below which the band ends; null: no upper end.",
                "fraction per year",
                is_nullable=True,
            ),
            Column("n_trades", pl.Int64, "Trades of the band.", "trades"),
            Column("n_stopped_out", pl.Int64, "Of them sold by a stop.", "trades"),
            *_interval(
                "stop_out_rate", "n_stopped_out over n_trades; the interval takes days as clusters.", "fraction"
            ),
            Column("mean_return", pl.Float64, "Mean return per trade of the band.", "fraction", is_nullable=True),
            Column(
                "size_factor",
                pl.Float64,
                "Factor on the usual position size, 0.5 to 1.5; 1 throughout unless advised.",
                "factor",
            ),
            Column(
                "is_advised", pl.Boolean, "The relation is beyond chance and sizing by it lowered risk on later days."
            ),
            Column("reason", pl.String, "Why, in a sentence; the same in every band."),
            Column(
                "trend_p_value",
                pl.Float64,
                "Two-sided, of no trend of stop-outs over bands; the same in every band.",
                "probability",
                is_nullable=True,
            ),
            *_interval(
                "variance_ratio",
                "Variance of returns sized over unsized at the same mean exposure, on later days; the same in every band.",
                "ratio",
            ),
            *_interval(
                "worst_loss_ratio",
                "Mean of the worst twentieth of returns sized over unsized, likewise.",
                "ratio",
            ),
            *_interval("mean_return_difference", "Mean return sized less unsized, likewise.", "fraction"),
            Column("n_out_of_sample_days", pl.Int64, "Entry sessions it was judged on.", "sessions"),
        ),
    )
