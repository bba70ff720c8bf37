"""Any call of a layer, drawn at random, beside the same call of Keras' own.

A GRU is compared with `keras.layers.GRU`, a MinGRU with its cell in `keras.layers.RNN`. A call is
a dict of plain values, so that a finding can be stored as JSON. The referee is Keras' layer in
float64: ours may be no further from it than Keras' own in the same policy.
"""

import keras
import numpy as np
import tensorflow as tf
from hypothesis import strategies as st

import gru_tf
from gru_tf.min_gru import MinGRUCell

ROUNDING = {"float64": 1e-11, "float32": 2e-5, "float16": 4e-3, "bfloat16": 3e-2}
FLAGS = (
    "reset_after",
    "return_sequences",
    "return_state",
    "go_backwards",
    "zero_output_for_mask",
    "use_bias",
    "unroll",
    "training",
)

calls = st.fixed_dictionaries(
    {
        "layer": st.sampled_from(["GRU", "GRU", "MinGRU"]),
        "seed": st.integers(0, 999),
        "batch": st.sampled_from([2, 1, 3, 0, 129]),
        "time": st.sampled_from([5, 1, 7, 8, 9, 16, 19]),
        "features": st.sampled_from([3, 1, 0]),
        "units": st.integers(1, 5),
        "policy": st.sampled_from(["float32", "float64", "mixed_float16", "bfloat16"]),
        "dtype": st.sampled_from(["float32", "float64", "float16", "int32", "uint8", "bool"]),
        "inputs": st.sampled_from([1.0, 1e-30, 1e-3, 30.0, 1e4, 1e30]),  # their size
        "weights": st.sampled_from([0.5, 1e-30, 1e-3, 5.0, 1e4]),
        "state": st.sampled_from([None, 0.0, 1.0, 1e-30, 1e5, 1e30]),
        "special": st.sampled_from([None, None, "nan", "inf", "-inf"]),
        "special_is_masked": st.booleans(),
        "mask": st.sampled_from([None, "right", "left", "holes", "none", "all"]),
        "mask_form": st.sampled_from(["rows", "column", "one row", "int", "list", "wide"]),
        "dropout": st.sampled_from([0.0, 0.0, 0.4, 1.0]),
        "recurrent_dropout": st.sampled_from([0.0, 0.0, 0.0, 0.3, 1.0]),
        "way": st.sampled_from(
            ["eager", "graph", "unknown", "fit", "xla", "xla unknown", "nested", "forward"]
        ),
        **{flag: st.booleans() for flag in FLAGS if flag != "unroll"},
        "unroll": st.sampled_from([False, False, False, True]),
        "wrapper": st.sampled_from([None, None, None, "Bidirectional", "TimeDistributed"]),
        "stateful": st.sampled_from([False, False, False, True]),
    }
)


def check(call):
    """Raise an AssertionError that says where the two layers part, if they do."""
    with np.errstate(all="ignore"):
        theirs, ours = (_run(whose, call) for whose in ("theirs", "ours"))
        if isinstance(theirs, Exception) or isinstance(ours, Exception):
            _check_refusals(call, theirs, ours)
            return
        exact = _run("theirs", {**call, "policy": "float64"})
        assert len(theirs) == len(ours)
        for i, values in enumerate(zip(theirs, ours, exact, strict=True)):
            _check_numbers(call, f"result {i}", *values)


def _check_refusals(call, theirs, ours):
    if isinstance(theirs, Exception) and isinstance(ours, Exception):
        return
    if isinstance(ours, Exception):
        # Keras takes a mask for each unit, where the last axis happens to be as long as the state.
        allowed = call["mask"] is not None and call["mask_form"] == "wide"
        assert allowed, f"ours alone refuses: {ours!r}"
    else:
        # Keras' dropout wants floats. Ours has cast the integers before.
        rates = call["dropout"] or call["recurrent_dropout"]
        integers = call["dtype"] in ("int32", "uint8", "bool") and rates
        # A state of one row or none, beside a batch of unknown size: Keras' loop changes its shape.
        given = call["state"] is not None or call.get("stateful")
        row = "unknown" in call["way"] and call["batch"] < 2 and given
        # A MinGRU takes a mask in a list, as a GRU does. Keras' loop over any cell doesn't.
        loop = call.get("layer") == "MinGRU" and call["mask_form"] == "list"
        assert integers or row or loop, f"Keras alone refuses: {theirs!r}"


def _check_numbers(call, name, theirs, ours, exact):
    assert ours.dtype == theirs.dtype, (name, ours.dtype, theirs.dtype)
    assert ours.shape == theirs.shape, (name, ours.shape, theirs.shape)
    # Gradients of float32 weights come from numbers of the type in which the layer computes.
    computed = keras.DTypePolicy(call["policy"]).compute_dtype
    rounding = max(ROUNDING[theirs.dtype.name], ROUNDING[computed])
    theirs, ours, exact = (np.asarray(tf.cast(v, "float64")) for v in (theirs, ours, exact))
    # Where Keras computes a number, so does ours.
    known = np.isfinite(theirs) & np.isfinite(exact)
    assert np.isfinite(ours[known]).all(), f"{name}: not finite, where Keras' is"
    if not known.any():
        return
    size = max(1e-300, np.abs(exact[known]).max())
    error, their_error = (np.abs(v - exact)[known].max() / size for v in (ours, theirs))
    smallest = 6e-8 if computed == "float16" else 1e-30  # below it a type resolves nothing
    allowed = 4 * their_error + rounding + smallest / size
    assert error <= allowed, f"{name}: off by {error:.1e} of {size:.1e}, allowed {allowed:.1e}"


def _run(whose, call):
    """Return what a call gives, outputs and then gradients, or the error that it raises."""
    try:
        values = _compute(_make(whose, call), call)
    except Exception as error:  # the caller compares errors too
        return error
    return [v.numpy() if v.dtype != tf.bfloat16 else v for v in map(tf.convert_to_tensor, values)]


def _make(whose, call):
    arguments = {flag: call[flag] for flag in FLAGS if flag != "training"}
    arguments |= {"dtype": call["policy"], "stateful": call.get("stateful", False)}
    if call.get("layer") == "MinGRU":
        del arguments["reset_after"]
        if whose == "ours":
            return gru_tf.MinGRU(call["units"], **arguments)
        bias = {"use_bias": arguments.pop("use_bias"), "dtype": call["policy"]}
        return keras.layers.RNN(MinGRUCell(call["units"], **bias), **arguments)
    GRU = gru_tf.GRU if whose == "ours" else keras.layers.GRU
    rates = {name: call[name] for name in ("dropout", "recurrent_dropout")}
    return GRU(call["units"], seed=1, **rates, **arguments)


def _compute(layer, call):
    wrapper = call.get("wrapper")
    if wrapper:
        layer = getattr(keras.layers, wrapper)(layer, dtype=call["policy"])
    x, mask, given = _draw(call, layer)
    if call["way"] == "fit":
        return _fit(layer, x, mask, x.shape[0] if call.get("stateful") else None)
    if call.get("stateful"):
        layer(x, mask=mask, training=call["training"])  # leaves a state
    floats = x.dtype.is_floating

    def run(x):
        watched = [*([x] if floats else []), *(v.value for v in layer.trainable_variables)]
        with tf.GradientTape() as tape:
            tape.watch(watched)
            outputs = layer(x, mask=mask, training=call["training"], **given)
            outputs = tf.nest.flatten(outputs)
            loss = sum(tf.reduce_sum(tf.cast(y, "float64")) for y in outputs)
        gradients = tape.gradient(loss, watched, unconnected_gradients="zero")
        return [*outputs, *gradients]

    way = call["way"]
    if way == "nested":
        with tf.GradientTape() as other:
            other.watch(factor := tf.constant(2.0))
            results = run(x)
            size = tf.reduce_sum(tf.abs(tf.cast(results[0], "float64")))
            product = factor * tf.cast(size, "float32")
        return [*results, tf.cast(other.gradient(product, factor), results[0].dtype)]
    if way == "forward" and floats:
        with tf.autodiff.ForwardAccumulator(x, tf.ones_like(x)) as forward:
            outputs = layer(x, mask=mask, training=call["training"], **given)
        outputs = tf.nest.flatten(outputs)
        zero = tf.UnconnectedGradients.ZERO
        return [*outputs, *(forward.jvp(y, unconnected_gradients=zero) for y in outputs)]
    if way in ("graph", "xla", "unknown", "xla unknown"):
        shape = (*[None] * (x.shape.rank - 1), x.shape[-1])
        signature = [tf.TensorSpec(shape, x.dtype)] if "unknown" in way else None
        run = tf.function(run, jit_compile="xla" in way, input_signature=signature)
    results = run(x)
    return [*results, *layer.states] if call.get("stateful") and not wrapper else results


def _fit(layer, x, mask, rows):
    """Return the losses of two epochs, and the weights after them; `rows` are a batch, if fixed."""
    inputs = [keras.Input(batch_shape=(rows, *x.shape[1:]), dtype=x.dtype.name)]
    if tf.is_tensor(mask) and mask.shape == x.shape[:-1]:
        shape = (rows, *mask.shape[1:])
        inputs.append(keras.Input(batch_shape=shape, dtype=mask.dtype.name))
    y = tf.nest.flatten(layer(inputs[0], mask=inputs[1] if inputs[1:] else None))[0]
    model = keras.Model(inputs, y)
    model.compile(keras.optimizers.SGD(0.01), "mse", jit_compile=False)
    data = [x, mask][: len(inputs)]
    target = np.full((x.shape[0], *y.shape[1:]), 0.1)
    history = model.fit(data, target, batch_size=rows or 64, epochs=2, shuffle=False, verbose=0)
    return [tf.constant(history.history["loss"]), *layer.get_weights()]


def _draw(call, layer):
    """Give the layer its weights; return inputs, mask, and the initial state as an argument."""
    rng = np.random.default_rng(call["seed"])
    batch, time, features, units = (call[k] for k in ("batch", "time", "features", "units"))
    documents = call.get("wrapper") == "TimeDistributed"  # two in a row of the batch
    layer.build((batch, 2, time, features) if documents else (batch, time, features))
    weights = [w for w in layer.weights if "seed" not in w.name]
    for weight in weights:
        weight.assign((call["weights"] * rng.normal(size=weight.shape)).astype("float32"))
    size = call["inputs"]
    if call["dtype"] == "float16" or "float16" in call["policy"]:
        size = min(size, 1e4)  # not infinite by its type alone
    x = size * rng.normal(size=(batch, time, features))
    shown = {
        "right": np.arange(time) < rng.integers(0, time + 1, (batch, 1)),
        "left": np.arange(time) >= rng.integers(0, time + 1, (batch, 1)),
        "holes": rng.random((batch, time)) < 0.6,
        "none": np.ones((batch, time), bool),
        "all": np.zeros((batch, time), bool),
    }.get(call["mask"])
    if call["special"] and call["dtype"].startswith("float"):
        if call["special_is_masked"] and shown is not None:
            x[~shown] = float(call["special"])
        elif batch and features:
            x[-1, time // 2, 0] = float(call["special"])
    if call["dtype"] in ("int32", "uint8"):
        x = np.clip(np.nan_to_num(x), -100 if call["dtype"] == "int32" else 0, 100)
    x = tf.constant(x.astype(call["dtype"]))
    mask = None if shown is None else _form(shown, call["mask_form"], units)
    if documents:
        return *(None if v is None else tf.stack([v, v], 1) for v in (x, mask)), {}
    if call["state"] is None:
        return x, mask, {}
    h_0 = tf.constant(call["state"] * rng.normal(size=(batch, units)), tf.float32)
    return x, mask, {"initial_state": [h_0, h_0] if call.get("wrapper") else h_0}


def _form(mask, form, units):
    forms = {
        "rows": lambda: tf.constant(mask),
        "column": lambda: tf.constant(mask[:, :, None]),
        "one row": lambda: tf.constant(mask[:1]),
        "int": lambda: tf.constant(mask.astype("int32")),
        "list": lambda: [tf.constant(mask)],
        "wide": lambda: tf.constant(np.repeat(mask[:, :, None], units + 1, 2)),
    }
    return forms[form]()
