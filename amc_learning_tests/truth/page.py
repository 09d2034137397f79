"""The page docs/evidence.md, from what was measured.

Belongs here: order, wording and layout. Not here: measuring and keeping (evidence.py), what the guarantees are (the
studies). A guarantee that was not measured yet is listed as such: the page leaves nothing out.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from textwrap import fill

from amc_learning_tests.truth.guarantees import Guarantee, Measurement, PowerCurve, Verdict

Key = tuple[str, str]
"""Section and statement: what a measurement is kept by."""

INTRODUCTION = """# Evidence

Every guarantee of [methods](methods.md) as a number, with its Monte-Carlo error. `make truth` measures all of them and
writes this page; `python -m amc_learning_tests.truth.evidence --only Thresholds` measures one section anew and keeps
the rest.

Truths are planted in simulated markets, or nothing is, and the code of the night looks for them. Seeds are fixed: the
same code gives the same numbers. *Measured* is what came out, *error* its standard error over the simulations (0 where
nothing is drawn at random), *n* the number of simulations, nights or rows. A guarantee *holds* when the measured value
is on the right side of its bound. Beyond the bound by at most two errors it is *within error*: chance explains the
difference. Beyond that it *fails*, is listed first, and the reason is given. What the guarantees do not cover is in
[what falls short](methods.md#what-falls-short).
"""

FAILS, WITHIN_ERROR, ALL, POWER = "What fails", "Within error", "All guarantees", "Power curves"
"""Headings of the page, in order."""

NOT_MEASURED = "not measured"


@dataclass(frozen=True)
class Measured:
    """A measurement and the day it was made."""

    measurement: Measurement
    measured_on: date


Record = Mapping[Key, Measured]


def guarantee_key(guarantee: Guarantee) -> Key:
    """What the measurement of a guarantee is kept by."""
    return guarantee.section, guarantee.statement


def curve_key(curve: PowerCurve, effect: float) -> Key:
    """What one point of a power curve is kept by."""
    return curve.section, f"{curve.statement} | {effect:g} {curve.effect}"


def verdict_of(guarantee: Guarantee, record: Record) -> Verdict | None:
    """The verdict on what was measured; None where nothing was."""
    kept = record.get(guarantee_key(guarantee))
    return None if kept is None else guarantee.verdict(kept.measurement)


def page(guarantees: Sequence[Guarantee], curves: Sequence[PowerCurve], record: Record) -> str:
    """The whole page: what fails, what is within error, all by section, power curves."""
    failing = [one for one in guarantees if verdict_of(one, record) is Verdict.FAILS]
    within_error = [one for one in guarantees if verdict_of(one, record) is Verdict.WITHIN_ERROR]
    parts = [
        INTRODUCTION,
        _summary(guarantees, record),
        f"## {FAILS}\n",
        _table(failing, record, is_across_sections=True) + _reasons(failing) if failing else "Nothing.\n",
        f"## {WITHIN_ERROR}\n",
        _table(within_error, record, is_across_sections=True) if within_error else "None.\n",
        f"## {ALL}\n",
        *(
            f"### {section}\n\n{_table(_of(section, guarantees), record, is_across_sections=False)}"
            for section in dict.fromkeys(one.section for one in guarantees)
        ),
        f"## {POWER}\n\nHow often a planted truth is found, by its size; standard errors in parentheses.\n",
        *(_curve(curve, record) for curve in curves),
    ]
    return "\n".join(parts)


def shown(value: float, unit: str = "") -> str:
    """A number of the page, to about three digits; whole numbers whole.

    >>> shown(93.75, "%"), shown(-0.00512), shown(0.0), shown(5e-16), shown(1.5, "points"), shown(0.05)
    ('93.8 %', '-.0051', '0', '5.0e-16', '1.50 points', '.05')
    """
    size = abs(value)
    if value == round(value):
        number = f"{value:.0f}"
    elif size < 1e-4:
        number = f"{value:.1e}"
    elif size < 1:
        number = f"{value:.4f}".rstrip("0").replace("0.", ".", 1)
    else:
        number = f"{value:.{2 if size < 10 else 1}f}"
    return f"{number} {unit}".strip()


def error_shown(found: Measurement) -> str:
    """The standard error, to two digits.

    >>> error_shown(Measurement(93.0, 0.902, 800)), error_shown(Measurement(0.0, 0.0, 1))
    ('.9', '0')
    """
    return f"{found.standard_error:.2g}".replace("0.", ".", 1)


def _of(section: str, guarantees: Sequence[Guarantee]) -> list[Guarantee]:
    return [one for one in guarantees if one.section == section]


def _summary(guarantees: Sequence[Guarantee], record: Record) -> str:
    verdicts = [verdict_of(one, record) for one in guarantees]
    holds, within, fails, unknown = (
        verdicts.count(one) for one in (Verdict.HOLDS, Verdict.WITHIN_ERROR, Verdict.FAILS, None)
    )
    text = f"Of {len(guarantees)} guarantees, {holds} hold, {within} are within error, {fails} fail"
    return f"{text}, {unknown} were not measured yet.\n" if unknown else f"{text}.\n"


def _table(guarantees: Sequence[Guarantee], record: Record, *, is_across_sections: bool) -> str:
    head = ["section", "guarantee"] if is_across_sections else ["guarantee"]
    head += ["bound", "measured", "error", "n"] + ([] if is_across_sections else ["verdict"]) + ["measured on"]
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    for one in guarantees:
        kept, verdict = record.get(guarantee_key(one)), verdict_of(one, record)
        cells = [one.section] if is_across_sections else []
        cells += [one.statement, f"{'≥' if one.is_at_least else '≤'} {shown(one.bound, one.unit)}"]
        found = None if kept is None else kept.measurement
        cells += ["", "", ""] if found is None else [shown(found.value, one.unit), error_shown(found), f"{found.n:,}"]
        cells += [] if is_across_sections else [NOT_MEASURED if verdict is None else verdict.value]
        cells += ["" if kept is None else kept.measured_on.isoformat()]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def _reasons(failing: Sequence[Guarantee]) -> str:
    """Why each fails. One reason may explain several lines: it is given once, with all it explains."""
    explained: dict[tuple[str, str], list[str]] = {}
    for one in failing:
        explained.setdefault((one.section, one.explanation), []).append(one.statement)
    return "".join(
        f"\n{fill(f'**{section}.** {_listed(statements)}. {explanation}', 120, break_on_hyphens=False)}\n"
        for (section, explanation), statements in explained.items()
    )


def _listed(statements: Sequence[str]) -> str:
    return "; ".join(f"*{statement}*" for statement in statements)


def _curve(curve: PowerCurve, record: Record) -> str:
    kept = [record.get(curve_key(curve, effect)) for effect in curve.effects]
    cells = [
        "" if one is None else f"{shown(one.measurement.value, curve.unit)} ({error_shown(one.measurement)})"
        for one in kept
    ]
    n = next((f", n = {one.measurement.n:,} each" for one in kept if one is not None), "")
    lines = [
        f"**{curve.section}.** {curve.statement}{n}:",
        "",
        f"| {curve.effect} | " + " | ".join(shown(effect) for effect in curve.effects) + " |",
        "|" + "---|" * (len(cells) + 1),
        "| found in | " + " | ".join(cells) + " |",
    ]
    return "\n".join(lines) + "\n"
