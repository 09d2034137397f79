import gzip
import json

import polars as pl
import pytest

from amc_learning.intake.envelope import Envelope
from amc_learning.intake.errors import IntakeError
from amc_learning.intake.files import LINE_PROBLEM, read_records, read_table
from amc_learning_tests.intake.sent import normalised, received


def records(path):
    return [(record.text, record.source) for record in read_records(path)]


@pytest.fixture
def write(tmp_path):
    def write_file(name, content):
        path = tmp_path / name
        data = content if isinstance(content, bytes) else content.encode()
        path.write_bytes(gzip.compress(data) if name.endswith(".gz") else data)
        return path

    return write_file


def test_lines_are_events_and_a_broken_one_stops_none(write):
    path = write("feed.ndjson.gz", '{"a": 1}\n\n{"b":\n{"c":  3}\n')
    assert records(path) == [
        ('{"a": 1}', "feed.ndjson.gz line 1"),
        ('{"b":', "feed.ndjson.gz line 3"),
        ('{"c":  3}', "feed.ndjson.gz line 4"),
    ]


def test_bytes_that_are_no_text_are_written_out_not_dropped(write):
    (text, _), (good, _) = records(write("feed.jsonl", b'{"a": "\xff\x00"}\n{"b": 1}\n'))
    assert text == '{"a": "\\xff\\x00"}'
    assert good == '{"b": 1}'


def test_a_byte_order_mark_is_not_part_of_the_text(write):
    assert records(write("a.json", b'\xef\xbb\xbf{"a": 1}')) == [('{"a": 1}', "a.json")]


def test_a_bare_list_of_candidates_is_one_event_and_a_list_of_results_is_many(write):
    assert len(records(write("one.json", '[{"symbol": "A"}, {"symbol": "B", "status": "ok"}]'))) == 1
    results = '[ {"candidates": [{"symbol": "A"}],\n "x": NaN},\n{"status": "error"} ]'
    assert records(write("many.json", results)) == [
        ('{"candidates": [{"symbol": "A"}],\n "x": NaN}', "many.json item 1"),
        ('{"status": "error"}', "many.json item 2"),
    ]


def test_lines_in_a_file_called_json_are_still_lines(write):
    assert [source for _, source in records(write("a.json", '{"a": 1}\n{"b": 2}\n'))] == [
        "a.json line 1",
        "a.json line 2",
    ]


def test_a_table_of_candidates_is_one_event_per_run(write):
    path = write("c.csv", "date,symbol,score,squeeze\n2014-03-03,A,60,50\n2014-03-03,B,55,40\n2014-03-04,A,70,30\n")
    texts = [text for text, _ in records(path)]
    envelopes = [received(text) for text in texts]
    assert [envelope.known_on.isoformat() for envelope in envelopes if isinstance(envelope, Envelope)] == [
        "2014-03-03",
        "2014-03-04",
    ]
    assert normalised(*texts).candidates.select("symbol", "total_score", "squeeze").rows() == [
        ("A", 60.0, 50.0),
        ("B", 55.0, 40.0),
        ("A", 70.0, 30.0),
    ]


def test_a_timestamp_is_not_replaced_by_the_date_beside_it(write):
    path = write(
        "c.csv",
        "timestamp,date,symbol\n2014-03-03T16:10:00-05:00,2014-03-03,A\n,2014-03-04,B\n",
    )
    sent = [json.loads(text) for text, _ in records(path)]
    assert [one["timestamp"] for one in sent] == ["2014-03-03T16:10:00-05:00", "2014-03-04"]
    assert not any({"date", "known_on"} & set(one) for one in sent)
    assert received(json.dumps(sent[0])).occurred_at.isoformat() == "2014-03-03T21:10:00+00:00"


def test_rows_of_a_table_that_were_not_selected_are_controls(write, tmp_path):
    rows = "2014-03-03,A,60,True\n2014-03-03,B,20,False\n2014-03-03,C,30,0\n2014-03-03,D,40,\n2014-03-04,E,50,true\n"
    path = write("c.csv", "date,symbol,score,Is_Selected\n" + rows)
    texts = [text for text, _ in records(path)]
    assert dict(normalised(*texts).candidates.select("symbol", "is_selected").rows()) == {
        "A": True, "B": False, "C": False, "D": True, "E": True,
    }  # fmt: skip
    assert ["controls" in json.loads(text) for text in texts] == [True, False]
    typed = pl.DataFrame({"symbol": ["A", "B"], "selected": [True, False]})
    typed.write_parquet(tmp_path / "c.parquet")
    ((text, _),) = records(tmp_path / "c.parquet")
    assert [row["symbol"] for row in json.loads(text)["controls"]] == ["B"]


@pytest.mark.parametrize("name", ["empty.json", "empty.ndjson", "empty.csv", "empty.ndjson.gz"])
def test_an_empty_file_is_named(write, name):
    with pytest.raises(IntakeError, match=f"{name}: .*nothing was taken"):
        records(write(name, "" if name != "empty.ndjson" else "\n\n"))


def test_missing_unknown_and_truncated_files_are_named_with_a_remedy(write, tmp_path):
    with pytest.raises(IntakeError, match=r"gone\.json: cannot be opened: No such file"):
        records(tmp_path / "gone.json")
    with pytest.raises(IntakeError, match=r"a\.xlsx: unknown type of file; accepted are \.json"):
        records(write("a.xlsx", "x"))
    with pytest.raises(IntakeError, match=r"t\.parquet: cannot be read as parquet"):
        read_table(write("t.parquet", b"PAR1 nonsense"))
    whole = gzip.compress("".join(f'{{"n": {n}}}\n' for n in range(20_000)).encode())
    path = tmp_path / "cut.ndjson.gz"
    path.write_bytes(whole[: len(whole) // 2])
    read = []
    with pytest.raises(IntakeError, match=r"cut\.ndjson\.gz: cannot be unpacked after line \d+"):
        read.extend(read_records(path))
    assert len(read) > 100


ROW = {"symbol": "ABC", "date": "2014-03-03", "open": 10.1}


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("b.json", json.dumps([ROW])),
        ("b.json", json.dumps({"bars": [ROW]})),
        ("b.json", json.dumps({"bars": {"ABC": [{"date": "2014-03-03", "open": 10.1}]}})),
        ("b.ndjson", json.dumps(ROW)),
        ("b.csv", "symbol,date,open\nABC,2014-03-03,10.1\n"),
        ("b.csv.gz", "\ufeffsymbol;date;open\nABC;2014-03-03;10.1\n"),
    ],
)
def test_rows_are_read_from_every_container_with_every_digit(write, name, content):
    table = read_table(write(name, content))
    assert table.select("symbol", "date", "open", LINE_PROBLEM).row(0) == ("ABC", "2014-03-03", "10.1", None)


def test_parquet_keeps_its_types(tmp_path):
    pl.DataFrame([ROW]).write_parquet(tmp_path / "b.parquet")
    assert read_table(tmp_path / "b.parquet")["open"].to_list() == [10.1]


def test_a_line_with_too_many_fields_is_marked_and_the_others_are_read(write):
    table = read_table(write("b.csv", "symbol,date,volume\nABC,2014-03-03,1,000\nDEF,2014-03-03,7\n"))
    assert table["symbol"].to_list() == [None, "DEF"]
    assert "4 fields, the header has 3" in table[LINE_PROBLEM][0]


def test_a_row_of_json_that_is_no_object_is_marked(write):
    table = read_table(write("b.json", json.dumps([ROW, 7])))
    assert table[LINE_PROBLEM].to_list() == [None, "is no JSON object: 7"]
