"""Small pictures as SVG: numbers in, markup out.

Belongs here: scales, ticks and drawing. Not here: which numbers are shown and the words around them (sections), colours
(style: pictures only name classes, so that one page serves light and dark).

Positions are finite for any finite input: a domain without width puts everything in its middle, and what lies outside
a domain is drawn at its edge.
"""

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from amc_learning.contracts.documents.base import Interval
from amc_learning.contracts.documents.daily_report import ReliabilityPoint
from amc_learning.reports.markup import Html, element, joined
from amc_learning.reports.wording import day, excludes, percent, shortened

N_COLOURS = 8
"""Colours the stylesheet knows for lines; from the ninth line on they come again, dashed."""

STRIP_HEIGHT = 18.0
NARROW, WIDE = 86.0, 150.0
"""Widths of strips in pixels: two tables side by side, and one table alone."""

_EDGE = 6.0
"""Room at both ends of a strip, so that a mark on the edge is drawn whole."""

_LETTER = 7.8
"""Width of a letter on an axis in pixels, rather too wide: labels that do not collide here do not collide drawn."""

Format = Callable[[float], str]


@dataclass(frozen=True)
class Scale:
    """Linear map from a domain of values to positions; values outside it land on its ends.

    >>> Scale(0.0, 2.0, 10.0, 110.0).position(0.5)
    35.0
    """

    low: float
    high: float
    start: float
    end: float

    def position(self, value: float) -> float:
        """Position of a value, between `start` and `end`."""
        unit = max(abs(self.low), abs(self.high)) or 1.0
        width = self.high / unit - self.low / unit
        share = 0.5 if width <= 0 else (min(max(value, self.low), self.high) / unit - self.low / unit) / width
        return self.start + (self.end - self.start) * share


@dataclass(frozen=True)
class _Frame:
    """What the lines of one chart share."""

    days: Sequence[date]
    across: Scale
    up: Scale
    written: Format


def ticks(low: float, high: float, *, most: int = 5) -> list[float]:
    """Round values within a domain, at most `most` of them; its ends when it is too narrow to hold or to tell any.

    >>> ticks(0.0, 0.32)
    [0.0, 0.1, 0.2, 0.3]
    >>> ticks(-0.04, 0.07, most=3)
    [0.0, 0.05]
    """
    width = high - low
    if not 0 < width < math.inf:
        return [low] if low == high else [low, high]
    power = 10.0 ** math.floor(math.log10(width / most)) if width / most > 0 else 0.0
    between_floats = math.ulp(max(abs(low), abs(high)))
    for step in (power, 2 * power, 5 * power, 10 * power, 20 * power):
        if step > between_floats:
            first, last = math.ceil(low / step), math.floor(high / step)
            if 0 < last - first + 1 <= most:
                return [round(index * step, 12) if step > 1e-9 else index * step for index in range(first, last + 1)]
    return [low, high]


def domain(values: Iterable[float | None]) -> tuple[float, float]:
    """Round ends of a domain that holds zero and every known value.

    >>> domain([-0.012, None, 0.083])
    (-0.02, 0.1)
    >>> domain([])
    (0.0, 0.0)
    """
    known = [0.0, *(value for value in values if value is not None)]
    low, high = min(known), max(known)
    least = (high - low) / 8
    if not 1e-300 < least < math.inf:
        return low, high
    power = 10.0 ** math.floor(math.log10(least))
    step = next((factor * power for factor in (1, 2, 5) if factor * power >= least), 10 * power)
    ends = math.floor(low / step) * step, math.ceil(high / step) * step
    if not all(map(math.isfinite, ends)):
        return low, high
    # Six digits take the dust of the multiplication off; the values themselves stay inside.
    return min(low, float(f"{ends[0]:.6g}")), max(high, float(f"{ends[1]:.6g}"))


def share_domain(values: Iterable[float | None]) -> tuple[float, float]:
    """Ends of a domain in whole tenths that holds every known share; zero need not be in it.

    >>> share_domain([0.43, None, 0.713])
    (0.4, 0.8)
    """
    known = [min(max(value, 0.0), 1.0) for value in values if value is not None]
    if not known:
        return 0.0, 1.0
    low = min(math.floor(min(known) * 10), 9)
    return low / 10, max(math.ceil(max(known) * 10), low + 1) / 10


def interval_ends(intervals: Iterable[Interval]) -> Iterator[float | None]:
    """Every number a forest plot of these intervals has to have room for."""
    for value in intervals:
        yield from (value.estimate, value.ci_low, value.ci_high)


def spread(wanted: Sequence[float], *, gap: float, low: float, high: float) -> list[float]:
    """Positions as near to the wanted ones as a least distance between them allows, in the order given.

    Args:
        wanted: positions, any order.
        gap: least distance between two of them.
        low: least position.
        high: greatest position; exceeded only when not all fit.

    Returns:
        One position for each that was wanted.

    >>> spread([50.0, 48.0, 90.0], gap=10.0, low=0.0, high=95.0)
    [58.0, 48.0, 90.0]
    """
    order = sorted(range(len(wanted)), key=lambda index: (wanted[index], index))
    placed = [0.0] * len(wanted)
    least = low
    for index in order:
        placed[index] = max(wanted[index], least)
        least = placed[index] + gap
    greatest = high
    for index in reversed(order):
        placed[index] = min(placed[index], greatest)
        greatest = placed[index] - gap
    least = low
    for index in order:
        placed[index] = max(placed[index], least)
        least = placed[index] + gap
    return placed


def line_chart(days: Sequence[date], lines: Mapping[str, Sequence[float]], *, label: str, written: Format) -> Html:
    """Lines over days from zero up, each with its name and last value at its right end.

    Args:
        days: ascending; at least one.
        lines: name to one value per day, none negative.
        label: what a person who cannot see the picture is told.
        written: how a value is written.

    Returns:
        The picture.
    """
    width, left, right, top, gap = 470.0, 44.0, 186.0, 10.0, 16.0
    height = max(230.0, gap * len(lines) + 46)
    bottom = height - 26
    highest = max((value for values in lines.values() for value in values), default=0.0) or 1.0
    across = Scale(days[0].toordinal(), days[-1].toordinal(), left, width - right)
    up = Scale(0.0, highest, bottom, top + 4)
    ends = [up.position(values[-1]) for values in lines.values()]
    places = spread(ends, gap=gap, low=top + 4, high=bottom)
    return _picture(
        width,
        height,
        label,
        *(_grid_line(up.position(value), left, width - right, written(value)) for value in ticks(0.0, highest)),
        *_day_labels(days, across, height - 8),
        *(
            _line(index, name, values, place, frame=_Frame(days, across, up, written))
            for index, ((name, values), place) in enumerate(zip(lines.items(), places, strict=True))
        ),
    )


def reliability_diagram(points: Sequence[ReliabilityPoint], *, label: str) -> Html:
    """Confidence as sent against the share that was right: the CORP curve, its intervals, and the diagonal.

    Dots grow with the theses behind them, by area.
    """
    width, height, left, right, low_edge, top = 290.0, 276.0, 40.0, 270.0, 240.0, 10.0
    across, up = Scale(0.0, 1.0, left, right), Scale(0.0, 1.0, low_edge, top)
    most = max((point.n_theses for point in points), default=1) or 1
    places = [(across.position(point.mean_confidence), up.position(point.calibrated_confidence)) for point in points]
    quarters = (0.0, 0.25, 0.5, 0.75, 1.0)
    return _picture(
        width,
        height,
        label,
        *(_grid_line(up.position(value), left, right, f"{value:.0%}") for value in quarters),
        *(_text(across.position(value), low_edge + 17, f"{value:.0%}", anchor="middle") for value in quarters[::2]),
        _text((left + right) / 2, height - 3, "confidence as sent", anchor="middle", class_="axis-title"),
        _segment(left, low_edge, right, top, "diagonal"),
        *(
            _segment(place[0], up.position(point.ci_low), place[0], up.position(point.ci_high), "whisker quiet")
            for place, point in zip(places, points, strict=True)
        ),
        _path(places, "curve") if len(places) > 1 else None,
        *(
            element(
                "circle",
                element(
                    "title",
                    f"{percent(point.mean_confidence)} sent, {percent(point.calibrated_confidence)} right "
                    f"({percent(point.ci_low)} to {percent(point.ci_high)}), n = {point.n_theses:,}",
                ),
                cx=place[0],
                cy=place[1],
                r=2.5 + 6.5 * math.sqrt(max(point.n_theses, 0) / most),
                class_="blob",
            )
            for place, point in zip(places, points, strict=True)
        ),
    )


def interval_strip(
    value: Interval,
    bounds: tuple[float, float],
    *,
    label: str,
    width: float = NARROW,
    reference: float | None = 0.0,
    mark: float | None = None,
) -> Html:
    """One row of a forest plot: estimate and interval; filled and strong when the interval excludes the reference.

    Args:
        value: what to draw; without an estimate only the reference is drawn.
        bounds: domain of the plot, the same for all of its rows.
        label: the same in words.
        width: width in pixels, the same for all rows.
        reference: where the vertical line stands; None: no line, and every interval is strong.
        mark: a second value to show as a short vertical tick.

    Returns:
        The picture.
    """
    across = Scale(*bounds, _EDGE, width - _EDGE)
    middle = STRIP_HEIGHT / 2
    strength = "strong" if reference is None or excludes(value, reference) else "quiet"
    whisker = dot = None
    if value.ci_low is not None and value.ci_high is not None:
        ends = across.position(value.ci_low), across.position(value.ci_high)
        whisker = _segment(ends[0], middle, ends[1], middle, f"whisker {strength}")
    if value.estimate is not None:
        dot = element("circle", cx=across.position(value.estimate), cy=middle, r=4, class_=f"dot {strength}")
    return _strip(
        width,
        label,
        None if reference is None else _upright(across.position(reference), "zero"),
        whisker,
        None if mark is None else _upright(across.position(mark), "mark", inset=3),
        dot,
    )


def bar_strip(
    value: float, bounds: tuple[float, float], *, label: str, width: float = NARROW, mark: float | None = None
) -> Html:
    """One bar of a bar chart, to the right of zero when positive and to the left when negative.

    Args:
        value: where the bar ends.
        bounds: domain of the chart, the same for all of its bars.
        label: the same in words.
        width: width in pixels, the same for all bars.
        mark: a second value to show as a short vertical tick.

    Returns:
        The picture.
    """
    across = Scale(*bounds, _EDGE, width - _EDGE)
    zero, end = across.position(0.0), across.position(value)
    bar = element(
        "rect",
        x=min(zero, end),
        y=3,
        width=abs(end - zero),
        height=STRIP_HEIGHT - 6,
        class_="gain" if value >= 0 else "loss",
    )
    tick = None if mark is None else _upright(across.position(mark), "mark", inset=1)
    return _strip(width, label, bar, _upright(zero, "zero"), tick)


def axis_strip(bounds: tuple[float, float], *, written: Format, width: float = NARROW) -> Html:
    """The axis above the strips of a column: zero and the ends of the domain, as far as there is room for them."""
    across = Scale(*bounds, _EDGE, width - _EDGE)
    low, high = bounds
    values = sorted({min(max(0.0, low), high), low, high}, key=lambda value: (value != 0, -abs(value), value))
    shown: list[tuple[float, float, str]] = []
    for value in values:
        text = written(value)
        half = len(text) * _LETTER / 2
        place = min(max(across.position(value), half), width - half)
        if all(abs(place - other) > half + half_other for other, half_other, _ in shown):
            shown.append((place, half, text))
    return _strip(
        width,
        f"axis from {written(low)} to {written(high)}",
        *(_text(place, 13, text, anchor="middle") for place, _, text in sorted(shown)),
    )


def _picture(width: float, height: float, label: str, *content: Html | None) -> Html:
    box = f"0 0 {width:g} {height:g}"
    return element("svg", *content, viewBox=box, class_="picture", role="img", aria_label=label)


def _strip(width: float, label: str, *content: Html | None) -> Html:
    return element("svg", *content, width=width, height=STRIP_HEIGHT, class_="strip", role="img", aria_label=label)


def _segment(x1: float, y1: float, x2: float, y2: float, class_: str) -> Html:
    return element("line", x1=x1, y1=y1, x2=x2, y2=y2, class_=class_)


def _upright(x: float, class_: str, *, inset: float = 0.0) -> Html:
    return _segment(x, inset, x, STRIP_HEIGHT - inset, class_)


def _text(x: float, y: float, text: str, *, anchor: str, class_: str = "tick") -> Html:
    return element("text", text, x=x, y=y, text_anchor=anchor, class_=class_)


def _grid_line(y: float, left: float, right: float, text: str) -> Html:
    return joined([_segment(left, y, right, y, "grid"), _text(left - 6, y + 4, text, anchor="end")])


def _path(places: Sequence[tuple[float, float]], class_: str) -> Html:
    return element("polyline", points=" ".join(f"{x:.1f},{y:.1f}" for x, y in places), class_=class_)


def _day_labels(days: Sequence[date], across: Scale, y: float) -> list[Html]:
    if days[0] == days[-1]:
        return [_text(across.position(days[0].toordinal()), y, day(days[0]), anchor="middle")]
    return [
        _text(across.start, y, day(days[0]), anchor="start"),
        _text(across.end, y, day(days[-1]), anchor="end"),
    ]


def _line(index: int, name: str, values: Sequence[float], place: float, *, frame: _Frame) -> Html:
    """One line, the dot at its end, and its label at the height `place`, with a thin connection to it."""
    places = [
        (frame.across.position(one.toordinal()), frame.up.position(value))
        for one, value in zip(frame.days, values, strict=True)
    ]
    x, y = places[-1]
    edge = frame.across.end
    last = frame.written(values[-1])
    return element(
        "g",
        _path(places, "history" if index < N_COLOURS else "history again"),
        element("circle", cx=x, cy=y, r=3, class_="end"),
        _path([(edge + 4, y), (edge + 10, place), (edge + 14, place)], "leader"),
        element(
            "text",
            element("title", f"{name} {last}"),
            f"{shortened(name, 16)} {last}",
            x=edge + 18,
            y=place + 4,
            class_="direct",
        ),
        class_=f"line-{index % N_COLOURS}",
    )
