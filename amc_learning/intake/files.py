"""Files as they are dropped or named on the command line: events one by one, tables whole.

Belongs here: finding the records in a file, whatever its container and compression. Not here: what a record means.
One broken line does not stop the others: it comes out as it is, and quarantine keeps it.
"""

import csv
import gzip
import io
import json
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, cast

import orjson
import polars as pl

from amc_learning.intake.bars_shape import rows_of_bars
from amc_learning.intake.discovery_shape import SYMBOL_FIELDS, first_present, understands_discovery
from amc_learning.intake.errors import IntakeError
from amc_learning.intake.payload import Parsed, parse_payload
from amc_learning.intake.text import as_text, storable

LINE_PROBLEM = "line_problem"
"""Column of a table as read: what was wrong with the line; null for every line that could be read."""

ACCEPTED_SUFFIXES = (".json", ".ndjson", ".jsonl", ".csv", ".parquet")
DISCOVERY = "discovery"
RUN_COLUMNS = ("timestamp", "known_on", "date", "run_id", "job_id")
"""Columns by which rows of candidates in a table belong to one run."""

TIME_COLUMNS = ("timestamp", "date", "known_on")
"""Those of them that say when, in order of preference."""

SELECTED_COLUMNS = ("is_selected", "selected")
FALSE_WORDS = ("false", "f", "no", "n", "0", "0.0")

_GZIP_MAGIC = b"\x1f\x8b"
_UNLIMITED = 1 << 40
_SEPARATORS = ",;\t|"


@dataclass(frozen=True)
class Record:
    """One event as it lies in a file: its text verbatim, and where it lies."""

    text: str
    source: str


def read_records(path: Path, *, kind: str = DISCOVERY) -> Iterator[Record]:
    """The events of a file, in order: .json, .ndjson, .jsonl, .csv or .parquet, each also gzipped.

    A .json file is one event, a list in it one event per element. Discovery results are read otherwise in two places:
    a bare list of candidates is one event, and a table (.csv, .parquet) of candidates becomes one event per run: rows
    that share timestamp, date or run id; those that are false in a column `is_selected` or `selected` are its controls.
    A table of anything else is one event per row, of its values that are not missing.
    Lines that are no JSON, and bytes that are no UTF-8 (written out as `\\xff`), are passed on for quarantine.

    Raises:
        IntakeError: the file is missing, empty, of an unknown type, or ends in the middle of its compression (after
            the events before that point).
    """
    suffix = _suffix(path)
    if suffix in (".ndjson", ".jsonl"):
        yield from _lines(path)
    elif suffix == ".json":
        is_event = _is_result if kind == DISCOVERY else _is_object
        yield from _document(_decoded(_read_bytes(path)), path.name, is_event)
    elif kind == DISCOVERY:
        yield from _table_events(read_table(path), path.name)
    else:
        yield from _row_events(read_table(path), path.name)


def read_table(path: Path) -> pl.DataFrame:
    """A whole file of rows, with the columns as named in the file, values not yet judged.

    Text formats give text columns, parquet gives its own types. The column `line_problem` says what was wrong with a
    line that could not be split into fields; it is null everywhere else. JSON may be a list of rows, lines of rows,
    `{"bars": [...]}`, or `{"bars": {"SYMBOL": [...]}}`.

    Raises:
        IntakeError: the file is missing, empty, of an unknown type, or not what its name says.
    """
    suffix = _suffix(path)
    content = _read_bytes(path)
    try:
        if suffix == ".parquet":
            table = pl.read_parquet(io.BytesIO(content))
        elif suffix == ".csv":
            table = _read_csv(content)
        else:
            table = _rows_as_table(_json_rows(_decoded(content), is_lines=suffix != ".json", name=path.name))
    except (pl.exceptions.PolarsError, csv.Error) as error:
        raise IntakeError(
            f"{path.name}: cannot be read as {suffix[1:]}: {_first_line(error)}; is it complete?"
        ) from error
    if table.is_empty():
        raise IntakeError(f"{path.name}: holds no rows; nothing was taken from it")
    if LINE_PROBLEM not in table.columns:
        table = table.with_columns(pl.lit(None, pl.String).alias(LINE_PROBLEM))
    return table


def table_of_text(text: str, *, name: str) -> pl.DataFrame:
    """The rows of a JSON document that came by itself and not in a file, as `read_table` gives them.

    Raises:
        IntakeError: neither a list of rows nor an object with one, or without rows.
    """
    table = _rows_as_table(_json_rows(text, is_lines=False, name=name))
    if table.is_empty():
        raise IntakeError(f"{name}: holds no rows; nothing was taken from it")
    return table


def _suffix(path: Path) -> str:
    suffixes = [suffix.lower() for suffix in path.suffixes]
    if suffixes and suffixes[-1] == ".gz":
        suffixes.pop()
    if not suffixes or suffixes[-1] not in ACCEPTED_SUFFIXES:
        accepted = ", ".join(ACCEPTED_SUFFIXES)
        raise IntakeError(f"{path.name}: unknown type of file; accepted are {accepted}, each also with .gz")
    return suffixes[-1]


@contextmanager
def _open(path: Path) -> Iterator[BinaryIO]:
    """The content of a file, unpacked when it begins like gzip, whatever its name says."""
    try:
        stream = path.open("rb")
    except OSError as error:
        raise IntakeError(f"{path.name}: cannot be opened: {error.strerror or error}") from error
    with stream:
        is_gzip = stream.read(2) == _GZIP_MAGIC
        stream.seek(0)
        if is_gzip:
            with gzip.open(stream) as unpacked:
                yield cast("BinaryIO", unpacked)
        else:
            yield stream


def _read_bytes(path: Path) -> bytes:
    try:
        with _open(path) as stream:
            content = stream.read()
    except (OSError, EOFError, zlib.error) as error:
        raise IntakeError(f"{path.name}: cannot be unpacked: {error}; send it again") from error
    if not content.strip():
        raise IntakeError(f"{path.name}: is empty; nothing was taken from it")
    return content


def _decoded(content: bytes) -> str:
    return storable(content.decode("utf-8-sig", "backslashreplace"))


def _lines(path: Path) -> Iterator[Record]:
    number = n_records = 0
    try:
        with _open(path) as stream:
            for number, line in enumerate(stream, start=1):
                text = _decoded(line).strip()
                if text:
                    n_records += 1
                    yield Record(text, f"{path.name} line {number}")
    except (OSError, EOFError, zlib.error) as error:
        raise IntakeError(
            f"{path.name}: cannot be unpacked after line {number}: {error}; the {n_records} events before were read"
        ) from error
    if not n_records:
        raise IntakeError(f"{path.name}: is empty; nothing was taken from it")


def _document(text: str, name: str, is_event: Callable[[object], bool]) -> Iterator[Record]:
    parsed = parse_payload(text, max_bytes=_UNLIMITED)
    if isinstance(parsed, Parsed):
        if isinstance(parsed.value, list) and any(map(is_event, parsed.value)):
            for number, element in enumerate(_elements(text), start=1):
                yield Record(element, f"{name} item {number}")
        else:
            yield Record(text.strip(), name)
        return
    lines = [(number, line.strip()) for number, line in enumerate(text.splitlines(), start=1) if line.strip()]
    if len(lines) > 1 and isinstance(parse_payload(lines[0][1], max_bytes=_UNLIMITED), Parsed):
        for number, line in lines:
            yield Record(line, f"{name} line {number}")
    else:
        yield Record(text.strip(), name)


def _is_object(element: object) -> bool:
    return isinstance(element, dict)


def _is_result(element: object) -> bool:
    """A whole discovery result, not one of its candidates."""
    return (
        isinstance(element, dict)
        and understands_discovery(element) is None
        and first_present(element, SYMBOL_FIELDS) is None
    )


def _elements(text: str) -> Iterator[str]:
    """The elements of a JSON list, each as it is written."""
    decoder = json.JSONDecoder()
    position = text.index("[") + 1
    while True:
        while text[position] in " \t\r\n,":
            position += 1
        if text[position] == "]":
            return
        _, end = decoder.raw_decode(text, position)
        yield text[position:end]
        position = end


def _table_events(table: pl.DataFrame, name: str) -> Iterator[Record]:
    rows = table.drop(LINE_PROBLEM).rename(str.lower)
    keys = [column for column in RUN_COLUMNS if column in rows.columns]
    runs: Iterable[tuple[tuple[object, ...], pl.DataFrame]] = (
        rows.group_by(keys, maintain_order=True) if keys else [((), rows)]
    )
    for number, (values, members) in enumerate(runs, start=1):
        head = _run_head(dict(zip(keys, values, strict=True)))
        is_control = _is_false(members)
        result = {**head, "candidates": members.filter(~is_control).drop(keys).to_dicts()}
        if is_control.any():
            result["controls"] = members.filter(is_control).drop(keys).to_dicts()
        yield Record(orjson.dumps(result, default=str).decode(), f"{name} run {number}")


def _row_events(table: pl.DataFrame, name: str) -> Iterator[Record]:
    for number, row in enumerate(table.rename(str.lower).to_dicts(), start=1):
        if row.pop(LINE_PROBLEM) is not None:
            # passed on as it is: no JSON, so that quarantine keeps it
            yield Record(" ".join(str(value) for value in row.values() if value is not None), f"{name} row {number}")
            continue
        sent = {column: value for column, value in row.items() if value is not None}
        yield Record(orjson.dumps(sent, default=str).decode(), f"{name} row {number}")


def _run_head(values: Mapping[str, object]) -> dict[str, object]:
    """What the rows of a run share; a date says less than the timestamp beside it and counts only without one.

    >>> _run_head({"timestamp": "2014-03-03T16:10:00-05:00", "date": "2014-03-03", "run_id": "a"})
    {'timestamp': '2014-03-03T16:10:00-05:00', 'run_id': 'a'}
    """
    times = [values[name] for name in TIME_COLUMNS if name in values]
    head = {"timestamp": next((sent for sent in times if sent not in (None, "")), None)} if times else {}
    return head | {name: value for name, value in values.items() if name not in TIME_COLUMNS}


def _is_false(rows: pl.DataFrame) -> pl.Series:
    """Which rows say that they were not selected; a row that says nothing, or nothing readable, is a candidate."""
    name = next((column for column in SELECTED_COLUMNS if column in rows.columns), None)
    if name is None:
        return pl.repeat(False, rows.height, dtype=pl.Boolean, eager=True)
    said = rows[name].cast(pl.String).str.strip_chars().str.to_lowercase()
    return said.is_in(FALSE_WORDS).fill_null(False)


def _read_csv(content: bytes) -> pl.DataFrame:
    header = content.split(b"\n", 1)[0].decode("utf-8-sig", "replace")
    separator = max(_SEPARATORS, key=header.count)
    try:
        table = pl.read_csv(content, separator=separator, infer_schema=False, encoding="utf8-lossy")
    except pl.exceptions.ComputeError:
        # Some line has too many fields: split line by line, so that only that one is lost.
        table = _read_ragged_csv(content.decode("utf-8-sig", "replace"), separator)
    return table.rename({column: column.removeprefix("\ufeff").strip() for column in table.columns})


def _read_ragged_csv(text: str, separator: str) -> pl.DataFrame:
    lines = csv.reader(io.StringIO(text, newline=""), delimiter=separator)
    header = next(lines)
    columns: list[list[str | None]] = [[] for _ in header]
    problems: list[str | None] = []
    for fields in lines:
        if not fields:
            continue
        fits = len(fields) == len(header)
        problems.append(
            None
            if fits
            else f"has {len(fields)} fields, the header has {len(header)}: {as_text(separator.join(fields))}"
        )
        for column, value in zip(columns, fields if fits else [None] * len(header), strict=True):
            column.append(value or None)
    table = pl.DataFrame(columns, schema=dict.fromkeys(header, pl.String), orient="col")
    return table.with_columns(pl.Series(LINE_PROBLEM, problems, pl.String))


def _json_rows(text: str, *, is_lines: bool, name: str) -> list[object]:
    """The rows of a JSON document or of JSON lines; what cannot be parsed comes as text."""
    if is_lines:
        return [_parsed_or_text(line) for line in text.splitlines() if line.strip()]
    parsed = parse_payload(text, max_bytes=_UNLIMITED)
    rows = rows_of_bars(parsed.value) if isinstance(parsed, Parsed) else None
    if rows is None:
        found = parsed.reason if not isinstance(parsed, Parsed) else 'neither a list of rows nor {"bars": [...]}'
        raise IntakeError(f"{name}: {found}; nothing was taken from it")
    return rows


def _parsed_or_text(line: str) -> object:
    parsed = parse_payload(line, max_bytes=_UNLIMITED)
    return parsed.value if isinstance(parsed, Parsed) else line


def _rows_as_table(rows: Sequence[object]) -> pl.DataFrame:
    """Rows of JSON as a table of text; numbers keep every digit they came with."""
    objects: list[Mapping[str, object]] = [row if isinstance(row, dict) else {} for row in rows]
    names = list(dict.fromkeys(name for row in objects for name in row))
    columns = {name: [_cell(row.get(name)) for row in objects] for name in names}
    problems = [None if isinstance(row, dict) else f"is no JSON object: {as_text(row)}" for row in rows]
    schema = dict.fromkeys([*names, LINE_PROBLEM], pl.String)
    return pl.DataFrame({**columns, LINE_PROBLEM: problems}, schema=schema)


def _cell(value: object) -> str | None:
    if value is None or isinstance(value, str):
        return None if value is None else storable(value)
    return repr(value) if isinstance(value, int | float) else as_text(value)


def _first_line(error: Exception) -> str:
    return as_text(str(error).strip().split("\n")[0], limit=160)
