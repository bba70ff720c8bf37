"""Results of long comparisons: as they were written, missing, damaged."""

import datetime
import json
from pathlib import Path

import keras
import pytest

from gru_tf import datasets
from results import write_results

DATA = Path(__file__).parents[2] / "data"  # of the checkout, wherever the package is installed


def test_results_are_read_as_they_were_written(other_data):
    rows = [{"seed": 0, "layer": "GRU", "accuracy": 0.5}, {"seed": 1, "history": [0.25, None]}]
    path = write_results("try", "python benchmarks/try.py", rows)
    assert path == other_data / "results" / "try.json"
    results = datasets.load_results("try")
    assert results == {k: v for k, v in json.loads(path.read_text()).items() if k != "sha256"}
    assert (results["command"], results["rows"]) == ("python benchmarks/try.py", rows)
    assert datetime.date.fromisoformat(results["date"]) <= datetime.date.today()
    assert results["machine"]["cores"] >= 1
    assert results["machine"]["processor"]
    assert results["machine"]["versions"]["keras"] == keras.__version__
    write_results("try", "other", [])
    assert datasets.load_results("try")["rows"] == []


def test_results_that_are_missing_or_damaged(other_data):
    write_results("there", "a command", [])
    with pytest.raises(FileNotFoundError, match="There are: .*'there'.* Received: 'try'"):
        datasets.load_results("try")
    path = other_data / "results" / "there.json"
    path.write_text(path.read_text()[:-5])
    with pytest.raises(ValueError, match="damaged"):
        datasets.load_results("there")
    path.write_text('{"rows": []}')
    with pytest.raises(ValueError, match=r"must hold \['command', 'date', 'machine', 'origins'"):
        datasets.load_results("there")


@pytest.mark.parametrize("name", ["x" * 5000, "../results/tuning", "", None, 3])
def test_what_is_no_name_of_results_is_named(name):
    with pytest.raises(FileNotFoundError, match="name must be .* There are: .* Received: "):
        datasets.load_results(name)


@pytest.mark.parametrize("path", sorted((DATA / "results").glob("*.json")), ids=str)
def test_committed_results_say_how_they_were_made(path):
    results = datasets.load_results(path.stem)
    script = results["command"].split()[1]
    assert (DATA.parent / script).is_file() or script == "-m"
    assert path.stem in (DATA / "README.md").read_text()
    assert results["rows"]
