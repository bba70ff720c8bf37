"""Numbers at the edge of what a layer computes with: the results that its docstring promises."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import gru_tf
from gru_tf.convert import from_keras, to_keras
from gru_tf.equations import gru_backward, gru_forward
from gru_tf.weights import GRUWeights

N_X, N_H = 3, 8
BOTH = pytest.mark.parametrize("reset_after", [True, False])


def layer_of(reset_after, weights=None):
    layer = gru_tf.GRU(N_H, return_sequences=True, reset_after=reset_after)
    layer.build((None, None, N_X))
    random = GRUWeights.random(N_X, N_H, reset_after=reset_after, update_gate="keep", seed=0)
    layer.set_weights(to_keras(random) if weights is None else weights)
    return layer


def run(layer, x):
    """Return the states, and the gradients of the sum of their squares."""
    x = tf.constant(x, "float32")
    with tf.GradientTape() as tape:
        tape.watch(x)
        h = layer(x, training=True)
        loss = tf.reduce_sum(h**2)
    return [np.asarray(v) for v in (h, *tape.gradient(loss, [x, *map(value, layer.weights)]))]


def value(variable):
    return variable.value


@BOTH
def test_4000_steps_and_their_gradients(reset_after):
    layer = layer_of(reset_after)
    x = np.random.default_rng(0).normal(size=(1, 4000, N_X))
    h, dx, *dweights = run(layer, x)
    exact, trace = gru_forward(x, from_keras(layer), return_trace=True)
    gradients = gru_backward(2 * exact, trace)
    np.testing.assert_allclose(h, exact, atol=1e-5)
    np.testing.assert_allclose(dx, gradients["x"], atol=1e-4 * np.abs(gradients["x"]).max())
    arrays = {name: gradients[name] for name in trace.weights.arrays()}
    right = to_keras(GRUWeights(**arrays, reset_after=reset_after, update_gate="keep"))
    if reset_after:  # both biases of a gate have its gradient
        right[2][1, : 2 * N_H] = right[2][0, : 2 * N_H]
    for ours, theirs in zip(dweights, right, strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-4 * np.abs(theirs).max())


def saturated(reset_after, block, size):
    """Return a layer one of whose gates sees nothing but a bias of that size."""
    kernel, recurrent, bias = layer_of(reset_after).get_weights()
    part = slice(block * N_H, (block + 1) * N_H)
    kernel[:, part] = recurrent[:, part] = bias[..., part] = 0
    (bias[0] if reset_after else bias)[part] = size
    return layer_of(reset_after, [kernel, recurrent, bias])


@BOTH
def test_an_update_gate_of_one_keeps_the_state_to_rounding(reset_after):
    rng = np.random.default_rng(1)
    x = rng.normal(size=(2, 4000, N_X)).astype("float32")
    h_0 = rng.uniform(-1, 1, size=(2, N_H)).astype("float32")
    h = saturated(reset_after, 0, 1e4)(x, initial_state=tf.constant(h_0))
    assert np.abs(h[:, 0] - h_0).max() < 2e-7
    assert np.abs(h - h_0[:, None]).max() < 2e-5


@BOTH
@pytest.mark.parametrize(("block", "size"), [(0, -1e4), (0, 1e38), (1, -1e38), (1, 1e4)])
def test_saturated_gates_and_what_passes_back_through_them(reset_after, block, size):
    layer = saturated(reset_after, block, size)
    x = np.random.default_rng(1).normal(size=(2, 50, N_X)).astype("float32")
    with np.errstate(over="ignore"):
        exact, trace = gru_forward(x, from_keras(layer), return_trace=True)
        gradients = gru_backward(2 * exact, trace)
    h, dx, *dweights = run(layer, x)
    np.testing.assert_allclose(h, exact, atol=1e-5)
    np.testing.assert_allclose(dx, gradients["x"], atol=1e-4)
    part = slice(block * N_H, (block + 1) * N_H)
    for gradient in dweights:
        assert np.isfinite(gradient).all()
        assert not gradient[..., part].any()  # a saturated gate learns nothing


@BOTH
@pytest.mark.parametrize("number", [np.nan, np.inf, -np.inf])
def test_what_is_no_number_reaches_its_own_sequence_alone(reset_after, number):
    layer = layer_of(reset_after)
    clean = np.random.default_rng(2).normal(size=(3, 9, N_X)).astype("float32")
    x = clean.copy()
    x[1, 4, 0] = number
    right, (h, dx, *dweights) = layer(clean), run(layer, x)
    np.testing.assert_array_equal(h[[0, 2]], right[::2])
    np.testing.assert_array_equal(h[1, :4], right[1, :4])
    assert np.isfinite(dx[[0, 2]]).all()
    if np.isnan(number):
        assert np.isnan(h[1, 4:]).all()
        assert all(np.isnan(gradient).any() for gradient in dweights)
    else:
        assert np.isfinite(h).all()
        assert not np.isfinite(dweights[0]).all()
        assert all(np.isfinite(gradient).all() for gradient in dweights[1:])


def test_what_is_too_small_counts_as_zero():
    layer = layer_of(True)
    x = np.full((2, 5, N_X), 1e-40, "float32")
    np.testing.assert_array_equal(layer(x), layer(0 * x))
    tiny = layer_of(True, [np.full_like(w, 1e-41) for w in layer.get_weights()])
    np.testing.assert_array_equal(tiny(np.ones_like(x)), np.zeros((2, 5, N_H)))


def test_loss_scaling_skips_what_overflows_and_then_learns():
    """Under mixed_float16 a scale that is far too large is halved until gradients are finite."""
    rng = np.random.default_rng(3)
    x = rng.normal(size=(32, 12, N_X)).astype("float32")
    y = x.mean(axis=(1, 2))
    scales, losses = {}, {}
    for name, make in {"Keras": keras.layers.GRU, "ours": gru_tf.GRU}.items():
        keras.utils.set_random_seed(0)
        layer = make(N_H, dtype="mixed_float16")
        head = keras.layers.Dense(1, dtype="mixed_float16")
        model = keras.Sequential([keras.Input((12, N_X)), layer, head])
        adam = keras.optimizers.Adam(0.01)
        optimizer = keras.optimizers.LossScaleOptimizer(adam, initial_scale=2.0**30)
        model.compile(optimizer, "mse")
        start = model.get_weights()
        model.train_on_batch(x, y)
        for before, after in zip(start, model.get_weights(), strict=True):
            np.testing.assert_array_equal(before, after)
        assert float(optimizer.dynamic_scale) == 2.0**29
        losses[name] = [float(model.train_on_batch(x, y)) for _ in range(60)]
        scales[name] = float(optimizer.dynamic_scale)
        assert all(np.isfinite(weight).all() for weight in model.get_weights())
    assert scales["ours"] == scales["Keras"] < 2.0**29
    np.testing.assert_allclose(losses["ours"], losses["Keras"], rtol=0.05)
    assert losses["ours"][-1] < losses["ours"][0] / 2


@pytest.mark.parametrize("make", [keras.layers.GRU, gru_tf.GRU, gru_tf.MinGRU])
def test_a_gradient_of_weights_may_be_larger_than_half_precision_holds(make):
    """It is a sum over all steps, and under a mixed policy the weights are float32."""
    x = tf.fill((129, 16, 3), 100.0)
    gradients = []
    for policy in ("mixed_float16", "float32"):
        layer = make(1, return_sequences=True, dtype=policy)
        layer.build(x.shape)
        layer.set_weights([np.zeros_like(weight) for weight in layer.get_weights()])
        with tf.GradientTape() as tape:
            loss = tf.reduce_sum(tf.cast(layer(x), "float32"))
        kernel = layer.trainable_variables[0]
        gradients.append(np.asarray(tape.gradient(loss, kernel.value)))
    assert np.isfinite(gradients[0]).all()
    assert np.abs(gradients[0]).max() > np.finfo("float16").max
    np.testing.assert_allclose(*gradients, rtol=2e-3)
