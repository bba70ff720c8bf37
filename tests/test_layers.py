"""The layer against keras.layers.GRU, weight for weight, and against the documents' equations."""

import os
import subprocess
import sys
import textwrap

import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

import gru_tf
from gru_tf import convert, equations
from gru_tf.min_gru import MinGRUCell

BATCH, TIME, N_X, N_H = 4, 11, 3, 5  # a whole turn of the loop over time, and three steps

MASKS = {
    "no mask": None,
    "right-padded": np.arange(TIME) < np.array([[11], [3], [1], [5]]),
    "left-padded": np.arange(TIME) >= np.array([[0], [3], [6], [5]]),
    "with holes": np.random.default_rng(3).random((BATCH, TIME)) < 0.6,
    "one row all masked": np.arange(TIME) < np.array([[11], [0], [1], [5]]),
}


def random_inputs(dtype="float32", seed=0):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(BATCH, TIME, N_X)).astype(dtype)
    return x, rng.normal(size=(BATCH, N_H)).astype(dtype)


def randomise(layer, seed=1):
    """Give a layer random weights, biases included: with constants, swapped gates pass."""
    layer.build((None, None, N_X))
    rng = np.random.default_rng(seed)
    layer.set_weights([rng.normal(scale=0.5, size=w.shape) for w in layer.get_weights()])
    return layer


def pair(**arguments):
    """Make Keras' layer and ours with the same random weights."""
    theirs = randomise(keras.layers.GRU(N_H, **arguments))
    ours = gru_tf.GRU(N_H, **arguments)
    ours.build((None, None, N_X))
    ours.set_weights(theirs.get_weights())
    return theirs, ours


def outputs_and_gradients(layer, x, h_0=None, mask=None, training=False):
    """Return all outputs and the gradients of the sum of their squares."""
    x = tf.convert_to_tensor(x)
    h_0 = None if h_0 is None else tf.constant(h_0)
    watched = [x] if h_0 is None else [x, h_0]
    with tf.GradientTape() as tape:
        tape.watch(watched)
        mask = None if mask is None else tf.constant(mask)
        outputs = tf.nest.flatten(layer(x, initial_state=h_0, mask=mask, training=training))
        loss = sum(tf.reduce_sum(y**2) for y in outputs)
    gradients = tape.gradient(loss, [*watched, *(w.value for w in layer.trainable_variables)])
    return [*outputs, *gradients]


def assert_same(theirs, ours, tolerance=1e-5):
    assert len(theirs) == len(ours)
    for a, b in zip(theirs, ours, strict=True):
        np.testing.assert_allclose(b, a, atol=tolerance, rtol=tolerance)


@pytest.mark.parametrize("mask", MASKS)
@pytest.mark.parametrize("reset_after", [True, False])
@pytest.mark.parametrize("return_sequences", [True, False])
def test_outputs_and_gradients_equal_keras(mask, reset_after, return_sequences):
    for go_backwards in (False, True):
        for zero_output_for_mask in (False, True):
            theirs, ours = pair(
                reset_after=reset_after,
                return_sequences=return_sequences,
                return_state=True,
                go_backwards=go_backwards,
                zero_output_for_mask=zero_output_for_mask,
            )
            x, h_0 = random_inputs()
            for state, training in ((None, True), (h_0, False)):
                assert_same(
                    outputs_and_gradients(theirs, x, state, MASKS[mask], training),
                    outputs_and_gradients(ours, x, state, MASKS[mask], training),
                )


@pytest.mark.parametrize(
    "arguments",
    [
        {"use_bias": False},
        {"use_bias": False, "reset_after": False},
        {"unroll": True},
        {"unroll": True, "reset_after": False},
        {"activation": "relu", "recurrent_activation": "hard_sigmoid"},
        {"activation": None, "reset_after": False},
    ],
    ids=str,
)
def test_other_settings_equal_keras(arguments):
    theirs, ours = pair(return_sequences=True, **arguments)
    x, h_0 = random_inputs()
    for mask in (None, MASKS["with holes"]):
        assert_same(
            outputs_and_gradients(theirs, x, h_0, mask), outputs_and_gradients(ours, x, h_0, mask)
        )


@pytest.mark.parametrize("reset_after", [True, False])
@pytest.mark.parametrize(
    "rates",
    [
        {"dropout": 0.4},
        {"recurrent_dropout": 0.3},
        {"dropout": 0.4, "recurrent_dropout": 0.3},
        {"dropout": 0.4, "implementation": 1, "use_cudnn": False},
        {"recurrent_dropout": 0.3, "implementation": 1},  # a mask for each gate
    ],
    ids=str,
)
def test_dropout_with_the_same_seed_equals_keras(rates, reset_after):
    theirs, ours = pair(return_sequences=True, seed=5, reset_after=reset_after, **rates)
    x, _ = random_inputs()
    expected = outputs_and_gradients(theirs, x, training=True)
    assert_same(expected, outputs_and_gradients(ours, x, training=True))
    without = outputs_and_gradients(ours, x, training=False)
    assert np.abs(expected[0] - without[0]).max() > 0.01
    assert_same(outputs_and_gradients(theirs, x), without)


@pytest.mark.parametrize("way", ["recurrence", "cell"])
@pytest.mark.parametrize("reset_after", [True, False])
@pytest.mark.parametrize("update_gate", ["keep", "write"])
def test_the_layer_computes_the_equations(way, reset_after, update_gate):
    layer = randomise(
        gru_tf.GRU(
            N_H,
            reset_after=reset_after,
            update_gate=update_gate,
            return_sequences=True,
            unroll=way == "cell",
            dtype="float64",
        )
    )
    assert layer._way() == way
    x, h_0 = random_inputs("float64")
    h = equations.gru_forward(x, convert.from_keras(layer), h_0)
    np.testing.assert_allclose(layer(x, initial_state=h_0), h, atol=1e-12)


@pytest.mark.slow
@settings(max_examples=25, deadline=None, derandomize=True)
@given(
    batch=st.integers(1, 4),
    steps=st.integers(1, 19),
    arguments=st.fixed_dictionaries(
        {
            "reset_after": st.booleans(),
            "update_gate": st.sampled_from(["keep", "write"]),
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
def test_the_recurrence_equals_the_cell_in_float64(batch, steps, arguments, shown, seed):
    fast = randomise(gru_tf.GRU(N_H, dtype="float64", **arguments), seed)
    by_cell = randomise(gru_tf.GRU(N_H, dtype="float64", unroll=True, **arguments), seed)
    assert (fast._way(), by_cell._way()) == ("recurrence", "cell")
    rng = np.random.default_rng(seed)
    x, h_0 = rng.normal(size=(batch, steps, N_X)), rng.normal(size=(batch, N_H))
    mask = None if shown is None else rng.random((batch, steps)) < shown
    assert_same(
        outputs_and_gradients(by_cell, x, h_0, mask),
        outputs_and_gradients(fast, x, h_0, mask),
        tolerance=1e-12,
    )


def test_the_cell_in_an_rnn_and_stacked():
    x, _ = random_inputs()
    keras.utils.set_random_seed(1)
    theirs = keras.layers.RNN([keras.layers.GRUCell(N_H), keras.layers.GRUCell(2)])(x)
    keras.utils.set_random_seed(1)
    ours = keras.layers.RNN([gru_tf.GRUCell(N_H), gru_tf.GRUCell(2)])(x)
    np.testing.assert_allclose(ours, theirs, atol=1e-6)


def test_stateful_goes_on_where_it_stopped_until_reset():
    x, _ = random_inputs()
    whole = randomise(gru_tf.GRU(N_H))
    parts = gru_tf.GRU(N_H, stateful=True)
    parts.build((BATCH, None, N_X))
    parts.set_weights([*whole.get_weights(), *parts.get_weights()[3:]])
    for _ in range(2):
        parts(x[:, :3])
        np.testing.assert_allclose(parts(x[:, 3:]), whole(x), atol=1e-6)
        parts.reset_state()
    with pytest.raises(ValueError, match="batch size"):
        parts(x[:2])


@pytest.mark.parametrize("merge_mode", ["concat", "sum"])
def test_bidirectional_and_time_distributed(merge_mode):
    x, _ = random_inputs()
    mask = MASKS["right-padded"]
    results = []
    for gru in (keras.layers.GRU, gru_tf.GRU):
        keras.utils.set_random_seed(2)
        both = keras.layers.Bidirectional(gru(N_H, return_sequences=True), merge_mode)
        nested = keras.layers.TimeDistributed(gru(2))
        results.append([both(x, mask=tf.constant(mask)), nested(np.stack([x, x], 1))])
    assert_same(*results)


@pytest.mark.slow
def test_the_same_seed_gives_the_same_fit_as_keras():
    x, _ = random_inputs()
    losses = []
    for gru in (keras.layers.GRU, gru_tf.GRU):
        keras.utils.set_random_seed(3)
        inputs = keras.Input((None, N_X))
        h = gru(N_H, return_sequences=True, kernel_regularizer="l2", dropout=0.2)(inputs)
        model = keras.Model(inputs, keras.layers.Dense(1)(gru(N_H, bias_constraint="unit_norm")(h)))
        model.compile("adam", "mse")
        losses.append(model.fit(x, x[:, 0, :1], epochs=3, verbose=0).history["loss"])
    np.testing.assert_allclose(losses[1], losses[0], rtol=1e-4)


@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16"])
def test_mixed_precision_is_nearer_to_float32_than_keras(policy):
    x, _ = random_inputs()
    theirs, ours = pair(return_sequences=True, dtype=policy)
    exact, _ = pair(return_sequences=True)
    assert ours(x).dtype == theirs(x).dtype == keras.dtype_policies.get(policy).compute_dtype
    error, their_error = (
        np.abs(np.asarray(tf.cast(layer(x), "float32")) - exact(x)).max()
        for layer in (ours, theirs)
    )
    assert error <= their_error


@pytest.mark.parametrize("reset_after", [True, False])
@pytest.mark.parametrize("training", [True, False])
def test_unknown_batch_and_time(reset_after, training):
    x, _ = random_inputs()
    theirs, ours = pair(return_sequences=True, return_state=True, reset_after=reset_after)
    symbolic = tf.function(
        lambda x: outputs_and_gradients(ours, x, training=training),
        input_signature=[tf.TensorSpec((None, None, N_X))],
    )
    for part in (x, x[:1], x[:, :1]):
        with tf.GradientTape() as tape:
            tape.watch(part := tf.constant(part))
            loss = sum(tf.reduce_sum(y**2) for y in theirs(part))
        assert_same([*theirs(part), tape.gradient(loss, part)], symbolic(part)[:3])
    inputs = keras.Input((None, N_X))
    assert ours(inputs)[0].shape == (None, None, N_H)
    assert ours(keras.Input((TIME, N_X), batch_size=2))[0].shape == (2, TIME, N_H)


@pytest.mark.slow
@pytest.mark.parametrize("batch", [129, None])
@pytest.mark.parametrize("masked", [True, False])
@pytest.mark.parametrize("jit", [True, False])
def test_a_large_batch_in_two_halves_equals_each_row_alone(batch, masked, jit):
    rng = np.random.default_rng(5)
    x = rng.normal(size=(129, TIME, N_X)).astype("float32")  # an odd number of rows
    mask = rng.random((129, TIME)) < 0.6
    layer = randomise(gru_tf.GRU(N_H, return_sequences=True, return_state=True))
    run = tf.function(
        lambda x, mask: layer(x, mask=mask if masked else None),
        input_signature=[
            tf.TensorSpec((batch, None, N_X)),
            tf.TensorSpec((batch, None), tf.bool),
        ],
        jit_compile=jit,
    )
    rows = [layer(x[i : i + 1], mask=mask[i : i + 1] if masked else None) for i in range(129)]
    alone = [np.concatenate(values) for values in zip(*rows, strict=True)]
    assert_same(alone, run(x, mask))


def test_config_holds_every_argument():
    arguments = dict(
        units=3,
        activation="relu",
        recurrent_activation="hard_sigmoid",
        use_bias=False,
        kernel_regularizer="l2",
        recurrent_constraint="max_norm",
        dropout=0.1,
        recurrent_dropout=0.2,
        seed=7,
        return_sequences=True,
        return_state=True,
        go_backwards=True,
        stateful=True,
        unroll=True,
        reset_after=False,
        use_cudnn=False,
        update_gate="write",
        zero_output_for_mask=True,
    )
    config = gru_tf.GRU(**arguments).get_config()
    assert gru_tf.GRU.from_config(config).get_config() == config
    for name in set(arguments) - {"kernel_regularizer", "recurrent_constraint"}:
        assert config[name] == arguments[name]
    assert set(keras.layers.GRU(3).get_config()) <= set(config)


@pytest.mark.slow
def test_a_saved_model_loads_in_another_process_without_custom_objects(tmp_path):
    x, _ = random_inputs()
    inputs = keras.Input((None, N_X))
    h = gru_tf.GRU(N_H, update_gate="write", return_sequences=True)(inputs)
    h = keras.layers.RNN(gru_tf.GRUCell(2, update_gate="write"))(h)
    model = keras.Model(inputs, h)
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


@pytest.mark.slow
def test_a_mirrored_strategy_trains_as_one_device_does():
    program = """
        import numpy as np, keras, tensorflow as tf, gru_tf
        cpu = tf.config.list_physical_devices("CPU")[0]
        tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
        rng = np.random.default_rng(0)
        x, y = rng.normal(size=(16, 11, 3)).astype("float32"), rng.normal(size=(16, 1))
        losses = []
        for strategy in tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"]), tf.distribute.get_strategy():
            with strategy.scope():
                keras.utils.set_random_seed(0)
                model = keras.Sequential([keras.Input((None, 3)), gru_tf.GRU(4), keras.layers.Dense(1)])
                model.compile("sgd", "mse")
            losses.append(model.fit(x, y, batch_size=8, epochs=3, shuffle=False, verbose=0).history["loss"])
        assert strategy.num_replicas_in_sync == 1 and losses[0][0] > losses[0][-1], losses
        np.testing.assert_allclose(*losses, rtol=1e-5)
    """  # noqa: E501
    environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"}
    command = [sys.executable, "-c", textwrap.dedent(program)]
    subprocess.run(command, check=True, env=environment)


def test_a_savedmodel_export_serves_the_same_numbers(tmp_path):
    x, _ = random_inputs()
    inputs = keras.Input((None, N_X))
    model = keras.Model(inputs, gru_tf.GRU(N_H)(inputs))
    model.export(tmp_path / "served", verbose=False)
    served = tf.saved_model.load(tmp_path / "served")
    np.testing.assert_allclose(served.serve(x), model(x), atol=1e-6)


@pytest.mark.parametrize(
    ("arguments", "way_with_gpu", "way_without"),
    [
        ({}, "cudnn", "recurrence"),
        ({"update_gate": "write", "dropout": 0.5}, "cudnn", "recurrence"),
        ({"use_cudnn": False}, "cell", "recurrence"),
        ({"reset_after": False}, "cell", "recurrence"),
        ({"use_bias": False}, "cell", "recurrence"),
        ({"unroll": True}, "cell", "cell"),
        ({"activation": "relu"}, "cell", "cell"),
        ({"recurrent_activation": "hard_sigmoid"}, "cell", "cell"),
        ({"recurrent_dropout": 0.5}, "cell", "cell"),
        ({"dropout": 0.5, "implementation": 1}, "cell", "cell"),
    ],
    ids=str,
)
def test_the_way_is_chosen_by_device_and_settings(
    monkeypatch, arguments, way_with_gpu, way_without
):
    for gpus, way in (([], way_without), (["GPU:0"], way_with_gpu)):
        monkeypatch.setattr(tf.config, "list_logical_devices", lambda kind, gpus=gpus: gpus)
        assert gru_tf.GRU(3, **arguments)._way() == way


@pytest.mark.parametrize("mask", ["no mask", "right-padded", "with holes"])
def test_a_call_away_from_the_gpu_goes_another_way(monkeypatch, mask):
    x, mask = random_inputs()[0], MASKS[mask]
    layer = gru_tf.GRU(N_H)
    expected = layer(x, mask=mask)
    monkeypatch.setattr(tf.config, "list_logical_devices", lambda kind: ["GPU:0"])
    assert layer._way() == "cudnn"
    np.testing.assert_allclose(layer(x, mask=mask), expected, atol=1e-6)
    if mask is not MASKS["with holes"]:  # which cuDNN can't read
        with pytest.raises(ValueError, match="use_cudnn=True needs to run on the GPU"):
            gru_tf.GRU(N_H, use_cudnn=True)(x, mask=mask)


@pytest.mark.parametrize("layer", [gru_tf.GRUCell, gru_tf.GRU, gru_tf.MinGRU, MinGRUCell])
def test_another_backend_is_refused(monkeypatch, layer):
    monkeypatch.setattr(keras.backend, "backend", lambda: "torch")
    with pytest.raises(RuntimeError, match="KERAS_BACKEND to tensorflow.*= 'torch'"):
        layer(3)


def test_bad_arguments_are_named():
    for units in (0, -1, 2.5, "8", True):
        with pytest.raises(ValueError, match=f"positive integer. Received: units={units!r}"):
            gru_tf.GRU(units)
    with pytest.raises(ValueError, match='"keep" or "write". Received: \'forget\''):
        gru_tf.GRU(3, update_gate="forget")
    with pytest.raises(ValueError, match="update_gate"):
        gru_tf.GRUCell(3, update_gate=None)
    with pytest.raises(ValueError, match="use_cudnn.*'yes'"):
        gru_tf.GRU(3, use_cudnn="yes")
    with pytest.raises(ValueError, match="use_cudnn=True needs"):
        gru_tf.GRU(3, use_cudnn=True)(np.zeros((2, 3, 4), "float32"))
    layer = gru_tf.GRU(3)
    with pytest.raises(ValueError, match="expected ndim=3, found ndim=2"):
        layer(np.zeros((2, 4), "float32"))
    layer(np.zeros((2, 3, 4), "float32"))
    with pytest.raises(ValueError, match="to have value 4, but received input with shape"):
        layer(np.zeros((2, 3, 5), "float32"))


@pytest.mark.slow
def test_importing_the_package_imports_no_more_than_keras():
    program = (
        "import sys, keras\n"
        "before = {name.split('.')[0] for name in sys.modules}\n"
        "import gru_tf\n"
        "print({name.split('.')[0] for name in sys.modules} - before)"
    )
    found = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert found.stdout.strip() == "{'gru_tf'}"
