from dataclasses import replace

import numpy as np
import pytest

from amc_learning.simulation.listings import bars_there, n_sessions_listed, symbols
from amc_learning.simulation.rules import SAMPLE
from amc_learning.simulation.truths import Delistings

MORTAL = replace(SAMPLE, n_sessions=504, n_symbols=4000, delistings=Delistings(share_a_year=0.2))


def test_without_delistings_every_symbol_is_listed_throughout():
    assert n_sessions_listed(SAMPLE).tolist() == [200.0] * 240
    assert len(set(symbols(SAMPLE))) == 240


def test_symbols_end_at_the_stated_rate_and_never_come_back():
    there = bars_there(replace(MORTAL, share_missing_bars=0.0))
    assert there[0].all()
    assert (np.diff(there.astype(int), axis=0) <= 0).all()
    for session, share in ((252, 0.2), (503, 1 - 0.8 ** (503 / 252))):
        error = np.sqrt(share * (1 - share) / 4000)
        assert 1 - there[session].mean() == pytest.approx(share, abs=4 * error)


def test_delistings_leave_the_missing_bars_of_the_symbols_still_listed_as_they_were():
    there, without = bars_there(MORTAL), bars_there(replace(MORTAL, delistings=None))
    is_listed = np.arange(504)[:, None] < n_sessions_listed(MORTAL)
    assert np.array_equal(there, without & is_listed)
    assert not without.all()
