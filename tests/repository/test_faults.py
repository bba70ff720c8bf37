"""The faults that are planted on purpose: each row fits the code, and what is unnoticed is said."""

import ast
import dataclasses
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import faults

ROOT = Path(__file__).resolve().parents[2]
ROWS = faults.read_table()


def test_there_are_enough_of_them_and_each_says_another():
    assert len(ROWS) >= 40
    assert len({row.says for row in ROWS}) == len({(row.file, row.line, row.fault) for row in ROWS})
    modules = "recurrence layers min_recurrence equations convert batches reviews vectors tuning"
    for word in [*modules.split(), "perplexity", "decoding", "ngrams"]:
        assert any(word in row.file for row in ROWS), f"no fault is planted in {word}"


@pytest.mark.parametrize("row", ROWS, ids=lambda row: re.sub(r"\W+", "-", row.says))
def test_each_row_fits_the_code(row):
    planted = row.planted((ROOT / row.file).read_text(encoding="utf-8"))
    ast.parse(planted)
    assert row.fault != row.line
    for test in row.tests:
        path, _, name = test.partition("::")
        tree = ast.parse((ROOT / path).read_text(encoding="utf-8"))
        functions = {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}
        assert not name or name.partition("[")[0] in functions, f"{path} has no {name}"


def test_a_line_that_is_gone_or_there_twice_is_said():
    row = dataclasses.replace(ROWS[0], file="a.py", line="x = 1", fault="x = 2")
    assert row.planted("if y:\n    x = 1\n") == "if y:\n    x = 2\n"
    for text, n in (("x = 3\n", 0), ("x = 1\nx = 1\n", 2)):
        with pytest.raises(ValueError, match=f"in a.py once, and is there {n} times: 'x = 1'"):
            row.planted(text)


SUM = "def total(values):\n    n = 0\n    for value in values:\n        n += value\n    return n\n"
TESTS = """
import time
from code_of_it import total
def test_sum(): assert total([1, 2]) == 3
def test_weak(): assert total([]) == 0
def test_slow():
    time.sleep(60 if total([1]) != 1 else 0)
"""
ROW = """
[[fault]]
says = "{says}"
file = "code_of_it.py"
line = '{line}'
fault = '{fault}'
tests = ["tests/test_it.py{test}"]
"""


@pytest.fixture
def repository(tmp_path, monkeypatch):
    """Return a function that makes a repository of one function and the rows given."""
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")  # they take longer than the tests

    def repository(*rows):
        for folder in ("tools", "tests"):
            (tmp_path / folder).mkdir()
        shutil.copy(faults.__file__, tmp_path / "tools")
        (tmp_path / "code_of_it.py").write_text(SUM)
        (tmp_path / "tests" / "test_it.py").write_text(TESTS)
        names = ("says", "line", "fault", "test")
        text = "".join(ROW.format(**dict(zip(names, row, strict=True))) for row in rows)
        (tmp_path / "tests" / "faults.toml").write_text(text)
        return [sys.executable, str(tmp_path / "tools" / "faults.py")], tmp_path

    return repository


def test_what_nothing_notices_makes_it_fail(repository):
    command, folder = repository(
        ("a difference", "n += value", "n -= value", "::test_sum"),
        ("a sum of one", "n += value", "n = value", "::test_weak"),
        ("a syntax error", "return n", "return n n", ""),
        ("what is gone", "n *= value", "n = 2", "::test_sum"),
        ("an end", "n += value", "import os; os.abort()", "::test_sum"),
    )
    run = subprocess.run(command, cwd=folder, text=True, capture_output=True)
    assert run.returncode == 1, run.stderr
    table = run.stdout.split("\n\n")[-1].splitlines()
    assert [re.split(r"  +", line)[1] for line in table[:-1]] == [
        "noticed",
        "NOT NOTICED",
        "noticed",
        "BROKEN",
        "noticed",
    ]
    assert "a difference: test_sum" in table[0]
    assert "is there 0 times: 'n *= value'" in table[3]
    assert "an end: the process dies of SIGABRT" in table[4]
    assert "5 of 5 faults tried: 3 noticed, 1 NOT NOTICED, 1 BROKEN" in table[-1]
    assert "2 of 5 done, 3 left" in run.stdout
    assert (folder / "code_of_it.py").read_text() == SUM, "the working tree is left alone"
    only = subprocess.run([*command, "--only", "difference"], text=True, capture_output=True)
    assert only.returncode == 0
    assert "1 of 1 faults tried: 1 noticed" in only.stdout
    none = subprocess.run([*command, "--only", "nothing"], text=True, capture_output=True)
    assert none.returncode == 2
    assert "no row of tests/faults.toml has one of these words: nothing" in none.stderr


def test_a_test_that_fails_anyway_notices_nothing(repository):
    command, folder = repository(("a sum of one", "n += value", "n = value", "::test_sum"))
    (folder / "code_of_it.py").write_text(SUM.replace("n = 0", "n = 1"))
    run = subprocess.run(command, text=True, capture_output=True)
    assert run.returncode == 1
    assert "Without a fault the tests must pass" in run.stdout


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM"])
def test_it_stops_cleanly(repository, tmp_path_factory, name):
    command, folder = repository(
        ("a difference", "n += value", "n -= value", "::test_sum"),
        ("a long wait", "n += value", "n = 7", "::test_slow"),
    )
    temporary = tmp_path_factory.mktemp("tmp")
    process = subprocess.Popen(
        command,
        env={**os.environ, "TMPDIR": str(temporary)},
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    said = []
    for line in process.stdout:
        said.append(line)
        if "1 of 2 done" in line:
            break
    time.sleep(1)
    process.send_signal(getattr(signal, name))
    rest, _ = process.communicate(timeout=20)
    assert process.returncode == 1
    assert "1 of 2 faults tried: 1 noticed\n" in rest
    assert rest.endswith("interrupted: the copy is removed, the working tree is as it was\n")
    assert "Traceback" not in rest
    assert not list(temporary.iterdir())
    assert (folder / "code_of_it.py").read_text() == SUM
