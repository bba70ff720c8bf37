"""The fast loop against the equations' own backward pass, over random shapes."""

import collections

import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from gru_tf import GRU, recurrence
from gru_tf.convert import from_keras, to_keras
from gru_tf.equations import GRUWeights, gru_backward, gru_forward
from gru_tf.recurrence import gru_recurrence, steps_in_turn

sizes = st.integers(1, 5)
times = st.integers(1, 19)  # up to two turns of the loop and three steps more
CALLS = {"PartitionedCall", "StatefulPartitionedCall"}


@pytest.mark.slow
@settings(max_examples=30, deadline=None, derandomize=True)
@given(sizes, times, sizes, sizes, st.booleans(), st.booleans(), st.integers(0, 99))
def test_gradients_equal_those_derived_by_hand(
    batch, time, n_x, n_h, reset_after, every_step, seed
):
    rng = np.random.default_rng(seed)
    weights = GRUWeights.random(n_x, n_h, reset_after=reset_after, update_gate="keep", seed=seed)
    x, h_0 = rng.normal(size=(batch, time, n_x)), rng.normal(size=(batch, n_h))
    dh = rng.normal(size=(batch, time, n_h))
    if not every_step:
        dh[:, :-1] = 0  # the loss sees the last state alone

    tensors = [tf.constant(a, tf.float64) for a in (x, h_0, *to_keras(weights))]
    with tf.GradientTape() as tape:
        tape.watch(tensors)
        h = gru_recurrence(*tensors, reset_after=reset_after, return_sequences=every_step)
        loss = tf.reduce_sum(h * (dh if every_step else dh[:, -1]))
    dx, dh_0, *dweights = tape.gradient(loss, tensors)

    states, trace = gru_forward(x, weights, h_0, return_trace=True)
    expected = gru_backward(dh, trace)
    found = from_keras([w.numpy() for w in dweights], reset_after=reset_after).arrays()
    found |= {"x": dx, "h_0": dh_0}
    np.testing.assert_allclose(h, states if every_step else states[:, -1], atol=1e-12)
    for name, gradient in expected.items():
        if reset_after and name in ("b_z", "b_r"):
            gradient = 2 * gradient  # Keras' two biases: each has the gradient of the sum
        np.testing.assert_allclose(found[name], gradient, atol=1e-12, err_msg=name)


def test_a_masked_step_is_never_looked_at():
    """Not even where the padding holds numbers that would poison the state or the gradients."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(2, 5, 3))
    x[1, 3:] = np.inf
    weights = [tf.constant(w) for w in to_keras(GRUWeights.random(3, 4, update_gate="keep"))]
    mask = tf.constant([[True] * 5, [True] * 3 + [False] * 2])
    h_0 = tf.zeros((2, 4), tf.float64)

    def second_row(x, h_0, mask=None):
        with tf.GradientTape() as tape:
            tape.watch(weights)
            h = gru_recurrence(tf.constant(x), h_0, *weights, reset_after=False, mask=mask)[-1]
            loss = tf.reduce_sum(h)
        return [h, *tape.gradient(loss, weights)]

    whole, short = second_row(x, h_0, mask), second_row(x[1:, :3], h_0[1:])
    for a, b in zip(whole, short, strict=True):
        np.testing.assert_allclose(a, b, atol=1e-12)


@pytest.mark.slow
def test_wide_layers_take_fewer_steps_in_a_turn(monkeypatch):
    assert [steps_in_turn(32, n_h) for n_h in (32, 128, 256, 1024)] == [8, 8, 6, 4]
    assert [steps_in_turn(batch, 256) for batch in (1, None, 64)] == [8, 6, 4]
    # A number near to that, by which the number of all steps can be divided; 97 is a prime.
    lengths = (28, 100, 500, 200, 97, 3)
    assert [steps_in_turn(32, 32, length) for length in lengths] == [7, 10, 10, 10, 8, 8]
    assert [steps_in_turn(128, 256, length) for length in lengths] == [4, 5, 5, 5, 4, 3]
    rng = np.random.default_rng(0)
    weights = to_keras(GRUWeights.random(3, 5, reset_after=True, update_gate="keep", seed=0))
    x, h_0 = tf.constant(rng.normal(size=(2, 17, 3))), tf.zeros((2, 5), "float64")

    def run(steps):
        monkeypatch.setattr(recurrence, "steps_in_turn", lambda batch, n_h, time: steps)
        recurrence._for_these_shapes.cache_clear()
        values = [x, h_0, *map(tf.constant, weights)]

        @tf.function
        def run(*values):
            with tf.GradientTape() as tape:
                tape.watch(values)
                h = gru_recurrence(*values, return_sequences=True, training=True)
                loss = tf.reduce_sum(h**2)
            return [h, *tape.gradient(loss, values)]

        return run(*values)

    one = run(1)
    for steps in (4, 6, 8, 15, 16, 17, 20):
        for a, b in zip(one, run(steps), strict=True):
            np.testing.assert_allclose(a, b, atol=1e-12)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_half_precision_accumulates_in_float32(dtype):
    """A long run rounds once, at the end, not at each of its 300 steps."""
    rng = np.random.default_rng(0)
    weights = to_keras(GRUWeights.random(3, 8, reset_after=True, update_gate="keep", seed=0))
    half = [tf.cast(a, dtype) for a in (rng.normal(size=(2, 300, 3)), np.zeros((2, 8)), *weights)]
    h = gru_recurrence(*half, return_sequences=True)
    exact = gru_recurrence(*(tf.cast(a, tf.float64) for a in half), return_sequences=True)
    assert h.dtype == dtype
    # One rounding of a number below 1 is at most half a unit in the last place.
    step = {"float16": 2**-11, "bfloat16": 2**-8}[dtype]
    np.testing.assert_allclose(tf.cast(h, tf.float64), exact, atol=step / 2 + 1e-5)


def count_calls(monkeypatch):
    """Return a list that grows by one at each trace of a loop over time."""
    recurrence._for_these_shapes.cache_clear()
    calls, forward = [], recurrence._forward

    def counted(*arguments):
        calls.append(arguments)
        return forward(*arguments)

    monkeypatch.setattr(recurrence, "_forward", counted)
    return calls


def regressor(units):
    model = keras.Sequential([keras.Input((6, 3)), GRU(units), keras.layers.Dense(1)])
    model.compile("adam", "mse")
    return model


def test_models_of_one_size_are_traced_once(monkeypatch):
    """Keras traces a first training step twice, as Adam makes its variables in it."""
    calls, x = count_calls(monkeypatch), np.ones((2, 6, 3))
    for units in (17, 17, 18, 17):
        regressor(units).train_on_batch(x, np.ones((2, 1)))
    assert len(calls) == 2
    recurrence._for_these_shapes.cache_clear()
    regressor(17).train_on_batch(x, np.ones((2, 1)))
    assert len(calls) == 3


def test_models_of_many_sizes_are_traced_without_a_warning(caplog):
    for units in range(21, 29):
        regressor(units).predict_on_batch(np.ones((2, 6, 3)))
    said = [record.getMessage() for record in caplog.records]
    assert not [text for text in said if "retracing" in text and "function _run" in text]


def test_the_dtype_and_the_length_have_traces_of_their_own():
    layer = {dtype: GRU(3, dtype=dtype) for dtype in ("float32", "float64")}
    for dtype in ("float32", "float64", "float32"):
        for time in (2, 7, 2):
            x = np.random.default_rng(time).normal(size=(2, time, 3)).astype(dtype)
            found = tf.function(layer[dtype])(x)
            assert found.dtype == dtype
            np.testing.assert_allclose(found, layer[dtype](x), atol=1e-6)


def count_operations(layer, x, **options):
    """Return how often each operation is in a layer's graph and in the functions that it calls."""
    graph = tf.function(layer, **options).get_concrete_function(x).graph.as_graph_def()
    nodes = [
        *graph.node,
        *(node for function in graph.library.function for node in function.node_def),
    ]
    return collections.Counter(node.op for node in nodes)


def test_xla_is_given_the_steps_themselves():
    """A function within one that XLA compiles would be compiled anew at each call."""
    x, nested = tf.TensorSpec((2, 6, 3)), []
    for jit_compile in (True, False):
        graph = tf.function(GRU(3), jit_compile=jit_compile).get_concrete_function(x).graph
        nested.append({op.type for op in graph.get_operations()} & CALLS)
    assert not nested[0]
    assert nested[1]


@pytest.mark.parametrize(
    ("batch", "units", "products"), [(200, 4, 2), (None, 4, 2), (200, 32, 6), (None, 128, 6)]
)
def test_xla_has_one_loop_of_single_steps(batch, units, products):
    """It compiles them the soonest, and would run the halves of a batch one after the other."""
    x = tf.TensorSpec((batch, 30, 3))
    found = count_operations(GRU(units), x, jit_compile=True)
    assert found["StatelessWhile"] == 1
    assert found["MatMul"] == products  # with the inputs and with the state: of all gates, of each
    assert count_operations(GRU(units), x)["MatMul"] > 12


@pytest.mark.parametrize("reset_after", [True, False])
@pytest.mark.parametrize("batch", [2, 600])
def test_one_product_for_all_gates_is_the_same_under_xla(batch, reset_after):
    layer = GRU(7, reset_after=reset_after, return_sequences=True, dtype="float64")
    x = tf.constant(np.random.default_rng(0).normal(size=(batch, 9, 3)))
    layer.build(x.shape)

    def differentiate():
        with tf.GradientTape() as tape:
            tape.watch(x)
            states = layer(x, training=True)
            loss = tf.reduce_sum(states**2)
        return states, *tape.gradient(loss, [x, *layer.trainable_variables])

    for found, expected in zip(
        tf.function(differentiate, jit_compile=True)(), differentiate(), strict=True
    ):
        np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize(("reset_after", "products"), [(True, 4), (False, 5)])
def test_wide_layers_have_one_product_with_the_state(reset_after, products):
    layer = GRU(512, reset_after=reset_after, return_sequences=True, dtype="float64")
    x = np.random.default_rng(0).normal(size=(2, 1, 3))
    found = count_operations(layer, tf.TensorSpec(x.shape, "float64"))
    assert found["MatMul"] == products  # of three gates with the inputs, and with the state
    x = np.random.default_rng(0).normal(size=(2, 7, 3))
    states = gru_forward(x, from_keras(layer), np.zeros((2, 512)))
    np.testing.assert_allclose(layer(x), states, atol=1e-12)
