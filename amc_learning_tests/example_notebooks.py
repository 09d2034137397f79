"""The example notebooks, executed as a reader would; as a program it writes them anew with what the sample shows.

AMC_LEARNING_DATA_DIR=data/sample python -m amc_learning_tests.example_notebooks
"""

import os
from pathlib import Path

import nbformat
from nbclient import NotebookClient

FOLDER = Path(__file__).resolve().parents[1] / "examples" / "notebooks"
NOTEBOOKS = sorted(FOLDER.glob("*.ipynb"))
MINUTE = 60


def executed(path: Path, data_dir: Path, folder: Path) -> nbformat.NotebookNode:
    """The notebook run from its first cell in a kernel of its own; an error in a cell is raised here."""
    notebook = nbformat.read(path, as_version=4)
    kernel = {**os.environ, "AMC_LEARNING_DATA_DIR": str(data_dir), "PYTHONPATH": str(FOLDER.parents[1])}
    client = NotebookClient(
        notebook, timeout=3 * MINUTE, record_timing=False, resources={"metadata": {"path": str(folder)}}
    )
    client.execute(env=kernel)
    # the version of the interpreter is no part of what is shown
    notebook.metadata["language_info"] = {"name": "python"}
    return notebook


def main() -> None:
    """Write every notebook anew, in place."""
    data_dir = Path(os.environ["AMC_LEARNING_DATA_DIR"]).resolve()
    for path in NOTEBOOKS:
        nbformat.write(executed(path, data_dir, FOLDER), path)


if __name__ == "__main__":
    main()
