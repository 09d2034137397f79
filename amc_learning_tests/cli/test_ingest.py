"""Bad input: a message naming file, row and field; the rest goes on; nothing is lost; no weight moves."""

import gzip
import json

import polars as pl
import pytest

from amc_learning_tests.acceptance.loop import DAYS, market, open_warehouse, settings_for
from amc_learning_tests.cli.calling import amc

GOOD = {"symbol": "AAA", "date": "2024-01-03", "open": 10.0, "high": 11.0, "low": 9.5, "close": 10.5, "volume": 1000}


def bars_file(path, *rows):
    pl.DataFrame([{**GOOD, **row} for row in rows], infer_schema_length=None).write_csv(path)
    return path


def stored_bars(data_dir):
    return open_warehouse(settings_for(data_dir)).table("price_bars").read(None, None)


@pytest.fixture
def data_dir(tmp_path, clean_environment):
    return tmp_path / "data"


@pytest.mark.parametrize(
    ("row", "field", "reason"),
    [
        ({"high": 9.0}, "high", "below"),
        ({"close": "NaN"}, "close", "NaN"),
        ({"close": -1.0}, "close", "-1"),
        ({"open": "ten"}, "open", "ten"),
        ({"symbol": "../../x"}, "symbol", "../../x"),
        ({"symbol": "'; drop"}, "symbol", "'; drop"),
        ({"symbol": ""}, "symbol", "is no symbol"),
        ({"date": "2199-01-03"}, "date", "2199"),
        ({"date": "2024-01-06"}, "date", "2024-01-06"),
        ({"date": "2024-01-01"}, "date", "2024-01-01"),
        ({"date": "yesterday"}, "date", "yesterday"),
        ({"volume": -5}, "volume", "-5"),
    ],
    ids=lambda value: str(value) if isinstance(value, dict) else "",
)
def test_one_bad_bar_is_named_and_kept_while_the_others_go_in(data_dir, tmp_path, row, field, reason):
    path = bars_file(tmp_path / "bars.csv", {}, {"symbol": "BAD", **row}, {"symbol": "CCC"})
    answer = amc(data_dir, "ingest", "bars", path, "--json")
    assert answer.code == 3, answer.all
    report = answer.json
    assert (report["n_read"], report["n_accepted"], report["n_quarantined"]) == (3, 2, 1)
    (message,) = [line for line in report["messages"] if "row 2" in line]
    assert "bars.csv" in message
    assert field in message
    assert reason in message
    assert stored_bars(data_dir)["symbol"].to_list() == ["AAA", "CCC"]
    (item,) = amc(data_dir, "quarantine", "list", "--json").json
    assert item["field"].startswith(field)  # price columns carry their unit: high_usd
    sent = json.loads(item["payload"])
    assert sent["symbol"] == row.get("symbol", "BAD") or (sent["symbol"] is None and row["symbol"] == "")
    shown = amc(data_dir, "quarantine", "show", item["id"][:6])
    assert (shown.code, " ".join(item["reason"].split()) in shown.all) == (0, True)


@pytest.mark.parametrize("symbol", ["[/b]x", "[red]y", ":smile:"])
def test_what_looks_like_markup_of_the_terminal_is_shown_as_it_was_sent(data_dir, tmp_path, symbol):
    assert amc(data_dir, "ingest", "bars", bars_file(tmp_path / "bars.csv", {"symbol": symbol})).code == 3
    answer = amc(data_dir, "quarantine", "list")
    assert (answer.code, symbol in answer.all) == (0, True)


def test_the_same_bar_twice_is_one_and_two_different_ones_are_not_settled_silently(data_dir, tmp_path):
    answer = amc(data_dir, "ingest", "bars", bars_file(tmp_path / "same.csv", {}, {}), "--json")
    assert (answer.code, answer.json["n_accepted"], answer.json["n_duplicates"]) == (0, 1, 1)
    answer = amc(
        data_dir,
        "ingest",
        "bars",
        bars_file(tmp_path / "two.csv", {"symbol": "X"}, {"symbol": "X", "close": 10.6}),
        "--json",
    )
    assert answer.code == 3
    report = answer.json
    assert report["n_read"] == report["n_accepted"] + report["n_duplicates"] + report["n_quarantined"]
    assert any("two.csv" in line and "row" in line for line in report["messages"])


def test_ingesting_a_bad_file_twice_keeps_one_copy_of_what_was_bad(data_dir, tmp_path):
    path = bars_file(tmp_path / "bars.csv", {}, {"high": 9.0})
    for _ in range(2):
        assert amc(data_dir, "ingest", "bars", path).code == 3
    assert len(amc(data_dir, "quarantine", "list", "--json").json) == 1
    assert stored_bars(data_dir).height == 1


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("empty.csv", b""),
        ("empty.ndjson", b""),
        ("header.csv", b"symbol,date,open,high,low,close,volume\n"),
        ("columns.csv", b"a,b\n1,2\n"),
        ("no_parquet.parquet", b"PAR1 nonsense"),
        ("broken.csv.gz", gzip.compress(b"symbol,date\n" * 999, mtime=0)[:40]),
        ("text.json", b"{not json"),
        ("unknown.xlsx", b"PK"),
    ],
)
def test_an_unusable_file_of_bars_is_named_and_the_other_file_still_goes_in(data_dir, tmp_path, name, content):
    bad = tmp_path / name
    bad.write_bytes(content)
    good = bars_file(tmp_path / "good.csv", {})
    answer = amc(data_dir, "ingest", "bars", bad, good, "--json")
    assert answer.code == 1, answer.all
    assert any(name in line for line in answer.json["messages"])
    assert "Traceback" not in answer.all
    assert answer.json["n_unreadable_files"] == 1
    assert stored_bars(data_dir).height == 1


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("empty.ndjson", b""),
        ("no_parquet.parquet", b"PAR1"),
        ("broken.ndjson.gz", gzip.compress(b"{}\n" * 9, mtime=0)[:12]),
    ],
)
def test_an_unusable_file_of_discovery_results_is_named_and_the_other_still_goes_in(data_dir, tmp_path, name, content):
    bad, good = tmp_path / name, tmp_path / "good.ndjson"
    bad.write_bytes(content)
    good.write_text(json.dumps(market().discovery_results[0]) + "\n")
    answer = amc(data_dir, "ingest", "discovery", bad, good, "--json")
    assert answer.code == 1, answer.all
    assert any(name in line for line in answer.json["messages"])
    assert answer.json["n_accepted"] == 1


def test_a_line_that_is_not_json_and_one_from_the_future_are_kept_while_the_others_go_in(data_dir, tmp_path):
    first, second = market().discovery_results[:2]
    path = tmp_path / "discovery.ndjson"
    future = {**second, "job_id": "from the future", "timestamp": "2199-01-04T16:10:00-05:00"}
    path.write_text("\n".join([json.dumps(first), "{not json", json.dumps(future), json.dumps(second)]) + "\n")
    answer = amc(data_dir, "ingest", "discovery", path, "--json")
    assert answer.code == 3, answer.all
    assert (answer.json["n_read"], answer.json["n_accepted"], answer.json["n_quarantined"]) == (4, 2, 2)
    for line, number in zip(answer.json["messages"], (2, 3), strict=True):
        assert f"discovery.ndjson line {number}" in line
    assert "timestamp" in answer.json["messages"][1]
    assert {item["payload"] for item in amc(data_dir, "quarantine", "list", "--json").json} >= {"{not json"}


def test_the_same_identifier_with_another_body_is_kept_aside_and_the_first_one_stays(data_dir, tmp_path):
    result = market().discovery_results[0]
    path = tmp_path / "discovery.ndjson"
    path.write_text(json.dumps(result) + "\n" + json.dumps({**result, "count": 1}) + "\n" + json.dumps(result) + "\n")
    answer = amc(data_dir, "ingest", "discovery", path, "--json")
    report = answer.json
    assert (answer.code, report["n_accepted"], report["n_duplicates"], report["n_quarantined"]) == (3, 1, 1, 1)
    assert any(result["job_id"] in line or "same id" in line for line in report["messages"])


def test_hostile_symbols_among_the_candidates_are_rejected_by_name_and_the_others_are_kept(data_dir, tmp_path):
    result = json.loads(json.dumps(market().discovery_results[0]))
    for place, symbol in enumerate(["../../x", "'; drop table x", "=1+1", "A" * 40]):
        result["candidates"][place]["symbol"] = symbol
    path = tmp_path / "one.json"
    path.write_text(json.dumps(result))
    assert amc(data_dir, "ingest", "discovery", path).code == 0
    day = result["timestamp"][:10]
    assert amc(data_dir, "run", "daily", "--date", day).code == 0
    rejected = amc(data_dir, "sql", "select path, value, reason from discovery_rejections order by path", "--json").json
    assert {row["value"].strip('"')[:7] for row in rejected} >= {"../../x", "'; drop", "=1+1"}
    assert all(row["path"].startswith("candidates[") and row["reason"] for row in rejected)
    n = amc(data_dir, "sql", "select count(*) as n from discovery_candidates where is_selected", "--json").json
    assert n == [{"n": len(result["candidates"]) - 4}]
    assert {path.name for path in tmp_path.iterdir()} == {"data", "one.json"}


def changed_market(tmp_path, change_result=lambda result: result, keep_bars=True):
    bars = market().bars if keep_bars is True else market().bars.filter(keep_bars)
    bars.write_parquet(tmp_path / "bars.parquet")
    lines = [json.dumps(change_result(json.loads(json.dumps(one)))) for one in market().discovery_results]
    (tmp_path / "discovery.ndjson").write_text("\n".join(lines) + "\n")
    return tmp_path / "bars.parquet", tmp_path / "discovery.ndjson"


def run_all(data_dir, bars, discovery):
    answers = [amc(data_dir, "ingest", "bars", bars), amc(data_dir, "ingest", "discovery", discovery)]
    answers.append(amc(data_dir, "backfill", "--from", str(DAYS[0]), "--to", str(DAYS[-1]), "--json"))
    assert [answer.code for answer in answers] == [0, 0, 0], [answer.all for answer in answers]
    return answers


def constant_components(result):
    for one in result["candidates"] + result["controls"]:
        one["subscores"] = dict.fromkeys(one["subscores"], 50.0)
    return result


def two_candidates(result):
    return {**result, "candidates": result["candidates"][:2], "controls": []}


def no_candidates(result):
    return {**result, "candidates": [], "controls": [], "status": "error", "error": "feed is down"}


@pytest.mark.parametrize("change", [constant_components, two_candidates, no_candidates])
def test_days_that_say_nothing_move_no_weight_and_are_counted(data_dir, tmp_path, change):
    answers = run_all(data_dir, *changed_market(tmp_path, change))
    weights = answers[-1].json["weights"]
    assert weights == {f"{name}_weight": w for name, w in settings_for(data_dir).features.default_weights.items()}
    assert answers[-1].json["status"] == "insufficient_evidence"
    counts = amc(data_dir, "sql", "select max(abs(change)) as moved from weight_decisions", "--json").json
    assert counts == [{"moved": 0.0}]
    runs = amc(data_dir, "sql", "select count(*) as n from discovery_runs", "--json").json
    assert runs == [{"n": len(market().discovery_results)}]


def test_a_gap_in_the_calendar_is_named_flagged_and_not_filled(data_dir, tmp_path):
    gap = market().index["date"][20]
    answers = run_all(data_dir, *changed_market(tmp_path, keep_bars=pl.col("date") != gap))
    assert "bars.parquet" in answers[0].all
    assert str(gap) in answers[0].all
    assert amc(data_dir, "status", "--json").json["missing_sessions"] == [str(gap)]
    doctor = amc(data_dir, "doctor")
    assert (doctor.code, str(gap) in doctor.all) == (1, True)
    flagged = f"select count(*) as n, count(forward_return) as known from candidate_outcomes where entry_date = '{gap}'"
    ((row),) = amc(data_dir, "sql", flagged, "--json").json
    assert row["n"] > 0
    assert row["known"] == 0
