"""MinGRU against its equations in NumPy, finite differences, and its cell in Keras' own loop."""

import dataclasses
import os
import subprocess
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

import gru_tf
from gru_tf import min_recurrence, recurrence
from gru_tf.min_gru import MinGRUCell, log_space_candidate
from gru_tf.min_recurrence import min_gru_recurrence, steps_in_turn

BATCH, TIME, N_X, N_H = 4, 11, 3, 5

MASKS = {
    "no mask": None,
    "right-padded": np.arange(TIME) < np.array([[11], [3], [1], [5]]),
    "left-padded": np.arange(TIME) >= np.array([[0], [3], [6], [5]]),
    "with holes": np.random.default_rng(3).random((BATCH, TIME)) < 0.6,
    "one row all masked": np.arange(TIME) < np.array([[11], [0], [1], [5]]),
}


def random_inputs(dtype="float32", time=TIME, seed=0):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(BATCH, time, N_X)).astype(dtype)
    return x, rng.normal(size=(BATCH, N_H)).astype(dtype)


def make(draw=1, layer=gru_tf.MinGRU, **arguments):
    """Make a layer with random weights, biases included: with constants, swapped gates pass."""
    layer = layer(N_H, **arguments)
    layer.build((None, None, N_X))
    rng = np.random.default_rng(draw)
    layer.set_weights([rng.normal(scale=0.5, size=w.shape) for w in layer.get_weights()])
    return layer


def in_keras_loop(layer):
    """Make Keras' own recurrent layer over the cell, with the weights of a MinGRU."""
    names = ("return_sequences", "return_state", "go_backwards", "zero_output_for_mask")
    cell = MinGRUCell.from_config(layer.cell.get_config())
    arguments = {name: getattr(layer, name) for name in names}
    rnn = keras.layers.RNN(cell, dtype=layer.dtype_policy, **arguments)
    rnn.build((None, None, N_X))
    rnn.set_weights(layer.get_weights())
    return rnn


def step_by_step(x, h, kernel, bias, update_gate="write", g=lambda a: a):
    """Write the paper's equations in NumPy: the states after every step."""
    states = []
    for t in range(x.shape[1]):
        a_z, a_h = np.split(x[:, t] @ kernel + bias, 2, axis=1)
        z, h_hat = 1 / (1 + np.exp(-a_z)), g(a_h)
        h = (1 - z) * h + z * h_hat if update_gate == "write" else z * h + (1 - z) * h_hat
        states.append(h)
    return np.stack(states, 1)


def outputs_and_gradients(layer, x, h_0=None, mask=None, training=False):
    """Return all outputs and the gradients of the sum of their squares."""
    x = tf.convert_to_tensor(x)
    h_0 = None if h_0 is None else tf.convert_to_tensor(h_0)
    watched = [x] if h_0 is None else [x, h_0]
    with tf.GradientTape() as tape:
        tape.watch(watched)
        mask = None if mask is None else tf.constant(mask)
        outputs = tf.nest.flatten(layer(x, initial_state=h_0, mask=mask, training=training))
        loss = sum(tf.reduce_sum(y**2) for y in outputs)
    gradients = tape.gradient(loss, [*watched, *(w.value for w in layer.trainable_variables)])
    return [*outputs, *gradients]


def assert_same(expected, found, tolerance=1e-5):
    for a, b in zip(expected, found, strict=True):
        np.testing.assert_allclose(b, a, atol=tolerance, rtol=tolerance)


@pytest.mark.parametrize("update_gate", ["keep", "write"])
@pytest.mark.parametrize("time", [1, 11, 200])  # 200: whole turns, and what is left
@pytest.mark.parametrize(
    ("activation", "g"),
    [
        (None, lambda a: a),
        ("tanh", np.tanh),
        (log_space_candidate, lambda a: np.where(a >= 0, a + 0.5, 1 / (1 + np.exp(-a)))),
    ],
)
def test_states_are_those_of_the_paper_step_by_step(update_gate, time, activation, g):
    layer = make(
        return_sequences=True, update_gate=update_gate, activation=activation, dtype="float64"
    )
    x, h_0 = random_inputs("float64", time)
    expected = step_by_step(x, h_0, *layer.get_weights(), update_gate, g)
    np.testing.assert_allclose(layer(x, initial_state=h_0), expected, atol=1e-12)


def test_the_default_is_the_paper_and_the_other_gate_is_its_mirror():
    assert gru_tf.MinGRU(3).update_gate == "write"
    x, h_0 = random_inputs("float64")
    write = make(return_sequences=True, dtype="float64")
    keep = make(return_sequences=True, dtype="float64", update_gate="keep")
    sign = np.repeat([-1, 1], N_H)
    keep.set_weights([w * sign for w in write.get_weights()])
    np.testing.assert_allclose(keep(x, initial_state=h_0), write(x, initial_state=h_0), atol=1e-12)


@pytest.mark.parametrize(
    ("activation", "gate", "return_sequences"),
    [
        (None, "sigmoid", True),
        ("tanh", "sigmoid", False),
        (log_space_candidate, "sigmoid", True),
        ("silu", "hard_sigmoid", True),
    ],
)
def test_gradients_equal_finite_differences(activation, gate, return_sequences):
    layer = make(
        return_sequences=return_sequences,
        activation=activation,
        recurrent_activation=gate,
        dtype="float64",
    )
    x, h_0 = random_inputs("float64")
    mask = MASKS["with holes"]
    rng = np.random.default_rng(2)
    outer = rng.normal(size=layer(x).shape)
    weights = layer.get_weights()

    def loss(x, h_0, *weights):
        layer.set_weights(weights)
        return np.sum(outer * layer(x, initial_state=h_0, mask=tf.constant(mask)).numpy())

    tensors = [tf.constant(x), tf.constant(h_0)]
    with tf.GradientTape() as tape:
        tape.watch(tensors)
        value = tf.reduce_sum(outer * layer(tensors[0], initial_state=tensors[1], mask=mask))
    values = [x, h_0, *weights]
    variables = [w.value for w in layer.trainable_variables]
    gradients = tape.gradient(value, [*tensors, *variables])
    for i, gradient in enumerate(gradients):
        # One random direction an array: every number takes part in it.
        direction, epsilon = rng.normal(size=values[i].shape), 1e-6
        up, down = (
            loss(*(v + sign * epsilon * direction if j == i else v for j, v in enumerate(values)))
            for sign in (1, -1)
        )
        np.testing.assert_allclose(
            np.sum(gradient * direction), (up - down) / (2 * epsilon), rtol=1e-6, atol=1e-7
        )


@pytest.mark.slow
@settings(max_examples=15, deadline=None, derandomize=True)
@given(
    steps=st.integers(1, 19),
    in_turn=st.integers(1, 9),
    arguments=st.fixed_dictionaries(
        {
            "update_gate": st.sampled_from(["keep", "write"]),
            "activation": st.sampled_from([None, "tanh"]),
            "return_sequences": st.booleans(),
            "return_state": st.booleans(),
            "go_backwards": st.booleans(),
            "zero_output_for_mask": st.booleans(),
            "use_bias": st.booleans(),
        }
    ),
    shown=st.sampled_from([None, 0.0, 0.6, 1.0]),  # part of the steps that the mask lets through
    seed=st.integers(0, 99),
)
def test_layer_equals_its_cell_in_keras_loop(steps, in_turn, arguments, shown, seed):
    layer = make(seed, dtype="float64", **arguments)
    x, h_0 = random_inputs("float64", steps, seed)
    rng = np.random.default_rng(seed)
    mask = None if shown is None else rng.random((BATCH, steps)) < shown
    expected = outputs_and_gradients(in_keras_loop(layer), x, h_0, mask)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(min_recurrence, "steps_in_turn", lambda batch, n_h: in_turn)
        recurrence._for_these_shapes.cache_clear()
        found = tf.function(lambda: outputs_and_gradients(layer, x, h_0, mask))()
    assert_same(expected, found, tolerance=1e-12)


@pytest.mark.parametrize("mask", MASKS)
def test_masks_in_eager_mode_and_unrolled(mask):
    x, h_0 = random_inputs()
    arguments = {"return_sequences": True, "return_state": True}
    layer, unrolled = make(**arguments), make(unroll=True, **arguments)
    expected = outputs_and_gradients(in_keras_loop(layer), x, h_0, MASKS[mask])
    assert_same(expected, outputs_and_gradients(layer, x, h_0, MASKS[mask]))
    assert_same(expected, outputs_and_gradients(unrolled, x, h_0, MASKS[mask]))


@dataclasses.dataclass
class Steep:
    """A function without a hash, by which TensorFlow can't keep a trace."""

    slope: float

    def __call__(self, a):
        return tf.tanh(self.slope * a)


@dataclasses.dataclass(frozen=True)
class Slopes:
    """A function that has a hash and can't be asked for it."""

    slopes: list

    def __call__(self, a):
        return tf.tanh(self.slopes[0] * a)


LEARNT = tf.Variable(0.5)
FUNCTIONS = {
    "learnt": lambda: keras.layers.PReLU("glorot_uniform", shared_axes=[1]),
    "without a hash": lambda: Steep(2.0),
    "of a list": lambda: Slopes([2.0]),
    "of a variable": lambda: lambda a: tf.tanh(LEARNT * a),
    "a layer": lambda: keras.layers.LeakyReLU(0.1),
}


@pytest.mark.parametrize("compiled", [True, False])
@pytest.mark.parametrize("name", FUNCTIONS)
def test_activations_of_every_kind(name, compiled):
    """Those that the compiled recurrence can't take go through the cell."""
    x = tf.constant(random_inputs()[0])
    results = []
    for unroll in (False, True):
        layer = gru_tf.MinGRU(3, FUNCTIONS[name](), return_sequences=True, unroll=unroll)
        layer.build(x.shape)
        rng = np.random.default_rng(0)
        layer.set_weights([rng.normal(size=w.shape) for w in layer.weights])
        learnt = [w.value for w in layer.trainable_weights] + [LEARNT] * (name == "of a variable")

        def gradients(x, layer=layer, learnt=learnt):
            with tf.GradientTape() as tape:
                h = layer(x, training=True)
                loss = tf.reduce_sum(h**2)
            return h, *tape.gradient(loss, learnt)

        results.append((tf.function(gradients) if compiled else gradients)(x))
    assert len(results[0]) == 3 + (name in ("learnt", "of a variable"))
    assert_same(*results)


def test_an_activation_is_read_anew_for_each_model():
    x, now = random_inputs()[0], {}

    def steep(a):
        return tf.tanh(now["slope"] * a)

    for slope in (1.0, 3.0):
        now["slope"] = slope
        model = keras.Sequential([keras.Input(x.shape[1:]), make(activation=steep)])
        wanted = make(activation=Steep(slope), unroll=True)(x)
        np.testing.assert_allclose(model.predict_on_batch(x), wanted, atol=1e-6)


def test_a_build_of_another_kind():
    class Other(gru_tf.MinGRU):
        def build(self, sequences_shape, initial_state_shape=None):
            keras.layers.RNN.build(self, sequences_shape)

    x = random_inputs()[0]
    layer = Other(3)
    np.testing.assert_allclose(tf.function(layer)(x), layer(x), atol=1e-6)


def test_a_masked_step_is_never_looked_at():
    x, h_0 = random_inputs()
    x[1, 3:] = np.inf
    mask = np.arange(TIME) < np.array([[11], [3], [11], [11]])
    layer = make()
    found = outputs_and_gradients(layer, x, h_0, mask)
    x[1, 3:] = 0
    assert_same(outputs_and_gradients(layer, x, h_0, mask), found)


@pytest.mark.parametrize("bias", [-1000.0, -20.0, -8.0, 0.0, 20.0, 1000.0])
def test_gates_near_0_and_1_over_10_000_steps(bias):
    """A float32 run against the equations in float64: no overflow, and no drift."""
    layer = make(return_sequences=True)
    kernel, _ = layer.get_weights()
    layer.set_weights([kernel, np.repeat([bias, 0.5], N_H)])
    x, h_0 = random_inputs(time=10_000)
    h, dx, dh_0, dkernel, dbias = outputs_and_gradients(layer, x, h_0)
    with np.errstate(over="ignore"):
        weights = [w.astype("float64") for w in layer.get_weights()]
        exact = step_by_step(x.astype("float64"), h_0.astype("float64"), *weights)
    np.testing.assert_allclose(h, exact, atol=1e-4 * np.abs(exact).max())
    assert all(np.isfinite(gradient).all() for gradient in (dx, dh_0, dkernel, dbias))


def test_a_state_that_equals_its_candidate_stays():
    """Where 1 - keep is rounded apart from the gate, a nearly closed one drifts."""
    layer = gru_tf.MinGRU(1, return_sequences=True)
    layer.build((None, None, 1))
    layer.set_weights([np.zeros((1, 2)), np.array([-13.0, 0.7])])
    h = layer(np.zeros((1, 10_000, 1), "float32"), initial_state=np.full((1, 1), 0.7, "float32"))
    assert np.abs(h - np.float32(0.7)).max() < 1e-6


def test_stateful_goes_on_where_it_stopped_until_reset():
    x, _ = random_inputs()
    whole, parts = make(), gru_tf.MinGRU(N_H, stateful=True)
    parts.build((BATCH, None, N_X))
    parts.set_weights([*whole.get_weights(), *parts.get_weights()[2:]])
    for _ in range(2):
        parts(x[:, :3])
        parts(x[:, :0])
        np.testing.assert_allclose(parts(x[:, 3:]), whole(x), atol=1e-6)
        parts.reset_state()
    with pytest.raises(ValueError, match="batch size"):
        parts(x[:2])


@pytest.mark.parametrize("merge_mode", ["concat", "sum"])
def test_bidirectional_reads_both_ways(merge_mode):
    x, _ = random_inputs()
    mask = MASKS["right-padded"]
    both = keras.layers.Bidirectional(gru_tf.MinGRU(N_H, return_sequences=True), merge_mode)
    h = both(x, mask=tf.constant(mask))
    forward, backward = in_keras_loop(both.forward_layer), in_keras_loop(both.backward_layer)
    parts = forward(x, mask=tf.constant(mask)), backward(x, mask=tf.constant(mask))[:, ::-1]
    expected = np.concatenate(parts, 2) if merge_mode == "concat" else sum(parts)
    np.testing.assert_allclose(h, expected, atol=1e-6)


@pytest.mark.parametrize("dtype", ["int32", "int64", "bool", "float16", "float64"])
def test_other_inputs_are_cast_as_in_a_dense_layer(dtype):
    x = (random_inputs()[0] > 0).astype(dtype)
    h = make(return_sequences=True)(x)
    assert h.dtype == "float32"
    np.testing.assert_allclose(h, make(return_sequences=True)(x.astype("float32")), atol=1e-6)
    inputs = keras.Input((TIME, N_X), dtype=dtype)
    model = keras.Model(inputs, make()(inputs))
    np.testing.assert_allclose(model.predict(x, verbose=0), h[:, -1], atol=1e-6)


@pytest.mark.parametrize(("policy", "unit"), [("mixed_float16", 2**-11), ("mixed_bfloat16", 2**-8)])
def test_half_precision_accumulates_in_float32(policy, unit):
    """A long run rounds its inputs, and once, at the end, not at each of its 3,000 steps."""
    x, _ = random_inputs(time=3000)
    half = make(return_sequences=True, activation="tanh", dtype=policy)
    h = half(x)
    assert h.dtype == keras.dtype_policies.get(policy).compute_dtype
    exact = make(return_sequences=True, activation="tanh", dtype="float64")
    exact.set_weights(half.get_weights())
    expected = exact(tf.cast(tf.cast(x, h.dtype), "float64"))
    np.testing.assert_allclose(tf.cast(h, "float64"), expected, atol=unit / 2 + 1e-5)


@pytest.mark.slow
@pytest.mark.parametrize(("jit", "batch"), [(True, None), (False, None), (False, BATCH)])
def test_unknown_batch_and_time_in_a_graph_and_under_xla(jit, batch):
    layer = make(return_sequences=True, return_state=True)
    run = tf.function(
        lambda x, h_0: outputs_and_gradients(layer, x, h_0),
        input_signature=[tf.TensorSpec((batch, None, N_X)), tf.TensorSpec((batch, N_H))],
        jit_compile=jit,
    )
    for time in (0, 1, 37):
        x, h_0 = random_inputs(time=time)
        h, h_last, *gradients = run(x, h_0)
        if time:
            expected = outputs_and_gradients(in_keras_loop(layer), x, h_0)
            assert_same(expected, [h, h_last, *gradients])
        else:
            assert h.shape == (BATCH, 0, N_H)
            np.testing.assert_array_equal(h_last, h_0)
            np.testing.assert_allclose(gradients[1], 2 * h_0)


@pytest.mark.parametrize("return_sequences", [True, False])
def test_no_steps_leave_the_state(return_sequences):
    x, h_0 = random_inputs(time=0)
    layer = make(return_sequences=return_sequences, return_state=True)
    output, h_last = layer(x, initial_state=h_0)
    assert output.shape == ((BATCH, 0, N_H) if return_sequences else (BATCH, N_H))
    np.testing.assert_array_equal(h_last, h_0)
    np.testing.assert_array_equal(layer(x)[1], np.zeros((BATCH, N_H)))


@pytest.mark.parametrize("layer", [gru_tf.GRU, gru_tf.MinGRU])
def test_features_that_the_graph_does_not_know_go_the_fast_way(layer, monkeypatch):
    x, layer = tf.constant(random_inputs()[0]), layer(N_H)
    wanted = layer(x)

    def slow(*_):
        raise AssertionError("Keras' loop")

    monkeypatch.setattr(keras.layers.RNN, "inner_loop", slow)
    open_shape = [tf.TensorSpec((None, None, None), tf.float32)]
    run = tf.function(lambda x: layer(x), input_signature=open_shape)
    np.testing.assert_allclose(run(x), wanted, rtol=0, atol=1e-6)


def test_no_features_leave_the_biases():
    layer = gru_tf.MinGRU(N_H, bias_initializer="ones")
    wanted = step_by_step(
        np.zeros((BATCH, TIME, 0)), np.zeros((BATCH, N_H)), np.zeros((0, 2 * N_H)), np.ones(2 * N_H)
    )
    np.testing.assert_allclose(layer(tf.zeros((BATCH, TIME, 0))), wanted[:, -1], rtol=1e-5)


def test_symbolic_shapes():
    layer = make(return_sequences=True, return_state=True)
    assert layer(keras.Input((None, N_X)))[0].shape == (None, None, N_H)
    assert layer(keras.Input((TIME, N_X), batch_size=2))[0].shape == (2, TIME, N_H)


def test_wide_layers_take_fewer_steps_in_a_turn():
    assert [steps_in_turn(32, n_h) for n_h in (16, 128, 256, 1024)] == [64, 32, 16, 8]
    assert steps_in_turn(None, 128) == steps_in_turn(32, 128)


def test_dropout_drops_the_same_inputs_at_all_steps():
    layer = make(return_sequences=True, dropout=0.5, seed=3)
    x, _ = random_inputs()
    np.testing.assert_allclose(layer(x), make(return_sequences=True)(x), atol=1e-6)
    with tf.GradientTape() as tape:
        tape.watch(x := tf.constant(x))
        loss = tf.reduce_sum(layer(x, training=True))
    passed = tape.gradient(loss, x).numpy() != 0  # (batch, time, features)
    assert (passed == passed[:, :1]).all()
    assert 0 < passed.mean() < 1
    again = make(return_sequences=True, dropout=0.5, seed=3)
    np.testing.assert_allclose(tf.reduce_sum(again(x, training=True)), loss, rtol=1e-6)


@pytest.mark.slow
@pytest.mark.parametrize("jit_compile", [True, False])
def test_it_learns_in_fit(jit_compile):
    """To say the sign of the last input, which an untrained gate mixes with those before."""
    keras.utils.set_random_seed(0)
    rng = np.random.default_rng(0)
    x = rng.normal(size=(512, 20, 2)).astype("float32")
    y = (x[:, -1, 0] > 0).astype("float32")
    inputs = keras.Input((None, 2))
    outputs = keras.layers.Dense(1, activation="sigmoid")(gru_tf.MinGRU(16)(inputs))
    model = keras.Model(inputs, outputs)
    model.compile(
        keras.optimizers.Adam(0.03),
        "binary_crossentropy",
        metrics=["accuracy"],
        jit_compile=jit_compile,
    )
    model.fit(x, y, epochs=15, batch_size=128, verbose=0)
    assert model.evaluate(x, y, verbose=0)[1] > 0.9


def second_derivatives(layer, x, h_0, mask):
    """Return gradients of all weights of a penalty on the gradients of inputs and state."""
    with tf.GradientTape() as outer:
        with tf.GradientTape() as inner:
            inner.watch([x, h_0])
            outputs = layer(x, initial_state=h_0, mask=mask, training=True)
            y = sum(tf.reduce_sum(output**3) for output in tf.nest.flatten(outputs))
        penalty = sum(tf.reduce_sum(tf.tanh(dv)) for dv in inner.gradient(y, [x, h_0]))
    return outer.gradient(penalty, layer.trainable_variables)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("time", "compiled", "return_sequences", "holes"),
    [
        (TIME, True, False, False),
        (TIME, False, True, False),
        (1, False, False, True),
        (7, True, True, True),
    ],
)
def test_second_derivatives(time, compiled, return_sequences, holes, monkeypatch):
    monkeypatch.setattr(min_recurrence, "_MOST_STEPS", 3)  # turns, and what is left
    arguments = {"return_sequences": return_sequences, "activation": "tanh", "dtype": "float64"}
    x, h_0 = map(tf.constant, random_inputs("float64", time))
    shown = np.random.default_rng(3).random((BATCH, time)) < 0.6
    mask = tf.constant(shown) if holes else None
    run = tf.function(second_derivatives) if compiled else second_derivatives
    found = run(make(**arguments), x, h_0, mask)
    wanted = second_derivatives(make(unroll=True, **arguments), x, h_0, mask)
    for one, other in zip(found, wanted, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-9, atol=1e-11)


@pytest.mark.slow
@pytest.mark.parametrize(("return_sequences", "training"), [(True, True), (False, False)])
def test_forward_mode_after_gradients_of_the_same_call(return_sequences, training):
    x = tf.constant(random_inputs("float64", time=5)[0])
    found, wanted = [], []
    for results, unroll in ((found, False), (wanted, True)):
        layer = make(dtype="float64", return_sequences=return_sequences, unroll=unroll)
        with tf.GradientTape() as tape:
            tape.watch(x)
            h = layer(x, training=training)
        results.append(tape.gradient(h, x))
        with tf.autodiff.ForwardAccumulator(x, tf.cos(x)) as forward:
            h = layer(x, training=training)
            with tf.GradientTape() as tape:
                tape.watch(x)
                loss = tf.reduce_sum(layer(x, training=training) ** 2)
            gradient = tape.gradient(loss, x)
        results += [forward.jvp(h), forward.jvp(gradient)]
    for one, other in zip(found, wanted, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-10, atol=1e-12)


def test_a_tape_around_that_watches_something_else():
    x, layer = tf.constant(random_inputs()[0]), make()
    with tf.GradientTape() as other:
        other.watch(factor := tf.constant(2.0))
        with tf.GradientTape() as tape:
            loss = tf.reduce_sum(layer(x, training=True) ** 2)
        slopes = tape.gradient(loss, layer.trainable_variables)
        product = factor * loss
    np.testing.assert_allclose(other.gradient(product, factor), loss)
    assert all(np.abs(slope).max() > 0 for slope in slopes)


@pytest.mark.parametrize("form", ["column", "one row", "list", "int"])
def test_masks_of_every_form(form):
    x, h_0 = random_inputs()
    shown = np.tile(MASKS["with holes"][:1], (BATCH, 1))
    mask = {
        "column": shown[:, :, None],
        "one row": shown[:1],
        "list": [tf.constant(shown)],
        "int": shown.astype("int32"),
    }[form]
    layer = make(return_sequences=True)
    mask = mask if form == "list" else tf.constant(mask)
    found = layer(x, initial_state=h_0, mask=mask)
    np.testing.assert_array_equal(found, layer(x, initial_state=h_0, mask=tf.constant(shown)))


def test_another_mask_and_complex_inputs_are_refused():
    x, _ = random_inputs()
    with pytest.raises(ValueError, match="mask must be"):
        make()(x, mask=tf.ones((BATCH, TIME + 1), tf.bool))
    with pytest.raises(ValueError, match="real numbers"):
        make()(tf.constant(x, tf.complex64))


def test_config_holds_every_argument():
    arguments = dict(
        units=3,
        activation="tanh",
        recurrent_activation="hard_sigmoid",
        use_bias=False,
        kernel_regularizer="l2",
        bias_constraint="max_norm",
        dropout=0.1,
        seed=7,
        return_sequences=True,
        return_state=True,
        go_backwards=True,
        stateful=True,
        unroll=True,
        update_gate="keep",
        zero_output_for_mask=True,
        name="mine",
    )
    config = gru_tf.MinGRU(**arguments).get_config()
    assert gru_tf.MinGRU.from_config(config).get_config() == config
    for name in set(arguments) - {"kernel_regularizer", "bias_constraint"}:
        assert config[name] == arguments[name]


@pytest.mark.slow
def test_a_saved_model_loads_in_another_process_without_custom_objects(tmp_path):
    x, _ = random_inputs()
    inputs = keras.Input((None, N_X))
    h = gru_tf.MinGRU(N_H, return_sequences=True, activation=log_space_candidate)(inputs)
    h = keras.layers.Bidirectional(gru_tf.MinGRU(2, update_gate="keep", return_sequences=True))(h)
    model = keras.Model(inputs, keras.layers.RNN(MinGRUCell(2))(h))
    model.save(tmp_path / "model.keras")
    np.save(tmp_path / "x.npy", x)
    program = (
        "import gru_tf, keras, numpy as np\n"
        "y = keras.models.load_model('model.keras').predict(np.load('x.npy'), verbose=0)\n"
        "np.save('y.npy', y)"
    )
    environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"}
    subprocess.run([sys.executable, "-c", program], cwd=tmp_path, check=True, env=environment)
    np.testing.assert_allclose(np.load(tmp_path / "y.npy"), model(x), atol=1e-6)


def test_a_savedmodel_export_serves_the_same_numbers(tmp_path):
    x, _ = random_inputs()
    inputs = keras.Input((None, N_X))
    model = keras.Model(inputs, gru_tf.MinGRU(N_H)(inputs))
    model.export(tmp_path / "served", verbose=False)
    served = tf.saved_model.load(tmp_path / "served")
    for part in (x, x[:1, :4]):
        np.testing.assert_allclose(served.serve(part), model(part), atol=1e-6)


def test_bad_arguments_are_named():
    for units in (0, -1, 2.5, "8", True):
        with pytest.raises(ValueError, match=f"units must be.*{units!r}"):
            gru_tf.MinGRU(units)
    with pytest.raises(ValueError, match='"keep" or "write". Received: \'forget\''):
        gru_tf.MinGRU(3, update_gate="forget")
    with pytest.raises(ValueError, match="dropout must be .* below 1. Received: 1"):
        gru_tf.MinGRU(3, dropout=1)
    layer = gru_tf.MinGRU(3)
    with pytest.raises(ValueError, match="expected ndim=3, found ndim=2"):
        layer(np.zeros((2, 4), "float32"))
    layer(np.zeros((2, 3, 4), "float32"))
    with pytest.raises(ValueError, match="to have value 4, but received input with shape"):
        layer(np.zeros((2, 3, 5), "float32"))


def test_the_function_alone_returns_the_states_only_when_asked():
    x, h_0 = random_inputs()
    kernel = np.random.default_rng(0).normal(size=(N_X, 2 * N_H)).astype("float32")
    h, h_last = min_gru_recurrence(tf.constant(x), tf.constant(h_0), tf.constant(kernel))
    assert h is None
    np.testing.assert_allclose(h_last, step_by_step(x, h_0, kernel, 0)[:, -1], atol=1e-5)
