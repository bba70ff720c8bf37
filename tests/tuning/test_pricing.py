"""What a search costs, said before it is run."""

import functools
import textwrap
from datetime import datetime, timedelta

import keras
import keras_tuner as kt
import numpy as np
import pytest
import tensorflow as tf
from scipy.sparse import coo_array

from gru_tf.tuning import leaderboard, price, pricing
from small_search import Count, X, Y, build, build_without_input, few, many, search


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
    cost = price(make(build=many, max_epochs=10))
    assert str(cost) == textwrap.dedent("""\
        30 trials, 120 epoch-runs
          bracket 2: 12 x 2, then 4 x 2, then 2 x 6
          bracket 1: 6 x 4, then 2 x 6
          bracket 0: 4 x 10""")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("kind", "options"),
    [
        ("hyperband", {}),
        ("hyperband", {"max_epochs": 4, "factor": 2}),
        ("random", {"max_trials": 3}),
        ("random", {"max_trials": 6, "max_epochs": 1, "build": few}),  # the whole space
        ("grid", {"max_epochs": 1, "build": few}),
        ("grid", {"max_trials": 3}),
        ("bayesian", {"max_trials": 5, "max_epochs": 1}),  # 2 of them drawn at random
    ],
)
def test_price_is_what_is_run(make, kind, options):
    tuner = make(kind, **options)
    cost = price(tuner)
    table = search(tuner)
    assert cost.trials == len(table) == len(Count.fits)
    assert cost.epoch_runs == table["epochs_run"].sum() == len(Count.epochs)
    assert price(tuner).trials == 0


def build_with_two_inputs(hp):
    inputs = [keras.Input((3,), name=name) for name in "ab"]
    hidden = keras.layers.Concatenate()(inputs)
    hidden = keras.layers.Dense(hp.Int("units", 1, 40), "tanh")(hidden)
    outputs = keras.layers.Dense(1, "sigmoid")(hidden)
    model = keras.Model(inputs, outputs)
    model.compile("sgd", "binary_crossentropy", metrics=["accuracy"], run_eagerly=True)
    return model


WEIGHTS = np.ones(len(X))
SPARSE = tf.sparse.from_dense(X)


@pytest.mark.slow
@pytest.mark.parametrize(
    "data",
    [
        {"x": [X, X], "y": Y, "validation_data": ([X, X], Y)},
        {"x": {"a": X, "b": X}, "y": Y, "validation_split": 0.25},
        {"x": lambda: batches([X, X]), "validation_data": ((X, X), Y, WEIGHTS)},
        {"x": [X, X], "y": Y, "validation_data": [[X, X], Y]},
        {"x": [coo_array(X), SPARSE], "y": Y, "validation_split": 0.25},
    ],
    ids=["pair", "split of a dict", "weights", "list", "sparse"],
)
def test_what_a_search_takes_can_be_priced(make, data):
    tuner = make("random", build_with_two_inputs, max_trials=2, max_epochs=1)
    cost = price(tuner, **data, batch_size=8)
    assert 0 < cost.minutes < 10
    tuner.search(**data, verbose=0)
    assert (leaderboard(tuner)["status"] == "completed").all()


def batches(x):
    inputs = tf.data.Dataset.from_tensor_slices((tuple(x), Y))
    return inputs.batch(8)


def test_a_dataset_without_end_needs_a_number_of_steps(make):
    endless = tf.data.Dataset.from_tensor_slices((X, Y)).batch(8).repeat()
    tuner = make("random", max_trials=2)
    for data, name, limit in (
        ({"x": endless}, "x", "steps_per_epoch"),
        ({"x": X, "y": Y, "validation_data": endless}, "validation_data", "validation_steps"),
    ):
        with pytest.raises(ValueError, match=f"{name} never ends: give price.. {limit}="):
            price(tuner, **data)
    steps = {"steps_per_epoch": 6, "validation_steps": 2}
    training, validation = pricing.as_batches(endless, None, endless, 0, 32, *steps.values())
    assert (len(training), len(validation)) == (6, 2)
    training, _ = pricing.as_batches(X, Y, None, 0, 8, 3)
    assert len(training) == 3
    assert len(training.some(2)[0]) == 16
    data = {"x": endless, "validation_data": endless, **steps}
    assert price(tuner, **data).minutes > 0
    tuner.search(**data, verbose=0)
    assert (leaderboard(tuner)["epochs_run"] == 3).all()


def test_a_split_of_a_dataset_is_refused_and_validation_data_go_before_a_split(make):
    tuner = make("random", max_trials=2)
    for data in (tf.data.Dataset.from_tensor_slices((X, Y)).batch(8), Batches(X, Y)):
        with pytest.raises(ValueError, match="validation_split must be 0 .*0.25 of <"):
            price(tuner, data, validation_split=0.25)
    training, validation = pricing.as_batches(X, Y, (X[:8], Y[:8]), 0.25, 8)
    assert (len(training), len(validation)) == (4, 1)


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
    end = datetime.now() + timedelta(minutes=cost.minutes)
    assert f"started now, it would end by {end:%A}" in str(cost)


def test_price_of_a_long_search_is_in_hours(make):
    cost = price(make("random", max_trials=4), seconds_per_epoch=24_000)
    assert "about 80.0 hours: " in str(cost)


def test_price_between_the_smallest_and_the_largest(make):
    # 1 to 4 units have 6, 11, 16 and 21 weights: 1, 2, 3 and 4 s an epoch.
    cost = price(make("grid", max_epochs=1), seconds_per_epoch=(1.0, 4.0))
    assert cost.minutes == pytest.approx(3 * (1 + 2 + 3 + 4) / 60)


def test_price_of_models_of_which_most_are_small(make):
    """With the square of what is drawn as units, more models are small than large."""

    def build_squared(hp):
        squared = kt.HyperParameters()
        squared.Fixed("units", hp.Int("root", 1, 4) ** 2)
        return build(squared)

    # 1, 4, 9 and 16 units have 6, 21, 46 and 81 weights: 1, 4, 9 and 16 s an epoch.
    cost = price(make("grid", build_squared, max_epochs=1), seconds_per_epoch=(1.0, 16.0))
    assert cost.minutes == pytest.approx((1 + 4 + 9 + 16) / 60)


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


@pytest.mark.slow
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


def test_price_from_few_batches_counts_validation_once(make, monkeypatch):
    monkeypatch.setattr(pricing, "time", Clock)
    tuner = make("grid", build_slow, objective="val_loss")
    x, y = np.tile(X, (7, 1))[:208], np.tile(Y, (7, 1))[:208]
    data, validation = Batches(x[:192], y[:192]), Batches(x[192:], y[192:])
    cost = price(tuner, data, validation_data=validation, probe_seconds=0)
    # 24 steps of training, of which 3 are probed, and 2 of validation, of which 1 is.
    assert cost.pace.startswith("0.3 to 0.8 s an epoch")
    assert cost.minutes * 60 == pytest.approx(3 * 26 * (0.01 + 0.03), rel=0.1)


class Batches(keras.utils.PyDataset):
    def __init__(self, x, y):
        super().__init__()
        self.x, self.y = x, y

    def __len__(self):
        return len(self.x) // 8

    def __getitem__(self, i):
        return self.x[8 * i : 8 * i + 8], self.y[8 * i : 8 * i + 8]


def build_odd(hp):
    if hp.Int("units", 1, 4) % 2 == 0:
        raise RuntimeError("an odd number, please")
    return build(hp)


def test_price_where_the_builder_fails_for_some_hyperparameters(make):
    cost = price(make("grid", build_odd, max_epochs=1), seconds_per_epoch=2.0)
    assert cost.trials == 12
    assert cost.minutes == pytest.approx(6 * 2.0 / 60)


def test_price_of_models_that_learn_their_shape_from_the_data(make):
    tuner = make("grid", build_without_input, max_epochs=1)
    with pytest.raises(ValueError, match=r"keras\.Input, or give the training data"):
        price(tuner, seconds_per_epoch=2.0)
    assert price(tuner, X, Y, seconds_per_epoch=2.0).minutes == pytest.approx(3 * 2.0 / 60)


def test_price_of_a_tuner_without_epochs(tmp_path):
    plain = kt.RandomSearch(build, objective="val_loss", directory=tmp_path, overwrite=True)
    with pytest.raises(ValueError, match="make_tuner"):
        price(plain)
