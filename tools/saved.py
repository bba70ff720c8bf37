"""Models in files: written by one set of versions, read by another.

    python tools/saved.py write FOLDER    a model of each builder, with both layers of the package
    python tools/saved.py read FOLDER     read them all, and print as JSON how far they are off
    python tools/saved.py foreign FOLDER  print the error where `import gru_tf` was forgotten
    python tools/saved.py exports [NAME ...]  export builders' models; write docs/saving.md's table

Each model has random weights and has been trained for one step. It is written as a `.keras` file,
as a file of weights beside its configuration, and as a SavedModel, with inputs and the outputs that
must come back. Who reads imports `keras` and `gru_tf` and nothing else of the package, and leaves
Keras' safe mode on; only then are the weights also read into a model that its builder made anew.
`make test-colab` runs this to and fro.

`exports` tries SavedModel, LiteRT and ONNX, of which the last takes the packages tf2onnx and
onnxruntime, in an environment of their own. It goes on where it stopped, by what it keeps under
build/; a change of versions or of the package begins anew. With the names of builders it does no
others, and the table is of what was tried by then. It fails where outputs differ, or where an
export fails in a way that REASONS doesn't know.
"""

import argparse
import functools
import hashlib
import json
import logging
import os
import re
import sys
import tempfile
from importlib import metadata
from logging.handlers import BufferingHandler
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "saving.md"
LAYERS = ("GRU", "MinGRU")
TOLERANCE = 1e-5


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


def every_builder():
    """Return the functions that build a model, by name, and the one whose settings are searched."""
    import keras_tuner as kt

    import builders
    from gru_tf import tuning

    def build_sentiment_classifier(units, dropout, gru):
        return tuning.build_tunable_sentiment_classifier(kt.HyperParameters(), gru=gru)

    # It is called, and gets data, as the builder that it stands on.
    build_sentiment_classifier.__doc__ = builders.builders()["build_sentiment_classifier"].__doc__
    tunable = {"build_tunable_sentiment_classifier": build_sentiment_classifier}
    return {**builders.builders(), **tunable}


def every_layer():
    """Return the layers that a builder takes, by name."""
    import gru_tf

    return {
        "keras.layers.GRU": keras.layers.GRU,
        "gru_tf.GRU": gru_tf.GRU,
        "gru_tf.MinGRU": gru_tf.MinGRU,
    }


def as_list(x):
    x = x if isinstance(x, list) else [x]
    return [array.astype("float32" if array.dtype.kind == "f" else "int32") for array in x]


def by_savedmodel(model, x, folder):
    model.export(folder / "served", verbose=False)
    return outputs(from_savedmodel(folder), x)


def by_litert(model, x, folder, rows=None):
    import tensorflow as tf

    path, signature, arrays = folder / "model.tflite", None, as_list(x)
    if rows:
        specs = [
            tf.TensorSpec((rows, *array.shape[1:]), one.dtype, one.name)
            for one, array in zip(model.inputs, arrays, strict=True)
        ]
        signature = specs if len(specs) == 1 else [specs]
    model.export(path, format="litert", input_signature=signature, verbose=False)
    run = tf.lite.Interpreter(str(path)).get_signature_runner()
    types = {name: about["dtype"] for name, about in run.get_input_details().items()}
    names = [one.name if one.name in types else next(iter(types)) for one in model.inputs]
    found = []
    for i in range(0, len(arrays[0]), rows or len(arrays[0])):
        some = slice(i, i + rows if rows else None)
        feeds = {n: a[some].astype(types[n]) for n, a in zip(names, arrays, strict=True)}
        said = run(**feeds)
        found.append(np.concatenate([said[name] for name in sorted(said)], axis=-1))
    return np.concatenate(found)


def by_onnx(model, x, folder):
    import onnxruntime
    import tf2onnx  # noqa: F401

    path = str(folder / "model.onnx")
    log, heard = logging.getLogger("tf2onnx"), BufferingHandler(capacity=10_000)
    log.addHandler(heard)
    try:
        model.export(path, format="onnx", verbose=False)
    finally:
        log.removeHandler(heard)
    # It writes a file of what it could convert, and logs what it could not.
    failed = sorted({str(record.exc_info[1]) for record in heard.buffer if record.exc_info})
    if failed:
        raise RuntimeError(f"tf2onnx: {'; '.join(failed)}")
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    types = {"tensor(float)": "float32", "tensor(int32)": "int32", "tensor(int64)": "int64"}
    given = {one.name: array for one, array in zip(model.inputs, as_list(x), strict=True)}
    feeds = {one.name: given[one.name].astype(types[one.type]) for one in session.get_inputs()}
    return np.concatenate(session.run(None, feeds), axis=-1)


OPEN, ROW = "LiteRT, batch and time open", "LiteRT, one row of fixed length"
EXPORTS = {
    "SavedModel": by_savedmodel,
    OPEN: by_litert,
    ROW: functools.partial(by_litert, rows=1),
    "ONNX": by_onnx,
}
# Why an export can't be run, by what its error says.
REASONS = {
    r"Select TensorFlow op": "needs TensorFlow's own operations (Flex), which the interpreter of "
    "the wheel has not",
}


def export(name, layer, kinds=EXPORTS):
    """Return the largest difference, or the error, of each kind of export of one model.

    What LiteRT runs with sizes left open, it isn't asked to run with fixed ones as well.
    """
    model, x = example(every_builder()[name], every_layer()[layer])
    right, found = outputs(model, x), {}
    for kind, by in kinds.items():
        if kind == ROW and isinstance(found.get(OPEN), float):
            found[kind] = found[OPEN]
            continue
        with tempfile.TemporaryDirectory() as folder:
            try:
                found[kind] = float(np.abs(by(model, x, Path(folder)) - right).max())
            except Exception as error:  # each kind says for itself
                found[kind] = f"{type(error).__name__}: {error}"
    keras.backend.clear_session()
    return found


def versions():
    """Return the versions that decide what can be exported."""
    names = {"tensorflow": "TensorFlow", "keras": "Keras", "tf2onnx": "tf2onnx", "onnx": "onnx"}
    names["onnxruntime"] = "onnxruntime"
    return ", ".join(f"{shown} {metadata.version(name)}" for name, shown in names.items())


def export_all(names):
    """Export models with every layer; return what came of these and earlier ones.

    The keys are a model and a layer, with a space between them.
    """
    from gru_tf.atomic import replacing

    digest = hashlib.sha256(versions().encode())
    sources = (
        "gru_tf/*.py",
        "gru_tf/models/*.py",
        "gru_tf/tuning/builders.py",
        "tools/builders.py",
    )
    for path in sorted(path for pattern in sources for path in ROOT.glob(pattern)):
        digest.update(path.read_bytes())
    path = ROOT / "build" / f"exports-{digest.hexdigest()[:12]}.json"
    done = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    every = [f"{name} {layer}" for name in every_builder() for layer in every_layer()]
    todo = [which for which in every if which.split()[0] in names]
    for number, which in enumerate(todo, 1):
        if which not in done:
            done[which] = export(*which.split())
            with replacing(path) as unfinished:
                unfinished.write_text(json.dumps(done, indent=1), encoding="utf-8")
            print(f"{number} of {len(todo)} | {which} | {done[which]}", flush=True)
    return {which: done[which] for which in every if which in done}


def reason(said):
    """Return why an export can't be run, None where its outputs are equal.

    Raises:
        ValueError: If they differ, or if it can't be for a reason that nobody has looked at.
    """
    if not isinstance(said, str):
        if said < TOLERANCE:
            return None
        raise ValueError(f"the outputs differ by {said}")
    for pattern, words in REASONS.items():
        if re.search(pattern, said):
            return words
    raise ValueError(said)


def table(found):
    """Return the rows of docs/saving.md on what came of each export."""
    n_models = len({which.split()[0] for which in found})
    lines = ["| exported to | layer | equal | not |", "| --- | --- | --- | --- |"]
    for kind in EXPORTS:
        for layer in every_layer():
            why = {}
            of_layer = {w.split()[0]: said for w, said in found.items() if w.split()[1] == layer}
            for name, said in of_layer.items():
                why.setdefault(reason(said[kind]), []).append(f"`{name}`")
            n_equal = len(why.pop(None, []))
            words = [
                f"{'all' if len(names) == n_models else ', '.join(names)}: {words}"
                for words, names in why.items()
            ]
            lines.append(
                f"| {kind} | `{layer}` | {n_equal} of {len(of_layer)} | {'; '.join(words)} |"
            )
    return "\n".join(lines)


def write_table(names):
    """Export some builders, or all; write the table between the marks of docs/saving.md."""
    from gru_tf.atomic import replacing

    names = names or list(every_builder())
    if unknown := set(names) - set(every_builder()):
        sys.exit(f"no builder of these names: {', '.join(sorted(unknown))}")
    found = export_all(names)
    tried = list(dict.fromkeys(which.split()[0] for which in found))
    left = [name for name in every_builder() if name not in tried]
    rows = f"With {versions()}:\n\n{table(found)}"
    if left:
        rows += f"\n\nNot tried yet: {', '.join(f'`{name}`' for name in left)}."
    start, rest = PAGE.read_text(encoding="utf-8").split("<!-- exports -->\n")
    end = rest.partition("<!-- end of exports -->\n")[2]
    text = f"{start}<!-- exports -->\n{rows}\n<!-- end of exports -->\n{end}"
    with replacing(PAGE) as unfinished:
        unfinished.write_text(text, encoding="utf-8")
    print(f"written: {PAGE.relative_to(ROOT)}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    commands = parser.add_subparsers(
        dest="what", required=True, metavar="write|read|foreign|exports"
    )
    for name in ("write", "read", "foreign"):
        commands.add_parser(name).add_argument("folder", type=Path)
    commands.add_parser("exports").add_argument("names", nargs="*", metavar="NAME")
    options = parser.parse_args()
    if options.what == "exports":
        from gru_tf.commands import run_command

        run_command(functools.partial(write_table, options.names))
    elif options.what == "write":
        write(options.folder)
    elif options.what == "foreign":  # must not have imported gru_tf, to tell what is said without
        print(json.dumps(foreign(options.folder)))
    else:
        import gru_tf  # noqa: F401

        found = read(options.folder)
        assert "gru_tf.models" not in sys.modules
        for name, said in read(options.folder, BUILT).items():
            found[name] |= said
        print(json.dumps(found))


if __name__ == "__main__":
    main()
