"""Windows of a series, against Keras' own."""

import keras
import numpy as np
import pytest

from gru_tf import datasets


@pytest.mark.parametrize("horizon", [1, 3])
@pytest.mark.parametrize("shape", [(20,), (20, 1), (20, 3)])
def test_windows_equal_keras(shape, horizon):
    series = np.random.default_rng(0).normal(size=shape)
    x, y = datasets.make_windows(series, 5, horizon)
    column = series.reshape(20, -1)
    expected = keras.utils.timeseries_dataset_from_array(
        column[: -horizon or None], column[5 + horizon - 1 :], 5, batch_size=100
    )
    ((x_keras, y_keras),) = expected
    np.testing.assert_array_equal(x, x_keras)
    np.testing.assert_array_equal(y, y_keras)


def test_every_step_up_to_the_horizon_equals_one_horizon_after_the_other():
    series = np.random.default_rng(0).normal(size=(20, 2))
    x, y = datasets.make_windows(series, 5, 3, every_step=True)
    assert y.shape == (13, 3, 2)
    for horizon in (1, 2, 3):
        x_one, y_one = datasets.make_windows(series, 5, horizon)
        np.testing.assert_array_equal(x, x_one[: len(x)])
        np.testing.assert_array_equal(y[:, horizon - 1], y_one[: len(y)])
    y[:] = -1
    assert (series != -1).all()


def test_windows_keep_their_type_and_own_their_memory():
    series = np.arange(10, dtype="float32")
    x, y = datasets.make_windows(series, 9)
    assert x.shape == (1, 9, 1)
    assert x.dtype == y.dtype == np.float32
    x[:], y[:] = -1, -1
    np.testing.assert_array_equal(series, np.arange(10))


@pytest.mark.parametrize(
    ("series", "arguments", "message"),
    [
        (np.zeros(5), {"window": 5}, "length of the series, 5. Received window=5"),
        (np.zeros(5), {"window": 3, "horizon": 3}, "window=3 and horizon=3"),
        (np.zeros(5), {"window": 0}, "window must be .* at least 1. Received: 0"),
        (np.zeros(5), {"window": 2, "horizon": 0}, "horizon must be .* Received: 0"),
        (np.zeros((5, 2, 2)), {"window": 2}, r"\(5, 2, 2\)"),
        (np.zeros(0), {"window": 1}, "length of the series, 0"),
        (3.0, {"window": 1}, r"Received shape: \(\)"),
        ([1.0, np.nan, 3.0, np.inf], {"window": 1}, "in 2 of its 4 steps, the first of them 1"),
        ([[1.0, 2.0], [3.0]], {"window": 1}, "as many features at each step"),
        (np.ma.masked_less(np.arange(5.0), 2), {"window": 1}, "no masked values"),
    ],
)
def test_windows_name_what_is_wrong(series, arguments, message):
    with pytest.raises(ValueError, match=message):
        datasets.make_windows(series, **arguments)


def test_windows_are_of_numbers():
    with pytest.raises(TypeError, match="numbers"):
        datasets.make_windows(["a", "b", "c"], 1)
