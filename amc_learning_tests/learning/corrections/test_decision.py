from datetime import timedelta

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from amc_learning.contracts.declared.corrections import corrections
from amc_learning.learning.corrections import cases_needed_from
from amc_learning.learning.corrections.patterns import parse_pattern
from amc_learning_tests.learning.corrections.samples import (
    AI,
    AI_BUY,
    NO_CASES,
    RULES,
    START,
    cases,
    decided,
    found,
    one,
    orders,
    pattern_row,
    weekdays,
)

NAME = "thesis-source-ai-recommendation-buy_more"
WIDE = "thesis-source-ai"
DAYS = weekdays(150)


def statuses(table, name=NAME):
    return dict(table.filter(name=name).select("known_on", "status").iter_rows())


@pytest.mark.parametrize(
    ("severity", "status"), [("low", "proposed"), ("medium", "proposed"), ("high", "active"), ("critical", "active")]
)
def test_severe_patterns_act_the_same_night_and_mild_ones_are_proposed(severity, status):
    row = one(decided([pattern_row(START, severity=severity)], [START]), START)
    assert (row["name"], row["status"], row["status_since"]) == (NAME, status, START)
    assert row["is_at_once"] == (severity == "critical")
    assert row["in_force_from"] == (START if status == "active" else None)
    assert row["expires_on"] == START + timedelta(days=30)


def test_the_reason_is_one_sentence_with_the_numbers():
    assert one(decided([pattern_row(START)], [START]), START)["reason"] == (
        f"active: 18 of 24 thesis cases with {AI_BUY} failed in 30 days (75% against 40%, adjusted p = 0.004); "
        f"severity high: confidence of {AI_BUY} x 0.733 until 2014-04-02"
    )


def test_nothing_is_created_without_a_systematic_pattern():
    watched = [pattern_row(day, status="watch", severity=None) for day in DAYS[:5]]
    assert decided(watched, DAYS[:5]).equals(corrections().empty())


def test_a_correction_expires_thirty_days_after_its_last_new_failure_and_stays_listed_for_ninety():
    table = decided(found(DAYS[:3]), DAYS)
    expires = DAYS[2] + timedelta(days=30)
    for day, status in statuses(table).items():
        assert status == ("active" if day < expires else "expired")
    ended = table.filter(status="expired")
    assert ended["ended_on"].unique().to_list() == [min(day for day in DAYS if day >= expires)]
    assert (ended["known_on"].max() - ended["ended_on"][0]).days == 90
    assert ended["verdict"].unique().to_list() == ["too_early"]


def test_the_same_old_failures_do_not_renew():
    table = decided(found(DAYS[:40], is_failing_on=False), DAYS[:40])
    assert table.filter(status="expired")["known_on"].min() == min(d for d in DAYS if d >= START + timedelta(days=30))
    assert table["times_created"].unique().to_list() == [1]


def test_new_failures_keep_it_in_force():
    assert set(statuses(decided(found(DAYS[:60]), DAYS[:60])).values()) == {"active"}


def test_a_worse_severity_puts_a_proposal_in_force_and_a_milder_one_leaves_it():
    severities = ["medium", "critical", "low"]
    rows = [pattern_row(day, severity=severity) for day, severity in zip(DAYS[:3], severities, strict=True)]
    table = decided(rows, DAYS[:3])
    assert list(statuses(table).values()) == ["proposed", "active", "active"]
    assert table["severity"].to_list() == ["medium", "critical", "critical"]
    assert table["in_force_from"].to_list() == [None, DAYS[1], DAYS[1]]


def test_a_veto_ends_it_and_keeps_it_away_until_released():
    given = orders((DAYS[2], "veto", NAME), (DAYS[80], "release", NAME))
    table = decided(found(DAYS[:100]), DAYS[:100], given=given)
    for day, status in statuses(table).items():
        assert status == ("vetoed" if DAYS[2] <= day < DAYS[80] else "active")
    assert one(table, DAYS[50])["reason"].startswith(f"vetoed since {DAYS[2]}: seen by a person")
    assert one(table, DAYS[50])["last_found_on"] == DAYS[50]


def test_a_veto_before_the_pattern_is_ever_found_keeps_it_away_too():
    table = decided(found(DAYS[5:9]), DAYS[:9], given=orders((DAYS[0], "veto", NAME)))
    assert set(statuses(table).values()) == {"vetoed"}
    assert table["in_force_from"].null_count() == table.height == 4


def test_a_veto_covers_narrower_patterns_but_not_wider_ones():
    wide = decided(found(DAYS[:2], AI_BUY), DAYS[:2], given=orders((DAYS[0], "veto", WIDE)))
    assert set(statuses(wide).values()) == {"vetoed"}
    narrow = decided(found(DAYS[:2], AI), DAYS[:2], given=orders((DAYS[0], "veto", NAME)))
    assert set(statuses(narrow, WIDE).values()) == {"active"}


def test_a_released_veto_of_a_pattern_no_longer_found_puts_nothing_in_force():
    given = orders((DAYS[2], "veto", NAME), (DAYS[5], "release", NAME))
    table = decided(found(DAYS[:3]), DAYS[:8], given=given)
    assert list(statuses(table).values()) == ["active"] * 2 + ["vetoed"] * 3 + ["expired"] * 3


def test_what_a_person_expired_comes_back_only_when_the_window_is_past():
    table = decided(found(DAYS[:60]), DAYS[:60], given=orders((DAYS[4], "expire", NAME)))
    back = min(day for day in DAYS if day >= DAYS[4] + timedelta(days=RULES.window_days))
    for day, status in statuses(table).items():
        assert status == ("expired" if DAYS[4] <= day < back else "active")
    assert one(table, back)["times_created"] == 2


def test_what_the_sensor_began_at_noon_a_person_ends_the_same_day():
    critical = pattern_row(DAYS[1], severity="critical", adjusted_p_value=0.00001)
    before = decided([], DAYS[:1])
    noon = decided([critical], DAYS[1:2], previous=before)
    assert statuses(noon) == {DAYS[1]: "active"}
    given = orders((DAYS[1], "expire", NAME))
    rows = [critical, *found(DAYS[2:60], severity="critical")]
    nights = decided(rows, DAYS[1:60], previous=before, given=given)
    row = one(nights, DAYS[1])
    assert (row["status"], row["ended_by"], row["ended_on"]) == ("expired", "person", DAYS[1])
    assert (row["in_force_from"], row["verdict"]) == (None, None)
    back = min(day for day in DAYS if day >= DAYS[1] + timedelta(days=RULES.window_days))
    assert {day for day, status in statuses(nights).items() if status == "active"} == {
        d for d in DAYS[:60] if d >= back
    }


def test_an_order_to_expire_holds_on_the_day_it_comes_back_too():
    back = min(day for day in DAYS if day >= DAYS[4] + timedelta(days=RULES.window_days))
    given = orders((DAYS[4], "expire", NAME), (back, "expire", NAME))
    table = decided(found(DAYS[:60]), DAYS[:60], given=given)
    assert one(table, back)["status"] == "expired"
    assert (one(table, back)["times_created"], one(table, back)["ended_on"]) == (2, back)


def test_orders_about_other_names_change_nothing():
    given = orders((DAYS[1], "veto", "thesis-source-rule_based"), (DAYS[2], "expire", WIDE))
    assert decided(found(DAYS[:9]), DAYS[:9], given=given).equals(decided(found(DAYS[:9]), DAYS[:9]))


def test_an_unknown_order_is_refused():
    with pytest.raises(ValueError, match="only veto, expire and release"):
        decided([], DAYS[:1], given=orders((DAYS[0], "delete", NAME)))


def test_of_a_pair_and_its_value_only_the_one_with_most_evidence_is_corrected():
    rows = found(DAYS[:2], AI, adjusted_p_value=0.001) + found(DAYS[:2], AI_BUY, adjusted_p_value=0.0001)
    assert decided(rows, DAYS[:2])["name"].to_list() == [NAME, NAME]


def test_what_is_in_force_is_not_displaced_by_a_nested_newcomer():
    rows = found(DAYS[:4], AI, adjusted_p_value=0.01) + found(DAYS[2:4], AI_BUY, adjusted_p_value=0.0001)
    assert decided(rows, DAYS[:4])["name"].unique().to_list() == [WIDE]


def test_a_proposal_makes_way_for_a_severe_nested_pattern():
    rows = found(DAYS[:4], AI, severity="medium") + found(DAYS[2:4], AI_BUY, severity="high")
    table = decided(rows, DAYS[:4])
    assert list(statuses(table, WIDE).values()) == ["proposed"] * 2 + ["withdrawn"] * 2
    assert one(table, DAYS[3], WIDE)["ended_by"] == "covered"
    assert NAME in one(table, DAYS[3], WIDE)["reason"]
    assert list(statuses(table).values()) == ["active"] * 2


def test_a_proposal_not_found_tonight_does_not_come_and_go_with_a_mild_nested_one():
    wide = [row for at in (0, 2, 4) for row in found(DAYS[at : at + 1], AI, severity="medium")]
    narrow = [row for at in (1, 3) for row in found(DAYS[at : at + 1], AI_BUY, severity="low")]
    table = decided(wide + narrow, DAYS[:5])
    assert table.select("name", "status").unique().rows() == [(WIDE, "proposed")]
    severe = decided(wide + [row | {"severity": "high"} for row in narrow], DAYS[:2])
    assert one(severe, DAYS[1], WIDE)["ended_by"] == "covered"
    assert one(severe, DAYS[1], NAME)["status"] == "active"


def test_what_another_pattern_explains_is_not_corrected_beside_it():
    rows = found(DAYS[:1], "sector=x", explained_by=AI) + found(DAYS[:1], AI, adjusted_p_value=0.03)
    assert decided(rows, DAYS[:1])["name"].to_list() == [WIDE]


def test_a_correction_of_part_of_its_target_is_diluted_by_its_share():
    described = [{"dominant_component": "squeeze", "sector": sector} for sector in ("x", "y", "y", "y")]
    known = cases([(START, True, attributes | {"kind": "trade"}) for attributes in described])
    pattern = pattern_row(START, "dominant_component=squeeze & sector=x", "trade")
    whole = one(decided([pattern], [START]), START)
    quarter = one(decided([pattern], [START], known_cases=known), START)
    assert (whole["target_share"], quarter["target_share"]) == (1.0, 0.25)
    assert 1 - quarter["factor"] == pytest.approx((1 - whole["factor"]) / 4, abs=5e-4)


def test_the_first_needed_day_reaches_back_to_the_oldest_correction():
    table = decided(found(DAYS[:90]), DAYS[:90])
    assert cases_needed_from(table, as_of=DAYS[90:], rules=RULES) == min(START, DAYS[90] - timedelta(days=90))
    assert cases_needed_from(None, as_of=DAYS, rules=RULES) == START - timedelta(days=90)


def test_what_the_sensor_applied_at_noon_the_night_finds_in_force_with_the_same_evidence():
    critical = pattern_row(DAYS[1], AI_BUY, severity="critical", adjusted_p_value=0.00001)
    before = decided([], DAYS[:1])
    noon = decided([critical], DAYS[1:2], previous=before)
    night = decided([critical, pattern_row(DAYS[1], "sector=x")], DAYS[1:2], previous=before)
    assert one(noon, DAYS[1])["is_at_once"]
    assert night.filter(name=NAME).equals(noon)


def test_rows_of_other_days_change_nothing():
    whole = decided(found(DAYS[:20]), DAYS[:20])
    again = decided(found(DAYS[:20]), DAYS[9:11], previous=whole)
    assert again.equals(whole.filter(pl.col("known_on").is_in(DAYS[9:11])))


def test_nights_without_a_previous_day_of_state_go_on_from_the_last_there_was():
    first = decided(found(DAYS[:5]), DAYS[:5])
    late = decided([], [DAYS[12]], previous=first)
    assert statuses(late) == {DAYS[12]: "active"}


# Random histories ---------------------------------------------------------------------------------------------------

TEXTS = [AI, AI_BUY, "recommendation=HOLD", "dominant_component=squeeze", "dominant_component=squeeze & sector=x"]
NAMES = [parse_pattern("thesis", text).name for text in TEXTS]
SPAN = weekdays(70)


@st.composite
def histories(draw):
    rows = []
    for text in TEXTS:
        for start in draw(st.lists(st.integers(0, 69), max_size=2)):
            length = draw(st.integers(1, 12))
            values = {
                "severity": draw(st.sampled_from(["low", "medium", "high", "critical"])),
                "adjusted_p_value": draw(st.sampled_from([0.0001, 0.01, 0.03])),
                "base_rate": draw(st.sampled_from([0.1, 0.4, None])),
            }
            seen = {row["known_on"] for row in rows if row["pattern"] == text}
            days = [day for day in SPAN[start : start + length] if day not in seen]
            rows += found(days, text, is_failing_on=draw(st.booleans()), **values)
    given = [
        (SPAN[at], draw(st.sampled_from(["veto", "expire", "release"])), draw(st.sampled_from(NAMES)))
        for at in sorted(draw(st.lists(st.integers(0, 69), max_size=4)))
    ]
    chance = draw(st.randoms(use_true_random=False))
    known = [
        (day, chance.random() < 0.5, {"source": "ai", "recommendation": chance.choice(["BUY_MORE", "HOLD"])})
        for day in SPAN
        for _ in range(3)
    ]
    return rows, orders(*given), cases(known)


@settings(max_examples=30, deadline=None)
@given(histories())
def test_every_night_keeps_the_bounds_and_the_table(history):
    rows, given, known = history
    table = decided(rows, SPAN, known_cases=known, given=given)
    assert table.schema == corrections().schema
    assert table.equals(table.sort("known_on", "name"))
    assert not table.select("known_on", "name").is_duplicated().any()
    size = pl.coalesce("factor", "raise_points")
    assert table.filter(~size.is_between(pl.col("lower_bound"), pl.col("upper_bound"))).is_empty()
    assert table.filter((pl.col("status") == "active") & ~pl.col("severity").is_in(["high", "critical"])).is_empty()
    live = pl.col("status").is_in(["active", "proposed"])
    assert table.filter(live & (pl.col("known_on") >= pl.col("expires_on"))).is_empty()
    assert table.filter(live != pl.col("ended_on").is_null()).is_empty()
    assert table.filter(pl.col("in_force_from").is_not_null() != pl.col("verdict").is_not_null()).is_empty()


@settings(max_examples=30, deadline=None)
@given(histories(), st.integers(1, 69))
def test_a_range_equals_its_nights_one_by_one_and_row_order_does_not_matter(history, cut):
    rows, given, known = history
    whole = decided(rows, SPAN, known_cases=known, given=given)
    first = decided(rows, SPAN[:cut], known_cases=known, given=given)
    last_day = first.filter(known_on=SPAN[cut - 1])
    night = SPAN[cut]
    needed = known.filter(
        pl.col("known_on").is_between(cases_needed_from(last_day, as_of=[night], rules=RULES), night)
    ).sample(fraction=1.0, shuffle=True, seed=1)
    alone = decided(rows[::-1], [night], known_cases=needed, given=given[::-1], previous=last_day)
    assert alone.equals(whole.filter(known_on=night))


@settings(max_examples=30, deadline=None)
@given(histories())
def test_nothing_live_overlaps_and_nothing_vetoed_is_live(history):
    rows, given, known = history
    table = decided(rows, SPAN, known_cases=known, given=given)
    standing = {name: set() for name in NAMES}
    for name in NAMES:
        vetoed = False
        for day in SPAN:
            for order in given.filter(known_on=day, name=name).sort("requested_at").iter_rows(named=True):
                vetoed = order["action"] == "veto" or (vetoed and order["action"] != "release")
            if vetoed:
                standing[name].add(day)
    for (day,), night in table.filter(pl.col("status").is_in(["active", "proposed"])).group_by("known_on"):
        live = [parse_pattern("thesis", text) for text in night["pattern"]]
        assert not any(a.is_nested_with(b) for at, a in enumerate(live) for b in live[:at])
        for pattern in live:
            assert not any(day in standing.get(name, ()) for name in (pattern.name, *pattern.wider_names()))


@settings(max_examples=20, deadline=None)
@given(histories())
def test_every_ended_correction_stays_listed_for_ninety_days_unless_it_comes_back(history):
    rows, given, known = history
    table = decided(rows, SPAN, known_cases=known, given=given)
    listed = {day: set(names) for day, names in table.group_by("known_on").agg("name").iter_rows()}
    for day, name in table.select("known_on", "name").iter_rows():
        assert all(name in listed[later] for later in SPAN if day < later <= day + timedelta(days=90))


def test_without_cases_there_is_no_effect_to_speak_of():
    row = one(decided(found(DAYS[:30]), DAYS[:30], known_cases=NO_CASES), DAYS[29])
    assert (row["verdict"], row["effect"], row["n_cases_after"]) == ("too_early", None, 0)
