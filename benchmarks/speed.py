"""Time gru_tf.GRU beside keras.layers.GRU: one process, turn by turn, medians.

    python benchmarks/speed.py [--rounds 15]

Each row is one shape; each column the seconds of a call and the ratio to Keras. A
training step is the forward and the backward pass of the layer alone, from a loss on its
last state to the gradients of its weights and inputs.
"""

import argparse
import os
import statistics
import time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import tensorflow as tf

import gru_tf

SHAPES = [  # batch, steps, features, units
    (32, 500, 128, 128),
    (32, 100, 64, 64),
    (128, 200, 128, 256),
    (8, 1000, 32, 256),
    (64, 28, 12, 32),
    (1, 200, 128, 128),
]
LAYERS = {"keras": keras.layers.GRU, "gru_tf": gru_tf.GRU}


def make_calls(shape, reset_after, masked):
    """Return the compiled functions to time, by layer and by kind."""
    batch, steps, features, units = shape
    x = tf.random.stateless_normal((batch, steps, features), seed=(0, 0))
    lengths = tf.linspace(1.0, float(steps), batch) if masked else tf.fill([batch], float(steps))
    mask = tf.sequence_mask(tf.cast(lengths, tf.int32), steps) if masked else None
    calls = {}
    for name, gru in LAYERS.items():
        layer = gru(units, reset_after=reset_after)
        layer.build(x.shape)

        def train(layer=layer):
            weights = [weight.value for weight in layer.trainable_variables]
            with tf.GradientTape() as tape:
                tape.watch(x)
                loss = tf.reduce_sum(layer(x, mask=mask, training=True) ** 2)
            return tape.gradient(loss, [x, *weights])

        calls["train", name] = tf.function(train)
        calls["infer", name] = tf.function(lambda layer=layer: [layer(x, mask=mask)])
    return calls


def measure(calls, rounds):
    """Return the median seconds of each call, all of them run once a round."""
    seconds = {key: [] for key in calls}
    for turn in range(rounds + 2):
        for key, call in calls.items():
            start = time.perf_counter()
            call()[0].numpy()
            if turn >= 2:  # the first two rounds trace and warm up
                seconds[key].append(time.perf_counter() - start)
    return {key: statistics.median(values) for key, values in seconds.items()}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=15, help="timed rounds a shape")
    rounds = parser.parse_args().rounds
    print("milliseconds a call, medians of", rounds, "rounds, and the ratio to Keras")
    heads = f"{'keras':>8}{'gru_tf':>8}{'ratio':>7}"
    print(f"{'batch, steps, features, units':32}{'train':>23}{'infer':>23}")
    print(f"{'':32}{heads}{heads}")
    ratios = {"train": [], "infer": []}
    for reset_after in (True, False):
        for masked in (False, True):
            print(f"reset_after={reset_after}, {'masked' if masked else 'not masked'}")
            for shape in SHAPES:
                seconds = measure(make_calls(shape, reset_after, masked), rounds)
                row = f"  {shape!s:30}"
                for kind, values in ratios.items():
                    theirs, ours = (1e3 * seconds[kind, name] for name in LAYERS)
                    values.append(ours / theirs)
                    row += f"{theirs:8.1f}{ours:8.1f}{ours / theirs:7.2f}"
                print(row, flush=True)
    for kind, values in ratios.items():
        print(f"geometric mean of the ratios, {kind}: {statistics.geometric_mean(values):.2f}")


if __name__ == "__main__":
    main()
