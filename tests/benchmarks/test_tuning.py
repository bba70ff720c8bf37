"""The comparison of searches, at a size of seconds: what is counted, and what is kept."""

import dataclasses
import importlib.util
import json
from pathlib import Path

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
    few = dataclasses.replace(reviews, **{name: getattr(reviews, name)[:70] for name in parts})
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


def test_prices_of_both_codes_are_of_the_same_trials(tuning, monkeypatch):
    # Half a second an epoch for each unit in the tutorial's code, a tenth of it in ours
    def probe(build, hp, training, validation, *limits):
        per_unit = 0.5 if build is tuning.build_tutorial else 0.05
        return per_unit * hp.get("units"), 0.0

    monkeypatch.setattr(tuning, "probe", probe)
    theirs, ours = tuning.price_both(rounds=1, seconds=1)
    assert (theirs["trials"], theirs["epoch_runs"]) == (30, 120)
    assert theirs["seconds_per_epoch"] == [16, 128, 256]
    assert ours["hours"] == pytest.approx(theirs["hours"] / 10, abs=0.01)
