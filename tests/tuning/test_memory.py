"""Many models in a row: what TensorFlow would keep of them, and what is let go."""

import gc

import keras
import numpy as np
import pytest
import tensorflow as tf

from gru_tf import GRU, MinGRU
from gru_tf.models import build_next_value_regressor
from gru_tf.tuning.memory import without_leak

X = np.random.default_rng(0).normal(size=(8, 4, 1)).astype("float32")


def n_graphs():
    keras.utils.clear_session()
    gc.collect()
    return sum(type(thing).__name__ == "FuncGraph" for thing in gc.get_objects())


def fit_one():
    build_next_value_regressor(4, units=2, gru=GRU).fit(X, X[:, 0], verbose=0)


@pytest.mark.slow
def test_no_graph_is_left_of_a_model():
    with without_leak():
        fit_one()  # traces the recurrence for all models of these sizes
    before = n_graphs()
    with without_leak():
        fit_one()
    assert n_graphs() == before
    fit_one()
    assert n_graphs() > before, "TensorFlow has mended its leak: without_leak can go"


@pytest.mark.parametrize("layer", [GRU, MinGRU])
def test_a_function_that_outlives_the_trial_keeps_its_gradients(layer):
    x = tf.constant(np.random.default_rng(1).normal(size=(3, 6, 2)), tf.float32)

    @tf.function
    def squares(x):
        return tf.reduce_sum(made(x) ** 2)

    def gradients():
        with tf.GradientTape(persistent=True) as tape:
            tape.watch(x)
            y, z = tf.reduce_sum(made(x) ** 2), squares(x)
        return tape.gradient(y, x), tape.gradient(z, x)

    with without_leak():
        made = layer(4)
        made(x)  # compiled here, once for all layers of these sizes
        squares(x)
    made = layer(4)
    squares = tf.function(squares.python_function)
    with without_leak():
        squares(x)
    gc.collect()
    first, second = gradients()
    assert np.abs(first).max() > 0
    np.testing.assert_allclose(first, second, atol=1e-6)


def test_a_model_from_before_still_trains():
    model = build_next_value_regressor(4, units=2, gru=GRU)
    model.fit(X, X[:, 0], verbose=0)
    with without_leak():
        fit_one()
    model.fit(X, X[:, 0], verbose=0)
    model.compile("sgd", "mse")
    model.fit(X[:4], X[:4, 0], verbose=0)
