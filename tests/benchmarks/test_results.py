"""Where stored results come from: what changes a fingerprint, whose origin a row keeps."""

import dataclasses
import errno
import json
import threading
from pathlib import Path

import pytest

import results
from gru_tf import datasets
from gru_tf.datasets import files

SOURCE = '''
"""A benchmark."""
import numpy as np
from gru_tf.checks import check_at_least

SEEDS = (0, 1)

def helper():
    return np.ones(2)

def table():
    """Say what it does."""
    check_at_least("seeds", len(SEEDS), 1)
    if not SEEDS:
        raise ValueError("SEEDS must hold a seed.")
    return helper(), SEEDS

def other():
    return 2
'''


@pytest.fixture
def source(tmp_path):
    path = tmp_path / "source.py"
    path.write_text(SOURCE)
    return path


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("A benchmark", "A long benchmark"),
        ("Say what it does", "Say it"),
        ("\ndef other", "\n# A comment.\n\n\ndef other"),
        ("return 2", "return 3"),  # not reached from table
        ("len(SEEDS), 1)", 'len(SEEDS), 2)\n    check_at_least("seed", SEEDS[0], 0)'),
        ("import check_at_least", "import check_at_least, check_number"),
        ("must hold a seed", "must not be empty"),
        ("if not SEEDS", "if None in SEEDS"),
    ],
)
def test_words_checks_and_other_tables_leave_a_fingerprint_as_it_is(source, old, new):
    before = results.fingerprint(source, "table")
    source.write_text(SOURCE.replace(old, new))
    assert results.fingerprint(source, "table") == before


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("ones(2)", "ones(3)"),
        ("(0, 1)", "(0, 2)"),
        ("numpy", "numpy.random"),
        ("gru_tf.checks", "gru_tf.others"),
        ("        raise ValueError", "        SEEDS.add(0)\n        raise ValueError"),
    ],
)
def test_what_a_table_reaches_changes_its_fingerprint(source, old, new):
    before = results.fingerprint(source, "table")
    source.write_text(SOURCE.replace(old, new))
    assert results.fingerprint(source, "table") != before


def test_without_a_function_the_whole_file_counts(source):
    before = results.fingerprint(source)
    source.write_text(SOURCE.replace("return 2", "return 3"))
    assert results.fingerprint(source) != before
    with pytest.raises(ValueError, match="no function 'tabel'"):
        results.fingerprint(source, "tabel")


@pytest.fixture
def one_file(tmp_path, monkeypatch):
    """Results of one name, whose only source is a file that a test may change."""
    script, source = tmp_path / "script.py", tmp_path / "source.py"
    script.write_text(SOURCE)
    source.write_text("x = 1\n")
    monkeypatch.setattr(results, "ROOT", tmp_path)
    monkeypatch.setattr(files, "FOLDERS", (tmp_path, tmp_path))
    origin = results.Origin("python script.py", "table", ("source.py",))
    monkeypatch.setattr(results, "ORIGINS", {"try": origin})
    monkeypatch.setattr("sys.argv", ["script.py", "--typed"])
    return source


def plan(done, seeds=(0, 1, 2)):
    def run(seed):
        done.append(seed)
        return {"accuracy": 0.5}

    return [({"seed": seed}, run) for seed in seeds]


def run_one(run, settings):
    return settings | run(**settings)


def test_only_rows_that_are_missing_or_stale_are_run(one_file):
    done = []
    results.run_table("try", plan(done), run_one, only={"seed": 1})
    results.run_table("try", plan(done), run_one)
    assert done == [1, 0, 2]
    stored = json.loads((one_file.parent / "results" / "try.json").read_text())
    assert [row["seed"] for row in stored["rows"]] == [0, 1, 2]
    assert results.stale_files() == {}
    one_file.write_text("x = 2\n")
    assert results.stale_files() == {"try": "3 of 3 rows are older than source.py"}
    results.run_table("try", plan(done), run_one, only={"seed": 0})
    assert done[3:] == [0]
    assert results.stale_files() == {"try": "2 of 3 rows are older than source.py"}
    results.run_table("try", plan(done), run_one)
    assert done[4:] == [1, 2]
    assert results.stale_files() == {}
    results.run_table("try", plan(done), run_one, anew=True)
    assert done[6:] == [0, 1, 2]


def test_a_source_that_the_rows_did_not_know_makes_them_stale(one_file, monkeypatch):
    results.run_table("try", plan([]), run_one)
    one_file.with_name("more.py").write_text("x = 1\n")
    origin = results.Origin("python script.py", "table", ("source.py", "more.py"))
    monkeypatch.setattr(results, "ORIGINS", {"try": origin})
    assert results.stale_files() == {"try": "3 of 3 rows are older than more.py"}


def test_a_row_tells_command_commit_and_date(one_file):
    results.run_table("try", plan([]), run_one)
    stored = json.loads((one_file.parent / "results" / "try.json").read_text())
    (origin,) = stored["origins"]
    assert origin["command"] == "python benchmarks/script.py --typed"
    assert stored["command"] == "python script.py"
    assert origin["rows"] == [0, 1, 2]
    assert set(origin["code"]) == {"script.py", "source.py"}


def test_rows_that_a_plan_no_longer_has_are_dropped(one_file):
    results.run_table("try", plan([]), run_one)
    results.run_table("try", plan([], seeds=(2, 3)), run_one)
    stored = json.loads((one_file.parent / "results" / "try.json").read_text())
    assert [row["seed"] for row in stored["rows"]] == [2, 3]
    assert sorted(i for origin in stored["origins"] for i in origin["rows"]) == [0, 1]


def test_rows_without_an_origin_and_files_without_a_maker_are_stale(one_file):
    results.run_table("try", plan([]), run_one)
    path = one_file.parent / "results" / "try.json"
    stored = json.loads(path.read_text())
    path.write_text(json.dumps({**stored, "origins": []}))
    path.with_name("unknown.json").write_text(json.dumps(stored))
    found = results.stale_files()
    assert found["try"] == "3 of 3 rows are older than the notes of origins"
    assert "ORIGINS" in found["unknown"]


def test_results_are_as_new_as_their_code_or_on_the_list():
    found, listed = results.stale_files(), results.excuses()
    for name in sorted((files.data_folder() / "results").glob("*.json")):
        origins = json.loads(name.read_text())["origins"]
        assert all(origin["commit"] for origin in origins), f"{name.stem} names no commit"
    unexplained = {name: why for name, why in found.items() if name not in listed}
    assert not unexplained, 'run `make results`, or benchmarks/results.py --excuse "why"'
    assert set(listed) <= set(found), "take these off benchmarks/stale.json: they are not stale"


def test_an_earlier_source_with_the_same_numbers_makes_its_rows_stale_only_if_they_are_of_time(
    one_file, monkeypatch, tmp_path
):
    results.run_table("try", plan([]), run_one)
    origin = results.ORIGINS["try"]
    code, source = origin.fingerprints(), "source.py"
    now = {**code, source: "a new one"}
    monkeypatch.setattr(results.Origin, "fingerprints", lambda self: now)
    assert list(results.stale_files()) == ["try"]

    monkeypatch.setattr(results, "SAME", tmp_path / "same.json")
    one = {"now": "a new one", "before": {code[source]: "a test shows it"}}
    results.SAME.write_text(json.dumps({source: one}))
    assert results.stale_files() == {}
    results.SAME.write_text(json.dumps({f"{source} table": one}))  # of a script of several
    assert results.stale_files() == {}
    monkeypatch.setitem(results.ORIGINS, "try", dataclasses.replace(origin, of_time=True))
    assert list(results.stale_files()) == ["try"]
    results.SAME.write_text(json.dumps({source: {**one, "as_fast": [code[source]]}}))
    assert results.stale_files() == {}

    monkeypatch.setitem(results.ORIGINS, "try", origin)
    results.SAME.write_text(json.dumps({source: {**one, "now": "one between"}}))
    assert list(results.stale_files()) == ["try"]


def test_what_is_listed_as_the_same_is_today_s_source():
    today = {pair for origin in results.ORIGINS.values() for pair in origin.fingerprints().items()}
    listed = json.loads(results.SAME.read_text())
    assert {(source.split()[0], one["now"]) for source, one in listed.items()} <= today


def test_two_that_write_at_once_lose_no_row(one_file):
    both = list(range(8))
    plan = [{"seed": seed} for seed in both]

    def put(part):
        for number in part:
            results._put("try", plan, number, plan[number])

    threads = [threading.Thread(target=put, args=(both[start::2],)) for start in (0, 1)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    stored = json.loads((one_file.parent / "results" / "try.json").read_text())
    assert [row["seed"] for row in stored["rows"]] == both


def test_a_full_disk_leaves_what_was_there(one_file, monkeypatch):
    path = results.write_results("try", "a command", [{"seed": 0}])
    before = path.read_bytes()

    def fill(self, text, **_):
        self.write_bytes(text.encode()[:7])
        raise OSError(errno.ENOSPC, "No space left on device", str(self))

    monkeypatch.setattr(Path, "write_text", fill)
    with pytest.raises(OSError, match="No space left"):
        results.write_results("try", "a command", [{"seed": 0}, {"seed": 1}])
    assert path.read_bytes() == before
    assert [found.name for found in path.parent.iterdir()] == ["try.json"]


def test_what_was_changed_by_hand_is_refused_until_it_is_sealed(one_file):
    path = results.write_results("try", "a command", [{"seed": 1, "accuracy": 0.5}])
    changed = path.read_text().replace("0.5", "0.75")
    path.write_text(changed)
    with pytest.raises(ValueError, match="its sha256 is that of other content"):
        datasets.load_results("try")
    assert results.seal() == ["try"]
    assert datasets.load_results("try")["rows"] == [{"seed": 1, "accuracy": 0.75}]
    assert path.read_text()[:-80] == changed[:-80]
    assert results.seal() == []
