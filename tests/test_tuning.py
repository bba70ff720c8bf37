"""Searches: what they cost, that they go on where they stopped, and what they refuse.

The models are run eagerly, which saves the two seconds of tracing a trial: what is
tested is the search, and the real classifier is built only where it matters.
"""

import functools
import inspect
import json
import signal
import subprocess
import sys
import textwrap

import keras
import keras_tuner as kt
import numpy as np
import pytest

import gru_tf
from gru_tf import models, pricing, tuning
from gru_tf import search as gru_search
from gru_tf.tuning import build_tunable_sentiment_classifier, leaderboard, make_tuner, price

RNG = np.random.default_rng(0)
X = RNG.normal(size=(32, 3)).astype("float32")
Y = (X.sum(axis=1) + RNG.normal(size=32) > 0).astype("float32")[:, None]


def build(hp, largest=4):
    units = hp.Int("units", 1, largest)
    rate = hp.Choice("learning_rate", [0.3, 0.1, 0.03])
    layers = [keras.layers.Dense(units, "tanh"), keras.layers.Dense(1, "sigmoid")]
    model = keras.Sequential([keras.Input((3,)), *layers])
    optimizer = keras.optimizers.SGD(rate)
    model.compile(optimizer, "binary_crossentropy", metrics=["accuracy"], run_eagerly=True)
    return model


few = functools.partial(build, largest=2)  # a space of six points


class Count(keras.callbacks.Callback):
    """Counts fits and epochs, and interrupts the nth fit as Ctrl-C does.

    Keras Tuner copies callbacks for each trial, hence the lists of the class.
    """

    fits, epochs = [], []
    interrupt_at = None

    def on_train_begin(self, logs=None):
        self.fits.append(1)
        if len(self.fits) == self.interrupt_at:
            raise KeyboardInterrupt

    def on_epoch_end(self, epoch, logs=None):
        self.epochs.append(logs)

    @classmethod
    def start(cls, interrupt_at=None):
        cls.fits.clear(), cls.epochs.clear()
        cls.interrupt_at = interrupt_at
        return [cls()]


@pytest.fixture
def make(tmp_path):
    def make(kind="hyperband", build=build, **options):
        options = {"max_epochs": 3, "directory": tmp_path, "name": "search", **options}
        return make_tuner(kind, build, **options)

    return make


def search(tuner, interrupt_at=None, **options):
    callbacks = Count.start(interrupt_at)
    options = {"validation_split": 0.25, "verbose": 0, "callbacks": callbacks, **options}
    tuner.search(X, Y, **options)
    return leaderboard(tuner)


# The space


def test_classifier_has_the_whole_space():
    hp = kt.HyperParameters()
    build_tunable_sentiment_classifier(hp, num_words=10)
    space = {p.name: list(p.values) for p in hp.space}
    assert space == {
        "units": list(range(32, 513, 32)),
        "dropout": [0.0, 0.25, 0.5],
        "learning_rate": [1e-2, 1e-3, 1e-4],
    }


def test_classifier_is_what_the_hyperparameters_say():
    hp = kt.HyperParameters()
    hp.values = {"units": 6, "dropout": 0.25, "learning_rate": 1e-4}
    model = build_tunable_sentiment_classifier(
        hp, num_words=10, embedding_dim=3, units_step=2, max_units=8, gru=gru_tf.GRU
    )
    assert isinstance(model.get_layer("gru"), gru_tf.GRU)
    assert model.get_layer("gru").units == 6
    assert model.get_layer("dropout").rate == 0.25
    assert float(model.optimizer.learning_rate) == pytest.approx(1e-4)
    assert model.get_layer("words").get_config()["input_dim"] == 10


def test_classifier_can_be_pasted():
    names = {}
    parts = [
        inspect.getsource(models.build_sentiment_classifier),
        inspect.getsource(build_tunable_sentiment_classifier),
    ]
    exec("import keras\n" + "\n".join(parts), names)
    model = names["build_tunable_sentiment_classifier"](kt.HyperParameters(), max_units=64)
    assert model.get_layer("gru").units == 32


# The price


@pytest.mark.parametrize(
    ("max_epochs", "trials", "epoch_runs"),
    # Counted in runs of Keras Tuner 1.4.8's own Hyperband with factor 3.
    [(3, 6, 11), (9, 23, 75), (10, 30, 120), (27, 70, 375), (30, 90, 576), (100, 254, 2672)],
)
def test_price_of_hyperband(make, max_epochs, trials, epoch_runs):
    large = functools.partial(build, largest=100_000)
    cost = price(make(build=large, max_epochs=max_epochs))
    assert (cost.trials, cost.epoch_runs) == (trials, epoch_runs)
    assert np.isnan(cost.minutes)


def test_price_of_hyperband_by_rung(make):
    cost = price(make(build=functools.partial(build, largest=100), max_epochs=10))
    assert str(cost) == textwrap.dedent("""\
        30 trials, 120 epoch-runs
          bracket 2: 12 x 2, then 4 x 2, then 2 x 6
          bracket 1: 6 x 4, then 2 x 6
          bracket 0: 4 x 10""")


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        ("hyperband", {}),
        ("hyperband", {"max_epochs": 4, "factor": 2, "build": few}),  # runs out of points
        ("random", {"max_trials": 3}),
        ("random", {"max_trials": 30, "max_epochs": 1, "build": few}),  # runs out again
        ("grid", {"max_epochs": 1, "build": few}),
        ("grid", {"max_trials": 3}),
        ("bayesian", {"max_trials": 7, "max_epochs": 1}),  # 6 of them drawn at random
    ],
)
def test_price_is_what_is_run(make, kind, options):
    tuner = make(kind, **options)
    cost = price(tuner)
    table = search(tuner)
    assert cost.trials == len(table) == len(Count.fits)
    assert cost.epoch_runs == table["epochs_run"].sum() == len(Count.epochs)
    assert price(tuner).trials == 0


def test_price_of_what_is_left(make):
    tuner = make("random", max_trials=5)
    with pytest.raises(KeyboardInterrupt):
        search(tuner, interrupt_at=3)
    assert (price(tuner).trials, price(tuner).epoch_runs) == (3, 9)
    assert price(make("random", max_trials=5)).trials == 3


def test_price_with_known_seconds(make):
    cost = price(make("random", max_trials=4), seconds_per_epoch=2.0, seconds_per_trial=1.5)
    assert cost.minutes == pytest.approx((4 * 3 * 2.0 + 4 * 1.5) / 60)
    assert "about 0.5 minutes: 2.0 to 2.0 s an epoch, 1.5 s to start a trial" in str(cost)


def test_price_between_the_smallest_and_the_largest(make):
    # 1 to 4 units have 6, 11, 16 and 21 weights: 1, 2, 3 and 4 s an epoch.
    cost = price(make("grid", max_epochs=1), seconds_per_epoch=(1.0, 4.0))
    assert cost.minutes == pytest.approx(3 * (1 + 2 + 3 + 4) / 60)


class Clock:
    """Stands in for the module `time`: goes on only when it is told to."""

    seconds = 0.0

    @classmethod
    def perf_counter(cls):
        return cls.seconds


def build_slow(hp):
    """Take 10 ms a unit in each step, by that clock."""
    units = hp.Int("units", 1, 3, step=2)

    class Slow(keras.layers.Dense):
        def call(self, inputs):
            if not isinstance(inputs, keras.KerasTensor):
                Clock.seconds += 0.01 * units
            return super().call(inputs)

    model = keras.Sequential([keras.Input((3,)), Slow(units), keras.layers.Dense(1)])
    model.compile("sgd", "mse", run_eagerly=True)
    return model


@pytest.mark.parametrize("batches", ["arrays", "dataset"])
def test_price_from_a_probe(make, batches, monkeypatch):
    monkeypatch.setattr(pricing, "time", Clock)
    tuner = make("grid", build_slow, objective="val_loss")
    x, y = np.tile(X, (2, 1)), np.tile(Y, (2, 1))  # 64 samples
    if batches == "arrays":
        data, options = (x, y), {"validation_split": 0.25, "batch_size": 8}
    else:
        data, options = (Batches(x[:48], y[:48]),), {"validation_data": Batches(x[48:], y[48:])}
    cost = price(tuner, *data, **options)
    start = Clock.seconds
    tuner.search(*data, verbose=0, **options)
    # 6 steps of training and 2 of validation, 10 or 30 ms each, three epochs of each.
    assert Clock.seconds - start == pytest.approx(3 * 8 * (0.01 + 0.03))
    # The start of a trial is probed with a step of each.
    assert cost.minutes * 60 == pytest.approx(Clock.seconds - start, rel=0.1)


class Batches(keras.utils.PyDataset):
    def __init__(self, x, y):
        super().__init__()
        self.x, self.y = x, y

    def __len__(self):
        return len(self.x) // 8

    def __getitem__(self, i):
        return self.x[8 * i : 8 * i + 8], self.y[8 * i : 8 * i + 8]


def test_price_of_a_tuner_without_epochs(tmp_path):
    plain = kt.RandomSearch(build, objective="val_loss", directory=tmp_path, overwrite=True)
    with pytest.raises(ValueError, match="make_tuner"):
        price(plain)


# Stopped and resumed


KINDS = {"hyperband": {}, "random": {"max_trials": 4}, "grid": {"max_trials": 4}}
KINDS["bayesian"] = {"max_trials": 8, "max_epochs": 1}  # from the 7th on, no longer random


@pytest.mark.parametrize("kind", KINDS)
def test_resumed_equals_uninterrupted(make, kind):
    options = {"objective": "val_loss", **KINDS[kind]}
    whole = search(make(kind, name="whole", **options))
    n_fits = len(Count.fits)
    stop_at = n_fits - 1
    with pytest.raises(KeyboardInterrupt):
        search(make(kind, name="stopped", **options), interrupt_at=stop_at)
    resumed = search(make(kind, name="stopped", **options))
    assert len(Count.fits) == n_fits - (stop_at - 1)  # what was finished isn't run again
    assert whole.drop(columns="seconds").equals(resumed.drop(columns="seconds"))
    assert whole["score"].nunique() == len(whole) or kind == "bayesian"


def test_killed_equals_uninterrupted(make, tmp_path):
    script = tmp_path / "search.py"
    script.write_text(
        textwrap.dedent(f"""
        import os, signal, sys
        sys.path.insert(0, {str(inspect.getfile(sys.modules[__name__]).rsplit("/", 1)[0])!r})
        import test_tuning as t

        class Kill(t.keras.callbacks.Callback):
            def on_epoch_end(self, epoch, logs=None):
                if epoch == 1:  # the first trial with two epochs is the fourth
                    os.kill(os.getpid(), signal.SIGKILL)

        tuner = t.make_tuner("hyperband", t.build, max_epochs=3, objective="val_loss",
                             directory=sys.argv[1], name="killed")
        t.search(tuner, callbacks=[Kill()])
        """)
    )
    run = subprocess.run([sys.executable, script, tmp_path], capture_output=True, text=True)
    assert run.returncode == -signal.SIGKILL, run.stderr
    killed = make(objective="val_loss", name="killed")
    assert leaderboard(killed)["status"].value_counts().to_dict() == {"completed": 3, "running": 1}
    resumed = search(killed)
    assert len(Count.fits) == 3
    whole = search(make(objective="val_loss", name="whole"))
    assert whole.drop(columns="seconds").equals(resumed.drop(columns="seconds"))


def test_seed_is_of_the_trial_and_of_the_search(make):
    first = search(make("grid", max_trials=2, objective="val_loss"))
    random = search(make("grid", max_trials=2, objective="val_loss", name="2", seed=2))
    assert not np.isclose(first["score"], random["score"]).any()


def test_unfinished_start_of_a_trial_is_forgotten(make, tmp_path):
    tuner = make("random", max_trials=3)
    search(tuner)
    folder = tmp_path / "search"
    (folder / "trial_3").mkdir()
    text = (folder / "trial_2" / "trial.json").read_text().replace('"2"', '"3"')
    (folder / "trial_3" / "trial.json").write_text(text)
    assert len(leaderboard(make("random", max_trials=3))) == 3


# A search knows what it is


def build_other(hp):
    model = build(hp)
    return model


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"max_epochs": 4}, "max_epochs: 3 there, 4 here"),
        ({"factor": 2}, "factor: 3 there, 2 here"),
        ({"seed": 2}, "seed: 1 there, 2 here"),
        ({"objective": "val_loss"}, "objective: .*val_accuracy.*val_loss"),
        ({"kind": "random", "max_trials": 3}, "kind: 'hyperband' there, 'random' here"),
        ({"build": functools.partial(build, largest=5)}, "units max_value: 4 there, 5 here"),
        ({"build": build_other}, "builder function: 'build, source .*'build_other, source"),
    ],
)
def test_another_search_is_refused(make, changed, message):
    make()
    with pytest.raises(ValueError, match=message) as refusal:
        make(**changed)
    assert "another name" in str(refusal.value)
    assert "overwrite=True" in str(refusal.value)
    assert price(make(name="another", **changed)).trials > 0
    make(overwrite=True, **changed)
    make(**changed)


def test_a_builder_edited_under_the_same_name_is_refused(make):
    def make_builder(activation):
        def builder(hp):
            units = hp.Int("units", 1, 4)
            layers = [keras.Input((3,)), keras.layers.Dense(units, activation)]
            model = keras.Sequential([*layers, keras.layers.Dense(1)])
            model.compile("sgd", "mse")
            return model

        return builder

    make(build=make_builder("tanh"), objective="val_loss")
    make(build=make_builder("tanh"), objective="val_loss")
    with pytest.raises(ValueError, match="activation: \"'tanh'\" there, \"'relu'\" here"):
        make(build=make_builder("relu"), objective="val_loss")


@pytest.mark.parametrize("overwrite", [False, True])
def test_a_folder_of_something_else_is_left_alone(make, tmp_path, overwrite):
    (tmp_path / "search").mkdir()
    (tmp_path / "search" / "thesis.tex").write_text("years of work")
    with pytest.raises(ValueError, match="no search.json"):
        make(overwrite=overwrite)
    assert (tmp_path / "search" / "thesis.tex").exists()


@pytest.mark.parametrize(
    "file", ["search.json", "oracle.json", "tuner0.json", "trial_2/trial.json"]
)
@pytest.mark.parametrize("damage", ["cut", "removed"])
def test_a_damaged_search_is_refused_by_the_name_of_its_file(make, tmp_path, file, damage):
    search(make("random", max_trials=3, max_epochs=1))
    path = tmp_path / "search" / file
    text = path.read_text()
    path.write_text(text[:-3]) if damage == "cut" else path.unlink()
    if (file, damage) == ("tuner0.json", "removed"):  # as when the first trial was cut off
        return
    with pytest.raises(ValueError, match=file):
        make("random", max_trials=3, max_epochs=1)


def test_settings_are_written_whole(make, tmp_path):
    make("random", max_trials=3)
    settings = json.loads((tmp_path / "search" / "search.json").read_text())
    assert settings["max_trials"] == 3
    assert settings["hyperparameter"]["learning_rate"]["values"] == [0.3, 0.1, 0.03]
    assert not list((tmp_path / "search").glob("*.partial"))


# Read


def test_leaderboard_holds_what_was_measured(make):
    tuner = make("random", max_trials=4)
    table = search(tuner)
    epochs = np.array([logs["val_accuracy"] for logs in Count.epochs]).reshape(4, 3)
    by_trial = table.sort_values("trial")
    np.testing.assert_allclose(by_trial["score"], epochs.max(axis=1))
    assert table["score"].is_monotonic_decreasing
    assert table.index.tolist() == [1, 2, 3, 4]
    assert set(table["epochs_run"]) == {3}
    assert set(table["status"]) == {"completed"}
    assert (table["seconds"] > 0).all()
    best = tuner.get_best_hyperparameters()[0]
    assert table.loc[1, ["units", "learning_rate"]].to_dict() == best.values


def test_leaderboard_of_hyperband_has_rungs(make):
    table = search(make(objective="val_loss")).sort_values("trial")
    assert table["score"].min() == leaderboard(make(objective="val_loss"))["score"].iloc[0]
    assert table["bracket"].tolist() == [1, 1, 1, 1, 0, 0]
    assert table["rung"].tolist() == [0, 0, 0, 1, 0, 0]
    assert table["epochs_run"].tolist() == [1, 1, 1, 2, 3, 3]
    assert table["epochs"].tolist() == [1, 1, 1, 3, 3, 3]


def test_leaderboard_counts_the_epochs_before_an_early_stop(make):
    class Stop(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            self.model.stop_training = epoch == 1

    table = search(make("random", max_trials=2), callbacks=[Stop()])
    assert table["epochs_run"].tolist() == [2, 2]


def test_leaderboard_before_the_search(make):
    assert len(leaderboard(make())) == 0


def build_that_fails(hp):
    model = build(hp)
    if hp.get("learning_rate") == 0.1:
        raise RuntimeError("no such rate")
    return model


def test_a_failed_trial_does_not_end_the_search(make, capsys):
    tuner = make("grid", build_that_fails, max_epochs=1)
    table = search(tuner, verbose=1)
    assert len(table) == 12
    failed = table[table["learning_rate"] == 0.1]
    assert set(failed["status"]) == {"failed"}
    assert failed["score"].isna().all()
    assert table["score"].iloc[:8].notna().all()
    assert capsys.readouterr().out.count("failed: RuntimeError: no such rate") == 4


def test_progress_is_one_line_a_trial(make, capsys):
    search(make())
    assert capsys.readouterr().out == ""
    search(make(name="loud"), verbose=1)
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 6
    assert lines[3].startswith("trial 4 of 6 | val_accuracy 0.")
    assert ", best 0." in lines[3]
    assert " | bracket 1 rung 1 units=" in lines[3]
    search(make(name="loud"), verbose=1)
    assert capsys.readouterr().out.startswith("Nothing left to run: 6 of 6 trials are done, best")


# Bad input


def build_nothing(hp):
    return None


def build_uncompiled(hp):
    hp.Int("units", 1, 4)
    return keras.Sequential([keras.Input((3,)), keras.layers.Dense(1)])


def build_without_space(hp):
    hp.Fixed("units", 3)
    return build_fixed()


def build_fixed():
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(1)])
    model.compile("sgd", "mse")
    return model


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"kind": "annealing"}, ValueError, r"'annealing'"),
        ({"max_epochs": 0}, ValueError, "max_epochs must be an int of at least 1. Received: 0"),
        ({"max_epochs": 2.5}, ValueError, "Received: 2.5"),
        ({"factor": 1}, ValueError, "factor must be an int of at least 2"),
        ({"seed": 0}, ValueError, "seed must be an int of at least 1"),
        ({"kind": "random", "max_trials": 0}, ValueError, "max_trials"),
        ({"max_trials": 3}, ValueError, "hyperband takes no max_trials"),
        ({"name": "a/b"}, ValueError, "'a/b'"),
        ({"name": ""}, ValueError, "name must be"),
        ({"objective": "val_auc"}, ValueError, "does not report 'val_auc'.*'val_accuracy'"),
        ({"build": "build"}, TypeError, "'build'"),
        ({"build": build_nothing}, TypeError, "must return a keras.Model. Received: None"),
        ({"build": build_uncompiled}, ValueError, "compiled"),
        ({"build": build_without_space, "objective": "val_loss"}, ValueError, "nothing to search"),
    ],
)
def test_bad_input(make, tmp_path, options, error, message):
    with pytest.raises(error, match=message):
        make(**options)
    assert not (tmp_path / "search").exists(), "refused before anything is written"


def test_objectives_that_a_model_reports(make):
    def build_metrics(hp):
        model = build(hp)
        metrics = [keras.metrics.AUC(name="auc"), keras.metrics.mean_squared_error]
        model.compile("sgd", "binary_crossentropy", metrics=metrics, weighted_metrics=["mae"])
        return model

    for i, metric in enumerate(["auc", "mean_squared_error", "mae", "loss"]):
        objective = kt.Objective(f"val_{metric}", "min")
        make(build=build_metrics, objective=objective, name=f"search_{i}")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"epochs": 10}, "epochs=10.*max_epochs=3"),
        ({}, "needs validation_data"),
    ],
)
def test_search_with_bad_input(make, options, message):
    with pytest.raises(ValueError, match=message):
        make().search(X, Y, **options)


def test_missing_tensorboard_is_named(make, monkeypatch):
    monkeypatch.setattr(tuning.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ImportError, match="tensorboard"):
        make()


# The command for the full search


def test_command_prices_searches_and_judges(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(gru_search, "load_imdb", functools.cache(gru_search.load_imdb))
    words = "--kind random --max-trials 1 --max-epochs 1 --max-units 32 --maxlen 5 --every 500"
    words = [*words.split(), "--directory", str(tmp_path)]
    assert gru_search.main([*words, "--price"]) is None
    assert "1 trials, 1 epoch-runs" in capsys.readouterr().out
    accuracy = gru_search.main(words)
    assert 0 <= accuracy <= 1
    printed = capsys.readouterr().out
    assert "trial 1 of 1 | val_accuracy 0." in printed
    assert f"accuracy on the held-out reviews: {accuracy:.4f}" in printed
    gru_search.main(words)
    assert "Nothing left to run: 1 of 1 trials are done" in capsys.readouterr().out
