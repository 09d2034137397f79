"""Judging the rows of a table by rules: which are accepted, and what is wrong with the first rule the others break.

Belongs here: the mechanics of rules, duplicates and their messages. Not here: the rules of bars and indices (bars.py).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

from amc_learning.intake.text import LONGEST_VALUE

ROW = "row"
"""Number of the row in its file, from 1, the header not counted."""

REJECTED_SCHEMA = pl.Schema(
    {"source": pl.String, "row": pl.Int64, "field": pl.String, "value": pl.String, "reason": pl.String}
)


@dataclass(frozen=True)
class Rule:
    """A condition under which a row cannot be accepted; an unknown (null) condition counts as not met.

    `may_be_broken` looks at typed columns only and must hold whenever `is_broken` does; `is_broken` and `reason` may
    also look at the values as sent, `sent_<column>`, as text. The message is `<field> <value> <reason>`.
    """

    field: str
    value: pl.Expr
    may_be_broken: pl.Expr
    is_broken: pl.Expr
    reason: pl.Expr


def rule(field: str, value: pl.Expr, is_broken: pl.Expr, reason: str | pl.Expr, *, when: pl.Expr | None = None) -> Rule:
    """A rule on typed columns; `when` narrows it by values as sent."""
    text = pl.lit(reason) if isinstance(reason, str) else reason
    return Rule(field, value, is_broken, is_broken if when is None else is_broken & when, text)


def judge(
    rows: pl.DataFrame, sent: pl.DataFrame, rules: Sequence[Rule], *, source: str, subject: str, label: str
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Rows that break no rule, and the rejections of the others, each by the first rule it breaks.

    Values as sent become text only for the few rows that may break a rule, which keeps millions of good rows cheap.

    Args:
        rows: typed columns, null where a value could not be typed.
        sent: the same rows, in the same order, as they were in the file.
        rules: in the order in which they are told.
        source: name of the file.
        subject, label: the column that says whom a row is about, and its word in the message.
    """
    is_suspect = rows.select(pl.any_horizontal(rule.may_be_broken.fill_null(value=False) for rule in rules)).to_series()
    as_text = sent.drop(ROW).filter(is_suspect).select(pl.all().cast(pl.String).name.prefix("sent_"))
    suspects = pl.concat([rows.filter(is_suspect), as_text], how="horizontal")
    first_broken = pl.coalesce(
        pl.when(rule.is_broken).then(pl.lit(number, pl.Int32)) for number, rule in enumerate(rules)
    )
    numbered = suspects.with_columns(rule_number=first_broken)
    cleared = numbered.filter(pl.col("rule_number").is_null()).select(rows.columns)
    rejected = [
        _rejections(numbered.filter(pl.col("rule_number") == number), rules[number], source, subject, label)
        for number in sorted(numbered["rule_number"].drop_nulls().unique().to_list())
    ]
    accepted = pl.concat([rows.filter(~is_suspect), cleared])
    return accepted, pl.concat([pl.DataFrame(schema=REJECTED_SCHEMA), *rejected])


def single(
    rows: pl.DataFrame, *, key: str, values: Sequence[str], labels: Sequence[str], source: str, label: str
) -> tuple[pl.DataFrame, pl.DataFrame, int]:
    """One row per date and key: identical repetitions collapse, contradictory ones are all rejected.

    Which of two contradictory rows is right cannot be known, and the last one is no better than the first.

    Args:
        rows: accepted rows with `row`, `date` and the key.
        key: column that with the date should be unique.
        values: columns that make two rows equal; `labels` are their names in the message.
        source, label: for the message.

    Returns:
        The single rows, sorted by date and key; rejections; the number of repetitions that were left out.
    """
    ordered = rows.sort("date", key, ROW)
    same_key = (pl.col("date") == pl.col("date").shift()) & (pl.col(key) == pl.col(key).shift())
    repeats = ordered.select(same_key.fill_null(value=False)).to_series()
    if not repeats.any():
        return ordered, pl.DataFrame(schema=REJECTED_SCHEMA), 0
    is_in_group = repeats | repeats.shift(-1, fill_value=False)
    group = ["date", key]
    n_versions = pl.struct(values).n_unique().over(group)
    repeated = ordered.filter(is_in_group).with_columns(n_versions=n_versions, first_row=pl.col(ROW).min().over(group))
    identical = repeated.filter(pl.col("n_versions") == 1)
    kept = identical.filter(pl.col(ROW) == pl.col("first_row")).select(rows.columns)
    differing = repeated.filter(pl.col("n_versions") > 1)
    value = pl.concat_str(
        [pl.format("{} {}", pl.lit(name), pl.col(column)) for column, name in zip(values, labels, strict=True)],
        separator=", ",
        ignore_nulls=True,
    )
    where = pl.format(" ({} {}, {})", pl.lit(label), pl.col(key), pl.col("date"))
    reason = pl.format(
        "{} other versions of this day contradict it (the first in row {}); none was taken: send the right one alone{}",
        pl.col("n_versions") - 1,
        pl.col("first_row"),
        where,
    )
    rejected = differing.select(_rejection_columns(source, "date", value, reason))
    single_rows = pl.concat([ordered.filter(~is_in_group), kept]).sort("date", key)
    return single_rows, rejected, identical.height - kept.height


def _rejections(broken: pl.DataFrame, rule: Rule, source: str, subject: str, label: str) -> pl.DataFrame:
    value = rule.value.cast(pl.String).str.slice(0, LONGEST_VALUE)
    named = pl.format(
        " ({} {}, {})",
        pl.lit(label),
        pl.col(f"sent_{subject}").str.slice(0, LONGEST_VALUE).fill_null("missing"),
        pl.coalesce(pl.col("date").cast(pl.String), pl.col("sent_date").str.slice(0, LONGEST_VALUE), pl.lit("no date")),
    )
    said = pl.concat_str([pl.lit(rule.field), value, rule.reason], separator=" ", ignore_nulls=True)
    return broken.select(_rejection_columns(source, rule.field, value, pl.concat_str(said, named)))


def _rejection_columns(source: str, field: str, value: pl.Expr, reason: pl.Expr) -> list[pl.Expr]:
    return [
        pl.lit(source).alias("source"),
        pl.col(ROW).cast(pl.Int64).alias("row"),
        pl.lit(field).alias("field"),
        value.alias("value"),
        reason.alias("reason"),
    ]
