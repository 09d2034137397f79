"""The example notebooks run against the code as it is, and what they show was made by running them."""

import nbformat
import pytest

from amc_learning_tests.example_notebooks import NOTEBOOKS, executed

MAX_BYTES = 200_000


def outputs(notebook):
    return [[output["output_type"] for output in cell.outputs] for cell in notebook.cells if cell.cell_type == "code"]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_runs_from_its_first_cell_to_its_last(path, finished, tmp_path):
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    notebook = executed(path, finished.data_dir, folder)
    pictures = [
        output.data["image/png"]
        for cell in notebook.cells
        for output in cell.get("outputs", ())
        if "image/png" in output.get("data", {})
    ]
    assert pictures
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_what_a_notebook_shows_was_made_by_running_it_in_order(path):
    notebook = nbformat.read(path, as_version=4)
    counts = [cell.execution_count for cell in notebook.cells if cell.cell_type == "code"]
    assert counts == list(range(1, len(counts) + 1))
    assert all(kinds for kinds in outputs(notebook))
    assert "error" not in {kind for kinds in outputs(notebook) for kind in kinds}
    text = path.read_text()
    assert len(text) < MAX_BYTES
    assert "/home/" not in text
    assert "/tmp/" not in text


def test_there_are_two():
    assert [path.stem for path in NOTEBOOKS] == ["are_our_theses_calibrated", "why_did_the_weights_move"]
