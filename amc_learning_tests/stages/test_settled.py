"""The trade ledger follows from its messages, in whatever order they come and days are run."""

import json
from datetime import UTC, date, datetime

import pytest

from amc_learning.stages.collect import drain_events, normalise_trade_events
from amc_learning.stages.doctor import examine
from amc_learning.stages.failing_now import failing_now, unsettled_days
from amc_learning.stages.ingest import ingest_trades
from amc_learning.stages.settled import first_unsettled
from amc_learning.stages.trades import LedgerError, settle_trades
from amc_learning.warehouse import reopened
from amc_learning_tests.acceptance.loop import tree
from amc_learning_tests.stages.bar_world import open_world

pytestmark = pytest.mark.usefixtures("clean_environment")

FRIDAY, MONDAY, TUESDAY, WEDNESDAY = (date(2014, 12, day) for day in (12, 15, 16, 17))
WEEK = [FRIDAY, MONDAY, TUESDAY, WEDNESDAY]
LEDGER = ("trade_positions", "trade_openings", "closed_trades", "ledger_issues", "settled_days")


class Ledger:
    """A data directory that only knows trades."""

    def __init__(self, folder):
        self.folder = folder
        self.warehouse, self.settings = open_world(folder / "data")
        self.n_files = 0

    def send(self, day, change_type, symbol, hour=15):
        """A message of a trade in this symbol, of this day."""
        at = datetime(day.year, day.month, day.day, hour, tzinfo=UTC)
        message = {"event_id": f"{day}{symbol}{change_type}", "change_type": change_type, "symbol": symbol}
        message |= {"price": 10.0, "quantity": 100, "timestamp": at.isoformat(), "trade_id": symbol}
        self.n_files += 1
        path = self.folder / f"{self.n_files}.ndjson"
        path.write_text(json.dumps(message))
        assert ingest_trades(self.warehouse, self.settings, [path], received_at=at).n_accepted == 1

    def collect(self, *days):
        drain_events(self.warehouse, "trade")
        normalise_trade_events(self.warehouse, self.settings, days)

    def run(self, *days):
        self.collect(*days)
        return settle_trades(self.warehouse, self.settings, days)

    def symbols(self, day):
        return self.warehouse.table("trade_positions").read(day, day)["symbol"].sort().to_list()

    def open_days(self):
        return list(reopened.open_days(self.warehouse, "closed_trades"))

    def kept(self):
        return {name: tree(self.folder / "data" / "tables" / name) for name in LEDGER}


@pytest.fixture
def ledger(tmp_path):
    ledger = Ledger(tmp_path)
    ledger.send(FRIDAY, "OPEN", "AAA")
    ledger.run(FRIDAY)
    return ledger


def in_one_go(folder, messages):
    """The ledger when everything was there before it was run for the first time."""
    ledger = Ledger(folder)
    for message in messages:
        ledger.send(*message)
    ledger.run(*WEEK)
    return ledger.kept()


def test_messages_after_a_settled_noon_are_not_lost_when_the_night_is(ledger, tmp_path_factory):
    ledger.send(MONDAY, "OPEN", "BBB")
    ledger.run(MONDAY)
    ledger.send(MONDAY, "OPEN", "CCC", hour=19)
    ledger.collect(MONDAY)
    command = f"amc-learning run evidence --from {MONDAY} --to {TUESDAY}"
    with pytest.raises(LedgerError, match=command):
        ledger.run(TUESDAY)
    ledger.run(MONDAY, TUESDAY)
    assert ledger.symbols(TUESDAY) == ["AAA", "BBB", "CCC"]
    ledger.run(WEDNESDAY)
    messages = [(FRIDAY, "OPEN", "AAA"), (MONDAY, "OPEN", "BBB"), (MONDAY, "OPEN", "CCC", 19)]
    assert ledger.kept() == in_one_go(tmp_path_factory.mktemp("once"), messages)


def test_a_past_day_settled_again_opens_the_later_days_until_they_are_settled_too(ledger, tmp_path_factory):
    ledger.send(MONDAY, "OPEN", "BBB")
    for day in (MONDAY, TUESDAY, WEDNESDAY):
        ledger.run(day)
    assert ledger.open_days() == []
    ledger.send(FRIDAY, "OPEN", "CCC")
    ledger.run(FRIDAY)
    assert ledger.open_days() == [MONDAY, TUESDAY, WEDNESDAY]
    assert first_unsettled(ledger.warehouse, WEDNESDAY) == MONDAY
    (finding,) = [one for one in examine(ledger.warehouse, ledger.settings) if one.subject == "trade ledger"]
    assert (finding.is_ok, finding.remedy) == (False, f"amc-learning run evidence --from {MONDAY} --to {WEDNESDAY}")
    with pytest.raises(LedgerError):
        ledger.run(WEDNESDAY)
    ledger.run(MONDAY)
    assert ledger.open_days() == [TUESDAY, WEDNESDAY]
    ledger.run(TUESDAY, WEDNESDAY)
    assert ledger.open_days() == []
    assert first_unsettled(ledger.warehouse, date(2014, 12, 18), looking_back=None) is None
    messages = [(FRIDAY, "OPEN", "AAA"), (MONDAY, "OPEN", "BBB"), (FRIDAY, "OPEN", "CCC")]
    assert ledger.kept() == in_one_go(tmp_path_factory.mktemp("once"), messages)


def test_days_settled_again_from_the_same_messages_open_nothing(ledger):
    ledger.run(MONDAY, TUESDAY)
    before = ledger.kept()
    for days in ([FRIDAY], [MONDAY], [FRIDAY, MONDAY], [TUESDAY]):
        ledger.run(*days)
    assert (ledger.kept(), ledger.open_days()) == (before, [])


def test_a_look_folds_the_days_no_night_has_settled_and_writes_nothing(ledger):
    ledger.send(MONDAY, "OPEN", "BBB")
    ledger.collect(MONDAY)
    ledger.send(TUESDAY, "CLOSE", "BBB")
    before = ledger.kept()
    assert unsettled_days(ledger.warehouse, TUESDAY) == [MONDAY, TUESDAY]
    assert failing_now(ledger.warehouse, ledger.settings, TUESDAY) == {}
    assert ledger.kept() == before


def test_a_look_counts_events_of_yesterday_that_are_no_messages_yet(ledger):
    ledger.send(MONDAY, "OPEN", "BBB")
    assert unsettled_days(ledger.warehouse, TUESDAY) == [MONDAY, TUESDAY]
    ledger.run(MONDAY)
    assert unsettled_days(ledger.warehouse, TUESDAY) == [TUESDAY]


def test_trades_unsettled_for_longer_than_a_look_goes_are_refused_with_the_command(ledger):
    ledger.send(MONDAY, "OPEN", "BBB")
    ledger.collect(MONDAY)
    with pytest.raises(LedgerError, match=f"amc-learning run evidence --from {MONDAY} --to 2015-06-01"):
        failing_now(ledger.warehouse, ledger.settings, date(2015, 6, 1))
