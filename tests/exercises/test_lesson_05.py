"""The checks of lesson 05: right answers in several forms, and wrong ones."""

import functools
import itertools

import keras
import keras_tuner
import numpy as np
import pandas as pd
import pytest

import gru_tf
from gru_tf.datasets import load_next_value
from gru_tf.exercises.lesson_05 import COPY_LOSS, NOISE_FLOOR
from gru_tf.models import build_next_value_regressor
from gru_tf.tuning import make_tuner, price


def test_the_prices_are_those_of_the_tuner(tmp_path):
    def width(hp):
        model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(hp.Int("units", 1, 1000))])
        model.compile("sgd", "mse")
        return model

    for settings, trials, epoch_runs in (({"max_epochs": 9}, 23, 75), ({"max_epochs": 4}, 15, 30)):
        settings["factor"] = 2 if settings["max_epochs"] == 4 else 3
        name = str(settings["max_epochs"])
        tuner = make_tuner(
            "hyperband", width, directory=tmp_path, name=name, objective="val_loss", **settings
        )
        cost = price(tuner)
        assert (cost.trials, cost.epoch_runs) == (trials, epoch_runs)


def test_the_bounds_of_the_loss_are_those_of_the_data():
    data = load_next_value()
    assert np.isclose(np.mean((data.x_test[:, -1] - data.y_test) ** 2), COPY_LOSS, atol=1e-3)
    assert data.noise_floor == NOISE_FLOOR


def test_nine(is_right):
    is_right("05.1", 23, 75)
    is_right("05.1", np.int64(23), np.float32(75))


@pytest.mark.parametrize(
    ("trials", "epoch_runs", "sentence"),
    [
        (75, 23, "wrong way round"),
        (22, 75, "that of the paper"),
        (21, 75, "rounding down"),
        (17, 75, "the first rung of each bracket"),
        (13, 75, "the first bracket alone"),
        (30, 75, "for R = 10"),
        (24, 75, "nine_trials is not 24"),
        (23, 87, "trains each rung from its start"),
        (23, 66, "rounding down"),
        (23, 36, "rule of thumb"),
        (23, 48, "lacks bracket 0"),
        (23, 207, "trials times R"),
        (23, 74, "nine_epoch_runs is not 74"),
    ],
)
def test_nine_refused(is_refused, trials, epoch_runs, sentence):
    is_refused("05.1", sentence, trials, epoch_runs)


def test_four(is_right):
    is_right("05.2", 15, 30, 2)
    is_right("05.2", 15.0, np.int64(30), [2])


@pytest.mark.parametrize(
    ("answer", "sentence"),
    [
        ((30, 15, 2), "wrong way round"),
        ((10, 30, 2), "with the factor 3"),
        ((14, 30, 2), "rounding down"),
        ((12, 30, 2), "lacks bracket 0"),
        ((16, 30, 2), "four_trials is not 16"),
        ((15, 38, 2), "trains each rung from its start"),
        ((15, 26, 2), "with the factor 3"),
        ((15, 16, 2), "rule of thumb"),
        ((15, 60, 2), "trials times R"),
        ((15, 31, 2), "four_epoch_runs is not 31"),
        ((15, 30, 3), "none is longer"),
        ((15, 30, 4), "ends after 5 epochs"),
        ((15, 30, 1), "not only with 1"),
        ((15, 30, 0), "not only with 0"),
        ((15, 30, 2.5), "a patience is 0, 1, 2"),
    ],
)
def test_four_refused(is_refused, answer, sentence):
    is_refused("05.2", sentence, *answer)


def tunable_regressor(hp, **settings):
    return build_next_value_regressor(
        **{
            "window": 16,
            "units": hp.Choice("units", [4, 8, 16]),
            "learning_rate": hp.Choice("learning_rate", [1e-2, 1e-3]),
            "gru": gru_tf.GRU,
            **settings,
        }
    )


def by_steps(hp):
    rate = hp.Float("learning_rate", 1e-3, 1e-2, step=10, sampling="log")
    units = hp.Int("units", 4, 16, step=2, sampling="log")
    return build_next_value_regressor(None, 1, units, learning_rate=rate)


def from_scratch(hp):
    model = keras.Sequential(
        [keras.Input((16, 1)), keras.layers.GRU(hp.Choice("units", (8, 16, 4)))]
    )
    model.add(keras.layers.Dense(1))
    rate = hp.Choice("learning_rate", (0.001, 0.01))
    model.compile(keras.optimizers.Adam(rate), "mean_squared_error")
    return model


SETTINGS = [*itertools.product((16, 8, 4), (0.01, 0.001))]
TABLE = pd.DataFrame(
    {
        "trial": range(1, 7),
        "score": [0.074, 0.134, 0.2, 0.205, 0.308, 0.32],
        "units": [units for units, _ in SETTINGS],
        "learning_rate": [rate for _, rate in SETTINGS],
        "epochs": 3,
        "epochs_run": 3,
        "status": "completed",
    }
)


@functools.cache
def model_of(units, rate):
    return build_next_value_regressor(16, units=units, learning_rate=rate, gru=gru_tf.GRU)


def built_once(hp):
    """Be a builder that costs nothing where the model isn't what is tested."""
    return model_of(hp.Choice("units", [4, 8, 16]), hp.Choice("learning_rate", [1e-2, 1e-3]))


@pytest.mark.parametrize("answer", [tunable_regressor, by_steps, from_scratch])
def test_grid(is_right, answer):
    is_right("05.3", answer, TABLE, 0.07)
    is_right("05.3", built_once, TABLE, np.float32(0.12))


def test_a_search_that_has_not_begun_is_no_error(verdict):
    assert "not solved yet" in verdict("05.3", built_once, TABLE.iloc[:0], 0.07)


def with_other_name(hp):
    rate = hp.Choice("rate", [1e-2, 1e-3])
    return build_next_value_regressor(16, units=hp.Choice("units", [4, 8, 16]), learning_rate=rate)


def other_units(hp):
    return tunable_regressor(hp, units=hp.Int("units", 4, 16))


def returns_nothing_to_search(hp):
    return build_next_value_regressor(16)


def ignores_rate(hp):
    return tunable_regressor(hp, learning_rate=0.005)


def not_compiled(hp):
    model = tunable_regressor(hp)
    return keras.Model(model.inputs, model.outputs)


def changed(**columns):
    return TABLE.assign(**columns)


@pytest.mark.parametrize(
    ("builder", "table", "loss", "sentence"),
    [
        (returns_nothing_to_search, TABLE, 0.07, "asks hp for nothing"),
        (with_other_name, TABLE, 0.07, "tunes rate and units"),
        (other_units, TABLE, 0.07, "units is chosen from 4, 5, 6, 7, 8, 9, ..., not from 4, 8, 16"),
        (lambda hp: tunable_regressor(hp, units=5), TABLE, 0.07, "give hp's units"),
        (ignores_rate, TABLE, 0.07, "give hp's rate to the builder"),
        (lambda hp: tunable_regressor(hp, window=10), TABLE, 0.07, "the model reads 10 values"),
        (not_compiled, TABLE, 0.07, "not compiled"),
        (lambda hp: tunable_regressor(hp).summary, TABLE, 0.07, "method, not a model"),
        (built_once, [1, 2], 0.07, "no leaderboard"),
        (built_once, TABLE.iloc[:4], 0.07, "has 4 trials"),
        (built_once, changed(units=[16, 16, 16, 16, 4, 4]), 0.07, "was not tried"),
        (built_once, changed(epochs_run=2), 0.07, "ran [2] epochs"),
        (built_once, changed(rung=0), 0.07, "of a Hyperband search"),
        (built_once, changed(score=np.nan), 0.07, "was the search ended"),
        (built_once, TABLE.iloc[::-1], 0.07, "the largest score stands first"),
        (built_once, changed(score=0.001), 0.07, "the objective is val_loss"),
        (built_once, TABLE, {"loss": 0.07}, "take its loss"),
        (built_once, TABLE, 0.01, "is it of the test part"),
        (built_once, TABLE, 0.6, "was the winner trained"),
        (built_once, TABLE, 0.07**0.5, "not its root"),
        (built_once, TABLE, 0.213, "the mean absolute error"),
        (built_once, TABLE, 0.074, "a score of grid_table, of the validation part"),
        (built_once, TABLE, np.float32(0.134), "a score of grid_table, of the validation part"),
    ],
)
def test_grid_refused(is_refused, builder, table, loss, sentence):
    is_refused("05.3", sentence, builder, table, loss)


def test_the_builder_is_asked_for_a_model_of_its_own(is_refused):
    hp = keras_tuner.HyperParameters()
    model = tunable_regressor(hp)
    is_refused("05.3", "asks hp for nothing", lambda hp: model, TABLE, 0.07)
