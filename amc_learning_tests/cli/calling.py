"""The command line as a person calls it: arguments in, exit code and words out, in this process."""

import contextlib
import io
import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from amc_learning.cli import main
from amc_learning_tests.acceptance.loop import environment


@dataclass(frozen=True)
class Answer:
    """Exit code and what was said."""

    code: int
    said: str
    complained: str

    @property
    def json(self) -> Any:
        """What was said, for machines."""
        return json.loads(self.said)

    @property
    def all(self) -> str:
        """Everything said, white space as single blanks, because terminals wrap lines."""
        return " ".join((self.said + self.complained).split())


@contextlib.contextmanager
def _arguments(*words: str) -> Iterator[None]:
    before = sys.argv
    sys.argv = ["amc-learning", *words]
    try:
        yield
    finally:
        sys.argv = before


def amc(data_dir: Path, *words: str | Path, cwd: Path | None = None) -> Answer:
    """Call `amc-learning` with these words, from a directory where it must leave nothing."""
    said, complained, code = io.StringIO(), io.StringIO(), 0
    plain = {"AMC_LEARNING_DATA_DIR": str(data_dir), "NO_COLOR": "1", "COLUMNS": "200", "TERM": "dumb"}
    folder = cwd or data_dir.parent
    with (
        environment(**plain),
        contextlib.chdir(folder),
        _arguments(*map(str, words)),
        contextlib.redirect_stdout(said),
        contextlib.redirect_stderr(complained),
    ):
        try:
            main()
        except SystemExit as leaving:
            code = leaving.code if isinstance(leaving.code, int) else int(bool(leaving.code))
    return Answer(code, said.getvalue(), complained.getvalue())
