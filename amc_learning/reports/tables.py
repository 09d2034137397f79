"""Tables, chips and number tiles of a page.

Belongs here: the shapes sections are made of. Not here: what they say.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from amc_learning.reports.markup import Content, Html, element, joined


@dataclass(frozen=True)
class Column:
    """Heading of a column: what it says, and the class of its cells.

    `number` is right-aligned and never broken; `prose` keeps enough room for a sentence on a phone.
    """

    heading: Content
    class_: str | None = None


@dataclass(frozen=True)
class Rows:
    """Rows of one group; the first cell of each row is its heading."""

    rows: Sequence[Sequence[Content]]
    heading: str | None = None


def numbers(*headings: str) -> list[Column]:
    """Columns that hold numbers."""
    return [Column(heading, "number") for heading in headings]


def table(caption: str, columns: Sequence[Column], *groups: Rows, class_: str = "scroll") -> Html:
    """A table that scrolls inside its own box when the page is narrower than it.

    Args:
        caption: what it shows; read out, not drawn, since a heading stands above it.
        columns: headings, the first of which names the rows.
        *groups: rows; a group with a heading gets a line of its own above its rows.
        class_: classes of the box.

    Returns:
        The box with the table in it.
    """
    head = element(
        "thead",
        element("tr", *(element("th", column.heading, scope="col", class_=column.class_) for column in columns)),
    )
    body = joined(_group(group, columns) for group in groups)
    inner = element("table", element("caption", caption), head, body)
    return element("div", inner, class_=class_, role="region", aria_label=caption, tabindex="0")


def chip(text: str, tone: str = "plain") -> Html:
    """A word in a frame; `tone` (plain, good, bad, accent) colours what the word says already."""
    return element("span", text, class_=f"chip {tone}")


def tiles(entries: Sequence[tuple[str, str, str | None]], *, class_: str = "tiles") -> Html:
    """Numbers with their names: name, number, and what stands small below it."""
    return element(
        "dl",
        *(
            element("div", element("dt", name), element("dd", number), note and element("dd", note, class_="note"))
            for name, number, note in entries
        ),
        class_=class_,
    )


def facts(entries: Sequence[tuple[str, Content]]) -> Html:
    """Names with their values, one per line."""
    return element(
        "dl", *(joined([element("dt", name), element("dd", value)]) for name, value in entries), class_="facts"
    )


def sentences(lines: Sequence[str], *, class_: str = "sentences") -> Html:
    """A list of sentences."""
    return element("ul", *(element("li", line) for line in lines), class_=class_)


def nothing(sentence: str) -> Html:
    """What a section says when it has nothing to show."""
    return element("p", sentence, class_="nothing")


def _group(group: Rows, columns: Sequence[Column]) -> Html:
    heading = group.heading and element(
        "tr", element("th", group.heading, scope="rowgroup", colspan=len(columns), class_="group")
    )
    return element("tbody", heading or None, *(_row(row, columns) for row in group.rows))


def _row(row: Sequence[Content], columns: Sequence[Column]) -> Html:
    first, *others = row
    cells = (element("td", cell, class_=column.class_) for cell, column in zip(others, columns[1:], strict=True))
    return element("tr", element("th", first, scope="row", class_=columns[0].class_), *cells)
