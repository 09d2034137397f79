from amc_learning.stages.doctor import examine
from amc_learning.stages.status import missing_sessions, warehouse_status
from amc_learning_tests.acceptance.loop import DAYS, open_warehouse


def test_the_status_of_ingested_but_undecided_data(loaded):
    report = warehouse_status(open_warehouse(loaded), loaded)
    extent = {table.name: (table.first_day, table.last_day) for table in report.tables}
    assert extent["price_bars"] == (DAYS[0], DAYS[-1])
    assert extent["weight_decisions"] == (None, None)
    assert (report.last_decided_on, report.parameters_version, report.status) == (None, None, None)
    assert report.weights == {f"{name}_weight": w for name, w in loaded.features.default_weights.items()}


def test_holidays_are_not_missing_sessions_but_a_deleted_day_of_bars_is(loaded):
    warehouse = open_warehouse(loaded)
    assert missing_sessions(warehouse, loaded) == ()
    bars = warehouse.table("price_bars")
    bars.write(bars.table.empty(), [DAYS[10]])
    assert missing_sessions(warehouse, loaded) == (DAYS[10],)


def test_all_is_well_after_all_days_are_decided(finished):
    findings = examine(open_warehouse(finished), finished)
    assert [one.subject for one in findings if not one.is_ok] == []


def test_a_decision_that_was_never_published_is_found(finished):
    for path in (finished.data_dir / "published").glob("weights.json"):
        path.unlink()
    (finding,) = [one for one in examine(open_warehouse(finished), finished) if not one.is_ok]
    assert (finding.subject, "run daily" in finding.remedy or "run daily" in finding.finding) == ("publication", True)
