"""Searches: their space, that they go on where they stopped, and what they refuse."""

import functools
import importlib.util
import inspect
import signal
import subprocess
import sys
import time

import keras
import keras_tuner as kt
import numpy as np
import pandas as pd
import pytest

import gru_tf
import small_search
from gru_tf import models
from gru_tf.tuning import __main__ as command
from gru_tf.tuning import (
    best_model,
    build_tunable_sentiment_classifier,
    folder,
    leaderboard,
    price,
    pricing,
)
from small_search import (
    Count,
    X,
    Y,
    build,
    comparable,
    few,
    in_four_dimensions,
    make_large,
    many,
    search,
)

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


# Stopped and resumed


FEW = {"max_trials": 3, "max_epochs": 2}
KINDS = {"hyperband": {}, "random": FEW, "grid": FEW}
# From the 4th on, no longer random
KINDS["bayesian"] = {"build": in_four_dimensions, "max_trials": 5, "max_epochs": 1}
KINDS["bayesian"]["num_initial_points"] = 3


@pytest.mark.slow
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


def kill_at_random_moments(directory, n_kills, seed=0):
    """Run the program of `small_search`, killing it n times, and resume it here."""
    rng = np.random.default_rng(seed)
    for _ in range(n_kills):
        command = [sys.executable, small_search.__file__, str(directory)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            lines = iter(process.stdout)
            assert next(lines) == "ready\n"
            for _ in range(rng.integers(1, 7)):
                next(lines)  # a line a trial
            time.sleep(rng.uniform(0, 0.5))
            process.kill()
        assert process.returncode == -signal.SIGKILL
    resumed = make_large(directory)
    print("resumed after", len(resumed.oracle.end_order), "trials")
    return search(resumed)


@pytest.mark.slow
def test_killed_equals_uninterrupted(large, tmp_path):
    whole = leaderboard(large)
    killed = kill_at_random_moments(tmp_path / "killed", n_kills=1)
    assert len(Count.fits) < len(whole)  # what was finished isn't run again
    pd.testing.assert_frame_equal(comparable(whole), comparable(killed), check_exact=True)


def test_a_trial_that_ended_just_before_the_stop_is_not_run_again(make):
    tuner = make("random", max_trials=2, max_epochs=1)
    with pytest.raises(KeyboardInterrupt):
        search(tuner, interrupt_at=2)
    oracle = tuner.oracle
    oracle.ongoing_trials = {"a": oracle.trials["0"], "b": oracle.trials["1"]}  # as it was then
    oracle.save()
    again = make("random", max_trials=2, max_epochs=1)
    assert price(again).trials == 1
    assert search(again)["epochs_run"].tolist() == [1, 1]
    assert len(Count.fits) == 1


def test_seed_is_of_the_trial_and_of_the_search(make):
    options = {"max_trials": 2, "max_epochs": 1, "objective": "val_loss"}
    first = search(make("grid", **options))
    random = search(make("grid", **options, name="2", seed=2))
    assert not np.isclose(first["score"], random["score"]).any()


def test_unfinished_start_of_a_trial_is_forgotten(make, tmp_path):
    tuner = make("random", max_trials=3, max_epochs=1)
    search(tuner)
    begun = tmp_path / "search" / "trial_3"
    begun.mkdir()
    last = folder.read(tmp_path / "search" / "trial_2" / "trial.json")
    folder.write(begun / "trial.json", {**last, "trial_id": "3"})
    assert len(leaderboard(make("random", max_trials=3, max_epochs=1))) == 3


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
        (
            {"objective": "val_auc"},
            ValueError,
            "does not report the objective.*'val_auc'.*'val_accuracy'",
        ),
        ({"build": "build"}, TypeError, "'build'"),
        ({"build": build_nothing}, TypeError, "must return a keras.Model. Received: None"),
        ({"build": build_uncompiled}, ValueError, "compiled"),
        ({"build": build_without_space, "objective": "val_loss"}, ValueError, "nothing to search"),
        ({"name": ".."}, ValueError, "'..'"),
        ({"max_epochs": True}, ValueError, "Received: True"),
        ({"num_initial_points": 3}, ValueError, "num_initial_points=3 for kind='hyperband'"),
        ({"executions_per_trial": 2}, ValueError, "hyperband_iterations=, or another kind"),
        (
            {"build": few, "max_epochs": 9},
            ValueError,
            "6 different.*hyperband search would start 17",
        ),
        ({"build": few, "kind": "random", "max_trials": 7}, ValueError, "6 different .* start 7"),
        ({"build": few, "kind": "bayesian"}, ValueError, "6 different .* start 10.*kind='grid'"),
    ],
)
def test_bad_input(make, tmp_path, options, error, message):
    with pytest.raises(error, match=message):
        make(**options)
    assert not (tmp_path / "search").exists(), "refused before anything is written"


def test_a_folder_that_cannot_be_written(make, tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(ValueError, match="file/search can't be written .* another directory"):
        make(directory=tmp_path / "file")


def build_half(hp):
    """Make a model for every second number of units."""
    units = hp.Int("units", 1, 6)
    if units == 2:
        raise RuntimeError("no such number")
    if units == 4:
        return None
    model = build(hp)
    if units == 6:
        model.compiled = False
    return model


@pytest.mark.slow
def test_a_builder_that_fails_for_some_hyperparameters(make, capsys):
    table = search(make("grid", build_half, max_epochs=1), verbose=1)
    failed = table[table["units"] % 2 == 0].groupby("units")
    assert set(failed.get_group(2)["why"]) == {"RuntimeError: no such number"}
    assert "return a valid Keras Model" in failed.get_group(4)["why"].iloc[0]
    assert "compile" in failed.get_group(6)["why"].iloc[0]
    assert set(table[table["units"] % 2 == 1]["status"]) == {"completed"}
    said = capsys.readouterr().out
    assert said.count("failed: RuntimeError: no such number") == 3
    assert "18 trials, 9 of them failed, best 0." in said


def test_a_search_whose_trials_all_fail_stops(make):
    tuner = make(max_epochs=9, build=functools.partial(build, largest=50))
    with pytest.raises(RuntimeError, match="All 10 trials failed. The last: (?s:.*)Nobody"):
        search(tuner, callbacks=[Fail()])


class Fail(keras.callbacks.Callback):
    def on_train_begin(self, logs=None):
        raise ValueError("Nobody")


def test_bayesian_search_is_no_random_search(make):
    tuner = make("bayesian", max_trials=6, max_epochs=1)
    assert tuner.oracle.num_initial_points == 2
    assert make("bayesian", build=many, name="more", max_trials=90).oracle.num_initial_points == 6
    drawn = []
    for kind in ("bayesian", "random"):
        oracle = make(kind, build=many, max_trials=6, name=kind).oracle
        drawn.append([oracle.create_trial(f"{i}").hyperparameters.values for i in range(2)])
    assert not [values for values in drawn[0] if values in drawn[1]]
    with pytest.warns(UserWarning, match="All of max_trials=2 are drawn at random"):
        make("bayesian", max_trials=2, name="few")
    with pytest.warns(UserWarning, match="num_initial_points=9: no trial is chosen by a model"):
        make("bayesian", max_trials=6, num_initial_points=9, name="nine")


def test_numbers_of_numpy_are_numbers(make, tmp_path):
    make(max_epochs=np.int64(3), seed=np.int32(1))
    assert make(max_epochs=3).max_epochs == 3


def test_bayesian_search_tries_nothing_twice(make):
    tuner = make("bayesian", build=few, max_trials=6, max_epochs=1, num_initial_points=2)
    table = search(tuner)
    assert len(table) == 6
    assert not table.duplicated(["units", "learning_rate"]).any()


def test_a_search_that_another_process_runs_is_left_to_it(make, tmp_path):
    tuner = make("random", max_trials=2, max_epochs=1)
    with (
        folder.held(tmp_path / "search"),
        pytest.raises(ValueError, match="Another process runs the search"),
    ):
        search(tuner)
    assert len(search(tuner)) == 2


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
    ("options", "error", "message"),
    [
        ({"epochs": 10}, ValueError, "epochs=10.*max_epochs=3"),
        ({}, ValueError, "needs validation_data"),
        ({"validation_data": None}, ValueError, "needs validation_data"),
        ({"validation_split": 0.0}, ValueError, "needs validation_data.*validation_split=0.0"),
        ({"validation_split": 0.5, "callbacks": "stop"}, TypeError, "callbacks must .*'stop'"),
    ],
)
def test_search_with_bad_input(make, options, error, message):
    with pytest.raises(error, match=message):
        make().search(X, Y, **options)


def test_callbacks_are_those_that_fit_takes(make):
    (one,) = Count.start()
    data = {"validation_split": 0.25, "test_data": (X, Y), "epochs": 1}
    for callbacks, epochs in ((None, 0), (one, 1), ((one, [one]), 2)):
        tuner = make("random", max_trials=1, max_epochs=1, name=f"search_{epochs}")
        search(tuner, callbacks=callbacks)
        assert len(Count.epochs) == epochs
        best_model(tuner, X, Y, **data, callbacks=callbacks)
        assert len(Count.epochs) == 2 * epochs
    with pytest.raises(TypeError, match="callbacks must be .*'stop'"):
        best_model(tuner, X, Y, **data, callbacks="stop")


def test_a_chief_of_keras_tuner_is_refused(make, monkeypatch):
    monkeypatch.setenv("KERASTUNER_ORACLE_IP", "127.0.0.1")
    with pytest.raises(ValueError, match="--storage.*KERASTUNER_ORACLE_IP='127.0.0.1'"):
        make()


def test_missing_tensorboard_is_named(make, monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ImportError, match="tensorboard"):
        make()


# The command for the full search


@pytest.mark.slow
def test_command_prices_searches_and_judges(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(command, "load_imdb", functools.cache(command.load_imdb))
    words = "--kind random --max-trials 1 --max-epochs 1 --max-units 32 --maxlen 5 --every 500"
    words = [*words.split(), "--directory", str(tmp_path)]
    assert command.main([*words, "--price"]) is None
    assert "1 trials, 1 epoch-runs" in capsys.readouterr().out
    monkeypatch.setattr(pricing, "probe", lambda *args: (1.0, 1.0))  # once is enough
    accuracy = command.main(words)
    assert 0 <= accuracy <= 1
    printed = capsys.readouterr().out
    assert "trial 1 of 1 | val_accuracy 0." in printed
    assert "then up to 2 epochs of the best setting" in printed
    assert f"accuracy on the held-out reviews: {accuracy:.4f}" in printed
    assert f"saved: {tmp_path / 'imdb.keras'}, " in printed
    reviews = command.load_imdb(maxlen=5)
    x, y = reviews.x_test[::500], reviews.y_test[::500]
    model = keras.models.load_model(tmp_path / "imdb.keras")
    assert model.evaluate(x, y, verbose=0, return_dict=True)["accuracy"] == pytest.approx(accuracy)
    monkeypatch.setattr(command, "best_model", lambda *args, **options: (model, {"accuracy": 1.0}))
    command.main(words)
    assert "Nothing left to run: this search is finished. 1 trials" in capsys.readouterr().out
    with pytest.raises(SystemExit, match="max_epochs: 1 there, 2 here"):
        command.main([*words, "--max-epochs", "2"])
    n_files = len(list(tmp_path.rglob("*")))
    assert command.main([*words, "--price", "--overwrite"]) is None
    assert "1 trials, 1 epoch-runs" in capsys.readouterr().out
    assert len(list(tmp_path.rglob("*"))) == n_files, "a price deletes nothing"


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ("--every 0", "--every: must be a whole number from 1 on. Received: 0"),
        ("--max-trials two", "--max-trials: must be a whole number from 1 on. Received: two"),
        ("--max-units 31", "--max-units: must be a whole number from 32 on. Received: 31"),
        ("--patience nan", "--patience: must be a number from 1 on. Received: nan"),
        ("--kind best", "invalid choice: 'best'"),
        ("--storage sqlite:///a.db --price", "are for a search in a folder"),
    ],
)
def test_mistakes_on_the_command_line_are_answered_with_a_sentence(words, sentence, capsys):
    with pytest.raises(SystemExit) as error:
        command.main(words.split())
    assert error.value.code == 2
    assert sentence in capsys.readouterr().err
