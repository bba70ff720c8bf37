"""The layer in the place of `keras.layers.GRU`: the same numbers, types and refusals.

Each test calls both with the same weights.
"""

import keras
import numpy as np
import pytest
import tensorflow as tf
from packaging.version import Version

import gru_tf

RNG = np.random.default_rng(0)
X = RNG.normal(size=(4, 21, 3)).astype("float32")
MASK = RNG.random((4, 21)) > 0.3
MASK[0] = False
SHORT = X[:, :15]  # three turns of the loop, of five steps


def both(call, n_x=3, atol=1e-5, **options):
    """Compare what a call gives with Keras' layer and with this package's."""
    layers = [GRU(5, **options) for GRU in (keras.layers.GRU, gru_tf.GRU)]
    rng = np.random.default_rng(1)
    for layer in layers:
        layer.build((None, None, n_x))
    weights = [rng.normal(scale=0.5, size=w.shape) for w in layers[0].get_weights()]
    results = []
    for layer in layers:
        layer.set_weights(weights)
        results.append(tf.nest.flatten(call(layer)))
    for theirs, ours in zip(*results, strict=True):
        assert ours.dtype == theirs.dtype
        np.testing.assert_allclose(ours, theirs, atol=atol, rtol=1e-5)


def variables(layer):
    return [v.value for v in layer.trainable_variables]


@pytest.mark.parametrize(
    ("dtype", "policy", "compiled"),
    [
        *((dtype, "float32", False) for dtype in ("int64", "uint8", "bool", "float16", "float64")),
        ("int32", "float64", False),
        ("int32", "float32", True),
    ],
)
def test_inputs_of_other_types_are_cast(dtype, policy, compiled):
    x = np.round(3 * X).astype(dtype)
    both(lambda layer: (tf.function(layer) if compiled else layer)(x), dtype=policy)


def test_a_model_of_integers_trains_what_lies_before_the_layer():
    """Integers gave zeros, and nothing but the layers behind them was trained."""
    models = []
    for GRU in (keras.layers.GRU, gru_tf.GRU):
        keras.utils.set_random_seed(0)
        steps = keras.Input((6, 1), dtype="int32")
        model = keras.Model(steps, keras.layers.Dense(1)(GRU(4)(steps)))
        model.compile(keras.optimizers.SGD(0.1), "mse")
        x = np.arange(24).reshape(4, 6, 1) % 5
        model.fit(x, x[:, -1].astype("float32"), epochs=3, shuffle=False, verbose=0)
        models.append(model.get_weights())
    for theirs, ours in zip(*models, strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-5)


def first_order_within_another_tape(layer):
    x, factor = tf.constant(X), tf.constant(2.0)
    with tf.GradientTape() as outer:
        outer.watch(factor)
        with tf.GradientTape() as inner:
            inner.watch(x)
            loss = factor * tf.reduce_sum(layer(x, training=True) ** 2)
        gradients = inner.gradient(loss, [x, *variables(layer)])
        other = factor * tf.reduce_sum(gradients[0])
    return [*gradients, outer.gradient(other, factor)]


def persistent_tape_within_its_block(layer):
    x = tf.constant(X)
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(x)
        loss = tf.reduce_sum(layer(x, training=True) ** 2)
        gradient = tape.gradient(loss, x)
    return [gradient, tape.gradient(loss, x)]


def adversarial_training(layer):
    x = tf.constant(X)
    with tf.GradientTape() as outer:
        with tf.GradientTape() as inner:
            inner.watch(x)
            loss = tf.reduce_sum(layer(x, training=True) ** 2)
        moved = x + 0.1 * tf.sign(inner.gradient(loss, x))
        loss = tf.reduce_sum(layer(moved, training=True) ** 2)
    return outer.gradient(loss, variables(layer))


def gradient_penalty(layer, training=True):
    x = tf.constant(X, layer.compute_dtype)
    with tf.GradientTape() as outer:
        with tf.GradientTape() as inner:
            inner.watch(x)
            loss = tf.reduce_sum(layer(x, mask=tf.constant(MASK), training=training) ** 2)
        penalty = tf.reduce_sum(inner.gradient(loss, x) ** 2)
    return outer.gradient(penalty, variables(layer))


@pytest.mark.parametrize(
    "use",
    [first_order_within_another_tape, persistent_tape_within_its_block, adversarial_training],
)
def test_tapes_within_tapes(use):
    both(use, return_sequences=True)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("reset_after", "return_sequences", "training", "compiled"),
    [
        (True, False, True, True),
        (True, True, True, False),
        (False, True, False, False),
        (False, False, True, False),
    ],
)
def test_second_derivatives(reset_after, return_sequences, training, compiled):
    def use(layer):
        penalty = tf.function(gradient_penalty) if compiled else gradient_penalty
        return penalty(layer, training)

    both(
        use,
        atol=1e-12,
        dtype="float64",
        reset_after=reset_after,
        return_sequences=return_sequences,
    )


@pytest.mark.parametrize("training", [True, False])
def test_forward_mode(training):
    def change(layer, x):
        with tf.autodiff.ForwardAccumulator(x, tf.ones_like(x)) as accumulator:
            h = layer(x, training=training)
        return accumulator.jvp(h)

    both(lambda layer: change(layer, tf.constant(SHORT)))
    layer = gru_tf.GRU(5)
    found = tf.function(change)(layer, tf.constant(SHORT))  # where Keras' layer fails
    np.testing.assert_allclose(found, change(layer, tf.constant(SHORT)), atol=1e-6)


@pytest.mark.slow
@pytest.mark.parametrize("return_sequences", [True, False])
@pytest.mark.parametrize("training", [True, False])
def test_forward_mode_after_gradients_of_the_same_call(return_sequences, training):
    """TensorFlow alone fails at it, where a function hands on the arrays of a loop."""

    def use(layer):
        x = tf.constant(SHORT)
        with tf.GradientTape() as tape:
            tape.watch(x)
            h = layer(x, training=training)
        dx = tape.gradient(h, x)
        with tf.autodiff.ForwardAccumulator(x, tf.ones_like(x)) as accumulator:
            h = layer(x, training=training)
            with tf.GradientTape() as tape:
                tape.watch(x)
                loss = tf.reduce_sum(layer(x, training=training) ** 2)
            gradient = tape.gradient(loss, x)
        return [dx, accumulator.jvp(h), accumulator.jvp(gradient)]

    both(use, return_sequences=return_sequences)


def test_hessians():
    @tf.function
    def use(layer):
        x = tf.constant(X[:1, :4])
        return tf.hessians(tf.reduce_sum(layer(x) ** 2), x)

    both(use)


@pytest.mark.slow
@pytest.mark.parametrize("compiled", [True, False])
def test_jacobians_of_gradients(compiled):
    """Without vectorizing, which TensorFlow can't do for the gradients of a loop's gradients."""

    def use(layer):
        def hessian(x):
            with tf.GradientTape(persistent=True) as outer:
                outer.watch(x)
                with tf.GradientTape() as inner:
                    inner.watch(x)
                    loss = tf.reduce_sum(layer(x) ** 3)
                dx = inner.gradient(loss, x)
            return outer.jacobian(dx, x, experimental_use_pfor=False)

        return (tf.function(hessian) if compiled else hessian)(tf.constant(X[:2, :4]))

    both(use, return_sequences=True)


@pytest.mark.parametrize("return_sequences", [True, False])
def test_flags_may_be_numpy_s(return_sequences):
    """As a search draws them, or a table holds them."""
    flags = {"go_backwards": np.bool_(True), "return_sequences": np.bool_(return_sequences)}
    for compiled in (True, False):
        both(lambda layer, c=compiled: (tf.function(layer) if c else layer)(X), **flags)


def test_functions_may_be_run_eagerly():
    """To look into a model step by step."""

    def use(layer):
        x = tf.constant(X)
        with tf.GradientTape() as tape:
            tape.watch(x)
            h = layer(x, training=True)
        return [h, *tape.gradient(h, [x, *variables(layer)])]

    tf.config.run_functions_eagerly(True)
    try:
        both(use)
        both(use, return_sequences=True)
    finally:
        tf.config.run_functions_eagerly(False)


UNKNOWN = [tf.TensorSpec((None, None, 3))]


@pytest.mark.parametrize("time", [3, 8, 17])  # no whole turn, one, two and one step more
@pytest.mark.parametrize("jit_compile", [True, False])
def test_lengths_that_the_graph_does_not_know(time, jit_compile):
    def use(layer):
        def step(x):
            with tf.GradientTape() as tape:
                tape.watch(x)
                h = layer(x, training=True)
                loss = tf.reduce_sum(h**2)
            return [h, *tape.gradient(loss, [x, *variables(layer)])]

        return tf.function(step, UNKNOWN, jit_compile=jit_compile)(X[:, :time])

    both(use, return_sequences=True)


@pytest.mark.parametrize("signature", [UNKNOWN, None])
@pytest.mark.parametrize("jit_compile", [True, False])
def test_large_batches(signature, jit_compile):
    x = RNG.normal(size=(200, 16, 3)).astype("float32")
    both(lambda layer: tf.function(layer.call, signature, jit_compile=jit_compile)(x))


@pytest.mark.parametrize("mask", [MASK, MASK[:, :, None], MASK.astype("int32"), MASK[1:2]])
def test_masks_of_every_form(mask):
    both(lambda layer: layer(X, mask=tf.constant(mask)), return_sequences=True, return_state=True)


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("scale", [1e6, 1e30])
def test_a_masked_step_keeps_any_state_to_the_last_bit(scale, training):
    layer = gru_tf.GRU(5, return_sequences=True, return_state=True)
    h_0 = np.full((4, 5), -scale, "float32")
    _, state = layer(X, initial_state=h_0, mask=np.zeros((4, 21), bool), training=training)
    np.testing.assert_array_equal(state, h_0)
    mask = np.tile(np.arange(21) == 5, (4, 1))
    h, state = (np.asarray(v) for v in layer(X, initial_state=h_0, mask=mask, training=training))
    np.testing.assert_array_equal(h[:, 5:], np.repeat(state[:, None], 16, axis=1))


@pytest.mark.parametrize("value", [np.nan, np.inf, 1e30, 1e-30])
@pytest.mark.parametrize("masked", [True, False])
def test_numbers_at_the_edge(value, masked):
    x = X.copy()
    x[1, 4:7] = value
    mask = np.ones((4, 21), bool)
    mask[1, 4:7] = not masked
    both(lambda layer: layer(x, mask=tf.constant(mask)), return_sequences=True)


@pytest.mark.parametrize("shape", [(0, 21, 3), (2, 5, 0), (0, 5, 0)])
def test_nothing_in_a_batch_or_in_a_step(shape):
    both(lambda layer: layer(np.zeros(shape, "float32")), n_x=shape[2], return_sequences=True)


@pytest.mark.skipif(
    Version(keras.__version__) < Version("3.15"),
    reason="there is nothing to compare with: Keras 3.13's own layer refuses a rate of one",
)
@pytest.mark.parametrize("name", ["dropout", "recurrent_dropout"])
def test_a_rate_of_one_drops_nothing(name):
    both(lambda layer: layer(X, training=True), **{name: 1.0})


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda layer: layer(X[:, :0]), r"one time step.*Received: .*\(4, 0, 3\)"),
        (lambda layer: layer(X.astype("complex64")), "real numbers.*Received: .*complex64"),
        (lambda layer: layer(X, mask=np.ones((4, 21, 5), bool)), r"\(batch, time\).*\(4, 21, 5\)"),
        (lambda layer: layer(X, mask=np.ones(4, bool)), r"\(batch, time\).*\(4,\)"),
    ],
)
def test_what_is_refused_is_named(call, message):
    with pytest.raises(ValueError, match=message):
        call(gru_tf.GRU(5))


@pytest.mark.parametrize("training", [True, False])
def test_no_steps_where_their_number_is_unknown(training):
    layer = gru_tf.GRU(5, return_sequences=True)
    run = tf.function(lambda x: layer(x, training=training), UNKNOWN)
    with pytest.raises(tf.errors.InvalidArgumentError, match="one time step"):
        run(X[:, :0])


@pytest.mark.parametrize("reset_after", ["yes", "no", None, 1])
def test_reset_after_is_a_truth_value(reset_after):
    with pytest.raises(ValueError, match="reset_after must be True or False. Received"):
        gru_tf.GRU(5, reset_after=reset_after)
