"""Bytes of a partition follow from its rows alone."""

import polars as pl
import pytest

from amc_learning.warehouse.frames import parquet_bytes

N_ROWS, N_POINTS = 4000, 40
"""More than a page of 1 MiB, by lists as by strings."""

LONG = pl.DataFrame(
    {
        "points": [[row + point / N_POINTS for point in range(N_POINTS)] for row in range(N_ROWS)],
        "names": [[f"name {row} {point}" for point in range(N_POINTS)] for row in range(N_ROWS)],
        "payload": [f"{row} " * 400 for row in range(N_ROWS)],
    },
    schema={"points": pl.List(pl.Float64), "names": pl.List(pl.String), "payload": pl.String},
)


@pytest.mark.parametrize("first", [0, 1234, N_ROWS - 15])
@pytest.mark.parametrize("column", LONG.columns)
def test_rows_cut_from_a_long_frame_have_the_bytes_they_have_alone(column, first):
    cut = LONG.select(column).slice(first, 15)
    alone = pl.DataFrame(cut.to_dict(as_series=False), schema=cut.schema)
    assert parquet_bytes(cut) == parquet_bytes(alone)
