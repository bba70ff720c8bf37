"""The next value: as good as the best guess, and no better; more steps make a better guess."""

import numpy as np
import pytest

from gru_tf import datasets
from gru_tf.datasets.swings import best_guess

SLOWER = (12, 6)  # periods so near each other that four values are not enough


def by_covariances(x, noise):
    """Predict as best_guess does, from covariances that are counted and not derived."""
    rng, n_steps, logs, lines = np.random.default_rng(9), x.shape[1], [], []
    for period in SLOWER:
        a, b = 2 * 0.95 * np.cos(2 * np.pi / period), -(0.95**2)
        series = [np.zeros(400_000), np.zeros(400_000)]
        for _ in range(150 + n_steps):
            series.append(a * series[-1] + b * series[-2] + rng.normal(0, noise, 400_000))
        covariance = np.cov(np.array(series[-n_steps:]))
        surprise = np.sum(x[..., 0].T * np.linalg.solve(covariance, x[..., 0].T), axis=0)
        logs.append(-0.5 * (surprise + np.linalg.slogdet(covariance)[1]))
        lines.append(a * x[:, -1, 0] + b * x[:, -2, 0])
    likely = np.exp(np.array(logs) - np.logaddexp(*logs))
    return np.sum(likely * np.array(lines), axis=0)[:, None]


def mse(predicted, y):
    return float(np.mean((predicted - y) ** 2))


@pytest.mark.parametrize("noise", [0.25, 0.1])
def test_noise_floor_is_the_error_of_one_who_knows_the_rule(noise):
    data = datasets.load_next_value(n_test=20_000, noise=noise, seed=3)
    assert data.noise_floor == noise**2
    error = mse(best_guess(data.x_test, noise), data.y_test)
    assert data.noise_floor * 0.98 < error < data.noise_floor * 1.04


@pytest.mark.parametrize("n_values", [3, 4])
def test_best_guess_equals_one_from_counted_covariances(n_values):
    data = datasets.load_next_value(periods=SLOWER)
    x = data.x_test[:, -n_values:].astype("float64")
    assert np.abs(best_guess(x, periods=SLOWER) - by_covariances(x, 0.25)).mean() < 0.005


def test_memory_is_worth_having_and_the_rule_is_worth_learning():
    data = datasets.load_next_value(n_test=20_000, periods=SLOWER)
    ones = np.ones((len(data.x_train), 1))
    line = np.linalg.lstsq(np.hstack([data.x_train[:, :, 0], ones]), data.y_train, rcond=None)[0]
    linear = mse(data.x_test[:, :, 0] @ line[:-1] + line[-1], data.y_test)
    copying = mse(data.x_test[:, -1], data.y_test)
    of_four, of_eight = (
        mse(best_guess(data.x_test[:, -k:], periods=SLOWER), data.y_test) for k in (4, 8)
    )
    assert copying > 4 * linear
    assert linear > 1.15 * of_four > 1.15 * 1.2 * data.noise_floor
    assert 1.1 * data.noise_floor > of_eight > 1.03 * data.noise_floor


def test_next_value_shapes_scale_and_seed():
    data = datasets.load_next_value(window=9, n_train=300, n_valid=20, n_test=10, seed=5)
    shapes = [a.shape for a in (data.x_train, data.y_train, data.x_valid, data.y_test)]
    assert shapes == [(300, 9, 1), (300, 1), (20, 9, 1), (10, 1)]
    assert {data.x_train.dtype, data.y_test.dtype} == {np.dtype("float32")}
    assert 0.5 < data.x_train.std() < 1.2
    # As much at the first step as at the last: the swing is in motion from the start.
    assert data.x_train[:, 0].std() == pytest.approx(data.x_train[:, -1].std(), rel=0.2)
    again = datasets.load_next_value(window=9, n_train=300, n_valid=20, n_test=10, seed=5)
    other = datasets.load_next_value(window=9, n_train=300, n_valid=20, n_test=10, seed=6)
    np.testing.assert_array_equal(data.x_test, again.x_test)
    assert not np.array_equal(data.x_test, other.x_test)


@pytest.mark.parametrize(
    "arguments",
    [{"window": 0}, {"n_train": 2.5}, {"n_valid": -1}, {"n_test": True}, {"noise": 0}, {"seed": -1}]
    + [{"noise": float("nan")}],
)
def test_next_value_names_a_wrong_argument(arguments):
    ((name, value),) = arguments.items()
    with pytest.raises(ValueError, match=f"{name} must be .* Received: {value}"):
        datasets.load_next_value(**arguments)
