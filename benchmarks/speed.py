"""Time gru_tf.GRU beside what one would take instead: one process, turn by turn, medians.

    make bench
    python benchmarks/speed.py [--rounds 3] [--docs docs]

Writes speed.md and speed.png. PyTorch takes part where it is installed.
"""

import argparse
import datetime
import functools
import os
import platform
import statistics
import subprocess
import sys
import time
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import tensorflow as tf
from matplotlib.figure import Figure

import gru_tf
from gru_tf import recurrence
from gru_tf.atomic import replacing
from gru_tf.checks import number_from
from gru_tf.commands import run_command
from gru_tf.plots import PALETTE
from results import as_markdown

try:
    import torch
except ImportError:
    torch = None

HOW = """\
A training step is the forward and the backward pass of the layer alone, from a loss on
its last state to the gradients of its weights and inputs. The floor is the time of the
products that no GRU can do without, at the speed that this machine multiplies large
matrices with. PyTorch takes part where it is installed. Fewer cores, other libraries, half
precision, first steps and whole models are on [a page of their own](speed_peers.md)."""

SHAPES = [  # batch, steps, features, units
    (32, 500, 128, 128),
    (32, 100, 64, 64),
    (128, 200, 128, 256),
    (8, 1000, 32, 256),
    (64, 28, 12, 32),
    (1, 200, 128, 128),
    (32, 100, 128, 512),
]
STEPS = [50, 200, 1000, 4000]  # at batch 32, 128 features, 128 units
LAYERS = {
    "keras.layers.GRU": keras.layers.GRU,
    "RNN(GRUCell)": lambda units, reset_after: keras.layers.RNN(
        keras.layers.GRUCell(units, reset_after=reset_after)
    ),
    "gru_tf.GRU": gru_tf.GRU,
}
VECTORS = {"avx512f": "AVX-512", "avx2": "AVX2"}  # flags of Linux, the widest first
QUICK = 0.2  # seconds: what takes longer isn't run twice a round
OURS, THEIRS = "gru_tf.GRU", "keras.layers.GRU"


def make_calls(shape, reset_after=True, masked=False, names=LAYERS):
    """Return the functions to time, by kind ("train", "infer") and by layer."""
    batch, steps, features, units = shape
    x = tf.random.stateless_normal((batch, steps, features), seed=(0, 0))
    lengths = tf.linspace(float(steps), 1.0, batch) if masked else tf.fill([batch], float(steps))
    lengths = tf.cast(lengths, tf.int32)
    mask = tf.sequence_mask(lengths, steps) if masked else None
    calls = {}
    for name in names:
        layer = LAYERS[name](units, reset_after=reset_after)
        layer.build(x.shape)
        calls |= {(kind, name): call for kind, call in calls_of(layer, x, mask).items()}
    if torch and reset_after and names is LAYERS:
        by_kind = make_torch_calls(x, lengths if masked else None, units)
        calls |= {(kind, "torch.nn.GRU"): call for kind, call in by_kind.items()}
    return calls


def gradients_of(layer, x, mask=None):
    """Return what a training step computes: gradients of the inputs and of the weights."""
    weights = [weight.value for weight in layer.trainable_variables]
    with tf.GradientTape() as tape:
        tape.watch(x)
        loss = tf.reduce_sum(layer(x, mask=mask, training=True) ** 2)
    return tape.gradient(loss, [x, *weights])


def calls_of(layer, x, mask=None, **options):
    """Return by kind what a layer is timed at, each a `tf.function` with these options."""

    def train():
        return gradients_of(layer, x, mask)

    def infer():
        return layer(x, mask=mask)

    return {"train": tf.function(train, **options), "infer": tf.function(infer, **options)}


def make_torch_calls(x, lengths, units):
    layer = torch.nn.GRU(x.shape[2], units, batch_first=True)

    def last_state(x):
        if lengths is not None:
            x = torch.nn.utils.rnn.pack_padded_sequence(
                x, torch.tensor(lengths.numpy()), batch_first=True, enforce_sorted=False
            )
        return layer(x)[1][0]

    return torch_calls_of(last_state, layer.parameters(), x)


def torch_calls_of(last_state, parameters, x):
    """Return the same of a function of PyTorch's, from inputs to the last state."""
    x, parameters = torch.tensor(x.numpy(), requires_grad=True), list(parameters)

    def train():
        return torch.autograd.grad((last_state(x) ** 2).sum(), [x, *parameters])

    def infer():
        with torch.inference_mode():
            return last_state(x)

    return {"train": train, "infer": infer}


def measure(calls, rounds, budget=4):
    """Return the median seconds of each call, all of them run once a round.

    From the second round on there is, before each timed run of a quick call, one that isn't,
    so that no layer pays for what the one before it left in the caches and threads. There are
    `rounds` at least, and more, up to 100, until `budget` seconds have passed.
    """
    seconds = {key: [] for key in calls}
    for call in calls.values():
        call()  # trace
    begin = time.perf_counter()
    for done in range(max(rounds, 100)):
        if done >= rounds and time.perf_counter() - begin > budget:
            break
        for key, call in calls.items():
            if done and seconds[key][-1] < QUICK:
                call()
            start = time.perf_counter()
            call()
            seconds[key].append(time.perf_counter() - start)
    return {key: statistics.median(values) for key, values in seconds.items()}


def matrix_speed():
    """Return how many floating-point operations a second a large product runs at."""
    a = tf.random.stateless_normal((2000, 2000), seed=(0, 0))
    product = tf.function(lambda: tf.matmul(a, a))
    return 2 * 2000**3 / measure({"product": product}, 9)["product"]


def operations(shape, kind):
    """Return the operations of the products with the inputs' and the state's weights."""
    batch, steps, features, units = shape
    forward = 2 * batch * steps * (features + units) * 3 * units
    return forward if kind == "infer" else 3 * forward  # each has two gradients


def time_parts(shape, rounds, speed):
    """Time what a training step is made of, each part alone; return rows of a table."""
    batch, steps, features, units = shape
    n_steps = recurrence.steps_in_turn(batch, units, steps)
    draw = functools.partial(tf.random.stateless_normal, seed=(0, 0))
    U_T = tf.linalg.qr(draw((3 * units, units)))[0]  # (3 * units, units), U U^T = 1
    U = tf.split(tf.transpose(U_T), 3, axis=1)
    x, h, da = (draw((batch * n_steps, size)) for size in (features, units, units))
    W = draw((features, units))
    W_T = tf.transpose(W)

    def chain(h):
        gates = tf.concat([tf.matmul(h, weights) for weights in U], 1)
        return tf.matmul(gates, U_T)  # a step forward and one back

    def products(v):
        results = []
        for gate in range(3):  # added to its factors, or TensorFlow would multiply once for all
            results += [tf.matmul(x + v + gate, W), tf.matmul(da + v + gate, W_T)]
            results += [tf.matmul(left + v + gate, da, transpose_a=True) for left in (x, h)]
        return 1e-9 * tf.add_n([result[0, 0] for result in results])

    def repeat(n, function, start):
        def loop():
            return tf.while_loop(lambda i, _: i < n, lambda i, v: (i + 1, function(v)), (0, start))

        return tf.function(loop)

    calls = {"train": make_calls(shape, names=[OURS])["train", OURS]}
    calls["chain"] = repeat(steps, chain, h[:batch])
    calls["products"] = repeat(steps // n_steps, products, 0.0)
    seconds = {name: 1e3 * value for name, value in measure(calls, rounds).items()}
    return [
        [
            "all products at the machine's speed: the floor",
            1e3 * operations(shape, "train") / speed,
        ],
        ["products with the state, step by step, forward and back", seconds["chain"]],
        ["products with inputs and weights, a turn at a time", seconds["products"]],
        ["the training step", seconds["train"]],
    ]


def peak_memory(name):
    """Return the MB that a first, short training step adds to a new process at its peak, and
    those that training steps over each of `STEPS` then add: medians of three processes.
    """
    command = [sys.executable, __file__, "--memory", name]
    runs = [subprocess.run(command, check=True, capture_output=True, text=True) for _ in range(3)]
    values = [map(float, run.stdout.split()) for run in runs]
    return [statistics.median(column) for column in zip(*values, strict=True)]


def print_memory(name):
    layer = LAYERS[name](128, reset_after=True)
    layer.build((32, None, 128))

    @tf.function(input_signature=[tf.TensorSpec((32, None, 128))])
    def train(x):
        return gradients_of(layer, x)

    peaks = [peak_of_this_process()]
    for n in (17, *STEPS):
        x = tf.random.stateless_normal((32, n, 128), seed=(0, 0))
        for _ in range(3):
            train(x)
        peaks.append(peak_of_this_process())
    start, first, *others = peaks
    print(first - start, *(peak - first for peak in others))


def peak_of_this_process():
    """Return the largest resident memory so far, in MB, as Linux tells it."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) / 1024


def time_grid(rounds, speed):
    """Time all shapes in all settings; return rows of a table and the ratios to Keras."""
    rows, ratios = [], {"train": {}, "infer": {}}
    for reset_after in (True, False):
        for masked in (False, True):
            setting = f"reset {'after' if reset_after else 'before'}"
            setting += ", masked" if masked else ""
            for shape in SHAPES:
                seconds = measure(make_calls(shape, reset_after, masked), rounds)
                for kind, by_shape in ratios.items():
                    theirs, ours = seconds[kind, THEIRS], seconds[kind, OURS]
                    floor = operations(shape, kind) / speed
                    by_shape[setting, shape] = ours / theirs
                    others = [
                        seconds.get((kind, name)) for name in ("RNN(GRUCell)", "torch.nn.GRU")
                    ]
                    cells = [theirs, *others, ours, floor]
                    cells = ["–" if cell is None else f"{1e3 * cell:.1f}" for cell in cells]
                    numbers = [f"{ours / theirs:.2f}", f"{floor / ours:.2f}"]
                    rows.append([setting, str(shape)[1:-1], kind, *cells, *numbers])
                    print("  ".join(rows[-1]), flush=True)
                keras.backend.clear_session()
    return rows, ratios


def of_form(ratios, form):
    """Return the geometric means of the ratios of one form of the GRU, masked or not."""
    return {
        kind: statistics.geometric_mean(
            ratio for (setting, _), ratio in by_shape.items() if setting.startswith(form)
        )
        for kind, by_shape in ratios.items()
    }


def time_steps(rounds):
    """Time and weigh training steps over sequences of several lengths.

    Return the rows of a table, and what a first training step weighs with both layers.
    """
    memory = [peak_memory(name) for name in (THEIRS, OURS)]
    first, *by_steps = zip(*memory, strict=True)
    rows = []
    for steps, weighed in zip(STEPS, by_steps, strict=True):
        calls = make_calls((32, steps, 128, 128), names=[THEIRS, OURS])
        seconds = measure({key: calls[key] for key in calls if key[0] == "train"}, rounds)
        rows.append([steps, *(1e3 * seconds["train", name] for name in (THEIRS, OURS)), *weighed])
        print("  ".join(f"{value:.1f}" for value in rows[-1]), flush=True)
    return rows, first


def draw(ratios, by_steps, path):
    figure = Figure(figsize=(12, 4), layout="constrained")
    left, middle, right = figure.subplots(1, 3, width_ratios=[1.6, 1, 1])
    for i, (kind, values) in enumerate(ratios.items()):
        label = "training step" if kind == "train" else "inference"
        for j, shape in enumerate(SHAPES):
            points = [ratio for (_, s), ratio in values.items() if s == shape]
            y = [j + 0.2 * i - 0.1] * len(points)
            left.plot(points, y, "o", color=PALETTE[i], alpha=0.7, label=None if j else label)
    left.axvline(1, color="black", linewidth=1)
    left.set(xlim=(0, None), xlabel="time, as a share of keras.layers.GRU")
    left.set_ylim(len(SHAPES) - 0.4, -0.6)
    left.set_yticks(range(len(SHAPES)), [" × ".join(map(str, shape)) for shape in SHAPES])
    left.set_title("batch × steps × features × units, four settings each", fontsize=10)
    figure.legend(*left.get_legend_handles_labels(), loc="outside lower left", ncols=2)
    for ax, column, unit in ((middle, 1, "milliseconds"), (right, 3, "MB at the peak")):
        for offset, name in enumerate((THEIRS, OURS)):
            values = [row[column + offset] for row in by_steps]
            ax.loglog(STEPS, values, "o-", color=PALETTE[1 - offset], label=name)
        ax.set(xlabel="steps", ylabel=unit)
        ax.set_title("training step, 32 × steps × 128 × 128", fontsize=9)
    middle.legend()
    with replacing(path) as unfinished:
        figure.savefig(unfinished, dpi=120, format="png")


def count_cores():
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()


def describe():
    versions = f"TensorFlow {tf.__version__}, Keras {keras.__version__}"
    versions += f", PyTorch {torch.__version__}" if torch else ""
    processor = f"{platform.machine()}{vector_instructions()}"
    return f"{datetime.date.today()}, {count_cores()} cores, {processor}, {versions}."


def vector_instructions(cpuinfo=Path("/proc/cpuinfo")):
    """Say which vectors the processor multiplies, where the system tells."""
    flags = cpuinfo.read_text().split() if cpuinfo.exists() else []
    widest = [name for flag, name in VECTORS.items() if flag in flags][:1]
    return f" with {widest[0]}" if widest else ""


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--rounds", type=number_from(1), default=3, help="timed rounds a shape, at least"
    )
    parser.add_argument("--docs", type=Path, default=Path("docs"), help="folder to write to")
    parser.add_argument("--memory", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.memory:
        print_memory(options.memory)
        return
    speed = matrix_speed()
    rows, ratios = time_grid(options.rounds, speed)
    parts = time_parts(SHAPES[0], options.rounds, speed)
    by_steps, first = time_steps(options.rounds)
    after, before = (of_form(ratios, form) for form in ("reset after", "reset before"))
    worst = {kind: max(v.values()) for kind, v in ratios.items()}
    heads = ["setting", "batch, steps, features, units", "", THEIRS, "RNN(GRUCell)", "torch.nn.GRU"]
    heads += [OURS, "floor", "ours / Keras", "floor / ours"]
    steps_heads = ["steps", f"{THEIRS}, ms", f"{OURS}, ms", f"{THEIRS}, MB", f"{OURS}, MB"]
    text = f"""# The speed of the layer{vector_instructions()}

Written by `make bench`: {describe()}
This machine multiplies large matrices at {speed / 1e9:.0f} GFLOP/s.

{HOW}

Milliseconds a call, medians of {options.rounds} rounds or more, all layers in turn in each.

As a share of Keras' time, geometric mean over the lines with the reset gate after the product,
Keras' default: training {after["train"]:.2f}, inference {after["infer"]:.2f}; before it: training
{before["train"]:.2f}, inference {before["infer"]:.2f}. The worst line: training
{worst["train"]:.2f}, inference {worst["infer"]:.2f}.

![Time as a share of Keras', and time and memory against the number of steps](speed.png)

{as_markdown(heads, rows)}

## Where the time goes

The parts of a training step at {", ".join(map(str, SHAPES[0]))}, each timed alone. In the step
itself some of the products run beside the chain of states, on another core; what is left are
the gates' elementwise functions, copies, and TensorFlow's own work for each operation.

{as_markdown(["part", "ms"], [[name, f"{value:.1f}"] for name, value in parts])}

## Against the number of steps

A training step at batch 32, 128 features and 128 units; the memory is what it adds to the peak
of a process that has run one over 17 steps. That first one, which loads what every later one
uses, adds {first[0]:.0f} MB with {THEIRS} and {first[1]:.0f} MB with {OURS}.

{as_markdown(steps_heads, [[row[0], *(f"{v:.0f}" for v in row[1:])] for row in by_steps])}
"""
    with replacing(options.docs / "speed.md") as unfinished:
        unfinished.write_text(text, encoding="utf-8")
    draw(ratios, by_steps, options.docs / "speed.png")
    print(f"written: {options.docs / 'speed.md'}, {options.docs / 'speed.png'}")


if __name__ == "__main__":
    run_command(main)
