"""Film reviews: a tutorial's own code against this package's, to an accuracy and step by step.

    python benchmarks/imdb.py race [--seeds 0 1 2] [--source keras]
    python benchmarks/imdb.py cost [--rounds 7]

`race` trains three codes until all have reached a validation accuracy, and writes
data/results/imdb_race.json and, as a table, docs/imdb.md (with Keras' reviews,
imdb_race_keras.json alone). `cost` takes the steps from the tutorial's code to ours one by one,
times each, and writes data/results/imdb_cost.json.
"""

import argparse
import os
import time
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np

import gru_tf
from gru_tf.atomic import replacing
from gru_tf.checks import number_from
from gru_tf.commands import run_command
from gru_tf.datasets import bucket_by_length, load_imdb, load_results, pad_left
from gru_tf.models import build_peak_sentiment_classifier, build_sentiment_classifier
from results import ORIGINS, as_markdown, write_results

HOW = """\
All train in one process on the same reviews, turn by turn: 4,000 reviews each, 125
batches of 32, then the validation accuracy is measured, which is not counted. A race
ends once all have reached the target, or after the last pass. The tutorial's code, with
vectors of 128 and 128 units, pads every review to 500 words on the left and has no mask.
The second has its sizes, its read-out and its learning rate, but batches by length, a
mask and this package's layer. The third has vectors of 64 and 32 units, reads the peaks
as well, and learns at 0.002; it has no dropout, which pays later than the first pass."""

TURN = 4000  # reviews


class Tutorial:
    """Embedding(10000, 128), GRU(128), Adam: as the tutorial writes them."""

    features, units = 128, 128

    def __init__(self):
        self.model = keras.Sequential(
            [
                keras.layers.Embedding(10_000, 128),
                keras.layers.GRU(128),
                keras.layers.Dense(1, activation="sigmoid"),
            ]
        )
        self.model.compile("adam", "binary_crossentropy", metrics=["accuracy"])

    def train(self, x, y, seed):
        return self.model.fit(x, y, batch_size=32, shuffle=False, verbose=0)

    def measure(self, x, y):
        return self.model.evaluate(x, y, batch_size=250, verbose=0)[1]

    @staticmethod
    def prepare(x):
        return pad_left(x)


class Mended:
    """The tutorial's sizes and learning rate, in batches by length, with a mask and our layer."""

    features, units = 128, 128

    def __init__(self):
        self.model = build_sentiment_classifier(10_000, 128, 128, gru=gru_tf.GRU)

    def train(self, x, y, seed):
        data = bucket_by_length(x, y, batch_size=32, seed=seed)
        return self.model.fit(data, shuffle=False, verbose=0)

    def measure(self, x, y):
        data = bucket_by_length(x, y, batch_size=250, shuffle=False)
        return self.model.evaluate(data, verbose=0)[1]

    @staticmethod
    def prepare(x):
        return x


class Ours(Mended):
    """A small GRU, its last state and its peaks, in batches by length."""

    features, units = 64, 32

    def __init__(self):
        self.model = build_peak_sentiment_classifier(dropout=0.0, word_dropout=0.0, gru=gru_tf.GRU)


def multiplications_a_word(kind):
    """Return those of the GRU's matrices, forwards."""
    return 3 * kind.units * (kind.features + kind.units)


class Runner:
    """One of the three, with its clock and its best weights."""

    def __init__(self, kind, reviews):
        self.kind = kind()
        self.x, self.x_valid, self.x_test = map(
            kind.prepare, (reviews.x_train, reviews.x_valid, reviews.x_test)
        )
        self.reviews = reviews
        self.name = kind.__name__.lower()
        self.seconds, self.curve, self.best, self.weights = 0.0, [], 0.0, None

    def turn(self, rows, seed):
        """Train on these rows, and measure."""
        x, y = self.x[rows], self.reviews.y_train[rows]
        start = time.perf_counter()
        self.kind.train(x, y, seed)
        self.seconds += time.perf_counter() - start
        accuracy = float(self.kind.measure(self.x_valid, self.reviews.y_valid))
        self.curve.append((round(self.seconds, 2), round(accuracy, 4)))
        if accuracy > self.best:
            self.best, self.weights = accuracy, self.kind.model.get_weights()

    def test(self):
        """Return the accuracy on the held-out reviews, by the weights of the best turn."""
        self.kind.model.set_weights(self.weights)
        return float(self.kind.measure(self.x_test, self.reviews.y_test))

    def seconds_to(self, target):
        return next((seconds for seconds, accuracy in self.curve if accuracy >= target), None)


def race(reviews, seed, target, passes):
    """Return a row for each of the three."""
    keras.utils.set_random_seed(seed)
    runners = [Runner(kind, reviews) for kind in (Tutorial, Mended, Ours)]
    rng = np.random.default_rng(seed)
    n_turns = len(reviews.x_train) // TURN
    for number in range(passes * n_turns):
        if number % n_turns == 0:
            order = rng.permutation(len(reviews.x_train))
        rows = order[number % n_turns * TURN :][:TURN]
        for runner in runners:
            runner.turn(rows, seed=number)
            seconds, accuracy = runner.curve[-1]
            print(f"seed {seed}  {runner.name:8} {(number + 1) * TURN:7,} reviews", end="  ")
            print(f"{seconds:7.1f} s   validation accuracy {accuracy:.4f}", flush=True)
        if all(runner.seconds_to(target) for runner in runners):
            break
    return [
        {
            "seed": seed,
            "code": runner.name,
            "multiplications_a_word": multiplications_a_word(runner.kind),
            "seconds_a_pass": round(
                runner.seconds / (len(runner.curve) * TURN) * len(reviews.x_train), 1
            ),
            "seconds_to_target": runner.seconds_to(target),
            "target": target,
            "best_validation_accuracy": round(runner.best, 4),
            "test_accuracy": round(runner.test(), 4),
            "curve": runner.curve,
        }
        for runner in runners
    ]


def cost(reviews, rounds, turn=1000):
    """Return a row for each step from the tutorial's code to ours, all timed in turn."""

    def embed_and_read(layer, mask, features=128, units=128):
        model = keras.Sequential(
            [
                keras.layers.Embedding(10_000, features, mask_zero=mask),
                layer(units),
                keras.layers.Dense(1, activation="sigmoid"),
            ]
        )
        model.compile("adam", "binary_crossentropy", metrics=["accuracy"])
        return model

    keras.utils.set_random_seed(0)
    small = {"features": 64, "units": 32}
    steps = {
        "the tutorial: GRU(128) on 128, padded to 500": embed_and_read(keras.layers.GRU, False),
        "batches by length, with a mask": embed_and_read(keras.layers.GRU, True),
        "gru_tf.GRU in the place of Keras'": embed_and_read(gru_tf.GRU, True),
        "GRU(32) on 64": embed_and_read(gru_tf.GRU, True, **small),
        "the peaks, too": Ours().model,
    }
    seconds = {step: [] for step in steps}
    for number in range(rounds + 1):  # the first compiles, and isn't counted
        rows = np.random.default_rng(number).choice(len(reviews.x_train), turn, replace=False)
        x, y = reviews.x_train[rows], reviews.y_train[rows]
        for step, model in steps.items():
            padded = step.startswith("the tutorial")
            batches = None if padded else list(bucket_by_length(x, y, 32, seed=0))
            start = time.perf_counter()
            if padded:
                model.fit(pad_left(x), y, batch_size=32, shuffle=False, verbose=0)
            else:
                for ids, labels in batches:
                    model.train_on_batch(ids, labels)
            seconds[step].append(time.perf_counter() - start)
    n_turns = len(reviews.x_train) / turn
    return [
        {
            "step": step,
            "seed": 0,
            "seconds_a_pass": round(float(np.median(times[1:])) * n_turns, 1),
            "fastest": round(min(times[1:]) * n_turns, 1),
            "slowest": round(max(times[1:]) * n_turns, 1),
        }
        for step, times in seconds.items()
    ]


def write_page(results, path):
    """Write the results of a race as a page with a table."""
    target, machine = results["rows"][0]["target"], results["machine"]
    heads = ["seed", "code", "multiplications a word", "s a pass", f"s to {target}"]
    heads += ["best validation", "held-out"]
    keys = ["seed", "code", "multiplications_a_word", "seconds_a_pass", "seconds_to_target"]
    keys += ["best_validation_accuracy", "test_accuracy"]
    table = as_markdown(heads, [[row[key] for key in keys] for row in results["rows"]])
    text = (
        f"# Film reviews: seconds to a validation accuracy of {target}\n\n"
        f"Written by `{results['command']}`: {results['date']}, {machine['cores']} cores, "
        f"TensorFlow {machine['versions']['tensorflow']}, Keras {machine['versions']['keras']}.\n\n"
        f"{HOW}\n\n{table}\n"
    )
    with replacing(path) as unfinished:
        unfinished.write_text(text, encoding="utf-8")


def run_race(options):
    reviews = load_imdb(options.source)
    name = "imdb_race" if options.source == "package" else "imdb_race_keras"
    command = "python benchmarks/imdb.py race" + (" --source keras" if "keras" in name else "")
    rows = []
    for seed in options.seeds:
        rows += race(reviews, seed, options.target, options.passes)
        write_results(name, command, rows, range(len(rows)))
    if options.source == "package":
        write_page(load_results(name), Path("docs/imdb.md"))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", choices=("race", "cost"))
    parser.add_argument("--source", default="package", choices=["package", "keras"])
    what = "the seeds to run: rows of others are dropped"
    parser.add_argument("--seeds", type=number_from(0), nargs="+", default=[0, 1, 2], help=what)
    parser.add_argument("--target", type=float, default=0.87, help="validation accuracy")
    parser.add_argument(
        "--passes", type=number_from(1), default=3, help="largest number, over all reviews"
    )
    parser.add_argument("--rounds", type=number_from(1), default=7, help="of the cost: %(default)s")
    options = parser.parse_args()
    if options.what == "race":
        run_race(options)
    else:
        rows = cost(load_imdb(), options.rounds)
        write_results("imdb_cost", ORIGINS["imdb_cost"].command, rows, range(len(rows)))
        print(*rows, sep="\n")


if __name__ == "__main__":
    run_command(main)
