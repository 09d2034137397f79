"""A page as a person or a browser takes it in: its text, its elements, its pictures."""

import re
from html.parser import HTMLParser
from xml.etree import ElementTree

VOID = {"link", "meta", "wbr"}
GLUE = "\N{WORD JOINER}"
SPACES = re.compile(r"\s+")


class Page(HTMLParser):
    """Parses a page, and fails when an element is not closed in order."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self._open: list[str] = []
        self._text: list[str] = []
        self.feed(html)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag == "wbr":
            self._text.append(GLUE)
        if tag not in VOID:
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        if not {"style", "script"} & set(self._open):
            self._text.append(data)

    @property
    def text(self) -> str:
        """What can be read, one space between words, dashes and minus as they are."""
        return SPACES.sub(" ", " ".join(self._text).replace(f" {GLUE} ", "")).strip()

    def named(self, tag: str) -> list[dict[str, str | None]]:
        """Attributes of every element of this name, in order."""
        return [attributes for name, attributes in self.elements if name == tag]


def section(html: str, name: str) -> str:
    """Readable text of one section of a page."""
    (found,) = re.findall(rf'<section id="{name}".*?</section>', html, flags=re.DOTALL)
    return Page(found).text


def pictures(html: str) -> list[ElementTree.Element]:
    """Every picture of a page, read as XML."""
    return [ElementTree.fromstring(svg) for svg in re.findall(r"<svg.*?</svg>", html, flags=re.DOTALL)]


def coordinates(picture: ElementTree.Element) -> list[float]:
    """Every number that places something in a picture."""
    keys = {"x", "y", "x1", "x2", "y1", "y2", "cx", "cy", "r", "width", "height", "viewBox", "points"}
    return [
        float(number)
        for part in picture.iter()
        for key, value in part.attrib.items()
        if key in keys
        for number in re.split(r"[ ,]+", value)
        if number
    ]
