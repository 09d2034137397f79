"""Many files at once: whole or not at all, and durable, whichever way they are flushed."""

import pytest

from amc_learning.warehouse import files
from amc_learning.warehouse.files import MANY_FILES, write_all_atomically


@pytest.fixture(params=["the file system", "file by file", "a few"])
def contents(request, tmp_path, monkeypatch):
    """New contents of files of which one is there already, in folders of their own."""
    if request.param == "file by file":
        monkeypatch.setattr(files, "filesystem_flush", lambda: None)
    n_files = 3 if request.param == "a few" else MANY_FILES
    paths = [tmp_path / f"day={number}" / "rows.parquet" for number in range(n_files)]
    for path in paths:
        path.parent.mkdir()
    paths[1].write_bytes(b"old")
    return {path: f"new {number}".encode() for number, path in enumerate(paths)}


def found(folder):
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_all_have_their_content_and_nothing_lies_beside_them(contents, tmp_path):
    write_all_atomically(tmp_path, contents)
    assert found(tmp_path) == contents


def test_where_one_cannot_be_written_nothing_lies_beside_and_every_other_file_is_old_or_new(contents, tmp_path):
    refused = list(contents)[2]
    refused.mkdir()  # a folder in the place of a file
    with pytest.raises(IsADirectoryError):
        write_all_atomically(tmp_path, contents)
    assert all(content in {contents[path], b"old"} for path, content in found(tmp_path).items())


def test_the_file_system_is_flushed_before_files_have_their_names_and_again_after(tmp_path, monkeypatch):
    contents = {tmp_path / f"{number}.parquet": b"new" for number in range(MANY_FILES)}
    flush, seen = files.filesystem_flush(), []
    assert flush is not None, "this test runs on Linux 5.8 or later"

    def watched(descriptor):
        seen.append({path.suffix for path in tmp_path.iterdir()})
        flush(descriptor)

    monkeypatch.setattr(files, "filesystem_flush", lambda: watched)
    write_all_atomically(tmp_path, contents)
    assert seen == [{".tmp"}, {".parquet"}]


def test_a_flush_that_fails_is_an_error_of_the_operating_system():
    flush = files.filesystem_flush()
    with pytest.raises(OSError, match="Bad file descriptor"):
        flush(-1)
