"""A review made once serves the nights of its month, and never when anything that it was made from has changed."""

import shutil
from datetime import date

import polars as pl
import pytest

from amc_learning.settings import Settings
from amc_learning.stages.regimes import measure_regimes
from amc_learning.stages.reviews import REVIEWS_FOLDER, KeptReview
from amc_learning.stages.theses import calibrate_days
from amc_learning_tests.acceptance.loop import DAYS, open_warehouse
from amc_learning_tests.stages.test_night_reads import opened_data_files

NIGHT = DAYS[-1]
STAGES = {"regime_performance": measure_regimes, "calibration_decisions": calibrate_days}
ESTIMATES = {"regime_performance": ("mean_information_coefficient",), "calibration_decisions": ("brier_sent",)}
REVIEWED_ROWS = {"regime_performance": "daily_statistics", "calibration_decisions": "thesis_outcomes"}


def reviews_of(settings):
    return settings.data_dir / REVIEWS_FOLDER


@pytest.fixture
def reviewed(finished):
    """Every day decided in a market that was calm and turbulent by turns; the reviews of the last month are kept."""
    warehouse = open_warehouse(finished)
    stored = warehouse.table("market_regimes")
    by_turns = pl.when(pl.col("known_on").dt.week() % 2 == 0).then(pl.lit("calm")).otherwise(pl.lit("turbulent"))
    rows = stored.read(None, None).with_columns(regime=pl.when(pl.col("basis") == "index").then(by_turns))
    stored.write(rows, stored.days())
    for table in STAGES:
        night_of(finished, table)
    return finished


def kinds(settings):
    """Which reviews are kept, by the beginning of their file's name."""
    return sorted(path.name.split("-")[0] for path in reviews_of(settings).iterdir())


def night_of(settings, table, day=NIGHT):
    """What the stage of this table writes on a day."""
    warehouse = open_warehouse(settings)
    STAGES[table](warehouse, settings, [day])
    return warehouse.table(table).read(day, day)


def made_anew(settings, table):
    """The same where nothing was kept."""
    shutil.rmtree(reviews_of(settings))
    return night_of(settings, table)


def made(settings, table):
    """The review that is kept of this kind: its name, and which file it is, another one each time it is made."""
    return [(path.name, path.stat().st_ino) for path in reviews_of(settings).glob(f"{table}-*")]


@pytest.mark.parametrize("table", STAGES)
def test_a_night_that_reads_its_review_decides_what_one_that_makes_it_does(reviewed, table):
    before = made(reviewed, table)
    from_kept = night_of(reviewed, table)
    assert made(reviewed, table) == before
    assert not from_kept.select("known_on", *ESTIMATES[table]).drop_nulls().is_empty()
    assert from_kept.equals(made_anew(reviewed, table))


def test_a_night_that_has_its_review_opens_none_of_the_statistics(reviewed):
    warehouse = open_warehouse(reviewed)
    with opened_data_files(reviewed.data_dir) as opened:
        measure_regimes(warehouse, reviewed, [NIGHT])
    assert {name.split("/")[1] for name in opened} <= {"market_regimes", "regime_performance"}


def test_the_last_review_of_each_kind_is_kept(reviewed):
    assert kinds(reviewed) == sorted(STAGES)
    before = {path.name for path in reviews_of(reviewed).iterdir()}
    earlier = next(day for day in reversed(DAYS) if day.month != NIGHT.month)
    for table in STAGES:
        night_of(reviewed, table, earlier)
    assert kinds(reviewed) == sorted(STAGES)
    assert not before & {path.name for path in reviews_of(reviewed).iterdir()}


@pytest.mark.parametrize("table", STAGES)
def test_rows_that_changed_since_are_reviewed_again(reviewed, table):
    warehouse, rows = open_warehouse(reviewed), REVIEWED_ROWS[table]
    stored = warehouse.table(rows)
    days = [day for day in stored.days() if day < date(NIGHT.year, NIGHT.month, 1)]
    changed = stored.read(days[0], days[-1])
    if table == "regime_performance":
        changed = changed.with_columns(pl.col("information_coefficient").neg())
    else:
        changed = changed.with_columns(pl.col("is_right").not_())
    before = night_of(reviewed, table)
    stored.write(changed, days)
    found = night_of(reviewed, table)
    assert not found.equals(before)
    assert found.equals(made_anew(reviewed, table))


@pytest.mark.parametrize(
    ("table", "changed"),
    [
        ("regime_performance", {"regimes": {"performance_window_days": 90}}),
        ("regime_performance", {"weights": {"evidence_horizon": "7d"}}),
        ("regime_performance", {"outcomes": {"horizons": {"1d": 1, "7d": 4, "30d": 21}}}),
        ("calibration_decisions", {"theses": {"calibration_window_days": 90}}),
        ("calibration_decisions", {"theses": {"horizon": "1d"}}),
    ],
)
def test_other_settings_are_another_review(reviewed, table, changed):
    ((name, _),) = made(reviewed, table)
    night_of(Settings(data_dir=reviewed.data_dir, **changed), table)
    ((other, _),) = made(reviewed, table)
    assert other != name


def test_other_code_is_another_review(reviewed, monkeypatch):
    ((name, _),) = made(reviewed, "regime_performance")
    monkeypatch.setattr("amc_learning.stages.reviews._code", lambda: "another version")
    night_of(reviewed, "regime_performance")
    ((other, _),) = made(reviewed, "regime_performance")
    assert other != name


@pytest.mark.parametrize("table", STAGES)
def test_a_damaged_review_is_made_again(reviewed, table):
    before = night_of(reviewed, table)
    (file,) = reviews_of(reviewed).glob(f"{table}-*")
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)
    assert night_of(reviewed, table).equals(before)
    assert file.read_bytes() != bytes(content)


def test_where_nothing_can_be_kept_reviews_are_made(reviewed):
    before = night_of(reviewed, "regime_performance")
    shutil.rmtree(reviews_of(reviewed))
    reviews_of(reviewed).write_text("a file, not a folder")
    assert night_of(reviewed, "regime_performance").equals(before)
    assert reviews_of(reviewed).read_text() == "a file, not a folder"


def test_a_range_keeps_the_review_that_a_night_after_it_needs(reviewed):
    shutil.rmtree(reviews_of(reviewed))
    measure_regimes(open_warehouse(reviewed), reviewed, DAYS[-45:])
    before = made(reviewed, "regime_performance")
    assert night_of(reviewed, "regime_performance").height
    assert len(before) == 1
    assert made(reviewed, "regime_performance") == before


def test_a_review_is_named_after_all_that_it_was_made_from(reviewed):
    warehouse = open_warehouse(reviewed)

    def name(kind="one", first=DAYS[0], last=DAYS[50], rules=None):
        read = {"thesis_outcomes": (first, last)}
        return KeptReview.of(warehouse, kind, read=read, rules=rules or {"window_days": 90}).name

    others = [name("other"), name(first=DAYS[1]), name(last=DAYS[49]), name(rules={"window_days": 91})]
    assert len({name(), *others}) == 5
    assert name() == name()
