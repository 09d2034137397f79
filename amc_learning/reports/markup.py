"""HTML and SVG as values: text is escaped because it is text, not because somebody remembered to.

Belongs here: elements, escaping, joining. Not here: what a page says or looks like.

Symbols, reasons and patterns come from messages strangers may have sent. Every `str` that enters an element is escaped;
only what `element` itself made is `Html`, so nothing else gets through unescaped.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from html import escape

_VOID = frozenset({"link", "meta", "wbr"})
"""Elements of HTML that have no end tag; those of SVG always get one, which both HTML and XML read."""

_UNPRINTABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff\ufffe\uffff]")
"""Control characters, which XML forbids, and those that turn the direction of the text after them."""


@dataclass(frozen=True)
class Html:
    """Markup that is safe to put into a page as it stands; only this module makes it."""

    text: str


Content = Html | str | None
"""What an element may hold: markup, text to be escaped, or nothing."""


def escaped(text: str) -> str:
    """Text as it may stand between tags and in quoted attributes; unprintable characters become U+FFFD.

    >>> escaped('<b title="x">')
    '&lt;b title=&quot;x&quot;&gt;'
    """
    return escape(_UNPRINTABLE.sub("\N{REPLACEMENT CHARACTER}", text), quote=True)


def element(name: str, /, *content: Content, **attributes: str | float | None) -> Html:
    """One element; `class_` is written `class`, and other underscores become hyphens.

    Args:
        name: its name, a literal of ours.
        *content: what it holds, in order; `str` is escaped, None is left out.
        **attributes: text (escaped) or finite numbers (rounded to hundredths: positions in a picture); None is left
            out.

    Returns:
        The element.

    Raises:
        ValueError: an attribute is not a finite number.

    >>> element("td", "a < b", class_="number", colspan=2).text
    '<td class="number" colspan="2">a &lt; b</td>'
    """
    written = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{_attribute(value)}"'
        for key, value in attributes.items()
        if value is not None
    )
    if name in _VOID:
        return Html(f"<{name}{written}>")
    return Html(f"<{name}{written}>{joined(content).text}</{name}>")


def joined(parts: Iterable[Content], *, between: str = "") -> Html:
    """Parts one after the other, `between` (text) between them.

    >>> joined(["a", None, element("b", "&")], between=", ").text
    'a, <b>&amp;</b>'
    """
    written = (part.text if isinstance(part, Html) else escaped(part) for part in parts if part is not None)
    return Html(escaped(between).join(written))


def breakable(identifier: str) -> Html:
    """An identifier that may be broken into lines after its underscores, and is still copied whole.

    >>> breakable("trade_ready").text
    'trade_<wbr>ready'
    """
    first, *others = identifier.split("_")
    return joined([first, *(joined(["_", element("wbr"), part]) for part in others)])


def stylesheet(css: str) -> Html:
    """A style element; its text is ours and is not escaped, because CSS is not.

    Raises:
        ValueError: the text could end the element.
    """
    if "<" in css:
        raise ValueError("A stylesheet must not hold '<': it could end its own element.")
    return Html(f"<style>{css}</style>")


def script(code: str) -> Html:
    """A script element; its text is ours and is not escaped, because scripts are not.

    Raises:
        ValueError: the text could end the element.
    """
    if "</" in code or "<!" in code:
        raise ValueError("A script must not hold '</' or '<!': it could end its own element.")
    return Html(f"<script>{code}</script>")


def _attribute(value: str | float) -> str:
    if isinstance(value, str):
        return escaped(value)
    if not abs(value) < float("inf"):
        raise ValueError(f"{value} is no position: an attribute must be a finite number.")
    return f"{round(value, 2) + 0.0:g}" if abs(value) < 1e4 else f"{value:.0f}"
