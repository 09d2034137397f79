"""Doctests in docstrings as blocks of code on the documentation site.

Belongs here: what a docstring needs between editor and site. Not here: what the site looks like (zensical.toml). In a
terminal a doctest reads as it stands; in Markdown its prompt would be a quotation and its lists would be links.
"""

import re

from griffe import Extension, Object

DOCTEST = re.compile(r"^(?P<indent> *)>>> .*(?:\n(?P=indent)\S.*|\n(?P=indent) +\S.*)*", re.MULTILINE)
"""From the first prompt to the next empty line."""


class DoctestBlocks(Extension):
    """Fences every doctest before the docstring is parsed."""

    def on_object(self, *, obj: Object, **_: object) -> None:
        """Called with everything that may have a docstring."""
        if obj.docstring is not None:
            obj.docstring.value = DOCTEST.sub(fenced, obj.docstring.value)


def fenced(doctest: re.Match[str]) -> str:
    """One doctest between fences.

    >>> DOCTEST.sub(fenced, "Doubles.\\n\\n>>> double(2)\\n4").splitlines()
    ['Doubles.', '', '```pycon', '>>> double(2)', '4', '```']
    """
    indent = doctest["indent"]
    return f"{indent}```pycon\n{doctest[0]}\n{indent}```"
