"""Many models in a row: what TensorFlow would keep of them, and what is let go."""

import gc

import keras
import numpy as np

from gru_tf.layers import GRU
from gru_tf.models import build_next_value_regressor
from gru_tf.tuning.memory import without_leak

X = np.random.default_rng(0).normal(size=(8, 4, 1)).astype("float32")


def n_graphs():
    keras.utils.clear_session()
    gc.collect()
    return sum(type(thing).__name__ == "FuncGraph" for thing in gc.get_objects())


def fit_one():
    build_next_value_regressor(4, units=2, gru=GRU).fit(X, X[:, 0], verbose=0)


def test_no_graph_is_left_of_a_model():
    before = n_graphs()
    with without_leak():
        fit_one()
    assert n_graphs() == before
    fit_one()
    assert n_graphs() > before, "TensorFlow has mended its leak: without_leak can go"


def test_a_model_from_before_still_trains():
    model = build_next_value_regressor(4, units=2, gru=GRU)
    model.fit(X, X[:, 0], verbose=0)
    with without_leak():
        fit_one()
    model.fit(X, X[:, 0], verbose=0)
    model.compile("sgd", "mse")
    model.fit(X[:4], X[:4, 0], verbose=0)
