"""The comparisons on film reviews, at a size of seconds: what is counted, and what is kept."""

import dataclasses
import importlib.util
from pathlib import Path

import numpy as np
import pytest

from gru_tf import datasets
from gru_tf.datasets import files

BENCHMARKS = Path(__file__).resolve().parents[2] / "benchmarks"


def load(name):
    spec = importlib.util.spec_from_file_location(f"benchmark_{name}", BENCHMARKS / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def few_reviews():
    reviews = datasets.load_imdb(maxlen=12)
    parts = ("x_train", "y_train", "x_valid", "y_valid", "x_test", "y_test")
    return dataclasses.replace(reviews, **{name: getattr(reviews, name)[:130] for name in parts})


@pytest.fixture
def empty_data(tmp_path, monkeypatch):
    monkeypatch.setattr(files, "FOLDERS", (tmp_path, tmp_path))
    return tmp_path


def test_race_measures_both_on_the_same_reviews_turn_by_turn(few_reviews, monkeypatch):
    imdb = load("imdb")
    monkeypatch.setattr(imdb, "TURN", 64)
    seen = []
    real = imdb.Runner.turn

    def turn(self, rows, seed):
        seen.append((self.name, tuple(rows)))
        real(self, rows, seed)

    monkeypatch.setattr(imdb.Runner, "turn", turn)
    rows = imdb.race(few_reviews, seed=0, target=2.0, passes=1)
    assert [name for name, _ in seen] == ["tutorial", "ours"] * 2
    assert seen[0][1] == seen[1][1] != seen[2][1] == seen[3][1]
    assert not set(seen[0][1]) & set(seen[2][1])
    for row in rows:
        seconds, accuracies = zip(*row["curve"], strict=True)
        assert 0 < seconds[0] < seconds[1]
        assert row["best_validation_accuracy"] == max(accuracies)
        assert row["seconds_to_target"] is None
        assert 0.2 < row["test_accuracy"] < 0.8


def test_race_ends_once_both_have_reached_the_target(few_reviews, monkeypatch):
    imdb = load("imdb")
    monkeypatch.setattr(imdb, "TURN", 64)
    rows = imdb.race(few_reviews, seed=0, target=0.1, passes=5)
    assert [len(row["curve"]) for row in rows] == [1, 1]
    assert [row["seconds_to_target"] for row in rows] == [row["curve"][0][0] for row in rows]


def test_the_tutorial_is_left_padded(few_reviews):
    left = load("imdb").Tutorial.prepare(few_reviews.x_train)
    for row, given in zip(left, few_reviews.x_train, strict=True):
        n = np.count_nonzero(given)
        assert row.tolist() == [0] * (12 - n) + given[:n].tolist()


def test_a_table_goes_on_where_it_was_stopped(empty_data, monkeypatch, capsys):
    sentiment = load("sentiment")
    done = []

    def run(layer, seed):
        done.append((layer, seed))
        if len(done) == 3:
            raise KeyboardInterrupt
        return {"accuracy": 0.5}

    def table():
        for layer in ("GRU", "LSTM"):
            for seed in (0, 1):
                yield {"layer": layer, "seed": seed}, run

    monkeypatch.setitem(sentiment.TABLES, "layers", table)
    monkeypatch.setattr("sys.argv", ["sentiment.py", "layers"])
    with pytest.raises(KeyboardInterrupt):
        sentiment.main()
    assert len(datasets.load_results("imdb_layers")["rows"]) == 2
    sentiment.main()
    expected = [(layer, seed) for layer in ("GRU", "LSTM") for seed in (0, 1)]
    assert done == [*expected[:3], *expected[2:]]
    results = datasets.load_results("imdb_layers")
    assert results["command"] == "python benchmarks/sentiment.py layers"
    assert [(row["layer"], row["seed"]) for row in results["rows"]] == expected
    monkeypatch.setattr("sys.argv", ["sentiment.py", "layers", "--anew"])
    sentiment.main()
    assert len(done) == 9


@pytest.mark.parametrize("table", ["padding", "layers", "regularisation", "optimisers", "read_out"])
def test_a_row_of_each_table(table, few_reviews, monkeypatch):
    sentiment = load("sentiment")
    reviews = few_reviews
    monkeypatch.setattr(sentiment, "load", lambda *_: (reviews, reviews.x_train, reviews.y_train))
    settings, run = next(iter(sentiment.TABLES[table]()))
    row = sentiment.run_one(run, settings)
    assert settings.items() <= row.items()
    assert all(0.3 < accuracy < 0.7 for accuracy in row["validation_accuracy"])
