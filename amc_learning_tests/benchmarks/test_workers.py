"""Two runs are compared by the bytes of every file a reader could read, and by nothing else."""

import pytest

pytest.importorskip("benchmarks", reason="benchmarks are run from a checkout, not from an installed package")

from benchmarks.workers import differing, left, named


@pytest.fixture
def data_dir(tmp_path):
    written = {
        "tables/price_bars/manifest.ndjson": "one",
        "tables/price_bars/known_on=2014-01-02/a.parquet": "two",
        "tables/price_bars/.lock": "",
        "tables/.cycle.lock": "",
        "published/weights.json": "three",
        "published/pages/daily_report/2014-01-02.html": "drawn when somebody asks",
        "dagster/history/runs.db": "of Dagster",
    }
    for name, text in written.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return tmp_path


def test_tables_and_documents_are_compared_and_locks_pages_and_dagster_are_not(data_dir):
    assert set(left(data_dir)) == {
        "tables/price_bars/manifest.ndjson",
        "tables/price_bars/known_on=2014-01-02/a.parquet",
        "published/weights.json",
    }


def test_a_changed_byte_a_lost_file_and_one_too_many_are_named(data_dir, capsys):
    before = left(data_dir)
    assert differing(before, left(data_dir)) == []
    (data_dir / "published" / "weights.json").write_text("Three")
    (data_dir / "tables" / "price_bars" / "known_on=2014-01-02" / "a.parquet").unlink()
    (data_dir / "tables" / "price_bars" / "known_on=2014-01-02" / "b.parquet").write_text("two")
    assert named(differing(before, left(data_dir))) == 3
    assert capsys.readouterr().out.splitlines() == [
        "differs: published/weights.json",
        "differs: tables/price_bars/known_on=2014-01-02/a.parquet",
        "differs: tables/price_bars/known_on=2014-01-02/b.parquet",
    ]
