"""Models in files: written by one set of versions, read by another.

    python tools/saved.py write FOLDER    a model of each builder, with both layers of the package
    python tools/saved.py read FOLDER     read them all, and print as JSON how far they are off
    python tools/saved.py foreign FOLDER  print the error where `import gru_tf` was forgotten

Each model has random weights and has been trained for one step. It is written as a `.keras` file,
as a file of weights beside its configuration, and as a SavedModel, with inputs and the outputs that
must come back. Who reads imports `keras` and `gru_tf` and nothing else of the package, and leaves
Keras' safe mode on; only then are the weights also read into a model that its builder made anew.
`make test-colab` runs this to and fro.
"""

import functools
import json
import os
import sys
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np

LAYERS = ("GRU", "MinGRU")


def build(function, gru):
    """Return a small model of a builder, not trained, and four rows of inputs and targets."""
    import builders

    name = function.__name__
    small = {"units": 8, "gru": gru}
    names = {"np": np, "rng": np.random.default_rng(0), name: functools.partial(function, **small)}
    exec(f"from gru_tf.models import teacher_inputs\n{chr(10).join(builders.DATA[name])}", names)
    exec(builders.call(function), names)
    model, x, y = (names[key] for key in ("model", "x", "y"))
    x, y = keras.tree.map_structure(lambda array: array[:4], (x, y))
    if name == "build_tabular_regressor":
        x = x[..., None]  # a SavedModel takes no shape but its own
    return model, x, y


def example(function, gru):
    """Return a small model of a builder, with random weights, and its inputs."""
    model, x, y = build(function, gru)
    model.run_eagerly = True  # one step isn't worth a graph
    model.train_on_batch(x, y)
    model.run_eagerly = False
    rng = np.random.default_rng(1)
    model.set_weights([rng.normal(0, 0.3, one.shape) for one in model.get_weights()])
    return model, x


def outputs(model, x):
    """Return what a model says, several outputs side by side."""
    x = x if isinstance(x, list) else [x]
    x = [array.astype("float32" if array.dtype.kind == "f" else "int32") for array in x]
    found = model(x if len(x) > 1 else x[0])
    found = found if isinstance(found, list | tuple) else [found]
    return np.concatenate([np.asarray(one) for one in found], axis=-1)


def write(folder):
    import builders
    import gru_tf

    for layer in LAYERS:
        for name, function in builders.builders().items():
            model, x = example(function, getattr(gru_tf, layer))
            place = folder / f"{name}-{layer}"
            place.mkdir(parents=True, exist_ok=True)
            model.save(place / "model.keras")
            model.save_weights(place / "model.weights.h5")
            (place / "model.json").write_text(model.to_json(), encoding="utf-8")
            model.export(place / "served", verbose=False)
            x_list = x if isinstance(x, list) else [x]
            arrays = {f"x{i}": array for i, array in enumerate(x_list)}
            np.savez(place / "numbers.npz", y=outputs(model, x), **arrays)


def from_keras_file(place):
    return keras.models.load_model(place / "model.keras")


def from_json(place):
    model = keras.models.model_from_json((place / "model.json").read_text(encoding="utf-8"))
    model.load_weights(place / "model.weights.h5")
    return model


def from_savedmodel(place):
    return keras.layers.TFSMLayer(str(place / "served"), call_endpoint="serve")


def from_builder(place):
    import builders
    import gru_tf

    name, layer = place.name.split("-")
    model, _, _ = build(builders.builders()[name], getattr(gru_tf, layer))
    model.load_weights(place / "model.weights.h5")
    return model


READ = {".keras": from_keras_file, "json": from_json, "SavedModel": from_savedmodel}
BUILT = {"weights": from_builder}  # into what the same code builds


def read(folder, kinds=READ):
    """Return the largest difference, or the error, of each model and each kind of file."""
    found = {}
    for place in sorted(folder.iterdir()):
        numbers = np.load(place / "numbers.npz")
        x = [numbers[name] for name in sorted(numbers.files) if name != "y"]
        found[place.name] = {}
        for kind, load in kinds.items():
            try:
                off = np.abs(outputs(load(place), x) - numbers["y"]).max()
                found[place.name][kind] = float(off)
            except Exception as error:  # each kind of file says for itself
                found[place.name][kind] = f"{type(error).__name__}: {error}"
    return found


def foreign(folder):
    """Return what each kind of file says to who has not imported gru_tf."""
    said = {}
    for kind, load in READ.items():
        try:
            load(next(place for place in sorted(folder.iterdir()) if place.name.endswith("-GRU")))
            said[kind] = "is read"
        except Exception as error:
            said[kind] = f"{type(error).__name__}: {error}"
    return said


if __name__ == "__main__":
    what, folder = sys.argv[1], Path(sys.argv[2])
    if what == "write":
        write(folder)
    elif what == "foreign":
        print(json.dumps(foreign(folder)))
    else:
        import gru_tf  # noqa: F401

        found = read(folder)
        assert "gru_tf.models" not in sys.modules
        for name, said in read(folder, BUILT).items():
            found[name] |= said
        print(json.dumps(found))
