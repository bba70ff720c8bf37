"""Compare MinGRU, whose gates never see the state, with the GRU: time, tasks and reviews.

    python benchmarks/parallel.py ways                    ways over time, for docs/parallel.md
    python benchmarks/parallel.py speed                   against the number of steps
    python benchmarks/parallel.py tasks                   streams of which one must keep track
    python benchmarks/parallel.py reviews                 film reviews

All but `ways`, which prints a table, write data/results/parallel_*.json.
"""

import argparse
import functools
import os
import time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np
import tensorflow as tf

import gru_tf
from gru_tf import datasets, min_gru
from gru_tf.checks import number_from
from gru_tf.commands import run_command
from results import as_markdown, run_table, write_results
from speed import measure

SHAPES = [(32, 500, 128, 128), (8, 4000, 64, 128)]  # batch, steps, features, units
STEPS = [50, 200, 1000, 4000, 16000]  # at batch 8, 64 features, 128 units


# Ways over time: functions from a, b (batch, time, units) to h_t = a_t * h_{t-1} + b_t.


def one_step_a_turn(a, b):
    a, b = (tf.transpose(v, (1, 0, 2)) for v in (a, b))
    array = tf.TensorArray(a.dtype, tf.shape(a)[0])

    def turn(i, h, array):
        h = a[i] * h + b[i]
        return i + 1, h, array.write(i, h)

    n = tf.shape(a)[0]
    start = (0, tf.zeros_like(a[0]), array)
    _, _, array = tf.while_loop(lambda i, *_: i < n, turn, start, maximum_iterations=n)
    return tf.transpose(array.stack(), (1, 0, 2))


def turns_of(size):
    """Return the loop with `size` steps a turn, which are written out."""

    def run(a, b):
        batch, steps, units = a.shape
        n = -(-steps // size)
        ends = [[0, n * size - steps], [0, 0], [0, 0]]
        a, b = (tf.pad(tf.transpose(v, (1, 0, 2)), ends) for v in (a, b))
        a, b = (tf.reshape(v, (n, size, batch, units)) for v in (a, b))
        array = tf.TensorArray(a.dtype, n)

        def turn(i, h, array):
            states = []
            for a_t, b_t in zip(tf.unstack(a[i]), tf.unstack(b[i]), strict=True):
                h = a_t * h + b_t
                states.append(h)
            return i + 1, h, array.write(i, tf.stack(states))

        start = (0, tf.zeros((batch, units), a.dtype), array)
        _, _, array = tf.while_loop(lambda i, *_: i < n, turn, start, maximum_iterations=n)
        states = tf.reshape(array.stack(), (n * size, batch, units))[:steps]
        return tf.transpose(states, (1, 0, 2))

    return run


def under_xla(scan):
    return tf.function(scan, jit_compile=True, autograph=False)


def associative_scan(a, b):
    def after(left, right):
        return left[0] * right[0], right[0] * left[1] + right[1]

    return keras.ops.associative_scan(after, (a, b), axis=1)[1]


def chunks(a, b, h=None, size=16):
    """All chunks at once, step by step; their ends the same way; then again from the ends."""
    batch, steps, units = a.shape
    h = tf.zeros((batch, units), a.dtype) if h is None else h
    if steps <= size:
        states = []
        for a_t, b_t in zip(tf.unstack(a, axis=1), tf.unstack(b, axis=1), strict=True):
            h = a_t * h + b_t
            states.append(h)
        return tf.stack(states, 1)
    n = -(-steps // size)
    ends = [[0, 0], [0, n * size - steps], [0, 0]]
    a = tf.reshape(tf.pad(a, ends, constant_values=1), (batch, n, size, units))
    b = tf.reshape(tf.pad(b, ends), (batch, n, size, units))
    a, b = tf.unstack(a, axis=2), tf.unstack(b, axis=2)
    whole_a, whole_b = a[0], b[0]
    for a_t, b_t in zip(a[1:], b[1:], strict=True):
        whole_a, whole_b = a_t * whole_a, a_t * whole_b + b_t
    after = chunks(whole_a, whole_b, h, size)  # the state after each chunk
    h = tf.concat([h[:, None], after[:, :-1]], 1)
    states = []
    for a_t, b_t in zip(a, b, strict=True):
        h = a_t * h + b_t
        states.append(h)
    return tf.reshape(tf.stack(states, 2), (batch, n * size, units))[:, :steps]


def log_space(a, b):
    """The paper's way for positive b: cumulative sums of logarithms."""
    log_a = tf.cumsum(tf.math.log(a), 1)
    return tf.exp(log_a + tf.math.cumulative_logsumexp(tf.math.log(b) - log_a, 1))


def bidiagonal(a, b):
    """Solve h_t - a_t h_{t-1} = b_t, all steps of a unit as one system."""
    a, b = (tf.transpose(v, (0, 2, 1)) for v in (a, b))
    diagonals = tf.stack([tf.zeros_like(a), tf.ones_like(a), -a], 2)
    h = tf.linalg.tridiagonal_solve(
        diagonals, b, diagonals_format="compact", partial_pivoting=False
    )
    return tf.transpose(h, (0, 2, 1))


WAYS = {
    "loop, 1 step a turn": one_step_a_turn,
    "loop, 8 steps a turn": turns_of(8),
    "loop, 32 steps a turn": turns_of(32),
    "loop, 1 step a turn, under XLA": under_xla(one_step_a_turn),
    "keras.ops.associative_scan": associative_scan,
    "chunks of 16, scanned and joined": chunks,
    "chunks of 16, under XLA": under_xla(chunks),
    "log space, cumulative sums": log_space,
    "a bidiagonal system a unit": bidiagonal,
}


def with_gradient(scan):
    """Give a way over time its backward pass: itself, reversed."""

    @tf.custom_gradient
    def run(a, b):
        h = tf.ensure_shape(scan(a, b), a.shape)  # a library may have lost it

        def backward(dh):
            dh = tf.ensure_shape(dh, a.shape)
            later = tf.concat([a[:, 1:], tf.ones_like(a[:, :1])], 1)
            db = tf.reverse(backward_scan(tf.reverse(later, [1]), tf.reverse(dh, [1])), [1])
            before = tf.concat([tf.zeros_like(h[:, :1]), h[:, :-1]], 1)
            return db * before, db

        return h, backward

    # A gradient has both signs, and so no logarithm.
    backward_scan = chunks if scan is log_space else scan
    return run


def training_step(states, x, weights):
    def step():
        with tf.GradientTape() as tape:
            tape.watch([x, *weights])
            loss = tf.reduce_sum(states(x, *weights) ** 2)
        return tape.gradient(loss, [x, *weights])

    return tf.function(step, autograph=False)


def make_training_steps(shape, ways):
    """Return a function for each way, and for both layers, that takes a training step."""
    batch, steps, features, units = shape
    x = tf.random.stateless_normal((batch, steps, features), seed=(0, 0))
    calls = {}
    for name, layer in (("gru_tf.GRU", gru_tf.GRU(units)), ("gru_tf.MinGRU", gru_tf.MinGRU(units))):
        layer.build(x.shape)
        weights = [w.value for w in layer.trainable_variables]
        calls[name] = training_step(lambda x, *_, f=layer: f(x, training=True), x, weights)
    for name, scan in ways.items():
        g = min_gru.log_space_candidate if scan is log_space else tf.identity
        scan = with_gradient(scan)

        def states(x, kernel, bias, scan=scan, g=g):
            a_z, a_h = tf.split(tf.matmul(x, kernel) + bias, 2, axis=2)
            z = tf.sigmoid(a_z)
            return scan(1 - z, z * g(a_h))[:, -1]

        calls[name] = training_step(states, x, weights)
    return calls


def time_ways(rounds):
    rows = {name: [name] for name in ["gru_tf.GRU", "gru_tf.MinGRU", *WAYS]}
    for shape in SHAPES:
        seconds = measure(make_training_steps(shape, WAYS), rounds)
        for name, value in seconds.items():
            share = value / seconds["gru_tf.GRU"]
            rows[name].append(f"{1e3 * value:.0f} ({share:.2f})")
    heads = ["training step, ms (as a share of gru_tf.GRU)", *(str(s)[1:-1] for s in SHAPES)]
    print(as_markdown(heads, rows.values()))


def time_lengths(rounds):
    rows = []
    for steps in STEPS:
        x = tf.random.stateless_normal((8, steps, 64), seed=(0, 0))
        calls = {}
        for layer in (gru_tf.GRU(128), gru_tf.MinGRU(128)):
            layer.build(x.shape)
            name = f"gru_tf.{type(layer).__name__}"
            weights = [w.value for w in layer.trainable_variables]
            train = training_step(lambda x, *_, f=layer: f(x, training=True), x, weights)
            calls["training step", name] = train
            calls["inference", name] = tf.function(lambda x=x, f=layer: f(x), autograph=False)
        for (kind, name), seconds in measure(calls, rounds).items():
            rows.append(
                {"layer": name, "kind": kind, "steps": steps, "ms": round(1e3 * seconds, 2)}
            )
            print(rows[-1], flush=True)
        keras.backend.clear_session()
    return rows


# Tasks: streams with an answer after every step.


def make_streams(task, n, steps, rng):
    """Return inputs (n, steps, features) and the answer after each step, (n, steps)."""
    if task == "parity":
        bits = rng.integers(0, 2, (n, steps))
        return bits[:, :, None].astype("float32"), bits.cumsum(1) % 2
    if task == "turns":  # a quarter turn to the right, or none: the direction that one looks to
        turns = rng.integers(0, 2, (n, steps))
        return turns[:, :, None].astype("float32"), turns.cumsum(1) % 4
    marked = rng.random((n, steps)) < 0.1
    marked[:, 0] = True
    values = rng.integers(0, 4, (n, steps))
    last = np.maximum.accumulate(np.where(marked, np.arange(steps), 0), axis=1)
    x = np.concatenate([np.eye(4)[values], marked[:, :, None]], 2).astype("float32")
    return x, np.take_along_axis(values, last, 1)


TASKS = {"last marked value": 600, "parity": 600, "turns": 1500}  # batches of training
MODELS = {  # layer, units, layers
    "GRU": (gru_tf.GRU, 64, 1),
    "MinGRU": (gru_tf.MinGRU, 64, 1),
    "MinGRU, 256 units": (gru_tf.MinGRU, 256, 1),
    "MinGRU, 2 layers": (gru_tf.MinGRU, 64, 2),
    "MinGRU, 3 layers": (gru_tf.MinGRU, 64, 3),
}


def build_tracker(layer, units, layers, n_x):
    h = inputs = keras.Input((None, n_x))
    for _ in range(layers):
        h = layer(units, return_sequences=True)(h)
    h = keras.layers.Dense(64, activation="relu")(h)  # a read-out that is not linear
    model = keras.Model(inputs, keras.layers.Dense(4)(h))
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    # Without XLA, which would compile anew for every length.
    model.compile(keras.optimizers.Adam(0.004), loss, jit_compile=False)
    return model


def right(model, x, answers):
    """Return the share of right answers at each step."""
    return (model.predict_on_batch(x).argmax(-1) == answers).mean(0)


def train_tracker(model, task, batches, rng):
    """Train on streams that get longer, up to 20 to 40 steps; each is seen once."""
    for number in range(batches):
        longest = int(np.ceil(3 + 37 * min(1, number / (0.8 * batches))))
        steps = int(rng.integers(longest // 2, longest + 1))
        model.train_on_batch(*make_streams(task, 64, steps, rng))


def run_task(task, name, seed):
    """Train on streams of up to 40 steps; judge on streams of 200."""
    keras.utils.set_random_seed(seed)
    rng, judge = np.random.default_rng(seed), np.random.default_rng(10_000 + seed)
    test = make_streams(task, 500, 200, judge)
    model = build_tracker(*MODELS[name], n_x=test[0].shape[2])
    start = time.perf_counter()
    train_tracker(model, task, TASKS[task], rng)
    seconds = time.perf_counter() - start
    by_step = right(model, *test)
    return {
        "task": task,
        "model": name,
        "seed": seed,
        "weights": model.count_params(),
        "seconds": round(seconds, 1),
        "steps 1 to 40": round(float(by_step[:40].mean()), 3),
        "steps 161 to 200": round(float(by_step[160:].mean()), 3),
    }


# Reviews: the sentiment of whole texts.

READERS = {  # layer, layers
    "GRU": (gru_tf.GRU, 1),
    "MinGRU": (gru_tf.MinGRU, 1),
    "MinGRU, 2 layers": (gru_tf.MinGRU, 2),
}


def build_reader(layer, layers):
    word_ids = keras.Input((None,), dtype="int32")
    h = keras.layers.Embedding(10_000, 64, mask_zero=True)(word_ids)
    for _ in range(layers):
        h = layer(64, return_sequences=True)(h)
    h = keras.layers.GlobalAveragePooling1D()(h)
    model = keras.Model(word_ids, keras.layers.Dense(1, activation="sigmoid")(h))
    settings = dict(loss="binary_crossentropy", metrics=["accuracy"], jit_compile=False)
    model.compile(keras.optimizers.Adam(2e-3), **settings)
    return model


def run_reviews(name, seed, reviews, n=5000, epochs=2):
    keras.utils.set_random_seed(seed)
    model = build_reader(*READERS[name])
    train = datasets.bucket_by_length(reviews.x_train[:n], reviews.y_train[:n], seed=seed)
    test = datasets.bucket_by_length(reviews.x_test, reviews.y_test, 250, shuffle=False)
    model.fit(train, epochs=1, steps_per_epoch=2, shuffle=False, verbose=0)  # trace it
    keras.utils.set_random_seed(seed)
    model.set_weights(build_reader(*READERS[name]).get_weights())
    start = time.perf_counter()
    model.fit(train, epochs=epochs, shuffle=False, verbose=0)
    seconds = time.perf_counter() - start
    start = time.perf_counter()
    accuracy = model.evaluate(test, verbose=0)[1]
    return {
        "model": name,
        "seed": seed,
        "seconds of training": round(seconds, 1),
        "seconds of reading the test": round(time.perf_counter() - start, 1),
        "accuracy": round(float(accuracy), 4),
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", choices=["ways", "speed", "tasks", "reviews"])
    what = "the seeds to run: rows of others are dropped"
    parser.add_argument("--seeds", type=number_from(0), nargs="+", default=[0, 1, 2], help=what)
    parser.add_argument("--rounds", type=number_from(1), default=11)
    options = parser.parse_args()
    if options.what == "ways":
        time_ways(options.rounds)
        return
    if options.what == "speed":
        rows = time_lengths(options.rounds)
        command = "python benchmarks/parallel.py speed"
        print(f"written: {write_results('parallel_speed', command, rows)}")
    elif options.what == "tasks":
        tasks(options.seeds)
    else:
        reviews(options.seeds)


def tasks(seeds):
    """Run each task with each model. What is stored and not stale is not run again."""
    plan = [
        ({"task": task, "model": name, "seed": seed}, functools.partial(run_task, task, name, seed))
        for seed in seeds
        for task in TASKS
        for name in MODELS
    ]
    run_table("parallel_tasks", plan, run_alone)


def reviews(seeds):
    """Run each reader of reviews, as `tasks` does."""
    data = datasets.load_imdb(maxlen=200)
    plan = [
        ({"model": name, "seed": seed}, functools.partial(run_reviews, name, seed, data))
        for seed in seeds
        for name in READERS
    ]
    run_table("parallel_reviews", plan, run_alone)


def run_alone(run, _):
    """Run, and forget the graphs of the run."""
    row = run()
    keras.backend.clear_session()
    return row


if __name__ == "__main__":
    run_command(main)
