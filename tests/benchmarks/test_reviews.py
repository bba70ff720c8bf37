"""The comparisons on film reviews, at a size of seconds: what is counted, and what is kept."""

import dataclasses
import importlib.util
import itertools
import types
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


def test_race_measures_all_on_the_same_reviews_turn_by_turn(few_reviews, monkeypatch):
    imdb = load("imdb")
    monkeypatch.setattr(imdb, "TURN", 64)
    seen = []
    real = imdb.Runner.turn

    def turn(self, rows, seed):
        seen.append((self.name, tuple(rows)))
        real(self, rows, seed)

    monkeypatch.setattr(imdb.Runner, "turn", turn)
    rows = imdb.race(few_reviews, seed=0, target=2.0, passes=1)
    assert [name for name, _ in seen] == ["tutorial", "mended", "ours"] * 2
    first, second = seen[:3], seen[3:]
    assert len({rows for _, rows in first}) == len({rows for _, rows in second}) == 1
    assert not set(first[0][1]) & set(second[0][1])
    assert [row["multiplications_a_word"] for row in rows] == [98304, 98304, 9216]
    for row in rows:
        seconds, accuracies = zip(*row["curve"], strict=True)
        assert 0 < seconds[0] < seconds[1]
        assert row["best_validation_accuracy"] == max(accuracies)
        assert row["seconds_to_target"] is None
        assert 0.2 < row["test_accuracy"] < 0.8


def test_race_ends_once_all_have_reached_the_target(few_reviews, monkeypatch):
    imdb = load("imdb")
    monkeypatch.setattr(imdb, "TURN", 64)
    rows = imdb.race(few_reviews, seed=0, target=0.1, passes=5)
    assert [len(row["curve"]) for row in rows] == [1, 1, 1]
    assert [row["seconds_to_target"] for row in rows] == [row["curve"][0][0] for row in rows]


def test_the_tutorial_is_left_padded(few_reviews):
    left = load("imdb").Tutorial.prepare(few_reviews.x_train)
    for row, given in zip(left, few_reviews.x_train, strict=True):
        n = np.count_nonzero(given)
        assert row.tolist() == [0] * (12 - n) + given[:n].tolist()


def test_cost_times_every_step(few_reviews, monkeypatch):
    imdb = load("imdb")
    readings = itertools.accumulate([0, 9] * 5 + [1, 1] * 5 + [1, 3] * 5)  # three turns of five
    monkeypatch.setattr(imdb, "time", types.SimpleNamespace(perf_counter=readings.__next__))
    rows = imdb.cost(few_reviews, rounds=2, turn=64)
    assert len({row["step"] for row in rows}) == 5
    turns = len(few_reviews.x_train) / 64
    for row in rows:  # the first turn, of 9 seconds, compiles and isn't counted
        times = [row["fastest"], row["seconds_a_pass"], row["slowest"]]
        assert times == pytest.approx([turns, 2 * turns, 3 * turns], abs=0.1)


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
    monkeypatch.setattr("sys.argv", ["sentiment.py", "layers", "--anew", "--only", "seed=1"])
    sentiment.main()
    assert done[5:] == [("GRU", 1), ("LSTM", 1)]
    typed = [origin["command"] for origin in datasets.load_results("imdb_layers")["origins"]]
    assert typed[-1] == "python benchmarks/sentiment.py layers --anew --only seed=1"


def test_terms_are_words_and_pairs_seen_three_times():
    x = np.array([[1, 5, 6, 5, 6, 0], [1, 5, 6, 2, 7, 5], [1, 8, 2, 6, 5, 6]])
    count_terms = load("sentiment").count_terms
    words, terms = count_terms(x)
    assert terms.tolist() == [5, 6, 7, 8]
    assert words.toarray().tolist() == [[2, 2, 0, 0], [2, 1, 1, 0], [1, 2, 0, 1]]
    both, terms = count_terms(x, pairs=True)
    assert terms.tolist() == [5, 6, 7, 8, 50006]  # 5 6 four times, 6 5 twice, 7 5 once
    assert both.toarray()[:, -1].tolist() == [2, 1, 1]
    again, _ = count_terms(np.array([[1, 6, 5, 6, 9]]), terms, pairs=True)
    assert again.toarray().tolist() == [[1, 2, 0, 0, 1]]


@pytest.mark.parametrize("naive_bayes", [False, True])
def test_a_bag_of_pairs_hears_what_single_words_cannot_say(naive_bayes):
    # "5 6" is positive and "6 5" negative: the words are the same.
    x = np.array([[1, 5, 6], [1, 6, 5]] * 10)
    y = np.array([1, 0] * 10)
    bag_of_words, share_right = load("sentiment").bag_of_words, load("sentiment").share_right
    assert share_right(bag_of_words(x, y, naive_bayes=naive_bayes)(x), y) == 0.5
    assert share_right(bag_of_words(x, y, pairs=True, naive_bayes=naive_bayes)(x), y) == 1.0


@pytest.fixture(scope="module")
def plain_reviews():
    """Reviews whose verdict is in each of their words; every fifth label of a part is a lie."""
    rng = np.random.default_rng(0)
    y = {part: rng.integers(0, 2, 600) for part in ("train", "valid", "test")}
    x = {part: 1000 * (1 + y[part][:, None]) + rng.integers(5, 25, (600, 8)) for part in y}
    for i in range(5):  # of 4 to 8 words
        for part in x:
            x[part][i::5, 4 + i :] = 0
    y["valid"][::5] ^= 1
    y["test"][::3] ^= 1
    parts = {f"{name}_{part}": v[part] for name, v in (("x", x), ("y", y)) for part in y}
    return types.SimpleNamespace(**parts)


@pytest.mark.parametrize(
    "table",
    [
        "padding",
        "layers",
        "regularisation",
        "recurrent_dropout",
        "batch_size",
        "optimisers",
        "read_out",
    ],
)
def test_a_row_of_each_table(table, plain_reviews, monkeypatch):
    """The accuracy is known beforehand: a model that has learnt errs where a label is a lie."""
    sentiment = load("sentiment")
    reviews = plain_reviews
    monkeypatch.setattr(sentiment, "load", lambda *_: (reviews, reviews.x_train, reviews.y_train))
    monkeypatch.setattr(sentiment, "SMALL", sentiment.SMALL | {"learning_rate": 1e-2})
    settings, run = next(iter(sentiment.TABLES[table]()))
    settings |= {"learning_rate": 1e-2} if "learning_rate" in settings else {}
    row = sentiment.run_one(run, settings)
    assert settings.items() <= row.items()
    assert row["validation_accuracy"][-1] == pytest.approx(0.8, abs=0.02)
    if table == "regularisation":
        assert row["test_accuracy"][-1] == pytest.approx(2 / 3, abs=0.02)
        assert row["training_accuracy"] == pytest.approx(1, abs=0.02)
