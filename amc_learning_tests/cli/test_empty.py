"""Every verb that looks, on a directory in which nothing has happened yet."""

import pytest

from amc_learning_tests.cli.calling import amc


@pytest.fixture
def empty(tmp_path, clean_environment):
    return tmp_path / "data"


def test_status_shows_the_defaults_in_force(empty):
    answer = amc(empty, "status", "--json")
    assert answer.code == 0
    assert answer.json["parameters_version"] is None
    assert answer.json["weights"]["volume_momentum_weight"] == 0.30
    assert all(table["n_rows"] == 0 for table in answer.json["tables"])
    assert "nothing is published yet" in amc(empty, "status").all


@pytest.mark.parametrize(
    "verb", [("weights", "show"), ("weights", "history"), ("weights", "show", "--date", "2024-01-02")]
)
def test_weights_say_what_to_do_first(empty, verb):
    answer = amc(empty, *verb)
    assert answer.code == 1
    assert "run daily" in answer.all


def test_weights_diff_and_rollback_of_days_that_were_never_decided(empty):
    assert "2024-01-02" in amc(empty, "weights", "diff", "2024-01-02", "2024-01-03").complained
    answer = amc(empty, "weights", "rollback", "2024-01-02", "--reason", "none")
    assert answer.code == 1
    assert "2024-01-02" in answer.complained
    assert amc(empty, "sql", "select count(*) as n from operator_actions", "--json").json == [{"n": 0}]


def test_sql_knows_every_table_before_there_is_any(empty):
    answer = amc(empty, "sql", "select * from weight_decisions", "--json")
    assert (answer.code, answer.json) == (0, [])
    assert "candidate_outcomes" in amc(empty, "sql", "show tables").said


@pytest.mark.parametrize(
    ("statement", "word"),
    [
        ("select * fro weight_decisions", "syntax"),
        ("select nonsense from weight_decisions", "nonsense"),
        ("select * from no_such_table", "no_such_table"),
        ("select 1; select 2", "one statement"),
        ("drop view weight_decisions", "read-only"),
        ("copy weight_decisions to 'x.csv'", "read-only"),
        ("select * from read_csv('/etc/passwd')", "/etc/passwd"),
        ("", "statement"),
    ],
)
def test_sql_that_cannot_be_answered_exits_with_1_and_a_sentence(empty, statement, word):
    answer = amc(empty, "sql", statement)
    assert answer.code == 1
    assert word.lower() in answer.complained.lower()
    assert "Traceback" not in answer.all


def test_quarantine_is_empty_and_an_unknown_identifier_is_named(empty):
    assert amc(empty, "quarantine", "list", "--json").json == []
    answer = amc(empty, "quarantine", "show", "7f3a")
    assert answer.code == 1
    assert "7f3a" in answer.complained


def test_doctor_finds_nothing_wrong(empty):
    answer = amc(empty, "doctor", "--json")
    assert (answer.code, [one for one in answer.json if not one["is_ok"]]) == (0, [])


def test_a_night_on_nothing_publishes_the_defaults_for_want_of_evidence(empty):
    answer = amc(empty, "run", "daily", "--date", "2024-01-02", "--json")
    assert answer.code == 0, answer.all
    assert answer.json["status"] == "insufficient_evidence"
    assert answer.json["weights"]["volume_momentum_weight"] == 0.30
    assert "insufficient" in amc(empty, "weights", "show").said


@pytest.mark.parametrize("verb", ["theses", "trades", "failures"])
def test_what_was_learned_of_nothing_is_an_empty_table_not_an_error(empty, verb):
    answer = amc(empty, verb)
    assert answer.code == 0
    assert "nothing yet" in answer.said
    assert amc(empty, verb, "--json").code == 0


def test_a_report_before_the_first_night_says_what_to_do(empty):
    answer = amc(empty, "report")
    assert answer.code == 1
    assert "run daily" in answer.complained
    assert "run daily" in amc(empty, "report", "--date", "2024-01-02").complained


def test_corrections_of_nothing_are_none_and_a_veto_names_what_there_is(empty):
    assert amc(empty, "corrections", "list", "--json").json == []
    answer = amc(empty, "corrections", "veto", "thesis-source-ai")
    assert answer.code == 1
    assert "there are none yet" in answer.complained
    assert amc(empty, "sql", "select count(*) as n from correction_orders", "--json").json == [{"n": 0}]
