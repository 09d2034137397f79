"""Theses of the simulated market are right as often as planted, know nothing else of the future, and can be read."""

import gzip
import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from amc_learning.contracts.declared.failures import failure_cases
from amc_learning.intake.envelope import event_id_for
from amc_learning.intake.thesis import normalise_theses
from amc_learning.learning.failures import FailureRules, systematic_now
from amc_learning.simulation.discovery import ScoredMarket
from amc_learning.simulation.rules import SAMPLE, ThesisRules
from amc_learning.simulation.theses import opinions
from amc_learning_tests.intake.sent_trading import accepted

REAL_FEED = Path(__file__).resolve().parents[3] / "shared/data/market/feed/thesis.ndjson.gz"
SEEDS = (1, 2, 3, 4)
RECEIVED_AT = datetime(2025, 3, 3, 12, tzinfo=UTC)
HORIZON = 5
CASES = failure_cases()


def is_right(recommendation: str, forward_return: float) -> bool:
    """The rules of the brief, in plain words."""
    if recommendation == "BUY_MORE":
        return forward_return > 0.05
    if recommendation == "HOLD":
        return -0.05 <= forward_return <= 0.05
    return forward_return < (0.0 if recommendation == "TRIM" else -0.05)


def judged(market):
    """(number of the session, thesis, whether it came true) of every thesis whose five sessions are in the frame."""
    sessions = market.index["date"].to_list()
    number = {session: place for place, session in enumerate(sessions)}
    price = {(symbol, day): (opened, close) for symbol, day, opened, _, _, close, _ in market.bars.iter_rows()}
    rows = []
    for message in market.theses:
        thesis = message["thesis"]
        session = number[datetime.fromisoformat(thesis["generated_at"]).date()]
        if session + HORIZON < len(sessions):
            opened, _ = price[message["symbol"], sessions[session + 1]]
            _, closed = price[message["symbol"], sessions[session + HORIZON]]
            forward_return = round(closed / opened - 1, 9)
            rows.append((session, thesis, is_right(thesis["recommendation"], forward_return)))
    return rows


@pytest.fixture(scope="module")
def judged_theses(simulate):
    return {seed: judged(simulate(replace(SAMPLE, seed=seed))) for seed in SEEDS}


def is_failing(session, thesis):
    is_of_the_kind = thesis["ai_generated"] and thesis["recommendation"] == "BUY_MORE"
    return session >= 140 and is_of_the_kind and thesis["confidence"] >= 0.7


def planted(session, thesis):
    if is_failing(session, thesis):
        return 0.05
    return thesis["confidence"] - (0.20 if thesis["ai_generated"] else 0.0)


def errors_off(rows):
    """How far the count of right theses is from the planted one, in standard errors of independent draws."""
    chances = np.array([planted(session, thesis) for session, thesis, _ in rows])
    return (sum(right for *_, right in rows) - chances.sum()) / np.sqrt((chances * (1 - chances)).sum())


@pytest.mark.parametrize("seed", SEEDS)
def test_theses_are_right_as_often_as_planted_whatever_source_recommendation_and_confidence(judged_theses, seed):
    rows = judged_theses[seed]
    assert len(rows) > 1900
    for is_ai in (True, False):
        of_source = [row for row in rows if row[1]["ai_generated"] is is_ai]
        for recommendation in SAMPLE.theses.recommendation_shares:
            group = [row for row in of_source if row[1]["recommendation"] == recommendation]
            assert len(group) > 80
            assert abs(errors_off(group)) < 4
        for low, high in ((0.4, 0.7), (0.7, 1.0)):
            assert abs(errors_off([row for row in of_source if low <= row[1]["confidence"] < high])) < 4
    assert abs(errors_off([row for row in rows if is_failing(*row[:2])])) < 4


def test_the_ai_is_overconfident_by_a_fifth_and_the_rules_are_calibrated(judged_theses):
    usual = [row for rows in judged_theses.values() for row in rows if row[0] < 140]
    for is_ai, overstatement in ((True, 0.20), (False, 0.0)):
        gaps = [thesis["confidence"] - right for _, thesis, right in usual if thesis["ai_generated"] is is_ai]
        standard_error = np.std(gaps, ddof=1) / np.sqrt(len(gaps))
        assert np.mean(gaps) == pytest.approx(overstatement, abs=4 * standard_error)
        assert standard_error < 0.01


def test_the_planted_failure_fails_three_times_as_often_as_other_confident_theses_once_it_is_there(judged_theses):
    def failure_rates(from_session, to_session):
        confident = [
            (thesis["ai_generated"] and thesis["recommendation"] == "BUY_MORE", not right)
            for rows in judged_theses.values()
            for session, thesis, right in rows
            if from_session <= session < to_session and thesis["confidence"] >= 0.7
        ]
        return (np.mean([failed for is_kind, failed in confident if is_kind is kind]) for kind in (True, False))

    # failing: 0.95. The others: AI at a mean confidence of 0.825 fails 0.375 of 0.55 x 0.71 = 0.39 of its theses, the
    # rules at 0.775 fail 0.225 of 0.375 of theirs; together 0.30, so 3.2 times as often
    after, rest = failure_rates(140, 195)
    assert 2.7 < after / rest < 3.8
    before, rest = failure_rates(0, 140)
    assert before / rest < 1.6


def test_half_of_the_theses_come_from_the_ai_and_all_are_about_candidates_of_their_session(sample):
    candidates = {
        result["timestamp"][:10]: {candidate["symbol"] for candidate in result["candidates"]}
        for result in sample.discovery_results
    }
    by_day = {}
    for message in sample.theses:
        thesis = message["thesis"]
        assert thesis["symbol"] == message["symbol"]
        by_day.setdefault(thesis["generated_at"][:10], []).append(thesis)
    assert list(by_day) == list(candidates)
    for day, theses in by_day.items():
        symbols = [thesis["symbol"] for thesis in theses]
        assert len(set(symbols)) == len(symbols) <= 10
        assert set(symbols) <= candidates[day]
        assert {thesis["generated_at"][11:16] for thesis in theses} == {"16:15"}
    n_ai = sum(message["thesis"]["ai_generated"] for message in sample.theses)
    assert n_ai == pytest.approx(len(sample.theses) / 2, abs=20)
    assert len(sample.theses) > 1900
    assert len({message["event_id"] for message in sample.theses}) == len(sample.theses)


def scored(market, rules):
    """Enough of what discovery looked at: the total scores."""
    symbols = [f"SIM{number:04d}" for number in range(1, rules.n_symbols + 1)]
    total = np.full((rules.n_sessions, rules.n_symbols), np.nan)
    place = {session: number for number, session in enumerate(market.index["date"])}
    for session, symbol, score in market.scores.select("date", "symbol", "total_score").iter_rows():
        total[place[session], int(symbol[3:]) - 1] = score
    nothing = np.zeros((0, 0))
    return ScoredMarket(symbols, nothing, nothing > 0, total, nothing, nothing, nothing, nothing, nothing)


def test_theses_know_prices_up_to_their_horizon_and_none_after_it(simulate, tape_of):
    rules = replace(SAMPLE, n_sessions=60)
    market = simulate(rules)
    tape, looked_at = tape_of(market, rules), scored(market, rules)
    thought = opinions(rules, looked_at, tape)
    assert len(thought) == len(market.theses)
    for session in (0, 20, 50):
        shaken = {name: getattr(tape, name).copy() for name in ("open", "high", "low", "close")}
        for prices in shaken.values():
            prices[session + HORIZON + 1 :] *= np.random.default_rng(session).uniform(0.5, 2.0, (1, rules.n_symbols))
        again = opinions(rules, looked_at, replace(tape, **shaken))
        assert [one for one in again if one.session <= session] == [one for one in thought if one.session <= session]
        shaken["close"][session + HORIZON] *= np.random.default_rng(9).uniform(0.5, 2.0, rules.n_symbols)
        again = opinions(rules, looked_at, replace(tape, **shaken))
        assert [one for one in again if one.session == session] != [one for one in thought if one.session == session]


def test_where_nobody_can_be_right_or_wrong_yet_candidates_are_picked_by_lot(simulate, tape_of):
    rules = replace(SAMPLE, n_sessions=12)
    market = simulate(rules)
    tape, looked_at = tape_of(market, rules), scored(market, rules)
    unseen = [one for one in opinions(rules, looked_at, tape) if one.session > 12 - 1 - HORIZON]
    assert len(unseen) == 5 * 10
    flat = replace(tape, open=np.ones_like(tape.open), close=np.ones_like(tape.close))
    assert [one for one in opinions(rules, looked_at, flat) if one.session > 12 - 1 - HORIZON] == unseen


def test_what_is_right_of_every_candidate_is_not_recommended(simulate, tape_of):
    rules = replace(SAMPLE, n_sessions=12)
    market = simulate(rules)
    tape = tape_of(market, rules)
    flat = replace(tape, open=np.ones_like(tape.open), close=np.ones_like(tape.close))
    assert [one for one in opinions(rules, scored(market, rules), flat) if one.session <= 12 - 1 - HORIZON] == []


def test_every_thesis_is_understood_as_it_was_meant(sample):
    events = accepted(*sample.theses, kind="thesis", received_at=RECEIVED_AT)
    normalised = normalise_theses(events)
    assert normalised.rejections.is_empty()
    understood = {row["thesis_id"]: row for row in normalised.decisions.iter_rows(named=True)}
    assert len(understood) == len(sample.theses)
    for message in sample.theses:
        row, thesis = understood[event_id_for("thesis", message["event_id"])], message["thesis"]
        assert (row["symbol"], row["recommendation"], row["confidence"]) == (
            message["symbol"],
            thesis["recommendation"],
            thesis["confidence"],
        )
        assert row["source"] == ("ai" if thesis["ai_generated"] else "rule_based")
        assert row["decided_at"] == datetime.fromisoformat(thesis["generated_at"])
        assert row["warnings"] == []


@pytest.mark.real_feed
@pytest.mark.skipif(not REAL_FEED.exists(), reason=f"the real feed is not here: {REAL_FEED}")
def test_theses_have_the_keys_and_types_of_the_real_feed_in_its_order(sample):
    def shape(message):
        return [(key, shape(value) if isinstance(value, dict) else type(value)) for key, value in message.items()]

    with gzip.open(REAL_FEED, "rt", encoding="utf-8") as lines:
        real = shape(json.loads(next(lines)))
    assert all(shape(json.loads(json.dumps(message))) == real for message in sample.theses)


def test_a_market_without_a_planted_failure_has_none(simulate):
    rules = replace(SAMPLE, theses=ThesisRules())
    late = [row for row in judged(simulate(rules)) if is_failing(*row[:2])]
    chances = np.array([thesis["confidence"] - 0.20 for _, thesis, _ in late])
    right = sum(right for *_, right in late)
    assert abs(right - chances.sum()) < 4 * np.sqrt((chances * (1 - chances)).sum())
    assert len(late) > 50


def cases_of(market):
    """The confident theses as cases of failure, known on the session their five sessions end."""
    sessions = market.index["date"].to_list()
    rows = [
        {
            "known_on": sessions[session + HORIZON],
            "kind": "thesis",
            "case_id": f"{thesis['symbol']}-{session}",
            "symbol": thesis["symbol"],
            "is_failure": not right,
            "recommendation": thesis["recommendation"],
            "source": "ai" if thesis["ai_generated"] else "rule_based",
        }
        for session, thesis, right in judged(market)
        if thesis["confidence"] >= 0.7
    ]
    return pl.DataFrame([dict.fromkeys(CASES.column_names) | row for row in rows], schema=CASES.schema)


@pytest.mark.parametrize("seed", [SAMPLE.seed, *SEEDS])
def test_the_planted_failure_is_found_to_be_critical_and_nothing_as_grave_where_it_was_not_planted(simulate, seed):
    def severity_on_the_last_day(theses):
        market = simulate(replace(SAMPLE, seed=seed, theses=theses))
        found = systematic_now(cases_of(market), on=market.index["date"][-1], rules=FailureRules())
        return dict(found.select("pattern", "severity").iter_rows()).get("source=ai & recommendation=BUY_MORE")

    assert severity_on_the_last_day(SAMPLE.theses) == "critical"
    # the AI overstates itself without it, too: a true excess of 0.375 over about 0.28, too small to move anything
    assert severity_on_the_last_day(ThesisRules()) not in {"high", "critical"}
