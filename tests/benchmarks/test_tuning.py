"""The comparison of searches, at a size of seconds: what is counted, and what is kept."""

import dataclasses
import importlib.util
import json
from pathlib import Path

import numpy as np
import pytest

from gru_tf import datasets
from gru_tf.datasets import files

PATH = Path(__file__).resolve().parents[2] / "benchmarks" / "tuning.py"


@pytest.fixture
def tuning(monkeypatch, tmp_path):
    spec = importlib.util.spec_from_file_location("benchmark_tuning", PATH)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    reviews = datasets.load_imdb(num_words=5000, maxlen=8)
    parts = ("x_train", "y_train", "x_valid", "y_valid", "x_test", "y_test")
    few = {name: getattr(reviews, name)[:70].copy() for name in parts}
    for x in (few["x_train"], few["x_valid"], few["x_test"]):  # of 2 to 8 words
        x[np.arange(8) > 1 + np.arange(70)[:, None] % 7] = 0
    few = dataclasses.replace(reviews, **few)
    monkeypatch.setattr(module, "load_imdb", lambda **options: few)
    monkeypatch.setattr(files, "FOLDERS", (tmp_path, tmp_path))
    return module


def test_search_looks_up_held_out_reviews_at_the_same_epoch(tuning, monkeypatch, tmp_path):
    monkeypatch.setattr(tuning, "MAX_EPOCHS", 2)
    monkeypatch.setattr(tuning, "TRIALS", 1)
    seen = []
    measure = tuning.HeldOut.on_epoch_end

    def watch(self, epoch, logs=None):
        measure(self, epoch, logs)
        seen.append((logs["val_accuracy"], logs["held_out"]))

    monkeypatch.setattr(tuning.HeldOut, "on_epoch_end", watch)
    tuning.search_all(["random"], [1])
    (row,) = json.loads((tmp_path / "results" / "tuning.json").read_text())["rows"]
    score, held_out = max(seen, key=lambda pair: pair[0])
    assert (row["score"], row["held_out"]) == (round(score, 4), round(held_out, 4))
    assert row["epochs_run"] == 2
    tuning.search_all(["random"], [1])
    assert len(json.loads((tmp_path / "results" / "tuning.json").read_text())["rows"]) == 1


def test_prices_of_both_codes_are_of_what_each_is_given(tuning, monkeypatch):
    """An epoch takes so long for each word that a code reads, as the arithmetic of its units."""
    given = {}

    def seconds(units, words):
        return words * units * (units + 128) * 1e-4

    def probe(build, hp, training, validation, *limits):
        parts = (training, validation)
        if build is tuning.build_tutorial:
            xs = [part.x for part in parts]
        else:
            xs = [np.asarray(part[i][0]) for part in parts for i in range(len(part))]
        assert build(hp)(xs[0][:1]).shape == (1, 1)
        given[build is tuning.build_tutorial] = xs
        return seconds(hp.get("units"), sum(x.size for x in xs)), 3.0

    trials, dry_run = [], tuning.dry_run

    def noted(tuner):
        for trial, epochs in dry_run(tuner):
            trials.append((trial.hyperparameters.get("units"), epochs))
            yield trial, epochs

    monkeypatch.setattr(tuning, "probe", probe)
    monkeypatch.setattr(tuning, "dry_run", noted)
    theirs, ours = tuning.price_both(rounds=1, seconds=1)
    reviews = tuning.load_imdb()
    parts = reviews.x_train, reviews.x_valid

    # The tutorial's reviews have their zeros in front, and are read with them.
    for x, part in zip(given[True], parts, strict=True):
        assert [[i for i in row if i] for row in x] == [[i for i in row if i] for row in part]
        assert (np.diff(x != 0, axis=1).sum(axis=1) <= 1).all()
        assert (x[:, -1] != 0).all()

    # Sorted by length, each batch of 32 is as wide as its longest.
    words = 0
    for part in parts:
        lengths = np.sort((part != 0).sum(axis=1))
        words += sum(len(lengths[i : i + 32]) * lengths[i : i + 32].max() for i in (0, 32, 64))
    assert (len(trials), sum(epochs for _, epochs in trials)) == (30, 120)
    for code, read in ((theirs, 2 * 70 * 8), (ours, words)):
        assert (code["trials"], code["epoch_runs"]) == (30, 120)
        widths = [seconds(units, read) for units in (32, 256, 512)]
        assert code["seconds_per_epoch"] == pytest.approx(widths, abs=0.05)
        total = sum(epochs * seconds(units, read) + 3 for units, epochs in trials)
        assert 3600 * code["hours"] == pytest.approx(total, abs=0.01 * 3600)
