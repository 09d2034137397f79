"""The screens of the documentation are those that the script draws: none is left behind, none is forgotten."""

import re
from pathlib import Path

from amc_learning_tests.shown_commands import ROOT

DRAWN_OTHERWISE = {"replay"}
"""Pictures that show no screen."""


def drawn() -> set[str]:
    here = Path(__file__).parent
    own = re.findall(r"\.keep(?:_page)?\(\s*\"([a-z-]+)\"", (here / "pictures.py").read_text())
    visit = re.findall(r"\bkeep\(page, \"([a-z-]+)\"\)", (here / "test_in_browser.py").read_text())
    assert own
    assert visit
    return {*own, *(f"ui-{name}" for name in visit)}


def test_every_screen_of_the_documentation_is_drawn_by_the_script_and_none_is_drawn_in_vain():
    assert {path.stem for path in (ROOT / "docs" / "images").glob("*.png")} - DRAWN_OTHERWISE == drawn()
