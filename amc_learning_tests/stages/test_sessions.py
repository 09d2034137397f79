from datetime import date
from pathlib import Path

from amc_learning.market_calendar import exchange_sessions
from amc_learning.settings import Settings
from amc_learning.stages.sessions import CALENDAR_FOLDER, sessions_between

WEEK = (date(2013, 11, 25), date(2013, 12, 2))


def test_the_calendar_is_kept_in_the_data_directory_however_that_is_written(tmp_path, monkeypatch, clean_environment):
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    sessions = sessions_between(Settings(data_dir=Path("~/data")), *WEEK)
    assert sessions.equals(exchange_sessions("XNYS", *WEEK))
    (kept,) = (tmp_path / "home" / "data" / CALENDAR_FOLDER).iterdir()
    assert kept.name.startswith("XNYS-2005-2013-")
    assert [path.name for path in tmp_path.iterdir()] == ["home"]
