"""The next value: as good as one who knows the rule, and no better."""

import numpy as np
import pytest

from gru_tf import datasets


def one_who_knows(x, noise):
    """Predict by the rule: tell the swing from the window, then apply its line."""
    x, logs, lines = x[:, :, 0].astype("float64"), [], []
    for period in (10, 4):
        a = 2 * 0.95 * np.cos(2 * np.pi / period)
        errors = x[:, 2:] - (a * x[:, 1:-1] - 0.95**2 * x[:, :-2])
        logs.append(-(errors**2).sum(axis=1) / (2 * noise**2))
        lines.append(a * x[:, -1] - 0.95**2 * x[:, -2])
    slow = 1 / (1 + np.exp(logs[1] - logs[0]))
    return (slow * lines[0] + (1 - slow) * lines[1])[:, None]


def mse(predicted, y):
    return float(np.mean((predicted - y) ** 2))


@pytest.mark.parametrize("noise", [0.25, 0.1])
def test_noise_floor_is_the_error_of_one_who_knows_the_rule(noise):
    data = datasets.load_next_value(n_test=20_000, noise=noise, seed=3)
    assert data.noise_floor == noise**2
    error = mse(one_who_knows(data.x_test, noise), data.y_test)
    assert error == pytest.approx(data.noise_floor, rel=0.03)


def test_the_rule_is_worth_learning():
    data = datasets.load_next_value()
    ones = np.ones((len(data.x_train), 1))
    line = np.linalg.lstsq(np.hstack([data.x_train[:, :, 0], ones]), data.y_train, rcond=None)[0]
    linear = mse(data.x_test[:, :, 0] @ line[:-1] + line[-1], data.y_test)
    copying = mse(data.x_test[:, -1], data.y_test)
    assert copying > 3 * linear > 1.5 * 3 * data.noise_floor


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
