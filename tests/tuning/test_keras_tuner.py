"""What users of Keras Tuner expect: each row of docs/keras_tuner.md."""

import functools
import re
from pathlib import Path

import keras
import keras_tuner as kt
import numpy as np
import pytest
import tensorflow as tf

from gru_tf.tuning import best_model, leaderboard, price
from gru_tf.tuning.space import count_settings
from small_search import Count, X, Y, build, search


class Tunable(kt.HyperModel):
    """Tunes its batch size, and notes which it was given."""

    sizes = []

    def __init__(self, largest=4):
        super().__init__()
        self.largest = largest

    def build(self, hp):
        hp.Choice("batch_size", [4, 8])
        return build(hp, self.largest)

    def fit(self, hp, model, *args, **kwargs):
        self.sizes.append(hp.get("batch_size"))
        return model.fit(*args, batch_size=hp.get("batch_size"), **kwargs)


@pytest.mark.parametrize("given", [Tunable, lambda: Tunable().build])
def test_hypermodel_tunes_its_batch_size(make, given):
    Tunable.sizes.clear()
    tuner = make("random", given(), max_trials=4, max_epochs=2)
    table = search(tuner)
    assert table.sort_values("trial")["batch_size"].tolist() == Tunable.sizes
    assert set(Tunable.sizes) == {4, 8}
    assert set(table["epochs"]) == {2}
    data = {"x": X, "y": Y, "validation_split": 0.25, "test_data": (X, Y)}
    best_model(tuner, **data, epochs=1)
    assert Tunable.sizes[-1] == table["batch_size"].iloc[0]


def test_hypermodel_belongs_to_the_identity_of_a_search(make):
    first = make("random", Tunable(), max_trials=2)
    (first.folder / "trial_0").mkdir()  # it has begun
    make("random", Tunable().build, max_trials=2)
    with pytest.raises(ValueError, match="builder uses self.largest: '4' there, '5' here"):
        make("random", Tunable(5), max_trials=2)


def test_a_partial_of_build_does_not_drop_fit_silently(make):
    with pytest.raises(ValueError, match="Tunable has a fit.*would drop"):
        make("random", functools.partial(Tunable().build), max_trials=2)


class OwnEpochs(Tunable):
    def fit(self, hp, model, *args, **kwargs):
        return model.fit(*args, epochs=hp.Int("epochs", 1, 3), **kwargs)


def test_epochs_as_a_hyperparameter_fail_with_the_reason(make):
    table = search(make("random", OwnEpochs(), max_trials=1))
    assert "multiple values for keyword argument 'epochs'" in table["why"].item()


class Changes(Tunable):
    """Gives model.fit() other epochs than it gets."""

    def __init__(self, **changed):
        super().__init__()
        self.changed = changed

    def fit(self, hp, model, *args, **kwargs):
        return model.fit(*args, **kwargs | self.changed)


@pytest.mark.parametrize(
    ("kind", "changed", "reasons"),
    [
        ("random", {"epochs": 3}, ["here 2 and 0. Received: epochs=3, of which 3 were run"]),
        ("random", {"epochs": 1}, ["here 2 and 0. Received: epochs=1, of which 1 were run"]),
        ("random", {"epochs": 2}, [""]),
        ("hyperband", {"epochs": 2}, ["", "Received: epochs=2, of which 2 were run"]),
        ("hyperband", {"initial_epoch": 0}, ["", "here 2 and 1. Received: epochs=2, of which 2"]),
    ],
)
def test_a_trial_of_other_epochs_than_its_budget_fails(make, kind, changed, reasons):
    more = {"factor": 2} if kind == "hyperband" else {"max_trials": 1}
    table = search(make(kind, Changes(**changed), max_epochs=2, **more))
    failed = {why.rpartition("ValueError: ")[2] for why in table["why"]}
    assert len(failed) == len(reasons)
    for reason, why in zip(reasons, sorted(failed), strict=True):
        assert reason in why
        assert bool(reason) == bool(why)
    assert (table["status"] == "failed").tolist() == (table["why"] != "").tolist()


class InTwo(Tunable):
    """Trains on one half and then on the other, in two phases where it is asked to."""

    def fit(self, hp, model, x, y, validation_split, **kwargs):
        for part in (slice(0, 16), slice(16, 32)):
            begin = {**kwargs, "epochs": 1}
            model.fit(x[part], y[part], **begin)
        return model.fit(x, y, validation_split=0.25, **{**kwargs, "initial_epoch": 1})


class Halves(Tunable):
    """Trains for half of the epochs with one rate, and for the other half with another."""

    def fit(self, hp, model, *args, epochs, **kwargs):
        model.fit(*args, epochs=epochs // 2, **kwargs)
        model.optimizer.learning_rate = 1e-4
        return model.fit(*args, epochs=epochs - epochs // 2, **kwargs)


def test_phases_may_share_the_epochs(make):
    table = search(make("random", Halves(), max_trials=1, max_epochs=3))
    assert table[["status", "epochs_run"]].to_numpy().tolist() == [["completed", 3]]


def test_several_fits_and_fits_that_are_stopped_are_no_other_epochs(make):
    table = search(make("random", InTwo(), max_trials=1, max_epochs=3))
    assert table[["status", "epochs_run"]].to_numpy().tolist() == [["completed", 4]]
    stop = keras.callbacks.EarlyStopping("loss", patience=0, min_delta=9.0)
    table = search(make("random", max_trials=1, name="stopped"), callbacks=[stop])
    assert table[["status", "epochs", "epochs_run"]].to_numpy().tolist() == [["completed", 2, 2]]


class OnlyInFit(kt.HyperModel):
    """Declares the batch size in fit alone, and returns a number to be minimized."""

    def build(self, hp):
        return build(hp)

    def fit(self, hp, model, x, y, **kwargs):
        model.fit(x, y, batch_size=hp.Choice("batch_size", [4, 8]), **kwargs)
        return float(hp.get("batch_size"))


def test_objective_that_fit_returns(make):
    table = search(make("random", OnlyInFit(), max_trials=4, max_epochs=1, objective=None))
    assert table["score"].tolist() == table["batch_size"].tolist()
    assert table["score"].is_monotonic_increasing


# Conditional spaces


def build_scopes(hp):
    if hp.Choice("kind", ["linear", "deep"]) == "deep":
        pass
    with hp.conditional_scope("kind", ["deep"]):
        units = hp.Int("units", 1, 40)
    return fixed(units or 1)


def build_ifs(hp):
    units = 1
    if hp.Choice("kind", ["linear", "deep"]) == "deep":
        for i in range(hp.Int("layers", 1, 2)):
            units = hp.Int(f"units_{i}", 1, 3)
    return fixed(units)


def fixed(units):
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(units)])
    model.add(keras.layers.Dense(1, "sigmoid"))
    model.compile("sgd", "binary_crossentropy", metrics=["accuracy"], run_eagerly=True)
    return model


def test_branches_are_counted_apart(make):
    tuner = make("random", build_scopes, max_trials=20)
    assert count_settings(tuner.oracle.get_space().space) == 41
    assert price(make("grid", build_scopes, name="grid")).trials == 41
    with pytest.raises(ValueError, match="41 different settings"):
        make("random", build_scopes, max_trials=42, name="larger")


def test_branches_behind_an_if_are_found_before_the_search(make):
    tuner = make("random", build_ifs, max_trials=10)
    names = [p.name for p in tuner.oracle.get_space().space]
    assert names == ["kind", "layers", "units_0", "units_1"]
    assert count_settings(tuner.oracle.get_space().space) == 2 * 2 * 3 * 3


def test_a_name_under_two_conditions_is_refused(make):
    def build(hp):
        kind = hp.Choice("kind", ["wide", "deep"])
        sizes = [hp.Choice("size", [1, 2], parent_name="kind", parent_values=[kind])]
        return fixed(sizes[0])

    with pytest.raises(ValueError, match=r"a name of its own: .*Received: \['size'\]"):
        make("random", build, max_trials=2)


class Fails(keras.callbacks.Callback):
    def on_epoch_begin(self, epoch, logs=None):
        raise RuntimeError("no such epoch")


def test_a_trial_that_failed_is_not_tried_again(make):
    for name in ("max_retries_per_trial", "max_consecutive_failed_trials"):
        with pytest.raises(TypeError, match=f"unexpected keyword argument '{name}'"):
            make("random", **{name: 1})
    for n_fits in (4, 0):  # more than Keras Tuner bears in a row; none where the search goes on
        callbacks = [*Count.start(), Fails()]
        table = search(make("random", max_trials=4), callbacks=callbacks)
        assert len(Count.fits) == n_fits
        assert table["status"].tolist() == ["failed"] * 4


# Searches that grow


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["random", "grid", "bayesian"])
def test_more_trials_for_a_finished_search(make, kind):
    search(make(kind, max_trials=2, max_epochs=1))
    table = search(make(kind, max_trials=4, max_epochs=1))
    assert (len(table), len(Count.fits)) == (4, 2)
    if kind != "bayesian":  # whose model depends on when it begins to choose
        whole = search(make(kind, max_trials=4, max_epochs=1, name="whole"))
        assert whole.drop(columns="seconds").equals(table.drop(columns="seconds"))
    with pytest.raises(ValueError, match="max_trials: 4 there, 3 here"):
        make(kind, max_trials=3, max_epochs=1)


def test_more_epochs_are_refused(make):
    search(make("random", max_trials=2, max_epochs=1))
    with pytest.raises(ValueError, match="fewer epochs can't be ranked"):
        make("random", max_trials=2, max_epochs=2)


@pytest.mark.slow
def test_hyperband_iterations(make):
    wide = functools.partial(build, largest=50)
    search(make(build=wide))
    again = make(build=wide, hyperband_iterations=2)
    assert (price(again).trials, price(again).epoch_runs) == (6, 11)
    table = search(again)
    assert len(table) == 12
    assert make(build=wide, hyperband_iterations=2, name="whole").oracle.settings_needed() == 10


def test_executions_per_trial(make):
    options = {"executions_per_trial": 2, "max_epochs": 2, "max_trials": 2}
    tuner = make("random", objective="val_loss", **options)
    assert price(tuner).epoch_runs == 8
    table = search(tuner).sort_values("trial")
    losses = np.array([logs["val_loss"] for logs in Count.epochs]).reshape(2, 2, 2)
    np.testing.assert_allclose(table["score"], losses.min(axis=2).mean(axis=1))
    assert table["epochs_run"].tolist() == [4, 4]
    assert table["epochs"].tolist() == [2, 2]


def test_fixed_hyperparameters(make):
    hp = kt.HyperParameters()
    hp.Fixed("units", 3)
    table = search(make("grid", max_epochs=1, hyperparameters=hp))
    assert table["units"].tolist() == [3, 3, 3]
    assert sorted(table["learning_rate"]) == [0.03, 0.1, 0.3]
    hp.Choice("learning_rate", [0.2, 0.02])
    options = {"max_epochs": 1, "hyperparameters": hp, "tune_new_entries": False}
    assert price(make("grid", name="two", **options)).trials == 2
    with pytest.raises(ValueError, match="units"):
        make("grid", max_epochs=1)


# Objectives


class Logs(keras.callbacks.Callback):
    def on_epoch_end(self, epoch, logs=None):
        logs["made_up"] = self.model.layers[0].units


def test_objective_that_a_callback_logs(make):
    tuner = make("random", max_trials=3, max_epochs=1, objective=kt.Objective("made_up", "max"))
    table = search(tuner, callbacks=[Logs()])
    assert table["score"].tolist() == table["units"].tolist()
    with pytest.raises(ValueError, match="keras_tuner.Objective"):
        make("random", max_trials=3, objective="made_up", name="text")


def test_objective_that_nobody_logs(make):
    options = {"max_epochs": 1, "objective": kt.Objective("made_up", "max")}
    table = search(make("random", max_trials=1, **options))
    assert "no callback reports the objective ['made_up']" in table["why"].item()


def test_several_objectives(make):
    goals = ["val_loss", kt.Objective("val_accuracy", "max")]
    tuner = make("random", max_trials=3, max_epochs=1, objective=goals)
    table = search(tuner).sort_values("trial")
    expected = [logs["val_loss"] - logs["val_accuracy"] for logs in Count.epochs]
    np.testing.assert_allclose(table["score"], expected)
    assert leaderboard(tuner)["score"].is_monotonic_increasing
    model, _ = best_model(tuner, X, Y, validation_split=0.25, test_data=(X, Y), epochs=3)
    assert model.layers[0].units == leaderboard(tuner)["units"].iloc[0]


# Where it runs, and what looks at it


def build_in_graph(hp):
    model = build(hp)
    model.compile("sgd", "binary_crossentropy", metrics=["accuracy"])
    return model


@pytest.mark.slow
def test_distribution_strategy(make):
    strategy = tf.distribute.MirroredStrategy(["/cpu:0"])
    seen = []

    def build_under(hp):
        seen.append(tf.distribute.get_strategy())
        return build_in_graph(hp)

    tuner = make(build=build_under, max_epochs=2, factor=2, distribution_strategy=strategy)
    table = search(tuner, batch_size=8)
    assert seen[-1] is strategy
    assert set(table["status"]) == {"completed"}
    assert table.query("rung == 1")["epochs"].tolist() == [2]


def test_tensorboard_has_the_hyperparameters(make, tmp_path):
    options = {"max_trials": 2, "max_epochs": 1}
    board = keras.callbacks.TensorBoard(tmp_path / "board", write_graph=False)
    search(make("random", **options), callbacks=[board])
    files = list((tmp_path / "board").glob("*/execution0/**/events.*"))
    assert {path.relative_to(tmp_path / "board").parts[0] for path in files} == {"0", "1"}
    assert any(b"_hparams_/session_start_info" in path.read_bytes() for path in files)
    search(make("random", **options))  # what it writes is no part of the search's identity


def test_best_models_and_summaries_work(make, capsys):
    tuner = make("random", max_trials=2, max_epochs=2, objective="val_loss")
    table = search(tuner)
    (model,) = tuner.get_best_models()
    loss = model.evaluate(X[24:], Y[24:], verbose=0)[0]
    assert loss == pytest.approx(table["score"].iloc[0])
    assert tuner.get_best_hyperparameters()[0].get("units") == table["units"].iloc[0]
    tuner.results_summary()
    assert "Score: " in capsys.readouterr().out


def test_each_row_of_the_page_says_whether_it_works():
    page = Path(__file__).parents[2] / "docs" / "keras_tuner.md"
    rows = re.findall(r"^\| (?!feature)([^|]+) \| ([^|]+) \|", page.read_text(), re.MULTILINE)
    assert len(rows) == 21
    assert all(re.match("works|refused|not offered", here) for _, here in rows)
