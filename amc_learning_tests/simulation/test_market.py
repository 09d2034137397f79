import gzip
import hashlib
import json
import os
import subprocess
import sys
from dataclasses import asdict, replace
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from amc_learning.simulation.market import simulate_market, write_market
from amc_learning.simulation.rules import SAMPLE, ThesisRules, TradeRules

from .conftest import weekdays
from .estimates import daily_information_coefficients

WIDE = replace(SAMPLE, n_sessions=250, n_symbols=400, share_missing_bars=0.03, share_missing_scores=0.1)


@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize(
    "planted",
    [{"technical": 0.15, "sentiment": -0.10}, {"squeeze": 0.4, "options": -0.5, "catalyst": 0.02}],
    ids=["sample effects", "large effects"],
)
def test_planted_information_coefficients_are_recovered_and_the_other_components_have_none(simulate, seed, planted):
    market = simulate(replace(WIDE, seed=seed, component_information_coefficients=planted))
    for component in WIDE.components:
        daily = daily_information_coefficients(market, component)
        assert len(daily) == WIDE.n_sessions - 1
        standard_error = daily.std(ddof=1) / np.sqrt(len(daily))
        assert abs(daily.mean() - planted.get(component, 0.0)) < 4 * standard_error < 0.02


def test_a_market_without_planted_effects_has_none_and_errs_no_more_than_chance(simulate):
    market = simulate(replace(WIDE, component_information_coefficients={}))
    ratios = []
    for component in WIDE.components:
        daily = daily_information_coefficients(market, component)
        ratios.append(daily.mean() / daily.std(ddof=1) * np.sqrt(len(daily)))
    assert max(map(abs, ratios)) < 3.5
    assert 0.3 < np.sqrt(np.mean(np.square(ratios))) < 1.9


def test_the_sign_of_an_effect_only_mirrors_it(simulate):
    up, down = (
        daily_information_coefficients(
            simulate(replace(WIDE, component_information_coefficients={"technical": effect})), "technical"
        ).mean()
        for effect in (0.3, -0.3)
    )
    assert up == pytest.approx(-down, abs=0.02)


def test_planting_an_effect_leaves_scores_and_market_as_they_were(simulate):
    with_effects, without = simulate(SAMPLE), simulate(replace(SAMPLE, component_information_coefficients={}))
    assert with_effects.scores.equals(without.scores)
    assert with_effects.index.equals(without.index)
    assert not with_effects.bars.equals(without.bars)


def test_same_rules_same_market_and_another_seed_another_market(simulate, sample):
    again, other = simulate(SAMPLE), simulate(replace(SAMPLE, seed=1))
    assert again.bars.equals(sample.bars)
    assert again.discovery_results == sample.discovery_results
    assert (again.theses, again.trades) == (sample.theses, sample.trades)
    assert other.theses != sample.theses
    assert not other.bars.equals(sample.bars)
    assert not other.scores.equals(sample.scores)


SAMPLE_SHA256 = {
    "bars": "6aebf688cf47a910ef1f82f115a5dfae9ac52c1659d688c45be10e96c3239261",
    "index": "eb27d944cfc75b29f116d5e7c62aff072b435cc51ae4b121fc7e7be9946076a3",
    "scores": "a92c6cce5e324f3369d245388519d60e974c05734f9c50cb448aa56d0aa09bab",
    "discovery_results": "8410fa0adf4e6a16333e2c625bf9fc85acceb1ae8b60c55ef516097db65a812a",
    "theses": "929ea2e4c794ec66ada709e4e03eb041ca05ea99ba9723aae8142dfa2dd9d4db",
    "trades": "2d58dac62613e7e5040c778c40fad3ddb48095d5ed711ddfc93dd115caf5d401",
}
"""Of the sample over plain weekdays as it was before there were other truths than linear effects, part by part."""


@pytest.mark.parametrize("part", SAMPLE_SHA256)
def test_the_sample_is_what_it_was_before_other_truths_could_be_planted(sample, part):
    value = getattr(sample, part)
    shown = value if isinstance(value, list) else value.to_dict(as_series=False)
    assert hashlib.sha256(json.dumps(shown, default=str).encode()).hexdigest() == SAMPLE_SHA256[part]


def digests(folder: Path) -> dict[str, str]:
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(folder.iterdir())}


def test_files_are_the_same_bytes_in_another_process_with_other_threads(sample, tmp_path):
    write_market(sample, tmp_path / "here")
    program = (
        "import sys; from datetime import date; from pathlib import Path\n"
        "from amc_learning.simulation.market import simulate_market, write_market\n"
        "from amc_learning.simulation.rules import SAMPLE\n"
        "sessions = [date.fromisoformat(day) for day in sys.argv[2:]]\n"
        "write_market(simulate_market(SAMPLE, sessions), Path(sys.argv[1]))\n"
    )
    arguments = [str(tmp_path / "there"), *map(str, weekdays(SAMPLE))]
    environment = os.environ | {
        "POLARS_MAX_THREADS": "1",
        "PYTHONHASHSEED": "77",
        "PYTHONPATH": str(Path(__file__).resolve().parents[2]),
    }
    subprocess.run([sys.executable, "-c", program, *arguments], check=True, env=environment)
    assert len(digests(tmp_path / "here")) == 6
    assert digests(tmp_path / "here") == digests(tmp_path / "there")


def test_files_read_back_as_written_and_say_that_they_are_simulated(sample, tmp_path):
    files = write_market(sample, tmp_path)
    assert sorted(asdict(files).values()) == sorted(tmp_path.iterdir())
    assert pl.read_parquet(files.bars).equals(sample.bars)
    assert pl.read_parquet(files.index).equals(sample.index)
    lines = files.discovery.read_text(encoding="utf-8").splitlines()
    assert [json.loads(line) for line in lines] == sample.discovery_results
    for file, messages in ((files.theses, sample.theses), (files.trades, sample.trades)):
        lines = gzip.decompress(file.read_bytes()).decode().splitlines()
        assert [json.loads(line) for line in lines] == messages
    truth = json.loads(files.truth.read_text(encoding="utf-8"))
    assert truth == sample.truth
    assert truth["is_simulated"] is True
    assert "invented" in truth["note"]
    assert (truth["information_coefficients"]["technical"], truth["information_coefficients"]["squeeze"]) == (0.15, 0.0)
    assert all(symbol.startswith("SIM") for symbol in sample.bars["symbol"].unique())


def test_no_nan_anywhere_even_with_much_missing(simulate, tmp_path):
    market = simulate(replace(SAMPLE, n_sessions=40, share_missing_bars=0.3, share_missing_scores=0.6))
    for frame in (market.bars, market.index, market.scores):
        numbers = frame.select(pl.selectors.float())
        assert numbers.select(pl.all().is_nan().any()).sum_horizontal().item() == 0
        assert numbers.select(pl.all().is_infinite().any()).sum_horizontal().item() == 0
    for frame in (market.bars, market.index, market.scores.select("date", "symbol", "total_score")):
        assert frame.null_count().sum_horizontal().item() == 0
    write_market(market, tmp_path)  # refuses NaN


def test_bars_and_scores_are_missing_as_often_as_asked(simulate):
    market = simulate(replace(SAMPLE, share_missing_bars=0.05, share_missing_scores=0.2))
    cells = SAMPLE.n_sessions * SAMPLE.n_symbols
    assert 1 - market.bars.height / cells == pytest.approx(0.05, abs=4 * np.sqrt(0.05 * 0.95 / cells))
    assert market.scores.join(market.bars, on=["symbol", "date"], how="anti").is_empty()
    share = market.scores["technical"].null_count() / market.scores.height
    assert share == pytest.approx(0.2, abs=4 * np.sqrt(0.2 * 0.8 / market.scores.height))


def test_bars_have_the_columns_of_the_feed_and_one_row_a_symbol_and_session(sample):
    assert sample.bars.schema == pl.Schema(
        {
            "symbol": pl.String,
            "date": pl.Date,
            **dict.fromkeys(("open", "high", "low", "close"), pl.Float64),
            "volume": pl.Int64,
        }
    )
    assert sample.index.schema == pl.Schema({"date": pl.Date, "sp500_close": pl.Float64, "vix_close": pl.Float64})
    assert not sample.bars.select("symbol", "date").is_duplicated().any()
    assert sample.bars.equals(sample.bars.sort("date", "symbol"))


@pytest.mark.parametrize(
    ("sessions", "complaint"),
    [
        ([], "0 sessions from none"),
        ([date(2024, 1, 2)], "1 sessions from 2024-01-02; the rules want 2"),
        ([date(2024, 1, 3), date(2024, 1, 4)], "want 2 from 2024-01-02"),
        ([date(2024, 1, 2), date(2024, 1, 2)], "without repeating"),
    ],
)
def test_sessions_that_are_not_those_of_the_rules_are_refused(sessions, complaint):
    with pytest.raises(ValueError, match=complaint):
        simulate_market(replace(SAMPLE, n_sessions=2), sessions)


def test_index_sessions_that_do_not_come_before_the_market_are_refused():
    sessions = weekdays(replace(SAMPLE, n_sessions=3))
    with pytest.raises(ValueError, match="without repeating"):
        simulate_market(replace(SAMPLE, n_sessions=3), sessions, index_sessions=sessions[:1])


def test_an_index_history_adds_rows_to_the_index_and_changes_nothing_else(sample):
    before = [SAMPLE.first_session - timedelta(days=number) for number in range(300, 0, -1)]
    longer = simulate_market(SAMPLE, weekdays(SAMPLE), index_sessions=before)
    assert longer.index["date"].to_list() == before + sample.index["date"].to_list()
    assert longer.index.tail(SAMPLE.n_sessions).equals(sample.index)
    assert longer.bars.equals(sample.bars)
    assert longer.discovery_results == sample.discovery_results
    # an independent witness of the levels before the market: discovery's 20-session returns
    closes = longer.index["sp500_close"].to_list()
    for session, result in enumerate(longer.discovery_results):
        stated = result["market_conditions"]["sp500_ret20"]
        assert stated == pytest.approx(closes[300 + session] / closes[280 + session] - 1, abs=0.00005001)


def test_what_is_thought_and_traded_leaves_the_market_as_it_was(simulate, sample):
    silent = replace(SAMPLE, theses=ThesisRules(n_a_session=0), trades=TradeRules(n_a_session=0))
    market = simulate(silent)
    assert (market.theses, market.trades) == ([], [])
    assert market.bars.equals(sample.bars)
    assert market.discovery_results == sample.discovery_results
