"""Time gru_tf.GRU on fewer cores, beside other libraries, in half precision, in whole models.

    make bench
    python benchmarks/speed_peers.py [--threads 1 2 all] [--quick] [--docs docs]

Writes speed_peers.md. Each part runs in a process of its own. JAX, ONNX Runtime and PyTorch take
part where they are installed.
"""

import argparse
import functools
import importlib.metadata
import json
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np
import tensorflow as tf

import gru_tf
from gru_tf.atomic import replacing
from gru_tf.checks import number_from
from gru_tf.commands import run_command
from gru_tf.convert import from_keras, to_onnx, to_torch
from gru_tf.models import build_sentiment_classifier
from results import as_markdown
from speed import (
    OURS,
    SHAPES,
    THEIRS,
    calls_of,
    count_cores,
    describe,
    make_calls,
    measure,
    torch_calls_of,
    vector_instructions,
)

FEW = [SHAPES[0], SHAPES[1], SHAPES[4]]
SLOWER = 1.05  # of Keras' time, on one core
PEERED = [*FEW, SHAPES[5]]
OURS_XLA = f"{OURS}, XLA"
UNROLLED = 30  # steps, at most, that torch.compile is given to unroll: it takes minutes
PROCESSES = 5  # that whole models are timed in
NUM_WORDS = 10_000
SIZES = "batch, steps, features, units"


def time_layers(shapes, rounds):
    """Return rows of shape, kind, and the seconds of Keras' layer and of ours."""
    rows = []
    for shape in shapes:
        seconds = measure(make_calls(shape, names=[THEIRS, OURS]), rounds)
        for kind in ("train", "infer"):
            rows.append([shape, kind, seconds[kind, THEIRS], seconds[kind, OURS]])
        keras.backend.clear_session()
    return rows


def on_cores(shapes, rounds, cores):
    tf.config.threading.set_intra_op_parallelism_threads(cores)
    tf.config.threading.set_inter_op_parallelism_threads(cores)
    return time_layers(shapes, rounds)


def in_precision(shapes, rounds, policy):
    keras.config.set_dtype_policy(policy)
    return time_layers(shapes, rounds)


# Other libraries: functions of a Keras layer and of inputs, (batch, steps, features), to calls by
# kind as `calls_of` returns them, with the weights of that layer.


def under_xla(layer, x):
    return calls_of(layer, x, jit_compile=True)


def in_jax(layer, x):
    import jax

    def last_state(x, kernel, recurrent_kernel, bias):
        a = x.swapaxes(0, 1) @ kernel + bias[0]  # (steps, batch, 3 * units)

        def step(h, a_t):
            a_z, a_r, a_h = jax.numpy.split(a_t, 3, axis=-1)
            u_z, u_r, u_h = jax.numpy.split(h @ recurrent_kernel + bias[1], 3, axis=-1)
            z, r = jax.nn.sigmoid(a_z + u_z), jax.nn.sigmoid(a_r + u_r)
            return z * h + (1 - z) * jax.numpy.tanh(a_h + r * u_h), None

        h_0 = jax.numpy.zeros((x.shape[0], layer.units))
        return jax.lax.scan(step, h_0, a)[0]

    def loss(*arrays):
        return (last_state(*arrays) ** 2).sum()

    arrays = [jax.numpy.asarray(array) for array in (x.numpy(), *layer.get_weights())]
    step = jax.jit(jax.value_and_grad(loss, argnums=range(4)))
    infer = jax.jit(last_state)
    return {
        "train": lambda: jax.block_until_ready(step(*arrays))[1],
        "infer": lambda: jax.block_until_ready(infer(*arrays)),
    }


def in_onnx_runtime(layer, x):
    import onnx
    import onnxruntime

    make, number = onnx.helper, onnx.TensorProto.FLOAT
    weights = to_onnx(from_keras(layer))
    reset = weights.pop("linear_before_reset")
    nodes = [
        make.make_node("Transpose", ["x"], ["X"], perm=[1, 0, 2]),
        make.make_node(
            "GRU",
            ["X", "W", "R", "B"],
            ["", "h"],
            hidden_size=layer.units,
            linear_before_reset=reset,
        ),
    ]
    graph = make.make_graph(
        nodes,
        "gru",
        [make.make_tensor_value_info("x", number, x.shape)],
        [make.make_tensor_value_info("h", number, (1, x.shape[0], layer.units))],
        [onnx.numpy_helper.from_array(array, name) for name, array in weights.items()],
    )
    model = make.make_model(graph, opset_imports=[make.make_opsetid("", 14)], ir_version=8)
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), providers=["CPUExecutionProvider"]
    )
    inputs = {"x": x.numpy()}
    return {"infer": lambda: session.run(["h"], inputs)[0][0]}


def torch_weights(layer):
    import torch

    return {k: torch.from_numpy(v) for k, v in to_torch(from_keras(layer)).items()}


def in_torch(layer, x):
    import torch

    module = torch.nn.GRU(x.shape[2], layer.units, batch_first=True)
    module.load_state_dict(torch_weights(layer))
    return torch_calls_of(lambda x: module(x)[1][0], module.parameters(), x)


def compiled_by_torch(layer, x):
    import torch

    if x.shape[1] > UNROLLED:
        return {}
    cell = torch.nn.GRUCell(x.shape[2], layer.units)
    cell.load_state_dict({k.removesuffix("_l0"): v for k, v in torch_weights(layer).items()})

    @torch.compile
    def last_state(x):
        h = x.new_zeros((x.shape[0], cell.hidden_size))
        for x_t in x.unbind(1):
            h = cell(x_t, h)
        return h

    return torch_calls_of(last_state, cell.parameters(), x)


PEERS = {
    "Keras, XLA": under_xla,
    "JAX": in_jax,
    "ONNX Runtime": in_onnx_runtime,
    "torch.nn.GRU": in_torch,
    "torch.compile": compiled_by_torch,
}


def make_peers(shape, names=PEERS):
    """Return the functions to time, by kind and by name, all with the same weights.

    Raises:
        AssertionError: If two of them differ in the last state or in the gradient of the inputs.
    """
    batch, steps, features, units = shape
    keras.utils.set_random_seed(0)
    x = tf.random.stateless_normal((batch, steps, features), seed=(0, 0))
    theirs = keras.layers.GRU(units, bias_initializer="random_normal")
    ours = gru_tf.GRU(units)
    for layer in (theirs, ours):
        layer.build(x.shape)
    ours.set_weights(theirs.get_weights())
    by_name = {THEIRS: calls_of(theirs, x)}
    for name in names:
        try:
            by_name[name] = PEERS[name](theirs, x)
        except ImportError:
            by_name[name] = {}
    by_name |= {OURS: calls_of(ours, x), OURS_XLA: under_xla(ours, x)}
    for kind in ("train", "infer"):
        results = {name: calls[kind]() for name, calls in by_name.items() if kind in calls}
        for name, result in results.items():
            arrays = [r if kind == "infer" else r[0] for r in (result, results[THEIRS])]
            np.testing.assert_allclose(*map(np.asarray, arrays), rtol=0, atol=1e-4, err_msg=name)
    return {(kind, name): call for name, calls in by_name.items() for kind, call in calls.items()}


def beside_peers(shapes, rounds):
    """Return rows of shape, kind, and the seconds of all, None for what doesn't take part."""
    rows, names = [], (THEIRS, *PEERS, OURS, OURS_XLA)
    for shape in shapes:
        seconds = measure(make_peers(shape), rounds)
        for kind in ("train", "infer"):
            rows.append([shape, kind, *(seconds.get((kind, name)) for name in names)])
        keras.backend.clear_session()
    return rows


def compiling(shapes):
    """Return rows of shape and the seconds of a first training step under XLA, theirs and ours."""
    rows = []
    for i, (batch, steps, features, units) in enumerate([shapes[-1], *shapes]):
        x = tf.random.stateless_normal((batch, steps, features), seed=(0, 0))
        seconds = []
        for gru in (keras.layers.GRU, gru_tf.GRU):
            layer = gru(units)
            layer.build(x.shape)
            train = under_xla(layer, x)["train"]
            start = time.perf_counter()
            train()
            seconds.append(time.perf_counter() - start)
        if i:  # the first pays for what TensorFlow loads once
            rows.append([[batch, steps, features, units], *seconds])
        keras.backend.clear_session()
    return rows


def plain_model(steps, features, units, gru):
    model = keras.Sequential(
        [
            keras.Input((steps,)),
            keras.layers.Embedding(NUM_WORDS, features),
            gru(units),
            keras.layers.Dense(1, activation="sigmoid"),
        ]
    )
    model.compile("adam", "binary_crossentropy")
    return model


def sentiment_model(_, features, units, gru):
    return build_sentiment_classifier(NUM_WORDS, features, units, gru=gru)


MODELS = [  # name, builder, shape
    *(("embedding, GRU, dense", plain_model, shape) for shape in FEW),
    ("`build_sentiment_classifier`, masked", sentiment_model, FEW[1]),
]


def in_models(shapes, rounds, turn):
    """Return rows of model, shape, and seconds, theirs and ours: of the first step, of that of a
    further model of the same sizes, and of every other step.

    Args:
        turn: Number of this process: in every other one ours comes first.
    """
    grus = [(THEIRS, keras.layers.GRU), (OURS, gru_tf.GRU)][:: -1 if turn % 2 else 1]
    rng, rows = np.random.default_rng(0), []
    for name, build, (batch, steps, *sizes) in MODELS:
        if [batch, steps, *sizes] not in shapes:
            continue
        words = rng.integers(1, NUM_WORDS, (batch, steps), "int32")
        words[np.arange(steps) >= np.linspace(steps, 1, batch, dtype=int)[:, None]] = 0
        labels = rng.integers(0, 2, (batch, 1)).astype("float32")
        if not rows:  # so that neither pays for what TensorFlow loads once
            build(steps, *sizes, keras.layers.SimpleRNN).train_on_batch(words, labels)
        first, further, calls = {}, {}, {}
        for layer, gru in grus:
            for taken in (first, further):
                model = build(steps, *sizes, gru)
                calls[layer] = functools.partial(model.train_on_batch, words, labels)
                start = time.perf_counter()
                calls[layer]()
                taken[layer] = time.perf_counter() - start
        seconds = measure(calls, rounds)
        times = [by[layer] for by in (first, further, seconds) for layer in (THEIRS, OURS)]
        rows.append([name, [batch, steps, *sizes], *times])
        keras.backend.clear_session()
    return rows


PARTS = {
    part.__name__: part for part in (on_cores, in_precision, beside_peers, compiling, in_models)
}


def in_process(part, *arguments, cores=None):
    """Run a part in a new process, on so many cores, and return its rows."""
    print(part.__name__, *arguments[2:], flush=True)

    def limit():
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:cores])

    command = [sys.executable, __file__, "--part", json.dumps([part.__name__, *arguments])]
    run = subprocess.run(
        command,
        check=True,
        stdout=subprocess.PIPE,
        text=True,
        preexec_fn=limit if cores and hasattr(os, "sched_setaffinity") else None,
    )
    return json.loads(run.stdout.splitlines()[-1])


def written(values, form):
    return ["–" if value is None else f"{value:{form}}" for value in values]


def milliseconds(values):
    return written([None if value is None else 1e3 * value for value in values], ".1f")


def size_text(shape):
    return ", ".join(map(str, shape))


def summary(rows):
    """Say how our times compare with Keras' in rows of `time_layers`."""
    texts = []
    for word, kind in (("training", "train"), ("inference", "infer")):
        ratios = [ours / theirs for _, row_kind, theirs, ours in rows if row_kind == kind]
        mean = statistics.geometric_mean(ratios)
        texts.append(f"{word} {mean:.2f}, {max(ratios):.2f} in the worst line")
    return "; ".join(texts)


def beside_each_other(by_setting):
    """Return a table of rows of `time_layers` by setting."""
    heads = [SIZES, ""]
    for setting in by_setting:
        heads += [f"{setting}: {THEIRS}", OURS, "ours / Keras"]
    rows = []
    for lines in zip(*by_setting.values(), strict=True):
        row = [size_text(lines[0][0]), lines[0][1]]
        for *_, theirs, ours in lines:
            row += [*milliseconds([theirs, ours]), f"{ours / theirs:.2f}"]
        rows.append(row)
    return as_markdown(heads, rows)


def peers_table(rows):
    heads = [SIZES, "", THEIRS, *PEERS, OURS, OURS_XLA, "better of ours / best of the others"]
    table = []
    for shape, kind, *seconds in rows:
        ratio = min(seconds[-2:]) / min(value for value in seconds[:-2] if value)
        table.append([size_text(shape), kind, *milliseconds(seconds), f"{ratio:.2f}"])
    return as_markdown(heads, table)


def compiling_table(rows):
    heads = [SIZES, f"{THEIRS}, s", f"{OURS}, s"]
    return as_markdown(heads, [[size_text(shape), *written(v, ".1f")] for shape, *v in rows])


def models_tables(runs):
    """Return tables of first steps, of those of further models and of steps, over processes."""
    tables = []
    for column, form, scale in ((2, ".2f", 1), (4, ".2f", 1), (6, ".1f", 1e3)):
        table = []
        for lines in zip(*runs, strict=True):
            theirs, ours = zip(*(line[column : column + 2] for line in lines), strict=True)
            ratios = [b / a for a, b in zip(theirs, ours, strict=True)]
            table.append(
                [
                    lines[0][0],
                    size_text(lines[0][1]),
                    *written([scale * statistics.median(v) for v in (theirs, ours)], form),
                    f"{statistics.median(ratios):.2f}",
                    f"{min(ratios):.2f} to {max(ratios):.2f}",
                ]
            )
        unit = "s" if scale == 1 else "ms"
        heads = ["model", SIZES, f"{THEIRS}, {unit}", f"{OURS}, {unit}", "ours / Keras", "range"]
        tables.append(as_markdown(heads, table))
    return tables


def slower_lines(rows):
    """Say which rows of `time_layers` are slower than Keras' by more than `SLOWER`."""
    lines = [
        f"{kind} at {size_text(shape)} ({ours / theirs:.2f})"
        for shape, kind, theirs, ours in rows
        if ours > SLOWER * theirs
    ]
    return "; ".join(lines) or "none"


def versions():
    """Return the releases of the other libraries that are installed."""
    found = []
    for name in ("jax", "onnxruntime"):
        try:
            found.append(f"{name} {importlib.metadata.version(name)}")
        except importlib.metadata.PackageNotFoundError:
            continue
    return f" {', '.join(found)}." if found else ""


def number_of_cores(text):
    """Read a number of cores, of those there are, or "all"."""
    return count_cores() if text == "all" else min(count_cores(), number_from(1)(text))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--threads",
        nargs="+",
        type=number_of_cores,
        default=[1, min(2, count_cores()), count_cores()],
        help="numbers of cores to run on, or all",
    )
    parser.add_argument("--quick", action="store_true", help="few rounds at small shapes, to try")
    parser.add_argument("--docs", type=Path, default=Path("docs"), help="folder to write to")
    parser.add_argument("--part", type=json.loads, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.part:
        name, *arguments = options.part
        tf.get_logger().setLevel("ERROR")  # each shape is traced anew, as it should be
        print(json.dumps(PARTS[name](*arguments)))
        return
    rounds, processes = (1, 1) if options.quick else (3, PROCESSES)
    all_shapes, few = (FEW[1:], FEW[1:]) if options.quick else (SHAPES, FEW)
    by_cores = {
        f"{n} core{'s' if n > 1 else ''}": in_process(on_cores, all_shapes, rounds, n, cores=n)
        for n in sorted(set(options.threads))
    }
    peers = in_process(beside_peers, few if options.quick else PEERED, rounds)
    compiled = in_process(compiling, few if options.quick else PEERED)
    by_policy = {
        policy: in_process(in_precision, few, rounds, policy)
        for policy in ("mixed_bfloat16", "mixed_float16")
    }
    runs = [in_process(in_models, few, rounds, turn) for turn in range(processes)]
    first_steps, further, steps = models_tables(runs)
    fewest = next(iter(by_cores))
    page = f"""# The speed of the layer{vector_instructions()}, continued

Written by `make bench`, after [its first page](speed.md), which says what is timed and how:
{describe()}{versions()}
Everything here is with the reset gate after the product, and without a mask where none is named.

## On fewer cores

The process may use so many cores, and no more. Milliseconds a call. As a share of Keras' time,
geometric mean:

{chr(10).join(f"- {name}: {summary(rows)}." for name, rows in by_cores.items())}

Lines above {SLOWER} with {fewest}: {slower_lines(by_cores[fewest])}.

{beside_each_other(by_cores)}

## Beside other libraries

All in one process, with the same weights, after they gave the same last state and the same gradient
of the inputs. Milliseconds a call. Keras' layer and ours are also compiled by XLA, which is what
`model.compile(..., jit_compile=True)` does; JAX scans over the steps and is compiled by XLA too;
ONNX Runtime has inference only; `torch.compile` unrolls a loop over a `GRUCell`, and is left out
above {UNROLLED} steps, as each makes compiling longer. A dash is what doesn't take part.

{peers_table(peers)}

XLA pays for small layers and single sequences, most of whose time goes to TensorFlow's executor. It
compiles anew for every batch and length that it meets; seconds of a first training step:

{compiling_table(compiled)}

## In half precision

Keras' mixed policies: the layer gets and gives half precision, and its weights stay float32. Ours
computes in float32 and rounds at the end. Milliseconds a call.

{chr(10).join(f"- {name}: {summary(rows)}." for name, rows in by_policy.items())}

{beside_each_other(by_policy)}

## Whole models: the first step

A model that reads words, an embedding of {NUM_WORDS:,} of them, the GRU and one output, compiled
with Adam: seconds from there to the end of its first `train_on_batch`. Medians of new processes,
{len(runs)} in all, in each both layers, ours first in every other one.
Here and below "ours / Keras" is the median of the processes' own quotients, not the quotient of the
medians; the range is theirs, too.

{first_steps}

The same of a further model of the same sizes, as a search or another seed has it:

{further}

## Whole models: every other step

Milliseconds a `train_on_batch` of the same models, in the same processes.

{steps}
"""
    with replacing(options.docs / "speed_peers.md") as unfinished:
        unfinished.write_text(page, encoding="utf-8")
    print(f"written: {options.docs / 'speed_peers.md'}")


if __name__ == "__main__":
    run_command(main)
