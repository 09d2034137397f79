"""Price bars and index closes, judged row by row: what can be true is accepted, the rest is named and kept apart.

Belongs here: validity of daily bars and closes, duplicates, gaps. Not here: reading files, returns (learning).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

import polars as pl

from amc_learning.contracts.knowledge_days import FIRST_KNOWLEDGE_DAY
from amc_learning.contracts.tables import Table, catalogue
from amc_learning.intake.columns import find_columns, typed_date, typed_number, typed_symbol
from amc_learning.intake.discovery_shape import SYMBOL_RULE
from amc_learning.intake.errors import IntakeError
from amc_learning.intake.files import LINE_PROBLEM
from amc_learning.intake.judging import ROW, Rule, judge, rule, single

PRICE_NOISE = 1e-9
"""Relative: a high may lie below a close by float noise of an adjustment, not by more."""

FRIDAY = 5
"""`dt.weekday()` of polars: Monday is 1."""

SERIES_PATTERN = r"^[a-z][a-z0-9_]{0,31}$"
CLOSE_SUFFIX = "_close"
BAR_COLUMNS = ("symbol", "date", "open", "high", "low", "close")
_PRICES = ("open", "high", "low", "close")
_LABELS = tuple(f"{name}_usd" for name in _PRICES)
_BAR_LABELS = {**dict(zip(_PRICES, _LABELS, strict=True)), "volume": "volume_shares"}


@dataclass(frozen=True)
class NormalisedTable:
    """The rows of a file, sorted out.

    accepted: rows of the table, sorted by known_on and key. rejected: source, row (counted from 1, header not
    counted), field, value, reason. Every row of the file is accepted, rejected, or one of `n_identical_duplicates`
    (and, in wide index files, `n_empty` cells). gaps: sessions between the first and last accepted day without any row.
    """

    accepted: pl.DataFrame
    rejected: pl.DataFrame
    n_rows: int
    n_identical_duplicates: int = 0
    n_empty: int = 0
    gaps: tuple[date, ...] = ()

    def messages(self, limit: int | None = None) -> list[str]:
        """One sentence per rejected row, as people read it: `bars.csv row 3: high_usd 10.2 is below ...`."""
        shown = self.rejected.select("source", "row", "reason").head(self.rejected.height if limit is None else limit)
        return [f"{source} row {row}: {reason}" for source, row, reason in shown.iter_rows()]


def normalise_bars(
    table: pl.DataFrame, *, source: str, today: date, exchange_sessions: frozenset[date] | None
) -> NormalisedTable:
    """Rows of price_bars from a table of daily bars.

    Rejected are: bad symbols and dates, days before the warehouse begins, after `today` or without a session, prices
    that are missing, not finite or not positive, a high below open, low or close, a low above open or close (each
    beyond float noise), negative volume, and all bars of a symbol and day that contradict each other. Identical
    repetitions are counted once. Missing volume is null.

    Args:
        table: columns as in the file; vendors' names for them are understood (columns.ALIASES).
        source: name of the file, for the messages.
        today: the last day a bar can be of.
        exchange_sessions: days on which the exchange was open; with null, weekends are refused and no gaps are known.

    Raises:
        IntakeError: a needed column is missing.
    """
    names = find_columns(table, BAR_COLUMNS, source=source, optional=("volume",))
    sent = _as_sent(table, names)
    if "volume" not in names:
        sent = sent.with_columns(volume=pl.lit(None, pl.Float64))
    rows = sent.select(
        "row",
        LINE_PROBLEM,
        typed_symbol(sent["symbol"]),
        typed_date(sent["date"]),
        *(typed_number(sent[name]) for name in (*_PRICES, "volume")),
    ).with_columns(pl.col("volume").fill_nan(None))
    rules = _bar_rules(today, exchange_sessions)
    accepted, broken = judge(rows, sent, rules, source=source, subject="symbol", label="symbol")
    accepted, contradictory, n_identical = single(
        accepted,
        key="symbol",
        values=(*_PRICES, "volume"),
        labels=(*_LABELS, "volume_shares"),
        source=source,
        label="symbol",
    )
    return NormalisedTable(
        accepted.rename({"date": "known_on", **_BAR_LABELS}).select(_table("price_bars").column_names),
        pl.concat([broken, contradictory]).sort("row"),
        n_rows=table.height,
        n_identical_duplicates=n_identical,
        gaps=_gaps(accepted["date"], exchange_sessions),
    )


def normalise_index(
    table: pl.DataFrame, *, source: str, today: date, exchange_sessions: frozenset[date] | None
) -> NormalisedTable:
    """Rows of index_closes from a wide (date, sp500_close, vix_close) or long (date, series, close) table.

    In the wide form every column that ends in `_close` is a series, and an empty cell is a day without a close, not a
    mistake. Rejected are: bad dates and series names, closes that are no positive number, contradictory repetitions.

    Args:
        table: columns as in the file.
        source: name of the file, for the messages.
        today: the last day a close can be of.
        exchange_sessions: as in `normalise_bars`.

    Raises:
        IntakeError: neither form is recognised.
    """
    sent, n_empty = _long_index(table, source=source)
    series = sent["series"].cast(pl.String).str.strip_chars().str.to_lowercase().str.replace_all(r"[\s\-]+", "_")
    rows = sent.select(
        "row",
        LINE_PROBLEM,
        series.to_frame().select(pl.when(pl.col("series").str.contains(SERIES_PATTERN)).then("series")).to_series(),
        typed_date(sent["date"]),
        typed_number(sent["level"]),
    )
    rules = [
        _line_rule(),
        *_date_rules(today, exchange_sessions),
        rule(
            "series", pl.col("sent_series"), pl.col("series").is_null(), "is no name of a series (letters, digits, _)"
        ),
        *_number_rules("level", "close"),
    ]
    accepted, broken = judge(rows, sent, rules, source=source, subject="series", label="series")
    accepted, contradictory, n_identical = single(
        accepted, key="series", values=("level",), labels=("close",), source=source, label="series"
    )
    return NormalisedTable(
        accepted.rename({"date": "known_on", "level": "close_points"}).select(_table("index_closes").column_names),
        pl.concat([broken, contradictory]).sort("row", "field", "value"),
        n_rows=table.height,
        n_identical_duplicates=n_identical,
        n_empty=n_empty,
        gaps=_gaps(accepted["date"], exchange_sessions),
    )


def _table(name: str) -> Table:
    return catalogue(())[name]


def _gaps(days: pl.Series, exchange_sessions: frozenset[date] | None) -> tuple[date, ...]:
    """Sessions between the first and the last day that have no row at all."""
    present = set(days.unique().to_list())
    if not exchange_sessions or not present:
        return ()
    first, last = min(present), max(present)
    return tuple(day for day in sorted(exchange_sessions) if first <= day <= last and day not in present)


def _as_sent(table: pl.DataFrame, names: Mapping[str, str]) -> pl.DataFrame:
    """The wanted columns under our names, with the number of the row and the problem of the line, if any."""
    columns = [pl.col(found).alias(name) for name, found in names.items()]
    problem = pl.col(LINE_PROBLEM) if LINE_PROBLEM in table.columns else pl.lit(None, pl.String).alias(LINE_PROBLEM)
    return table.select(*columns, problem).with_row_index(ROW, offset=1)


def _long_index(table: pl.DataFrame, *, source: str) -> tuple[pl.DataFrame, int]:
    """The long form of an index table, and how many cells of a wide form were empty."""
    date_column = find_columns(table, ("date",), source=source)["date"]
    wide = [column for column in table.columns if column.strip().lower().endswith(CLOSE_SUFFIX)]
    if not wide:
        try:
            names = find_columns(table, ("date", "series", "level"), source=source)
        except IntakeError as error:
            raise IntakeError(f"{error}; or send one column per series, named like sp500{CLOSE_SUFFIX}") from error
        return _as_sent(table, names), 0
    cells = []
    for column in wide:
        frame = _as_sent(table, {"date": date_column, "level": column})
        series = column.strip().lower().removesuffix(CLOSE_SUFFIX)
        cells.append(frame.with_columns(pl.col("level").cast(pl.String), series=pl.lit(series)))
    long = pl.concat(cells)
    is_cell_empty = pl.col(LINE_PROBLEM).is_null() & (pl.col("level").is_null() | _says_nothing(pl.col("level")))
    return long.filter(~is_cell_empty), int(long.select(is_cell_empty.sum()).item())


def _says_nothing(text: pl.Expr) -> pl.Expr:
    """Whether text stands for a missing value, as files of other tools write it."""
    return text.str.strip_chars().str.to_lowercase().is_in(["", "nan", "null", "none", "n/a"])


def _line_rule() -> Rule:
    problem = pl.col(LINE_PROBLEM)
    return rule("line", pl.lit(None, pl.String), problem.is_not_null(), problem)


def _date_rules(today: date, exchange_sessions: frozenset[date] | None) -> list[Rule]:
    sent, day = pl.col("sent_date"), pl.col("date")
    rules = [
        rule("date", sent, day.is_null(), "is no date; YYYY-MM-DD is"),
        rule("date", sent, day < FIRST_KNOWLEDGE_DAY, f"lies before {FIRST_KNOWLEDGE_DAY}, where the warehouse begins"),
        rule("date", sent, day > today, f"lies in the future: today is {today.isoformat()}"),
        rule("date", sent, day.dt.weekday() > FRIDAY, "is a weekend: the exchange has no session"),
    ]
    if exchange_sessions:
        first, last = min(exchange_sessions), max(exchange_sessions)
        sessions = pl.Series(sorted(exchange_sessions), dtype=pl.Date).implode()
        outside = f"lies outside the sessions known, {first.isoformat()} to {last.isoformat()}"
        rules.append(rule("date", sent, ~day.is_between(first, last), outside))
        rules.append(rule("date", sent, ~day.is_in(sessions), "is a holiday: the exchange has no session"))
    return rules


def _number_rules(name: str, label: str) -> list[Rule]:
    sent, value = pl.col(f"sent_{name}"), pl.col(name)
    return [
        rule(label, pl.lit(None, pl.String), value.is_null(), "is missing", when=sent.is_null() | _says_nothing(sent)),
        rule(label, sent, value.is_null(), "is no number"),
        rule(label, sent, ~value.is_finite(), "is not finite"),
        rule(label, sent, value <= 0, "is not positive"),
    ]


def _bar_rules(today: date, exchange_sessions: frozenset[date] | None) -> list[Rule]:
    """Every rule of a bar, in the order in which a row is told what is wrong with it."""
    sent_volume, volume = pl.col("sent_volume"), pl.col("volume")
    return [
        _line_rule(),
        rule("symbol", pl.col("sent_symbol"), pl.col("symbol").is_null(), f"is no symbol: {SYMBOL_RULE}"),
        *_date_rules(today, exchange_sessions),
        *(number_rule for name in _PRICES for number_rule in _number_rules(name, f"{name}_usd")),
        _order_rule("high", "low", "below"),
        _order_rule("high", "open", "below"),
        _order_rule("high", "close", "below"),
        _order_rule("low", "open", "above"),
        _order_rule("low", "close", "above"),
        rule("volume_shares", sent_volume, volume.is_null(), "is no number", when=~_says_nothing(sent_volume)),
        rule("volume_shares", sent_volume, volume.is_infinite(), "is not finite"),
        rule("volume_shares", sent_volume, volume < 0, "is negative"),
    ]


def _order_rule(name: str, other: str, relation: str) -> Rule:
    value, bound = pl.col(name), pl.col(other)
    is_broken = value < bound * (1 - PRICE_NOISE) if relation == "below" else value > bound * (1 + PRICE_NOISE)
    reason = pl.format("is {} {} {}", pl.lit(relation), pl.lit(f"{other}_usd"), pl.col(f"sent_{other}"))
    return rule(f"{name}_usd", pl.col(f"sent_{name}"), is_broken, reason)
