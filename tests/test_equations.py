"""Oracles: Keras' GRU, finite differences, numbers worked by hand, a plain rewrite with loops."""

import ast
import dataclasses
import itertools
import warnings
from pathlib import Path

import numpy as np
import pytest

import gru_tf
from gru_tf.equations import (
    WAYS_BACK,
    GRUWeights,
    check_gradients,
    gru_backward,
    gru_forward,
    sigmoid,
)

VARIANTS = list(itertools.product([False, True], ["keep", "write"]))
every_variant = pytest.mark.parametrize(("reset_after", "update_gate"), VARIANTS)


def plain_gru(x, w, h):
    """The equations once more, one number at a time, sharing no code with gru_tf."""

    def gate(name, t, h):
        W, U, b = (getattr(w, f"{letter}_{name}") for letter in "WUb")
        a = [
            sum(x[t, i] * W[i, j] for i in range(w.n_x))
            + sum(h[i] * U[i, j] for i in range(w.n_h))
            + b[j]
            for j in range(w.n_h)
        ]
        return [1 / (1 + np.exp(-a_j)) for a_j in a]

    states = []
    for t in range(len(x)):
        z, r, new = gate("z", t, h), gate("r", t, h), []
        for j in range(w.n_h):
            if w.reset_after:
                past = r[j] * (sum(h[i] * w.U_h[i, j] for i in range(w.n_h)) + w.c_h[j])
            else:
                past = sum(r[i] * h[i] * w.U_h[i, j] for i in range(w.n_h))
            h_hat = np.tanh(sum(x[t, i] * w.W_h[i, j] for i in range(w.n_x)) + past + w.b_h[j])
            keep = z[j] if w.update_gate == "keep" else 1 - z[j]
            new.append(keep * h[j] + (1 - keep) * h_hat)
        h = new
        states.append(h)
    return np.array(states)


@every_variant
def test_forward_equals_the_equations_one_number_at_a_time(reset_after, update_gate):
    rng = np.random.default_rng(3)
    w = GRUWeights.random(3, 4, reset_after=reset_after, update_gate=update_gate, seed=rng)
    x, h_0 = rng.normal(size=(2, 6, 3)), rng.uniform(-1, 1, (2, 4))
    h = gru_forward(x, w, h_0)
    for i in range(2):
        np.testing.assert_allclose(h[i], plain_gru(x[i], w, list(h_0[i])), rtol=0, atol=1e-14)


def test_forward_worked_by_hand():
    # One unit, one step, chosen so that sigmoid and tanh are easy: sigmoid(0) = 1/2,
    # sigmoid(ln 3) = 3/4, tanh(ln 2) = 3/5.
    zero, ln2, ln3 = np.zeros((1, 1)), np.log(2), np.log(3)
    w = GRUWeights(
        W_z=[[ln3]],
        W_r=zero,
        W_h=[[ln2 / 2]],
        U_z=zero,
        U_r=zero,
        U_h=[[ln2]],
        b_z=[0],
        b_r=[0],
        b_h=[0],
        reset_after=False,
        update_gate="write",
    )
    # z = 3/4, r = 1/2, h_hat = tanh(ln2/2 + (1/2 * 1) ln2) = 3/5, h = 1/4 + 3/4 * 3/5 = 0.7
    h, trace = gru_forward([[[1.0]]], w, [[1.0]], return_trace=True)
    assert trace.z.item() == pytest.approx(0.75)
    assert trace.r.item() == pytest.approx(0.5)
    assert trace.h_hat.item() == pytest.approx(0.6)
    assert h.item() == pytest.approx(0.7)
    kept = dataclasses.replace(w, update_gate="keep")  # h = 3/4 + 1/4 * 3/5
    assert gru_forward([[[1.0]]], kept, [[1.0]]).item() == pytest.approx(0.9)


@pytest.mark.parametrize("reset_after", [False, True])
def test_forward_and_backward_equal_keras(reset_after):
    import keras
    import tensorflow as tf

    from gru_tf.convert import from_keras

    rng = np.random.default_rng(5)
    layer = keras.layers.GRU(5, return_sequences=True, reset_after=reset_after, dtype="float64")
    layer.build((None, None, 3))
    layer.set_weights([rng.normal(size=array.shape) for array in layer.get_weights()])
    x, h_0, dh = (rng.normal(size=shape) for shape in ((4, 7, 3), (4, 5), (4, 7, 5)))

    h, trace = gru_forward(x, from_keras(layer), h_0, return_trace=True)
    gradients = gru_backward(dh, trace)
    with tf.GradientTape() as tape:
        variables = [tf.Variable(x), tf.Variable(h_0)]
        keras_h = layer(variables[0], initial_state=variables[1])
        loss = tf.reduce_sum(keras_h * dh)
    variables += [weight.value for weight in layer.weights]
    dx, dh_0, dW, dU, db = (tf.convert_to_tensor(g) for g in tape.gradient(loss, variables))

    np.testing.assert_allclose(h, keras_h, atol=1e-12)
    np.testing.assert_allclose(gradients["x"], dx, atol=1e-11)
    np.testing.assert_allclose(gradients["h_0"], dh_0, atol=1e-11)
    joined = {k: np.concatenate([gradients[f"{k}_{g}"] for g in "zrh"], -1) for k in "WUb"}
    np.testing.assert_allclose(joined["W"], dW, atol=1e-11)
    np.testing.assert_allclose(joined["U"], dU, atol=1e-11)
    np.testing.assert_allclose(joined["b"], db[0] if reset_after else db, atol=1e-11)
    if reset_after:
        np.testing.assert_allclose(gradients["c_h"], db[1, 10:], atol=1e-11)


@every_variant
@pytest.mark.parametrize("initial_state", [False, True])
def test_gradients_equal_finite_differences(reset_after, update_gate, initial_state):
    rng = np.random.default_rng(8)
    for _ in range(6):
        batch, time, n_x, n_h = rng.integers(1, (4, 8, 5, 6))
        w = GRUWeights.random(n_x, n_h, reset_after=reset_after, update_gate=update_gate, seed=rng)
        x = rng.normal(size=(batch, time, n_x))
        h_0 = rng.uniform(-1, 1, (batch, n_h)) if initial_state else None
        assert check_gradients(x, w, h_0) < 1e-7 / 20


@pytest.mark.parametrize("name", ["W_z", "U_r", "U_h", "c_h", "x", "h_0"])
def test_check_gradients_notices_one_wrong_gradient(monkeypatch, name):
    import gru_tf.equations as equations

    def slightly_wrong(dh, trace):
        gradients = gru_backward(dh, trace)
        return gradients | {name: gradients[name] * (1 + 1e-6)}

    monkeypatch.setattr(equations, "gru_backward", slightly_wrong)
    x = np.random.default_rng(0).normal(size=(2, 3, 2))
    assert check_gradients(x, GRUWeights.random(2, 3, reset_after=True, seed=0)) > 5e-7


def jacobian(w, x_t, h, ways):
    """d h_t / d h_prev, (n_h, n_h), by differences, where only `ways` see h_prev move."""

    def step(moved):
        see = {way: moved if way in ways else h for way in WAYS_BACK}
        z = 1 / (1 + np.exp(-(x_t @ w.W_z + see["update_gate"] @ w.U_z + w.b_z)))
        r = 1 / (1 + np.exp(-(x_t @ w.W_r + see["reset_gate"] @ w.U_r + w.b_r)))
        if w.reset_after:
            past = r * (see["candidate"] @ w.U_h + w.c_h)
        else:
            past = (r * see["candidate"]) @ w.U_h
        h_hat = np.tanh(x_t @ w.W_h + past + w.b_h)
        keep = z if w.update_gate == "keep" else 1 - z
        return keep * see["skip"] + (1 - keep) * h_hat

    nudges = 1e-5 * np.eye(w.n_h)
    return np.stack([(step(h + e) - step(h - e)) / 2e-5 for e in nudges])


@every_variant
@pytest.mark.parametrize(
    "cut", [(), ["skip"], ["candidate"], ["update_gate"], ["reset_gate"], ["skip", "update_gate"]]
)
def test_cuts_leave_the_other_ways_alone(reset_after, update_gate, cut):
    rng = np.random.default_rng(2)
    w = GRUWeights.random(3, 4, reset_after=reset_after, update_gate=update_gate, seed=rng)
    x, h_0, d_h = rng.normal(size=(1, 4, 3)), rng.uniform(-1, 1, (1, 4)), rng.normal(size=4)
    _, trace = gru_forward(x, w, h_0, return_trace=True)
    dh = np.zeros((1, 4, 4))
    dh[0, -1] = d_h  # the loss looks at the last state
    closed = {*cut, *(["reset_gate"] if "candidate" in cut else [])}
    for t in reversed(range(4)):
        d_h = jacobian(w, x[0, t], trace.h_prev[0, t], set(WAYS_BACK) - closed) @ d_h
    np.testing.assert_allclose(gru_backward(dh, trace, cut=cut)["h_0"][0], d_h, atol=1e-8)


@every_variant
def test_the_two_conventions_are_one_function(reset_after, update_gate):
    rng = np.random.default_rng(1)
    w = GRUWeights.random(3, 4, reset_after=reset_after, update_gate=update_gate, seed=rng)
    other = w.with_update_gate("keep" if update_gate == "write" else "write")
    x = rng.normal(size=(2, 9, 3))
    assert other.update_gate != w.update_gate
    np.testing.assert_allclose(gru_forward(x, other), gru_forward(x, w), atol=1e-15)
    relabelled = dataclasses.replace(w, update_gate=other.update_gate)
    assert np.abs(gru_forward(x, relabelled) - gru_forward(x, w)).max() > 0.1


def test_the_two_reset_places_are_two_functions():
    w = GRUWeights.random(3, 4, seed=2)
    x = np.random.default_rng(1).normal(size=(2, 9, 3))
    after = dataclasses.replace(w, reset_after=True)
    assert np.abs(gru_forward(x, after) - gru_forward(x, w)).max() > 0.01


def test_a_run_can_be_cut_in_two():
    rng = np.random.default_rng(4)
    w, x = GRUWeights.random(3, 4, seed=rng), rng.normal(size=(2, 9, 3))
    whole, first = gru_forward(x, w), gru_forward(x[:, :5], w)
    np.testing.assert_allclose(gru_forward(x[:, 5:], w, first[:, -1]), whole[:, 5:], atol=1e-15)


@every_variant
def test_concatenated_round_trip(reset_after, update_gate):
    w = GRUWeights.random(3, 4, reset_after=reset_after, update_gate=update_gate, seed=6)
    if reset_after:
        w = dataclasses.replace(w, c_h=None)
    x = np.random.default_rng(1).normal(size=(2, 5, 3))
    form = w.to_concatenated()
    assert [array.shape for array in form] == [(7, 4)] * 3 + [(4,)] * 3
    back = GRUWeights.from_concatenated(*form, reset_after=reset_after)
    assert back.update_gate == "write"
    np.testing.assert_allclose(gru_forward(x, back), gru_forward(x, w), atol=1e-15)


def test_concatenated_is_one_product_on_h_and_x():
    rng = np.random.default_rng(9)
    W_z, W_r, W_h = rng.normal(size=(3, 7, 4))
    b_z, b_r, b_h = rng.normal(size=(3, 1, 4))
    x_t, h = rng.normal(size=(2, 3)), rng.uniform(-1, 1, (2, 4))
    z = 1 / (1 + np.exp(-(np.hstack([h, x_t]) @ W_z + b_z)))
    r = 1 / (1 + np.exp(-(np.hstack([h, x_t]) @ W_r + b_r)))
    expected = (1 - z) * h + z * np.tanh(np.hstack([r * h, x_t]) @ W_h + b_h)
    w = GRUWeights.from_concatenated(W_z, W_r, W_h, b_z, b_r, b_h)
    np.testing.assert_allclose(gru_forward(x_t[:, None], w, h)[:, 0], expected, atol=1e-15)


def test_concatenated_refuses_a_recurrent_bias():
    with pytest.raises(ValueError, match="c_h"):
        GRUWeights.random(3, 4, reset_after=True, seed=0).to_concatenated()


def test_float32_stays_float32_and_all_else_is_float64():
    w = GRUWeights.random(3, 4, reset_after=True, seed=0, dtype="float32")
    x = np.ones((2, 5, 3), "float32")
    h, trace = gru_forward(x, w, return_trace=True)
    gradients = gru_backward(np.ones_like(h), trace)
    assert {array.dtype.name for array in [h, *gradients.values()]} == {"float32"}
    assert gru_forward(np.ones((2, 5, 3), int), GRUWeights.random(3, 4)).dtype == "float64"
    assert check_gradients(x[:, :2], w) < 1e-7  # computes in float64 all the same


def test_sigmoid_is_right_and_never_overflows():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        a = np.array([-1e300, -1e4, -2.0, 0.0, 2.0, 1e4, 1e300])
        expected = [0, 0, 1 / (1 + np.exp(2)), 0.5, 1 / (1 + np.exp(-2)), 1, 1]
        np.testing.assert_allclose(sigmoid(a), expected, atol=1e-16)
        w = GRUWeights.random(1, 4, seed=0)
        assert np.all(np.abs(gru_forward(np.full((1, 3, 1), 1e6), w)) <= 1)


def test_the_example_in_random_is_reproducible():
    first, second = GRUWeights.random(3, 4, seed=1), GRUWeights.random(3, 4, seed=1)
    other = GRUWeights.random(3, 4, seed=2)
    for name, array in first.arrays().items():
        np.testing.assert_array_equal(array, second.arrays()[name])
        assert np.any(array != other.arrays()[name])
    assert (first.n_x, first.n_h) == (3, 4)
    assert GRUWeights.random(3, 4, reset_after=True).c_h.shape == (4,)


def weights_with(**changes):
    w = GRUWeights.random(3, 4, reset_after=changes.pop("reset_after", False), seed=0)
    return dataclasses.replace(w, **changes)


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"update_gate": "forget"}, ValueError, "Received: 'forget'"),
        ({"W_z": np.zeros(3)}, ValueError, r"W_z must have shape .* Received: \(3,\)"),
        ({"W_r": np.zeros((2, 4))}, ValueError, r"W_r must have shape \(3, 4\).*\(2, 4\)"),
        ({"U_h": np.zeros((4, 3))}, ValueError, r"U_h must have shape \(4, 4\)"),
        ({"b_h": np.zeros((1, 4))}, ValueError, r"b_h must have shape \(4,\)"),
        ({"b_r": [0, 0, np.nan, 0]}, ValueError, "b_r must hold finite numbers"),
        ({"c_h": np.zeros(4)}, ValueError, "c_h must be None with reset_after=False"),
        ({"reset_after": True, "c_h": np.zeros(5)}, ValueError, r"c_h must have shape \(4,\)"),
        ({"U_z": np.full((4, 4), "a")}, TypeError, "U_z must hold real numbers"),
    ],
)
def test_bad_weights_are_named(changes, error, message):
    with pytest.raises(error, match=message):
        weights_with(**changes)


def backward(w, dh=np.zeros((2, 5, 4)), **options):  # noqa: B008 - never written to
    _, trace = gru_forward(np.zeros((2, 5, 3)), w, return_trace=True)
    return gru_backward(dh, trace, **options)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda w: gru_forward(np.zeros((2, 5)), w), r"Received: \(2, 5\)"),
        (lambda w: gru_forward(np.zeros((2, 5, 4)), w), r"n_x = 3. Received: \(2, 5, 4\)"),
        (lambda w: gru_forward(np.zeros((2, 0, 3)), w), "time at least 1"),
        (lambda w: gru_forward(np.full((2, 5, 3), np.nan), w), "x must hold finite numbers"),
        (lambda w: gru_forward(np.zeros((2, 5, 3)), w, np.zeros((1, 4))), r"= \(2, 4\). Received"),
        (lambda w: w.with_update_gate("Keep"), "Received: 'Keep'"),
        (lambda w: GRUWeights.random(0, 4), "n_x must be an int of at least 1. Received: 0"),
        (lambda w: GRUWeights.random(3.5, 4), "n_x must be .* Received: 3.5"),
        (lambda w: GRUWeights.random(3, None), "n_h must be .* Received: None"),
        (lambda w: GRUWeights.random(True, 4), "n_x must be .* Received: True"),
        (lambda w: gru_forward([[[1, 2, 3], [4]]], w), "x must be rectangular"),
        (lambda w: check_gradients(np.zeros((2, 5, 3)), w, step=0), "step must be .* Received: 0"),
        (lambda w: backward(w, cut=["skips"]), r"cut must hold .* Received: \['skips'\]"),
        (lambda w: backward(w, cut="skip"), "cut must hold .* Received: 'skip'"),
        (lambda w: backward(w, dh=[[[1, 2], [3]]]), "dh must be rectangular"),
        (lambda w: GRUWeights.from_concatenated(*[np.zeros((4, 4))] * 6), r"Received: \(4, 4\)"),
        (lambda w: backward(w, dh=np.zeros((2, 4))), r"\(2, 5, 4\). Received: \(2, 4\)"),
    ],
)
def test_bad_input_is_named(call, message):
    with pytest.raises(ValueError, match=message):
        call(GRUWeights.random(3, 4, seed=0))


@pytest.mark.parametrize("wrong", [None, "GRU", 3, [1.0, 2.0], {"W_z": 1}])
def test_what_is_no_weights_and_no_trace_is_named(wrong):
    x, w = np.zeros((2, 5, 3)), GRUWeights.random(3, 4, seed=0)
    kind = type(wrong).__name__
    with pytest.raises(TypeError, match=f"weights must be GRUWeights. Received: {kind}"):
        gru_forward(x, wrong)
    with pytest.raises(TypeError, match=f"weights must be GRUWeights. Received: {kind}"):
        check_gradients(x, wrong)
    with pytest.raises(TypeError, match=f"trace must be the Trace .* Received: {kind}"):
        gru_backward(np.zeros((2, 5, 4)), wrong)
    for call in (gru_forward, check_gradients):
        with pytest.raises((TypeError, ValueError), match="x must"):
            call(wrong, w)
    with pytest.raises((TypeError, ValueError), match="dh must"):
        backward(w, dh=wrong)


@pytest.mark.parametrize("name", ["weights", "equations", "convert"])
def test_needs_numpy_alone(name):
    imported = set()
    source = Path(gru_tf.__file__).with_name(f"{name}.py").read_text(encoding="utf-8")
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            imported |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            imported.add(node.module)
    assert imported <= {"dataclasses", "numpy", "gru_tf.weights", "gru_tf.checks"}
