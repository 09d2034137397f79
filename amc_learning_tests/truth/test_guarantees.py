"""Every guarantee is measured, quickly; the page of the long measurements says what it must and nothing else."""

import re
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from amc_learning_tests.learning.theses.real_theses import MARKET
from amc_learning_tests.truth import evidence, page, registry
from amc_learning_tests.truth.guarantees import Effort, Guarantee, Measurement, Verdict

GUARANTEES = tuple(registry.every_guarantee())
METHODS = "".join((evidence.DOCS / name).read_text(encoding="utf-8") for name in ("methods.md", "weekly.md"))
RECORD = evidence.read_record(evidence.DOCS)
CLEARLY = 4.0
"""Standard errors beyond a bound that chance does not explain, even among two hundred guarantees."""

needs_every_guarantee = pytest.mark.skipif(
    not MARKET.is_dir(), reason="guarantees on the real feed are listed only where it is"
)


@pytest.mark.parametrize("guarantee", GUARANTEES, ids=lambda one: f"{one.section}: {one.statement}")
def test_a_guarantee_is_not_clearly_missed_unless_it_is_known_to_be(guarantee: Guarantee):
    found = guarantee.measure(Effort.QUICK)
    holds = guarantee.verdict(found) is Verdict.HOLDS
    assert holds or guarantee.missed_by(found) <= CLEARLY * found.standard_error or guarantee.explanation


def test_what_was_measured_at_length_misses_no_bound_without_an_explanation():
    failing = [one for one in GUARANTEES if page.verdict_of(one, RECORD) is Verdict.FAILS]
    assert [one.statement for one in failing if not one.explanation] == []


def test_statements_are_told_apart_within_their_section():
    keys = [page.guarantee_key(one) for one in GUARANTEES]
    keys += [page.curve_key(one, effect) for one in registry.every_power_curve() for effect in one.effects]
    assert len(keys) == len(set(keys))


def sections_of(text: str) -> dict[str, str]:
    """Second-level headings of a page and what is under them."""
    parts = re.split(r"^## (.+)$", text, flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def statements_under(text: str, column: int) -> list[str]:
    """One cell of every table row that is neither head nor rule."""
    rows = [line.strip("| ").split(" | ") for line in text.splitlines() if line.startswith("| ")]
    return [cells[column] for cells in rows if cells[column] != "guarantee"]


def test_every_section_of_the_methods_that_must_hold_something_has_a_guarantee():
    promising = {heading for heading, text in sections_of(METHODS).items() if "*Must hold" in text}
    assert promising
    assert promising - {one.section for one in GUARANTEES} == set()


def test_every_guarantee_belongs_to_a_section_of_the_methods():
    assert {one.section for one in GUARANTEES} - set(sections_of(METHODS)) == set()


@needs_every_guarantee
def test_the_page_is_what_was_measured_of_the_guarantees_there_are():
    written = (evidence.DOCS / evidence.PAGE).read_text(encoding="utf-8")
    curves = evidence.in_order(registry.every_power_curve())
    assert written == page.page(evidence.in_order(GUARANTEES), curves, RECORD)
    under = sections_of(written)
    assert list(under) == [page.FAILS, page.WITHIN_ERROR, page.ALL, page.POWER]
    assert sorted(statements_under(under[page.ALL], 0)) == sorted(one.statement for one in GUARANTEES)
    assert page.NOT_MEASURED not in written


def measured(value: float, error: float = 1.0) -> page.Measured:
    return page.Measured(Measurement(value, error, 50), date(2024, 1, 2))


def test_failures_come_first_and_are_explained_then_what_is_within_error_then_all():
    half = Guarantee("Example", "half of them", 50.0, True, lambda _: Measurement(0.0, 0.0, 1), "%", "Bad luck.")
    others = [replace(half, statement=name) for name in ("nearly half", "more than half", "not looked at")]
    values = {"half of them": 10.0, "nearly half": 49.0, "more than half": 60.0}
    record = {("Example", name): measured(value) for name, value in values.items()}
    text = page.page([others[1], others[0], half, others[2]], [], record)
    under = sections_of(text)
    assert list(under) == [page.FAILS, page.WITHIN_ERROR, page.ALL, page.POWER]
    assert statements_under(under[page.FAILS], 1) == ["half of them"]
    assert under[page.FAILS].rstrip().endswith("Bad luck.")
    assert statements_under(under[page.WITHIN_ERROR], 1) == ["nearly half"]
    assert statements_under(under[page.ALL], 0) == ["more than half", "nearly half", "half of them", "not looked at"]
    assert "1 hold, 1 are within error, 1 fail, 1 were not measured yet" in text
    assert "| half of them | ≥ 50 % | 10 % | 1 | 50 | fails | 2024-01-02 |" in text


def test_measuring_one_study_keeps_what_was_measured_of_the_others(tmp_path: Path):
    other = page.guarantee_key(next(one for one in GUARANTEES if one.section != "Accuracy of theses"))
    evidence.write({other: measured(7.0)}, tmp_path)
    evidence.run(Effort.QUICK, only="thesis_accuracy_study", n_workers=1, folder=tmp_path)
    record = evidence.read_record(tmp_path)
    assert record.pop(other) == measured(7.0)
    assert set(record) == {page.guarantee_key(one) for one in registry.guarantees("thesis_accuracy_study")}
    assert (tmp_path / evidence.PAGE).read_text(encoding="utf-8").startswith("# Evidence")
